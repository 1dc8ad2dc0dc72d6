//! Our own pulse: when we last could have served, and what it means that we could not.
//!
//! A daemon that was stopped, a machine that slept, a store that failed and a clock that leapt look
//! the same from here: time has passed in which no device could be answered. Invariant: that time
//! is journaled as an outage before any deadline is judged by it.
//= design 4.4: the daemon journals its own availability

use super::{Settings, Shared};
use crate::clock::Clock;
use rollout_core::journal::Entry;
use rollout_core::port::{ImageStore, Store};
use rollout_core::time::{Span, Timestamp, Window};
use rollout_http::backend::Problem;
use std::sync::{Mutex, PoisonError};

/// Shortest time without a pass that counts as an outage, and in ticks.
const SHORTEST: Span = Span::secs(2);
const TICKS: u64 = 3;
/// Longest back-off of an agent that was given no other, and in intervals of its poll.
const BACK_OFF: Span = Span::secs(600);
const BACK_OFF_INTERVALS: u64 = 8;
/// How long an agent may wait for an answer that does not come.
const TIMEOUT: Span = Span::secs(10);

impl Settings {
    /// How long nothing may be done until it counts as an outage, if a pass comes every `tick`.
    pub fn absent_after(tick: Span) -> Span {
        Span(tick.0.saturating_mul(TICKS)).max(SHORTEST)
    }

    /// How long devices need to find us again after we were away so long. Who did not ask in
    /// between comes when it would have come. Who did has backed off: an agent waits at most about
    /// twice as long as it has waited already, and never longer than its longest back-off.
    pub(super) fn grace(&self, away: Span) -> Span {
        let longest = Span(self.poll.0.saturating_mul(BACK_OFF_INTERVALS)).min(BACK_OFF);
        Span(away.0.saturating_mul(3)).plus(TIMEOUT).min(longest)
    }

    /// The outage of one who was last there at `from` and is back `now`.
    pub(super) fn outage(&self, from: Timestamp, now: Timestamp) -> Window {
        let from = from.min(now);
        Window { from, to: now.after(self.grace(now.since(from))) }
    }
}

/// When we last could have served, by both clocks.
#[derive(Clone, Copy, Debug)]
struct Beat {
    wall: Timestamp,
    running: Span,
}

#[derive(Debug)]
struct State {
    last: Beat,
    /// When the pass began that is under way.
    begun: Beat,
    /// Something could not be written since.
    failing: bool,
    /// The clock is behind the journal, and this has been said.
    behind: bool,
}

/// The pulse of a running engine.
#[derive(Debug)]
pub(super) struct Pulse(Mutex<State>);

impl Pulse {
    pub(super) fn begin(clock: &dyn Clock) -> Self {
        let last = Beat { wall: clock.now(), running: clock.running() };
        Self(Mutex::new(State { last, begun: last, failing: false, behind: false }))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something could not be written: the time since counts until something can.
    pub(super) fn failed(&self) {
        self.state().failing = true;
    }

    /// Something was written.
    pub(super) fn wrote(&self) {
        self.state().failing = false;
    }
}

impl<S: Store, I: ImageStore> Shared<S, I> {
    /// Journals the time in which we were not there, if there was any, before anything is judged.
    pub(super) async fn note_absence(&self) -> Result<(), Problem> {
        let (wall, running) = (self.clock.now(), self.clock.running());
        self.warn_of_a_clock_behind(wall);
        let last = {
            let mut state = self.pulse.state();
            state.begun = Beat { wall, running };
            state.last
        };
        let away = wall.since(last.wall);
        if away <= self.settings.absent_after {
            return Ok(());
        }
        let stood = Span(running.0.saturating_sub(last.running.0));
        let secs = away.as_secs();
        if away.0.saturating_sub(stood.0) > self.settings.absent_after.0 {
            tracing::error!(
                secs,
                "the machine slept, or its clock leapt forward: nobody is blamed for that time; \
                 if it did not sleep, look at what sets its clock"
            );
        } else {
            tracing::error!(secs, "nobody could be served; nobody is blamed for that time");
        }
        let now = self.now();
        let outage = self.settings.outage(last.wall, now);
        match self.store.append(now, vec![Entry::Outage(outage)]).await {
            Ok(stored) => self.fold(stored).await?,
            Err(error) => return Err(self.write_failed(&error).await),
        }
        let mut state = self.pulse.state();
        (state.last, state.failing) = (state.begun, false);
        Ok(())
    }

    /// A pass is over. If all of it could be written, we were there when it began.
    pub(super) fn passed(&self) {
        let mut state = self.pulse.state();
        if !state.failing {
            state.last = state.begun;
        }
    }

    /// The journal's time does not run backwards, so a clock that once ran ahead makes time stand
    /// still until the clock has caught up: no deadline ends, and whoever looks is told why.
    fn warn_of_a_clock_behind(&self, wall: Timestamp) {
        let behind = self.read(|fleet| fleet.clock).since(wall);
        let is_behind = behind > self.settings.absent_after;
        let was_behind = core::mem::replace(&mut self.pulse.state().behind, is_behind);
        if is_behind && !was_behind {
            let secs = behind.as_secs();
            tracing::error!(
                secs,
                "the clock is behind the journal, which was written by one that ran ahead; until \
                 it has caught up time stands still, and nothing is proven and nobody is silent"
            );
        } else if was_behind && !is_behind {
            tracing::warn!("the clock has caught up with the journal");
        }
    }

    /// Tries a store that has failed, when there may be nothing else to write.
    pub(super) async fn try_again(&self) {
        let failing = self.pulse.state().failing;
        if failing {
            self.beat().await;
        }
    }

    /// Notes that we serve, for the start after this one.
    pub(super) async fn beat(&self) {
        if let Err(error) = self.store.beat(self.clock.now()).await {
            tracing::error!(%error, "cannot note that we serve");
            self.pulse.failed();
        } else {
            self.pulse.wrote();
        }
    }
}
