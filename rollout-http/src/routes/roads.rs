//! Stepping stones and dead ends.
//!
//! Not here: what they mean on the way of a device; the core says so. Invariant: what was declared
//! is listed with who declared it, and lifting it needs no more than declaring it.

use super::devices::bad_cursor;
use super::releases::release_body;
use super::{Answer, Asked, Behind, PAGE, json, page_limit, page_of, query, status_of};
use crate::auth::{Operation, authorize};
use crate::backend::{Backend, Kind, Problem, Terms};
use crate::body::v1::{DeadEndBody, DeadEndRequest, DeadEnds, ReleaseBody, StonesRequest, Stored};
use crate::desk::Desk;
use crate::input;
use crate::openapi::{Table, get, param, put};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use rollout_core::fleet::Fleet;
use rollout_core::id::{HardwareModel, IdError, ProductId};
use rollout_core::reach::DeadEnd;
use rollout_core::release::ReleaseId;
use std::collections::BTreeSet;

/// The routes of stepping stones and dead ends.
pub(crate) fn table<B: Backend>(table: Table<Desk<B>>) -> Table<Desk<B>> {
    let ends = "/v1/products/{product}/dead-ends";
    table
        .add(
            put("set_stones", "/v1/releases/{id}/stones", "Name models that must pass through it.")
                .asks(Operation::MarkWays)
                .takes(&[param::RELEASE])
                .reads::<StonesRequest>()
                .answers::<ReleaseBody>(200, "They had to already.")
                .answers::<ReleaseBody>(201, "They must from now on, and no others.")
                .refuses(&[404, 409]),
            stones::<B>,
        )
        .add(
            get("list_dead_ends", ends, "Versions that are never updated.")
                .asks(Operation::Read)
                .takes(&[param::PRODUCT, param::AFTER_DEAD_END, param::PAGE])
                .answers::<DeadEnds>(200, "By model; `next` says where the next page begins."),
            dead_ends::<B>,
        )
        .add(
            put("set_dead_end", ends, "Declare versions of a model as a dead end, or lift it.")
                .asks(Operation::MarkWays)
                .takes(&[param::PRODUCT])
                .reads::<DeadEndRequest>()
                .answers::<Stored>(200, "It was so already.")
                .answers::<Stored>(201, "It is so from now on.")
                .refuses(&[404]),
            set_dead_end::<B>,
        )
}

/// Hardware models by name.
pub(super) fn models(names: &[String]) -> Result<BTreeSet<HardwareModel>, IdError> {
    names.iter().map(|name| HardwareModel::new(name)).collect()
}

/// `PUT /v1/releases/{id}/stones`
pub(crate) async fn stones<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Body,
) -> Answer {
    let by = authorize(&backend, &headers, Operation::MarkWays)?;
    let id = ReleaseId::parse(&id)?;
    let asked: StonesRequest = input::operator_json(&headers, body).await?;
    let (release, models) = (id.clone(), models(&asked.models)?);
    let check = move |fleet: &Fleet, _| Ok(fleet.set_stones(release, models, by)?);
    let written = backend.register(Box::new(check), Terms::default()).await?;
    release_body(&backend, status_of(&written), &id)
}

/// `GET /v1/products/{product}/dead-ends?after=&limit=`
pub(crate) async fn dead_ends<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    Path(product): Path<String>,
    behind: Asked<Behind>,
) -> Answer {
    authorize(&backend, &headers, Operation::Read)?;
    let product = ProductId::new(&product)?;
    let Behind { after, limit } = query(behind)?;
    let limit = page_limit(limit, PAGE)?;
    let body = backend.read(|fleet| {
        let ends: Vec<_> = fleet.atlas.dead_ends(&product).map(line).collect();
        let from = match &after {
            None => 0,
            Some(after) => 1 + ends.iter().position(|end| place(end) == *after)?,
        };
        let (dead_ends, next) = page_of(ends.into_iter().skip(from), limit, place);
        Some(DeadEnds { dead_ends, next })
    });
    json(StatusCode::OK, &body.ok_or_else(bad_cursor)?)
}

fn place(end: &DeadEndBody) -> String {
    format!("{} {}", end.model, end.versions)
}

/// `PUT /v1/products/{product}/dead-ends`
pub(crate) async fn set_dead_end<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    Path(product): Path<String>,
    body: Body,
) -> Answer {
    let by = authorize(&backend, &headers, Operation::MarkWays)?;
    let product = ProductId::new(&product)?;
    let asked: DeadEndRequest = input::operator_json(&headers, body).await?;
    let model = HardwareModel::new(&asked.model)?;
    let versions = asked.versions.parse().map_err(|_| {
        let detail = format!("`versions`: `{}` is no range of versions", asked.versions);
        Problem::new(Kind::Invalid, "PU-006", detail, "write a range such as `<1.2`")
    })?;
    let reason = asked.reason;
    let check =
        move |fleet: &Fleet, _| Ok(fleet.set_dead_end(product, model, versions, reason, by)?);
    let written = backend.register(Box::new(check), Terms::default()).await?;
    let state = if written.is_empty() { "known" } else { "new" };
    json(status_of(&written), &Stored { state: state.into() })
}

fn line((model, end): (&HardwareModel, &DeadEnd)) -> DeadEndBody {
    DeadEndBody {
        model: model.to_string(),
        versions: end.versions.to_string(),
        reason: end.reason.clone(),
        by: end.by.as_str().into(),
        at: end.at.unix_secs(),
    }
}
