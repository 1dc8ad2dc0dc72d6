//! Devices and named cohorts.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceBody {
    /// Its id.
    pub id: String,
    /// Its model.
    pub hardware: String,
    /// Where it is served.
    pub home: String,
    /// `active`, `held` or `retired`.
    pub standing: String,
    /// Last sign of life.
    pub last_seen: u64,
    /// Whether it was heard of lately.
    pub reachable: bool,
    /// Version it said it runs.
    pub version: Option<String>,
    /// Digest of the image it said it runs.
    pub image: Option<String>,
    /// Confirmed release counter.
    pub counter: Option<u64>,
    /// Whether the running image is confirmed.
    pub confirmed: Option<bool>,
    /// Rollout that is at it.
    pub open: Option<String>,
    /// What else it says of itself.
    pub attributes: BTreeMap<String, String>,
}

/// A page of devices, by id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DevicePage {
    /// The devices.
    pub devices: Vec<DeviceBody>,
    /// Ask for `after` this one; absent at the end.
    pub next: Option<String>,
    /// How many there are in all.
    pub total: u64,
}

/// What a cohort's name is to mean: a query or a list, one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CohortRequest {
    /// Whoever it selects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// Exactly these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub devices: Option<Vec<String>>,
}

/// A named cohort.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CohortBody {
    /// Its name.
    pub name: String,
    /// Its query.
    pub query: Option<String>,
    /// Its list.
    pub devices: Option<Vec<String>>,
    /// Devices that belong now.
    pub members: u64,
}

/// All named cohorts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cohorts {
    /// By name, without their members' ids.
    pub cohorts: Vec<CohortBody>,
}
