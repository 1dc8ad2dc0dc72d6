//! Wald's sequential test between two simple rates.
//!
//! Faster than the mixture if the truth is one of the two rates, and slow or wrong about others:
//! its promises hold for a truth up to `p0` and from `p1` on. It has one denominator for both
//! sides, so it is fed with matured devices. Not here: anything that combines it with other gates.
//!
//! Invariant: `p0 < p1`, so every bad device speaks for `p1` and every good one for `p0`.

use super::error::GateError;
use super::evidence::Tally;
use super::rate::{Rate, Risk};

/// A test of `p0` against `p1`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sprt {
    p0: Rate,
    p1: Rate,
    alpha: Risk,
    beta: Risk,
}

/// What the test says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// `p0` is rejected.
    Abort,
    /// `p0` is accepted.
    Pass,
    /// Neither yet.
    Continue,
}

impl Sprt {
    /// Checks and wraps the two rates and the two risks.
    ///
    /// # Errors
    /// [`GateError::RatesNotApart`] unless `p0 < p1`.
    pub fn new(p0: Rate, p1: Rate, alpha: Risk, beta: Risk) -> Result<Self, GateError> {
        if p0 < p1 {
            return Ok(Self { p0, p1, alpha, beta });
        }
        Err(GateError::RatesNotApart { p0, p1 })
    }

    /// The log-likelihood ratio of `p1` against `p0`.
    pub fn ln_ratio(&self, matured: Tally) -> f64 {
        let (p0, p1) = (self.p0.get(), self.p1.get());
        let good = matured.total() - matured.bad();
        matured.bad() as f64 * libm::log(p1 / p0)
            + good as f64 * (libm::log1p(-p1) - libm::log1p(-p0))
    }

    /// The decision on all matured devices.
    pub fn decide(&self, matured: Tally) -> Decision {
        let ratio = self.ln_ratio(matured);
        if ratio >= self.alpha.ln_threshold().get() {
            Decision::Abort
        } else if -ratio >= self.beta.ln_threshold().get() {
            Decision::Pass
        } else {
            Decision::Continue
        }
    }
}
