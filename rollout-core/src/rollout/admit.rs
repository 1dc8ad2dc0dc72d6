//! Whether a device is offered the image, and if not, why: the same answer for the device and for
//! the operator who asks.

use super::install::{can_install, ended_as};
use super::{Admitted, Calendar, Ineligible, Membership, Recent, Rollout, StratumId, Tally};
use crate::calendar::Opening;
use crate::device::{Device, Execution, Standing, State};
use crate::fleet::Exclusion;
use crate::hosting::{self, Binding, Hosting};
use crate::id::{CohortId, RolloutId};
use crate::position::Position;
use crate::reach::Atlas;
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
    /// Stepping stones and dead ends.
    pub atlas: &'a Atlas,
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
    /// What is known about time.
    pub calendar: Calendar<'a>,
    /// When the latest permits of this rollout were given.
    pub recent: &'a Recent,
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
    /// When its window opens, if it is outside.
    pub opens: Option<Timestamp>,
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
        self.gives_to(candidate)?;
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
        let opens = match self.opening(candidate) {
            Some(Opening::Closed { opens, .. }) => Some(opens),
            Some(Opening::Open { .. } | Opening::NoZone) | None => None,
        };
        Ok(Terms { attempt, artifact, binding, admitted, repeated: open.is_some(), opens })
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
        let gives = self.phase.gives() && self.gives_now(candidate);
        belongs && gives && self.is_open_to(candidate)
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
        if have >= cap {
            return Err(Ineligible::Offers { have, cap });
        }
        self.is_near_window(candidate)
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
