//! Accepts connections, so many and for so long as is good for everybody.
//!
//! A peer that sends its headers drop by drop, or holds a connection for ever, costs a bounded
//! time; more connections than may be wait in the kernel's queue, and one address has but a part of
//! them until it shows who it is. TLS is agreed on in the task of its connection, in the time for
//! headers. Invariant: when the listener ends, every request that
//! had arrived was answered. Not here: what is answered, and certificates.

mod line;
mod strangers;
mod watch;

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use line::{Bytewise, Line};
use rollout_http::backend::Backend;
use rollout_http::meters::DoorMeters;
use rollout_http::{DevicePlane, OperatorPlane, Peer, PlaneBody};
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;
use strangers::Strangers;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch as signal};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use watch::{SWEEP, Seconds, Stage};

/// Connections at a time: each costs some KiB, and a file.
pub const CONNECTIONS: u32 = 16_384;
/// How long requests that have arrived may take after the listener was told to end.
const FAREWELL: Duration = Duration::from_secs(20);
/// Rest after the system refuses a connection, such as for want of files.
const REST: Duration = Duration::from_millis(100);

/// Answers requests; a plane of the API.
pub trait Plane: Clone + Send + Sync + 'static {
    /// What its answers are made of.
    type Body: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static;

    /// Whether it is told where a request comes from; an allocation for each.
    const LOOKS_AT_PEERS: bool = false;

    /// Answers one request.
    fn answer(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<Self::Body>> + Send;

    /// Whether a request shows that it is from somebody who is known here. Asked of a connection
    /// until it has shown it.
    fn knows(&self, request: &Request<Incoming>) -> bool;
}

impl<B: Backend> Plane for OperatorPlane<B> {
    type Body = Body;

    const LOOKS_AT_PEERS: bool = true;

    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        OperatorPlane::answer(self, request).await
    }

    fn knows(&self, request: &Request<Incoming>) -> bool {
        OperatorPlane::knows(self, request)
    }
}

impl<B: Backend> Plane for DevicePlane<B> {
    type Body = PlaneBody;

    async fn answer(&self, request: Request<Incoming>) -> Response<PlaneBody> {
        DevicePlane::answer(self, request).await
    }

    fn knows(&self, request: &Request<Incoming>) -> bool {
        DevicePlane::knows(self, request)
    }
}

/// How a listener lets peers in.
#[derive(Clone)]
pub struct Door {
    /// What it agrees with them on; plain HTTP without.
    pub tls: Option<TlsAcceptor>,
    /// Most connections of one address that have not shown yet who they are.
    pub strangers: u32,
    /// What it counts.
    pub meters: Arc<DoorMeters>,
}

/// Serves until `stopped` says so, then answers what has arrived.
///
/// # Errors
/// None yet: a connection that cannot be accepted is tried again.
pub async fn serve(
    listener: TcpListener,
    plane: impl Plane,
    door: Door,
    mut stopped: signal::Receiver<bool>,
) -> std::io::Result<()> {
    let room = Arc::new(Semaphore::new(CONNECTIONS as usize));
    let strangers = Strangers::new(door.strangers);
    let (began, seconds) = (Instant::now(), Seconds::default());
    let mut lines = Lines { began, seconds, strangers, door, open: Vec::new() };
    let mut sweep = tokio::time::interval(SWEEP);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            arrived = arrive(&listener, &room) => lines.open(arrived, plane.clone()),
            _ = sweep.tick() => lines.sweep(),
            _ = stopped.wait_for(|stop| *stop) => break,
        }
    }
    drop(listener);
    lines.open.iter().for_each(|line| line.watch.end());
    let all_closed = async {
        let mut closed = pin!(room.acquire_many(CONNECTIONS));
        loop {
            tokio::select! {
                _ = &mut closed => break,
                _ = sweep.tick() => lines.sweep(),
            }
        }
    };
    // Whoever does not read its answer in this time does not want it.
    let _ = tokio::time::timeout(FAREWELL, all_closed).await;
    Ok(())
}

/// A connection, with its place among those there may be.
struct Arrived {
    stream: TcpStream,
    peer: Peer,
    place: OwnedSemaphorePermit,
}

/// The next connection, once there is room for it.
async fn arrive(listener: &TcpListener, room: &Arc<Semaphore>) -> Arrived {
    loop {
        match accept(listener, room).await {
            Ok(arrived) => return arrived,
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(REST).await;
            }
        }
    }
}

async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> std::io::Result<Arrived> {
    let place = Arc::clone(room).acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, from) = listener.accept().await?;
    // Small answers must not wait for more.
    stream.set_nodelay(true)?;
    Ok(Arrived { stream, peer: Peer(from.ip()), place })
}

