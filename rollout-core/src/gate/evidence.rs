//! What was counted: the only input of a gate that changes while a rollout runs.
//!
//! Two denominators, on purpose. Failures are reported at once while success waits for its soak,
//! so an abort weighs known failures against everyone exposed, and a pass weighs matured failures
//! against everyone matured. Not here: how a device becomes exposed or matured.
//!
//! Invariant: counters that contradict each other do not become a value of these types.

use super::error::GateError;
use super::rate::Proportion;

/// So many bad ones among so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tally {
    bad: u64,
    of: u64,
}

impl Tally {
    /// Nobody yet.
    pub const NONE: Self = Self { bad: 0, of: 0 };

    /// `bad` devices among `of`.
    ///
    /// # Errors
    /// [`GateError::Contradiction`] if there are more bad ones than there are.
    pub fn new(bad: u64, of: u64) -> Result<Self, GateError> {
        if bad > of {
            return Err(GateError::Contradiction { rule: "bad ones are among those counted" });
        }
        Ok(Self { bad, of })
    }

    pub(super) const fn of(bad: u64, of: u64) -> Self {
        assert!(bad <= of);
        Self { bad, of }
    }

    /// The bad ones, in devices.
    pub const fn bad(self) -> u64 {
        self.bad
    }

    /// All that were counted, in devices.
    pub const fn total(self) -> u64 {
        self.of
    }

    /// Both together, at most 2^64 - 1 of each.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self { bad: self.bad.saturating_add(other.bad), of: self.of.saturating_add(other.of) }
    }

    /// The bad share; `None` while nothing is counted.
    pub fn share(self) -> Option<Proportion> {
        (self.of > 0).then(|| Proportion::rounded(self.bad as f64 / self.of as f64))
    }
}

/// The counters of one gate component, each device at most once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Evidence {
    exposed: u64,
    failed_known: u64,
    matured: u64,
    matured_bad: u64,
}

impl Evidence {
    /// Checks and wraps the counters, all in devices.
    ///
    /// `exposed`: with a permit so far, pending ones included. `failed_known`: those of them that
    /// are known to be bad, by report or by an expired horizon. `matured`: those whose horizon has
    /// ended. `matured_bad`: the bad ones among these.
    ///
    /// # Errors
    /// [`GateError::Contradiction`] if one counter rules out another.
    pub fn new(
        exposed: u64,
        failed_known: u64,
        matured: u64,
        matured_bad: u64,
    ) -> Result<Self, GateError> {
        let broken = if matured > exposed {
            Some("matured devices are exposed")
        } else if matured_bad > matured {
            Some("matured bad devices are matured")
        } else if matured_bad > failed_known {
            Some("matured bad devices are known to be bad")
        } else if failed_known - matured_bad > exposed - matured {
            Some("known failures that have not matured are pending")
        } else {
            None
        };
        match broken {
            Some(rule) => Err(GateError::Contradiction { rule }),
            None => Ok(Self { exposed, failed_known, matured, matured_bad }),
        }
    }

    /// Both together, at most 2^64 - 1 of each: more devices than there can be.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let sum = |one: u64, other: u64| one.saturating_add(other);
        Self {
            exposed: sum(self.exposed, other.exposed),
            failed_known: sum(self.failed_known, other.failed_known),
            matured: sum(self.matured, other.matured),
            matured_bad: sum(self.matured_bad, other.matured_bad),
        }
    }

    /// Devices with a permit so far.
    pub const fn exposed(self) -> u64 {
        self.exposed
    }

    /// Exposed devices whose horizon has not ended.
    pub const fn in_flight(self) -> u64 {
        self.exposed - self.matured
    }

    /// What an abort is decided on: known failures among all exposed.
    pub const fn for_abort(self) -> Tally {
        Tally::of(self.failed_known, self.exposed)
    }

    /// What a pass is decided on: bad ones among the matured.
    pub const fn for_pass(self) -> Tally {
        Tally::of(self.matured_bad, self.matured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contradictions_are_no_evidence() {
        assert!(Evidence::new(10, 3, 5, 2).is_ok());
        assert!(Evidence::new(10, 7, 5, 2).is_ok());
        let broken = [(4, 0, 5, 0), (10, 6, 5, 6), (10, 1, 5, 2), (10, 8, 5, 2)];
        for (exposed, failed, matured, bad) in broken {
            assert!(Evidence::new(exposed, failed, matured, bad).is_err(), "{exposed}");
        }
    }
}
