//! The life of a device at the command line: added, imported, held, replaced, offered something.
//!
//! Deliberately not here: what is allowed; the server says so.
//!
//! Invariant: a device's token is shown by the command that made it, and by nothing after.

use super::args::{Add, Device, Reasoned, Set};
use super::error::{Exit, Failure};
use super::output::Answer;
use super::progress::Progress;
use super::to_json;
use crate::words;
use rollout_core::id::{DeviceId, HardwareModel, RolloutId};
use rollout_core::release::ReleaseId;
use rollout_http::body::v1::{
    AddDevice, DeviceBody, DevicePatch, DeviceToken, ExplanationBody, OfferRequest, ReplaceRequest,
};
use rollout_http::client::{Client, Error};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

/// The file that is no file but the standard input.
const STDIN: &str = "-";

/// What is done to a device that stays the same device.
#[derive(Clone, Debug)]
pub enum Change<'a> {
    /// It is kept out.
    Hold(&'a Reasoned),
    /// It takes part again.
    Release(&'a Device),
    /// Its part ends.
    Retire(&'a Reasoned),
    /// Something is written about it.
    Note(&'a Device, &'a str),
}

/// Changes a device.
///
/// # Errors
/// [`Failure`] of the server.
pub async fn change(client: &Client, change: &Change<'_>) -> Result<Answer, Failure> {
    let (id, verb) = match change {
        Change::Hold(Reasoned { id, .. }) => (id, "hold"),
        Change::Release(Device { id }) => (id, "release"),
        Change::Retire(Reasoned { id, .. }) => (id, "retire"),
        Change::Note(Device { id }, _) => (id, "write about"),
    };
    let changed = match change {
        Change::Hold(asked) => client.hold(id.as_str(), &asked.reason).await,
        Change::Release(_) => client.release_device(id.as_str()).await,
        Change::Retire(asked) => client.retire(id.as_str(), &asked.reason).await,
        Change::Note(_, text) => client.note(id.as_str(), text).await,
    };
    let what = || format!("cannot {verb} device `{id}`");
    let body: DeviceBody = changed.map_err(|error| Failure::server(what(), &error))?;
    let why = body.standing_reason.as_ref().map(|why| format!(" ({why})"));
    let line = match change {
        Change::Hold(_) | Change::Release(_) | Change::Retire(_) => {
            format!("{id} is {}{}", body.standing, why.unwrap_or_default())
        }
        Change::Note(..) => format!("noted about {id}"),
    };
    Ok(Answer::line(line, to_json(&body)?))
}

/// Changes what is registered of a device.
///
/// # Errors
/// [`Failure`] of the server.
pub async fn set(client: &Client, asked: &Set) -> Result<Answer, Failure> {
    let Set { id, set, unset } = asked;
    let set = set.iter().map(|(name, value)| (name.clone(), Some(value.clone())));
    let forgotten = unset.iter().map(|name| (name.clone(), None));
    let attributes: BTreeMap<_, _> = forgotten.chain(set).collect();
    let body = client.set_attributes(id.as_str(), &DevicePatch { attributes }).await;
    let what = || format!("cannot set attributes of device `{id}`");
    let body = body.map_err(|error| Failure::server(what(), &error))?;
    let known = body.registered.iter().map(|(name, value)| format!("{name}={value}"));
    let known = known.collect::<Vec<_>>().join(", ");
    let known = if known.is_empty() { "nothing".into() } else { known };
    Ok(Answer::line(format!("registered of {id}: {known}"), to_json(&body)?))
}

/// Adds a device by hand.
///
/// # Errors
/// [`Failure`] of the server.
pub async fn add(client: &Client, asked: &Add) -> Result<Answer, Failure> {
    let id = &asked.device.id;
    let device = AddDevice {
        id: id.as_str().into(),
        model: asked.model.as_str().into(),
        home: asked.home.as_ref().map(|home| home.as_str().into()),
        attributes: asked.attribute.iter().cloned().collect(),
    };
    given(client.add_device(&device).await, &format!("cannot add device `{id}`"))
}

/// Gives a device another token.
///
/// # Errors
/// [`Failure`] of the server.
pub async fn rotate(client: &Client, id: &DeviceId) -> Result<Answer, Failure> {
    let what = format!("cannot give device `{id}` another token");
    given(client.rotate_token(id.as_str()).await, &what)
}

/// Puts another device in a device's place.
///
/// # Errors
/// [`Failure`] of the server.
pub async fn replace(
    client: &Client,
    id: &DeviceId,
    by: &DeviceId,
    model: Option<&HardwareModel>,
) -> Result<Answer, Failure> {
    let model = model.map(|model| model.as_str().into());
    let asked = ReplaceRequest { by: by.as_str().into(), model };
    given(client.replace(id.as_str(), &asked).await, &format!("cannot replace device `{id}`"))
}

/// A token that was just made, or was good before.
fn given(made: Result<DeviceToken, Error>, what: &str) -> Result<Answer, Failure> {
    let body = made.map_err(|error| Failure::server(what, &error))?;
    let mut answer = if body.token.is_empty() {
        let answer = Answer::fields(&[("device", json!(body.device))]);
        answer.with(["it was there before, and has another token by now".into()])
    } else {
        let token = Answer::fields(&[("device", json!(body.device)), ("token", json!(body.token))]);
        token.with(["keep the token now: it is not shown again".into()])
    };
    answer.json = to_json(&body)?;
    Ok(answer)
}

/// Adds the devices of a table.
///
/// # Errors
/// [`Failure`] of the file or of the server, which names line and column.
pub async fn import(
    client: &Client,
    table: &Path,
    dry_run: bool,
    bars: Progress,
) -> Result<Answer, Failure> {
    let (name, opened) = match table == Path::new(STDIN) {
        true => ("standard input".into(), stdin()),
        false => (table.display().to_string(), fs::File::open(table)),
    };
    let unread = |error| Failure::reading(Path::new(&name), &error);
    let file = opened.map_err(unread)?;
    let about = file.metadata().map_err(unread)?;
    let bar = bars.bytes(&name, about.is_file().then_some(about.len()));
    let done = client.import_opened(file, &name, dry_run, &bar.sent()).await;
    bar.clear();
    let what = || format!("cannot import `{name}`");
    let body = done.map_err(|error| interrupted(Failure::server(what(), &error)))?;
    let rows = words::count(body.rows, "device");
    let line = match dry_run {
        true => format!("{rows}: {} would be added, {} known", body.added, body.known),
        false => format!("{rows}: {} added, {} known", body.added, body.known),
    };
    Ok(Answer::line(line, to_json(&body)?))
}

/// What comes over the standard input, as a file of its own.
#[cfg(unix)]
fn stdin() -> io::Result<fs::File> {
    use std::os::fd::AsFd as _;
    io::stdin().as_fd().try_clone_to_owned().map(fs::File::from)
}

#[cfg(not(unix))]
fn stdin() -> io::Result<fs::File> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "name a file: this system gives no other"))
}

