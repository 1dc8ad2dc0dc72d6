//! Following the journal: one reader of the store, any number of followers up to a bound.
//!
//! While somebody follows, one task reads each entry once, renders it once and keeps the newest in
//! a ring. A follower has a place and nothing else: it takes lines from the ring, or pages from
//! the store if it is further behind. Not here: who may follow. Invariants: a follower gets every
//! entry behind its place that it wants, once and in order, and none that the model has not
//! folded; memory is bounded by the ring and two chunks for each follower.

mod line;
mod pump;

pub(crate) use line::{Filter, Line};
pub(crate) use pump::Follower;

use crate::backend::{Backend, Kind, Problem};
use crate::meters::Followers;
use rollout_core::journal::{Seq, Stored};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Entries that are kept rendered: some seconds of a busy fleet, about 2 MB.
const RING: usize = 8192;
/// Entries read from the store at a time: about as many as a chunk has room for, so that little of
/// what is read is read again for the next.
const PAGE: u64 = 128;
/// Followers at a time: each has a connection, two tasks and two chunks.
const FOLLOWERS: usize = 4096;
/// Rest after the store could not be read.
const REST: Duration = Duration::from_secs(1);

/// What all followers share.
pub(crate) struct Hub<B> {
    backend: B,
    seats: Arc<Semaphore>,
    ring: Mutex<Ring>,
    /// The place of the newest line in the ring.
    end: watch::Sender<u64>,
    stopped: Option<watch::Receiver<bool>>,
}

#[derive(Default)]
struct Ring {
    /// The place before the first line.
    from: u64,
    lines: VecDeque<Arc<Line>>,
    is_fed: bool,
}

impl Ring {
    fn push(&mut self, line: Line) {
        if self.lines.len() == RING {
            self.lines.pop_front();
            self.from += 1;
        }
        self.lines.push_back(Arc::new(line));
    }

    /// Lines behind `place`, or nothing if the ring begins after it.
    fn behind(&self, place: u64) -> Option<impl Iterator<Item = &Arc<Line>>> {
        let skipped = usize::try_from(place.checked_sub(self.from)?).ok()?;
        Some(self.lines.iter().skip(skipped))
    }
}

impl<B: Backend> Hub<B> {
    pub(crate) fn new(backend: B, stopped: Option<watch::Receiver<bool>>) -> Self {
        Self {
            backend,
            seats: Arc::new(Semaphore::new(FOLLOWERS)),
            ring: Mutex::default(),
            end: watch::channel(0).0,
            stopped,
        }
    }

    /// A place among the followers.
    ///
    /// # Errors
    /// `HT-012` if there is none.
    pub(crate) fn seat(&self) -> Result<OwnedSemaphorePermit, Problem> {
        Arc::clone(&self.seats).try_acquire_owned().map_err(|_| {
            let detail = format!("{FOLLOWERS} follow the journal already");
            let hint = "come again after the time in Retry-After, or read pages of /v1/events";
            Problem::new(Kind::Unavailable, "HT-012", detail, hint)
        })
    }

    /// Sees to it that the ring is fed. The caller has a seat.
    fn begin(self: &Arc<Self>) {
        let mut ring = self.ring();
        if !ring.is_fed {
            let mut changes = self.backend.changes();
            let from = *changes.borrow_and_update();
            *ring = Ring { from, lines: VecDeque::new(), is_fed: true };
            self.end.send_replace(from);
            drop(ring);
            tokio::spawn(feed(Arc::clone(self), changes));
        }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn followers(&self) -> &Arc<Followers> {
        self.backend.meters().followers()
    }

    /// Ends the feeding if nobody follows.
    fn is_alone(&self) -> bool {
        let mut ring = self.ring();
        let is_alone = self.seats.available_permits() == FOLLOWERS;
        if is_alone {
            *ring = Ring::default();
        }
        is_alone
    }

    /// Puts entries behind `place` up to `end` into the ring; whether all of them are in it.
    async fn read_to(&self, place: &mut u64, end: u64) -> bool {
        while *place < end {
            let page = match self.page(*place, end).await {
                Ok(page) => page,
                Err(problem) => {
                    tracing::warn!(code = problem.code, "nobody can follow: {problem}");
                    return false;
                }
            };
            let lines: Vec<_> = page.iter().map(Line::of).collect();
            let Some(last) = lines.last() else { return false };
            *place = last.seq;
            let mut ring = self.ring();
            lines.into_iter().for_each(|line| ring.push(line));
            drop(ring);
            self.end.send_replace(*place);
        }
        true
    }

    /// Entries behind `place` up to `end`, at most a page.
    async fn page(&self, place: u64, end: u64) -> Result<Vec<Stored>, Problem> {
        let limit = usize::try_from(PAGE.min(end.saturating_sub(place))).unwrap_or_default();
        self.backend.entries(Seq(place), limit).await
    }
}

/// Returns when the daemon stops; never if nobody would say so.
async fn told(stopped: Option<watch::Receiver<bool>>) {
    match stopped {
        // A daemon that is gone has stopped.
        Some(mut stopped) => drop(stopped.wait_for(|stop| *stop).await),
        None => std::future::pending().await,
    }
}

/// Reads what the model folds, until nobody follows any more.
async fn feed<B: Backend>(hub: Arc<Hub<B>>, mut changes: watch::Receiver<u64>) {
    let mut stop = std::pin::pin!(told(hub.stopped.clone()));
    let mut place = hub.ring().from;
    loop {
        let end = *changes.borrow_and_update();
        let caught_up = hub.read_to(&mut place, end).await;
        if hub.is_alone() {
            return;
        }
        let is_over = tokio::select! {
            changed = changes.changed(), if caught_up => changed.is_err(),
            () = tokio::time::sleep(REST), if !caught_up => false,
            () = &mut stop => true,
        };
        if is_over {
            hub.ring().is_fed = false;
            return;
        }
    }
}
