//! Tables as comma-separated text, read piece by piece as they come over the wire.
//!
//! Not here: what the columns mean. Invariants: no more than one row is held; a row is at most
//! [`ROW_BYTES`] long and [`COLUMNS`] wide; whatever is wrong has its line and, if it is about a
//! column, that column's number and, once the header was read, its name.

use csv_core::{ReadRecordResult, Reader};

/// Longest row, in bytes.
pub(crate) const ROW_BYTES: usize = 64 * 1024;
/// Widest row, in columns.
pub(crate) const COLUMNS: usize = 128;

/// What is wrong with a table, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// The line, from 1.
    pub line: u64,
    /// What.
    pub what: String,
}

/// A row of a table.
pub(crate) struct Row<'a> {
    /// The line it begins on, from 1.
    pub line: u64,
    /// Its fields, without spaces around them; as many as the header has.
    pub fields: Vec<&'a str>,
}

/// Takes rows as they become whole.
pub(crate) type Take<'a, E> = dyn FnMut(&[String], &Row<'_>) -> Result<(), E> + 'a;

/// Where a row is read, as the reader has it: it does not say in which column a quote was opened.
//= RFC 4180 §2: a quote opens a field at its beginning, and a doubled one within it is a quote
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Within {
    /// At the beginning of a field.
    Start,
    /// Within a field without quotes, or behind the closing one.
    Plain,
    /// Within quotes that were opened on this line.
    Quotes { line: u64 },
    /// Behind a quote within quotes: it closes them, or is the first of a doubled one.
    Closing { line: u64 },
}

/// A table that is being read.
pub(crate) struct Table {
    reader: Reader,
    within: Within,
    /// The column that is read, from 0.
    column: usize,
    header: Option<Vec<String>>,
    text: Vec<u8>,
    used: usize,
    ends: Vec<usize>,
    fields: usize,
    /// Line breaks read so far.
    breaks: u64,
    /// The line the row that is being read begins on.
    line: u64,
    /// Whether nothing was read yet: a byte order mark may come.
    is_fresh: bool,
    /// Whether some of a row was read, be it an opening quote alone.
    is_within_row: bool,
}

impl Table {
    pub(crate) fn new() -> Self {
        Self {
            reader: Reader::new(),
            within: Within::Start,
            column: 0,
            header: None,
            text: vec![0; ROW_BYTES],
            used: 0,
            ends: vec![0; COLUMNS],
            fields: 0,
            breaks: 0,
            line: 1,
            is_fresh: true,
            is_within_row: false,
        }
    }

    /// The names of the columns, once the first row was read.
    pub(crate) fn header(&self) -> Option<&[String]> {
        self.header.as_deref()
    }

    /// Reads the next piece. An empty one says that there is no more.
    ///
    /// # Errors
    /// [`Wrong`], or what `take` makes of a row.
    pub(crate) fn feed<E: From<Wrong>>(
        &mut self,
        piece: &[u8],
        take: &mut Take<'_, E>,
    ) -> Result<(), E> {
        let mut rest = piece;
        if self.is_fresh && !piece.is_empty() {
            self.is_fresh = false;
            rest = rest.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(rest);
        }
        loop {
            if !self.is_within_row {
                rest = self.skip_breaks(rest);
                self.line = self.breaks + 1;
            }
            if rest.is_empty() && !piece.is_empty() {
                return Ok(());
            }
            if rest.is_empty() {
                self.closed()?;
            }
            let (text, ends) = (&mut self.text[self.used..], &mut self.ends[self.fields..]);
            let (result, read, written, ended) = self.reader.read_record(rest, text, ends);
            rest[..read].iter().for_each(|byte| self.follow(*byte));
            (self.used, self.fields) = (self.used + written, self.fields + ended);
            rest = &rest[read..];
            match result {
                ReadRecordResult::InputEmpty => self.is_within_row |= read > 0,
                ReadRecordResult::End => return Ok(()),
                ReadRecordResult::OutputFull => {
                    self.closed()?;
                    return Err(self.wrong(format!("is longer than {ROW_BYTES} bytes")).into());
                }
                ReadRecordResult::OutputEndsFull => {
                    return Err(self.wrong(format!("has more than {COLUMNS} columns")).into());
                }
                ReadRecordResult::Record => {
                    self.row(take)?;
                    (self.used, self.fields, self.is_within_row) = (0, 0, false);
                    (self.within, self.column) = (Within::Start, 0);
                }
            }
        }
    }

