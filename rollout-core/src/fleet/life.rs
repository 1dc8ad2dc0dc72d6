//! The life of a device in operators' hands: added, held, released, noted, replaced, retired.
//!
//! Invariants: a retired device never takes part again; a batch is added as a whole or not at all,
//! and the same batch again changes nothing; what is refused names what and why.

use super::{Fleet, Registered, RegistryError, attributes};
use crate::device::{Device, Note, Standing, State};
use crate::hosting::HomeId;
use crate::id::{DeviceId, Digest, HardwareModel, Principal};
use crate::journal::{CohortRecord, Entry, StandingChange, Stored};
use crate::limits::NOTE_CHARS;
use alloc::{
    boxed::Box,
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

/// A device that is added by hand or imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDevice {
    /// Which.
    pub device: DeviceId,
    /// Its model.
    pub hardware: HardwareModel,
    /// Where it is served; the default home if absent.
    pub home: Option<HomeId>,
    /// SHA-256 of its token.
    pub token: Digest,
    /// What is known of it, such as its region.
    pub attributes: BTreeMap<String, String>,
}

/// A device that takes another's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// The one that goes.
    pub old: DeviceId,
    /// The one that comes.
    pub new: DeviceId,
    /// Its model; it need not be that of the old one.
    pub hardware: HardwareModel,
    /// SHA-256 of its token.
    pub token: Digest,
}

/// Why something was not done to a device. Nothing has changed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// It is gone for good.
    #[error("device {device} is retired and does not come back")]
    Retired {
        /// Which.
        device: DeviceId,
    },
    /// A note or a reason that is none.
    #[error("a {what} has 1 to {NOTE_CHARS} characters, this one has {found}")]
    Text {
        /// What it should have been.
        what: &'static str,
        /// Its characters.
        found: usize,
    },
    /// Another token was made in between.
    #[error("token {found} of {device} does not follow token {have}")]
    Generation {
        /// Which device.
        device: DeviceId,
        /// The one that was given.
        found: u32,
        /// The one in force.
        have: u32,
    },
    /// An attribute that cannot be registered.
    #[error("attribute `{name}`: {problem}")]
    Attribute {
        /// Which, cut to 64 characters.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// It is there already, and different.
    #[error("device {device} is there already, with {what}")]
    Differs {
        /// Which.
        device: DeviceId,
        /// What is different.
        what: &'static str,
    },
    /// It cannot take its own place.
    #[error("device {device} cannot replace itself")]
    Itself {
        /// Which.
        device: DeviceId,
    },
    /// One of a batch is refused, and with it the batch.
    #[error("device {index}: {source}")]
    Row {
        /// Which of the batch, from 0.
        index: usize,
        /// Why.
        source: Box<DeviceError>,
    },
    /// It names something that is not there.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl DeviceError {
    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Retired { .. } => "DV-001",
            Self::Text { .. } => "DV-002",
            Self::Generation { .. } => "DV-003",
            Self::Attribute { .. } => "DV-004",
            Self::Differs { .. } => "DV-005",
            Self::Itself { .. } => "DV-006",
            Self::Row { source, .. } => source.code(),
            Self::Registry(source) => source.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Retired { .. } => "add it under another id",
            Self::Text { .. } => "write at least a word, at most a screen",
            Self::Generation { .. } => "ask for another token again",
            Self::Attribute { .. } => "use another name or a shorter value",
            Self::Differs { .. } => {
                "leave it out, set its attributes, or retire it and add it under another id"
            }
            Self::Itself { .. } => "name the device that takes its place",
            Self::Row { source, .. } => source.hint(),
            Self::Registry(source) => source.hint(),
        }
    }

    /// Which of a batch it is about, from 0.
    pub fn index(&self) -> Option<usize> {
        match self {
            Self::Row { index, .. } => Some(*index),
            Self::Retired { .. }
            | Self::Text { .. }
            | Self::Generation { .. }
            | Self::Attribute { .. }
            | Self::Differs { .. }
            | Self::Itself { .. }
            | Self::Registry(_) => None,
        }
    }
}

impl Fleet {
    /// Checks a change of a device's standing. What it is already changes nothing.
    ///
    /// # Errors
    /// [`DeviceError`]: no such device, no reason; a retired device does not come back.
    pub fn set_standing(
        &self,
        device: DeviceId,
        standing: StandingChange,
        by: Principal,
    ) -> Result<Registered, DeviceError> {
        let current = &known(self, &device)?.standing;
        if let StandingChange::Hold { reason } | StandingChange::Retire { reason } = &standing {
            check_text("reason", reason)?;
        }
        let is_so = match (current, &standing) {
            (Standing::Retired { .. }, StandingChange::Retire { .. })
            | (Standing::Active, StandingChange::Release) => true,
            (Standing::Retired { .. }, StandingChange::Hold { .. } | StandingChange::Release) => {
                return Err(DeviceError::Retired { device });
            }
            (Standing::Held { reason: known, .. }, StandingChange::Hold { reason }) => {
                known == reason
            }
            (Standing::Active | Standing::Held { .. }, _) => false,
        };
        if is_so {
            return Ok(Registered::Known);
        }
        Ok(Registered::New(vec![Entry::StandingSet { device, standing, by }]))
    }

