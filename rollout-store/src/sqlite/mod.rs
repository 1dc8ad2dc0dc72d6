//! The default store: one SQLite file, no service to install.
//!
//! A thread of its own owns the connection that writes, another the one that reads; callers wait
//! on channels, never in SQLite. Invariant: a reply is sent after the COMMIT it depends on has
//! returned, with `synchronous` at FULL: at NORMAL a commit may be lost with the power.
//! Deliberately not here: several daemons on one file, and folding.

mod reader;
mod writer;

use crate::migrate::{self, failed};
use crate::probe::{Probe, Unobserved};
use crate::row;
use reader::Reader;
use rollout_core::journal::{Entry, Seq, Stored};
use rollout_core::port::{Decision, Outgoing, Store, StoreError};
use rollout_core::time::Timestamp;
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::time::Duration;
use writer::{Job, Writer};

/// How long a connection waits for a lock that another process holds, such as a backup.
const BUSY: Duration = Duration::from_secs(10);
/// What `PRAGMA synchronous` answers at FULL.
const FULL: i64 = 2;

/// A journal in a SQLite file.
pub struct SqliteStore {
    path: PathBuf,
    // Dropped in this order: the last connection to close cleans up the write-ahead log.
    reader: Reader,
    writer: Writer,
}

impl SqliteStore {
    /// Opens or creates the store at `path`. Blocks while it does.
    ///
    /// # Errors
    /// [`StoreError::Newer`] for the file of a newer program, which is left as it is;
    /// [`StoreError::Failed`] if it cannot be opened, or is no store.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_with(path, Unobserved)
    }

    /// The same; `probe` watches the writes.
    ///
    /// # Errors
    /// As [`SqliteStore::open`].
    pub fn open_with(
        path: impl AsRef<Path>,
        probe: impl Probe + 'static,
    ) -> Result<Self, StoreError> {
        let path = path.as_ref().to_owned();
        let create = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let mut writing = connect(&path, create)?;
        migrate::inspect(&writing)?;
        make_durable(&writing)?;
        migrate::apply(&mut writing)?;
        let reading = connect(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let writer = Writer::start(writing, Box::new(probe))?;
        let reader = Reader::start(reading)?;
        Ok(Self { path, reader, writer })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed("open the store"))?;
    connection.busy_timeout(BUSY).map_err(failed("set the busy timeout"))?;
    Ok(connection)
}

/// Sets what durability rests on, and reads it back: an unknown pragma is no error in SQLite.
fn make_durable(connection: &Connection) -> Result<(), StoreError> {
    let set = failed("set the journal mode");
    let mode: String =
        connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(set)?;
    let pragmas = "PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA foreign_keys = ON;";
    connection.execute_batch(pragmas).map_err(failed("set durability"))?;
    let read = |name: &str| -> Result<i64, StoreError> {
        let read_back = failed("read a pragma back");
        connection.pragma_query_value(None, name, |row| row.get(0)).map_err(read_back)
    };
    let (synchronous, foreign_keys) = (read("synchronous")?, read("foreign_keys")?);
    if mode != "wal" || synchronous != FULL || foreign_keys != 1 {
        let why = format!(
            "journal_mode is {mode}, synchronous {synchronous}, foreign_keys {foreign_keys}; \
             needed are wal, {FULL} and 1"
        );
        return Err(StoreError::Failed { doing: "make the store durable", why });
    }
    Ok(())
}

/// Entries at the places they got.
fn placed(first: Seq, at: Timestamp, entries: Vec<Entry>) -> Vec<Stored> {
    let places = (first.0..).map(Seq);
    places.zip(entries).map(|(seq, entry)| Stored { seq, at, entry }).collect()
}

fn encoded(entries: &[Entry]) -> Result<Vec<String>, StoreError> {
    entries.iter().map(row::encode).collect()
}

impl Store for SqliteStore {
    async fn append(&self, at: Timestamp, facts: Vec<Entry>) -> Result<Vec<Stored>, StoreError> {
        let rows = encoded(&facts)?;
        let first = self.writer.ask(|reply| Job::Append { at, rows, reply }).await?;
        Ok(placed(first, at, facts))
    }

    async fn decide(&self, decision: Decision) -> Result<Vec<Stored>, StoreError> {
        let Decision { read_to, at, entries, outbox } = decision;
        let rows = encoded(&entries)?;
        let job = |reply| Job::Decide { read_to, at, rows, outbox, reply };
        let first = self.writer.ask(job).await?;
        Ok(placed(first, at, entries))
    }

    async fn read(&self, after: Seq, limit: usize) -> Result<Vec<Stored>, StoreError> {
        self.reader.ask(move |connection| reader::entries(connection, after, limit)).await
    }

    async fn end(&self) -> Result<Seq, StoreError> {
        self.reader.ask(writer::end).await
    }

    async fn beat(&self, at: Timestamp) -> Result<(), StoreError> {
        self.writer.ask(|reply| Job::Beat { at, reply }).await
    }

    async fn last_beat(&self) -> Result<Option<Timestamp>, StoreError> {
        self.reader.ask(reader::last_beat).await
    }

    async fn set(&self, name: &str, value: Vec<u8>) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.writer.ask(|reply| Job::Set { name, value, reply }).await
    }

    async fn get(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let name = name.to_owned();
        self.reader.ask(move |connection| reader::named(connection, &name)).await
    }

    async fn outbox(&self, limit: usize) -> Result<Vec<Outgoing>, StoreError> {
        self.reader.ask(move |connection| reader::outbox(connection, limit)).await
    }

    async fn done(&self, key: &str) -> Result<(), StoreError> {
        let key = key.to_owned();
        self.writer.ask(|reply| Job::Done { key, reply }).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_sync_is_read_back_and_a_file_that_cannot_have_it_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("store.sqlite");
        let create = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let connection = connect(&path, create).expect("opened");
        make_durable(&connection).expect("made durable");
        for (name, wanted) in [("synchronous", FULL), ("fullfsync", 1), ("foreign_keys", 1)] {
            let found = connection.pragma_query_value(None, name, |row| row.get(0));
            assert_eq!(found, Ok(wanted), "{name}");
        }
        let memory = Connection::open_in_memory().expect("opened");
        let refused = make_durable(&memory);
        let Err(StoreError::Failed { why, .. }) = refused else { panic!("{refused:?}") };
        assert!(why.contains("journal_mode is memory"), "{why}");
    }
}
