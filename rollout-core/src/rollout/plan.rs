//! What a plan says, checked as a whole before anything starts.
//!
//! Invariant: a [`Plan`] has passed [`Plan::check`]; nothing further in validates it again.

use super::{AgreedBy, EMERGENCY_PEOPLE, Ladder, Lane, OnOverdue, PerMinute, RungIndex, Schedule};
use crate::cohort::Selector;
use crate::gate::operating;
use crate::gate::{Budget, Epoch, FailureGate, GateError, GateSet, HardStops, Proportion, Rate};
use crate::id::{DeviceId, RolloutId};
use crate::release::{ComponentId, Target};
use crate::time::{Span, Timestamp};
use alloc::{collections::BTreeSet, format, string::String};

/// Attributes a rollout itself changes, or that change by the hour: no ground for membership, and
/// nothing to register.
pub(crate) const VOLATILE: &[&str] =
    &["version", "battery", "docked", "charging", "rssi", "uptime", "temperature"];
/// Longest name of a plan, in bytes: it is a row in a table.
pub const NAME_BYTES: usize = 100;
/// How far the search for the size that proves looks, in devices.
const PROOF_DEVICES: u64 = 200_000;

/// Who belongs to the cohort.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Membership {
    /// Whoever the query selects.
    Query(Selector),
    /// Exactly these.
    Listed(BTreeSet<DeviceId>),
    /// Whoever got a permit in that rollout; those that run something else have moved on.
    StillRunning {
        /// The rollout to take back.
        rollout: RolloutId,
    },
}

/// How fast.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pace {
    /// Most permits whose device is unconfirmed; `None` without a bound.
    pub max_in_flight: Option<u64>,
    /// Devices one is prepared to lose while nothing is proven.
    pub budget: u64,
    /// Most open offers; `None` is four times the permit cap.
    pub max_offers: Option<u64>,
    /// How long an offer lasts without progress.
    pub lease: Span,
    /// How many permits a minute.
    pub per_minute: PerMinute,
}

/// When a device counts as silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Silence {
    /// How many usual check-in intervals may be missed.
    pub intervals: u64,
    /// Never sooner than this.
    pub at_least: Span,
    /// How long a new image has for its round trip before it returns by itself.
    pub confirm_window: Span,
}

/// When a rung has reached enough devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reaching {
    /// Share of the reachable devices that must be permitted, basis points.
    pub min_reach_bp: u16,
    /// A rung open for so long is finished without it.
    pub max_open: Span,
    /// Share of the rung's permitted devices that must be past their horizon, basis points.
    pub min_matured_bp: u16,
    /// Shortest time a rung stays open.
    pub min_bake: Span,
}

/// What a rung too small to prove anything does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnSmall {
    /// Goes on if all is quiet.
    Quiet,
    /// Waits for an operator.
    Hold,
}

/// What happens, after a halt, to devices that run the release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Installed {
    /// They keep it.
    Keep,
    /// The way back is prepared as a draft for them.
    RollBack,
}

/// Whether a device that came back from the image by its own judgement is offered it once more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Again {
    /// It is not.
    #[default]
    No,
    /// It is: somebody has looked into it.
    Yes,
}

/// Feeds nothing for [`Again::No`]: plans from before there was a choice keep their state hash.
impl core::hash::Hash for Again {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        match self {
            Self::No => {}
            Self::Yes => state.write_u8(1),
        }
    }
}

/// Rungs that people must approve.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Approval {
    /// Before which rungs.
    pub before: BTreeSet<RungIndex>,
    /// By how many people, none of them the author.
    pub by: u8,
    /// How many people, none of them the author, must agree to a rung that takes the way back
    /// away, at least 1.
    pub no_return: AgreedBy,
}

/// What it is judged by.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct Gates {
    /// Statistics.
    pub failure: FailureGate,
    /// Plain counters.
    pub stops: HardStops,
}

