//! Events as they happen, across connections.
//!
//! Deliberately not here: the form of a stream; the client reads it. Invariant: places only rise,
//! and what lies between two of them was read or is said to be left out.

use super::{Gone, Sink, backoff};
use crate::app::What;
use rollout_http::body::v1::EventLine;
use rollout_http::client::{Client, Error, EventStream};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// Events of the past that a fresh screen shows.
const PAST: u64 = 300;
/// Most events that are read to close a gap: more than a screen keeps.
const GAP: u64 = 2_000;
/// Events of a page.
const PAGE: u32 = 1_000;

/// Why a connection ended.
enum End {
    Gone,
    Broken(Error),
    Ended,
}

impl From<Gone> for End {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        Self::Broken(error)
    }
}

struct Follower {
    client: Client,
    sink: Sink,
    changed: Arc<Notify>,
    /// The last place that was told.
    last: Option<u64>,
}

/// Follows until nobody listens.
pub async fn follow(client: Client, sink: Sink, changed: Arc<Notify>) -> Result<(), Gone> {
    let mut follower = Follower { client, sink, changed, last: None };
    let mut attempt = 0;
    loop {
        let before = follower.last;
        let why = match follower.connection().await {
            Err(End::Gone) => return Err(Gone),
            Err(End::Broken(error)) => said(&error),
            Err(End::Ended) | Ok(()) => "the server ended the stream".into(),
        };
        // A connection that told something was a good one.
        attempt = if follower.last > before { 0 } else { attempt + 1 };
        let now_ms = follower.sink.now_ms();
        let wait = backoff(attempt, now_ms);
        follower.sink.send(What::Lost { why, retry_at_ms: now_ms + wait }).await?;
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }
}

fn said(error: &Error) -> String {
    let source = std::error::Error::source(error).map(|source| format!(": {source}"));
    format!("{error}{}", source.unwrap_or_default())
}

impl Follower {
    async fn connection(&mut self) -> Result<(), End> {
        if self.last.is_none() {
            let read_to = self.client.overview().await?.read_to;
            let from = read_to.saturating_sub(PAST);
            self.last = Some(from);
            self.read_up_to(read_to + 1).await?;
            self.last = self.last.max(Some(read_to));
        }
        let mut stream: EventStream = self.client.events_stream(self.last).await?;
        self.sink.send(What::Connected).await?;
        self.changed.notify_one();
        while let Some(event) = stream.next().await? {
            self.told(event).await?;
        }
        Err(End::Ended)
    }

    /// An event of the stream, with whatever should have come before it.
    async fn told(&mut self, event: EventLine) -> Result<(), End> {
        let last = self.last.unwrap_or(0);
        if event.seq > last + 1 {
            self.read_up_to(event.seq).await?;
        }
        self.tell(event).await?;
        Ok(())
    }

    async fn tell(&mut self, event: EventLine) -> Result<(), Gone> {
        if self.last.is_some_and(|last| event.seq <= last) {
            return Ok(());
        }
        self.last = Some(event.seq);
        self.sink.send(What::Event(event)).await?;
        self.changed.notify_one();
        Ok(())
    }

    /// Reads by pages what lies before a place. Of a gap too long to read, the newest part.
    async fn read_up_to(&mut self, before: u64) -> Result<(), End> {
        let last = self.last.unwrap_or(0);
        let from = last.max(before.saturating_sub(GAP + 1));
        if from > last {
            self.sink.send(What::Skipped { from: last + 1, to: from }).await?;
            self.last = Some(from);
        }
        while let Some(last) = self.last.filter(|last| last + 1 < before) {
            let page = self.client.events(last, PAGE).await?;
            let Some(end) = page.last().map(|event| event.seq) else { break };
            for event in page.into_iter().filter(|event| event.seq < before) {
                self.tell(event).await?;
            }
            if end + 1 >= before || end <= last {
                break;
            }
        }
        Ok(())
    }
}
