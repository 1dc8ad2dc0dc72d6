//! Why a gate was not configured. Nothing was decided.
//!
//! Not here: why a rollout waits or stops (see [`super::verdict`]); bad devices are no error.
//! Invariant: every variant names the number that was given.

use super::rate::Rate;

/// A configuration no gate can keep its promise with.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GateError {
    /// A limit that is not strictly between 0 and 1.
    #[error("a rate of {value} is not strictly between 0 and 1")]
    RateOutside {
        /// What was given.
        value: f64,
    },
    /// A share that is not between 0 and 1.
    #[error("a share of {value} is not between 0 and 1")]
    ProportionOutside {
        /// What was given.
        value: f64,
    },
    /// An alpha or beta out of range.
    #[error("an error risk of {value} is not above 0 and at most 0.5")]
    RiskOutside {
        /// What was given.
        value: f64,
    },
    /// The indifference zone would be negative.
    #[error("p_pass {p_pass} is below p_max {p_max}")]
    PassBelowMax {
        /// The highest rate promised not to abort.
        p_max: Rate,
        /// The lowest rate promised not to advance.
        p_pass: Rate,
    },
    /// Zero failures would be asked for before an abort.
    #[error("min_failures is 0")]
    NoMinFailures,
    /// A simple test whose two rates are not in order.
    #[error("p1 {p1} is not above p0 {p0}")]
    RatesNotApart {
        /// The rate of a good build.
        p0: Rate,
        /// The rate of a bad build.
        p1: Rate,
    },
    /// A gate set without a component.
    #[error("there is no gate to evaluate")]
    NoComponent,
    /// A weight that is not above 0 and at most 1.
    #[error("a weight of {value} is not above 0 and at most 1")]
    WeightOutside {
        /// What was given.
        value: f64,
    },
    /// Weights that would promise more or less than alpha.
    #[error("the weights sum to {sum}")]
    WeightSum {
        /// Their sum.
        sum: f64,
    },
    /// Components that do not share the rollout's alpha.
    #[error("component `{name}` has another alpha than the first one")]
    AlphaDiffers {
        /// The component that differs.
        name: alloc::string::String,
    },
    /// A budget that would be used up before failures alone prove anything.
    #[error("a budget of {have} devices is spent before an abort; it takes {need} failures")]
    BudgetTooSmall {
        /// Devices one is prepared to lose.
        have: u64,
        /// Failures of as many devices that abort.
        need: u64,
    },
    /// Counters that contradict each other.
    #[error("counters contradict each other: {rule}")]
    Contradiction {
        /// The relation that does not hold.
        rule: &'static str,
    },
}

impl GateError {
    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::RateOutside { .. } => "GA-001",
            Self::ProportionOutside { .. } => "GA-002",
            Self::RiskOutside { .. } => "GA-003",
            Self::PassBelowMax { .. } => "GA-004",
            Self::NoMinFailures => "GA-005",
            Self::RatesNotApart { .. } => "GA-006",
            Self::NoComponent => "GA-007",
            Self::WeightOutside { .. } => "GA-008",
            Self::WeightSum { .. } => "GA-009",
            Self::AlphaDiffers { .. } => "GA-010",
            Self::BudgetTooSmall { .. } => "GA-011",
            Self::Contradiction { .. } => "GA-012",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::RateOutside { .. } => "write the limit as a percentage above 0% and below 100%",
            Self::ProportionOutside { .. } => "write the share as a percentage from 0% to 100%",
            Self::RiskOutside { .. } => "1% is the default; 5% decides sooner and errs more often",
            Self::PassBelowMax { .. } => "raise p_pass; twice p_max is the default",
            Self::NoMinFailures => "1 is the default and asks for nothing further",
            Self::RatesNotApart { .. } => "p0 is what a good build has, p1 what a bad one has",
            Self::NoComponent => "give the rollout at least one gate",
            Self::WeightOutside { .. } => "leave the weights out to share equally",
            Self::WeightSum { .. } => "make the weights sum to 1, or leave all of them out",
            Self::AlphaDiffers { .. } => "alpha belongs to the rollout: use one value everywhere",
            Self::BudgetTooSmall { .. } => "raise the budget, or lower p_max",
            Self::Contradiction { .. } => "this is a bug in whoever counted; report it",
        }
    }
}
