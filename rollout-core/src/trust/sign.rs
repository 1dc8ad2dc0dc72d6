//! Making signed documents: for publishers at their desks, and for tests. Never on a device.
//!
//! Deliberately not here: entropy (a seed is an argument), files, prompts and pass phrases, and
//! keys that live in a signing service; those sign what [`to_sign`] returns.
//!
//! Invariant: nothing leaves this room that the strict reader would refuse.

use super::document::{DocumentError, Fields};
use super::envelope::{
    COSE_SIGN_TAG, DocumentType, Envelope, EnvelopeError, protected_header, signed_bytes,
};
use super::manifest::{ComponentId, Manifest, Spread};
use super::reader::ReadError;
use super::root::{Role, Root};
use super::writer::{BufferFull, Writer};
use super::{Epoch, FleetId, KeyId, MAX_KEYS, PublicKey, RootVersion, UnixSeconds};
use crate::id::Digest;
use crate::image::ChipId;
use crate::limits::ENVELOPE_BYTES;
use crate::version::{ReleaseCounter, SecureVersion};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use ed25519_dalek::Signer as _;
pub use ed25519_dalek::SigningKey;

/// The key of the field that a renewal changes.
const EXPIRES_KEY: u64 = 11;

/// Makes a key from 32 bytes of entropy.
pub fn signing_key(seed: &[u8; 32]) -> SigningKey {
    SigningKey::from_bytes(seed)
}

/// The public half, as roots list it.
pub fn public_key(key: &SigningKey) -> PublicKey {
    PublicKey(key.verifying_key().to_bytes())
}

/// Threshold and keys of one role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleFields {
    /// How many distinct keys must sign.
    pub threshold: u8,
    /// Indexes into the root's keys, rising.
    pub members: Vec<u8>,
}

/// The fields of a root, to be filled in and encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootFields {
    /// The fleet.
    pub fleet: FleetId,
    /// Its place in the chain, from 1.
    pub version: RootVersion,
    /// When it expires.
    pub expires: UnixSeconds,
    /// The epoch.
    pub epoch: Epoch,
    /// Every key.
    pub keys: Vec<PublicKey>,
    /// Who may sign what. Roles root and release must be there.
    pub roles: BTreeMap<Role, RoleFields>,
    /// When it was made.
    pub issued_at: UnixSeconds,
}

impl RootFields {
    /// The fields of a root that was read, as a start for its successor.
    pub fn of(root: &Root) -> Self {
        let keys = root.keys().to_vec();
        let index = |key: &PublicKey| keys.iter().position(|listed| listed == key);
        let roles = Role::ALL.into_iter().filter_map(|role| {
            let rule = root.role(role)?;
            let members = rule.keys().iter().filter_map(index).map(|at| at as u8).collect();
            Some((role, RoleFields { threshold: rule.threshold, members }))
        });
        Self {
            fleet: root.fleet(),
            version: root.version(),
            expires: root.expires(),
            epoch: root.epoch(),
            roles: roles.collect(),
            issued_at: root.issued_at(),
            keys,
        }
    }

    /// The payload.
    ///
    /// # Errors
    /// [`SignError`] if it breaks a rule, or lists a key that cannot sign.
    pub fn encode(&self) -> Result<Vec<u8>, SignError> {
        let mut buffer = [0; ENVELOPE_BYTES];
        let mut writer = Writer::new(&mut buffer);
        writer.map(8);
        number(&mut writer, 0, DocumentType::Root.number());
        bytes(&mut writer, 1, &self.fleet.0);
        number(&mut writer, 2, self.version.0);
        number(&mut writer, 3, self.expires.0);
        number(&mut writer, 4, self.epoch.0);
        writer.unsigned(5);
        writer.array(self.keys.len());
        self.keys.iter().for_each(|key| writer.bytes(&key.0));
        writer.unsigned(6);
        writer.map(self.roles.len());
        for (role, rule) in &self.roles {
            writer.unsigned(role.number());
            writer.array(2);
            writer.unsigned(rule.threshold.into());
            writer.array(rule.members.len());
            rule.members.iter().for_each(|index| writer.unsigned(u64::from(*index)));
        }
        number(&mut writer, 7, self.issued_at.0);
        let payload = writer.finish()?;
        let root = Root::decode(payload)?;
        match root.keys().iter().find(|key| !key.is_usable()) {
            Some(key) => Err(SignError::UselessKey { key: *key }),
            None => Ok(payload.into()),
        }
    }
}

