//! Brings a database to the schema this program knows.
//!
//! Migrations are numbered, additive, and recorded as they are applied, all in one transaction.
//! Invariant: a database of a newer program, or one that is none of ours, is left as it is.

use rollout_core::port::StoreError;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

/// A step of the schema: its SQL adds, and never takes away what an older program reads.
struct Migration {
    version: u32,
    name: &'static str,
    sql: &'static str,
}

const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "0001_journal",
    sql: include_str!("../migrations/sqlite/0001_journal.sql"),
}];

/// The newest schema this program knows.
pub(crate) const KNOWN: u32 = MIGRATIONS[MIGRATIONS.len() - 1].version;

const RECORD: &str = "CREATE TABLE IF NOT EXISTS schema_version (
    version INTEGER PRIMARY KEY,
    name    TEXT NOT NULL
) STRICT";

/// Refuses what must not be touched. Reads only.
pub(crate) fn inspect(connection: &Connection) -> Result<(), StoreError> {
    let found = version(connection).map_err(failed("read the schema's version"))?;
    match found {
        Some(found) if found > KNOWN => Err(StoreError::Newer { found, known: KNOWN }),
        Some(_) => Ok(()),
        None => refuse_foreign(connection),
    }
}

fn refuse_foreign(connection: &Connection) -> Result<(), StoreError> {
    let foreign: Option<String> = connection
        .query_row("SELECT name FROM sqlite_schema LIMIT 1", [], |row| row.get(0))
        .optional()
        .map_err(failed("look for tables of others"))?;
    match foreign {
        Some(table) => Err(StoreError::Failed {
            doing: "use this database",
            why: format!("it is no rollout store: it has `{table}` but no schema_version"),
        }),
        None => Ok(()),
    }
}

/// Applies what is missing; nothing if nothing is.
pub(crate) fn apply(connection: &mut Connection) -> Result<(), StoreError> {
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed("begin a migration"))?;
    inspect(&transaction)?;
    apply_missing(&transaction).map_err(failed("migrate the schema"))?;
    transaction.commit().map_err(failed("commit a migration"))
}

fn apply_missing(transaction: &Transaction) -> rusqlite::Result<()> {
    let have = version(transaction)?.unwrap_or(0);
    transaction.execute_batch(RECORD)?;
    for migration in MIGRATIONS.iter().filter(|migration| migration.version > have) {
        transaction.execute_batch(migration.sql)?;
        transaction.execute(
            "INSERT INTO schema_version (version, name) VALUES (?1, ?2)",
            (migration.version, migration.name),
        )?;
    }
    Ok(())
}

/// `None` if there is no record of versions.
fn version(connection: &Connection) -> rusqlite::Result<Option<u32>> {
    let recorded = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'schema_version'";
    match connection.query_row(recorded, [], |_| Ok(())).optional()? {
        Some(()) => {
            let newest = "SELECT coalesce(max(version), 0) FROM schema_version";
            connection.query_row(newest, [], |row| row.get(0)).map(Some)
        }
        None => Ok(None),
    }
}

/// Names what was being done.
pub(crate) fn failed(doing: &'static str) -> impl FnOnce(rusqlite::Error) -> StoreError {
    move |error| StoreError::Failed { doing, why: error.to_string() }
}
