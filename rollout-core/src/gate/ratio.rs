//! Real numbers of the gates that are no shares: ratios, rates by the hour, amounts at risk.
//!
//! Invariant: as in [`super::rate`], none is ever NaN, infinite or a negative zero, and each range
//! is narrow enough that no product of two of them overflows. Not here: what they are compared to.

use super::error::GateError;
use super::rate::by_bits;
use crate::time::Span;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};

/// Milliseconds in an hour.
const HOUR_MS: f64 = 3_600_000.0;
/// The largest amount of hours, devices or measured units: beyond any fleet and any century.
const MOST: f64 = 1e18;
/// The smallest amount above zero, in hours: below the length of a millisecond.
const LEAST: f64 = 1e-9;

/// How many times the control's rate: above 0.25, at most a million.
///
/// A pass bets on ratios down to a quarter, so a limit at or below it could never be proven.
#[derive(Clone, Copy, Debug)]
pub struct Ratio(pub(super) f64);
by_bits!(Ratio);

impl Ratio {
    /// Checks and wraps a ratio; 2 is twice the rate of the control.
    ///
    /// # Errors
    /// [`GateError::RatioOutside`] unless `0.25 < value <= 1e6`.
    pub fn new(value: f64) -> Result<Self, GateError> {
        if value > 0.25 && value <= 1e6 {
            return Ok(Self(value));
        }
        Err(GateError::RatioOutside { value })
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x", self.0)
    }
}

/// How many devices a guess of the baseline weighs as much as: above 0, at most 1e12.
#[derive(Clone, Copy, Debug)]
pub struct Trust(pub(super) f64);
by_bits!(Trust);

impl Trust {
    /// Checks and wraps a number of devices, fractions allowed.
    ///
    /// # Errors
    /// [`GateError::TrustOutside`] unless `0 < value <= 1e12`.
    pub fn new(value: f64) -> Result<Self, GateError> {
        if value > 0.0 && value <= 1e12 {
            return Ok(Self(value));
        }
        Err(GateError::TrustOutside { value })
    }
}

/// Events by device-hour: from 1e-15 to 1e9.
#[derive(Clone, Copy, Debug)]
pub struct EventRate(pub(super) f64);
by_bits!(EventRate);

impl EventRate {
    /// Checks and wraps a rate; 0.001 is one event in a thousand device-hours.
    ///
    /// # Errors
    /// [`GateError::EventRateOutside`] unless `1e-15 <= value <= 1e9`.
    pub fn new(value: f64) -> Result<Self, GateError> {
        if (1e-15..=1e9).contains(&value) {
            return Ok(Self(value));
        }
        Err(GateError::EventRateOutside { value })
    }

    /// Twice this rate: the default distance between the two limits.
    ///
    /// # Errors
    /// [`GateError::EventRateOutside`] above half of the largest one.
    pub fn doubled(self) -> Result<Self, GateError> {
        Self::new(2.0 * self.0)
    }
}

impl fmt::Display for EventRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by device-hour", self.0)
    }
}

/// Device-hours: 0, or from 1e-9 to 1e18.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hours(f64);
by_bits!(Hours);

impl Hours {
    /// None at all.
    pub const ZERO: Self = Self(0.0);

    /// Checks and wraps an amount.
    ///
    /// # Errors
    /// [`GateError::AmountOutside`] unless it is 0 or lies from 1e-9 to 1e18.
    pub fn new(value: f64) -> Result<Self, GateError> {
        if value == 0.0 || (LEAST..=MOST).contains(&value) {
            return Ok(Self(value + 0.0));
        }
        Err(GateError::AmountOutside { what: "device-hours", value })
    }

    /// The time of all devices together; whole milliseconds, so every span has its hours.
    pub fn of(total: Span) -> Self {
        Self(total.0 as f64 / HOUR_MS)
    }
}

