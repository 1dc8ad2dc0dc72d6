//! What a device last said of itself.

use crate::id::Digest;
use crate::version::{ReleaseCounter, SecureVersion};
use crate::wire::ImageState;
use alloc::{collections::BTreeMap, string::String};

/// The image a device runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RunningImage {
    /// Its SHA-256.
    pub digest: Digest,
    /// Its version, as its descriptor says.
    pub version: String,
    /// Epoch of the confirmed counter.
    pub epoch: u64,
    /// Confirmed release counter.
    pub counter: ReleaseCounter,
    /// Whether it is confirmed.
    pub state: ImageState,
}

/// A device's description of itself: open, so that a new attribute needs no new server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Facts {
    /// What runs.
    pub running: RunningImage,
    /// Hardware security counter.
    pub secure_version: SecureVersion,
    /// Bytes of the spare slot.
    pub slot_bytes: u64,
    /// Whole image in the spare slot.
    pub spare: Option<Digest>,
    /// Version of the root document it trusts.
    pub root_version: u64,
    /// Everything else it says.
    pub attributes: BTreeMap<String, String>,
}
