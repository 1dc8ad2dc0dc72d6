//! When a rollout may give anything, besides its ladder: windows, freezes, and its end.
//!
//! A window bounds permits: none is given outside the device's. An offer is made ahead of it, by
//! one lease, so that the image is there when it opens. A freeze, and the end of a rollout, bound
//! both. Invariant: none of this is part of a rollout's state but the plan itself, so what a zone's
//! clocks show, and which freezes there are, changes no decision that was taken.

use super::plan::PlanError;
use super::{Candidate, Ineligible, Phase, Rollout, Waiting};
use crate::calendar::{Freeze, Opening, Openings, Windows, Zones};
use crate::cohort::Attributes as _;
use crate::fleet::NamedFreeze;
use crate::id::FreezeId;
use crate::limits::{FREEZE_REASON_CHARS, FREEZES, WINDOWS};
use crate::time::Timestamp;
use alloc::{collections::BTreeMap, format, vec::Vec};
use core::hash::{Hash, Hasher};

/// The attribute by which a device says, or operators know, in which zone it is.
pub const ZONE: &str = "zone";
/// People who approve the start of an emergency, none of them the author.
pub const EMERGENCY_PEOPLE: u8 = 2;

/// What a plan says about when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// Nothing is given from then on.
    pub stop_at: Option<Timestamp>,
    /// When devices may switch.
    pub windows: Windows,
    /// When nothing is given.
    pub freezes: Vec<Freeze>,
    /// Whether it is urgent enough for two people to start it in a freeze.
    pub lane: Lane,
}

/// Whether freezes hold a rollout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Lane {
    /// They do.
    #[default]
    Usual,
    /// They do not: two people besides the author have approved its start.
    Emergency,
}

/// Feeds nothing for a plan that says nothing of it: older plans keep their state hash.
impl Hash for Schedule {
    fn hash<H: Hasher>(&self, state: &mut H) {
        if *self == Self::default() {
            return;
        }
        let Self { stop_at, windows, freezes, lane } = self;
        // What `Again::Yes` feeds before it is 1.
        state.write_u8(2);
        stop_at.hash(state);
        windows.hash(state);
        freezes.hash(state);
        lane.hash(state);
    }
}

/// What is known about time besides a plan, for a decision on a device.
#[derive(Clone, Copy)]
pub struct Calendar<'a> {
    /// The zones of the fleet.
    pub zones: &'a Zones,
    /// How zones stand to the windows of the rollout.
    pub openings: &'a Openings,
    /// Freezes of the fleet.
    pub freezes: &'a BTreeMap<FreezeId, NamedFreeze>,
}

impl Schedule {
    /// Checks it by itself, and against the start.
    pub(super) fn check(&self, start_at: Option<Timestamp>) -> Result<(), PlanError> {
        if let (Some(start), Some(stop)) = (start_at, self.stop_at)
            && stop <= start
        {
            return Err(PlanError::field("stop_at", "it must be later than `start_at`"));
        }
        if self.windows.weekly.len() > WINDOWS {
            return Err(PlanError::field("window", format!("at most {WINDOWS}")));
        }
        if self.windows.zone_default.is_some() && !self.windows.go_by_device() {
            let problem = "no window goes by the zone of a device";
            return Err(PlanError::field("zone_default", problem));
        }
        if self.freezes.len() > FREEZES {
            return Err(PlanError::field("freeze", format!("at most {FREEZES}")));
        }
        if self.lane == Lane::Emergency && !self.freezes.is_empty() {
            let problem = "an emergency has none of its own; leave it out";
            return Err(PlanError::field("freeze", problem));
        }
        for Freeze { from, until, reason } in &self.freezes {
            if until <= from {
                return Err(PlanError::field("freeze.until", "it must be later than `from`"));
            }
            if reason.is_empty() || reason.chars().count() > FREEZE_REASON_CHARS {
                let problem = format!("1 to {FREEZE_REASON_CHARS} characters");
                return Err(PlanError::field("freeze.reason", problem));
            }
        }
        Ok(())
    }

