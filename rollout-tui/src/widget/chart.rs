//! Numbers over time with the limit of each, in characters that differ without color.
//!
//! Deliberately not here: words below and above. Invariants: a column is a span of time and shows
//! the last value known in it; limits are on the axis whatever the values are.

use super::interval::spans;
use crate::theme::{Palette, Tone};
use crate::words::figure::{evidence, right};
use ratatui::text::{Line, Span};

/// One number over time.
#[derive(Clone, Debug)]
pub struct Series {
    /// A value for each column.
    pub values: Vec<Option<f64>>,
    /// Its limit.
    pub limit: f64,
    /// Its character.
    pub glyph: char,
    /// What it means.
    pub tone: Tone,
}

/// Columns of the labels.
const LABEL: usize = 6;
/// How far below zero the axis goes at most: what lies deeper says nothing more.
const FLOOR: f64 = -6.0;

/// Columns that are left for values beside the labels.
pub fn columns(width: usize) -> usize {
    width.saturating_sub(LABEL + 2)
}

/// The chart in so many columns and lines.
pub fn chart(
    palette: Palette,
    series: &[Series],
    width: usize,
    height: usize,
) -> Vec<Line<'static>> {
    if height == 0 || columns(width) == 0 {
        return Vec::new();
    }
    let finite = |value: &f64| value.is_finite();
    let values = series.iter().flat_map(|one| one.values.iter().flatten().copied());
    let all = values.chain(series.iter().map(|one| one.limit)).filter(finite);
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    for value in all {
        low = low.min(value.max(FLOOR));
        high = high.max(value);
    }
    let top = series.iter().map(|one| one.limit).filter(finite).fold(1.0, f64::max);
    let high = high.min(top * 3.0);
    let row_of = |value: f64| {
        let share = (value.clamp(low, high) - low) / (high - low);
        ((1.0 - share) * (height - 1) as f64).round() as usize
    };
    let mut rows = vec![vec![(' ', Tone::Quiet); columns(width)]; height];
    let mut labels: Vec<Option<f64>> = vec![None; height];
    labels[row_of(low)] = Some(low);
    labels[row_of(high)] = Some(high);
    labels[row_of(0.0)] = Some(0.0);
    rows[row_of(0.0)].fill(('╌', Tone::Quiet));
    for one in series.iter().filter(|one| one.limit.is_finite()) {
        let row = row_of(one.limit);
        rows[row].fill(('┄', Tone::Hold));
        labels[row] = Some(one.limit);
    }
    for one in series {
        for (column, value) in one.values.iter().enumerate() {
            let Some(value) = value.filter(|value| !value.is_nan()) else { continue };
            let Some(cell) = rows[row_of(value)].get_mut(column) else { continue };
            let taken = !matches!(cell.0, ' ' | '╌' | '┄');
            *cell = (if taken { '◆' } else { one.glyph }, one.tone);
        }
    }
    let lines = rows.iter().zip(labels);
    lines.map(|(row, label)| labelled(palette, row, label)).collect()
}

fn labelled(palette: Palette, row: &[(char, Tone)], label: Option<f64>) -> Line<'static> {
    let text = label.map(evidence).unwrap_or_default();
    let label = Span::styled(format!("{} ", right(&text, LABEL)), palette.style(Tone::Quiet));
    let axis = Span::styled("│", palette.style(Tone::Border));
    let mut line = vec![label, axis];
    line.extend(spans(palette, row));
    Line::from(line)
}
