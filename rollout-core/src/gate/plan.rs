//! What a rollout is held against: metrics, over the whole fleet and each stratum, since the start
//! and in each batch.
//!
//! A statistic over everything that ever happened is slow to notice a change: after fifty thousand
//! good devices it takes fourteen thousand more to tell that one in twenty is bad. So each batch
//! has an e-process of its own as well, which starts from nothing, and so has each stratum. All of
//! them are bets with one purse: their weights are fixed before the rollout and sum to 1. Not here:
//! evidence ([`super::cells`]), what it says ([`super::standing`]), and which devices are of which
//! stratum.
//!
//! Invariant: for one metric, half of its share goes to the fleet and half to the strata alike;
//! within each, half to everything so far and half to the planned batches alike.

use super::combine::Epoch;
use super::error::GateError;
use super::monitor::Monitor;
use super::operating::n95;
use super::pacing::{LARGEST, lost_alone};
use super::rate::{Proportion, Weight};
use super::set::{Component, GateSet};
use super::stop::HardStops;
use crate::rollout::{RungIndex, StratumId};
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Most components of a plan: a look at all of them stays within milliseconds.
pub const COMPONENTS: usize = 1 << 14;
/// How far the search for the size that proves looks, in devices.
const PROOF_DEVICES: u64 = 200_000;

/// Something that devices are measured by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Metric {
    /// What people call it.
    pub name: String,
    /// Its limits.
    pub gate: Monitor,
    /// Its share of alpha; `None` for all metrics to share equally.
    pub weight: Option<Weight>,
}

/// Devices that are alike, such as those of one model in one region.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Stratum {
    /// Its number.
    pub id: StratumId,
    /// What people call it.
    pub name: String,
}

/// Which devices a component looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// Those of one stratum; `None` for the fleet.
    pub stratum: Option<StratumId>,
    /// Those let in by one rung; `None` for all so far.
    pub batch: Option<RungIndex>,
}

impl Scope {
    /// Everything.
    pub const FLEET: Self = Self { stratum: None, batch: None };
}

/// All that a rollout is held against, with a share of alpha for each part of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GatePlan {
    metrics: Vec<Metric>,
    strata: Vec<Stratum>,
    batches: u16,
    scopes: Vec<Scope>,
    set: GateSet,
    /// For each metric the size of a group that can count on a proof, where that is known.
    likely: Vec<Option<u64>>,
}

impl GatePlan {
    /// Checks a plan of so many batches. Without strata, or with a single one, the fleet is all
    /// there is; with a single batch there is nothing but everything so far.
    ///
    /// # Errors
    /// [`GateError::NoComponent`] without a metric, [`GateError::NoBatch`],
    /// [`GateError::TwoAlike`] for a name or number that is there twice,
    /// [`GateError::SomeWeights`], [`GateError::WeightSum`], [`GateError::AlphaDiffers`], and
    /// [`GateError::TooManyComponents`].
    pub fn new(
        metrics: Vec<Metric>,
        strata: Vec<Stratum>,
        batches: u16,
        stops: HardStops,
    ) -> Result<Self, GateError> {
        if batches == 0 {
            return Err(GateError::NoBatch);
        }
        check_names(&metrics, &strata)?;
        let weighted = metrics.iter().filter(|metric| metric.weight.is_some()).count();
        if weighted != 0 && weighted != metrics.len() {
            return Err(GateError::SomeWeights { weighted, metrics: metrics.len() });
        }
        let parts = parts(&strata, batches);
        let components = parts.len().saturating_mul(metrics.len());
        if components > COMPONENTS {
            return Err(GateError::TooManyComponents { have: components, most: COMPONENTS });
        }
        let (equal, named) = (1.0 / metrics.len() as f64, &strata);
        let components = metrics.iter().flat_map(|metric| {
            let share = metric.weight.map_or(equal, Weight::get);
            parts.iter().map(move |(scope, weight)| Component {
                name: name_of(&metric.name, named, *scope),
                weight: Weight(share * weight),
                gate: metric.gate.clone(),
            })
        });
        let set = GateSet::new(components.collect(), stops)?;
        let likely = metrics.iter().map(|metric| likely_proof(&metric.gate)).collect();
        let scopes = parts.iter().map(|(scope, _)| *scope).collect();
        Ok(Self { metrics, strata, batches, scopes, set, likely })
    }

    /// The metrics, in their order.
    pub fn metrics(&self) -> &[Metric] {
        &self.metrics
    }

    /// The strata, in their order.
    pub fn strata(&self) -> &[Stratum] {
        &self.strata
    }

