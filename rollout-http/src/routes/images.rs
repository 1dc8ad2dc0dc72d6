//! Images: uploaded once by digest, downloaded in parts.
//!
//! Bytes stream through in both directions. Not here: what an image is for. Invariants: an image is
//! stored only if length and digest are what was declared; a path of the device plane is believed
//! only with its signature.

use super::{Answer, Asked, json, query};
use crate::auth::{Operation, authorize};
use crate::backend::{Backend, Kind, Problem};
use crate::body::v1::Stored;
use crate::desk::Desk;
use crate::openapi::{Route, Table, get, param, put};
use crate::range::{Part, asked};
use crate::{input, url};
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt as _, stream};
use rollout_core::id::Digest;
use rollout_core::port::{ImageError, ImageStore as _, ImageUpload as _};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// The routes of images, for operators.
pub(crate) fn table<B: Backend>(table: Table<Desk<B>>) -> Table<Desk<B>> {
    let octets = serde_json::json!({ "type": "string", "contentEncoding": "binary" });
    table
        .add(
            put("upload_image", "/v1/images/{digest}", "Upload an image, once.")
                .asks(Operation::UploadImage)
                .takes(&[param::IMAGE])
                .reads_raw(&["application/octet-stream"], &octets, Value::Null)
                .answers::<Stored>(200, "It was stored already.")
                .answers::<Stored>(201, "It is stored."),
            upload::<B>,
        )
        .add(
            sent(get("fetch_image", "/v1/images/{digest}", "An image, or a part of it."))
                .asks(Operation::Read)
                .takes(&[param::IMAGE, param::RANGE]),
            fetch::<B>,
        )
}

/// The route of images, for devices.
pub(crate) fn device_table<B: Backend>(table: Table<B>) -> Table<B> {
    let path = "/device/v1/images/{digest}";
    table.add(
        sent(get("download_image", path, "An image, by a path that was signed for a device."))
            .takes(&[param::IMAGE, param::RANGE])
            .needs(&[param::SIGNED_DEVICE, param::SIGNED_UNTIL, param::SIGNATURE])
            .refuses(&[403]),
        download::<B>,
    )
}

/// What a route answers that sends an image.
fn sent(route: Route) -> Route {
    route
        .answers_raw(200, "application/octet-stream", "All of it.")
        .answers_raw(206, "application/octet-stream", "The part that was asked for.")
        .answers_nothing(304, "It is what the caller has.")
        .refuses(&[404, 416])
}

/// Bytes of one read from the image store.
const CHUNK: u64 = 64 * 1024;
/// An image never changes: its name is its digest.
const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

fn digest(text: &str) -> Result<Digest, Problem> {
    Digest::from_hex(text).ok_or_else(|| {
        let detail = "an image is named by 64 hexadecimal digits";
        Problem::new(Kind::Invalid, "UP-004", detail, "use the SHA-256 of the image")
    })
}

/// `PUT /v1/images/{digest}`
pub(crate) async fn upload<B: Backend>(
    State(Desk { backend, limits, .. }): State<Desk<B>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    authorize(&backend, &headers, Operation::UploadImage)?;
    let digest = digest(&name)?;
    let length = input::declared_length(&headers, limits.image_bytes)?;
    let images = backend.images();
    // What is stored is not written again, and what is sent for it is looked at all the same: who
    // is told that an image is known has sent that image.
    let known = images.length(digest).await?;
    if let Some(wanted) = known.filter(|wanted| *wanted != length) {
        return Err(ImageError::Length { wanted, found: length }.into());
    }
    let mut upload = if known.is_some() { None } else { Some(images.begin(digest, length).await?) };
    let mut hash = Sha256::new();
    let (mut stream, mut found) = (body.into_data_stream(), 0);
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| input::cut_short())?;
        found += chunk.len() as u64;
        if found > length {
            return Err(ImageError::Length { wanted: length, found }.into());
        }
        match &mut upload {
            Some(upload) => upload.write(&chunk).await?,
            None => hash.update(&chunk),
        }
    }
    if found < length {
        return Err(ImageError::Length { wanted: length, found }.into());
    }
    let Some(upload) = upload else {
        let found = Digest::from_bytes(hash.finalize().into());
        if found != digest {
            return Err(ImageError::Digest { wanted: digest, found }.into());
        }
        return json(StatusCode::OK, &Stored { state: "known".into() });
    };
    upload.finish().await?;
    json(StatusCode::CREATED, &Stored { state: "new".into() })
}

