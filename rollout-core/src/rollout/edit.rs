//! The plan of a rollout is changed while it runs.
//!
//! What a key does is in `change`. Not here: the gates, which [`crate::fleet::Fleet::command`]
//! asks before. Invariants: a refusal changes nothing; what is open stays as it was opened; nobody
//! whom the plan wants asked is left out; evidence under other limits starts anew at half the risk,
//! while devices at risk stay at risk; a halt is left by two people and in no other way.
//= gates §8: changing a limit starts new e-processes, the k-th restart runs at alpha / 2^k

use super::{
    Change, Consequence, Effect, EvidenceEpoch, Ladder, Losses, Phase, Plan, Refusal, Rollout,
    Rung, RungIndex, Step, Waiting,
};
use crate::gate::{Risk, pacing};
use crate::id::{CohortId, Principal};
use crate::position::Frontier;
use crate::time::{Span, Timestamp};
use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString},
    sync::Arc,
    vec,
    vec::Vec,
};
use core::hash::{Hash, Hasher};

/// The latest change of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LastEdit {
    /// By whom.
    pub by: Principal,
    /// When.
    pub at: Timestamp,
    /// Approvals it made void.
    pub voided: u32,
    /// Whether it started the evidence anew.
    pub restarted: bool,
}

/// How a plan was changed since it was drafted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits {
    /// How often.
    pub count: u32,
    /// By whom: nobody of them approves it.
    pub by: BTreeSet<Principal>,
    /// The latest.
    pub last: Option<LastEdit>,
    /// How often evidence was started anew by a change since a halt was resumed.
    pub restarts: u32,
}

/// Feeds nothing while there was no change: rollouts from before there were any keep their state
/// hash.
impl Hash for Edits {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self { count, by, last, restarts } = self;
        if *count > 0 {
            state.write_u32(*count);
            (by, last, restarts).hash(state);
        }
    }
}

/// What a change would do, before it is made.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    /// Key by key.
    pub changes: Vec<Change>,
    /// Approvals that are void then.
    pub voided: u32,
    /// Whether evidence starts anew, and then in which epoch and at which risk of a false abort.
    pub restart: Option<(EvidenceEpoch, Risk)>,
}

impl Edit {
    /// In a sentence: the keys, and what follows.
    pub fn says(&self) -> String {
        let keys: Vec<_> = self.changes.iter().map(|change| change.key).collect();
        let mut said = keys.join(", ");
        if let Some((epoch, alpha)) = self.restart {
            let (times, alpha) = (ordinal(epoch.0), percent(alpha));
            said.push_str(&format!("; evidence starts anew, {times} time, alpha now {alpha}"));
        }
        match self.voided {
            0 => {}
            1 => said.push_str("; 1 approval is void"),
            more => said.push_str(&format!("; {more} approvals are void")),
        }
        said
    }
}

fn ordinal(number: u32) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        (_, _) => "th",
    };
    format!("{number}{ending}")
}

