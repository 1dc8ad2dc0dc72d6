//! A bar whose parts sum to the whole.
//!
//! Deliberately not here: what the parts are. Invariants: the cells of a bar sum to its width; a
//! part that is there has a cell, as long as there are cells; a part that is not there has none.

use crate::theme::{Palette, Tone};
use ratatui::text::Span;

/// A part of a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// How much.
    pub count: u64,
    /// Its character.
    pub glyph: char,
    /// What it means.
    pub tone: Tone,
}

/// How many of `width` cells each count gets.
pub fn cells(counts: &[u64], width: usize) -> Vec<usize> {
    let total: u128 = counts.iter().map(|count| u128::from(*count)).sum();
    let mut cells = vec![0; counts.len()];
    if total == 0 {
        return cells;
    }
    let share = |count: u64| u128::from(count) * width as u128;
    for (cell, count) in cells.iter_mut().zip(counts) {
        let floor = usize::try_from(share(*count) / total).unwrap_or(width);
        *cell = if *count > 0 { floor.max(1) } else { 0 };
    }
    let mut used: usize = cells.iter().sum();
    let mut by_rest: Vec<usize> = (0..counts.len()).filter(|at| counts[*at] > 0).collect();
    by_rest.sort_by_key(|at| core::cmp::Reverse(share(counts[*at]) % total));
    for at in by_rest.iter().cycle() {
        if used >= width {
            break;
        }
        cells[*at] += 1;
        used += 1;
    }
    while used > width {
        // The widest gives first; among parts of one cell, the smallest goes.
        let widest = (0..cells.len())
            .filter(|at| cells[*at] > 0)
            .max_by_key(|at| (cells[*at], core::cmp::Reverse(counts[*at])));
        let Some(widest) = widest else { break };
        cells[widest] -= 1;
        used -= 1;
    }
    cells
}

/// The bar. Nothing at all is a line of dots.
pub fn sum_bar(palette: Palette, parts: &[Part], width: usize) -> Vec<Span<'static>> {
    let counts: Vec<u64> = parts.iter().map(|part| part.count).collect();
    let cells = cells(&counts, width);
    if cells.iter().sum::<usize>() < width {
        return vec![Span::styled("·".repeat(width), palette.style(Tone::Quiet))];
    }
    let filled = parts.iter().zip(cells).filter(|(_, cells)| *cells > 0);
    filled
        .map(|(part, cells)| {
            let text: String = std::iter::repeat_n(part.glyph, cells).collect();
            Span::styled(text, palette.style(part.tone))
        })
        .collect()
}
