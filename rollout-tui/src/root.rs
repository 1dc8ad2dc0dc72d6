//! Makes the root document of a fleet: its keys, what each may sign, how many must.
//!
//! Deliberately not here: successors of a root, roles of the full profile, and roots that several
//! people sign one after the other; every root key has to be at hand.
//!
//! Invariant: what is made is a root that a device would pin.

use crate::ceremony::DAY_SECS;
use rollout_core::id::Digest;
use rollout_core::trust::sign::{RoleFields, RootFields, SignError, SigningKey, public_key, sign};
use rollout_core::trust::{
    DocumentType, Epoch, FleetId, PublicKey, Role, Root, RootError, RootVersion, UnixSeconds,
};

/// Life of a root, days.
//= trust §3, root key 3
pub const EXPIRES_DAYS: u64 = 365;

/// What a fleet's first root shall say.
#[derive(Clone, Copy, Debug)]
pub struct RootPlan<'a> {
    /// The fleet.
    pub fleet: FleetId,
    /// Keys that sign roots; all of them sign this one.
    pub root_keys: &'a [&'a SigningKey],
    /// Keys that sign manifests. The private halves are not needed.
    pub release_keys: &'a [PublicKey],
    /// Keys that sign bindings.
    pub binding_keys: &'a [PublicKey],
    /// How many root keys must sign; `None` is more than half of them.
    pub threshold_root: Option<u8>,
    /// How many release keys must sign; `None` is one.
    pub threshold_release: Option<u8>,
    /// Life, days, at least 1.
    pub expires_days: u64,
    /// The time.
    pub now: UnixSeconds,
}

/// A signed root and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedRoot {
    /// The document as devices pin it.
    pub envelope: Vec<u8>,
    /// What is in it.
    pub root: Root,
}

/// Makes and signs the first root of a fleet, version 1 in epoch 1.
///
/// # Errors
/// [`RootMakeError`] if the plan breaks a rule of roots.
pub fn make_root(plan: &RootPlan<'_>) -> Result<SignedRoot, RootMakeError> {
    let root_keys: Vec<_> = plan.root_keys.iter().map(|key| public_key(key)).collect();
    let mut keys = Vec::new();
    let majority = (root_keys.len() / 2 + 1) as u8;
    let roles = [
        (Role::Root, plan.threshold_root.unwrap_or(majority), &root_keys[..]),
        (Role::Release, plan.threshold_release.unwrap_or(1), plan.release_keys),
        (Role::Binding, 1, plan.binding_keys),
    ]
    .map(|(role, threshold, of_role)| {
        (role, RoleFields { threshold, members: enlist(&mut keys, of_role) })
    });
    let fields = RootFields {
        fleet: plan.fleet,
        version: RootVersion(1),
        expires: UnixSeconds(plan.now.0.saturating_add(plan.expires_days.saturating_mul(DAY_SECS))),
        epoch: Epoch(1),
        keys,
        roles: roles.into(),
        issued_at: plan.now,
    };
    let envelope = sign(DocumentType::Root, &fields.encode()?, plan.root_keys)?;
    let root = Root::pinned(&envelope)?;
    Ok(SignedRoot { envelope, root })
}

/// Lists keys that are not listed yet, and says where all of them stand, rising.
fn enlist(keys: &mut Vec<PublicKey>, of_role: &[PublicKey]) -> Vec<u8> {
    let mut members = Vec::new();
    for key in of_role {
        let known = keys.iter().position(|listed| listed == key);
        let index = known.unwrap_or_else(|| {
            keys.push(*key);
            keys.len() - 1
        });
        members.push(index as u8);
    }
    members.sort_unstable();
    members
}

/// The fleet of a text: 32 hexadecimal digits as they are, else the first 16 bytes of the
/// SHA-256 of the name.
pub fn fleet_of(text: &str) -> FleetId {
    FleetId::from_hex(text).unwrap_or_else(|| {
        let mut id = [0; 16];
        id.copy_from_slice(&Digest::of(text.as_bytes()).as_bytes()[..16]);
        FleetId(id)
    })
}

/// Why no root was made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RootMakeError {
    /// It cannot be encoded or signed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// A device would not pin it.
    #[error(transparent)]
    Root(#[from] RootError),
}

impl RootMakeError {
    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Sign(error) => error.code(),
            Self::Root(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Sign(error) => error.hint(),
            Self::Root(error) => error.hint(),
        }
    }
}
