//! A strict reader of deterministic CBOR, over borrowed bytes.
//!
//! It accepts one spelling of each value: definite lengths, shortest heads, unsigned map keys in
//! rising order, checked UTF-8. Deliberately not here: what a field means ([`super::document`]),
//! floats, tags inside documents, and any tree of values.
//!
//! Invariant: every call consumes at least one byte or fails, and never looks past the end.

use crate::limits::ENVELOPE_BYTES;
use core::fmt;

/// Deepest nesting of arrays and maps, counted from the outermost.
//= trust §2
pub const MAX_NESTING: u8 = 4;

/// Keys from here on may be skipped by readers that do not know them.
//= trust §2
pub const FIRST_SKIPPABLE_KEY: u64 = 64;

/// The head of one item: its kind, and its value, length or count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Head {
    Unsigned(u64),
    Negative,
    Bytes(u64),
    Text(u64),
    Array(u64),
    Map(u64),
    Tag(u64),
    /// False, true or null.
    Simple,
}

/// Reads items from the front of a byte string.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the first of `bytes`.
    ///
    /// # Errors
    /// [`ReadError::TooLong`] beyond [`ENVELOPE_BYTES`].
    pub fn new(bytes: &'a [u8]) -> Result<Self, ReadError> {
        if bytes.len() > ENVELOPE_BYTES {
            return Err(ReadError::TooLong { bytes: bytes.len() });
        }
        Ok(Self { rest: bytes })
    }

    /// What has not been read.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Demands that everything has been read.
    ///
    /// # Errors
    /// [`ReadError::TrailingBytes`] if something is left.
    pub fn end(&self) -> Result<(), ReadError> {
        if self.rest.is_empty() { Ok(()) } else { Err(ReadError::TrailingBytes) }
    }

    /// Reads an unsigned integer.
    ///
    /// # Errors
    /// [`ReadError`] if the next item is anything else.
    pub fn unsigned(&mut self) -> Result<u64, ReadError> {
        match self.head()? {
            Head::Unsigned(value) => Ok(value),
            Head::Negative
            | Head::Bytes(_)
            | Head::Text(_)
            | Head::Array(_)
            | Head::Map(_)
            | Head::Tag(_)
            | Head::Simple => Err(ReadError::Unexpected { wanted: "an unsigned integer" }),
        }
    }

    /// Reads a byte string.
    ///
    /// # Errors
    /// [`ReadError`] if the next item is anything else, or is cut short.
    pub fn bytes(&mut self) -> Result<&'a [u8], ReadError> {
        match self.head()? {
            Head::Bytes(length) => self.take(length),
            Head::Unsigned(_)
            | Head::Negative
            | Head::Text(_)
            | Head::Array(_)
            | Head::Map(_)
            | Head::Tag(_)
            | Head::Simple => Err(ReadError::Unexpected { wanted: "a byte string" }),
        }
    }

    /// Reads a byte string of exactly `N` bytes.
    ///
    /// # Errors
    /// [`ReadError`] if the next item is anything else.
    pub fn array_of_bytes<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        self.bytes()?
            .try_into()
            .map_err(|_| ReadError::Unexpected { wanted: "a byte string of the right length" })
    }

    /// Reads a text.
    ///
    /// # Errors
    /// [`ReadError`] if the next item is anything else, is cut short, or is not UTF-8.
    pub fn text(&mut self) -> Result<&'a str, ReadError> {
        match self.head()? {
            Head::Text(length) => self.text_of(length),
            Head::Unsigned(_)
            | Head::Negative
            | Head::Bytes(_)
            | Head::Array(_)
            | Head::Map(_)
            | Head::Tag(_)
            | Head::Simple => Err(ReadError::Unexpected { wanted: "a text" }),
        }
    }

    /// Reads the head of an array and returns how many items follow.
    ///
    /// # Errors
    /// [`ReadError`] if the next item is anything else.
    pub fn array(&mut self) -> Result<u64, ReadError> {
        match self.head()? {
            Head::Array(count) => Ok(count),
            Head::Unsigned(_)
            | Head::Negative
            | Head::Bytes(_)
            | Head::Text(_)
            | Head::Map(_)
            | Head::Tag(_)
            | Head::Simple => Err(ReadError::Unexpected { wanted: "an array" }),
        }
    }

    /// Reads the head of a map and returns how many pairs follow.
    ///
    /// # Errors
    /// [`ReadError`] if the next item is anything else.
    pub fn map(&mut self) -> Result<u64, ReadError> {
        match self.head()? {
            Head::Map(count) => Ok(count),
            Head::Unsigned(_)
            | Head::Negative
            | Head::Bytes(_)
            | Head::Text(_)
            | Head::Array(_)
            | Head::Tag(_)
            | Head::Simple => Err(ReadError::Unexpected { wanted: "a map" }),
        }
    }

    /// Reads a tag and returns its number.
    ///
    /// # Errors
    /// [`ReadError`] if the next item is anything else.
    pub fn tag(&mut self) -> Result<u64, ReadError> {
        match self.head()? {
            Head::Tag(number) => Ok(number),
            Head::Unsigned(_)
            | Head::Negative
            | Head::Bytes(_)
            | Head::Text(_)
            | Head::Array(_)
            | Head::Map(_)
            | Head::Simple => Err(ReadError::Unexpected { wanted: "a tag" }),
        }
    }

    /// Reads a map key, which must be above the one before it.
    ///
    /// # Errors
    /// [`ReadError`] if it is no unsigned integer, or not above `last`.
    pub fn key_after(&mut self, last: Option<u64>) -> Result<u64, ReadError> {
        let key = match self.head()? {
            Head::Unsigned(key) => key,
            Head::Negative
            | Head::Bytes(_)
            | Head::Text(_)
            | Head::Array(_)
            | Head::Map(_)
            | Head::Tag(_)
            | Head::Simple => return Err(ReadError::KeyNotUnsigned),
        };
        if last.is_some_and(|last| key <= last) {
            return Err(ReadError::KeyOrder { key });
        }
        Ok(key)
    }

    /// Passes over the value of a key this reader does not know.
    ///
    /// `outside` is how many arrays and maps the value sits in.
    ///
    /// # Errors
    /// [`ReadError::UnknownKey`] below [`FIRST_SKIPPABLE_KEY`]; otherwise whatever is not strict
    /// about the value.
    pub fn skip_unknown(&mut self, key: u64, outside: u8) -> Result<(), ReadError> {
        if key < FIRST_SKIPPABLE_KEY {
            return Err(ReadError::UnknownKey { key });
        }
        self.skip(outside)
    }

    /// Passes over the value of a field that needs no reading.
    ///
    /// # Errors
    /// [`ReadError`] for whatever is not strict about it.
    pub fn pass(&mut self) -> Result<(), ReadError> {
        self.skip(1)
    }

    /// Passes over one item. Recursion ends at [`MAX_NESTING`].
    fn skip(&mut self, outside: u8) -> Result<(), ReadError> {
        match self.head()? {
            Head::Unsigned(_) | Head::Negative | Head::Simple => Ok(()),
            Head::Bytes(length) => self.take(length).map(|_| ()),
            Head::Text(length) => self.text_of(length).map(|_| ()),
            Head::Array(_) | Head::Map(_) if outside >= MAX_NESTING => Err(ReadError::TooDeep),
            Head::Array(count) => (0..count).try_for_each(|_| self.skip(outside + 1)),
            Head::Map(count) => {
                let mut last = None;
                (0..count).try_for_each(|_| {
                    last = Some(self.key_after(last)?);
                    self.skip(outside + 1)
                })
            }
            Head::Tag(_) => Err(ReadError::Unsupported),
        }
    }

    fn text_of(&mut self, length: u64) -> Result<&'a str, ReadError> {
        core::str::from_utf8(self.take(length)?).map_err(|_| ReadError::NotUtf8)
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], ReadError> {
        let length = usize::try_from(length).map_err(|_| ReadError::Truncated)?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(ReadError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    fn head(&mut self) -> Result<Head, ReadError> {
        let (&first, rest) = self.rest.split_first().ok_or(ReadError::Truncated)?;
        self.rest = rest;
        let major = first >> 5;
        if major == 7 {
            let known = (0xF4..=0xF6).contains(&first);
            return if known { Ok(Head::Simple) } else { Err(ReadError::Unsupported) };
        }
        let value = match first & 0x1F {
            short @ 0..=23 => u64::from(short),
            24 => self.long_head(1, 24)?,
            25 => self.long_head(2, 1 << 8)?,
            26 => self.long_head(4, 1 << 16)?,
            27 => self.long_head(8, 1 << 32)?,
            31 => return Err(ReadError::Indefinite),
            _ => return Err(ReadError::Unsupported),
        };
        Ok(match major {
            0 => Head::Unsigned(value),
            1 => Head::Negative,
            2 => Head::Bytes(value),
            3 => Head::Text(value),
            4 => Head::Array(value),
            5 => Head::Map(value),
            _ => Head::Tag(value),
        })
    }

    /// Reads a value of `width` bytes that would not have fitted a shorter head.
    fn long_head(&mut self, width: u64, least: u64) -> Result<u64, ReadError> {
        let value = self.take(width)?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
        if value < least { Err(ReadError::LongHead) } else { Ok(value) }
    }
}

/// What is not strict about some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadError {
    /// More bytes than any document may have.
    TooLong {
        /// How many there were.
        bytes: usize,
    },
    /// The bytes end inside an item.
    Truncated,
    /// Bytes follow the last item.
    TrailingBytes,
    /// A head is longer than it has to be.
    LongHead,
    /// An item without a length of its own.
    Indefinite,
    /// A float, an inner tag or a reserved head.
    Unsupported,
    /// An item of another kind.
    Unexpected {
        /// The kind there should have been.
        wanted: &'static str,
    },
    /// A map key that is no unsigned integer.
    KeyNotUnsigned,
    /// A map key that is not above the one before it.
    KeyOrder {
        /// The key.
        key: u64,
    },
    /// A key that means something this reader does not know.
    UnknownKey {
        /// The key.
        key: u64,
    },
    /// A text that is not UTF-8.
    NotUtf8,
    /// Arrays and maps nested deeper than [`MAX_NESTING`].
    TooDeep,
}

