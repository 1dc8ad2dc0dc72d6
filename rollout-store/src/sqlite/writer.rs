//! The thread that writes, and its queue.
//!
//! Appends that wait one behind the other share a transaction and its sync; everything else has
//! one of its own. Invariants: jobs take effect in the order they were queued, and none is
//! answered before the COMMIT it depends on has returned.

use crate::migrate::failed;
use crate::probe::{Probe, Steps};
use rollout_core::journal::Seq;
use rollout_core::port::{Outgoing, StoreError};
use rollout_core::time::Timestamp;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};

/// Jobs that may wait; more wait at their senders.
const QUEUE: usize = 1024;
/// Most entries that share a transaction: some milliseconds of work.
const GROUP_ENTRIES: usize = 4096;

pub(super) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// Something to be written.
pub(super) enum Job {
    Append {
        at: Timestamp,
        rows: Vec<String>,
        reply: Reply<Seq>,
    },
    Decide {
        read_to: Seq,
        at: Timestamp,
        rows: Vec<String>,
        outbox: Vec<Outgoing>,
        reply: Reply<Seq>,
    },
    Beat {
        at: Timestamp,
        reply: Reply<()>,
    },
    Set {
        name: String,
        value: Vec<u8>,
        reply: Reply<()>,
    },
    Done {
        key: String,
        reply: Reply<()>,
    },
}

/// The writing thread, by its queue.
pub(super) struct Writer {
    queue: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(connection: Connection, probe: Box<dyn Probe>) -> Result<Self, StoreError> {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let work = Work { connection, probe, jobs, held: None };
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || work.run())
            .map_err(|error| StoreError::Failed {
                doing: "start the writing thread",
                why: error.to_string(),
            })?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Queues a job and waits for its answer. Dropped while waiting, the job still happens.
    pub(super) async fn ask<T>(
        &self,
        job: impl FnOnce(Reply<T>) -> Job + Send,
    ) -> Result<T, StoreError> {
        let gone = || StoreError::Failed {
            doing: "reach the writing thread",
            why: "it has ended; whether this was written is unknown".into(),
        };
        let (reply, answer) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or_else(gone)?;
        queue.send(job(reply)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

/// Writes what is queued, then closes the file.
impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // A panic there has already failed whoever waited.
            thread.join().ok();
        }
    }
}

/// An append that waits for the COMMIT of its group.
struct Append {
    at: Timestamp,
    rows: Vec<String>,
    reply: Reply<Seq>,
}

struct Work {
    connection: Connection,
    probe: Box<dyn Probe>,
    jobs: mpsc::Receiver<Job>,
    /// Taken from the queue while a group was collected; the next to be done.
    held: Option<Job>,
}

impl Work {
    fn run(mut self) {
        while let Some(job) = self.held.take().or_else(|| self.jobs.blocking_recv()) {
            match job {
                Job::Append { at, rows, reply } => self.append(Append { at, rows, reply }),
                Job::Decide { read_to, at, rows, outbox, reply } => {
                    let written = self.commit(Steps::DECIDE, |transaction| {
                        let end = end(transaction)?;
                        if end != read_to {
                            return Err(StoreError::Conflict { end });
                        }
                        insert_effects(transaction, &outbox).map_err(failed("write effects"))?;
                        insert(transaction, end, at, &rows)?;
                        Ok(Seq(end.0 + 1))
                    });
                    answer(reply, written);
                }
                Job::Beat { at, reply } => {
                    let written = self.commit(Steps::BEAT, |transaction| {
                        let sql = "INSERT INTO beat (id, at) VALUES (1, ?1)
                            ON CONFLICT (id) DO UPDATE SET at = excluded.at";
                        let at = at.0.cast_signed();
                        transaction.execute(sql, [at]).map_err(failed("write the beat"))?;
                        Ok(())
                    });
                    answer(reply, written);
                }
                Job::Set { name, value, reply } => {
                    let written = self.commit(Steps::SET, |transaction| {
                        let sql = "INSERT INTO named (name, value) VALUES (?1, ?2)
                            ON CONFLICT (name) DO UPDATE SET value = excluded.value";
                        let write = failed("write a named value");
                        transaction.execute(sql, (name, value)).map_err(write)?;
                        Ok(())
                    });
                    answer(reply, written);
                }
                Job::Done { key, reply } => {
                    let written = self.commit(Steps::DONE, |transaction| {
                        let sql = "DELETE FROM outbox WHERE key = ?1";
                        transaction.execute(sql, [key]).map_err(failed("forget an effect"))?;
                        Ok(())
                    });
                    answer(reply, written);
                }
            }
        }
    }

