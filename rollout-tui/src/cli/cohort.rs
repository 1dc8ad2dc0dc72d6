//! `rollout cohort`: gives names to devices.
//!
//! Deliberately not here: the grammar of queries, which the server checks.
//!
//! Invariant: a name means a query or a list, never both.

use super::args::CohortCommand;
use super::error::Failure;
use super::output::Answer;
use super::table::Fit;
use super::to_json;
use crate::words;
use rollout_core::id::{CohortId, DeviceId};
use rollout_http::body::v1::{CohortBody, CohortRequest};
use rollout_http::client::Client;
use serde_json::{Value, json};

/// Does what was asked.
///
/// # Errors
/// [`Failure`] of the server.
pub async fn run(client: &Client, command: &CohortCommand) -> Result<Answer, Failure> {
    match command {
        CohortCommand::Set { name, query, device } => set(client, name, query, device).await,
        CohortCommand::Show { name: Some(name) } => {
            let body = client.cohort(name.as_str()).await;
            let what = || format!("cannot show cohort `{name}`");
            let body = body.map_err(|error| Failure::server(what(), &error))?;
            let mut answer = Answer::fields(&[
                ("cohort", json!(body.name)),
                ("members", json!(words::count(body.members, "device"))),
                ("query", json!(body.query)),
            ]);
            answer.lines.extend(body.devices.iter().flatten().map(|device| format!("  {device}")));
            answer.json = to_json(&body)?;
            Ok(answer)
        }
        CohortCommand::Show { name: None } => {
            let all = client.cohorts().await;
            let all = all.map_err(|error| Failure::server("cannot list cohorts", &error))?;
            let rows: Vec<_> = all.cohorts.iter().map(line).collect();
            let columns = ["name", "members", "meaning"];
            Ok(Answer::table(&columns, &[("meaning", Fit::Fold)], &rows, to_json(&all)?))
        }
    }
}

async fn set(
    client: &Client,
    name: &CohortId,
    query: &Option<String>,
    devices: &[DeviceId],
) -> Result<Answer, Failure> {
    let listed = || devices.iter().map(|device| device.as_str().to_string()).collect();
    let request = match query {
        Some(query) => CohortRequest { query: Some(query.clone()), devices: None },
        None => CohortRequest { query: None, devices: Some(listed()) },
    };
    let body = client.define_cohort(name.as_str(), &request).await;
    let what = || format!("cannot set cohort `{name}`");
    let body = body.map_err(|error| Failure::server(what(), &error))?;
    let line = format!("{name} means {} now", words::count(body.members, "device"));
    Ok(Answer::line(line, to_json(&body)?))
}

fn line(body: &CohortBody) -> Value {
    let meaning = body.query.clone().unwrap_or_else(|| "a list".into());
    json!({ "name": body.name, "members": body.members, "meaning": meaning })
}
