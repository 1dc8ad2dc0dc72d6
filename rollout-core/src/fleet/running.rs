//! One rollout with everything that was folded for it.

use super::Exclusion;
use super::blame::Origins;
use crate::calendar::Openings;
use crate::device::{Execution, State};
use crate::gate::Evaluation;
use crate::id::{DeviceId, RolloutId};
use crate::position::Frontier;
use crate::rollout::{Losses, Reach, Recent, Rollout, Tally, Waiting};
use crate::time::{ServiceTime, Timestamp};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    vec::Vec,
};

/// Outcomes of a rollout's executions when it ended. Disjoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndCounts {
    /// Permits committed.
    pub exposed: u64,
    /// Confirmed.
    pub confirmed: u64,
    /// Failed, not known to be back.
    pub failed: u64,
    /// Failed, and back.
    pub rolled_back: u64,
    /// Not heard of by the deadline.
    pub silent: u64,
}

/// A rollout, its executions and their counts.
#[derive(Clone, Debug)]
pub struct Running {
    /// The rollout.
    pub rollout: Rollout,
    /// By device.
    pub executions: BTreeMap<DeviceId, Execution>,
    /// Their counts.
    pub tally: Tally,
    /// When the latest permits were given.
    pub recent: Recent,
    /// Devices that are left out by hand.
    pub excluded: BTreeMap<DeviceId, Exclusion>,
    /// How often somebody left a device out or took one in.
    pub exclusions: u64,
    /// Another rollout that takes this one back.
    pub superseded_by: Option<RolloutId>,
    /// Counts at the end: frozen when nothing but people moves it on and every exposed device has
    /// come to something. A resumed rollout has none until it ends again.
    pub at_end: Option<EndCounts>,
    /// What it waited for when it was last looked at. Not part of the fold.
    pub waiting: Option<Waiting>,
    /// What its gates said then. Not part of the fold.
    pub evaluation: Option<Evaluation>,
    /// Counts over the open set at the last tick. Not part of the fold.
    pub reach: Reach,
    /// Frontiers of the ladder's counts at the last tick. Not part of the fold.
    pub count_frontiers: Vec<(u64, Frontier)>,
    /// What the exposed devices were, by count.
    pub(super) origins: Origins,
    /// When the first of the devices it waited for at the last tick comes into its window, if none
    /// was in it. Not part of the fold.
    pub first_opening: Option<Timestamp>,
    /// How zones stand to its windows, as of the last tick. Not part of the fold.
    pub openings: Openings,
    /// Whom its rungs take the way back from, at the last tick; `None` if something has changed
    /// since. Not part of the fold.
    pub losses: Option<Losses>,
    deadlines: BTreeSet<(ServiceTime, DeviceId)>,
    leases: BTreeSet<(Timestamp, DeviceId)>,
}

impl Running {
    /// A rollout nobody has been offered yet.
    pub fn new(rollout: Rollout) -> Self {
        Self {
            origins: Origins::of(&rollout.plan),
            rollout,
            executions: BTreeMap::new(),
            tally: Tally::default(),
            recent: Recent::default(),
            excluded: BTreeMap::new(),
            exclusions: 0,
            superseded_by: None,
            at_end: None,
            waiting: None,
            evaluation: None,
            reach: Reach::default(),
            count_frontiers: Vec::new(),
            first_opening: None,
            openings: Openings::default(),
            losses: None,
            deadlines: BTreeSet::new(),
            leases: BTreeSet::new(),
        }
    }

    /// Puts the rollout where a step has brought it, and says where it was. What was found of
    /// windows is not believed of others, nor of a ladder.
    pub(super) fn replace(&mut self, next: Rollout) -> Rollout {
        if self.rollout.plan.schedule.windows != next.plan.schedule.windows {
            self.openings = Openings::default();
            self.first_opening = None;
        }
        if !Arc::ptr_eq(&self.rollout.plan, &next.plan) {
            self.losses = None;
        }
        core::mem::replace(&mut self.rollout, next)
    }

