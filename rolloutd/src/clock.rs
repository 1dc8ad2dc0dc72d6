//! The only place that asks what time it is.

use rollout_core::time::{Span, Timestamp};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// UTC. May leap, and may run backwards.
    fn now(&self) -> Timestamp;

    /// How long this process has been running, by a clock that nobody sets. It may stand still
    /// while the machine sleeps.
    fn running(&self) -> Span;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is the place that asks")]
        let now = std::time::SystemTime::now();
        let since = now.duration_since(std::time::UNIX_EPOCH);
        // A machine before 1970 has no clock worth asking; the journal's own time goes on.
        let millis = since.map_or(0, |since| since.as_millis());
        Timestamp(u64::try_from(millis).unwrap_or(u64::MAX))
    }

    fn running(&self) -> Span {
        static BEGAN: OnceLock<Instant> = OnceLock::new();
        let millis = BEGAN.get_or_init(Instant::now).elapsed().as_millis();
        Span(u64::try_from(millis).unwrap_or(u64::MAX))
    }
}

/// A clock that is told the time, for tests and rehearsals.
#[derive(Debug, Default)]
pub struct SetClock(AtomicU64);

impl SetClock {
    /// A clock that stands at `at`.
    pub fn at(at: Timestamp) -> Self {
        Self(AtomicU64::new(at.0))
    }

    /// Moves it.
    pub fn set(&self, at: Timestamp) {
        self.0.store(at.0, Ordering::SeqCst);
    }
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }

    fn running(&self) -> Span {
        Span(self.0.load(Ordering::SeqCst))
    }
}
