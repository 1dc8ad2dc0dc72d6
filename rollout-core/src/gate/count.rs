//! The count gate: events in so many device-hours against a limit.
//!
//! The bet is a gamma mixture of Poisson rates. Everything is a function of two counts, so it may
//! be evaluated at any time and outcomes may come in any order. Not here, and owed by the caller:
//! **a device's first event alone counts, and its exposure ends there** (or device-hours with an
//! event, each at most once). A few devices in a crash loop would otherwise abort builds that are
//! within the limit. The caller also keeps the watermark: exposure counts at once while events
//! come late, which is harmless to an abort but would flatter a pass.
//!
//! Invariant: one more event never speaks against an abort nor for a pass.

use super::error::GateError;
use super::numerics::{first_true, ln_factorial_excess};
use super::rate::{LnE, Risk};
use super::ratio::{EventRate, Hours};
use crate::time::Span;

/// Halvings that pin a bound down to the last bits of a double.
const HALVINGS: u32 = 64;
/// Expected events at the limit of a pass beyond which no exposure is waited for.
const NEED_EVENTS: f64 = 20_000.0;

/// So many events in so much exposure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct EventTally {
    events: u64,
    hours: Hours,
}

impl EventTally {
    /// First events of devices, and the device-hours up to them.
    ///
    /// # Errors
    /// [`GateError::Contradiction`] for events without any exposure.
    pub fn new(events: u64, hours: Hours) -> Result<Self, GateError> {
        if events > 0 && hours == Hours::ZERO {
            return Err(GateError::Contradiction { rule: "events happen during exposure" });
        }
        Ok(Self { events, hours })
    }

    /// First events of devices.
    pub const fn events(self) -> u64 {
        self.events
    }

    /// Device-hours up to a first event.
    pub const fn hours(self) -> Hours {
        self.hours
    }

    fn reals(self) -> (f64, f64) {
        (self.events as f64, self.hours.get())
    }

    /// Whether more events happened than `rate` explains.
    fn exceeds(self, rate: EventRate) -> bool {
        self.events as f64 > rate.get() * self.hours.get()
    }

    /// Whether fewer events happened than `rate` explains.
    fn undercuts(self, rate: EventRate) -> bool {
        (self.events as f64) < rate.get() * self.hours.get()
    }
}

/// The counters of a count gate, in whole milliseconds, so that sums do not depend on their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct EventEvidence {
    events: u64,
    exposure: Span,
    settled: u64,
    settled_exposure: Span,
}

impl EventEvidence {
    /// Checks and wraps the counters.
    ///
    /// `events` and `exposure` (of all devices together) are what is known; `settled` and
    /// `settled_exposure` the part of both before the watermark, which no late report changes.
    ///
    /// # Errors
    /// [`GateError::Contradiction`] if one counter rules out another.
    pub fn new(
        (events, exposure): (u64, Span),
        (settled, settled_exposure): (u64, Span),
    ) -> Result<Self, GateError> {
        let broken = if settled > events || settled_exposure > exposure {
            Some("what is settled is known")
        } else if (events > 0 && exposure == Span::ZERO)
            || (settled > 0 && settled_exposure == Span::ZERO)
        {
            Some("events happen during exposure")
        } else {
            None
        };
        match broken {
            Some(rule) => Err(GateError::Contradiction { rule }),
            None => Ok(Self { events, exposure, settled, settled_exposure }),
        }
    }

    /// What an abort is decided on: everything that is known.
    pub fn for_abort(self) -> EventTally {
        EventTally { events: self.events, hours: Hours::of(self.exposure) }
    }

    /// What a pass is decided on: what lies before the watermark.
    pub fn for_pass(self) -> EventTally {
        EventTally { events: self.settled, hours: Hours::of(self.settled_exposure) }
    }

    /// Takes over evidence of other devices.
    pub const fn absorb(&mut self, other: Self) {
        self.events = self.events.saturating_add(other.events);
        self.exposure = self.exposure.plus(other.exposure);
        self.settled = self.settled.saturating_add(other.settled);
        self.settled_exposure = self.settled_exposure.plus(other.settled_exposure);
    }
}

