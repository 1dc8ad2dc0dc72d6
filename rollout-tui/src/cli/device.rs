//! `rollout device`: looks at devices, lets devices enroll.
//!
//! Deliberately not here: enrolling itself, which a device does.
//!
//! Invariant: an enrollment token is shown by the command that made it, and by nothing after.

use super::args::DeviceCommand;
use super::error::Failure;
use super::output::Answer;
use super::to_json;
use super::token::shown_once;
use crate::words;
use rollout_core::id::DeviceId;
use rollout_http::body::v1::{DeviceBody, OpenEnrollment};
use rollout_http::client::Client;
use serde_json::{Value, json};

/// Does what was asked.
///
/// # Errors
/// [`Failure`] of the server.
pub async fn run(client: &Client, command: &DeviceCommand) -> Result<Answer, Failure> {
    match command {
        DeviceCommand::List { after, limit } => {
            let page = client.devices(after.as_ref().map(DeviceId::as_str), *limit).await;
            let page = page.map_err(|error| Failure::server("cannot list devices", &error))?;
            let rows = page.devices.iter().map(line).collect();
            let columns = ["id", "hardware", "version", "confirmed", "standing", "last_seen"];
            let next = page
                .next
                .as_ref()
                .map(|next| format!("{} in all; go on with `--after {next}`", page.total));
            Ok(Answer::table(&columns, rows, to_json(&page)?).with(next))
        }
        DeviceCommand::Show { device } => show(client, device).await,
        DeviceCommand::EnrollToken { hardware, count, expires_days } => {
            let (count, days) = (*count, Some(*expires_days));
            let request = OpenEnrollment { hardware: hardware.as_str().into(), count, days };
            let made = client.open_enrollment(&request).await;
            let what = "cannot let devices enroll";
            shown_once(&made.map_err(|error| Failure::server(what, &error))?)
        }
    }
}

async fn show(client: &Client, device: &DeviceId) -> Result<Answer, Failure> {
    let what = || format!("cannot show device `{device}`");
    let body = client.device(device.as_str()).await;
    let body = body.map_err(|error| Failure::server(what(), &error))?;
    let reachable = if body.reachable { "reachable" } else { "not heard of lately" };
    let mut answer = Answer::fields(&[
        ("device", json!(body.id)),
        ("hardware", json!(body.hardware)),
        ("home", json!(body.home)),
        ("standing", json!(body.standing)),
        ("last_seen", json!(format!("{}, {reachable}", words::utc_or_never(body.last_seen)))),
        ("version", json!(body.version)),
        ("image", json!(body.image)),
        ("counter", json!(body.counter)),
        ("confirmed", json!(body.confirmed)),
        ("rollout", json!(body.open)),
    ]);
    answer.lines.extend(body.attributes.iter().map(|(name, value)| format!("  {name} = {value}")));
    answer.json = to_json(&body)?;
    Ok(answer)
}

fn line(body: &DeviceBody) -> Value {
    json!({
        "id": body.id, "hardware": body.hardware, "version": body.version,
        "confirmed": body.confirmed, "standing": body.standing,
        "last_seen": words::utc_or_never(body.last_seen),
    })
}
