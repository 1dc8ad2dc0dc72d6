//! The documents of the device plane, as they are described.
//!
//! They mirror `rollout_core::wire`, which is read without an allocator and knows no schemas.
//! Invariant: what is described here is what is there; a test reads the examples with the types of
//! the wire.
#![expect(dead_code, reason = "described, never made")]

use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A device asks for its own token with an enrollment token.
#[derive(ToSchema)]
#[schema(example = json!({ "v": 1, "device": "dev-000", "hardware": "bench-1" }))]
pub(crate) struct Enroll {
    /// Version of the wire.
    #[schema(minimum = 1, maximum = 1)]
    v: u8,
    /// The device's id.
    #[schema(pattern = "^[A-Za-z0-9._:-]{1,128}$")]
    device: String,
    /// Hardware model.
    #[schema(pattern = "^[!-~]{1,24}$")]
    hardware: String,
}

/// The device's token.
#[derive(ToSchema)]
pub(crate) struct EnrollAnswer {
    /// Version of the wire.
    v: u8,
    /// Bearer token of the device.
    token: String,
}

/// What runs.
#[derive(ToSchema)]
pub(crate) struct RunningImage {
    /// SHA-256 of the image.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    digest: String,
    /// Its version, for people.
    #[schema(max_length = 256)]
    version: String,
    /// Epoch of its manifest.
    epoch: u32,
    /// Its release counter.
    #[schema(maximum = 9007199254740991u64)]
    counter: u64,
    /// Whether it is confirmed.
    state: ImageState,
}

/// State of the running image, in ESP-IDF's words.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum ImageState {
    /// On trial: booted, not yet confirmed.
    PendingVerify,
    /// Confirmed.
    Valid,
}

/// A device says how it is and asks what to do.
#[derive(ToSchema)]
#[schema(example = json!({
    "v": 1, "device": "dev-000", "incarnation": 7, "nonce": "00000000000000000000000000000000",
    "root_version": 1, "hardware": "bench-1", "secure_version": 0, "slot_bytes": 1000000,
    "spare": null, "attributes": { "region": "eu-west" },
    "running": {
        "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "version": "1.0.0", "epoch": 1, "counter": 1, "state": "valid"
    }
}))]
pub(crate) struct CheckIn {
    /// Version of the wire.
    #[schema(minimum = 1, maximum = 1)]
    v: u8,
    /// The device's id.
    #[schema(pattern = "^[A-Za-z0-9._:-]{1,128}$")]
    device: String,
    /// Drawn when the flash was initialized.
    #[schema(maximum = 9007199254740991u64)]
    incarnation: u64,
    /// Fresh for each check-in.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    nonce: String,
    /// Version of the root document the device trusts.
    root_version: u32,
    /// Hardware model.
    hardware: String,
    /// What runs.
    running: RunningImage,
    /// Hardware security counter.
    secure_version: u32,
    /// Bytes of the spare slot.
    slot_bytes: u32,
    /// SHA-256 of a whole image that the spare slot still holds.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    spare: Option<String>,
    /// What else it says of itself: at most 64 names of at most 64 bytes, values of at most 256.
    attributes: BTreeMap<String, String>,
}

/// Where a device should connect.
#[derive(ToSchema)]
pub(crate) struct Binding {
    /// Rises with every change.
    generation: u64,
    /// Home that serves the device.
    home: String,
    /// Base URL of the service the firmware speaks to.
    endpoint: String,
}

/// An image the device may download.
#[derive(ToSchema)]
pub(crate) struct Offer {
    /// Rollout.
    rollout: String,
    /// Attempt within the rollout, from 1.
    attempt: u32,
    /// Signed manifest, base64.
    manifest: String,
    /// Signed path of the image, relative to the server.
    url: String,
    /// Seconds without progress after which the offer lapses.
    lease_secs: u32,
}