/// A gamma distribution of rates with shape 1, known by its mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RatePrior {
    b: f64,
}

impl RatePrior {
    /// The bet of an abort: rates about five times the limit.
    pub fn for_abort(limit: EventRate) -> Self {
        Self { b: 1.0 / (5.0 * limit.get()) }
    }

    /// The bet of a pass: rates about a third of what must be ruled out.
    pub fn for_pass(limit: EventRate) -> Self {
        Self { b: 3.0 / limit.get() }
    }

    /// The shape.
    pub const fn a(&self) -> f64 {
        1.0
    }

    /// The inverse scale, in device-hours.
    pub const fn b(&self) -> f64 {
        self.b
    }

    /// ln of the mixture likelihood ratio against the rate that was seen itself: at most 0.
    //= gates §11: the form for a = 1
    fn ln_ratio_own(&self, events: f64, hours: f64) -> f64 {
        let spread = -libm::log1p(hours / self.b);
        if events == 0.0 {
            return spread;
        }
        spread + ln_factorial_excess(events) - events * libm::log1p(self.b / hours)
    }

    /// ln of the mixture likelihood ratio against `rate`, for a real number of events.
    fn ln_ratio(&self, events: f64, hours: f64, rate: EventRate) -> f64 {
        self.ln_ratio_own(events, hours) + deviance(events, rate.get() * hours)
    }
}

/// `k·ln(k/m) − (k − m)` for `k, m >= 0`, at least 0: how far `k` events are from `m` expected.
fn deviance(events: f64, expected: f64) -> f64 {
    if events == 0.0 {
        return expected;
    }
    // Near each other the difference of the two terms is all there is, and most of it would cancel.
    let off = (expected - events) / events;
    if off.abs() < 0.5 {
        return events * (off - libm::log1p(off));
    }
    events * libm::log(events / expected) - (events - expected)
}

/// Limits and risks of a count gate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CountGate {
    limit: EventRate,
    pass: EventRate,
    alpha: Risk,
    beta: Risk,
}

impl CountGate {
    /// Checks and wraps the limits: up to `limit` events by device-hour nothing is aborted, from
    /// `pass` on nothing passes.
    ///
    /// # Errors
    /// [`GateError::EventRatesCross`] unless `limit <= pass`.
    pub fn new(
        limit: EventRate,
        pass: EventRate,
        alpha: Risk,
        beta: Risk,
    ) -> Result<Self, GateError> {
        if pass < limit {
            return Err(GateError::EventRatesCross { limit, pass });
        }
        Ok(Self { limit, pass, alpha, beta })
    }

    /// The highest rate that is promised not to be aborted.
    pub const fn limit(&self) -> EventRate {
        self.limit
    }

    /// The lowest rate that is promised not to pass.
    pub const fn pass(&self) -> EventRate {
        self.pass
    }

    /// The chance of aborting a build within the limit.
    pub const fn alpha(&self) -> Risk {
        self.alpha
    }

    /// The chance of passing a build from `pass` on.
    pub const fn beta(&self) -> Risk {
        self.beta
    }

    /// Evidence that the rate is above the limit. 0 without data.
    pub fn ln_e_abort(&self, tally: EventTally) -> LnE {
        let (prior, (events, hours)) = (RatePrior::for_abort(self.limit), tally.reals());
        LnE::of(if tally.exceeds(self.limit) {
            prior.ln_ratio(events, hours, self.limit)
        } else {
            prior.ln_ratio_own(events, hours)
        })
    }

    /// Evidence that the rate is below `pass`. 0 without data.
    pub fn ln_e_pass(&self, tally: EventTally) -> LnE {
        let (prior, (events, hours)) = (RatePrior::for_pass(self.pass), tally.reals());
        LnE::of(if tally.undercuts(self.pass) {
            prior.ln_ratio(events, hours, self.pass)
        } else {
            prior.ln_ratio_own(events, hours)
        })
    }

