//! Reads an image once: its head for what it says, all of it for its digest, length and wholeness.
//!
//! Deliberately not here: who it is for; no image knows the hardware models it fits.
//!
//! Invariant: memory does not grow with the image.

use super::CeremonyError;
use rollout_core::id::Digest;
use rollout_core::image::{ChipId, HEAD_BYTES, ImageError, ImageHeader, Walk};
use rollout_core::version::{SecureVersion, VersionText};
use sha2::{Digest as _, Sha256};
use std::io::{self, Read};

/// How much of an image is read at once, bytes.
const CHUNK_BYTES: usize = 64 * 1024;

/// What an image says about itself, and what it hashes to. Nothing of it is typed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspected {
    /// The chip it is built for.
    pub chip_id: ChipId,
    /// Its project, which has to be the product.
    pub project: String,
    /// Its version.
    pub version: VersionText,
    /// Its hardware security counter.
    pub secure_version: SecureVersion,
    /// SHA-256 of all of it.
    pub digest: Digest,
    /// Its length, bytes.
    pub length: u64,
}

impl Inspected {
    /// Inspects an image in memory.
    ///
    /// # Errors
    /// [`CeremonyError`] if it is not a whole app image with a semantic version.
    pub fn of(image: &[u8]) -> Result<Self, CeremonyError> {
        let mut walk = Walk::default();
        let walked = walk.add(image).and_then(|()| walk.end());
        Self::from_head(image, walked, Digest::of(image), image.len() as u64)
    }

    /// Inspects an image as it streams by; holds no more than its head and one chunk.
    ///
    /// # Errors
    /// [`InspectError`] if it cannot be read, or is not a whole app image with a semantic version.
    pub fn read(mut image: impl Read) -> Result<Self, InspectError> {
        let (mut head, mut hash, mut length) = (Vec::new(), Sha256::new(), 0);
        let (mut walk, mut walked) = (Walk::default(), Ok(()));
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let count = match image.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(InspectError::Read(error)),
            };
            let bytes = &chunk[..count];
            head.extend_from_slice(&bytes[..count.min(HEAD_BYTES - head.len())]);
            hash.update(bytes);
            walked = walked.and_then(|()| walk.add(bytes));
            length += count as u64;
        }
        let digest = Digest::from_bytes(hash.finalize().into());
        Ok(Self::from_head(&head, walked.and_then(|()| walk.end()), digest, length)?)
    }

    fn from_head(
        head: &[u8],
        walked: Result<(), ImageError>,
        digest: Digest,
        length: u64,
    ) -> Result<Self, CeremonyError> {
        let header = ImageHeader::parse(head)?;
        // Of an opaque image nobody knows where it ends.
        if header.chip_id != ChipId::OPAQUE {
            walked?;
        }
        let version = VersionText::parse(header.version)
            .ok_or_else(|| CeremonyError::NoVersion { text: header.version.into() })?;
        Ok(Self {
            chip_id: header.chip_id,
            project: header.project.into(),
            version,
            secure_version: header.secure_version,
            digest,
            length,
        })
    }
}

/// Why an image could not be inspected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InspectError {
    /// Its bytes cannot be read.
    #[error(transparent)]
    Read(io::Error),
    /// It is no image to publish.
    #[error(transparent)]
    Image(#[from] CeremonyError),
}
