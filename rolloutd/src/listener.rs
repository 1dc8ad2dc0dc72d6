//! Accepts connections, so many and for so long as is good for everybody.
//!
//! A peer that sends its headers drop by drop, or holds a connection for ever, costs a bounded
//! time; more connections than may be wait in the kernel's queue. Invariant: when the listener
//! ends, every request that had arrived was answered. Not here: what is answered.

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Request, Response, StatusCode, header};
use axum::response::IntoResponse as _;
use http_body_util::Either;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use rollout_http::backend::Backend;
use rollout_http::{DevicePlane, PlaneBody};
use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Connections at a time: each costs some KiB, and a file.
const CONNECTIONS: usize = 16_384;
/// How long a peer may take for its headers.
//= trust §7: handshake deadline 10 s, header and body deadlines
const HEADERS: Duration = Duration::from_secs(10);
/// How long a request may take whose body is no image.
const REQUEST: Duration = Duration::from_secs(30);
/// How long requests that have arrived may take after the listener was told to end.
const FAREWELL: Duration = Duration::from_secs(20);
/// Rest after the system refuses a connection, such as for want of files.
const REST: Duration = Duration::from_millis(100);

/// Answers requests; a plane of the API.
pub trait Plane: Clone + Send + Sync + 'static {
    /// What its answers are made of.
    type Body: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static;

    /// Answers one request.
    fn answer(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<Self::Body>> + Send;
}

impl Plane for axum::Router {
    type Body = Body;

    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let Ok(response) = tower::ServiceExt::oneshot(self.clone(), request).await;
        response
    }
}

impl<B: Backend> Plane for DevicePlane<B> {
    type Body = PlaneBody;

    async fn answer(&self, request: Request<Incoming>) -> Response<PlaneBody> {
        DevicePlane::answer(self, request).await
    }
}

/// Serves until `stopped` says so, then answers what has arrived.
///
/// # Errors
/// None yet: a connection that cannot be accepted is tried again.
pub async fn serve(
    listener: TcpListener,
    plane: impl Plane,
    mut stopped: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let graceful = GracefulShutdown::new();
    loop {
        let arrived = tokio::select! {
            arrived = arrive(&listener, &room) => Some(arrived),
            _ = stopped.wait_for(|stop| *stop) => None,
        };
        match arrived {
            None => break,
            Some(Err(error)) => {
                tracing::warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(REST).await;
            }
            Some(Ok((stream, place))) => {
                let plane = plane.clone();
                let answer = service_fn(move |request| {
                    let plane = plane.clone();
                    async move { Ok::<_, Infallible>(in_time(&plane, request).await) }
                });
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEADERS)
                    .serve_connection(TokioIo::new(stream), answer);
                let connection = graceful.watch(connection);
                tokio::spawn(async move {
                    // A peer that went away, or spoke no HTTP, is its own affair.
                    let _ = connection.await;
                    drop(place);
                });
            }
        }
    }
    drop(listener);
    // Whoever does not read its answer in this time does not want it.
    let _ = tokio::time::timeout(FAREWELL, graceful.shutdown()).await;
    Ok(())
}

/// The next connection, once there is room for it.
async fn arrive(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(room).acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    // Small answers must not wait for more.
    stream.set_nodelay(true)?;
    Ok((stream, place))
}

/// Ends a request whose body does not come in time. Images take as long as they take.
async fn in_time<P: Plane>(
    plane: &P,
    request: Request<Incoming>,
) -> Response<Either<P::Body, Body>> {
    if request.uri().path().contains("/v1/images/") {
        return plane.answer(request).await.map(Either::Left);
    }
    match tokio::time::timeout(REQUEST, plane.answer(request)).await {
        Ok(response) => response.map(Either::Left),
        Err(_) => late().map(Either::Right),
    }
}

fn late() -> Response<Body> {
    let detail = "the request did not come in time";
    let body =
        format!(r#"{{"status":408,"code":"SV-003","detail":"{detail}","hint":"send it at once"}}"#);
    let kind = [(header::CONTENT_TYPE, "application/problem+json")];
    (StatusCode::REQUEST_TIMEOUT, kind, body).into_response()
}
