//! Every bound of the core in one place: its unit and the reason for its value.
//!
//! A bound lives here even if one module alone uses it, so that "how large can this get?" has one
//! answer. Deliberately not here: bounds of an adapter (bodies, queues, pages).

/// Longest device id, in bytes. AWS allows 128 for a thing name; a QR label holds it.
pub const DEVICE_ID_BYTES: usize = 128;
/// Longest product name, in bytes: it must fit the project field of an ESP app descriptor (31).
pub const PRODUCT_BYTES: usize = 31;
/// Longest hardware model, in bytes: the manifest's own bound.
pub const HARDWARE_BYTES: usize = 24;
/// Longest version text, in bytes: the version field of an ESP app descriptor.
pub const VERSION_BYTES: usize = 32;
/// Largest signed document, in bytes: one buffer of a small device holds it.
pub const ENVELOPE_BYTES: usize = 2048;
