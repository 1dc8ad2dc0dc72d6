//! One device: what it is, why it has the image or not, and what happened to it.
//!
//! Deliberately not here: the decision; the server's answer is shown as a list of checks in the
//! order in which it decides.
//!
//! Invariant: a check is ticked only if the server's answer implies it.

use super::devices::heard;
use super::{events, height, panel, put, width};
use crate::app::{DeviceNews, Model};
use crate::theme::Tone;
use crate::view::panes::{Pane, shown};
use crate::view::say;
use crate::widget::{Row, wrapped};
use crate::words::spaced;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use rollout_http::body::v1::{DeviceBody, ExplanationBody};

/// What is asked before a device is offered an image, in the order of `Rollout::admit`, with the
/// codes that say no.
const CHECKS: [(&str, &[&str]); 13] = [
    ("in service", &["EX-001"]),
    ("belongs to the cohort", &["EX-002"]),
    ("an image for its model", &["EX-003"]),
    ("not tried before", &["EX-008"]),
    ("not taken back by another rollout", &["EX-023", "EX-006"]),
    (
        "may install it",
        &[
            "EX-004", "EX-005", "EX-007", "EX-009", "EX-010", "EX-011", "EX-012", "EX-013",
            "EX-031", "EX-032",
        ],
    ),
    ("not on trial already", &["EX-024"]),
    ("release and manifest are in force", &["EX-014", "EX-015"]),
    ("no other rollout is at it", &["EX-017"]),
    ("its backend is served", &["EX-016"]),
    ("the rollout gives, and its turn has come", &["EX-018", "EX-019", "EX-029", "EX-030"]),
    ("there is room", &["EX-020", "EX-021", "EX-022"]),
    ("its window is open", &["EX-027", "EX-028"]),
];

/// The screen.
pub fn device(model: &Model, area: Rect, buffer: &mut Buffer) {
    let palette = model.look.palette;
    let asked = model.seat.device.as_deref().unwrap_or_default();
    let Some(news) = model.data.device.as_ref().filter(|news| news.device.id == asked) else {
        let inside = panel(palette, area, buffer, &format!("Device {asked}"), "");
        put(buffer, inside, say::awaited(model, "asking", width(inside)));
        return;
    };
    let facts = facts(model, &news.device, width(area).saturating_sub(4));
    let high = (facts.len() as u16 + 2).min(area.height);
    let top = Rect { height: high, ..area };
    let inside = narrow(panel(palette, top, buffer, &news.device.id, &news.device.standing));
    put(buffer, inside, facts);
    let rest = Rect { y: area.y + high, height: area.height - high, ..area };
    let (left, right) = if shown(Pane::Beside, area) {
        let half = rest.width / 2;
        let right = Rect { x: rest.x + half, width: rest.width - half, ..rest };
        (Rect { width: half, ..rest }, right)
    } else {
        let few = rest.height < 12;
        let half = if few { rest.height } else { rest.height * 3 / 5 };
        let low = Rect { y: rest.y + half, height: rest.height - half, ..rest };
        (Rect { height: half, ..rest }, low)
    };
    explain(model, news, left, buffer);
    if right.height > 2 {
        timeline(model, news, right, buffer);
    }
}

fn narrow(area: Rect) -> Rect {
    Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area }
}

fn facts(model: &Model, device: &DeviceBody, room: usize) -> Vec<Line<'static>> {
    let palette = model.look.palette;
    let (heard, tone) = heard(model, device);
    let runs = device.version.as_deref().unwrap_or("nothing it told us");
    let confirmed = match device.confirmed {
        Some(true) => " (confirmed)",
        Some(false) => " (on trial)",
        None => "",
    };
    let first = Row::new(palette, room)
        .put(Tone::Plain, format!("{} · {} · ", device.hardware, device.home))
        .put(Tone::Title, format!("runs {runs}{confirmed}"))
        .put(Tone::Quiet, " · ")
        .put(tone, heard);
    let mut lines = vec![first.line()];
    let counter = device.counter.map(|counter| format!("counter {counter}")).unwrap_or_default();
    let open = device.open.as_ref().map(|id| format!("rollout {} is at it", model.name_of(id)));
    let texts = [counter, open.unwrap_or_default()];
    let attributes: Vec<String> =
        device.attributes.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let said: Vec<&str> =
        texts.iter().map(String::as_str).chain(attributes.iter().map(String::as_str)).collect();
    let said: Vec<&str> = said.into_iter().filter(|text| !text.is_empty()).collect();
    if !said.is_empty() {
        let wrapped = wrapped(palette, Tone::Quiet, &said.join(" · "), 0, room);
        lines.extend(wrapped.into_iter().take(3));
    }
    lines
}

