//! Bearer tokens: `fota_<kind>_<id>_<secret>_<crc>`.
//!
//! The id is public and finds the record, the secret is 32 random bytes of which only the SHA-256
//! is kept, and the checksum lets a scanner tell a leaked token from noise. Deliberately not here:
//! where records are kept and what a token may do. Invariant: a secret is compared in constant
//! time, and nothing but [`Minted::text`] ever shows one.

use core::fmt;
use rollout_core::id::{Digest, ResidentId, decode_hex};
use subtle::ConstantTimeEq as _;

/// Bytes of randomness that [`make`] takes: 8 for an id, 32 for the secret.
pub const ENTROPY_BYTES: usize = 40;
/// Longest id, in characters: a resident id in hexadecimal.
const ID_CHARS: usize = 32;

/// For whom a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenKind {
    /// A person or a program at the operator API.
    Operator,
    /// One device.
    Device,
    /// Devices that enroll.
    Enrollment,
}

impl TokenKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Operator, Self::Device, Self::Enrollment];

    /// Its word within a token.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Operator => "op",
            Self::Device => "dev",
            Self::Enrollment => "enr",
        }
    }
}

/// A token that has just been made.
#[derive(Clone, PartialEq, Eq)]
pub struct Minted {
    /// The token, to be shown once.
    pub text: String,
    /// Its public id.
    pub id: String,
    /// What is kept: SHA-256 of the secret.
    pub hash: Digest,
}

impl fmt::Debug for Minted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Minted").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Makes a token for an operator or an enrollment; its id is random as well.
pub fn make(kind: TokenKind, entropy: &[u8; ENTROPY_BYTES]) -> Minted {
    let (id, secret) = entropy.split_at(ENTROPY_BYTES - 32);
    assemble(kind, hex(id), secret)
}

/// Makes the token of one device; its id is the device's resident id.
pub fn make_for_device(device_id: &str, secret: &[u8; 32]) -> Minted {
    assemble(TokenKind::Device, device_token_id(device_id), secret)
}

/// The id that the token of a device must have.
pub fn device_token_id(device_id: &str) -> String {
    hex(&ResidentId::of(device_id).0)
}

fn assemble(kind: TokenKind, id: String, secret: &[u8]) -> Minted {
    let body = format!("fota_{}_{id}_{}", kind.word(), hex(secret));
    let text = format!("{body}_{:08x}", crc32(body.as_bytes()));
    Minted { text, id, hash: Digest::of(secret) }
}

/// A token that somebody has shown. Its form and checksum are good; nothing else is known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    /// For whom.
    pub kind: TokenKind,
    /// Its public id.
    pub id: &'a str,
    hash: Digest,
}

impl fmt::Debug for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("kind", &self.kind)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl<'a> Token<'a> {
    /// Reads a token. `None` for anything that [`make`] would not have made.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (body, crc) = text.rsplit_once('_')?;
        let mut parts = body.strip_prefix("fota_")?.split('_');
        let (word, id, secret) = (parts.next()?, parts.next()?, parts.next()?);
        let kind = TokenKind::ALL.into_iter().find(|kind| kind.word() == word)?;
        let is_id =
            (1..=ID_CHARS).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let (mut bytes, mut sum) = ([0; 32], [0; 4]);
        let good = parts.next().is_none()
            && is_id
            && decode_hex(secret, &mut bytes)
            && !crc.bytes().any(|byte| byte.is_ascii_uppercase())
            && decode_hex(crc, &mut sum)
            && u32::from_be_bytes(sum) == crc32(body.as_bytes());
        good.then(|| Self { kind, id, hash: Digest::of(&bytes) })
    }

    /// Whether its id is the one that the token of this device must have.
    pub fn names(&self, device_id: &str) -> bool {
        self.resident_id() == Some(ResidentId::of(device_id))
    }

    /// The resident id that its id is, if it is one: the token of a device says whose it is.
    pub fn resident_id(&self) -> Option<ResidentId> {
        let mut id = [0; 16];
        decode_hex(self.id, &mut id).then_some(ResidentId(id))
    }

    /// Whether its secret is the one whose hash was kept; in constant time.
    pub fn matches(&self, kept: &Digest) -> bool {
        self.hash.as_bytes().ct_eq(kept.as_bytes()).into()
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// CRC-32 as in zip and Ethernet. Every check-in shows a token, so it goes by four bytes.
fn crc32(bytes: &[u8]) -> u32 {
    let (words, rest) = bytes.as_chunks::<4>();
    let crc = words.iter().fold(!0, |crc: u32, word| {
        let [a, b, c, d] = (crc ^ u32::from_le_bytes(*word)).to_le_bytes();
        CRC_TABLES[3][usize::from(a)]
            ^ CRC_TABLES[2][usize::from(b)]
            ^ CRC_TABLES[1][usize::from(c)]
            ^ CRC_TABLES[0][usize::from(d)]
    });
    !rest.iter().fold(crc, |crc, byte| {
        let index = (crc ^ u32::from(*byte)) & 0xFF;
        (crc >> 8) ^ CRC_TABLES[0][index as usize]
    })
}

/// What a byte comes to when 0 to 3 others follow it.
static CRC_TABLES: [[u32; 256]; 4] = crc_tables();

const fn crc_tables() -> [[u32; 256]; 4] {
    let mut tables = [[0; 256]; 4];
    let mut index = 0;
    while index < 256 {
        let (mut crc, mut bit) = (index as u32, 0);
        while bit < 8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 & 0u32.wrapping_sub(crc & 1));
            bit += 1;
        }
        tables[0][index] = crc;
        index += 1;
    }
    let mut follow = 1;
    while follow < tables.len() {
        index = 0;
        while index < 256 {
            let crc = tables[follow - 1][index];
            tables[follow][index] = (crc >> 8) ^ tables[0][(crc & 0xFF) as usize];
            index += 1;
        }
        follow += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_usual_one() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn a_token_reads_as_it_was_made_and_shows_no_secret() {
        for kind in TokenKind::ALL {
            let mut entropy = [7; ENTROPY_BYTES];
            entropy[..8].fill(1);
            let made = make(kind, &entropy);
            let token = Token::parse(&made.text).expect("just made");
            assert_eq!((token.kind, token.id), (kind, made.id.as_str()));
            assert!(token.matches(&made.hash));
            assert!(!token.matches(&Digest::of(b"another")));
            assert!(!format!("{made:?}{token:?}").contains("0707"), "{made:?}");
        }
    }

    #[test]
    fn any_changed_character_is_noticed() {
        let made = make_for_device("dev-0001", &[9; 32]);
        assert_eq!(made.id, device_token_id("dev-0001"));
        for index in 0..made.text.len() {
            let mut bytes = made.text.clone().into_bytes();
            bytes[index] = if bytes[index] == b'0' { b'1' } else { b'0' };
            let text = String::from_utf8(bytes).expect("ASCII");
            assert_eq!(Token::parse(&text), None, "{index}");
        }
        for wrong in ["", "fota_op", "fota_op_1_2_3", "Bearer x"] {
            assert_eq!(Token::parse(wrong), None, "{wrong}");
        }
    }
}
