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
/// Longest cohort query, in bytes: it fits one line of a journal and one screen of a terminal.
pub const QUERY_BYTES: usize = 4096;
/// Deepest nesting of parentheses in a query: the parser's stack is bounded by it.
pub const QUERY_DEPTH: usize = 16;
/// Most comparisons in a query: each costs every device of the fleet some nanoseconds.
pub const QUERY_TERMS: usize = 256;
/// Most values of one `=in=` or `=out=` list.
pub const QUERY_LIST: usize = 1000;
/// Most windows of a plan: each is asked of every device that wants to switch.
pub const WINDOWS: usize = 8;
/// Most freezes of a plan: a year of holidays.
pub const FREEZES: usize = 32;
/// Most freezes of the fleet that have not ended: all are asked whenever a device wants anything.
pub const FLEET_FREEZES: usize = 64;
/// Longest reason of a freeze, in characters: it is part of a sentence.
pub const FREEZE_REASON_CHARS: usize = 200;
/// Largest plan template of a channel, in bytes: as large as a plan may be that people write.
pub const TEMPLATE_BYTES: usize = 64 * 1024;
/// Longest note or reason about a device, in characters: it is read on one screen.
pub const NOTE_CHARS: usize = 1000;
/// Most registered attributes of a device: as many as it may say of itself.
pub const REGISTERED: usize = 64;
/// Longest value of a registered attribute, in bytes: as long as a device may say one.
pub const REGISTERED_BYTES: usize = 256;
/// Longest notes of a release, in bytes: a page for people, not a changelog of years.
pub const NOTES_BYTES: usize = 64 * 1024;
/// Longest source of a release, in characters: a repository and a commit.
pub const SOURCE_CHARS: usize = 200;
/// Largest provenance of a release, in bytes: an attestation of a few signatures.
pub const PROVENANCE_BYTES: usize = 256 * 1024;
/// Longest key of a request that is carried out once, in bytes: a UUID and a word around it.
pub const ONCE_KEY_BYTES: usize = 255;
/// Longest attribute name, in bytes.
pub const ATTRIBUTE_BYTES: usize = 64;
/// Longest contract, in bytes: the manifest's own bound.
pub const CONTRACT_BYTES: usize = 64;
/// Most services of a contract or a binding: the signed binding's own bound.
pub const SERVICES: usize = 8;
/// Most endpoints of one service in one home: the signed binding's own bound.
pub const ENDPOINTS: usize = 3;
/// Longest endpoint, in bytes: the signed binding's own bound.
pub const ENDPOINT_BYTES: usize = 128;
/// Longest name of a home or a service, in bytes: the signed binding's own bound.
pub const HOME_BYTES: usize = 32;
/// Most attributes by which a rollout's outcomes are counted: a byte of each execution is one.
pub const BLAMED_ATTRIBUTES: usize = 6;
/// Most values of such an attribute with a count of their own; below 255, and more than an operator
/// looks through.
pub const BLAMED_VALUES: usize = 64;
/// Most groups that are blamed: a glance.
pub const BLAMED_GROUPS: usize = 5;
/// Most classes of devices that a survey of a cohort keeps apart: models times versions in the
/// field are some hundreds; what is beyond is counted, not named.
pub const CLASSES: usize = 4096;
