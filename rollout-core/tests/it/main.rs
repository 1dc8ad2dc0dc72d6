//! Tests of the core.

mod admission;
mod channels;
mod climb;
mod cohort;
mod desk;
mod fleet;
mod gate;
mod gate_tables;
mod invariants;
mod life;
#[cfg(feature = "sign")]
mod trust;
