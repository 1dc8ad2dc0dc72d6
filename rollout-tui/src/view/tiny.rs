//! The least there is: name, phase, waiting-reason, bar.
//!
//! Deliberately not here: lists; ↑↓ still choose. Invariant: the waiting-reason comes before the
//! bar, and the bar before its words.

use super::{fleet, put, say, width};
use crate::app::Model;
use crate::theme::{Palette, Tone};
use crate::widget::{Part, Row, sum_bar, wrapped};
use crate::words::figure::{exact, figure, share};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use rollout_http::body::v1::RolloutLine;

/// The screen.
pub fn tiny(model: &Model, area: Rect, buffer: &mut Buffer) {
    let room = width(area);
    let mut lines = Vec::new();
    match model.chosen_line() {
        Some(line) => lines.extend(chosen(model, line, room)),
        None => lines.push(say::quiet(model.look.palette, " no rollout yet", room)),
    }
    lines.push(Line::default());
    lines.extend(all(model, room));
    put(buffer, area, lines);
}

fn chosen(model: &Model, line: &RolloutLine, room: usize) -> Vec<Line<'static>> {
    let palette = model.look.palette;
    let all = model.lines();
    let at = all.iter().position(|one| one.id == line.id).map_or(0, |at| at + 1);
    let (glyph, word, tone) = say::phase(model, line);
    let (mark, verdict) = say::verdict(&line.verdict);
    let place = format!(" {at} of {} ", all.len());
    let mut lines = vec![
        Row::new(palette, room)
            .put(
                Tone::Title,
                format!(
                    "▸ {}",
                    crate::words::figure::fit(&line.name, room.saturating_sub(place.len() + 3))
                ),
            )
            .end(&[(Tone::Quiet, place)])
            .line(),
        Row::new(palette, room)
            .gap(2)
            .put(tone, format!("{glyph} {word}"))
            .put(Tone::Plain, format!("  rung {}/{}  ", line.rung, line.rungs))
            .put(verdict, format!("{mark} {}", line.verdict))
            .line(),
    ];
    lines.extend(wrapped(palette, Tone::Title, &say::waiting(model, line), 2, room));
    if let Some(cause) = model.chosen().and_then(|body| body.cause.as_ref()) {
        let tone = if line.phase == "halted" { Tone::Bad } else { Tone::Hold };
        lines.extend(
            wrapped(palette, tone, &say::readable(model, cause), 2, room).into_iter().take(3),
        );
    }
    lines.extend(progress(palette, line, room));
    lines
}

/// What became of the devices that were let on.
fn progress(palette: Palette, line: &RolloutLine, room: usize) -> Vec<Line<'static>> {
    let counts = &line.counts;
    let bad = fleet::bad(line);
    let parts = [
        Part { count: counts.confirmed, glyph: '█', tone: Tone::Good },
        Part {
            count: counts.exposed.saturating_sub(counts.confirmed + bad),
            glyph: '▓',
            tone: Tone::Moving,
        },
        Part { count: bad, glyph: '✖', tone: Tone::Bad },
    ];
    let bar = sum_bar(palette, &parts, room.saturating_sub(4));
    let flight =
        format!("{} of {} confirmed", figure(counts.confirmed, 9), figure(counts.exposed, 9));
    let tone = if bad > 0 { Tone::Bad } else { Tone::Plain };
    let hurt = format!("  {} bad ({})", exact(bad), share(bad, counts.exposed));
    vec![
        Row::new(palette, room).gap(2).spans(bar).line(),
        Row::new(palette, room).gap(2).put(Tone::Plain, flight).put(tone, hurt).line(),
    ]
}

/// The fleet and whether anyone is hurt elsewhere.
fn all(model: &Model, room: usize) -> Vec<Line<'static>> {
    let palette = model.look.palette;
    let Some(overview) = &model.data.overview else { return Vec::new() };
    let parts = fleet::parts(&overview.fleet);
    let bare: Vec<Part> = parts.iter().map(|(_, part)| *part).collect();
    let bar = sum_bar(palette, &bare, room.saturating_sub(4));
    let reachable = &overview.fleet;
    let text =
        format!("{} of {} heard of", figure(reachable.reachable, 9), figure(reachable.total, 9));
    vec![
        Row::new(palette, room).gap(2).spans(bar).line(),
        Row::new(palette, room).gap(2).put(Tone::Quiet, text).line(),
        fleet::verdict(model, room.saturating_sub(1)),
    ]
}
