//! A bounded writer of deterministic CBOR into a borrowed buffer.
//!
//! The device needs it to rebuild the bytes a signature covers, signers need it for documents.
//! Deliberately not here: the order of map keys, which is the caller's, and growth.
//!
//! Invariant: heads have their shortest form, and after an overflow nothing more is written.

use core::fmt;

/// Writes items to the front of a buffer. What did not fit is noticed by [`Writer::finish`].
#[derive(Debug)]
pub struct Writer<'b> {
    buffer: &'b mut [u8],
    written: usize,
    full: Option<BufferFull>,
}

/// The buffer was too small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferFull {
    /// Bytes the buffer has.
    pub capacity: usize,
}

impl BufferFull {
    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        "TR-090"
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        "shorten the texts and lists of the document"
    }
}

impl fmt::Display for BufferFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a document did not fit {} bytes", self.capacity)
    }
}

impl core::error::Error for BufferFull {}

impl<'b> Writer<'b> {
    /// Starts at the front of `buffer`.
    pub fn new(buffer: &'b mut [u8]) -> Self {
        Self { buffer, written: 0, full: None }
    }

    /// Writes an unsigned integer.
    pub fn unsigned(&mut self, value: u64) {
        self.head(0, value);
    }

    /// Writes a byte string.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.head(2, bytes.len() as u64);
        self.raw(bytes);
    }

    /// Writes a text.
    pub fn text(&mut self, text: &str) {
        self.head(3, text.len() as u64);
        self.raw(text.as_bytes());
    }

    /// Writes the head of an array of `count` items.
    pub fn array(&mut self, count: usize) {
        self.head(4, count as u64);
    }

    /// Writes the head of a map of `count` pairs.
    pub fn map(&mut self, count: usize) {
        self.head(5, count as u64);
    }

    /// Writes a tag.
    pub fn tag(&mut self, number: u64) {
        self.head(6, number);
    }

    /// Writes bytes that are encoded already.
    pub fn raw(&mut self, bytes: &[u8]) {
        let end = self.written + bytes.len();
        match self.buffer.get_mut(self.written..end) {
            Some(space) if self.full.is_none() => {
                space.copy_from_slice(bytes);
                self.written = end;
            }
            Some(_) | None => self.full = Some(BufferFull { capacity: self.buffer.len() }),
        }
    }

    /// What was written.
    ///
    /// # Errors
    /// [`BufferFull`] if anything did not fit.
    pub fn finish(self) -> Result<&'b [u8], BufferFull> {
        match self.full {
            Some(full) => Err(full),
            None => Ok(&self.buffer[..self.written]),
        }
    }

    fn head(&mut self, major: u8, value: u64) {
        let major = major << 5;
        let wide = value.to_be_bytes();
        match value {
            0..=0x17 => self.raw(&[major | wide[7]]),
            0x18..=0xFF => self.raw(&[major | 24, wide[7]]),
            0x100..=0xFFFF => self.long_head(major | 25, &wide[6..]),
            0x1_0000..=0xFFFF_FFFF => self.long_head(major | 26, &wide[4..]),
            0x1_0000_0000.. => self.long_head(major | 27, &wide),
        }
    }

    fn long_head(&mut self, first: u8, value: &[u8]) {
        self.raw(&[first]);
        self.raw(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::reader::Reader;

    #[test]
    fn the_strict_reader_reads_it_back() {
        let edges = [0, 23, 24, 255, 256, 65_535, 65_536, 1 << 32, u64::MAX];
        for value in edges {
            let mut buffer = [0; 9];
            let mut writer = Writer::new(&mut buffer);
            writer.unsigned(value);
            let bytes = writer.finish().expect("nine bytes hold any head");
            let mut reader = Reader::new(bytes).expect("short");
            assert_eq!(reader.unsigned(), Ok(value));
            assert_eq!(reader.end(), Ok(()));
        }
    }

    #[test]
    fn what_does_not_fit_is_noticed() {
        let mut buffer = [0; 4];
        let mut writer = Writer::new(&mut buffer);
        writer.text("long");
        writer.unsigned(1);
        assert_eq!(writer.finish(), Err(BufferFull { capacity: 4 }));
    }
}
