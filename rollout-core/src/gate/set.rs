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
use super::evidence::Evidence;
use super::failure::FailureGate;
use super::operating::smallest_proof;
use super::rate::{LnE, Proportion, Risk, Weight};
use super::stop::{HardStops, StopCounts};
use super::verdict::{Breach, HoldReason, Verdict};
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
    pub gate: FailureGate,
}

/// Everything a rollout is held against.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GateSet {
    components: Vec<Component>,
    weights: Weights,
    stops: HardStops,
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
        let component = Component { name: String::from("failure"), weight: Weight::ONE, gate };
        Self { components: vec![component], weights: Weights::single(), stops }
    }

    /// The components, in their order.
    pub fn components(&self) -> &[Component] {
        &self.components
    }

    /// The hard stops.
    pub const fn stops(&self) -> &HardStops {
        &self.stops
    }

    /// The risk of a false abort over one evidence epoch.
    pub fn alpha(&self, epoch: Epoch) -> Risk {
        epoch.of(self.components[0].gate.alpha())
    }

    /// Holds counters against every gate. `evidence` is in the order of the components.
    ///
    /// # Panics
    /// If there is not one evidence for each component.
    pub fn evaluate(&self, epoch: Epoch, evidence: &[Evidence], counts: &StopCounts) -> Evaluation {
        assert_eq!(evidence.len(), self.components.len(), "one evidence for each component");
        let seen = || self.components.iter().map(|part| &part.gate).zip(evidence.iter().copied());
        let abort_at = self.alpha(epoch).ln_threshold();
        let ln_e: Vec<_> = seen().map(|(gate, seen)| gate.ln_e_abort(seen.for_abort())).collect();
        let counted: Vec<_> = seen().zip(&ln_e).map(|(part, ln_e)| counted(part, *ln_e)).collect();
        let blame = self.weights.blame(&counted);
        let breach = self.stops.breach(counts).or_else(|| {
            let ln_e = self.weights.combine(&counted);
            let component = self.components[blame[0].component].name.clone();
            (ln_e >= abort_at).then_some(Breach::Evidence { component, ln_e, threshold: abort_at })
        });
        let (verdict, need) = match breach {
            Some(breach) => (Verdict::Abort(breach), None),
            None => self.unless_missing(evidence),
        };
        let (ln_e_pass, pass_at) = seen()
            .map(|(gate, seen)| (gate.ln_e_pass(seen.for_pass()), gate.beta().ln_threshold()))
            .min_by(|one, other| {
                (one.0.get() - one.1.get()).total_cmp(&(other.0.get() - other.1.get()))
            })
            .unwrap_or((LnE::ZERO, LnE::ZERO));
        let bounds = seen().zip(self.weights.iter()).map(|((gate, seen), weight)| {
            let alone = gate.with_alpha(weight.of(self.alpha(epoch)));
            (alone.lower(seen.for_abort()), gate.upper(seen.for_pass()))
        });
        let (lower, upper) = bounds.fold((Proportion::ZERO, Proportion::ZERO), |most, bound| {
            (most.0.max(bound.0), most.1.max(bound.1))
        });
        Evaluation {
            verdict,
            ln_e_abort: self.weights.combine(&ln_e),
            abort_at,
            ln_e_pass,
            pass_at,
            lower,
            upper,
            need,
            blame,
        }
    }

    /// A pass if every gate passes, else a hold and the sample the slowest gate would pass at.
    fn unless_missing(&self, evidence: &[Evidence]) -> (Verdict, Option<u64>) {
        let parts = self.components.iter().zip(evidence);
        let mut missing = parts
            .map(|(part, seen)| (&part.gate, seen.for_pass()))
            .filter(|(gate, matured)| !gate.passes(*matured))
            .map(|(gate, matured)| (gate.need(matured), gate, matured))
            .peekable();
        if missing.peek().is_none() {
            return (Verdict::Pass, None);
        }
        let mut most = 0;
        for (need, gate, matured) in missing {
            match (need, matured.share()) {
                (Some(need), _) => most = most.max(need),
                (None, Some(rate)) => return (hold(HoldReason::Indifferent { rate }), None),
                (None, None) => most = most.max(smallest_proof(gate).unwrap_or(u64::MAX)),
            }
        }
        let nobody = evidence.iter().all(|seen| seen.exposed() == 0);
        let reason = if nobody { HoldReason::NoData } else { HoldReason::TooFew { need: most } };
        (hold(reason), Some(most))
    }
}

fn hold(reason: HoldReason) -> Verdict {
    Verdict::Hold(reason)
}

/// What a component's evidence counts for: one with too few failures bets nothing on an abort,
/// but keeps what it lost.
fn counted((gate, seen): (&FailureGate, Evidence), ln_e: LnE) -> LnE {
    let enough = seen.for_abort().bad() >= gate.min_failures();
    if enough { ln_e } else { ln_e.min(LnE::ZERO) }
}
