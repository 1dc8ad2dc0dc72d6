//! Running sums of logarithms: several bets at once, each at one design value, as one e-process.
//!
//! Each sum is the logarithm of an e-process of its own, and so is their plain mean. Sums of
//! separate outcomes add up, bet by bet, so evidence may be kept in cells and put together later.
//! Not here: what a bet is about. Invariant: every sum is a finite number.

use super::error::GateError;
use super::numerics::{first_true, log_sum_exp};
use super::rate::LnE;

/// One running sum for each design value, in an order that stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bets<const N: usize>([LnE; N]);

impl<const N: usize> Default for Bets<N> {
    fn default() -> Self {
        Self([LnE::ZERO; N])
    }
}

impl<const N: usize> Bets<N> {
    /// From stored sums.
    ///
    /// # Errors
    /// [`GateError::Contradiction`] for a sum that is not a finite number.
    pub fn from_sums(sums: [f64; N]) -> Result<Self, GateError> {
        if sums.iter().all(|sum| sum.is_finite()) {
            return Ok(Self(sums.map(LnE::of)));
        }
        Err(GateError::Contradiction { rule: "sums of evidence are finite" })
    }

    /// The sums, to be stored or shown.
    pub const fn sums(&self) -> &[LnE; N] {
        &self.0
    }

    /// The evidence of all bets together: the logarithm of their mean.
    pub fn ln_e(&self) -> LnE {
        self.scaled(1.0)
    }

    /// Takes over what another part of the outcomes says, bet by bet.
    pub fn absorb(&mut self, other: &Self) {
        for (sum, more) in self.0.iter_mut().zip(&other.0) {
            *sum = sum.plus(more.get());
        }
    }

    /// Adds one outcome to every bet: `gain` is told the place of the bet.
    pub(super) fn add(&mut self, gain: impl Fn(usize) -> f64) {
        for (place, sum) in self.0.iter_mut().enumerate() {
            *sum = sum.plus(gain(place));
        }
    }

    /// The amount, above `have`, at which evidence that goes on as it did up to `have` reaches
    /// `threshold` (above 0). `None` if it does not within `limit`.
    ///
    /// The evidence is convex in the amount and 0 at nothing, so it crosses a threshold once.
    pub(super) fn need(&self, have: u64, threshold: LnE, limit: u64) -> Option<u64> {
        if have == 0 {
            return None;
        }
        let reaches = |amount: u64| self.scaled(amount as f64 / have as f64) >= threshold;
        first_true(have.saturating_add(1), limit, reaches)
    }

    fn scaled(&self, factor: f64) -> LnE {
        let terms = self.0.iter().map(|sum| (sum.get() * factor).clamp(f64::MIN, f64::MAX));
        LnE::of(log_sum_exp(terms) - libm::log(N as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_of_no_evidence_is_none() {
        assert!(Bets::<8>::default().ln_e().get().abs() < 1e-15);
        let one = Bets::from_sums([f64::MIN, 3.0]).expect("finite sums");
        assert!((one.ln_e().get() - (3.0 - core::f64::consts::LN_2)).abs() < 1e-15);
        assert!(Bets::from_sums([f64::NAN]).is_err());
        assert!(Bets::from_sums([f64::INFINITY]).is_err());
    }

    #[test]
    fn sums_stay_finite() {
        let mut bets = Bets::from_sums([f64::MAX, f64::MIN]).expect("finite sums");
        bets.absorb(&bets.clone());
        bets.add(|place| if place == 0 { f64::MAX } else { f64::MIN });
        assert_eq!(bets, Bets::from_sums([f64::MAX, f64::MIN]).expect("finite sums"));
        assert_eq!(bets.need(10, LnE::of(4.6), 20), Some(11));
    }

    #[test]
    fn need_is_what_trying_every_amount_finds() {
        for sums in [[0.5, -2.0, 0.1], [-1.0, -2.0, -0.5], [2.0, 2.0, -9.0]] {
            let bets = Bets::from_sums(sums).expect("finite sums");
            let at = |amount: u64| bets.scaled(amount as f64 / 10.0).get();
            let first = (11..=2000).find(|amount| at(*amount) >= 4.6);
            assert_eq!(bets.need(10, LnE::of(4.6), 2000), first, "{sums:?}");
        }
        assert_eq!(Bets::from_sums([9.0]).map(|bets| bets.need(0, LnE::of(4.6), 99)), Ok(None));
    }
}
