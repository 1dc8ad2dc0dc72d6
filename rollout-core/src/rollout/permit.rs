//! Whether a device that has the image may switch. From the commit of its permit it is exposed.

use super::{Admitted, Ineligible, Rollout, Tally, Waiting, observe};
use crate::device::{Execution, Exposure, State};
use crate::gate::{Evidence, GateError, HoldReason, Pacing, pacing};
use crate::rollout::{Candidate, Phase};
use crate::time::{ServiceTime, Span, Timestamp};
use core::fmt;

/// Most offers for each free permit.
//= design 4.1: max_offers defaults to four times the permit cap
const OFFERS_PER_PERMIT: u64 = 4;

/// The answer to a device that wants to switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Permit {
    /// Commit this, then say yes.
    Grant(Exposure),
    /// It has its yes already.
    Again,
    /// Not yet.
    Wait(Patience),
    /// Not at all.
    Stop(&'static str),
}

/// Why a device must wait for its permit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Patience {
    /// The rollout stands still.
    Standing(&'static str),
    /// Evidence allows no more in flight.
    Paced(HoldReason),
    /// The plan allows no more in flight.
    InFlight(u64),
    /// The plan allows no more in this minute.
    Rate {
        /// How many a minute.
        per_minute: u64,
        /// When the next one may be given.
        next: Timestamp,
    },
    /// The rung's count is used up, or what the plan requires does not hold.
    Not(Ineligible),
}

impl Patience {
    /// The earliest time at which it may be told otherwise, if that is known.
    pub fn not_before(&self) -> Option<Timestamp> {
        match self {
            Self::Not(why) => why.not_before(),
            Self::Rate { next, .. } => Some(*next),
            Self::Standing(_) | Self::Paced(_) | Self::InFlight(_) => None,
        }
    }
}

impl fmt::Display for Patience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standing(phase) => write!(f, "the rollout is {phase}"),
            Self::Paced(hold) => hold.fmt(f),
            Self::InFlight(cap) => write!(f, "{cap} devices are in flight, as many as may be"),
            Self::Rate { per_minute, next } => {
                write!(f, "the rate of {per_minute} a minute is used up; next at {next}")
            }
            Self::Not(reason) => reason.fmt(f),
        }
    }
}

impl Rollout {
    /// How many more permits evidence and plan allow, and what stops the next one if none.
    pub fn slots(&self, tally: &Tally) -> Result<u64, Patience> {
        let paced = self.evidence_slots(tally)?;
        match self.plan.pace.max_in_flight {
            None => Ok(paced),
            Some(cap) => {
                let in_flight = tally.sum(|_| true).unconfirmed;
                let free = cap.saturating_sub(in_flight).min(paced);
                if free == 0 { Err(Patience::InFlight(cap)) } else { Ok(free) }
            }
        }
    }

    /// The counters of the evidence cap.
    ///
    /// # Errors
    /// [`GateError`] if the counts contradict each other, which only a bug can bring about.
    pub fn paced_evidence(&self, tally: &Tally) -> Result<Evidence, GateError> {
        observe::evidence_since(tally, self.counted_since())
    }

    fn evidence_slots(&self, tally: &Tally) -> Result<u64, Patience> {
        if self.proven.is_some() {
            return Ok(u64::MAX);
        }
        // Contradictory counts, which only a bug brings about, let nobody in.
        let spent = Err(Patience::Paced(HoldReason::BudgetSpent));
        let Ok(evidence) = self.paced_evidence(tally) else { return spent };
        match Pacing::of(&self.plan.gates.failure, evidence, self.plan.budget()) {
            Pacing::Open { slots, .. } => Ok(slots),
            Pacing::Full { .. } => Err(Patience::Paced(HoldReason::Paced)),
            Pacing::BudgetSpent { .. } => spent,
        }
    }

    /// Most devices that evidence lets be at risk; without a bound once proven.
    pub fn permit_cap(&self, tally: &Tally) -> u64 {
        if self.proven.is_some() {
            return u64::MAX;
        }
        let Ok(evidence) = self.paced_evidence(tally) else { return 0 };
        pacing::cap(&self.plan.gates.failure, evidence.for_pass(), self.plan.budget())
    }