fn explain(model: &Model, news: &DeviceNews, area: Rect, buffer: &mut Buffer) {
    let palette = model.look.palette;
    let Some(said) = &news.explanation else {
        let inside = panel(palette, area, buffer, "Explain", "");
        let text = " no rollout is chosen: choose one on the overview";
        put(buffer, inside, vec![say::quiet(palette, text, width(inside))]);
        return;
    };
    let title = format!("Why, in {}", model.name_of(&said.rollout));
    let inside = narrow(panel(palette, area, buffer, &title, &spaced(&said.bucket)));
    let room = width(inside);
    let mut lines = verdict(model, said, room);
    // Whom its place keeps out the answer tells it already.
    if said.code.as_deref() != Some("EX-019") {
        let place = f64::from(said.position_bp) / 100.0;
        let order = format!("its place in the order is {place:.2} %, open to {}", said.open_to);
        lines.extend(wrapped(palette, Tone::Quiet, &order, 0, room));
    }
    lines.extend(execution(model, said, room));
    lines.push(Line::default());
    let mut checks = checks(model, said, room);
    let left = height(inside).saturating_sub(lines.len());
    if checks.len() > left {
        // Those that pass are many and alike: the ones before the answer go first.
        let failing = checks.iter().position(|(tone, _)| *tone != Tone::Good).unwrap_or(0);
        let from = (failing + 1).saturating_sub(left).min(checks.len().saturating_sub(left));
        checks.drain(..from);
    }
    lines.extend(checks.into_iter().map(|(_, line)| line));
    put(buffer, inside, lines);
}

fn verdict(model: &Model, said: &ExplanationBody, room: usize) -> Vec<Line<'static>> {
    let (glyph, tone) = match (&said.code, said.eligible) {
        (_, true) => ('●', Tone::Good),
        (None, false) => ('◐', Tone::Moving),
        (Some(code), false) if code.starts_with("EX-") => refusal(code),
        (Some(_), false) => ('◐', Tone::Hold),
    };
    let code = said.code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
    let text = format!("{glyph} {}{code}", say::readable(model, &said.verdict));
    wrapped(model.look.palette, tone, &text, 0, room)
}

/// How a no looks: one that only means later is no harm.
fn refusal(code: &str) -> (char, Tone) {
    match code {
        "EX-018" | "EX-019" | "EX-020" | "EX-021" | "EX-022" | "EX-027" | "EX-028" | "EX-029"
        | "EX-030" => ('◐', Tone::Hold),
        _ => ('✖', Tone::Bad),
    }
}

/// How it came through.
fn execution(model: &Model, said: &ExplanationBody, room: usize) -> Vec<Line<'static>> {
    let Some(one) = &said.execution else { return Vec::new() };
    let status = spaced(&one.status.to_lowercase());
    let mut text = format!("attempt {}: {status}", one.attempt);
    if let (Some(batch), Some(at)) = (one.batch, one.permitted_at) {
        let at = model.zone().moment(at.saturating_mul(1_000), model.server_now_ms());
        text.push_str(&format!(", permitted {at} in rung {batch}"));
    }
    if let Some(outcome) = &one.outcome {
        text.push_str(&format!(", counted as {outcome}"));
    }
    if let Some(failure) = &one.failure {
        text.push_str(&format!(": {failure}"));
    }
    wrapped(model.look.palette, Tone::Plain, &text, 0, room)
}

/// The answer as a list of checks.
fn checks(model: &Model, said: &ExplanationBody, room: usize) -> Vec<(Tone, Line<'static>)> {
    let code = said.code.as_deref().unwrap_or_default();
    let failing = CHECKS.iter().position(|(_, codes)| codes.contains(&code));
    let unknown = failing.is_none() && code.starts_with("EX-");
    let checks = CHECKS.iter().enumerate().map(|(at, (text, _))| {
        let (glyph, tone) = match failing {
            _ if unknown => ('·', Tone::Quiet),
            Some(no) if at == no => refusal(code),
            Some(no) if at > no => ('·', Tone::Quiet),
            Some(_) | None => ('✔', Tone::Good),
        };
        let row = Row::new(model.look.palette, room).put(tone, glyph.to_string()).gap(1);
        let row = row.put(if tone == Tone::Quiet { Tone::Quiet } else { Tone::Plain }, *text);
        (tone, row.line())
    });
    let mut checks: Vec<_> = checks.collect();
    if failing.is_none() && !unknown && !said.eligible {
        let text = format!("◐ leave to switch: {}", say::readable(model, &said.verdict));
        let row = Row::new(model.look.palette, room).put(Tone::Hold, text);
        checks.push((Tone::Hold, row.line()));
    }
    checks
}

fn timeline(model: &Model, news: &DeviceNews, area: Rect, buffer: &mut Buffer) {
    let palette = model.look.palette;
    let aside = format!("{} entries", news.events.len());
    let inside = panel(palette, area, buffer, "What happened to it", &aside);
    let room = width(inside).saturating_sub(1);
    let newest: Vec<_> = news.events.iter().rev().collect();
    let range = super::window(newest.len(), model.seat.line, height(inside));
    let now_ms = model.server_now_ms();
    let lines = range.map(|place| {
        let event = newest[place];
        let at = model.zone().near(event.at_ms, now_ms);
        let shown = events::line(model, event, room, false).line();
        let is_today = at.len() <= 5;
        let mut line = if is_today {
            shown
        } else {
            let row = Row::new(palette, room).put(Tone::Quiet, format!("{at}  "));
            row.put(Tone::Plain, say::readable(model, &event.summary)).line()
        };
        line.spans.insert(0, " ".into());
        line
    });
    let mut lines: Vec<Line<'static>> = lines.collect();
    if lines.is_empty() {
        lines.push(say::quiet(palette, " nothing is in the journal", room));
    }
    put(buffer, inside, lines);
}
