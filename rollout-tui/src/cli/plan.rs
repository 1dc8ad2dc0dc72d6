//! `rollout diff` and `rollout apply`: what a plan file would change, and making it so.
//!
//! Deliberately not here: what a plan means; the server spells it out with all its defaults.
//!
//! Invariants: applying the same file twice is applying it once; what cannot change in a rollout
//! that has begun is refused with the difference, and then nothing changes.

use super::error::Failure;
use super::output::Answer;
use super::rollout::{Then, create, read_plan, start};
use super::to_json;
use crate::words;
use rollout_core::id::RolloutId;
use rollout_http::body::v1::{EditBody, RolloutBody, RolloutLine};
use rollout_http::client::{Client, Error};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The status of a refusal by how a rollout stands.
const CONFLICT: u16 = 409;

/// One place in which two plans differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Where, such as `gate.failure.p_max`.
    pub key: String,
    /// As it is; null if absent.
    pub before: Value,
    /// As it would be; null if absent.
    pub after: Value,
}

/// Where two plans differ, by key.
pub fn changes(before: &Value, after: &Value) -> Vec<Change> {
    let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
    leaves("", before, &mut old);
    leaves("", after, &mut new);
    let keys: BTreeSet<_> = old.keys().chain(new.keys()).cloned().collect();
    let value = |of: &BTreeMap<String, Value>, key: &str| of.get(key).cloned().unwrap_or_default();
    let all = keys.into_iter().map(|key| {
        let (before, after) = (value(&old, &key), value(&new, &key));
        Change { key, before, after }
    });
    all.filter(|change| change.before != change.after).collect()
}

fn leaves(key: &str, value: &Value, found: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(table) => {
            for (name, value) in table {
                let inner = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                leaves(&inner, value, found);
            }
        }
        Value::Null => {}
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            found.insert(key.into(), value.clone());
        }
    }
}

/// What a change of a key does, in words; nothing if the server does not say.
fn effect<'e>(edit: Option<&'e EditBody>, key: &str) -> Option<&'e str> {
    // A list of devices stands in place of a cohort.
    let key = if key == "devices" { "cohort" } else { key };
    let told = |name: &str| {
        key.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let found = edit?.changes.iter().find(|change| told(&change.key))?;
    Some(match found.effect.as_str() {
        "at_once" => "at once",
        "rungs_to_come" => "for rungs that are not open yet",
        "evidence_anew" => "evidence starts anew",
        other => other,
    })
}

/// What follows from a change as a whole.
fn consequences(edit: &EditBody) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(alpha) = edit.alpha {
        let alpha = words::figure::rate(alpha);
        lines.push(format!("evidence starts anew, at a risk of a false abort of {alpha}"));
    }
    if edit.voided_approvals > 0 {
        let approvals = words::count(u64::from(edit.voided_approvals), "approval");
        lines.push(format!("{approvals} given before it made void"));
    }
    lines
}

