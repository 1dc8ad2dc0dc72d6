//! Whether a device is offered the image, and if not, why: the same answer for the device and for
//! the operator who asks.

use super::install::{can_install, ended_as};
use super::{Admitted, Membership, Rollout, StratumId, Tally};
use crate::device::{Device, Execution, Standing, State};
use crate::fleet::Exclusion;
use crate::hosting::{self, Binding, Hosting, NotHosted};
use crate::id::{CohortId, RolloutId};
use crate::position::Position;
use crate::release::{Artifact, Lifecycle, Release, Target};
use crate::time::Timestamp;
use alloc::{format, string::String};

/// A device and everything around it that its admission depends on.
#[derive(Clone, Copy)]
pub struct Candidate<'a> {
    /// The device.
    pub device: &'a Device,
    /// How it stands in this rollout.
    pub execution: Option<&'a Execution>,
    /// The release of the plan's target.
    pub release: &'a Release,
    /// What is hosted where.
    pub hosting: &'a Hosting,
    /// Named cohorts it belongs to.
    pub in_cohort: &'a dyn Fn(&CohortId) -> bool,
    /// How it stands in another rollout, if the plan takes that one back.
    pub other_execution: Option<&'a Execution>,
    /// Another rollout that takes this one back.
    pub superseded_by: Option<RolloutId>,
    /// Why it is left out of this rollout by hand, if it is.
    pub excluded: Option<&'a Exclusion>,
    /// Its stratum.
    pub stratum: StratumId,
    /// The time.
    pub now: Timestamp,
}

/// What a device is offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms<'a> {
    /// From 1.
    pub attempt: u32,
    /// The image.
    pub artifact: &'a Artifact,
    /// Where the new firmware finds its backend.
    pub binding: Binding,
    /// What lets it in.
    pub admitted: Admitted,
    /// Whether an open offer is repeated.
    pub repeated: bool,
}

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
    /// Left out by hand.
    #[error("the device is left out of this rollout: {0}")]
    Excluded(String),
}

impl Candidate<'_> {
    /// Whether it is kept out for a while: what waits for it keeps.
    pub(super) fn is_held(&self) -> bool {
        matches!(self.device.standing, Standing::Held { .. })
    }

    /// Whether operators let it take part: in the fleet, and in this rollout.
    ///
    /// # Errors
    /// [`Ineligible::Standing`] and [`Ineligible::Excluded`].
    pub(super) fn takes_part(&self) -> Result<(), Ineligible> {
        let standing = &self.device.standing;
        match (standing, self.excluded) {
            (Standing::Held { .. } | Standing::Retired { .. }, _) => {
                Err(Ineligible::Standing(standing.name()))
            }
            (Standing::Active, Some(left_out)) => {
                Err(Ineligible::Excluded(left_out.reason.clone()))
            }
            (Standing::Active, None) => Ok(()),
        }
    }
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
            | Self::Superseded(_) => true,
            Self::Standing(_)
            | Self::NotMember(_)
            | Self::NeverSeen
            | Self::OnTrial
            | Self::SteppingStone { .. }
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
            | Self::Excluded(_) => false,
        }
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
                | Self::FromVersion { .. }
                | Self::SecureVersion { .. }
                | Self::Size { .. }
        )
    }
}

impl Rollout {
    /// Whether a device belongs to the cohort of this rollout.
    pub fn has_member(&self, candidate: &Candidate) -> Result<(), Ineligible> {
        let belongs = match &self.plan.members {
            Membership::Query(query) => match query.explain(candidate.device) {
                None => return Ok(()),
                Some(miss) => return Err(Ineligible::NotMember(format!(": {miss}"))),
            },
            Membership::Listed(list) => list.contains(&candidate.device.id),
            Membership::StillRunning { .. } => {
                candidate.other_execution.is_some_and(|other| other.exposure.is_some())
            }
        };
        if belongs { Ok(()) } else { Err(Ineligible::NotMember(String::new())) }
    }

