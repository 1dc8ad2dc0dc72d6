//! What a gate says, and why.
//!
//! Not here: wording for people, and what a rollout does about a verdict. Invariant: a hold
//! always carries its reason, and an abort what it rests on.

use super::rate::{LnE, Proportion};
use super::stop::StopRule;
use alloc::string::String;
use core::fmt;

/// One answer of the gates.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[must_use = "an unread verdict gates nothing"]
pub enum Verdict {
    /// Proven not to be unacceptable.
    Pass,
    /// Neither is proven.
    Hold(HoldReason),
    /// Worse than allowed.
    Abort(Breach),
}

impl Verdict {
    /// What stands after `next` was seen: an abort stays, a pass yields to an abort only.
    pub fn latched(self, next: Self) -> Self {
        match (self, next) {
            (Self::Abort(breach), Self::Pass | Self::Hold(_) | Self::Abort(_)) => {
                Self::Abort(breach)
            }
            (Self::Pass, Self::Pass | Self::Hold(_)) => Self::Pass,
            (Self::Pass | Self::Hold(_), Self::Abort(breach)) => Self::Abort(breach),
            (Self::Hold(_), Self::Pass) => Self::Pass,
            (Self::Hold(_), Self::Hold(reason)) => Self::Hold(reason),
        }
    }

    /// One stable word.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Hold(_) => "hold",
            Self::Abort(_) => "abort",
        }
    }
}

/// Why a rollout waits, and what is missing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HoldReason {
    /// Nobody is exposed.
    NoData,
    /// The share seen would pass on a larger sample.
    TooFew {
        /// Matured devices at which it would, in all.
        need: u64,
    },
    /// What was seen would pass if there were more of it.
    Short {
        /// The component that lacks it.
        component: String,
        /// At how much it would, in all.
        need: Need,
    },
    /// The share seen lies where more devices prove nothing soon.
    Indifferent {
        /// The bad share of the matured.
        rate: Proportion,
    },
    /// What was seen lies where more of it proves nothing soon.
    NotSoon {
        /// The component that saw it.
        component: String,
    },
    /// Events are compared, and none has happened in either arm.
    NoEvents {
        /// The component that compares.
        component: String,
    },
    /// There are devices on the new version, and none on the old one to compare them with.
    NoControl {
        /// The component that compares.
        component: String,
    },
    /// What is missing is missing because devices are silent.
    Silent {
        /// The silent share of the exposed.
        share: Proportion,
    },
    /// Every device of the batch has matured and the verdict is still open.
    StageExhausted,
    /// A stratum that is a large part of the next batch is not proven.
    StratumUnproven {
        /// Its name.
        stratum: String,
    },
    /// Devices in flight use up what the evidence allows.
    Paced,
    /// Nobody is in flight and the bad ones have used up the budget.
    BudgetSpent,
    /// Proven, and waiting for the clock.
    Baking {
        /// When the wait ends, in UTC milliseconds.
        until_ms: u64,
    },
}

impl HoldReason {
    /// One stable word.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NoData => "no_data",
            Self::TooFew { .. } => "too_few",
            Self::Short { .. } => "short",
            Self::Indifferent { .. } => "indifferent",
            Self::NotSoon { .. } => "not_soon",
            Self::NoEvents { .. } => "no_events",
            Self::NoControl { .. } => "no_control",
            Self::Silent { .. } => "silent",
            Self::StageExhausted => "stage_exhausted",
            Self::StratumUnproven { .. } => "stratum_unproven",
            Self::Paced => "paced",
            Self::BudgetSpent => "budget_spent",
            Self::Baking { .. } => "baking",
        }
    }
}

/// How much must have been seen, in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// Devices past their horizon.
    Devices(u64),
    /// Device-hours before the watermark.
    Hours(u64),
    /// Events, of both arms together.
    Events(u64),
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Devices(count) => write!(f, "{count} devices past their horizon"),
            Self::Hours(count) => write!(f, "{count} device-hours"),
            Self::Events(count) => write!(f, "{count} events"),
        }
    }
}

/// What an abort rests on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Breach {
    /// A plain rule, no statistics.
    HardStop {
        /// The rule.
        rule: StopRule,
        /// What was counted, in devices.
        have: u64,
        /// The count that stops, in devices.
        limit: u64,
    },
    /// Reports prove a rate above the limit.
    Evidence {
        /// The component that contributes most.
        component: String,
        /// Combined evidence.
        ln_e: LnE,
        /// The evidence that aborts.
        threshold: LnE,
    },
}

impl Breach {
    /// One stable word.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::HardStop { .. } => "hard_stop",
            Self::Evidence { .. } => "evidence",
        }
    }
}
