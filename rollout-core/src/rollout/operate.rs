//! The half of [`Rollout::step`] that answers operators.
//!
//! Invariant: a refusal changes nothing. Resuming a halt takes two people and starts the evidence
//! anew; everything else takes one.

use super::{
    Cause, Command, Commanded, Effect, Losses, Nags, Phase, Refusal, Review, Rollout, Step, Waiting,
};
use crate::gate::pacing;
use crate::id::Principal;
use crate::time::{Span, Timestamp};
use alloc::vec;

impl Rollout {
    pub(super) fn command(
        &self,
        commanded: &Commanded,
        losses: &Losses,
        now: Timestamp,
    ) -> Result<Step, Refusal> {
        let by = &commanded.by;
        match &commanded.command {
            Command::Start => self.start(losses, now),
            Command::Pause { reason, review_at } => self.pause(by, reason, *review_at, now),
            Command::Resume => self.resume(by, losses, now),
            Command::Advance => self.advance(losses, now),
            Command::Approve { rung } => self.approve(by, *rung, losses, now),
            Command::ApproveNoReturn { rung } => {
                self.approve_no_return(commanded, *rung, losses, now)
            }
            Command::Halt { reason } => {
                self.still_going()?;
                let reason = Some(reason.clone()).filter(|r| !r.is_empty());
                let reason = reason.ok_or(Refusal::NoReason)?;
                Ok(self.halt(Cause::Operator { by: by.clone(), reason }, now))
            }
            Command::Cancel => self.cancel(by),
            Command::Edit { plan, .. } => self.edit(by, plan, losses, now),
        }
    }

    fn start(&self, losses: &Losses, now: Timestamp) -> Result<Step, Refusal> {
        if self.phase != Phase::Draft {
            return Err(Refusal::NotDraft { phase: self.phase.name() });
        }
        self.can_open(now)?;
        Ok(self.clone().go_on(losses, now))
    }

    fn pause(
        &self,
        by: &Principal,
        reason: &str,
        review_at: Timestamp,
        now: Timestamp,
    ) -> Result<Step, Refusal> {
        if !self.phase.gives() {
            return Err(Refusal::NotRunning { phase: self.phase.name() });
        }
        if reason.is_empty() {
            return Err(Refusal::NoReason);
        }
        if review_at <= now {
            return Err(Refusal::ReviewPassed);
        }
        let review = Review { owner: by.clone(), reason: reason.into(), at: review_at };
        let mut next = self.clone();
        let waiting = Some(next.waits_for_review(&review, now));
        next.phase = Phase::Paused { review, since: now, nags: Nags::default() };
        Ok(Step { next, effects: vec![Effect::Paused], waiting, evaluation: None })
    }

    fn resume(&self, by: &Principal, losses: &Losses, now: Timestamp) -> Result<Step, Refusal> {
        let mut next = self.clone();
        if !self.has_begun() {
            self.can_open(now)?;
        }
        match &self.phase {
            Phase::Paused { .. } => return Ok(self.go_on_after_pause(losses, now)),
            Phase::Halted { cause, at, resume } => {
                if resume.contains(by) {
                    return Err(Refusal::SamePerson { by: by.as_str().into() });
                }
                let mut people = resume.clone();
                people.push(by.clone());
                if people.len() < 2 {
                    next.phase = Phase::Halted { cause: cause.clone(), at: *at, resume: people };
                    return Ok(next.stay(Waiting::TwoPeople { have: 1 }));
                }
                next.restart_evidence(now.since(*at))?;
                next.edits.restarts = 0;
            }
            Phase::Draft
            | Phase::AwaitingApproval { .. }
            | Phase::Scheduled { .. }
            | Phase::Deploying
            | Phase::Soaking
            | Phase::Completed { .. }
            | Phase::Canceled { .. } => {
                return Err(Refusal::NotStopped { phase: self.phase.name() });
            }
        }
        let mut step = next.go_on(losses, now);
        step.effects.insert(0, Effect::Resumed);
        Ok(step)
    }

    /// The end of a pause. Open time has stood still.
    pub(super) fn go_on_after_pause(&self, losses: &Losses, now: Timestamp) -> Step {
        let mut next = self.clone();
        if let Phase::Paused { since, .. } = &self.phase {
            next.rung_opened = self.rung_opened.after(now.since(*since));
        }
        let mut step = next.go_on(losses, now);
        step.effects.insert(0, Effect::Resumed);
        step
    }

    /// What stood still goes on where it stood. One whose first rung was never opened is at its
    /// beginning: its time and the approvals of that rung are still due. Any other climbs from its
    /// open rung, and comes to wait again for what it waited for.
    pub(super) fn go_on(mut self, losses: &Losses, now: Timestamp) -> Step {
        match self.plan.start_at {
            _ if self.has_begun() => {
                self.phase = Phase::Deploying;
                self.stay(Waiting::Reach { have: 0, of: 0 })
            }
            Some(at) if at > now => {
                self.phase = Phase::Scheduled { at };
                self.stay(Waiting::Until { at })
            }
            _ => self.begin(losses, now),
        }
    }

    /// Evidence starts anew: the next epoch counts from nothing, at a smaller alpha.
    pub(super) fn restart_evidence(&mut self, stood: Span) -> Result<(), Refusal> {
        self.epoch = self.epoch.next();
        self.proven = None;
        self.rung_opened = self.rung_opened.after(stood);
        let need = pacing::min_budget(self.plan.gate_set(), self.epoch);
        let have = self.plan.budget().devices();
        if have < need { Err(Refusal::BudgetTooSmall { have, need }) } else { Ok(()) }
    }

    fn advance(&self, losses: &Losses, now: Timestamp) -> Result<Step, Refusal> {
        if !matches!(self.phase, Phase::Deploying | Phase::Soaking) {
            return Err(Refusal::NotAdvancing { phase: self.phase.name() });
        }
        if self.rung == self.plan.ladder.last() {
            return Err(Refusal::LastRung);
        }
        self.can_open(now)?;
        let rung = self.rung.next();
        match (self.approvals_missing(rung), self.consents_missing(rung, losses)) {
            (0, 0) => Ok(self.clone().open_if_approved(rung, losses, now)),
            (0, need) => Err(self.needs_no_return(rung, need, losses)),
            (need, _) => Err(Refusal::NeedsApproval { rung: rung.0 + 1, need }),
        }
    }

    fn cancel(&self, by: &Principal) -> Result<Step, Refusal> {
        if matches!(self.phase, Phase::Canceled { .. } | Phase::Completed { .. }) {
            return Err(Refusal::Ended { phase: self.phase.name() });
        }
        Ok(self.canceled(by))
    }

    pub(super) fn canceled(&self, by: &Principal) -> Step {
        let mut next = self.clone();
        next.phase = Phase::Canceled { by: by.clone() };
        Step { next, effects: vec![Effect::Canceled], waiting: None, evaluation: None }
    }

    /// Whether a rung that opens could still give anything.
    fn can_open(&self, now: Timestamp) -> Result<(), Refusal> {
        self.plan.schedule.stopped(now).map_or(Ok(()), |at| Err(Refusal::Stopped { at }))
    }

    pub(super) fn still_going(&self) -> Result<(), Refusal> {
        if self.phase.stops() {
            return Err(Refusal::Ended { phase: self.phase.name() });
        }
        Ok(())
    }
}
