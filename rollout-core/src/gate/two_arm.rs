//! The two-arm gate: devices on the new version against devices still on the old one.
//!
//! Outcomes come in blocks, one for each tick and stratum, of both arms over the same window and
//! with the same horizon. The rate of the control is not assumed: what earlier blocks showed of it
//! says how to bet on the next one. Not here: who is enrolled as a control. The caller keeps the
//! sizes of a block free of its outcomes.
//!
//! Invariant: a block is judged by what was known before it, so its order counts; whatever the
//! control's rate is and however it drifts, a null that holds gains nothing on average.

use super::bets::Bets;
use super::error::GateError;
use super::evidence::Tally;
use super::failure::NEED_LIMIT;
use super::rate::{LnE, Rate, Risk};
use super::ratio::{Ratio, Trust};

/// Multiples of `r_abort` that the abort side bets on.
//= gates §4, §5b: the grids
pub(super) const ABORT_GRID: [f64; 8] = [1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0, 1000.0];
/// Ratios that the pass side bets on.
pub(super) const PASS_GRID: [f64; 4] = [0.25, 0.5, 0.75, 1.0];
/// No baseline is estimated below this rate, nor above one half.
const BASELINE: (f64, f64) = (1e-4, 0.5);
/// No bet is on a rate above this one.
const HIGHEST: f64 = 0.95;
/// Controls enrolled for each canary, where there are enough.
//= design 4.11
const CONTROLS: u64 = 5;

/// What is thought of the control's rate before anything is seen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Baseline {
    /// The rate that is expected.
    pub p_ref: Rate,
    /// As much as so many control outcomes.
    pub kappa: Trust,
}

impl Baseline {
    /// An expected rate that weighs as much as a hundred outcomes.
    pub fn expected(p_ref: Rate) -> Self {
        Self { p_ref, kappa: Trust(100.0) }
    }
}

/// Limits and risks of a two-arm gate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TwoArmGate {
    r_abort: Ratio,
    r_pass: Ratio,
    baseline: Baseline,
    alpha: Risk,
    beta: Risk,
}

/// Matured outcomes of one tick and one stratum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Block {
    /// Devices still on the old version.
    pub control: Tally,
    /// Devices on the new version.
    pub canary: Tally,
}

/// What all blocks so far say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TwoArmEvidence {
    abort: Bets<8>,
    pass: Bets<4>,
    control: Tally,
    canary: Tally,
}

impl TwoArmEvidence {
    /// From stored parts: the sums of both sides, and all outcomes they were made of.
    pub const fn from_parts(abort: Bets<8>, pass: Bets<4>, all: Block) -> Self {
        Self { abort, pass, control: all.control, canary: all.canary }
    }

    /// Sums of the abort side, by design ratio.
    pub const fn abort(&self) -> &Bets<8> {
        &self.abort
    }

    /// Sums of the pass side, by design ratio.
    pub const fn pass(&self) -> &Bets<4> {
        &self.pass
    }

    /// All outcomes of controls so far.
    pub const fn control(&self) -> Tally {
        self.control
    }

    /// All outcomes of devices on the new version so far.
    pub const fn canary(&self) -> Tally {
        self.canary
    }

    /// Whether there are devices on the new version, and no control to compare them with.
    pub const fn is_alone(&self) -> bool {
        self.canary.total() > 0 && self.control.total() == 0
    }

    /// Takes over evidence of other outcomes, such as another stratum's.
    pub fn absorb(&mut self, other: &Self) {
        self.abort.absorb(&other.abort);
        self.pass.absorb(&other.pass);
        self.control = self.control.plus(other.control);
        self.canary = self.canary.plus(other.canary);
    }
}

impl TwoArmGate {
    /// Checks and wraps the limits, as multiples of the control's rate.
    ///
    /// # Errors
    /// [`GateError::RatiosCross`] unless `r_abort <= r_pass`.
    pub fn new(
        r_abort: Ratio,
        r_pass: Ratio,
        baseline: Baseline,
        alpha: Risk,
        beta: Risk,
    ) -> Result<Self, GateError> {
        if r_pass < r_abort {
            return Err(GateError::RatiosCross { r_abort, r_pass });
        }
        Ok(Self { r_abort, r_pass, baseline, alpha, beta })
    }