    /// Replaces a device's execution and everything counted from it.
    pub(super) fn put(&mut self, device: &DeviceId, execution: Execution) {
        let before = self.executions.insert(device.clone(), execution);
        let after = self.executions.get(device);
        self.tally.replace(before.as_ref(), after);
        self.origins.replace(before.as_ref(), after);
        if let Some(before) = &before {
            deadline(before).map(|at| self.deadlines.remove(&(at, device.clone())));
            lease(before).map(|at| self.leases.remove(&(at, device.clone())));
        }
        if let Some(after) = after {
            deadline(after).map(|at| self.deadlines.insert((at, device.clone())));
            lease(after).map(|at| self.leases.insert((at, device.clone())));
        }
        self.note_end();
    }

    /// Freezes the counts once the rollout is over and nobody is on trial any more.
    pub(super) fn note_end(&mut self) {
        if !self.rollout.phase.is_over() {
            self.at_end = None;
        } else if self.at_end.is_none() && self.tally.sum(|_| true).unconfirmed == 0 {
            self.at_end = Some(self.counts());
        }
    }

    /// Changes a device's execution, if it has one; says whether it changed.
    pub(super) fn change(
        &mut self,
        device: &DeviceId,
        change: impl FnOnce(&mut Execution),
    ) -> bool {
        let Some(before) = self.executions.get(device) else { return false };
        let mut after = before.clone();
        change(&mut after);
        let changed = after != *before;
        if changed {
            self.put(device, after);
        }
        changed
    }

    /// Counts the permit of a device by its time. One that was interrupted has had it counted.
    pub(super) fn note_permit(&mut self, device: &DeviceId, at: Timestamp) {
        let known = self.executions.get(device);
        if known.is_some_and(|execution| execution.state != State::Interrupted) {
            self.recent.note(at);
        }
    }

    /// Moves a device's horizon on, never back.
    pub(super) fn stand_still(&mut self, device: &DeviceId, deadline: ServiceTime) {
        self.change(device, |execution| {
            if let Some(exposure) = &mut execution.exposure {
                exposure.deadline = exposure.deadline.max(deadline);
            }
        });
    }

    /// Devices whose horizon or lease has ended.
    pub(super) fn due(&self, now: Timestamp, service: ServiceTime) -> Vec<DeviceId> {
        let matured = self.deadlines.iter().take_while(|(at, _)| *at <= service);
        let lapsed = self.leases.iter().take_while(|(at, _)| *at <= now);
        let matured = matured.map(|(_, device)| device.clone());
        matured.chain(lapsed.map(|(_, device)| device.clone())).collect()
    }

    /// Whether any horizon or lease has ended.
    pub fn is_due(&self, now: Timestamp, service: ServiceTime) -> bool {
        self.deadlines.first().is_some_and(|(at, _)| *at <= service)
            || self.leases.first().is_some_and(|(at, _)| *at <= now)
    }

    /// Outcomes by count, as they are.
    pub fn counts(&self) -> EndCounts {
        let all = self.tally.sum(|_| true);
        EndCounts {
            exposed: all.permitted + all.withdrawn,
            confirmed: all.confirmed,
            failed: all.failed,
            rolled_back: all.rolled_back,
            silent: all.silent,
        }
    }

    /// Devices whose execution may still be revoked by a halt.
    pub(super) fn revocable(&self) -> Vec<DeviceId> {
        self.executions
            .iter()
            .filter(|(_, execution)| execution.state.is_before_permit())
            .map(|(device, _)| device.clone())
            .collect()
    }

    /// Takes back whatever has no permit.
    pub(super) fn revoke_pending(&mut self) -> Vec<DeviceId> {
        let devices = self.revocable();
        for device in &devices {
            self.change(device, |execution| execution.state = State::Revoked);
        }
        devices
    }
}

fn deadline(execution: &Execution) -> Option<ServiceTime> {
    let is_over = execution.outcome.is_some() || execution.state == State::Revoked;
    execution.exposure.filter(|_| !is_over).map(|exposure| exposure.deadline)
}

fn lease(execution: &Execution) -> Option<Timestamp> {
    execution.state.holds_offer().then_some(execution.lease_until)
}
