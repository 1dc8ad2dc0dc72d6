//! Roots, products and releases.
//!
//! Invariant: a release is published only if every image it names is stored, whole, and says of
//! itself what its manifest says. Not here: the images' own bytes; see `images`.

use super::roads::models;
use super::{Answer, Asked, Behind, PAGE, json, page_limit, page_of, query, status_of};
use crate::auth::{Operation, authorize};
use crate::backend::{Backend, Kind, Problem, Terms};
use crate::body::v1::{
    ProductBody, Products, PublishRequest, Reasoned, ReleaseBody, Releases, RenewRequest, RootBody,
    Stored,
};
use crate::desk::Desk;
use crate::input::OPERATOR_BYTES;
use crate::openapi::{Table, get, param, post, put};
use crate::{input, show};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use rollout_core::fleet::{Fleet, Registered};
use rollout_core::id::{Principal, ProductId};
use rollout_core::image::{self, HEAD_BYTES, ImageClaim};
use rollout_core::journal::{Entry, PublishRecord};
use rollout_core::limits::{NOTES_BYTES, PROVENANCE_BYTES};
use rollout_core::port::{ImageError, ImageStore as _};
use rollout_core::release::{Lifecycle, Marks, ReleaseId};
use rollout_core::trust::{Envelope, Manifest, Root};
use rollout_core::version::ReleaseCounter;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::ops::Bound;

/// The routes of roots, products and releases.
pub(crate) fn table<B: Backend>(table: Table<Desk<B>>) -> Table<Desk<B>> {
    of_releases(of_roots(table))
}

fn of_roots<B: Backend>(table: Table<Desk<B>>) -> Table<Desk<B>> {
    table
        .add(
            put("store_root", "/v1/root", "Store the next root document.")
                .asks(Operation::StoreRoot)
                .reads::<RootBody>()
                .answers::<Stored>(200, "It was stored already.")
                .answers::<Stored>(201, "It is in force.")
                .refuses(&[409]),
            store_root::<B>,
        )
        .add(
            get("newest_root", "/v1/root", "The newest root document.")
                .asks(Operation::Read)
                .answers::<RootBody>(200, "As it was signed.")
                .refuses(&[404]),
            newest_root::<B>,
        )
        .add(
            get("read_root", "/v1/roots/{version}", "The root document of a version.")
                .asks(Operation::Read)
                .takes(&[param::ROOT_VERSION])
                .answers::<RootBody>(200, "As it was signed.")
                .refuses(&[404]),
            root::<B>,
        )
        .add(
            get("list_products", "/v1/products", "Products, a page at a time.")
                .asks(Operation::Read)
                .takes(&[param::AFTER_PRODUCT, param::PAGE])
                .answers::<Products>(200, "By name."),
            products::<B>,
        )
        .add(
            get("read_product", "/v1/products/{product}", "What a publisher needs to know of one.")
                .asks(Operation::Read)
                .takes(&[param::PRODUCT])
                .answers::<ProductBody>(200, "Also of one that has no release yet."),
            product::<B>,
        )
}

fn of_releases<B: Backend>(table: Table<Desk<B>>) -> Table<Desk<B>> {
    table
        .add(
            get("list_releases", "/v1/releases", "Releases, a page at a time.")
                .asks(Operation::Read)
                .takes(&[param::AFTER_RELEASE, param::PAGE])
                .answers::<Releases>(200, "By product and version; `next` says what follows."),
            list::<B>,
        )
        .add(
            post("publish_release", "/v1/releases", "Publish a release; its images are stored.")
                .asks(Operation::Publish)
                .reads::<PublishRequest>()
                .answers::<ReleaseBody>(200, "It was published already.")
                .answers::<ReleaseBody>(201, "It is published.")
                .refuses(&[404, 409]),
            publish::<B>,
        )
        .add(
            get("read_release", "/v1/releases/{id}", "A release.")
                .asks(Operation::Read)
                .takes(&[param::RELEASE])
                .answers::<ReleaseBody>(200, "As it was published, and whether it still is.")
                .refuses(&[404]),
            show::<B>,
        )
        .add(
            post("renew_release", "/v1/releases/{id}/renew", "Let its manifests live longer.")
                .asks(Operation::Renew)
                .takes(&[param::RELEASE])
                .reads::<RenewRequest>()
                .answers::<ReleaseBody>(200, "They live as long already.")
                .answers::<ReleaseBody>(201, "They live longer.")
                .refuses(&[404, 409]),
            renew::<B>,
        )
        .add(
            post("withdraw_release", "/v1/releases/{id}/withdraw", "Withdraw a release.")
                .asks(Operation::Withdraw)
                .takes(&[param::RELEASE])
                .reads::<Reasoned>()
                .answers::<ReleaseBody>(200, "Nobody is offered it any more.")
                .refuses(&[404, 409]),
            withdraw::<B>,
        )
}

/// Largest publish, in bytes: what every document may have, notes and a provenance in base64.
pub(crate) const PUBLISH_BYTES: usize = OPERATOR_BYTES + 2 * (NOTES_BYTES + PROVENANCE_BYTES);