    /// Empty lines, and what is left of the last row's end.
    fn skip_breaks<'a>(&mut self, piece: &'a [u8]) -> &'a [u8] {
        let breaks = piece.iter().take_while(|byte| [b'\r', b'\n'].contains(byte)).count();
        self.breaks += piece[..breaks].iter().filter(|byte| **byte == b'\n').count() as u64;
        &piece[breaks..]
    }

    fn wrong(&self, what: String) -> Wrong {
        Wrong { line: self.line, what }
    }

    /// Moves on by a byte that the reader has read.
    fn follow(&mut self, byte: u8) {
        let line = self.breaks + 1;
        self.breaks += u64::from(byte == b'\n');
        self.within = match (self.within, byte) {
            (Within::Start, b'"') => Within::Quotes { line },
            (Within::Quotes { line }, b'"') => Within::Closing { line },
            (Within::Closing { line }, b'"') => Within::Quotes { line },
            (Within::Quotes { line }, _) => Within::Quotes { line },
            (Within::Start | Within::Plain | Within::Closing { .. }, b',') => {
                self.column += 1;
                Within::Start
            }
            (Within::Start | Within::Plain | Within::Closing { .. }, _) => Within::Plain,
        };
    }

    /// That no quote is open, where there is nothing more to close it.
    fn closed(&self) -> Result<(), Wrong> {
        match self.within {
            Within::Quotes { line } => {
                let what = format!("{}: its quote is never closed", self.named(self.column));
                Err(Wrong { line, what })
            }
            Within::Start | Within::Plain | Within::Closing { .. } => Ok(()),
        }
    }

    /// A column by its number and, once they are known, its name.
    fn named(&self, column: usize) -> String {
        let name = self.header.as_ref().and_then(|header| header.get(column));
        let name = name.map_or(String::new(), |name| format!(" (`{name}`)"));
        format!("column {}{name}", column + 1)
    }

    fn row<E: From<Wrong>>(&mut self, take: &mut Take<'_, E>) -> Result<(), E> {
        let line = self.line;
        let ends = &self.ends[..self.fields];
        let starts = std::iter::once(&0).chain(ends);
        let bytes = starts.zip(ends).map(|(from, to)| &self.text[*from..*to]);
        let read = bytes.enumerate().map(|(column, bytes)| {
            let text = std::str::from_utf8(bytes).map(str::trim);
            text.map_err(|_| self.wrong(format!("{}: it is not UTF-8", self.named(column))))
        });
        let fields: Vec<_> = read.collect::<Result<_, _>>()?;
        let Some(header) = &self.header else {
            self.header = Some(fields.into_iter().map(str::to_owned).collect());
            return Ok(());
        };
        let (found, wanted) = (fields.len(), header.len());
        if found != wanted {
            let what = format!("has {found} fields, the header has {wanted}");
            return Err(self.wrong(what).into());
        }
        take(header, &Row { line, fields })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, prop_assert_eq, proptest};

    /// Lines and fields of a table that comes in pieces of `size` bytes.
    fn read(text: &[u8], size: usize) -> Result<Vec<(u64, Vec<String>)>, Wrong> {
        let mut rows = Vec::new();
        let mut take = |_: &[String], row: &Row<'_>| {
            rows.push((row.line, row.fields.iter().map(|field| (*field).to_owned()).collect()));
            Ok::<_, Wrong>(())
        };
        let mut table = Table::new();
        for piece in text.chunks(size.max(1)) {
            table.feed(piece, &mut take)?;
        }
        table.feed(&[], &mut take)?;
        Ok(rows)
    }

    #[test]
    fn lines_are_those_an_editor_shows() {
        let text = b"\xEF\xBB\xBFid,model\r\n\r\nd1,\"a\nb\"\r\nd2, x \n\n\nd3,y";
        for size in 1..text.len() {
            let rows = read(text, size).expect("a table");
            let wanted = [(3, ["d1", "a\nb"]), (5, ["d2", "x"]), (8, ["d3", "y"])];
            let wanted = wanted.map(|(line, row)| (line, row.map(str::to_owned).to_vec()));
            assert_eq!(rows, wanted, "in pieces of {size}");
        }
    }

    #[test]
    fn what_is_wrong_has_its_line() {
        let long = format!("id,model\nd1,x\nd2,{}\n", "x".repeat(ROW_BYTES));
        let wide = format!("id,model\n{}\n", ",".repeat(COLUMNS));
        let open = format!("id,model\nd1,x\n\"d2,y\n{}", "d3,z\n".repeat(ROW_BYTES));
        for (text, line, what) in [
            ("id,model\nd1,x\nd2\n".as_bytes(), 3, "has 1 fields, the header has 2"),
            (b"id,model\n\nd1,\xFF\n", 3, "column 2 (`model`): it is not UTF-8"),
            (b"id,m\xFFdel\nd1,x\n", 1, "column 2: it is not UTF-8"),
            (b"id,model\n\"a\nb\",\"x\nd2,y\n", 3, "column 2 (`model`): its quote is never closed"),
            (b"id,\"model\nd1,x\n", 1, "column 2: its quote is never closed"),
            (b"id,model\nd1,\"x\"\"\n", 2, "column 2 (`model`): its quote is never closed"),
            (open.as_bytes(), 3, "column 1 (`id`): its quote is never closed"),
            (long.as_bytes(), 3, "is longer than 65536 bytes"),
            (wide.as_bytes(), 2, "has more than 128 columns"),
        ] {
            let wrong = read(text, 1000).expect_err("not a table");
            assert_eq!(wrong, Wrong { line, what: what.into() });
        }
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(
            text in prop::collection::vec(prop::sample::select(b"a,\"\r\n ".to_vec()), 0..80),
            size in 1_usize..20,
        ) {
            prop_assert_eq!(read(&text, size), read(&text, 1000));
        }

        #[test]
        fn no_input_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes, 7);
        }
    }
}