/// The fields of a manifest, to be filled in and encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestFields {
    /// The fleet.
    pub fleet: FleetId,
    /// The product.
    pub product: String,
    /// The hardware models, in any order.
    pub hardware: Vec<Vec<u8>>,
    /// The root's epoch.
    pub epoch: Epoch,
    /// The next counter.
    pub counter: ReleaseCounter,
    /// The version.
    pub version: String,
    /// SHA-256 of the image.
    pub image: Digest,
    /// Length of the image.
    pub image_bytes: u64,
    /// The hardware security counter.
    pub secure_version: SecureVersion,
    /// The lowest counter that may install it directly.
    pub min_from: ReleaseCounter,
    /// When it expires.
    pub expires: UnixSeconds,
    /// The chip.
    pub chip_id: ChipId,
    /// The component, if named.
    pub component: Option<ComponentId>,
    /// The counter of the manifest whose image this is again.
    pub reissue_of: Option<ReleaseCounter>,
    /// Backend contracts.
    pub contract: Option<String>,
    /// How starts are drawn out.
    pub spread: Option<Spread>,
    /// Image format.
    pub format: Option<u64>,
    /// Digests of delta bases.
    pub delta_bases: Option<Vec<Digest>>,
    /// Hash to report after the update.
    pub config: Option<Digest>,
}

impl ManifestFields {
    /// The fields of a manifest that was read, as a start for a reissue.
    pub fn of(manifest: &Manifest<'_>) -> Self {
        Self {
            fleet: manifest.fleet,
            product: manifest.product.into(),
            hardware: manifest.hardware.iter().map(Vec::from).collect(),
            epoch: manifest.epoch,
            counter: manifest.counter,
            version: manifest.version.as_str().into(),
            image: manifest.image,
            image_bytes: manifest.image_bytes,
            secure_version: manifest.secure_version,
            min_from: manifest.min_from,
            expires: manifest.expires,
            chip_id: manifest.chip_id,
            component: manifest.component,
            reissue_of: manifest.reissue_of,
            contract: manifest.contract.map(String::from),
            spread: manifest.spread,
            format: manifest.format,
            delta_bases: manifest.delta_bases.map(|bases| bases.iter().collect()),
            config: manifest.config,
        }
    }

    /// The payload.
    ///
    /// # Errors
    /// [`SignError`] if it breaks a rule.
    pub fn encode(&self) -> Result<Vec<u8>, SignError> {
        let mut buffer = [0; ENVELOPE_BYTES];
        let mut writer = Writer::new(&mut buffer);
        writer.map(13 + self.optional_count());
        number(&mut writer, 0, DocumentType::Manifest.number());
        bytes(&mut writer, 1, &self.fleet.0);
        text(&mut writer, 2, &self.product);
        writer.unsigned(3);
        writer.array(self.hardware.len());
        let mut hardware: Vec<&Vec<u8>> = self.hardware.iter().collect();
        hardware.sort();
        hardware.into_iter().for_each(|model| writer.bytes(model));
        number(&mut writer, 4, self.epoch.0);
        number(&mut writer, 5, self.counter.0);
        text(&mut writer, 6, &self.version);
        bytes(&mut writer, 7, self.image.as_bytes());
        number(&mut writer, 8, self.image_bytes);
        number(&mut writer, 9, self.secure_version.0.into());
        number(&mut writer, 10, self.min_from.0);
        number(&mut writer, EXPIRES_KEY, self.expires.0);
        number(&mut writer, 12, self.chip_id.0.into());
        self.write_optional(&mut writer);
        let payload = writer.finish()?;
        Manifest::decode(payload)?;
        Ok(payload.into())
    }

