//! `rollout channel` and `rollout product`, and what carries a release along the channels.
//!
//! Deliberately not here: what a release must have passed before; the server says so.
//!
//! Invariant: promoting twice is promoting once, and says so.

use super::args::{ChannelCommand, ProductCommand, Promote};
use super::error::Failure;
use super::output::Answer;
use super::rollout::read_plan;
use super::to_json;
use crate::words;
use rollout_core::id::{ChannelId, ProductId};
use rollout_http::body::v1::{ChannelBody, ChannelRequest};
use rollout_http::client::Client;
use serde_json::{Value, json};

/// Does what was asked.
///
/// # Errors
/// [`Failure`] of a file or of the server.
pub async fn run(client: &Client, command: &ChannelCommand) -> Result<Answer, Failure> {
    match command {
        ChannelCommand::Set { product, channel, plan, after } => {
            let request = ChannelRequest {
                plan: read_plan(plan)?,
                after: after.as_ref().map(ToString::to_string),
            };
            let body = client.set_channel(product.as_str(), channel.as_str(), &request).await;
            let body = body.map_err(|error| Failure::server(cannot("set", channel), &error))?;
            let behind = body.after.as_ref().map(|after| format!(", after {after}"));
            let line =
                format!("channel {channel} of {product} is set{}", behind.unwrap_or_default());
            Ok(Answer::line(line, to_json(&body)?))
        }
        ChannelCommand::List { product } => {
            let all = client.channels(product.as_str()).await;
            let all = all.map_err(|error| Failure::server("cannot list channels", &error))?;
            let rows: Vec<_> = all.channels.iter().map(line).collect();
            Ok(Answer::table(&["channel", "after", "release"], &[], &rows, to_json(&all)?))
        }
        ChannelCommand::Show { product, channel } => show(client, product, channel).await,
        ChannelCommand::Remove { product, channel } => {
            let done = client.remove_channel(product.as_str(), channel.as_str()).await;
            done.map_err(|error| Failure::server(cannot("remove", channel), &error))?;
            let json = json!({ "product": product.as_str(), "channel": channel.as_str(),
                               "state": "removed" });
            Ok(Answer::line(format!("removed channel {channel} of {product}"), json))
        }
    }
}

fn cannot(verb: &str, channel: &ChannelId) -> String {
    format!("cannot {verb} channel `{channel}`")
}

fn line(body: &ChannelBody) -> Value {
    json!({ "channel": body.channel, "after": body.after, "release": body.release })
}

async fn show(
    client: &Client,
    product: &ProductId,
    channel: &ChannelId,
) -> Result<Answer, Failure> {
    let body = client.channel(product.as_str(), channel.as_str()).await;
    let body = body.map_err(|error| Failure::server(cannot("show", channel), &error))?;
    let mut answer = Answer::fields(&[
        ("channel", json!(body.channel)),
        ("product", json!(body.product)),
        ("after", json!(body.after)),
        ("release", json!(body.release)),
    ]);
    answer.lines.push("plan".into());
    answer.lines.extend(body.plan.lines().map(|line| format!("  {line}")));
    answer.json = to_json(&body)?;
    Ok(answer)
}

/// Carries a release to a channel.
///
/// # Errors
/// [`Failure`] of the server: what stands in its way.
pub async fn promote(client: &Client, asked: &Promote) -> Result<Answer, Failure> {
    let Promote { release, to, quiet } = asked;
    let body = client.promote(&release.to_string(), to.as_str()).await;
    let what = || format!("cannot promote {release} to {to}");
    let body = body.map_err(|error| Failure::server(what(), &error))?;
    let rollout = &body.rollout;
    let line = match (quiet, body.was_there) {
        (true, _) => rollout.id.clone(),
        (false, false) => format!("promoted {release} to {to}: rollout {}", rollout.id),
        (false, true) => {
            let phase = words::spaced(&rollout.phase);
            format!("{release} was promoted to {to} before: rollout {}, {phase}", rollout.id)
        }
    };
    Ok(Answer::line(line, to_json(&body)?))
}

/// Lists and shows products.
///
/// # Errors
/// [`Failure`] of the server.
pub async fn product(client: &Client, command: &ProductCommand) -> Result<Answer, Failure> {
    match command {
        ProductCommand::List => {
            let all = client.products().await;
            let all = all.map_err(|error| Failure::server("cannot list products", &error))?;
            let rows = all.products.iter().map(|name| json!({ "product": name }));
            let rows: Vec<_> = rows.collect();
            Ok(Answer::table(&["product"], &[], &rows, to_json(&all)?))
        }
        ProductCommand::Show { product } => {
            let body = client.product(product.as_str()).await;
            let what = || format!("cannot show product `{product}`");
            let body = body.map_err(|error| Failure::server(what(), &error))?;
            let mut answer = Answer::fields(&[
                ("product", json!(body.product)),
                ("good", json!(body.good.as_ref().map(|good| &good.release))),
                ("next_counter", json!(body.next_counter)),
                ("releases", json!(body.releases)),
            ]);
            if body.releases.is_empty() {
                answer
                    .lines
                    .push("nothing was published of it; look at `rollout product list`".into());
            }
            answer.json = to_json(&body)?;
            Ok(answer)
        }
    }
}
