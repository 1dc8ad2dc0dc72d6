//! Rollouts are checked, drafted, listed and explained.
//!
//! Not here: commands; see `command`. Invariant: a check changes nothing, and a draft with an id
//! that the caller chose is drafted once, however often it is sent.

use super::devices::bad_cursor;
use super::{Answer, Asked, Behind, PAGE, json, page_limit, page_of, query, rollout_id, status_of};
use crate::auth::{Operation, authorize, caller};
use crate::backend::{Backend, Kind, Problem, Terms};
use crate::body::v1::{
    CheckBody, EvidenceBody, ExplanationBody, MemberPage, RolloutBody, RolloutList, parse_plan_with,
};
use crate::desk::Desk;
use crate::input::{self, OPERATOR_BYTES};
use crate::openapi::{Table, get, param, post};
use crate::show;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use rollout_core::cohort::Selector;
use rollout_core::device::Bucket;
use rollout_core::fleet::{Running, Shown};
use rollout_core::id::{DeviceId, Principal, RolloutId};
use rollout_core::rollout::{Plan, Rollout};
use rollout_core::time::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

/// Types that plans have.
pub(super) const PLAN_TYPES: [&str; 3] = ["application/toml", "application/json", "text/plain"];

/// The routes of rollouts, commands apart.
pub(crate) fn table<B: Backend>(table: Table<Desk<B>>) -> Table<Desk<B>> {
    let drafted = "The draft; with `dry_run` what the plan would do, a CheckBody.";
    let text = serde_json::json!({ "type": "string" });
    let table = table
        .add(
            get("list_rollouts", "/v1/rollouts", "Rollouts, oldest first, a page at a time.")
                .asks(Operation::Read)
                .takes(&[param::AFTER_ROLLOUT, param::PAGE])
                .answers::<RolloutList>(200, "One line each; `next` says where the next begins."),
            list::<B>,
        )
        .add(
            post(
                "draft_rollout",
                "/v1/rollouts",
                "Draft a rollout by its plan, or check the plan.",
            )
            .asks(Operation::Draft)
            .asks(Operation::CheckPlan)
            .takes(&[param::NEW_ROLLOUT, param::DRY_RUN])
            .reads_raw(&PLAN_TYPES, &text, Value::Null)
            .answers_either::<RolloutBody, CheckBody>(200, drafted)
            .answers::<RolloutBody>(201, "The draft. It waits to be started.")
            .refuses(&[404, 409, 415]),
            create::<B>,
        );
    of_one(table)
}

/// What there is to be read of one rollout.
fn of_one<B: Backend>(table: Table<Desk<B>>) -> Table<Desk<B>> {
    table
        .add(
            get("read_rollout", "/v1/rollouts/{id}", "A rollout: where it stands, and why.")
                .asks(Operation::Read)
                .takes(&[param::ROLLOUT])
                .answers::<RolloutBody>(200, "The rollout.")
                .refuses(&[404]),
            show::<B>,
        )
        .add(
            get(
                "read_evidence",
                "/v1/rollouts/{id}/evidence",
                "How the evidence of a rollout went since the daemon started, for charts.",
            )
            .asks(Operation::Read)
            .takes(&[param::ROLLOUT])
            .answers::<EvidenceBody>(200, "Looks, oldest first.")
            .refuses(&[404]),
            evidence::<B>,
        )
        .add(
            get(
                "list_members",
                "/v1/rollouts/{id}/devices",
                "Devices of its cohort, each in its bucket and with its execution.",
            )
            .asks(Operation::Read)
            .takes(&[
                param::ROLLOUT,
                param::BUCKET,
                param::SELECTS,
                param::AFTER_DEVICE,
                param::PAGE,
            ])
            .answers::<MemberPage>(200, "A page; `next` says where the next begins.")
            .refuses(&[404]),
            members::<B>,
        )
        .add(
            get(
                "explain_device",
                "/v1/rollouts/{id}/devices/{device}",
                "Why a device has, or has not, what a rollout installs.",
            )
            .asks(Operation::Read)
            .takes(&[param::ROLLOUT, param::OF_DEVICE])
            .answers::<ExplanationBody>(200, "By the function that decides.")
            .refuses(&[404]),
            explain::<B>,
        )
}