    /// No worse than the control is fine, twice its rate is not, one wrong verdict in a hundred.
    pub fn expecting(p_ref: Rate) -> Self {
        Self {
            r_abort: Ratio(1.0),
            r_pass: Ratio(2.0),
            baseline: Baseline::expected(p_ref),
            alpha: Risk(0.01),
            beta: Risk(0.01),
        }
    }

    /// The highest multiple of the control's rate that is promised not to be aborted.
    pub const fn r_abort(&self) -> Ratio {
        self.r_abort
    }

    /// The lowest multiple of the control's rate that is promised not to pass.
    pub const fn r_pass(&self) -> Ratio {
        self.r_pass
    }

    /// What is thought of the control before anything is seen.
    pub const fn baseline(&self) -> &Baseline {
        &self.baseline
    }

    /// The chance of aborting a build within `r_abort`.
    pub const fn alpha(&self) -> Risk {
        self.alpha
    }

    /// The chance of passing a build from `r_pass` on.
    pub const fn beta(&self) -> Risk {
        self.beta
    }

    /// Adds a block to what was seen.
    pub fn record(&self, seen: &mut TwoArmEvidence, block: Block) {
        let history = seen.control;
        self.record_after(seen, history, block);
    }

    /// Adds a block whose controls have a history that is kept elsewhere as well: `history` are all
    /// outcomes of controls of the stratum before this block, those in `seen` included.
    pub fn record_after(&self, seen: &mut TwoArmEvidence, history: Tally, block: Block) {
        let theta = self.estimate(history);
        seen.abort.add(|place| self.abort_gain(place, theta, &block));
        seen.pass.add(|place| self.pass_gain(place, theta, &block));
        seen.control = seen.control.plus(block.control);
        seen.canary = seen.canary.plus(block.canary);
    }

    /// Evidence that the ratio is above `r_abort`. 0 without data.
    pub fn ln_e_abort(&self, seen: &TwoArmEvidence) -> LnE {
        seen.abort.ln_e()
    }

    /// Evidence that the ratio is below `r_pass`. 0 without data.
    pub fn ln_e_pass(&self, seen: &TwoArmEvidence) -> LnE {
        seen.pass.ln_e()
    }

    /// Devices on the new version, in all, at which this passes if the evidence goes on as it did;
    /// before there is any, if the new version is as good as the control and each canary has five
    /// controls. `None` beyond [`NEED_LIMIT`].
    pub fn need(&self, seen: &TwoArmEvidence) -> Option<u64> {
        let threshold = self.beta.ln_threshold();
        if seen.canary.total() > 0 {
            return seen.pass.need(seen.canary.total(), threshold, NEED_LIMIT);
        }
        let (theta, mut bets) = (self.estimate(seen.control), Bets::<4>::default());
        bets.add(|place| self.pass_gain_of_equals(place, theta));
        bets.need(1, threshold, NEED_LIMIT)
    }

    /// Whether a batch too small to prove anything may go on unproven: at most one stray failure
    /// more than `r_pass` times the control's share explains. Without any guarantee.
    pub fn is_quiet(&self, seen: &TwoArmEvidence) -> bool {
        let share = self.estimate(seen.control);
        let explained = self.r_pass.get() * share * seen.canary.total() as f64;
        seen.canary.bad() as f64 <= 1.0 + explained
    }

    /// The control's rate as far as its outcomes before a block tell.
    fn estimate(&self, before: Tally) -> f64 {
        let Baseline { p_ref, kappa } = &self.baseline;
        let bad = before.bad() as f64 + kappa.get() * p_ref.get();
        (bad / (before.total() as f64 + kappa.get())).clamp(BASELINE.0, BASELINE.1)
    }

