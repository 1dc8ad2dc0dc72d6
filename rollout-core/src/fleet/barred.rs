//! Whether a rollout is for nobody: every device of its cohort is one that will never take it.
//!
//! Invariant: a rollout that has, or may yet get, a single device is not called so. An empty cohort
//! may fill, a device that was never heard of may suit, one that needs another release first may
//! get it, and one that another rollout is at may come back from it. One that is held or left out
//! by hand is judged as if it were not. Not here: what is offered; see `decide`.

use super::{Fleet, Running};
use crate::device::{Device, Execution, Standing};
use crate::id::DeviceId;
use crate::rollout::{Ineligible, Membership};
use crate::time::Timestamp;
use alloc::{collections::BTreeMap, vec::Vec};
use core::fmt;

/// Devices that one reason keeps from an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BarredBy {
    /// As it reads for the first of them.
    pub reason: Ineligible,
    /// How many, at least one.
    pub devices: u64,
    /// The first of them by id.
    pub example: DeviceId,
}

/// Why nobody of a cohort will ever take an image: at least one reason, by code. The devices of the
/// reasons, each counted once, are the cohort without those that are retired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Barred(pub Vec<BarredBy>);

impl fmt::Display for Barred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, BarredBy { reason, devices, example }) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { "; " };
            match devices {
                1 => write!(f, "{comma}1 device, {example}: {reason} ({})", reason.code())?,
                many => {
                    let code = reason.code();
                    write!(f, "{comma}{many} devices, such as {example}: {reason} ({code})")?;
                }
            }
        }
        Ok(())
    }
}

impl Fleet {
    /// Why nobody will ever take what a rollout installs, if that is so. One pass over the devices,
    /// which ends at the first that could.
    pub fn barred(&self, running: &Running, now: Timestamp) -> Option<Barred> {
        let is_way_back = match &running.rollout.plan.members {
            Membership::StillRunning { .. } => true,
            Membership::Query(_) | Membership::Listed(_) => false,
        };
        let has_one = |one: &Execution| one.exposure.is_some() || one.is_open();
        if is_way_back || running.executions.values().any(has_one) {
            return None;
        }
        let mut reasons: BTreeMap<&'static str, BarredBy> = BTreeMap::new();
        for device in self.devices.values() {
            if matches!(device.standing, Standing::Retired { .. }) {
                continue;
            }
            let let_go = match device.standing {
                Standing::Active | Standing::Retired { .. } => None,
                Standing::Held { .. } => {
                    Some(Device { standing: Standing::Active, ..device.clone() })
                }
            };
            let judged_as = let_go.as_ref().unwrap_or(device);
            let judged = self.candidate(running, judged_as, now, |mut candidate| {
                candidate.excluded = None;
                running.rollout.has_member(&candidate).ok()?;
                Some(running.rollout.suits(&candidate).err())
            });
            let Some(why_not) = judged.flatten() else { continue };
            let reason = why_not.filter(|why| why.bars() && device.open.is_none())?;
            let fresh =
                || BarredBy { reason: reason.clone(), devices: 0, example: device.id.clone() };
            reasons.entry(reason.code()).or_insert_with(fresh).devices += 1;
        }
        let reasons: Vec<_> = reasons.into_values().collect();
        (!reasons.is_empty()).then_some(Barred(reasons))
    }
}
