//! The only place that writes to the terminal: answers to stdout, failures to stderr.
//!
//! Deliberately not here: what is said; commands bring an [`Answer`] that reads both ways.
//!
//! Invariant: with `--json` stdout holds exactly one JSON document or nothing; no text that came
//! from elsewhere can move the cursor; and what no terminal shows is never cut.

use super::error::Failure;
use super::table::{Fit, Table};
use crate::words;
use serde_json::{Map, Value, json};
use std::io::{self, Write};

/// For people or for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// What a command has to say, in both forms.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// For programs.
    pub json: Value,
    /// For people, before the lines: what fits itself to their terminal.
    pub table: Option<Table>,
    /// For people, line by line.
    pub lines: Vec<String>,
}

impl Answer {
    /// Names and values, one to a line, aligned. What is null is not shown to people.
    pub fn fields(fields: &[(&str, Value)]) -> Self {
        let shown = || fields.iter().filter(|(_, value)| !value.is_null());
        let width = shown().map(|(name, _)| name.len()).max().unwrap_or(0) + 1;
        let lines = shown().map(|(name, value)| {
            let name = name.replace('_', " ");
            format!("{name:<width$}{}", text_of(value))
        });
        let json = fields.iter().map(|(name, value)| ((*name).to_string(), value.clone()));
        Self::of_lines(lines.collect(), Value::Object(json.collect::<Map<_, _>>()))
    }

    /// One sentence, and what programs get for it.
    pub fn line(line: impl Into<String>, json: Value) -> Self {
        Self::of_lines(vec![line.into()], json)
    }

    /// Lines, and what programs get for them.
    pub const fn of_lines(lines: Vec<String>, json: Value) -> Self {
        Self { json, table: None, lines }
    }

    /// Columns of `rows`, which are JSON objects, under their names. `texts` are those of them that
    /// are not shown whole on a narrow terminal.
    pub fn table(columns: &[&str], texts: &[(&str, Fit)], rows: &[Value], json: Value) -> Self {
        let header = columns.iter().map(|name| words::plain(&name.replace('_', " "))).collect();
        let cells = rows.iter().map(|row| {
            columns.iter().map(|name| text_of(row.get(*name).unwrap_or(&Value::Null))).collect()
        });
        let mut table = Table::new(header, cells);
        for (name, fit) in texts {
            let place = columns.iter().position(|column| column == name);
            place.into_iter().for_each(|place| table.fit(place, *fit));
        }
        Self { json, table: Some(table), lines: Vec::new() }
    }

    /// The same with further lines for people.
    #[must_use]
    pub fn with(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.lines.extend(lines);
        self
    }
}

/// How a value reads in a cell.
fn text_of(value: &Value) -> String {
    match value {
        Value::Null => "-".into(),
        Value::String(text) => words::plain(text),
        Value::Array(items) => items.iter().map(text_of).collect::<Vec<_>>().join(", "),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

/// Where answers and failures go.
pub struct Output<'a> {
    /// For answers.
    pub out: &'a mut dyn Write,
    /// For failures.
    pub err: &'a mut dyn Write,
    /// In which form.
    pub format: Format,
    /// How wide the terminal is that shows the answers; nothing if none does.
    pub columns: Option<u16>,
}

impl Output<'_> {
    /// Writes an answer.
    ///
    /// # Errors
    /// Whatever writing gives.
    pub fn answer(&mut self, answer: &Answer) -> io::Result<()> {
        match self.format {
            Format::Json => writeln!(self.out, "{:#}", answer.json)?,
            Format::Text => {
                let table = answer
                    .table
                    .iter()
                    .flat_map(|table| table.lines(self.columns.map(usize::from)));
                for line in table.chain(answer.lines.iter().cloned()) {
                    writeln!(self.out, "{}", words::plain(&line))?;
                }
            }
        }
        self.out.flush()
    }

    /// Writes a failure.
    ///
    /// # Errors
    /// Whatever writing gives.
    //= style §4
    pub fn failure(&mut self, failure: &Failure) -> io::Result<()> {
        match self.format {
            Format::Json => {
                let Failure { code, what, cause, hint, exit } = failure;
                let exit = exit.code();
                let json = json!({
                    "code": code, "what": what, "cause": cause, "hint": hint, "exit": exit,
                });
                writeln!(self.err, "{json:#}")?;
            }
            Format::Text => {
                writeln!(self.err, "{}", words::plain(&failure.code))?;
                writeln!(self.err, "  × {}", words::plain(&failure.what))?;
                for (depth, cause) in failure.cause.iter().enumerate() {
                    let indent = "    ".repeat(depth);
                    writeln!(self.err, "  {indent}╰─▶ {}", words::plain(cause))?;
                }
                writeln!(self.err, "  help: {}", words::plain(&failure.hint))?;
            }
        }
        self.err.flush()
    }
}
