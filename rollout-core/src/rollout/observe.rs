//! What a decision looks at besides the rollout itself.

use super::{Cell, EvidenceEpoch, Losses, RungIndex, Tally};
use crate::gate::{Evidence, GateError, StopCounts};
use crate::position::Frontier;
use alloc::vec::Vec;

/// Counts over the devices that are in the open set and could be served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Reach {
    /// The rung that was open when they were counted; counts of another rung say nothing.
    pub rung: Option<RungIndex>,
    /// Heard of lately, and not excluded.
    pub reachable: u64,
    /// Of these, permitted, or already on the target.
    pub served: u64,
    /// Whether no device at all is in the open set, heard of or not, while one that is heard of
    /// lies beyond it.
    pub is_vacant: bool,
}

/// Everything a tick brings. Journalled with the decision, so that it can be replayed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Observation {
    /// All counts.
    pub tally: Tally,
    /// Of the open set.
    pub reach: Reach,
    /// For each count of the ladder: the frontier that opens so many reachable devices.
    pub count_frontiers: Vec<(u64, Frontier)>,
    /// Devices that the rungs to come take the way back from.
    pub losses: Losses,
}

impl Observation {
    /// The counters of the gates in `epoch`.
    ///
    /// # Errors
    /// [`GateError`] if the counts contradict each other, which only a bug can bring about.
    pub fn evidence(&self, epoch: EvidenceEpoch) -> Result<Evidence, GateError> {
        evidence(&self.tally, epoch)
    }

    /// The counters of the hard stops since `epoch`: a halt that two people resumed is behind us.
    /// Failures in a row begin anew with every epoch.
    pub fn stop_counts(&self, epoch: EvidenceEpoch) -> StopCounts {
        let sum = self.tally.sum(|key| key.epoch >= epoch);
        let run = self.tally.run;
        StopCounts {
            bricked: sum.silent,
            safety_faults: sum.safety_faults,
            consecutive_failures: if run.epoch >= epoch { run.length } else { 0 },
        }
    }

    /// Counts of the devices whose batch is `rung`.
    pub fn batch(&self, rung: RungIndex) -> Cell {
        self.tally.sum(|key| key.batch == rung)
    }

    /// The frontier that opens `count` reachable devices.
    pub fn frontier_of(&self, count: u64) -> Frontier {
        self.count_frontiers
            .iter()
            .find(|(known, _)| *known == count)
            .map_or(Frontier::CLOSED, |(_, frontier)| *frontier)
    }
}

/// The counters of the gates in `epoch`.
///
/// # Errors
/// [`GateError`] if the counts contradict each other, which only a bug can bring about.
pub fn evidence(tally: &Tally, epoch: EvidenceEpoch) -> Result<Evidence, GateError> {
    let sum = tally.sum(|key| key.epoch == epoch);
    Evidence::new(sum.permitted, sum.failed_known, sum.matured, sum.matured_bad)
}

/// The counters of the evidence cap since `epoch`.
///
/// # Errors
/// [`GateError`] if the counts contradict each other, which only a bug can bring about.
pub fn evidence_since(tally: &Tally, epoch: EvidenceEpoch) -> Result<Evidence, GateError> {
    let sum = tally.sum(|key| key.epoch >= epoch);
    Evidence::new(sum.permitted, sum.failed_known, sum.matured, sum.matured_bad)
}
