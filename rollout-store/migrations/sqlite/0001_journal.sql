-- The only truth there is: sequential keys, appended, never changed.
CREATE TABLE journal (
    seq  INTEGER PRIMARY KEY CHECK (seq > 0),
    -- UTC, milliseconds; the bits of an unsigned number.
    at   INTEGER NOT NULL,
    -- One JSON object: version, kind and fields of the entry.
    body TEXT NOT NULL
) STRICT;

-- Effects to be carried out at least once, oldest first.
CREATE TABLE outbox (
    place   INTEGER PRIMARY KEY,
    key     TEXT NOT NULL UNIQUE,
    kind    TEXT NOT NULL,
    rollout TEXT NOT NULL
) STRICT;

-- When the daemon could last serve: one row.
CREATE TABLE beat (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at INTEGER NOT NULL
) STRICT;

-- Small values by name.
CREATE TABLE named (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
