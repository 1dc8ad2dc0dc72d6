//! The envelope around every signed document, and the counting of its signatures.
//!
//! It is COSE_Sign with everything fixed that can be fixed, so a signature takes exactly
//! [`SIGNATURE_BYTES`]. Deliberately not here: what the payload says.
//!
//! Invariant: thresholds count distinct public keys, whatever key ids and entries claim; and a
//! signature over one type of document is worth nothing for another.

use super::reader::{ReadError, Reader};
use super::writer::{BufferFull, Writer};
use super::{KeyId, MAX_KEYS, PublicKey};
use crate::id::Digest;
use crate::limits::ENVELOPE_BYTES;
use core::fmt;
use ed25519_dalek::{Signature, VerifyingKey};

/// The CBOR tag of COSE_Sign.
//= RFC 9052 §2, table 1
pub const COSE_SIGN_TAG: u64 = 98;

/// How a signer's protected header starts: a map of two, algorithm Ed25519, key id of 8 bytes.
//= RFC 9864 §2.2: Ed25519 is algorithm -19; RFC 9052 §3.1: labels 1 and 4
pub const PROTECTED_PREFIX: [u8; 5] = [0xA2, 0x01, 0x32, 0x04, 0x48];

/// Bytes of a signer's protected header.
const PROTECTED_BYTES: usize = PROTECTED_PREFIX.len() + 8;
/// Offset of the protected header in a signature entry.
const PROTECTED_AT: usize = 2;
/// Offset of the 64 signature bytes in a signature entry.
const SIGNATURE_AT: usize = PROTECTED_AT + PROTECTED_BYTES + 3;
/// Bytes of one signature entry, heads included.
pub const SIGNATURE_BYTES: usize = SIGNATURE_AT + 64;

/// The types of signed documents. None can pass as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DocumentType {
    /// Keys and roles of a fleet.
    Root,
    /// One image for one or more hardware models.
    Manifest,
    /// The answer to one check-in.
    Directive,
    /// Where devices connect.
    Binding,
    /// What a device says about itself.
    Report,
}

impl DocumentType {
    /// Every type, in the order of its number.
    pub const ALL: [Self; 5] =
        [Self::Root, Self::Manifest, Self::Directive, Self::Binding, Self::Report];

    /// The value of the document's key 0.
    pub const fn number(self) -> u64 {
        match self {
            Self::Root => 1,
            Self::Manifest => 2,
            Self::Directive => 3,
            Self::Binding => 4,
            Self::Report => 5,
        }
    }

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Manifest => "manifest",
            Self::Directive => "directive",
            Self::Binding => "binding",
            Self::Report => "report",
        }
    }

    /// The external data that every signature over this type covers.
    //= trust §2
    pub const fn external_aad(self) -> &'static [u8] {
        match self {
            Self::Root => b"fleet-ota/root/1",
            Self::Manifest => b"fleet-ota/manifest/1",
            Self::Directive => b"fleet-ota/directive/1",
            Self::Binding => b"fleet-ota/binding/1",
            Self::Report => b"fleet-ota/report/1",
        }
    }
}

/// A view of an envelope whose form is good. Its signatures are not checked yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope<'a> {
    payload: &'a [u8],
    entries: &'a [u8],
}

impl<'a> Envelope<'a> {
    /// Reads the form of an envelope strictly.
    ///
    /// # Errors
    /// [`EnvelopeError`] for any byte out of place.
    pub fn open(bytes: &'a [u8]) -> Result<Self, EnvelopeError> {
        let mut reader = Reader::new(bytes)?;
        demand(reader.tag()?, COSE_SIGN_TAG, "tag 98")?;
        demand(reader.array()?, 4, "an array of four")?;
        demand(reader.bytes()?, &[], "an empty body header")?;
        demand(reader.map()?, 0, "an empty map of unprotected headers")?;
        let payload = reader.bytes()?;
        let count = reader.array()?;
        if !(1..=MAX_KEYS as u64).contains(&count) {
            return Err(EnvelopeError::Shape { wanted: "1 to 8 signatures" });
        }
        let before = reader.rest();
        (0..count).try_for_each(|_| read_entry(&mut reader))?;
        reader.end()?;
        Ok(Self { payload, entries: before })
    }

    /// The bytes of the document inside.
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// The identity of the document: it stays the same when signatures are added.
    pub fn digest(&self) -> Digest {
        Digest::of(self.payload)
    }

    /// The signature entries as they are encoded, one after the other.
    pub fn entries(&self) -> &'a [u8] {
        self.entries
    }

    /// Key ids and signatures, in the order they were attached.
    pub fn signatures(&self) -> impl Iterator<Item = (KeyId, [u8; 64])> + use<'a> {
        self.entries.chunks_exact(SIGNATURE_BYTES).map(|entry| {
            let (mut id, mut signature) = ([0; 8], [0; 64]);
            id.copy_from_slice(&entry[SIGNATURE_AT - 3 - 8..SIGNATURE_AT - 3]);
            signature.copy_from_slice(&entry[SIGNATURE_AT..]);
            (KeyId(id), signature)
        })
    }
}

