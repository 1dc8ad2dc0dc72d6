//! The room of evidence: what reports of a rollout prove, and what they do not prove yet.
//!
//! Counters go in, a [`Verdict`] comes out. Its guarantees hold at every moment, however often one
//! looks: a build within its limit is aborted with probability at most alpha over the whole
//! rollout, a build that is unacceptable passes with probability at most beta.
//!
//! Deliberately not here: who counts as exposed or matured (the caller fixes each horizon before
//! an outcome is known), ladders and their reach, and anything that remembers. An evaluation is a
//! function of counts alone, in any order; only [`Verdict::latched`] relates two moments.
//!
//! Invariants: no data is never a pass and never an error; an abort is never taken back by the
//! statistics; every logarithm and exponential is `libm`'s, so a verdict replays bit for bit.

pub mod combine;
pub mod failure;
pub mod numerics;
pub mod operating;
pub mod pacing;
pub mod sprt;
pub mod stop;
pub mod verdict;

mod error;
mod evidence;
mod prior;
mod rate;
mod set;

pub use combine::{Blame, Epoch, Weights};
pub use error::GateError;
pub use evidence::{Evidence, Tally};
pub use failure::FailureGate;
pub use pacing::{Budget, Pacing};
pub use prior::Prior;
pub use rate::{LnE, Proportion, Rate, Risk, Weight};
pub use set::{Component, Evaluation, GateSet};
pub use stop::{HardStops, StopCounts, StopRule};
pub use verdict::{Breach, HoldReason, Verdict};
