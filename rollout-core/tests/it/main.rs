//! Tests of the core.

mod admission;
mod attributes;
mod barred;
mod blame;
mod calendar;
mod census;
mod channels;
mod climb;
mod cohort;
mod desk;
mod edit;
mod fleet;
mod gate;
mod gate_config;
mod gate_kinds;
mod gate_plan;
mod gate_sims;
mod gate_tables;
mod invariants;
mod judged;
mod life;
mod once;
mod overdue;
mod permit;
mod rate;
mod replay;
mod resume;
mod schedule;
mod spread;
mod support;
mod timeline;
#[cfg(feature = "sign")]
mod trust;
mod unasked;
mod way_back;
