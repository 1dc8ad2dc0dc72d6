//! The counts a rollout is judged by, kept by difference as executions change.
//!
//! Invariant: the tally is the sum of the contributions of the executions there are, so a report
//! that changes no execution changes no count.

use super::{Admitted, EvidenceEpoch, RungIndex, StratumId};
use crate::device::{Execution, Failure, Outcome, State};
use crate::wire::Reason;
use alloc::collections::BTreeMap;

/// Which arm of a comparison a device is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Arm {
    /// Gets the new version.
    Canary,
    /// Stays on the old one and is watched alike.
    Control,
}

/// Where a device's counts go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellKey {
    /// Evidence epoch of its permit.
    pub epoch: EvidenceEpoch,
    /// Rung open at its permit.
    pub batch: RungIndex,
    /// Its stratum.
    pub stratum: StratumId,
    /// Its arm.
    pub arm: Arm,
}

macro_rules! counts {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub struct $name { $($(#[$field_doc])* pub $field: u64,)* }

        impl $name {
            fn add(&mut self, other: &Self) {
                $(self.$field += other.$field;)*
            }

            fn remove(&mut self, other: &Self) {
                $(self.$field -= other.$field;)*
            }
        }
    };
}

counts! {
    /// Counts of exposed devices.
    Cell {
        /// Permits committed, pending ones included.
        permitted,
        /// Of these, already known to be bad.
        failed_known,
        /// Past their horizon.
        matured,
        /// Of these, bad, silent ones included.
        matured_bad,
        /// Permitted, not confirmed and not failed.
        unconfirmed,
        /// Confirmed at any time.
        confirmed,
        /// Failed and back.
        rolled_back,
        /// Failed and not known to be back.
        failed,
        /// Not heard of by the deadline.
        silent,
        /// Reported a safety fault.
        safety_faults,
        /// Let in by position.
        by_position,
        /// Interrupted, then stopped: they have booted the image and have no outcome.
        withdrawn,
    }
}

counts! {
    /// Counts of devices before exposure.
    Pending {
        /// Hold an offer.
        offers,
        /// Confirmed without a permit: they ran the target already.
        already,
        /// Refused, before the permit.
        refused,
    }
}

/// Failures without a good outcome between them, in the order they became known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FailureRun {
    /// Evidence epoch of the latest; a new epoch starts a new run.
    pub epoch: EvidenceEpoch,
    /// How many.
    pub length: u64,
}

/// All counts of one rollout.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tally {
    /// Exposed devices by cell.
    pub cells: BTreeMap<CellKey, Cell>,
    /// Devices before exposure.
    pub pending: Pending,
    /// Failures since the last good outcome.
    pub run: FailureRun,
}

impl Tally {
    /// Replaces one execution's contribution by another's.
    pub fn replace(&mut self, before: Option<&Execution>, after: Option<&Execution>) {
        if let Some((key, cell)) = before.and_then(contribution) {
            let sum = self.cells.entry(key).or_default();
            sum.remove(&cell);
            if *sum == Cell::default() {
                self.cells.remove(&key);
            }
        }
        if let Some((key, cell)) = after.and_then(contribution) {
            self.cells.entry(key).or_default().add(&cell);
        }
        self.pending.remove(&before.map(pending).unwrap_or_default());
        self.pending.add(&after.map(pending).unwrap_or_default());
        self.count_run(before, after);
    }

    fn count_run(&mut self, before: Option<&Execution>, after: Option<&Execution>) {
        let failed =
            |e: Option<&Execution>| e.is_some_and(|e| e.exposure.is_some() && e.failure.is_some());
        let good = |e: Option<&Execution>| e.is_some_and(|e| e.outcome == Some(Outcome::Good));
        let epoch = after.and_then(|e| e.exposure).map_or(self.run.epoch, |e| e.epoch);
        if failed(after) && !failed(before) {
            let length = if epoch == self.run.epoch { self.run.length } else { 0 };
            self.run = FailureRun { epoch, length: length + 1 };
        } else if good(after) && !good(before) {
            self.run = FailureRun { epoch, length: 0 };
        }
    }

    /// The sum over all cells that `keep` keeps.
    pub fn sum(&self, keep: impl Fn(&CellKey) -> bool) -> Cell {
        let mut sum = Cell::default();
        for (_, cell) in self.cells.iter().filter(|(key, _)| keep(key)) {
            sum.add(cell);
        }
        sum
    }
}

fn pending(execution: &Execution) -> Pending {
    let before = execution.exposure.is_none();
    Pending {
        offers: u64::from(execution.state.holds_offer()),
        already: u64::from(before && execution.state == State::Confirmed),
        refused: u64::from(execution.state == State::Refused),
    }
}

fn contribution(execution: &Execution) -> Option<(CellKey, Cell)> {
    let exposure = execution.exposure?;
    let key = CellKey {
        epoch: exposure.epoch,
        batch: exposure.batch,
        stratum: exposure.stratum,
        arm: Arm::Canary,
    };
    let by_position = u64::from(exposure.admitted == Admitted::ByPosition);
    if execution.state == State::Revoked {
        return Some((key, Cell { withdrawn: 1, by_position, ..Cell::default() }));
    }
    let is = |state| u64::from(execution.state == state);
    let fault = execution.failure == Some(Failure::Reported(Reason::SafetyFault));
    let cell = Cell {
        permitted: 1,
        failed_known: u64::from(execution.failure.is_some()),
        matured: u64::from(execution.outcome.is_some()),
        matured_bad: u64::from(matches!(execution.outcome, Some(Outcome::Bad(_)))),
        unconfirmed: is(State::Permitted) + is(State::Interrupted),
        confirmed: is(State::Confirmed),
        rolled_back: is(State::RolledBack),
        failed: is(State::Failed),
        silent: is(State::Silent),
        safety_faults: u64::from(fault),
        by_position,
        withdrawn: 0,
    };
    Some((key, cell))
}
