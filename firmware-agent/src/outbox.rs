//! Reports that the server has not acknowledged yet.
//!
//! Bounded, stored with the record, sent in order of their sequence. Invariant: a report leaves
//! only after an acknowledgement, or when it alone was declined, or when a full outbox needs room
//! for news; sequences rise and are never used twice. Not here: when to send.

use crate::record::Identity;
use rollout_core::id::Digest;
use rollout_core::wire::{Event, Hex, REPORTS, Reason, Report};
use serde::{Serialize, Serializer};

/// A report as it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Rises with every report.
    pub sequence: u64,
    /// Rollout and attempt.
    pub identity: Identity,
    /// What happened.
    pub event: Event,
    /// Why.
    pub reason: Option<Reason>,
    /// What ran at that time.
    pub running: Digest,
}

impl Entry {
    /// The report for the wire.
    pub fn report(&self) -> Report<'_> {
        Report {
            sequence: self.sequence,
            rollout: self.identity.rollout.as_str(),
            attempt: self.identity.attempt,
            event: self.event,
            reason: self.reason,
            running: Some(Hex::from(self.running)),
            detail: None,
        }
    }
}

/// Reports to be sent, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outbox {
    entries: [Option<Entry>; REPORTS],
    len: usize,
    next: u64,
}

impl Outbox {
    /// Empty; the first report gets the sequence `next`.
    pub const fn starting_at(next: u64) -> Self {
        Self { entries: [None; REPORTS], len: 0, next }
    }

    /// Sequence of the next report.
    pub const fn next_sequence(&self) -> u64 {
        self.next
    }

    /// How many wait.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether none waits.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Those that wait, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries[..self.len].iter().flatten()
    }

    /// Adds a report. Progress replaces older progress; a full outbox gives up progress first,
    /// then the oldest.
    pub fn push(
        &mut self,
        identity: Identity,
        event: Event,
        reason: Option<Reason>,
        running: Digest,
    ) {
        let progress = |entry: &Entry| entry.event == Event::Downloading;
        if event == Event::Downloading {
            self.keep(|entry| !(progress(entry) && entry.identity == identity));
        }
        if self.len == REPORTS {
            self.keep(|entry| !progress(entry));
        }
        if self.len == REPORTS {
            self.drop_first();
        }
        let entry = Entry { sequence: self.next, identity, event, reason, running };
        self.restore(entry);
    }

    /// Puts back a report as it was stored; the sequence after it is next.
    pub fn restore(&mut self, entry: Entry) {
        if let Some(place) = self.entries.get_mut(self.len) {
            *place = Some(entry);
            self.len += 1;
        }
        self.next = self.next.max(entry.sequence.saturating_add(1));
    }

    /// Removes what the server has on disk.
    pub fn acknowledge(&mut self, sequence: u64) {
        self.keep(|entry| entry.sequence > sequence);
    }

    /// Removes the oldest, which the server declined alone.
    pub fn drop_first(&mut self) {
        let first = self.iter().next().map(|entry| entry.sequence);
        if let Some(first) = first {
            self.acknowledge(first);
        }
    }

    fn keep(&mut self, wanted: impl Fn(&Entry) -> bool) {
        let mut kept = 0;
        for index in 0..self.len {
            let entry = self.entries[index].take();
            if entry.as_ref().is_some_and(&wanted) {
                self.entries[kept] = entry;
                kept += 1;
            }
        }
        self.len = kept;
    }
}

/// The oldest reports of an outbox, serialized as a list.
#[derive(Clone, Copy, Debug)]
pub struct Reports<'a> {
    outbox: &'a Outbox,
    limit: usize,
}

impl<'a> Reports<'a> {
    /// At most `limit` reports.
    pub const fn new(outbox: &'a Outbox, limit: usize) -> Self {
        Self { outbox, limit }
    }

    /// The reports.
    pub fn iter(&self) -> impl Iterator<Item = &'a Entry> + use<'a> {
        self.outbox.entries[..self.outbox.len].iter().flatten().take(self.limit)
    }

    /// Highest sequence among them.
    pub fn last(&self) -> Option<u64> {
        self.iter().last().map(|entry| entry.sequence)
    }
}

impl Serialize for Reports<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Entry::report))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Text;

    fn push(outbox: &mut Outbox, attempt: u32, event: Event) {
        let identity = Identity { rollout: Text::EMPTY, attempt };
        outbox.push(identity, event, None, Digest::of(b""));
    }

    #[test]
    fn a_full_outbox_keeps_the_news() {
        let mut outbox = Outbox::starting_at(1);
        push(&mut outbox, 0, Event::Confirmed);
        push(&mut outbox, 1, Event::Downloading);
        push(&mut outbox, 1, Event::Downloading);
        assert_eq!(outbox.len(), 2);
        for attempt in 2..70 {
            push(&mut outbox, attempt, Event::Refused);
        }
        assert_eq!(outbox.len(), REPORTS);
        assert!(outbox.iter().all(|entry| entry.event == Event::Refused));
        assert!(outbox.iter().zip(outbox.iter().skip(1)).all(|(a, b)| a.sequence < b.sequence));
        assert_eq!(outbox.next_sequence(), 72);
    }

    #[test]
    fn only_what_was_acknowledged_leaves() {
        let mut outbox = Outbox::starting_at(10);
        for attempt in 0..3 {
            push(&mut outbox, attempt, Event::Booted);
        }
        outbox.acknowledge(9);
        assert_eq!(outbox.len(), 3);
        outbox.acknowledge(11);
        assert_eq!(outbox.iter().map(|entry| entry.sequence).collect::<Vec<_>>(), [12]);
    }
}
