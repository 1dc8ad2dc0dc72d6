//! Commands to a rollout: who gives them is the token's principal, what they do the core decides.

use super::rollouts::{new_id, rollout_body};
use super::{Answer, Asked, json, query, rollout_id, status_of};
use crate::auth::{Operation, authorize};
use crate::backend::{Backend, Kind, Problem, Terms};
use crate::body::v1::{
    ApproveRequest, PauseRequest, Reasoned, RollbackBody, RolloutBody, parse_when,
};
use crate::desk::Desk;
use crate::openapi::{Route, Table, param, post};
use crate::{input, show};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use rollout_core::fleet::Running;
use rollout_core::rollout::{Command, Commanded, Rollout};
use rollout_core::time::{Span, Timestamp};
use serde::Deserialize;
use std::sync::Arc;

/// The routes of commands.
pub(crate) fn table<B: Backend>(table: Table<Desk<B>>) -> Table<Desk<B>> {
    let drafted = "The draft that takes the rollout back.";
    table
        .add(
            told(post("start", "/v1/rollouts/{id}/start", "Start a draft."), Operation::Start),
            start::<B>,
        )
        .add(
            told(
                post("pause", "/v1/rollouts/{id}/pause", "Pause: no offer, no permit."),
                Operation::Pause,
            )
            .reads::<PauseRequest>(),
            pause::<B>,
        )
        .add(
            told(
                post("resume", "/v1/rollouts/{id}/resume", "Resume; after a halt two people must."),
                Operation::Resume,
            ),
            resume::<B>,
        )
        .add(
            told(
                post("advance", "/v1/rollouts/{id}/advance", "Open the next rung without waiting."),
                Operation::Advance,
            ),
            advance::<B>,
        )
        .add(
            told(
                post("approve", "/v1/rollouts/{id}/approve", "Approve a rung."),
                Operation::Approve,
            )
            .reads::<ApproveRequest>(),
            approve::<B>,
        )
        .add(
            told(
                post("halt", "/v1/rollouts/{id}/halt", "Halt: every permit is refused."),
                Operation::Halt,
            )
            .reads::<Reasoned>(),
            halt::<B>,
        )
        .add(
            told(post("cancel", "/v1/rollouts/{id}/cancel", "End a rollout."), Operation::Cancel),
            cancel::<B>,
        )
        .add(
            post("roll_back", "/v1/rollouts/{id}/rollback", "Draft the way back of a rollout.")
                .asks(Operation::RollBack)
                .takes(&[param::ROLLOUT, param::NEW_ROLLOUT])
                .answers::<RollbackBody>(200, drafted)
                .answers::<RollbackBody>(201, drafted)
                .refuses(&[404, 409]),
            rollback::<B>,
        )
}

/// What every command to a rollout takes and answers.
fn told(route: Route, operation: Operation) -> Route {
    route
        .asks(operation)
        .takes(&[param::ROLLOUT])
        .answers::<RolloutBody>(200, "The rollout after it.")
        .refuses(&[404, 409])
}

async fn give<B: Backend>(
    backend: &B,
    headers: &HeaderMap,
    id: &str,
    operation: Operation,
    command: Command,
) -> Answer {
    let by = authorize(backend, headers, operation)?;
    let id = rollout_id(id)?;
    backend.command(id, Commanded { by, command }, Terms::default()).await?;
    rollout_body(backend, StatusCode::OK, id)
}