/// The fields of a plan before they were checked together.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct PlanFields {
    /// Its name.
    pub name: String,
    /// What it installs.
    pub target: Target,
    /// Which part of the device.
    pub component: ComponentId,
    /// Who belongs.
    pub members: Membership,
    /// What a device must be at its check-in; it waits until it is.
    pub require: Option<Selector>,
    /// In which steps.
    pub ladder: Ladder,
    /// How long a device must stay well.
    pub soak: Span,
    /// How fast.
    pub pace: Pace,
    /// Judged by what.
    pub gates: Gates,
    /// Silent when.
    pub silence: Silence,
    /// Finished when.
    pub reaching: Reaching,
    /// What small rungs do.
    pub on_small: OnSmall,
    /// Approved where.
    pub approval: Approval,
    /// After a halt.
    pub on_halt: Installed,
    /// Not before.
    pub start_at: Option<Timestamp>,
    /// Also for those that fled from the image.
    pub again: Again,
    /// At which times.
    pub schedule: Schedule,
    /// Of a pause that nobody reviews.
    pub on_overdue: OnOverdue,
}

impl PlanFields {
    /// A plan that says nothing but this, with every other choice at its default.
    //= design 4.1, 4.3, gates §1, §7, §9, §10: defaults
    pub fn new(name: &str, target: Target, members: Membership, ladder: Ladder) -> Self {
        Self {
            name: name.into(),
            target,
            component: ComponentId(0),
            members,
            require: None,
            ladder,
            soak: Span::ZERO,
            pace: Pace {
                max_in_flight: None,
                budget: Budget::DEFAULT_DEVICES,
                max_offers: None,
                lease: Span::hours(1),
                per_minute: PerMinute::Unbounded,
            },
            gates: Gates { failure: FailureGate::default(), stops: HardStops::default() },
            silence: Silence {
                intervals: 3,
                at_least: Span::hours(1),
                confirm_window: Span::hours(2),
            },
            reaching: Reaching {
                min_reach_bp: 9000,
                max_open: Span::hours(24 * 14),
                min_matured_bp: 5000,
                min_bake: Span::ZERO,
            },
            on_small: OnSmall::Quiet,
            approval: Approval::default(),
            on_halt: Installed::Keep,
            start_at: None,
            again: Again::No,
            schedule: Schedule::default(),
            on_overdue: OnOverdue::default(),
        }
    }
}

/// A checked plan.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct Plan {
    fields: PlanFields,
    gate_set: GateSet,
    budget: Budget,
    proof: u64,
    likely_proof: Option<u64>,
}

/// Its rates are numbers: none of them is NaN.
impl Eq for Plan {}

/// Why a plan cannot be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A key or value that is not one.
    #[error("`{key}`: {problem}")]
    Field {
        /// Where in the plan.
        key: String,
        /// What is wrong and what was expected.
        problem: String,
    },
    /// A key nobody reads.
    #[error("unknown key `{key}`; the nearest is `{nearest}`")]
    UnknownKey {
        /// Where in the plan.
        key: String,
        /// What was probably meant.
        nearest: String,
    },
    /// A query that cannot be read.
    #[error("`{key}`: {source}")]
    Selector {
        /// Where in the plan.
        key: &'static str,
        /// What is wrong, at which column.
        source: crate::cohort::SelectorError,
    },
    /// Statistics that cannot be kept.
    #[error("`gate`: {0}")]
    Gate(#[from] GateError),
}

impl PlanError {
    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Field { .. } => "PL-001",
            Self::UnknownKey { .. } => "PL-002",
            Self::Selector { source, .. } => source.code(),
            Self::Gate(source) => source.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Field { .. } => "correct the value; `rollout check PLAN` reads it without effect",
            Self::UnknownKey { .. } => "use the key that is meant, or leave it out",
            Self::Selector { source, .. } => source.hint(),
            Self::Gate(source) => source.hint(),
        }
    }

    pub(super) fn field(key: &str, problem: impl Into<String>) -> Self {
        Self::Field { key: key.into(), problem: problem.into() }
    }
}

