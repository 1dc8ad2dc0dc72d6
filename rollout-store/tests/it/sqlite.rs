//! What the SQLite store promises beyond the suite: durability before answers, and migrations.

use rollout_core::journal::{Entry, Seq};
use rollout_core::port::{Decision, Store, StoreError};
use rollout_core::time::Timestamp;
use rollout_store::conformance::{self, sample};
use rollout_store::{MemoryStore, Point, Probe, SqliteStore};
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use tempfile::TempDir;
use tokio::sync::mpsc as told;

struct Place {
    directory: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().expect("a directory") }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("store.sqlite")
    }

    fn open(&self) -> SqliteStore {
        SqliteStore::open(self.path()).expect("the store opens")
    }

    fn raw(&self) -> Connection {
        Connection::open(self.path()).expect("the file opens")
    }
}

/// Tells of every point, and waits at one of them until it is let go.
struct Gate {
    waits_at: Point,
    seen: told::UnboundedSender<Point>,
    go: Mutex<mpsc::Receiver<()>>,
}

fn gate(waits_at: Point) -> (Gate, told::UnboundedReceiver<Point>, mpsc::Sender<()>) {
    let (seen, points) = told::unbounded_channel();
    let (release, go) = mpsc::channel();
    (Gate { waits_at, seen, go: Mutex::new(go) }, points, release)
}

impl Probe for Gate {
    fn at(&self, point: Point) {
        self.seen.send(point).ok();
        if point == self.waits_at {
            // A test that has ended releases as well.
            self.go.lock().unwrap_or_else(PoisonError::into_inner).recv().ok();
        }
    }
}

