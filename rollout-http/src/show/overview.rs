//! The fleet at a glance: every device once, and a table by two attributes.
//!
//! Not here: how often a pass over the fleet may be made. Invariant: parts sum to the fleet, and
//! so do the cells of a table.

use crate::body::v1::{CensusBody, FleetBody, RolloutLine, VersionLine};
use rollout_core::cohort::Attributes as _;
use rollout_core::fleet::{Fleet, Part, Running, Table};
use rollout_core::rollout::Phase;
use rollout_core::time::Timestamp;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Rollouts that have ended and are still shown.
const ENDED: usize = 50;
/// Versions that are named.
const VERSIONS: usize = 20;

pub(crate) fn fleet(fleet: &Fleet, now: Timestamp) -> FleetBody {
    let mut body = FleetBody {
        parts: Part::ALL.iter().map(|part| (part.name().to_owned(), 0)).collect(),
        ..FleetBody::default()
    };
    let mut versions: BTreeMap<&str, u64> = BTreeMap::new();
    for device in fleet.devices.values() {
        body.total += 1;
        body.reachable += u64::from(fleet.is_reachable(device, now));
        *body.parts.entry(fleet.part_of(device, now).name().to_owned()).or_default() += 1;
        if let Some(version) = device.get("version") {
            *versions.entry(version).or_default() += 1;
        }
    }
    let mut versions: Vec<_> = versions.into_iter().collect();
    versions.sort_by_key(|(_, devices)| Reverse(*devices));
    let line = |(version, devices): (&str, u64)| VersionLine { version: version.into(), devices };
    body.versions = versions.into_iter().take(VERSIONS).map(line).collect();
    body
}

/// Rollouts, newest first, of those that ended the last fifty.
pub(crate) fn newest(fleet: &Fleet) -> Vec<RolloutLine> {
    newest_ones(fleet).map(super::line).collect()
}

/// The same, as the model has them.
pub(crate) fn newest_ones(fleet: &Fleet) -> impl Iterator<Item = &Running> {
    let mut ended = 0;
    let newest = fleet.order.iter().rev().filter_map(|id| fleet.rollouts.get(id));
    newest.filter(move |running| {
        let is_over = has_ended(running);
        ended += usize::from(is_over);
        !is_over || ended <= ENDED
    })
}

fn has_ended(running: &Running) -> bool {
    match running.rollout.phase {
        Phase::Completed { .. } | Phase::Canceled { .. } => true,
        Phase::Draft
        | Phase::AwaitingApproval { .. }
        | Phase::Scheduled { .. }
        | Phase::Deploying
        | Phase::Soaking
        | Phase::Paused { .. }
        | Phase::Halted { .. } => false,
    }
}

/// Devices by two attributes.
pub(crate) fn census(fleet: &Fleet, row: &str, column: &str) -> CensusBody {
    let Table { columns, rows, total } = fleet.table(row, column);
    let (rows, cells) = rows.into_iter().unzip();
    CensusBody { row: row.into(), column: column.into(), rows, columns, cells, total }
}
