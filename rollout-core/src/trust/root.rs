//! The root document: the keys of a fleet, what each may sign, and the chain of its successors.
//!
//! Deliberately not here: where a device keeps its root, and when it asks for the next.
//!
//! Invariant: a [`Root`] names every role it must, with thresholds its keys can reach; and one
//! root follows another only through signatures of both.

use super::document::{DocumentError, Fields, demand};
use super::envelope::{DocumentType, Envelope, EnvelopeError, TooFewSignatures, verify};
use super::reader::Reader;
use super::{Epoch, FleetId, MAX_KEYS, PublicKey, RootVersion, UnixSeconds};
use core::fmt;

/// How many roles there are.
const ROLES: usize = 4;
/// Arrays and maps around the value of a role: the document and the map of roles.
const OUTSIDE_A_ROLE: u8 = 2;

/// Who may sign what.
//= trust §1
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Signs roots.
    Root,
    /// Signs manifests.
    Release,
    /// Signs directives. A root without it asks for none.
    Director,
    /// Signs bindings.
    Binding,
}

impl Role {
    /// Every role, in the order of its number.
    pub const ALL: [Self; ROLES] = [Self::Root, Self::Release, Self::Director, Self::Binding];

    /// Its key in the map of roles.
    pub const fn number(self) -> u64 {
        match self {
            Self::Root => 0,
            Self::Release => 1,
            Self::Director => 2,
            Self::Binding => 3,
        }
    }
}

/// How much a fleet asks of every installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// A signed manifest is enough.
    Basic,
    /// A signed directive must name the manifest.
    Full,
}

/// The keys of one role and how many of them must sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoleKeys {
    keys: [PublicKey; MAX_KEYS],
    count: u8,
    /// How many distinct keys must have signed, at least 1.
    pub threshold: u8,
}

impl RoleKeys {
    /// The keys, in the order of the root's list.
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys[..usize::from(self.count)]
    }

    /// Demands this role's threshold on an envelope.
    ///
    /// # Errors
    /// [`TooFewSignatures`] if it is not reached.
    pub fn verify(
        &self,
        envelope: &Envelope<'_>,
        document: DocumentType,
    ) -> Result<(), TooFewSignatures> {
        verify(envelope, document, self.keys(), self.threshold)
    }
}

/// Threshold of a role, and its keys as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct RoleRule {
    threshold: u8,
    members: u8,
}

/// A root document that keeps its rules. Whether it is signed depends on where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    fleet: FleetId,
    version: RootVersion,
    expires: UnixSeconds,
    epoch: Epoch,
    issued_at: UnixSeconds,
    keys: [PublicKey; MAX_KEYS],
    key_count: u8,
    roles: [Option<RoleRule>; ROLES],
}

impl Root {
    /// Reads a payload. No signature is checked.
    ///
    /// # Errors
    /// [`DocumentError`] if it is not a root that keeps every rule.
    //= trust §3, root
    pub fn decode(payload: &[u8]) -> Result<Self, DocumentError> {
        let mut fields = Fields::open(payload, DocumentType::Root)?;
        let fleet = FleetId(fields.required(1)?.array_of_bytes()?);
        let version = RootVersion(fields.required(2)?.unsigned()?);
        demand!(version.0 >= 1, 2, "at least 1");
        let expires = UnixSeconds(fields.required(3)?.unsigned()?);
        let epoch = Epoch(fields.required(4)?.unsigned()?);
        let (keys, key_count) = read_keys(fields.required(5)?)?;
        let roles = read_roles(fields.required(6)?, key_count)?;
        let issued_at = UnixSeconds(fields.required(7)?.unsigned()?);
        demand!(issued_at < expires, 7, "before the expiry");
        while let Some(key) = fields.next_key()? {
            fields.skip(key)?;
        }
        fields.end()?;
        Ok(Self { fleet, version, expires, epoch, issued_at, keys, key_count, roles })
    }

    /// Reads the root a device was built with, and demands that it is signed by itself.
    ///
    /// # Errors
    /// [`RootError`] if it is not a root or not signed by its own threshold.
    pub fn pinned(envelope: &[u8]) -> Result<Self, RootError> {
        let envelope = Envelope::open(envelope)?;
        let root = Self::decode(envelope.payload())?;
        root.verify_role(Role::Root, &envelope).map_err(RootError::NotSignedByItself)?;
        Ok(root)
    }

