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

pub mod cadence;
pub mod combine;
pub mod count;
pub mod failure;
pub mod hazard;
pub mod mean;
pub mod numerics;
pub mod operating;
pub mod pacing;
pub mod quantile;
pub mod silence;
pub mod sprt;
pub mod stop;
pub mod two_arm;
pub mod verdict;

mod bets;
mod cells;
mod error;
mod evidence;
mod monitor;
mod plan;
mod prior;
mod rate;
mod ratio;
mod set;
mod standing;

pub use bets::Bets;
pub use cadence::Cadence;
pub use cells::{CellAt, EvidenceCell, EvidenceCells};
pub use combine::{Blame, Epoch, Weights};
pub use count::{CountGate, EventEvidence, EventTally, RatePrior};
pub use error::GateError;
pub use evidence::{Evidence, Tally};
pub use failure::FailureGate;
pub use hazard::{HazardEvidence, HazardGate, Moment};
pub use mean::{MeanEvidence, MeanGate};
pub use monitor::{Monitor, Reading, Seen};
pub use pacing::{Budget, Pacing};
pub use plan::{GatePlan, Metric, Scope, Stratum};
pub use prior::Prior;
pub use quantile::{Percentile, QuantileLimit};
pub use rate::{LnE, Proportion, Rate, Risk, Weight};
pub use ratio::{AtRisk, EventRate, Hours, Measure, Ratio, Total, Trust};
pub use set::{Charge, Component, Evaluation, GateSet};
pub use silence::{Patience, SilenceGate};
pub use standing::{Advance, Extent, Judgment, MetricStanding, Standing};
pub use stop::{HardStops, StopCounts, StopRule};
pub use two_arm::{Baseline, Block, TwoArmEvidence, TwoArmGate};
pub use verdict::{Breach, HoldReason, Need, Verdict};
