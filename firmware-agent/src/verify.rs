//! The device's questions about a manifest, a root and an image, in the words of its own state.
//!
//! The checks themselves are `rollout_core::trust`, the same code as on the server; this room
//! brings the device's facts to them and turns refusals into the words of a report. Invariant:
//! nothing is written to flash for an image whose manifest did not pass here.
//! Not here: the stream; see [`crate::download`].

use crate::flash::{Flash, Region, Slot};
use crate::record::{Document, Order, Target};
use crate::text::Text;
use rollout_core::id::Digest;
use rollout_core::image::{self, ChipId, ImageClaim, ImageError};
use rollout_core::trust::{
    self, ComponentId, ComponentState, Confirmed, DeviceState, DeviceTime, Envelope, Epoch,
    ManifestVerdict, Refusal, Root, RootError, UnixSeconds,
};
use rollout_core::version::{ReleaseCounter, SecureVersion, VersionText};
use rollout_core::wire::Reason;
use sha2::{Digest as _, Sha256};

/// Bytes of an image that decide its header checks.
pub use rollout_core::image::HEAD_BYTES;

/// What about this device decides whether an offer is for it.
#[derive(Clone, Copy, Debug)]
pub struct Device<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its hardware model.
    pub hardware: &'a str,
    /// What it is.
    pub product: &'a str,
    /// Its chip.
    pub chip_id: u16,
    /// Highest confirmed release.
    pub confirmed: Order,
    /// Digest of the confirmed image, if that is what runs.
    pub image: Option<Digest>,
    /// Burnt hardware security counter.
    pub secure_version: u32,
    /// Bytes of a slot.
    pub slot_bytes: u32,
    /// What it knows about the time.
    pub time: DeviceTime,
}

/// What to do with an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Install it.
    Install(Target),
    /// Not yet; the manifest draws starts out.
    Wait,
    /// The image runs already; this counts as confirmed from here on.
    AlreadyInstalled(Order),
}

/// Checks a manifest for this device.
///
/// # Errors
/// The reason to report.
//= trust §4, steps 8 and 9
pub fn manifest(root: &Root, device: &Device<'_>, envelope: &[u8]) -> Result<Verdict, Reason> {
    let state = DeviceState {
        fleet: root.fleet(),
        device_id: device.id,
        hardware: device.hardware,
        chip_id: ChipId(device.chip_id),
        secure_version: SecureVersion(device.secure_version),
        components: &[ComponentState {
            component: ComponentId::MAIN,
            confirmed: Confirmed {
                epoch: Epoch(device.confirmed.epoch),
                counter: ReleaseCounter(device.confirmed.counter),
            },
            image: device.image,
            slot_bytes: u64::from(device.slot_bytes),
        }],
        time: device.time,
    };
    let checked = trust::check_manifest(root, &state, envelope).map_err(|error| reason(&error))?;
    let manifest = &checked.manifest;
    if manifest.product != device.product {
        return Err(Reason::Hardware);
    }
    Ok(match checked.verdict {
        ManifestVerdict::Wait { .. } => Verdict::Wait,
        ManifestVerdict::AlreadyInstalled { confirm } => {
            Verdict::AlreadyInstalled(Order { epoch: confirm.epoch.0, counter: confirm.counter.0 })
        }
        ManifestVerdict::Install => Verdict::Install(Target {
            digest: manifest.image,
            length: u32::try_from(manifest.image_bytes).map_err(|_| Reason::Size)?,
            order: Order { epoch: manifest.epoch.0, counter: manifest.counter.0 },
            secure_version: manifest.secure_version.0,
            chip_id: manifest.chip_id.0,
            product: Text::new(manifest.product).ok_or(Reason::Hardware)?,
            version: Text::new(manifest.version.as_str()).ok_or(Reason::Hardware)?,
        }),
    })
}

fn reason(refusal: &Refusal) -> Reason {
    match refusal {
        Refusal::Envelope(_)
        | Refusal::DirectiveRequired
        | Refusal::Signatures(_)
        | Refusal::Document(_)
        | Refusal::WrongFleet { .. } => Reason::Signature,
        Refusal::RootExpired { .. } | Refusal::Expired { .. } => Reason::Expired,
        Refusal::WrongHardware | Refusal::WrongChip { .. } | Refusal::UnknownComponent { .. } => {
            Reason::Hardware
        }
        Refusal::WrongEpoch { .. } | Refusal::NotNewer { .. } | Refusal::SteppingStone { .. } => {
            Reason::Counter
        }
        Refusal::SecureVersionBelow { .. } => Reason::SecureVersion,
        Refusal::TooLarge { .. } => Reason::Size,
        _ => Reason::Other,
    }
}

/// Checks the first [`HEAD_BYTES`] of an image against what its manifest promised.
///
/// # Errors
/// The reason to report.
//= trust §4, step 10
pub fn head(bytes: &[u8], target: &Target) -> Result<(), Reason> {
    let version = VersionText::parse(target.version.as_str()).ok_or(Reason::Digest)?;
    let claim = ImageClaim {
        chip_id: ChipId(target.chip_id),
        product: target.product.as_str(),
        version,
        secure_version: SecureVersion(target.secure_version),
    };
    match image::check_head(bytes, &claim) {
        Ok(_) => Ok(()),
        Err(ImageError::Chip { .. } | ImageError::Project) => Err(Reason::Hardware),
        Err(ImageError::SecureVersion { .. }) => Err(Reason::SecureVersion),
        Err(_) => Err(Reason::Digest),
    }
}

/// Reads the root that is stored. It was checked before it was stored.
pub fn stored_root(document: &Document) -> Option<Root> {
    let envelope = Envelope::open(document.as_bytes()).ok()?;
    Root::decode(envelope.payload()).ok()
}

/// Reads the root a device is provisioned with.
///
/// # Errors
/// [`RootError`] if it is not a root signed by itself.
pub fn pinned_root(envelope: &[u8]) -> Result<Root, RootError> {
    Root::pinned(envelope)
}

/// Accepts the next root of the chain.
///
/// # Errors
/// [`RootError`] if it does not follow `root`.
pub fn next_root(root: &Root, envelope: &[u8]) -> Result<Root, RootError> {
    root.successor(envelope)
}

/// What the device knows about the time. `offered` is the server's, unsigned.
pub fn time(offered: u64, floor: u64, uptime_secs: u64) -> DeviceTime {
    DeviceTime { offered: UnixSeconds(offered), floor: UnixSeconds(floor), uptime_secs }
}

/// SHA-256 of the first `length` bytes of a slot.
///
/// # Errors
/// The flash's.
pub fn digest_of_slot<F: Flash>(
    flash: &mut F,
    slot: Slot,
    length: u32,
) -> Result<Digest, F::Error> {
    let mut hash = Sha256::new();
    add_slot(flash, slot, length, &mut hash)?;
    Ok(Digest::from_bytes(hash.finalize().into()))
}

/// Adds the first `length` bytes of a slot to a hash.
///
/// # Errors
/// The flash's.
pub(crate) fn add_slot<F: Flash>(
    flash: &mut F,
    slot: Slot,
    length: u32,
    hash: &mut Sha256,
) -> Result<(), F::Error> {
    let mut piece = [0; 4096];
    let mut done = 0;
    while done < length {
        let take = (length - done).min(piece.len() as u32);
        let piece = &mut piece[..take as usize];
        flash.read(Region::Slot(slot), done, piece)?;
        hash.update(&*piece);
        done += take;
    }
    Ok(())
}