/// An import that was cut off may have done a part of its work.
fn interrupted(failure: Failure) -> Failure {
    if failure.exit != Exit::Unreachable {
        return failure;
    }
    let hint = format!("{}; rows that are in stay: send the same table again", failure.hint);
    Failure { hint, ..failure }
}

/// Offers a release to one device alone.
///
/// # Errors
/// [`Failure`] of the server.
pub async fn offer(
    client: &Client,
    id: &DeviceId,
    release: &ReleaseId,
    again: bool,
) -> Result<Answer, Failure> {
    let asked = OfferRequest { release: release.to_string(), again };
    let what = || format!("cannot offer {release} to device `{id}`");
    let body = client.offer(id.as_str(), &asked).await;
    let body = body.map_err(|error| Failure::server(what(), &error))?;
    let rollout = &body.line.id;
    let lines = [format!("look at it with `rollout explain {rollout} {id}`")];
    let line = format!("{release} is offered to {id} alone: rollout {rollout}");
    Ok(Answer::line(line, to_json(&body)?).with(lines))
}

/// Leaves a device out of a rollout; without a reason it is taken in again.
///
/// # Errors
/// [`Failure`] of the server.
pub async fn take_part(
    client: &Client,
    rollout: RolloutId,
    id: &DeviceId,
    left_out: Option<&str>,
) -> Result<Answer, Failure> {
    let of = rollout.to_string();
    let (verb, done) = match left_out {
        Some(_) => ("leave out", "left out"),
        None => ("take in", "taken in"),
    };
    let asked = match left_out {
        Some(reason) => client.exclude(&of, id.as_str(), reason).await,
        None => client.include(&of, id.as_str()).await,
    };
    let what = || format!("cannot {verb} device `{id}`");
    let body: ExplanationBody = asked.map_err(|error| Failure::server(what(), &error))?;
    Ok(Answer::line(format!("{done} {id}: {}", body.verdict), to_json(&body)?))
}
