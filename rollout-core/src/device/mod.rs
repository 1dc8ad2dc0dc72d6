//! A device: who it is, what it last said of itself, and how it stands in each rollout.
//!
//! Invariant: what a device says is kept as said (unknown attributes too) and never trusted for
//! more than itself. Not here: whether it is offered anything.

mod bucket;
mod execution;
mod outcome;
mod report;
mod standing;
mod window;

pub use bucket::{Bucket, bucket};
pub use execution::{Execution, ExecutionStatus, Exposure, Origin, ReportContext, State};
pub use outcome::{Failure, Outcome};
pub use report::{Facts, RunningImage};
pub use standing::{Note, Standing};
pub use window::{JUMP, ReportWindow, Seen};

use crate::cohort::Attributes;
use crate::hosting::HomeId;
use crate::id::{DeviceId, Digest, HardwareModel, RolloutId};
use crate::journal::Seq;
use crate::position::DeviceKey;
use crate::time::Timestamp;
use alloc::{collections::BTreeMap, string::String, vec::Vec};

/// Images a device remembers having fled from, newest last.
const REMEMBERED_FLIGHTS: usize = 8;

/// Notes kept of a device, the newest.
pub const KEPT_NOTES: usize = 32;

/// A device as the control plane knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// What it brings to every position.
    pub key: DeviceKey,
    /// Its hardware, as enrolled.
    pub hardware: HardwareModel,
    /// Where it is served.
    pub home: HomeId,
    /// Whether it takes part.
    pub standing: Standing,
    /// SHA-256 of its bearer token.
    pub token: Digest,
    /// How often its token was rotated.
    pub generation: u32,
    /// What operators know of it. Where the device says otherwise, this counts: it is trusted.
    pub registered: BTreeMap<String, String>,
    /// The newest notes, newest last.
    pub notes: Vec<Note>,
    /// The last entry by which an operator changed it.
    pub revision: Seq,
    /// What it last said of itself.
    pub facts: Option<Facts>,
    /// Last sign of life. Kept in memory; a change of facts alone is journalled.
    pub last_seen: Timestamp,
    /// Which reports have been taken.
    pub reports: ReportWindow,
    /// Images it came back from by its own judgement.
    pub fled: Vec<Digest>,
    /// Rollout whose permit it got last.
    pub last_permit: Option<RolloutId>,
    /// Rollout whose execution is open.
    pub open: Option<RolloutId>,
}

impl Device {
    /// A device that has just been enrolled.
    pub fn enrolled(
        id: DeviceId,
        hardware: HardwareModel,
        home: HomeId,
        token: Digest,
        at: Timestamp,
    ) -> Self {
        Self {
            key: DeviceKey::of(id.as_str()),
            id,
            hardware,
            home,
            standing: Standing::Active,
            token,
            generation: 0,
            registered: BTreeMap::new(),
            notes: Vec::new(),
            revision: Seq(0),
            facts: None,
            last_seen: at,
            reports: ReportWindow::default(),
            fled: Vec::new(),
            last_permit: None,
            open: None,
        }
    }

    /// Remembers that it fled from `image`.
    pub fn remember_flight(&mut self, image: Digest) {
        if self.fled.contains(&image) {
            return;
        }
        if self.fled.len() == REMEMBERED_FLIGHTS {
            self.fled.remove(0);
        }
        self.fled.push(image);
    }

    /// Keeps a note; the oldest goes if there are too many.
    pub fn note(&mut self, note: Note) {
        if self.notes.len() == KEPT_NOTES {
            self.notes.remove(0);
        }
        self.notes.push(note);
    }

    /// Digest of the image it last said it runs.
    pub fn running(&self) -> Option<Digest> {
        self.facts.as_ref().map(|facts| facts.running.digest)
    }
}

/// What a selector may ask: what the fleet knows, then what operators registered, then what the
/// device says of itself. A device cannot talk itself into a cohort by an attribute that is
/// registered.
impl Attributes for Device {
    fn get(&self, name: &str) -> Option<&str> {
        match name {
            "device" => Some(self.id.as_str()),
            "model" => Some(self.hardware.as_str()),
            "home" => Some(self.home.as_str()),
            "version" => self.facts.as_ref().map(|facts| facts.running.version.as_str()),
            other => {
                let said = || self.facts.as_ref()?.attributes.get(other);
                self.registered.get(other).or_else(said).map(String::as_str)
            }
        }
    }
}
