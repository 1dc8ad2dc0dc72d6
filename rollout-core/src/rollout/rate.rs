//! Permits per minute: constant, or growing with what succeeds.
//!
//! Decided on permits that the journal has, so it replays; it takes as much memory for a thousand
//! permits as for one. Not here: how many may be at risk, which is the evidence's to say.
//! Invariant: in any 60 s no more permits are given than the rate of that moment; nothing is saved
//! up.
//= AWS IoT Jobs: jobExecutionsRolloutConfig (maximumPerMinute, exponentialRate)

use super::{Patience, Phase, Rollout, Tally, Waiting};
use crate::time::{Span, Timestamp};
use core::hash::{Hash, Hasher};

/// Seconds that a window of 60 s can touch.
const SECONDS: u64 = 61;
/// Steps of growth that [`PerMinute::least_time`] follows: more cannot make it shorter by much.
const STEPS: u32 = 10_000;

/// What sums of quotients may lack, in seconds.
const ROUNDING: f64 = 1e-6;

/// How a rate grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Growth {
    /// What it is multiplied by, thousandths: above 1000, at most 5000.
    pub factor_milli: u16,
    /// For each so many devices that have confirmed, from 1.
    pub every: u64,
    /// Never above this.
    pub max: Option<u64>,
}

/// The plan's rate of permits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PerMinute {
    /// As fast as devices ask.
    #[default]
    Unbounded,
    /// So many a minute.
    Constant(u64),
    /// So many to begin with.
    Growing(u64, Growth),
}

/// Feeds nothing without a bound: plans from before there was one keep their state hash.
impl Hash for PerMinute {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Unbounded => {}
            Self::Constant(base) => {
                state.write_u8(3);
                base.hash(state);
            }
            Self::Growing(base, growth) => {
                state.write_u8(4);
                (base, growth).hash(state);
            }
        }
    }
}

impl PerMinute {
    /// Permits a minute once so many devices have confirmed; `None` without a bound.
    pub fn at(self, confirmed: u64) -> Option<u64> {
        match self {
            Self::Unbounded => None,
            Self::Constant(base) => Some(base),
            Self::Growing(base, growth) => Some(growth.rate(base, confirmed / growth.every.max(1))),
        }
    }

    /// What is wrong with it, and under which key.
    pub(super) fn problem(self) -> Option<(&'static str, &'static str)> {
        let (base, growth) = match self {
            Self::Unbounded => return None,
            Self::Constant(base) => (base, None),
            Self::Growing(base, growth) => (base, Some(growth)),
        };
        if base == 0 {
            return Some(("pace.per_minute.base", "a rate of 0 would let nobody in"));
        }
        let Growth { factor_milli, every, max } = growth?;
        if !(1001..=5000).contains(&factor_milli) {
            return Some(("pace.per_minute.factor", "above 1 and at most 5"));
        }
        if every == 0 {
            return Some(("pace.per_minute.every", "at least 1 device"));
        }
        if max.is_some_and(|max| max < base) {
            return Some(("pace.per_minute.max", "not below `base`"));
        }
        None
    }

    /// The least time in which so many devices get their permits, each of them confirming at once.
    pub fn least_time(self, devices: u64) -> Span {
        let (mut left, mut minutes, mut step) = (devices, 0.0, 0_u32);
        while left > 0 {
            let (rate, devices) = match self {
                Self::Unbounded => return Span::ZERO,
                Self::Constant(base) => (base, left),
                Self::Growing(base, growth) => {
                    let rate = growth.rate(base, step.into());
                    let is_last = growth.max.is_some_and(|max| rate >= max);
                    (rate, if is_last { left } else { left.min(growth.every.max(1)) })
                }
            };
            minutes += devices as f64 / rate.max(1) as f64;
            left -= devices;
            step += 1;
            if step == STEPS {
                break;
            }
        }
        // A whole minute's permits may be given in its first moment.
        Span::secs(libm::floor((minutes - 1.0).max(0.0) * 60.0 + ROUNDING) as u64)
    }
}

impl Growth {
    fn rate(self, base: u64, steps: u64) -> u64 {
        let factor = f64::from(self.factor_milli) / 1000.0;
        // Casts of what is too large end at the largest number.
        let grown = libm::floor(base as f64 * libm::pow(factor, steps as f64)) as u64;
        self.max.map_or(grown, |max| grown.min(max))
    }
}

/// When the latest permits were given, by the second. Part of the fold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recent {
    latest: u64,
    counts: [u32; SECONDS as usize],
}

impl Default for Recent {
    fn default() -> Self {
        Self { latest: 0, counts: [0; SECONDS as usize] }
    }
}

impl Recent {
    /// Notes a permit.
    pub fn note(&mut self, at: Timestamp) {
        let second = at.unix_secs().max(self.latest);
        let gone = (second - self.latest).min(SECONDS);
        for passed in (second + 1 - gone)..=second {
            self.counts[place(passed)] = 0;
        }
        self.latest = second;
        let count = &mut self.counts[place(second)];
        *count = count.saturating_add(1);
    }

