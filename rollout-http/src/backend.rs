//! What the routes need of the daemon: a model to read, and a queue that makes things true.
//!
//! Invariant: when a future of this trait returns Ok, what it answers is durable.

use crate::meters::Meters;
use rollout_core::device::Facts;
use rollout_core::fleet::{Fleet, Look, OfferMade, Registered, Reply};
use rollout_core::hosting::Binding;
use rollout_core::id::{DeviceId, Digest, Principal, RolloutId};
use rollout_core::journal::{Entry, OnceRecord, ReportRecord, Seq, Stored};
use rollout_core::port::ImageStore;
use rollout_core::rollout::Commanded;
use rollout_core::time::Timestamp;
use std::future::Future;
use tokio::sync::watch;

/// What kind of refusal it is; the status code follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The request itself is wrong (400).
    Invalid,
    /// Nobody, or somebody else (401).
    Unauthenticated,
    /// Somebody who may not (403).
    Forbidden,
    /// Not there (404).
    NotFound,
    /// There, but not by this method (405).
    Method,
    /// It has changed since it was read (412).
    Stale,
    /// The key was used for something else (422).
    Unprocessable,
    /// There is something in the way (409).
    Conflict,
    /// Too large (413).
    TooLarge,
    /// The same request is being carried out (409, come again).
    InProgress,
    /// It has changed since (412).
    Changed,
    /// Too often (429).
    TooMany,
    /// Of a type that is not read (415).
    MediaType,
    /// Not now (503).
    Unavailable,
    /// A bug or a broken disk (500).
    Broken,
}

/// A refusal: what, why and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Its kind.
    pub kind: Kind,
    /// Stable code; see `docs/errors`.
    pub code: &'static str,
    /// What and why, in a sentence.
    pub detail: String,
    /// What to do.
    pub hint: String,
}

/// The answer to a check-in, before it is put on the wire.
#[derive(Clone, Debug)]
pub struct CheckedIn {
    /// What to download, if anything.
    pub offer: Option<Box<OfferMade>>,
    /// A rollout to stop, if the device is at it and has not switched.
    pub stop: Option<RolloutId>,
    /// Where to connect.
    pub binding: Binding,
    /// When to come again, seconds.
    pub poll_secs: u32,
    /// Newest root version.
    pub root_version: u64,
    /// The root after the device's own, as signed.
    pub root: Option<Vec<u8>>,
}

/// A check run on the newest model, in the daemon's queue, just before its entries are written.
pub type Check = Box<dyn FnOnce(&Fleet, Timestamp) -> Result<Registered, Problem> + Send>;

/// What must hold of the newest model, or the request is refused.
pub type Guard = Box<dyn Fn(&Fleet) -> Result<(), Problem> + Send + Sync>;

/// On which terms something is written. By default on none.
#[derive(Default)]
pub struct Terms {
    /// Looked at in the queue, just before deciding: for `If-Match`.
    pub guard: Option<Guard>,
    /// Written in the transaction of the effect, also if there was nothing to write: for
    /// `Idempotency-Key`.
    pub once: Option<OnceRecord>,
}

impl Terms {
    /// Whether they hold: a request that was taken already is refused before anything else.
    ///
    /// # Errors
    /// As [`Fleet::check_once`], then whatever the guard says.
    pub fn check(&self, fleet: &Fleet, now: Timestamp) -> Result<(), Problem> {
        if let Some(once) = &self.once {
            fleet.check_once(once, now)?;
        }
        self.guard.as_ref().map_or(Ok(()), |guard| guard(fleet))
    }

    /// What is written along with the effect.
    pub fn entry(&self) -> Option<Entry> {
        self.once.clone().map(Entry::Once)
    }
}

/// The daemon, as the routes see it.
pub trait Backend: Clone + Send + Sync + 'static {
    /// Where images are kept.
    type Images: ImageStore + 'static;

    /// The images.
    fn images(&self) -> &Self::Images;

    /// The time.
    fn now(&self) -> Timestamp;

    /// Fills with random bytes.
    fn entropy(&self, bytes: &mut [u8]);

    /// Key of signed image URLs.
    fn url_key(&self) -> &[u8; 32];

    /// What is counted of the backend.
    fn meters(&self) -> &Meters;

    /// The place of the last entry that the model has folded; changes with every fold.
    fn changes(&self) -> watch::Receiver<u64>;

    /// How the evidence of a rollout went, oldest first; nothing if that was not looked at.
    fn course(&self, rollout: RolloutId) -> Vec<(Timestamp, Look)>;

    /// Reads the model. Nothing may block in `read`.
    fn read<T>(&self, read: impl FnOnce(&Fleet) -> T) -> T;

    /// A device says how it is and asks what to do.
    fn check_in(
        &self,
        device: DeviceId,
        facts: Facts,
    ) -> impl Future<Output = Result<CheckedIn, Problem>> + Send;

    /// A device asks leave to switch.
    fn begin(
        &self,
        device: DeviceId,
        rollout: RolloutId,
        attempt: u32,
        digest: Digest,
    ) -> impl Future<Output = Result<Reply, Problem>> + Send;

    /// Reports of one device, all or none; durable when it returns.
    fn report(
        &self,
        reports: Vec<ReportRecord>,
    ) -> impl Future<Output = Result<(), Problem>> + Send;

    /// Checks and writes, if the terms hold; what was written of it, or nothing if it was there
    /// already.
    fn register(
        &self,
        check: Check,
        terms: Terms,
    ) -> impl Future<Output = Result<Vec<Stored>, Problem>> + Send;

    /// Gives a command to a rollout, if the terms hold.
    fn command(
        &self,
        rollout: RolloutId,
        commanded: Commanded,
        terms: Terms,
    ) -> impl Future<Output = Result<(), Problem>> + Send;

    /// Remembers what was answered to a request that is carried out once. The first answer stays.
    fn answered(
        &self,
        principal: Principal,
        key: String,
        status: u16,
        body: Vec<u8>,
    ) -> impl Future<Output = Result<(), Problem>> + Send;

    /// Entries after `after`, at most `limit`.
    fn entries(
        &self,
        after: Seq,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Stored>, Problem>> + Send;
}