/// A risk as percent, in at most four digits that say something.
fn percent(risk: Risk) -> String {
    let text = format!("{:.4}", risk.get() * 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

impl Rollout {
    /// From which epoch on devices count for the evidence cap and the hard stops: a change of the
    /// plan makes nobody whole who is at risk, a halt that two people resumed is behind us.
    //= gates §8: resuming a halt also starts the counts of section 10 at 0
    pub fn counted_since(&self) -> EvidenceEpoch {
        EvidenceEpoch(self.epoch.0.saturating_sub(self.edits.restarts))
    }

    /// What the change to another plan would do. Without effect.
    ///
    /// # Errors
    /// [`Refusal`] naming the key that stands in the way.
    pub fn edit_to(&self, plan: &Plan) -> Result<Edit, Refusal> {
        self.takes_edits()?;
        let changes = self.changes(plan);
        if let Some(fixed) = changes.iter().find(|one| one.consequence == Consequence::Fixed) {
            return Err(Refusal::FixedKey { key: fixed.key });
        }
        self.keeps_open_rungs(&plan.ladder)?;
        self.keeps_approvals(plan)?;
        let anew = changes.iter().any(|one| one.consequence == Consequence::EvidenceAnew);
        let epoch = if anew { self.epoch.next() } else { self.epoch };
        let need = pacing::min_budget(plan.gate_set(), epoch);
        let have = plan.budget().devices();
        if have < need {
            return Err(Refusal::BudgetTooSmall { have, need });
        }
        let restart = anew.then(|| (epoch, plan.gate_set().alpha(epoch)));
        let given = self.approvals.iter().map(|(rung, people)| (*rung, people.len()));
        let given = given.chain(self.consents.iter().map(|(rung, people)| (rung, people.len())));
        let voided = given.filter(|(rung, _)| !self.is_open(*rung));
        let voided = voided.map(|(_, people)| people as u32).sum();
        Ok(Edit { changes, voided, restart })
    }

    fn takes_edits(&self) -> Result<(), Refusal> {
        match self.phase {
            Phase::Draft
            | Phase::AwaitingApproval { .. }
            | Phase::Scheduled { .. }
            | Phase::Deploying
            | Phase::Soaking
            | Phase::Paused { .. } => Ok(()),
            Phase::Halted { .. } => Err(Refusal::EditHalted),
            Phase::Completed { .. } | Phase::Canceled { .. } => {
                Err(Refusal::Ended { phase: self.phase.name() })
            }
        }
    }

    fn is_open(&self, rung: RungIndex) -> bool {
        self.has_begun() && rung <= self.rung
    }

    /// What is open was opened by the rungs there are.
    fn keeps_open_rungs(&self, new: &Ladder) -> Result<(), Refusal> {
        let open = if self.has_begun() { usize::from(self.rung.0) + 1 } else { 0 };
        let shown = |rung: Option<&Rung>| rung.map_or("nothing".into(), ToString::to_string);
        for at in 0..open {
            let (was, is) = (self.plan.ladder.rungs().get(at), new.rungs().get(at));
            if was != is {
                let rung = at as u16 + 1;
                return Err(Refusal::OpenRung { rung, was: shown(was), is: shown(is) });
            }
        }
        Ok(())
    }

    /// Whoever had to be asked before the fleet was opened so far is still asked: otherwise one
    /// person could do alone what the plan wants several for.
    fn keeps_approvals(&self, new: &Plan) -> Result<(), Refusal> {
        if self.phase == Phase::Draft {
            return Ok(());
        }
        let by = self.plan.approval.no_return.0;
        if new.approval.no_return.0 < by {
            return Err(Refusal::FewerConsents { by });
        }
        let old = &self.plan.ladder;
        for guarded in (0..=old.last().0).map(RungIndex).filter(|rung| !self.is_open(*rung)) {
            let by = self.plan.approvals_needed(guarded);
            let free = guarded.0.checked_sub(1).map(|rung| Extent::of(old, RungIndex(rung)));
            let first = (0..=new.ladder.last().0)
                .map(RungIndex)
                .find(|rung| Extent::of(&new.ladder, *rung).is_beyond(free.as_ref()));
            if first.is_some_and(|first| new.approvals_needed(first) < by) {
                let rung = old.rung(guarded).map(ToString::to_string).unwrap_or_default();
                return Err(Refusal::FewerApprovals { rung, by });
            }
        }
        Ok(())
    }

    pub(super) fn edit(
        &self,
        by: &Principal,
        plan: &Arc<Plan>,
        losses: &Losses,
        now: Timestamp,
    ) -> Result<Step, Refusal> {
        let edit = self.edit_to(plan)?;
        if edit.changes.is_empty() {
            return Ok(self.stay(self.waits_after_edit(now)));
        }
        let mut next = self.clone();
        next.approvals.retain(|rung, _| self.is_open(*rung));
        next.consents.retain(|rung| self.is_open(rung));
        next.plan = Arc::clone(plan);
        let mut effects = vec![Effect::Edited];
        if edit.restart.is_some() {
            next.restart_evidence(Span::ZERO)?;
            next.edits.restarts = self.edits.restarts + 1;
            effects.push(Effect::EvidenceAnew);
        }
        next.edits.count += 1;
        next.edits.by.insert(by.clone());
        let (voided, restarted) = (edit.voided, edit.restart.is_some());
        next.edits.last = Some(LastEdit { by: by.clone(), at: now, voided, restarted });
        let mut step = match self.phase {
            // Who has to be asked, and from when on, is for the changed plan to say.
            Phase::AwaitingApproval { .. } | Phase::Scheduled { .. } => next.go_on(losses, now),
            Phase::Draft
            | Phase::Deploying
            | Phase::Soaking
            | Phase::Paused { .. }
            | Phase::Halted { .. }
            | Phase::Completed { .. }
            | Phase::Canceled { .. } => next.stay(next.waits_after_edit(now)),
        };
        effects.append(&mut step.effects);
        Ok(Step { effects, ..step })
    }

    fn waits_after_edit(&self, now: Timestamp) -> Waiting {
        match &self.phase {
            Phase::Draft => Waiting::Start,
            Phase::Scheduled { at } => Waiting::Until { at: *at },
            Phase::Paused { review, .. } => self.waits_for_review(review, now),
            Phase::AwaitingApproval { .. }
            | Phase::Deploying
            | Phase::Soaking
            | Phase::Halted { .. }
            | Phase::Completed { .. }
            | Phase::Canceled { .. } => Waiting::Reach { have: 0, of: 0 },
        }
    }
}

/// How far the rungs up to one open the fleet.
struct Extent<'l> {
    share: Frontier,
    count: u64,
    cohorts: BTreeSet<&'l CohortId>,
}

impl<'l> Extent<'l> {
    fn of(ladder: &'l Ladder, rung: RungIndex) -> Self {
        Self {
            share: ladder.share_frontier(rung),
            // Counts come before shares, so one that is gone was passed.
            count: ladder.count_limit(rung).unwrap_or(u64::MAX),
            cohorts: ladder.cohorts_open_at(rung).collect(),
        }
    }

    fn is_beyond(&self, other: Option<&Self>) -> bool {
        other.is_none_or(|other| {
            self.share > other.share
                || self.count > other.count
                || !self.cohorts.is_subset(&other.cohorts)
        })
    }
}