    /// Reads the root that comes right after this one. Its expiry is not looked at.
    ///
    /// # Errors
    /// [`RootError`] if the two are not neighbors in one chain, or one has not signed.
    //= trust §4, root update
    pub fn successor(&self, envelope: &[u8]) -> Result<Self, RootError> {
        let envelope = Envelope::open(envelope)?;
        self.verify_role(Role::Root, &envelope).map_err(RootError::NotSignedByOld)?;
        let next = Self::decode(envelope.payload())?;
        if next.fleet != self.fleet {
            return Err(RootError::WrongFleet { found: next.fleet, own: self.fleet });
        }
        if self.version.0.checked_add(1) != Some(next.version.0) {
            return Err(RootError::NotNext { found: next.version, own: self.version });
        }
        if next.epoch < self.epoch {
            return Err(RootError::EpochFell { found: next.epoch, own: self.epoch });
        }
        next.verify_role(Role::Root, &envelope).map_err(RootError::NotSignedByItself)?;
        Ok(next)
    }

    /// Demands that every listed key can sign at all, which costs a curve point per key.
    ///
    /// For whoever publishes a root; a device need not care about a key that never counts.
    ///
    /// # Errors
    /// [`RootError::UselessKey`] naming the first that cannot.
    pub fn check_keys(&self) -> Result<(), RootError> {
        let useless = self.keys().iter().find(|key| !key.is_usable());
        useless.map_or(Ok(()), |key| Err(RootError::UselessKey { key: *key }))
    }

    /// The fleet.
    pub fn fleet(&self) -> FleetId {
        self.fleet
    }

    /// Its place in the chain.
    pub fn version(&self) -> RootVersion {
        self.version
    }

    /// From this second on nothing is installed under it.
    pub fn expires(&self) -> UnixSeconds {
        self.expires
    }

    /// The epoch that manifests must name.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// A lower bound of the true time.
    pub fn issued_at(&self) -> UnixSeconds {
        self.issued_at
    }

    /// Every key it lists.
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys[..usize::from(self.key_count)]
    }

    /// What it asks of an installation.
    pub fn profile(&self) -> Profile {
        match self.rule_of(Role::Director) {
            Some(_) => Profile::Full,
            None => Profile::Basic,
        }
    }

    /// The keys of a role, if the root names it.
    pub fn role(&self, role: Role) -> Option<RoleKeys> {
        let RoleRule { threshold, members } = self.rule_of(role)?;
        let mut keys = [PublicKey([0; 32]); MAX_KEYS];
        let mut count = 0;
        for (index, key) in self.keys().iter().enumerate() {
            if members & 1 << index != 0 {
                keys[usize::from(count)] = *key;
                count += 1;
            }
        }
        Some(RoleKeys { keys, count, threshold })
    }

    /// Demands a role's threshold on an envelope of the type that role signs.
    ///
    /// # Errors
    /// [`TooFewSignatures`] if it is not reached, or the root has no such role.
    pub fn verify_role(&self, role: Role, envelope: &Envelope<'_>) -> Result<(), TooFewSignatures> {
        let document = match role {
            Role::Root => DocumentType::Root,
            Role::Release => DocumentType::Manifest,
            Role::Director => DocumentType::Directive,
            Role::Binding => DocumentType::Binding,
        };
        match self.role(role) {
            Some(keys) => keys.verify(envelope, document),
            None => Err(TooFewSignatures { document, good: 0, needed: 1 }),
        }
    }

    fn rule_of(&self, role: Role) -> Option<RoleRule> {
        self.roles[role.number() as usize]
    }
}

type Keys = ([PublicKey; MAX_KEYS], u8);

fn read_keys(reader: &mut Reader<'_>) -> Result<Keys, DocumentError> {
    let count = reader.array()?;
    demand!((1..=MAX_KEYS as u64).contains(&count), 5, "1 to 8 keys");
    let mut keys = [PublicKey([0; 32]); MAX_KEYS];
    for index in 0..count as usize {
        let key = PublicKey(reader.array_of_bytes()?);
        demand!(!keys[..index].contains(&key), 5, "without a duplicate");
        keys[index] = key;
    }
    Ok((keys, count as u8))
}

