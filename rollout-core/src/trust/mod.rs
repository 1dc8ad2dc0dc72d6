//! Signed documents: who may say what, and how a device finds out.
//!
//! One verifier for the device and the server: what the server publishes is exactly what devices
//! accept. [`reader`] reads bytes strictly, [`envelope`] counts signatures, [`root`] and
//! [`manifest`] give documents a shape, [`check`] decides what a device may install, [`binding`]
//! where it may connect. Signing sits in `sign` behind its feature.
//!
//! Deliberately not here: directives of the full profile, storage, clocks and entropy.
//!
//! Invariant: whatever the bytes, reading ends with a value or a refusal, without a panic and
//! without an allocation; and of two different byte strings at most one is a given document.

use crate::id::{Digest, decode_hex};
use core::fmt;

pub mod binding;
pub mod check;
pub mod document;
pub mod envelope;
pub mod manifest;
#[cfg(feature = "sign")]
pub mod pem;
pub mod reader;
pub mod root;
#[cfg(feature = "sign")]
pub mod sign;
pub mod writer;

pub use binding::{Binding, BindingRefusal, BindingState, Generation, check_binding};
pub use check::{
    Checked, ComponentState, Confirmed, DeviceState, DeviceTime, ManifestVerdict, Refusal, Upload,
    check_manifest, check_upload,
};
pub use document::DocumentError;
pub use envelope::{DocumentType, Envelope, EnvelopeError, TooFewSignatures, verify};
pub use manifest::{ComponentId, Manifest, Spread};
pub use reader::ReadError;
pub use root::{Profile, Role, RoleKeys, Root, RootError};

/// Most keys a root may list, and most signatures an envelope may carry.
//= trust §2, §3
pub const MAX_KEYS: usize = 8;

/// The fleet a document belongs to. Every document names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FleetId(pub [u8; 16]);

impl FleetId {
    /// Reads 32 hexadecimal digits. `None` for anything else.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 16];
        decode_hex(text, &mut bytes).then_some(Self(bytes))
    }
}

impl fmt::Display for FleetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// An Ed25519 public key, not yet known to be a point of the curve.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey(pub [u8; 32]);

impl PublicKey {
    /// The id that finds this key among others. It never counts as the key.
    //= trust §1: first 8 bytes of SHA-256 of the public key
    pub fn id(&self) -> KeyId {
        let mut id = [0; 8];
        id.copy_from_slice(&Digest::of(&self.0).as_bytes()[..8]);
        KeyId(id)
    }

    /// Whether a signature by this key can ever be accepted: a point, and of large order.
    pub fn is_usable(&self) -> bool {
        ed25519_dalek::VerifyingKey::from_bytes(&self.0).is_ok_and(|key| !key.is_weak())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Eight bytes that find a key. Two keys may share them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 8]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number!(
    /// Seconds since 1970, the only time that signed documents know.
    UnixSeconds
);
number!(
    /// Raised by a root to make every older manifest and counter void.
    Epoch
);
number!(
    /// Which root of the chain; the next is exactly one more.
    RootVersion
);
