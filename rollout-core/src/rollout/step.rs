//! THE function: what a rollout does next, and why it waits.
//!
//! Total over phases and inputs. Observations are never refused; commands may be, and then change
//! nothing. Not here: which devices; see `admit` and `permit`.

use super::{
    Cause, Commanded, Consents, Edits, EvidenceEpoch, Losses, Observation, OnSmall, Overdue, Phase,
    Plan, Refusal, RungIndex, StateHash, StratumId, Waiting,
};
use crate::gate::{self, Evaluation, Evidence, HoldReason, Verdict};
use crate::id::{Principal, RolloutId};
use crate::position::{Frontier, Salt};
use crate::time::Timestamp;
use alloc::{collections::BTreeMap, format, sync::Arc, vec, vec::Vec};
use core::hash::{Hash, Hasher};

/// What a decision is asked about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// Somebody wants something.
    Command(Commanded),
    /// The same, where rungs take the way back from devices.
    Informed(Commanded, Losses),
    /// Time has passed and facts have come in.
    Observed(Observation),
    /// Nobody reviewed a pause in time: see [`Rollout::overdue`].
    Overdue(Overdue),
}

impl Input {
    /// What somebody wants, if it is that.
    pub const fn commanded(&self) -> Option<&Commanded> {
        match self {
            Self::Command(commanded) | Self::Informed(commanded, _) => Some(commanded),
            Self::Observed(_) | Self::Overdue(_) => None,
        }
    }
}

/// What is to be done outside, as data that may be sent twice.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// A rung was opened.
    RungOpened(RungIndex),
    /// A rung was passed over: it opened to nobody.
    PassedOver(RungIndex),
    /// The gates have passed.
    Proven,
    /// Nothing more is given until someone resumes it.
    Paused,
    /// Offers are withdrawn and nothing more is given.
    Halted,
    /// It goes on.
    Resumed,
    /// Every reachable device was served.
    Completed,
    /// It was ended; offers are withdrawn.
    Canceled,
    /// The owner of a pause is to be reminded.
    Overdue,
    /// Its plan was changed.
    Edited,
    /// Evidence starts anew, because its plan was changed.
    EvidenceAnew,
}

impl Effect {
    /// Its name in events.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::RungOpened(_) => "rung_opened",
            Self::PassedOver(_) => "rung_passed_over",
            Self::Proven => "proven",
            Self::Paused => "paused",
            Self::Halted => "halted",
            Self::Resumed => "resumed",
            Self::Completed => "completed",
            Self::Canceled => "canceled",
            Self::Overdue => "overdue",
            Self::Edited => "edited",
            Self::EvidenceAnew => "evidence_anew",
        }
    }
}

/// When the gates passed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Proven {
    /// Devices past their horizon.
    pub matured: u64,
    /// When.
    pub at: Timestamp,
}

/// A rollout: everything its next decision depends on, besides the input.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct Rollout {
    /// Its id.
    pub id: RolloutId,
    /// What was agreed.
    pub plan: Arc<Plan>,
    /// Who wrote the plan.
    pub author: Principal,
    /// Where it stands.
    pub phase: Phase,
    /// The open rung.
    pub rung: RungIndex,
    /// When it opened, moved on by pauses.
    pub rung_opened: Timestamp,
    /// How far each stratum was ever opened, by a share or by the window of a count.
    furthest: BTreeMap<StratumId, Frontier>,
    /// How often the evidence was started anew.
    pub epoch: EvidenceEpoch,
    /// First pass of this epoch.
    pub proven: Option<Proven>,
    /// Who has approved which rung.
    pub approvals: BTreeMap<RungIndex, Vec<Principal>>,
    /// Who has agreed that a rung takes the way back away.
    pub consents: Consents,
    /// Decisions that changed something.
    pub generation: u64,
    /// Time of the last of them; time never runs backwards.
    pub decided_at: Timestamp,
    /// How its plan was changed since it was drafted.
    pub edits: Edits,
    salt: Derived<Salt>,
}

/// What follows from the rest of a state: kept for speed, and no part of its hash.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Derived<T>(T);

