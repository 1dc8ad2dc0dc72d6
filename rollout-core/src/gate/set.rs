//! All gates of a rollout, evaluated together.
//!
//! Abort is decided on the weighted evidence of all components, pass by each component on its own
//! at its undivided beta: if one build is truly bad on one of them, that one alone must be fooled.
//! Not here: the order of batches, strata and pacing.
//!
//! Invariants: evaluation costs the same for ten devices and for ten million; hard stops come
//! first; one alpha holds for all components.

use super::combine::{Blame, Epoch, Weights};
use super::error::GateError;
use super::failure::FailureGate;
use super::monitor::{Monitor, Reading, Seen, nobody};
use super::rate::{LnE, Proportion, Risk, Weight};
use super::stop::{HardStops, StopCounts};
use super::verdict::{Breach, HoldReason, Need, Verdict};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// One gate with its share of alpha.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Component {
    /// What people call it.
    pub name: String,
    /// Its share of alpha.
    pub weight: Weight,
    /// Its limits.
    pub gate: Monitor,
}

/// Everything a rollout is held against.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GateSet {
    components: Vec<Component>,
    weights: Weights,
    stops: HardStops,
}

/// What all components together say for an abort.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Charge {
    /// What is broken, if anything is: a hard stop first.
    pub breach: Option<Breach>,
    /// Combined evidence for an abort.
    pub ln_e: LnE,
    /// The evidence that aborts, at this epoch.
    pub abort_at: LnE,
    /// Components by decreasing contribution to an abort.
    pub blame: Vec<Blame>,
}

/// What all gates say about one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Evaluation {
    /// The answer of this moment; see [`Verdict::latched`].
    pub verdict: Verdict,
    /// Combined evidence for an abort.
    pub ln_e_abort: LnE,
    /// The evidence that aborts, at this epoch.
    pub abort_at: LnE,
    /// Evidence for a pass, of the component that lacks most.
    pub ln_e_pass: LnE,
    /// The evidence that component passes at.
    pub pass_at: LnE,
    /// The highest rate any component alone proves to be exceeded, at its weight.
    pub lower: Proportion,
    /// The highest rate no component rules out yet.
    pub upper: Proportion,
    /// Matured devices, in all, at which the last component would pass at the share it saw.
    /// `None` if one would not, or if there is no hold.
    pub need: Option<u64>,
    /// Components by decreasing contribution to an abort.
    pub blame: Vec<Blame>,
}

impl GateSet {
    /// Checks and wraps the components, in an order that stays.
    ///
    /// # Errors
    /// [`GateError::NoComponent`], [`GateError::WeightSum`] or [`GateError::AlphaDiffers`].
    pub fn new(components: Vec<Component>, stops: HardStops) -> Result<Self, GateError> {
        let weights = Weights::new(components.iter().map(|component| component.weight).collect())?;
        let alpha = components.first().map(|first| first.gate.alpha());
        match components.iter().find(|component| Some(component.gate.alpha()) != alpha) {
            Some(other) => Err(GateError::AlphaDiffers { name: other.name.clone() }),
            None => Ok(Self { components, weights, stops }),
        }
    }

    /// One failure gate that has all of alpha, named `failure`.
    pub fn single(gate: FailureGate, stops: HardStops) -> Self {
        let (name, gate) = (String::from("failure"), Monitor::from(gate));
        let component = Component { name, weight: Weight::ONE, gate };
        Self { components: vec![component], weights: Weights::single(), stops }
    }

    /// The components, in their order.
    pub fn components(&self) -> &[Component] {
        &self.components
    }

    /// Their weights, in their order.
    pub const fn weights(&self) -> &Weights {
        &self.weights
    }

    /// The hard stops.
    pub const fn stops(&self) -> &HardStops {
        &self.stops
    }

    /// The risk of a false abort over one evidence epoch.
    pub fn alpha(&self, epoch: Epoch) -> Risk {
        epoch.of(self.components[0].gate.alpha())
    }