macro_rules! plain_command {
    ($($(#[$doc:meta])* $name:ident: $command:expr, $operation:expr;)*) => {
        $($(#[$doc])*
        pub(crate) async fn $name<B: Backend>(
            State(Desk { backend, .. }): State<Desk<B>>,
            headers: HeaderMap,
            Path(id): Path<String>,
        ) -> Answer {
            give(&backend, &headers, &id, $operation, $command).await
        })*
    };
}

plain_command! {
    /// `POST /v1/rollouts/{id}/start`
    start: Command::Start, Operation::Start;
    /// `POST /v1/rollouts/{id}/resume`
    resume: Command::Resume, Operation::Resume;
    /// `POST /v1/rollouts/{id}/advance`
    advance: Command::Advance, Operation::Advance;
    /// `POST /v1/rollouts/{id}/cancel`
    cancel: Command::Cancel, Operation::Cancel;
}

/// `POST /v1/rollouts/{id}/pause`
pub(crate) async fn pause<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Body,
) -> Answer {
    authorize(&backend, &headers, Operation::Pause)?;
    let asked: PauseRequest = input::operator_json(&headers, body).await?;
    let review_at = review(&asked.review, backend.now())?;
    let command = Command::Pause { reason: asked.reason, review_at };
    give(&backend, &headers, &id, Operation::Pause, command).await
}

fn review(text: &str, now: Timestamp) -> Result<Timestamp, Problem> {
    let from_now = || Span::parse(text).map(|span| now.after(span));
    parse_when(text).or_else(from_now).ok_or_else(|| {
        let detail = format!("`review`: `{text}` is no time");
        let hint = "write 2026-03-01T08:00:00Z, Unix seconds, or 2h from now on";
        Problem::new(Kind::Invalid, "HT-010", detail, hint)
    })
}

/// `POST /v1/rollouts/{id}/halt`
pub(crate) async fn halt<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Body,
) -> Answer {
    authorize(&backend, &headers, Operation::Halt)?;
    let Reasoned { reason } = input::operator_json(&headers, body).await?;
    give(&backend, &headers, &id, Operation::Halt, Command::Halt { reason }).await
}

/// `POST /v1/rollouts/{id}/approve`
pub(crate) async fn approve<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Body,
) -> Answer {
    authorize(&backend, &headers, Operation::Approve)?;
    let asked: ApproveRequest = input::operator_json(&headers, body).await?;
    let rollout = rollout_id(&id)?;
    let rung = backend.read(|fleet| {
        let running = fleet.rollouts.get(&rollout);
        running.map(|running| running.rollout.plan.ladder.find(&asked.rung))
    });
    let rung = rung.ok_or_else(|| Problem::unknown("rollout", rollout))?.map_err(|why| {
        Problem::new(Kind::Invalid, "HT-011", why, "name the rung as its plan writes it")
    })?;
    let command = match asked.no_return {
        true => Command::ApproveNoReturn { rung },
        false => Command::Approve { rung },
    };
    give(&backend, &headers, &id, Operation::Approve, command).await
}

/// How the way back is to be drafted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Drafted {
    id: Option<String>,
}

/// `POST /v1/rollouts/{id}/rollback?id=`
pub(crate) async fn rollback<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    drafted: Asked<Drafted>,
) -> Answer {
    let by = authorize(&backend, &headers, Operation::RollBack)?;
    let taken_back = rollout_id(&id)?;
    let new = match query(drafted)?.id {
        Some(text) => rollout_id(&text)?,
        None => new_id(&backend),
    };
    let now = backend.now();
    let ((plan, devices), without_way_back) = backend.read(|fleet| {
        let plan = fleet.rollback_plan_at(taken_back, now)?;
        let draft = Rollout::draft(new, Arc::new(plan.0.clone()), by.clone(), now);
        let draft = Running::new(draft);
        let running = fleet.rollouts.get(&taken_back);
        let without = running.map(|known| show::without_way_back(fleet, known, &draft, now));
        Ok::<_, Problem>((plan, without.unwrap_or_default()))
    })?;
    let target = plan.target.to_string();
    let written = backend
        .register(Box::new(move |fleet, _| Ok(fleet.draft(new, plan, by)?)), Terms::default())
        .await?;
    let rollout = new.to_string();
    let body = RollbackBody { rollout, target, devices, without_way_back };
    json(status_of(&written), &body)
}
