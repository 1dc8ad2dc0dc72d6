//! `rollout freeze`: stretches of time in which nothing is given but in an emergency.
//!
//! Deliberately not here: who may cut one short, which the server decides. Invariant: what is
//! listed is what the server says.

use super::args::FreezeCommand;
use super::error::Failure;
use super::output::Answer;
use super::table::Fit;
use super::to_json;
use crate::words;
use rollout_core::id::FreezeId;
use rollout_core::time::Timestamp;
use rollout_http::body::v1::{FreezeBody, FreezeRequest};
use rollout_http::client::Client;
use serde_json::{Value, json};

/// Does what was asked.
///
/// # Errors
/// [`Failure`] of the server.
pub async fn run(client: &Client, command: &FreezeCommand) -> Result<Answer, Failure> {
    match command {
        FreezeCommand::Set { name, from, until, reason } => {
            set(client, name, *from, *until, reason).await
        }
        FreezeCommand::List => {
            let all = client.freezes().await;
            let all = all.map_err(|error| Failure::server("cannot list freezes", &error))?;
            let rows: Vec<_> = all.freezes.iter().map(line).collect();
            let columns = ["name", "from", "until", "in_force", "by", "reason"];
            Ok(Answer::table(&columns, &[("reason", Fit::Fold)], &rows, to_json(&all)?))
        }
        FreezeCommand::Lift { name } => {
            let what = || format!("cannot lift freeze `{name}`");
            let done = client.lift_freeze(name.as_str()).await;
            done.map_err(|error| Failure::server(what(), &error))?;
            Ok(Answer::line(format!("lifted {name}"), json!({ "lifted": name.as_str() })))
        }
    }
}

async fn set(
    client: &Client,
    name: &FreezeId,
    from: Timestamp,
    until: Timestamp,
    reason: &str,
) -> Result<Answer, Failure> {
    let (from, until) = (from.unix_secs(), until.unix_secs());
    let request = FreezeRequest { from, until, reason: reason.into() };
    let body = client.set_freeze(name.as_str(), &request).await;
    let what = || format!("cannot set freeze `{name}`");
    let body = body.map_err(|error| Failure::server(what(), &error))?;
    let (from, until) = (words::utc(body.from), words::utc(body.until));
    let line = format!("{name}: nothing is given from {from} until {until}");
    Ok(Answer::line(line, to_json(&body)?))
}

fn line(body: &FreezeBody) -> Value {
    json!({
        "name": body.name,
        "from": words::utc(body.from),
        "until": words::utc(body.until),
        "in_force": if body.in_force { "yes" } else { "no" },
        "by": body.by,
        "reason": body.reason,
    })
}
