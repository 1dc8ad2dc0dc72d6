//! Devices and named cohorts.

use super::ExecutionBody;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct DeviceBody {
    /// Its id.
    pub id: String,
    /// Its model.
    pub hardware: String,
    /// Where it is served.
    pub home: String,
    /// `active`, `held` or `retired`.
    pub standing: String,
    /// Last sign of life; 0 before the first check-in.
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
    /// What operators registered of it; selectors believe this first.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub registered: BTreeMap<String, String>,
    /// Why it is held or retired, and by whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing_reason: Option<String>,
    /// What people wrote about it, oldest first. Not in lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<NoteBody>,
    /// How it came through each rollout, oldest first. Not in lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub executions: Vec<DeviceExecution>,
}

/// What somebody wrote about a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct NoteBody {
    /// When.
    pub at: u64,
    /// Who.
    pub by: String,
    /// What.
    pub text: String,
}

/// How a device came through one rollout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct DeviceExecution {
    /// The rollout.
    pub rollout: String,
    /// Its name.
    pub name: String,
    /// What it installs.
    pub target: String,
    /// Where the device stands in it.
    pub bucket: String,
    /// The execution.
    pub execution: ExecutionBody,
}

/// A device to be added by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AddDevice {
    /// Its id: 1 to 128 of letters, digits, `.`, `_`, `:`, `-`.
    pub id: String,
    /// Its model.
    pub model: String,
    /// Where it is served; the default home if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home: Option<String>,
    /// What is known of it, such as its region.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

/// What operators know of a device from here on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DevicePatch {
    /// New values by name; what is `null` is forgotten, what is not named stays.
    pub attributes: BTreeMap<String, Option<String>>,
}

/// A device with its token, which is in this answer alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct DeviceToken {
    /// The device.
    pub device: String,
    /// Its bearer token.
    pub token: String,
}

/// A note to be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NoteRequest {
    /// What.
    pub text: String,
}

/// The device that takes another's place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReplaceRequest {
    /// Its id.
    pub by: String,
    /// Its model; that of the old one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// A release for one device alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct OfferRequest {
    /// `product@version`.
    pub release: String,
    /// Also if the device came back from it before.
    #[serde(default)]
    pub again: bool,
}

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct Imported {
    /// Rows read, the header not counted.
    pub rows: u64,
    /// Devices that are new.
    pub added: u64,
    /// Devices that were there already, just so.
    pub known: u64,
}

/// A page of devices, by id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct DevicePage {
    /// The devices.
    pub devices: Vec<DeviceBody>,
    /// Ask for `after` this one; absent at the end.
    pub next: Option<String>,
    /// How many there are in all that the query selects.
    pub total: u64,
}

/// What a cohort's name is to mean: a query or a list, one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
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
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
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

/// Named cohorts, a page of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct Cohorts {
    /// By name, without their members' ids.
    pub cohorts: Vec<CohortBody>,
    /// What to ask behind for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
