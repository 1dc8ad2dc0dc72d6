//! One interface to gates of every kind: limits, what was seen, and what the two say together.
//!
//! Not here: how many gates share one risk ([`super::combine`]) and what a rollout does about a
//! verdict; latching is outside. Invariant: limits are read with evidence of their own kind only.

use super::count::{CountGate, EventEvidence};
use super::error::GateError;
use super::evidence::Evidence;
use super::failure::FailureGate;
use super::hazard::{HazardEvidence, HazardGate};
use super::mean::{MeanEvidence, MeanGate};
use super::operating::smallest_proof;
use super::rate::{LnE, Proportion, Risk};
use super::silence::SilenceGate;
use super::two_arm::{TwoArmEvidence, TwoArmGate};
use super::verdict::{Breach, HoldReason, Need, Verdict};
use alloc::string::String;
use core::hash::{Hash, Hasher};

/// Limits and risks of a gate of any kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Monitor {
    /// Good or bad devices against two rates; silence and quantiles are of this kind too.
    Failure(FailureGate),
    /// Good or bad devices against controls.
    TwoArm(TwoArmGate),
    /// Events by device-hour against two rates.
    Count(CountGate),
    /// Events against those of controls.
    Hazard(HazardGate),
    /// A measured share against two means.
    Mean(MeanGate),
}

/// Feeds no kind for a failure gate: gate sets from before there were others keep their hash.
impl Hash for Monitor {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Failure(gate) => gate.hash(state),
            Self::TwoArm(gate) => (1_u8, gate).hash(state),
            Self::Count(gate) => (2_u8, gate).hash(state),
            Self::Hazard(gate) => (3_u8, gate).hash(state),
            Self::Mean(gate) => (4_u8, gate).hash(state),
        }
    }
}

macro_rules! kinds {
    ($($kind:ident: $gate:ident, $seen:ident;)*) => {
        $(
            impl From<$gate> for Monitor {
                fn from(gate: $gate) -> Self {
                    Self::$kind(gate)
                }
            }

            impl From<$seen> for Seen {
                fn from(seen: $seen) -> Self {
                    Self::$kind(seen)
                }
            }
        )*
    };
}

kinds! {
    Failure: FailureGate, Evidence;
    TwoArm: TwoArmGate, TwoArmEvidence;
    Count: CountGate, EventEvidence;
    Hazard: HazardGate, HazardEvidence;
    Mean: MeanGate, MeanEvidence;
}

impl From<SilenceGate> for Monitor {
    fn from(gate: SilenceGate) -> Self {
        match gate {
            SilenceGate::Limit(gate) => Self::Failure(gate),
            SilenceGate::Control(gate) => Self::TwoArm(gate),
        }
    }
}

/// What a gate of any kind has seen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Seen {
    /// For [`Monitor::Failure`].
    Failure(Evidence),
    /// For [`Monitor::TwoArm`].
    TwoArm(TwoArmEvidence),
    /// For [`Monitor::Count`].
    Count(EventEvidence),
    /// For [`Monitor::Hazard`].
    Hazard(HazardEvidence),
    /// For [`Monitor::Mean`].
    Mean(MeanEvidence),
}

impl Seen {
    /// Takes over what other devices showed: another batch, another stratum.
    ///
    /// # Errors
    /// [`GateError::Contradiction`] for evidence of another kind.
    pub fn absorb(&mut self, other: &Self) -> Result<(), GateError> {
        match (self, other) {
            (Self::Failure(sum), Self::Failure(more)) => *sum = sum.plus(*more),
            (Self::TwoArm(sum), Self::TwoArm(more)) => sum.absorb(more),
            (Self::Count(sum), Self::Count(more)) => sum.absorb(*more),
            (Self::Hazard(sum), Self::Hazard(more)) => sum.absorb(more),
            (Self::Mean(sum), Self::Mean(more)) => sum.absorb(more),
            (_, _) => return Err(OF_ANOTHER_KIND),
        }
        Ok(())
    }
}

const OF_ANOTHER_KIND: GateError =
    GateError::Contradiction { rule: "evidence is of the kind of its gate" };

