//! `rollout position`: where a device stands in a rollout's order.
//!
//! Deliberately not here: whether it is admitted; nobody is by position alone.
//!
//! Invariant: the same bytes as the server and the device compute, without asking either.

use super::output::Answer;
use rollout_core::id::{DeviceId, RolloutId};
use rollout_core::position::{DeviceKey, Position, Salt};

/// Computes key, salt, position and bucket.
pub fn position(rollout: RolloutId, device: &DeviceId) -> Answer {
    let key = DeviceKey::of(device.as_str());
    let salt = Salt::of(&rollout.to_string());
    let position = Position::of(key, salt);
    let hex = |value: u64| format!("{value:016x}").into();
    Answer::fields(&[
        ("key", hex(key.0)),
        ("salt", hex(salt.0)),
        ("position", hex(position.0)),
        ("bucket", position.bucket().into()),
    ])
}