/// Devices at risk, or device-hours in a tick: 0 to 1e18. Only ratios between two of them count.
#[derive(Clone, Copy, Debug, Default)]
pub struct AtRisk(f64);
by_bits!(AtRisk);

impl AtRisk {
    /// Checks and wraps an amount.
    ///
    /// # Errors
    /// [`GateError::AmountOutside`] unless it is 0 or lies from 1e-9 to 1e18.
    pub fn new(value: f64) -> Result<Self, GateError> {
        if value == 0.0 || (LEAST..=MOST).contains(&value) {
            return Ok(Self(value + 0.0));
        }
        Err(GateError::AmountOutside { what: "devices at risk", value })
    }

    /// So many devices.
    pub const fn devices(count: u64) -> Self {
        Self((if count < 1 << 59 { count } else { 1 << 59 }) as f64)
    }
}

impl From<Hours> for AtRisk {
    fn from(hours: Hours) -> Self {
        Self(hours.0)
    }
}

/// A measured value in a unit of its own, such as seconds or kelvin: finite.
#[derive(Clone, Copy, Debug)]
pub struct Measure(f64);
by_bits!(Measure);

impl Measure {
    /// Checks and wraps a value.
    ///
    /// # Errors
    /// [`GateError::NoMeasure`] for what is not a finite number.
    pub fn new(value: f64) -> Result<Self, GateError> {
        if value.is_finite() {
            return Ok(Self(value + 0.0));
        }
        Err(GateError::NoMeasure { value })
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A running sum of real numbers: finite.
#[derive(Clone, Copy, Debug, Default)]
pub struct Total(f64);
by_bits!(Total);

impl Total {
    /// From a stored sum.
    ///
    /// # Errors
    /// [`GateError::NoMeasure`] for what is not a finite number.
    pub fn new(value: f64) -> Result<Self, GateError> {
        Measure::new(value).map(|value| Self(value.0))
    }

    /// Both together, the largest double at most. `other` is a number.
    #[must_use]
    pub(super) fn plus(self, other: f64) -> Self {
        Self((self.0 + other).clamp(f64::MIN, f64::MAX) + 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_NUMBERS: [f64; 4] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0];

    #[test]
    fn what_is_no_number_in_range_becomes_no_value() {
        for value in NO_NUMBERS {
            assert!(Ratio::new(value).is_err(), "{value}");
            assert!(Trust::new(value).is_err(), "{value}");
            assert!(EventRate::new(value).is_err(), "{value}");
            assert!(Hours::new(value).is_err(), "{value}");
            assert!(AtRisk::new(value).is_err(), "{value}");
        }
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(Measure::new(value).is_err(), "{value}");
            assert!(Total::new(value).is_err(), "{value}");
        }
        assert!(Ratio::new(0.25).is_err() && Ratio::new(0.26).is_ok() && Ratio::new(2e6).is_err());
        assert!(Trust::new(0.0).is_err() && Trust::new(1e12).is_ok() && Trust::new(2e12).is_err());
        assert!(EventRate::new(0.0).is_err() && EventRate::new(1e-16).is_err());
        assert!(Hours::new(1e-10).is_err() && Hours::new(2e18).is_err());
        assert!(AtRisk::new(1e-10).is_err() && AtRisk::new(2e18).is_err());
    }

    #[test]
    fn a_negative_zero_is_zero() {
        assert_eq!(Hours::new(-0.0), Ok(Hours::ZERO));
        assert_eq!(AtRisk::new(-0.0), Ok(AtRisk::default()));
        assert_eq!(Measure::new(-0.0), Measure::new(0.0));
    }

    #[test]
    fn every_span_has_its_hours() {
        assert_eq!(Hours::of(Span::hours(3)), Hours(3.0));
        for span in [Span(1), Span(u64::MAX)] {
            assert!(Hours::new(Hours::of(span).get()).is_ok(), "{span}");
        }
        let largest = AtRisk::devices(u64::MAX).get();
        assert!(AtRisk::new(largest).is_ok(), "{largest}");
    }
}
