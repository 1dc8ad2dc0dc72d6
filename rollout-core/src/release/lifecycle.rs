//! The life of a release: draft, published, withdrawn, and the way back it brought along.

use super::{Artifact, Marks};
use crate::id::{Digest, HardwareModel, IdError, Principal, ProductId};
use crate::journal::Seq;
use crate::release::ComponentId;
use crate::time::Timestamp;
use crate::version::ReleaseCounter;
use alloc::{string::String, vec::Vec};
use core::fmt;

/// A version of a product.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReleaseId {
    /// The product.
    pub product: ProductId,
    /// Its version.
    pub version: semver::Version,
}

impl ReleaseId {
    /// Reads `product@1.2.3`.
    ///
    /// # Errors
    /// [`IdError`] if either half is not what it should be.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let wrong = || IdError {
            kind: "release",
            text: text.chars().take(160).collect(),
            rule: "product@version, such as vacuum@2.4.1",
        };
        let (product, version) = text.split_once('@').ok_or_else(wrong)?;
        let version = semver::Version::parse(version).map_err(|_| wrong())?;
        Ok(Self { product: ProductId::new(product)?, version })
    }
}

impl fmt::Display for ReleaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.product, self.version)
    }
}

/// What a rollout installs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// The release itself.
    Release(ReleaseId),
    /// The way back that was signed along with this release: the image before it.
    WayBackOf(ReleaseId),
}

impl Target {
    /// The release whose publish brought the images along.
    pub fn release(&self) -> &ReleaseId {
        match self {
            Self::Release(id) | Self::WayBackOf(id) => id,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Release(id) => id.fmt(f),
            Self::WayBackOf(id) => write!(f, "way back of {id}"),
        }
    }
}

/// Where a release stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Lifecycle {
    /// Some signatures or images are still missing.
    Draft,
    /// May be rolled out.
    Published,
    /// May not be offered any more.
    Withdrawn {
        /// By whom.
        by: Principal,
        /// Why.
        reason: String,
    },
}

/// The reissue of the image that was good before, signed in the same ceremony.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WayBack {
    /// The version it takes devices back to.
    pub version: semver::Version,
    /// Its counter: above the release's own.
    pub counter: ReleaseCounter,
    /// Its images.
    pub artifacts: Vec<Artifact>,
}

/// A release of a product.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Release {
    /// Product and version.
    pub id: ReleaseId,
    /// Order of signing, shared by all its manifests.
    pub counter: ReleaseCounter,
    /// Where it stands.
    pub lifecycle: Lifecycle,
    /// Its images, one per hardware model and component.
    pub artifacts: Vec<Artifact>,
    /// The way back, if one was signed.
    pub way_back: Option<WayBack>,
    /// Versions from which it may be installed; absent is any.
    pub from: Option<semver::VersionReq>,
    /// Who published it.
    pub by: Principal,
    /// When.
    pub at: Timestamp,
    /// What is new in it, for people.
    pub notes: Option<String>,
    /// Where it was built from, such as a commit.
    pub source: Option<String>,
    /// How it was built, as its builder attests; kept as given.
    pub provenance: Option<Vec<u8>>,
    /// What its publisher marked it as.
    pub marks: Marks,
    /// The last entry that changed it.
    pub revision: Seq,
}

impl Release {
    /// The image of `target`, which must name this release, for a model and component.
    pub fn artifact(
        &self,
        target: &Target,
        model: &HardwareModel,
        component: ComponentId,
    ) -> Option<&Artifact> {
        self.artifacts_of(target).iter().find(|artifact| artifact.fits(model, component))
    }

    /// What was signed for an image of `target`, which must name this release.
    pub fn signed(&self, target: &Target, image: Digest) -> Option<&Artifact> {
        self.artifacts_of(target).iter().find(|artifact| artifact.image == image)
    }

    /// The version that `target`, which must name this release, installs.
    pub fn version_of(&self, target: &Target) -> &semver::Version {
        match (target, &self.way_back) {
            (Target::WayBackOf(_), Some(back)) => &back.version,
            (Target::WayBackOf(_) | Target::Release(_), _) => &self.id.version,
        }
    }

    /// All images of `target`, which must name this release.
    pub fn artifacts_of(&self, target: &Target) -> &[Artifact] {
        match target {
            Target::Release(_) => &self.artifacts,
            Target::WayBackOf(_) => self.way_back.as_ref().map_or(&[], |back| &back.artifacts),
        }
    }
}
