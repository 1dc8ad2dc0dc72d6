//! Why a ceremony ended without a signature: what, and what to do.
//!
//! Deliberately not here: failures of files and of the network.
//!
//! Invariant: every variant has a code of its own or that of the error it carries.

use rollout_core::id::{Digest, HardwareModel};
use rollout_core::image::ImageError;
use rollout_core::trust::sign::SignError;
use rollout_core::trust::{KeyId, Refusal};
use rollout_core::version::{ReleaseCounter, VersionText};

/// Why nothing was signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CeremonyError {
    /// It is no app image.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The build wrote a version that is none.
    #[error("the image's version `{text}` is not a semantic version of at most 32 bytes")]
    NoVersion {
        /// What it wrote.
        text: String,
    },
    /// There is nothing to publish.
    #[error("no image was given")]
    NoImage,
    /// The image is of another product.
    #[error("the image is of project `{project}`, not of product `{product}`")]
    Project {
        /// The image's project.
        project: String,
        /// The product.
        product: String,
    },
    /// Nobody can read the inside of the image.
    #[error("an image for chip 0xffff is opaque, its version cannot be read")]
    Opaque,
    /// The images are of several versions.
    #[error("the images are of versions {one} and {other}, a release has one")]
    Versions {
        /// The first image's.
        one: VersionText,
        /// Another's.
        other: VersionText,
    },
    /// Nobody said which models an image is for.
    #[error("no hardware model is named for image {image}")]
    NoHardware {
        /// The image.
        image: Digest,
    },
    /// Two images are for one model.
    #[error("hardware model {model} is named twice, it gets one image")]
    HardwareTwice {
        /// The model.
        model: HardwareModel,
    },
    /// The server named a counter that nobody reaches.
    #[error("the server says the next counter is {found}, which cannot be")]
    Counter {
        /// The counter.
        found: ReleaseCounter,
    },
    /// A key may not sign releases.
    #[error("key {id} may not sign releases under this root")]
    StrangeKey {
        /// The key's id.
        id: KeyId,
    },
    /// A document cannot be made.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// Devices would refuse the manifest.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// What the server calls good is not signed as it should be.
    #[error("the way back to {version} cannot be signed")]
    Good {
        /// Its version.
        version: String,
        /// Why.
        source: Refusal,
    },
    /// What the server keeps of a release is not signed as it should be.
    #[error("a manifest of {version} cannot be renewed")]
    Renewal {
        /// Its version.
        version: String,
        /// Why.
        source: Refusal,
    },
    /// What the server keeps of a release is something else.
    #[error(
        "a manifest that the server keeps of {version} is of another fleet, product or version"
    )]
    OtherManifest {
        /// The version asked for.
        version: String,
    },
    /// What the server calls good is something else.
    #[error("what the server keeps as {version} is of another fleet, product or version")]
    OtherGood {
        /// The version asked for.
        version: String,
    },
}

impl CeremonyError {
    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Image(error) => error.code(),
            Self::NoVersion { .. } => "CE-001",
            Self::NoImage => "CE-002",
            Self::Project { .. } => "CE-003",
            Self::Opaque => "CE-004",
            Self::Versions { .. } => "CE-005",
            Self::NoHardware { .. } => "CE-006",
            Self::HardwareTwice { .. } => "CE-007",
            Self::Counter { .. } => "CE-008",
            Self::StrangeKey { .. } => "CE-009",
            Self::Sign(error) => error.code(),
            Self::Refused(error) => error.code(),
            Self::Good { .. } => "CE-010",
            Self::OtherGood { .. } => "CE-011",
            Self::Renewal { .. } => "CE-012",
            Self::OtherManifest { .. } => "CE-013",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Image(error) => error.hint(),
            Self::NoVersion { .. } => "set the version of the build, such as 2.4.1",
            Self::NoImage => "give at least one `--image FILE`",
            Self::Project { .. } => "name the product as the build names its project",
            Self::Opaque => "build an app image with a descriptor",
            Self::Versions { .. } => "build all images from one version, or publish them apart",
            Self::NoHardware { .. } => "write `--image FILE:MODEL`, or add `--hardware MODEL`",
            Self::HardwareTwice { .. } => "name each model with one image",
            Self::Counter { .. } => "find out who answered for the server; nothing was signed",
            Self::StrangeKey { .. } => "sign with a key that the root lists for releases",
            Self::Sign(error) => error.hint(),
            Self::Refused(Refusal::Signatures(_)) => {
                "give `--key` once for each release key needed"
            }
            Self::Refused(error) => error.hint(),
            Self::Renewal { .. } | Self::OtherManifest { .. } => {
                "find out who answered for the server; nothing was signed"
            }
            Self::Good { .. } | Self::OtherGood { .. } => {
                "name another release with `--way-back VERSION`, or `--way-back none`"
            }
        }
    }
}
