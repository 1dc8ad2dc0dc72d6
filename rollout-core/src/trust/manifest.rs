//! The manifest: one image, the hardware it is for, and what it takes to install it.
//!
//! Deliberately not here: whether a device may install it ([`super::check`]), and what a contract
//! means to backend services.
//!
//! Invariant: a [`Manifest`] keeps every rule that needs no device to be checked.

use super::document::{DocumentError, Fields, demand};
use super::envelope::DocumentType;
use super::reader::Reader;
use super::{Epoch, FleetId, UnixSeconds};
use crate::id::{Digest, is_product};
use crate::image::ChipId;
use crate::limits::HARDWARE_BYTES;
use crate::version::{ReleaseCounter, SecureVersion, VersionText};
use core::fmt;
use sha2::{Digest as _, Sha256};

/// Most hardware models one manifest may be for.
//= trust §3, manifest key 3
pub const MAX_HARDWARE: u64 = 8;
/// Longest contract, in bytes.
//= trust §3, manifest key 15
pub const CONTRACT_BYTES: usize = 64;
/// Most delta bases one manifest may name.
//= trust §3, manifest key 18
pub const MAX_DELTA_BASES: u64 = 8;

/// A part of a device that is updated on its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ComponentId(pub u64);

impl ComponentId {
    /// The main firmware.
    pub const MAIN: Self = Self(0);
}

impl fmt::Display for ComponentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Installations drawn out over a while, so that a fleet does not start all at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// The first second at which any device starts.
    pub not_before: UnixSeconds,
    /// How long the starts are drawn out, at least 1.
    pub seconds: u64,
}

impl Spread {
    /// When this device starts, for the manifest whose payload has this digest.
    //= trust §3, manifest key 16
    pub fn start(&self, device_id: &str, payload: Digest) -> UnixSeconds {
        let hash: [u8; 32] = Sha256::new()
            .chain_update(device_id.as_bytes())
            .chain_update([0])
            .chain_update(payload.as_bytes())
            .finalize()
            .into();
        let draw = hash[..8].iter().fold(0, |draw, byte| draw << 8 | u64::from(*byte));
        UnixSeconds(self.not_before.0.saturating_add(draw % self.seconds.max(1)))
    }
}

/// A manifest that keeps its rules. Whether it is signed depends on where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Manifest<'a> {
    /// The fleet.
    pub fleet: FleetId,
    /// The product.
    pub product: &'a str,
    /// The hardware models it is for.
    pub hardware: HardwareList<'a>,
    /// The root's epoch when it was signed.
    pub epoch: Epoch,
    /// The order of signing.
    pub counter: ReleaseCounter,
    /// The version, for people.
    pub version: VersionText,
    /// SHA-256 of the image.
    pub image: Digest,
    /// Length of the image in bytes, at least 1.
    pub image_bytes: u64,
    /// The hardware security counter.
    pub secure_version: SecureVersion,
    /// The lowest confirmed counter that may install it directly.
    pub min_from: ReleaseCounter,
    /// From this second on it is not installed.
    pub expires: UnixSeconds,
    /// The chip the image is for.
    pub chip_id: ChipId,
    /// The component, if it is named.
    pub component: Option<ComponentId>,
    /// The counter of the manifest whose image this is again.
    pub reissue_of: Option<ReleaseCounter>,
    /// Backend contracts the image needs, unread.
    pub contract: Option<&'a str>,
    /// How starts are drawn out.
    pub spread: Option<Spread>,
    /// Image format; 0 or none is plain.
    pub format: Option<u64>,
    /// Digests of images that a delta exists for.
    pub delta_bases: Option<DeltaBases<'a>>,
    /// Hash that the device should report after the update.
    pub config: Option<Digest>,
}

impl<'a> Manifest<'a> {
    /// Reads a payload. No signature is checked.
    ///
    /// # Errors
    /// [`DocumentError`] if it is not a manifest that keeps every rule.
    //= trust §3, manifest
    pub fn decode(payload: &'a [u8]) -> Result<Self, DocumentError> {
        let mut fields = Fields::open(payload, DocumentType::Manifest)?;
        let mut manifest = Self {
            fleet: FleetId(fields.required(1)?.array_of_bytes()?),
            product: read_product(fields.required(2)?)?,
            hardware: HardwareList::read(fields.required(3)?)?,
            epoch: Epoch(fields.required(4)?.unsigned()?),
            counter: ReleaseCounter(fields.required(5)?.unsigned()?),
            version: VersionText::parse(fields.required(6)?.text()?)
                .ok_or(DocumentError::Rule { key: 6, rule: "a semantic version" })?,
            image: Digest::from_bytes(fields.required(7)?.array_of_bytes()?),
            image_bytes: fields.required(8)?.unsigned()?,
            secure_version: SecureVersion(small(fields.required(9)?, 9, "at most 32 bits")?),
            min_from: ReleaseCounter(fields.required(10)?.unsigned()?),
            expires: UnixSeconds(fields.required(11)?.unsigned()?),
            chip_id: ChipId(small(fields.required(12)?, 12, "at most 16 bits")?),
            component: None,
            reissue_of: None,
            contract: None,
            spread: None,
            format: None,
            delta_bases: None,
            config: None,
        };
        demand!(manifest.image_bytes >= 1, 8, "at least 1");
        while let Some(key) = fields.next_key()? {
            manifest.read_optional(key, &mut fields)?;
        }
        fields.end()?;
        Ok(manifest)
    }