/// What is read of a [`RootBody`] that somebody stores.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RootRequest {
    envelope: String,
}

/// `PUT /v1/root`
pub(crate) async fn store_root<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    authorize(&backend, &headers, Operation::StoreRoot)?;
    let asked: RootRequest = input::operator_json(&headers, body).await?;
    let envelope = input::envelope(&asked.envelope)?;
    let written = backend
        .register(Box::new(move |fleet, _| Ok(fleet.accept_root(&envelope)?)), Terms::default())
        .await?;
    let state = if written.is_empty() { "known" } else { "new" };
    json(status_of(&written), &Stored { state: state.into() })
}

/// `GET /v1/root`
pub(crate) async fn newest_root<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
) -> Answer {
    authorize(&backend, &headers, Operation::Read)?;
    let found = backend.read(|fleet| fleet.roots.last().and_then(|root| root_body(root)));
    json(StatusCode::OK, &found.ok_or_else(|| Problem::unknown("root", "newest"))?)
}

/// `GET /v1/roots/{version}`
pub(crate) async fn root<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    Path(version): Path<String>,
) -> Answer {
    authorize(&backend, &headers, Operation::Read)?;
    let wanted = version.parse::<u64>().ok();
    let found = backend.read(|fleet| {
        let mut roots = fleet.roots.iter().filter_map(|root| root_body(root));
        roots.find(|root| root.version == wanted && wanted.is_some())
    });
    json(StatusCode::OK, &found.ok_or_else(|| Problem::unknown("root", version))?)
}

fn root_body(envelope: &[u8]) -> Option<RootBody> {
    let root = Root::decode(Envelope::open(envelope).ok()?.payload()).ok()?;
    Some(RootBody { envelope: input::base64(envelope), version: Some(root.version().0) })
}

/// `GET /v1/products?after=&limit=`
pub(crate) async fn products<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    behind: Asked<Behind>,
) -> Answer {
    authorize(&backend, &headers, Operation::Read)?;
    let Behind { after, limit } = query(behind)?;
    let limit = page_limit(limit, PAGE)?;
    let after = after.as_deref().map(ProductId::new).transpose()?;
    let body = backend.read(|fleet| {
        let named = fleet.products.iter().chain(fleet.releases.keys().map(|id| &id.product));
        let rest = named.filter(|product| after.as_ref().is_none_or(|after| *product > after));
        let rest = rest.collect::<BTreeSet<_>>().into_iter().map(ToString::to_string);
        let (products, next) = page_of(rest, limit, String::clone);
        Products { products, next }
    });
    json(StatusCode::OK, &body)
}

/// `GET /v1/products/{product}`, also of one that has no release yet
pub(crate) async fn product<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    Path(product): Path<String>,
) -> Answer {
    authorize(&backend, &headers, Operation::Read)?;
    let product = ProductId::new(&product)?;
    json(StatusCode::OK, &backend.read(|fleet| show::product(fleet, &product)))
}

/// `GET /v1/releases?after=&limit=`
pub(crate) async fn list<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    behind: Asked<Behind>,
) -> Answer {
    authorize(&backend, &headers, Operation::Read)?;
    let Behind { after, limit } = query(behind)?;
    let limit = page_limit(limit, PAGE)?;
    let after = after.as_deref().map(ReleaseId::parse).transpose()?;
    let from = after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
    let body = backend.read(|fleet| {
        let rest = fleet.releases.range((from, Bound::Unbounded));
        let (page, next) = page_of(rest, limit, |(id, _)| id.to_string());
        let shown = page.into_iter().map(|(_, release)| show::release(fleet, release));
        Releases { releases: shown.collect(), next }
    });
    json(StatusCode::OK, &body)
}

/// `GET /v1/releases/{id}`
pub(crate) async fn show<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Answer {
    authorize(&backend, &headers, Operation::Read)?;
    release_body(&backend, StatusCode::OK, &ReleaseId::parse(&id)?)
}

pub(super) fn release_body<B: Backend>(backend: &B, status: StatusCode, id: &ReleaseId) -> Answer {
    let found =
        backend.read(|fleet| fleet.releases.get(id).map(|one| show::release_in_full(fleet, one)));
    json(status, &found.ok_or_else(|| Problem::unknown("release", id))?)
}

/// `POST /v1/releases`
pub(crate) async fn publish<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let by = authorize(&backend, &headers, Operation::Publish)?;
    let asked = input::operator_json_of(&headers, body, PUBLISH_BYTES).await?;
    let record = record(asked, by)?;
    let now = backend.now();
    backend.read(|fleet| fleet.publish(&record, now))?;
    let back = record.way_back.as_ref().map(|(_, manifests)| manifests.as_slice());
    let manifests = record.manifests.iter().chain(back.unwrap_or_default());
    for (place, envelope) in manifests.enumerate() {
        check_image(&backend, place + 1, envelope).await?;
    }
    let id = record.release.clone();
    let written = backend
        .register(Box::new(move |fleet, now| Ok(fleet.publish(&record, now)?)), Terms::default())
        .await?;
    release_body(&backend, status_of(&written), &id)
}

