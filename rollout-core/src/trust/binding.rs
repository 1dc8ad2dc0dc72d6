//! The binding: where the devices of a fleet connect, signed like an image is.
//!
//! Deliberately not here: trying a binding out and going back, which the agent does, and what a
//! URL or a certificate key means to a network stack.
//!
//! Invariant: what [`check_binding`] lets a device stage is signed by the binding role, meant for
//! this device, and of a higher generation than the one it uses.

use super::check::DeviceTime;
use super::document::{DocumentError, Fields, demand};
use super::envelope::{DocumentType, Envelope, EnvelopeError, TooFewSignatures};
use super::reader::Reader;
use super::root::{Role, Root};
use super::{FleetId, UnixSeconds};
use crate::id::{Digest, ResidentId, is_product};
use core::fmt;

/// Longest name of a home, in bytes.
//= trust §3, binding key 3
pub const HOME_BYTES: usize = 32;
/// Most services, and most trusted authority keys.
//= trust §3, binding keys 4 and 5
pub const MAX_SERVICES: u64 = 8;
/// Most URLs of one service.
//= trust §3, binding key 4
pub const MAX_URLS: u64 = 3;
/// Longest URL, in bytes.
//= trust §3, binding key 4
pub const URL_BYTES: usize = 128;
/// The service every binding has: the control plane.
pub const CONTROL: &str = "control";

/// Which binding of a fleet; the higher one wins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u64);

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A binding that keeps its rules. Whether it is signed depends on where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Binding<'a> {
    /// The fleet.
    pub fleet: FleetId,
    /// Its generation.
    pub generation: Generation,
    /// The home it binds to.
    pub home: &'a str,
    /// Where each service is.
    pub services: Services<'a>,
    /// Digests of the keys of trusted authorities.
    pub authorities: Authorities<'a>,
    /// Seconds between check-ins, at least 1.
    pub poll_secs: u64,
    /// From this second on it is not taken up.
    pub expires: UnixSeconds,
    /// The one device it is for; else any of the fleet.
    pub device: Option<ResidentId>,
}

impl<'a> Binding<'a> {
    /// Reads a payload. No signature is checked.
    ///
    /// # Errors
    /// [`DocumentError`] if it is not a binding that keeps every rule.
    //= trust §3, binding
    pub fn decode(payload: &'a [u8]) -> Result<Self, DocumentError> {
        let mut fields = Fields::open(payload, DocumentType::Binding)?;
        let mut binding = Self {
            fleet: FleetId(fields.required(1)?.array_of_bytes()?),
            generation: Generation(fields.required(2)?.unsigned()?),
            home: fields.required(3)?.text()?,
            services: Services::read(fields.required(4)?)?,
            authorities: Authorities::read(fields.required(5)?)?,
            poll_secs: fields.required(6)?.unsigned()?,
            expires: UnixSeconds(fields.required(7)?.unsigned()?),
            device: None,
        };
        demand!((1..=HOME_BYTES).contains(&binding.home.len()), 3, "1 to 32 bytes");
        demand!(binding.poll_secs >= 1, 6, "at least 1");
        while let Some(key) = fields.next_key()? {
            match key {
                8 => binding.device = Some(ResidentId(fields.value().array_of_bytes()?)),
                unknown => fields.skip(unknown)?,
            }
        }
        fields.end()?;
        Ok(binding)
    }
}

/// Services and their URLs, still in the bytes they were read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Services<'a> {
    items: &'a [u8],
}

impl<'a> Services<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DocumentError> {
        let count = reader.map()?;
        demand!((1..=MAX_SERVICES).contains(&count), 4, "1 to 8 services");
        let before = reader.rest();
        let mut last = "";
        for _ in 0..count {
            let name = reader.text()?;
            demand!(is_product(name), 4, "names of a-z, 0-9 and -");
            //= RFC 8949 §4.2.1: the shorter key comes first
            let rises = (last.len(), last) < (name.len(), name);
            demand!(rises, 4, "names that rise, the shorter before the longer");
            last = name;
            let urls = reader.array()?;
            demand!((1..=MAX_URLS).contains(&urls), 4, "1 to 3 URLs for each service");
            for _ in 0..urls {
                let url = reader.text()?;
                demand!((1..=URL_BYTES).contains(&url.len()), 4, "URLs of 1 to 128 bytes");
            }
        }
        let services = Self { items: &before[..before.len() - reader.rest().len()] };
        demand!(services.urls(CONTROL).next().is_some(), 4, "a map with `control`");
        Ok(services)
    }

    /// Every service with every URL of it, in the order to try them.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let mut reader = Reader::new(self.items).ok();
        let (mut name, mut left) = ("", 0);
        core::iter::from_fn(move || {
            let reader = reader.as_mut()?;
            if left == 0 {
                name = reader.text().ok()?;
                left = reader.array().ok()?;
            }
            left = left.checked_sub(1)?;
            Some((name, reader.text().ok()?))
        })
    }

    /// The URLs of one service.
    pub fn urls(&self, service: &str) -> impl Iterator<Item = &'a str> {
        self.iter().filter(move |(name, _)| *name == service).map(|(_, url)| url)
    }
}

