//! Whether a device takes part, and what operators wrote about it.
//!
//! Invariant: a retired device never takes part again.

use crate::id::Principal;
use crate::time::Timestamp;
use alloc::string::String;

/// Whether a device takes part at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Active,
    /// Kept out by hand, for a while: it keeps what it runs.
    Held {
        /// Why.
        reason: String,
        /// By whom.
        by: Principal,
        /// When.
        at: Timestamp,
    },
    /// Gone for good.
    Retired {
        /// Why.
        reason: String,
        /// By whom.
        by: Principal,
        /// When.
        at: Timestamp,
    },
}

impl Standing {
    /// Its name in APIs and tables.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Held { .. } => "held",
            Self::Retired { .. } => "retired",
        }
    }

    /// Whether it is gone for good.
    pub const fn is_retired(&self) -> bool {
        matches!(self, Self::Retired { .. })
    }
}

/// What somebody wrote about a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: Principal,
    /// What.
    pub text: String,
}
