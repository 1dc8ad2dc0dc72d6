//! A typed client of the operator API, for the command line, the dashboard and programs.
//!
//! One method for each route. Not here: retries (every method says what it changes, and most may
//! simply be called again). Invariant: every request has a deadline, and a refusal reaches the
//! caller with its code and its hint.

mod calls;
mod devices;
mod error;
mod stream;
mod transfer;

pub use calls::{Members, PlanFormat};
pub use devices::Sought;
pub use error::Error;
pub use stream::EventStream;
pub use transfer::Sent;

use error::{lost, refused};
use reqwest::{Method, RequestBuilder, Response, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::path::Path;
use std::time::Duration;

/// Deadline of a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Deadline of a request with a small body.
const REQUEST: Duration = Duration::from_secs(30);
/// Most bytes of an answer that are read.
const ANSWER_BYTES: usize = 64 << 20;

/// A connection to a control plane.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    token: String,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

impl Client {
    /// A client of the control plane at `base`, such as `http://127.0.0.1:8470`. Over TLS it
    /// believes the CAs of this machine.
    ///
    /// # Errors
    /// [`Error::Base`] if `base` is no URL of HTTP, [`Error::Token`] if no header could carry the
    /// token; no connection is made yet.
    pub fn new(base: &str, token: &str) -> Result<Self, Error> {
        Self::believing(base, token, None)
    }

    /// The same; over TLS it believes the CAs in the file `ca` and nobody else, if there is one.
    ///
    /// # Errors
    /// As [`Client::new`], and [`Error::Trust`] if no CA can be had.
    pub fn believing(base: &str, token: &str, ca: Option<&Path>) -> Result<Self, Error> {
        let wrong = || Error::Base { text: base.into() };
        let base = Url::parse(base).map_err(|_| wrong())?;
        if !["http", "https"].contains(&base.scheme()) || !base.has_host() {
            return Err(wrong());
        }
        let token = token.trim();
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::Token);
        }
        let tls = rollout_tls::client(base.as_str(), ca).map_err(Error::Trust)?;
        let http = reqwest::Client::builder().tls_backend_preconfigured(tls);
        let http = http.connect_timeout(CONNECT).build().map_err(|error| lost("set up", error))?;
        Ok(Self { http, base, token: token.into() })
    }

    /// Where the control plane is.
    pub fn base(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// The URL of a path, segment by segment, so that no name can leave its place.
    fn url(&self, path: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    fn request(&self, method: Method, path: &[&str], query: &[(&str, &str)]) -> RequestBuilder {
        self.unbounded(method, path, query).timeout(REQUEST)
    }

    /// A request whose deadline is its caller's affair.
    fn unbounded(&self, method: Method, path: &[&str], query: &[(&str, &str)]) -> RequestBuilder {
        let request = self.http.request(method, self.url(path, query));
        if self.token.is_empty() { request } else { request.bearer_auth(&self.token) }
    }

    async fn get<T: DeserializeOwned>(
        &self,
        doing: &'static str,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T, Error> {
        answer(doing, self.request(Method::GET, path, query)).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        doing: &'static str,
        method: Method,
        path: &[&str],
        body: &(impl Serialize + Sync),
    ) -> Result<T, Error> {
        answer(doing, self.request(method, path, &[]).json(body)).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        doing: &'static str,
        path: &[&str],
    ) -> Result<T, Error> {
        answer(doing, self.request(Method::POST, path, &[])).await
    }
}

/// Sends a request; anything but success is an error with the server's own words.
async fn exchange(doing: &'static str, request: RequestBuilder) -> Result<Response, Error> {
    let response = request.send().await;
    let response = response.map_err(|error| lost(doing, error))?;
    if response.status().is_success() {
        return Ok(response);
    }
    let status = response.status().as_u16();
    Err(refused(status, &read(doing, response).await?))
}

async fn answer<T: DeserializeOwned>(
    doing: &'static str,
    request: RequestBuilder,
) -> Result<T, Error> {
    let response = exchange(doing, request).await?;
    let bytes = read(doing, response).await?;
    serde_json::from_slice(&bytes).map_err(|source| Error::Answer { doing, source })
}

async fn read(doing: &'static str, mut response: Response) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| lost(doing, error))? {
        if bytes.len() + chunk.len() > ANSWER_BYTES {
            return Err(Error::TooLong { doing, limit: ANSWER_BYTES });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
