//! Freezes of the fleet.

use super::{Answer, json, status_of};
use crate::auth::{Operation, authorize};
use crate::backend::{Backend, Problem, Terms};
use crate::body::v1::{FreezeBody, FreezeRequest, Freezes};
use crate::desk::Desk;
use crate::input;
use crate::openapi::{Table, delete, get, param, put};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use rollout_core::calendar::Freeze;
use rollout_core::fleet::{Fleet, FreezeError, NamedFreeze};
use rollout_core::id::FreezeId;
use rollout_core::time::Timestamp;

/// The routes of freezes.
pub(crate) fn table<B: Backend>(table: Table<Desk<B>>) -> Table<Desk<B>> {
    let one = "/v1/freezes/{freeze}";
    table
        .add(
            get("list_freezes", "/v1/freezes", "Freezes of the fleet.")
                .asks(Operation::Read)
                .answers::<Freezes>(200, "By name, those that have ended too."),
            list::<B>,
        )
        .add(
            put("set_freeze", one, "Let nothing be given for a while, emergencies apart.")
                .asks(Operation::SetFreeze)
                .takes(&[param::FREEZE])
                .reads::<FreezeRequest>()
                .answers::<FreezeBody>(200, "It was just so.")
                .answers::<FreezeBody>(201, "It is so from here on.")
                .refuses(&[409]),
            set::<B>,
        )
        .add(
            delete("lift_freeze", one, "Lift a freeze; one in force takes another person.")
                .asks(Operation::SetFreeze)
                .takes(&[param::FREEZE])
                .answers_nothing(204, "It is gone.")
                .refuses(&[404, 409]),
            lift::<B>,
        )
}

/// `GET /v1/freezes`
pub(crate) async fn list<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
) -> Answer {
    authorize(&backend, &headers, Operation::Read)?;
    let now = backend.now();
    let freezes = backend
        .read(|fleet| fleet.freezes.iter().map(|(name, known)| shown(name, known, now)).collect());
    json(StatusCode::OK, &Freezes { freezes })
}

/// `PUT /v1/freezes/{freeze}`
pub(crate) async fn set<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    Path(name): Path<String>,
    body: Body,
) -> Answer {
    let by = authorize(&backend, &headers, Operation::SetFreeze)?;
    let name = FreezeId::new(&name)?;
    let asked: FreezeRequest = input::operator_json(&headers, body).await?;
    let at = |secs: u64| Timestamp(secs.saturating_mul(1000));
    let freeze = Freeze { from: at(asked.from), until: at(asked.until), reason: asked.reason };
    let named = name.clone();
    let check = move |fleet: &Fleet, now| Ok(fleet.set_freeze(named, freeze, by, now)?);
    let written = backend.register(Box::new(check), Terms::default()).await?;
    let now = backend.now();
    let body = backend.read(|fleet| fleet.freezes.get(&name).map(|one| shown(&name, one, now)));
    let body = body.ok_or_else(|| Problem::from(FreezeError::Unknown(name)))?;
    json(status_of(&written), &body)
}

/// `DELETE /v1/freezes/{freeze}`
pub(crate) async fn lift<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Answer {
    let by = authorize(&backend, &headers, Operation::SetFreeze)?;
    let name = FreezeId::new(&name)?;
    let check = move |fleet: &Fleet, now| Ok(fleet.lift_freeze(name, by, now)?);
    backend.register(Box::new(check), Terms::default()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn shown(name: &FreezeId, known: &NamedFreeze, now: Timestamp) -> FreezeBody {
    let NamedFreeze { freeze, by, .. } = known;
    FreezeBody {
        name: name.as_str().into(),
        from: freeze.from.unix_secs(),
        until: freeze.until.unix_secs(),
        reason: freeze.reason.clone(),
        by: by.as_str().into(),
        in_force: freeze.holds(now),
    }
}
