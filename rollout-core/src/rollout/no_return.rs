//! Rungs that take the way back away, and who agreed to that.
//!
//! Invariant: such a rung opens only after people who did not write the plan have agreed, knowing
//! of how many devices. Not here: which devices; see `fleet`.

use super::RungIndex;
use crate::id::Principal;
use alloc::{collections::BTreeMap, vec::Vec};
use core::hash::{Hash, Hasher};

/// Devices that each rung would let in and that could not go back from what it installs. Rungs
/// without any are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Losses(BTreeMap<RungIndex, u64>);

impl Losses {
    /// By rung; counts of 0 are left out.
    pub fn new(counts: impl IntoIterator<Item = (RungIndex, u64)>) -> Self {
        Self(counts.into_iter().filter(|(_, devices)| *devices > 0).collect())
    }

    /// How many devices the rung takes the way back from.
    pub fn at(&self, rung: RungIndex) -> u64 {
        self.0.get(&rung).copied().unwrap_or(0)
    }

    /// Whether no rung takes it from anybody.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// By rung.
    pub fn iter(&self) -> impl Iterator<Item = (RungIndex, u64)> {
        self.0.iter().map(|(rung, devices)| (*rung, *devices))
    }
}

/// Somebody agreed that the way back ends.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Consent {
    /// Who.
    pub by: Principal,
    /// For how many devices it ended then.
    pub devices: u64,
}

impl Consent {
    /// Whether it covers so many devices: those that were named, and a tenth more, because a fleet
    /// grows while people sleep.
    fn covers(&self, devices: u64) -> bool {
        self.devices.saturating_add(self.devices / 10) >= devices
    }
}

/// Who agreed to which rung.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consents(BTreeMap<RungIndex, Vec<Consent>>);

/// Feeds nothing while nobody has agreed: states from before it could be asked keep their hash.
impl Hash for Consents {
    fn hash<H: Hasher>(&self, state: &mut H) {
        if !self.0.is_empty() {
            self.0.hash(state);
        }
    }
}

impl Consents {
    /// Those to a rung, whether they still cover it or not.
    pub fn to(&self, rung: RungIndex) -> &[Consent] {
        self.0.get(&rung).map_or(&[], Vec::as_slice)
    }

    /// By rung, whether they still cover it or not.
    pub fn iter(&self) -> impl Iterator<Item = (RungIndex, &[Consent])> {
        self.0.iter().map(|(rung, people)| (*rung, people.as_slice()))
    }

    /// Forgets those to rungs that `keep` does not want.
    pub(super) fn retain(&mut self, keep: impl Fn(RungIndex) -> bool) {
        self.0.retain(|rung, _| keep(*rung));
    }

    /// How many people have agreed to a rung that takes the way back from so many devices.
    pub fn covering(&self, rung: RungIndex, devices: u64) -> u8 {
        let covering = self.to(rung).iter().filter(|consent| consent.covers(devices));
        u8::try_from(covering.count()).unwrap_or(u8::MAX)
    }

    /// Notes an agreement; one of the same person to fewer devices is replaced. Says whether it is
    /// new.
    pub(super) fn add(&mut self, rung: RungIndex, consent: Consent) -> bool {
        let known = self.0.entry(rung).or_default();
        if known.iter().any(|one| one.by == consent.by && one.covers(consent.devices)) {
            return false;
        }
        known.retain(|one| one.by != consent.by);
        known.push(consent);
        true
    }
}

/// How many people must agree to a rung that takes the way back away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgreedBy(pub u8);

impl Default for AgreedBy {
    fn default() -> Self {
        Self(1)
    }
}

/// Feeds nothing for one person: plans from before there was a choice keep their state hash.
impl Hash for AgreedBy {
    fn hash<H: Hasher>(&self, state: &mut H) {
        if *self != Self::default() {
            state.write_u8(self.0);
        }
    }
}
