//! Named cohorts.

use super::{Answer, Asked, Behind, PAGE, json, page_limit, page_of, query, status_of};
use crate::auth::{Operation, authorize};
use crate::backend::{Backend, Kind, Problem, Terms};
use crate::body::v1::{CohortBody, CohortRequest, Cohorts};
use crate::desk::Desk;
use crate::openapi::{Table, get, param, put};
use crate::{input, show};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use rollout_core::cohort::Selector;
use rollout_core::id::{CohortId, DeviceId};
use rollout_core::journal::CohortRecord;
use std::ops::Bound;

/// The routes of cohorts.
pub(crate) fn table<B: Backend>(table: Table<Desk<B>>) -> Table<Desk<B>> {
    table
        .add(
            get("list_cohorts", "/v1/cohorts", "Named cohorts, a page at a time.")
                .asks(Operation::Read)
                .takes(&[param::AFTER_COHORT, param::PAGE])
                .answers::<Cohorts>(200, "By name, without their members' ids."),
            list::<B>,
        )
        .add(
            get("read_cohort", "/v1/cohorts/{name}", "A named cohort.")
                .asks(Operation::Read)
                .takes(&[param::COHORT])
                .answers::<CohortBody>(200, "Its meaning, and how many devices belong.")
                .refuses(&[404]),
            show::<B>,
        )
        .add(
            put("define_cohort", "/v1/cohorts/{name}", "Give a name a meaning: a query or a list.")
                .asks(Operation::DefineCohort)
                .takes(&[param::COHORT])
                .reads::<CohortRequest>()
                .answers::<CohortBody>(200, "It had this meaning already.")
                .answers::<CohortBody>(201, "It has this meaning from here on."),
            define::<B>,
        )
}

/// `PUT /v1/cohorts/{name}`
pub(crate) async fn define<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    Path(name): Path<String>,
    body: Body,
) -> Answer {
    let by = authorize(&backend, &headers, Operation::DefineCohort)?;
    let name = CohortId::new(&name)?;
    let asked: CohortRequest = input::operator_json(&headers, body).await?;
    let record = match (asked.query, asked.devices) {
        (Some(query), None) => CohortRecord::Query(Selector::parse_new(&query)?),
        (None, Some(list)) => {
            let ids = list.iter().map(|id| DeviceId::new(id)).collect::<Result<_, _>>()?;
            CohortRecord::Listed(ids)
        }
        (None, None) | (Some(_), Some(_)) => {
            let detail = "a cohort is a query or a list of devices, one of them";
            let hint = "send `query` or `devices`";
            return Err(Problem::new(Kind::Invalid, "HT-007", detail, hint));
        }
    };
    let cohort = name.clone();
    let written = backend
        .register(
            Box::new(move |fleet, _| Ok(fleet.define_cohort(cohort, record, by))),
            Terms::default(),
        )
        .await?;
    json(status_of(&written), &found(&backend, &name)?)
}

/// `GET /v1/cohorts/{name}`
pub(crate) async fn show<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Answer {
    authorize(&backend, &headers, Operation::Read)?;
    json(StatusCode::OK, &found(&backend, &CohortId::new(&name)?)?)
}

/// `GET /v1/cohorts?after=&limit=`
pub(crate) async fn list<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    behind: Asked<Behind>,
) -> Answer {
    authorize(&backend, &headers, Operation::Read)?;
    let Behind { after, limit } = query(behind)?;
    let limit = page_limit(limit, PAGE)?;
    let after = after.as_deref().map(CohortId::new).transpose()?;
    let from = after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
    let body = backend.read(|fleet| {
        let rest = fleet.cohorts.range::<CohortId, _>((from, Bound::Unbounded));
        let (page, next) = page_of(rest, limit, |(name, _)| name.to_string());
        // Counting members is a pass over the fleet, for those of the page alone.
        let shown = page.into_iter().map(|(name, known)| show::cohort(fleet, name, &known.record));
        let cohorts = shown.map(|cohort| CohortBody { devices: None, ..cohort }).collect();
        Cohorts { cohorts, next }
    });
    json(StatusCode::OK, &body)
}

fn found<B: Backend>(backend: &B, name: &CohortId) -> Result<CohortBody, Problem> {
    let body = backend.read(|fleet| {
        fleet.cohorts.get(name).map(|cohort| show::cohort(fleet, name, &cohort.record))
    });
    body.ok_or_else(|| Problem::unknown("cohort", name))
}
