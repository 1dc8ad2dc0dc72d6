//! The support desk: one release for one device, at once.
//!
//! Invariant: asking for the same while it is under way is asking once.

use super::{Fleet, Registered, RegistryError};
use crate::id::{DeviceId, Principal, RolloutId};
use crate::release::{ReleaseId, Target};
use crate::rollout::{Again, Membership, Phase, Plan};
use crate::time::Timestamp;

impl Fleet {
    /// Decides whether a release is offered to one device alone, by a rollout of its own that
    /// starts at once under `id`. One that offers it already, and still may, is left as it is.
    ///
    /// # Errors
    /// As [`Fleet::one_device_plan`].
    pub fn offer_to_one(
        &self,
        id: RolloutId,
        device: &DeviceId,
        release: &ReleaseId,
        again: Again,
        by: &Principal,
        now: Timestamp,
    ) -> Result<Registered, RegistryError> {
        let plan = self.one_device_plan(device, release, again)?;
        if self.rollouts.contains_key(&id) || self.offered_to_one(device, release, again).is_some()
        {
            return Ok(Registered::Known);
        }
        let now = now.max(self.clock);
        let (entries, outbox) = self.drafted_and_started(id, plan, by, now);
        Ok(Registered::Decided(entries, outbox))
    }

    /// The newest rollout that offers a release to this device alone, and has not come to an end.
    pub fn offered_to_one(
        &self,
        device: &DeviceId,
        release: &ReleaseId,
        again: Again,
    ) -> Option<RolloutId> {
        let is_it = |id: &&RolloutId| {
            self.rollouts.get(*id).is_some_and(|running| {
                let rollout = &running.rollout;
                is_under_way(&rollout.phase)
                    && rollout.plan.again == again
                    && is_for_one(&rollout.plan, device, release)
            })
        };
        self.order.iter().rev().find(is_it).copied()
    }
}

fn is_for_one(plan: &Plan, device: &DeviceId, release: &ReleaseId) -> bool {
    let is_alone = match &plan.members {
        Membership::Listed(list) => list.len() == 1 && list.contains(device),
        Membership::Query(_) | Membership::StillRunning { .. } => false,
    };
    is_alone && plan.target == Target::Release(release.clone())
}

const fn is_under_way(phase: &Phase) -> bool {
    match phase {
        Phase::Draft
        | Phase::AwaitingApproval { .. }
        | Phase::Scheduled { .. }
        | Phase::Deploying
        | Phase::Soaking
        | Phase::Paused { .. } => true,
        Phase::Halted { .. } | Phase::Completed { .. } | Phase::Canceled { .. } => false,
    }
}