    /// Seconds of the last minute, the oldest first, and how many permits each has.
    fn last_minute(&self, now: Timestamp) -> impl Iterator<Item = (u64, u64)> + '_ {
        let first = (now.unix_secs() + 1).saturating_sub(SECONDS);
        let known = (self.latest + 1).saturating_sub(SECONDS).max(first)..=self.latest;
        known.map(|second| (second, u64::from(self.counts[place(second)])))
    }

    /// When the next permit may be given at `rate`, if not `now`.
    pub fn next(&self, rate: u64, now: Timestamp) -> Option<Timestamp> {
        let mut used: u64 = self.last_minute(now).map(|(_, count)| count).sum();
        if used < rate {
            return None;
        }
        for (second, count) in self.last_minute(now) {
            used -= count;
            if used < rate {
                return Some(Timestamp((second + SECONDS).saturating_mul(1000)));
            }
        }
        Some(now)
    }
}

fn place(second: u64) -> usize {
    (second % SECONDS) as usize
}

impl Rollout {
    /// Permits a minute as things stand; `None` without a bound.
    pub fn rate(&self, tally: &Tally) -> Option<u64> {
        self.plan.pace.per_minute.at(tally.sum(|_| true).confirmed)
    }

    /// Whether the rate leaves room for one more.
    pub(super) fn rate_room(
        &self,
        tally: &Tally,
        recent: &Recent,
        now: Timestamp,
    ) -> Result<(), Patience> {
        let Some(per_minute) = self.rate(tally) else { return Ok(()) };
        match recent.next(per_minute, now) {
            None => Ok(()),
            Some(next) => Err(Patience::Rate { per_minute, next }),
        }
    }

    /// What a whole rollout waits for while its rate is used up.
    pub fn rate_wait(&self, tally: &Tally, recent: &Recent, now: Timestamp) -> Option<Waiting> {
        if self.phase != Phase::Deploying || self.slots(tally).is_err() {
            return None;
        }
        match self.rate_room(tally, recent, now) {
            Err(Patience::Rate { per_minute, next }) => Some(Waiting::Rate { per_minute, next }),
            Ok(())
            | Err(
                Patience::Standing(_)
                | Patience::Paced(_)
                | Patience::InFlight(_)
                | Patience::Not(_),
            ) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROWING: PerMinute =
        PerMinute::Growing(50, Growth { factor_milli: 1500, every: 1000, max: Some(1000) });

    #[test]
    fn a_rate_grows_with_what_succeeds_up_to_its_bound() {
        for (confirmed, rate) in [
            (0, 50),
            (999, 50),
            (1000, 75),
            (2000, 112),
            (7000, 854),
            (8000, 1000),
            (1 << 60, 1000),
        ] {
            assert_eq!(GROWING.at(confirmed), Some(rate), "{confirmed}");
        }
        let growth = Growth { factor_milli: 5000, every: 1, max: None };
        assert_eq!(PerMinute::Growing(1, growth).at(u64::MAX), Some(u64::MAX));
        assert_eq!(PerMinute::Constant(7).at(9000), Some(7));
        assert_eq!(PerMinute::Unbounded.at(0), None);
    }

    #[test]
    fn the_least_time_is_what_the_rate_takes() {
        let minutes = |minutes: u64| Span::secs(minutes * 60);
        assert_eq!(PerMinute::Constant(50).least_time(50), Span::ZERO);
        assert_eq!(PerMinute::Constant(50).least_time(500), minutes(9));
        assert_eq!(PerMinute::Unbounded.least_time(1 << 40), Span::ZERO);
        // 1000 at 50, 1000 at 75: 20 and 13 1/3 minutes.
        assert_eq!(GROWING.least_time(2000), Span::secs(32 * 60 + 20));
        let slow = Growth { factor_milli: 1001, every: 1, max: None };
        assert!(PerMinute::Growing(1, slow).least_time(u64::MAX) > minutes(900));
    }

    #[test]
    fn a_minute_that_is_used_up_says_when_it_goes_on() {
        let mut recent = Recent::default();
        let at = |ms: u64| Timestamp(1_000_000_000 + ms);
        for ms in [0, 400, 30_000] {
            assert_eq!(recent.next(3, at(ms)), None);
            recent.note(at(ms));
        }
        assert_eq!(recent.next(3, at(30_000)), Some(at(61_000)));
        assert_eq!(recent.next(2, at(30_000)), Some(at(61_000)));
        assert_eq!(recent.next(1, at(30_000)), Some(at(91_000)));
        assert_eq!(recent.next(3, at(60_999)), Some(at(61_000)));
        assert_eq!(recent.next(3, at(61_000)), None);
        // Long after, nothing is left of it.
        recent.note(at(86_400_000));
        assert_eq!(recent.next(2, at(86_400_000)), None);
        assert_eq!(recent.next(1, at(86_400_000)), Some(at(86_461_000)));
    }
}
