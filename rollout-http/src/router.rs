//! Which path is answered by which function.
//!
//! Two planes on two listeners: devices, and people with programs. Not here: listeners, deadlines,
//! the number of connections. Invariants: every route of the operator plane asks `auth` first; a
//! check-in is answered the same with and without the router before it.

use crate::backend::Backend;
use crate::desk::{Desk, Setup};
use crate::routes::{
    self, access, channels, cohorts, command, device, devices, events, health, images, import,
    life, overview, releases, reports, rollouts,
};
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Method, Request, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, post, put};
use axum::{BoxError, Router};
use http_body_util::{Either, Full};
use std::time::Instant;
use tower::ServiceExt as _;

/// The path of the check-in, the hot one.
const CHECK_IN: &str = "/device/v1/check-in";

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
        if request.method() == Method::POST && request.uri().path() == CHECK_IN {
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
}

/// The device plane.
pub fn device_router<B: Backend>(backend: B) -> Router {
    Router::new()
        .route("/device/v1/enroll", post(device::enroll::<B>))
        .route(CHECK_IN, post(device::check_in::<B>))
        .route("/device/v1/begin", post(device::begin::<B>))
        .route("/device/v1/reports", post(reports::report::<B>))
        .route("/device/v1/images/{digest}", get(images::download::<B>))
        .route("/healthz", get(health::alive))
        .fallback(routes::nowhere)
        .method_not_allowed_fallback(routes::wrong_method)
        .with_state(backend)
}

/// The operator plane, with the usual bounds.
pub fn operator_router<B: Backend>(backend: B) -> Router {
    operator_router_with(backend, Setup::default())
}

/// The operator plane.
pub fn operator_router_with<B: Backend>(backend: B, setup: Setup) -> Router {
    Router::new()
        .route("/v1/overview", get(overview::overview::<B>))
        .route("/v1/census", get(overview::census::<B>))
        .route("/v1/me", get(overview::me::<B>))
        .route("/v1/root", put(releases::store_root::<B>).get(releases::newest_root::<B>))
        .route("/v1/roots/{version}", get(releases::root::<B>))
        .route("/v1/products", get(releases::products::<B>))
        .route("/v1/products/{product}", get(releases::product::<B>))
        .route("/v1/releases", post(releases::publish::<B>).get(releases::list::<B>))
        .route("/v1/releases/{id}", get(releases::show::<B>))
        .route("/v1/releases/{id}/withdraw", post(releases::withdraw::<B>))
        .route("/v1/images/{digest}", put(images::upload::<B>).get(images::fetch::<B>))
        .route("/v1/cohorts", get(cohorts::list::<B>))
        .route("/v1/cohorts/{name}", put(cohorts::define::<B>).get(cohorts::show::<B>))
        .route("/v1/enrollments", post(access::open_enrollment::<B>))
        .route("/v1/products/{product}/channels", get(channels::list::<B>))
        .route(
            "/v1/products/{product}/channels/{channel}",
            put(channels::set::<B>).get(channels::show::<B>).delete(channels::remove::<B>),
        )
        .route("/v1/releases/{id}/promote", post(channels::promote::<B>))
        .route("/v1/devices", get(devices::list::<B>).post(life::add::<B>))
        .route("/v1/devices/import", post(import::import::<B>))
        .route("/v1/devices/{id}", get(devices::show::<B>))
        .route("/v1/devices/{id}/token", post(life::rotate::<B>))
        .route("/v1/devices/{id}/hold", post(life::hold::<B>))
        .route("/v1/devices/{id}/release", post(life::release::<B>))
        .route("/v1/devices/{id}/retire", post(life::retire::<B>))
        .route("/v1/devices/{id}/notes", post(life::note::<B>))
        .route("/v1/devices/{id}/replace", post(life::replace::<B>))
        .route("/v1/rollouts", post(rollouts::create::<B>).get(rollouts::list::<B>))
        .route("/v1/rollouts/{id}", get(rollouts::show::<B>))
        .route("/v1/rollouts/{id}/start", post(command::start::<B>))
        .route("/v1/rollouts/{id}/pause", post(command::pause::<B>))
        .route("/v1/rollouts/{id}/resume", post(command::resume::<B>))
        .route("/v1/rollouts/{id}/advance", post(command::advance::<B>))
        .route("/v1/rollouts/{id}/approve", post(command::approve::<B>))
        .route("/v1/rollouts/{id}/halt", post(command::halt::<B>))
        .route("/v1/rollouts/{id}/cancel", post(command::cancel::<B>))
        .route("/v1/rollouts/{id}/rollback", post(command::rollback::<B>))
        .route("/v1/rollouts/{id}/devices/{device}", get(rollouts::explain::<B>))
        .route("/v1/rollouts/{id}/devices/{device}/exclude", post(life::exclude::<B>))
        .route("/v1/rollouts/{id}/devices/{device}/include", post(life::include::<B>))
        .route("/v1/tokens", post(access::make_token::<B>))
        .route("/v1/tokens/{id}", delete(access::revoke_token::<B>))
        .route("/v1/events", get(events::events::<B>))
        .route("/v1/events/stream", get(events::stream::<B>))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready::<B>))
        .fallback(routes::nowhere)
        .method_not_allowed_fallback(routes::wrong_method)
        .with_state(Desk::new(backend, setup))
}
