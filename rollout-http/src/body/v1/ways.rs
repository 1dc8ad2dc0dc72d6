//! Ways: how devices get to a release, and for whom the way back ends.

use serde::{Deserialize, Serialize};

/// One release on a way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct HopBody {
    /// The release.
    pub release: String,
    /// `stepping_stone`, `bridge` (a release asks for it), or `goal`.
    pub why: String,
    /// Bytes of its image.
    pub image_bytes: u64,
    /// The newest rollout that gives it to such a device; absent if none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<String>,
}

/// Devices that go the same way: of one model and home, running the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct WayBody {
    /// How many.
    pub devices: u64,
    /// The first of them.
    pub example: String,
    /// Their model.
    pub model: String,
    /// Where they are served.
    pub home: String,
    /// What they run.
    pub version: String,
    /// Its counter.
    pub counter: u64,
    /// The releases they take, in order, as far as they come.
    pub hops: Vec<HopBody>,
    /// Bytes of all their images.
    pub image_bytes: u64,
    /// Stable code of what stops them; absent if they arrive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What stops them, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How the devices of a cohort get to a release. The counts sum to the cohort.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct WaysBody {
    /// Devices that can be given it as they are.
    pub direct: u64,
    /// Devices that take other releases first.
    pub through: u64,
    /// Devices that run it, or something later.
    pub there: u64,
    /// Devices that no way leads there.
    pub orphans: u64,
    /// Devices that have never said what they run.
    pub unheard: u64,
    /// Devices that are held, retired or left out.
    pub aside: u64,
    /// Those that take others first and those without a way, by class; the largest 32.
    pub classes: Vec<WayBody>,
    /// Devices of further classes.
    pub further: u64,
}

/// Devices that could not go back, for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct LossBody {
    /// `irreversible`, `unsigned`, `withdrawn`, `expired`, `refused` or `not_hosted`.
    pub kind: String,
    /// How it reads for the first of them.
    pub reason: String,
    /// How many.
    pub devices: u64,
    /// The first of them.
    pub example: String,
}
