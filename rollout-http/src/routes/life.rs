//! The life of a device in operators' hands: added, held, released, retired, replaced, noted, left
//! out of a rollout.
//!
//! Not here: enrolling, which a device does itself, and imports. Invariant: a token is in the
//! answer that made it, and nowhere else; asked for twice, the same command changes nothing more.

use super::{Answer, json, rollout_id, secret, status_of};
use crate::auth::{Operation, authorize};
use crate::backend::{Backend, Check, Problem, Terms};
use crate::body::v1::{
    AddDevice, DeviceBody, DevicePatch, DeviceToken, ExplanationBody, NoteRequest, OfferRequest,
    Reasoned, ReplaceRequest, RolloutBody,
};
use crate::desk::Desk;
use crate::openapi::{Route, Table, param, patch, post};
use crate::{input, secret, show, token};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use rollout_core::fleet::{Fleet, NewDevice, Replacement};
use rollout_core::hosting::HomeId;
use rollout_core::id::{DeviceId, Digest, HardwareModel};
use rollout_core::journal::StandingChange;
use rollout_core::release::ReleaseId;
use rollout_core::rollout::Again;

/// The routes of a device's life.
pub(crate) fn table<B: Backend>(table: Table<Desk<B>>) -> Table<Desk<B>> {
    let table = given(table).add(
        changed(post("hold_device", "/v1/devices/{id}/hold", "Keep a device out for a while."))
            .asks(Operation::HoldDevice)
            .reads::<Reasoned>(),
        hold::<B>,
    );
    table
        .add(
            changed(post("release_device", "/v1/devices/{id}/release", "Let it take part again."))
                .asks(Operation::HoldDevice),
            release::<B>,
        )
        .add(
            changed(post("retire_device", "/v1/devices/{id}/retire", "End a device's part."))
                .asks(Operation::ManageDevices)
                .reads::<Reasoned>(),
            retire::<B>,
        )
        .add(
            changed(post("note_device", "/v1/devices/{id}/notes", "Write something about it."))
                .asks(Operation::NoteDevice)
                .reads::<NoteRequest>(),
            note::<B>,
        )
        .add(
            changed(patch("set_attributes", "/v1/devices/{id}", "Change what is known of it."))
                .asks(Operation::DescribeDevice)
                .reads::<DevicePatch>(),
            set_attributes::<B>,
        )
        .add(
            post("offer_device", "/v1/devices/{id}/offer", "Offer it a release, alone.")
                .asks(Operation::OfferDevice)
                .takes(&[param::DEVICE_ID])
                .reads::<OfferRequest>()
                .answers::<RolloutBody>(200, "The rollout that offers it already.")
                .answers::<RolloutBody>(201, "The rollout that offers it, started.")
                .refuses(&[404, 409]),
            offer::<B>,
        )
        .add(
            left_out(post("exclude_device", OUT, "Leave a device out of a rollout."))
                .reads::<Reasoned>(),
            exclude::<B>,
        )
        .add(
            left_out(post("include_device", IN, "Take a device into a rollout again.")),
            include::<B>,
        )
}

const OUT: &str = "/v1/rollouts/{id}/devices/{device}/exclude";
const IN: &str = "/v1/rollouts/{id}/devices/{device}/include";

/// The routes that give a token.
fn given<B: Backend>(table: Table<Desk<B>>) -> Table<Desk<B>> {
    let token = "Its token, in this answer alone.";
    table
        .add(
            post("add_device", "/v1/devices", "Add a device by hand.")
                .asks(Operation::ManageDevices)
                .reads::<AddDevice>()
                .answers::<DeviceToken>(200, "It was there, just so.")
                .answers::<DeviceToken>(201, token)
                .refuses(&[404, 409]),
            add::<B>,
        )
        .add(
            post("rotate_token", "/v1/devices/{id}/token", "Give a device another token.")
                .asks(Operation::ManageDevices)
                .takes(&[param::DEVICE_ID])
                .answers::<DeviceToken>(201, token)
                .refuses(&[404, 409]),
            rotate::<B>,
        )
        .add(
            post("replace_device", "/v1/devices/{id}/replace", "Put another in its place.")
                .asks(Operation::ManageDevices)
                .takes(&[param::DEVICE_ID])
                .reads::<ReplaceRequest>()
                .answers::<DeviceToken>(200, "It was replaced by it before.")
                .answers::<DeviceToken>(201, token)
                .refuses(&[404, 409]),
            replace::<B>,
        )
}

/// What a route takes and answers that changes a device.
fn changed(route: Route) -> Route {
    route
        .takes(&[param::DEVICE_ID])
        .answers::<DeviceBody>(200, "The device after it.")
        .refuses(&[404, 409])
}

