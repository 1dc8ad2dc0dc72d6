//! Where a device stands in a rollout's order, and how far the rollout has opened.
//!
//! The order is a function of the rollout and the device alone, so it rotates with each rollout,
//! survives every restart, and the device itself can compute and explain it. Invariant: a
//! [`Frontier`] only rises. Not here: who is admitted; a position alone admits nobody.

use core::fmt;
use sha2::{Digest as _, Sha256};

/// What a device brings to every position: depends on its id alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceKey(pub u64);

/// What a rollout brings to every position: depends on its id alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Salt(pub u64);

/// A device's place in a rollout, uniform over `0..2^64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

//= design 4.2: first 8 bytes, big endian, of SHA-256("device-key-v1" 00 device-id)
impl DeviceKey {
    /// The key of a device id.
    pub fn of(device_id: &str) -> Self {
        Self(leading_u64(b"device-key-v1\0", device_id.as_bytes()))
    }
}

impl Salt {
    /// The salt of a rollout, whose id is given as lower-case hyphenated UUID text.
    pub fn of(rollout_id: &str) -> Self {
        Self(leading_u64(b"rollout-salt-v1\0", rollout_id.as_bytes()))
    }
}

fn leading_u64(domain: &[u8], name: &[u8]) -> u64 {
    let digest = Sha256::new().chain_update(domain).chain_update(name).finalize();
    digest[..8].iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

impl Position {
    /// The position of a device in a rollout.
    //= design 4.2: SplitMix64 finalizer over device_key XOR salt
    pub const fn of(device: DeviceKey, salt: Salt) -> Self {
        let mut z = device.0 ^ salt.0;
        z ^= z >> 30;
        z = z.wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z ^= z >> 27;
        z = z.wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        Self(z)
    }

    /// The ten-thousandth this position lies in, `0..=9999`.
    pub const fn bucket(self) -> u16 {
        ((self.0 as u128 * 10_000) >> 64) as u16
    }
}

/// How far a rollout is open: positions strictly below it are. `0..=2^64`, which is 100 %.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Frontier(u128);

impl Frontier {
    /// Nobody.
    pub const CLOSED: Self = Self(0);
    /// Everybody.
    pub const OPEN: Self = Self(1 << 64);

    /// The frontier at a share of the fleet in basis points; above 10 000 it is [`Self::OPEN`].
    //= design 4.2: ceil(bp * 2^64 / 10000)
    pub const fn at_bp(bp: u16) -> Self {
        if bp >= 10_000 {
            return Self::OPEN;
        }
        Self(((bp as u128) << 64).div_ceil(10_000))
    }

    /// The least frontier that opens `position`.
    pub const fn above(position: Position) -> Self {
        Self(position.0 as u128 + 1)
    }

    /// From a stored value; `None` above 2^64.
    pub const fn from_raw(value: u128) -> Option<Self> {
        if value > Self::OPEN.0 { None } else { Some(Self(value)) }
    }

    /// The stored value, `0..=2^64`.
    pub const fn raw(self) -> u128 {
        self.0
    }

    /// Whether `position` is open.
    pub const fn opens(self, position: Position) -> bool {
        (position.0 as u128) < self.0
    }

    /// The higher of the two: frontiers only rise.
    #[must_use]
    pub const fn raised_to(self, other: Self) -> Self {
        if other.0 > self.0 { other } else { self }
    }
}

impl fmt::Display for Frontier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bp = (self.0 * 10_000) >> 64;
        write!(f, "{}.{:02} %", bp / 100, bp % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_of_the_design_are_pinned() {
        let salt = Salt::of("0192f7a0-0000-7000-8000-000000000001");
        assert_eq!(salt.0, 0x5cac_9336_4603_1866);
        for (id, key, position, bucket) in [
            ("dev-0001", 0xf9ad_7bd9_4afc_c4da, 0xbfee_f03f_cc8b_f9b7, 7497),
            ("dev-0002", 0xc47a_1657_0397_cc49, 0xc3a0_8fa2_87aa_f2ae, 7641),
        ] {
            assert_eq!(DeviceKey::of(id).0, key);
            let place = Position::of(DeviceKey::of(id), salt);
            assert_eq!((place.0, place.bucket()), (position, bucket));
        }
    }

    #[test]
    fn the_ends_of_the_scale_are_exact() {
        assert_eq!(Frontier::at_bp(0), Frontier::CLOSED);
        assert_eq!(Frontier::at_bp(10_000), Frontier::OPEN);
        assert!(Frontier::OPEN.opens(Position(u64::MAX)));
        assert!(!Frontier::CLOSED.opens(Position(0)));
        assert!(Frontier::above(Position(7)).opens(Position(7)));
        assert!(!Frontier::above(Position(7)).opens(Position(8)));
    }

    #[test]
    fn a_share_opens_exactly_its_buckets() {
        for position in (0..u64::MAX).step_by(usize::MAX / 4093).map(Position) {
            for bp in [1, 99, 100, 2_500, 9_999] {
                assert_eq!(Frontier::at_bp(bp).opens(position), position.bucket() < bp);
            }
        }
    }
}