/// How a plan is to be taken.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Taken {
    id: Option<String>,
    #[serde(default)]
    dry_run: bool,
}

/// `POST /v1/rollouts?id=&dry_run=`
pub(crate) async fn create<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    taken: Asked<Taken>,
    body: Body,
) -> Answer {
    // What is asked for follows from the query, which is no affair of a stranger's.
    caller(&backend, &headers)?;
    let taken = query(taken)?;
    let operation = if taken.dry_run { Operation::CheckPlan } else { Operation::Draft };
    let by = authorize(&backend, &headers, operation)?;
    let bytes = input::read(body, OPERATOR_BYTES).await?;
    let text = plan_text(&headers, &bytes)?;
    let plan = backend.read(|fleet| {
        parse_plan_with(text, &|name| fleet.cohorts.get(name).map(|cohort| cohort.record.clone()))
    })?;
    let id = match &taken.id {
        Some(text) => rollout_id(text)?,
        None => new_id(&backend),
    };
    if taken.dry_run {
        return check(&backend, id, plan, by);
    }
    let written = backend
        .register(Box::new(move |fleet, _| Ok(fleet.draft(id, plan, by)?)), Terms::default())
        .await?;
    rollout_body(&backend, status_of(&written), id)
}

/// The text of a plan, if its type is one that plans have.
pub(super) fn plan_text<'a>(headers: &HeaderMap, bytes: &'a [u8]) -> Result<&'a str, Problem> {
    input::media_type(headers, &PLAN_TYPES)?;
    std::str::from_utf8(bytes).map_err(|error| {
        let detail = format!("the plan is not UTF-8 after byte {}", error.valid_up_to());
        Problem::new(Kind::Invalid, "HT-009", detail, "save it as UTF-8")
    })
}

/// A fresh id: it sorts by time, and nobody can guess it.
//= RFC 9562 §5.7
pub(super) fn new_id<B: Backend>(backend: &B) -> RolloutId {
    let mut entropy = [0; 10];
    backend.entropy(&mut entropy);
    RolloutId(uuid::Builder::from_unix_timestamp_millis(backend.now().0, &entropy).into_uuid())
}

fn check<B: Backend>(backend: &B, id: RolloutId, plan: Plan, by: Principal) -> Answer {
    let now = backend.now();
    let body = backend.read(|fleet| {
        fleet.check_plan(&plan)?;
        let release = plan.target.release().clone();
        let running = draft(id, plan, by, now);
        show::check(fleet, &running, now).ok_or_else(|| Problem::unknown("release", release))
    })?;
    json(StatusCode::OK, &body)
}

fn draft(id: RolloutId, plan: Plan, by: Principal, now: Timestamp) -> Running {
    Running::new(Rollout::draft(id, Arc::new(plan), by, now))
}

/// `GET /v1/rollouts?after=&limit=`
pub(crate) async fn list<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    behind: Asked<Behind>,
) -> Answer {
    authorize(&backend, &headers, Operation::Read)?;
    let Behind { after, limit } = query(behind)?;
    let limit = page_limit(limit, PAGE)?;
    let after = after.as_deref().map(rollout_id).transpose()?;
    let body = backend.read(|fleet| {
        let from = match after {
            None => 0,
            Some(after) => 1 + fleet.order.iter().position(|id| *id == after)?,
        };
        let ordered = fleet.order[from..].iter().filter_map(|id| fleet.rollouts.get(id));
        let (page, next) = page_of(ordered, limit, |running| running.rollout.id.to_string());
        Some(RolloutList { rollouts: page.into_iter().map(show::line).collect(), next })
    });
    json(StatusCode::OK, &body.ok_or_else(bad_cursor)?)
}

/// Which devices of a rollout.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Members {
    bucket: Option<String>,
    query: Option<String>,
    after: Option<String>,
    limit: Option<usize>,
}

