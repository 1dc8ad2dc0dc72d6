//! The fleet at a glance: every device once, and a table by two attributes.
//!
//! Not here: how often a pass over the fleet may be made. Invariant: parts sum to the fleet, and
//! so do the cells of a table.

use crate::body::v1::{CensusBody, FleetBody, RolloutLine, VersionLine};
use rollout_core::cohort::Attributes as _;
use rollout_core::device::{Device, Standing, State};
use rollout_core::fleet::{Fleet, Running};
use rollout_core::rollout::Phase;
use rollout_core::time::Timestamp;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Rollouts that have ended and are still shown.
const ENDED: usize = 50;
/// Versions that are named.
const VERSIONS: usize = 20;
/// Most rows and columns of a table; the last of them takes the rest.
const ROWS: usize = 200;
const COLUMNS: usize = 50;
/// What stands in a table for devices that do not have the attribute, and for the rest.
const NONE: &str = "none";
const OTHERS: &str = "others";

/// Where devices stand, in the order people read them.
const PARTS: [&str; 10] = [
    "confirmed",
    "in flight",
    "failed",
    "rolled back",
    "silent",
    "idle",
    "out of reach",
    "never seen",
    "held",
    "retired",
];

pub(crate) fn fleet(fleet: &Fleet, now: Timestamp) -> FleetBody {
    let mut body = FleetBody {
        parts: PARTS.iter().map(|name| ((*name).to_owned(), 0)).collect(),
        ..FleetBody::default()
    };
    let mut versions: BTreeMap<&str, u64> = BTreeMap::new();
    for device in fleet.devices.values() {
        let is_reachable = fleet.is_reachable(device, now);
        body.total += 1;
        body.reachable += u64::from(is_reachable);
        *body.parts.entry(part(fleet, device, is_reachable).to_owned()).or_default() += 1;
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

fn part(fleet: &Fleet, device: &Device, is_reachable: bool) -> &'static str {
    match device.standing {
        Standing::Retired { .. } => return "retired",
        Standing::Held { .. } => return "held",
        Standing::Active if device.facts.is_none() => return "never seen",
        Standing::Active => {}
    }
    let newest = device.open.or(device.last_permit);
    let running = newest.and_then(|rollout| fleet.rollouts.get(&rollout));
    let state = running.and_then(|running| Some(running.executions.get(&device.id)?.state));
    let otherwise = if is_reachable { "idle" } else { "out of reach" };
    match state {
        Some(
            State::Offered
            | State::Downloading
            | State::Ready
            | State::Permitted
            | State::Interrupted,
        ) => "in flight",
        Some(State::Failed) => "failed",
        Some(State::RolledBack) => "rolled back",
        Some(State::Silent) => "silent",
        Some(State::Confirmed) if is_reachable => "confirmed",
        Some(
            State::Confirmed
            | State::Deferred
            | State::Lapsed
            | State::Refused
            | State::Revoked
            | State::Left,
        )
        | None => otherwise,
    }
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
    let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for device in fleet.devices.values() {
        *counts.entry((value(device, row), value(device, column))).or_default() += 1;
    }
    let rows = most(counts.iter().map(|((row, _), count)| (*row, *count)), ROWS);
    let columns = most(counts.iter().map(|((_, column), count)| (*column, *count)), COLUMNS);
    let mut cells = vec![vec![0; columns.len()]; rows.len()];
    for ((row, column), count) in &counts {
        cells[place(&rows, row)][place(&columns, column)] += count;
    }
    CensusBody {
        row: row.into(),
        column: column.into(),
        total: counts.values().sum(),
        rows: rows.into_iter().map(Into::into).collect(),
        columns: columns.into_iter().map(Into::into).collect(),
        cells,
    }
}

fn value<'a>(device: &'a Device, name: &str) -> &'a str {
    let standing = || match (name, &device.standing) {
        ("standing", Standing::Active) => Some("active"),
        ("standing", Standing::Held { .. }) => Some("held"),
        ("standing", Standing::Retired { .. }) => Some("retired"),
        (_, _) => None,
    };
    device.get(name).or_else(standing).unwrap_or(NONE)
}

/// Values by how often they are there, most first, and one place for the rest.
fn most<'a>(counted: impl Iterator<Item = (&'a str, u64)>, limit: usize) -> Vec<&'a str> {
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    counted.for_each(|(value, count)| *sums.entry(value).or_default() += count);
    let mut values: Vec<_> = sums.into_iter().collect();
    values.sort_by_key(|(_, count)| Reverse(*count));
    let too_many = values.len() > limit;
    values.truncate(if too_many { limit - 1 } else { limit });
    let mut values: Vec<_> = values.into_iter().map(|(value, _)| value).collect();
    values.extend(too_many.then_some(OTHERS));
    values
}

fn place(values: &[&str], value: &str) -> usize {
    values.iter().position(|known| *known == value).unwrap_or(values.len() - 1)
}