/// What a device is told.
#[derive(ToSchema)]
pub(crate) struct CheckInAnswer {
    /// Version of the wire.
    v: u8,
    /// Server's time, Unix seconds.
    time: u64,
    /// When to come again, seconds.
    poll_secs: u32,
    /// Newest root version the server knows.
    root_version: u32,
    /// The root after the device's own, base64.
    root: Option<String>,
    /// Signed directive, base64; absent in the basic profile.
    directive: Option<String>,
    /// Where to connect.
    binding: Binding,
    /// What to download.
    offer: Option<Offer>,
    /// Rollout whose installation must stop.
    stop: Option<String>,
}

/// A device has downloaded and verified, and asks leave to switch.
#[derive(ToSchema)]
#[schema(example = json!({
    "v": 1, "device": "dev-000", "rollout": "0192f7a0-0000-7000-8000-000000000001", "attempt": 1,
    "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
}))]
pub(crate) struct Begin {
    /// Version of the wire.
    #[schema(minimum = 1, maximum = 1)]
    v: u8,
    /// The device's id.
    #[schema(pattern = "^[A-Za-z0-9._:-]{1,128}$")]
    device: String,
    /// Rollout of the offer.
    #[schema(format = "uuid")]
    rollout: String,
    /// Attempt of the offer.
    attempt: u32,
    /// SHA-256 of the image that was verified.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    digest: String,
}

/// Whether to switch.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum Leave {
    /// Switch: the permit is committed.
    Yes,
    /// Keep the image and ask again later.
    Wait,
    /// Do not switch; report that you stopped.
    Stop,
}

/// Whether to switch, and when to ask again.
#[derive(ToSchema)]
pub(crate) struct BeginAnswer {
    /// Version of the wire.
    v: u8,
    /// The answer.
    answer: Leave,
    /// Stable code of the reason to wait or stop; empty with yes.
    reason: String,
    /// When to ask again, seconds.
    retry_secs: u32,
    /// Seconds for self-test and a round trip before the new image must return.
    confirm_window_secs: u32,
}

/// One thing that happened to a device in a rollout.
#[derive(ToSchema)]
pub(crate) struct Report {
    /// Rises with every report of an incarnation.
    #[schema(maximum = 9007199254740991u64)]
    sequence: u64,
    /// Rollout.
    #[schema(format = "uuid")]
    rollout: String,
    /// Attempt, from 1.
    #[schema(minimum = 1)]
    attempt: u32,
    /// What happened: `downloading`, `downloaded`, `booted`, `confirmed`, `failed`, `returned`,
    /// `refused`, `deferred`, `stopped` or `crashed`; others are kept as unknown.
    event: String,
    /// Why, such as `power_loss`, `self_test`, `crash` or `digest`.
    reason: Option<String>,
    /// SHA-256 of the image that runs, if known.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    running: Option<String>,
    /// Free text for people.
    #[schema(max_length = 128)]
    detail: Option<String>,
}

/// Reports of one device, all taken or none.
#[derive(ToSchema)]
#[schema(example = json!({
    "v": 1, "device": "dev-000", "incarnation": 7, "reports": [{
        "sequence": 1, "rollout": "0192f7a0-0000-7000-8000-000000000001", "attempt": 1,
        "event": "downloading", "reason": null, "running": null, "detail": null
    }]
}))]
pub(crate) struct Reports {
    /// Version of the wire.
    #[schema(minimum = 1, maximum = 1)]
    v: u8,
    /// The device's id.
    #[schema(pattern = "^[A-Za-z0-9._:-]{1,128}$")]
    device: String,
    /// The device's incarnation.
    #[schema(maximum = 9007199254740991u64)]
    incarnation: u64,
    /// The reports.
    #[schema(min_items = 1, max_items = 64)]
    reports: Vec<Report>,
}

/// All of a batch is on disk.
#[derive(ToSchema)]
pub(crate) struct ReportsAnswer {
    /// Version of the wire.
    v: u8,
    /// Highest sequence of the batch.
    acknowledged: u64,
}
