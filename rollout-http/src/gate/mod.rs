//! Before and after every route of operators: rates, keys that make twice once, tags.
//!
//! Not here: who may do what, which every route asks itself. Invariants: whoever is nobody costs
//! its address; whoever is somebody costs itself; a request is refused here before its body is
//! read, except for its key.

mod conditions;
mod once;
mod rate;
mod thing;

pub(crate) use conditions::Conditioned;
pub(crate) use once::Secret;
pub use rate::Rate;

use crate::auth;
use crate::backend::{Backend, Kind, Problem};
use crate::desk::Desk;
use crate::input;
use crate::openapi::Answered;
use crate::routes::JSON;
use crate::routes::releases::PUBLISH_BYTES;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use conditions::Conditions;
use http_body_util::BodyExt as _;
use once::{Before, Running};
use rate::Limiter;
use rollout_core::id::Principal;
use rollout_core::journal::OnceRecord;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;
use thing::Thing;

/// A table of devices is read as it comes, and does no harm when sent again: it takes no key.
const IMPORT: &str = "/v1/devices/import";

/// Whether a request may have a key: its method does not say that twice is once.
//= RFC 9110 §9.2.2: PUT and DELETE are idempotent, POST and PATCH are not
pub(crate) fn is_keyed(method: &Method, path: &str) -> bool {
    (method == Method::POST || method == Method::PATCH) && path != IMPORT
}

/// Where a request came from; listeners put it into its extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// Marks a request of somebody, whose token is good.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Admitted;

/// What the gate keeps between requests.
pub(crate) struct Gate {
    principals: Limiter<Principal>,
    addresses: Limiter<IpAddr>,
    running: Running,
    answered: Answered,
}

impl Gate {
    pub(crate) fn new(rate: Rate, refusals: Rate, answered: Answered) -> Self {
        Self {
            answered,
            principals: Limiter::new(rate),
            addresses: Limiter::new(refusals),
            running: Running::default(),
        }
    }
}

/// Lets a request through, and its answer out.
pub(crate) async fn pass<B: Backend>(
    State(desk): State<Desk<B>>,
    request: Request,
    next: Next,
) -> Response {
    let from = request.extensions().get::<Peer>().copied();
    let response = admitted(&desk, request, next).await.unwrap_or_else(Problem::into_response);
    if response.status() != StatusCode::UNAUTHORIZED {
        return response;
    }
    let from = from.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Peer(from)| from);
    match desk.gate.addresses.take(&from) {
        Ok(()) => response,
        Err(wait) => too_many(wait),
    }
}

async fn admitted<B: Backend>(
    desk: &Desk<B>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    // Whoever shows no good token is refused by the route, if it asks for one.
    let Ok(caller) = auth::caller(&desk.backend, request.headers()) else {
        return Ok(next.run(request).await);
    };
    if let Err(wait) = desk.gate.principals.take(&caller.principal) {
        return Ok(too_many(wait));
    }
    request.extensions_mut().insert(Admitted);
    if request.method() == Method::GET {
        return Ok(tagged(desk, request, next).await);
    }
    let thing = Thing::of(request.uri().path());
    let guard = thing.as_ref().and_then(|thing| thing::guard(request.headers(), thing));
    // What is not answered at all is that first, whatever its key was used for.
    let (method, path) = (request.method(), request.uri().path());
    let key = if is_keyed(method, path) && desk.gate.answered.has(method, path) {
        once::key(request.headers())?
    } else {
        None
    };
    let response = match key {
        None => Conditions::new(guard, None, None).during(next.run(request)).await,
        Some(key) => {
            let (head, body) = request.into_parts();
            // The largest document of any route; each has its own bound behind this one.
            let body = input::read(body, PUBLISH_BYTES).await?;
            let asked = (&head.method, &head.uri);
            let record = once::record(&desk.backend, caller.principal, key, asked, &body);
            let _place = desk.gate.running.enter(&record)?;
            let before = once::before(&desk.backend, &record)?;
            let request = Request::from_parts(head, Body::from(body));
            let (made_at, answer) = match before {
                Before::New => (None, None),
                Before::Taken { made_at, answer } => (Some(made_at), answer),
            };
            let conditions = Conditions::new(guard, Some(record.clone()), made_at);
            let response = conditions.during(next.run(request)).await;
            match answer {
                // What was answered then is told again, but only to who may ask it now.
                Some((status, body)) if !is_denied(&response) => replayed(status, body),
                Some(_) => response,
                None if made_at.is_some() => marked(remembered(desk, record, response).await),
                None => remembered(desk, record, response).await,
            }
        }
    };
    Ok(match thing {
        Some(thing) if response.status() == StatusCode::PRECONDITION_FAILED => {
            with_current(desk, &thing, response).await
        }
        _ => response,
    })
}

