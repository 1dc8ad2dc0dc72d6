//! Freezes of the fleet.

use serde::{Deserialize, Serialize};

/// When nothing is to be given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct FreezeRequest {
    /// From then on, inclusive.
    pub from: u64,
    /// Until then, exclusive.
    pub until: u64,
    /// Why, for those who wait.
    pub reason: String,
}

/// A freeze.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct FreezeBody {
    /// Its name.
    pub name: String,
    /// Its first moment.
    pub from: u64,
    /// The first moment after it.
    pub until: u64,
    /// Why.
    pub reason: String,
    /// Who set it last.
    pub by: String,
    /// Whether it holds now.
    pub in_force: bool,
}

/// All freezes that were not lifted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct Freezes {
    /// By name.
    pub freezes: Vec<FreezeBody>,
}