/// `GET /v1/rollouts/{id}/devices?bucket=&query=&after=&limit=`
pub(crate) async fn members<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    asked: Asked<Members>,
) -> Answer {
    authorize(&backend, &headers, Operation::Read)?;
    let Members { bucket, query: selects, after, limit } = query(asked)?;
    let (id, limit) = (rollout_id(&id)?, page_limit(limit, PAGE)?);
    let bucket = bucket.as_deref().map(bucket_named).transpose()?;
    let selects = selects.as_deref().map(Selector::parse_new).transpose()?;
    let after = after.as_deref().map(DeviceId::new).transpose()?;
    let now = backend.now();
    let body = backend.read(|fleet| {
        let running = fleet.rollouts.get(&id)?;
        let rest = fleet.devices.after(after.as_ref().map(DeviceId::as_str));
        let rest = rest
            .filter(|device| selects.as_ref().is_none_or(|query| query.matches(&Shown(device))))
            .filter(|device| fleet.is_counted(running, device, now))
            .map(|device| (device, fleet.bucket_of(running, device, now)))
            .filter(|(_, stands)| bucket.is_none_or(|wanted| wanted == *stands));
        let (page, next) = page_of(rest, limit, |(device, _)| device.id.as_str().to_owned());
        let line = |(device, stands)| show::member(running, device, stands);
        Some(MemberPage { devices: page.into_iter().map(line).collect(), next })
    });
    json(StatusCode::OK, &body.ok_or_else(|| Problem::unknown("rollout", id))?)
}

fn bucket_named(name: &str) -> Result<Bucket, Problem> {
    Bucket::ALL.into_iter().find(|bucket| bucket.name() == name).ok_or_else(|| {
        let known: Vec<_> = Bucket::ALL.iter().map(|bucket| bucket.name()).collect();
        let detail = format!("there is no bucket of this name; there are {}", known.join(", "));
        Problem::new(Kind::Invalid, "HT-005", detail, "see the parameters of this route")
    })
}

/// `GET /v1/rollouts/{id}`
pub(crate) async fn show<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Answer {
    authorize(&backend, &headers, Operation::Read)?;
    rollout_body(&backend, StatusCode::OK, rollout_id(&id)?)
}

/// A rollout as it is.
pub(super) fn rollout_body<B: Backend>(backend: &B, status: StatusCode, id: RolloutId) -> Answer {
    let now = backend.now();
    let body = backend.read(|fleet| {
        let running = fleet.rollouts.get(&id)?;
        Some(show::rollout(fleet, running, now))
    });
    json(status, &body.ok_or_else(|| Problem::unknown("rollout", id))?)
}

/// `GET /v1/rollouts/{id}/evidence`
pub(crate) async fn evidence<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Answer {
    authorize(&backend, &headers, Operation::Read)?;
    let id = rollout_id(&id)?;
    if !backend.read(|fleet| fleet.rollouts.contains_key(&id)) {
        return Err(Problem::unknown("rollout", id));
    }
    json(StatusCode::OK, &show::evidence(id, &backend.course(id)))
}

/// `GET /v1/rollouts/{id}/devices/{device}`
pub(crate) async fn explain<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    Path((id, device)): Path<(String, String)>,
) -> Answer {
    authorize(&backend, &headers, Operation::Read)?;
    explained(&backend, rollout_id(&id)?, &DeviceId::new(&device)?)
}

/// Why a device has, or has not, what a rollout installs.
pub(super) fn explained<B: Backend>(backend: &B, id: RolloutId, device: &DeviceId) -> Answer {
    let now = backend.now();
    let (known, said) = backend.read(|fleet| {
        let ways =
            fleet.rollouts.get(&id).zip(fleet.devices.get(device)).map(|(running, known)| {
                let no_return = fleet.no_return_for(running, known, now);
                (show::way_of(fleet, running, known, now), no_return.map(|why| why.to_string()))
            });
        let said = fleet.explain(id, device, now).zip(ways);
        (fleet.rollouts.contains_key(&id), said)
    });
    let missing = || match known {
        true => Problem::unknown("device", device),
        false => Problem::unknown("rollout", id),
    };
    let (said, (way, no_return)) = said.ok_or_else(missing)?;
    let body = show::explanation(id, device, &said);
    json(StatusCode::OK, &ExplanationBody { way, no_return, ..body })
}
