//! Why an operator's command was declined.

use crate::time::Timestamp;
use alloc::string::String;

/// Why a command was declined. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Only a draft can be started.
    #[error("only a draft can be started, this rollout is {phase}")]
    NotDraft {
        /// What it is.
        phase: &'static str,
    },
    /// Only what runs can be paused.
    #[error("only a running rollout can be paused, this one is {phase}")]
    NotRunning {
        /// What it is.
        phase: &'static str,
    },
    /// Only what stands still can be resumed.
    #[error("only a paused or halted rollout can be resumed, this one is {phase}")]
    NotStopped {
        /// What it is.
        phase: &'static str,
    },
    /// Only what deploys or soaks can be advanced.
    #[error("only a rollout that deploys or soaks can be advanced, this one is {phase}")]
    NotAdvancing {
        /// What it is.
        phase: &'static str,
    },
    /// There is no rung after the last.
    #[error("the last rung is open already")]
    LastRung,
    /// The rung waits for people.
    #[error("rung {rung} needs {need} more approvals")]
    NeedsApproval {
        /// From 1.
        rung: u16,
        /// How many more.
        need: u8,
    },
    /// The rung takes the way back away, and not enough people have agreed.
    #[error("rung {rung} takes the way back from {devices} devices: {need} more must agree")]
    NeedsNoReturn {
        /// From 1.
        rung: u16,
        /// How many devices.
        devices: u64,
        /// How many more people.
        need: u8,
    },
    /// The rung takes the way back from nobody, or enough people have agreed.
    #[error("rung {rung} takes no way back that has not been agreed to")]
    WayBackStays {
        /// From 1.
        rung: u16,
    },
    /// Nobody asked for this approval.
    #[error("rung {rung} needs no approval")]
    NoApprovalNeeded {
        /// From 1.
        rung: u16,
    },
    /// The author does not approve.
    #[error("{by} wrote this plan and cannot approve it")]
    Author {
        /// Who.
        by: String,
    },
    /// The same person twice.
    #[error("{by} has agreed already; a second person is needed")]
    SamePerson {
        /// Who.
        by: String,
    },
    /// A pause without an end.
    #[error("the review time of a pause must lie ahead")]
    ReviewPassed,
    /// An empty reason.
    #[error("a reason is needed")]
    NoReason,
    /// It has ended.
    #[error("this rollout is {phase}")]
    Ended {
        /// What it is.
        phase: &'static str,
    },
    /// Each restart needs more evidence to abort, and the budget no longer covers it.
    #[error("after another restart {need} failures are needed to abort, the budget is {have}")]
    BudgetTooSmall {
        /// Devices.
        have: u64,
        /// Devices.
        need: u64,
    },
    /// No image to go back to.
    #[error("{release} was published without a way back")]
    NoWayBack {
        /// The release.
        release: String,
    },
    /// It is being taken back.
    #[error("rollout {by} takes this one back")]
    TakenBack {
        /// By which rollout.
        by: String,
    },
    /// Its time is over.
    #[error("its `stop_at` was {at}: it would give nothing any more")]
    Stopped {
        /// When.
        at: Timestamp,
    },
    /// Nobody to take back.
    #[error("no device runs what this rollout installed, or may come to")]
    NobodyRunsIt,
    /// Not while it runs.
    #[error("`{key}` cannot change in a rollout that was drafted with another")]
    FixedKey {
        /// As plans write it.
        key: &'static str,
    },
    /// What was opened was opened by that rung.
    #[error("`ladder`: rung {rung} is open as `{was}`, the changed plan has `{is}` there")]
    OpenRung {
        /// From 1.
        rung: u16,
        /// As it is.
        was: String,
        /// As it would be.
        is: String,
    },
    /// Nobody whom the plan wants asked is left out by one person.
    #[error(
        "`approval`: what `{rung}` opens takes approval by {by}, in the changed plan it does not"
    )]
    FewerApprovals {
        /// As the plan writes it.
        rung: String,
        /// People.
        by: u8,
    },
    /// Nor before a way back ends.
    #[error("`approval.no_return` is {by}: the changed plan asks fewer people")]
    FewerConsents {
        /// People.
        by: u8,
    },
    /// A halt is not edited around.
    #[error("the plan of a rollout that is halted, or that its gates stop, cannot change")]
    EditHalted,
}

impl Refusal {
    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotDraft { .. } => "RO-001",
            Self::NotRunning { .. } => "RO-002",
            Self::NotStopped { .. } => "RO-003",
            Self::NotAdvancing { .. } => "RO-004",
            Self::LastRung => "RO-005",
            Self::NeedsApproval { .. } => "RO-006",
            Self::NoApprovalNeeded { .. } => "RO-007",
            Self::Author { .. } => "RO-008",
            Self::SamePerson { .. } => "RO-009",
            Self::ReviewPassed => "RO-010",
            Self::NoReason => "RO-011",
            Self::Ended { .. } => "RO-012",
            Self::BudgetTooSmall { .. } => "RO-013",
            Self::NoWayBack { .. } => "RO-014",
            Self::NobodyRunsIt => "RO-015",
            Self::TakenBack { .. } => "RO-016",
            Self::Stopped { .. } => "RO-017",
            Self::FixedKey { .. } => "RO-020",
            Self::OpenRung { .. } => "RO-021",
            Self::FewerApprovals { .. } => "RO-022",
            Self::EditHalted => "RO-023",
            Self::NeedsNoReturn { .. } => "RO-025",
            Self::WayBackStays { .. } => "RO-026",
            Self::FewerConsents { .. } => "RO-027",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotDraft { .. } => "resume it, or create a new rollout from the same plan",
            Self::NotRunning { .. } => "see `rollout status`",
            Self::NotStopped { .. } => "it runs already; see `rollout status`",
            Self::NotAdvancing { .. } => "resume it first, or wait for its approval",
            Self::LastRung => "it completes by itself",
            Self::NeedsApproval { .. } => "let people with the role approver approve it",
            Self::NeedsNoReturn { .. } => {
                "let people who may approve agree to that, with `rollout approve --no-return`"
            }
            Self::WayBackStays { .. } => "see the ladder in `rollout status`",
            Self::NoApprovalNeeded { .. } => "see `approval.before` in its plan",
            Self::Author { .. } | Self::SamePerson { .. } => "ask another person",
            Self::ReviewPassed => "give a time in the future",
            Self::NoReason => "say why, for those who come after you",
            Self::Ended { .. } => "create a new rollout",
            Self::Stopped { .. } => {
                "change `stop_at` with `rollout apply`, or create a new rollout"
            }
            Self::BudgetTooSmall { .. } => "create a new rollout with a larger budget",
            Self::NoWayBack { .. } => "publish a reissue of the version to go back to",
            Self::TakenBack { .. } => "cancel the way back first, or create a new rollout",
            Self::FixedKey { .. } => "leave it as it was, or create a new rollout",
            Self::OpenRung { .. } => "keep the rungs that are open; change those after them",
            Self::FewerApprovals { .. } | Self::FewerConsents { .. } => {
                "leave `approval` as it was or ask more people; less takes a new rollout"
            }
            Self::EditHalted => "let two people resume it first, or create a new rollout",
            Self::NobodyRunsIt => {
                "there is nothing to do; `rollout cancel` ends the rollout itself"
            }
        }
    }
}
