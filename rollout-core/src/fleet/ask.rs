//! What devices ask of a decision, and what they are told.

use crate::hosting::Binding;
use crate::id::{DeviceId, Digest, RolloutId};
use crate::release::Artifact;
use crate::rollout::Patience;
use crate::time::{Span, Timestamp};
use alloc::boxed::Box;

/// What a device asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Whether there is anything to download.
    Offer {
        /// Who.
        device: DeviceId,
    },
    /// Whether it may switch.
    Begin {
        /// Who.
        device: DeviceId,
        /// In which rollout.
        rollout: RolloutId,
        /// In which attempt.
        attempt: u32,
        /// What it has verified.
        digest: Digest,
    },
}

/// What it may download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferMade {
    /// In which rollout.
    pub rollout: RolloutId,
    /// From 1.
    pub attempt: u32,
    /// The image.
    pub artifact: Artifact,
    /// Where the new firmware finds its backend.
    pub binding: Binding,
    /// How long without progress.
    pub lease: Span,
    /// When the device's window opens, if it is outside.
    pub opens: Option<Timestamp>,
}

/// What it is told on switching.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It may.
    Yes {
        /// Time for its self-test and a round trip.
        confirm_window: Span,
    },
    /// Later.
    Wait(Patience),
    /// No; a stable word why.
    Stop(&'static str),
}

/// A question that cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BeginError {
    /// The device was never offered anything in that rollout.
    #[error("device {device} has no execution in rollout {rollout}")]
    NoExecution {
        /// Who.
        device: DeviceId,
        /// Where.
        rollout: RolloutId,
    },
    /// What it verified is not what it was offered.
    #[error("device {device} was offered image {offered}, not {found}")]
    OtherImage {
        /// Who.
        device: DeviceId,
        /// Offered.
        offered: Digest,
        /// Verified.
        found: Digest,
    },
}

impl BeginError {
    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoExecution { .. } => "DE-001",
            Self::OtherImage { .. } => "DE-002",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoExecution { .. } => "check in first; begin only what was offered",
            Self::OtherImage { .. } => "download the offered image again",
        }
    }
}

/// The answer to an [`Ask`], in the same order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To an offer.
    Offer(Option<Box<OfferMade>>),
    /// To a begin.
    Begin(Result<Reply, BeginError>),
}
