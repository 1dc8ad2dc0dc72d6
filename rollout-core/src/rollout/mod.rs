//! A rollout: its plan, where it stands, and the functions that decide.
//!
//! [`Rollout::step`] decides for the rollout, [`Rollout::admit`] for a device that might be
//! offered the image, [`Rollout::permit`] for one that wants to switch. Each returns its reason.
//! Invariants: the frontier of shares only rises; no permit between a halt and its resume by two
//! people; the same inputs give the same state, hash for hash.

mod admit;
mod approve;
mod change;
mod command;
mod edit;
mod ineligible;
mod install;
mod ladder;
mod no_return;
mod observe;
mod operate;
mod overdue;
mod permit;
mod phase;
mod plan;
mod rate;
mod refusal;
mod schedule;
mod spread;
mod state_hash;
mod step;
mod tally;
mod waiting;
mod words;

/// How often the evidence was started anew, by a resume after a halt.
pub use crate::gate::Epoch as EvidenceEpoch;
pub use admit::{Candidate, Terms};
pub use change::{Change, Consequence};
pub use command::{Command, Commanded};
pub use edit::{Edit, Edits, LastEdit};
pub use ineligible::Ineligible;
pub use ladder::{Admitted, Ladder, RUNGS, Rung, RungIndex, StratumId};
pub use no_return::{AgreedBy, Consent, Consents, Losses};
pub use observe::{Observation, Reach};
pub use overdue::{OnOverdue, Overdue};
pub use permit::{Patience, Permit};
pub use phase::{Cause, Nags, Phase, Review};
pub(crate) use plan::VOLATILE;
pub use plan::{
    Again, Approval, Gates, Installed, Membership, NAME_BYTES, OnSmall, Pace, Plan, PlanError,
    PlanFields, Reaching, Silence,
};
pub use rate::{Growth, PerMinute, Recent};
pub use refusal::Refusal;
pub use schedule::{Calendar, EMERGENCY_PEOPLE, Lane, Schedule, ZONE};
pub use spread::{Group, Spread};
pub use state_hash::StateHash;
pub use step::{Effect, Input, Proven, Rollout, Step};
pub use tally::{Arm, Cell, CellKey, FailureRun, Pending, Tally};
pub use waiting::Waiting;
