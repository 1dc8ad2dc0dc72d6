//! The failure-rate gate: good or bad devices against two limits.
//!
//! Between `p_max` (no build up to it is aborted, but for alpha) and `p_pass` (no build from it on
//! passes, but for beta) lies the zone where either end is right. Not here: several gates at once
//! (see [`super::combine`]) and admission (see [`super::pacing`]).
//!
//! Invariants: evidence for an abort never falls and evidence for a pass never rises with one more
//! bad device; `aborts` is `lower >= p_max` and `passes` is `upper <= p_pass`.

use super::error::GateError;
use super::evidence::Tally;
use super::numerics::first_true;
use super::prior::{Prior, Side};
use super::rate::{LnE, Proportion, Rate, Risk};

/// Largest sample a plan is told to wait for, in devices: beyond it the rate is indifferent.
pub const NEED_LIMIT: u64 = 1_000_000;

/// Limits and risks of a failure-rate gate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FailureGate {
    p_max: Rate,
    p_pass: Rate,
    alpha: Risk,
    beta: Risk,
    min_failures: u64,
}

impl Default for FailureGate {
    /// One percent is fine, two percent is not, one wrong verdict of either kind in a hundred.
    fn default() -> Self {
        Self {
            p_max: Rate(0.01),
            p_pass: Rate(0.02),
            alpha: Risk(0.01),
            beta: Risk(0.01),
            min_failures: 1,
        }
    }
}

impl FailureGate {
    /// Checks and wraps the limits. `min_failures` (in devices, from 1) must be known to be bad
    /// before an abort, whatever they prove.
    ///
    /// # Errors
    /// [`GateError::PassBelowMax`] if the limits cross, [`GateError::NoMinFailures`] for 0.
    pub fn new(
        p_max: Rate,
        p_pass: Rate,
        alpha: Risk,
        beta: Risk,
        min_failures: u64,
    ) -> Result<Self, GateError> {
        if p_pass < p_max {
            return Err(GateError::PassBelowMax { p_max, p_pass });
        }
        if min_failures == 0 {
            return Err(GateError::NoMinFailures);
        }
        Ok(Self { p_max, p_pass, alpha, beta, min_failures })
    }

    /// The same gate at another alpha.
    #[must_use]
    pub fn with_alpha(&self, alpha: Risk) -> Self {
        Self { alpha, ..self.clone() }
    }

    /// The highest rate that is promised not to be aborted.
    pub const fn p_max(&self) -> Rate {
        self.p_max
    }

    /// The lowest rate that is promised not to pass.
    pub const fn p_pass(&self) -> Rate {
        self.p_pass
    }

    /// The chance of aborting a build within `p_max`.
    pub const fn alpha(&self) -> Risk {
        self.alpha
    }

    /// The chance of passing a build from `p_pass` on.
    pub const fn beta(&self) -> Risk {
        self.beta
    }

    /// Known failures without which nothing is aborted, in devices.
    pub const fn min_failures(&self) -> u64 {
        self.min_failures
    }

    /// Evidence that the rate is above `p_max`. 0 without data.
    pub fn ln_e_abort(&self, tally: Tally) -> LnE {
        let (bad, of) = (tally.bad() as f64, tally.total() as f64);
        let p = if exceeds(tally, self.p_max) { self.p_max.get() } else { own_share(bad, of) };
        LnE::of(Prior::for_abort(self.p_max).ln_ratio(bad, of, p))
    }

    /// Evidence that the rate is below `p_pass`. 0 without data.
    pub fn ln_e_pass(&self, tally: Tally) -> LnE {
        let (bad, of) = (tally.bad() as f64, tally.total() as f64);
        let p = if undercuts(tally, self.p_pass) { self.p_pass.get() } else { own_share(bad, of) };
        LnE::of(Prior::for_pass(self.p_pass).ln_ratio(bad, of, p))
    }