/// Limits together with what was seen.
#[derive(Clone, Copy, Debug)]
pub enum Reading<'a> {
    /// See [`Monitor::Failure`].
    Failure(&'a FailureGate, Evidence),
    /// See [`Monitor::TwoArm`].
    TwoArm(&'a TwoArmGate, &'a TwoArmEvidence),
    /// See [`Monitor::Count`].
    Count(&'a CountGate, EventEvidence),
    /// See [`Monitor::Hazard`].
    Hazard(&'a HazardGate, &'a HazardEvidence),
    /// See [`Monitor::Mean`].
    Mean(&'a MeanGate, &'a MeanEvidence),
}

impl Monitor {
    /// The chance of aborting a build within the limit.
    pub const fn alpha(&self) -> Risk {
        match self {
            Self::Failure(gate) => gate.alpha(),
            Self::TwoArm(gate) => gate.alpha(),
            Self::Count(gate) => gate.alpha(),
            Self::Hazard(gate) => gate.alpha(),
            Self::Mean(gate) => gate.alpha(),
        }
    }

    /// The chance of passing a build that is unacceptable.
    pub const fn beta(&self) -> Risk {
        match self {
            Self::Failure(gate) => gate.beta(),
            Self::TwoArm(gate) => gate.beta(),
            Self::Count(gate) => gate.beta(),
            Self::Hazard(gate) => gate.beta(),
            Self::Mean(gate) => gate.beta(),
        }
    }

    /// The evidence it passes at: beta is never divided.
    pub fn pass_at(&self) -> LnE {
        self.beta().ln_threshold()
    }

    /// What it has seen before anything happened.
    pub fn nothing(&self) -> Seen {
        match self {
            Self::Failure(_) => Seen::Failure(Evidence::default()),
            Self::TwoArm(_) => Seen::TwoArm(TwoArmEvidence::default()),
            Self::Count(_) => Seen::Count(EventEvidence::default()),
            Self::Hazard(_) => Seen::Hazard(HazardEvidence::default()),
            Self::Mean(_) => Seen::Mean(MeanEvidence::default()),
        }
    }

    /// Holds evidence against the limits.
    ///
    /// # Errors
    /// [`GateError::Contradiction`] for evidence of another kind.
    pub const fn read<'a>(&'a self, seen: &'a Seen) -> Result<Reading<'a>, GateError> {
        Ok(match (self, seen) {
            (Self::Failure(gate), Seen::Failure(seen)) => Reading::Failure(gate, *seen),
            (Self::TwoArm(gate), Seen::TwoArm(seen)) => Reading::TwoArm(gate, seen),
            (Self::Count(gate), Seen::Count(seen)) => Reading::Count(gate, *seen),
            (Self::Hazard(gate), Seen::Hazard(seen)) => Reading::Hazard(gate, seen),
            (Self::Mean(gate), Seen::Mean(seen)) => Reading::Mean(gate, seen),
            (_, _) => return Err(OF_ANOTHER_KIND),
        })
    }
}

impl Reading<'_> {
    /// Evidence that the build is worse than allowed. 0 without data.
    pub fn ln_e_abort(&self) -> LnE {
        match self {
            Self::Failure(gate, seen) => gate.ln_e_abort(seen.for_abort()),
            Self::TwoArm(gate, seen) => gate.ln_e_abort(seen),
            Self::Count(gate, seen) => gate.ln_e_abort(seen.for_abort()),
            Self::Hazard(gate, seen) => gate.ln_e_abort(seen),
            Self::Mean(gate, seen) => gate.ln_e_abort(seen),
        }
    }

    /// What counts towards an abort: with fewer failures than a gate asks for it bets nothing, but
    /// keeps what it lost.
    pub fn counted(&self) -> LnE {
        let ln_e = self.ln_e_abort();
        match self {
            Self::Failure(gate, seen) if seen.for_abort().bad() < gate.min_failures() => {
                ln_e.min(LnE::ZERO)
            }
            Self::Failure(..) | Self::TwoArm(..) | Self::Count(..) => ln_e,
            Self::Hazard(..) | Self::Mean(..) => ln_e,
        }
    }

    /// Evidence that the build is not unacceptable. 0 without data.
    pub fn ln_e_pass(&self) -> LnE {
        match self {
            Self::Failure(gate, seen) => gate.ln_e_pass(seen.for_pass()),
            Self::TwoArm(gate, seen) => gate.ln_e_pass(seen),
            Self::Count(gate, seen) => gate.ln_e_pass(seen.for_pass()),
            Self::Hazard(gate, seen) => gate.ln_e_pass(seen),
            Self::Mean(gate, seen) => gate.ln_e_pass(seen),
        }
    }

    /// The evidence it passes at.
    pub fn pass_at(&self) -> LnE {
        let beta = match self {
            Self::Failure(gate, _) => gate.beta(),
            Self::TwoArm(gate, _) => gate.beta(),
            Self::Count(gate, _) => gate.beta(),
            Self::Hazard(gate, _) => gate.beta(),
            Self::Mean(gate, _) => gate.beta(),
        };
        beta.ln_threshold()
    }

    /// Whether the build is proven not to be unacceptable.
    pub fn passes(&self) -> bool {
        match self {
            Self::Failure(gate, seen) => gate.passes(seen.for_pass()),
            Self::Count(gate, seen) => gate.passes(seen.for_pass()),
            Self::TwoArm(..) | Self::Hazard(..) | Self::Mean(..) => {
                self.ln_e_pass() >= self.pass_at()
            }
        }
    }

    /// How much must have been seen, in all, to pass if it goes on as it did; `None` if more of it
    /// proves nothing soon. Of a comparison that has seen no event it is not known either.
    pub fn need(&self) -> Option<Need> {
        match self {
            Self::Failure(gate, seen) => need_of_failure(gate, *seen).map(Need::Devices),
            Self::TwoArm(gate, seen) => gate.need(seen).map(Need::Devices),
            Self::Count(gate, seen) => gate.need(seen.for_pass()).map(Need::Hours),
            Self::Hazard(gate, seen) => gate.need(seen).map(Need::Events),
            Self::Mean(gate, seen) => gate.need(seen).map(Need::Devices),
        }
    }

    /// The need in devices, if each goes on to bring what each of `matured` ones brought so far.
    /// `None` as above.
    pub fn devices_needed(&self, matured: u64) -> Option<u64> {
        let scaled = |need: u64, have: f64| {
            let devices = libm::ceil(matured as f64 * need as f64 / have);
            if devices < (1_u64 << 53) as f64 { devices as u64 } else { u64::MAX }
        };
        match (self, self.need()?) {
            (_, Need::Devices(need)) => Some(need),
            (Self::Hazard(_, seen), Need::Events(need)) => Some(scaled(need, seen.events() as f64)),
            (Self::Count(_, seen), Need::Hours(need)) => {
                let hours = seen.for_pass().hours().get();
                (hours > 0.0).then(|| scaled(need, hours))
            }
            (_, Need::Events(_) | Need::Hours(_)) => None,
        }
    }

    /// Whether nothing at all was seen that could count.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Failure(_, seen) => seen.exposed() == 0,
            Self::TwoArm(_, seen) => seen.canary().total() == 0,
            Self::Count(_, seen) => *seen == EventEvidence::default(),
            Self::Hazard(_, seen) => seen.events() == 0,
            Self::Mean(_, seen) => seen.devices() == 0,
        }
    }

    /// Whether a batch too small to prove anything may go on unproven. Without any guarantee; the
    /// caller labels it so and has seen every permitted device mature.
    pub fn is_quiet(&self) -> bool {
        match self {
            Self::Failure(gate, seen) => gate.is_quiet(seen.for_pass()),
            Self::TwoArm(gate, seen) => gate.is_quiet(seen),
            Self::Count(gate, seen) => gate.is_quiet(seen.for_pass()),
            Self::Hazard(gate, seen) => gate.is_quiet(seen),
            Self::Mean(gate, seen) => gate.is_quiet(seen),
        }
    }

    /// The bad shares that are not ruled out, at this risk below and at beta above; `None` for a
    /// gate that is not about a share of devices.
    pub fn bounds(&self, alpha: Risk) -> Option<(Proportion, Proportion)> {
        match self {
            Self::Failure(gate, seen) => {
                let alone = gate.with_alpha(alpha);
                Some((alone.lower(seen.for_abort()), gate.upper(seen.for_pass())))
            }
            Self::TwoArm(..) | Self::Count(..) | Self::Hazard(..) | Self::Mean(..) => None,
        }
    }

    /// Why this does not pass, for a component of this name.
    pub fn missing(&self, component: &str) -> HoldReason {
        let component = String::from(component);
        match (self, self.need()) {
            (Self::Failure(..), Some(Need::Devices(need))) => HoldReason::TooFew { need },
            (Self::Failure(_, seen), None) => {
                let rate = seen.for_pass().share().unwrap_or(Proportion::ZERO);
                HoldReason::Indifferent { rate }
            }
            (Self::TwoArm(_, seen), _) if seen.is_alone() => HoldReason::NoControl { component },
            (Self::Hazard(_, seen), _) if seen.events() == 0 => HoldReason::NoEvents { component },
            (_, Some(need)) => HoldReason::Short { component, need },
            (_, None) => HoldReason::NotSoon { component },
        }
    }

    /// What this gate alone says at risk `alpha`, for a component of this name.
    pub fn verdict(&self, component: &str, alpha: Risk) -> Verdict {
        let (ln_e, threshold) = (self.counted(), alpha.ln_threshold());
        if ln_e >= threshold {
            let component = String::from(component);
            return Verdict::Abort(Breach::Evidence { component, ln_e, threshold });
        }
        if self.passes() {
            return Verdict::Pass;
        }
        let nobody = nobody(core::slice::from_ref(self));
        Verdict::Hold(if nobody { HoldReason::NoData } else { self.missing(component) })
    }
}

/// Whether nobody is exposed yet. Where there is no event nobody may be, or all may be well.
pub(super) fn nobody(readings: &[Reading<'_>]) -> bool {
    let tells = |reading: &Reading<'_>| !matches!(reading, Reading::Hazard(..));
    readings.iter().all(Reading::is_empty) && readings.iter().any(tells)
}

/// Without an outcome it is what would do without a failure, however much that is.
fn need_of_failure(gate: &FailureGate, seen: Evidence) -> Option<u64> {
    let matured = seen.for_pass();
    let unseen = || (matured.total() == 0).then(|| smallest_proof(gate).unwrap_or(u64::MAX));
    gate.need(matured).or_else(unseen)
}
