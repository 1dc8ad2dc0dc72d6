//! The rate ratio gate: events on new against old devices, an anytime-valid log-rank test.
//!
//! Given that an event happened, the devices at risk in each arm say how probable it is that it
//! happened on a new one. Whatever moves the rates of both arms alike (day and night, a launch) and
//! however their sizes change cancels out. Not here, and owed by the caller: a device's first event
//! alone counts and ends its exposure; and the first minutes after a reboot, which devices that
//! stayed do not have, are dropped ([`WARM_UP`]) or `r_abort` is kept above 1.
//!
//! Invariant: a null that holds gains nothing on average, whatever the numbers at risk were.

use super::bets::Bets;
use super::error::GateError;
use super::failure::NEED_LIMIT;
use super::rate::{LnE, Risk};
use super::ratio::{AtRisk, Ratio, Total};
use super::two_arm::{ABORT_GRID, PASS_GRID};
use crate::time::Span;

/// After the reboot into a new version, the time in which neither events nor exposure count.
//= gates §5b: 15 min by default
pub const WARM_UP: Span = Span::secs(15 * 60);

/// Events of one tick and stratum, and who was at risk then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Moment {
    canaries: AtRisk,
    controls: AtRisk,
    on_canaries: u64,
    on_controls: u64,
}

impl Moment {
    /// At risk: devices, or device-hours of the tick, of either arm in the same unit. Events: first
    /// ones of a device.
    ///
    /// # Errors
    /// [`GateError::Contradiction`] for an event in an arm where nobody was at risk.
    pub fn new(
        canaries: AtRisk,
        controls: AtRisk,
        on_canaries: u64,
        on_controls: u64,
    ) -> Result<Self, GateError> {
        let nobody = AtRisk::default();
        if (canaries == nobody && on_canaries > 0) || (controls == nobody && on_controls > 0) {
            return Err(GateError::Contradiction { rule: "events happen to those at risk" });
        }
        Ok(Self { canaries, controls, on_canaries, on_controls })
    }

    const fn events(&self) -> u64 {
        self.on_canaries.saturating_add(self.on_controls)
    }

    /// The share of events that falls on canaries if their rate is `ratio` times the control's.
    fn share(&self, ratio: f64) -> f64 {
        let canaries = ratio * self.canaries.get();
        let all = canaries + self.controls.get();
        if all > 0.0 { canaries / all } else { 0.0 }
    }
}

/// Limits and risks of a rate ratio gate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HazardGate {
    r_abort: Ratio,
    r_pass: Ratio,
    alpha: Risk,
    beta: Risk,
}

/// What all events so far say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct HazardEvidence {
    abort: Bets<8>,
    pass: Bets<4>,
    on_canaries: u64,
    on_controls: u64,
    explained: Total,
}

impl HazardEvidence {
    /// From stored parts: the sums of both sides, events by arm, and the events on canaries that
    /// `r_pass` explains.
    pub const fn from_parts(
        abort: Bets<8>,
        pass: Bets<4>,
        (on_canaries, on_controls): (u64, u64),
        explained: Total,
    ) -> Self {
        Self { abort, pass, on_canaries, on_controls, explained }
    }

    /// Sums of the abort side, by design ratio.
    pub const fn abort(&self) -> &Bets<8> {
        &self.abort
    }

    /// Sums of the pass side, by design ratio.
    pub const fn pass(&self) -> &Bets<4> {
        &self.pass
    }

    /// Events on devices with the new version.
    pub const fn on_canaries(&self) -> u64 {
        self.on_canaries
    }

    /// Events on devices with the old version.
    pub const fn on_controls(&self) -> u64 {
        self.on_controls
    }

    /// Events on canaries that there would be if their rate were `r_pass` times the control's.
    pub const fn explained(&self) -> Total {
        self.explained
    }

    /// Events of both arms.
    pub const fn events(&self) -> u64 {
        self.on_canaries.saturating_add(self.on_controls)
    }

