//! What planes, listeners and the queue count of themselves: check-ins and their time, the
//! journal's, who was not let in.
//!
//! Counting is a few additions to atomics, so that it costs nanoseconds beside a check-in. Not
//! here: names and texts of metrics; see `metrics`. Invariant: what is counted decides nothing.

use rollout_core::time::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Seconds over which a rate is told.
const RATE_SECS: u64 = 10;
/// Places of the ring of seconds: those of a rate, the one that runs, and some to spare.
const PLACES: usize = 16;
/// Upper ends of the histogram's buckets, in microseconds; the last bucket has none.
pub const BUCKETS_MICROS: [u64; 16] = [
    10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000,
    500_000, 1_000_000,
];

/// Counters that a backend owns and its planes add to.
#[derive(Debug, Default)]
pub struct Meters {
    /// Second and count of it, 32 bits each.
    seconds: [AtomicU64; PLACES],
    buckets: [AtomicU64; BUCKETS_MICROS.len() + 1],
    nanos: AtomicU64,
    lag_nanos: AtomicU64,
    followers: Arc<Followers>,
    doors: [Arc<DoorMeters>; Door::ALL.len()],
}

/// A listener, by who connects there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// People and programs.
    Operators,
    /// Devices.
    Devices,
}

impl Door {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Operators, Self::Devices];

    /// Its name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Operators => "operators",
            Self::Devices => "devices",
        }
    }
}

/// What a listener counts, and until when its certificate is good.
#[derive(Debug, Default)]
pub struct DoorMeters {
    refused: AtomicU64,
    unshaken: AtomicU64,
    /// Unix seconds; 0 without a certificate.
    expires: AtomicU64,
}

impl DoorMeters {
    /// Counts a connection that was closed at once: its address had too many without a good token.
    pub fn refused_one(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// How many connections were closed at once since the daemon began.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Counts a handshake that led to nothing.
    pub fn unshaken_one(&self) {
        self.unshaken.fetch_add(1, Ordering::Relaxed);
    }

    /// How many handshakes led to nothing since the daemon began.
    pub fn unshaken(&self) -> u64 {
        self.unshaken.load(Ordering::Relaxed)
    }

    /// Notes until when the certificate is good that is shown, Unix seconds.
    pub fn shows_until(&self, expires: u64) {
        self.expires.store(expires, Ordering::Relaxed);
    }

    /// Until when the certificate is good that is shown, Unix seconds; nothing without one.
    pub fn expires(&self) -> Option<u64> {
        Some(self.expires.load(Ordering::Relaxed)).filter(|expires| *expires > 0)
    }
}

/// Those who follow the journal, and what waits for them.
#[derive(Debug, Default)]
pub struct Followers {
    there: AtomicU64,
    dropped: AtomicU64,
    held: AtomicU64,
}

impl Followers {
    /// How many there are.
    pub fn there(&self) -> u64 {
        self.there.load(Ordering::Relaxed)
    }

    /// How many were let go since the daemon began, because they did not read.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Bytes that wait to be taken by their connections, in all.
    pub fn held_bytes(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    pub(crate) fn begin(self: &Arc<Self>) -> Following {
        self.there.fetch_add(1, Ordering::Relaxed);
        Following(Arc::clone(self))
    }

    pub(crate) fn drop_one(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn hold(&self, bytes: usize) {
        self.held.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn let_go(&self, bytes: usize) {
        self.held.fetch_sub(bytes as u64, Ordering::Relaxed);
    }
}

/// Counts one follower while it is kept.
pub(crate) struct Following(Arc<Followers>);

impl Drop for Following {
    fn drop(&mut self) {
        self.0.there.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Check-ins since the daemon began, by how long their answers took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckIns {
    /// How many in each bucket of [`BUCKETS_MICROS`]; not summed up.
    pub buckets: [u64; BUCKETS_MICROS.len() + 1],
    /// Time of all of them.
    pub sum: Duration,
}

impl CheckIns {
    /// How many in all.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

impl Meters {
    /// Counts a check-in that was answered at `at` and took `took`.
    pub fn check_in(&self, at: Timestamp, took: Duration) {
        let second = at.unix_secs() & u64::from(u32::MAX);
        let place = &self.seconds[(second as usize) % PLACES];
        let found = place.load(Ordering::Relaxed);
        let fresh = (second << 32) | 1;
        let is_other = found >> 32 != second;
        // Whoever loses this race counts in the second that the winner began.
        if !is_other
            || place.compare_exchange(found, fresh, Ordering::Relaxed, Ordering::Relaxed).is_err()
        {
            place.fetch_add(1, Ordering::Relaxed);
        }
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BUCKETS_MICROS.partition_point(|end| *end < micros);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.nanos.fetch_add(nanos(took), Ordering::Relaxed);
    }

    /// Notes how long an answer waited for the journal.
    pub fn waited(&self, took: Duration) {
        self.lag_nanos.store(nanos(took), Ordering::Relaxed);
    }

    /// How long the newest answer waited for the journal.
    pub fn lag(&self) -> Duration {
        Duration::from_nanos(self.lag_nanos.load(Ordering::Relaxed))
    }

    /// Check-ins per second, over the last ten whole seconds.
    pub fn check_ins_per_sec(&self, now: Timestamp) -> f64 {
        let now = now.unix_secs() & u64::from(u32::MAX);
        let counted = self.seconds.iter().map(|place| {
            let found = place.load(Ordering::Relaxed);
            let age = now.wrapping_sub(found >> 32);
            if (1..=RATE_SECS).contains(&age) { found & u64::from(u32::MAX) } else { 0 }
        });
        counted.sum::<u64>() as f64 / RATE_SECS as f64
    }

    /// Those who follow the journal.
    pub fn followers(&self) -> &Arc<Followers> {
        &self.followers
    }

    /// What a listener counts.
    pub fn door(&self, door: Door) -> &Arc<DoorMeters> {
        &self.doors[door as usize]
    }

    /// Check-ins so far.
    pub fn check_ins(&self) -> CheckIns {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CheckIns {
            buckets: std::array::from_fn(|place| load(&self.buckets[place])),
            sum: Duration::from_nanos(load(&self.nanos)),
        }
    }
}

fn nanos(took: Duration) -> u64 {
    u64::try_from(took.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_of_the_ten_seconds_before() {
        let meters = Meters::default();
        let at = |secs: u64| Timestamp(secs * 1000 + 500);
        for second in 100..130 {
            (0..second).for_each(|_| meters.check_in(at(second), Duration::from_micros(30)));
        }
        assert_eq!(meters.check_ins_per_sec(at(130)), (120..130).sum::<u64>() as f64 / 10.0);
        assert_eq!(meters.check_ins_per_sec(at(139)), 12.9);
        assert_eq!(meters.check_ins_per_sec(at(140)), 0.0);
        let all = meters.check_ins();
        assert_eq!((all.count(), all.buckets[2]), ((100..130).sum(), (100..130).sum()));
        assert_eq!(all.sum, Duration::from_micros(30) * u32::try_from(all.count()).expect("few"));
    }

    #[test]
    fn every_time_has_its_bucket() {
        let meters = Meters::default();
        for micros in [0, 10, 11, 1_000_000, 1_000_001, u64::MAX] {
            meters.check_in(Timestamp(0), Duration::from_micros(micros));
        }
        let buckets = meters.check_ins().buckets;
        assert_eq!((buckets[0], buckets[1], buckets[15], buckets[16]), (2, 1, 1, 2));
    }
}
