//! One follower: takes what there is behind its place and sends it, a chunk at a time.
//!
//! Invariants: what is sent moves the reader's place, so that whoever is cut off goes on from
//! there; whoever does not take its next chunk in time is let go; nobody follows longer than its
//! token is good.

use super::line::{Chunk, Filter, Line};
use super::{Hub, told};
use crate::backend::Backend;
use crate::meters::Followers;
use axum::body::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

/// How often the other side is told that we are there.
const BEAT: Duration = Duration::from_secs(15);
/// How long a reader may take for its next chunk.
const PATIENCE: Duration = Duration::from_secs(10);
/// When a reader is to come again after it was cut off, milliseconds.
const RETRY_MILLIS: u32 = 1000;
/// Entries that a filter may leave out before the reader's place is moved on.
const SKIPPED: u64 = 1024;

/// A follower, before it follows.
pub(crate) struct Follower<B> {
    pub hub: Arc<Hub<B>>,
    pub seat: OwnedSemaphorePermit,
    pub filter: Filter,
    /// The last entry that the reader has.
    pub place: u64,
}

impl<B: Backend> Follower<B> {
    /// Follows in a task of its own, while `may_follow`; the chunks to be sent.
    pub(crate) fn start(
        self,
        may_follow: impl Fn() -> bool + Send + 'static,
    ) -> mpsc::Receiver<Bytes> {
        self.hub.begin();
        let (chunks, taken) = mpsc::channel(1);
        tokio::spawn(self.follow(chunks, may_follow));
        taken
    }

    async fn follow(self, chunks: mpsc::Sender<Bytes>, may_follow: impl Fn() -> bool) {
        let Self { hub, seat, filter, place } = self;
        let followers = Arc::clone(hub.followers());
        let _counted = followers.begin();
        let mut end = hub.end.subscribe();
        let mut stop = std::pin::pin!(told(hub.stopped.clone()));
        let mut beat = interval_at(Instant::now() + BEAT, BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut pump = Pump { hub, filter, place, marked: place };
        let mut chunk = Chunk::default();
        chunk.retry(RETRY_MILLIS);
        chunk.mark(place);
        loop {
            if !chunk.is_empty() {
                if !may_follow() {
                    break;
                }
                let is_taken = tokio::select! {
                    is_taken = send(&chunks, chunk.counted(&followers), &followers) => is_taken,
                    () = &mut stop => false,
                };
                if !is_taken {
                    break;
                }
            }
            chunk = pump.take(&mut end).await;
            if !chunk.is_empty() {
                continue;
            }
            tokio::select! {
                _ = end.changed() => {}
                _ = beat.tick() => {
                    if !may_follow() {
                        break;
                    }
                    chunk = pump.beat();
                }
                () = chunks.closed() => break,
                () = &mut stop => break,
            }
        }
        drop(seat);
    }
}

/// Gives a chunk to the connection; whether it was taken in time.
async fn send(chunks: &mpsc::Sender<Bytes>, chunk: Bytes, followers: &Followers) -> bool {
    match timeout(PATIENCE, chunks.send(chunk)).await {
        Ok(sent) => sent.is_ok(),
        Err(_) => {
            followers.drop_one();
            false
        }
    }
}

struct Pump<B> {
    hub: Arc<Hub<B>>,
    filter: Filter,
    /// The last entry that was looked at.
    place: u64,
    /// The last place that the reader was told.
    marked: u64,
}

impl<B: Backend> Pump<B> {
    /// What there is behind the place; empty if there is nothing.
    async fn take(&mut self, end: &mut watch::Receiver<u64>) -> Chunk {
        let mut chunk = Chunk::default();
        loop {
            let end = *end.borrow_and_update();
            if self.place >= end {
                break;
            }
            if !self.take_from_ring(&mut chunk) && !self.take_from_store(&mut chunk, end).await {
                break;
            }
            if chunk.is_full() {
                return chunk;
            }
        }
        if self.place - self.marked >= SKIPPED {
            chunk.mark(self.place);
            self.marked = self.place;
        }
        chunk
    }

    /// Whether the ring has what comes next.
    fn take_from_ring(&mut self, chunk: &mut Chunk) -> bool {
        let hub = Arc::clone(&self.hub);
        let ring = hub.ring();
        let Some(lines) = ring.behind(self.place) else { return false };
        for line in lines {
            self.look(line, chunk);
            if chunk.is_full() {
                break;
            }
        }
        true
    }

    async fn take_from_store(&mut self, chunk: &mut Chunk, end: u64) -> bool {
        match self.hub.page(self.place, end).await {
            Ok(page) => {
                for stored in &page {
                    self.look(&Line::of(stored), chunk);
                    if chunk.is_full() {
                        break;
                    }
                }
                !page.is_empty()
            }
            Err(problem) => {
                tracing::warn!(code = problem.code, "a follower waits: {problem}");
                false
            }
        }
    }

    fn look(&mut self, line: &Line, chunk: &mut Chunk) {
        self.place = line.seq;
        if self.filter.takes(line) {
            chunk.push(line);
            self.marked = line.seq;
        }
    }

    fn beat(&mut self) -> Chunk {
        let mut chunk = Chunk::default();
        chunk.beat();
        if self.marked < self.place {
            chunk.mark(self.place);
            self.marked = self.place;
        }
        chunk
    }
}
