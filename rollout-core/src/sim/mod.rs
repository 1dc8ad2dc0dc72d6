//! Rehearsal: the production decisions over modelled devices, in virtual time.
//!
//! Everything is decided by [`crate::fleet`]; only the devices are made up. Same plan, same
//! conduct, same bytes. Not here yet: arrival processes, failure models, many runs at once.

mod rehearsal;

pub use rehearsal::{Conduct, Rehearsal};
