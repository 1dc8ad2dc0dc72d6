//! The plan of a rollout is changed, or what that would do is told.
//!
//! Not here: what may change; the core says so. Invariant: what is told with `dry_run` is what is
//! done without, and a plan that is there already changes nothing.

use super::rollouts::{PLAN_TYPES, plan_text, rollout_body};
use super::{Answer, Asked, json, query, rollout_id};
use crate::auth::{Operation, authorize};
use crate::backend::{Backend, Terms};
use crate::body::v1::{ChangeBody, EditBody, RolloutBody, parse_plan_with};
use crate::desk::Desk;
use crate::input::{self, OPERATOR_BYTES};
use crate::openapi::{Table, param, put};
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use rollout_core::rollout::{Command, Commanded, Edit};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

/// The route of a rollout's plan.
pub(crate) fn table<B: Backend>(table: Table<Desk<B>>) -> Table<Desk<B>> {
    let text = serde_json::json!({ "type": "string" });
    let told = "The rollout with it; with `dry_run` what it would do, an EditBody.";
    table.add(
        put("change_plan", "/v1/rollouts/{id}/plan", "Change a plan, also while it runs.")
            .asks(Operation::Edit)
            .asks(Operation::CheckPlan)
            .takes(&[param::ROLLOUT, param::DRY_RUN])
            .reads_raw(&PLAN_TYPES, &text, Value::Null)
            .answers_either::<RolloutBody, EditBody>(200, told)
            .refuses(&[404, 409, 415]),
        change::<B>,
    )
}

/// How a changed plan is to be taken.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Taken {
    #[serde(default)]
    dry_run: bool,
}

/// `PUT /v1/rollouts/{id}/plan?dry_run=`
pub(crate) async fn change<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    taken: Asked<Taken>,
    body: Body,
) -> Answer {
    let asks_only = taken.as_ref().is_ok_and(|Query(taken)| taken.dry_run);
    let operation = if asks_only { Operation::CheckPlan } else { Operation::Edit };
    let by = authorize(&backend, &headers, operation)?;
    let Taken { dry_run } = query(taken)?;
    let id = rollout_id(&id)?;
    let bytes = input::read(body, OPERATOR_BYTES).await?;
    let text = plan_text(&headers, &bytes)?;
    let plan = backend.read(|fleet| {
        parse_plan_with(text, &|name| fleet.cohorts.get(name).map(|cohort| cohort.record.clone()))
    })?;
    if dry_run {
        let edit = backend.read(|fleet| fleet.edit_of(id, &plan))?;
        return json(StatusCode::OK, &told(&edit));
    }
    let command = Command::Edit { plan: Arc::new(plan), says: String::new() };
    backend.command(id, Commanded { by, command }, Terms::default()).await?;
    rollout_body(&backend, StatusCode::OK, id)
}

fn told(edit: &Edit) -> EditBody {
    let line = |change: &rollout_core::rollout::Change| ChangeBody {
        key: change.key.into(),
        effect: change.consequence.name().into(),
    };
    EditBody {
        changes: edit.changes.iter().map(line).collect(),
        voided_approvals: edit.voided,
        alpha: edit.restart.map(|(_, alpha)| alpha.get()),
        says: edit.says(),
    }
}
