//! A device enrolls, checks in, and asks leave to switch.
//!
//! The check-in is the hot path: one bounded body, one borrowed parse, one look. Not here: reports
//! and images. Invariant: what a device is told was durable before.

use super::{Answer, JSON, json, json_bytes};
use crate::backend::{Backend, CheckedIn, Kind, Problem, Terms};
use crate::check_in::{self, Prospect};
use crate::input::{self, DEVICE_BYTES};
use crate::openapi::{Shows, Table, post, wire as described};
use crate::{auth, secret, token, url};
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse as _;
use rollout_core::device::{Device, Facts, RunningImage};
use rollout_core::fleet::{Fleet, OfferMade, Reply};
use rollout_core::id::{DeviceId, Digest, HardwareModel};
use rollout_core::rollout::Patience;
use rollout_core::time::Timestamp;
use rollout_core::version::{ReleaseCounter, SecureVersion};
use rollout_core::wire;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// The routes of a device's talk with us, reports and images apart.
pub(crate) fn table<B: Backend>(table: Table<B>) -> Table<B> {
    table
        .add(
            post("enroll", "/device/v1/enroll", "Ask for the device's own token.")
                .shows(Shows::Enrollment)
                .reads::<described::Enroll>()
                .answers::<described::EnrollAnswer>(201, "The token; asked again, the same.")
                .refuses(&[403, 409]),
            enroll::<B>,
        )
        .add(
            post("check_in", CHECK_IN, "Say how the device is, and ask what to do.")
                .shows(Shows::Device)
                .reads::<described::CheckIn>()
                .answers::<described::CheckInAnswer>(200, "What to do.")
                .refuses(&[403, 409]),
            check_in::<B>,
        )
        .add(
            post("begin", "/device/v1/begin", "Ask leave to switch to the new image.")
                .shows(Shows::Device)
                .reads::<described::Begin>()
                .answers::<described::BeginAnswer>(200, "Yes, wait, or stop.")
                .refuses(&[403, 404, 409]),
            begin::<B>,
        )
}

/// The path of the check-in, the hot one.
pub(crate) const CHECK_IN: &str = "/device/v1/check-in";
/// A permit may be asked for again after a fraction of the usual interval, in these bounds.
const RETRY_SECS: std::ops::RangeInclusive<u64> = 1..=300;

/// A document of another version than [`wire::VERSION`].
pub(super) fn check_version(found: u8) -> Result<(), Problem> {
    if found == wire::VERSION {
        return Ok(());
    }
    let detail = format!("the document has version {found}, this server reads {}", wire::VERSION);
    Err(Problem::new(Kind::Invalid, "WI-001", detail, "update the agent, or the server"))
}

/// `POST /device/v1/enroll`
pub(crate) async fn enroll<B: Backend>(
    State(backend): State<B>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let enrollment = auth::enrollment(&backend, &headers)?;
    let bytes = input::read(body, DEVICE_BYTES).await?;
    let asked: wire::Enroll = input::json(&bytes)?;
    check_version(asked.v)?;
    let (device, hardware) = (DeviceId::new(asked.device)?, HardwareModel::new(asked.hardware)?);
    let secret = secret::device_secret(backend.url_key(), &device, &enrollment, 0);
    let made = token::make_for_device(device.as_str(), &secret);
    let hash = made.hash;
    let check = move |fleet: &rollout_core::fleet::Fleet, now| {
        Ok(fleet.enroll(device, hardware, hash, &enrollment, now)?)
    };
    backend.register(Box::new(check), Terms::default()).await?;
    json(StatusCode::CREATED, &wire::EnrollAnswer { v: wire::VERSION, token: &made.text })
}

/// `POST /device/v1/check-in`
pub(crate) async fn check_in<B: Backend>(
    State(backend): State<B>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let bytes = answer_check_in(&backend, &headers, body).await?;
    Ok(([(header::CONTENT_TYPE, JSON)], bytes).into_response())
}

/// Answers a check-in, from one look at the model if it changes nothing.
pub(crate) async fn answer_check_in<B: Backend, T>(
    backend: &B,
    headers: &HeaderMap,
    body: T,
) -> Result<Vec<u8>, Problem>
where
    T: HttpBody<Data = Bytes>,
{
    let bytes = input::read(body, DEVICE_BYTES).await?;
    let said: wire::CheckIn<Described> = input::json(&bytes)?;
    check_version(said.v)?;
    let token = auth::device_token(headers)?;
    let now = backend.now();
    let glance = backend.read(|fleet| {
        let device = auth::known_device(fleet, &token, said.device)?;
        same_model(device, said.hardware)?;
        Ok::<_, Problem>(no_news(fleet, device, &said, now).ok_or_else(|| device.id.clone()))
    })?;
    match glance {
        Ok(answer) => render(backend, said.device, &answer, now),
        Err(device) => {
            let answer = backend.check_in(device.clone(), facts(said)?).await?;
            render(backend, device.as_str(), &answer, backend.now())
        }
    }
}

