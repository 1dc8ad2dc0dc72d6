//! A line of a screen, put together from the left, that never gets longer than it may.
//!
//! Deliberately not here: which line comes where. Invariant: every text goes through `fit`, so
//! nothing foreign moves the cursor.

use crate::theme::{Palette, Tone};
use crate::words::figure::{fit, right, wrap};
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr as _;

/// A line that is being put together.
#[derive(Clone, Debug)]
pub struct Row {
    palette: Palette,
    width: usize,
    used: usize,
    spans: Vec<Span<'static>>,
}

impl Row {
    /// An empty line of so many columns.
    pub fn new(palette: Palette, width: usize) -> Self {
        Self { palette, width, used: 0, spans: Vec::new() }
    }

    /// The same behind a space, if there is room for it.
    #[must_use]
    pub fn inset(mut self) -> Self {
        if self.room() > 0 {
            self.used += 1;
            self.spans.insert(0, Span::raw(" "));
        }
        self
    }

    /// Columns that are left.
    pub fn room(&self) -> usize {
        self.width - self.used
    }

    /// Adds a text, cut to what is left.
    #[must_use]
    pub fn put(self, tone: Tone, text: impl AsRef<str>) -> Self {
        let room = self.room();
        self.push(tone, fit(text.as_ref(), room))
    }

    /// Adds a text only if all of it fits.
    #[must_use]
    pub fn whole(self, tone: Tone, text: &str) -> Self {
        if text.width() <= self.room() { self.put(tone, text) } else { self }
    }

    /// Adds a text in a column of its own.
    #[must_use]
    pub fn cell(self, tone: Tone, text: impl AsRef<str>, width: usize) -> Self {
        let width = width.min(self.room());
        let shown = fit(text.as_ref(), width);
        let rest = width - shown.width();
        self.push(tone, shown).gap(rest)
    }

    /// Adds a number at the right of a column of its own.
    #[must_use]
    pub fn number(self, tone: Tone, text: impl AsRef<str>, width: usize) -> Self {
        let width = width.min(self.room());
        let shown = right(text.as_ref(), width);
        self.push(tone, shown)
    }

    /// Adds spaces.
    #[must_use]
    pub fn gap(self, columns: usize) -> Self {
        let columns = columns.min(self.room());
        self.push(Tone::Plain, " ".repeat(columns))
    }

    /// Adds spans that are known to fit, such as a bar.
    #[must_use]
    pub fn spans(mut self, spans: Vec<Span<'static>>) -> Self {
        for span in spans {
            if span.width() <= self.room() {
                self.used += span.width();
                self.spans.push(span);
            }
        }
        self
    }

    /// Puts texts at the right end; those that do not fit are left out, the last first.
    #[must_use]
    pub fn end(self, texts: &[(Tone, String)]) -> Self {
        let mut kept = Vec::new();
        let mut used = 0;
        for (tone, text) in texts {
            let text = fit(text, usize::from(u16::MAX));
            if used + text.width() > self.room() {
                break;
            }
            used += text.width();
            kept.push((*tone, text));
        }
        let rest = self.room() - used;
        let row = self.gap(rest);
        kept.into_iter().fold(row, |row, (tone, text)| row.push(tone, text))
    }

    fn push(mut self, tone: Tone, text: String) -> Self {
        if !text.is_empty() {
            self.used += text.width();
            self.spans.push(Span::styled(text, self.palette.style(tone)));
        }
        self
    }

    /// The line.
    pub fn line(self) -> Line<'static> {
        Line::from(self.spans)
    }

    /// The line with the cursor on it.
    pub fn chosen(self) -> Line<'static> {
        let style = self.palette.style(Tone::Chosen);
        let rest = self.room();
        let mut line = Line::from(self.gap(rest).spans);
        for span in &mut line.spans {
            span.style = span.style.patch(style);
        }
        line
    }
}

/// A text over as many lines as it takes, behind an indent.
pub fn wrapped(
    palette: Palette,
    tone: Tone,
    text: &str,
    indent: usize,
    width: usize,
) -> Vec<Line<'static>> {
    let lines = wrap(text, width.saturating_sub(indent).max(1));
    lines
        .into_iter()
        .map(|line| Row::new(palette, width).gap(indent).put(tone, line).line())
        .collect()
}