    fn optional_count(&self) -> usize {
        [
            self.component.is_some(),
            self.reissue_of.is_some(),
            self.contract.is_some(),
            self.spread.is_some(),
            self.format.is_some(),
            self.delta_bases.is_some(),
            self.config.is_some(),
        ]
        .into_iter()
        .map(usize::from)
        .sum()
    }

    fn write_optional(&self, writer: &mut Writer<'_>) {
        if let Some(component) = self.component {
            number(writer, 13, component.0);
        }
        if let Some(counter) = self.reissue_of {
            number(writer, 14, counter.0);
        }
        if let Some(contract) = &self.contract {
            text(writer, 15, contract);
        }
        if let Some(spread) = self.spread {
            writer.unsigned(16);
            writer.array(2);
            writer.unsigned(spread.not_before.0);
            writer.unsigned(spread.seconds);
        }
        if let Some(format) = self.format {
            number(writer, 17, format);
        }
        if let Some(bases) = &self.delta_bases {
            writer.unsigned(18);
            writer.array(bases.len());
            bases.iter().for_each(|base| writer.bytes(base.as_bytes()));
        }
        if let Some(config) = self.config {
            bytes(writer, 19, config.as_bytes());
        }
    }
}

fn number(writer: &mut Writer<'_>, key: u64, value: u64) {
    writer.unsigned(key);
    writer.unsigned(value);
}

fn bytes(writer: &mut Writer<'_>, key: u64, value: &[u8]) {
    writer.unsigned(key);
    writer.bytes(value);
}

fn text(writer: &mut Writer<'_>, key: u64, value: &str) {
    writer.unsigned(key);
    writer.text(value);
}

/// The bytes that the holder of one key has to sign.
///
/// # Errors
/// [`SignError::TooLong`] if the payload is larger than any envelope.
pub fn to_sign(
    document: DocumentType,
    signer: &PublicKey,
    payload: &[u8],
) -> Result<Vec<u8>, SignError> {
    let mut buffer = [0; ENVELOPE_BYTES];
    Ok(signed_bytes(&mut buffer, document, signer.id(), payload)?.into())
}

/// Signs a payload with every key and returns the envelope.
///
/// # Errors
/// [`SignError`] if there is no key, a key twice, more than eight, or too much payload.
pub fn sign(
    document: DocumentType,
    payload: &[u8],
    keys: &[&SigningKey],
) -> Result<Vec<u8>, SignError> {
    let mut entries = Vec::new();
    for key in keys {
        let signer = public_key(key);
        let signature = key.sign(&to_sign(document, &signer, payload)?);
        entries.push((signer.id(), signature.to_bytes()));
    }
    envelope_of(payload, &entries)
}

/// Adds one more signature to an envelope. The document keeps its identity.
///
/// # Errors
/// [`SignError`] if it is no envelope, is full, or has a signature of this key.
pub fn add_signature(
    document: DocumentType,
    envelope: &[u8],
    key: &SigningKey,
) -> Result<Vec<u8>, SignError> {
    let signer = public_key(key);
    let payload = Envelope::open(envelope)?.payload();
    let signature = key.sign(&to_sign(document, &signer, payload)?).to_bytes();
    attach_signature(envelope, &signer, signature)
}

/// Adds a signature that was made elsewhere. Whether it is good is for the verifier to say.
///
/// # Errors
/// [`SignError`] if it is no envelope, is full, or has a signature of this key.
pub fn attach_signature(
    envelope: &[u8],
    signer: &PublicKey,
    signature: [u8; 64],
) -> Result<Vec<u8>, SignError> {
    let envelope = Envelope::open(envelope)?;
    let mut entries: Vec<_> = envelope.signatures().collect();
    entries.push((signer.id(), signature));
    envelope_of(envelope.payload(), &entries)
}

