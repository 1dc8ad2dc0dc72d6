//! What the evidence of a plan says: abort, or which parts of the fleet are proven.
//!
//! An abort rests on all components together. A pass is asked of each metric on its own, at its
//! undivided beta: for the fleet, and for every stratum that is a large part of what comes next.
//! Strata that are not proven may be left out, so that the others go on. Not here: latching, reach
//! and baking, which a rollout adds.
//!
//! Invariant: quiet is never proven. It is for groups that their size keeps from a proof, once all
//! their devices have come to something, and carries no guarantee.

use super::cells::EvidenceCells;
use super::combine::Epoch;
use super::error::GateError;
use super::monitor::{Monitor, Reading};
use super::plan::{GatePlan, Scope};
use super::rate::LnE;
use super::set::Charge;
use super::stop::StopCounts;
use super::verdict::{HoldReason, Need, Verdict};
use crate::rollout::StratumId;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

/// The share of the next batch, in basis points, from which on a stratum must be proven.
//= gates §8: >= 5 % of the next stage
pub const LARGE_BP: u64 = 500;

/// How many devices a group has in the rungs opened so far, reachable ones only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Extent {
    /// By stratum.
    pub strata: BTreeMap<StratumId, u64>,
    /// Of all strata, planned or not.
    pub fleet: u64,
}

/// How a group of devices stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Every metric passes.
    Proven,
    /// Too small for a proof, or nothing happened that one could rest on; nothing stands out. No
    /// guarantee.
    Quiet,
    /// Neither.
    Unproven {
        /// The first metric that lacks something.
        metric: String,
        /// What it lacks.
        reason: HoldReason,
    },
}

/// What a metric says of the whole fleet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MetricStanding {
    /// Its name.
    pub metric: String,
    /// Evidence for a pass.
    pub ln_e_pass: LnE,
    /// The evidence it passes at.
    pub pass_at: LnE,
    /// Whether it passes.
    pub passes: bool,
    /// How much must have been seen, in all; `None` if more proves nothing soon.
    pub need: Option<Need>,
}

/// What a plan says of one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Judgment {
    /// Of the whole rollout: a pass is one of every metric over the fleet.
    pub verdict: Verdict,
    /// What all components say for an abort, and who is to blame.
    pub charge: Charge,
    /// By metric.
    pub metrics: Vec<MetricStanding>,
    /// The fleet as one group.
    pub fleet: Standing,
    /// By stratum, in the order of the plan; none where the fleet is the only group.
    pub strata: Vec<(StratumId, Standing)>,
}

/// Which strata the next batch may take in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Advance {
    /// These, in the order of their numbers.
    pub go: Vec<StratumId>,
    /// Not these, which are large and not proven.
    pub left_out: Vec<StratumId>,
}

impl GatePlan {
    /// Holds all evidence of an epoch against the plan.
    ///
    /// # Errors
    /// [`GateError::Contradiction`] for a cell whose evidence is not that of the metrics.
    pub fn judge(
        &self,
        epoch: Epoch,
        cells: &EvidenceCells,
        counts: &StopCounts,
        extent: &Extent,
    ) -> Result<Judgment, GateError> {
        let seen = self.gather(cells)?;
        let readings = self.set().read(&seen);
        let charge = self.set().charge(epoch, &readings, counts);
        let group = |stratum: Option<StratumId>| Group {
            plan: self,
            readings: self.group(&readings, stratum),
            devices: cells.devices(stratum),
            extent: match stratum {
                Some(stratum) => extent.strata.get(&stratum).copied().unwrap_or(0),
                None => extent.fleet,
            },
        };
        let fleet = group(None);
        let metrics = fleet.metrics();
        let verdict = match &charge.breach {
            Some(breach) => Verdict::Abort(breach.clone()),
            None if metrics.iter().all(|metric| metric.passes) => Verdict::Pass,
            None => Verdict::Hold(fleet.lacking().map_or(HoldReason::NoData, |(_, lack)| lack)),
        };
        let strata = if self.strata().len() > 1 { self.strata() } else { &[] };
        let strata = strata.iter().map(|known| (known.id, group(Some(known.id)).standing()));
        let (fleet, strata) = (fleet.standing(), strata.collect());
        Ok(Judgment { verdict, charge, metrics, fleet, strata })
    }