/// A device of another model than it is registered with would be offered what it cannot run.
fn same_model(device: &Device, said: &str) -> Result<(), Problem> {
    let known = device.hardware.as_str();
    if said == known {
        return Ok(());
    }
    // What a device says goes into no message: it may be anything.
    let detail = format!("device {} is registered as a {known} and says otherwise", device.id);
    Err(Problem::new(Kind::Conflict, "DV-007", detail, "replace it by a device of its true model"))
}

/// The answer to a device that says what it said before, if nothing needs to be noted or decided.
fn no_news(
    fleet: &Fleet,
    device: &Device,
    said: &wire::CheckIn<'_, Described<'_>>,
    now: Timestamp,
) -> Option<CheckedIn> {
    let known = device.facts.as_ref().filter(|known| repeats(known, said))?;
    if check_in::is_stale(fleet, device, now) {
        return None;
    }
    match check_in::prospect(fleet, device, now) {
        Prospect::Ask => None,
        Prospect::Known(offer) => Some(CheckedIn::with(fleet, device, known.root_version, offer)),
    }
}

/// Whether a device says of itself exactly what is known, compared where it stands.
fn repeats(known: &Facts, said: &wire::CheckIn<'_, Described<'_>>) -> bool {
    let Facts { running, secure_version, slot_bytes, spare, root_version, attributes } = known;
    let RunningImage { digest, version, epoch, counter, state } = running;
    *digest == Digest::from(said.running.digest)
        && version == said.running.version
        && *epoch == u64::from(said.running.epoch)
        && counter.0 == said.running.counter
        && *state == said.running.state
        && secure_version.0 == said.secure_version
        && *slot_bytes == u64::from(said.slot_bytes)
        && *spare == said.spare.map(Digest::from)
        && *root_version == u64::from(said.root_version)
        && said.attributes.are(attributes)
}

fn render<B: Backend>(
    backend: &B,
    device: &str,
    answer: &CheckedIn,
    now: Timestamp,
) -> Result<Vec<u8>, Problem> {
    let root = answer.root.as_deref().map(input::base64);
    let stop = answer.stop.map(|rollout| rollout.to_string());
    let offer = answer.offer.as_ref().map(|offer| Texts::of(backend, device, offer, now));
    let lease = answer.offer.as_ref().map_or(0, |offer| offer.lease.as_secs());
    let attempt = answer.offer.as_ref().map_or(0, |offer| offer.attempt);
    let document = wire::CheckInAnswer {
        v: wire::VERSION,
        time: now.unix_secs(),
        poll_secs: answer.poll_secs,
        root_version: fits(answer.root_version),
        root: root.as_deref(),
        directive: None,
        binding: wire::Binding {
            generation: answer.binding.generation.0,
            home: answer.binding.home.as_str(),
            endpoint: answer.binding.endpoint.as_str(),
        },
        offer: offer.as_ref().map(|texts| wire::Offer {
            rollout: &texts.rollout,
            attempt,
            manifest: &texts.manifest,
            url: &texts.url,
            lease_secs: fits(lease),
        }),
        stop: stop.as_deref(),
    };
    json_bytes(&document)
}

/// The texts that an offer borrows.
struct Texts {
    rollout: String,
    manifest: String,
    url: String,
}

impl Texts {
    fn of<B: Backend>(backend: &B, device: &str, offer: &OfferMade, now: Timestamp) -> Self {
        let expires = url::expiry(now, offer.opens, offer.lease);
        Self {
            rollout: offer.rollout.to_string(),
            manifest: input::base64(&offer.artifact.envelope),
            url: url::sign(backend.url_key(), offer.artifact.image, device, expires),
        }
    }
}

