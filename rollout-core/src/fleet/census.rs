//! The whole fleet in numbers: a partition of all devices, and tables of two attributes.
//!
//! Invariants: every device is counted exactly once, so the parts sum to the fleet, and so do the
//! cells of a table. Each is one pass. Not here: the buckets of one rollout; see `explain`.

use super::Fleet;
use crate::cohort::Attributes;
use crate::device::{Device, Standing, State};
use crate::time::Timestamp;
use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec,
    vec::Vec,
};
use core::fmt;

/// Most rows of a table: more is nothing that people read.
pub const TABLE_ROWS: usize = 200;
/// Most columns of a table.
pub const TABLE_COLUMNS: usize = 50;
/// What stands for the values that found no place.
pub const OTHERS: &str = "others";
/// What stands for a device that does not have the attribute.
pub const ABSENT: &str = "-";

/// Where a device stands, all rollouts taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Gone for good.
    Retired,
    /// Kept out by hand.
    Held,
    /// Enrolled or added, and never heard of what it runs.
    NeverSeen,
    /// At work for a rollout: offered to permitted.
    InFlight,
    /// Its last update failed, and it is not known to be back.
    Failed,
    /// Its last update failed, and it is back.
    RolledBack,
    /// Not heard of by the deadline of its last update.
    Silent,
    /// Its last update is confirmed.
    Confirmed,
    /// None of these, and not heard of lately.
    OutOfReach,
    /// None of these.
    Idle,
}

impl Part {
    /// All of them, in the order people read them.
    pub const ALL: [Self; 10] = [
        Self::InFlight,
        Self::Confirmed,
        Self::Failed,
        Self::RolledBack,
        Self::Silent,
        Self::Idle,
        Self::OutOfReach,
        Self::NeverSeen,
        Self::Held,
        Self::Retired,
    ];

    /// Its name in APIs and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Retired => "retired",
            Self::Held => "held",
            Self::NeverSeen => "never_seen",
            Self::InFlight => "in_flight",
            Self::Failed => "failed",
            Self::RolledBack => "rolled_back",
            Self::Silent => "silent",
            Self::Confirmed => "confirmed",
            Self::OutOfReach => "out_of_reach",
            Self::Idle => "idle",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A device as lists and tables ask for it: what a selector may ask, and its `standing`. A plan
/// cannot ask for that, because people change it while a rollout runs.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'d>(pub &'d Device);

impl Attributes for Shown<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        match name {
            "standing" => Some(self.0.standing.name()),
            other => Attributes::get(self.0, other),
        }
    }
}

/// Counts of devices by two attributes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Values of the second attribute, in byte order; [`OTHERS`] last if there are more.
    pub columns: Vec<String>,
    /// Values of the first attribute, in byte order, each with one count a column; [`OTHERS`] last
    /// if there are more.
    pub rows: Vec<(String, Vec<u64>)>,
    /// All devices.
    pub total: u64,
}

impl Fleet {
    /// Where a device stands, all rollouts taken together.
    pub fn part_of(&self, device: &Device, now: Timestamp) -> Part {
        match device.standing {
            Standing::Retired { .. } => return Part::Retired,
            Standing::Held { .. } => return Part::Held,
            Standing::Active => {}
        }
        if device.facts.is_none() {
            return Part::NeverSeen;
        }
        let rollout = device.open.or(device.last_permit).and_then(|id| self.rollouts.get(&id));
        let execution = rollout.and_then(|running| running.executions.get(&device.id));
        let of_state = execution.and_then(|execution| match execution.state {
            State::Offered
            | State::Downloading
            | State::Ready
            | State::Permitted
            | State::Interrupted => Some(Part::InFlight),
            State::Failed => Some(Part::Failed),
            State::RolledBack => Some(Part::RolledBack),
            State::Silent => Some(Part::Silent),
            State::Confirmed => Some(Part::Confirmed),
            State::Deferred | State::Lapsed | State::Refused | State::Revoked | State::Left => None,
        });
        match of_state {
            Some(part) => part,
            None if self.is_reachable(device, now) => Part::Idle,
            None => Part::OutOfReach,
        }
    }

    /// How many devices stand where; all of them, each once.
    pub fn parts(&self, now: Timestamp) -> BTreeMap<Part, u64> {
        let mut counts: BTreeMap<Part, u64> = Part::ALL.map(|part| (part, 0)).into();
        for device in self.devices.values() {
            *counts.entry(self.part_of(device, now)).or_default() += 1;
        }
        counts
    }

    /// Counts devices by two attributes: `model`, `version`, `home`, `standing`, or any other. The
    /// values that most devices have get a row or column of their own.
    pub fn table(&self, rows: &str, columns: &str) -> Table {
        let mut cells: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for device in self.devices.values() {
            let row = value(device, rows);
            *cells.entry((row, value(device, columns))).or_default() += 1;
        }
        let mut by_row: BTreeMap<&str, u64> = BTreeMap::new();
        let mut by_column: BTreeMap<&str, u64> = BTreeMap::new();
        for ((row, column), count) in &cells {
            *by_row.entry(row).or_default() += count;
            *by_column.entry(column).or_default() += count;
        }
        let (rows, columns) = (Axis::of(&by_row, TABLE_ROWS), Axis::of(&by_column, TABLE_COLUMNS));
        let mut counts = vec![vec![0; columns.names.len()]; rows.names.len()];
        for ((row, column), count) in &cells {
            counts[rows.place(row)][columns.place(column)] += count;
        }
        Table {
            columns: columns.names.into_iter().map(String::from).collect(),
            rows: rows.names.into_iter().map(String::from).zip(counts).collect(),
            total: self.devices.len() as u64,
        }
    }
}

fn value<'d>(device: &'d Device, name: &str) -> &'d str {
    match name {
        "standing" => device.standing.name(),
        other => Attributes::get(device, other).unwrap_or(ABSENT),
    }
}

/// Values with a place of their own, in byte order, and one place for the others if there are any.
struct Axis<'v> {
    names: Vec<&'v str>,
    own: usize,
}

impl<'v> Axis<'v> {
    fn of(counts: &BTreeMap<&'v str, u64>, most: usize) -> Self {
        let mut by_count: Vec<_> = counts.iter().map(|(name, count)| (*count, *name)).collect();
        by_count.sort_unstable_by(|(a, one), (b, two)| b.cmp(a).then(one.cmp(two)));
        let kept: BTreeSet<_> = by_count.iter().take(most).map(|(_, name)| *name).collect();
        let mut names: Vec<_> = kept.into_iter().collect();
        let own = names.len();
        if own < counts.len() {
            names.push(OTHERS);
        }
        Self { names, own }
    }

    fn place(&self, name: &str) -> usize {
        self.names[..self.own].binary_search(&name).unwrap_or(self.own)
    }
}
