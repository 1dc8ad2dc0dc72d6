//! `rollout device`: looks at devices, counts them, lets them enroll.
//!
//! Deliberately not here: what changes a device; see `life`. Nor enrolling, which a device does.
//!
//! Invariant: an enrollment token is shown by the command that made it, and by nothing after.

use super::args::{DeviceCommand, Devices, Reasoned};
use super::error::Failure;
use super::life::{self, Change};
use super::output::Answer;
use super::progress::Progress;
use super::table::Fit;
use super::to_json;
use super::token::shown_once;
use crate::words;
use rollout_core::id::{DeviceId, RolloutId};
use rollout_http::body::v1::{DeviceBody, MemberLine, OpenEnrollment};
use rollout_http::client::{Client, Members, Sought};
use serde_json::{Value, json};

/// Does what was asked.
///
/// # Errors
/// [`Failure`] of a file or of the server.
pub async fn run(
    client: &Client,
    command: &DeviceCommand,
    bars: Progress,
) -> Result<Answer, Failure> {
    match command {
        DeviceCommand::List(asked) => list(client, asked).await,
        DeviceCommand::Census { row, column } => census(client, row, column).await,
        DeviceCommand::Show(device) => show(client, &device.id).await,
        DeviceCommand::EnrollToken { hardware, count, expires_days } => {
            let (count, days) = (*count, Some(*expires_days));
            let request = OpenEnrollment { hardware: hardware.as_str().into(), count, days };
            let made = client.open_enrollment(&request).await;
            let what = "cannot let devices enroll";
            shown_once(&made.map_err(|error| Failure::server(what, &error))?)
        }
        DeviceCommand::Add(asked) => life::add(client, asked).await,
        DeviceCommand::Import { file, dry_run } => life::import(client, file, *dry_run, bars).await,
        DeviceCommand::Token(device) => life::rotate(client, &device.id).await,
        DeviceCommand::Hold(asked) => life::change(client, &Change::Hold(asked)).await,
        DeviceCommand::Release(device) => life::change(client, &Change::Release(device)).await,
        DeviceCommand::Retire(asked) => life::change(client, &Change::Retire(asked)).await,
        DeviceCommand::Note { device, text } => {
            life::change(client, &Change::Note(device, text)).await
        }
        DeviceCommand::Set(asked) => life::set(client, asked).await,
        DeviceCommand::Replace { device, by, model } => {
            life::replace(client, &device.id, by, model.as_ref()).await
        }
        DeviceCommand::Exclude { rollout, device: Reasoned { id, reason } } => {
            life::take_part(client, *rollout, id, Some(reason)).await
        }
        DeviceCommand::Include { rollout, device } => {
            life::take_part(client, *rollout, &device.id, None).await
        }
        DeviceCommand::Offer { device, release, again } => {
            life::offer(client, &device.id, release, *again).await
        }
    }
}

async fn list(client: &Client, asked: &Devices) -> Result<Answer, Failure> {
    let Devices { query, sort, after, limit, rollout, bucket: _ } = asked;
    if let Some(rollout) = rollout {
        return members(client, *rollout, asked).await;
    }
    let sought = Sought {
        query: query.as_deref(),
        sort: sort.as_deref(),
        after: after.as_deref(),
        limit: *limit,
    };
    let page = client.devices_of(&sought).await;
    let page = page.map_err(|error| Failure::server("cannot list devices", &error))?;
    let rows: Vec<_> = page.devices.iter().map(line).collect();
    let columns = ["id", "hardware", "version", "confirmed", "standing", "last_seen"];
    let next = page
        .next
        .as_ref()
        .map(|next| format!("{} in all; go on with `--after {next}`", page.total));
    Ok(Answer::table(&columns, &[], &rows, to_json(&page)?).with(next))
}

async fn members(client: &Client, rollout: RolloutId, asked: &Devices) -> Result<Answer, Failure> {
    let sought = Members {
        bucket: asked.bucket.as_deref(),
        query: asked.query.as_deref(),
        after: asked.after.as_deref(),
        limit: asked.limit,
    };
    let page = client.members(&rollout.to_string(), &sought).await;
    let what = || format!("cannot list the devices of rollout `{rollout}`");
    let page = page.map_err(|error| Failure::server(what(), &error))?;
    let row = |line: &MemberLine| {
        let execution = line.execution.as_ref();
        json!({
            "id": line.device, "hardware": line.hardware, "version": line.version,
            "bucket": words::spaced(&line.bucket),
            "attempt": execution.map(|one| one.attempt),
            "failure": execution.and_then(|one| one.failure.clone()),
        })
    };
    let columns = ["id", "hardware", "version", "bucket", "attempt", "failure"];
    let rows: Vec<_> = page.devices.iter().map(row).collect();
    let next = page.next.as_ref().map(|next| format!("go on with `--after {next}`"));
    Ok(Answer::table(&columns, &[("failure", Fit::Fold)], &rows, to_json(&page)?).with(next))
}

async fn census(client: &Client, row: &str, column: &str) -> Result<Answer, Failure> {
    let body = client.census(row, column).await;
    let body = body.map_err(|error| Failure::server("cannot count devices", &error))?;
    let columns: Vec<&str> =
        std::iter::once(row).chain(body.columns.iter().map(String::as_str)).collect();
    let rows = body.rows.iter().zip(&body.cells).map(|(name, cells)| {
        let counted = body.columns.iter().zip(cells).map(|(name, cell)| (name, json!(cell)));
        let named = std::iter::once((&body.row, json!(name)));
        named.chain(counted).map(|(name, value)| (name.clone(), value)).collect()
    });
    let rows: Vec<Value> = rows.collect();
    let total = format!("{} in all", words::count(body.total, "device"));
    Ok(Answer::table(&columns, &[], &rows, to_json(&body)?).with([total]))
}

async fn show(client: &Client, device: &DeviceId) -> Result<Answer, Failure> {
    let what = || format!("cannot show device `{device}`");
    let body = client.device(device.as_str()).await;
    let body = body.map_err(|error| Failure::server(what(), &error))?;
    let reachable = if body.reachable { "reachable" } else { "not heard of lately" };
    let why = body.standing_reason.as_ref().map(|why| format!(" ({why})"));
    let mut answer = Answer::fields(&[
        ("device", json!(body.id)),
        ("hardware", json!(body.hardware)),
        ("home", json!(body.home)),
        ("standing", json!(format!("{}{}", body.standing, why.unwrap_or_default()))),
        ("last_seen", json!(format!("{}, {reachable}", words::utc_or_never(body.last_seen)))),
        ("version", json!(body.version)),
        ("image", json!(body.image)),
        ("counter", json!(body.counter)),
        ("confirmed", json!(body.confirmed)),
        ("rollout", json!(body.open)),
    ]);
    answer.lines.extend(body.attributes.iter().map(|(name, value)| format!("  {name} = {value}")));
    let registered = body.registered.iter();
    answer.lines.extend(registered.map(|(name, value)| format!("  {name} = {value}, registered")));
    answer.lines.extend(body.executions.iter().map(|one| {
        format!("{}: {} by rollout {}", words::spaced(&one.bucket), one.target, one.rollout)
    }));
    let notes = body.notes.iter();
    answer.lines.extend(
        notes.map(|note| format!("note of {}, {}: {}", note.by, words::utc(note.at), note.text)),
    );
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
