//! Images: sent from a file with their length declared, a chunk at a time.

use super::{Client, Error, answer, exchange};
use crate::body::v1::Stored;
use reqwest::{Body, Method, StatusCode, header};
use rollout_core::id::Digest;
use std::path::Path;
use std::time::Duration;
use tokio_util::io::ReaderStream;

/// Deadline of an upload: its length at the slowest rate worth waiting for, and a minute.
const SLOWEST_BYTES_PER_SEC: u64 = 64 * 1024;
const UPLOAD_AT_LEAST: Duration = Duration::from_secs(60);

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

    /// Uploads an image from a file, unless it is stored already.
    ///
    /// # Errors
    /// [`Error`]; nothing is stored then.
    pub async fn upload_image(&self, digest: Digest, path: &Path) -> Result<Stored, Error> {
        if self.has_image(digest).await? {
            return Ok(Stored { state: "known".into() });
        }
        let wrong = |source| Error::File { path: path.display().to_string(), source };
        let file = tokio::fs::File::open(path).await.map_err(wrong)?;
        let length = file.metadata().await.map_err(wrong)?.len();
        self.put_image(digest, length, Body::wrap_stream(ReaderStream::new(file))).await
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
        self.put_image(digest, length, Body::from(image)).await
    }

    async fn put_image(&self, digest: Digest, length: u64, body: Body) -> Result<Stored, Error> {
        let name = digest.to_string();
        let deadline = UPLOAD_AT_LEAST + Duration::from_secs(length / SLOWEST_BYTES_PER_SEC);
        let request = self
            .request(Method::PUT, &["v1", "images", &name], &[])
            .timeout(deadline)
            .header(header::CONTENT_LENGTH, length)
            .body(body);
        answer("upload an image", request).await
    }
}
