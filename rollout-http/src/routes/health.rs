//! Whether the daemon lives, and whether it can serve. Neither asks for a token.

use super::{Answer, json};
use crate::backend::Backend;
use crate::body::v1::Ready;
use crate::desk::Desk;
use axum::extract::State;
use axum::http::StatusCode;

/// It lives.
pub(crate) async fn alive() -> &'static str {
    "ok\n"
}

/// It has a model to answer from.
pub(crate) async fn ready<B: Backend>(State(desk): State<Desk<B>>) -> Answer {
    let ready = desk.backend.read(|fleet| Ready {
        read_to: fleet.read_to.0,
        root_version: fleet.root.as_ref().map_or(0, |root| root.version().0),
        devices: fleet.devices.len() as u64,
    });
    json(StatusCode::OK, &ready)
}
