//! Why a device is not offered an image, or not let switch: a reason each, with its code.
//!
//! Not here: the decision; see `admit` and `permit`.

use crate::calendar::Rough;
use crate::hosting::NotHosted;
use crate::id::RolloutId;
use crate::time::{Span, Timestamp};
use alloc::{string::String, sync::Arc};

/// Why a device is not offered the image: the first predicate that is false.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Ineligible {
    /// It is held or retired.
    #[error("the device is {0}")]
    Standing(&'static str),
    /// It does not belong.
    #[error("the device does not belong to the cohort{0}")]
    NotMember(String),
    /// No image for its model.
    #[error("{release} has no image for {model}")]
    NoArtifact {
        /// The release.
        release: String,
        /// The model.
        model: String,
    },
    /// It has never said what it runs.
    #[error("the device has not checked in yet")]
    NeverSeen,
    /// It runs it.
    #[error("the device runs this image already")]
    AlreadyRuns,
    /// The rollout takes back what it does not run any more.
    #[error("the device runs something else by now")]
    MovedOn,
    /// It came back from it.
    #[error("the device fled from this image before")]
    Fled,
    /// Its attempt in this rollout is over.
    #[error("the device's attempt ended: {0}")]
    Ended(&'static str),
    /// It was let go on already.
    #[error("the device has its permit and is on trial")]
    OnTrial,
    /// Its counter is as high.
    #[error("its confirmed counter {have} is not below {offered}")]
    Counter {
        /// The device's.
        have: u64,
        /// The manifest's.
        offered: u64,
    },
    /// It must step over another release first.
    #[error("its counter {have} is below {need}: another release must come first")]
    SteppingStone {
        /// The device's.
        have: u64,
        /// The manifest's.
        need: u64,
    },
    /// Its version is not one this release may follow.
    #[error("its version {have} does not satisfy `{need}`")]
    FromVersion {
        /// The device's.
        have: String,
        /// The release's.
        need: String,
    },
    /// Its fuse is burnt further.
    #[error("its secure version {have} is above the image's {offered}")]
    SecureVersion {
        /// The device's.
        have: u32,
        /// The image's.
        offered: u32,
    },
    /// It does not fit.
    #[error("the image has {image} bytes, its slot {slot}")]
    Size {
        /// Bytes.
        image: u64,
        /// Bytes.
        slot: u64,
    },
    /// This rollout is taken back.
    #[error("rollout {0} takes this one back")]
    Superseded(RolloutId),
    /// Withdrawn.
    #[error("the release is {0}")]
    Release(&'static str),
    /// Expired.
    #[error("the manifest has expired; renew it")]
    Expired,
    /// No backend.
    #[error("{0}")]
    NotHosted(NotHosted),
    /// Another rollout is at it.
    #[error("rollout {0} is not finished with the device")]
    Busy(RolloutId),
    /// A device is offered one image at a time, that of the newest rollout that admits it.
    #[error("rollout {0} is newer and comes first")]
    NewerFirst(RolloutId),
    /// Not now.
    #[error("the rollout is {0}")]
    Phase(&'static str),
    /// Not yet.
    #[error(
        "its turn has not come: its place is {}.{:02} %, open to {open}",
        bucket / 100,
        bucket % 100
    )]
    NotOpen {
        /// The device's ten-thousandth.
        bucket: u16,
        /// The frontier.
        open: String,
    },
    /// The count of the rung is used up.
    #[error("the rung admits {limit} devices, and has")]
    CountReached {
        /// Devices.
        limit: u64,
    },
    /// What the plan requires does not hold.
    #[error("it waits until `{0}`")]
    Requires(String),
    /// As many offers are open as may be.
    #[error("{have} offers are open, {cap} may be")]
    Offers {
        /// Open offers.
        have: u64,
        /// The cap.
        cap: u64,
    },
    /// Not at this time of the week.
    #[error("its window {said}, in {}", Rough(*wait))]
    OutsideWindow {
        /// Which window opens, and when by the clock of its zone.
        said: Arc<str>,
        /// When.
        opens: Timestamp,
        /// How long until then.
        wait: Span,
    },
    /// Nobody knows whether it is in its window.
    #[error("its time zone is not known: {0}")]
    NoZone(String),
    /// Nothing is given for a while.
    #[error("nothing is given until {until}: {reason}")]
    Frozen {
        /// Until when.
        until: Timestamp,
        /// Why.
        reason: String,
    },
    /// Nothing is given any more.
    #[error("the rollout gives nothing since {at}, its `stop_at`")]
    Stopped {
        /// Since when.
        at: Timestamp,
    },
    /// It must pass through a stepping stone of its model first.
    #[error("it must pass through {stone} first")]
    MustPass {
        /// The release.
        stone: String,
    },
    /// Its version is declared as never to be updated.
    #[error("its version is a dead end: {0}")]
    DeadEnd(String),
    /// Left out by hand.
    #[error("the device is left out of this rollout: {0}")]
    Excluded(String),
}

impl Ineligible {
    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Standing(_) => "EX-001",
            Self::NotMember(_) => "EX-002",
            Self::NoArtifact { .. } => "EX-003",
            Self::NeverSeen => "EX-004",
            Self::AlreadyRuns => "EX-005",
            Self::MovedOn => "EX-006",
            Self::Fled => "EX-007",
            Self::Ended(_) => "EX-008",
            Self::Counter { .. } => "EX-009",
            Self::SteppingStone { .. } => "EX-010",
            Self::FromVersion { .. } => "EX-011",
            Self::SecureVersion { .. } => "EX-012",
            Self::Size { .. } => "EX-013",
            Self::Release(_) => "EX-014",
            Self::Expired => "EX-015",
            Self::NotHosted(_) => "EX-016",
            Self::Busy(_) => "EX-017",
            Self::Phase(_) => "EX-018",
            Self::NotOpen { .. } => "EX-019",
            Self::CountReached { .. } => "EX-020",
            Self::Requires(_) => "EX-021",
            Self::Offers { .. } => "EX-022",
            Self::Superseded(_) => "EX-023",
            Self::OnTrial => "EX-024",
            Self::Excluded(_) => "EX-025",
            Self::NewerFirst(_) => "EX-026",
            Self::OutsideWindow { .. } => "EX-027",
            Self::NoZone(_) => "EX-028",
            Self::Frozen { .. } => "EX-029",
            Self::Stopped { .. } => "EX-030",
            Self::MustPass { .. } => "EX-031",
            Self::DeadEnd(_) => "EX-032",
        }
    }

    /// Whether neither time nor another release nor the end of a hold lets the device take the
    /// image: nobody need wait for it.
    pub fn bars(&self) -> bool {
        match self {
            Self::NoArtifact { .. }
            | Self::AlreadyRuns
            | Self::MovedOn
            | Self::Fled
            | Self::Ended(_)
            | Self::Counter { .. }
            | Self::SecureVersion { .. }
            | Self::Size { .. }
            | Self::DeadEnd(_)
            | Self::Superseded(_) => true,
            Self::Standing(_)
            | Self::NotMember(_)
            | Self::NeverSeen
            | Self::OnTrial
            | Self::SteppingStone { .. }
            | Self::MustPass { .. }
            | Self::FromVersion { .. }
            | Self::Release(_)
            | Self::Expired
            | Self::NotHosted(_)
            | Self::Busy(_)
            | Self::NewerFirst(_)
            | Self::Phase(_)
            | Self::NotOpen { .. }
            | Self::CountReached { .. }
            | Self::Requires(_)
            | Self::Offers { .. }
            | Self::OutsideWindow { .. }
            | Self::NoZone(_)
            | Self::Frozen { .. }
            | Self::Stopped { .. }
            | Self::Excluded(_) => false,
        }
    }

    /// The earliest time at which it may be over, if that is known.
    pub const fn not_before(&self) -> Option<Timestamp> {
        if let Self::OutsideWindow { opens: at, .. } | Self::Frozen { until: at, .. } = self {
            return Some(*at);
        }
        None
    }

    /// Whether time alone will not change it: such a device is excluded, not waiting.
    pub fn excludes(&self) -> bool {
        matches!(
            self,
            Self::Standing(_)
                | Self::Excluded(_)
                | Self::NoArtifact { .. }
                | Self::AlreadyRuns
                | Self::MovedOn
                | Self::Superseded(_)
                | Self::Fled
                | Self::Counter { .. }
                | Self::SteppingStone { .. }
                | Self::MustPass { .. }
                | Self::DeadEnd(_)
                | Self::FromVersion { .. }
                | Self::SecureVersion { .. }
                | Self::Size { .. }
        )
    }
}
