//! Where a rollout stands, and what it needs to leave it.

use super::RungIndex;
use crate::gate::Breach;
use crate::id::Principal;
use crate::time::Timestamp;
use alloc::{string::String, vec::Vec};
use core::fmt;

/// Why a rollout was halted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The gates.
    Breach(Breach),
    /// Somebody.
    Operator {
        /// Who.
        by: Principal,
        /// Why.
        reason: String,
    },
    /// A pause that nobody reviewed, by the plan's own rule.
    Overdue {
        /// Whose it was.
        review: Review,
    },
}

impl Cause {
    /// One word: `evidence`, `stop`, `operator` or `overdue`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Breach(Breach::Evidence { .. }) => "evidence",
            Self::Breach(Breach::HardStop { .. }) => "stop",
            Self::Operator { .. } => "operator",
            Self::Overdue { .. } => "overdue",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Breach(breach) => breach.fmt(f),
            Self::Operator { by, reason } => write!(f, "{by}: {reason}"),
            Self::Overdue { review: Review { owner, reason, at } } => {
                write!(f, "nobody reviewed the pause of {owner}: {reason} (review was at {at})")
            }
        }
    }
}

/// Who answers for a pause, why, and when it is looked at again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Review {
    /// Who.
    pub owner: Principal,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// How often the owner of a pause was reminded. Feeds nothing while there was no reminder: pauses
/// from before there were any keep their state hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Nags(pub u32);

impl core::hash::Hash for Nags {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        if self.0 > 0 {
            state.write_u32(self.0);
        }
    }
}

/// Where a rollout stands. The rung and its frontier are the rollout's own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Not started.
    Draft,
    /// The rung waits for people; what was open stays open.
    AwaitingApproval {
        /// The rung that opens then.
        rung: RungIndex,
    },
    /// Started, not begun.
    Scheduled {
        /// When it begins.
        at: Timestamp,
    },
    /// Devices of the rung are offered and permitted.
    Deploying,
    /// All of the rung is permitted; some have not reached their horizon.
    Soaking,
    /// Stopped for a while by one person.
    Paused {
        /// Who, why, until when.
        review: Review,
        /// When it began: open time stands still.
        since: Timestamp,
        /// How often its owner was reminded since the review time.
        nags: Nags,
    },
    /// Stopped for good unless two people resume it.
    Halted {
        /// Why.
        cause: Cause,
        /// When.
        at: Timestamp,
        /// Who has already agreed to resume it.
        resume: Vec<Principal>,
    },
    /// Every reachable device has been served.
    Completed {
        /// When.
        at: Timestamp,
    },
    /// Ended by hand.
    Canceled {
        /// By whom.
        by: Principal,
    },
}

impl Phase {
    /// Its name in APIs and tables.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::AwaitingApproval { .. } => "awaiting_approval",
            Self::Scheduled { .. } => "scheduled",
            Self::Deploying => "deploying",
            Self::Soaking => "soaking",
            Self::Paused { .. } => "paused",
            Self::Halted { .. } => "halted",
            Self::Completed { .. } => "completed",
            Self::Canceled { .. } => "canceled",
        }
    }

    /// Whether offers and permits may be given at all.
    pub const fn gives(&self) -> bool {
        matches!(
            self,
            Self::Deploying
                | Self::Soaking
                | Self::AwaitingApproval { .. }
                | Self::Completed { .. }
        )
    }

    /// Whether a device that has not switched must stop.
    pub const fn stops(&self) -> bool {
        matches!(self, Self::Halted { .. } | Self::Canceled { .. })
    }

    /// Whether nothing but an operator moves it on.
    pub const fn is_over(&self) -> bool {
        matches!(self, Self::Halted { .. } | Self::Completed { .. } | Self::Canceled { .. })
    }
}
