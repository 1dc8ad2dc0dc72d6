//! Signed paths of images: whoever holds one may download that image until it expires.
//!
//! The signature binds digest, device and expiry, so that a cache or a bucket can check it without
//! knowing tokens. Not here: what is offered. Invariant: signatures are compared in constant time,
//! and nothing of a path is believed before.

use crate::backend::{Kind, Problem};
use hmac::{Hmac, KeyInit as _, Mac as _};
use rollout_core::id::{Digest, decode_hex};
use rollout_core::time::{Span, Timestamp};
use serde::Deserialize;
use sha2::Sha256;

/// Where images are, before the digest.
pub const IMAGES: &str = "/device/v1/images/";
/// What the signature is about: a key that signs other things signs nothing of this by chance.
const DOMAIN: &[u8] = b"image-url-v1\0";
/// A path is good for so many leases, and at least a day: a slow link, a night without power.
const LEASES: u64 = 4;
const AT_LEAST: Span = Span::hours(24);

/// Until when a path made at `now` is good. One that is made before a window opens is good for as
/// long from then on: what was fetched by half goes on where it stopped.
//= design 4.9: expiry never before the window opens
pub fn expiry(now: Timestamp, opens: Option<Timestamp>, lease: Span) -> Timestamp {
    now.max(opens.unwrap_or(now)).after(Span(lease.0.saturating_mul(LEASES)).max(AT_LEAST))
}

/// The signed path of an image, relative to the server.
pub fn sign(key: &[u8; 32], digest: Digest, device: &str, expires: Timestamp) -> String {
    let secs = expires.unix_secs();
    let signature = mac(key, digest, device, secs).finalize().into_bytes();
    let signature = Digest::from_bytes(signature.into());
    format!("{IMAGES}{digest}?device={device}&expires={secs}&signature={signature}")
}

/// What a signed path says of itself.
#[derive(Clone, Debug, Deserialize)]
pub struct Signed {
    /// For which device.
    pub device: String,
    /// Until when, Unix seconds.
    pub expires: u64,
    /// HMAC-SHA256, hexadecimal.
    pub signature: String,
}

/// Checks a path.
///
/// # Errors
/// `UR-001` if the signature is not ours, `UR-002` if it has expired (403).
pub fn check(
    key: &[u8; 32],
    digest: Digest,
    signed: &Signed,
    now: Timestamp,
) -> Result<(), Problem> {
    let mut signature = [0; 32];
    let is_ours = decode_hex(&signed.signature, &mut signature)
        && mac(key, digest, &signed.device, signed.expires).verify_slice(&signature).is_ok();
    if !is_ours {
        return Err(not_ours());
    }
    if signed.expires <= now.unix_secs() {
        let detail = "this path has expired";
        return Err(Problem::new(Kind::Forbidden, "UR-002", detail, "check in for a new one"));
    }
    Ok(())
}

/// A path that we have not signed.
pub(crate) fn not_ours() -> Problem {
    let detail = "the signature of this path is not good";
    Problem::new(Kind::Forbidden, "UR-001", detail, "use the path of the offer as it is")
}

fn mac(key: &[u8; 32], digest: Digest, device: &str, expires: u64) -> Hmac<Sha256> {
    //= RFC 2104 §2: a key shorter than a block is filled up with zeros
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    mac.update(DOMAIN);
    mac.update(digest.as_bytes());
    mac.update(&expires.to_be_bytes());
    mac.update(device.as_bytes());
    mac
}
