//! An entry of the journal as followers get it, and which of them a follower wants.
//!
//! Invariant: a line is rendered once, however many follow; every byte that waits for a reader is
//! counted until it is gone.

use crate::body::v1::EventLine;
use crate::meters::Followers;
use crate::show;
use axum::body::Bytes;
use rollout_core::journal::Stored;
use std::sync::Arc;

/// A chunk is sent when it has so many bytes; one line more may be in it.
const CHUNK_BYTES: usize = 16 * 1024;

/// One entry.
pub(crate) struct Line {
    pub seq: u64,
    kind: &'static str,
    rollout: Option<String>,
    device: Option<String>,
    /// As an event of a stream.
    text: String,
}

impl Line {
    pub(crate) fn of(stored: &Stored) -> Self {
        let kind = stored.entry.kind();
        let event: EventLine = show::event(stored);
        // A line of texts and numbers can always be written.
        let data = serde_json::to_string(&event).unwrap_or_default();
        let text = format!("id: {}\nevent: {kind}\ndata: {data}\n\n", event.seq);
        Self { seq: event.seq, kind, rollout: event.rollout, device: event.device, text }
    }
}

/// What a follower wants to hear of; everything that is absent is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    pub rollout: Option<String>,
    pub device: Option<String>,
    /// Kinds of entries; nothing means all.
    pub kinds: Vec<String>,
}

impl Filter {
    pub(crate) fn takes(&self, line: &Line) -> bool {
        self.fits(line.kind, line.rollout.as_deref(), line.device.as_deref())
    }

    /// Whether an entry is wanted that is already a body.
    pub(crate) fn takes_event(&self, event: &EventLine) -> bool {
        self.fits(&event.kind, event.rollout.as_deref(), event.device.as_deref())
    }

    fn fits(&self, kind: &str, rollout: Option<&str>, device: Option<&str>) -> bool {
        let is_wanted =
            |wanted: &Option<String>, found| wanted.is_none() || wanted.as_deref() == found;
        is_wanted(&self.rollout, rollout)
            && is_wanted(&self.device, device)
            && (self.kinds.is_empty() || self.kinds.iter().any(|wanted| wanted == kind))
    }
}

/// Text that waits to be sent.
#[derive(Default)]
pub(super) struct Chunk {
    text: String,
}

impl Chunk {
    /// Whether it is time to send it.
    pub(super) fn is_full(&self) -> bool {
        self.text.len() >= CHUNK_BYTES
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub(super) fn push(&mut self, line: &Line) {
        self.text.push_str(&line.text);
    }

    /// Moves the reader's place on without telling it anything.
    //= HTML Living Standard §9.2.6: an event without data sets the last event id only
    pub(super) fn mark(&mut self, place: u64) {
        self.text.push_str(&format!("id: {place}\n\n"));
    }

    /// A comment, so that both sides know the other is there.
    pub(super) fn beat(&mut self) {
        self.text.push_str(": beat\n\n");
    }

    /// How long to wait before connecting again.
    pub(super) fn retry(&mut self, millis: u32) {
        self.text.push_str(&format!("retry: {millis}\n"));
    }

    /// Its bytes, counted until the last of their readers lets go.
    pub(super) fn counted(self, followers: &Arc<Followers>) -> Bytes {
        Bytes::from_owner(Counted::new(self.text, Arc::clone(followers)))
    }
}

struct Counted {
    text: String,
    followers: Arc<Followers>,
}

impl Counted {
    fn new(text: String, followers: Arc<Followers>) -> Self {
        followers.hold(text.len());
        Self { text, followers }
    }
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.followers.let_go(self.text.len());
    }
}