/// Signs a manifest again with a later expiry and nothing else changed, skippable keys included.
///
/// # Errors
/// [`SignError`] if it is no manifest, or the expiry is not later.
//= trust §3, manifest key 11
pub fn renew_manifest(
    envelope: &[u8],
    expires: UnixSeconds,
    keys: &[&SigningKey],
) -> Result<Vec<u8>, SignError> {
    let payload = Envelope::open(envelope)?.payload();
    let old = Manifest::decode(payload)?;
    if expires <= old.expires {
        return Err(SignError::NotLater { expires, old: old.expires });
    }
    let mut fields = Fields::open(payload, DocumentType::Manifest)?;
    for key in 1..EXPIRES_KEY {
        fields.required(key)?.pass()?;
    }
    let value = fields.required(EXPIRES_KEY)?;
    let head = &payload[..payload.len() - value.rest().len()];
    value.unsigned()?;
    let mut buffer = [0; ENVELOPE_BYTES];
    let mut writer = Writer::new(&mut buffer);
    writer.raw(head);
    writer.unsigned(expires.0);
    writer.raw(value.rest());
    sign(DocumentType::Manifest, writer.finish()?, keys)
}

fn envelope_of(payload: &[u8], entries: &[(KeyId, [u8; 64])]) -> Result<Vec<u8>, SignError> {
    if !(1..=MAX_KEYS).contains(&entries.len()) {
        return Err(SignError::SignatureCount { count: entries.len() });
    }
    let mut buffer = [0; ENVELOPE_BYTES];
    let mut writer = Writer::new(&mut buffer);
    writer.tag(COSE_SIGN_TAG);
    writer.array(4);
    writer.bytes(&[]);
    writer.map(0);
    writer.bytes(payload);
    writer.array(entries.len());
    for (index, (id, signature)) in entries.iter().enumerate() {
        if entries[..index].iter().any(|(other, _)| other == id) {
            return Err(SignError::SignedTwice { id: *id });
        }
        writer.array(3);
        writer.bytes(&protected_header(*id));
        writer.map(0);
        writer.bytes(signature);
    }
    let envelope = writer.finish()?;
    Envelope::open(envelope)?;
    Ok(envelope.into())
}

/// Why something could not be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The fields break a rule of the document.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// What should be signed further is not an envelope.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// The document is larger than any reader takes.
    #[error(transparent)]
    TooLong(#[from] BufferFull),
    /// No signature, or more than an envelope holds.
    #[error("an envelope holds 1 to {MAX_KEYS} signatures, not {count}")]
    SignatureCount {
        /// How many there would be.
        count: usize,
    },
    /// The same key would sign twice.
    #[error("key {id} has signed this envelope already, a second signature counts for nothing")]
    SignedTwice {
        /// The key's id.
        id: KeyId,
    },
    /// A root would list a key that no signature is good for.
    #[error("key {key} is no point of large order, nothing it signs would be accepted")]
    UselessKey {
        /// The key.
        key: PublicKey,
    },
    /// A renewal would not last longer.
    #[error("the renewal would expire at {expires}, the manifest lasts until {old} already")]
    NotLater {
        /// The expiry asked for.
        expires: UnixSeconds,
        /// The expiry it has.
        old: UnixSeconds,
    },
}

impl From<ReadError> for SignError {
    fn from(error: ReadError) -> Self {
        Self::Document(error.into())
    }
}

impl SignError {
    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Document(error) => error.code(),
            Self::Envelope(error) => error.code(),
            Self::TooLong(error) => error.code(),
            Self::SignatureCount { .. } => "TR-091",
            Self::SignedTwice { .. } => "TR-092",
            Self::UselessKey { .. } => "TR-093",
            Self::NotLater { .. } => "TR-094",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Document(error) => error.hint(),
            Self::Envelope(error) => error.hint(),
            Self::TooLong(error) => error.hint(),
            Self::SignatureCount { .. } => "sign with one to eight keys",
            Self::SignedTwice { .. } => "sign with another key of the role",
            Self::UselessKey { .. } => "generate the key again",
            Self::NotLater { .. } => "name a later expiry",
        }
    }
}
