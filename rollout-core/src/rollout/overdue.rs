//! Pauses that cannot be forgotten: reminders, and what the plan lets happen without a review.
//!
//! Decided on time alone, and journalled as an input of its own, so that it replays. Not here: who
//! is told; that is the outbox's and the log's. Invariants: at most one reminder for each day that
//! a review is late, however often one looks; nothing but a paused rollout is ever changed.
//= field notes (c) 16: every hold has an owner and a review time, and nags

use super::{Cause, Effect, Losses, Nags, Phase, Review, Rollout, Step, Waiting};
use crate::id::Principal;
use crate::time::{Span, Timestamp};
use alloc::vec;

/// Time between two reminders.
const NAG_EVERY: Span = Span::hours(24);
/// Who is said to have canceled a rollout by the rule of its plan.
const RULE: &str = "plan:on_overdue";

/// What happens to a pause that nobody reviews.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Overdue {
    /// Its owner is reminded, once a day.
    Nag,
    /// It ends, and the rollout goes on.
    Resume,
    /// The rollout is halted.
    Halt,
    /// The rollout is canceled.
    Cancel,
}

impl Overdue {
    /// All of them, the default first.
    pub const ALL: [Self; 4] = [Self::Nag, Self::Resume, Self::Halt, Self::Cancel];

    /// Its name in plans and APIs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nag => "nag",
            Self::Resume => "resume",
            Self::Halt => "halt",
            Self::Cancel => "cancel",
        }
    }

    /// What the rollout then does.
    pub const fn verb(self) -> &'static str {
        match self {
            Self::Nag => "reminds",
            Self::Resume => "resumes",
            Self::Halt => "halts",
            Self::Cancel => "cancels",
        }
    }
}

/// The plan's rule for pauses that nobody reviews.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnOverdue {
    /// What happens.
    pub then: Overdue,
    /// So long after the review time; a reminder comes at the review time itself.
    pub after: Span,
}

impl Default for OnOverdue {
    fn default() -> Self {
        Self { then: Overdue::Nag, after: Span::hours(24) }
    }
}

/// Feeds nothing for the default: plans from before there was a rule keep their state hash.
impl core::hash::Hash for OnOverdue {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        if *self != Self::default() {
            // None of those that a schedule or a rate feeds.
            state.write_u8(5);
            (self.then, self.after).hash(state);
        }
    }
}

impl Rollout {
    /// How late the review of its pause is; `None` while it lies ahead, or if it is not paused.
    pub fn late_by(&self, now: Timestamp) -> Option<Span> {
        match &self.phase {
            Phase::Paused { review, .. } if now >= review.at => Some(now.since(review.at)),
            Phase::Paused { .. }
            | Phase::Draft
            | Phase::AwaitingApproval { .. }
            | Phase::Scheduled { .. }
            | Phase::Deploying
            | Phase::Soaking
            | Phase::Halted { .. }
            | Phase::Completed { .. }
            | Phase::Canceled { .. } => None,
        }
    }

    /// When the plan's rule ends its pause without a review, and how.
    pub fn ends_by_itself(&self) -> Option<(Overdue, Timestamp)> {
        let Phase::Paused { review, .. } = &self.phase else { return None };
        self.rule_of(review)
    }

    fn rule_of(&self, review: &Review) -> Option<(Overdue, Timestamp)> {
        let OnOverdue { then, after } = self.plan.on_overdue;
        (then != Overdue::Nag).then(|| (then, review.at.after(after)))
    }

    /// What is due because nobody has reviewed its pause. It is due until it is done.
    pub fn overdue(&self, now: Timestamp) -> Option<Overdue> {
        let Phase::Paused { nags, .. } = &self.phase else { return None };
        if let Some((then, _)) = self.ends_by_itself().filter(|(_, at)| now >= *at) {
            return Some(then);
        }
        let due = Self::nags_due(self.late_by(now)?);
        (due > *nags).then_some(Overdue::Nag)
    }

    /// One at the review time, and one for each day after it; days in which nobody looked are made
    /// up for by one.
    fn nags_due(late: Span) -> Nags {
        let days = u32::try_from(late.0 / NAG_EVERY.0).unwrap_or(u32::MAX);
        Nags(days.saturating_add(1))
    }

    pub(super) fn past_review(&self, what: Overdue, now: Timestamp) -> Step {
        let Phase::Paused { review, since, .. } = &self.phase else { return self.end() };
        if self.overdue(now) != Some(what) {
            return self.stay(self.waits_for_review(review, now));
        }
        match what {
            Overdue::Nag => {
                let nags = Self::nags_due(now.since(review.at));
                let mut next = self.clone();
                next.phase = Phase::Paused { review: review.clone(), since: *since, nags };
                let step = next.stay(self.waits_for_review(review, now));
                Step { effects: vec![Effect::Overdue], ..step }
            }
            Overdue::Resume => self.resumed_by_rule(now),
            Overdue::Halt => self.halt(Cause::Overdue { review: review.clone() }, now),
            Overdue::Cancel => {
                let rule = Principal::new(RULE).unwrap_or_else(|_| review.owner.clone());
                self.canceled(&rule)
            }
        }
    }

    /// Whom a first rung takes the way back from is known at the next look: it is that which opens
    /// one.
    fn resumed_by_rule(&self, now: Timestamp) -> Step {
        if self.has_begun() {
            return self.go_on_after_pause(&Losses::default(), now);
        }
        let at = self.plan.start_at.map_or(now, |at| at.max(now));
        let mut next = self.clone();
        next.phase = Phase::Scheduled { at };
        Step { effects: vec![Effect::Resumed], ..next.stay(Waiting::Until { at }) }
    }

    pub(super) fn waits_for_review(&self, review: &Review, now: Timestamp) -> Waiting {
        let then = self.rule_of(review).map(|(then, at)| (then, at.since(now)));
        let late = (now >= review.at).then(|| now.since(review.at));
        Waiting::Resume { review: review.clone(), late, then }
    }
}
