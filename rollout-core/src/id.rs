//! Names of things, as newtypes that cannot be mixed up.
//!
//! Invariant: a value of one of these types has passed its check, so nothing further in validates
//! it again. Not here: positions (see [`crate::position`]) and versions ([`crate::version`]).

use crate::limits;
use core::fmt;
use sha2::{Digest as _, Sha256};

/// SHA-256 of an image or a document.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Wraps 32 bytes that are already a SHA-256.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The SHA-256 of `data`.
    pub fn of(data: &[u8]) -> Self {
        Self(Sha256::digest(data).into())
    }

    /// Reads 64 hexadecimal digits, either case. `None` for anything else.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        decode_hex(text, &mut bytes).then_some(Self(bytes))
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// Fills `out` from exactly twice as many hexadecimal digits; says whether it could.
pub fn decode_hex(text: &str, out: &mut [u8]) -> bool {
    let text = text.as_bytes();
    if text.len() != out.len() * 2 {
        return false;
    }
    for (byte, pair) in out.iter_mut().zip(text.chunks_exact(2)) {
        let (high, low) = (NIBBLES[usize::from(pair[0])], NIBBLES[usize::from(pair[1])]);
        if high > 15 || low > 15 {
            return false;
        }
        *byte = high << 4 | low;
    }
    true
}

/// The value of a hexadecimal digit by its byte; 255 for anything else. Every check-in brings
/// some two hundred digits.
const NIBBLES: [u8; 256] = nibbles();

const fn nibbles() -> [u8; 256] {
    let mut table = [255; 256];
    let mut value = 0;
    while value < 16 {
        table[b"0123456789abcdef"[value] as usize] = value as u8;
        table[b"0123456789ABCDEF"[value] as usize] = value as u8;
        value += 1;
    }
    table
}

/// The 16 bytes a device is known by in signed documents and in the resident table:
/// the first of SHA-256 of its id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResidentId(pub [u8; 16]);

impl ResidentId {
    /// The resident id of a device id.
    pub fn of(device_id: &str) -> Self {
        let mut id = [0; 16];
        id.copy_from_slice(&Digest::of(device_id.as_bytes()).0[..16]);
        Self(id)
    }
}

/// What a text must look like to be a device id.
//= design: device ids are 1 to 128 bytes of `[A-Za-z0-9._:-]`
pub fn is_device_id(text: &str) -> bool {
    (1..=limits::DEVICE_ID_BYTES).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:-".contains(&b))
}

/// What a text must look like to be a product or component name.
pub fn is_product(text: &str) -> bool {
    (1..=limits::PRODUCT_BYTES).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// What a text must look like to be a hardware model.
pub fn is_hardware(text: &str) -> bool {
    (1..=limits::HARDWARE_BYTES).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(feature = "decide")]
pub use owned::*;

#[cfg(feature = "decide")]
mod owned {
    use alloc::string::String;
    use core::fmt;

    /// A text that is not the name it was meant to be.
    #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
    #[error("`{text}` is not a {kind}: {rule}")]
    pub struct IdError {
        /// What it should have been.
        pub kind: &'static str,
        /// What was given, cut to 160 bytes.
        pub text: String,
        /// The rule it breaks.
        pub rule: &'static str,
    }

    impl IdError {
        /// Stable code; see `docs/errors`.
        pub fn code(&self) -> &'static str {
            "ID-001"
        }

        /// What to do about it.
        pub fn hint(&self) -> &'static str {
            "use a name of the allowed form"
        }
    }

    macro_rules! text_id {
        ($(#[$doc:meta])* $name:ident, $kind:literal, $check:path, $rule:literal) => {
            $(#[$doc])*
            #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub struct $name(String);

            impl $name {
                /// Checks the text and wraps it.
                ///
                /// # Errors
                /// [`IdError`] if the text is not of the form this name has.
                pub fn new(text: &str) -> Result<Self, IdError> {
                    if $check(text) {
                        return Ok(Self(text.into()));
                    }
                    let text = text.chars().take(160).collect();
                    Err(IdError { kind: $kind, text, rule: $rule })
                }

                /// The text.
                pub fn as_str(&self) -> &str {
                    &self.0
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str(&self.0)
                }
            }

            impl fmt::Debug for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    write!(f, "{}({})", stringify!($name), self.0)
                }
            }

            impl core::borrow::Borrow<str> for $name {
                fn borrow(&self) -> &str {
                    &self.0
                }
            }
        };
    }

    text_id!(
        /// A device, by the name its maker gave it.
        DeviceId, "device id", super::is_device_id, "1 to 128 bytes of A-Z a-z 0-9 . _ : -"
    );
    text_id!(
        /// A product: what releases are releases of.
        ProductId, "product", super::is_product, "1 to 31 bytes of a-z 0-9 -"
    );
    text_id!(
        /// A hardware model, as the device itself knows it.
        HardwareModel, "hardware model", super::is_hardware, "1 to 24 visible ASCII characters"
    );
    text_id!(
        /// A named cohort.
        CohortId, "cohort name", super::is_product, "1 to 31 bytes of a-z 0-9 -"
    );
    text_id!(
        /// A channel of a product, such as beta or stable.
        ChannelId, "channel name", super::is_product, "1 to 31 bytes of a-z 0-9 -"
    );
    text_id!(
        /// A freeze of the fleet, such as christmas-2027.
        FreezeId, "freeze name", super::is_product, "1 to 31 bytes of a-z 0-9 -"
    );
    text_id!(
        /// Someone who acts: a person, a token or the daemon itself.
        Principal, "principal", super::is_device_id, "1 to 128 bytes of A-Z a-z 0-9 . _ : -"
    );

    /// A rollout, known by a UUID that the caller draws.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub struct RolloutId(pub uuid::Uuid);

    impl RolloutId {
        /// The id that follows from a name: a UUID of version 8, so that the same name is the same
        /// rollout.
        //= RFC 9562 §5.8
        pub fn derived(name: &str) -> Self {
            let mut bytes = [0; 16];
            bytes.copy_from_slice(&super::Digest::of(name.as_bytes()).as_bytes()[..16]);
            Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
        }

        /// Reads the hyphenated text of a UUID.
        ///
        /// # Errors
        /// [`IdError`] if it is none.
        pub fn parse(text: &str) -> Result<Self, IdError> {
            uuid::Uuid::parse_str(text).map(Self).map_err(|_| IdError {
                kind: "rollout id",
                text: text.chars().take(160).collect(),
                rule: "a UUID such as 0192f7a0-0000-7000-8000-000000000001",
            })
        }
    }

    impl fmt::Display for RolloutId {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.hyphenated().fmt(f)
        }
    }
}
