//! The routes: each parses, asks the backend, and renders. Nothing is decided here.

pub(crate) mod access;
pub(crate) mod channels;
pub(crate) mod cohorts;
pub(crate) mod command;
pub(crate) mod device;
pub(crate) mod devices;
pub(crate) mod edit;
pub(crate) mod events;
pub(crate) mod freezes;
pub(crate) mod health;
pub(crate) mod images;
pub(crate) mod import;
pub(crate) mod life;
pub(crate) mod metrics;
pub(crate) mod overview;
pub(crate) mod releases;
pub(crate) mod reports;
pub(crate) mod roads;
pub(crate) mod rollouts;

use crate::backend::{Kind, Problem};
use crate::gate::{Admitted, Secret};
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use rollout_core::cohort::nearest;
use rollout_core::id::RolloutId;
use rollout_core::journal::Stored;
use rollout_core::wire::ATTRIBUTE_NAME_BYTES;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A query, as axum read it.
pub(crate) type Asked<T> = Result<Query<T>, QueryRejection>;

/// A route's answer.
pub(crate) type Answer = Result<Response, Problem>;

/// What a query says.
pub(crate) fn query<T>(asked: Asked<T>) -> Result<T, Problem> {
    asked.map(|Query(asked)| asked).map_err(|error| {
        let hint = "see the parameters of this route";
        Problem::new(Kind::Invalid, "HT-005", error.body_text(), hint)
    })
}

/// Which page of a list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Behind {
    after: Option<String>,
    limit: Option<usize>,
}

/// Most entries of a page.
pub(crate) const PAGE: usize = 500;

/// The first so many of what is left of a list, and the name to ask behind for the next page.
pub(crate) fn page_of<T>(
    mut rest: impl Iterator<Item = T>,
    limit: usize,
    name: impl Fn(&T) -> String,
) -> (Vec<T>, Option<String>) {
    let page: Vec<_> = rest.by_ref().take(limit).collect();
    let next = page.last().map(name).filter(|_| rest.next().is_some());
    (page, next)
}

/// How many a page has at most: what was asked for, if it is in bounds.
pub(crate) fn page_limit(asked: Option<usize>, most: usize) -> Result<usize, Problem> {
    let limit = asked.unwrap_or(most);
    if (1..=most).contains(&limit) {
        return Ok(limit);
    }
    let detail = format!("`limit` is 1 to {most}, not {limit}");
    Err(Problem::new(Kind::Invalid, "HT-005", detail, "ask for several pages"))
}

/// The name of an attribute in a query.
pub(crate) fn attribute(name: &str) -> Result<(), Problem> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if (1..=ATTRIBUTE_NAME_BYTES).contains(&name.len()) && name.bytes().all(is_name) {
        return Ok(());
    }
    let detail = format!("an attribute is 1 to {ATTRIBUTE_NAME_BYTES} of A-Z a-z 0-9 . _ -");
    let hint = "ask for model, version, home, standing or what devices say of themselves";
    Err(Problem::new(Kind::Invalid, "HT-005", detail, hint))
}

/// A JSON answer.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Answer {
    let mut response = Response::new(Body::from(json_bytes(body)?));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    Ok(response)
}

/// Marks an answer that shows a secret, so that it is stored nowhere.
pub(crate) fn secret(answer: Answer) -> Answer {
    let mut response = answer?;
    response.extensions_mut().insert(Secret);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// The type of an answer.
pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Room for the answer to a device that has nothing to do.
const USUAL_BYTES: usize = 512;

/// An answer's bytes.
pub(crate) fn json_bytes(body: &impl Serialize) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::with_capacity(USUAL_BYTES);
    serde_json::to_writer(&mut bytes, body).map_err(|error| {
        let detail = format!("an answer cannot be written: {error}");
        Problem::new(Kind::Broken, "HT-500", detail, "this is a bug; report it")
    })?;
    Ok(bytes)
}

/// 201 if something was written, 200 if all of it was there already.
pub(crate) fn status_of(written: &[Stored]) -> StatusCode {
    if written.is_empty() { StatusCode::OK } else { StatusCode::CREATED }
}

/// The id of a rollout in a path.
pub(crate) fn rollout_id(text: &str) -> Result<RolloutId, Problem> {
    Ok(RolloutId::parse(text)?)
}

/// A parameter that a route does not have is refused before anything is done: a typo in `dry_run`
/// would do it. Whoever may not ask at all is told that first, by the route.
pub(crate) async fn knows_parameters(
    State(known): State<Arc<[&'static str]>>,
    request: Request,
    next: Next,
) -> Response {
    let is_admitted = request.extensions().get::<Admitted>().is_some();
    match unknown(request.uri(), &known).filter(|_| is_admitted) {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    }
}

/// The first parameter of a query that is not among those that are known.
fn unknown(uri: &Uri, known: &[&'static str]) -> Option<Problem> {
    let wrong = |detail, hint: &str| Problem::new(Kind::Invalid, "HT-005", detail, hint);
    let hint = "see the parameters of this route";
    let Query(asked) = match Query::<Vec<(String, String)>>::try_from_uri(uri) {
        Ok(asked) => asked,
        Err(error) => return Some(wrong(error.body_text(), hint)),
    };
    let (name, _) = asked.iter().find(|(name, _)| !known.contains(&name.as_str()))?;
    let shown: String = name.chars().take(ATTRIBUTE_NAME_BYTES).collect();
    let likely = match (nearest(name, known.iter().copied()), known) {
        (Some(nearest), _) => format!("the nearest is `{nearest}`"),
        (None, []) => "it has none".into(),
        (None, known) => format!("it has `{}`", known.join("`, `")),
    };
    Some(wrong(format!("this route has no parameter `{shown}`: {likely}"), hint))
}

/// A path whose escapes are no text is nobody's.
pub(crate) async fn path_is_text(request: Request, next: Next) -> Response {
    if unescaped(request.uri().path()).is_some() {
        return next.run(request).await;
    }
    let detail = "the path has escapes that are no UTF-8";
    Problem::new(Kind::Invalid, "HT-019", detail, "escape the bytes of a UTF-8 text")
        .into_response()
}

/// A path, or a part of one, with its escapes undone as the router undoes them: what is no escape
/// stays as it is. `None` if that is no UTF-8.
//= RFC 3986 §2.1
pub(crate) fn unescaped(path: &str) -> Option<String> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, behind @ ..] = rest {
        let escape = match behind {
            [high, low, ..] if *first == b'%' => digit(high).zip(digit(low)),
            _ => None,
        };
        let (byte, length) = escape.map_or((*first, 1), |(high, low)| ((high * 16 + low) as u8, 3));
        bytes.push(byte);
        rest = &rest[length..];
    }
    String::from_utf8(bytes).ok()
}

/// A path nobody answers.
pub(crate) async fn nowhere() -> Problem {
    let detail = "there is no such route";
    Problem::new(
        Kind::NotFound,
        "HT-006",
        detail,
        "operators are under /v1, devices under /device/v1",
    )
}

/// A path that is answered, by another method.
pub(crate) async fn method_not_allowed() -> Problem {
    let detail = "this path does not know this method";
    Problem::new(Kind::Method, "HT-014", detail, "`Allow` says which it knows")
}
