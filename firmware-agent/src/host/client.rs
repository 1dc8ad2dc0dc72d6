//! HTTP as the agent sees it: a reply, a request to wait, a refusal, or nothing.
//!
//! One client for all devices of the process, with a bound on requests under way. A seeded share
//! of replies is thrown away after the server answered. Invariant: every request has a deadline.
//! Not here: what replies mean.

use super::Error;
use super::fleet::FleetOptions;
use super::sim::Random;
use reqwest::header::{AUTHORIZATION, CONTENT_RANGE, CONTENT_TYPE, RANGE, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use rollout_tls::Fault;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

/// Deadline of a request with a short answer.
const SHORT: Duration = Duration::from_secs(30);
/// Deadline between two chunks of an image.
const CHUNK: Duration = Duration::from_secs(30);
/// Deadline of a piece of an image: a body that drips must not keep a device from listening.
const PIECE: Duration = Duration::from_secs(300);
/// Wait if the server is busy and names no time, in seconds.
const BUSY_SECS: u32 = 5;
/// Longest answer that is read, in bytes: a check-in answer with two envelopes and room.
const LONGEST_ANSWER: usize = 64 * 1024;

/// What all devices of a process share.
pub(super) struct Client {
    http: reqwest::Client,
    server: String,
    room: Arc<Semaphore>,
    drop_rate: f64,
    requests: AtomicU64,
}

/// How a request went.
pub(super) enum Reply {
    /// Answered.
    Body(Vec<u8>),
    /// The server wants to be asked later.
    Busy(u32),
    /// What was said is refused, and will be again.
    Declined { status: u16, body: Vec<u8> },
    /// Whoever said it is refused, or the path is unknown.
    Denied { status: u16, body: Vec<u8> },
    /// Nothing that can be used.
    Lost,
}

/// The body of an image that is being read.
pub(super) struct Body {
    response: Response,
    offset: u32,
    lost: Lost,
    deadline: Instant,
    _room: OwnedSemaphorePermit,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Lost {
    No,
    InFirstChunk,
    Now,
}

/// What came of a download.
pub(super) enum Piece {
    Bytes { offset: u32, bytes: Vec<u8> },
    End,
    Lost,
}

impl Client {
    pub(super) fn new(options: &FleetOptions) -> Result<Self, Error> {
        let (server, parallel) = (&options.server, options.parallel);
        let tls = rollout_tls::client(server, options.ca.as_deref()).map_err(Error::Trust)?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .connect_timeout(Duration::from_secs(10))
            // A device knows no proxy, whatever this machine's environment says.
            .no_proxy()
            .pool_max_idle_per_host(parallel)
            .build()
            .map_err(Error::Client)?;
        Ok(Self {
            http,
            server: server.trim_end_matches('/').to_owned(),
            room: Arc::new(Semaphore::new(parallel.max(1))),
            drop_rate: options.faults.drop,
            requests: AtomicU64::new(0),
        })
    }

    pub(super) fn server(&self) -> &str {
        &self.server
    }

    /// Asks once whether the server can be believed. That it is away is no error.
    pub(super) async fn greet(&self) -> Result<(), Error> {
        let greeting = self.http.get(format!("{}/healthz", self.server)).timeout(SHORT).send();
        let fault = greeting.await.err().and_then(|error| Fault::of(&error));
        fault.map_or(Ok(()), |fault| Err(Error::Tls { server: self.server.clone(), fault }))
    }

    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Posts JSON. `random` decides whether the reply gets lost.
    pub(super) async fn post(
        &self,
        path: &str,
        token: &str,
        body: Vec<u8>,
        random: Option<&mut Random>,
    ) -> Reply {
        let Ok(_room) = self.room.acquire().await else { return Reply::Lost };
        self.requests.fetch_add(1, Ordering::Relaxed);
        let request = self
            .http
            .post(format!("{}{path}", self.server))
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        let reply = async {
            let response = request.send().await.ok()?;
            let (status, wait) = (response.status(), retry_after(&response));
            Some((status, wait, read(response).await?))
        };
        let Ok(Some((status, wait, body))) = timeout(SHORT, reply).await else {
            return Reply::Lost;
        };
        if random.is_some_and(|random| random.happens(self.drop_rate)) {
            return Reply::Lost;
        }
        judge(status, wait, body)
    }

    /// Asks for bytes `from..to` of an image.
    pub(super) async fn get(
        &self,
        path: &str,
        from: u32,
        to: u32,
        random: &mut Random,
    ) -> Result<Body, Reply> {
        let room = self.room.clone().acquire_owned().await.map_err(|_| Reply::Lost)?;
        self.requests.fetch_add(1, Ordering::Relaxed);
        let request = self
            .http
            .get(format!("{}{path}", self.server))
            .header(RANGE, format!("bytes={from}-{}", to.saturating_sub(1)));
        let Ok(Ok(response)) = timeout(SHORT, request.send()).await else {
            return Err(Reply::Lost);
        };
        let dropped = random.happens(self.drop_rate);
        let lost = if dropped { Lost::InFirstChunk } else { Lost::No };
        let offset = match response.status() {
            StatusCode::OK => 0,
            StatusCode::PARTIAL_CONTENT => range_start(&response).unwrap_or(from),
            status => {
                let wait = retry_after(&response);
                return Err(judge(status, wait, Vec::new()));
            }
        };
        let deadline = Instant::now() + PIECE;
        Ok(Body { response, offset, lost, deadline, _room: room })
    }
}

impl Reply {
    /// Whatever refuses a signed path refuses it for good: it names who asked and has run out.
    pub(super) fn about_a_signed_path(self) -> Self {
        match self {
            Self::Denied { status, body } => Self::Declined { status, body },
            Self::Body(_) | Self::Busy(_) | Self::Declined { .. } | Self::Lost => self,
        }
    }
}

impl Body {
    /// The next bytes.
    pub(super) async fn next(&mut self) -> Piece {
        if self.lost == Lost::Now {
            return Piece::Lost;
        }
        let deadline = self.deadline.min(Instant::now() + CHUNK);
        match timeout_at(deadline, self.response.chunk()).await {
            Ok(Ok(Some(bytes))) => {
                let offset = self.offset;
                let Some(next) =
                    u32::try_from(bytes.len()).ok().and_then(|n| offset.checked_add(n))
                else {
                    return Piece::Lost;
                };
                self.offset = next;
                let mut bytes = bytes.to_vec();
                if self.lost == Lost::InFirstChunk {
                    self.lost = Lost::Now;
                    bytes.truncate(bytes.len() / 2);
                }
                Piece::Bytes { offset, bytes }
            }
            Ok(Ok(None)) => Piece::End,
            Ok(Err(_)) | Err(_) => Piece::Lost,
        }
    }
}

fn judge(status: StatusCode, wait: Option<u32>, body: Vec<u8>) -> Reply {
    match status.as_u16() {
        200..=299 => Reply::Body(body),
        429 | 503 => Reply::Busy(wait.unwrap_or(BUSY_SECS)),
        status @ (400 | 409 | 410 | 413 | 416 | 422) => Reply::Declined { status, body },
        // A problem document comes from a handler that has read the request.
        404 if body.starts_with(b"{") => Reply::Declined { status: 404, body },
        status @ (400..=407 | 411..=499) => Reply::Denied { status, body },
        _ => Reply::Lost,
    }
}

async fn read(mut response: Response) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(bytes) = response.chunk().await.ok()? {
        if body.len() + bytes.len() > LONGEST_ANSWER {
            return None;
        }
        body.extend_from_slice(&bytes);
    }
    Some(body)
}

fn retry_after(response: &Response) -> Option<u32> {
    response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

/// The first byte of `bytes 100-199/1000`.
fn range_start(response: &Response) -> Option<u32> {
    let range = response.headers().get(CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    /// A server that promises an image and sends a byte of it at each beat, so many in all.
    async fn drips(bytes: usize) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("the client");
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                stream.read_buf(&mut request).await.expect("a request");
            }
            let head = "HTTP/1.1 206 Partial Content\r\ncontent-length: 100000\r\n\r\n";
            stream.write_all(head.as_bytes()).await.expect("the client reads");
            let mut beat = tokio::time::interval(Duration::from_secs(1));
            for _ in 0..bytes {
                beat.tick().await;
                if stream.write_all(b"x").await.is_err() {
                    return;
                }
            }
            // It stays there and says nothing more.
            std::future::pending::<()>().await;
        });
        format!("http://{address}")
    }

    /// A body that comes drop by drop ends at the deadline of its piece, one that stops coming at
    /// that of its next bytes.
    #[tokio::test(start_paused = true)]
    async fn drip_feed() {
        for (bytes, deadline) in [(100_000, PIECE), (5, Duration::from_secs(4) + CHUNK)] {
            let server = drips(bytes).await;
            let options = FleetOptions::new(&server, Path::new("."), Vec::new(), Vec::new());
            let client = Client::new(&options).expect("a client");
            let began = Instant::now();
            let body = client.get("/images/x", 0, 100_000, &mut Random::new(1)).await;
            let Ok(mut body) = body else { panic!("an answer") };
            let mut came = 0;
            while let Piece::Bytes { bytes, .. } = body.next().await {
                came += bytes.len();
            }
            assert!(came <= bytes.min(301), "{came} bytes");
            let took = began.elapsed().as_secs();
            assert!((deadline.as_secs()..deadline.as_secs() + 3).contains(&took), "{took} s");
        }
    }
}
