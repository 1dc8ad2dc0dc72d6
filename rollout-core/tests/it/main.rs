//! Tests of the core.

mod cohort;
mod gate;
mod gate_tables;
#[cfg(feature = "sign")]
mod trust;
