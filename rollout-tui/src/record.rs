//! Recordings: every message a line of JSON, so that any session can be looked at again.
//!
//! Deliberately not here: playing; that is the session's. A recording holds what the operator saw
//! and pressed, names of devices and reasons included, and no token.
//!
//! Invariants: a recording that was cut short reads up to the last whole line; what is read is
//! bounded.

use crate::app::{Message, Model, Screen};
use crate::theme::Look;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;

/// Version of the form.
const VERSION: u32 = 1;
/// Longest line: an overview of fifty rollouts has some ten kilobytes.
const LINE_BYTES: usize = 16 << 20;
/// Most messages: a day of one a second, ten times over.
const MESSAGES: usize = 1_000_000;

/// Why a recording cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The file.
    #[error("cannot read the recording")]
    Read(#[source] io::Error),
    /// A line.
    #[error("line {line} of the recording cannot be read")]
    Line {
        /// From 1.
        line: usize,
        /// Why.
        source: serde_json::Error,
    },
    /// It is no recording.
    #[error("this is no recording of `rollout watch --record`")]
    Foreign,
    /// It is of another version.
    #[error("the recording has version {found}, this program reads {VERSION}")]
    Version {
        /// Its version.
        found: u32,
    },
    /// It is too long.
    #[error(
        "the recording has more than {MESSAGES} messages, or a line of more than {LINE_BYTES} bytes"
    )]
    TooLong,
}

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Version of the form.
    pub rollout_watch: u32,
    /// When it began, UTC milliseconds.
    pub started_ms: u64,
    /// Columns and lines of the screen.
    pub size: (u16, u16),
    /// Seconds east of UTC.
    pub zone_offset_secs: i32,
    /// The rollout that was opened at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<String>,
}

impl Head {
    /// The head of a recording that begins.
    pub const fn new(started_ms: u64, size: (u16, u16), zone_offset_secs: i32) -> Self {
        Self { rollout_watch: VERSION, started_ms, size, zone_offset_secs, rollout: None }
    }

    /// The model a session with this head begins with, on a screen of a size.
    pub fn model(&self, look: Look, size: (u16, u16)) -> Model {
        let mut model = Model::new(look, self.started_ms, size);
        model.data.zone_offset_secs = self.zone_offset_secs;
        if let Some(id) = &self.rollout {
            model.seat.chosen = Some(id.clone());
            model.seat.go(Screen::Rollout);
        }
        model
    }
}

/// Writes a recording.
#[derive(Debug)]
pub struct Recorder<W: Write> {
    out: BufWriter<W>,
}

impl Recorder<File> {
    /// A recording in a new file, readable by its owner alone.
    ///
    /// # Errors
    /// If it is there already, or cannot be written.
    pub fn create(path: &Path, head: &Head) -> io::Result<Self> {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        Self::new(options.open(path)?, head)
    }
}

impl<W: Write> Recorder<W> {
    /// A recording to anywhere.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn new(out: W, head: &Head) -> io::Result<Self> {
        let mut recorder = Self { out: BufWriter::new(out) };
        recorder.line(head)?;
        Ok(recorder)
    }

    /// Adds a message.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn push(&mut self, message: &Message) -> io::Result<()> {
        self.line(message)
    }

    /// Brings what was written out of this process.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, value)?;
        self.out.write_all(b"\n")
    }
}

/// Reads a recording. Its last line may be cut short.
///
/// # Errors
/// [`RecordError`].
pub fn read(path: &Path) -> Result<(Head, Vec<Message>), RecordError> {
    let file = File::open(path).map_err(RecordError::Read)?;
    read_from(BufReader::new(file))
}

/// The same from anywhere.
///
/// # Errors
/// [`RecordError`].
pub fn read_from(mut source: impl BufRead) -> Result<(Head, Vec<Message>), RecordError> {
    let first = line(&mut source)?.ok_or(RecordError::Foreign)?;
    let head: Head = serde_json::from_slice(&first).map_err(|_| RecordError::Foreign)?;
    if head.rollout_watch != VERSION {
        return Err(RecordError::Version { found: head.rollout_watch });
    }
    let mut messages = Vec::new();
    while let Some(text) = line(&mut source)? {
        let is_whole = text.ends_with(b"\n");
        match serde_json::from_slice(&text) {
            Ok(message) => messages.push(message),
            // The program was killed while it wrote this one.
            Err(_) if !is_whole => break,
            Err(source) => return Err(RecordError::Line { line: messages.len() + 2, source }),
        }
        if messages.len() > MESSAGES {
            return Err(RecordError::TooLong);
        }
    }
    Ok((head, messages))
}

fn line(source: &mut impl BufRead) -> Result<Option<Vec<u8>>, RecordError> {
    let mut text = Vec::new();
    let mut limited = io::Read::take(source, LINE_BYTES as u64);
    let read = limited.read_until(b'\n', &mut text).map_err(RecordError::Read)?;
    if read >= LINE_BYTES {
        return Err(RecordError::TooLong);
    }
    Ok((read > 0).then_some(text))
}
