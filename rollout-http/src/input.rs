//! Bounded reading of requests.
//!
//! Invariant: no body is held that is larger than its bound, and an image is never held at all. A
//! body that is too large, cut short, empty or not what it should be has a code of its own.

use crate::backend::{Kind, Problem};
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt as _;
use rollout_core::limits::ENVELOPE_BYTES;
use serde::Deserialize;
use std::pin::{Pin, pin};

/// Largest document of a device, in bytes: 64 attributes or 64 reports of full length.
pub(crate) const DEVICE_BYTES: usize = 64 * 1024;
/// Largest document of an operator, in bytes: a plan that lists thousands of devices.
pub(crate) const OPERATOR_BYTES: usize = 256 * 1024;

/// Reads a whole body of at most `limit` bytes.
pub(crate) async fn read<T>(body: T, limit: usize) -> Result<Bytes, Problem>
where
    T: HttpBody<Data = Bytes>,
{
    let mut body = pin!(body);
    // A document of a device comes in one piece, which is then borrowed from.
    let first = chunk(body.as_mut()).await?.unwrap_or_default();
    if body.is_end_stream() && first.len() <= limit {
        return Ok(first);
    }
    let mut whole = Vec::from(first);
    while whole.len() <= limit {
        match chunk(body.as_mut()).await? {
            Some(next) => whole.extend_from_slice(&next),
            None => return Ok(whole.into()),
        }
    }
    Err(too_large(limit as u64))
}

/// The next bytes of a body.
async fn chunk<T>(mut body: Pin<&mut T>) -> Result<Option<Bytes>, Problem>
where
    T: HttpBody<Data = Bytes>,
{
    while let Some(frame) = body.frame().await {
        if let Ok(bytes) = frame.map_err(|_| cut_short())?.into_data() {
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

/// Reads what is left of a body, at most `limit` bytes of it, and keeps nothing.
pub(crate) async fn hear_out(body: &mut Body, limit: u64) {
    let mut heard = 0;
    while heard < limit
        && let Ok(Some(bytes)) = chunk(Pin::new(body)).await
    {
        heard += bytes.len() as u64;
    }
}

/// A body that is larger than it may be.
pub(crate) fn too_large(limit: u64) -> Problem {
    let detail = format!("the body has more than {limit} bytes");
    Problem::new(Kind::TooLarge, "HT-001", detail, "send less at a time")
}

/// A body that ended before it should have.
pub(crate) fn cut_short() -> Problem {
    let detail = "the body ended before its declared length";
    Problem::new(Kind::Invalid, "HT-002", detail, "send it again")
}

/// Reads JSON that may borrow from `bytes`.
pub(crate) fn json<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Problem> {
    // Looked at once as a whole, its texts need not be looked at each.
    match std::str::from_utf8(bytes) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(bytes),
    }
    .map_err(|error| not_readable(&error))
}

/// JSON that is not the document it should be.
pub(crate) fn not_readable(error: &serde_json::Error) -> Problem {
    let detail = format!("the document cannot be read: {error}");
    Problem::new(Kind::Invalid, "HT-003", detail, "send the JSON document of this route")
}

/// Reads the JSON body of an operator. Without a type it is taken for JSON.
pub(crate) async fn operator_json<T: for<'a> Deserialize<'a>>(
    headers: &HeaderMap,
    body: Body,
) -> Result<T, Problem> {
    operator_json_of(headers, body, OPERATOR_BYTES).await
}

/// The same with a bound of the route's own.
pub(crate) async fn operator_json_of<T: for<'a> Deserialize<'a>>(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<T, Problem> {
    media_type(headers, &["application/json"])?;
    json(&read(body, limit).await?)
}

/// The type of a body, if it is one of those that are read, or none is given.
pub(crate) fn media_type(headers: &HeaderMap, read: &[&str]) -> Result<(), Problem> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let kind = value.to_str().unwrap_or("unreadable").split(';').next().unwrap_or_default().trim();
    if read.iter().any(|read| kind.eq_ignore_ascii_case(read)) {
        return Ok(());
    }
    let detail = format!("the body is {}, not {kind}", read.join(" or "));
    Err(Problem::new(Kind::MediaType, "HT-008", detail, "set its Content-Type"))
}

/// Reads a signed document from base64.
pub(crate) fn envelope(text: &str) -> Result<Vec<u8>, Problem> {
    let wrong = |detail: &str| {
        Problem::new(Kind::Invalid, "HT-004", detail, "send the signed document as base64")
    };
    let bytes = STANDARD.decode(text).map_err(|_| wrong("a signed document is not base64"))?;
    if bytes.len() > ENVELOPE_BYTES {
        return Err(wrong("a signed document is larger than devices read"));
    }
    Ok(bytes)
}

/// Base64 of a signed document.
pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The declared length of an upload: required, not nothing, and at most `limit` bytes.
pub(crate) fn declared_length(headers: &HeaderMap, limit: u64) -> Result<u64, Problem> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    match length.and_then(|text| text.parse().ok()) {
        None => Err(Problem::new(
            Kind::Invalid,
            "UP-001",
            "an upload needs a Content-Length",
            "declare the length of the image",
        )),
        Some(0) => Err(Problem::new(
            Kind::Invalid,
            "UP-002",
            "the upload is empty",
            "send the image file that the build wrote",
        )),
        Some(length) if length > limit => Err(Problem::new(
            Kind::TooLarge,
            "UP-003",
            format!("the upload has {length} bytes, at most {limit} are taken"),
            "raise the limit of the daemon, or publish a smaller image",
        )),
        Some(length) => Ok(length),
    }
}
