//! How often somebody may ask: by principal, and by address for those who are nobody.
//!
//! Each name has a bucket that refills evenly (GCRA: one time for each). Kept by hand because the
//! number of names must be bounded: those whose bucket is full again soonest are forgotten first.
//! Invariant: memory is bounded, a name that is forgotten is better off, never worse, and strangers
//! cost no more time than friends do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Names that are remembered at a time.
const NAMES: usize = 65_536;

/// So many requests within a time, in one go or spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub requests: u32,
    /// Within which time.
    pub within: Duration,
}

impl Default for Rate {
    /// A hundred a second for a minute: far more than people and their programs need.
    fn default() -> Self {
        Self { requests: 6_000, within: Duration::from_secs(60) }
    }
}

impl Rate {
    /// Refused tokens of one address: a person who mistypes, not a program that guesses.
    pub const fn of_strangers() -> Self {
        Self { requests: 60, within: Duration::from_secs(60) }
    }

    /// Reads `6000/1m`.
    pub fn parse(text: &str) -> Option<Self> {
        let (requests, within) = text.split_once('/')?;
        let requests = requests.trim().parse().ok().filter(|requests| *requests > 0)?;
        let within = rollout_core::time::Span::parse(within.trim())?;
        let within = Duration::from_millis(within.0);
        (!within.is_zero()).then_some(Self { requests, within })
    }
}

/// Buckets by name.
pub(crate) struct Limiter<K> {
    rate: Rate,
    buckets: Mutex<Buckets<K>>,
}

struct Buckets<K> {
    /// When each bucket is full again.
    full_at: BTreeMap<K, Instant>,
    /// The same, soonest first.
    soonest: BTreeSet<(Instant, K)>,
}

impl<K: Ord + Clone> Buckets<K> {
    fn set(&mut self, name: &K, at: Instant) {
        if let Some(before) = self.full_at.insert(name.clone(), at) {
            self.soonest.remove(&(before, name.clone()));
        }
        self.soonest.insert((at, name.clone()));
        if self.full_at.len() > NAMES
            && let Some((_, name)) = self.soonest.pop_first()
        {
            self.full_at.remove(&name);
        }
    }
}

impl<K: Ord + Clone> Limiter<K> {
    pub(super) fn new(rate: Rate) -> Self {
        let buckets = Buckets { full_at: BTreeMap::new(), soonest: BTreeSet::new() };
        Self { rate, buckets: Mutex::new(buckets) }
    }

    /// Takes one from a bucket; if it is empty, how long until there is one.
    pub(super) fn take(&self, name: &K) -> Result<(), Duration> {
        let now = Instant::now();
        let each = self.rate.within / self.rate.requests;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let at = buckets.full_at.get(name).copied().unwrap_or(now).max(now) + each;
        let wait = at.saturating_duration_since(now).saturating_sub(self.rate.within);
        if wait.is_zero() {
            buckets.set(name, at);
            return Ok(());
        }
        Err(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_bucket_refills_evenly_and_names_do_not_share() {
        let limiter = Limiter::new(Rate::parse("4/2s").expect("a rate"));
        for _ in 0..4 {
            assert_eq!(limiter.take(&"ann"), Ok(()));
        }
        assert_eq!(limiter.take(&"ann"), Err(Duration::from_millis(500)));
        assert_eq!(limiter.take(&"bob"), Ok(()));
        tokio::time::advance(Duration::from_millis(500)).await;
        assert_eq!(limiter.take(&"ann"), Ok(()));
        assert!(limiter.take(&"ann").is_err());
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!((0..9).filter(|_| limiter.take(&"ann").is_ok()).count(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn strangers_cost_a_bounded_memory() {
        let limiter = Limiter::new(Rate::default());
        for name in 0..2 * NAMES {
            assert_eq!(limiter.take(&name), Ok(()));
        }
        let buckets = limiter.buckets.lock().expect("no panic");
        assert_eq!((buckets.full_at.len(), buckets.soonest.len()), (NAMES, NAMES));
        for wrong in ["", "5", "0/1s", "5/0s", "x/1s", "5/x"] {
            assert_eq!(Rate::parse(wrong), None, "{wrong}");
        }
    }
}
