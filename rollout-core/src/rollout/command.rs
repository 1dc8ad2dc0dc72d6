//! What operators may ask of a rollout.

use super::{Plan, RungIndex};
use crate::id::Principal;
use crate::time::Timestamp;
use alloc::{string::String, sync::Arc};

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// Begin.
    Start,
    /// Stop for a while; one person resumes it.
    Pause {
        /// Why.
        reason: String,
        /// When it is looked at again.
        review_at: Timestamp,
    },
    /// Go on: one person after a pause, two after a halt.
    Resume,
    /// Open the next rung without waiting for reach, quiet or bake time.
    Advance,
    /// Agree that a rung may open.
    Approve {
        /// Which.
        rung: RungIndex,
    },
    /// Agree that a rung may take the way back away.
    ApproveNoReturn {
        /// Which.
        rung: RungIndex,
    },
    /// Stop for good.
    Halt {
        /// Why.
        reason: String,
    },
    /// End it.
    Cancel,
    /// Change its plan.
    Edit {
        /// The whole plan as it shall be.
        plan: Arc<Plan>,
        /// What that does, in a sentence: written by who decides, for those who look back.
        says: String,
    },
}

impl Command {
    /// Its name in APIs and logs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Pause { .. } => "pause",
            Self::Resume => "resume",
            Self::Advance => "advance",
            Self::Approve { .. } => "approve",
            Self::ApproveNoReturn { .. } => "approve_no_return",
            Self::Halt { .. } => "halt",
            Self::Cancel => "cancel",
            Self::Edit { .. } => "edit",
        }
    }
}

/// A command and who gave it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Commanded {
    /// Who.
    pub by: Principal,
    /// What.
    pub command: Command,
}