fn shown(changes: &[Change], edit: Option<&EditBody>) -> Vec<String> {
    let word = |value: &Value| match value {
        Value::Null => "-".to_string(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    };
    let line = |change: &Change| {
        let said = format!("{}: {} → {}", change.key, word(&change.before), word(&change.after));
        match effect(edit, &change.key) {
            Some(effect) => format!("{said} ({effect})"),
            None => said,
        }
    };
    changes.iter().map(line).chain(edit.into_iter().flat_map(consequences)).collect()
}

fn json_of(changes: &[Change], edit: Option<&EditBody>) -> Value {
    let one = |change: &Change| {
        let Change { key, before, after } = change;
        let effect = effect(edit, key);
        json!({ "key": key, "before": before, "after": after, "effect": effect })
    };
    changes.iter().map(one).collect()
}

/// The plan of a file with all its defaults, as the server understands it.
async fn understood(client: &Client, file: &Path) -> Result<(String, Value), Failure> {
    let text = read_plan(file)?;
    let what = || format!("cannot accept plan `{}`", file.display());
    let body = client.check(&text).await.map_err(|error| Failure::server(what(), &error))?;
    Ok((text, body.plan))
}

async fn rollout(client: &Client, id: &str) -> Result<RolloutBody, Failure> {
    let what = || format!("cannot read rollout `{id}`");
    client.rollout(id).await.map_err(|error| Failure::server(what(), &error))
}

/// Shows where a plan's file and a rollout's plan differ.
///
/// # Errors
/// [`Failure`] of the file or of the server.
pub async fn diff(client: &Client, file: &Path, id: RolloutId) -> Result<Answer, Failure> {
    let (text, plan) = understood(client, file).await?;
    let body = rollout(client, &id.to_string()).await?;
    let changes = changes(&body.plan, &plan);
    let of = &body.line.id;
    if changes.is_empty() {
        return Ok(Answer::line("no difference", json!({ "rollout": of, "changes": [] })));
    }
    match client.edit_check(of, &text).await {
        Ok(edit) => {
            let told = json_of(&changes, Some(&edit));
            let json = json!({ "rollout": of, "changes": told, "says": edit.says });
            Ok(Answer::of_lines(shown(&changes, Some(&edit)), json))
        }
        // What would be refused is part of the answer, not a failure to give one.
        Err(error) if error.status() == Some(CONFLICT) => {
            let refused = format!("would be refused, {}: {error}", error.code());
            let told = json_of(&changes, None);
            let json = json!({ "rollout": of, "changes": told, "refused": error.code() });
            Ok(Answer::of_lines(shown(&changes, None), json).with(vec![refused]))
        }
        Err(error) => Err(Failure::server("cannot tell what the change would do", &error)),
    }
}

/// Makes the rollout of a plan's file be there: drafts it, drafts it anew, changes its plan if it
/// has begun, or leaves it as it is.
///
/// # Errors
/// [`Failure`] of the file or of the server, which refuses what cannot change any more.
pub async fn apply(client: &Client, file: &Path, then: Then) -> Result<Answer, Failure> {
    let (text, plan) = understood(client, file).await?;
    let name = plan.get("name").and_then(Value::as_str).unwrap_or_default();
    let all = client.rollouts().await;
    let all = all.map_err(|error| Failure::server("cannot list rollouts", &error))?;
    let of_name = |line: &&RolloutLine| line.name == name && line.phase != "canceled";
    let Some(line) = all.rollouts.iter().rev().find(of_name) else {
        return create(client, file, &text, None, then).await;
    };
    let body = rollout(client, &line.id).await?;
    let changes = changes(&body.plan, &plan);
    let is_draft = line.phase == "draft";
    match (changes.is_empty(), is_draft) {
        (true, true) if then == Then::Start => start(client, &line.id).await,
        (true, _) => {
            let phase = words::spaced(&line.phase);
            let said = format!("unchanged {}: {name}, {phase}", line.id);
            Ok(Answer::line(said, to_json(&body)?))
        }
        (false, true) => {
            let what = || format!("cannot replace draft `{}`", line.id);
            let gone = client.cancel(&line.id).await;
            gone.map_err(|error| Failure::server(what(), &error))?;
            let made = create(client, file, &text, None, then).await?;
            Ok(made.with(shown(&changes, None)))
        }
        (false, false) => change(client, line, &text, &changes).await,
    }
}

async fn change(
    client: &Client,
    line: &RolloutLine,
    text: &str,
    changes: &[Change],
) -> Result<Answer, Failure> {
    let RolloutLine { id, name, .. } = line;
    let refused = |error: &Error| {
        let mut failure = Failure::server(format!("cannot change the plan of `{id}`"), error);
        failure.cause.push(format!("it would change: {}", shown(changes, None).join("; ")));
        failure
    };
    let edit = client.edit_check(id, text).await.map_err(|error| refused(&error))?;
    let body = client.edit(id, text).await.map_err(|error| refused(&error))?;
    let phase = words::spaced(&body.line.phase);
    let answer = Answer::line(format!("changed {id}: {name}, {phase}"), to_json(&body)?);
    Ok(answer.with(shown(changes, Some(&edit))))
}
