//! A table for people: as wide as its cells, or as wide as the terminal.
//!
//! Deliberately not here: which columns a command shows, and whether anybody looks; where nobody
//! does, the table is whole.
//!
//! Invariant: only columns that were named for it are ever cut, and a cut is marked with `…`. A
//! number, an id or a version is shown whole, on a line of its own if it must.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Cells between two columns.
const GAP: usize = 2;
/// How far the further lines of a row are set in.
const INDENT: usize = 2;
/// Narrowest that a text is cut to: two or three words still say something.
const LEAST_CUT: usize = 12;
/// Narrowest that a sentence is folded to; below that it gets a line of its own.
const LEAST_FOLDED: usize = 32;

/// How a column fits a terminal that is too narrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It is shown as it is: somebody may have to copy it.
    Whole,
    /// It is cut: another command shows all of it.
    Cut,
    /// Its words go on below. For the last column.
    Fold,
}

/// Columns under their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The header, then the rows; each as long as the first.
    cells: Vec<Vec<String>>,
    /// How each column fits.
    fits: Vec<Fit>,
}

/// Columns that stand on one line, each with its width.
struct Line {
    indent: usize,
    columns: Vec<(usize, usize)>,
}

impl Table {
    /// Rows under a header; a row has a cell for each name of it. Every column is shown whole.
    pub fn new(header: Vec<String>, rows: impl IntoIterator<Item = Vec<String>>) -> Self {
        let fits = vec![Fit::Whole; header.len()];
        Self { cells: std::iter::once(header).chain(rows).collect(), fits }
    }

    /// Says how a column fits.
    pub fn fit(&mut self, column: usize, fit: Fit) {
        if let Some(known) = self.fits.get_mut(column) {
            *known = fit;
        }
    }

    /// The table in lines of at most so many cells of a terminal; as wide as it is without a bound.
    pub fn lines(&self, bound: Option<usize>) -> Vec<String> {
        let lines = self.arrange(bound.unwrap_or(usize::MAX));
        let rows = self.cells.iter();
        rows.flat_map(|row| lines.iter().flat_map(|line| self.shown(row, line))).collect()
    }

    /// One line of a row, with what of its last cell goes on below.
    fn shown(&self, row: &[String], line: &Line) -> Vec<String> {
        let mut text = " ".repeat(line.indent);
        let mut below = Vec::new();
        for (place, (column, width)) in line.columns.iter().enumerate() {
            if place > 0 {
                text.push_str(&" ".repeat(GAP));
            }
            let cell = &row[*column];
            let shown = match self.fits[*column] {
                Fit::Whole => cell.clone(),
                Fit::Cut => cut(cell, *width),
                Fit::Fold => {
                    let mut folded = folded(cell, *width).into_iter();
                    let first = folded.next().unwrap_or_default();
                    below =
                        folded.map(|more| format!("{}{more}", " ".repeat(text.width()))).collect();
                    first
                }
            };
            text.push_str(&shown);
            text.push_str(&" ".repeat(width.saturating_sub(shown.width())));
        }
        std::iter::once(text.trim_end().to_string()).chain(below).collect()
    }

    /// Which columns stand on which line of a row: as many as there is room for.
    fn arrange(&self, bound: usize) -> Vec<Line> {
        let mut lines = vec![Line { indent: 0, columns: Vec::new() }];
        let mut used = 0;
        for column in 0..self.fits.len() {
            let least = self.least(column);
            let is_full = lines.last().is_none_or(|line| {
                let at = if line.columns.is_empty() { line.indent } else { used + GAP };
                !line.columns.is_empty() && at.saturating_add(least) > bound
            });
            if is_full {
                lines.push(Line { indent: INDENT, columns: Vec::new() });
                used = 0;
            }
            if let Some(line) = lines.last_mut() {
                used += if line.columns.is_empty() { line.indent } else { GAP } + least;
                line.columns.push((column, self.natural(column)));
            }
        }
        lines.iter_mut().for_each(|line| self.narrow(line, bound));
        lines
    }

    /// Takes what is too much from the widest text of the line, until it fits or nothing is left.
    fn narrow(&self, line: &mut Line, bound: usize) {
        loop {
            let gaps = GAP * line.columns.len().saturating_sub(1);
            let all: usize = line.columns.iter().map(|(_, width)| width).sum();
            let over = (line.indent + gaps + all).saturating_sub(bound);
            let cut = |(column, width): &&mut (usize, usize)| *width > self.least(*column);
            let widest = line.columns.iter_mut().filter(cut).max_by_key(|(_, width)| *width);
            match widest {
                Some((_, width)) if over > 0 => *width -= 1,
                Some(_) | None => return,
            }
        }
    }

    fn natural(&self, column: usize) -> usize {
        self.cells.iter().map(|row| row[column].width()).max().unwrap_or(0)
    }

    fn least(&self, column: usize) -> usize {
        let (natural, header) = (self.natural(column), self.cells.first());
        let header = header.map_or(0, |header| header[column].width());
        match self.fits[column] {
            Fit::Whole => natural,
            Fit::Cut => natural.min(header.max(LEAST_CUT)),
            Fit::Fold => natural.min(header.max(LEAST_FOLDED)),
        }
    }
}

