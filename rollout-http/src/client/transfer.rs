//! Files: sent a piece at a time, for as long as they move.
//!
//! Invariant: what is held of a file is the piece that is being sent; a transfer that stands still
//! for [`STALL`] is given up, and one that moves is not, however long it takes.

use super::{Client, Error, answer, exchange};
use crate::body::v1::Stored;
use futures_util::StreamExt as _;
use reqwest::{Body, Method, StatusCode, header};
use rollout_core::id::Digest;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::fs::File;
use tokio_util::io::ReaderStream;

/// How long a transfer may stand still.
const STALL: Duration = Duration::from_secs(300);
/// Bytes of a piece.
const PIECE: usize = 64 * 1024;

/// Is told how many bytes of a file have left so far.
#[derive(Clone)]
pub struct Sent(Arc<dyn Fn(u64) + Send + Sync>);

impl Sent {
    /// One that does something with it.
    pub fn to(hears: impl Fn(u64) + Send + Sync + 'static) -> Self {
        Self(Arc::new(hears))
    }

    /// One that does nothing with it.
    pub fn unheard() -> Self {
        Self::to(|_| {})
    }
}

impl std::fmt::Debug for Sent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sent(..)")
    }
}

/// How many bytes of a body have left.
pub(super) type Moved = Arc<AtomicU64>;

/// A file as a body that tells how it goes.
pub(super) fn in_pieces(file: File, sent: &Sent) -> (Body, Moved) {
    let moved = Moved::default();
    let (counted, hears) = (Arc::clone(&moved), sent.clone());
    let pieces = ReaderStream::with_capacity(file, PIECE).inspect(move |piece| {
        let bytes = piece.as_ref().map_or(0, |piece| piece.len() as u64);
        hears.0(counted.fetch_add(bytes, Ordering::Relaxed) + bytes);
    });
    (Body::wrap_stream(pieces), moved)
}

/// Awaits an exchange, unless nothing of its body has moved for too long.
pub(super) async fn so_long_as_it_moves<T>(
    doing: &'static str,
    moved: &Moved,
    exchange: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let mut exchange = pin!(exchange);
    loop {
        let before = moved.load(Ordering::Relaxed);
        match tokio::time::timeout(STALL, exchange.as_mut()).await {
            Ok(answer) => return answer,
            Err(_) if moved.load(Ordering::Relaxed) > before => {}
            Err(_) => return Err(Error::Stalled { doing, secs: STALL.as_secs() }),
        }
    }
}

impl Client {
    /// Whether an image is stored.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn has_image(&self, digest: Digest) -> Result<bool, Error> {
        let name = digest.to_string();
        let request = self.request(Method::HEAD, &["v1", "images", &name], &[]);
        match exchange("look for an image", request).await {
            Ok(_) => Ok(true),
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND.as_u16()) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Uploads an image from a file, unless it is stored already. `sent` is told how much of it
    /// has left.
    ///
    /// # Errors
    /// [`Error`]; nothing is stored then.
    pub async fn upload_image(
        &self,
        digest: Digest,
        path: &Path,
        sent: &Sent,
    ) -> Result<Stored, Error> {
        if self.has_image(digest).await? {
            return Ok(Stored { state: "known".into() });
        }
        let wrong = |source| Error::File { path: path.display().to_string(), source };
        let file = File::open(path).await.map_err(wrong)?;
        let length = file.metadata().await.map_err(wrong)?.len();
        let (body, moved) = in_pieces(file, sent);
        self.put_image(digest, length, body, &moved).await
    }

    /// Uploads an image from memory, unless it is stored already.
    ///
    /// # Errors
    /// [`Error`]; nothing is stored then.
    pub async fn upload_bytes(&self, digest: Digest, image: Vec<u8>) -> Result<Stored, Error> {
        if self.has_image(digest).await? {
            return Ok(Stored { state: "known".into() });
        }
        let length = image.len() as u64;
        self.put_image(digest, length, Body::from(image), &Moved::default()).await
    }

    async fn put_image(
        &self,
        digest: Digest,
        length: u64,
        body: Body,
        moved: &Moved,
    ) -> Result<Stored, Error> {
        let name = digest.to_string();
        let request = self
            .unbounded(Method::PUT, &["v1", "images", &name], &[])
            .header(header::CONTENT_LENGTH, length)
            .body(body);
        let doing = "upload an image";
        so_long_as_it_moves(doing, moved, answer(doing, request)).await
    }
}
