//! The course of a rollout: what the evidence was, look by look.
//!
//! Not here: where looks are kept, and for how long. Invariant: a look shows what was decided on,
//! so a chart of looks and the verdict beside it never disagree.

use super::{Fleet, Running};
use crate::gate::{Evaluation, LnE, Pacing, Proportion};
use crate::id::RolloutId;
use crate::rollout::EvidenceEpoch;

/// What the gates of a rollout saw and said at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// The evidence epoch.
    pub epoch: EvidenceEpoch,
    /// Evidence for an abort.
    pub ln_e_abort: LnE,
    /// Evidence for a pass.
    pub ln_e_pass: LnE,
    /// Highest rate that is proven to be exceeded.
    pub lower: Proportion,
    /// Highest rate that is not ruled out.
    pub upper: Proportion,
    /// Devices past their horizon.
    pub matured: u64,
    /// Of these, bad.
    pub matured_bad: u64,
    /// Permitted and not confirmed, in devices.
    pub in_flight: u64,
    /// What may be in flight, by evidence and plan; `None` without a bound.
    pub cap: Option<u64>,
}

impl Fleet {
    /// Looks at all rollouts whose course is not at its end.
    pub fn looks(&self) -> impl Iterator<Item = (RolloutId, Look)> {
        let still = self.rollouts.iter().filter(|(_, running)| running.at_end.is_none());
        still.filter_map(|(id, running)| Some((*id, self.look(running)?)))
    }

    /// What the gates of a rollout saw and said when it was last decided on; `None` if they were
    /// never asked. Nobody asks them any more after a halt, so their word on what came since is
    /// asked for here.
    fn look(&self, running: &Running) -> Option<Look> {
        let said = running.evaluation.clone()?;
        let is_stopped = running.rollout.phase.stops();
        let anew = is_stopped.then(|| running.rollout.evaluate(&self.observation(running)));
        Some(running.look(&anew.unwrap_or(said)))
    }
}

impl Running {
    fn look(&self, said: &Evaluation) -> Look {
        let epoch = self.rollout.epoch;
        let sum = self.tally.sum(|key| key.epoch == epoch);
        Look {
            epoch,
            ln_e_abort: said.ln_e_abort,
            ln_e_pass: said.ln_e_pass,
            lower: said.lower,
            upper: said.upper,
            matured: sum.matured,
            matured_bad: sum.matured_bad,
            in_flight: self.tally.sum(|_| true).unconfirmed,
            cap: self.evidence_cap().into_iter().chain(self.rollout.plan.pace.max_in_flight).min(),
        }
    }

    /// Devices the evidence lets be at risk; `None` once proven.
    pub fn evidence_cap(&self) -> Option<u64> {
        let plan = &self.rollout.plan;
        let unproven = self.rollout.proven.is_none();
        let seen = self.rollout.paced_evidence(&self.tally).ok().filter(|_| unproven)?;
        Some(match Pacing::of(&plan.gates.failure, seen, plan.budget()) {
            Pacing::Open { cap, .. } | Pacing::Full { cap } | Pacing::BudgetSpent { cap } => cap,
        })
    }
}