    /// Checks another token for a device: of the generation after the one in force. Which token
    /// that is follows from device and generation, so asking twice is asking once.
    ///
    /// # Errors
    /// [`DeviceError`]: no such device, a retired one, another generation.
    pub fn rotate_token(
        &self,
        device: DeviceId,
        token: Digest,
        generation: u32,
        by: Principal,
    ) -> Result<Registered, DeviceError> {
        let Device { generation: have, token: in_force, .. } = active(self, &device)?;
        if generation == *have && token == *in_force && generation > 0 {
            return Ok(Registered::Known);
        }
        if Some(generation) != have.checked_add(1) {
            let have = *have;
            return Err(DeviceError::Generation { device, found: generation, have });
        }
        Ok(Registered::New(vec![Entry::TokenRotated { device, token, generation, by }]))
    }

    /// Checks a note about a device, also a retired one.
    ///
    /// # Errors
    /// [`DeviceError`]: no such device; nothing, or too much, to say.
    pub fn note(
        &self,
        device: DeviceId,
        text: String,
        by: Principal,
    ) -> Result<Registered, DeviceError> {
        known(self, &device)?;
        check_text("note", &text)?;
        Ok(Registered::New(vec![Entry::Noted { device, text, by }]))
    }

    /// Checks devices that are added by hand or imported: all of them, or none.
    ///
    /// # Errors
    /// [`DeviceError::Row`] naming the index.
    pub fn add_devices(
        &self,
        devices: Vec<NewDevice>,
        by: &Principal,
    ) -> Result<Registered, DeviceError> {
        let mut fresh: BTreeMap<&DeviceId, &NewDevice> = BTreeMap::new();
        let mut entries = Vec::new();
        for (index, new) in devices.iter().enumerate() {
            let row = |source| DeviceError::Row { index, source: Box::new(source) };
            let home = self.check_new(new).map_err(row)?;
            let is_there = match (self.devices.get(&new.device), fresh.get(&new.device)) {
                (Some(known), _) => same_device(known, new, &home).map_err(row)?,
                (None, Some(before)) if *before == new => true,
                (None, Some(_)) => {
                    let (device, what) = (new.device.clone(), "another line of this batch");
                    return Err(row(DeviceError::Differs { device, what }));
                }
                (None, None) => false,
            };
            if !is_there {
                fresh.insert(&new.device, new);
                entries.push(enrolled(new, home, by));
            }
        }
        Ok(if entries.is_empty() { Registered::Known } else { Registered::New(entries) })
    }

    fn check_new(&self, new: &NewDevice) -> Result<HomeId, DeviceError> {
        let home = match &new.home {
            None => self.hosting.default_home().id.clone(),
            Some(id) => match self.hosting.home(id) {
                Some(home) => home.id.clone(),
                None => return Err(RegistryError::unknown("home", id).into()),
            },
        };
        attributes::check(&new.attributes)?;
        Ok(home)
    }

    /// Checks that one device may take another's place: the old one is retired, the new one has
    /// its home, its registered attributes, its notes, and its place in every listed cohort. Plans
    /// that are drafted already are not changed.
    ///
    /// # Errors
    /// [`DeviceError`]: no such device, a retired one; a new one that is there already.
    pub fn replace(
        &self,
        replacement: Replacement,
        by: Principal,
    ) -> Result<Registered, DeviceError> {
        let Replacement { old, new, hardware, token } = replacement;
        if old == new {
            return Err(DeviceError::Itself { device: old });
        }
        let reason = format!("replaced by {new}");
        let known = known(self, &old)?;
        let there = self.devices.get(&new);
        if let Standing::Retired { reason: said, .. } = &known.standing {
            let is_done = *said == reason && there.is_some_and(|new| new.hardware == hardware);
            return if is_done {
                Ok(Registered::Known)
            } else {
                Err(DeviceError::Retired { device: old })
            };
        }
        if there.is_some() {
            let name = new.to_string();
            return Err(RegistryError::Exists { kind: "device", name }.into());
        }
        let (home, attributes) = (known.home.clone(), known.registered.clone());
        let added = NewDevice {
            device: new.clone(),
            hardware,
            home: Some(home.clone()),
            token,
            attributes,
        };
        let standing = StandingChange::Retire { reason };
        let mut entries = vec![
            Entry::StandingSet { device: old.clone(), standing, by: by.clone() },
            enrolled(&added, home, &by),
            Entry::Replaced { old: old.clone(), new: new.clone(), by: by.clone() },
        ];
        entries.extend(self.cohorts_with(&old, &new, &by));
        Ok(Registered::New(entries))
    }