    /// Writes `first` and the appends right behind it in one transaction.
    fn append(&mut self, first: Append) {
        let group = self.group(first);
        let written = self.commit(Steps::APPEND, |transaction| {
            let mut end = end(transaction)?;
            let mut firsts = Vec::with_capacity(group.len());
            for append in &group {
                firsts.push(Seq(end.0 + 1));
                end = insert(transaction, end, append.at, &append.rows)?;
            }
            Ok(firsts)
        });
        match written {
            Ok(firsts) => {
                for (append, first) in group.into_iter().zip(firsts) {
                    answer(append.reply, Ok(first));
                }
            }
            Err(error) => {
                for append in group {
                    answer(append.reply, Err(error.clone()));
                }
            }
        }
    }

    fn group(&mut self, first: Append) -> Vec<Append> {
        let mut entries = first.rows.len();
        let mut group = vec![first];
        while entries < GROUP_ENTRIES
            && let Ok(job) = self.jobs.try_recv()
        {
            match job {
                Job::Append { at, rows, reply } => {
                    entries += rows.len();
                    group.push(Append { at, rows, reply });
                }
                other @ (Job::Decide { .. }
                | Job::Beat { .. }
                | Job::Set { .. }
                | Job::Done { .. }) => {
                    self.held = Some(other);
                    break;
                }
            }
        }
        group
    }

    /// One transaction; what `write` did is durable if this is `Ok`, and undone otherwise.
    fn commit<T>(
        &mut self,
        steps: Steps,
        write: impl FnOnce(&Transaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed("begin a transaction"))?;
        self.probe.at(steps.begin);
        let written = write(&transaction)?;
        self.probe.at(steps.inserted);
        transaction.commit().map_err(failed("commit"))?;
        self.probe.at(steps.committed);
        Ok(written)
    }
}

/// Somebody who no longer waits is no error.
fn answer<T>(reply: Reply<T>, result: Result<T, StoreError>) {
    reply.send(result).ok();
}

/// The journal's end, as this connection sees it.
pub(super) fn end(connection: &Connection) -> Result<Seq, StoreError> {
    let sql = "SELECT coalesce(max(seq), 0) FROM journal";
    let mut statement = connection.prepare_cached(sql).map_err(failed("ask for the end"))?;
    let end: i64 = statement.query_row([], |row| row.get(0)).map_err(failed("ask for the end"))?;
    Ok(Seq(end.cast_unsigned()))
}

/// Writes rows behind `end`; the new end.
fn insert(
    transaction: &Transaction,
    end: Seq,
    at: Timestamp,
    rows: &[String],
) -> Result<Seq, StoreError> {
    let sql = "INSERT INTO journal (seq, at, body) VALUES (?1, ?2, ?3)";
    let mut statement = transaction.prepare_cached(sql).map_err(failed("write entries"))?;
    let (mut end, at) = (end.0.cast_signed(), at.0.cast_signed());
    for row in rows {
        end += 1;
        statement.execute((end, at, row)).map_err(failed("write entries"))?;
    }
    Ok(Seq(end.cast_unsigned()))
}

fn insert_effects(transaction: &Transaction, effects: &[Outgoing]) -> rusqlite::Result<()> {
    let sql = "INSERT INTO outbox (key, kind, rollout) VALUES (?1, ?2, ?3)
        ON CONFLICT (key) DO NOTHING";
    let mut statement = transaction.prepare_cached(sql)?;
    for effect in effects {
        statement.execute((&effect.key, &effect.kind, effect.rollout.to_string()))?;
    }
    Ok(())
}
