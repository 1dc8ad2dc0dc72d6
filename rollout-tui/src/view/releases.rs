//! Releases: their state, channels, images and ways back.
//!
//! Deliberately not here: the plans of channels; `rollout channel show` has them.
//!
//! Invariant: a release without a way back says so.

use super::panes::{Pane, shown};
use super::{events, height, panel, put, width};
use crate::app::Model;
use crate::theme::Tone;
use crate::view::say;
use crate::widget::{Row, wrapped};
use crate::words::figure::exact;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;
use rollout_http::body::v1::ReleaseBody;

fn parts(area: Rect) -> (Rect, Option<Rect>) {
    if !shown(Pane::Beside, area) {
        return (area, None);
    }
    let half = area.width / 2;
    let right = Rect { x: area.x + half, width: area.width - half, ..area };
    (Rect { width: half, ..area }, Some(right))
}

/// The screen.
pub fn releases(model: &Model, area: Rect, buffer: &mut Buffer) {
    let palette = model.look.palette;
    let (left, right) = parts(area);
    let all = model.data.releases.as_ref().map(|releases| releases.releases.len());
    let filter = &model.seat.release_filter;
    let filter = if filter.is_empty() { String::new() } else { format!(", /{filter}") };
    let shown = model.shown_releases();
    let title = format!("Releases  {}{filter}", shown.len());
    let inside = panel(palette, left, buffer, &title, "");
    let room = width(inside);
    if shown.is_empty() {
        let text = match all {
            None => {
                put(buffer, inside, say::awaited(model, "asking", room));
                return;
            }
            Some(0) => "none yet: `rollout release publish` makes one",
            Some(_) => "none fits",
        };
        put(buffer, inside, wrapped(palette, Tone::Quiet, text, 1, room));
        return;
    }
    let at = model.seat.line.min(shown.len() - 1);
    let lines = super::window(shown.len(), at, height(inside)).map(|place| {
        let row = row(model, shown[place], room);
        if place == at { row.chosen() } else { row.line() }
    });
    put(buffer, inside, lines.collect());
    if let Some(right) = right {
        let one = shown[at];
        let inside = panel(palette, right, buffer, &one.release, &one.state);
        let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
        put(buffer, inside, details(model, one, width(inside)));
    }
}

fn state(release: &ReleaseBody) -> (char, Tone) {
    match release.state.as_str() {
        "published" => ('●', Tone::Good),
        "withdrawn" => ('✖', Tone::Bad),
        _ => ('○', Tone::Quiet),
    }
}

fn row(model: &Model, release: &ReleaseBody, room: usize) -> Row {
    let (glyph, tone) = state(release);
    let at = model.zone().near(release.at.saturating_mul(1_000), model.server_now_ms());
    let name = room.saturating_sub(43).clamp(14, 40);
    let back = match &release.way_back {
        Some(back) => (Tone::Quiet, format!("◂ {}", back.version)),
        None => (Tone::Hold, "no way back".to_string()),
    };
    Row::new(model.look.palette, room)
        .gap(1)
        .put(tone, format!("{glyph} "))
        .cell(Tone::Title, &release.release, name)
        .gap(1)
        .cell(tone, &release.state, 10)
        .cell(back.0, back.1, 12)
        .put(Tone::Quiet, at)
}

fn details(model: &Model, release: &ReleaseBody, room: usize) -> Vec<Line<'static>> {
    let palette = model.look.palette;
    let now = model.server_now_ms();
    let zone = model.zone();
    let row = |name: &str, text: String| {
        Row::new(palette, room).cell(Tone::Quiet, name, 11).put(Tone::Plain, text).line()
    };
    let at = zone.near(release.at.saturating_mul(1_000), now);
    let mut lines = vec![
        row("published", format!("{at} by {}, counter {}", release.by, release.counter)),
        row("from", release.from.clone().unwrap_or_else(|| "any version".into())),
    ];
    if let Some(why) = &release.withdrawn {
        lines.extend(wrapped(palette, Tone::Bad, &format!("✖ withdrawn: {why}"), 0, room));
    }
    match &release.way_back {
        Some(back) => lines.push(row(
            "way back",
            format!(
                "{}, counter {}, {}",
                back.version,
                back.counter,
                crate::words::count(back.artifacts.len() as u64, "image")
            ),
        )),
        None => lines.extend(wrapped(palette, Tone::Hold, "no way back was signed", 0, room)),
    }
    if let Some(source) = &release.source {
        lines.push(row("source", source.clone()));
    }
    lines.extend(channels(model, release, room));
    lines.push(Line::default());
    for artifact in &release.artifacts {
        let expires = artifact.expires.saturating_mul(1_000);
        let tone = if expires <= now { Tone::Bad } else { Tone::Quiet };
        let digest: String = artifact.image.chars().take(12).collect();
        lines.push(
            Row::new(palette, room)
                .put(Tone::Title, artifact.hardware.join(", "))
                .put(Tone::Plain, format!("  {} bytes  ", exact(artifact.image_bytes)))
                .put(Tone::Quiet, format!("{digest}…"))
                .line(),
        );
        let text = format!("  installable until {}", zone.moment(expires, now));
        lines.push(Row::new(palette, room).put(tone, text).line());
    }
    lines
}

/// The channels it was promoted to, and what came of that.
fn channels(model: &Model, release: &ReleaseBody, room: usize) -> Vec<Line<'static>> {
    let palette = model.look.palette;
    let row = |name: &str| Row::new(palette, room).cell(Tone::Quiet, name, 11);
    if release.promotions.is_empty() {
        return vec![row("channels").put(Tone::Quiet, "on none").line()];
    }
    let lines = release.promotions.iter().enumerate().map(|(at, one)| {
        let row = row(if at == 0 { "channels" } else { "" });
        let of = model.all_lines().iter().find(|line| line.id == one.rollout);
        let (glyph, word, tone) = match (of, one.has_passed) {
            (_, true) => ('✔', "passed".to_string(), Tone::Good),
            (Some(line), false) => say::phase(model, line),
            (None, false) => ('○', "not passed".to_string(), Tone::Quiet),
        };
        row.put(Tone::Title, format!("{}  ", one.channel))
            .put(tone, format!("{glyph} {word}"))
            .put(Tone::Quiet, format!("  by {}", model.name_of(&one.rollout)))
            .line()
    });
    lines.collect()
}

/// The line of the list at a place.
pub fn line_at(model: &Model, area: Rect, at: Position) -> Option<usize> {
    events::list_at(parts(area).0, at, model.shown_releases().len(), model.seat.line, 0)
}
