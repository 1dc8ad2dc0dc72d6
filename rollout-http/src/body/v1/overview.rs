//! The first screen: the whole fleet and every rollout, in one answer.

use super::RolloutLine;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How everything stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct OverviewBody {
    /// The server's name, as its settings give it.
    pub name: String,
    /// The server's time, milliseconds since 1970.
    pub now_ms: u64,
    /// The last entry of the journal that was folded.
    pub read_to: u64,
    /// How long the newest answer waited for the journal, milliseconds.
    pub lag_ms: u64,
    /// Check-ins answered per second, over the last ten seconds.
    pub check_ins_per_sec: f64,
    /// All devices.
    pub fleet: FleetBody,
    /// Rollouts, newest first; those that ended are at most the last fifty.
    pub rollouts: Vec<RolloutLine>,
}

/// All devices, each counted once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct FleetBody {
    /// How many there are.
    pub total: u64,
    /// Heard of lately.
    pub reachable: u64,
    /// Devices by where they stand; they sum to `total`. Keys: `confirmed`, `in_flight`, `failed`,
    /// `rolled_back`, `silent`, `idle`, `out_of_reach`, `never_seen`, `held`, `retired`.
    pub parts: BTreeMap<String, u64>,
    /// Devices by the version they said they run, most first; at most twenty.
    pub versions: Vec<VersionLine>,
}

/// Devices of a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct VersionLine {
    /// The version.
    pub version: String,
    /// How many run it.
    pub devices: u64,
}

/// Devices by two attributes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct CensusBody {
    /// The attribute of the rows.
    pub row: String,
    /// The attribute of the columns.
    pub column: String,
    /// Values of the rows that most devices have, in byte order; the last may be `others`.
    pub rows: Vec<String>,
    /// Values of the columns that most devices have, in byte order; the last may be `others`.
    pub columns: Vec<String>,
    /// Devices, row by row.
    pub cells: Vec<Vec<u64>>,
    /// Devices counted: the sum of the cells.
    pub total: u64,
}

/// Who asks, and what they may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct MeBody {
    /// Whom the token stands for.
    pub principal: String,
    /// Its roles.
    pub roles: Vec<String>,
    /// Operations they allow, by name.
    pub may: Vec<String>,
    /// Until when the token is good, Unix seconds.
    pub expires: u64,
}
