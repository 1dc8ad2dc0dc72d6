//! `rollout diff` and `rollout apply`: what a plan file would change, and making it so.
//!
//! Deliberately not here: what a plan means; the server spells it out with all its defaults.
//!
//! Invariants: applying the same file twice is applying it once; a rollout that has begun keeps its
//! plan, so a changed file is refused with the difference and changes nothing.

use super::error::Failure;
use super::output::Answer;
use super::rollout::{Then, create, read_plan, start};
use super::to_json;
use crate::words;
use rollout_core::id::RolloutId;
use rollout_http::body::v1::{RolloutBody, RolloutLine};
use rollout_http::client::Client;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

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

fn shown(changes: &[Change]) -> Vec<String> {
    let word = |value: &Value| match value {
        Value::Null => "-".to_string(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    };
    let line = |change: &Change| {
        format!("{}: {} → {}", change.key, word(&change.before), word(&change.after))
    };
    changes.iter().map(line).collect()
}

fn json_of(changes: &[Change]) -> Value {
    let one = |change: &Change| {
        let Change { key, before, after } = change;
        json!({ "key": key, "before": before, "after": after })
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
    let (_, plan) = understood(client, file).await?;
    let body = rollout(client, &id.to_string()).await?;
    let changes = changes(&body.plan, &plan);
    let json = json!({ "rollout": body.line.id, "changes": json_of(&changes) });
    if changes.is_empty() {
        return Ok(Answer::line("no difference", json));
    }
    Ok(Answer::of_lines(shown(&changes), json))
}

/// Makes the rollout of a plan's file be there: drafts it, drafts it anew, or leaves it as it is.
///
/// # Errors
/// [`Failure`] of the file, of the server, or because the rollout of that name has begun with
/// another plan.
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
            Ok(made.with(shown(&changes)))
        }
        (false, false) => Err(begun(line, &changes)),
    }
}

fn begun(line: &RolloutLine, changes: &[Change]) -> Failure {
    let RolloutLine { id, name, phase, .. } = line;
    let what = format!("rollout `{id}` of the name `{name}` is {} already", words::spaced(phase));
    let hint = "a rollout that has begun keeps its plan; give the new one another name";
    let mut failure = Failure::new("RC-015", what, hint);
    failure.cause.push(format!("its plan differs: {}", shown(changes).join("; ")));
    failure
}
