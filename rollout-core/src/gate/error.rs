//! Why a gate was not configured. Nothing was decided.
//!
//! Not here: why a rollout waits or stops (see [`super::verdict`]); bad devices are no error.
//! Invariant: every variant names the number that was given.

use super::rate::Rate;
use super::ratio::{EventRate, Ratio};

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
    /// A multiple of the control's rate that no gate can work with.
    #[error("a ratio of {value} is not above 0.25 and at most 1000000")]
    RatioOutside {
        /// What was given.
        value: f64,
    },
    /// The indifference zone between two multiples would be negative.
    #[error("r_pass {r_pass} is below r_abort {r_abort}")]
    RatiosCross {
        /// The highest ratio promised not to abort.
        r_abort: Ratio,
        /// The lowest ratio promised not to advance.
        r_pass: Ratio,
    },
    /// An expected baseline that weighs nothing or outweighs every fleet.
    #[error(
        "a baseline that counts as {value} devices does not count as more than 0 and at most 1e12"
    )]
    TrustOutside {
        /// What was given, in devices.
        value: f64,
    },
    /// A limit for events that is no rate.
    #[error("{value} events by device-hour are not at least 1e-15 and at most 1e9")]
    EventRateOutside {
        /// What was given.
        value: f64,
    },
    /// The indifference zone between two rates of events would be negative.
    #[error("a limit of {pass} for a pass is below {limit}, up to which nothing is aborted")]
    EventRatesCross {
        /// The highest rate promised not to abort.
        limit: EventRate,
        /// The lowest rate promised not to advance.
        pass: EventRate,
    },
    /// The indifference zone between two means would be negative.
    #[error("m_pass {m_pass} is below m_abort {m_abort}")]
    MeansCross {
        /// The highest mean promised not to abort.
        m_abort: Rate,
        /// The lowest mean promised not to advance.
        m_pass: Rate,
    },
    /// A percentile that leaves nobody on one side.
    #[error("a percentile of {basis_points} basis points is not from 1 to 9999")]
    PercentileOutside {
        /// What was given.
        basis_points: u16,
    },
    /// A limit for a measured value that is no number.
    #[error("{value} is not a finite number")]
    NoMeasure {
        /// What was given.
        value: f64,
    },
    /// An amount that cannot have been counted.
    #[error("{value} {what} are not an amount")]
    AmountOutside {
        /// What was counted.
        what: &'static str,
        /// What was given.
        value: f64,
    },
    /// A deadline of silence that a device could never meet.
    #[error("a deadline of {intervals} check-ins and at least {at_least} leaves no time to report")]
    NoPatience {
        /// Usual check-in gaps that may pass.
        intervals: u64,
        /// The shortest deadline.
        at_least: crate::time::Span,
    },
    /// A plan of gates without a batch.
    #[error("the gates of a rollout are planned for 0 batches")]
    NoBatch,
    /// Two things of a kind that could not be told apart.
    #[error("two {what} are called `{name}` or have its number")]
    TwoAlike {
        /// Of what kind.
        what: &'static str,
        /// The second one.
        name: alloc::string::String,
    },
    /// Weights for some of the metrics.
    #[error("{weighted} of {metrics} metrics have a weight")]
    SomeWeights {
        /// How many have one.
        weighted: usize,
        /// How many there are.
        metrics: usize,
    },
    /// More parts than are looked at in time.
    #[error("metrics, strata and batches make {have} components, at most {most}")]
    TooManyComponents {
        /// How many there would be.
        have: usize,
        /// How many there may be.
        most: usize,
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
            Self::RatioOutside { .. } => "GA-013",
            Self::RatiosCross { .. } => "GA-014",
            Self::TrustOutside { .. } => "GA-015",
            Self::EventRateOutside { .. } => "GA-016",
            Self::EventRatesCross { .. } => "GA-017",
            Self::MeansCross { .. } => "GA-018",
            Self::PercentileOutside { .. } => "GA-019",
            Self::NoMeasure { .. } => "GA-020",
            Self::AmountOutside { .. } => "GA-021",
            Self::NoPatience { .. } => "GA-022",
            Self::NoBatch => "GA-023",
            Self::TwoAlike { .. } => "GA-024",
            Self::SomeWeights { .. } => "GA-025",
            Self::TooManyComponents { .. } => "GA-026",
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
            Self::RatioOutside { .. } => {
                "1 allows what the control has; a pass bets on 0.25 at best"
            }
            Self::RatiosCross { .. } => "raise r_pass; twice the control's rate is the default",
            Self::TrustOutside { .. } => "100 devices are the default",
            Self::EventRateOutside { .. } => "write the limit as events by device-hour",
            Self::EventRatesCross { .. } => "raise the limit for a pass; twice the other is usual",
            Self::MeansCross { .. } => "raise m_pass; twice m_abort is usual",
            Self::PercentileOutside { .. } => "9500 is the 95th percentile",
            Self::NoMeasure { .. } => "write the limit as a plain number, in the metric's unit",
            Self::AmountOutside { .. } => "this is a bug in whoever counted; report it",
            Self::NoPatience { .. } => "3 check-ins and 1h are the defaults",
            Self::NoBatch => "a ladder has one rung at least",
            Self::TwoAlike { .. } => "give each a name of its own",
            Self::SomeWeights { .. } => "give each metric a weight, or none",
            Self::TooManyComponents { .. } => "stratify by fewer attributes, or measure less",
        }
    }
}
