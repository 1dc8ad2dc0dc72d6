//! What a request asks for beside its own words: `If-Match`, and to be carried out once.
//!
//! The gate sets it for the time of a request; the backend that routes see puts it into whatever
//! they write. So every route obeys, and none can forget. Invariants: what is asked is looked at
//! in the daemon's queue, on the newest model; a request that is carried out once draws the same
//! randomness however often it comes, and lives at the time of its first coming.

use super::once;
use crate::backend::{Backend, Check, CheckedIn, Guard, Problem, Terms};
use crate::meters::Meters;
use hmac::{Hmac, KeyInit as _, Mac as _};
use rollout_core::device::Facts;
use rollout_core::fleet::{Fleet, Look, Reply};
use rollout_core::id::{DeviceId, Digest, Principal, RolloutId};
use rollout_core::journal::{OnceRecord, ReportRecord, Seq, Stored};
use rollout_core::rollout::Commanded;
use rollout_core::time::Timestamp;
use sha2::Sha256;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use tokio::sync::watch;

/// The core's code for a request that was carried out already.
const TAKEN: &str = "ON-002";

tokio::task_local! {
    static ASKED: Conditions;
}

/// What a request asks for beside its own words.
#[derive(Default)]
pub(super) struct Conditions {
    /// Given to the first write alone.
    terms: Mutex<Terms>,
    seed: Option<Digest>,
    drawn: AtomicU64,
    /// When a request was made that comes again.
    made_at: Option<Timestamp>,
}

impl Conditions {
    /// Of a request that comes again it is known when it was made.
    pub(super) fn new(
        guard: Option<Guard>,
        once: Option<OnceRecord>,
        made_at: Option<Timestamp>,
    ) -> Self {
        // A key is free again after its day, and another request then: what it draws is its own.
        let name = once.as_ref().map(|once| {
            let OnceRecord { principal, key, fingerprint, until } = once;
            let made = made_at.unwrap_or_else(|| once::made_at(*until)).0;
            format!("{principal}\0{key}\0{fingerprint}\0{made}")
        });
        let seed = name.map(|name| Digest::of(name.as_bytes()));
        let terms = Mutex::new(Terms { guard, once });
        Self { terms, seed, drawn: AtomicU64::new(0), made_at }
    }

    /// Sets them for the time of `answer`.
    pub(super) async fn during<T>(self, answer: impl Future<Output = T>) -> T {
        ASKED.scope(self, answer).await
    }
}

/// The conditions of this request, with what the route itself asks for.
fn with_asked(own: Terms) -> Terms {
    let asked = ASKED.try_with(|asked| {
        let mut terms = asked.terms.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *terms)
    });
    let asked = asked.unwrap_or_default();
    Terms { guard: own.guard.or(asked.guard), once: own.once.or(asked.once) }
}

/// When this request was made, if it comes again.
fn again() -> Option<Timestamp> {
    ASKED.try_with(|asked| asked.made_at).ok().flatten()
}

/// A backend whose writes obey the conditions of the request they are for.
#[derive(Clone)]
pub(crate) struct Conditioned<B>(pub B);

impl<B: Backend> Backend for Conditioned<B> {
    type Images = B::Images;

    fn images(&self) -> &B::Images {
        self.0.images()
    }

    /// What is asked again is asked at its own time, so that it comes to the same.
    fn now(&self) -> Timestamp {
        again().unwrap_or_else(|| self.0.now())
    }

    fn entropy(&self, bytes: &mut [u8]) {
        let asked = ASKED.try_with(|asked| {
            let seed = asked.seed?;
            Some((seed, asked.drawn.fetch_add(1, Ordering::Relaxed)))
        });
        match asked {
            Ok(Some((seed, drawn))) => draw(self.0.url_key(), seed, drawn, bytes),
            Ok(None) | Err(_) => self.0.entropy(bytes),
        }
    }

    fn url_key(&self) -> &[u8; 32] {
        self.0.url_key()
    }

    fn meters(&self) -> &Meters {
        self.0.meters()
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes()
    }

    fn course(&self, rollout: RolloutId) -> Vec<(Timestamp, Look)> {
        self.0.course(rollout)
    }

    fn read<T>(&self, read: impl FnOnce(&Fleet) -> T) -> T {
        self.0.read(read)
    }

    async fn check_in(&self, device: DeviceId, facts: Facts) -> Result<CheckedIn, Problem> {
        self.0.check_in(device, facts).await
    }

    async fn begin(
        &self,
        device: DeviceId,
        rollout: RolloutId,
        attempt: u32,
        digest: Digest,
    ) -> Result<Reply, Problem> {
        self.0.begin(device, rollout, attempt, digest).await
    }

    async fn report(&self, reports: Vec<ReportRecord>) -> Result<(), Problem> {
        self.0.report(reports).await
    }

    async fn register(&self, check: Check, terms: Terms) -> Result<Vec<Stored>, Problem> {
        match self.0.register(check, with_asked(terms)).await {
            // It is there; what follows shows it.
            Err(problem) if problem.code == TAKEN && again().is_some() => Ok(Vec::new()),
            written => written,
        }
    }

    async fn command(
        &self,
        rollout: RolloutId,
        commanded: Commanded,
        terms: Terms,
    ) -> Result<(), Problem> {
        match self.0.command(rollout, commanded, with_asked(terms)).await {
            Err(problem) if problem.code == TAKEN && again().is_some() => Ok(()),
            given => given,
        }
    }

    async fn answered(
        &self,
        principal: Principal,
        key: String,
        status: u16,
        body: Vec<u8>,
    ) -> Result<(), Problem> {
        self.0.answered(principal, key, status, body).await
    }

    async fn entries(&self, after: Seq, limit: usize) -> Result<Vec<Stored>, Problem> {
        self.0.entries(after, limit).await
    }
}

/// Randomness that follows from a key of ours and the name of the request.
fn draw(key: &[u8; 32], seed: Digest, drawn: u64, bytes: &mut [u8]) {
    for (block, chunk) in bytes.chunks_mut(32).enumerate() {
        let mut padded = [0; 64];
        padded[..key.len()].copy_from_slice(key);
        let mut mac = Hmac::<Sha256>::new(&padded.into());
        mac.update(b"once-entropy-v1\0");
        mac.update(seed.as_bytes());
        mac.update(&drawn.to_be_bytes());
        mac.update(&(block as u64).to_be_bytes());
        let made = mac.finalize().into_bytes();
        chunk.copy_from_slice(&made[..chunk.len()]);
    }
}