    /// Decides whether a device is offered the image.
    ///
    /// # Errors
    /// [`Ineligible`]: the first predicate that is false.
    pub fn admit<'a>(
        &self,
        tally: &Tally,
        candidate: &Candidate<'a>,
    ) -> Result<Terms<'a>, Ineligible> {
        let artifact = self.suits(candidate)?;
        if candidate.execution.is_some_and(|execution| execution.state == State::Permitted) {
            return Err(Ineligible::OnTrial);
        }
        let binding = self.can_be_served(candidate, artifact)?;
        if !self.phase.gives() {
            return Err(Ineligible::Phase(self.phase.name()));
        }
        let admitted = self.opens_to(candidate)?;
        let open =
            candidate.execution.filter(|e| e.state.holds_offer() || e.state == State::Interrupted);
        let attempt = match (open, candidate.execution) {
            (Some(open), _) => open.attempt,
            (None, Some(over)) if over.state.is_before_permit() => over.attempt,
            (None, Some(over)) => over.attempt + 1,
            (None, None) => 1,
        };
        if open.is_none() {
            self.has_room(tally, candidate, admitted)?;
        }
        Ok(Terms { attempt, artifact, binding, admitted, repeated: open.is_some() })
    }

    /// Whether the image and the device are for each other, whatever the rollout's progress.
    /// A device this refuses for good is excluded from the rollout's denominators.
    ///
    /// # Errors
    /// [`Ineligible`]: the first predicate that is false.
    pub fn suits<'a>(&self, candidate: &Candidate<'a>) -> Result<&'a Artifact, Ineligible> {
        let Candidate { device, release, .. } = candidate;
        candidate.takes_part()?;
        self.has_member(candidate)?;
        let artifact = release
            .artifact(&self.plan.target, &device.hardware, self.plan.component)
            .ok_or_else(|| Ineligible::NoArtifact {
            release: format!("{}", self.plan.target),
            model: device.hardware.as_str().into(),
        })?;
        let in_hand = match candidate.execution {
            Some(one) if matches!(one.state, State::Permitted | State::Interrupted) => true,
            Some(one) if one.had_its_attempt() => {
                return Err(Ineligible::Ended(ended_as(one.state)));
            }
            Some(_) | None => false,
        };
        // What came back from a power cut is not sent out again into what is taken back.
        let is_out = candidate.execution.is_some_and(|one| one.state == State::Permitted);
        if let (Some(other), false) = (candidate.superseded_by, is_out) {
            return Err(Ineligible::Superseded(other));
        }
        if !in_hand {
            can_install(candidate, artifact, &self.plan.target, self.plan.again)?;
            // One that was let switch says on its trial that it runs something else by now.
            if let (Membership::StillRunning { .. }, Some(other)) =
                (&self.plan.members, candidate.other_execution)
                && device.running() != Some(other.image)
            {
                return Err(Ineligible::MovedOn);
            }
        }
        Ok(artifact)
    }

    /// Whether release, manifest, backend and other rollouts still allow the image.
    ///
    /// # Errors
    /// [`Ineligible`]: the first predicate that is false.
    pub(super) fn may_be_installed(&self, candidate: &Candidate) -> Result<Binding, Ineligible> {
        let artifact = self.suits(candidate)?;
        self.can_be_served(candidate, artifact)
    }

    fn can_be_served(
        &self,
        candidate: &Candidate,
        artifact: &Artifact,
    ) -> Result<Binding, Ineligible> {
        match &candidate.release.lifecycle {
            Lifecycle::Published => {}
            Lifecycle::Draft => return Err(Ineligible::Release("a draft")),
            // The way back of a withdrawn release is what it is there for.
            Lifecycle::Withdrawn { .. } => match self.plan.target {
                Target::Release(_) => {
                    return Err(Ineligible::Release("withdrawn"));
                }
                Target::WayBackOf(_) => {}
            },
        }
        if candidate.now.unix_secs() >= artifact.expires {
            return Err(Ineligible::Expired);
        }
        if let Some(open) = candidate.device.open.filter(|open| *open != self.id) {
            return Err(Ineligible::Busy(open));
        }
        hosting::admissible(&artifact.contract, &candidate.device.home, candidate.hosting)
            .map_err(Ineligible::NotHosted)
    }

    /// Whether the ladder has come to this device.
    pub(crate) fn opens_to(&self, candidate: &Candidate) -> Result<Admitted, Ineligible> {
        let mut named = self.plan.ladder.cohorts_open_at(self.rung);
        if self.has_begun() && named.any(|name| (candidate.in_cohort)(name)) {
            return Ok(Admitted::ByName);
        }
        let position = Position::of(candidate.device.key, self.salt());
        let frontier = self.frontier(candidate.stratum);
        if frontier.opens(position) {
            return Ok(Admitted::ByPosition);
        }
        Err(Ineligible::NotOpen { bucket: position.bucket(), open: format!("{frontier}") })
    }

    /// Whether it is worth asking [`Rollout::admit`]: what fails here, fails there. Needs no
    /// allocation, because most check-ins end here.
    pub(crate) fn could_admit(&self, candidate: &Candidate) -> bool {
        let belongs = match &self.plan.members {
            Membership::Query(query) => query.matches(candidate.device),
            Membership::Listed(_) | Membership::StillRunning { .. } => true,
        };
        belongs && self.phase.gives() && self.is_open_to(candidate)
    }

    /// Whether the ladder has come to this device, without words.
    fn is_open_to(&self, candidate: &Candidate) -> bool {
        let mut named = self.plan.ladder.cohorts_open_at(self.rung);
        let position = || Position::of(candidate.device.key, self.salt());
        (self.has_begun() && named.any(|name| (candidate.in_cohort)(name)))
            || self.frontier(candidate.stratum).opens(position())
    }

    fn has_room(
        &self,
        tally: &Tally,
        candidate: &Candidate,
        admitted: Admitted,
    ) -> Result<(), Ineligible> {
        self.count_room(tally, admitted)?;
        if let Some(require) = &self.plan.require
            && !require.matches(candidate.device)
        {
            return Err(Ineligible::Requires(format!("{require}")));
        }
        let cap = self.offer_cap(tally);
        let have = tally.pending.offers;
        if have >= cap { Err(Ineligible::Offers { have, cap }) } else { Ok(()) }
    }

    /// Whether the count of the open rung leaves room.
    pub(super) fn count_room(&self, tally: &Tally, admitted: Admitted) -> Result<(), Ineligible> {
        match self.plan.ladder.count_limit(self.rung) {
            Some(limit)
                if admitted == Admitted::ByPosition && tally.sum(|_| true).by_position >= limit =>
            {
                Err(Ineligible::CountReached { limit })
            }
            _ => Ok(()),
        }
    }
}