    /// Most offers that may be open.
    pub(super) fn offer_cap(&self, tally: &Tally) -> u64 {
        let permits = self.permit_cap(tally).min(self.plan.pace.max_in_flight.unwrap_or(u64::MAX));
        self.plan.pace.max_offers.unwrap_or(permits.saturating_mul(OFFERS_PER_PERMIT))
    }

    /// Decides whether a device that has the image may switch.
    ///
    /// `service` is the service time at `candidate.now`; `usual` the device's check-in interval.
    pub fn permit(
        &self,
        tally: &Tally,
        candidate: &Candidate,
        execution: &Execution,
        service: ServiceTime,
        usual: Span,
    ) -> Permit {
        if self.phase.stops() {
            return Permit::Stop(self.phase.name());
        }
        match execution.state {
            State::Permitted
            | State::Interrupted
            | State::Offered
            | State::Downloading
            | State::Ready
            | State::Deferred
            | State::Lapsed => {}
            State::Confirmed
            | State::RolledBack
            | State::Failed
            | State::Silent
            | State::Refused
            | State::Revoked
            | State::Left => return Permit::Stop("over"),
        }
        // Also a device that has its yes and may not have switched yet.
        match candidate.takes_part() {
            Ok(()) if execution.state == State::Permitted => return Permit::Again,
            Ok(()) => {}
            Err(reason) if candidate.is_held() => return Permit::Wait(Patience::Not(reason)),
            Err(_) => return Permit::Stop("excluded"),
        }
        match self.suits(candidate) {
            Ok(_) => {}
            Err(reason) if reason.excludes() => return Permit::Stop("excluded"),
            Err(reason) => return Permit::Wait(Patience::Not(reason)),
        }
        match self.may_be_installed(candidate) {
            Ok(_) => {}
            Err(Ineligible::NotHosted(reason)) => {
                return Permit::Wait(Patience::Not(Ineligible::NotHosted(reason)));
            }
            Err(Ineligible::Busy(_)) => return Permit::Stop("busy"),
            Err(_) => return Permit::Stop("not_offered_any_more"),
        }
        if !self.phase.gives() {
            return Permit::Wait(Patience::Standing(self.phase.name()));
        }
        let in_time = self.gives_to(candidate).and_then(|()| self.is_in_window(candidate));
        if let Err(reason) = in_time {
            return Permit::Wait(Patience::Not(reason));
        }
        match self.room(tally, candidate, execution) {
            Ok(admitted) => Permit::Grant(self.exposure(candidate, admitted, service, usual)),
            Err(patience) => Permit::Wait(patience),
        }
    }

    /// An interrupted device has kept its slot, and its permit was counted by the rate; any other
    /// needs a free one.
    fn room(
        &self,
        tally: &Tally,
        candidate: &Candidate,
        execution: &Execution,
    ) -> Result<Admitted, Patience> {
        if let (State::Interrupted, Some(before)) = (execution.state, &execution.exposure) {
            return Ok(before.admitted);
        }
        let admitted = self.opens_to(candidate).map_err(Patience::Not)?;
        self.count_room(tally, admitted).map_err(Patience::Not)?;
        if let Some(require) = &self.plan.require
            && !require.matches(candidate.device)
        {
            let reason = Ineligible::Requires(alloc::format!("{require}"));
            return Err(Patience::Not(reason));
        }
        self.slots(tally)?;
        self.rate_room(tally, candidate.recent, candidate.now)?;
        Ok(admitted)
    }

    pub(crate) fn exposure(
        &self,
        candidate: &Candidate,
        admitted: Admitted,
        service: ServiceTime,
        usual: Span,
    ) -> Exposure {
        let horizon = self.plan.horizon(usual);
        Exposure {
            batch: self.rung,
            stratum: candidate.stratum,
            epoch: self.epoch,
            admitted,
            at: candidate.now,
            horizon,
            deadline: service.after(horizon),
        }
    }

    /// What a whole rollout waits for while no permit can be given.
    pub fn pacing_wait(&self, tally: &Tally) -> Option<Waiting> {
        match (&self.phase, self.slots(tally)) {
            (Phase::Deploying, Err(Patience::Paced(hold))) => Some(Waiting::Evidence { hold }),
            _ => None,
        }
    }
}
