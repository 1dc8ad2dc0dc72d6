//! Which path is answered by which function.
//!
//! Two planes on two listeners: devices, and people with programs. Not here: listeners, deadlines,
//! the number of connections. Invariants: every route of the operator plane asks `auth` first; a
//! check-in is answered the same with and without the router before it.

use crate::auth;
use crate::backend::Backend;
use crate::desk::{Desk, Setup};
use crate::gate::{self, Conditioned};
use crate::openapi::{Plane, Table};
use crate::routes::{
    self, access, channels, cohorts, command, device, devices, edit, events, freezes, health,
    images, import, life, metrics, overview, releases, reports, roads, rollouts,
};
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Method, Request, header};
use axum::middleware;
use axum::response::{IntoResponse as _, Response};
use axum::{BoxError, Router};
use http_body_util::{Either, Full};
use std::time::Instant;
use tower::ServiceExt as _;

/// The body of an answer of the device plane: at hand, or as a route streams it.
pub type PlaneBody = Either<Full<Bytes>, Body>;

/// The device plane with its hot path in front: a check-in is answered before any routing.
#[derive(Clone)]
pub struct DevicePlane<B> {
    backend: B,
    others: Router,
}

impl<B: Backend> DevicePlane<B> {
    /// The plane of a backend.
    pub fn new(backend: B) -> Self {
        Self { others: device_router(backend.clone()), backend }
    }

    /// Answers one request.
    pub async fn answer<T>(&self, request: Request<T>) -> Response<PlaneBody>
    where
        T: HttpBody<Data = Bytes> + Send + 'static,
        T::Error: Into<BoxError>,
    {
        if request.method() == Method::POST && request.uri().path() == device::CHECK_IN {
            let began = Instant::now();
            let (head, body) = request.into_parts();
            let answer = device::answer_check_in(&self.backend, &head.headers, body).await;
            self.backend.meters().check_in(self.backend.now(), began.elapsed());
            return match answer {
                Ok(bytes) => {
                    let mut response = Response::new(Either::Left(Full::from(bytes)));
                    response.headers_mut().insert(header::CONTENT_TYPE, routes::JSON);
                    response
                }
                Err(problem) => problem.into_response().map(Either::Right),
            };
        }
        let Ok(response) = self.others.clone().oneshot(request.map(Body::new)).await;
        response.map(Either::Right)
    }

    /// Whether a request shows the token of a device that is not retired, or of an enrollment, or
    /// a path that was signed for a device and is still good.
    pub fn knows<T>(&self, request: &Request<T>) -> bool {
        let (backend, headers) = (&self.backend, request.headers());
        auth::is_device(backend, headers)
            || auth::enrollment(backend, headers).is_ok()
            || images::is_signed(backend, request.uri())
    }
}

/// The operator plane, as a listener asks it.
#[derive(Clone)]
pub struct OperatorPlane<B> {
    backend: B,
    router: Router,
}

impl<B: Backend> OperatorPlane<B> {
    /// The plane of a backend.
    pub fn new(backend: B, setup: Setup) -> Self {
        Self { router: operator_router_with(backend.clone(), setup), backend }
    }

    /// Answers one request.
    pub async fn answer<T>(&self, request: Request<T>) -> Response
    where
        T: HttpBody<Data = Bytes> + Send + 'static,
        T::Error: Into<BoxError>,
    {
        let Ok(response) = self.router.clone().oneshot(request).await;
        response
    }

    /// Whether a request shows a token that is good.
    pub fn knows<T>(&self, request: &Request<T>) -> bool {
        auth::caller(&self.backend, request.headers()).is_ok()
    }
}

/// The device plane.
pub fn device_router<B: Backend>(backend: B) -> Router {
    let table = device::table(Table::new(Plane::Devices));
    let table = images::device_table(reports::table(table));
    health::lives(table).finish().with_state(backend)
}

/// The operator plane, with the usual bounds.
pub fn operator_router<B: Backend>(backend: B) -> Router {
    operator_router_with(backend, Setup::default())
}

/// The operator plane.
pub fn operator_router_with<B: Backend>(backend: B, setup: Setup) -> Router {
    let table = operators::<Conditioned<B>>();
    let desk = Desk::new(Conditioned(backend), setup, table.answered());
    let gate = middleware::from_fn_with_state(desk.clone(), gate::pass::<Conditioned<B>>);
    table.finish().layer(gate).with_state(desk)
}

/// Every route of operators.
fn operators<B: Backend>() -> Table<Desk<B>> {
    let table = overview::table(Table::new(Plane::Operators));
    let table = images::table(releases::table(table));
    let table = channels::table(freezes::table(cohorts::table(roads::table(table))));
    let table = life::table(import::table(devices::table(table)));
    let table = command::table(edit::table(rollouts::table(table)));
    let table = events::table(access::table(table));
    health::table(metrics::table(table))
}
