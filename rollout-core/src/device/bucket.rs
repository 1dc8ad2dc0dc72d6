//! In which of the buckets, that sum to the cohort, a device stands.

use super::{Device, Execution, State};
use crate::id::RolloutId;
use core::fmt;

/// Exactly one per device of a rollout's cohort.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bucket {
    /// Not offered yet, or its offer lapsed.
    NotAdmitted,
    /// May download.
    Offered,
    /// Downloads.
    Downloading,
    /// Verified; waits for its permit.
    WaitingForPermit,
    /// Permit given; not confirmed.
    Unconfirmed,
    /// Runs the target, confirmed.
    Confirmed,
    /// Failed, not known to be back.
    Failed,
    /// Failed, and back.
    RolledBack,
    /// Not heard of by the deadline.
    Silent,
    /// Refused by the device.
    Refused,
    /// Deferred by its owner or state.
    Deferred,
    /// Stopped before the switch.
    Revoked,
    /// Left the fleet.
    Left,
    /// Cannot or need not get the target; explain says why.
    Excluded,
    /// Another rollout has taken it on.
    Superseded,
    /// Was confirmed and runs something else again.
    Regressed,
    /// Booted the image without a permit, and has not come to anything yet.
    SwitchedWithoutLeave,
}

impl Bucket {
    /// All of them, in the order people read them.
    pub const ALL: [Self; 17] = [
        Self::NotAdmitted,
        Self::Offered,
        Self::Downloading,
        Self::WaitingForPermit,
        Self::Unconfirmed,
        Self::Confirmed,
        Self::Failed,
        Self::RolledBack,
        Self::Silent,
        Self::Refused,
        Self::Deferred,
        Self::Revoked,
        Self::Left,
        Self::Excluded,
        Self::Superseded,
        Self::Regressed,
        Self::SwitchedWithoutLeave,
    ];

    /// Its name in APIs and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotAdmitted => "not_admitted",
            Self::Offered => "offered",
            Self::Downloading => "downloading",
            Self::WaitingForPermit => "waiting_for_permit",
            Self::Unconfirmed => "unconfirmed",
            Self::Confirmed => "confirmed",
            Self::Failed => "failed",
            Self::RolledBack => "rolled_back",
            Self::Silent => "silent",
            Self::Refused => "refused",
            Self::Deferred => "deferred",
            Self::Revoked => "revoked",
            Self::Left => "left",
            Self::Excluded => "excluded",
            Self::Superseded => "superseded",
            Self::Regressed => "regressed",
            Self::SwitchedWithoutLeave => "switched_without_leave",
        }
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The bucket of a member of `rollout`: a total function of its latest execution and facts.
/// `excluded` is what the admission says of a device that was never offered anything.
pub fn bucket(
    rollout: RolloutId,
    device: &Device,
    execution: Option<&Execution>,
    excluded: impl FnOnce() -> bool,
) -> Bucket {
    let Some(execution) = execution else {
        return if excluded() { Bucket::Excluded } else { Bucket::NotAdmitted };
    };
    match execution.state {
        State::Offered => Bucket::Offered,
        State::Downloading => Bucket::Downloading,
        State::Ready => Bucket::WaitingForPermit,
        State::Deferred => Bucket::Deferred,
        State::Lapsed => Bucket::NotAdmitted,
        State::Permitted | State::Interrupted | State::Revoked if execution.unasked => {
            Bucket::SwitchedWithoutLeave
        }
        State::Permitted | State::Interrupted => Bucket::Unconfirmed,
        State::Confirmed if runs_something_else(device, execution) => match device.last_permit {
            Some(last) if last != rollout => Bucket::Superseded,
            _ => Bucket::Regressed,
        },
        State::Confirmed => Bucket::Confirmed,
        State::RolledBack => Bucket::RolledBack,
        State::Failed => Bucket::Failed,
        State::Silent => Bucket::Silent,
        State::Refused => Bucket::Refused,
        State::Revoked => Bucket::Revoked,
        State::Left => Bucket::Left,
    }
}

fn runs_something_else(device: &Device, execution: &Execution) -> bool {
    device.running().is_some_and(|running| running != execution.image)
}
