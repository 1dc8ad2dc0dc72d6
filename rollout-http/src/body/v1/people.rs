//! What people did to a rollout: whose pause it is, and who changed its plan. Not here: what may
//! change; the core says so.

use serde::{Deserialize, Serialize};

/// A pause: who answers for it, and when it is looked at again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct ReviewBody {
    /// Who.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// When it is looked at again, Unix seconds.
    pub at: u64,
    /// Whether that time has passed and its owner was reminded.
    pub is_overdue: bool,
    /// How often its owner was reminded.
    pub reminders: u32,
    /// What the plan lets happen without a review: `nag`, `resume`, `halt` or `cancel`.
    pub then: String,
    /// When that happens, Unix seconds; absent with `nag`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<u64>,
}

/// The latest change of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct EditedBody {
    /// How often the plan was changed in all.
    pub times: u32,
    /// Who did it last.
    pub by: String,
    /// When, Unix seconds.
    pub at: u64,
    /// Approvals that became void.
    pub voided_approvals: u32,
    /// Whether evidence started anew.
    pub is_evidence_new: bool,
    /// The risk of a false abort since then: half for each time that evidence started anew.
    pub alpha: f64,
}

/// A key in which the changed plan differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct ChangeBody {
    /// As plans write it.
    pub key: String,
    /// `at_once`, `rungs_to_come` or `evidence_anew`.
    pub effect: String,
}

/// What changing the plan of a rollout would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct EditBody {
    /// Key by key; nothing if the plans are the same.
    pub changes: Vec<ChangeBody>,
    /// Approvals that would become void.
    pub voided_approvals: u32,
    /// The risk of a false abort if evidence starts anew; absent if it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alpha: Option<f64>,
    /// All of it in a sentence.
    pub says: String,
}
