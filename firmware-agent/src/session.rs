//! An update on its way into the spare slot, as types: only what was verified can be activated.
//!
//! A session lives inside one function's life; what must outlive it is in the record. Invariant:
//! [`Session::activate`] exists for [`Verified`] alone. Not here: reading or writing flash.

use crate::boot::BootRecord;
use crate::flash::Slot;
use core::fmt;
use core::marker::PhantomData;
use rollout_core::id::Digest;

/// All bytes are in the slot.
#[derive(Clone, Copy, Debug)]
pub struct Written;
/// The bytes are those of the manifest.
#[derive(Clone, Copy, Debug)]
pub struct Verified;

/// An update in the spare slot.
///
/// ```compile_fail
/// use firmware_agent::{boot::BootRecord, flash::Slot, session::Session};
/// let digest = rollout_core::id::Digest::of(b"image");
/// Session::written(Slot::B, digest).activate(BootRecord::FACTORY); // not verified
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "an image that is not activated never boots"]
pub struct Session<S> {
    slot: Slot,
    expected: Digest,
    state: PhantomData<S>,
}

/// The slot does not hold what the signed manifest promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DigestMismatch {
    /// The slot.
    pub slot: Slot,
}

impl fmt::Display for DigestMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "slot {} does not hold the image of the manifest", self.slot.index())
    }
}

impl core::error::Error for DigestMismatch {}

impl Session<Written> {
    /// A slot whose last byte has been written.
    pub const fn written(slot: Slot, expected: Digest) -> Self {
        Self { slot, expected, state: PhantomData }
    }

    /// Compares what flash holds with what the signed manifest promised.
    ///
    /// # Errors
    /// [`DigestMismatch`] if they differ in any bit.
    //= trust §4, step 11
    pub fn verify(self, actual: Digest) -> Result<Session<Verified>, DigestMismatch> {
        if actual != self.expected {
            return Err(DigestMismatch { slot: self.slot });
        }
        Ok(Session { slot: self.slot, expected: self.expected, state: PhantomData })
    }
}

impl Session<Verified> {
    /// The boot record that tries this image next.
    #[must_use]
    pub const fn activate(self, current: BootRecord) -> BootRecord {
        current.switched_to(self.slot)
    }

    /// What was verified.
    pub const fn digest(&self) -> Digest {
        self.expected
    }
}
