//! What is asked of every store, once for all of them.
//!
//! Other crates run it over stores of their own. A check that fails panics with what it asked;
//! what was checked is returned, so that a caller can show it. Not here: durability through a
//! crash, which takes a process that can be killed.

mod images;

pub use images::run_images;

use rollout_core::id::{DeviceId, RolloutId};
use rollout_core::journal::{Entry, ReportRecord, Seq, Stored};
use rollout_core::port::{Decision, Outgoing, Store, StoreError};
use rollout_core::time::Timestamp;
use rollout_core::wire::Event;
use std::sync::Arc;
use tokio::task::JoinSet;

/// How many write at once.
const WRITERS: u64 = 8;
/// How often each of them does.
const APPENDS: u64 = 16;

/// Runs all checks. `fresh` makes an empty store; `reopen` closes one and opens it again with
/// what it kept.
///
/// # Panics
/// If the store does not do what is asked.
pub async fn run<S, F, R>(fresh: F, reopen: R) -> Vec<&'static str>
where
    S: Store + 'static,
    F: Fn() -> S,
    R: Fn(S) -> S,
{
    entries_are_read_in_order_without_gaps(&fresh()).await;
    reads_are_paged(&fresh()).await;
    a_stale_decision_leaves_nothing(&fresh()).await;
    an_empty_write_takes_no_place(&fresh()).await;
    effects_are_kept_once_until_done(&fresh()).await;
    the_last_beat_counts(&fresh()).await;
    named_values_are_replaced(&fresh()).await;
    eight_writers_leave_no_gap(fresh()).await;
    one_of_eight_decisions_wins(fresh()).await;
    everything_is_there_after_reopening(fresh(), &reopen).await;
    vec![
        "entries are read in order, without gaps",
        "reads are paged",
        "a stale decision leaves nothing",
        "an empty write takes no place",
        "effects are kept once, until done",
        "the last beat counts",
        "named values are replaced",
        "eight writers leave no gap and keep each batch together",
        "one of eight decisions wins",
        "everything is there after reopening",
    ]
}

/// An entry that differs by its number.
///
/// # Panics
/// Never: the id is one.
pub fn sample(number: u64) -> Entry {
    Entry::Reported(ReportRecord {
        device: DeviceId::new("dev-0001").expect("a device id"),
        incarnation: 0,
        sequence: number,
        rollout: rollout(),
        attempt: 1,
        event: Event::Downloading,
        reason: None,
        detail: None,
    })
}

fn rollout() -> RolloutId {
    RolloutId::parse("0192f7a0-0000-7000-8000-000000000001").expect("a UUID")
}

fn effect(key: &str, kind: &str) -> Outgoing {
    Outgoing { key: key.into(), kind: kind.into(), rollout: rollout() }
}

fn decision(read_to: Seq, number: u64, outbox: Vec<Outgoing>) -> Decision {
    Decision { read_to, at: Timestamp(7), entries: vec![sample(number)], outbox }
}

async fn all<S: Store>(store: &S) -> Vec<Stored> {
    store.read(Seq(0), usize::MAX).await.expect("the journal is read")
}

async fn append<S: Store>(store: &S, numbers: std::ops::Range<u64>) -> Vec<Stored> {
    let facts = numbers.map(sample).collect();
    store.append(Timestamp(5), facts).await.expect("facts are appended")
}

async fn entries_are_read_in_order_without_gaps<S: Store>(store: &S) {
    assert_eq!(store.end().await, Ok(Seq(0)), "an empty journal ends at 0");
    let mut written = append(store, 0..3).await;
    let decided = store.decide(decision(Seq(3), 3, vec![])).await;
    written.extend(decided.expect("nothing was written since"));
    written.extend(append(store, 4..6).await);
    let read = all(store).await;
    assert_eq!(read, written, "what is read is what was said to be written");
    for (place, stored) in (1..).zip(&read) {
        let at = if place == 4 { Timestamp(7) } else { Timestamp(5) };
        let expected = Stored { seq: Seq(place), at, entry: sample(place - 1) };
        assert_eq!(*stored, expected, "each entry is at its place");
    }
    assert_eq!(store.end().await, Ok(Seq(6)));
}

async fn reads_are_paged<S: Store>(store: &S) {
    let written = append(store, 0..10).await;
    let mut read = Vec::new();
    loop {
        let after = read.last().map_or(Seq(0), |last: &Stored| last.seq);
        let page = store.read(after, 4).await.expect("a page is read");
        assert!(page.len() <= 4, "a page is at most as long as asked for");
        match page.is_empty() {
            true => break,
            false => read.extend(page),
        }
    }
    assert_eq!(read, written, "pages together are the journal");
    for after in [Seq(10), Seq(11), Seq(u64::MAX)] {
        assert_eq!(store.read(after, 4).await, Ok(vec![]), "nothing lies behind the end");
    }
    assert_eq!(store.read(Seq(0), 0).await, Ok(vec![]), "no entries are asked for");
}

