//! `rollout events`: what happened, oldest first.
//!
//! Deliberately not here: following the journal as it grows.
//!
//! Invariant: what is shown is one contiguous stretch of the journal.

use super::error::Failure;
use super::output::Answer;
use super::table::Fit;
use super::to_json;
use crate::words;
use rollout_http::client::Client;
use serde_json::json;

/// Shows at most `limit` entries behind `after`; the newest ones without it.
///
/// # Errors
/// [`Failure`] of the server.
pub async fn events(client: &Client, after: Option<u64>, limit: u32) -> Result<Answer, Failure> {
    let after = match after {
        Some(after) => after,
        None => {
            let ready = client.ready().await;
            let ready = ready.map_err(|error| Failure::server("cannot read events", &error))?;
            ready.read_to.saturating_sub(limit.into())
        }
    };
    let lines = client.events(after, limit).await;
    let lines = lines.map_err(|error| Failure::server("cannot read events", &error))?;
    let rows = lines.iter().map(|event| {
        json!({
            "seq": event.seq, "at": words::utc(event.at_ms / 1000), "kind": event.kind,
            "what": event.summary,
        })
    });
    let rows: Vec<_> = rows.collect();
    Ok(Answer::table(
        &["seq", "at", "kind", "what"],
        &[("what", Fit::Fold)],
        &rows,
        to_json(&lines)?,
    ))
}
