//! Test images: app images in ESP-IDF's form whose bytes say how they behave.
//!
//! Badness is a property of the signed bytes, so a rollout cannot tell a bad image from a good
//! one but by its devices. Invariant: what [`build`] returns, [`whole`], the header parser and the
//! walk of the core accept. Not here: publishing.

use crate::flash::{Flash, Region, Slot};
use rollout_core::id::Digest;
use rollout_core::image::{DESCRIPTOR_MAGIC, HEAD_BYTES, IMAGE_MAGIC};
use sha2::{Digest as _, Sha256};

/// Chip of boards that exist in tests alone.
pub const CHIP_TEST: u16 = 0xFFF0;
/// Smallest image, in bytes.
pub const SMALLEST_BYTES: usize = 1024;

const HEADER_BYTES: usize = 24;
const SEGMENT_HEAD_BYTES: usize = 8;
const HASH_BYTES: usize = 32;
const LINE_BYTES: usize = 16;
const CHECKSUM_SEED: u8 = 0xEF;
const BEHAVIOR_MAGIC: &[u8; 8] = b"BEHAVIOR";
/// Bytes from the start of an image in which its behavior is found.
pub const BEHAVIOR_END: usize = HEAD_BYTES + BEHAVIOR_MAGIC.len() + 3 * 4;
const MILLION: u64 = 1_000_000;

/// How devices fare with an image, in parts per million of all devices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Behavior {
    /// Fail their self-test and return.
    pub fail_ppm: u32,
    /// Go dark for ever.
    pub dark_ppm: u32,
    /// Crash on trial and return.
    pub crash_ppm: u32,
}

/// What an image does on one device, when it is on trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conduct {
    /// Works.
    Works,
    /// Fails its self-test.
    Fails,
    /// Never says anything again.
    GoesDark,
    /// Crashes.
    Crashes,
}

impl Behavior {
    /// What happens on the device `draw` stands for, which is uniform over all numbers.
    pub fn conduct(&self, draw: u64) -> Conduct {
        let place = draw % MILLION;
        let dark = u64::from(self.dark_ppm);
        let crash = dark + u64::from(self.crash_ppm);
        let fail = crash + u64::from(self.fail_ppm);
        match place {
            _ if place < dark => Conduct::GoesDark,
            _ if place < crash => Conduct::Crashes,
            _ if place < fail => Conduct::Fails,
            _ => Conduct::Works,
        }
    }
}

/// What to build.
#[derive(Clone, Copy, Debug)]
pub struct ImageSpec<'a> {
    /// Product; the project of the descriptor.
    pub product: &'a str,
    /// Version.
    pub version: &'a str,
    /// Chip; [`CHIP_TEST`] for simulated devices.
    pub chip_id: u16,
    /// Hardware security counter.
    pub secure_version: u32,
    /// Bytes of the image, rounded up to 16, at least [`SMALLEST_BYTES`].
    pub size: usize,
    /// How devices fare with it.
    pub behavior: Behavior,
    /// Draws the bytes, so that two builds differ.
    pub seed: u64,
}

impl Default for ImageSpec<'_> {
    fn default() -> Self {
        Self {
            product: "thermostat",
            version: "1.0.0",
            chip_id: CHIP_TEST,
            secure_version: 0,
            size: 16 * 1024,
            behavior: Behavior::default(),
            seed: 1,
        }
    }
}

