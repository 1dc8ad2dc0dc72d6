//! Quantile gates: "the 95th percentile of boot time is at most 60 s" as a failure rate.
//!
//! A percentile is at most a limit if and only if the share of devices above the limit is at most
//! the rest, so the failure gate judges it, without any assumption on how values are distributed.
//! Not here: units, and where values come from. Invariant: a value at the limit is within it.

use super::error::GateError;
use super::failure::FailureGate;
use super::rate::{Rate, Risk};
use super::ratio::Measure;
use core::fmt;

/// A percentile in basis points: 9500 is the 95th. From 1 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percentile(u16);

impl Percentile {
    /// Checks and wraps basis points.
    ///
    /// # Errors
    /// [`GateError::PercentileOutside`] unless `1 <= basis_points <= 9999`.
    pub const fn new(basis_points: u16) -> Result<Self, GateError> {
        if basis_points == 0 || basis_points >= 10_000 {
            return Err(GateError::PercentileOutside { basis_points });
        }
        Ok(Self(basis_points))
    }

    /// The share of devices that may lie above: the double next to the decimal people would write.
    pub fn rest(self) -> Rate {
        Rate(f64::from(10_000 - self.0) / 10_000.0)
    }
}

impl fmt::Display for Percentile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}", f64::from(self.0) / 100.0)
    }
}

/// A limit for a percentile of what devices measure.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct QuantileLimit {
    percentile: Percentile,
    limit: Measure,
}

impl QuantileLimit {
    /// The percentile is to be at most the limit.
    pub const fn new(percentile: Percentile, limit: Measure) -> Self {
        Self { percentile, limit }
    }

    /// Whether a device with this value is a bad outcome of the gate.
    //= gates §3c: x = [value > limit]
    pub fn is_bad(&self, value: Measure) -> bool {
        value.get() > self.limit.get()
    }

    /// The gate that judges these outcomes: no abort while the percentile is within the limit, no
    /// pass while twice as many devices lie above it.
    ///
    /// # Errors
    /// [`GateError::RateOutside`] if twice as many are all there are: for the median and below.
    pub fn gate(&self, alpha: Risk, beta: Risk) -> Result<FailureGate, GateError> {
        let p_max = self.percentile.rest();
        FailureGate::new(p_max, p_max.doubled()?, alpha, beta, 1)
    }
}

impl fmt::Display for QuantileLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at most {}", self.percentile, self.limit)
    }
}
