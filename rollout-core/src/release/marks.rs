//! What its publisher marked a release as: what it is on the way to later ones, and back from it.

use crate::id::HardwareModel;
use alloc::{collections::BTreeSet, string::String};

/// Marks of a release. They bind the server and not the device, so nothing of them is signed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Marks {
    /// Models that must pass through it: a device below it takes it before anything above it.
    pub stones: BTreeSet<HardwareModel>,
    /// Why there is no way back from it, such as a migration of data; absent if there is one.
    pub irreversible: Option<String>,
}