impl<T> Hash for Derived<T> {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// One decision.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "an unread step is a lost decision"]
pub struct Step {
    /// The state after it.
    pub next: Rollout,
    /// What to do outside.
    pub effects: Vec<Effect>,
    /// What it waits for; nothing once it has ended.
    pub waiting: Option<Waiting>,
    /// What the gates said, if they were asked.
    pub evaluation: Option<Evaluation>,
}

impl Rollout {
    /// A draft.
    pub fn draft(id: RolloutId, plan: Arc<Plan>, author: Principal, now: Timestamp) -> Self {
        Self {
            id,
            plan,
            author,
            phase: Phase::Draft,
            rung: RungIndex(0),
            rung_opened: now,
            furthest: BTreeMap::new(),
            epoch: EvidenceEpoch::default(),
            proven: None,
            approvals: BTreeMap::new(),
            consents: Consents::default(),
            generation: 0,
            decided_at: now,
            edits: Edits::default(),
            salt: Derived(salt_of(id)),
        }
    }

    /// What its positions are salted with.
    pub const fn salt(&self) -> Salt {
        self.salt.0
    }

    /// The id of the rollout that takes this one back after a halt in this epoch: a UUID of
    /// version 8, so that asking twice is asking once.
    pub fn way_back_id(&self) -> RolloutId {
        RolloutId::derived(&format!("way-back-v1/{}/{}", self.id, self.epoch.0))
    }

    /// Whether the first rung was ever opened.
    pub fn has_begun(&self) -> bool {
        !self.furthest.is_empty()
    }

    /// How far shares have opened the fleet. It only rises.
    //= design 4.2: one frontier per stratum; frontiers only rise
    pub fn share_frontier(&self, _: StratumId) -> Frontier {
        if self.has_begun() { self.plan.ladder.share_frontier(self.rung) } else { Frontier::CLOSED }
    }

    /// How far one must look to find the devices of an open count; `None` once a share is open.
    /// It rises while it is there, and closes with the count: `docs/decisions/0006`.
    pub fn count_window(&self, stratum: StratumId) -> Option<Frontier> {
        let raised = || self.furthest.get(&stratum).copied().unwrap_or(Frontier::CLOSED);
        self.plan.ladder.count_limit(self.rung).map(|_| raised())
    }

    /// How far a stratum is open: to its share, and to the window of a count while there is one.
    pub fn frontier(&self, stratum: StratumId) -> Frontier {
        let window = self.count_window(stratum).unwrap_or(Frontier::CLOSED);
        self.share_frontier(stratum).raised_to(window)
    }

    /// The hash of this state.
    pub fn state_hash(&self) -> StateHash {
        StateHash::of(self)
    }

    /// Decides what happens next.
    ///
    /// `now` is UTC milliseconds; an earlier one than that of the last decision counts as that.
    ///
    /// # Errors
    /// [`Refusal`] if an operator asks for what this phase cannot do. Observations are never
    /// refused.
    pub fn step(&self, input: &Input, now: Timestamp) -> Result<Step, Refusal> {
        let now = now.max(self.decided_at);
        let mut step = match input {
            Input::Command(commanded) => self.command(commanded, &Losses::default(), now)?,
            Input::Informed(commanded, losses) => self.command(commanded, losses, now)?,
            Input::Observed(seen) => self.observe(seen, now),
            Input::Overdue(what) => self.past_review(*what, now),
        };
        if step.next != *self {
            step.next.generation = self.generation + 1;
            step.next.decided_at = now;
        }
        Ok(step)
    }

    /// Whether `step` would change this rollout.
    pub fn is_changed_by(&self, step: &Step) -> bool {
        step.next.generation != self.generation
    }

    /// The gates' counters from an observation; contradictory counts, which only a bug brings
    /// about, count as no evidence, so that nothing is proven by them.
    fn evidence(&self, seen: &Observation) -> Evidence {
        seen.evidence(self.epoch).unwrap_or_default()
    }

    /// What the gates say.
    pub fn evaluate(&self, seen: &Observation) -> Evaluation {
        let evidence = self.evidence(seen);
        self.plan.gate_set().evaluate(
            self.epoch,
            &[evidence],
            &seen.stop_counts(self.counted_since()),
        )
    }

    fn observe(&self, seen: &Observation, now: Timestamp) -> Step {
        match &self.phase {
            Phase::Draft => self.stay(Waiting::Start),
            Phase::Scheduled { at } if now >= *at => self.begin(&seen.losses, now),
            Phase::Scheduled { at } => self.stay(Waiting::Until { at: *at }),
            Phase::Halted { resume, .. } => {
                self.stay(Waiting::TwoPeople { have: resume.len() as u8 })
            }
            Phase::Canceled { .. } => self.end(),
            Phase::AwaitingApproval { .. }
            | Phase::Deploying
            | Phase::Soaking
            | Phase::Paused { .. }
            | Phase::Completed { .. } => self.judge(seen, now),
        }
    }

