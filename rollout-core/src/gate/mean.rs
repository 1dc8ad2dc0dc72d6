//! The mean gate: a share measured on each device, such as its time offline, against a limit.
//!
//! Each value is a bet on whether the mean lies beyond the limit; only the mean given the past
//! matters, no other assumption is made. Not here: what is measured and how it is scaled to 0..1.
//! The caller feeds devices in order of maturity, each once.
//!
//! Invariant: no bet can lose everything, so evidence is a finite number.

use super::bets::Bets;
use super::error::GateError;
use super::failure::NEED_LIMIT;
use super::rate::{LnE, Proportion, Rate, Risk};
use super::ratio::Total;

/// Fractions of what is at stake that the bets put on each value.
//= gates §6
const FRACTIONS: [f64; 8] = [0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.9];

/// Limits and risks of a mean gate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MeanGate {
    m_abort: Rate,
    m_pass: Rate,
    alpha: Risk,
    beta: Risk,
}

/// What all values so far say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct MeanEvidence {
    abort: Bets<8>,
    pass: Bets<8>,
    devices: u64,
    sum: Total,
}

impl MeanEvidence {
    /// From stored parts: the sums of both sides, how many values there were, and their sum.
    pub const fn from_parts(abort: Bets<8>, pass: Bets<8>, devices: u64, sum: Total) -> Self {
        Self { abort, pass, devices, sum }
    }

    /// Sums of the abort side, by fraction.
    pub const fn abort(&self) -> &Bets<8> {
        &self.abort
    }

    /// Sums of the pass side, by fraction.
    pub const fn pass(&self) -> &Bets<8> {
        &self.pass
    }

    /// How many devices were measured.
    pub const fn devices(&self) -> u64 {
        self.devices
    }

    /// The sum of all values.
    pub const fn sum(&self) -> Total {
        self.sum
    }

    /// The mean so far; `None` without a value.
    pub fn mean(&self) -> Option<Proportion> {
        (self.devices > 0).then(|| Proportion::rounded(self.sum.get() / self.devices as f64))
    }

    /// Takes over evidence of other devices.
    pub fn absorb(&mut self, other: &Self) {
        self.abort.absorb(&other.abort);
        self.pass.absorb(&other.pass);
        self.devices = self.devices.saturating_add(other.devices);
        self.sum = self.sum.plus(other.sum.get());
    }
}

impl MeanGate {
    /// Checks and wraps the limits: a mean up to `m_abort` is not aborted, one from `m_pass` on
    /// does not pass.
    ///
    /// # Errors
    /// [`GateError::MeansCross`] unless `m_abort <= m_pass`.
    pub fn new(m_abort: Rate, m_pass: Rate, alpha: Risk, beta: Risk) -> Result<Self, GateError> {
        if m_pass < m_abort {
            return Err(GateError::MeansCross { m_abort, m_pass });
        }
        Ok(Self { m_abort, m_pass, alpha, beta })
    }

    /// The highest mean that is promised not to be aborted.
    pub const fn m_abort(&self) -> Rate {
        self.m_abort
    }

    /// The lowest mean that is promised not to pass.
    pub const fn m_pass(&self) -> Rate {
        self.m_pass
    }

    /// The chance of aborting a build within `m_abort`.
    pub const fn alpha(&self) -> Risk {
        self.alpha
    }

    /// The chance of passing a build from `m_pass` on.
    pub const fn beta(&self) -> Risk {
        self.beta
    }

    /// Adds the value of one more matured device.
    pub fn record(&self, seen: &mut MeanEvidence, value: Proportion) {
        let (abort, pass) = (self.m_abort.get(), self.m_pass.get());
        let (above, below) = ((value.get() - abort) / abort, (value.get() - pass) / (1.0 - pass));
        seen.abort.add(|place| libm::log1p(FRACTIONS[place] * above));
        seen.pass.add(|place| libm::log1p(-FRACTIONS[place] * below));
        seen.devices = seen.devices.saturating_add(1);
        seen.sum = seen.sum.plus(value.get());
    }

    /// Evidence that the mean is above `m_abort`. 0 without data.
    pub fn ln_e_abort(&self, seen: &MeanEvidence) -> LnE {
        seen.abort.ln_e()
    }

    /// Evidence that the mean is below `m_pass`. 0 without data.
    pub fn ln_e_pass(&self, seen: &MeanEvidence) -> LnE {
        seen.pass.ln_e()
    }

    /// Devices, in all, at which this passes if values go on as they did; before there is any, if
    /// all are 0. `None` beyond [`NEED_LIMIT`].
    pub fn need(&self, seen: &MeanEvidence) -> Option<u64> {
        let threshold = self.beta.ln_threshold();
        if seen.devices > 0 {
            return seen.pass.need(seen.devices, threshold, NEED_LIMIT);
        }
        let mut best = MeanEvidence::default();
        self.record(&mut best, Proportion::ZERO);
        best.pass.need(1, threshold, NEED_LIMIT)
    }

    /// Whether a batch too small to prove anything may go on unproven: a sum at most one device
    /// above what `m_pass` explains. Without any guarantee.
    pub fn is_quiet(&self, seen: &MeanEvidence) -> bool {
        seen.sum.get() <= 1.0 + self.m_pass.get() * seen.devices as f64
    }
}
