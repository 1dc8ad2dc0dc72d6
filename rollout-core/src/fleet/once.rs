//! Requests that are carried out once: what was asked under which key, and what was answered.
//!
//! Invariants: the record is written in the transaction of its effect, so either both are there or
//! neither; it is forgotten when its time is over, by the journal's own time, so a replay forgets
//! the same. Not here: what a fingerprint is of; the API says.

use super::Fleet;
use crate::id::{Digest, Principal};
use crate::journal::{Entry, OnceRecord, Seq, Stored};
use crate::limits::ONCE_KEY_BYTES;
use crate::time::Timestamp;
use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};

/// A request that was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    /// Of the whole request.
    pub fingerprint: Digest,
    /// Until when it is remembered.
    pub until: Timestamp,
    /// The entry that remembers it.
    pub seq: Seq,
    /// Status and body of the answer; `None` until it was given, or if it got lost.
    pub answer: Option<(u16, Vec<u8>)>,
}

/// Requests that were carried out, by who asked under which key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OnceLedger {
    records: BTreeMap<(Principal, String), Once>,
    ends: BTreeSet<(Timestamp, (Principal, String))>,
}

impl OnceLedger {
    /// What is remembered of a key.
    pub fn get(&self, principal: &Principal, key: &str) -> Option<&Once> {
        self.records.get(&(principal.clone(), key.into()))
    }

    /// How many are remembered.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether none is remembered.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Forgets what is over at `now`: as many steps as there are records to forget.
    pub(super) fn forget(&mut self, now: Timestamp) {
        while let Some((until, _)) = self.ends.first()
            && *until <= now
            && let Some((_, name)) = self.ends.pop_first()
        {
            self.records.remove(&name);
        }
    }

    fn remember(&mut self, seq: Seq, record: &OnceRecord) {
        let OnceRecord { principal, key, fingerprint, until } = record;
        let name = (principal.clone(), key.clone());
        let once = Once { fingerprint: *fingerprint, until: *until, seq, answer: None };
        if let Some(before) = self.records.insert(name.clone(), once) {
            self.ends.remove(&(before.until, name.clone()));
        }
        self.ends.insert((*until, name));
    }
}

/// Why a request is not carried out, once more or at all. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OnceError {
    /// The key was used for something else.
    #[error("the key `{key}` was used for another request")]
    OtherRequest {
        /// The key.
        key: String,
    },
    /// It is, or was, carried out.
    #[error("the request with the key `{key}` was taken already")]
    Taken {
        /// The key.
        key: String,
    },
    /// A key that is none.
    #[error("a key has 1 to {ONCE_KEY_BYTES} bytes, this one has {found}")]
    Key {
        /// Its bytes.
        found: usize,
    },
}

impl OnceError {
    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::OtherRequest { .. } => "ON-001",
            Self::Taken { .. } => "ON-002",
            Self::Key { .. } => "ON-003",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::OtherRequest { .. } => "draw a new key for each request",
            Self::Taken { .. } => "ask again in a moment for its answer; nothing is done twice",
            Self::Key { .. } => "draw a UUID",
        }
    }
}

impl Fleet {
    /// Checks that a request was not carried out yet.
    ///
    /// # Errors
    /// [`OnceError`].
    pub fn check_once(&self, record: &OnceRecord, now: Timestamp) -> Result<(), OnceError> {
        let OnceRecord { principal, key, fingerprint, .. } = record;
        if key.is_empty() || key.len() > ONCE_KEY_BYTES {
            return Err(OnceError::Key { found: key.len() });
        }
        match self.once.get(principal, key).filter(|known| known.until > now.max(self.clock)) {
            None => Ok(()),
            Some(known) if known.fingerprint == *fingerprint => {
                Err(OnceError::Taken { key: key.clone() })
            }
            Some(_) => Err(OnceError::OtherRequest { key: key.clone() }),
        }
    }

    pub(super) fn fold_once(&mut self, stored: &Stored) {
        if let Entry::Once(record) = &stored.entry {
            self.once.remember(stored.seq, record);
        }
        // The first answer is the answer.
        if let Entry::Answered { principal, key, status, body } = &stored.entry
            && let Some(known) = self.once.records.get_mut(&(principal.clone(), key.clone()))
            && known.answer.is_none()
        {
            known.answer = Some((*status, body.clone()));
        }
    }
}
