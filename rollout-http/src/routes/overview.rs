//! The first screen: how everything stands, the fleet by two attributes, and who asks.

use super::{Answer, Asked, attribute, json, query};
use crate::auth::{self, Operation, authorize};
use crate::backend::Backend;
use crate::body::v1::{CensusBody, MeBody, OverviewBody};
use crate::desk::Desk;
use crate::openapi::{Table, get, param};
use crate::show;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;

/// The routes of the first screen.
pub(crate) fn table<B: Backend>(table: Table<Desk<B>>) -> Table<Desk<B>> {
    table
        .add(
            get("overview", "/v1/overview", "How everything stands, in one answer.")
                .asks(Operation::Read)
                .answers::<OverviewBody>(200, "The whole fleet and every rollout."),
            overview::<B>,
        )
        .add(
            get("census", "/v1/census", "Devices by two attributes.")
                .asks(Operation::Read)
                .takes(&[param::ROW, param::COLUMN])
                .answers::<CensusBody>(200, "The table."),
            census::<B>,
        )
        .add(
            get("me", "/v1/me", "Who asks, and what they may.")
                .asks(Operation::Read)
                .answers::<MeBody>(200, "Principal, roles and operations."),
            me::<B>,
        )
}

/// `GET /v1/overview`
pub(crate) async fn overview<B: Backend>(
    State(desk): State<Desk<B>>,
    headers: HeaderMap,
) -> Answer {
    authorize(&desk.backend, &headers, Operation::Read)?;
    let now = desk.backend.now();
    let fleet = desk.fleet(now);
    let (read_to, rollouts) = desk.backend.read(|fleet| (fleet.read_to.0, show::newest(fleet)));
    let meters = desk.backend.meters();
    let body = OverviewBody {
        name: desk.shared.name.clone(),
        now_ms: now.0,
        read_to,
        lag_ms: u64::try_from(meters.lag().as_millis()).unwrap_or(u64::MAX),
        check_ins_per_sec: meters.check_ins_per_sec(now),
        fleet: fleet.as_ref().clone(),
        rollouts,
    };
    json(StatusCode::OK, &body)
}

/// Which table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Axes {
    row: Option<String>,
    column: Option<String>,
}

/// `GET /v1/census?row=&column=`
pub(crate) async fn census<B: Backend>(
    State(desk): State<Desk<B>>,
    headers: HeaderMap,
    axes: Asked<Axes>,
) -> Answer {
    authorize(&desk.backend, &headers, Operation::Read)?;
    let Axes { row, column } = query(axes)?;
    let (row, column) = (row.unwrap_or("model".into()), column.unwrap_or("version".into()));
    attribute(&row)?;
    attribute(&column)?;
    json(StatusCode::OK, &*desk.census(&row, &column))
}

/// `GET /v1/me`
pub(crate) async fn me<B: Backend>(State(desk): State<Desk<B>>, headers: HeaderMap) -> Answer {
    let caller = auth::caller(&desk.backend, &headers)?;
    let may = Operation::ALL.iter().filter(|operation| caller.may(**operation));
    let body = MeBody {
        principal: caller.principal.as_str().into(),
        roles: caller.roles.iter().map(|role| auth::role_name(*role).into()).collect(),
        may: may.map(|operation| operation.name().into()).collect(),
        expires: caller.expires.unix_secs(),
    };
    json(StatusCode::OK, &body)
}