/// `GET /v1/images/{digest}`, also `HEAD`
pub(crate) async fn fetch<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Answer {
    authorize(&backend, &headers, Operation::Read)?;
    send(backend, digest(&name)?, &headers).await
}

/// `GET /device/v1/images/{digest}?device=&expires=&signature=`
pub(crate) async fn download<B: Backend>(
    State(backend): State<B>,
    Path(name): Path<String>,
    signed: Asked<url::Signed>,
    headers: HeaderMap,
) -> Answer {
    let signed = query(signed).map_err(|_| url::not_ours())?;
    let digest = Digest::from_hex(&name).ok_or_else(url::not_ours)?;
    url::check(backend.url_key(), digest, &signed, backend.now())?;
    send(backend, digest, &headers).await
}

/// Whether a path of the device plane is that of an image, signed, and still good.
pub(crate) fn is_signed<B: Backend>(backend: &B, uri: &Uri) -> bool {
    let digest = uri.path().strip_prefix(url::IMAGES).and_then(Digest::from_hex);
    let signed = Query::<url::Signed>::try_from_uri(uri).ok();
    digest.zip(signed).is_some_and(|(digest, Query(signed))| {
        url::check(backend.url_key(), digest, &signed, backend.now()).is_ok()
    })
}

async fn send<B: Backend>(backend: B, digest: Digest, headers: &HeaderMap) -> Answer {
    let length = backend.images().length(digest).await?.filter(|length| *length > 0);
    let length = length.ok_or(ImageError::Unknown(digest))?;
    let etag = format!("\"{digest}\"");
    if is_known(headers, &etag) {
        return Ok(dressed(StatusCode::NOT_MODIFIED, &etag, Body::empty()));
    }
    let (status, first, last) = match asked(headers, &etag, length) {
        Part::Whole => (StatusCode::OK, 0, length - 1),
        Part::Bytes { first, last } => (StatusCode::PARTIAL_CONTENT, first, last),
        Part::Outside => {
            let detail = format!("the image has {length} bytes");
            let hint = "ask for bytes that it has";
            let mut response = Problem::new(Kind::Invalid, "UP-005", detail, hint).into_response();
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            set(&mut response, header::CONTENT_RANGE, &format!("bytes */{length}"));
            return Ok(response);
        }
    };
    let body = Body::from_stream(read(backend, digest, first, last));
    let mut response = dressed(status, &etag, body);
    set(&mut response, header::CONTENT_LENGTH, &(last - first + 1).to_string());
    if status == StatusCode::PARTIAL_CONTENT {
        set(&mut response, header::CONTENT_RANGE, &format!("bytes {first}-{last}/{length}"));
    }
    Ok(response)
}

//= RFC 9110 §13.1.2
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let mut known = known.into_iter().flat_map(|list| list.split(',')).map(str::trim);
    known.any(|known| known == "*" || known.trim_start_matches("W/") == etag)
}

fn dressed(status: StatusCode, etag: &str, body: Body) -> Response {
    let mut response = (status, body).into_response();
    set(&mut response, header::ETAG, etag);
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, FOREVER);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let octets = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, octets);
    response
}

fn set(response: &mut Response, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// The bytes from `first` to `last`, both included, a chunk at a time.
fn read<B: Backend>(
    backend: B,
    digest: Digest,
    first: u64,
    last: u64,
) -> impl futures_util::Stream<Item = Result<Vec<u8>, Problem>> + Send {
    stream::try_unfold((backend, first), move |(backend, at)| async move {
        if at > last {
            return Ok(None);
        }
        let limit = (last - at + 1).min(CHUNK) as usize;
        let bytes = backend.images().read(digest, at, limit).await?;
        if bytes.is_empty() || bytes.len() > limit {
            let detail = "the image store gave other bytes than it has";
            let hint = "look at the image store";
            return Err(Problem::new(Kind::Broken, "UP-006", detail, hint));
        }
        let next = at + bytes.len() as u64;
        Ok(Some((bytes, (backend, next))))
    })
}