    fn abort_gain(&self, place: usize, theta: f64, block: &Block) -> f64 {
        let null = self.r_abort.get();
        let bet = (null * ABORT_GRID[place] * theta).min(HIGHEST);
        if bet <= null * theta { 0.0 } else { Bet::new(null, theta, bet, block).gain() }
    }

    fn pass_gain(&self, place: usize, theta: f64, block: &Block) -> f64 {
        match self.pass_bet(place, theta) {
            Some(bet) => Bet::new(self.r_pass.get(), theta, bet, block).gain(),
            None => 0.0,
        }
    }

    /// The canary's rate a pass bets on; `None` where that bet stays away.
    fn pass_bet(&self, place: usize, theta: f64) -> Option<f64> {
        let (null, ratio) = (self.r_pass.get(), PASS_GRID[place]);
        (ratio < null && null * theta < 1.0).then(|| (ratio * theta).min(HIGHEST))
    }

    /// What one canary and its controls gain on average if both arms have rate `theta`.
    fn pass_gain_of_equals(&self, place: usize, theta: f64) -> f64 {
        let Some(bet) = self.pass_bet(place, theta) else { return 0.0 };
        let block = Block { control: Tally::of(0, CONTROLS), canary: Tally::of(0, 1) };
        Bet::new(self.r_pass.get(), theta, bet, &block).gain_at(theta)
    }
}

/// A bet on rates of the two arms against the nearest pair of rates that the null allows.
struct Bet<'a> {
    control: f64,
    canary: f64,
    null_control: f64,
    null_canary: f64,
    block: &'a Block,
}

impl<'a> Bet<'a> {
    /// `control` and `canary` are bet on against pairs whose ratio is `null`.
    fn new(null: f64, control: f64, canary: f64, block: &'a Block) -> Self {
        let (na, nb) = (block.control.total() as f64, block.canary.total() as f64);
        // The nearest pair solves a·x² − b·x + c = 0; this form of the discriminant adds up what
        // the textbook form would subtract.
        let a = null * (na + nb);
        let b = na * (1.0 + null * control) + nb * (null + canary);
        let c = na * control + nb * canary;
        let apart = na * (1.0 - null * control) + nb * (null - canary);
        let cross = 4.0 * na * nb * (null - 1.0) * (null * control - canary);
        let root = libm::sqrt((apart * apart + cross).max(0.0));
        let null_control = if a > 0.0 { 2.0 * c / (b + root) } else { control };
        let null_canary = null * null_control;
        Self { control, canary, null_control, null_canary, block }
    }

    /// What the outcomes of the block win.
    fn gain(&self) -> f64 {
        let Block { control, canary } = self.block;
        let good = |tally: &Tally| (tally.total() - tally.bad()) as f64;
        let (old, new) = (control.bad() as f64, canary.bad() as f64);
        self.weigh([old, good(control), new, good(canary)])
    }

    /// What the block wins on average if both arms have this rate.
    fn gain_at(&self, rate: f64) -> f64 {
        let Block { control, canary } = self.block;
        let (na, nb) = (control.total() as f64, canary.total() as f64);
        self.weigh([na * rate, na * (1.0 - rate), nb * rate, nb * (1.0 - rate)])
    }

    /// Bad and good ones of the control, bad and good ones of the canary.
    fn weigh(&self, [old_bad, old_good, new_bad, new_good]: [f64; 4]) -> f64 {
        let bad = |count: f64, bet: f64, null: f64| times(count, || libm::log(bet / null));
        let good = |count: f64, bet: f64, null: f64| {
            times(count, || libm::log1p((null - bet) / (1.0 - null).max(f64::MIN_POSITIVE)))
        };
        bad(old_bad, self.control, self.null_control)
            + good(old_good, self.control, self.null_control)
            + bad(new_bad, self.canary, self.null_canary)
            + good(new_good, self.canary, self.null_canary)
    }
}

/// A count times a logarithm, where nothing times anything is nothing.
fn times(count: f64, ln: impl Fn() -> f64) -> f64 {
    if count == 0.0 { 0.0 } else { count * ln() }
}
