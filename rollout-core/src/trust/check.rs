//! What a device asks before it installs, and the part of it that a server can ask for it.
//!
//! The checks of the basic profile, in their fixed order, each with its own refusal. Deliberately
//! not here: directives (a root that wants them makes every check end in a refusal), the head of
//! the image ([`crate::image`]), the stream, and anything stored.
//!
//! Invariant: what [`check_manifest`] lets a device install is signed by the release threshold,
//! made for it, and newer than anything it has confirmed for that component in this epoch.

use super::document::DocumentError;
use super::envelope::{Envelope, EnvelopeError, TooFewSignatures};
use super::manifest::{ComponentId, Manifest};
use super::root::{Profile, Role, Root};
use super::{Epoch, FleetId, UnixSeconds};
use crate::id::Digest;
use crate::image::ChipId;
use crate::version::{ReleaseCounter, SecureVersion};
use core::fmt;

/// What a device has confirmed for one component. Ordered: the epoch weighs more.
//= trust §4: compare (epoch, counter) as a pair
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Confirmed {
    /// The epoch of the confirmed manifest.
    pub epoch: Epoch,
    /// Its counter.
    pub counter: ReleaseCounter,
}

/// One component of a device, as it is right now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ComponentState {
    /// Which one.
    pub component: ComponentId,
    /// What it has confirmed; the default if nothing yet.
    pub confirmed: Confirmed,
    /// The digest of the confirmed image, if known.
    pub image: Option<Digest>,
    /// Bytes of its smallest slot.
    pub slot_bytes: u64,
}

/// What a device without a clock knows about the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceTime {
    /// The time the server named, unsigned.
    pub offered: UnixSeconds,
    /// The stored lower bound.
    pub floor: UnixSeconds,
    /// Seconds the device has run since the bound was stored.
    pub uptime_secs: u64,
}

impl DeviceTime {
    /// The time to decide with under the basic profile.
    ///
    /// A server that lies can move it no further back than the device knows, and no further
    /// ahead than the expiry of the root.
    //= trust §4, basic profile
    pub fn under(&self, root: &Root) -> UnixSeconds {
        let floor = UnixSeconds(self.floor.0.saturating_add(self.uptime_secs));
        self.offered.max(floor).max(root.issued_at()).min(root.expires())
    }
}

/// Everything about a device that decides whether it may install something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceState<'a> {
    /// Its fleet.
    pub fleet: FleetId,
    /// Its own id, which draws its place in a spread.
    pub device_id: &'a str,
    /// Its hardware model.
    pub hardware: &'a str,
    /// Its chip; [`ChipId::OPAQUE`] for models declared so.
    pub chip_id: ChipId,
    /// Its burnt hardware security counter.
    pub secure_version: SecureVersion,
    /// Its components.
    pub components: &'a [ComponentState],
    /// Its time.
    pub time: DeviceTime,
}

/// What a device does with a manifest that is good for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManifestVerdict {
    /// Install it.
    Install,
    /// Install it from this second on, and ask again then.
    Wait {
        /// The second.
        until: UnixSeconds,
    },
    /// The image is the confirmed one; store this, which is never below what was confirmed.
    AlreadyInstalled {
        /// What counts as confirmed from then on.
        confirm: Confirmed,
    },
}

/// A manifest that passed, and what to do with it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a verdict that nobody reads installs nothing"]
pub struct Checked<'a> {
    /// The manifest.
    pub manifest: Manifest<'a>,
    /// Its identity.
    pub digest: Digest,
    /// What to do.
    pub verdict: ManifestVerdict,
}

/// A manifest that passed every check no device is needed for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload<'a> {
    /// The manifest.
    pub manifest: Manifest<'a>,
    /// Its identity.
    pub digest: Digest,
}

/// Decides what this device does with a manifest, under the basic profile.
///
/// `root` is the newest the device has stored, `envelope` the bytes it was sent.
///
/// # Errors
/// [`Refusal`] for the first check that fails. Nothing may be written to flash then.
//= trust §4, steps 1, 6, 8, 9
pub fn check_manifest<'a>(
    root: &Root,
    device: &DeviceState<'_>,
    envelope: &'a [u8],
) -> Result<Checked<'a>, Refusal> {
    let now = device.time.under(root);
    let envelope = Envelope::open(envelope)?;
    if root.profile() == Profile::Full {
        return Err(Refusal::DirectiveRequired);
    }
    let manifest = signed_manifest(root, &envelope, now)?;
    if device.fleet != manifest.fleet {
        return Err(Refusal::WrongFleet { found: manifest.fleet, own: device.fleet });
    }
    check_fit(device, &manifest)?;
    check_currency(root, &manifest, now)?;
    let digest = envelope.digest();
    let verdict = weigh(device, &manifest, digest, now)?;
    Ok(Checked { manifest, digest, verdict })
}

