//! A stretch of time in which nothing is given.

use crate::time::Timestamp;
use alloc::string::String;

/// From (inclusive) until (exclusive).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Freeze {
    /// Its first moment.
    pub from: Timestamp,
    /// The first moment after it.
    pub until: Timestamp,
    /// Why.
    pub reason: String,
}

impl Freeze {
    /// Whether it is in force.
    pub const fn holds(&self, at: Timestamp) -> bool {
        self.from.0 <= at.0 && at.0 < self.until.0
    }
}