    /// Gates first, then the ladder.
    fn judge(&self, seen: &Observation, now: Timestamp) -> Step {
        let evaluation = self.evaluate(seen);
        if let Verdict::Abort(breach) = &evaluation.verdict {
            let mut step = self.halt(Cause::Breach(breach.clone()), now);
            step.evaluation = Some(evaluation);
            return step;
        }
        let mut next = self.clone();
        let mut effects = Vec::new();
        if evaluation.verdict == Verdict::Pass && self.proven.is_none() {
            let matured = self.evidence(seen).for_pass().total();
            next.proven = Some(Proven { matured, at: now });
            effects.push(Effect::Proven);
        }
        let mut step = next.climb(seen, &evaluation, now);
        effects.append(&mut step.effects);
        Step { effects, evaluation: Some(evaluation), ..step }
    }

    fn climb(mut self, seen: &Observation, evaluation: &Evaluation, now: Timestamp) -> Step {
        match &self.phase {
            Phase::Paused { review, .. } => {
                let waiting = self.waits_for_review(review, now);
                return self.stay(waiting);
            }
            Phase::Completed { .. } => return self.end(),
            &Phase::AwaitingApproval { rung } => {
                return self.await_approval(rung, &seen.losses, now);
            }
            Phase::Draft
            | Phase::Scheduled { .. }
            | Phase::Deploying
            | Phase::Soaking
            | Phase::Halted { .. }
            | Phase::Canceled { .. } => {}
        }
        if let Some(count) = self.plan.ladder.count_limit(self.rung) {
            self.raise(seen.frontier_of(count));
        }
        if self.opened_to_nobody(seen) {
            return self.pass_over(&seen.losses, now);
        }
        match self.unfinished(seen, evaluation, now) {
            Some(waiting) => {
                let deploys = matches!(waiting, Waiting::Reach { .. });
                self.phase = if deploys { Phase::Deploying } else { Phase::Soaking };
                match self.plan.schedule.stopped(now) {
                    Some(at) if deploys => self.stay(Waiting::Stopped { at }),
                    _ => self.stay(waiting),
                }
            }
            None if self.rung == self.plan.ladder.last() => {
                self.phase = Phase::Completed { at: now };
                Step { effects: vec![Effect::Completed], ..self.end() }
            }
            None => {
                let next = self.rung.next();
                self.open_if_approved(next, &seen.losses, now)
            }
        }
    }

    /// Whether the open rung is a share or a cohort in which there is no device, though there are
    /// devices beyond it. The last rung waits for devices instead: nothing is completed on nothing.
    fn opened_to_nobody(&self, seen: &Observation) -> bool {
        let counts = self.plan.ladder.count_limit(self.rung).is_some_and(|count| count > 0);
        let is_last = self.rung == self.plan.ladder.last();
        let is_seen = seen.reach.rung == Some(self.rung);
        is_seen && seen.reach.is_vacant && !counts && !is_last
    }

    /// Nobody can be waited for in a rung that opened to nobody. It exposes nobody, so the next one
    /// opens at once, with its own approvals; unless the plan wants a person at small rungs.
    fn pass_over(self, losses: &Losses, now: Timestamp) -> Step {
        if self.plan.on_small == OnSmall::Hold {
            return self.stay(Waiting::Operator);
        }
        let passed = self.rung;
        let next = passed.next();
        let mut step = self.open_if_approved(next, losses, now);
        if step.next.rung != passed {
            step.effects.insert(0, Effect::PassedOver(passed));
        }
        step
    }

    /// What the open rung still needs; `None` if it is finished.
    fn unfinished(
        &self,
        seen: &Observation,
        gates: &Evaluation,
        now: Timestamp,
    ) -> Option<Waiting> {
        let open_for = now.since(self.rung_opened);
        let expired = open_for >= self.plan.reaching.max_open;
        if let Some(waiting) = self.missing_reach(seen, expired) {
            return Some(waiting);
        }
        let batch = seen.batch(self.rung);
        let last = self.rung == self.plan.ladder.last();
        let all = seen.tally.sum(|_| true);
        if last && !expired && all.matured < all.permitted {
            return Some(Waiting::Horizon { have: all.matured, of: all.permitted });
        }
        let min_matured = u64::from(self.plan.reaching.min_matured_bp);
        if batch.matured * 10_000 < batch.permitted * min_matured {
            return Some(Waiting::Horizon { have: batch.matured, of: batch.permitted });
        }
        let baked = self.rung_opened.after(self.plan.reaching.min_bake);
        if now < baked {
            return Some(Waiting::Bake { until: baked });
        }
        if last || self.proven.is_some() { None } else { self.missing_proof(seen, gates) }
    }