/// Asks of an uploaded manifest everything that devices ask and that depends on none of them.
///
/// `root` is the newest of the fleet, of either profile; `now` is the server's own time.
///
/// # Errors
/// [`Refusal`] exactly as the devices would refuse.
pub fn check_upload<'a>(
    root: &Root,
    envelope: &'a [u8],
    now: UnixSeconds,
) -> Result<Upload<'a>, Refusal> {
    let envelope = Envelope::open(envelope)?;
    let manifest = signed_manifest(root, &envelope, now)?;
    check_currency(root, &manifest, now)?;
    Ok(Upload { manifest, digest: envelope.digest() })
}

/// Steps 6 and 8: root not expired, release threshold, type, fleet.
fn signed_manifest<'a>(
    root: &Root,
    envelope: &Envelope<'a>,
    now: UnixSeconds,
) -> Result<Manifest<'a>, Refusal> {
    if now >= root.expires() {
        return Err(Refusal::RootExpired { expires: root.expires(), now });
    }
    root.verify_role(Role::Release, envelope)?;
    let manifest = Manifest::decode(envelope.payload())?;
    if manifest.fleet != root.fleet() {
        return Err(Refusal::WrongFleet { found: manifest.fleet, own: root.fleet() });
    }
    Ok(manifest)
}

/// Step 9, first part: is it made for this device?
fn check_fit(device: &DeviceState<'_>, manifest: &Manifest<'_>) -> Result<(), Refusal> {
    if !manifest.hardware.contains(device.hardware) {
        return Err(Refusal::WrongHardware);
    }
    if manifest.chip_id != device.chip_id {
        return Err(Refusal::WrongChip { found: manifest.chip_id, own: device.chip_id });
    }
    Ok(())
}

/// Step 9, second part: is it still meant?
fn check_currency(root: &Root, manifest: &Manifest<'_>, now: UnixSeconds) -> Result<(), Refusal> {
    if now >= manifest.expires {
        return Err(Refusal::Expired { expires: manifest.expires, now });
    }
    if manifest.epoch != root.epoch() {
        return Err(Refusal::WrongEpoch { found: manifest.epoch, root: root.epoch() });
    }
    Ok(())
}

/// Step 9, third part: is it newer than what the device has, and does it fit?
fn weigh(
    device: &DeviceState<'_>,
    manifest: &Manifest<'_>,
    digest: Digest,
    now: UnixSeconds,
) -> Result<ManifestVerdict, Refusal> {
    let component = manifest.component();
    let Some(state) = device.components.iter().find(|state| state.component == component) else {
        return Err(Refusal::UnknownComponent { component });
    };
    let offered = Confirmed { epoch: manifest.epoch, counter: manifest.counter };
    if state.image == Some(manifest.image) {
        let confirm = offered.max(state.confirmed);
        return Ok(ManifestVerdict::AlreadyInstalled { confirm });
    }
    if offered <= state.confirmed {
        return Err(Refusal::NotNewer { offered, confirmed: state.confirmed });
    }
    // Counters start anew in a new epoch, so one of an older epoch is no stone to step from.
    let same_epoch = state.confirmed.epoch == manifest.epoch;
    let from = if same_epoch { state.confirmed.counter } else { ReleaseCounter::default() };
    if from < manifest.min_from {
        return Err(Refusal::SteppingStone { from, min_from: manifest.min_from });
    }
    if manifest.secure_version < device.secure_version {
        return Err(Refusal::SecureVersionBelow {
            offered: manifest.secure_version,
            burnt: device.secure_version,
        });
    }
    if manifest.image_bytes > state.slot_bytes {
        return Err(Refusal::TooLarge {
            image_bytes: manifest.image_bytes,
            slot_bytes: state.slot_bytes,
        });
    }
    let start = manifest.spread.map(|spread| spread.start(device.device_id, digest));
    Ok(match start {
        Some(until) if now < until => ManifestVerdict::Wait { until },
        Some(_) | None => ManifestVerdict::Install,
    })
}

/// Why a manifest is not installed. One variant for each check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// It is not an envelope.
    Envelope(EnvelopeError),
    /// The root asks for a directive with every installation.
    DirectiveRequired,
    /// The root has expired.
    RootExpired {
        /// When.
        expires: UnixSeconds,
        /// The time decided with.
        now: UnixSeconds,
    },
    /// Too few release keys have signed.
    Signatures(TooFewSignatures),
    /// What is inside is not a manifest.
    Document(DocumentError),
    /// It is of another fleet.
    WrongFleet {
        /// The fleet it names.
        found: FleetId,
        /// The fleet it should name.
        own: FleetId,
    },
    /// It is not for this hardware model.
    WrongHardware,
    /// It is for another chip.
    WrongChip {
        /// The chip it names.
        found: ChipId,
        /// The device's chip.
        own: ChipId,
    },
    /// It has expired.
    Expired {
        /// When.
        expires: UnixSeconds,
        /// The time decided with.
        now: UnixSeconds,
    },
    /// It was signed in another epoch.
    WrongEpoch {
        /// Its epoch.
        found: Epoch,
        /// The root's epoch.
        root: Epoch,
    },
    /// The device has no such component.
    UnknownComponent {
        /// The component.
        component: ComponentId,
    },
    /// It is not above what the device has confirmed.
    NotNewer {
        /// What it offers.
        offered: Confirmed,
        /// What the device has.
        confirmed: Confirmed,
    },
    /// Another release has to be installed first.
    SteppingStone {
        /// The device's confirmed counter in this epoch.
        from: ReleaseCounter,
        /// The lowest counter that may install it.
        min_from: ReleaseCounter,
    },
    /// Its hardware security counter is below the burnt one.
    SecureVersionBelow {
        /// Its counter.
        offered: SecureVersion,
        /// The device's counter.
        burnt: SecureVersion,
    },
    /// The image does not fit the slot.
    TooLarge {
        /// Length of the image.
        image_bytes: u64,
        /// Length of the slot.
        slot_bytes: u64,
    },
}

