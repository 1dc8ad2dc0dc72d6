//! What the way of a device depends on, and what the device itself checks of an image.
//!
//! Invariant: two devices of one class go the same way.

use crate::device::{Device, Facts};
use crate::hosting::HomeId;
use crate::id::{Digest, HardwareModel};
use crate::release::Artifact;
use crate::rollout::Ineligible;
use crate::version::{ReleaseCounter, SecureVersion};
use alloc::{format, vec::Vec};
use semver::{Version, VersionReq};

/// What a device runs and what it has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Footing<'a> {
    /// Version as it says it.
    pub version: &'a str,
    /// The image.
    pub image: Digest,
    /// Epoch of its counter.
    pub epoch: u64,
    /// Its counter.
    pub counter: ReleaseCounter,
    /// How far its fuse is burnt.
    pub secure_version: SecureVersion,
    /// Room for an image, bytes.
    pub slot_bytes: u64,
}

impl<'a> Footing<'a> {
    /// By what the device last said.
    pub fn of(facts: &'a Facts) -> Self {
        Self {
            version: &facts.running.version,
            image: facts.running.digest,
            epoch: facts.running.epoch,
            counter: facts.running.counter,
            secure_version: facts.secure_version,
            slot_bytes: facts.slot_bytes,
        }
    }

    /// Once it runs `artifact`, of that version, for good: the fuse is burnt to it.
    pub fn after(&self, version: &'a str, artifact: &Artifact) -> Self {
        Self {
            version,
            image: artifact.image,
            epoch: artifact.epoch,
            counter: artifact.counter,
            secure_version: self.secure_version.max(artifact.secure_version),
            slot_bytes: self.slot_bytes,
        }
    }
}

/// Devices that go the same way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Class<'a> {
    /// The hardware model.
    pub model: &'a HardwareModel,
    /// Where they are served: it decides what is hosted for them.
    pub home: &'a HomeId,
    /// What they run.
    pub at: Footing<'a>,
    /// Images they came back from by their own judgement.
    pub fled: Vec<Digest>,
}

impl<'a> Class<'a> {
    /// The class of a device; `None` if it has never said what it runs.
    pub fn of(device: &'a Device) -> Option<Self> {
        let at = Footing::of(device.facts.as_ref()?);
        let fled = device.fled.clone();
        Some(Self { model: &device.hardware, home: &device.home, at, fled })
    }

    /// Once they run `artifact`, of that version.
    pub fn after(&self, version: &'a str, artifact: &Artifact) -> Self {
        Self { at: self.at.after(version, artifact), ..self.clone() }
    }
}

/// What the device itself would check before it writes a byte, and what a release asks of the
/// version before it.
///
/// # Errors
/// [`Ineligible`]: the first of them that does not hold.
//= trust §4: step 9 of the order of checks
pub fn fits(
    at: &Footing<'_>,
    artifact: &Artifact,
    from: Option<&VersionReq>,
) -> Result<(), Ineligible> {
    let have = at.counter.0;
    if (at.epoch, at.counter) >= (artifact.epoch, artifact.counter) {
        return Err(Ineligible::Counter { have, offered: artifact.counter.0 });
    }
    if at.epoch == artifact.epoch && at.counter < artifact.min_from {
        return Err(Ineligible::SteppingStone { have, need: artifact.min_from.0 });
    }
    if at.secure_version > artifact.secure_version {
        let (have, offered) = (at.secure_version.0, artifact.secure_version.0);
        return Err(Ineligible::SecureVersion { have, offered });
    }
    if artifact.length > at.slot_bytes {
        return Err(Ineligible::Size { image: artifact.length, slot: at.slot_bytes });
    }
    match from {
        Some(need) if !Version::parse(at.version).is_ok_and(|have| need.matches(&have)) => {
            Err(Ineligible::FromVersion { have: at.version.into(), need: format!("{need}") })
        }
        _ => Ok(()),
    }
}