    /// Holds evidence against every gate, in the order of the components. What failure gates saw
    /// may be given as it is.
    ///
    /// # Panics
    /// If there is not one piece of evidence, of its kind, for each component.
    pub fn evaluate<S: Clone + Into<Seen>>(
        &self,
        epoch: Epoch,
        seen: &[S],
        counts: &StopCounts,
    ) -> Evaluation {
        let seen: Vec<Seen> = seen.iter().cloned().map(Into::into).collect();
        let readings = self.read(&seen);
        let charge = self.charge(epoch, &readings, counts);
        let (verdict, need) = match charge.breach {
            Some(breach) => (Verdict::Abort(breach), None),
            None => self.unless_missing(&readings),
        };
        let (ln_e_pass, pass_at) = readings
            .iter()
            .map(|reading| (reading.ln_e_pass(), reading.pass_at()))
            .min_by(|one, other| {
                (one.0.get() - one.1.get()).total_cmp(&(other.0.get() - other.1.get()))
            })
            .unwrap_or((LnE::ZERO, LnE::ZERO));
        let (lower, upper) = self.bounds(epoch, &readings);
        Evaluation {
            verdict,
            ln_e_abort: charge.ln_e,
            abort_at: charge.abort_at,
            ln_e_pass,
            pass_at,
            lower,
            upper,
            need,
            blame: charge.blame,
        }
    }

    /// Holds evidence against the limits of each component.
    ///
    /// # Panics
    /// If there is not one piece of evidence, of its kind, for each component.
    pub fn read<'a>(&'a self, seen: &'a [Seen]) -> Vec<Reading<'a>> {
        assert_eq!(seen.len(), self.components.len(), "one evidence for each component");
        let parts = self.components.iter().zip(seen);
        let readings: Vec<_> = parts.filter_map(|(part, seen)| part.gate.read(seen).ok()).collect();
        assert_eq!(seen.len(), readings.len(), "evidence is of the kind of its gate");
        readings
    }

    /// The side of an abort: hard stops, then the evidence of all components together.
    ///
    /// # Panics
    /// If there is not one reading for each component.
    pub fn charge(&self, epoch: Epoch, readings: &[Reading<'_>], counts: &StopCounts) -> Charge {
        let abort_at = self.alpha(epoch).ln_threshold();
        let ln_e: Vec<_> = readings.iter().map(Reading::ln_e_abort).collect();
        let counted: Vec<_> = readings.iter().map(Reading::counted).collect();
        let blame = self.weights.blame(&counted);
        let breach = self.stops.breach(counts).or_else(|| {
            let ln_e = self.weights.combine(&counted);
            let component = self.components[blame[0].component].name.clone();
            (ln_e >= abort_at).then_some(Breach::Evidence { component, ln_e, threshold: abort_at })
        });
        Charge { breach, ln_e: self.weights.combine(&ln_e), abort_at, blame }
    }

    /// The highest share a component alone proves to be exceeded, and the highest that one does
    /// not rule out; from 0 to 1 where no component is about a share of devices.
    fn bounds(&self, epoch: Epoch, readings: &[Reading<'_>]) -> (Proportion, Proportion) {
        let alpha = self.alpha(epoch);
        let parts = readings.iter().zip(self.weights.iter());
        parts
            .filter_map(|(reading, weight)| reading.bounds(weight.of(alpha)))
            .reduce(|most, bound| (most.0.max(bound.0), most.1.max(bound.1)))
            .unwrap_or((Proportion::ZERO, Proportion::ONE))
    }

    /// A pass if every gate passes, else a hold and the sample the slowest failure gate would pass
    /// at. What more devices do not help comes first.
    fn unless_missing(&self, readings: &[Reading<'_>]) -> (Verdict, Option<u64>) {
        let parts = self.components.iter().zip(readings);
        let missing: Vec<_> = parts.filter(|(_, reading)| !reading.passes()).collect();
        let Some((first, reading)) = missing.first() else {
            return (Verdict::Pass, None);
        };
        let mut most = None;
        for (part, reading) in &missing {
            match (reading, reading.need()) {
                (Reading::Failure(..), Some(Need::Devices(need))) => most = most.max(Some(need)),
                (_, Some(_)) => {}
                (_, None) if reading.is_empty() => {}
                (_, None) => return (hold(reading.missing(&part.name)), None),
            }
        }
        let reason = match most {
            _ if nobody(readings) => HoldReason::NoData,
            Some(need) => HoldReason::TooFew { need },
            None => reading.missing(&first.name),
        };
        (hold(reason), most)
    }
}

fn hold(reason: HoldReason) -> Verdict {
    Verdict::Hold(reason)
}
