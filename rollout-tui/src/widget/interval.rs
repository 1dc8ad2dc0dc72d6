//! A rate with its bounds on an axis with the limits of the plan.
//!
//! Deliberately not here: the numbers beside it. Invariants: the axis starts at zero and holds both
//! limits; what lies beyond its end is an arrow, not a mark at the end.

use crate::theme::{Palette, Tone};
use ratatui::text::Span;

/// A rate, what is known of it, and what is allowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Highest rate that is proven to be exceeded.
    pub lower: f64,
    /// Highest rate that is not ruled out.
    pub upper: f64,
    /// The observed rate, if anything was observed.
    pub estimate: Option<f64>,
    /// Limits, ascending.
    pub limits: [f64; 2],
    /// What the interval means.
    pub tone: Tone,
}

/// How much of the axis lies beyond the higher limit.
const BEYOND: f64 = 1.6;

impl Interval {
    fn place(&self, rate: f64, width: usize) -> Option<usize> {
        let end = (self.limits[1] * BEYOND).max(f64::MIN_POSITIVE);
        let at = rate.max(0.0) / end * width as f64;
        (at < width as f64).then_some(at as usize)
    }

    /// Where a limit is on an axis of so many columns.
    pub fn limit_at(&self, limit: usize, width: usize) -> Option<usize> {
        self.place(*self.limits.get(limit)?, width)
    }
}

/// The axis, in so many columns.
pub fn interval(palette: Palette, said: &Interval, width: usize) -> Vec<Span<'static>> {
    let mut axis: Vec<(char, Tone)> = vec![('·', Tone::Quiet); width];
    let from = said.place(said.lower, width).unwrap_or(width);
    let to = said.place(said.upper, width);
    for (at, cell) in axis.iter_mut().enumerate() {
        if at >= from && to.is_none_or(|to| at <= to) {
            *cell = ('─', said.tone);
        }
    }
    let mut mark = |at: Option<usize>, glyph: char, tone: Tone| {
        if let Some(cell) = at.and_then(|at| axis.get_mut(at)) {
            *cell = (glyph, tone);
        }
    };
    mark(Some(from), '├', said.tone);
    match to {
        Some(to) => mark(Some(to), '┤', said.tone),
        None => mark(width.checked_sub(1), '▸', said.tone),
    }
    for limit in said.limits {
        mark(said.place(limit, width), '┆', Tone::Hold);
    }
    if let Some(rate) = said.estimate {
        match said.place(rate, width) {
            Some(at) => mark(Some(at), '▪', said.tone),
            None => mark(width.checked_sub(1), '▶', said.tone),
        }
    }
    spans(palette, &axis)
}

/// Neighbors of one tone as one span.
pub(super) fn spans(palette: Palette, cells: &[(char, Tone)]) -> Vec<Span<'static>> {
    let mut spans: Vec<Span<'static>> = Vec::new();
    let mut before = None;
    for (glyph, tone) in cells {
        match spans.last_mut().filter(|_| before == Some(*tone)) {
            Some(span) => span.content.to_mut().push(*glyph),
            None => spans.push(Span::styled(glyph.to_string(), palette.style(*tone))),
        }
        before = Some(*tone);
    }
    spans
}