    /// Whether events in the exposure known so far prove a rate above the limit.
    pub fn aborts(&self, tally: EventTally) -> bool {
        tally.exceeds(self.limit) && self.ln_e_abort(tally) >= self.alpha.ln_threshold()
    }

    /// Whether events in the settled exposure prove a rate below `pass`.
    pub fn passes(&self, tally: EventTally) -> bool {
        tally.undercuts(self.pass) && self.ln_e_pass(tally) >= self.beta.ln_threshold()
    }

    /// The rate, by device-hour, below which the truth lies with probability at most alpha.
    //= gates §3: bounds that agree with the verdicts
    pub fn lower(&self, tally: EventTally) -> f64 {
        if tally.events == 0 {
            return 0.0;
        }
        let (prior, (events, hours)) = (RatePrior::for_abort(self.limit), tally.reals());
        let excess = self.alpha.ln_threshold().get() - prior.ln_ratio_own(events, hours);
        events / hours * libm::exp(-distance_down(events, excess))
    }

    /// The rate, by device-hour, above which the truth lies with probability at most beta. `None`
    /// while nothing is ruled out.
    pub fn upper(&self, tally: EventTally) -> Option<f64> {
        if tally.hours == Hours::ZERO {
            return None;
        }
        let (prior, (events, hours)) = (RatePrior::for_pass(self.pass), tally.reals());
        let excess = self.beta.ln_threshold().get() - prior.ln_ratio_own(events, hours);
        if tally.events == 0 {
            return Some(excess / hours);
        }
        Some(events / hours * libm::exp(distance_up(events, excess)))
    }

    /// Whole device-hours, in all, at which this would pass at the rate seen so far, fractions of
    /// an event included. `None` if the rate does not allow it, or if it took more than the time
    /// in which `pass` expects 20 000 events.
    pub fn need(&self, tally: EventTally) -> Option<u64> {
        let (events, hours) = tally.reals();
        let rate = if tally.events == 0 { 0.0 } else { events / hours };
        if rate >= self.pass.get() {
            return None;
        }
        let (have, limit) = (hours as u64, (NEED_EVENTS / self.pass.get()) as u64);
        // Along one rate the evidence is convex in the exposure and 0 without any, so it crosses
        // the threshold once.
        let (prior, threshold) = (RatePrior::for_pass(self.pass), self.beta.ln_threshold().get());
        first_true(have.saturating_add(1), limit, |hours| {
            prior.ln_ratio(rate * hours as f64, hours as f64, self.pass) >= threshold
        })
    }

    /// Whether a batch too small to prove anything may go on unproven: at most one event more than
    /// `pass` explains. Without any guarantee.
    pub fn is_quiet(&self, settled: EventTally) -> bool {
        let (events, hours) = settled.reals();
        events <= 1.0 + self.pass.get() * hours
    }
}

/// The `u >= 0` at which `k` events and a rate `exp(u)` times theirs are `excess` apart.
fn distance_up(events: f64, excess: f64) -> f64 {
    let apart = |u: f64| events * (libm::expm1(u) - u);
    // exp(u) − 1 − u is at least u²/2.
    root(libm::sqrt(2.0 * excess / events), |u| apart(u) < excess)
}

/// The `u >= 0` at which `k` events and a rate `exp(−u)` times theirs are `excess` apart.
fn distance_down(events: f64, excess: f64) -> f64 {
    let apart = |u: f64| events * (libm::expm1(-u) + u);
    // exp(−u) − 1 + u is at least u − 1.
    root(excess / events + 1.0, |u| apart(u) < excess)
}

/// Where `is_below` ceases to hold, between 0 and `far`.
fn root(far: f64, is_below: impl Fn(f64) -> bool) -> f64 {
    let (mut near, mut far) = (0.0, far);
    for _ in 0..HALVINGS {
        let middle = 0.5 * (near + far);
        if is_below(middle) {
            near = middle;
        } else {
            far = middle;
        }
    }
    0.5 * (near + far)
}
