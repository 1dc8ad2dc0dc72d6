//! The first screen: is anyone being hurt, what does it wait for, what can be done.
//!
//! Deliberately not here: the parts, which other screens share. Invariant: whatever the size, the
//! chosen rollout's waiting-reason is there.

use super::panes::{Pane, shown};
use super::{events, fleet, gate, height, ladder, panel, put, say, width};
use crate::app::Model;
use crate::theme::Tone;
use crate::widget::{Row, wrapped};
use crate::words::figure::figure;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;
use rollout_http::body::v1::{RolloutBody, RolloutLine};
use unicode_width::UnicodeWidthStr as _;

/// Where the parts are.
struct Parts {
    fleet: Rect,
    list: Rect,
    chosen: Rect,
    third: Option<Rect>,
    events: Option<Rect>,
}

fn parts(model: &Model, area: Rect) -> Parts {
    let high = fleet::panel_height(area).min(area.height);
    let fleet = Rect { height: high, ..area };
    let events_high = if shown(Pane::Events, area) { (area.height / 5).clamp(5, 12) } else { 0 };
    let middle = Rect { y: area.y + high, height: area.height - high - events_high, ..area };
    let events = (events_high > 0).then(|| Rect {
        y: middle.y + middle.height,
        height: events_high,
        ..area
    });
    if !shown(Pane::Beside, area) {
        let rows = u16::try_from(model.lines().len()).unwrap_or(u16::MAX).max(1);
        let list_high = rows.saturating_add(2).min(middle.height / 3).max(3).min(middle.height);
        let list = Rect { height: list_high, ..middle };
        let chosen = Rect { y: middle.y + list_high, height: middle.height - list_high, ..middle };
        return Parts { fleet, list, chosen, third: None, events };
    }
    let columns = if shown(Pane::Third, area) { 3 } else { 2 };
    let wide = if columns == 3 { middle.width * 3 / 10 } else { middle.width * 45 / 100 };
    let list = Rect { width: wide, ..middle };
    let rest = Rect { x: middle.x + wide, width: middle.width - wide, ..middle };
    if columns == 2 {
        return Parts { fleet, list, chosen: rest, third: None, events };
    }
    let half = rest.width / 2;
    let chosen = Rect { width: half, ..rest };
    let third = Some(Rect { x: rest.x + half, width: rest.width - half, ..rest });
    Parts { fleet, list, chosen, third, events }
}

/// The screen.
pub fn overview(model: &Model, area: Rect, buffer: &mut Buffer) {
    let parts = parts(model, area);
    fleet::fleet(model, parts.fleet, area, buffer);
    list(model, parts.list, area, buffer);
    chosen(model, parts.chosen, area, parts.third, buffer);
    if let Some(place) = parts.events {
        events::latest(model, place, buffer);
    }
}

/// Lines of each rollout in the list.
fn lines_each(model: &Model, list: Rect, body: Rect) -> usize {
    let room = usize::from(list.height.saturating_sub(2));
    let fits = model.lines().len() * 2 <= room;
    if fits && shown(Pane::Reasons, body) && shown(Pane::Beside, body) { 2 } else { 1 }
}

fn list(model: &Model, area: Rect, body: Rect, buffer: &mut Buffer) {
    let palette = model.look.palette;
    let lines = model.lines();
    let all = model.all_lines().len();
    let title = if model.seat.rollout_filter.is_empty() {
        format!("Rollouts  {all}")
    } else {
        format!("Rollouts  {} of {all}, /{}", lines.len(), model.seat.rollout_filter)
    };
    let inside = panel(palette, area, buffer, &title, "");
    let room = width(inside);
    if lines.is_empty() {
        let text = if all == 0 { "none yet" } else { "none fits the search" };
        put(buffer, inside, wrapped(palette, Tone::Quiet, text, 1, room));
        return;
    }
    let each = lines_each(model, area, body);
    let at = chosen_at(model, &lines);
    let shown = super::window(lines.len(), at, (height(inside) / each).max(1));
    let mut text = Vec::new();
    for place in shown {
        let line = lines[place];
        let first = rollout(model, line, room, place == at);
        let second = (each == 2).then(|| reason(model, line, room, &first));
        text.push(first);
        text.extend(second);
    }
    put(buffer, inside, text);
}

fn chosen_at(model: &Model, lines: &[&RolloutLine]) -> usize {
    let chosen = model.seat.chosen.as_ref();
    lines.iter().position(|line| Some(&line.id) == chosen).unwrap_or(0)
}

/// A rollout in one line. Its name has what the fixed columns leave.
fn rollout(model: &Model, line: &RolloutLine, room: usize, is_chosen: bool) -> Line<'static> {
    let (glyph, word, tone) = say::phase(model, line);
    let (mark, verdict) = say::verdict(&line.verdict);
    let names = model.lines();
    let longest = names.iter().map(|line| line.name.width()).max().unwrap_or(0);
    let name = longest.clamp(8, room.saturating_sub(26).clamp(8, 40));
    let row = Row::new(model.look.palette, room)
        .put(Tone::Title, if is_chosen { "▸" } else { " " })
        .put(tone, format!("{glyph} "))
        .cell(Tone::Plain, &line.name, name)
        .gap(1)
        .cell(tone, word, 10)
        .cell(Tone::Plain, format!("{}/{}", line.rung, line.rungs), 5)
        .cell(verdict, format!("{mark} {}", line.verdict), 7);
    let (tone, text) = hurt(line);
    let row = row.whole(tone, &format!(" {text}"));
    if is_chosen { row.chosen() } else { row.line() }
}

