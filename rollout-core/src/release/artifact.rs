//! One image of a release, as its signed manifest describes it.

use crate::hosting::Contract;
use crate::id::{Digest, HardwareModel};
use crate::version::{ReleaseCounter, SecureVersion};
use alloc::vec::Vec;

pub use crate::trust::ComponentId;

/// A signed image.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Artifact {
    /// Hardware models it fits.
    pub hardware: Vec<HardwareModel>,
    /// Part of the device it is for.
    pub component: ComponentId,
    /// SHA-256 of the image.
    pub image: Digest,
    /// Length of the image, bytes, at least 1.
    pub length: u64,
    /// Epoch of the counter.
    pub epoch: u64,
    /// Order of signing.
    pub counter: ReleaseCounter,
    /// Lowest counter that may install this directly.
    pub min_from: ReleaseCounter,
    /// Hardware security counter it needs.
    pub secure_version: SecureVersion,
    /// Unix seconds from which it may not be installed any more.
    pub expires: u64,
    /// What the firmware needs of its backend.
    pub contract: Contract,
    /// The signed manifest as it was uploaded.
    pub envelope: Vec<u8>,
}

impl Artifact {
    /// Whether it is meant for `model` and `component`.
    pub fn fits(&self, model: &HardwareModel, component: ComponentId) -> bool {
        self.component == component && self.hardware.contains(model)
    }
}
