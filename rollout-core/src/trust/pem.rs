//! Private keys as files that openssl and other tools read: PKCS#8 in PEM.
//!
//! An Ed25519 key has one DER form of 48 bytes, which base64 turns into one line of 64 digits, so
//! no parser of either is needed. Deliberately not here: encrypted keys, key pairs that carry the
//! public half, and files.
//!
//! Invariant: buffers that held a private key are wiped.

use super::sign::SigningKey;
use alloc::string::String;
use zeroize::Zeroizing;

/// What precedes the 32 bytes of the key.
//= RFC 8410 §7: OneAsymmetricKey with id-Ed25519, version 1
const DER_PREFIX: [u8; 16] =
    [0x30, 0x2E, 2, 1, 0, 0x30, 5, 6, 3, 0x2B, 0x65, 0x70, 4, 0x22, 4, 0x20];
const DER_BYTES: usize = DER_PREFIX.len() + 32;

//= RFC 7468 §10
const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

//= RFC 4648 §4
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A text that is not an unencrypted Ed25519 key in PEM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no unencrypted Ed25519 private key in PEM form")]
pub struct PemError;

impl PemError {
    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        "TR-095"
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        "give the file that `rollout key new` or `openssl genpkey -algorithm ed25519` wrote"
    }
}

/// Writes a key as PKCS#8 in PEM.
pub fn key_to_pem(key: &SigningKey) -> Zeroizing<String> {
    let mut der = Zeroizing::new([0; DER_BYTES]);
    der[..DER_PREFIX.len()].copy_from_slice(&DER_PREFIX);
    der[DER_PREFIX.len()..].copy_from_slice(key.as_bytes());
    // Room for everything, because a text that grows leaves copies behind.
    let mut pem = Zeroizing::new(String::with_capacity(BEGIN.len() + END.len() + 64 + 3));
    pem.push_str(BEGIN);
    pem.push('\n');
    for three in der.chunks_exact(3) {
        let word = three.iter().fold(0, |word, byte| word << 8 | usize::from(*byte));
        for shift in [18, 12, 6, 0] {
            pem.push(DIGITS[word >> shift & 63] as char);
        }
    }
    pem.push('\n');
    pem.push_str(END);
    pem.push('\n');
    pem
}

/// Reads a key from PKCS#8 in PEM. Space around and between its lines does not matter.
///
/// # Errors
/// [`PemError`] if it is anything else.
pub fn key_from_pem(pem: &str) -> Result<SigningKey, PemError> {
    let inside = pem.trim().strip_prefix(BEGIN).and_then(|text| text.strip_suffix(END));
    let digits = inside.ok_or(PemError)?.bytes().filter(|byte| !byte.is_ascii_whitespace());
    let mut der = Zeroizing::new([0_u8; DER_BYTES]);
    let (mut word, mut count) = (0_u32, 0);
    for digit in digits {
        let value = DIGITS.iter().position(|known| *known == digit).ok_or(PemError)?;
        word = word << 6 | value as u32;
        count += 1;
        if count % 4 == 0 {
            let at = count / 4 * 3 - 3;
            let three = der.get_mut(at..at + 3).ok_or(PemError)?;
            three.copy_from_slice(&word.to_be_bytes()[1..]);
        }
    }
    let seed: Zeroizing<[u8; 32]> = match der.strip_prefix(&DER_PREFIX) {
        Some(seed) if count == DER_BYTES / 3 * 4 => {
            Zeroizing::new(seed.try_into().map_err(|_| PemError)?)
        }
        Some(_) | None => return Err(PemError),
    };
    Ok(SigningKey::from_bytes(&seed))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 8410 §10.3.
    const PUBLISHED: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
        -----END PRIVATE KEY-----\n";

    #[test]
    fn the_published_key_is_read_and_written() {
        let key = key_from_pem(PUBLISHED).expect("RFC 8410 §10.3");
        assert_eq!(key.as_bytes()[..4], [0xD4, 0xEE, 0x72, 0xDB]);
        assert_eq!(key.verifying_key().to_bytes()[..4], [0x19, 0xBF, 0x44, 0x09]);
        assert_eq!(key_to_pem(&key).as_str(), PUBLISHED);
    }

    #[test]
    fn anything_else_is_refused() {
        let encrypted = PUBLISHED.replace("PRIVATE", "ENCRYPTED PRIVATE");
        let other_curve = PUBLISHED.replace("K2Vw", "K2Vu");
        let cut = PUBLISHED.replace("dVhC", "");
        let longer = PUBLISHED.replace("dVhC", "dVhCAAAA");
        let not_base64 = PUBLISHED.replace("dVhC", "dV=C");
        for pem in ["", &encrypted, &other_curve, &cut, &longer, &not_base64, BEGIN, END] {
            assert_eq!(key_from_pem(pem).map(|key| key.to_bytes()), Err(PemError), "{pem}");
        }
    }
}
