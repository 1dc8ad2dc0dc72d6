//! The only place that writes to the terminal: answers to stdout, failures to stderr.
//!
//! Deliberately not here: what is said; commands bring an [`Answer`] that reads both ways.
//!
//! Invariant: with `--json` stdout holds exactly one JSON document or nothing; and no text that
//! came from elsewhere can move the cursor.

use super::error::Failure;
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
        Self { lines: lines.collect(), json: Value::Object(json.collect::<Map<_, _>>()) }
    }

    /// One sentence, and what programs get for it.
    pub fn line(line: impl Into<String>, json: Value) -> Self {
        Self { json, lines: vec![line.into()] }
    }

    /// Columns of `rows`, which are JSON objects, under their names.
    pub fn table(columns: &[&str], rows: Vec<Value>, json: Value) -> Self {
        let header = columns.iter().map(|name| name.replace('_', " ")).collect();
        let cells = rows.iter().map(|row| {
            columns.iter().map(|name| text_of(row.get(*name).unwrap_or(&Value::Null))).collect()
        });
        let cells: Vec<Vec<String>> = std::iter::once(header).chain(cells).collect();
        let width = |at: usize| cells.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns.len()).map(width).collect();
        let lines = cells.iter().map(|row| {
            let padded = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            padded.collect::<Vec<_>>().join("  ").trim_end().to_string()
        });
        Self { lines: lines.collect(), json }
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
                for line in &answer.lines {
                    writeln!(self.out, "{}", words::plain(line))?;
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
