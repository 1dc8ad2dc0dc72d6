//! What an agent remembers across power cuts, as one value that is replaced as a whole.
//!
//! One record and one write per step, so no two parts of it can disagree. Invariant: everything a
//! report needs (identity, sequence) is stored before the report is sent. Not here: what boots;
//! that is the boot record, which a bootloader must understand as well.

mod codec;

use crate::flash::Slot;
use crate::outbox::Outbox;
use crate::text::Text;
use rollout_core::id::Digest;
use rollout_core::limits::{ENVELOPE_BYTES, PRODUCT_BYTES, VERSION_BYTES};
use rollout_core::wire::{Event, Reason};

/// How many failed images are remembered.
pub const FAILED: usize = 4;
/// Longest rollout id, in bytes: hyphenated UUID text.
pub const ROLLOUT_BYTES: usize = 36;

/// Which rollout, and which attempt in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The rollout.
    pub rollout: Text<ROLLOUT_BYTES>,
    /// The attempt, from 1.
    pub attempt: u32,
}

/// Epoch and release counter: compared as a pair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Order {
    /// The root's epoch.
    pub epoch: u64,
    /// The release counter within it.
    pub counter: u64,
}

/// What an accepted manifest says, as far as it is needed after it was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// SHA-256 of the image.
    pub digest: Digest,
    /// Its length in bytes, from 1 to the slot's.
    pub length: u32,
    /// Epoch and counter of the release.
    pub order: Order,
    /// Hardware security counter that confirming it raises the fuse to.
    pub secure_version: u32,
    /// Chip of the image header.
    pub chip_id: u16,
    /// Product, which is the project of the image's descriptor.
    pub product: Text<PRODUCT_BYTES>,
    /// Version.
    pub version: Text<VERSION_BYTES>,
}

/// How far a pending install has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Bytes arrive; this many are surely in flash, a multiple of a sector.
    Downloading {
        /// Bytes in flash.
        written: u32,
    },
    /// Whole and verified in the spare slot; leave to switch is needed.
    Ready,
    /// Leave was given; the switch has this number.
    Permitted {
        /// Number of the switch in the boot record.
        trial: u32,
        /// Seconds to confirm in.
        window_secs: u32,
    },
    /// Booted on trial, and the report of it is in the outbox.
    Trial {
        /// Number of the switch in the boot record.
        trial: u32,
        /// Seconds to confirm in.
        window_secs: u32,
    },
    /// The image on trial gave itself up.
    Returning {
        /// Number of the switch in the boot record.
        trial: u32,
        /// Why.
        reason: Reason,
    },
}

/// An install in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Named by every report about it.
    pub identity: Identity,
    /// What is installed.
    pub target: Target,
    /// Where it is written: the slot that was spare when the offer was accepted.
    pub slot: Slot,
    /// How far it is.
    pub stage: Stage,
}

/// An image that failed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed {
    /// The image.
    pub digest: Digest,
    /// The attempt in which it failed.
    pub attempt: u32,
}

/// A signed document as it was received.
#[derive(Clone, PartialEq, Eq)]
pub struct Document {
    bytes: [u8; ENVELOPE_BYTES],
    len: usize,
}

impl Document {
    /// Copies an envelope; `None` if it is longer than any may be.
    pub fn new(envelope: &[u8]) -> Option<Self> {
        let mut bytes = [0; ENVELOPE_BYTES];
        bytes.get_mut(..envelope.len())?.copy_from_slice(envelope);
        Some(Self { bytes, len: envelope.len() })
    }

    /// The envelope.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Everything an agent remembers.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// Drawn when the flash was initialised.
    pub incarnation: u64,
    /// The root document this device trusts.
    pub root: Document,
    /// Highest confirmed release.
    pub confirmed: Order,
    /// A time that has surely passed, Unix seconds.
    pub time_floor: u64,
    /// Which whole image each slot holds, if known.
    pub slots: [Option<Digest>; 2],
    /// Images that failed here, newest first.
    pub failed: [Option<Failed>; FAILED],
    /// The rollout that installed what is confirmed.
    pub installed: Option<Identity>,
    /// The install in progress.
    pub pending: Option<Pending>,
    /// Reports to be sent.
    pub outbox: Outbox,
}

impl Record {
    /// A device as it leaves the factory.
    pub const fn factory(
        incarnation: u64,
        root: Document,
        confirmed: Order,
        image: Digest,
    ) -> Self {
        Self {
            incarnation,
            root,
            confirmed,
            time_floor: 0,
            slots: [Some(image), None],
            failed: [None; FAILED],
            installed: None,
            pending: None,
            outbox: Outbox::starting_at(1),
        }
    }

    /// Adds a report to the outbox; it counts once the record is saved.
    pub fn report(
        &mut self,
        identity: Identity,
        event: Event,
        reason: Option<Reason>,
        running: Digest,
    ) {
        self.outbox.push(identity, event, reason, running);
    }

    /// What a slot holds.
    pub fn image_in(&self, slot: Slot) -> Option<Digest> {
        self.slots[slot.index()]
    }

    /// Remembers that an image failed; the oldest of [`FAILED`] is forgotten.
    pub fn remember_failure(&mut self, failure: Failed) {
        self.forget_failure(failure.digest);
        self.failed.rotate_right(1);
        self.failed[0] = Some(failure);
    }

    /// Forgets a failure, for an image that was confirmed after all.
    pub fn forget_failure(&mut self, digest: Digest) {
        let mut kept = [None; FAILED];
        let others = self.failed.iter().flatten().filter(|failed| failed.digest != digest);
        for (place, failed) in kept.iter_mut().zip(others) {
            *place = Some(*failed);
        }
        self.failed = kept;
    }

    /// Whether an offer repeats what failed: only a higher attempt may try again.
    pub fn has_failed(&self, digest: Digest, attempt: u32) -> bool {
        let mut failures = self.failed.iter().flatten();
        failures.any(|failed| failed.digest == digest && attempt <= failed.attempt)
    }
}