fn envelopes(texts: &[String]) -> Result<Vec<Vec<u8>>, Problem> {
    texts.iter().map(|text| input::envelope(text)).collect()
}

fn record(asked: PublishRequest, by: Principal) -> Result<PublishRecord, Problem> {
    let wrong = |what: &str, text: &str| {
        let detail = format!("`{what}`: `{text}` is no semantic version or range");
        Problem::new(Kind::Invalid, "PU-006", detail, "write it as 1.2.3, a range as ^1.2")
    };
    let release = ReleaseId::parse(&asked.release)?;
    let way_back = match &asked.way_back {
        None => None,
        Some(back) => {
            let version = back.version.parse();
            let version = version.map_err(|_| wrong("way_back.version", &back.version))?;
            Some((version, envelopes(&back.manifests)?))
        }
    };
    let from = match &asked.from {
        None => None,
        Some(text) => Some(text.parse().map_err(|_| wrong("from", text))?),
    };
    let counter = ReleaseCounter(asked.counter);
    let manifests = envelopes(&asked.manifests)?;
    let provenance = asked.provenance.as_deref().map(provenance).transpose()?;
    let marks = Marks { stones: models(&asked.stepping_stone)?, irreversible: asked.irreversible };
    let (notes, source) = (asked.notes, asked.source);
    Ok(PublishRecord {
        release,
        counter,
        manifests,
        way_back,
        from,
        by,
        notes,
        source,
        provenance,
        marks,
    })
}

fn provenance(text: &str) -> Result<Vec<u8>, Problem> {
    let wrong = |_| {
        let detail = "`provenance` is not base64";
        Problem::new(Kind::Invalid, "HT-004", detail, "send the attestation as base64")
    };
    base64::engine::general_purpose::STANDARD.decode(text).map_err(wrong)
}

/// Checks that the image of a manifest, which is good, is stored and is what it says.
async fn check_image<B: Backend>(
    backend: &B,
    index: usize,
    envelope: &[u8],
) -> Result<(), Problem> {
    let unreadable = |why: String| {
        let hint = "let `rollout release publish` make the manifests";
        Problem::new(Kind::Invalid, "PU-003", format!("manifest {index}: {why}"), hint)
    };
    let opened = Envelope::open(envelope).map_err(|error| unreadable(error.to_string()))?;
    let manifest =
        Manifest::decode(opened.payload()).map_err(|error| unreadable(error.to_string()))?;
    let (digest, length) = (manifest.image, manifest.image_bytes);
    let found = backend.images().length(digest).await?.ok_or(ImageError::Unknown(digest))?;
    if found != length {
        let detail = format!("manifest {index}: its image has {found} bytes, not {length}");
        let hint = "sign the manifest for the image that was uploaded";
        return Err(Problem::new(Kind::Invalid, "PU-007", detail, hint));
    }
    let head = backend.images().read(digest, 0, HEAD_BYTES).await?;
    match image::check_head(&head, &ImageClaim::from(&manifest)) {
        Ok(_) => Ok(()),
        Err(error) => {
            let detail = format!("manifest {index}: {error}");
            Err(Problem::new(Kind::Invalid, error.code(), detail, error.hint()))
        }
    }
}

/// `POST /v1/releases/{id}/renew`
pub(crate) async fn renew<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Body,
) -> Answer {
    let by = authorize(&backend, &headers, Operation::Renew)?;
    let release = ReleaseId::parse(&id)?;
    let asked: RenewRequest = input::operator_json(&headers, body).await?;
    let (id, manifests) = (release.clone(), envelopes(&asked.manifests)?);
    let check = move |fleet: &Fleet, now| Ok(fleet.renew(&release, &manifests, &by, now)?);
    let written = backend.register(Box::new(check), Terms::default()).await?;
    release_body(&backend, status_of(&written), &id)
}

/// `POST /v1/releases/{id}/withdraw`
pub(crate) async fn withdraw<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Body,
) -> Answer {
    let by = authorize(&backend, &headers, Operation::Withdraw)?;
    let id = ReleaseId::parse(&id)?;
    let Reasoned { reason } = input::operator_json(&headers, body).await?;
    if reason.trim().is_empty() {
        return Err(rollout_core::rollout::Refusal::NoReason.into());
    }
    let release = id.clone();
    let check = move |fleet: &Fleet, _| {
        let known = fleet.releases.get(&release);
        let known = known.ok_or_else(|| Problem::unknown("release", &release))?;
        if matches!(known.lifecycle, Lifecycle::Withdrawn { .. }) {
            return Ok(Registered::Known);
        }
        Ok(Registered::New(vec![Entry::Withdrawn { release, by, reason }]))
    };
    backend.register(Box::new(check), Terms::default()).await?;
    release_body(&backend, StatusCode::OK, &id)
}
