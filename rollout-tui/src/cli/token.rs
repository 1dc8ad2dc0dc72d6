//! `rollout token`: makes, lists and revokes access tokens.
//!
//! Deliberately not here: what each role may do; the server's table says so.
//!
//! Invariant: a token is shown by the command that made it, and by nothing after.

use super::args::{TokenCommand, TokenRole};
use super::error::Failure;
use super::output::Answer;
use super::table::Fit;
use super::to_json;
use crate::words;
use rollout_http::body::v1::{RoleName, TokenMade, TokenRequest};
use rollout_http::client::Client;
use serde_json::json;

impl From<TokenRole> for RoleName {
    fn from(role: TokenRole) -> Self {
        match role {
            TokenRole::Viewer => Self::Viewer,
            TokenRole::Operator => Self::Operator,
            TokenRole::Publisher => Self::Publisher,
            TokenRole::Approver => Self::Approver,
            TokenRole::Admin => Self::Admin,
            TokenRole::Auditor => Self::Auditor,
        }
    }
}

/// Does what was asked.
///
/// # Errors
/// [`Failure`] of the server.
pub async fn run(client: &Client, command: &TokenCommand) -> Result<Answer, Failure> {
    match command {
        TokenCommand::New { principal, role, expires_days } => {
            let request = TokenRequest {
                principal: principal.clone(),
                roles: role.iter().map(|role| RoleName::from(*role)).collect(),
                days: Some(*expires_days),
            };
            let made = client.make_token(&request).await;
            let what = || format!("cannot make a token for `{principal}`");
            shown_once(&made.map_err(|error| Failure::server(what(), &error))?)
        }
        TokenCommand::List => list(client).await,
        TokenCommand::Revoke { id } => {
            let done = client.revoke_token(id).await;
            let what = || format!("cannot revoke token `{id}`");
            done.map_err(|error| Failure::server(what(), &error))?;
            Ok(Answer::line(format!("revoked {id}"), json!({ "id": id, "state": "revoked" })))
        }
    }
}

async fn list(client: &Client) -> Result<Answer, Failure> {
    let what = "cannot list tokens";
    let tokens = client.tokens().await.map_err(|error| Failure::server(what, &error))?;
    let enrollments = client.enrollments().await.map_err(|error| Failure::server(what, &error))?;
    let people = tokens.tokens.iter().map(|token| {
        let roles: Vec<String> = token.roles.iter().map(|role| role_name(*role)).collect();
        json!({
            "id": token.id, "for": token.principal, "may": roles.join(", "),
            "expires": words::utc(token.expires),
        })
    });
    let devices = enrollments.enrollments.iter().map(|leave| {
        json!({
            "id": leave.id, "for": format!("devices of model {}", leave.hardware),
            "may": format!("enroll, {} of {} used", leave.used, leave.count),
            "expires": words::utc(leave.expires),
        })
    });
    let rows: Vec<_> = people.chain(devices).collect();
    let json = json!({
        "tokens": to_json(&tokens.tokens)?,
        "enrollments": to_json(&enrollments.enrollments)?,
    });
    let columns = ["id", "for", "expires", "may"];
    let texts = [("for", Fit::Cut), ("may", Fit::Fold)];
    Ok(Answer::table(&columns, &texts, &rows, json))
}

fn role_name(role: RoleName) -> String {
    json!(role).as_str().unwrap_or_default().into()
}

/// A token that was just made.
///
/// # Errors
/// [`Failure`] if it cannot be shown.
pub fn shown_once(made: &TokenMade) -> Result<Answer, Failure> {
    let mut answer = Answer::fields(&[
        ("id", json!(made.id)),
        ("token", json!(made.token)),
        ("expires", json!(words::utc(made.expires))),
    ]);
    answer.lines.push("keep the token now: it is not shown again".into());
    answer.json = to_json(made)?;
    Ok(answer)
}
