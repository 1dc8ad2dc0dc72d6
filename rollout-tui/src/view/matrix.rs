//! How many devices of each kind run which version.
//!
//! Deliberately not here: other pairs than the server counts. Invariant: rows and columns have
//! their sums, and what does not fit is in `others`.

use super::{height, panel, put, width};
use crate::app::Model;
use crate::theme::Tone;
use crate::view::say;
use crate::widget::Row;
use crate::words::figure::{figure, share};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use rollout_http::body::v1::CensusBody;
use unicode_width::UnicodeWidthStr as _;

/// Columns of a number, and of the sign of its density behind it.
const fn cell_wide(room: usize) -> usize {
    if room < 60 { 9 } else { 12 }
}

/// The screen.
pub fn matrix(model: &Model, area: Rect, buffer: &mut Buffer) {
    let palette = model.look.palette;
    let Some(census) = &model.data.census else {
        let inside = panel(palette, area, buffer, "Census", "");
        put(buffer, inside, say::awaited(model, "counting", width(inside)));
        return;
    };
    let title = format!("Census  {} × {}", census.row, census.column);
    let aside = format!("{} devices counted · r other rows", figure(census.total, 10));
    let inside = panel(palette, area, buffer, &title, &aside);
    let room = width(inside).saturating_sub(1);
    let name = census.rows.iter().map(|row| row.width()).max().unwrap_or(0).clamp(8, room / 4 + 8);
    let wide = cell_wide(room);
    let fits = (room.saturating_sub(name + wide + 1) / wide).max(1);
    let shown = census.columns.len().min(fits);
    let shown = if shown < census.columns.len() { shown.saturating_sub(1).max(1) } else { shown };
    let mut lines = vec![head(model, census, name, shown, room)];
    let at = model.seat.line.min(census.rows.len().saturating_sub(1));
    for place in super::window(census.rows.len(), at, height(inside).saturating_sub(2)) {
        lines.push(row(model, census, place, name, shown, room, place == at));
    }
    lines.push(foot(model, census, name, shown, room));
    put(buffer, inside, lines);
}

fn cell(census: &CensusBody, row: usize, column: usize) -> u64 {
    census.cells.get(row).and_then(|cells| cells.get(column)).copied().unwrap_or(0)
}

fn rest(census: &CensusBody, row: usize, shown: usize) -> u64 {
    (shown..census.columns.len()).map(|column| cell(census, row, column)).sum()
}

fn head(
    model: &Model,
    census: &CensusBody,
    name: usize,
    shown: usize,
    room: usize,
) -> Line<'static> {
    let row = Row::new(model.look.palette, room).gap(1).cell(Tone::Quiet, &census.row, name);
    let columns = census.columns.iter().take(shown);
    let row = columns
        .fold(row, |row, column| row.number(Tone::Quiet, format!("{column}  "), cell_wide(room)));
    let row = if shown < census.columns.len() {
        row.number(Tone::Quiet, "others  ", cell_wide(room))
    } else {
        row
    };
    row.number(Tone::Title, "all", cell_wide(room)).line()
}

/// A row; how dense a cell is shows beside its number.
fn row(
    model: &Model,
    census: &CensusBody,
    at: usize,
    name: usize,
    shown: usize,
    room: usize,
    chosen: bool,
) -> Line<'static> {
    let total: u64 = (0..census.columns.len()).map(|column| cell(census, at, column)).sum();
    let label = census.rows.get(at).map_or("", String::as_str);
    let row = Row::new(model.look.palette, room).gap(1).cell(Tone::Title, label, name);
    let wide = cell_wide(room);
    let number = |row: Row, count: u64| {
        let (glyph, tone) = density(count, total);
        row.number(tone, format!("{} {glyph}", figure(count, wide - 3)), wide)
    };
    let row = (0..shown).fold(row, |row, column| number(row, cell(census, at, column)));
    let row = if shown < census.columns.len() { number(row, rest(census, at, shown)) } else { row };
    let row = row.number(Tone::Plain, figure(total, wide - 1), wide);
    if chosen { row.chosen() } else { row.line() }
}

/// How much of a row a cell is.
fn density(count: u64, total: u64) -> (char, Tone) {
    let share = count as f64 / total.max(1) as f64;
    match share {
        _ if count == 0 => ('·', Tone::Quiet),
        share if share >= 0.5 => ('█', Tone::Plain),
        share if share >= 0.2 => ('▓', Tone::Plain),
        share if share >= 0.05 => ('▒', Tone::Plain),
        _ => ('░', Tone::Plain),
    }
}

fn foot(
    model: &Model,
    census: &CensusBody,
    name: usize,
    shown: usize,
    room: usize,
) -> Line<'static> {
    let sum = |column: usize| -> u64 {
        (0..census.rows.len()).map(|row| cell(census, row, column)).sum()
    };
    let row = Row::new(model.look.palette, room).gap(1).cell(Tone::Title, "all", name);
    let wide = cell_wide(room);
    let text = |count: u64| format!("{}  ", share(count, census.total));
    let row = (0..shown).fold(row, |row, column| row.number(Tone::Title, text(sum(column)), wide));
    let row = if shown < census.columns.len() {
        let rest: u64 = (shown..census.columns.len()).map(sum).sum();
        row.number(Tone::Title, text(rest), wide)
    } else {
        row
    };
    row.number(Tone::Title, figure(census.total, wide - 1), wide).line()
}
