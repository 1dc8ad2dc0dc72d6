//! One number for a whole state, so that a replay can be compared to what happened.

use crate::id::Digest;
use core::fmt;
use core::hash::{Hash, Hasher};
use sha2::{Digest as _, Sha256};

/// SHA-256 over everything a rollout's next decision depends on.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StateHash(Digest);

impl StateHash {
    /// The hash of a state.
    pub fn of(state: &impl Hash) -> Self {
        let mut feed = Feed(Sha256::new());
        state.hash(&mut feed);
        Self(Digest::from_bytes(feed.0.finalize().into()))
    }

    /// From a stored value.
    pub const fn from_digest(digest: Digest) -> Self {
        Self(digest)
    }

    /// To be stored.
    pub const fn digest(&self) -> Digest {
        self.0
    }
}

impl fmt::Display for StateHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for StateHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StateHash({self})")
    }
}

/// Feeds a derived [`Hash`] to SHA-256, the same on every machine: little endian, 64-bit sizes.
struct Feed(Sha256);

impl Hasher for Feed {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn write_u16(&mut self, value: u16) {
        self.write(&value.to_le_bytes());
    }

    fn write_u32(&mut self, value: u32) {
        self.write(&value.to_le_bytes());
    }

    fn write_u64(&mut self, value: u64) {
        self.write(&value.to_le_bytes());
    }

    fn write_u128(&mut self, value: u128) {
        self.write(&value.to_le_bytes());
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }

    fn write_isize(&mut self, value: isize) {
        self.write_u64(value as i64 as u64);
    }

    /// The first eight bytes; [`StateHash::of`] takes them all.
    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize();
        digest[..8].iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
    }
}
