//! Many bets, one promise: the weighted mean of e-values, and who is to blame.
//!
//! The mean of e-values is an e-value whatever binds them to each other, and it is never weaker
//! than testing each one at its share of alpha. It is taken over current values; running maxima
//! must never be averaged. Not here: which components a rollout has.
//!
//! Invariant: weights are fixed before the rollout and sum to 1 within 1e-9.

use super::error::GateError;
use super::numerics::log_sum_exp;
use super::rate::{LnE, Risk, Weight};
use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Reverse;

/// How far the sum of weights may be from 1.
const SUM_TOLERANCE: f64 = 1e-9;

/// The weights of all components, in their order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Weights(Vec<Weight>);

impl Weights {
    /// One component that gets everything.
    pub fn single() -> Self {
        Self(vec![Weight::ONE])
    }

    /// Checks and wraps the weights.
    ///
    /// # Errors
    /// [`GateError::NoComponent`] for none, [`GateError::WeightSum`] unless they sum to 1 within
    /// 1e-9.
    pub fn new(weights: Vec<Weight>) -> Result<Self, GateError> {
        if weights.is_empty() {
            return Err(GateError::NoComponent);
        }
        let sum: f64 = weights.iter().map(|weight| weight.get()).sum();
        if (sum - 1.0).abs() > SUM_TOLERANCE {
            return Err(GateError::WeightSum { sum });
        }
        Ok(Self(weights))
    }

    /// The weights, in order.
    pub fn iter(&self) -> impl Iterator<Item = Weight> + Clone {
        self.0.iter().copied()
    }

    /// The evidence of all components together.
    ///
    /// # Panics
    /// If there are not as many e-values as weights.
    pub fn combine(&self, ln_e: &[LnE]) -> LnE {
        LnE::of(log_sum_exp(self.shares(ln_e)))
    }

    /// Components by decreasing contribution, ties in their order.
    ///
    /// # Panics
    /// If there are not as many e-values as weights.
    pub fn blame(&self, ln_e: &[LnE]) -> Vec<Blame> {
        let shares = self.shares(ln_e).enumerate();
        let mut blame: Vec<_> = shares
            .map(|(component, share)| Blame { component, ln_share: LnE::of(share) })
            .collect();
        blame.sort_by_key(|blame| Reverse(blame.ln_share));
        blame
    }

    fn shares<'a>(&'a self, ln_e: &'a [LnE]) -> impl Iterator<Item = f64> + Clone + 'a {
        assert_eq!(ln_e.len(), self.0.len(), "one e-value for each component");
        self.0.iter().zip(ln_e).map(|(weight, ln_e)| libm::log(weight.get()) + ln_e.get())
    }
}

/// What one component contributes to the evidence for an abort.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Blame {
    /// Its place in the gate set.
    pub component: usize,
    /// `ln(w·e)`: proven bad on its own from the threshold of the whole set on.
    pub ln_share: LnE,
}

/// How often the evidence of a rollout was started again: by an edited limit, a reset or a
/// resumed halt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u32);

impl Epoch {
    /// The risk left for this start: half of what the one before had, so that all starts together
    /// stay below twice the first.
    pub fn of(self, alpha: Risk) -> Risk {
        let halvings = i32::try_from(self.0).unwrap_or(i32::MAX);
        alpha.scaled(libm::ldexp(1.0, halvings.saturating_neg()))
    }

    /// The epoch after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_sum_to_one() {
        let weights =
            |values: &[f64]| Weights::new(values.iter().map(|value| Weight(*value)).collect());
        assert!(weights(&[0.5, 0.25, 0.25]).is_ok());
        assert!(weights(&[0.1; 10]).is_ok());
        assert!(weights(&[0.5, 0.5 + 2e-9]).is_err());
        assert_eq!(weights(&[]), Err(GateError::NoComponent));
        assert!(Weight::new(0.0).is_err());
        assert!(Weight::new(f64::NAN).is_err());
    }

    #[test]
    fn restarts_cost_at_most_alpha_once_more() {
        let alpha = Risk(0.01);
        let total: f64 = (0..60).map(|k| Epoch(k).of(alpha).get()).sum();
        assert!(total <= 0.02, "{total}");
        assert_eq!(Epoch(3).of(alpha).get(), 0.01 / 8.0);
        assert!(Epoch(u32::MAX).of(alpha).ln_threshold().get().is_finite());
    }
}