    fn missing_reach(&self, seen: &Observation, expired: bool) -> Option<Waiting> {
        let Observation { reach, .. } = seen;
        if reach.rung != Some(self.rung) {
            return Some(Waiting::Reach { have: 0, of: 0 });
        }
        let full = match self.plan.ladder.count_limit(self.rung) {
            Some(count) => seen.tally.sum(|_| true).by_position >= count && count > 0,
            None => false,
        };
        let enough = reach.served * 10_000
            >= reach.reachable * u64::from(self.plan.reaching.min_reach_bp)
            && reach.reachable > 0;
        // In the last rung nobody who can be reached is left out.
        let everyone = self.rung != self.plan.ladder.last() || reach.served >= reach.reachable;
        // Nobody can be reached: a rung is given up, a rollout that gave nobody anything is not.
        let nothing =
            self.rung == self.plan.ladder.last() && seen.tally.sum(|_| true).permitted == 0;
        let nobody = expired && reach.reachable == 0 && !nothing;
        if full || (enough && (everyone || expired)) || nobody {
            return None;
        }
        Some(Waiting::Reach { have: reach.served, of: reach.reachable })
    }

    /// What an unproven rung still needs to go on.
    //= design 4.3: a rung too small to prove goes on when quiet, one that could prove does not
    fn missing_proof(&self, seen: &Observation, gates: &Evaluation) -> Option<Waiting> {
        let hold = |hold| Some(Waiting::Evidence { hold });
        let reason = match &gates.verdict {
            Verdict::Hold(reason) => reason.clone(),
            Verdict::Pass | Verdict::Abort(_) => return None,
        };
        let batch = seen.batch(self.rung);
        let exhausted = batch.matured == batch.permitted;
        if self.plan.can_prove(seen.reach.reachable) {
            return hold(if exhausted { HoldReason::StageExhausted } else { reason });
        }
        if self.plan.on_small == OnSmall::Hold {
            return Some(Waiting::Operator);
        }
        if !exhausted {
            return Some(Waiting::Horizon { have: batch.matured, of: batch.permitted });
        }
        // Cumulative over the rollout, whatever was halted and resumed in between.
        //= gates §9: matured_bad <= 1 + p_pass * matured, both cumulative over the rollout
        let all = seen.tally.sum(|_| true);
        let Ok(matured) = gate::Tally::new(all.matured_bad, all.matured) else {
            return hold(reason);
        };
        // Without a single device there is nothing to be quiet about.
        if all.matured == 0 && seen.reach.reachable == 0 {
            return hold(HoldReason::NoData);
        }
        if self.plan.gates.failure.is_quiet(matured) { None } else { hold(reason) }
    }

    pub(super) fn raise(&mut self, frontier: Frontier) {
        let open = self.furthest.entry(StratumId(0)).or_insert(Frontier::CLOSED);
        *open = open.raised_to(frontier);
    }

    pub(super) fn stay(&self, waiting: Waiting) -> Step {
        let effects = Vec::new();
        Step { next: self.clone(), effects, waiting: Some(waiting), evaluation: None }
    }

    pub(super) fn end(&self) -> Step {
        Step { next: self.clone(), effects: Vec::new(), waiting: None, evaluation: None }
    }

    pub(super) fn halt(&self, cause: Cause, now: Timestamp) -> Step {
        let mut next = self.clone();
        if let Phase::Paused { since, .. } = &self.phase {
            next.rung_opened = self.rung_opened.after(now.since(*since));
        }
        next.phase = Phase::Halted { cause, at: now, resume: Vec::new() };
        let waiting = Some(Waiting::TwoPeople { have: 0 });
        Step { next, effects: vec![Effect::Halted], waiting, evaluation: None }
    }
}

fn salt_of(id: RolloutId) -> Salt {
    let mut text = uuid::Uuid::encode_buffer();
    Salt::of(id.0.hyphenated().encode_lower(&mut text))
}