fn fits(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn facts(said: wire::CheckIn<'_, Described<'_>>) -> Result<Facts, Problem> {
    let refuse = |code, detail: &str| {
        Err(Problem::new(Kind::Invalid, code, detail, "shorten what the device says of itself"))
    };
    match said.attributes.excess {
        None => {}
        Some(Excess::Count) => {
            return refuse("WI-002", "more than 64 attributes");
        }
        Some(Excess::Name) => {
            return refuse("WI-002", "an attribute's name is empty or has more than 64 bytes");
        }
        Some(Excess::Value) => {
            return refuse("WI-002", "an attribute's value has more than 256 bytes");
        }
    }
    let running = said.running;
    if running.version.len() > wire::ATTRIBUTE_VALUE_BYTES {
        return refuse("WI-002", "the running version has more than 256 bytes");
    }
    Ok(Facts {
        running: RunningImage {
            digest: running.digest.into(),
            version: running.version.into(),
            epoch: running.epoch.into(),
            counter: ReleaseCounter(running.counter),
            state: running.state,
        },
        secure_version: SecureVersion(said.secure_version),
        slot_bytes: said.slot_bytes.into(),
        spare: said.spare.map(Digest::from),
        root_version: said.root_version.into(),
        attributes: said.attributes.into_map(),
    })
}

/// What a device says of itself: no more is kept than the wire allows.
/// Each name is there once, in the device's own order.
#[derive(Default)]
struct Described<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    excess: Option<Excess>,
}

impl<'a> Described<'a> {
    fn find(&mut self, name: &str) -> Option<&mut Cow<'a, str>> {
        self.pairs.iter_mut().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Whether these are exactly the attributes of `map`.
    fn are(&self, map: &BTreeMap<String, String>) -> bool {
        let has = |name: &str, value: &str| {
            self.pairs.iter().any(|(known, said)| known == name && said == value)
        };
        self.excess.is_none()
            && self.pairs.len() == map.len()
            && map.iter().all(|(name, value)| has(name, value))
    }

    fn into_map(self) -> BTreeMap<String, String> {
        let owned = self.pairs.into_iter();
        owned.map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
    }
}

#[derive(Clone, Copy)]
enum Excess {
    Count,
    Name,
    Value,
}

impl<'de> Deserialize<'de> for Described<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Attributes)
    }
}

struct Attributes;

impl<'de> Visitor<'de> for Attributes {
    type Value = Described<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of attributes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Described<'de>, A::Error> {
        let mut said = Described::default();
        while let Some((name, value)) = map.next_entry::<Text, Text>()? {
            let (name, value) = (name.0, value.0);
            let count = said.pairs.len();
            let known = said.find(&name);
            let excess = match (name.len(), value.len()) {
                (0, _) => Some(Excess::Name),
                (length, _) if length > wire::ATTRIBUTE_NAME_BYTES => Some(Excess::Name),
                (_, length) if length > wire::ATTRIBUTE_VALUE_BYTES => Some(Excess::Value),
                _ if count == wire::ATTRIBUTES && known.is_none() => Some(Excess::Count),
                _ => None,
            };
            match (excess, known) {
                (Some(excess), _) => said.excess = Some(excess),
                (None, Some(known)) => *known = value,
                (None, None) => said.pairs.push((name, value)),
            }
        }
        Ok(said)
    }
}

/// A text that is borrowed if nothing in it is escaped.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// `POST /device/v1/begin`
pub(crate) async fn begin<B: Backend>(
    State(backend): State<B>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let bytes = input::read(body, DEVICE_BYTES).await?;
    let asked: wire::Begin = input::json(&bytes)?;
    check_version(asked.v)?;
    let device = auth::device(&backend, &headers, asked.device)?;
    let rollout = super::rollout_id(asked.rollout)?;
    let reply = backend.begin(device, rollout, asked.attempt, asked.digest.into()).await?;
    let usual = backend.read(|fleet| fleet.usual.as_secs());
    let retry = (usual / 4).clamp(*RETRY_SECS.start(), *RETRY_SECS.end());
    let (answer, reason, window) = match &reply {
        Reply::Yes { confirm_window } => (wire::Leave::Yes, "", confirm_window.as_secs()),
        Reply::Wait(patience) => (wire::Leave::Wait, reason(patience), 0),
        Reply::Stop(word) => (wire::Leave::Stop, *word, 0),
    };
    let document = wire::BeginAnswer {
        v: wire::VERSION,
        answer,
        reason,
        retry_secs: if answer == wire::Leave::Wait { fits(retry) } else { 0 },
        confirm_window_secs: fits(window),
    };
    json(StatusCode::OK, &document)
}

/// A stable word for why a device waits.
fn reason(patience: &Patience) -> &'static str {
    match patience {
        Patience::Standing(phase) => phase,
        Patience::Paced(hold) => hold.name(),
        Patience::InFlight(_) => "in_flight",
        Patience::Rate { .. } => "rate",
        Patience::Not(reason) => reason.code(),
    }
}
