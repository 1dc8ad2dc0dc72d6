//! Remembers: the journal and what hangs on it, and the images.
//!
//! [`MemoryStore`] and [`SqliteStore`] are the core's `Store`, [`FileImages`] is its `ImageStore`;
//! [`conformance`] says what is asked of each, once for all. Deliberately not here: folding, and
//! anything that decides. Invariants: no future is done before what it wrote is durable; places
//! in the journal have no gaps; no other crate names SQL.

pub mod conformance;
mod faulty;
mod files;
mod memory;
mod migrate;
mod probe;
pub mod row;
mod sqlite;

pub use faulty::{Fault, FaultPlan, Faulty};
pub use files::{Disk, FileImages, FileUpload};
pub use memory::MemoryStore;
pub use probe::{Point, Probe, Unobserved};
pub use sqlite::SqliteStore;