    /// The component it is for.
    pub fn component(&self) -> ComponentId {
        self.component.unwrap_or(ComponentId::MAIN)
    }

    /// The clauses of its contract: a service and the range of versions it must have.
    ///
    /// A clause without a range has an empty one.
    pub fn contract_clauses(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.contract
            .into_iter()
            .flat_map(|contract| contract.split(';'))
            .map(|clause| clause.trim().split_once(' ').unwrap_or((clause.trim(), "")))
    }

    fn read_optional(&mut self, key: u64, fields: &mut Fields<'a>) -> Result<(), DocumentError> {
        let value = fields.value();
        match key {
            13 => self.component = Some(ComponentId(value.unsigned()?)),
            14 => self.reissue_of = Some(ReleaseCounter(value.unsigned()?)),
            15 => self.contract = Some(read_contract(value)?),
            16 => self.spread = Some(read_spread(value)?),
            17 => self.format = Some(value.unsigned()?),
            18 => self.delta_bases = Some(DeltaBases::read(value)?),
            19 => self.config = Some(Digest::from_bytes(value.array_of_bytes()?)),
            unknown => fields.skip(unknown)?,
        }
        Ok(())
    }
}

fn read_product<'a>(reader: &mut Reader<'a>) -> Result<&'a str, DocumentError> {
    let product = reader.text()?;
    demand!(is_product(product), 2, "1 to 31 of a-z, 0-9 and -");
    Ok(product)
}

fn read_contract<'a>(reader: &mut Reader<'a>) -> Result<&'a str, DocumentError> {
    let contract = reader.text()?;
    demand!((1..=CONTRACT_BYTES).contains(&contract.len()), 15, "1 to 64 bytes");
    Ok(contract)
}

fn read_spread(reader: &mut Reader<'_>) -> Result<Spread, DocumentError> {
    demand!(reader.array()? == 2, 16, "a time and a duration");
    let not_before = UnixSeconds(reader.unsigned()?);
    let seconds = reader.unsigned()?;
    demand!(seconds >= 1, 16, "drawn out over at least one second");
    Ok(Spread { not_before, seconds })
}

fn small<T: TryFrom<u64>>(
    reader: &mut Reader<'_>,
    key: u64,
    rule: &'static str,
) -> Result<T, DocumentError> {
    T::try_from(reader.unsigned()?).map_err(|_| DocumentError::Rule { key, rule })
}

/// Hardware models of a manifest, in rising order, still in the bytes they were read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HardwareList<'a> {
    items: &'a [u8],
}

impl<'a> HardwareList<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DocumentError> {
        let count = reader.array()?;
        demand!((1..=MAX_HARDWARE).contains(&count), 3, "1 to 8 models");
        let before = reader.rest();
        let mut last: &[u8] = &[];
        for _ in 0..count {
            let model = reader.bytes()?;
            demand!(model.len() <= HARDWARE_BYTES, 3, "models of at most 24 bytes");
            demand!(model > last, 3, "models that are not empty and rise");
            last = model;
        }
        Ok(Self { items: &before[..before.len() - reader.rest().len()] })
    }

    /// The models.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        byte_strings(self.items)
    }

    /// Whether a device of this model may take the image.
    pub fn contains(&self, model: &str) -> bool {
        self.iter().any(|listed| listed == model.as_bytes())
    }
}

/// Digests of delta bases, still in the bytes they were read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeltaBases<'a> {
    items: &'a [u8],
}

impl<'a> DeltaBases<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DocumentError> {
        let count = reader.array()?;
        demand!(count <= MAX_DELTA_BASES, 18, "at most 8 bases");
        let before = reader.rest();
        for _ in 0..count {
            reader.array_of_bytes::<32>()?;
        }
        Ok(Self { items: &before[..before.len() - reader.rest().len()] })
    }

    /// The digests.
    pub fn iter(&self) -> impl Iterator<Item = Digest> + use<'a> {
        byte_strings(self.items).filter_map(|base| base.try_into().ok().map(Digest::from_bytes))
    }
}

/// The byte strings of a list that has been read once already.
fn byte_strings(items: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut reader = Reader::new(items).ok();
    core::iter::from_fn(move || reader.as_mut()?.bytes().ok())
}