async fn a_stale_decision_leaves_nothing<S: Store>(store: &S) {
    append(store, 0..2).await;
    for stale in [Seq(0), Seq(1), Seq(3)] {
        let refused = store.decide(decision(stale, 9, vec![effect("k", "x")])).await;
        assert_eq!(refused, Err(StoreError::Conflict { end: Seq(2) }), "read to {stale:?}");
    }
    assert_eq!(all(store).await.len(), 2, "a refused decision has no entries");
    assert_eq!(store.outbox(9).await, Ok(vec![]), "nor effects");
    let taken = store.decide(decision(Seq(2), 2, vec![])).await.expect("decided on the end");
    assert_eq!(taken[0].seq, Seq(3), "a refusal takes no place");
}

async fn an_empty_write_takes_no_place<S: Store>(store: &S) {
    assert_eq!(store.append(Timestamp(1), vec![]).await, Ok(vec![]));
    let only_effects = Decision { outbox: vec![effect("k", "x")], ..Decision::default() };
    assert_eq!(store.decide(only_effects).await, Ok(vec![]));
    assert_eq!(store.outbox(9).await, Ok(vec![effect("k", "x")]), "effects need no entries");
    assert_eq!(append(store, 0..1).await[0].seq, Seq(1));
}

async fn effects_are_kept_once_until_done<S: Store>(store: &S) {
    let first = vec![effect("b", "offer"), effect("a", "offer"), effect("b", "again")];
    store.decide(decision(Seq(0), 0, first)).await.expect("decided");
    let second = vec![effect("a", "again"), effect("c", "revoke")];
    store.decide(decision(Seq(1), 1, second)).await.expect("decided");
    let expected = vec![effect("b", "offer"), effect("a", "offer"), effect("c", "revoke")];
    assert_eq!(store.outbox(9).await, Ok(expected.clone()), "each key once, oldest first");
    assert_eq!(store.outbox(2).await, Ok(expected[..2].to_vec()), "at most as many as asked for");
    for key in ["a", "a", "unknown"] {
        assert_eq!(store.done(key).await, Ok(()), "done twice is done: {key}");
    }
    let left = vec![effect("b", "offer"), effect("c", "revoke")];
    assert_eq!(store.outbox(9).await, Ok(left), "what is done is forgotten");
}

async fn the_last_beat_counts<S: Store>(store: &S) {
    assert_eq!(store.last_beat().await, Ok(None));
    for at in [1, 5, 3, u64::MAX].map(Timestamp) {
        assert_eq!(store.beat(at).await, Ok(()));
        assert_eq!(store.last_beat().await, Ok(Some(at)));
    }
    assert_eq!(store.end().await, Ok(Seq(0)), "a beat is no entry");
}

async fn named_values_are_replaced<S: Store>(store: &S) {
    assert_eq!(store.get("key").await, Ok(None));
    for value in [vec![0, 255, 10], vec![], vec![7; 4096]] {
        assert_eq!(store.set("key", value.clone()).await, Ok(()));
        assert_eq!(store.get("key").await, Ok(Some(value)));
    }
    assert_eq!(store.get("Key").await, Ok(None), "names are exact");
}

async fn eight_writers_leave_no_gap<S: Store + 'static>(store: S) {
    let store = Arc::new(store);
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let store = store.clone();
        writers.spawn(async move {
            for round in 0..APPENDS {
                let number = writer * 1000 + round * 2;
                let stored = append(&*store, number..number + 2).await;
                assert_eq!(stored[1].seq.0, stored[0].seq.0 + 1, "a batch stays together");
                let back = store.read(Seq(stored[0].seq.0 - 1), 2).await;
                assert_eq!(back, Ok(stored), "what was answered can be read");
            }
        });
    }
    while let Some(done) = writers.join_next().await {
        done.expect("a writer has no complaint");
    }
    let places: Vec<_> = all(&*store).await.into_iter().map(|stored| stored.seq.0).collect();
    assert_eq!(places, (1..=WRITERS * APPENDS * 2).collect::<Vec<_>>(), "no place is missing");
}

async fn one_of_eight_decisions_wins<S: Store + 'static>(store: S) {
    let store = Arc::new(store);
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let store = store.clone();
        writers.spawn(async move { store.decide(decision(Seq(0), writer, vec![])).await });
    }
    let (mut won, mut lost) = (0, 0);
    while let Some(done) = writers.join_next().await {
        match done.expect("a writer ends") {
            Ok(_) => won += 1,
            Err(error) => {
                assert_eq!(error, StoreError::Conflict { end: Seq(1) });
                lost += 1;
            }
        }
    }
    assert_eq!((won, lost), (1, WRITERS - 1), "of decisions on the same end one wins");
}

async fn everything_is_there_after_reopening<S: Store>(store: S, reopen: impl Fn(S) -> S) {
    append(&store, 0..2).await;
    store.decide(decision(Seq(2), 2, vec![effect("k", "x")])).await.expect("decided");
    store.beat(Timestamp(11)).await.expect("beaten");
    store.set("name", vec![1, 2]).await.expect("set");
    let before = all(&store).await;
    let store = reopen(reopen(store));
    assert_eq!(all(&store).await, before, "entries");
    assert_eq!(store.outbox(9).await, Ok(vec![effect("k", "x")]), "effects");
    assert_eq!(store.last_beat().await, Ok(Some(Timestamp(11))), "the beat");
    assert_eq!(store.get("name").await, Ok(Some(vec![1, 2])), "named values");
    assert_eq!(append(&store, 3..4).await[0].seq, Seq(4), "and it goes on from there");
}
