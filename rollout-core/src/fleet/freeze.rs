//! Freezes of the whole fleet: named stretches of time in which nothing is given by anybody but
//! in an emergency.
//!
//! Invariant: a freeze that is in force is not cut short by whoever set it alone: it takes a second
//! person, as an emergency does.

use super::{Fleet, Registered};
use crate::calendar::Freeze;
use crate::id::{FreezeId, Principal};
use crate::journal::{Entry, Seq, Stored};
use crate::limits::{FLEET_FREEZES, FREEZE_REASON_CHARS};
use crate::time::Timestamp;
use alloc::{string::String, vec};

/// A freeze of the fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedFreeze {
    /// When, and why.
    pub freeze: Freeze,
    /// Who set it last.
    pub by: Principal,
    /// The entry that did.
    pub revision: Seq,
}

/// Why a freeze is not set or lifted. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FreezeError {
    /// It has no length, or lies behind.
    #[error("a freeze ends after it begins, and not in the past")]
    Times,
    /// No reason, or one nobody reads.
    #[error("a freeze has a reason of 1 to {FREEZE_REASON_CHARS} characters")]
    Reason,
    /// As many as may be.
    #[error("there are {FLEET_FREEZES} freezes that have not ended")]
    Full,
    /// None of this name.
    #[error("there is no freeze `{0}`")]
    Unknown(FreezeId),
    /// Cut short by whoever set it.
    #[error("{by} set freeze `{freeze}`, which is in force, and cannot cut it short alone")]
    SamePerson {
        /// Which.
        freeze: FreezeId,
        /// Who.
        by: String,
    },
}

impl FreezeError {
    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Times => "FZ-001",
            Self::Reason => "FZ-002",
            Self::Full => "FZ-003",
            Self::Unknown(_) => "FZ-004",
            Self::SamePerson { .. } => "FZ-005",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Times => "give a `from` and a later `until` that lies ahead",
            Self::Reason => "say why, for those who wait",
            Self::Full => "lift those that are not needed",
            Self::Unknown(_) => "see `rollout freeze list`",
            Self::SamePerson { .. } => "ask another person to do it",
        }
    }
}

impl Fleet {
    /// Checks a freeze of that name, new or in place of the one that is there.
    ///
    /// # Errors
    /// [`FreezeError`].
    pub fn set_freeze(
        &self,
        name: FreezeId,
        freeze: Freeze,
        by: Principal,
        now: Timestamp,
    ) -> Result<Registered, FreezeError> {
        let known = self.freezes.get(&name);
        if known.is_some_and(|known| known.freeze == freeze) {
            return Ok(Registered::Known);
        }
        if freeze.until <= freeze.from || freeze.until <= now {
            return Err(FreezeError::Times);
        }
        if freeze.reason.is_empty() || freeze.reason.chars().count() > FREEZE_REASON_CHARS {
            return Err(FreezeError::Reason);
        }
        let open = self.freezes.values().filter(|known| known.freeze.until > now).count();
        if known.is_none() && open >= FLEET_FREEZES {
            return Err(FreezeError::Full);
        }
        // Longer, anybody may make it.
        let is_longer = known.is_some_and(|known| freeze.until >= known.freeze.until);
        if !(is_longer && freeze.from <= now) {
            self.may_cut(&name, &by, now)?;
        }
        Ok(Registered::New(vec![Entry::FreezeSet { freeze: name, record: freeze, by }]))
    }

    /// Checks that a freeze may be lifted.
    ///
    /// # Errors
    /// [`FreezeError`].
    pub fn lift_freeze(
        &self,
        name: FreezeId,
        by: Principal,
        now: Timestamp,
    ) -> Result<Registered, FreezeError> {
        if !self.freezes.contains_key(&name) {
            return Err(FreezeError::Unknown(name));
        }
        self.may_cut(&name, &by, now)?;
        Ok(Registered::New(vec![Entry::FreezeLifted { freeze: name, by }]))
    }

    fn may_cut(&self, name: &FreezeId, by: &Principal, now: Timestamp) -> Result<(), FreezeError> {
        match self.freezes.get(name) {
            Some(known) if known.by == *by && known.freeze.holds(now) => {
                let (freeze, by) = (name.clone(), by.as_str().into());
                Err(FreezeError::SamePerson { freeze, by })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The freeze of the fleet that is in force and ends last.
    pub fn frozen(&self, now: Timestamp) -> Option<(&FreezeId, &Freeze)> {
        let named = self.freezes.iter().map(|(name, known)| (name, &known.freeze));
        named.filter(|(_, freeze)| freeze.holds(now)).max_by_key(|(_, freeze)| freeze.until)
    }

    pub(super) fn fold_freeze(&mut self, stored: &Stored) {
        if let Entry::FreezeSet { freeze, record, by } = &stored.entry {
            let (by, revision) = (by.clone(), stored.seq);
            let set = NamedFreeze { freeze: record.clone(), by, revision };
            self.freezes.insert(freeze.clone(), set);
        }
        if let Entry::FreezeLifted { freeze, .. } = &stored.entry {
            self.freezes.remove(freeze);
        }
    }
}