    /// Takes over evidence of other events, such as another stratum's.
    pub fn absorb(&mut self, other: &Self) {
        self.abort.absorb(&other.abort);
        self.pass.absorb(&other.pass);
        self.on_canaries = self.on_canaries.saturating_add(other.on_canaries);
        self.on_controls = self.on_controls.saturating_add(other.on_controls);
        self.explained = self.explained.plus(other.explained.get());
    }
}

impl Default for HazardGate {
    /// A fifth more than the control is fine, twice its rate is not.
    fn default() -> Self {
        Self { r_abort: Ratio(1.2), r_pass: Ratio(2.0), alpha: Risk(0.01), beta: Risk(0.01) }
    }
}

impl HazardGate {
    /// Checks and wraps the limits, as multiples of the control's rate.
    ///
    /// # Errors
    /// [`GateError::RatiosCross`] unless `r_abort <= r_pass`.
    pub fn new(r_abort: Ratio, r_pass: Ratio, alpha: Risk, beta: Risk) -> Result<Self, GateError> {
        if r_pass < r_abort {
            return Err(GateError::RatiosCross { r_abort, r_pass });
        }
        Ok(Self { r_abort, r_pass, alpha, beta })
    }

    /// The highest multiple of the control's rate that is promised not to be aborted.
    pub const fn r_abort(&self) -> Ratio {
        self.r_abort
    }

    /// The lowest multiple of the control's rate that is promised not to pass.
    pub const fn r_pass(&self) -> Ratio {
        self.r_pass
    }

    /// The chance of aborting a build within `r_abort`.
    pub const fn alpha(&self) -> Risk {
        self.alpha
    }

    /// The chance of passing a build from `r_pass` on.
    pub const fn beta(&self) -> Risk {
        self.beta
    }

    /// Adds the events of a tick to what was seen. A tick without events changes nothing.
    pub fn record(&self, seen: &mut HazardEvidence, moment: Moment) {
        let (abort, pass) = (self.r_abort.get(), self.r_pass.get());
        seen.abort.add(|place| gain(abort, abort * ABORT_GRID[place], &moment));
        seen.pass.add(|place| {
            let bet = PASS_GRID[place];
            if bet < pass { gain(pass, bet, &moment) } else { 0.0 }
        });
        seen.on_canaries = seen.on_canaries.saturating_add(moment.on_canaries);
        seen.on_controls = seen.on_controls.saturating_add(moment.on_controls);
        seen.explained = seen.explained.plus(moment.events() as f64 * moment.share(pass));
    }

    /// Evidence that the ratio is above `r_abort`. 0 without data.
    pub fn ln_e_abort(&self, seen: &HazardEvidence) -> LnE {
        seen.abort.ln_e()
    }

    /// Evidence that the ratio is below `r_pass`. 0 without data.
    pub fn ln_e_pass(&self, seen: &HazardEvidence) -> LnE {
        seen.pass.ln_e()
    }

    /// Events of both arms, in all, at which this passes if they go on as they did. `None` without
    /// any, or beyond [`NEED_LIMIT`].
    pub fn need(&self, seen: &HazardEvidence) -> Option<u64> {
        seen.pass.need(seen.events(), self.beta.ln_threshold(), NEED_LIMIT)
    }

    /// Whether a batch too small to prove anything may go on unproven: at most one event on
    /// canaries more than `r_pass` explains. Without any guarantee.
    pub fn is_quiet(&self, seen: &HazardEvidence) -> bool {
        seen.on_canaries as f64 <= 1.0 + seen.explained.get()
    }
}

/// What the events of a moment win for a bet on ratio `bet` against ratio `null`.
fn gain(null: f64, bet: f64, moment: &Moment) -> f64 {
    let (canaries, controls) = (moment.canaries.get(), moment.controls.get());
    // The bet's share over the null's is bet/null over this growth of the total; the controls' is
    // one over it. With one arm alone the two cancel, and there is nothing to learn.
    if moment.events() == 0 || canaries == 0.0 || controls == 0.0 {
        return 0.0;
    }
    let growth = (bet - null) * canaries / (null * canaries + controls);
    moment.on_canaries as f64 * libm::log(bet / null) - moment.events() as f64 * libm::log1p(growth)
}
