//! What a decision looked at: a command, or all the counts of that moment.

use super::scalar;
use super::scalar::Scalar;
use rollout_core::id::Principal;
use rollout_core::position::Frontier;
use rollout_core::rollout::{
    Arm, Cell, CellKey, Command, Commanded, EvidenceEpoch, FailureRun, Input, Losses, Observation,
    Overdue, Pending, Plan, Reach, RungIndex, StratumId, Tally,
};
use rollout_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Serialize, Deserialize)]
#[serde(remote = "Input", rename_all = "snake_case")]
pub(super) enum InputRow {
    Command(#[serde(with = "CommandedRow")] Commanded),
    Informed(#[serde(with = "CommandedRow")] Commanded, #[serde(with = "losses")] Losses),
    Observed(#[serde(with = "ObservationRow")] Observation),
    Overdue(#[serde(with = "scalar")] Overdue),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Commanded")]
struct CommandedRow {
    #[serde(with = "scalar")]
    by: Principal,
    #[serde(with = "CommandRow")]
    command: Command,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Command", rename_all = "snake_case")]
enum CommandRow {
    Start,
    Pause {
        reason: String,
        #[serde(with = "scalar")]
        review_at: Timestamp,
    },
    Resume,
    Advance,
    Approve {
        #[serde(with = "scalar")]
        rung: RungIndex,
    },
    ApproveNoReturn {
        #[serde(with = "scalar")]
        rung: RungIndex,
    },
    Halt {
        reason: String,
    },
    Cancel,
    Edit {
        #[serde(with = "super::drafted")]
        plan: Arc<Plan>,
        says: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Observation")]
struct ObservationRow {
    #[serde(with = "TallyRow")]
    tally: Tally,
    #[serde(with = "ReachRow")]
    reach: Reach,
    #[serde(with = "frontiers")]
    count_frontiers: Vec<(u64, Frontier)>,
    /// Rows of before somebody looked say nothing, and nobody was asked.
    #[serde(default, skip_serializing_if = "Losses::is_empty", with = "losses")]
    losses: Losses,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Reach")]
struct ReachRow {
    #[serde(with = "scalar::option")]
    rung: Option<RungIndex>,
    reachable: u64,
    served: u64,
    /// Rows of before there was such a rung say nothing, and nothing was passed over.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    is_vacant: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Tally")]
struct TallyRow {
    #[serde(with = "cells")]
    cells: BTreeMap<CellKey, Cell>,
    #[serde(with = "PendingRow")]
    pending: Pending,
    #[serde(with = "FailureRunRow")]
    run: FailureRun,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "FailureRun")]
struct FailureRunRow {
    #[serde(with = "scalar")]
    epoch: EvidenceEpoch,
    length: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Pending")]
struct PendingRow {
    offers: u64,
    already: u64,
    refused: u64,
}

#[derive(Serialize, Deserialize)]
struct CellLine {
    #[serde(with = "CellKeyRow")]
    key: CellKey,
    #[serde(with = "CellRow")]
    counts: Cell,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "CellKey")]
struct CellKeyRow {
    #[serde(with = "scalar")]
    epoch: EvidenceEpoch,
    #[serde(with = "scalar")]
    batch: RungIndex,
    #[serde(with = "scalar")]
    stratum: StratumId,
    #[serde(with = "scalar")]
    arm: Arm,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Cell")]
struct CellRow {
    permitted: u64,
    failed_known: u64,
    matured: u64,
    matured_bad: u64,
    unconfirmed: u64,
    confirmed: u64,
    rolled_back: u64,
    failed: u64,
    silent: u64,
    safety_faults: u64,
    by_position: u64,
    withdrawn: u64,
}

/// A map with a key of several fields, as a list. A key that comes twice is an error.
mod cells {
    use super::{BTreeMap, Cell, CellKey, CellLine};
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(
        value: &BTreeMap<CellKey, Cell>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(value.iter().map(|(key, counts)| CellLine { key: *key, counts: *counts }))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<BTreeMap<CellKey, Cell>, D::Error> {
        let mut cells = BTreeMap::new();
        for CellLine { key, counts } in Vec::deserialize(from)? {
            if cells.insert(key, counts).is_some() {
                return Err(de::Error::custom(format!("the cell {key:?} comes twice")));
            }
        }
        Ok(cells)
    }
}

/// Pairs of count and frontier, in their order.
mod frontiers {
    use super::{Frontier, Scalar};
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(
        value: &[(u64, Frontier)],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(value.iter().map(|(count, frontier)| (*count, frontier.to_row())))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<(u64, Frontier)>, D::Error> {
        let pairs = Vec::<(u64, String)>::deserialize(from)?.into_iter();
        let read = |(count, frontier)| Ok((count, Frontier::from_row(frontier)?));
        pairs.map(read).collect::<Result<_, String>>().map_err(de::Error::custom)
    }
}

/// Pairs of rung and devices, by rung. A rung that comes twice is an error.
mod losses {
    use super::{BTreeMap, Losses, RungIndex};
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(value: &Losses, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(value.iter().map(|(rung, devices)| (rung.0, devices)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Losses, D::Error> {
        let mut losses = BTreeMap::new();
        for (rung, devices) in Vec::<(u16, u64)>::deserialize(from)? {
            if losses.insert(RungIndex(rung), devices).is_some() {
                return Err(de::Error::custom(format!("rung {rung} comes twice")));
            }
        }
        Ok(Losses::new(losses))
    }
}
