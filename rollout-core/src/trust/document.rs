//! Fields of a signed document: a map whose required keys come first and in order.
//!
//! Deliberately not here: which fields there are; each document says so in its own room.
//!
//! Invariant: a missing, unknown or misplaced key ends the reading.

use super::envelope::DocumentType;
use super::reader::{ReadError, Reader};
use core::fmt;

/// Arrays and maps around the value of a document's field: its own map.
const OUTSIDE_A_FIELD: u8 = 1;

/// Leaves with [`DocumentError::Rule`] unless the condition holds.
macro_rules! demand {
    ($holds:expr, $key:literal, $rule:literal) => {
        if !$holds {
            return Err(DocumentError::Rule { key: $key, rule: $rule });
        }
    };
}
pub(super) use demand;

/// Walks the pairs of a document's map.
#[derive(Debug)]
pub struct Fields<'a> {
    reader: Reader<'a>,
    left: u64,
    last: Option<u64>,
}

impl<'a> Fields<'a> {
    /// Opens the map and demands that key 0 names this type.
    ///
    /// # Errors
    /// [`DocumentError`] if the payload is no map or of another type.
    pub fn open(payload: &'a [u8], document: DocumentType) -> Result<Self, DocumentError> {
        let mut reader = Reader::new(payload)?;
        let left = reader.map()?;
        let mut fields = Self { reader, left, last: None };
        let found = fields.required(0)?.unsigned()?;
        if found != document.number() {
            return Err(DocumentError::WrongType { found, wanted: document });
        }
        Ok(fields)
    }

    /// Reads the next key, which has to be `key`, and hands out the reader of its value.
    ///
    /// # Errors
    /// [`DocumentError::Missing`] if another key or none follows.
    pub fn required(&mut self, key: u64) -> Result<&mut Reader<'a>, DocumentError> {
        match self.next_key()? {
            Some(found) if found == key => Ok(&mut self.reader),
            Some(_) | None => Err(DocumentError::Missing { key }),
        }
    }

    /// Reads the next key, if there is one.
    ///
    /// # Errors
    /// [`ReadError`] if it does not rise.
    pub fn next_key(&mut self) -> Result<Option<u64>, ReadError> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        self.last = Some(self.reader.key_after(self.last)?);
        Ok(self.last)
    }

    /// The reader, standing at the value of the key just read.
    pub fn value(&mut self) -> &mut Reader<'a> {
        &mut self.reader
    }

    /// Passes over the value of a key that no rule names.
    ///
    /// # Errors
    /// [`ReadError`] if the key may not be skipped or its value is not strict.
    pub fn skip(&mut self, key: u64) -> Result<(), ReadError> {
        self.reader.skip_unknown(key, OUTSIDE_A_FIELD)
    }

    /// Demands that the payload ends with the map.
    ///
    /// # Errors
    /// [`ReadError::TrailingBytes`] if it does not.
    pub fn end(self) -> Result<(), ReadError> {
        self.reader.end()
    }
}

/// Why a payload is not the document it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DocumentError {
    /// Its bytes are not strict.
    Read(ReadError),
    /// It says it is another type.
    WrongType {
        /// The type it names.
        found: u64,
        /// The type it should be.
        wanted: DocumentType,
    },
    /// A required field is not there.
    Missing {
        /// The field's key.
        key: u64,
    },
    /// A field breaks its rule.
    Rule {
        /// The field's key.
        key: u64,
        /// The rule.
        rule: &'static str,
    },
}

impl From<ReadError> for DocumentError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl DocumentError {
    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read(error) => error.code(),
            Self::WrongType { .. } => "TR-020",
            Self::Missing { .. } => "TR-021",
            Self::Rule { .. } => "TR-022",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Read(error) => error.hint(),
            Self::WrongType { .. } => "give the document of the type that was asked for",
            Self::Missing { .. } | Self::Rule { .. } => "sign a document that keeps the rule",
        }
    }
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => error.fmt(f),
            Self::WrongType { found, wanted } => {
                write!(f, "a document of type {found} is no {}", wanted.name())
            }
            Self::Missing { key } => write!(f, "field {key} is missing"),
            Self::Rule { key, rule } => write!(f, "field {key} is refused, it must be {rule}"),
        }
    }
}

impl core::error::Error for DocumentError {}