    /// The end of the rollout, if it is behind us.
    pub fn stopped(&self, now: Timestamp) -> Option<Timestamp> {
        self.stop_at.filter(|at| now >= *at)
    }

    /// The freeze that holds this rollout, of its own or of the fleet: the one that ends last.
    pub fn frozen<'a>(&'a self, calendar: &Calendar<'a>, now: Timestamp) -> Option<&'a Freeze> {
        if self.lane == Lane::Emergency {
            return None;
        }
        let fleet = calendar.freezes.values().map(|named| &named.freeze);
        let all = self.freezes.iter().chain(fleet);
        all.filter(|freeze| freeze.holds(now)).max_by_key(|freeze| freeze.until)
    }
}

impl Rollout {
    /// Whether anything may be given to anybody.
    ///
    /// # Errors
    /// [`Ineligible::Stopped`] and [`Ineligible::Frozen`].
    pub(super) fn gives_to(&self, candidate: &Candidate) -> Result<(), Ineligible> {
        let Candidate { calendar, now, .. } = candidate;
        if let Some(at) = self.plan.schedule.stopped(*now) {
            return Err(Ineligible::Stopped { at });
        }
        match self.plan.schedule.frozen(calendar, *now) {
            None => Ok(()),
            Some(Freeze { until, reason, .. }) => {
                Err(Ineligible::Frozen { until: *until, reason: reason.clone() })
            }
        }
    }

    /// The same, without words.
    pub(super) fn gives_now(&self, Candidate { calendar, now, .. }: &Candidate) -> bool {
        let schedule = &self.plan.schedule;
        schedule.stopped(*now).is_none() && schedule.frozen(calendar, *now).is_none()
    }

    /// How a device stands to the plan's windows; `None` if there are none.
    pub fn opening(&self, candidate: &Candidate) -> Option<Opening> {
        let windows = &self.plan.schedule.windows;
        if windows.weekly.is_empty() {
            return None;
        }
        let Candidate { device, calendar: Calendar { zones, openings, .. }, now, .. } = candidate;
        openings.of(windows, zones, device.get(ZONE), *now)
    }

    /// Whether the device may switch now, as far as windows go.
    ///
    /// # Errors
    /// [`Ineligible::OutsideWindow`] and [`Ineligible::NoZone`].
    //= design 4.1: windows need a check-in or `begin`
    pub(crate) fn is_in_window(&self, candidate: &Candidate) -> Result<(), Ineligible> {
        match self.opening(candidate) {
            None | Some(Opening::Open { .. }) => Ok(()),
            Some(Opening::Closed { opens, said }) => {
                let wait = opens.since(candidate.now);
                Err(Ineligible::OutsideWindow { said, opens, wait })
            }
            Some(Opening::NoZone) => {
                let said = candidate
                    .device
                    .get(ZONE)
                    .map_or_else(|| "it says none".into(), |zone| format!("`{zone}` is none"));
                Err(Ineligible::NoZone(said))
            }
        }
    }

    /// Whether the device may download, as far as windows go: one lease ahead, so that its offer
    /// is still open when its window is.
    pub(super) fn is_near_window(&self, candidate: &Candidate) -> Result<(), Ineligible> {
        match self.is_in_window(candidate) {
            Err(Ineligible::OutsideWindow { wait, .. }) if wait <= self.plan.pace.lease => Ok(()),
            other => other,
        }
    }

    /// The freeze that a rollout waits for which would give something to devices.
    pub fn frozen_wait(&self, calendar: &Calendar<'_>, now: Timestamp) -> Option<Waiting> {
        let freeze = self.plan.schedule.frozen(calendar, now);
        let freeze = freeze.filter(|_| self.phase == Phase::Deploying)?;
        Some(Waiting::Freeze { until: freeze.until, reason: freeze.reason.clone() })
    }

    /// The window that such a rollout waits for: `opens` is when the first of the devices it waits
    /// for comes into its own, if none of them is in it.
    pub fn window_wait(&self, opens: Option<Timestamp>, now: Timestamp) -> Option<Waiting> {
        let opens = opens.filter(|at| *at > now && self.phase == Phase::Deploying)?;
        Some(Waiting::Window { opens })
    }
}
