//! A simulated board: flash with a bootloader, in memory with power cuts, or in files.
//!
//! Invariant: what boots is decided here from the boot record and the bytes in the slots, and
//! noted here; the agent has no say in it. Not here: what an image does once it runs.

mod files;
mod ram;

pub use files::{FileError, FileFlash};
pub(super) use files::{append, boots, cause_name as name};
pub use ram::{PowerCut, RamFlash};

use super::image;
use crate::boot::{BootRecord, State};
use crate::cell;
use crate::flash::{Board, Flash, Slot};
use crate::record::{Document, Order, Record};
use rollout_core::id::Digest;

/// A stream of numbers that a seed determines (SplitMix64).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The stream of a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The stream of a seed and a name.
    pub fn named(seed: u64, name: &str) -> Self {
        Self(draw(seed, name.as_bytes(), &[]))
    }

    /// The next number.
    #[expect(clippy::should_implement_trait, reason = "it never ends, so it is no iterator")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// Whether an event of this rate happens.
    pub fn happens(&mut self, rate: f64) -> bool {
        rate > 0.0 && ((self.next() >> 11) as f64) < rate * (1_u64 << 53) as f64
    }
}

/// A number that a seed and two byte strings determine.
pub fn draw(seed: u64, first: &[u8], second: &[u8]) -> u64 {
    let mut bytes = seed.to_le_bytes().to_vec();
    bytes.extend((first.len() as u64).to_le_bytes());
    bytes.extend(first);
    bytes.extend(second);
    let digest = Digest::of(&bytes);
    digest.as_bytes()[..8].iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// What the bootloader found and did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Boot {
    /// The slot it jumped to.
    pub slot: Slot,
    /// State of the image there.
    pub state: State,
    /// SHA-256 of the image, measured from flash.
    pub digest: Digest,
}

/// A reset: picks a slot by the rule of [`crate::boot`] and writes the boot record.
///
/// `None` if no slot can be booted: the board is lost.
///
/// # Errors
/// The flash's.
pub fn boot<F: Flash>(flash: &mut F) -> Result<Option<Boot>, F::Error> {
    let Some(record) = cell::load::<BootRecord, F>(flash)? else { return Ok(None) };
    let digests = [image::whole(flash, Slot::A)?, image::whole(flash, Slot::B)?];
    let next = record.at_reset(|slot| digests[slot.index()].is_some());
    let Some(digest) = digests[next.active.index()] else { return Ok(None) };
    if next != record {
        cell::save(flash, &next)?;
    }
    Ok(Some(Boot { slot: next.active, state: next.state, digest }))
}

/// What a factory writes besides the image.
#[derive(Clone, Copy, Debug)]
pub struct Factory<'a> {
    /// The root document's envelope.
    pub root: &'a [u8],
    /// Epoch and counter of the factory image.
    pub order: Order,
    /// The factory image's digest.
    pub image: Digest,
    /// Random number of this flash's life.
    pub incarnation: u64,
}

/// Writes both records of a new device. The root must have been checked.
///
/// # Errors
/// The flash's.
pub fn provision<B: Board>(board: &mut B, factory: &Factory<'_>) -> Result<(), B::Error> {
    let Factory { root, order, image, incarnation } = *factory;
    if let Some(root) = Document::new(root) {
        cell::save(board, &Record::factory(incarnation, root, order, image))?;
    }
    cell::save(board, &BootRecord::FACTORY)
}
