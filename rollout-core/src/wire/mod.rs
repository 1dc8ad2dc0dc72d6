//! What a device and the control plane say to each other, version 1.
//!
//! Borrowed, bounded, without an allocator: the same types are JSON and CBOR, on a server and on
//! a microcontroller. Where one side needs owned data (attributes, a list of reports) the type
//! takes a parameter. Deliberately not here: paths, headers and tokens, which belong to the
//! transport. Invariant: a reader skips fields it does not know, so either side may be newer.

mod hex;

pub use hex::Hex;
use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap};

/// The version every document carries in `v`.
pub const VERSION: u8 = 1;
/// Most attributes in one self-description.
pub const ATTRIBUTES: usize = 64;
/// Longest attribute name, in bytes.
pub const ATTRIBUTE_NAME_BYTES: usize = 64;
/// Longest attribute value, in bytes.
pub const ATTRIBUTE_VALUE_BYTES: usize = 256;
/// Most reports in one batch: an outbox of a device that was away for long.
pub const REPORTS: usize = 64;
/// Longest free text in a report, in bytes.
pub const DETAIL_BYTES: usize = 128;

/// State of the image in the running slot, in ESP-IDF's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageState {
    /// On trial: booted, not yet confirmed.
    PendingVerify,
    /// Confirmed.
    Valid,
}

/// What a device runs at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running<'a> {
    /// SHA-256 of the running image.
    pub digest: Hex<32>,
    /// Its version, as its descriptor says.
    pub version: &'a str,
    /// Epoch of the confirmed release counter.
    pub epoch: u32,
    /// Confirmed release counter.
    pub counter: u64,
    /// Whether the running image is confirmed.
    pub state: ImageState,
}

/// A device says how it is and asks what to do. `A`: attributes, serialized as a map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckIn<'a, A> {
    /// [`VERSION`].
    pub v: u8,
    /// The device's id.
    #[serde(borrow)]
    pub device: &'a str,
    /// Random number drawn when the flash was initialised.
    pub incarnation: u64,
    /// Fresh for each check-in.
    pub nonce: Hex<16>,
    /// Version of the root document the device trusts.
    pub root_version: u32,
    /// Hardware model.
    #[serde(borrow)]
    pub hardware: &'a str,
    /// What runs.
    #[serde(borrow)]
    pub running: Running<'a>,
    /// Hardware security counter.
    pub secure_version: u32,
    /// Bytes of the spare slot.
    pub slot_bytes: u32,
    /// Digest of a whole image that the spare slot still holds.
    pub spare: Option<Hex<32>>,
    /// Open self-description.
    pub attributes: A,
}

/// Attributes borrowed from a device, serialized as a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes<'a>(pub &'a [(&'a str, &'a str)]);

impl Serialize for Attributes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// Where a device should connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding<'a> {
    /// Rises with every change.
    pub generation: u64,
    /// Home that serves the device.
    pub home: &'a str,
    /// Base URL of the service the firmware speaks to.
    pub endpoint: &'a str,
}

/// An image the device may download. It must ask [`Begin`] before it switches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer<'a> {
    /// Rollout, as hyphenated UUID text.
    pub rollout: &'a str,
    /// Attempt within the rollout, from 1.
    pub attempt: u32,
    /// Signed manifest, base64.
    pub manifest: &'a str,
    /// Signed path of the image, relative to the server.
    pub url: &'a str,
    /// Seconds without progress after which the offer lapses.
    pub lease_secs: u32,
}

/// The answer to a [`CheckIn`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckInAnswer<'a> {
    /// [`VERSION`].
    pub v: u8,
    /// Server's time, Unix seconds; unsigned in the basic profile.
    pub time: u64,
    /// When to come again, seconds; the device adds its own jitter.
    pub poll_secs: u32,
    /// Newest root version the server knows.
    pub root_version: u32,
    /// The root after the device's own, base64, if there is one.
    #[serde(borrow)]
    pub root: Option<&'a str>,
    /// Signed directive, base64; absent in the basic profile.
    #[serde(borrow)]
    pub directive: Option<&'a str>,
    /// Where to connect.
    #[serde(borrow)]
    pub binding: Binding<'a>,
    /// What to download, if anything.
    #[serde(borrow)]
    pub offer: Option<Offer<'a>>,
    /// Rollout whose installation must stop, if not yet switched.
    #[serde(borrow)]
    pub stop: Option<&'a str>,
}