    /// Listed cohorts that name `old`, with `new` in its place.
    fn cohorts_with(&self, old: &DeviceId, new: &DeviceId, by: &Principal) -> Vec<Entry> {
        let listed = self.cohorts.iter().filter_map(|(cohort, known)| match &known.record {
            CohortRecord::Listed(list) if list.contains(old) => Some((cohort, list)),
            CohortRecord::Listed(_) | CohortRecord::Query(_) => None,
        });
        let changed = listed.map(|(cohort, list)| {
            let mut list = list.clone();
            list.remove(old);
            list.insert(new.clone());
            let (cohort, record) = (cohort.clone(), CohortRecord::Listed(list));
            Entry::CohortDefined { cohort, record, by: by.clone() }
        });
        changed.collect()
    }

    pub(super) fn fold_life(&mut self, stored: &Stored) {
        if let Entry::Replaced { old, new, .. } = &stored.entry {
            let notes = self.devices.get(old).map(|old| old.notes.clone());
            if let (Some(notes), Some(new)) = (notes, self.devices.get_mut(new)) {
                new.notes = notes;
                new.revision = stored.seq;
            }
        }
        if let Entry::StandingSet { device, standing, by } = &stored.entry {
            self.fold_standing(stored, device, standing, by);
        }
        if let Entry::TokenRotated { device, token, generation, .. } = &stored.entry
            && let Some(known) = self.devices.get_mut(device)
        {
            known.token = *token;
            known.generation = *generation;
            known.revision = stored.seq;
        }
        if let Entry::Noted { device, text, by } = &stored.entry
            && let Some(known) = self.devices.get_mut(device)
        {
            known.note(Note { at: stored.at, by: by.clone(), text: text.clone() });
            known.revision = stored.seq;
        }
    }

    fn fold_standing(
        &mut self,
        stored: &Stored,
        id: &DeviceId,
        change: &StandingChange,
        by: &Principal,
    ) {
        let Some(device) = self.devices.get_mut(id) else { return };
        if device.standing.is_retired() {
            return;
        }
        let (by, at) = (by.clone(), stored.at);
        device.revision = stored.seq;
        device.standing = match change {
            StandingChange::Release => Standing::Active,
            StandingChange::Hold { reason } => Standing::Held { reason: reason.clone(), by, at },
            StandingChange::Retire { reason } => {
                Standing::Retired { reason: reason.clone(), by, at }
            }
        };
        if device.standing.is_retired() {
            self.leave(id);
        }
    }

    /// Ends what a retired device has not been permitted. What it was permitted stays on trial: it
    /// runs the image, whoever owns it, and will not tell how it went.
    fn leave(&mut self, id: &DeviceId) {
        for rollout in self.order.clone() {
            let Some(running) = self.rollouts.get_mut(&rollout) else { continue };
            running.change(id, |execution| {
                if execution.state.is_before_permit() {
                    execution.state = State::Left;
                }
            });
            self.settle(rollout, id);
        }
    }
}

/// A device that is there.
pub(super) fn known<'f>(fleet: &'f Fleet, device: &DeviceId) -> Result<&'f Device, DeviceError> {
    let known = fleet.devices.get(device);
    known.ok_or_else(|| RegistryError::unknown("device", device).into())
}

/// A device that is not gone.
pub(super) fn active<'f>(fleet: &'f Fleet, device: &DeviceId) -> Result<&'f Device, DeviceError> {
    let known = known(fleet, device)?;
    if known.standing.is_retired() {
        return Err(DeviceError::Retired { device: device.clone() });
    }
    Ok(known)
}

pub(super) fn check_text(what: &'static str, text: &str) -> Result<(), DeviceError> {
    let found = text.chars().count();
    if text.trim().is_empty() || found > NOTE_CHARS {
        return Err(DeviceError::Text { what, found });
    }
    Ok(())
}

/// Whether a device that is there is the one that is to be added. Its token may have been rotated
/// since, so that is not looked at.
fn same_device(known: &Device, new: &NewDevice, home: &HomeId) -> Result<bool, DeviceError> {
    let device = || new.device.clone();
    if known.standing.is_retired() {
        return Err(DeviceError::Retired { device: device() });
    }
    let differs = |what| Err(DeviceError::Differs { device: device(), what });
    if known.hardware != new.hardware {
        return differs("another model");
    }
    if known.home != *home {
        return differs("another home");
    }
    if known.registered != new.attributes {
        return differs("other attributes");
    }
    Ok(true)
}

fn enrolled(new: &NewDevice, home: HomeId, by: &Principal) -> Entry {
    Entry::Enrolled {
        device: new.device.clone(),
        hardware: new.hardware.clone(),
        home,
        token: new.token,
        enrollment: None,
        attributes: new.attributes.clone(),
        by: Some(by.clone()),
    }
}