/// What a route takes and answers that leaves a device out, or takes it in.
fn left_out(route: Route) -> Route {
    route
        .asks(Operation::ExcludeDevice)
        .takes(&[param::ROLLOUT, param::OF_DEVICE])
        .answers::<ExplanationBody>(200, "How it stands in the rollout after it.")
        .refuses(&[404, 409])
}

/// `POST /v1/devices`
pub(crate) async fn add<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let by = authorize(&backend, &headers, Operation::ManageDevices)?;
    let asked: AddDevice = input::operator_json(&headers, body).await?;
    let device = DeviceId::new(&asked.id)?;
    let (text, hash) = first_token(&backend, &device);
    let new = NewDevice {
        device: device.clone(),
        hardware: HardwareModel::new(&asked.model)?,
        home: asked.home.as_deref().map(HomeId::new).transpose()?,
        token: hash,
        attributes: asked.attributes,
    };
    let check = move |fleet: &Fleet, _| Ok(fleet.add_devices(vec![new], &by)?);
    let written = backend.register(Box::new(check), Terms::default()).await?;
    shown_token(&backend, status_of(&written), &device, text, hash)
}

/// The token of a device, if it is good: one that was there may have another by now.
fn shown_token<B: Backend>(
    backend: &B,
    status: StatusCode,
    device: &DeviceId,
    text: String,
    hash: Digest,
) -> Answer {
    let is_good = backend.read(|fleet| fleet.devices.get(device).is_some_and(|d| d.token == hash));
    let token = if is_good { text } else { String::new() };
    secret(json(status, &DeviceToken { device: device.to_string(), token }))
}

/// The token of a device that is added by hand, and its hash.
pub(super) fn first_token<B: Backend>(backend: &B, device: &DeviceId) -> (String, Digest) {
    token_of(backend, device, 0)
}

fn token_of<B: Backend>(backend: &B, device: &DeviceId, generation: u32) -> (String, Digest) {
    let secret = secret::device_secret(backend.url_key(), device, "", generation);
    let made = token::make_for_device(device.as_str(), &secret);
    (made.text, made.hash)
}

/// `POST /v1/devices/{id}/token`
pub(crate) async fn rotate<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Answer {
    let by = authorize(&backend, &headers, Operation::ManageDevices)?;
    let device = DeviceId::new(&id)?;
    let generation = || {
        let found = backend.read(|fleet| fleet.devices.get(&device).map(|d| d.generation));
        found.ok_or_else(|| Problem::unknown("device", &device))
    };
    let next = generation()?.saturating_add(1);
    let (_, hash) = token_of(&backend, &device, next);
    let rotated = device.clone();
    let check = move |fleet: &Fleet, _| Ok(fleet.rotate_token(rotated, hash, next, by)?);
    backend.register(Box::new(check), Terms::default()).await?;
    // A request that comes again has rotated it before, and is told the same.
    let (token, _) = token_of(&backend, &device, generation()?);
    secret(json(StatusCode::CREATED, &DeviceToken { device: device.to_string(), token }))
}

/// `POST /v1/devices/{id}/hold`
pub(crate) async fn hold<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Body,
) -> Answer {
    authorize(&backend, &headers, Operation::HoldDevice)?;
    let Reasoned { reason } = input::operator_json(&headers, body).await?;
    set(&backend, &headers, &id, Operation::HoldDevice, StandingChange::Hold { reason }).await
}

/// `POST /v1/devices/{id}/release`
pub(crate) async fn release<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Answer {
    set(&backend, &headers, &id, Operation::HoldDevice, StandingChange::Release).await
}

/// `POST /v1/devices/{id}/retire`
pub(crate) async fn retire<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Body,
) -> Answer {
    authorize(&backend, &headers, Operation::ManageDevices)?;
    let Reasoned { reason } = input::operator_json(&headers, body).await?;
    let retired = StandingChange::Retire { reason };
    set(&backend, &headers, &id, Operation::ManageDevices, retired).await
}

async fn set<B: Backend>(
    backend: &B,
    headers: &HeaderMap,
    id: &str,
    operation: Operation,
    standing: StandingChange,
) -> Answer {
    let by = authorize(backend, headers, operation)?;
    let device = DeviceId::new(id)?;
    let changed = device.clone();
    let check = move |fleet: &Fleet, _| Ok(fleet.set_standing(changed, standing, by)?);
    written(backend, &device, Box::new(check)).await
}