    /// Whether known failures among the exposed prove a rate above `p_max`.
    pub fn aborts(&self, tally: Tally) -> bool {
        tally.bad() >= self.min_failures
            && exceeds(tally, self.p_max)
            && self.ln_e_abort(tally) >= self.alpha.ln_threshold()
    }

    /// Whether bad ones among the matured prove a rate below `p_pass`.
    pub fn passes(&self, tally: Tally) -> bool {
        undercuts(tally, self.p_pass) && self.ln_e_pass(tally) >= self.beta.ln_threshold()
    }

    /// The rate below which the truth lies with probability at most alpha.
    pub fn lower(&self, tally: Tally) -> Proportion {
        if tally.bad() == 0 {
            return Proportion::ZERO;
        }
        let threshold = self.alpha.ln_threshold().get();
        let prior = Prior::for_abort(self.p_max);
        Proportion::rounded(prior.crossing(tally, threshold, Side::Below))
    }

    /// The rate above which the truth lies with probability at most beta.
    pub fn upper(&self, tally: Tally) -> Proportion {
        if tally.bad() == tally.total() {
            return Proportion::ONE;
        }
        let threshold = self.beta.ln_threshold().get();
        let prior = Prior::for_pass(self.p_pass);
        Proportion::rounded(prior.crossing(tally, threshold, Side::Above))
    }

    /// The smallest larger sample that would pass at the share seen so far, rounded against the
    /// build; `None` if the share does not allow it or [`NEED_LIMIT`] devices would not do.
    ///
    /// Equal to trying one size after the other. Two facts make it short: with the number of bad
    /// devices held, one more good device never undoes a pass; and along a fixed share the
    /// evidence is convex from 0, so it is below the threshold up to some size and above from it.
    pub fn need(&self, tally: Tally) -> Option<u64> {
        let (bad, of) = (tally.bad(), tally.total());
        if bad == 0 {
            let passes = |size| self.passes(Tally::of(0, size));
            return first_true(of.saturating_add(1), NEED_LIMIT, passes);
        }
        if of >= NEED_LIMIT || !undercuts(tally, self.p_pass) {
            return None;
        }
        let reach = NEED_LIMIT + of.div_ceil(bad);
        let earliest = first_true(of + 1, reach, |size| self.could_pass(tally, size))?;
        // `size` devices contain `ceil(size·bad/of)` bad ones; sizes with as many form a block,
        // and the tally itself is the end of one.
        let mut block = ((earliest - 1) * bad / of).max(bad + 1);
        loop {
            let low = (block - 1) * of / bad + 1;
            let high = (block * of / bad).min(NEED_LIMIT);
            if low > NEED_LIMIT {
                return None;
            }
            let passes = |size| self.passes(Tally::of(block, size));
            if let Some(size) = first_true(low, high, passes) {
                return Some(size);
            }
            block += 1;
        }
    }

    /// Whether `size` devices of exactly the tally's share, fractions included, would pass.
    fn could_pass(&self, tally: Tally, size: u64) -> bool {
        let bad = size as f64 * tally.bad() as f64 / tally.total() as f64;
        let prior = Prior::for_pass(self.p_pass);
        prior.ln_ratio(bad, size as f64, self.p_pass.get()) >= self.beta.ln_threshold().get()
    }

    /// Whether a batch too small to prove anything may advance unproven: at most one stray
    /// failure more than `p_pass` explains. Without any guarantee; the caller labels it so and has
    /// seen every permitted device mature.
    pub fn is_quiet(&self, matured: Tally) -> bool {
        matured.bad() as f64 <= 1.0 + self.p_pass.get() * matured.total() as f64
    }
}

fn exceeds(tally: Tally, rate: Rate) -> bool {
    tally.bad() as f64 > tally.total() as f64 * rate.get()
}

fn undercuts(tally: Tally, rate: Rate) -> bool {
    (tally.bad() as f64) < tally.total() as f64 * rate.get()
}

fn own_share(bad: f64, of: f64) -> f64 {
    if of > 0.0 { bad / of } else { 0.0 }
}
