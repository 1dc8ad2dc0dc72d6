//! Walks an app image from its first byte to its last, in pieces of any size.
//!
//! Finds what a digest over the file cannot: that the file was whole before it was hashed. Nothing
//! is kept but a few numbers and two hashes. Deliberately not here: what the head says, and the
//! signatures of a secure boot, which the boot loader checks.
//!
//! Invariant: the walk says yes to one length alone, and only with the checksum and the hash that
//! follow from the bytes before them.

use super::{HASH_APPENDED_AT, ImageError, MAX_SEGMENTS, SEGMENT_COUNT_AT};
use sha2::{Digest as _, Sha256};

//= ESP-IDF esp_app_format.h: esp_image_header_t, esp_image_segment_header_t
const HEADER_BYTES: usize = 24;
const SEGMENT_HEAD_BYTES: usize = 8;
/// The checksum is the last byte of a line.
//= ESP-IDF esp_image_format.c: process_checksum
const LINE_BYTES: u64 = 16;
const CHECKSUM_SEED: u8 = 0xEF;
const HASH_BYTES: usize = 32;
/// A signed image goes on to the next sector with these bytes, and has one sector of signatures.
//= ESP-IDF secure boot v2: signature block
const SIGNED_PADDING: u8 = 0xFF;
const SIGNATURE_MAGIC: u8 = 0xE7;
const SECTOR_BYTES: u64 = 4096;

/// What the next bytes of an image are.
#[derive(Clone, Debug)]
enum Part {
    Header,
    SegmentHead,
    Data {
        left: u32,
    },
    Padding,
    Hash,
    /// The image may end here.
    Whole,
    /// After the end of a signed image, up to its signatures.
    SignedPadding,
    Signatures {
        left: u64,
    },
}

/// A walk through an image that has come to some byte of it.
#[derive(Clone, Debug)]
pub struct Walk {
    at: u64,
    part: Part,
    /// The bytes of a header or a hash, as far as they have come.
    held: [u8; HASH_BYTES],
    count: usize,
    segments: u8,
    has_hash: bool,
    sum: u8,
    hash: Sha256,
}

impl Default for Walk {
    fn default() -> Self {
        Self {
            at: 0,
            part: Part::Header,
            held: [0; HASH_BYTES],
            count: 0,
            segments: 0,
            has_hash: false,
            sum: CHECKSUM_SEED,
            hash: Sha256::new(),
        }
    }
}

impl Walk {
    /// Takes the next bytes of the image.
    ///
    /// # Errors
    /// [`ImageError`] if the image is over before them, or contradicts itself.
    pub fn add(&mut self, mut bytes: &[u8]) -> Result<(), ImageError> {
        while let Some(first) = bytes.first() {
            let taken = match &mut self.part {
                Part::Header => self.hold::<HEADER_BYTES>(bytes, Self::begin)?,
                Part::SegmentHead => self.hold::<SEGMENT_HEAD_BYTES>(bytes, Self::segment)?,
                Part::Hash => self.hold::<HASH_BYTES>(bytes, Self::compare)?,
                Part::Data { left } => {
                    let count = bytes.len().min(*left as usize);
                    *left -= count as u32;
                    let is_over = *left == 0;
                    self.sum = bytes[..count].iter().fold(self.sum, |sum, byte| sum ^ byte);
                    self.pass(&bytes[..count]);
                    if is_over {
                        self.next_segment();
                    }
                    count
                }
                Part::Padding => self.pad(*first)?,
                Part::Whole | Part::SignedPadding => self.sign(*first)?,
                Part::Signatures { left: 0 } => {
                    return Err(ImageError::TooLong { bytes: self.at });
                }
                Part::Signatures { left } => {
                    let count = bytes.len().min(*left as usize);
                    *left -= count as u64;
                    self.at += count as u64;
                    count
                }
            };
            bytes = &bytes[taken..];
        }
        Ok(())
    }

    /// Says whether the image may end here.
    ///
    /// # Errors
    /// [`ImageError`] if something is missing, or more is there than belongs to it.
    pub fn end(&self) -> Result<(), ImageError> {
        let part = match self.part {
            Part::Whole | Part::Signatures { left: 0 } => return Ok(()),
            Part::SignedPadding => return Err(ImageError::TooLong { bytes: self.at }),
            Part::Header => "header",
            Part::SegmentHead | Part::Data { .. } => "segments",
            Part::Padding => "checksum",
            Part::Hash => "hash",
            Part::Signatures { .. } => "signatures",
        };
        Err(ImageError::CutShort { bytes: self.at, part })
    }

    fn pass(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.at += bytes.len() as u64;
    }

    /// Collects `N` bytes, then goes on; says how many were taken.
    fn hold<const N: usize>(
        &mut self,
        bytes: &[u8],
        then: fn(&mut Self) -> Result<(), ImageError>,
    ) -> Result<usize, ImageError> {
        let count = bytes.len().min(N - self.count);
        self.held[self.count..self.count + count].copy_from_slice(&bytes[..count]);
        self.count += count;
        if matches!(self.part, Part::Hash) {
            self.at += count as u64;
        } else {
            self.pass(&bytes[..count]);
        }
        if self.count == N {
            self.count = 0;
            then(self)?;
        }
        Ok(count)
    }

