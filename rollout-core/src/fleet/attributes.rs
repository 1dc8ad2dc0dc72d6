//! What operators know of a device: checked when it is added, and changed afterwards.
//!
//! Invariants: what is registered stays within the bounds of [`crate::limits`], whoever registers
//! it and however; what the fleet knows by itself, and what changes by the hour, is not registered,
//! for it would be wrong soon and be believed before what the device says. Not here: what the
//! device says of itself.

use super::life::active;
use super::{DeviceError, Fleet, Registered};
use crate::cohort::NO_ATTRIBUTES;
use crate::id::{DeviceId, Principal};
use crate::journal::{Entry, Stored};
use crate::limits::{ATTRIBUTE_BYTES, REGISTERED, REGISTERED_BYTES};
use crate::rollout::{VOLATILE, ZONE};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::String,
    vec,
};

/// Names of attributes that the fleet answers by itself; nobody registers them.
const OWN: &[&str] = &["device", "model", "home", "version", "standing"];

impl Fleet {
    /// Checks changes of what operators know of a device: new values by name, and names that are
    /// to be forgotten. What is so already changes nothing.
    ///
    /// # Errors
    /// [`DeviceError`]: no such device, a retired one; an attribute that cannot be registered.
    pub fn set_attributes(
        &self,
        device: DeviceId,
        changes: BTreeMap<String, Option<String>>,
        by: Principal,
    ) -> Result<Registered, DeviceError> {
        let known = &active(self, &device)?.registered;
        let (mut set, mut unset) = (BTreeMap::new(), BTreeSet::new());
        for (name, value) in changes {
            match value {
                Some(value) if known.get(&name) != Some(&value) => drop(set.insert(name, value)),
                None if known.contains_key(&name) => drop(unset.insert(name)),
                Some(_) | None => {}
            }
        }
        if set.is_empty() && unset.is_empty() {
            return Ok(Registered::Known);
        }
        let all = known.iter().filter(|(name, _)| !unset.contains(*name)).chain(&set);
        check_count(all.map(|(name, _)| name).collect())?;
        set.iter().try_for_each(|(name, value)| check_one(name, value))?;
        Ok(Registered::New(vec![Entry::AttributesSet { device, set, unset, by }]))
    }

    pub(super) fn fold_attributes(&mut self, stored: &Stored) {
        if let Entry::AttributesSet { device, set, unset, .. } = &stored.entry
            && let Some(known) = self.devices.get_mut(device)
        {
            known.registered.retain(|name, _| !unset.contains(name));
            known.registered.extend(set.clone());
            if let Some(zone) = set.get(ZONE) {
                self.zones.learn(zone);
            }
            known.revision = stored.seq;
        }
    }
}

/// Checks what a device is registered with.
pub(super) fn check(attributes: &BTreeMap<String, String>) -> Result<(), DeviceError> {
    check_count(attributes.keys().collect())?;
    attributes.iter().try_for_each(|(name, value)| check_one(name, value))
}

fn check_count(names: BTreeSet<&String>) -> Result<(), DeviceError> {
    match names.iter().nth(REGISTERED) {
        Some(name) => Err(wrong(name, format!("more than {REGISTERED} attributes"))),
        None => Ok(()),
    }
}

fn check_one(name: &str, value: &str) -> Result<(), DeviceError> {
    if name.is_empty() || name.len() > ATTRIBUTE_BYTES {
        return Err(wrong(name, format!("a name has 1 to {ATTRIBUTE_BYTES} bytes")));
    }
    if OWN.contains(&name) || NO_ATTRIBUTES.iter().any(|(field, _)| *field == name) {
        return Err(wrong(name, "the fleet knows this by itself".into()));
    }
    if VOLATILE.contains(&name) {
        return Err(wrong(name, "it changes by the hour, and devices say it themselves".into()));
    }
    if value.len() > REGISTERED_BYTES {
        return Err(wrong(name, format!("a value has at most {REGISTERED_BYTES} bytes")));
    }
    Ok(())
}

fn wrong(name: &str, problem: String) -> DeviceError {
    let name = name.chars().take(ATTRIBUTE_BYTES).collect();
    DeviceError::Attribute { name, problem }
}