impl Plan {
    /// Checks the fields against each other.
    ///
    /// # Errors
    /// [`PlanError`] naming the key.
    pub fn check(fields: PlanFields) -> Result<Self, PlanError> {
        if fields.name.is_empty() || fields.name.len() > NAME_BYTES {
            return Err(PlanError::field("name", format!("1 to {NAME_BYTES} bytes")));
        }
        if let Membership::Query(query) = &fields.members
            && let Some(name) = query.attributes().find(|name| VOLATILE.contains(name))
        {
            let problem = format!("`{name}` changes while a rollout runs; put it under `require`");
            return Err(PlanError::field("cohort", problem));
        }
        check_shares(&fields)?;
        check_approval(&fields)?;
        fields.schedule.check(fields.start_at)?;
        let Gates { failure, stops } = fields.gates.clone();
        let proof = operating::smallest_proof(&failure).ok_or_else(|| {
            PlanError::field("gate.failure", "no number of devices could prove this rate")
        })?;
        // The size at which a build at half the allowed rate is decided in 95 of 100 runs.
        let likely_proof = operating::n95(&failure, half(failure.p_max())?, PROOF_DEVICES);
        let gate_set = GateSet::single(failure, stops);
        let budget = Budget::new(fields.pace.budget, &gate_set, Epoch::default())?;
        Ok(Self { fields, gate_set, budget, proof, likely_proof })
    }

    /// All gates.
    pub fn gate_set(&self) -> &GateSet {
        &self.gate_set
    }

    /// Devices one is prepared to lose while nothing is proven.
    pub fn budget(&self) -> Budget {
        self.budget
    }

    /// Devices that prove the release acceptable if none of them fails.
    pub fn proof(&self) -> u64 {
        self.proof
    }

    /// How many people must approve a rung, none of them the author.
    pub fn approvals_needed(&self, rung: RungIndex) -> u8 {
        let named = if self.approval.before.contains(&rung) { self.approval.by } else { 0 };
        match self.schedule.lane {
            Lane::Emergency if rung == RungIndex(0) => named.max(EMERGENCY_PEOPLE),
            Lane::Emergency | Lane::Usual => named,
        }
    }

    /// Whether a rung whose cumulative reachable count is `devices` can count on a proof.
    //= design 4.3: too small below n95(p_max/2)
    pub fn can_prove(&self, devices: u64) -> bool {
        self.likely_proof.is_some_and(|likely| devices >= likely)
    }

    /// The horizon of a device whose usual check-in interval is `usual`.
    //= gates §2, §7: H = D + soak, D = max(D_min, k * q)
    pub fn horizon(&self, usual: Span) -> Span {
        let Silence { intervals, at_least, .. } = self.fields.silence;
        let patience = Span(usual.0.saturating_mul(intervals)).max(at_least);
        patience.plus(self.fields.soak)
    }
}

impl core::ops::Deref for Plan {
    type Target = PlanFields;

    fn deref(&self) -> &PlanFields {
        &self.fields
    }
}

fn half(rate: Rate) -> Result<Proportion, GateError> {
    Proportion::new(rate.get() / 2.0)
}

fn check_shares(fields: &PlanFields) -> Result<(), PlanError> {
    for (key, bp) in [
        ("min_reach", fields.reaching.min_reach_bp),
        ("min_matured_share", fields.reaching.min_matured_bp),
    ] {
        if bp > 10_000 {
            return Err(PlanError::field(key, "at most 100 %"));
        }
    }
    if fields.reaching.max_open == Span::ZERO {
        return Err(PlanError::field("max_open", "longer than nothing"));
    }
    if fields.silence.intervals == 0 {
        return Err(PlanError::field("gate.silence.after", "at least 1 check-in"));
    }
    if fields.pace.lease == Span::ZERO {
        return Err(PlanError::field("pace.lease", "longer than nothing"));
    }
    if fields.pace.max_in_flight == Some(0) || fields.pace.max_offers == Some(0) {
        return Err(PlanError::field("pace", "a bound of 0 would let nobody in"));
    }
    if let Some((key, problem)) = fields.pace.per_minute.problem() {
        return Err(PlanError::field(key, problem));
    }
    Ok(())
}

fn check_approval(fields: &PlanFields) -> Result<(), PlanError> {
    let Approval { before, by, no_return } = &fields.approval;
    if no_return.0 == 0 {
        return Err(PlanError::field("approval.no_return", "at least 1 person"));
    }
    if before.is_empty() != (*by == 0) {
        let problem = "`before` and `by` go together: which rungs, and how many people";
        return Err(PlanError::field("approval", problem));
    }
    match before.iter().find(|rung| **rung > fields.ladder.last()) {
        Some(rung) => {
            let problem = format!("the ladder has no rung {}", rung.0 + 1);
            Err(PlanError::field("approval.before", problem))
        }
        None => Ok(()),
    }
}
