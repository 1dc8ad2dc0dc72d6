//! When to try again: polling with jitter, exponential back-off, and the server's `Retry-After`.
//!
//! Random numbers are arguments. Invariant: never earlier than the server asked for, and never
//! later than the cap without having been asked to. Not here: what is tried.

/// Spread of a regular wait: up to a tenth earlier or later.
const POLL_SPREAD: u64 = 10;
/// `Retry-After` is stretched by up to a quarter, so that a fleet does not return at once.
const BUSY_SPREAD: u64 = 4;
/// Longest wait a server can ask for, in ms: a day.
const LONGEST_MS: u64 = 86_400_000;

/// Pace of an agent, in ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Replaces the poll interval that the server gives.
    pub poll_ms: Option<u64>,
    /// First wait after a failure.
    pub base_ms: u64,
    /// Longest wait after failures.
    pub cap_ms: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { poll_ms: None, base_ms: 1_000, cap_ms: 600_000 }
    }
}

impl Pace {
    /// A pace for demonstrations and tests, where a poll comes every `poll_ms`.
    pub fn fast(poll_ms: u64) -> Self {
        let base_ms = poll_ms.clamp(1, 1_000);
        Self { poll_ms: Some(poll_ms), base_ms, cap_ms: (8 * poll_ms).clamp(base_ms, 600_000) }
    }
}

/// One kind of attempt and when it is due next. Times are ms since boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    due: u64,
    failures: u32,
}

impl Schedule {
    /// Due at `at`.
    pub const fn at(at: u64) -> Self {
        Self { due: at, failures: 0 }
    }

    /// When it is due.
    pub const fn due(&self) -> u64 {
        self.due
    }

    /// It worked; the next comes after `wait_ms`, give or take a tenth.
    pub fn worked(&mut self, now: u64, wait_ms: u64, random: u64) {
        let wait = wait_ms.min(LONGEST_MS);
        let spread = wait / POLL_SPREAD;
        *self = Self::at(now + wait - spread + random % (2 * spread + 1));
    }

    /// It worked and is due again at once.
    pub fn again(&mut self, now: u64) {
        *self = Self::at(now);
    }

    /// It failed; wait twice as long as last time, half of it by chance.
    pub fn failed(&mut self, now: u64, pace: Pace, random: u64) {
        let wait = pace.base_ms.saturating_mul(1 << self.failures.min(20)).min(pace.cap_ms);
        self.failures = self.failures.saturating_add(1);
        self.due = now + wait / 2 + random % (wait / 2 + 1);
    }

    /// The server named a time to wait.
    pub fn busy(&mut self, now: u64, retry_after_secs: u32, random: u64) {
        let wait = (u64::from(retry_after_secs) * 1_000).clamp(100, LONGEST_MS);
        self.due = now + wait + random % (wait / BUSY_SPREAD + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap() {
        let mut schedule = Schedule::at(0);
        let waits: [u64; 12] = core::array::from_fn(|_| {
            schedule.failed(0, Pace::default(), u64::MAX);
            schedule.due()
        });
        assert!(waits.windows(2).all(|pair| pair[0] <= pair[1] + pair[1] / 2));
        assert!(waits.iter().all(|wait| *wait <= 600_000));
        assert!(waits[11] >= 300_000);
    }

    #[test]
    fn never_earlier_than_asked() {
        for random in 0..10_000 {
            let mut schedule = Schedule::at(0);
            schedule.busy(5, 2, random);
            assert!((2_005..=2_505).contains(&schedule.due()));
        }
    }
}