impl ReadError {
    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "TR-001",
            Self::Truncated => "TR-002",
            Self::TrailingBytes => "TR-003",
            Self::LongHead => "TR-004",
            Self::Indefinite => "TR-005",
            Self::Unsupported => "TR-006",
            Self::Unexpected { .. } => "TR-007",
            Self::KeyNotUnsigned => "TR-008",
            Self::KeyOrder { .. } => "TR-009",
            Self::UnknownKey { .. } => "TR-010",
            Self::NotUtf8 => "TR-011",
            Self::TooDeep => "TR-012",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::UnknownKey { .. } => "update the reader: the document is of a newer format",
            Self::Truncated | Self::TrailingBytes => "transfer the document again, byte for byte",
            Self::TooLong { .. }
            | Self::LongHead
            | Self::Indefinite
            | Self::Unsupported
            | Self::Unexpected { .. }
            | Self::KeyNotUnsigned
            | Self::KeyOrder { .. }
            | Self::NotUtf8
            | Self::TooDeep => "sign the document again with `rollout`",
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { bytes } => {
                write!(f, "{bytes} bytes are too many, a document has at most {ENVELOPE_BYTES}")
            }
            Self::Truncated => f.write_str("the bytes end inside an item"),
            Self::TrailingBytes => f.write_str("bytes follow the end of the document"),
            Self::LongHead => f.write_str("a number or length is not written in its shortest form"),
            Self::Indefinite => f.write_str("an item does not say its length"),
            Self::Unsupported => f.write_str("an item of a kind that no document has"),
            Self::Unexpected { wanted } => write!(f, "an item is not {wanted}"),
            Self::KeyNotUnsigned => f.write_str("a map key is not an unsigned integer"),
            Self::KeyOrder { key } => write!(f, "map key {key} is not above the one before it"),
            Self::UnknownKey { key } => write!(f, "map key {key} is unknown and not skippable"),
            Self::NotUtf8 => f.write_str("a text is not UTF-8"),
            Self::TooDeep => write!(f, "arrays and maps are nested deeper than {MAX_NESTING}"),
        }
    }
}