/// The connections that are open, and some that were until lately.
struct Lines<P> {
    began: Instant,
    seconds: Seconds,
    strangers: Arc<Strangers>,
    door: Door,
    open: Vec<Arc<Line<P>>>,
}

impl<P: Plane> Lines<P> {
    /// Serves a connection in a task of its own, unless there are too many of its kind.
    fn open(&mut self, arrived: Arrived, plane: P) {
        let Arrived { stream, peer, place } = arrived;
        let Some(stranger) = self.strangers.enter(peer.0) else {
            self.door.meters.refused_one();
            tracing::debug!(peer = %peer.0, "too many connections without a good token");
            return;
        };
        let line = Arc::new(Line::new(plane, peer, stranger, &self.seconds));
        self.open.push(Arc::clone(&line));
        // Two tasks, so that a connection without TLS has no room for it.
        match self.door.tls.clone() {
            None => tokio::spawn(async move {
                converse(stream, line).await;
                drop(place);
            }),
            Some(tls) => {
                let meters = Arc::clone(&self.door.meters);
                tokio::spawn(async move {
                    match shake_hands(tls, stream, &line).await {
                        Ok(stream) => converse(stream, line).await,
                        Err(Unshaken::Ending) => {}
                        Err(Unshaken::Failed) => {
                            meters.unshaken_one();
                            line.stranger.let_go();
                        }
                    }
                    drop(place);
                })
            }
        };
    }

    /// Looks after all of them.
    fn sweep(&mut self) {
        self.seconds.set(self.began.elapsed());
        // A line nobody else holds is closed.
        self.open.retain(|line| Arc::strong_count(line) > 1);
        self.open.iter().for_each(|line| line.watch.judge());
    }
}

/// Why there was no agreement on TLS.
enum Unshaken {
    /// The peer wanted something else, or took too long.
    Failed,
    /// All is to end.
    Ending,
}

/// Agrees on TLS, unless that takes too long or all is to end: nothing has been asked yet.
//= trust §7: handshake deadline 10 s, header and body deadlines
async fn shake_hands<P: Plane>(
    tls: TlsAcceptor,
    stream: TcpStream,
    line: &Line<P>,
) -> Result<TlsStream<TcpStream>, Unshaken> {
    let mut hands = pin!(tls.accept(stream));
    let mut known = Waker::noop().clone();
    let shaken = poll_fn(|context| {
        if !known.will_wake(context.waker()) {
            known.clone_from(context.waker());
            line.watch.register(known.clone());
        }
        let verdict = line.watch.verdict();
        match hands.as_mut().poll(context) {
            Poll::Ready(shaken) => Poll::Ready(Ok(shaken)),
            Poll::Pending if line.watch.is_ending() => Poll::Ready(Err(Unshaken::Ending)),
            Poll::Pending if line.watch.is_still(verdict) => Poll::Ready(Err(Unshaken::Failed)),
            Poll::Pending => Poll::Pending,
        }
    });
    match shaken.await? {
        Ok(stream) => {
            line.watch.enter(Stage::Head);
            Ok(stream)
        }
        Err(error) => {
            // A peer that speaks plain HTTP, or does not believe us, is its own affair.
            tracing::debug!(%error, peer = %line.peer.0, "no agreement on TLS");
            Err(Unshaken::Failed)
        }
    }
}

/// Answers what comes in on a connection until either side closes it or it takes too long.
async fn converse<P: Plane, S>(stream: S, line: Arc<Line<P>>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let stream = TokioIo::new(Bytewise::new(stream, Arc::clone(&line)));
    let served = Arc::clone(&line);
    let answer = service_fn(move |request| {
        let line = Arc::clone(&served);
        async move { Ok::<_, Infallible>(line.answer(request).await) }
    });
    let mut connection = pin!(http1::Builder::new().serve_connection(stream, answer));
    let (mut told, mut known) = (false, Waker::noop().clone());
    poll_fn(|context| {
        if !known.will_wake(context.waker()) {
            known.clone_from(context.waker());
            line.watch.register(known.clone());
        }
        let verdict = line.watch.verdict();
        loop {
            // A peer that went away, or spoke no HTTP, is its own affair.
            if connection.as_mut().poll(context).is_ready() || line.watch.is_still(verdict) {
                return Poll::Ready(());
            }
            // What has arrived was seen before the connection is told to end.
            if told || !line.watch.is_ending() {
                return Poll::Pending;
            }
            told = true;
            connection.as_mut().graceful_shutdown();
        }
    })
    .await;
}
