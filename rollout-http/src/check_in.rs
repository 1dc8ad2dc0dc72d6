//! What a check-in comes to, as far as the model alone can say.
//!
//! Most check-ins change nothing: the device says what it said the last time, and there is nothing
//! for it. Such a one is answered from one look into the fleet. Not here: what is decided, and the
//! wire. Invariant: what is told here is what the daemon's queue would have told.

use crate::backend::CheckedIn;
use rollout_core::device::{Device, State};
use rollout_core::fleet::{Fleet, OfferMade};
use rollout_core::id::RolloutId;
use rollout_core::time::Timestamp;

/// What there is for a device that has said nothing new.
pub enum Prospect {
    /// Something might be for it; the queue decides.
    Ask,
    /// The answer is known: nothing, or the offer that is open already.
    Known(Option<Box<OfferMade>>),
}

/// What there is for a device, by the newest rollout that would admit it.
pub fn prospect(fleet: &Fleet, device: &Device, now: Timestamp) -> Prospect {
    for rollout in fleet.order.iter().rev() {
        match fleet.standing_offer(*rollout, device, now) {
            None => {}
            Some(None) => return Prospect::Ask,
            Some(Some(offer)) => return Prospect::Known(Some(Box::new(offer))),
        }
    }
    Prospect::Known(None)
}

/// Whether a sign of life is worth noting: deadlines need it no more often.
pub fn is_stale(fleet: &Fleet, device: &Device, now: Timestamp) -> bool {
    now.since(device.last_seen).0 > fleet.usual.0 / 4
}

impl CheckedIn {
    /// Everything a device is told, with what was found for it.
    pub fn with(
        fleet: &Fleet,
        device: &Device,
        root_version: u64,
        offer: Option<Box<OfferMade>>,
    ) -> Self {
        let home = fleet.hosting.home(&device.home);
        let home = home.unwrap_or_else(|| fleet.hosting.default_home());
        let known = usize::try_from(root_version).unwrap_or(usize::MAX);
        Self {
            offer,
            stop: to_stop(fleet, device),
            binding: fleet.binding_of(home),
            poll_secs: home.poll_secs,
            root_version: fleet.roots.len() as u64,
            root: fleet.roots.get(known).cloned(),
        }
    }
}

/// The newest rollout that was stopped, or is not for the device any more, and in which the
/// device may still be at work.
fn to_stop(fleet: &Fleet, device: &Device) -> Option<RolloutId> {
    fleet.order.iter().rev().copied().find(|rollout| {
        let Some(running) = fleet.rollouts.get(rollout) else { return false };
        let stops = running.rollout.phase.stops() || running.excluded.contains_key(&device.id);
        stops
            && running.executions.get(&device.id).is_some_and(|execution| {
                matches!(execution.state, State::Revoked | State::Permitted | State::Interrupted)
            })
    })
}