impl From<EnvelopeError> for Refusal {
    fn from(error: EnvelopeError) -> Self {
        Self::Envelope(error)
    }
}

impl From<TooFewSignatures> for Refusal {
    fn from(error: TooFewSignatures) -> Self {
        Self::Signatures(error)
    }
}

impl From<DocumentError> for Refusal {
    fn from(error: DocumentError) -> Self {
        Self::Document(error)
    }
}

impl Refusal {
    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Envelope(error) => error.code(),
            Self::DirectiveRequired => "TR-060",
            Self::RootExpired { .. } => "TR-061",
            Self::Signatures(error) => error.code(),
            Self::Document(error) => error.code(),
            Self::WrongFleet { .. } => "TR-062",
            Self::WrongHardware => "TR-063",
            Self::WrongChip { .. } => "TR-064",
            Self::Expired { .. } => "TR-065",
            Self::WrongEpoch { .. } => "TR-066",
            Self::UnknownComponent { .. } => "TR-067",
            Self::NotNewer { .. } => "TR-068",
            Self::SteppingStone { .. } => "TR-069",
            Self::SecureVersionBelow { .. } => "TR-070",
            Self::TooLarge { .. } => "TR-071",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Envelope(error) => error.hint(),
            Self::DirectiveRequired => "let the director sign what this device shall install",
            Self::RootExpired { .. } => "sign the next root and hand it out",
            Self::Signatures(error) => error.hint(),
            Self::Document(error) => error.hint(),
            Self::WrongFleet { .. } => "sign the manifest for this fleet",
            Self::WrongHardware => "offer the manifest that lists this hardware model",
            Self::WrongChip { .. } => "offer the image that was built for this chip",
            Self::Expired { .. } => "renew the manifest: the same payload with a later expiry",
            Self::WrongEpoch { .. } => "sign the manifest in the epoch of the newest root",
            Self::UnknownComponent { .. } => "offer it to devices that have the component",
            Self::NotNewer { .. } => "to go back, publish a reissue with a higher counter",
            Self::SteppingStone { .. } => "roll out the release in between first",
            Self::SecureVersionBelow { .. } => "build with at least the burnt secure version",
            Self::TooLarge { .. } => "build a smaller image, or plan a larger slot",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Envelope(error) => error.fmt(f),
            Self::DirectiveRequired => f.write_str("the root asks for a directive, there is none"),
            Self::RootExpired { expires, now } => {
                write!(f, "the root expired at {expires}, it is {now}")
            }
            Self::Signatures(error) => error.fmt(f),
            Self::Document(error) => error.fmt(f),
            Self::WrongFleet { found, own } => {
                write!(f, "the manifest is of fleet {found}, it should be of {own}")
            }
            Self::WrongHardware => f.write_str("the manifest does not list this hardware model"),
            Self::WrongChip { found, own } => {
                write!(f, "the manifest is for chip {found}, the device has chip {own}")
            }
            Self::Expired { expires, now } => {
                write!(f, "the manifest expired at {expires}, it is {now}")
            }
            Self::WrongEpoch { found, root } => {
                write!(f, "the manifest is of epoch {found}, the root of epoch {root}")
            }
            Self::UnknownComponent { component } => {
                write!(f, "the device has no component {component}")
            }
            Self::NotNewer { offered, confirmed } => write!(
                f,
                "epoch {} counter {} is not above the confirmed epoch {} counter {}",
                offered.epoch, offered.counter, confirmed.epoch, confirmed.counter
            ),
            Self::SteppingStone { from, min_from } => {
                write!(f, "it installs from counter {min_from} on, the device has {from}")
            }
            Self::SecureVersionBelow { offered, burnt } => {
                write!(f, "secure version {offered} is below the burnt {burnt}")
            }
            Self::TooLarge { image_bytes, slot_bytes } => {
                write!(f, "an image of {image_bytes} bytes does not fit a slot of {slot_bytes}")
            }
        }
    }
}

impl core::error::Error for Refusal {}
