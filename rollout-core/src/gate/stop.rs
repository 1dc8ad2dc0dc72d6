//! Hard stops: counters that end a rollout at once, as a rule and not as evidence.
//!
//! Not here: what a brick or a safety fault is; the caller counts them. Invariant: a limit is at
//! least 1, so a rollout without incidents is never stopped by one.

use super::verdict::Breach;
use core::num::NonZeroU64;

/// One rule among the hard stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StopRule {
    /// Safety faults.
    SafetyFaults,
    /// Devices that did not come back.
    Bricked,
    /// Failures without a success between them.
    ConsecutiveFailures,
}

impl StopRule {
    /// The plan field that sets it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SafetyFaults => "max_safety_faults",
            Self::Bricked => "max_bricked",
            Self::ConsecutiveFailures => "max_consecutive_failures",
        }
    }
}

/// The limits. A count that reaches its limit stops; `None` is no limit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HardStops {
    /// Bricked devices over the whole rollout.
    pub max_bricked: Option<NonZeroU64>,
    /// Safety faults over the whole rollout; by default the first one stops.
    pub max_safety_faults: Option<NonZeroU64>,
    /// Failures in a row, in order of their outcome.
    pub max_consecutive_failures: Option<NonZeroU64>,
}

impl Default for HardStops {
    fn default() -> Self {
        Self {
            max_bricked: None,
            max_safety_faults: Some(NonZeroU64::MIN),
            max_consecutive_failures: None,
        }
    }
}

/// What was counted for the hard stops, in devices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct StopCounts {
    /// Bricked so far.
    pub bricked: u64,
    /// Safety faults so far.
    pub safety_faults: u64,
    /// Failures since the last success.
    pub consecutive_failures: u64,
}

impl HardStops {
    /// The first limit that is reached, safety first.
    pub fn breach(&self, counts: &StopCounts) -> Option<Breach> {
        [
            (StopRule::SafetyFaults, counts.safety_faults, self.max_safety_faults),
            (StopRule::Bricked, counts.bricked, self.max_bricked),
            (
                StopRule::ConsecutiveFailures,
                counts.consecutive_failures,
                self.max_consecutive_failures,
            ),
        ]
        .into_iter()
        .find_map(|(rule, have, limit)| {
            let limit = limit?.get();
            (have >= limit).then_some(Breach::HardStop { rule, have, limit })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_itself_stops() {
        let stops = HardStops { max_bricked: NonZeroU64::new(3), ..HardStops::default() };
        let mut counts = StopCounts { bricked: 2, consecutive_failures: 99, ..Default::default() };
        assert_eq!(stops.breach(&counts), None);
        counts.bricked = 3;
        let breach = Breach::HardStop { rule: StopRule::Bricked, have: 3, limit: 3 };
        assert_eq!(stops.breach(&counts), Some(breach));
        let strict = HardStops { max_consecutive_failures: NonZeroU64::new(99), ..stops.clone() };
        let in_a_row = StopCounts { bricked: 0, ..counts };
        let rule = StopRule::ConsecutiveFailures;
        let breach = Breach::HardStop { rule, have: 99, limit: 99 };
        assert_eq!(strict.breach(&in_a_row), Some(breach));
        counts.safety_faults = 1;
        let breach = Breach::HardStop { rule: StopRule::SafetyFaults, have: 1, limit: 1 };
        assert_eq!(stops.breach(&counts), Some(breach));
    }
}