    /// The readings of one group over everything so far, by metric.
    fn group<'a>(&self, readings: &[Reading<'a>], stratum: Option<StratumId>) -> Vec<Reading<'a>> {
        let scope = Scope { stratum, batch: None };
        let places = (0..self.metrics().len()).filter_map(|metric| self.place(metric, scope));
        places.map(|place| readings[place]).collect()
    }
}

impl Judgment {
    /// Which strata may go on into a next batch of so many devices by stratum.
    ///
    /// A stratum goes if it is proven or quiet, or so small a part of the batch that it needs no
    /// proof of its own. Whoever is left out makes the others a larger part, so it is asked again
    /// until nobody else is.
    //= gates §8: advance proven strata only
    pub fn advance(&self, next: &BTreeMap<StratumId, u64>) -> Advance {
        let mut go: Vec<_> = next.iter().filter(|(_, devices)| **devices > 0).collect();
        let mut left_out = Vec::new();
        loop {
            let all: u128 = go.iter().map(|(_, devices)| u128::from(**devices)).sum();
            let is_small = |devices: u64| u128::from(devices) * 10_000 < all * u128::from(LARGE_BP);
            let (stays, leaves): (Vec<_>, Vec<_>) = go
                .into_iter()
                .partition(|(stratum, devices)| self.may_go(**stratum) || is_small(**devices));
            go = stays;
            if leaves.is_empty() {
                break;
            }
            left_out.extend(leaves.into_iter().map(|(stratum, _)| *stratum));
        }
        left_out.sort_unstable();
        Advance { go: go.into_iter().map(|(stratum, _)| *stratum).collect(), left_out }
    }

    /// Whether a stratum needs nothing further. One that was not planned is judged with the fleet.
    fn may_go(&self, stratum: StratumId) -> bool {
        let known = self.strata.iter().find(|(known, _)| *known == stratum);
        match known.map_or(&self.fleet, |(_, standing)| standing) {
            Standing::Proven | Standing::Quiet => true,
            Standing::Unproven { .. } => false,
        }
    }
}

/// Devices that are judged together.
struct Group<'a> {
    plan: &'a GatePlan,
    /// By metric, over everything so far.
    readings: Vec<Reading<'a>>,
    /// Permitted and matured.
    devices: (u64, u64),
    extent: u64,
}

impl Group<'_> {
    fn metrics(&self) -> Vec<MetricStanding> {
        let metrics = self.plan.metrics().iter().zip(&self.readings);
        let standing = metrics.map(|(metric, reading)| MetricStanding {
            metric: metric.name.clone(),
            ln_e_pass: reading.ln_e_pass(),
            pass_at: reading.pass_at(),
            passes: reading.passes(),
            need: reading.need(),
        });
        standing.collect()
    }

    fn standing(&self) -> Standing {
        let Some((metric, reason)) = self.lacking() else { return Standing::Proven };
        if self.is_quiet() { Standing::Quiet } else { Standing::Unproven { metric, reason } }
    }

    /// The first metric that does not pass, and why.
    fn lacking(&self) -> Option<(String, HoldReason)> {
        let mut metrics = self.plan.metrics().iter().zip(&self.readings);
        let (metric, reading) = metrics.find(|(_, reading)| !reading.passes())?;
        let (permitted, _) = self.devices;
        let reason =
            if permitted == 0 { HoldReason::NoData } else { reading.missing(&metric.name) };
        Some((metric.name.clone(), reason))
    }

    /// Whether all devices have come to something, nothing stands out, and every metric that is
    /// not proven is one that so few devices cannot prove.
    //= gates §9: Quiet
    fn is_quiet(&self) -> bool {
        let (permitted, matured) = self.devices;
        permitted > 0
            && permitted == matured
            && self.readings.iter().enumerate().all(|(metric, reading)| {
                reading.passes() || (reading.is_quiet() && self.is_too_small(metric, reading))
            })
    }

    /// Whether so few devices cannot count on a proof by this metric. Where it takes events, and
    /// none happened, nobody knows how many devices it takes.
    fn is_too_small(&self, metric: usize, reading: &Reading<'_>) -> bool {
        match &self.plan.metrics()[metric].gate {
            Monitor::Failure(_) => {
                self.plan.likely_proof(metric).is_none_or(|likely| self.extent < likely)
            }
            Monitor::TwoArm(_) | Monitor::Count(_) | Monitor::Hazard(_) | Monitor::Mean(_) => {
                let (_, matured) = self.devices;
                let need = reading.devices_needed(matured);
                need.map_or(reading.is_empty(), |need| self.extent < need)
            }
        }
    }
}