fn read_roles(
    reader: &mut Reader<'_>,
    key_count: u8,
) -> Result<[Option<RoleRule>; ROLES], DocumentError> {
    let mut roles = [None; ROLES];
    let mut last = None;
    for _ in 0..reader.map()? {
        let number = reader.key_after(last)?;
        last = Some(number);
        match Role::ALL.iter().find(|role| role.number() == number) {
            Some(role) => roles[role.number() as usize] = Some(read_role(reader, key_count)?),
            None => reader.skip_unknown(number, OUTSIDE_A_ROLE)?,
        }
    }
    demand!(roles[0].is_some() && roles[1].is_some(), 6, "a map with roles 0 and 1");
    Ok(roles)
}

fn read_role(reader: &mut Reader<'_>, key_count: u8) -> Result<RoleRule, DocumentError> {
    demand!(reader.array()? == 2, 6, "a threshold and key indexes for each role");
    let threshold = reader.unsigned()?;
    let count = reader.array()?;
    demand!((1..=count).contains(&threshold), 6, "a threshold from 1 to the number of keys");
    let (mut members, mut last) = (0, None);
    for _ in 0..count {
        let index = reader.unsigned()?;
        demand!(last.is_none_or(|last| last < index), 6, "key indexes that rise");
        demand!(index < u64::from(key_count), 6, "indexes of listed keys");
        members |= 1 << index;
        last = Some(index);
    }
    Ok(RoleRule { threshold: threshold as u8, members })
}

/// Why a root was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RootError {
    /// It is not an envelope.
    Envelope(EnvelopeError),
    /// What is inside is not a root.
    Document(DocumentError),
    /// It is of another fleet.
    WrongFleet {
        /// The fleet it names.
        found: FleetId,
        /// The fleet of the root before it.
        own: FleetId,
    },
    /// It is not the very next version.
    NotNext {
        /// The version it has.
        found: RootVersion,
        /// The version before it.
        own: RootVersion,
    },
    /// Its epoch is lower.
    EpochFell {
        /// The epoch it has.
        found: Epoch,
        /// The epoch before it.
        own: Epoch,
    },
    /// Too few root keys of the root before it have signed.
    NotSignedByOld(TooFewSignatures),
    /// Too few of its own root keys have signed.
    NotSignedByItself(TooFewSignatures),
    /// It lists a key that no signature can be good for.
    UselessKey {
        /// The key.
        key: PublicKey,
    },
}

impl From<EnvelopeError> for RootError {
    fn from(error: EnvelopeError) -> Self {
        Self::Envelope(error)
    }
}

impl From<DocumentError> for RootError {
    fn from(error: DocumentError) -> Self {
        Self::Document(error)
    }
}

impl RootError {
    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Envelope(error) => error.code(),
            Self::Document(error) => error.code(),
            Self::WrongFleet { .. } => "TR-050",
            Self::NotNext { .. } => "TR-051",
            Self::EpochFell { .. } => "TR-052",
            Self::NotSignedByOld(_) => "TR-053",
            Self::NotSignedByItself(_) => "TR-054",
            Self::UselessKey { .. } => "TR-055",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Envelope(error) => error.hint(),
            Self::Document(error) => error.hint(),
            Self::WrongFleet { .. } => "give the root of this fleet",
            Self::NotNext { .. } => "hand out every root of the chain, one after the other",
            Self::EpochFell { .. } => "sign a root whose epoch is at least that of the last",
            Self::NotSignedByOld(_) => "have holders of the previous root keys sign this root",
            Self::NotSignedByItself(_) => "have holders of the root keys it lists sign it",
            Self::UselessKey { .. } => "replace the key by one that was generated properly",
        }
    }
}

impl fmt::Display for RootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Envelope(error) => error.fmt(f),
            Self::Document(error) => error.fmt(f),
            Self::WrongFleet { found, own } => {
                write!(f, "the root is of fleet {found}, this chain of fleet {own}")
            }
            Self::NotNext { found, own } => {
                write!(f, "root version {found} does not follow version {own} directly")
            }
            Self::EpochFell { found, own } => {
                write!(f, "the root's epoch {found} is below {own}, epochs never fall")
            }
            Self::NotSignedByOld(TooFewSignatures { good, needed, .. }) => {
                write!(f, "{good} keys of the previous root have signed, {needed} must")
            }
            Self::NotSignedByItself(TooFewSignatures { good, needed, .. }) => {
                write!(f, "{good} of the root's own keys have signed, {needed} must")
            }
            Self::UselessKey { key } => {
                write!(f, "key {key} is no point of large order, nothing it signs is accepted")
            }
        }
    }
}

impl core::error::Error for RootError {}
