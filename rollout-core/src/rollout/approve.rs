//! What people must agree to before a rung opens: the plan's approvals, and the end of a way back.
//!
//! Invariant: nobody who wrote a plan, or changed it, agrees to any of it, and nobody counts twice.

use super::{
    Commanded, Consent, Effect, Losses, Phase, Refusal, Rollout, RungIndex, Step, Waiting,
};
use crate::id::Principal;
use crate::time::Timestamp;
use alloc::vec;

impl Rollout {
    /// Begins with the first rung.
    pub(super) fn begin(&self, losses: &Losses, now: Timestamp) -> Step {
        self.clone().open_if_approved(RungIndex(0), losses, now)
    }

    pub(super) fn open_if_approved(
        mut self,
        rung: RungIndex,
        losses: &Losses,
        now: Timestamp,
    ) -> Step {
        // A rung that gives nothing to anybody is not opened.
        if let Some(at) = self.plan.schedule.stopped(now) {
            return self.stay(Waiting::Stopped { at });
        }
        if self.approvals_missing(rung) > 0 || self.consents_missing(rung, losses) > 0 {
            self.phase = Phase::AwaitingApproval { rung };
            return self.await_approval(rung, losses, now);
        }
        self.phase = Phase::Deploying;
        self.rung = rung;
        self.rung_opened = now;
        self.raise(self.plan.ladder.share_frontier(rung));
        let waiting = Some(Waiting::Reach { have: 0, of: 0 });
        Step { effects: vec![Effect::RungOpened(rung)], waiting, evaluation: None, next: self }
    }

    /// How many people must still approve a rung.
    pub(super) fn approvals_missing(&self, rung: RungIndex) -> u8 {
        let have = self.approvals.get(&rung).map_or(0, |by| by.len() as u8);
        self.plan.approvals_needed(rung).saturating_sub(have)
    }

    /// How many people must still agree that a rung takes the way back away.
    //= design §2, promise 5: no batch that takes the way back away starts without its own approval
    pub fn consents_missing(&self, rung: RungIndex, losses: &Losses) -> u8 {
        match losses.at(rung) {
            0 => 0,
            devices => {
                let have = self.consents.covering(rung, devices);
                self.plan.approval.no_return.0.saturating_sub(have)
            }
        }
    }

    pub(super) fn await_approval(self, rung: RungIndex, losses: &Losses, now: Timestamp) -> Step {
        let missing = self.approvals_missing(rung);
        if missing > 0 {
            let need = self.plan.approvals_needed(rung);
            return self.stay(Waiting::Approval { rung: rung.0 + 1, have: need - missing, need });
        }
        match self.consents_missing(rung, losses) {
            0 => self.open_if_approved(rung, losses, now),
            missing => {
                let (need, devices) = (self.plan.approval.no_return.0, losses.at(rung));
                let have = need.saturating_sub(missing);
                self.stay(Waiting::NoReturn { rung: rung.0 + 1, devices, have, need })
            }
        }
    }

    pub(super) fn approve(
        &self,
        by: &Principal,
        rung: RungIndex,
        losses: &Losses,
        now: Timestamp,
    ) -> Result<Step, Refusal> {
        self.still_going()?;
        if self.approvals_missing(rung) == 0 {
            return Err(match self.consents_missing(rung, losses) {
                0 => Refusal::NoApprovalNeeded { rung: rung.0 + 1 },
                need => self.needs_no_return(rung, need, losses),
            });
        }
        self.is_no_author(by)?;
        let mut next = self.clone();
        let people = next.approvals.entry(rung).or_default();
        if people.contains(by) {
            return Err(Refusal::SamePerson { by: by.as_str().into() });
        }
        people.push(by.clone());
        Ok(next.agreed(losses, now))
    }

    pub(super) fn approve_no_return(
        &self,
        Commanded { by, .. }: &Commanded,
        rung: RungIndex,
        losses: &Losses,
        now: Timestamp,
    ) -> Result<Step, Refusal> {
        self.still_going()?;
        if self.consents_missing(rung, losses) == 0 {
            return Err(Refusal::WayBackStays { rung: rung.0 + 1 });
        }
        self.is_no_author(by)?;
        let mut next = self.clone();
        if !next.consents.add(rung, Consent { by: by.clone(), devices: losses.at(rung) }) {
            return Err(Refusal::SamePerson { by: by.as_str().into() });
        }
        Ok(next.agreed(losses, now))
    }

    /// What was waited for may be there.
    fn agreed(self, losses: &Losses, now: Timestamp) -> Step {
        match self.phase {
            Phase::AwaitingApproval { rung } => self.await_approval(rung, losses, now),
            Phase::Draft
            | Phase::Scheduled { .. }
            | Phase::Deploying
            | Phase::Soaking
            | Phase::Paused { .. }
            | Phase::Halted { .. }
            | Phase::Completed { .. }
            | Phase::Canceled { .. } => self.stay(Waiting::Reach { have: 0, of: 0 }),
        }
    }

    fn is_no_author(&self, by: &Principal) -> Result<(), Refusal> {
        match *by == self.author || self.edits.by.contains(by) {
            true => Err(Refusal::Author { by: by.as_str().into() }),
            false => Ok(()),
        }
    }

    pub(super) fn needs_no_return(&self, rung: RungIndex, need: u8, losses: &Losses) -> Refusal {
        Refusal::NeedsNoReturn { rung: rung.0 + 1, devices: losses.at(rung), need }
    }
}
