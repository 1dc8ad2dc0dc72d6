//! Secrets that follow from a key of ours, so that they are kept nowhere.
//!
//! Not here: the tokens around them; see `token`. Invariant: what was handed out once follows from
//! the same question for ever.

use hmac::{Hmac, KeyInit as _, Mac as _};
use rollout_core::id::DeviceId;
use sha2::Sha256;

/// The secret of a device's token. The same question has the same answer, so one that is asked
/// twice does no harm. `leave` is the public id of the enrollment; it is empty for a device that
/// was added by hand and for every token after a rotation. `generation` is 0 until the first
/// rotation, and another one is another secret.
//= trust §8: device tokens may be derived by HMAC from a key of ours, the id and the enrollment
pub fn device_secret(key: &[u8; 32], device: &DeviceId, leave: &str, generation: u32) -> [u8; 32] {
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    let mut take = |part: &[u8]| {
        mac.update(part);
        mac.update(&[0]);
    };
    take(b"device-token-v1");
    take(leave.as_bytes());
    take(device.as_str().as_bytes());
    if generation > 0 {
        take(generation.to_string().as_bytes());
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_device_leave_and_generation_has_its_own_secret() {
        let device = |name| DeviceId::new(name).expect("an id");
        let one = device_secret(&[7; 32], &device("dev-0001"), "aa", 0);
        assert_eq!(one, device_secret(&[7; 32], &device("dev-0001"), "aa", 0));
        for other in [
            device_secret(&[8; 32], &device("dev-0001"), "aa", 0),
            device_secret(&[7; 32], &device("dev-0002"), "aa", 0),
            device_secret(&[7; 32], &device("dev-0001"), "", 0),
            device_secret(&[7; 32], &device("dev-0001"), "aa", 1),
        ] {
            assert_ne!(one, other);
        }
        // What was handed out stays good.
        let kept = "cc4301867f8afe6a8199b5ecc06292ca61a39b6f07b525998e33e730931966db";
        let hex: String = one.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, kept);
    }
}
