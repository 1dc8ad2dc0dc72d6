//! Devices, by pages of ids.

use super::{Answer, Asked, json, query};
use crate::auth::{Operation, authorize};
use crate::backend::{Backend, Problem};
use crate::body::v1::DevicePage;
use crate::router::Desk;
use crate::show;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use std::ops::Bound;

/// Most devices of a page.
const PAGE: usize = 500;

/// Which page.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page {
    after: Option<String>,
    limit: Option<usize>,
}

/// `GET /v1/devices?after=&limit=`
pub(crate) async fn list<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    page: Asked<Page>,
) -> Answer {
    authorize(&backend, &headers, Operation::Read)?;
    let page = query(page)?;
    let limit = page.limit.unwrap_or(PAGE).clamp(1, PAGE);
    let now = backend.now();
    let body = backend.read(|fleet| {
        let after = page.after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = fleet.devices.range::<str, _>((after, Bound::Unbounded));
        let page = rest.by_ref().take(limit);
        let devices: Vec<_> = page.map(|(_, device)| show::device(fleet, device, now)).collect();
        let last = devices.last().map(|device| device.id.clone());
        let next = last.filter(|_| rest.next().is_some());
        DevicePage { devices, next, total: fleet.devices.len() as u64 }
    });
    json(StatusCode::OK, &body)
}

/// `GET /v1/devices/{id}`
pub(crate) async fn show<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Answer {
    authorize(&backend, &headers, Operation::Read)?;
    let now = backend.now();
    let body = backend.read(|fleet| {
        let device = fleet.devices.get(id.as_str());
        device.map(|device| show::device(fleet, device, now))
    });
    json(StatusCode::OK, &body.ok_or_else(|| Problem::unknown("device", id))?)
}
