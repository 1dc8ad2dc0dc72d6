//! Roots, products, releases and their images.

use super::PromotionLine;
use serde::{Deserialize, Serialize};

/// A root document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct RootBody {
    /// The signed document, base64.
    pub envelope: String,
    /// Its version; left out of requests, where the document says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// Whether a request has changed anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct Stored {
    /// `new`, or `known` if all of it was there already.
    pub state: String,
}

/// A release to be published. What it installs is in the manifests and nowhere else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PublishRequest {
    /// `product@version`.
    pub release: String,
    /// Order of signing.
    pub counter: u64,
    /// Signed manifests, base64.
    pub manifests: Vec<String>,
    /// The way back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub way_back: Option<WayBackRequest>,
    /// Versions from which it may be installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What is new in it, for people; 64 KiB at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// Where it was built from, such as a commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// How it was built, as its builder attests: base64 of at most 256 KiB, kept as given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<String>,
    /// Models that must pass through it on their way to anything later.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stepping_stone: Vec<String>,
    /// Why nothing leads back from it, such as a migration of data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub irreversible: Option<String>,
}

/// The reissue of the image that was good before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct WayBackRequest {
    /// The version it takes devices back to.
    pub version: String,
    /// Signed manifests, base64.
    pub manifests: Vec<String>,
}

/// Manifests of a release, or of its way back, that live longer than those that are there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RenewRequest {
    /// Signed manifests, base64.
    pub manifests: Vec<String>,
}

/// Models that must pass through a release; those that had to and are not named no longer must.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct StonesRequest {
    /// The models; none if it is empty.
    pub models: Vec<String>,
}

/// Versions of a model that are never updated any further.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DeadEndRequest {
    /// The model.
    pub model: String,
    /// The versions, as a range such as `<1.2`.
    pub versions: String,
    /// Why; without it the dead end is lifted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A dead end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct DeadEndBody {
    /// The model.
    pub model: String,
    /// The versions.
    pub versions: String,
    /// Why.
    pub reason: String,
    /// Who said so.
    pub by: String,
    /// When.
    pub at: u64,
}

/// The dead ends of a product: a page of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct DeadEnds {
    /// By model.
    pub dead_ends: Vec<DeadEndBody>,
    /// What to ask behind for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A reason, for requests that need one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Reasoned {
    /// Why.
    pub reason: String,
}

/// One signed image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct ArtifactBody {
    /// Models it fits.
    pub hardware: Vec<String>,
    /// Part of the device; 0 is the main one.
    pub component: u64,
    /// SHA-256 of the image.
    pub image: String,
    /// Its length in bytes.
    pub image_bytes: u64,
    /// Order of signing.
    pub counter: u64,
    /// Lowest counter that may install it directly.
    pub min_from: u64,
    /// Hardware security counter.
    pub secure_version: u32,
    /// From then on it is not installed.
    pub expires: u64,
    /// The signed manifest, base64.
    pub manifest: String,
}

/// A way back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct WayBackBody {
    /// The version it takes devices back to.
    pub version: String,
    /// Its counter.
    pub counter: u64,
    /// Its images.
    pub artifacts: Vec<ArtifactBody>,
}

/// A release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct ReleaseBody {
    /// `product@version`.
    pub release: String,
    /// Order of signing.
    pub counter: u64,
    /// `draft`, `published` or `withdrawn`.
    pub state: String,
    /// Why it was withdrawn, and by whom.
    pub withdrawn: Option<String>,
    /// Versions from which it may be installed.
    pub from: Option<String>,
    /// Who published it.
    pub by: String,
    /// When.
    pub at: u64,
    /// Its images.
    pub artifacts: Vec<ArtifactBody>,
    /// Its way back.
    pub way_back: Option<WayBackBody>,
    /// The channels it was promoted to.
    #[serde(default)]
    pub promotions: Vec<PromotionLine>,
    /// Where it was built from, such as a commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// What is new in it, for people. Not in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// How it was built, as its builder attests, base64. Not in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<String>,
    /// Models that must pass through it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stepping_stone: Vec<String>,
    /// Why nothing leads back from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub irreversible: Option<String>,
}

/// Releases, by product and version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct Releases {
    /// The releases.
    pub releases: Vec<ReleaseBody>,
    /// What to ask behind for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// The release that the next publish should go back to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct GoodRelease {
    /// `product@version`.
    pub release: String,
    /// Its version alone.
    pub version: String,
    /// Its images, manifests included, so that they can be reissued.
    pub artifacts: Vec<ArtifactBody>,
}

/// A product, as a publisher needs to know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct ProductBody {
    /// Its name.
    pub product: String,
    /// The counter the next publish takes; its way back takes the one after.
    pub next_counter: u64,
    /// Its releases, `product@version`.
    pub releases: Vec<String>,
    /// What the next publish should go back to; absent before the first.
    pub good: Option<GoodRelease>,
}

/// Products, a page of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct Products {
    /// By name.
    pub products: Vec<String>,
    /// What to ask behind for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
