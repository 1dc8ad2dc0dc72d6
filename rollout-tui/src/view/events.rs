//! What happened, newest first.
//!
//! Deliberately not here: the journal itself. Invariant: what a filter or the everyday leaves out
//! is said.

use super::{height, panel, put, width};
use crate::app::{Model, is_routine};
use crate::theme::Tone;
use crate::view::say;
use crate::widget::Row;
use crate::words::figure::exact;
use crate::words::spaced;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;
use rollout_http::body::v1::EventLine;

/// An event in a line.
pub fn line(model: &Model, event: &EventLine, room: usize, names: bool) -> Row {
    let name = event.rollout.as_ref().map(|id| model.name_of(id)).unwrap_or_default();
    let names_wide = if names { (room / 5).clamp(0, 24) } else { 0 };
    let row = Row::new(model.look.palette, room)
        .put(Tone::Quiet, format!("{}  ", model.zone().time(event.at_ms)));
    let row = if names_wide >= 10 { row.cell(Tone::Moving, name, names_wide).gap(2) } else { row };
    row.put(tone(event), sentence(model, event))
}

fn tone(event: &EventLine) -> Tone {
    let says = |word: &str| event.summary.contains(word);
    if ["halt", "HALTED", "failed", "rolled_back", "came back"].into_iter().any(says) {
        Tone::Bad
    } else if is_routine(event) {
        Tone::Quiet
    } else {
        Tone::Plain
    }
}

/// The sentence, with the rollout's name instead of its id.
fn sentence(model: &Model, event: &EventLine) -> String {
    let summary = match (event.kind.as_str(), event.summary.rsplit_once(": ")) {
        ("reported", Some((device, said))) => format!("{device}: {}", spaced(said)),
        (_, _) => event.summary.clone(),
    };
    let said = match &event.rollout {
        // Where the name is said, the id in brackets is of no use.
        Some(id) => {
            summary.replace(&format!(" ({id})"), "").replace(id.as_str(), &model.name_of(id))
        }
        None => summary,
    };
    say::readable(model, &said)
}

/// The pane below other things.
pub fn latest(model: &Model, area: Rect, buffer: &mut Buffer) {
    let events = model.data.events.newest().filter(|event| !is_routine(event));
    pane(model, "Events", events, area, buffer, Names::Shown);
}

/// The same for one rollout.
pub fn of_rollout(model: &Model, id: &str, area: Rect, buffer: &mut Buffer) {
    let of = |event: &&EventLine| event.rollout.as_deref() == Some(id);
    let events = model.data.events.newest().filter(of).filter(|event| !is_routine(event));
    pane(model, "Events of this rollout", events, area, buffer, Names::Left);
}

/// Whether the rollout of an event is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Names {
    Shown,
    Left,
}

fn pane<'m>(
    model: &Model,
    title: &str,
    events: impl Iterator<Item = &'m EventLine>,
    area: Rect,
    buffer: &mut Buffer,
    names: Names,
) {
    let palette = model.look.palette;
    let aside = skipped(model);
    let inside = panel(palette, area, buffer, title, &aside);
    let room = width(inside).saturating_sub(1);
    let lines = events.take(height(inside)).map(|event| {
        let mut line = line(model, event, room, names == Names::Shown).line();
        line.spans.insert(0, " ".into());
        line
    });
    let mut lines: Vec<Line<'static>> = lines.collect();
    if lines.is_empty() {
        lines.push(say::quiet(palette, " nothing since this screen was opened", room));
    }
    put(buffer, inside, lines);
}

fn skipped(model: &Model) -> String {
    match model.data.events.skipped() {
        0 => String::new(),
        skipped => format!("{} left out, too many to read", exact(skipped)),
    }
}

/// The screen.
pub fn events(model: &Model, area: Rect, buffer: &mut Buffer) {
    let palette = model.look.palette;
    let shown = model.shown_events();
    let filter = &model.seat.event_filter;
    let everyday = match model.seat.routine {
        crate::app::Routine::Hidden => "without everyday events (o)",
        crate::app::Routine::Shown => "everyday events too (o)",
    };
    let filter = if filter.is_empty() { String::new() } else { format!(", /{filter}") };
    let title = format!("Events  {}, {everyday}{filter}", exact(shown.len() as u64));
    let inside = panel(palette, area, buffer, &title, &skipped(model));
    let room = width(inside);
    if shown.is_empty() {
        let text = " none fits; / filters: words, kind:reported rollout:name device:id";
        put(buffer, inside, vec![say::quiet(palette, text, room)]);
        return;
    }
    let at = model.seat.line.min(shown.len() - 1);
    let range = super::window(shown.len(), at, height(inside));
    let lines = range.map(|place| {
        let event = shown[place];
        let names = room >= 70;
        let row = line(model, event, room, names).inset();
        if place == at { row.chosen() } else { row.line() }
    });
    put(buffer, inside, lines.collect());
}

/// The line of the list at a place.
pub fn line_at(model: &Model, area: Rect, at: Position) -> Option<usize> {
    list_at(area, at, model.shown_events().len(), model.seat.line, 0)
}

/// The line at a place of a list in a panel that fills an area, below `heads` lines.
pub fn list_at(area: Rect, at: Position, count: usize, cursor: usize, heads: u16) -> Option<usize> {
    let inside = super::inner(area);
    if !inside.contains(at) || at.y < inside.y + heads {
        return None;
    }
    let room = usize::from(inside.height.saturating_sub(heads));
    let range = super::window(count, cursor, room);
    let place = range.start + usize::from(at.y - inside.y - heads);
    (place < range.end).then_some(place)
}