/// Builds an app image: header, one segment, checksum and hash.
pub fn build(spec: &ImageSpec<'_>) -> Vec<u8> {
    let size = spec.size.max(SMALLEST_BYTES).next_multiple_of(LINE_BYTES);
    let segment = size - HEADER_BYTES - SEGMENT_HEAD_BYTES - LINE_BYTES - HASH_BYTES;
    let mut image = vec![0; size];
    image[0] = IMAGE_MAGIC;
    image[1] = 1;
    put(&mut image, 4, &0x4038_0000_u32.to_le_bytes());
    put(&mut image, 12, &spec.chip_id.to_le_bytes());
    image[23] = 1;
    put(&mut image, 24, &0x3C00_0020_u32.to_le_bytes());
    put(&mut image, 28, &(segment as u32).to_le_bytes());
    put(&mut image, 0x20, &DESCRIPTOR_MAGIC.to_le_bytes());
    put(&mut image, 0x24, &spec.secure_version.to_le_bytes());
    put_text(&mut image, 0x30, spec.version);
    put_text(&mut image, 0x50, spec.product);
    put_text(&mut image, 0x90, "simulated");
    put(&mut image, 0xB0, Digest::of(&spec.seed.to_le_bytes()).as_bytes());
    put(&mut image, HEAD_BYTES, BEHAVIOR_MAGIC);
    let Behavior { fail_ppm, dark_ppm, crash_ppm } = spec.behavior;
    for (at, ppm) in [fail_ppm, dark_ppm, crash_ppm].into_iter().enumerate() {
        put(&mut image, HEAD_BYTES + 8 + 4 * at, &ppm.to_le_bytes());
    }
    let mut random = super::sim::Random::new(
        spec.seed ^ Digest::of(spec.version.as_bytes()).as_bytes()[0] as u64,
    );
    let end = HEADER_BYTES + SEGMENT_HEAD_BYTES + segment;
    for bytes in image[BEHAVIOR_END..end].chunks_mut(8) {
        bytes.copy_from_slice(&random.next().to_le_bytes()[..bytes.len()]);
    }
    let data = &image[HEADER_BYTES + SEGMENT_HEAD_BYTES..end];
    image[size - HASH_BYTES - 1] = data.iter().fold(CHECKSUM_SEED, |sum, byte| sum ^ byte);
    let hash = Digest::of(&image[..size - HASH_BYTES]);
    put(&mut image, size - HASH_BYTES, hash.as_bytes());
    image
}

fn put(image: &mut [u8], at: usize, bytes: &[u8]) {
    image[at..at + bytes.len()].copy_from_slice(bytes);
}

fn put_text(image: &mut [u8], at: usize, text: &str) {
    put(image, at, &text.as_bytes()[..text.len().min(32)]);
}

/// The behavior that the first [`BEHAVIOR_END`] bytes of an image state; `None` if they do not.
pub fn behavior(image: &[u8]) -> Option<Behavior> {
    let record = image.get(HEAD_BYTES..BEHAVIOR_END)?.strip_prefix(BEHAVIOR_MAGIC)?;
    let mut numbers = record
        .chunks_exact(4)
        .map(|number| number.iter().rev().fold(0_u32, |value, byte| value << 8 | u32::from(*byte)));
    Some(Behavior {
        fail_ppm: numbers.next()?,
        dark_ppm: numbers.next()?,
        crash_ppm: numbers.next()?,
    })
}

/// What a bootloader asks of a slot: an image that is whole by its own hash. Its digest if so.
///
/// # Errors
/// The flash's.
pub fn whole<F: Flash>(flash: &mut F, slot: Slot) -> Result<Option<Digest>, F::Error> {
    let region = Region::Slot(slot);
    let limit = flash.slot_bytes();
    let mut header = [0; HEADER_BYTES];
    flash.read(region, 0, &mut header)?;
    if header[0] != IMAGE_MAGIC || header[23] != 1 {
        return Ok(None);
    }
    let mut at = HEADER_BYTES as u32;
    for _ in 0..header[1] {
        if at.saturating_add(SEGMENT_HEAD_BYTES as u32) > limit {
            return Ok(None);
        }
        let mut head = [0; SEGMENT_HEAD_BYTES];
        flash.read(region, at, &mut head)?;
        let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        let Some(next) = at.checked_add(8).and_then(|at| at.checked_add(length)) else {
            return Ok(None);
        };
        at = next;
    }
    let body = (u64::from(at) + 1).next_multiple_of(LINE_BYTES as u64);
    if body + HASH_BYTES as u64 > u64::from(limit) {
        return Ok(None);
    }
    let mut hash = Sha256::new();
    crate::verify::add_slot(flash, slot, body as u32, &mut hash)?;
    let mut stated = [0; HASH_BYTES];
    flash.read(region, body as u32, &mut stated)?;
    let found: [u8; HASH_BYTES] = hash.clone().finalize().into();
    hash.update(stated);
    Ok((found == stated).then(|| Digest::from_bytes(hash.finalize().into())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rollout_core::image::{ImageHeader, Walk};

    #[test]
    fn a_sample_image_is_one_that_may_be_published() {
        for size in [0, 1025, 4096, 100_000] {
            let image = build(&ImageSpec { size, ..ImageSpec::default() });
            let header = ImageHeader::parse(&image).expect("a head");
            assert_eq!((header.version, header.hash_appended), ("1.0.0", true));
            let mut walk = Walk::default();
            walk.add(&image).expect("an image");
            assert_eq!(walk.end(), Ok(()));
        }
    }
}
