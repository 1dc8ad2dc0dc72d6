//! What the domain needs of the world, for adapters to give.
//!
//! Deliberately no runtime: methods return futures that are `Send`. Each port has one conformance
//! suite that every implementation runs. No module of the domain uses this one.

use crate::id::{DeviceId, Digest};
pub use crate::journal::Outgoing;
use crate::journal::{Entry, Seq, Stored};
use crate::time::Timestamp;
use alloc::{string::String, vec::Vec};
use core::future::Future;

/// Why a store could not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Somebody else wrote first: fold on from where you were, and decide again.
    #[error("the journal has moved on to {end:?}")]
    Conflict {
        /// Its end.
        end: Seq,
    },
    /// The schema is of a newer program.
    #[error("the store has schema {found}, this program knows up to {known}")]
    Newer {
        /// Of the store.
        found: u32,
        /// Of the program.
        known: u32,
    },
    /// What is stored cannot be read.
    #[error("entry {seq:?} cannot be read: {why}")]
    Corrupt {
        /// Where.
        seq: Seq,
        /// What is wrong.
        why: String,
    },
    /// The engine underneath failed.
    #[error("cannot {doing}: {why}")]
    Failed {
        /// What was being done.
        doing: &'static str,
        /// What it said.
        why: String,
    },
}

impl StoreError {
    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Conflict { .. } => "ST-001",
            Self::Newer { .. } => "ST-002",
            Self::Corrupt { .. } => "ST-003",
            Self::Failed { .. } => "ST-004",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Conflict { .. } => "try again",
            Self::Newer { .. } => "run the newer program, or restore the backup made before it",
            Self::Corrupt { .. } => "restore a backup; nothing was changed",
            Self::Failed { .. } => "look at disk space and permissions; nothing was acknowledged",
        }
    }
}

/// What one decision writes, all or nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// The journal's end as it was when deciding: anything newer is a conflict.
    pub read_to: Seq,
    /// When.
    pub at: Timestamp,
    /// What was decided.
    pub entries: Vec<Entry>,
    /// What is to be done outside.
    pub outbox: Vec<Outgoing>,
}

/// Remembers. What a future of this returned as done is on disk.
pub trait Store: Send + Sync {
    /// Appends facts, all or none; done when they are durable.
    fn append(
        &self,
        at: Timestamp,
        facts: Vec<Entry>,
    ) -> impl Future<Output = Result<Vec<Stored>, StoreError>> + Send;

    /// Commits a decision if nothing was written since it was read; done when it is durable.
    fn decide(
        &self,
        decision: Decision,
    ) -> impl Future<Output = Result<Vec<Stored>, StoreError>> + Send;

    /// Entries after `after`, at most `limit`, in order.
    fn read(
        &self,
        after: Seq,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Stored>, StoreError>> + Send;

    /// The journal's end.
    fn end(&self) -> impl Future<Output = Result<Seq, StoreError>> + Send;

    /// Remembers that the daemon could serve at `at`; durable, in constant space.
    fn beat(&self, at: Timestamp) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The last beat.
    fn last_beat(&self) -> impl Future<Output = Result<Option<Timestamp>, StoreError>> + Send;

    /// A small named value, such as the key of signed URLs; durable.
    fn set(
        &self,
        name: &str,
        value: Vec<u8>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The value of that name.
    fn get(&self, name: &str) -> impl Future<Output = Result<Option<Vec<u8>>, StoreError>> + Send;

    /// Effects not yet done, oldest first, at most `limit`.
    fn outbox(
        &self,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Outgoing>, StoreError>> + Send;

    /// Forgets an effect that was done. Unknown keys are done already.
    fn done(&self, key: &str) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Why an image could not be stored or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// The bytes are not those of the digest.
    #[error("the bytes have digest {found}, not {wanted}")]
    Digest {
        /// What was promised.
        wanted: Digest,
        /// What came.
        found: Digest,
    },
    /// More or fewer bytes than promised.
    #[error("{found} bytes came, {wanted} were promised")]
    Length {
        /// Bytes promised.
        wanted: u64,
        /// Bytes that came, counted up to one more than promised.
        found: u64,
    },
    /// No such image.
    #[error("there is no image {0}")]
    Unknown(Digest),
    /// The storage failed.
    #[error("cannot {doing}: {why}")]
    Failed {
        /// What was being done.
        doing: &'static str,
        /// What it said.
        why: String,
    },
}

impl ImageError {
    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Digest { .. } => "IM-101",
            Self::Length { .. } => "IM-102",
            Self::Unknown(_) => "IM-103",
            Self::Failed { .. } => "IM-104",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Digest { .. } | Self::Length { .. } => "upload the image that the manifest names",
            Self::Unknown(_) => "upload it first",
            Self::Failed { .. } => "look at disk space and permissions; nothing was stored",
        }
    }
}

/// Keeps images by digest, written once. Bytes stream through; nothing holds a whole image.
pub trait ImageStore: Send + Sync {
    /// An upload that is going on.
    type Upload: ImageUpload;

    /// Begins to store `length` bytes with that digest.
    fn begin(
        &self,
        digest: Digest,
        length: u64,
    ) -> impl Future<Output = Result<Self::Upload, ImageError>> + Send;

    /// The length of a stored image; `None` if there is none.
    fn length(
        &self,
        digest: Digest,
    ) -> impl Future<Output = Result<Option<u64>, ImageError>> + Send;

    /// At most `limit` bytes from `offset`.
    fn read(
        &self,
        digest: Digest,
        offset: u64,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<u8>, ImageError>> + Send;
}

/// An upload that is going on. Dropped before it is finished, it leaves nothing.
pub trait ImageUpload: Send {
    /// Takes the next bytes; refuses more than were promised.
    fn write(&mut self, bytes: &[u8]) -> impl Future<Output = Result<(), ImageError>> + Send;

    /// Checks length and digest, and keeps the image.
    fn finish(self) -> impl Future<Output = Result<(), ImageError>> + Send;
}

/// Why a gateway could not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GatewayError {
    /// Too fast; try again later.
    #[error("the carrier asks to slow down")]
    Throttled,
    /// Try again.
    #[error("the carrier failed: {0}")]
    Transient(String),
    /// It will not do it.
    #[error("the carrier refuses: {0}")]
    Refused(String),
}

/// What a carrier knows of one execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// The device.
    pub device: DeviceId,
    /// Where it stands there.
    pub status: crate::device::ExecutionStatus,
}

/// Brings offers to devices that do not ask us directly. Every call may be made twice.
pub trait DeviceGateway: Send + Sync {
    /// Offers a tranche of a batch to devices. `key` names it: the same key is the same tranche.
    fn offer(
        &self,
        key: &str,
        devices: &[DeviceId],
        document: &str,
    ) -> impl Future<Output = Result<(), GatewayError>> + Send;

    /// Takes back whatever of that tranche has not begun.
    fn revoke(&self, key: &str) -> impl Future<Output = Result<(), GatewayError>> + Send;

    /// What the carrier knows of that tranche.
    fn reconcile(
        &self,
        key: &str,
    ) -> impl Future<Output = Result<Vec<Carried>, GatewayError>> + Send;
}
