//! Real numbers of the gates, each with its range.
//!
//! Invariant: none of them is ever NaN or a negative zero, so equality and hash by bits are the
//! equality of numbers, and what holds one can be hashed. Not here: counts (plain `u64`) and
//! shares of a fleet (basis points).

use super::error::GateError;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};

macro_rules! by_bits {
    ($name:ident) => {
        impl $name {
            /// The number.
            pub const fn get(self) -> f64 {
                self.0
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.0.to_bits() == other.0.to_bits()
            }
        }

        impl Eq for $name {}

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                self.0.total_cmp(&other.0)
            }
        }

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.0.to_bits().hash(state);
            }
        }
    };
}
pub(super) use by_bits;

/// A limit for a share of devices: strictly between 0 and 1.
#[derive(Clone, Copy, Debug)]
pub struct Rate(pub(super) f64);
by_bits!(Rate);

impl Rate {
    /// Checks and wraps a rate; 0.01 is one percent.
    ///
    /// # Errors
    /// [`GateError::RateOutside`] unless `0 < value < 1`.
    pub fn new(value: f64) -> Result<Self, GateError> {
        if value > 0.0 && value < 1.0 {
            return Ok(Self(value));
        }
        Err(GateError::RateOutside { value })
    }

    /// Twice this rate: the default distance between `p_max` and `p_pass`.
    ///
    /// # Errors
    /// [`GateError::RateOutside`] from one half on.
    pub fn doubled(self) -> Result<Self, GateError> {
        Self::new(2.0 * self.0)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        percent(self.0, f)
    }
}

/// A share that was seen or bounded: 0 to 1, both included.
#[derive(Clone, Copy, Debug)]
pub struct Proportion(f64);
by_bits!(Proportion);

impl Proportion {
    /// None at all.
    pub const ZERO: Self = Self(0.0);
    /// All of them.
    pub const ONE: Self = Self(1.0);

    /// Checks and wraps a share.
    ///
    /// # Errors
    /// [`GateError::ProportionOutside`] unless `0 <= value <= 1`.
    pub fn new(value: f64) -> Result<Self, GateError> {
        if (0.0..=1.0).contains(&value) {
            return Ok(Self(value + 0.0));
        }
        Err(GateError::ProportionOutside { value })
    }

    /// Wraps what is a share but for rounding.
    pub(super) fn rounded(value: f64) -> Self {
        Self(value.clamp(0.0, 1.0) + 0.0)
    }
}

impl fmt::Display for Proportion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        percent(self.0, f)
    }
}

/// An accepted chance of a wrong verdict over a whole rollout: above 0, at most one half.
#[derive(Clone, Copy, Debug)]
pub struct Risk(pub(super) f64);
by_bits!(Risk);

impl Risk {
    /// Checks and wraps a risk.
    ///
    /// # Errors
    /// [`GateError::RiskOutside`] unless `0 < value <= 0.5`.
    pub fn new(value: f64) -> Result<Self, GateError> {
        if value > 0.0 && value <= 0.5 {
            return Ok(Self(value));
        }
        Err(GateError::RiskOutside { value })
    }

    /// This risk times a factor in (0, 1].
    pub(super) fn scaled(self, factor: f64) -> Self {
        Self((self.0 * factor).max(f64::MIN_POSITIVE))
    }

    /// The ln e at which evidence is as strong as this risk asks: `ln(1/risk)`, at least ln 2.
    pub fn ln_threshold(self) -> LnE {
        LnE::of(-libm::log(self.0))
    }
}

impl fmt::Display for Risk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        percent(self.0, f)
    }
}

/// The share of alpha one component is given: above 0, at most 1.
#[derive(Clone, Copy, Debug)]
pub struct Weight(pub(super) f64);
by_bits!(Weight);

impl Weight {
    /// All of it.
    pub const ONE: Self = Self(1.0);

    /// Checks and wraps a weight.
    ///
    /// # Errors
    /// [`GateError::WeightOutside`] unless `0 < value <= 1`.
    pub fn new(value: f64) -> Result<Self, GateError> {
        if value > 0.0 && value <= 1.0 {
            return Ok(Self(value));
        }
        Err(GateError::WeightOutside { value })
    }

    /// The risk at which a component of this weight decides alone.
    pub fn of(self, risk: Risk) -> Risk {
        risk.scaled(self.0)
    }
}

/// An e-value, or the threshold for one, as its natural logarithm: 0 is no evidence.
#[derive(Clone, Copy, Debug)]
pub struct LnE(f64);
by_bits!(LnE);

impl Default for LnE {
    fn default() -> Self {
        Self::ZERO
    }
}

impl LnE {
    /// No evidence either way.
    pub const ZERO: Self = Self(0.0);

    /// Wraps a logarithm.
    ///
    /// # Panics
    /// On NaN, which no evidence is.
    pub fn of(value: f64) -> Self {
        assert!(!value.is_nan(), "an e-value is a number");
        Self(value + 0.0)
    }

    /// Both together, the largest double at most: a sum of sums is a number as well.
    #[must_use]
    pub(super) fn plus(self, other: f64) -> Self {
        Self::of((self.0 + other).clamp(f64::MIN, f64::MAX))
    }
}

impl fmt::Display for LnE {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}", self.0)
    }
}

/// Writes a share as percent with at most six significant digits.
fn percent(share: f64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let percent = share * 100.0;
    if percent == 0.0 {
        return f.write_str("0%");
    }
    let scale = libm::pow(10.0, 5.0 - libm::floor(libm::log10(percent)));
    write!(f, "{}%", libm::round(percent * scale) / scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString as _;

    #[test]
    fn percent_is_what_people_wrote() {
        let cases = [(0.01, "1%"), (0.07, "7%"), (0.015, "1.5%"), (0.3, "30%"), (1e-5, "0.001%")];
        for (value, text) in cases {
            assert_eq!(Rate(value).to_string(), text);
        }
        assert_eq!(Proportion::ZERO.to_string(), "0%");
        assert_eq!(Proportion::ONE.to_string(), "100%");
    }

    #[test]
    fn what_is_out_of_range_is_refused() {
        for value in [0.0, -0.0, 1.0, -0.1, 1.5, f64::NAN, f64::INFINITY] {
            assert!(Rate::new(value).is_err(), "{value}");
        }
        for value in [0.0, 0.500001, f64::NAN, -1.0] {
            assert!(Risk::new(value).is_err(), "{value}");
        }
        assert!(Risk::new(0.5).is_ok());
        assert!(Proportion::new(f64::NAN).is_err());
        assert_eq!(Proportion::new(-0.0), Ok(Proportion::ZERO));
        assert_eq!(LnE::of(-0.0), LnE::ZERO);
    }
}
