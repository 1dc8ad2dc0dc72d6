//! Leaving one device out of one rollout, and taking it in again.
//!
//! Invariants: a device that is left out is neither offered the image nor permitted to switch; what
//! it had been offered is taken back, what it was permitted stays counted until it says that it
//! stopped.

use super::life::{check_text, known};
use super::{DeviceError, Fleet, Registered, RegistryError, Running};
use crate::device::State;
use crate::id::{DeviceId, Principal, RolloutId};
use crate::journal::{Entry, Stored};
use crate::time::Timestamp;
use alloc::{string::String, vec};

/// Why a device is left out of a rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exclusion {
    /// Why.
    pub reason: String,
    /// By whom.
    pub by: Principal,
    /// When.
    pub at: Timestamp,
}

impl Running {
    /// Whether a device is left out and has nothing of this rollout.
    pub(super) fn is_left_out(&self, device: &DeviceId) -> bool {
        self.excluded.contains_key(device)
            && self.executions.get(device).is_none_or(|execution| {
                execution.exposure.is_none() && execution.state == State::Revoked
            })
    }
}

impl Fleet {
    /// Checks that a device may be left out of a rollout.
    ///
    /// # Errors
    /// [`DeviceError`]: no such rollout or device, no reason.
    pub fn exclude(
        &self,
        rollout: RolloutId,
        device: DeviceId,
        reason: String,
        by: Principal,
    ) -> Result<Registered, DeviceError> {
        let running = self.rollout_with(rollout, &device)?;
        check_text("reason", &reason)?;
        if running.excluded.get(&device).is_some_and(|known| known.reason == reason) {
            return Ok(Registered::Known);
        }
        Ok(Registered::New(vec![Entry::Excluded { rollout, device, reason, by }]))
    }

    /// Checks that a device may take part in a rollout again.
    ///
    /// # Errors
    /// [`DeviceError`]: no such rollout or device.
    pub fn include(
        &self,
        rollout: RolloutId,
        device: DeviceId,
        by: Principal,
    ) -> Result<Registered, DeviceError> {
        let running = self.rollout_with(rollout, &device)?;
        if !running.excluded.contains_key(&device) {
            return Ok(Registered::Known);
        }
        Ok(Registered::New(vec![Entry::Included { rollout, device, by }]))
    }

    fn rollout_with(&self, rollout: RolloutId, device: &DeviceId) -> Result<&Running, DeviceError> {
        known(self, device)?;
        let running = self.rollouts.get(&rollout);
        running.ok_or_else(|| RegistryError::unknown("rollout", rollout).into())
    }

    pub(super) fn fold_excluded(&mut self, stored: &Stored) {
        if let Entry::Excluded { rollout, device, reason, by } = &stored.entry {
            let Some(running) = self.rollouts.get_mut(rollout) else { return };
            let exclusion = Exclusion { reason: reason.clone(), by: by.clone(), at: stored.at };
            running.excluded.insert(device.clone(), exclusion);
            running.exclusions += 1;
            running.change(device, |execution| {
                if execution.state.is_before_permit() {
                    execution.state = State::Revoked;
                }
            });
            self.settle(*rollout, device);
        }
        if let Entry::Included { rollout, device, .. } = &stored.entry
            && let Some(running) = self.rollouts.get_mut(rollout)
        {
            running.excluded.remove(device);
            running.exclusions += 1;
        }
    }
}
