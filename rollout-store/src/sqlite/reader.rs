//! The thread that reads, so that no reader ever waits for a sync.
//!
//! Invariant: it sees what is committed and nothing else.

use crate::migrate::failed;
use crate::row;
use rollout_core::id::RolloutId;
use rollout_core::journal::{Seq, Stored};
use rollout_core::port::{Outgoing, StoreError};
use rollout_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension};
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};

/// Questions that may wait; more wait at their askers.
const QUEUE: usize = 64;

type Question = Box<dyn FnOnce(&Connection) + Send>;

/// The reading thread, by its queue.
pub(super) struct Reader {
    queue: Option<mpsc::Sender<Question>>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    pub(super) fn start(connection: Connection) -> Result<Self, StoreError> {
        let (queue, mut questions) = mpsc::channel::<Question>(QUEUE);
        let run = move || {
            while let Some(question) = questions.blocking_recv() {
                question(&connection);
            }
        };
        let thread = std::thread::Builder::new().name("store-reader".into()).spawn(run).map_err(
            |error| StoreError::Failed {
                doing: "start the reading thread",
                why: error.to_string(),
            },
        )?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let gone =
            || StoreError::Failed { doing: "reach the reading thread", why: "it has ended".into() };
        let (reply, answer) = oneshot::channel();
        let asked: Question = Box::new(move |connection| {
            // Somebody who no longer waits is no error.
            reply.send(question(connection)).ok();
        });
        let queue = self.queue.as_ref().ok_or_else(gone)?;
        queue.send(asked).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // A panic there has already failed whoever waited.
            thread.join().ok();
        }
    }
}

/// Entries after `after`, decoded; a place that is missing is an error like one that is damaged.
pub(super) fn entries(
    connection: &Connection,
    after: Seq,
    limit: usize,
) -> Result<Vec<Stored>, StoreError> {
    let sql = "SELECT seq, at, body FROM journal WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    let mut statement = connection.prepare_cached(sql).map_err(failed("read the journal"))?;
    let Ok(from) = i64::try_from(after.0) else { return Ok(Vec::new()) };
    let mut rows = statement.query((from, rows(limit))).map_err(failed("read the journal"))?;
    let mut entries = Vec::new();
    let mut expected = after.0;
    while let Some(row) = rows.next().map_err(failed("read the journal"))? {
        expected += 1;
        let seq = Seq(expected);
        let found: i64 = row.get(0).map_err(failed("read a place"))?;
        if found.cast_unsigned() != expected {
            return Err(StoreError::Corrupt { seq, why: format!("it is missing before {found}") });
        }
        let corrupt = |error: rusqlite::Error| StoreError::Corrupt { seq, why: error.to_string() };
        let at: i64 = row.get(1).map_err(corrupt)?;
        let body = row.get_ref(2).map_err(corrupt)?.as_str();
        let body = body.map_err(|error| corrupt(error.into()))?;
        let entry = row::decode(seq, body)?;
        entries.push(Stored { seq, at: Timestamp(at.cast_unsigned()), entry });
    }
    Ok(entries)
}

pub(super) fn last_beat(connection: &Connection) -> Result<Option<Timestamp>, StoreError> {
    let at: Option<i64> = connection
        .query_row("SELECT at FROM beat WHERE id = 1", [], |row| row.get(0))
        .optional()
        .map_err(failed("read the beat"))?;
    Ok(at.map(|at| Timestamp(at.cast_unsigned())))
}

pub(super) fn named(connection: &Connection, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    connection
        .query_row("SELECT value FROM named WHERE name = ?1", [name], |row| row.get(0))
        .optional()
        .map_err(failed("read a named value"))
}

pub(super) fn outbox(connection: &Connection, limit: usize) -> Result<Vec<Outgoing>, StoreError> {
    let sql = "SELECT key, kind, rollout FROM outbox ORDER BY place LIMIT ?1";
    let doing = "read the outbox";
    let mut statement = connection.prepare_cached(sql).map_err(failed(doing))?;
    let mut rows = statement.query([rows(limit)]).map_err(failed(doing))?;
    let mut effects = Vec::new();
    while let Some(row) = rows.next().map_err(failed(doing))? {
        let rollout: String = row.get(2).map_err(failed(doing))?;
        let rollout = RolloutId::parse(&rollout)
            .map_err(|error| StoreError::Failed { doing, why: error.to_string() })?;
        let key = row.get(0).map_err(failed(doing))?;
        effects.push(Outgoing { key, kind: row.get(1).map_err(failed(doing))?, rollout });
    }
    Ok(effects)
}

/// A limit as SQL takes it: a negative one would be none.
fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