/// Somebody who asks too often.
fn too_many(wait: Duration) -> Response {
    let secs = wait.as_secs() + 1;
    let detail = "more requests than may be sent";
    let hint = "come again after the time in Retry-After";
    let mut response = Problem::new(Kind::TooMany, "HT-018", detail, hint).into_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(secs));
    response
}

/// An answer with its tag, or that the caller has it already.
async fn tagged<B: Backend>(desk: &Desk<B>, request: Request, next: Next) -> Response {
    let headers = request.headers().clone();
    let thing = Thing::of(request.uri().path());
    // A revision that is older than the body can only refuse an edit, never let one through.
    let revision = thing.and_then(|thing| desk.backend.read(|fleet| thing.revision(fleet)));
    let response = next.run(request).await;
    let is_json = response.headers().get(header::CONTENT_TYPE) == Some(&JSON);
    if response.status() != StatusCode::OK || !is_json {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let Some(body) = whole(body).await else { return broken() };
    let tag = thing::tag(revision, &body);
    if let Ok(value) = HeaderValue::from_str(&tag) {
        head.headers.insert(header::ETAG, value);
    }
    if thing::is_known(&headers, &tag) {
        head.status = StatusCode::NOT_MODIFIED;
        head.headers.remove(header::CONTENT_TYPE);
        return Response::from_parts(head, Body::empty());
    }
    Response::from_parts(head, Body::from(body))
}

/// A body of ours, which is in memory.
async fn whole(body: Body) -> Option<Bytes> {
    Some(body.collect().await.ok()?.to_bytes())
}

fn broken() -> Response {
    let detail = "an answer of ours ended too soon";
    Problem::new(Kind::Broken, "HT-500", detail, "this is a bug; report it").into_response()
}

/// Whether a route said no to who asked, whatever was asked.
fn is_denied(response: &Response) -> bool {
    matches!(response.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

/// What was answered before.
fn replayed(status: u16, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    marked(response)
}

/// An answer to what was carried out before.
fn marked(mut response: Response) -> Response {
    if response.status().is_success() {
        response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
    }
    response
}

/// Stores an answer, if there is an effect that it belongs to and it may be stored.
async fn remembered<B: Backend>(
    desk: &Desk<B>,
    record: OnceRecord,
    response: Response,
) -> Response {
    let OnceRecord { principal, key, .. } = record;
    let is_remembered = desk.backend.read(|fleet| fleet.once.get(&principal, &key).is_some());
    let is_secret = response.extensions().get::<Secret>().is_some();
    if !response.status().is_success() || !is_remembered || is_secret {
        return response;
    }
    let (head, body) = response.into_parts();
    let Some(body) = whole(body).await else { return broken() };
    if body.len() <= once::ANSWER_BYTES {
        let status = head.status.as_u16();
        let stored = desk.backend.answered(principal, key, status, body.to_vec()).await;
        if let Err(problem) = stored {
            // The effect is there; asked again, the answer is made anew.
            tracing::warn!(code = problem.code, "an answer was not stored: {problem}");
        }
    }
    Response::from_parts(head, Body::from(body))
}

/// A refused edit, with what it would have changed.
async fn with_current<B: Backend>(desk: &Desk<B>, thing: &Thing, response: Response) -> Response {
    let (mut head, body) = response.into_parts();
    let Some(bytes) = whole(body).await else { return broken() };
    let problem = serde_json::from_slice::<serde_json::Value>(&bytes).ok();
    let Some((mut problem, (current, tag))) = problem.zip(thing::current(&desk.backend, thing))
    else {
        return Response::from_parts(head, Body::from(bytes));
    };
    problem["current"] = current;
    head.headers.insert(header::ETAG, tag);
    Response::from_parts(head, Body::from(problem.to_string()))
}