    /// How many batches are planned.
    pub const fn batches(&self) -> u16 {
        self.batches
    }

    /// All components with their weights: for each metric in order, each of [`GatePlan::scopes`].
    pub const fn set(&self) -> &GateSet {
        &self.set
    }

    /// What each metric is looked at over: the fleet since the start first.
    pub fn scopes(&self) -> &[Scope] {
        &self.scopes
    }

    /// The place of a component in the set; `None` for a metric or scope that has none.
    pub fn place(&self, metric: usize, scope: Scope) -> Option<usize> {
        let within = self.scopes.iter().position(|known| *known == scope)?;
        (metric < self.metrics.len()).then_some(metric * self.scopes.len() + within)
    }

    /// Devices from which on a group can count on a proof by this metric; `None` where none can, or
    /// where it depends on more than a number of devices.
    pub fn likely_proof(&self, metric: usize) -> Option<u64> {
        self.likely.get(metric).copied().flatten()
    }

    /// The smallest number of devices whose failures alone abort, wherever they happen and
    /// whichever metric that counts failures sees them: by what the fleet showed of it since the
    /// start, with nothing from any other component. Without such a metric it is 2^40.
    pub fn min_budget(&self, epoch: Epoch) -> u64 {
        let alpha = self.set.alpha(epoch);
        let fleets = self.set.components().iter().step_by(self.scopes.len());
        fleets.filter_map(|part| lost_alone(part, alpha)).max().unwrap_or(LARGEST)
    }
}

fn check_names(metrics: &[Metric], strata: &[Stratum]) -> Result<(), GateError> {
    let mut names = BTreeSet::new();
    if let Some(twice) = metrics.iter().find(|metric| !names.insert(&metric.name)) {
        return Err(GateError::TwoAlike { what: "metrics", name: twice.name.clone() });
    }
    let (mut names, mut ids) = (BTreeSet::new(), BTreeSet::new());
    let twice =
        strata.iter().find(|stratum| !names.insert(&stratum.name) || !ids.insert(stratum.id));
    match twice {
        Some(twice) => Err(GateError::TwoAlike { what: "strata", name: twice.name.clone() }),
        None => Ok(()),
    }
}

/// What one metric is looked at over, each with its part of the metric's share.
//= gates §8: 1/2 fleet-wide, 1/2 split over strata; within each 1/2 cumulative, 1/2 over batches
fn parts(strata: &[Stratum], batches: u16) -> Vec<(Scope, f64)> {
    // A single stratum is the fleet, a single batch is everything so far: the same evidence twice
    // would be the same bet twice.
    let strata = if strata.len() > 1 { strata } else { &[] };
    let (fleet, stratum) = match strata.len() {
        0 => (1.0, 0.0),
        count => (0.5, 0.5 / count as f64),
    };
    let groups =
        core::iter::once((None, fleet)).chain(strata.iter().map(|known| (Some(known.id), stratum)));
    let mut parts = Vec::new();
    for (stratum, share) in groups {
        if batches == 1 {
            parts.push((Scope { stratum, batch: None }, share));
            continue;
        }
        parts.push((Scope { stratum, batch: None }, 0.5 * share));
        let each = 0.5 * share / f64::from(batches);
        let rungs = (0..batches).map(|rung| Some(RungIndex(rung)));
        parts.extend(rungs.map(|batch| (Scope { stratum, batch }, each)));
    }
    parts
}

/// The name of a component: `failure`, `failure, v960/eu`, `failure, rung 3`, or both places.
fn name_of(metric: &str, strata: &[Stratum], scope: Scope) -> String {
    let mut name = String::from(metric);
    let stratum = strata.iter().find(|stratum| Some(stratum.id) == scope.stratum);
    if let Some(stratum) = stratum {
        name.push_str(", ");
        name.push_str(&stratum.name);
    }
    if let Some(RungIndex(rung)) = scope.batch {
        name.push_str(&format!(", rung {}", u32::from(rung) + 1));
    }
    name
}

/// The size at which a build at half the allowed rate is decided in 95 of 100 runs.
//= design 4.3: too small below n95(p_max/2)
fn likely_proof(gate: &Monitor) -> Option<u64> {
    match gate {
        Monitor::Failure(gate) => {
            let half = Proportion::rounded(gate.p_max().get() / 2.0);
            n95(gate, half, PROOF_DEVICES)
        }
        Monitor::TwoArm(_) | Monitor::Count(_) | Monitor::Hazard(_) | Monitor::Mean(_) => None,
    }
}
