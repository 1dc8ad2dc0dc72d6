//! Evidence by batch and stratum, and how it adds up to what each component has seen.
//!
//! Everything that was seen belongs to one cell: devices of one stratum that one rung let in. The
//! fleet is the sum of its strata and everything so far the sum of its batches, bet by bet, so that
//! each comparison stays within its stratum. Not here: epochs. A restart begins with no cells.
//!
//! Invariant: a cell has evidence of the right kind for each metric of its plan.

use super::error::GateError;
use super::evidence::Tally;
use super::monitor::{Monitor, Seen};
use super::plan::{GatePlan, Scope};
use super::two_arm::Block;
use crate::rollout::{RungIndex, StratumId};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Where evidence belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellAt {
    /// The rung that was open at the permit.
    pub batch: RungIndex,
    /// The stratum.
    pub stratum: StratumId,
}

/// What devices of one stratum and one batch showed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EvidenceCell {
    /// Devices with a permit.
    pub permitted: u64,
    /// Those of them whose horizon has ended.
    pub matured: u64,
    /// What each metric of the plan has seen, in its order.
    pub seen: Vec<Seen>,
}

/// All evidence of one epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct EvidenceCells(BTreeMap<CellAt, EvidenceCell>);

impl EvidenceCells {
    /// The cells, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&CellAt, &EvidenceCell)> {
        self.0.iter()
    }

    /// The cell at a place, empty if nothing was seen there.
    pub fn cell_mut(&mut self, plan: &GatePlan, at: CellAt) -> &mut EvidenceCell {
        self.0.entry(at).or_insert_with(|| EvidenceCell {
            permitted: 0,
            matured: 0,
            seen: plan.metrics().iter().map(|metric| metric.gate.nothing()).collect(),
        })
    }

    /// Records a block of a metric that compares two arms. What controls of the stratum showed in
    /// earlier batches counts for the estimate of their rate.
    ///
    /// # Errors
    /// [`GateError::Contradiction`] if the metric does not compare two arms.
    pub fn record_block(
        &mut self,
        plan: &GatePlan,
        at: CellAt,
        metric: usize,
        block: Block,
    ) -> Result<(), GateError> {
        let history = self.controls(at.stratum, metric);
        let gate = plan.metrics().get(metric).map(|metric| &metric.gate);
        let seen = self.cell_mut(plan, at).seen.get_mut(metric);
        let (Some(Monitor::TwoArm(gate)), Some(Seen::TwoArm(seen))) = (gate, seen) else {
            return Err(GateError::Contradiction { rule: "a block is of a metric with two arms" });
        };
        gate.record_after(seen, history, block);
        Ok(())
    }

    /// All outcomes of controls of a stratum.
    fn controls(&self, stratum: StratumId, metric: usize) -> Tally {
        let of_stratum = self.0.iter().filter(|(at, _)| at.stratum == stratum);
        let tallies = of_stratum.filter_map(|(_, cell)| match cell.seen.get(metric) {
            Some(Seen::TwoArm(seen)) => Some(seen.control()),
            Some(Seen::Failure(_) | Seen::Count(_) | Seen::Hazard(_) | Seen::Mean(_)) | None => {
                None
            }
        });
        tallies.fold(Tally::NONE, Tally::plus)
    }

    /// Devices with a permit, and those of them that have matured: of one stratum, or of all.
    pub fn devices(&self, stratum: Option<StratumId>) -> (u64, u64) {
        let within = |at: &CellAt| stratum.is_none_or(|stratum| at.stratum == stratum);
        let cells = self.0.iter().filter(|(at, _)| within(at)).map(|(_, cell)| cell);
        cells.fold((0, 0), |sum: (u64, u64), cell| {
            (sum.0.saturating_add(cell.permitted), sum.1.saturating_add(cell.matured))
        })
    }
}

impl GatePlan {
    /// What each component has seen, in the order of the set. A cell of a stratum or batch that was
    /// not planned counts where it belongs and has no component of its own.
    ///
    /// # Errors
    /// [`GateError::Contradiction`] for a cell whose evidence is not that of the metrics.
    pub fn gather(&self, cells: &EvidenceCells) -> Result<Vec<Seen>, GateError> {
        let places: BTreeMap<Scope, usize> =
            self.scopes().iter().enumerate().map(|(place, scope)| (*scope, place)).collect();
        let parts = self.set().components();
        let mut seen: Vec<Seen> = parts.iter().map(|part| part.gate.nothing()).collect();
        for (at, cell) in cells.iter() {
            if cell.seen.len() != self.metrics().len() || cell.matured > cell.permitted {
                return Err(GateError::Contradiction { rule: "a cell counts what its plan asks" });
            }
            let scopes = [None, Some(at.stratum)].into_iter().flat_map(|stratum| {
                [None, Some(at.batch)].into_iter().map(move |batch| Scope { stratum, batch })
            });
            for place in scopes.filter_map(|scope| places.get(&scope)) {
                for (metric, more) in cell.seen.iter().enumerate() {
                    seen[metric * places.len() + place].absorb(more)?;
                }
            }
        }
        Ok(seen)
    }
}