fn read_entry(reader: &mut Reader<'_>) -> Result<(), EnvelopeError> {
    demand(reader.array()?, 3, "signatures of three parts")?;
    let protected: [u8; PROTECTED_BYTES] = reader.array_of_bytes()?;
    let prefix = &protected[..PROTECTED_PREFIX.len()];
    demand(prefix, &PROTECTED_PREFIX, "a signer header with Ed25519 and a key id of 8 bytes")?;
    demand(reader.map()?, 0, "an empty map of unprotected headers")?;
    reader.array_of_bytes::<64>()?;
    Ok(())
}

fn demand<T: PartialEq>(found: T, needed: T, wanted: &'static str) -> Result<(), EnvelopeError> {
    if found == needed { Ok(()) } else { Err(EnvelopeError::Shape { wanted }) }
}

/// Writes the bytes that one signature covers.
///
/// # Errors
/// [`BufferFull`] if they do not fit `buffer`.
//= RFC 9052 §4.4: Sig_structure
pub fn signed_bytes<'b>(
    buffer: &'b mut [u8],
    document: DocumentType,
    signer: KeyId,
    payload: &[u8],
) -> Result<&'b [u8], BufferFull> {
    let mut writer = Writer::new(buffer);
    writer.array(5);
    writer.text("Signature");
    writer.bytes(&[]);
    writer.bytes(&protected_header(signer));
    writer.bytes(document.external_aad());
    writer.bytes(payload);
    writer.finish()
}

/// The protected header of one signer.
pub fn protected_header(signer: KeyId) -> [u8; PROTECTED_BYTES] {
    let mut header = [0; PROTECTED_BYTES];
    header[..PROTECTED_PREFIX.len()].copy_from_slice(&PROTECTED_PREFIX);
    header[PROTECTED_PREFIX.len()..].copy_from_slice(&signer.0);
    header
}

/// Demands good signatures of at least `threshold` distinct keys out of `keys`.
///
/// At most [`MAX_KEYS`] keys are looked at. A threshold of zero counts as one. A bad signature is
/// not counted and does no harm.
///
/// # Errors
/// [`TooFewSignatures`] with the count reached.
//= trust §2: thresholds count distinct keys
pub fn verify(
    envelope: &Envelope<'_>,
    document: DocumentType,
    keys: &[PublicKey],
    threshold: u8,
) -> Result<(), TooFewSignatures> {
    let keys = &keys[..keys.len().min(MAX_KEYS)];
    let needed = threshold.max(1);
    let mut counted = [false; MAX_KEYS];
    let mut good = 0;
    for (id, signature) in envelope.signatures() {
        let signer = keys.iter().position(|key| {
            let seen = keys.iter().zip(counted).any(|(other, counted)| counted && other == key);
            !seen && key.id() == id && is_good(envelope, document, key, &signature)
        });
        if let Some(signer) = signer {
            counted[signer] = true;
            good += 1;
        }
        if good >= needed {
            return Ok(());
        }
    }
    Err(TooFewSignatures { document, good, needed })
}

fn is_good(
    envelope: &Envelope<'_>,
    document: DocumentType,
    key: &PublicKey,
    signature: &[u8; 64],
) -> bool {
    let mut buffer = [0; ENVELOPE_BYTES];
    let Ok(message) = signed_bytes(&mut buffer, document, key.id(), envelope.payload) else {
        return false;
    };
    VerifyingKey::from_bytes(&key.0)
        .is_ok_and(|key| key.verify_strict(message, &Signature::from_bytes(signature)).is_ok())
}

/// Fewer distinct keys of the role have signed than it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooFewSignatures {
    /// The type the signatures were checked for.
    pub document: DocumentType,
    /// Distinct keys with a good signature.
    pub good: u8,
    /// The threshold.
    pub needed: u8,
}

impl TooFewSignatures {
    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        "TR-040"
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        "have the missing key holders sign the same payload"
    }
}

impl fmt::Display for TooFewSignatures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, good, needed) = (self.document.name(), self.good, self.needed);
        write!(f, "the {name} is signed by {good} of its role's keys, it needs {needed}")
    }
}

impl core::error::Error for TooFewSignatures {}

/// Why some bytes are not an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// The bytes are not strict.
    Read(ReadError),
    /// A part of the envelope differs from its fixed form.
    Shape {
        /// What it should be.
        wanted: &'static str,
    },
}

impl From<ReadError> for EnvelopeError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl EnvelopeError {
    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read(error) => error.code(),
            Self::Shape { .. } => "TR-030",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Read(error) => error.hint(),
            Self::Shape { .. } => "give the envelope that `rollout` wrote when it signed",
        }
    }
}

impl fmt::Display for EnvelopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => error.fmt(f),
            Self::Shape { wanted } => write!(f, "no signed envelope: it must have {wanted}"),
        }
    }
}

impl core::error::Error for EnvelopeError {}