impl core::error::Error for ReadError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn skipped(bytes: &[u8]) -> Result<(), ReadError> {
        let mut reader = Reader::new(bytes)?;
        reader.skip_unknown(FIRST_SKIPPABLE_KEY, 1)?;
        reader.end()
    }

    #[test]
    fn one_spelling_of_each_value() {
        assert_eq!(skipped(&[0x17]), Ok(()));
        assert_eq!(skipped(&[0x18, 0x17]), Err(ReadError::LongHead));
        assert_eq!(skipped(&[0x19, 0, 0xFF]), Err(ReadError::LongHead));
        assert_eq!(skipped(&[0x1A, 0, 0, 0xFF, 0xFF]), Err(ReadError::LongHead));
        assert_eq!(skipped(&[0x1B, 0, 0, 0, 0, 1, 0, 0, 0]), Err(ReadError::LongHead));
        assert_eq!(skipped(&[0x1B, 0, 0, 0, 1, 0, 0, 0, 0]), Ok(()));
        assert_eq!(skipped(&[0x58, 0x01, 0]), Err(ReadError::LongHead));
        assert_eq!(skipped(&[0x5F, 0xFF]), Err(ReadError::Indefinite));
        assert_eq!(skipped(&[0xBF, 0xFF]), Err(ReadError::Indefinite));
        assert_eq!(skipped(&[0x1C]), Err(ReadError::Unsupported));
        assert_eq!(skipped(&[0xF9, 0, 0]), Err(ReadError::Unsupported));
        assert_eq!(skipped(&[0xC0, 0]), Err(ReadError::Unsupported));
        for simple in 0xE0..=0xFF {
            let known = matches!(simple, 0xF4..=0xF6);
            assert_eq!(skipped(&[simple]).is_ok(), known, "{simple:#x}");
        }
        assert_eq!(skipped(&[0x20]), Ok(()));
    }

    #[test]
    fn skipped_maps_are_strict_too() {
        assert_eq!(skipped(&[0xA2, 1, 0, 2, 0]), Ok(()));
        assert_eq!(skipped(&[0xA2, 1, 0, 1, 0]), Err(ReadError::KeyOrder { key: 1 }));
        assert_eq!(skipped(&[0xA1, 0x61, b'a', 0]), Err(ReadError::KeyNotUnsigned));
        assert_eq!(skipped(&[0x61, 0xFF]), Err(ReadError::NotUtf8));
    }

    #[test]
    fn nesting_ends_at_four() {
        assert_eq!(skipped(&[0x81, 0x81, 0x80]), Ok(()));
        assert_eq!(skipped(&[0x81, 0x81, 0x81, 0x80]), Err(ReadError::TooDeep));
    }

    #[test]
    fn a_huge_length_is_only_a_truncation() {
        let huge = [0x5B, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
        assert_eq!(skipped(&huge), Err(ReadError::Truncated));
        let many = [0x9B, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
        assert_eq!(skipped(&many), Err(ReadError::Truncated));
        let long = [0; ENVELOPE_BYTES + 1];
        assert_eq!(skipped(&long), Err(ReadError::TooLong { bytes: ENVELOPE_BYTES + 1 }));
    }
}