async fn until(points: &mut told::UnboundedReceiver<Point>, wanted: Point) {
    while points.recv().await.expect("the writer lives") != wanted {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_conforms() {
    let (directory, number) = (tempfile::tempdir().expect("a directory"), Mutex::new(0));
    let fresh = || {
        let mut number = number.lock().unwrap_or_else(PoisonError::into_inner);
        *number += 1;
        let name = format!("{number}.sqlite");
        SqliteStore::open(directory.path().join(name)).expect("the store opens")
    };
    let reopen = |store: SqliteStore| {
        let path = store.path().to_owned();
        drop(store);
        SqliteStore::open(path).expect("the store opens again")
    };
    assert_eq!(conformance::run(fresh, reopen).await.len(), 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_ack_leaves_before_its_sync_returned() {
    for waits_at in [Point::AppendBegin, Point::AppendInserted, Point::AppendCommitted] {
        let place = Place::new();
        let (probe, mut points, release) = gate(waits_at);
        let store = SqliteStore::open_with(place.path(), probe).expect("the store opens");
        let mut append = Box::pin(store.append(Timestamp(1), vec![sample(1)]));
        tokio::select! {
            biased;
            answer = &mut append => panic!("answered at {waits_at:?}: {answer:?}"),
            () = until(&mut points, waits_at) => {}
        }
        let committed = u64::from(!waits_at.is_inside_commit());
        assert_eq!(store.end().await, Ok(Seq(committed)), "readers see what is committed");
        tokio::select! {
            biased;
            answer = &mut append => panic!("answered at {waits_at:?}: {answer:?}"),
            () = std::future::ready(()) => {}
        }
        release.send(()).expect("the writer waits");
        assert_eq!(append.await.map(|stored| stored.len()), Ok(1));
        assert_eq!(store.end().await, Ok(Seq(1)));
    }
}

/// While one append is held up, others queue behind it with a decision in their middle: the
/// appends before the decision share one transaction, and the decision sees them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_appends_share_a_sync_and_a_decision_keeps_its_place() {
    let place = Place::new();
    let (probe, mut points, release) = gate(Point::AppendInserted);
    let store = Arc::new(SqliteStore::open_with(place.path(), probe).expect("the store opens"));
    let spawn_append = |number: u64| {
        let store = store.clone();
        tokio::spawn(async move { store.append(Timestamp(1), vec![sample(number)]).await })
    };
    let first = spawn_append(0);
    until(&mut points, Point::AppendInserted).await;
    let mut queued: Vec<_> = Vec::new();
    for number in 1..=3 {
        let mut append = Box::pin(store.append(Timestamp(1), vec![sample(number)]));
        poll_once(&mut append).await;
        queued.push(append);
    }
    let stale = Decision { read_to: Seq(1), entries: vec![Entry::Clock], ..Decision::default() };
    let fresh = Decision { read_to: Seq(4), ..stale.clone() };
    let (mut stale, mut fresh) = (Box::pin(store.decide(stale)), Box::pin(store.decide(fresh)));
    poll_once(&mut stale).await;
    poll_once(&mut fresh).await;
    let mut last = Box::pin(store.append(Timestamp(1), vec![sample(9)]));
    poll_once(&mut last).await;
    drop(release);
    assert_eq!(first.await.expect("it ends").map(|stored| stored[0].seq), Ok(Seq(1)));
    for (append, place) in queued.into_iter().zip(2..) {
        assert_eq!(append.await.map(|stored| stored[0].seq), Ok(Seq(place)));
    }
    assert_eq!(stale.await, Err(StoreError::Conflict { end: Seq(4) }), "behind the appends");
    assert_eq!(fresh.await.map(|stored| stored[0].seq), Ok(Seq(5)));
    assert_eq!(last.await.map(|stored| stored[0].seq), Ok(Seq(6)), "never before the decision");
    let mut commits = Vec::new();
    while let Ok(point) = points.try_recv() {
        commits.extend((!point.is_inside_commit()).then_some(point));
    }
    let (appends, decide) = (Point::AppendCommitted, Point::DecideCommitted);
    assert_eq!(commits, [appends, appends, decide, appends], "three appends, one sync");
}

/// Polls a future a single time, so that what it wants is queued.
async fn poll_once<F: Future + Unpin>(future: &mut F)
where
    F::Output: std::fmt::Debug,
{
    tokio::select! {
        biased;
        answer = future => panic!("answered too early: {answer:?}"),
        () = std::future::ready(()) => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_stores_pass_the_same_points() {
    let place = Place::new();
    let (memory_gate, mut memory_points, _) = gate(Point::SetCommitted);
    let (sqlite_gate, mut sqlite_points, _) = gate(Point::SetCommitted);
    let memory = MemoryStore::with_probe(memory_gate);
    let sqlite = SqliteStore::open_with(place.path(), sqlite_gate).expect("the store opens");
    write_everything(&memory).await;
    write_everything(&sqlite).await;
    let (mut of_memory, mut of_sqlite) = (Vec::new(), Vec::new());
    while let Ok(point) = memory_points.try_recv() {
        of_memory.push(point);
    }
    while let Ok(point) = sqlite_points.try_recv() {
        of_sqlite.push(point);
    }
    assert_eq!(of_memory, of_sqlite);
    for point in Point::ALL {
        assert!(of_sqlite.contains(point), "{point:?}");
        assert_eq!(Point::parse(point.name()), Some(*point));
    }
    assert_eq!(of_sqlite.len(), Point::ALL.len() + 1, "a conflict begins and writes nothing");
}

async fn write_everything(store: &impl Store) {
    store.append(Timestamp(1), vec![sample(1)]).await.expect("appended");
    let decision = Decision { read_to: Seq(1), ..Decision::default() };
    store.decide(decision.clone()).await.expect("decided");
    store.beat(Timestamp(1)).await.expect("beaten");
    store.set("name", vec![1]).await.expect("set");
    store.done("key").await.expect("forgotten");
    store.decide(Decision { read_to: Seq(9), ..decision }).await.expect_err("a conflict");
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_nothing_is_touched() {
    let place = Place::new();
    let raw = place.raw();
    raw.execute_batch(
        "CREATE TABLE schema_version (version INTEGER PRIMARY KEY, name TEXT NOT NULL);
         INSERT INTO schema_version VALUES (1, 'old'), (99, 'of the future');",
    )
    .expect("written");
    drop(raw);
    let before = std::fs::read(place.path()).expect("the file");
    let refused = SqliteStore::open(place.path()).err();
    assert_eq!(refused, Some(StoreError::Newer { found: 99, known: 1 }));
    assert!(std::fs::read(place.path()).expect("the file") == before, "not a byte has changed");
    let files = std::fs::read_dir(place.directory.path()).expect("a directory").count();
    assert_eq!(files, 1, "nor has a file come along");
}

#[tokio::test]
async fn a_database_of_somebody_else_is_refused() {
    let place = Place::new();
    place.raw().execute_batch("CREATE TABLE songs (title TEXT)").expect("written");
    let refused = SqliteStore::open(place.path()).err();
    let Some(StoreError::Failed { why, .. }) = refused else { panic!("{refused:?}") };
    assert!(why.contains("songs"), "{why}");
}

#[tokio::test]
async fn a_migration_happens_once_and_is_recorded() {
    let place = Place::new();
    for _ in 0..3 {
        drop(place.open());
    }
    let raw = place.raw();
    let recorded: Vec<(u32, String)> = raw
        .prepare("SELECT version, name FROM schema_version")
        .and_then(|mut statement| {
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .expect("recorded");
    assert_eq!(recorded, [(1, "0001_journal".into())]);
    let mode: String = raw.query_row("PRAGMA journal_mode", [], |row| row.get(0)).expect("a mode");
    assert_eq!(mode, "wal");
}

#[tokio::test]
async fn a_corrupt_row_is_named_and_so_is_a_missing_one() {
    let place = Place::new();
    let store = place.open();
    store.append(Timestamp(1), (0..4).map(sample).collect()).await.expect("appended");
    place.raw().execute("UPDATE journal SET body = '{\"v\":1}' WHERE seq = 3", []).expect("bent");
    assert_eq!(store.read(Seq(0), 2).await.map(|page| page.len()), Ok(2), "the rest reads");
    let refused = store.read(Seq(0), 9).await;
    let Err(StoreError::Corrupt { seq: Seq(3), why }) = refused else { panic!("{refused:?}") };
    assert!(why.contains("missing field `kind`"), "{why}");
    place.raw().execute("DELETE FROM journal WHERE seq = 2", []).expect("torn out");
    let refused = store.read(Seq(0), 9).await;
    assert!(matches!(refused, Err(StoreError::Corrupt { seq: Seq(2), .. })), "{refused:?}");
}