/// How many were let on, and how many of them are bad.
fn hurt(line: &RolloutLine) -> (Tone, String) {
    let exposed = figure(line.counts.exposed, 7);
    match (fleet::bad(line), line.counts.exposed) {
        (0, 0) => (Tone::Quiet, "nobody exposed".into()),
        (0, _) => (Tone::Quiet, format!("0 bad of {exposed}")),
        (bad, _) => (Tone::Bad, format!("{} bad of {exposed}", figure(bad, 6))),
    }
}

/// The second line of a rollout: what it waits for, and how many are bad if that had no room.
fn reason(model: &Model, line: &RolloutLine, room: usize, first: &Line<'static>) -> Line<'static> {
    let (tone, text) = hurt(line);
    let row = Row::new(model.look.palette, room).gap(3);
    if fleet::bad(line) == 0 || first.to_string().contains(&text) {
        return row.put(Tone::Quiet, say::waiting(model, line)).line();
    }
    let words = room.saturating_sub(3 + text.width() + 2);
    let row = row.cell(Tone::Quiet, say::waiting(model, line), words);
    row.end(&[(tone, text), (Tone::Plain, " ".into())]).line()
}

fn chosen(model: &Model, area: Rect, body: Rect, third: Option<Rect>, buffer: &mut Buffer) {
    let palette = model.look.palette;
    let Some(line) = model.chosen_line() else {
        let inside = panel(palette, area, buffer, "No rollout", "");
        put(buffer, inside, beginning(model, width(inside)));
        return;
    };
    let inside = panel(palette, area, buffer, &line.name, &line.target);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    let room = width(inside);
    let Some(details) = model.chosen() else {
        let mut lines =
            vec![Row::new(palette, room).put(Tone::Hold, "◐ asking for its details …").line()];
        lines.extend(wrapped(palette, Tone::Title, &say::waiting(model, line), 0, room));
        put(buffer, inside, lines);
        return;
    };
    put(buffer, inside, summary(model, details, room, height(inside), body, third.is_none()));
    if let Some(area) = third {
        let inside = panel(palette, area, buffer, "Gates", &details.gate.verdict);
        let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
        put(buffer, inside, gates(model, details, width(inside), height(inside)));
    }
}

/// What comes first when there is nothing yet.
fn beginning(model: &Model, room: usize) -> Vec<Line<'static>> {
    const STEPS: [(&str, &str); 3] = [
        ("devices", "`rollout device enroll-token` lets them enroll"),
        ("a release", "`rollout release publish` signs and uploads one"),
        ("a rollout", "`rollout create PLAN --start` begins one"),
    ];
    let palette = model.look.palette;
    if !model.all_lines().is_empty() {
        return vec![say::quiet(palette, " none is chosen: ↑↓ choose, / searches", room)];
    }
    let step = |(what, how): &(&str, &str)| {
        let row = Row::new(palette, room).gap(1).cell(Tone::Title, *what, 11);
        row.put(Tone::Plain, *how).line()
    };
    STEPS.iter().map(step).collect()
}

/// Everything about the gates, as tall as there is room.
fn gates(model: &Model, body: &RolloutBody, room: usize, height: usize) -> Vec<Line<'static>> {
    let mut lines = gate::gate(model, body, room, height);
    lines.push(Line::default());
    lines.extend(gate::in_flight(model, body, room, true));
    lines.push(gate::way_back(model, body, room));
    let left = height.saturating_sub(lines.len() + 1);
    if left > 6 {
        lines.push(Line::default());
        lines.extend(gate::evidence_chart(model, body, room, left.min(28)));
    }
    lines
}

/// The chosen rollout: standing first, then as much of ladder, gates and charts as fits.
fn summary(
    model: &Model,
    body: &RolloutBody,
    room: usize,
    height: usize,
    screen: Rect,
    with_gates: bool,
) -> Vec<Line<'static>> {
    let palette = model.look.palette;
    let mut lines = ladder::standing(model, body, room);
    let rule = || Row::new(palette, room).put(Tone::Border, "─".repeat(room)).line();
    let left = height.saturating_sub(lines.len());
    let all = if shown(Pane::Ladder, screen) { body.ladder.len() } else { 1 };
    let rungs = left.saturating_sub(6).clamp(1, all.max(1));
    if left > 1 {
        lines.push(rule());
        lines.extend(ladder::ladder(model, body, room, rungs));
    }
    let left = height.saturating_sub(lines.len());
    if !with_gates {
        if left > 3 {
            lines.push(rule());
            lines.extend(super::rollout::devices(model, body, room));
        }
        return lines;
    }
    if left > 1 {
        lines.push(rule());
        lines.extend(gate::gate(model, body, room, left - 1).into_iter().take(left - 1));
    }
    let left = height.saturating_sub(lines.len());
    let flight = gate::in_flight(model, body, room, shown(Pane::InFlight, screen));
    lines.extend(flight.into_iter().take(left));
    let left = height.saturating_sub(lines.len());
    if left > 0 {
        lines.push(gate::way_back(model, body, room));
    }
    let left = height.saturating_sub(lines.len());
    if left > 7 && shown(Pane::Evidence, screen) {
        lines.push(rule());
        lines.extend(gate::evidence_chart(model, body, room, left - 1));
    }
    lines
}

/// The rollout at a place of the list.
pub fn rollout_at(model: &Model, area: Rect, at: Position) -> Option<String> {
    let list = parts(model, area).list;
    let inside = super::inner(list);
    if !inside.contains(at) {
        return None;
    }
    let lines = model.lines();
    let each = lines_each(model, list, area);
    let shown =
        super::window(lines.len(), chosen_at(model, &lines), (height(inside) / each).max(1));
    let place = shown.start + usize::from(at.y - inside.y) / each;
    lines.get(place).filter(|_| place < shown.end).map(|line| line.id.clone())
}
