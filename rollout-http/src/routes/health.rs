//! Whether the daemon lives, and whether it can serve. Neither asks for a token.

use super::{Answer, json};
use crate::backend::Backend;
use crate::body::v1::Ready;
use crate::desk::Desk;
use crate::openapi::{Table, get};
use axum::extract::State;
use axum::http::StatusCode;

/// The routes of health, for operators.
pub(crate) fn table<B: Backend>(table: Table<Desk<B>>) -> Table<Desk<B>> {
    lives(table).add(
        get("ready", "/readyz", "Whether it has a model to answer from.")
            .answers::<Ready>(200, "It has."),
        ready::<B>,
    )
}

/// Whether the daemon lives, on both planes.
pub(crate) fn lives<S: Clone + Send + Sync + 'static>(table: Table<S>) -> Table<S> {
    table.add(
        get("alive", "/healthz", "Whether the daemon lives.").answers_raw(
            200,
            "text/plain",
            "`ok`.",
        ),
        alive,
    )
}

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
