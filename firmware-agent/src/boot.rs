//! The boot record and the rule by which a bootloader picks a slot.
//!
//! The record is small, in two copies, and the only thing that decides what boots. The rule is a
//! pure function, so that a board's boot code and the simulated one are the same. Invariant: an
//! image on trial gets exactly one boot; whatever ends that boot unconfirmed, the other slot is
//! next. Not here: why a trial ended; see [`crate::confirm`].

use crate::cell::{Reader, Stored, Writer};
use crate::flash::{Flash, Half, Region, Slot};

/// State of the image in the active slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Written and activated, not yet booted.
    New,
    /// Booted once, not confirmed.
    PendingVerify,
    /// Confirmed.
    Valid,
}

/// What boots next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BootRecord {
    /// The slot.
    pub active: Slot,
    /// Its state.
    pub state: State,
    /// How often this device switched: names a trial, so that an old one is not taken for it.
    pub trial: u32,
}

impl BootRecord {
    /// A device as it leaves the factory.
    pub const FACTORY: Self = Self { active: Slot::A, state: State::Valid, trial: 0 };

    /// The record after the image of the active slot was given up.
    #[must_use]
    pub const fn returned(self) -> Self {
        Self { active: self.active.other(), state: State::Valid, trial: self.trial }
    }

    /// The record with which a verified image in `slot` is tried next.
    #[must_use]
    pub const fn switched_to(self, slot: Slot) -> Self {
        Self { active: slot, state: State::New, trial: self.trial.wrapping_add(1) }
    }

    /// The record after the running image was confirmed.
    #[must_use]
    pub const fn confirmed(self) -> Self {
        Self { active: self.active, state: State::Valid, trial: self.trial }
    }

    /// What a bootloader does: the record to store before it jumps to its active slot.
    ///
    /// `bootable` says whether a slot holds a whole image. If none does, the record is returned
    /// as it is and the board stays in its bootloader.
    #[must_use]
    pub fn at_reset(self, mut bootable: impl FnMut(Slot) -> bool) -> Self {
        let wanted = match self.state {
            State::New => Self { active: self.active, state: State::PendingVerify, ..self },
            State::PendingVerify => self.returned(),
            State::Valid => self,
        };
        if bootable(wanted.active) {
            return wanted;
        }
        let other = wanted.returned();
        if bootable(other.active) { other } else { self }
    }
}

impl Stored for BootRecord {
    fn region(half: Half) -> Region {
        Region::Boot(half)
    }

    fn put<F: Flash>(&self, out: &mut Writer<'_, F>) -> Result<(), F::Error> {
        let state = match self.state {
            State::New => 0,
            State::PendingVerify => 1,
            State::Valid => 2,
        };
        out.byte(self.active.index() as u8)?;
        out.byte(state)?;
        out.number(u64::from(self.trial))
    }

    fn get<F: Flash>(from: &mut Reader<'_, F>) -> Result<Option<Self>, F::Error> {
        let (Some(active), Some(state), Some(trial)) = (from.byte()?, from.byte()?, from.number()?)
        else {
            return Ok(None);
        };
        let state = match state {
            0 => State::New,
            1 => State::PendingVerify,
            2 => State::Valid,
            _ => return Ok(None),
        };
        let active = if active == 0 { Slot::A } else { Slot::B };
        Ok(Some(Self { active, state, trial: trial as u32 }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_is_one_boot() {
        let switched = BootRecord::FACTORY.switched_to(Slot::B);
        let first = switched.at_reset(|_| true);
        assert_eq!((first.active, first.state), (Slot::B, State::PendingVerify));
        let second = first.at_reset(|_| true);
        assert_eq!((second.active, second.state), (Slot::A, State::Valid));
        assert_eq!(second.at_reset(|_| true), second);
        assert_eq!(first.confirmed().at_reset(|_| true), first.confirmed());
    }

    #[test]
    fn what_cannot_boot_is_not_booted() {
        let switched = BootRecord::FACTORY.switched_to(Slot::B);
        assert_eq!(switched.at_reset(|slot| slot == Slot::A).active, Slot::A);
        assert_eq!(switched.at_reset(|_| false), switched);
    }
}
