//! The journal: a page at a time as JSON lines, or as a stream that does not end.
//!
//! Not here: how followers are fed; see `follow`. Invariant: whoever goes on from the last id it
//! was told misses nothing and is told nothing twice.

use super::{Answer, Asked, page_limit, query};
use crate::auth::{self, Operation, authorize};
use crate::backend::{Backend, Kind, Problem};
use crate::body::v1::EventLine;
use crate::desk::Desk;
use crate::follow::{Filter, Follower};
use crate::openapi::{Table, get, param};
use crate::show;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use rollout_core::cohort::nearest;
use rollout_core::id::{DeviceId, RolloutId};
use rollout_core::journal::{Entry, Seq};
use serde::Deserialize;
use std::convert::Infallible;
use std::fmt::Write as _;

/// The routes of the journal.
pub(crate) fn table<B: Backend>(table: Table<Desk<B>>) -> Table<Desk<B>> {
    let wanted = [param::AFTER, param::OF_ROLLOUT, param::BY_DEVICE, param::KIND];
    let endless = "An endless stream: `id` is the place, `event` the kind, `data` an EventLine.";
    table
        .add(
            get("read_events", "/v1/events", "Entries of the journal, as JSON lines.")
                .asks(Operation::ReadEvents)
                .takes(&wanted)
                .takes(&[param::ENTRIES])
                .mentions::<EventLine>()
                .answers_raw(200, "application/jsonl", "One EventLine a line; `Link` goes on."),
            events::<B>,
        )
        .add(
            get("follow_events", "/v1/events/stream", "Entries as they are written.")
                .asks(Operation::ReadEvents)
                .takes(&wanted)
                .takes(&[param::LAST_EVENT_ID])
                .answers_raw(200, EVENT_STREAM, endless),
            stream::<B>,
        )
}

/// Most entries of a page.
const PAGE: usize = 1000;
/// Most entries that are looked at for a filtered page.
const LOOKED_AT: u64 = 50_000;
/// The last place that a number of JSON holds exactly.
const LAST: u64 = 1 << 53;
/// Most kinds that a filter names, and the characters of one that are shown.
const KINDS: usize = 8;
const KIND_CHARS: usize = 32;
/// The type of a stream.
const EVENT_STREAM: &str = "text/event-stream";

/// Which entries.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    after: Option<u64>,
    limit: Option<usize>,
    rollout: Option<String>,
    device: Option<String>,
    kind: Option<String>,
}

impl Wanted {
    fn filter(&self) -> Result<Filter, Problem> {
        if self.after > Some(LAST) {
            return Err(wrong(format!("`after` is at most {LAST}")));
        }
        let rollout = self.rollout.as_deref().map(RolloutId::parse).transpose()?;
        let device = self.device.as_deref().map(DeviceId::new).transpose()?;
        let kinds = self.kind.as_deref().map(kinds).transpose()?.unwrap_or_default();
        Ok(Filter {
            rollout: rollout.map(|rollout| rollout.to_string()),
            device: device.map(|device| device.as_str().into()),
            kinds,
        })
    }
}

/// A list of kinds of entries, separated by commas.
fn kinds(text: &str) -> Result<Vec<String>, Problem> {
    let kinds: Vec<_> = text.split(',').take(KINDS + 1).collect();
    if kinds.len() > KINDS {
        return Err(wrong("`kind` is a list such as offered,permitted, of at most eight"));
    }
    let known = |kind: &str| Entry::KINDS.contains(&kind);
    match kinds.iter().find(|kind| !known(kind)) {
        None => Ok(kinds.into_iter().map(Into::into).collect()),
        Some(other) => {
            let shown: String = other.chars().take(KIND_CHARS).collect();
            let near = nearest(other, Entry::KINDS.iter().copied());
            let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            Err(wrong(format!("there are no entries of the kind `{shown}`{near}")))
        }
    }
}

fn wrong(detail: impl Into<String>) -> Problem {
    Problem::new(Kind::Invalid, "HT-005", detail, "see the parameters of this route")
}

