//! The working alternative a gate bets on, and what it wins.
//!
//! A bet on a Beta distribution of rates is paid by the likelihood ratio against one rate. The
//! choice of distribution decides how soon something is proven, never whether it is proven
//! wrongly. Not here: thresholds and verdicts. Invariant: both parameters are above 0 and finite.

use super::evidence::Tally;
use super::numerics::{ln_beta, ln_logistic, logit, x_ln_1m, x_ln_y};
use super::rate::Rate;

/// Halvings that pin a root in `logit` down to the last bits of a double.
const HALVINGS: u32 = 64;
/// No bound lies further out than this, in units of `logit`.
const FAR: f64 = 700.0;

/// A Beta(a, b) distribution of rates with `a = 1`, known by its mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prior {
    a: f64,
    b: f64,
}

/// Which side of the observed share a bound is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Below,
    Above,
}

impl Prior {
    /// The bet of an abort: rates about five times the limit, nearer if that would exceed 1.
    pub fn for_abort(p_max: Rate) -> Self {
        let p_max = p_max.get();
        Self::with_mean((5.0 * p_max).min((1.0 + p_max) / 2.0))
    }

    /// The bet of a pass: rates about a third of what must be ruled out.
    pub fn for_pass(p_pass: Rate) -> Self {
        Self::with_mean(p_pass.get() / 3.0)
    }

    fn with_mean(mean: f64) -> Self {
        Self { a: 1.0, b: (1.0 - mean) / mean }
    }

    /// The first parameter.
    pub const fn a(&self) -> f64 {
        self.a
    }

    /// The second parameter.
    pub const fn b(&self) -> f64 {
        self.b
    }

    /// ln of the mixture likelihood of the tally alone, without the rate it is held against.
    pub(super) fn ln_mixture(&self, bad: f64, of: f64) -> f64 {
        ln_beta(self.a + bad, self.b + (of - bad)) - ln_beta(self.a, self.b)
    }

    /// ln of the likelihood ratio against rate `p`, from 0 to 1, for a real-valued tally.
    pub(super) fn ln_ratio(&self, bad: f64, of: f64, p: f64) -> f64 {
        self.ln_mixture(bad, of) - x_ln_y(bad, p) - x_ln_1m(of - bad, p)
    }

    /// The rate on one side of the tally's own share at which the ratio reaches `threshold`.
    ///
    /// The ratio is log-convex in the rate with its minimum, at most 1, at the share itself; so on
    /// either side it crosses a threshold above 0 once.
    pub(super) fn crossing(&self, tally: Tally, threshold: f64, side: Side) -> f64 {
        let (bad, of) = (tally.bad() as f64, tally.total() as f64);
        let good = of - bad;
        let mixture = self.ln_mixture(bad, of);
        if tally.bad() == tally.total() && side == Side::Below {
            return libm::exp((mixture - threshold) / of);
        }
        if tally.bad() == 0 && side == Side::Above {
            return -libm::expm1((mixture - threshold) / of);
        }
        let (mut near, mut far) = match side {
            Side::Below => (logit(bad / of), -FAR),
            Side::Above => (logit(bad / of), FAR),
        };
        for _ in 0..HALVINGS {
            let middle = 0.5 * (near + far);
            if mixture - bad * ln_logistic(middle) - good * ln_logistic(-middle) < threshold {
                near = middle;
            } else {
                far = middle;
            }
        }
        libm::exp(ln_logistic(0.5 * (near + far)))
    }
}