/// A device has downloaded and verified, and asks leave to switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begin<'a> {
    /// [`VERSION`].
    pub v: u8,
    /// The device's id.
    #[serde(borrow)]
    pub device: &'a str,
    /// Rollout of the offer.
    #[serde(borrow)]
    pub rollout: &'a str,
    /// Attempt of the offer.
    pub attempt: u32,
    /// SHA-256 of the image that was verified.
    pub digest: Hex<32>,
}

/// Whether to switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leave {
    /// Switch: the permit is committed.
    Yes,
    /// Keep the image and ask again later.
    Wait,
    /// Do not switch; report that you stopped.
    Stop,
}

/// The answer to a [`Begin`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeginAnswer<'a> {
    /// [`VERSION`].
    pub v: u8,
    /// The answer.
    pub answer: Leave,
    /// Stable code of the reason to wait or stop; empty with yes.
    #[serde(borrow)]
    pub reason: &'a str,
    /// When to ask again, seconds.
    pub retry_secs: u32,
    /// Seconds the new image has for self-test and a round trip before it must return.
    pub confirm_window_secs: u32,
}

/// What happened on a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// Bytes are arriving; renews the lease.
    Downloading,
    /// The image is whole and verified.
    Downloaded,
    /// The new image booted, on trial.
    Booted,
    /// The new image passed its self-test and a round trip.
    Confirmed,
    /// Something failed while or after switching, and the old image does not run (yet).
    Failed,
    /// The old image runs again.
    Returned,
    /// The offer was not accepted; nothing was written.
    Refused,
    /// The owner or the device's state asks for later.
    Deferred,
    /// Stopped as told, before the switch.
    Stopped,
    /// The confirmed image crashed or failed its health check.
    Crashed,
    /// A kind of event this reader does not know.
    #[serde(other)]
    Unknown,
}

/// Why it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The boot record shows a loss of power and nothing else.
    PowerLoss,
    /// No answer from the server within the confirm window.
    NoRoundTrip,
    /// The image failed its own test.
    SelfTest,
    /// The image crashed on trial.
    Crash,
    /// The watchdog ended the image on trial.
    Watchdog,
    /// A safety fault was found.
    SafetyFault,
    /// Flash could not be written or read.
    Storage,
    /// The manifest's signature or form was refused.
    Signature,
    /// The bytes are not those of the manifest.
    Digest,
    /// The image is for other hardware.
    Hardware,
    /// The release counter is not above the confirmed one.
    Counter,
    /// The secure version is below the hardware's.
    SecureVersion,
    /// The manifest has expired.
    Expired,
    /// The image does not fit the slot.
    Size,
    /// This device has failed with this image before.
    FailedBefore,
    /// The download could not be completed.
    Download,
    /// Told to stop.
    Told,
    /// A reason this reader does not know.
    #[serde(other)]
    Other,
}

/// One thing that happened to one device in one rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report<'a> {
    /// Rises with every report of an incarnation, across reboots.
    pub sequence: u64,
    /// Rollout.
    #[serde(borrow)]
    pub rollout: &'a str,
    /// Attempt.
    pub attempt: u32,
    /// What happened.
    pub event: Event,
    /// Why.
    pub reason: Option<Reason>,
    /// Digest of the image that runs, if known.
    pub running: Option<Hex<32>>,
    /// Free text for people, at most [`DETAIL_BYTES`].
    #[serde(borrow)]
    pub detail: Option<&'a str>,
}

/// Reports of one device, all taken or none. `R`: a list of [`Report`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportBatch<'a, R> {
    /// [`VERSION`].
    pub v: u8,
    /// The device's id.
    #[serde(borrow)]
    pub device: &'a str,
    /// The device's incarnation.
    pub incarnation: u64,
    /// The reports.
    pub reports: R,
}

/// The answer to a [`ReportBatch`]: all of it is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportsAnswer {
    /// [`VERSION`].
    pub v: u8,
    /// Highest sequence of the batch.
    pub acknowledged: u64,
}

/// A device asks for its own token with an enrollment token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enroll<'a> {
    /// [`VERSION`].
    pub v: u8,
    /// The device's id.
    #[serde(borrow)]
    pub device: &'a str,
    /// Hardware model.
    #[serde(borrow)]
    pub hardware: &'a str,
}

/// The answer to an [`Enroll`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrollAnswer<'a> {
    /// [`VERSION`].
    pub v: u8,
    /// Bearer token of the device, shown once.
    #[serde(borrow)]
    pub token: &'a str,
}
