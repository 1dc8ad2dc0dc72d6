//! Tests of the core.

mod admission;
mod climb;
mod cohort;
mod desk;
mod fleet;
mod gate;
mod gate_tables;
mod invariants;
#[cfg(feature = "sign")]
mod trust;
