//! Every key of the screen one came from, made from the keymap; what cannot be done says why.
//!
//! Deliberately not here: the keys. Invariant: every binding of the mode is there.

use super::{footer, height, panel, put, width};
use crate::app::Model;
use crate::keymap::{self, Action, Binding, Mode};
use crate::theme::Tone;
use crate::widget::{Row, wrapped};
use crate::words::figure::wrap;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

/// Columns from which on keys and signs are beside each other.
const BESIDE: usize = 110;

/// The screen one came from.
fn mode(model: &Model) -> Mode {
    let before = model.seat.screens.iter().rev().nth(1);
    before.map_or(Mode::Overview, |screen| screen.mode())
}

/// The screen.
pub fn help(model: &Model, area: Rect, buffer: &mut Buffer) {
    let palette = model.look.palette;
    let who = model
        .data
        .me
        .as_ref()
        .map(|me| format!("you are {} ({})", me.principal, me.roles.join(", ")));
    let title = format!("Help: {}", mode(model).name());
    let inside = panel(palette, area, buffer, &title, &who.unwrap_or_default());
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    if width(inside) < BESIDE {
        let mut lines = keys(model, width(inside));
        lines.push(Line::default());
        lines.extend(rest(model, width(inside)));
        column(model, inside, buffer, lines);
        return;
    }
    let most = inside.width * 3 / 5;
    let left = Rect { width: most - 2, ..inside };
    let right = Rect { x: inside.x + most, width: inside.width - most, ..inside };
    column(model, left, buffer, keys(model, width(left)));
    column(model, right, buffer, rest(model, width(right)));
}

fn column(model: &Model, area: Rect, buffer: &mut Buffer, lines: Vec<Line<'static>>) {
    let last = lines.len().saturating_sub(height(area));
    let from = model.seat.line.min(last);
    put(buffer, area, lines.into_iter().skip(from).collect());
}

/// The keys of the screen.
fn keys(model: &Model, room: usize) -> Vec<Line<'static>> {
    keymap::bindings(mode(model)).flat_map(|binding| entry(model, binding, room)).collect()
}

/// Everything else.
fn rest(model: &Model, room: usize) -> Vec<Line<'static>> {
    let palette = model.look.palette;
    let mut lines = Vec::new();
    lines.push(Row::new(palette, room).put(Tone::Title, "In time travel").line());
    for binding in keymap::bindings(Mode::Travel) {
        lines.extend(entry(model, binding, room));
    }
    lines.push(Line::default());
    lines.push(Row::new(palette, room).put(Tone::Title, "Signs").line());
    for (sign, meaning) in SIGNS {
        let indent = keys_wide(room);
        for (at, text) in wrap(meaning, room.saturating_sub(indent)).into_iter().enumerate() {
            let sign = if at == 0 { *sign } else { "" };
            let row = Row::new(palette, room).cell(Tone::Key, sign, indent);
            lines.push(row.put(Tone::Plain, text).line());
        }
    }
    lines
}

const SIGNS: &[(&str, &str)] = &[
    ("● ◐ ✖ ○", "pass, hold, abort or halt, not looked at yet"),
    ("█ ▓ ✖ ·", "confirmed, permitted and not confirmed, bad, not yet"),
    ("├▪┤ ┆ ▸", "bounds of the rate, the observed rate, limits, beyond the axis"),
    ("• × ┄", "evidence for a pass, for an abort, and the limit of each"),
    ("▁▂▃▄▅▆▇█", "permits in flight; full is the cap"),
];

fn entry(model: &Model, binding: &Binding, room: usize) -> Vec<Line<'static>> {
    let palette = model.look.palette;
    let keys: Vec<String> = binding.keys.iter().map(|key| key.label()).collect();
    let why = match binding.action {
        Action::Order(kind) => footer::reason(model, kind),
        Action::Move(_)
        | Action::Go(_)
        | Action::List(_)
        | Action::Edit(_)
        | Action::Time(_)
        | Action::Open
        | Action::Back
        | Action::Acknowledge
        | Action::Explain
        | Action::Search
        | Action::Clock
        | Action::Submit
        | Action::Quit => None,
    };
    let tone = if why.is_some() { Tone::Disabled } else { Tone::Plain };
    let key = if why.is_some() { Tone::Disabled } else { Tone::Key };
    let keys = keys.join(" ");
    let indent = keys_wide(room);
    let mut lines = Vec::new();
    for (at, text) in wrap(binding.help, room.saturating_sub(indent)).into_iter().enumerate() {
        let keys = if at == 0 { keys.as_str() } else { "" };
        lines.push(Row::new(palette, room).cell(key, keys, indent).put(tone, text).line());
    }
    if let Some(why) = why {
        lines.extend(wrapped(palette, Tone::Hold, &format!("⊘ {why}"), indent, room));
    }
    lines
}

/// Columns of the keys.
const fn keys_wide(room: usize) -> usize {
    if room < 60 { 9 } else { 14 }
}