/// `GET /v1/events`, a stream if that is what the caller accepts
pub(crate) async fn events<B: Backend>(
    State(desk): State<Desk<B>>,
    headers: HeaderMap,
    wanted: Asked<Wanted>,
) -> Answer {
    authorize(&desk.backend, &headers, Operation::ReadEvents)?;
    let wanted = query(wanted)?;
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let mut accepted = accepted.unwrap_or_default().split([',', ';']).map(str::trim);
    if accepted.any(|kind| kind == EVENT_STREAM) {
        return follow(desk, headers, &wanted);
    }
    page(&desk.backend, &wanted).await
}

/// `GET /v1/events/stream`
pub(crate) async fn stream<B: Backend>(
    State(desk): State<Desk<B>>,
    headers: HeaderMap,
    wanted: Asked<Wanted>,
) -> Answer {
    authorize(&desk.backend, &headers, Operation::ReadEvents)?;
    follow(desk, headers, &query(wanted)?)
}

async fn page<B: Backend>(backend: &B, wanted: &Wanted) -> Answer {
    let filter = wanted.filter()?;
    let limit = page_limit(wanted.limit, PAGE)?;
    let begin = wanted.after.unwrap_or_default();
    let (mut lines, mut found, mut place) = (String::new(), 0, begin);
    // What the model has not folded yet is not told yet.
    let end = *backend.changes().borrow();
    while found < limit && place < end && place - begin < LOOKED_AT {
        let page = backend.entries(Seq(place), PAGE).await?;
        if page.is_empty() {
            break;
        }
        for stored in page.iter().take_while(|stored| stored.seq.0 <= end) {
            let event: EventLine = show::event(stored);
            place = event.seq;
            if filter.takes_event(&event) {
                // A line of texts and numbers can always be written.
                lines.extend(serde_json::to_string(&event));
                lines.push('\n');
                found += 1;
            }
            if found == limit {
                break;
            }
        }
    }
    let mut response = ([(header::CONTENT_TYPE, "application/jsonl")], lines).into_response();
    if place < end
        && let Ok(link) = HeaderValue::from_str(&next(wanted, place, limit))
    {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// Where the next page is: a filter may have left out all that was looked at.
//= RFC 8288 §3
fn next(wanted: &Wanted, place: u64, limit: usize) -> String {
    let mut link = format!("</v1/events?after={place}&limit={limit}");
    let names = [("rollout", &wanted.rollout), ("device", &wanted.device), ("kind", &wanted.kind)];
    for (name, value) in names {
        // Ids and kinds have no character that a query would need to escape.
        let _ = value.as_ref().map(|value| write!(link, "&{name}={value}"));
    }
    link + ">; rel=\"next\""
}

fn follow<B: Backend>(desk: Desk<B>, headers: HeaderMap, wanted: &Wanted) -> Answer {
    let filter = wanted.filter()?;
    if wanted.limit.is_some() {
        return Err(wrong("`limit` is for pages; a stream has no end"));
    }
    let end = *desk.backend.changes().borrow();
    let place = last_id(&headers)?.or(wanted.after).unwrap_or(end);
    if place > end {
        let detail = format!("entry {place} was never written; the journal ends at {end}");
        return Err(Problem::new(
            Kind::Invalid,
            "HT-013",
            detail,
            "was a backup restored? read /v1/overview anew and follow from its `read_to`",
        ));
    }
    let Desk { backend, hub, .. } = desk;
    let follower = Follower { seat: hub.seat()?, hub, filter, place };
    let chunks = follower.start(move || auth::caller(&backend, &headers).is_ok());
    let chunks = futures_util::stream::unfold(chunks, |mut chunks| async move {
        let chunk = chunks.recv().await?;
        Some((Ok::<Bytes, Infallible>(chunk), chunks))
    });
    let mut response = Response::new(Body::from_stream(chunks));
    let set = response.headers_mut();
    set.insert(header::CONTENT_TYPE, HeaderValue::from_static(EVENT_STREAM));
    set.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // A proxy that buffers would keep events back.
    set.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// The last entry that the caller says it has.
fn last_id(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    match value.to_str().map(str::trim) {
        Ok("") => Ok(None),
        Ok(text) => text.parse().map(Some).map_err(|_| wrong("`Last-Event-ID` is no number")),
        Err(_) => Err(wrong("`Last-Event-ID` is no number")),
    }
}
