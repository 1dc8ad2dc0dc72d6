//! A request with an `Idempotency-Key` is carried out once, however often it is sent.
//!
//! What was asked is in the journal, in the transaction of its effect; what was answered follows.
//! Not here: how an effect is committed. Invariants: the same key with another request is refused;
//! while a request is carried out the same one waits outside; an answer that shows a secret is
//! never stored, it follows from the key anew.

use crate::backend::{Backend, Kind, Problem};
use axum::http::{HeaderMap, HeaderName, Method, Uri};
use rollout_core::id::{Digest, Principal};
use rollout_core::journal::OnceRecord;
use rollout_core::time::{Span, Timestamp};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// The header of a key.
pub(super) const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Longest key.
const KEY_CHARS: usize = 128;
/// How long a key is remembered.
//= trust §8
const LIFE: Span = Span::hours(24);
/// Longest answer that is stored, in bytes; others are made anew from the model.
pub(super) const ANSWER_BYTES: usize = 64 * 1024;

/// Marks an answer that shows a secret.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Secret;

/// The key of a request, if it has one.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(KEY) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    let is_key =
        (1..=KEY_CHARS).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if is_key {
        return Ok(Some(text.into()));
    }
    let detail = format!("a key is 1 to {KEY_CHARS} visible ASCII characters");
    Err(Problem::new(Kind::Invalid, "HT-016", detail, "draw a UUID for each request"))
}

/// What is remembered of a request.
pub(super) fn record<B: Backend>(
    backend: &B,
    principal: Principal,
    key: String,
    (method, uri): (&Method, &Uri),
    body: &[u8],
) -> OnceRecord {
    let target = uri.path_and_query().map_or("", |target| target.as_str());
    let mut whole = format!("{method}\0{target}\0").into_bytes();
    whole.extend_from_slice(body);
    let fingerprint = Digest::of(&whole);
    OnceRecord { principal, key, fingerprint, until: backend.now().after(LIFE) }
}

/// When a request was made that is remembered until then.
pub(super) fn made_at(until: Timestamp) -> Timestamp {
    Timestamp(until.0.saturating_sub(LIFE.0))
}

/// What is known of a request before it is carried out.
#[derive(Debug)]
pub(super) enum Before {
    /// Nothing.
    New,
    /// It had its effect.
    Taken {
        /// When it was made.
        made_at: Timestamp,
        /// Its answer, unless that got lost or shows a secret.
        answer: Option<(u16, Vec<u8>)>,
    },
}

/// Looks a request up.
///
/// # Errors
/// `ON-001` (422) if the key was used for another one.
pub(super) fn before<B: Backend>(backend: &B, record: &OnceRecord) -> Result<Before, Problem> {
    let now = backend.now();
    backend.read(|fleet| {
        let known = fleet.once.get(&record.principal, &record.key);
        let Some(known) = known.filter(|known| known.until > now) else {
            return Ok(Before::New);
        };
        if known.fingerprint != record.fingerprint {
            // The core words it, and refuses it again in the queue.
            fleet.check_once(record, now)?;
        }
        let made_at = made_at(known.until);
        Ok(Before::Taken { made_at, answer: known.answer.clone() })
    })
}

/// Requests that are being carried out, by who asked under which key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Running(Arc<Mutex<BTreeSet<(Principal, String)>>>);

/// A place among them, given back when it is dropped.
pub(super) struct Place {
    running: Running,
    name: (Principal, String),
}

impl Running {
    /// A place for a request, unless the same one has it.
    ///
    /// # Errors
    /// `HT-017` (409).
    pub(super) fn enter(&self, record: &OnceRecord) -> Result<Place, Problem> {
        let name = (record.principal.clone(), record.key.clone());
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if running.insert(name.clone()) {
            return Ok(Place { running: self.clone(), name });
        }
        let detail = format!("the request with the key `{}` is being carried out", record.key);
        let hint = "come again after the time in Retry-After, with the same key";
        Err(Problem::new(Kind::InProgress, "HT-017", detail, hint))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut running = self.running.0.lock().unwrap_or_else(PoisonError::into_inner);
        running.remove(&self.name);
    }
}
