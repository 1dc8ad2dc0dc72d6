//! Statuses of executions: AWS's words and ours.
//!
//! The core has taken over all eight; a ninth survives as it came.

use rollout_core::device::ExecutionStatus;
use std::fmt;

/// A status as the service says it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// One of the eight.
    Known(ExecutionStatus),
    /// One that this program does not know.
    Unknown(String),
}

/// As the wire says it.
const fn text(status: ExecutionStatus) -> &'static str {
    match status {
        ExecutionStatus::Queued => "QUEUED",
        ExecutionStatus::InProgress => "IN_PROGRESS",
        ExecutionStatus::Succeeded => "SUCCEEDED",
        ExecutionStatus::Failed => "FAILED",
        ExecutionStatus::TimedOut => "TIMED_OUT",
        ExecutionStatus::Rejected => "REJECTED",
        ExecutionStatus::Removed => "REMOVED",
        ExecutionStatus::Canceled => "CANCELED",
    }
}

impl Status {
    /// All that are known.
    pub const ALL: [ExecutionStatus; 8] = [
        ExecutionStatus::Queued,
        ExecutionStatus::InProgress,
        ExecutionStatus::Succeeded,
        ExecutionStatus::Failed,
        ExecutionStatus::TimedOut,
        ExecutionStatus::Rejected,
        ExecutionStatus::Removed,
        ExecutionStatus::Canceled,
    ];

    /// Reads the wire's word; never fails.
    pub fn read(word: &str) -> Self {
        let known = Self::ALL.into_iter().find(|known| text(*known) == word);
        known.map_or_else(|| Self::Unknown(word.into()), Self::Known)
    }

    /// What the core takes it for. An unknown one ends nothing, so it keeps its slot.
    pub fn of_core(&self) -> ExecutionStatus {
        match self {
            Self::Known(status) => *status,
            Self::Unknown(_) => ExecutionStatus::InProgress,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(status) => f.write_str(text(*status)),
            Self::Unknown(word) => f.write_str(word),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back_and_unknown_ones_survive() {
        for status in Status::ALL {
            assert_eq!(Status::read(text(status)), Status::Known(status));
            assert_eq!(Status::Known(status).of_core(), status);
        }
        for word in ["PAUSED", "succeeded", "SUCCESS", ""] {
            let unknown = Status::read(word);
            assert_eq!(unknown.to_string(), word);
            assert!(!unknown.of_core().is_terminal(), "{word} ends nothing");
        }
    }
}
