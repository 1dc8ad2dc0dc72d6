//! A value in two copies, each with a sequence number and a CRC: a torn write loses nothing.
//!
//! The older copy is overwritten, header last, so at each moment one whole copy exists.
//! Invariant: [`save`] either leaves the new value or the one before. Values are written and read
//! in small pieces, because a device has no room for a second image of its record.
//! Not here: what a value means.

use crate::flash::{Flash, Half, Region, SECTOR_BYTES};

const MAGIC: u32 = 0x4643_5256;
const HEADER_BYTES: usize = 16;
const PIECE_BYTES: usize = 1024;

/// A value that can be written as bytes and read back.
pub trait Stored: Sized {
    /// Region of a copy.
    fn region(half: Half) -> Region;
    /// Writes the value.
    ///
    /// # Errors
    /// The flash's.
    fn put<F: Flash>(&self, out: &mut Writer<'_, F>) -> Result<(), F::Error>;
    /// Reads the value; `None` inside if the bytes are not one.
    ///
    /// # Errors
    /// The flash's.
    fn get<F: Flash>(from: &mut Reader<'_, F>) -> Result<Option<Self>, F::Error>;
}

/// Puts bytes behind each other into a copy.
pub struct Writer<'f, F> {
    flash: &'f mut F,
    region: Region,
    at: u32,
    crc: Crc,
    piece: [u8; PIECE_BYTES],
    used: usize,
}

impl<F: Flash> Writer<'_, F> {
    /// Adds bytes.
    ///
    /// # Errors
    /// The flash's.
    pub fn bytes(&mut self, mut bytes: &[u8]) -> Result<(), F::Error> {
        self.crc.add(bytes);
        while !bytes.is_empty() {
            let take = bytes.len().min(PIECE_BYTES - self.used);
            let (now, later) = bytes.split_at(take);
            self.piece[self.used..self.used + take].copy_from_slice(now);
            self.used += take;
            bytes = later;
            if self.used == PIECE_BYTES {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Adds a number, little endian.
    ///
    /// # Errors
    /// The flash's.
    pub fn number(&mut self, value: u64) -> Result<(), F::Error> {
        self.bytes(&value.to_le_bytes())
    }

    /// Adds one byte.
    ///
    /// # Errors
    /// The flash's.
    pub fn byte(&mut self, value: u8) -> Result<(), F::Error> {
        self.bytes(&[value])
    }

    /// Adds text or bytes with their length in front.
    ///
    /// # Errors
    /// The flash's.
    pub fn counted(&mut self, bytes: &[u8]) -> Result<(), F::Error> {
        self.bytes(&(bytes.len() as u16).to_le_bytes())?;
        self.bytes(bytes)
    }

    fn flush(&mut self) -> Result<(), F::Error> {
        if self.used > 0 {
            self.flash.write(self.region, self.at, &self.piece[..self.used])?;
            self.at += self.used as u32;
            self.used = 0;
        }
        Ok(())
    }
}

/// Takes bytes from a copy whose CRC is good.
pub struct Reader<'f, F> {
    flash: &'f mut F,
    region: Region,
    at: u32,
    end: u32,
}

impl<F: Flash> Reader<'_, F> {
    /// Fills `into`; `None` if the value ends before.
    ///
    /// # Errors
    /// The flash's.
    pub fn bytes(&mut self, into: &mut [u8]) -> Result<Option<()>, F::Error> {
        if (self.end - self.at) < into.len() as u32 {
            return Ok(None);
        }
        self.flash.read(self.region, self.at, into)?;
        self.at += into.len() as u32;
        Ok(Some(()))
    }

    /// Takes a number.
    ///
    /// # Errors
    /// The flash's.
    pub fn number(&mut self) -> Result<Option<u64>, F::Error> {
        let mut bytes = [0; 8];
        Ok(self.bytes(&mut bytes)?.map(|()| u64::from_le_bytes(bytes)))
    }

    /// Takes a byte.
    ///
    /// # Errors
    /// The flash's.
    pub fn byte(&mut self) -> Result<Option<u8>, F::Error> {
        let mut bytes = [0];
        Ok(self.bytes(&mut bytes)?.map(|()| bytes[0]))
    }

    /// Takes counted bytes into the front of `into`; their length.
    ///
    /// # Errors
    /// The flash's.
    pub fn counted(&mut self, into: &mut [u8]) -> Result<Option<usize>, F::Error> {
        let mut length = [0; 2];
        let Some(()) = self.bytes(&mut length)? else { return Ok(None) };
        let length = usize::from(u16::from_le_bytes(length));
        let Some(into) = into.get_mut(..length) else { return Ok(None) };
        Ok(self.bytes(into)?.map(|()| length))
    }
}

/// What a copy's header says.
#[derive(Clone, Copy)]
struct Header {
    sequence: u32,
    length: u32,
}

/// Reads the newest whole copy; `None` if there is none.
///
/// # Errors
/// The flash's.
pub fn load<T: Stored, F: Flash>(flash: &mut F) -> Result<Option<T>, F::Error> {
    let Some((half, header)) = newest::<T, F>(flash)? else { return Ok(None) };
    let at = HEADER_BYTES as u32;
    T::get(&mut Reader { flash, region: T::region(half), at, end: at + header.length })
}

/// Writes the value over the older copy.
///
/// # Errors
/// The flash's; the copy before is untouched.
pub fn save<T: Stored, F: Flash>(flash: &mut F, value: &T) -> Result<(), F::Error> {
    let (half, sequence) = match newest::<T, F>(flash)? {
        Some((half, header)) => (half.other(), header.sequence.wrapping_add(1)),
        None => (Half::First, 1),
    };
    let region = T::region(half);
    let room = match region {
        Region::Boot(_) => crate::flash::BOOT_BYTES,
        Region::Record(_) => crate::flash::RECORD_BYTES,
        Region::Slot(_) => SECTOR_BYTES,
    };
    flash.erase(region, 0, room)?;
    let crc = Crc::starting_with(sequence);
    let piece = [0; PIECE_BYTES];
    let at = HEADER_BYTES as u32;
    let mut out = Writer { flash, region, at, crc, piece, used: 0 };
    value.put(&mut out)?;
    out.flush()?;
    let (length, crc) = (out.at - HEADER_BYTES as u32, out.crc.value());
    let mut header = [0; HEADER_BYTES];
    for (field, value) in header.chunks_exact_mut(4).zip([MAGIC, sequence, length, crc]) {
        field.copy_from_slice(&value.to_le_bytes());
    }
    flash.write(region, 0, &header)
}

fn newest<T: Stored, F: Flash>(flash: &mut F) -> Result<Option<(Half, Header)>, F::Error> {
    let first = whole(flash, T::region(Half::First))?;
    let second = whole(flash, T::region(Half::Second))?;
    Ok(match (first, second) {
        (Some(first), Some(second)) if second.sequence.wrapping_sub(first.sequence) < 1 << 31 => {
            Some((Half::Second, second))
        }
        (Some(first), _) => Some((Half::First, first)),
        (None, Some(second)) => Some((Half::Second, second)),
        (None, None) => None,
    })
}

/// The header of a copy whose CRC is good.
fn whole<F: Flash>(flash: &mut F, region: Region) -> Result<Option<Header>, F::Error> {
    let mut bytes = [0; HEADER_BYTES];
    flash.read(region, 0, &mut bytes)?;
    let mut fields = bytes
        .chunks_exact(4)
        .map(|field| field.iter().rev().fold(0_u32, |value, byte| value << 8 | u32::from(*byte)));
    let mut field = || fields.next().unwrap_or(0);
    let (magic, header, expected) =
        (field(), Header { sequence: field(), length: field() }, field());
    if magic != MAGIC || header.length > crate::flash::RECORD_BYTES - HEADER_BYTES as u32 {
        return Ok(None);
    }
    let mut crc = Crc::starting_with(header.sequence);
    let mut piece = [0; PIECE_BYTES];
    let mut done = 0;
    while done < header.length {
        let take = (header.length - done).min(PIECE_BYTES as u32);
        let piece = &mut piece[..take as usize];
        flash.read(region, HEADER_BYTES as u32 + done, piece)?;
        crc.add(piece);
        done += take;
    }
    Ok((crc.value() == expected).then_some(header))
}

/// CRC-32 as in Ethernet, reflected.
struct Crc(u32);

impl Crc {
    fn starting_with(sequence: u32) -> Self {
        let mut crc = Self(u32::MAX);
        crc.add(&sequence.to_le_bytes());
        crc
    }

    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 ^= u32::from(*byte);
            for _ in 0..8 {
                let low = self.0 & 1;
                self.0 = self.0 >> 1 ^ (0xEDB8_8320 & low.wrapping_neg());
            }
        }
    }

    fn value(&self) -> u32 {
        !self.0
    }
}