/// `POST /v1/devices/{id}/notes`
pub(crate) async fn note<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Body,
) -> Answer {
    let by = authorize(&backend, &headers, Operation::NoteDevice)?;
    let device = DeviceId::new(&id)?;
    let NoteRequest { text } = input::operator_json(&headers, body).await?;
    let noted = device.clone();
    let check = move |fleet: &Fleet, _| Ok(fleet.note(noted, text, by)?);
    written(&backend, &device, Box::new(check)).await
}

/// `PATCH /v1/devices/{id}`
pub(crate) async fn set_attributes<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Body,
) -> Answer {
    let by = authorize(&backend, &headers, Operation::DescribeDevice)?;
    let device = DeviceId::new(&id)?;
    let DevicePatch { attributes } = input::operator_json(&headers, body).await?;
    let changed = device.clone();
    let check = move |fleet: &Fleet, _| Ok(fleet.set_attributes(changed, attributes, by)?);
    written(&backend, &device, Box::new(check)).await
}

/// Writes, and shows the device as it is then.
async fn written<B: Backend>(backend: &B, device: &DeviceId, check: Check) -> Answer {
    backend.register(check, Terms::default()).await?;
    let now = backend.now();
    let body = backend.read(|fleet| {
        let known = fleet.devices.get(device);
        known.map(|known| show::device_in_full(fleet, known, now))
    });
    json(StatusCode::OK, &body.ok_or_else(|| Problem::unknown("device", device))?)
}

/// `POST /v1/devices/{id}/replace`
pub(crate) async fn replace<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Body,
) -> Answer {
    let by = authorize(&backend, &headers, Operation::ManageDevices)?;
    let old = DeviceId::new(&id)?;
    let asked: ReplaceRequest = input::operator_json(&headers, body).await?;
    let new = DeviceId::new(&asked.by)?;
    let (token, hash) = first_token(&backend, &new);
    let same = || backend.read(|fleet| fleet.devices.get(&old).map(|old| old.hardware.clone()));
    let hardware = match &asked.model {
        Some(model) => HardwareModel::new(model)?,
        None => same().ok_or_else(|| Problem::unknown("device", &old))?,
    };
    let replacement = Replacement { old, new: new.clone(), hardware, token: hash };
    let check = move |fleet: &Fleet, _| Ok(fleet.replace(replacement, by)?);
    let written = backend.register(Box::new(check), Terms::default()).await?;
    shown_token(&backend, status_of(&written), &new, token, hash)
}

/// `POST /v1/devices/{id}/offer`
pub(crate) async fn offer<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Body,
) -> Answer {
    let by = authorize(&backend, &headers, Operation::OfferDevice)?;
    let device = DeviceId::new(&id)?;
    let asked: OfferRequest = input::operator_json(&headers, body).await?;
    let release = ReleaseId::parse(&asked.release)?;
    let again = if asked.again { Again::Yes } else { Again::No };
    let rollout = super::rollouts::new_id(&backend);
    let (to, of) = (device.clone(), release.clone());
    let check =
        move |fleet: &Fleet, now| Ok(fleet.offer_to_one(rollout, &to, &of, again, &by, now)?);
    let written = backend.register(Box::new(check), Terms::default()).await?;
    let there = backend.read(|fleet| fleet.offered_to_one(&device, &release, again));
    let rollout = if written.is_empty() { there.unwrap_or(rollout) } else { rollout };
    super::rollouts::rollout_body(&backend, status_of(&written), rollout)
}

/// `POST /v1/rollouts/{id}/devices/{device}/exclude`
pub(crate) async fn exclude<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    Path((id, device)): Path<(String, String)>,
    body: Body,
) -> Answer {
    let by = authorize(&backend, &headers, Operation::ExcludeDevice)?;
    let (rollout, device) = (rollout_id(&id)?, DeviceId::new(&device)?);
    let Reasoned { reason } = input::operator_json(&headers, body).await?;
    let left_out = device.clone();
    let check = move |fleet: &Fleet, _| Ok(fleet.exclude(rollout, left_out, reason, by)?);
    backend.register(Box::new(check), Terms::default()).await?;
    super::rollouts::explained(&backend, rollout, &device)
}

/// `POST /v1/rollouts/{id}/devices/{device}/include`
pub(crate) async fn include<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    Path((id, device)): Path<(String, String)>,
) -> Answer {
    let by = authorize(&backend, &headers, Operation::ExcludeDevice)?;
    let (rollout, device) = (rollout_id(&id)?, DeviceId::new(&device)?);
    let taken_in = device.clone();
    let check = move |fleet: &Fleet, _| Ok(fleet.include(rollout, taken_in, by)?);
    backend.register(Box::new(check), Terms::default()).await?;
    super::rollouts::explained(&backend, rollout, &device)
}