/// Digests of authority keys, still in the bytes they were read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authorities<'a> {
    items: &'a [u8],
}

impl<'a> Authorities<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DocumentError> {
        let count = reader.array()?;
        demand!(count <= MAX_SERVICES, 5, "at most 8 digests");
        let before = reader.rest();
        for _ in 0..count {
            reader.array_of_bytes::<32>()?;
        }
        Ok(Self { items: &before[..before.len() - reader.rest().len()] })
    }

    /// The digests.
    pub fn iter(&self) -> impl Iterator<Item = Digest> + use<'a> {
        let mut reader = Reader::new(self.items).ok();
        core::iter::from_fn(move || reader.as_mut()?.array_of_bytes().ok()).map(Digest::from_bytes)
    }
}

/// What decides whether a device may try a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BindingState {
    /// Its resident id.
    pub device: ResidentId,
    /// The generation it uses.
    pub generation: Generation,
    /// Its time.
    pub time: DeviceTime,
}

/// Decides whether a device may try a binding.
///
/// # Errors
/// [`BindingRefusal`] for the first check that fails.
pub fn check_binding<'a>(
    root: &Root,
    state: &BindingState,
    envelope: &'a [u8],
) -> Result<Binding<'a>, BindingRefusal> {
    let now = state.time.under(root);
    let envelope = Envelope::open(envelope)?;
    if now >= root.expires() {
        return Err(BindingRefusal::RootExpired { expires: root.expires(), now });
    }
    root.verify_role(Role::Binding, &envelope)?;
    let binding = Binding::decode(envelope.payload())?;
    if binding.fleet != root.fleet() {
        return Err(BindingRefusal::WrongFleet { found: binding.fleet, own: root.fleet() });
    }
    if binding.device.is_some_and(|device| device != state.device) {
        return Err(BindingRefusal::WrongDevice);
    }
    if now >= binding.expires {
        return Err(BindingRefusal::Expired { expires: binding.expires, now });
    }
    if binding.generation <= state.generation {
        let (found, own) = (binding.generation, state.generation);
        return Err(BindingRefusal::NotNewer { found, own });
    }
    Ok(binding)
}

/// Why a binding is not tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BindingRefusal {
    /// It is not an envelope.
    Envelope(EnvelopeError),
    /// The root has expired.
    RootExpired {
        /// When.
        expires: UnixSeconds,
        /// The time decided with.
        now: UnixSeconds,
    },
    /// Too few binding keys have signed, or the root has no such role.
    Signatures(TooFewSignatures),
    /// What is inside is not a binding.
    Document(DocumentError),
    /// It is of another fleet.
    WrongFleet {
        /// The fleet it names.
        found: FleetId,
        /// The fleet it should name.
        own: FleetId,
    },
    /// It is for one other device.
    WrongDevice,
    /// It has expired.
    Expired {
        /// When.
        expires: UnixSeconds,
        /// The time decided with.
        now: UnixSeconds,
    },
    /// Its generation is not above the one in use.
    NotNewer {
        /// Its generation.
        found: Generation,
        /// The one in use.
        own: Generation,
    },
}

impl From<EnvelopeError> for BindingRefusal {
    fn from(error: EnvelopeError) -> Self {
        Self::Envelope(error)
    }
}

impl From<TooFewSignatures> for BindingRefusal {
    fn from(error: TooFewSignatures) -> Self {
        Self::Signatures(error)
    }
}

impl From<DocumentError> for BindingRefusal {
    fn from(error: DocumentError) -> Self {
        Self::Document(error)
    }
}

impl BindingRefusal {
    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Envelope(error) => error.code(),
            Self::RootExpired { .. } => "TR-080",
            Self::Signatures(error) => error.code(),
            Self::Document(error) => error.code(),
            Self::WrongFleet { .. } => "TR-081",
            Self::WrongDevice => "TR-082",
            Self::Expired { .. } => "TR-083",
            Self::NotNewer { .. } => "TR-084",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Envelope(error) => error.hint(),
            Self::RootExpired { .. } => "sign the next root and hand it out",
            Self::Signatures(error) => error.hint(),
            Self::Document(error) => error.hint(),
            Self::WrongFleet { .. } => "sign the binding for this fleet",
            Self::WrongDevice => "hand it to the device it names",
            Self::Expired { .. } => "sign the binding again with a later expiry",
            Self::NotNewer { .. } => "sign the binding with the next generation",
        }
    }
}

impl fmt::Display for BindingRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Envelope(error) => error.fmt(f),
            Self::RootExpired { expires, now } => {
                write!(f, "the root expired at {expires}, it is {now}")
            }
            Self::Signatures(error) => error.fmt(f),
            Self::Document(error) => error.fmt(f),
            Self::WrongFleet { found, own } => {
                write!(f, "the binding is of fleet {found}, it should be of {own}")
            }
            Self::WrongDevice => f.write_str("the binding is for one other device"),
            Self::Expired { expires, now } => {
                write!(f, "the binding expired at {expires}, it is {now}")
            }
            Self::NotNewer { found, own } => {
                write!(f, "generation {found} is not above {own}, which is in use")
            }
        }
    }
}

impl core::error::Error for BindingRefusal {}
