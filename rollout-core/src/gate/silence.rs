//! Silence as evidence: when a device that is not heard of is overdue, and what that is held
//! against.
//!
//! By default an overdue device is a bad outcome of the failure gate and nothing of this is used
//! but the deadline. As a gate of its own, silence is held against a limit, or better against
//! controls with the same deadline that checked in at the same time, because some devices always go
//! dark. Not here: clocks. Deadlines run on service time, which the caller extends by our outages
//! and by poll delays we asked for; they are fixed before exposure.
//!
//! Invariant: a deadline depends on what a device did on the old version alone.

use super::cadence::Cadence;
use super::error::GateError;
use super::failure::FailureGate;
use super::rate::{Proportion, Rate, Risk};
use super::two_arm::TwoArmGate;
use crate::time::Span;

/// What a new version may add to the share of devices that goes dark anyway.
//= gates §7: baseline dark rate + 0.5 %
const ADDED: f64 = 0.005;
/// The least a share of dark devices is expected to be, where none was seen.
const LEAST_EXPECTED: f64 = 1e-4;

/// When a device is overdue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Patience {
    intervals: u64,
    at_least: Span,
}

impl Default for Patience {
    /// Three usual gaps, an hour at least.
    //= gates §7: k = 3, D_min = 1 h
    fn default() -> Self {
        Self { intervals: 3, at_least: Span::hours(1) }
    }
}

impl Patience {
    /// `intervals` usual check-in gaps may pass, never fewer than `at_least` milliseconds.
    ///
    /// # Errors
    /// [`GateError::NoPatience`] if either is 0.
    pub fn new(intervals: u64, at_least: Span) -> Result<Self, GateError> {
        if intervals == 0 || at_least == Span::ZERO {
            return Err(GateError::NoPatience { intervals, at_least });
        }
        Ok(Self { intervals, at_least })
    }

    /// How long a device with these gaps may stay silent. Until it has a cadence of its own,
    /// `class` is what devices of its class usually take.
    //= gates §7: D = max(D_min, k * q)
    pub fn deadline(&self, cadence: &Cadence, class: Span) -> Span {
        let usual = cadence.percentile_95().unwrap_or(class);
        Span(usual.0.saturating_mul(self.intervals)).max(self.at_least)
    }
}

/// What silence is held against, where it is a gate of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SilenceGate {
    /// A share of devices.
    Limit(FailureGate),
    /// Devices on the old version.
    Control(TwoArmGate),
}

impl SilenceGate {
    /// Against a limit: half a percent more than the share that goes dark on the old version.
    ///
    /// # Errors
    /// [`GateError::RateOutside`] if that, or twice that, is all devices.
    pub fn against_limit(dark: Proportion, alpha: Risk, beta: Risk) -> Result<Self, GateError> {
        let p_max = Rate::new(dark.get() + ADDED)?;
        FailureGate::new(p_max, p_max.doubled()?, alpha, beta, 1).map(Self::Limit)
    }

    /// Against controls, of which the share `dark` is expected to fall silent as well.
    ///
    /// # Errors
    /// [`GateError::RateOutside`] if all are expected to.
    pub fn against_control(dark: Proportion) -> Result<Self, GateError> {
        let expected = Rate::new(dark.get().max(LEAST_EXPECTED))?;
        Ok(Self::Control(TwoArmGate::expecting(expected)))
    }
}
