//! All devices: found by name, found by resident id in one look, and passed over in one stream.
//!
//! Invariants: a device keeps its place, and nobody is ever removed; the order of
//! [`Devices::values`] is the order of enrollment, which the journal alone decides.

use crate::device::Device;
use crate::id::{DeviceId, ResidentId};
use alloc::{collections::BTreeMap, vec, vec::Vec};
use core::borrow::Borrow;
use core::ops::{Bound, Index};

/// The devices of a fleet.
#[derive(Clone, Debug, Default)]
pub struct Devices {
    all: Vec<Device>,
    names: BTreeMap<DeviceId, u32>,
    /// Places by resident id, at most half of them taken; the length is a power of two.
    slots: Vec<Slot>,
}

/// A device's place plus one, and the id that leads there; 0 is free.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    id: ResidentId,
    place: u32,
}

impl Devices {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The device of that name.
    pub fn get<Q: Ord + ?Sized>(&self, name: &Q) -> Option<&Device>
    where
        DeviceId: Borrow<Q>,
    {
        self.names.get(name).map(|place| &self.all[*place as usize])
    }

    /// The device of that name, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, name: &Q) -> Option<&mut Device>
    where
        DeviceId: Borrow<Q>,
    {
        self.names.get(name).map(|place| &mut self.all[*place as usize])
    }

    /// The device of that resident id: what a token names.
    pub fn resident(&self, id: &ResidentId) -> Option<&Device> {
        let place = self.slots.get(self.slot_of(id)?)?.place;
        self.all.get(place.checked_sub(1)? as usize)
    }

    /// All of them, as they were enrolled.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &Device> {
        self.all.iter()
    }

    /// Those whose names follow `name`, by name; all of them without one.
    pub fn after(&self, name: Option<&str>) -> impl Iterator<Item = &Device> {
        let from = name.map_or(Bound::Unbounded, Bound::Excluded);
        let rest = self.names.range::<str, _>((from, Bound::Unbounded));
        rest.map(|(_, place)| &self.all[*place as usize])
    }

    /// Adds a device; one of the same name is replaced.
    pub fn insert(&mut self, device: Device) {
        if let Some(known) = self.get_mut(&device.id) {
            *known = device;
            return;
        }
        let place = self.all.len() as u32;
        self.names.insert(device.id.clone(), place);
        self.all.push(device);
        if self.all.len() * 2 > self.slots.len() {
            self.rebuild();
        } else {
            self.index(place);
        }
    }

    fn rebuild(&mut self) {
        let length = (self.all.len() * 4).next_power_of_two();
        self.slots = vec![Slot::default(); length];
        (0..self.all.len() as u32).for_each(|place| self.index(place));
    }

    fn index(&mut self, place: u32) {
        let id = ResidentId::of(self.all[place as usize].id.as_str());
        if let Some(slot) = self.slot_of(&id).and_then(|at| self.slots.get_mut(at)) {
            *slot = Slot { id, place: place + 1 };
        }
    }

    /// Where `id` is, or would be. The ids are hashes already, so they are their own.
    fn slot_of(&self, id: &ResidentId) -> Option<usize> {
        let mask = self.slots.len().checked_sub(1)?;
        let [a, b, c, d, e, f, g, h, ..] = id.0;
        let mut at = u64::from_le_bytes([a, b, c, d, e, f, g, h]) as usize & mask;
        while self.slots[at].place != 0 && self.slots[at].id != *id {
            at = (at + 1) & mask;
        }
        Some(at)
    }
}

impl Index<&DeviceId> for Devices {
    type Output = Device;

    /// # Panics
    /// If there is no such device.
    fn index(&self, id: &DeviceId) -> &Device {
        &self.all[self.names[id] as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hosting::HomeId;
    use crate::id::{Digest, HardwareModel};
    use crate::time::Timestamp;
    use alloc::format;

    fn device(index: usize) -> Device {
        let id = DeviceId::new(&format!("d-{}", index * 7919 % 1000)).expect("a name");
        let hardware = HardwareModel::new("v980").expect("a model");
        let home = HomeId::new("eu").expect("a name");
        Device::enrolled(id, hardware, home, Digest::of(b"token"), Timestamp(0))
    }

    #[test]
    fn a_device_is_found_by_name_and_by_resident_id_however_many_there_are() {
        let mut devices = Devices::default();
        assert!(devices.resident(&ResidentId::of("d-0")).is_none());
        for index in 0..1000 {
            devices.insert(device(index));
            assert_eq!(devices.len(), index + 1);
        }
        for index in 0..1000 {
            let id = device(index).id;
            assert_eq!(devices.get(id.as_str()).map(|device| &device.id), Some(&id));
            let resident = devices.resident(&ResidentId::of(id.as_str()));
            assert_eq!(resident.map(|device| &device.id), Some(&id));
        }
        assert!(devices.resident(&ResidentId::of("d-1000")).is_none());
        assert!(devices.get("d-1000").is_none());
    }

    #[test]
    fn one_pass_is_by_enrollment_and_one_by_name() {
        let mut devices = Devices::default();
        (0..10).for_each(|index| devices.insert(device(index)));
        devices.insert(device(3));
        assert_eq!(devices.len(), 10);
        let ids = |index| device(index).id;
        assert!(
            devices.values().map(|device| &device.id).eq(&(0..10).map(ids).collect::<Vec<_>>())
        );
        let mut named: Vec<_> = (0..10).map(ids).collect();
        named.sort();
        assert!(devices.after(None).map(|device| &device.id).eq(&named));
        let rest = devices.after(Some(named[6].as_str()));
        assert!(rest.map(|device| &device.id).eq(&named[7..]));
    }
}