/// A text in lines of at most so many cells, parted at its spaces. A word is never parted.
fn folded(text: &str, width: usize) -> Vec<String> {
    if text.width() <= width {
        return vec![text.into()];
    }
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.width() + 1 + word.width() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.into()),
        }
    }
    lines
}

/// A text of at most so many cells of a terminal; what was cut off is marked with `…`.
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.into();
    }
    let mut left = width.saturating_sub(1);
    let kept = text.chars().take_while(|c| match left.checked_sub(c.width().unwrap_or(0)) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    });
    let mut kept: String = kept.collect();
    kept.truncate(kept.trim_end().len());
    if width > 0 {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{prop, proptest};

    fn rollouts() -> Table {
        let row = |text: &str| text.split('|').map(str::to_owned).collect::<Vec<_>>();
        let rows = [
            "0192f7a0-0000-7000-8000-000000000001|vacuum-2.4.1-for-everybody-in-the-eu|deploying\
             |12/20|devices: 12 of 20 reachable permitted",
            "0192f7a0-0000-7000-8000-000000000002|größer 測試|halted|3/5|-",
        ];
        let mut table = Table::new(row("id|name|phase|confirmed|waits for"), rows.map(row));
        table.fit(1, Fit::Cut);
        table.fit(4, Fit::Cut);
        table
    }

    #[test]
    fn a_terminal_cuts_texts_and_then_folds_rows() {
        insta::assert_snapshot!(rollouts().lines(Some(90)).join("\n"), @r#"
        id                                    name            phase      confirmed  waits for
        0192f7a0-0000-7000-8000-000000000001  vacuum-2.4.1-…  deploying  12/20      devices: 12 o…
        0192f7a0-0000-7000-8000-000000000002  größer 測試     halted     3/5        -
        "#);
        insta::assert_snapshot!(rollouts().lines(Some(80)).join("\n"), @r#"
        id                                    name                  phase      confirmed
          waits for
        0192f7a0-0000-7000-8000-000000000001  vacuum-2.4.1-for-ev…  deploying  12/20
          devices: 12 of 20 reachable permitted
        0192f7a0-0000-7000-8000-000000000002  größer 測試           halted     3/5
          -
        "#);
        insta::assert_snapshot!(rollouts().lines(Some(40)).join("\n"), @r#"
        id
          name              phase      confirmed
          waits for
        0192f7a0-0000-7000-8000-000000000001
          vacuum-2.4.1-fo…  deploying  12/20
          devices: 12 of 20 reachable permitted
        0192f7a0-0000-7000-8000-000000000002
          größer 測試       halted     3/5
          -
        "#);
    }

    #[test]
    fn a_sentence_goes_on_below_itself() {
        let row = |text: &str| text.split('|').map(str::to_owned).collect::<Vec<_>>();
        let said = "41|permitted|dev-0001 may switch to vacuum@1.1.0 for 0192f7a0-0000-7000-8000-1";
        let mut table = Table::new(row("seq|kind|what"), [row(said)]);
        table.fit(2, Fit::Fold);
        insta::assert_snapshot!(table.lines(Some(56)).join("\n"), @r#"
        seq  kind       what
        41   permitted  dev-0001 may switch to vacuum@1.1.0 for
                        0192f7a0-0000-7000-8000-1
        "#);
        insta::assert_snapshot!(table.lines(Some(40)).join("\n"), @r#"
        seq  kind
          what
        41   permitted
          dev-0001 may switch to vacuum@1.1.0
          for 0192f7a0-0000-7000-8000-1
        "#);
    }

    #[test]
    fn where_nobody_looks_a_table_is_whole() {
        let lines = rollouts().lines(None);
        assert_eq!(lines.len(), 3);
        assert!(lines[1].ends_with("devices: 12 of 20 reachable permitted"), "{}", lines[1]);
        assert!(!lines.concat().contains('…'));
        assert_eq!(rollouts().lines(Some(200)), lines, "nor where there is room");
    }

    proptest! {
        /// Whatever the cells and the width, what must be copied is there, and no line is wider
        /// than the terminal but by one such cell.
        #[test]
        fn what_must_be_copied_is_never_cut(
            cells in prop::collection::vec(prop::collection::vec("[a-z測 ]{0,30}", 4), 1..5),
            bound in 1_usize..130,
        ) {
            let mut table = Table::new(cells[0].clone(), cells[1..].to_vec());
            table.fit(1, Fit::Cut);
            table.fit(3, Fit::Fold);
            let lines = table.lines(Some(bound));
            for row in &cells {
                let words = row[3].split(' ');
                for whole in [row[0].trim(), row[2].trim()].into_iter().chain(words) {
                    assert!(lines.iter().any(|line| line.contains(whole)), "{whole} in {lines:?}");
                }
            }
            let alone = (0..4).map(|column| table.least(column) + INDENT).max().unwrap_or(0);
            for line in &lines {
                assert!(line.width() <= bound.max(alone), "{line} is wider than {bound}");
            }
        }

        #[test]
        fn a_cut_is_marked_and_fits(text in "[a-z測ö ]{0,20}", width in 0_usize..25) {
            let shown = cut(&text, width);
            assert!(shown.width() <= width);
            assert!(shown == text || shown.ends_with('…') || width == 0);
        }
    }
}