    fn begin(&mut self) -> Result<(), ImageError> {
        self.segments = self.held[SEGMENT_COUNT_AT];
        if !(1..=MAX_SEGMENTS).contains(&self.segments) {
            return Err(ImageError::SegmentCount { found: self.segments });
        }
        self.has_hash = self.held[HASH_APPENDED_AT] == 1;
        self.part = Part::SegmentHead;
        Ok(())
    }

    fn segment(&mut self) -> Result<(), ImageError> {
        let [_, _, _, _, a, b, c, d, ..] = self.held;
        let left = u32::from_le_bytes([a, b, c, d]);
        self.part = Part::Data { left };
        if left == 0 {
            self.next_segment();
        }
        Ok(())
    }

    fn next_segment(&mut self) {
        self.segments -= 1;
        self.part = if self.segments == 0 { Part::Padding } else { Part::SegmentHead };
    }

    /// One byte of padding, or the checksum behind it.
    fn pad(&mut self, byte: u8) -> Result<usize, ImageError> {
        self.pass(&[byte]);
        if self.at.is_multiple_of(LINE_BYTES) {
            if byte != self.sum {
                return Err(ImageError::Checksum { found: byte, counted: self.sum });
            }
            self.part = if self.has_hash { Part::Hash } else { Part::Whole };
        }
        Ok(1)
    }

    fn compare(&mut self) -> Result<(), ImageError> {
        let counted: [u8; HASH_BYTES] = self.hash.clone().finalize().into();
        if self.held != counted {
            return Err(ImageError::AppendedHash);
        }
        self.part = Part::Whole;
        Ok(())
    }

    /// One byte behind the end: of a signed image, or one too many.
    fn sign(&mut self, byte: u8) -> Result<usize, ImageError> {
        if self.at.is_multiple_of(SECTOR_BYTES) && byte == SIGNATURE_MAGIC {
            self.part = Part::Signatures { left: SECTOR_BYTES - 1 };
        } else if !self.at.is_multiple_of(SECTOR_BYTES) && byte == SIGNED_PADDING {
            self.part = Part::SignedPadding;
        } else {
            return Err(ImageError::TooLong { bytes: self.at });
        }
        self.at += 1;
        Ok(1)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    /// An image of two segments, the second of them of no multiple of anything.
    fn image(has_hash: bool) -> Vec<u8> {
        let mut image = Vec::from([0; HEADER_BYTES]);
        (image[0], image[SEGMENT_COUNT_AT]) = (0xE9, 2);
        image[HASH_APPENDED_AT] = u8::from(has_hash);
        let mut sum = CHECKSUM_SEED;
        for length in [300_u32, 77] {
            image.extend([0; 4]);
            image.extend(length.to_le_bytes());
            let data: Vec<u8> = (0..length).map(|at| (at * 7 + length) as u8).collect();
            sum = data.iter().fold(sum, |sum, byte| sum ^ byte);
            image.extend(data);
        }
        while image.len() % 16 != 15 {
            image.push(0);
        }
        image.push(sum);
        if has_hash {
            image.extend(Vec::from(&Sha256::digest(&image)[..]));
        }
        image
    }

    fn signed() -> Vec<u8> {
        let mut image = image(true);
        image.resize(image.len().next_multiple_of(4096), SIGNED_PADDING);
        image.push(SIGNATURE_MAGIC);
        image.resize(image.len() + 4095, 2);
        image
    }

    fn walk(image: &[u8], piece: usize) -> Result<(), &'static str> {
        let mut walk = Walk::default();
        let added = image.chunks(piece).try_for_each(|bytes| walk.add(bytes));
        added.and_then(|()| walk.end()).map_err(|error| error.code())
    }

    #[test]
    fn a_whole_image_is_whole_in_pieces_of_any_size() {
        for image in [image(true), image(false), signed()] {
            for piece in [1, 2, 7, 24, 100, 10_000] {
                assert_eq!(walk(&image, piece), Ok(()), "pieces of {piece}");
            }
        }
    }

    #[test]
    fn an_image_cut_anywhere_is_refused() {
        for image in [image(true), image(false)] {
            for end in 0..image.len() {
                assert_eq!(walk(&image[..end], 64), Err("IM-011"), "{end} bytes");
            }
        }
        let (signed, whole) = (signed(), image(true).len());
        for end in whole + 1..signed.len() {
            let code = if end <= signed.len() - 4096 { "IM-012" } else { "IM-011" };
            assert_eq!(walk(&signed[..end], 512), Err(code), "{end} bytes");
        }
    }

    #[test]
    fn a_byte_more_is_refused() {
        for mut image in [image(true), image(false), signed()] {
            for more in [0, 0xE7, 0xFF] {
                image.push(more);
                assert_eq!(walk(&image, 64), Err("IM-012"), "{more:#x}");
                image.pop();
            }
        }
    }

    #[test]
    fn checksum_and_hash_are_counted() {
        let (whole, bare) = (image(true), image(false));
        for at in 0..bare.len() {
            let mut changed = bare.clone();
            changed[at] ^= 0x10;
            let is_data = (32..332).contains(&at) || (340..417).contains(&at);
            if is_data || at == bare.len() - 1 {
                assert_eq!(walk(&changed, 64), Err("IM-013"), "byte {at}");
            }
        }
        for at in (2..23).chain(bare.len()..whole.len()) {
            let mut changed = whole.clone();
            changed[at] ^= 0x10;
            assert_eq!(walk(&changed, 64), Err("IM-014"), "byte {at}");
        }
    }
}
