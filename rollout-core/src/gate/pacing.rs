//! How many devices may be at risk at once: what limits the damage of a catastrophic build.
//!
//! A budget is the number of devices one is prepared to lose among those in flight. It admits that
//! many to begin with, and more as evidence bounds the rate at which they could be lost. It holds
//! until the first pass; the caller stops asking then. Not here: batches and rates of offers.
//!
//! Invariant: a build that loses every device loses at most the budget, also when each one just
//! goes silent, because a device that matured bad keeps its slot.

use super::combine::Epoch;
use super::error::GateError;
use super::evidence::{Evidence, Tally};
use super::failure::FailureGate;
use super::monitor::Monitor;
use super::numerics::first_true;
use super::plan::GatePlan;
use super::rate::Risk;
use super::set::{Component, GateSet};

/// Search bound for the smallest budget, in devices: no fleet is larger.
pub(super) const LARGEST: u64 = 1 << 40;

/// Devices one is prepared to lose among those in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Budget(u64);

impl Budget {
    /// What a plan gets that names no budget, in devices.
    pub const DEFAULT_DEVICES: u64 = 20;

    /// Checks that failures alone abort before they use the budget up.
    ///
    /// # Errors
    /// [`GateError::BudgetTooSmall`] below [`min_budget`].
    pub fn new(devices: u64, gates: &GateSet, epoch: Epoch) -> Result<Self, GateError> {
        let need = min_budget(gates, epoch);
        if devices < need {
            return Err(GateError::BudgetTooSmall { have: devices, need });
        }
        Ok(Self(devices))
    }

    /// Checks the same for a plan of many gates.
    ///
    /// # Errors
    /// [`GateError::BudgetTooSmall`] below [`GatePlan::min_budget`].
    pub fn for_plan(devices: u64, plan: &GatePlan, epoch: Epoch) -> Result<Self, GateError> {
        let need = plan.min_budget(epoch);
        if devices < need {
            return Err(GateError::BudgetTooSmall { have: devices, need });
        }
        Ok(Self(devices))
    }

    /// The number, in devices.
    pub const fn devices(self) -> u64 {
        self.0
    }
}

/// The smallest number of devices whose failures alone abort, whichever component that counts
/// failures sees them.
///
/// It grows with `p_max`, with every halving of a weight and with every restart of the evidence.
pub fn min_budget(gates: &GateSet, epoch: Epoch) -> u64 {
    let alpha = gates.alpha(epoch);
    let alone = gates.components().iter().filter_map(|part| lost_alone(part, alpha));
    alone.max().unwrap_or(LARGEST)
}

/// The smallest number of devices whose failures alone make a component abort at its weight;
/// `None` for one that does not count failures.
pub(super) fn lost_alone(part: &Component, alpha: Risk) -> Option<u64> {
    match &part.gate {
        Monitor::Failure(gate) => {
            let gate = gate.with_alpha(part.weight.of(alpha));
            let aborts = |lost| gate.aborts(Tally::of(lost, lost));
            Some(first_true(1, LARGEST, aborts).unwrap_or(LARGEST))
        }
        Monitor::TwoArm(_) | Monitor::Count(_) | Monitor::Hazard(_) | Monitor::Mean(_) => None,
    }
}

/// The most devices that may be at risk: those the budget covers at the worst rate that is not
/// ruled out yet.
pub fn cap(gate: &FailureGate, matured: Tally, budget: Budget) -> u64 {
    libm::floor(budget.0 as f64 / gate.upper(matured).get()) as u64
}

/// Where admission stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pacing {
    /// So many more may be admitted.
    Open {
        /// Free slots, in devices, from 1.
        slots: u64,
        /// All slots, in devices.
        cap: u64,
    },
    /// Those in flight hold every slot; one that matures well frees its own.
    Full {
        /// All slots, in devices.
        cap: u64,
    },
    /// Nobody is in flight and bad devices hold every slot: nothing will free one.
    BudgetSpent {
        /// All slots, in devices.
        cap: u64,
    },
}

impl Pacing {
    /// What the evidence of one gate admits.
    pub fn of(gate: &FailureGate, evidence: Evidence, budget: Budget) -> Self {
        let matured = evidence.for_pass();
        let cap = cap(gate, matured, budget);
        let held = evidence.in_flight().saturating_add(matured.bad().min(budget.0));
        match cap.saturating_sub(held) {
            0 if evidence.in_flight() == 0 => Self::BudgetSpent { cap },
            0 => Self::Full { cap },
            slots => Self::Open { slots, cap },
        }
    }

    /// Free slots, in devices.
    pub const fn slots_left(self) -> u64 {
        match self {
            Self::Open { slots, .. } => slots,
            Self::Full { .. } | Self::BudgetSpent { .. } => 0,
        }
    }
}
