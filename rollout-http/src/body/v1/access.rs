//! Tokens, enrollments, events and problems. Not here: who may do what.

use serde::{Deserialize, Serialize};

/// A role, as the API writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RoleName {
    /// Look.
    Viewer,
    /// Steer rollouts.
    Operator,
    /// Publish releases.
    Publisher,
    /// Approve rungs.
    Approver,
    /// Manage devices, tokens and settings.
    Admin,
    /// Look at everything.
    Auditor,
}

impl RoleName {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Viewer, Self::Operator, Self::Publisher, Self::Approver, Self::Admin, Self::Auditor];
}

impl From<RoleName> for rollout_core::journal::Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Viewer => Self::Viewer,
            RoleName::Operator => Self::Operator,
            RoleName::Publisher => Self::Publisher,
            RoleName::Approver => Self::Approver,
            RoleName::Admin => Self::Admin,
            RoleName::Auditor => Self::Auditor,
        }
    }
}

impl From<rollout_core::journal::Role> for RoleName {
    fn from(role: rollout_core::journal::Role) -> Self {
        use rollout_core::journal::Role;
        match role {
            Role::Viewer => Self::Viewer,
            Role::Operator => Self::Operator,
            Role::Publisher => Self::Publisher,
            Role::Approver => Self::Approver,
            Role::Admin => Self::Admin,
            Role::Auditor => Self::Auditor,
        }
    }
}

/// Asks for a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    /// Whom it stands for.
    pub principal: String,
    /// What it may do.
    pub roles: Vec<RoleName>,
    /// For how many days, 1 to 90; 30 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
}

/// A token that was made. The text is shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct TokenMade {
    /// Public id.
    pub id: String,
    /// The token itself.
    pub token: String,
    /// Until when.
    pub expires: u64,
}

impl core::fmt::Debug for TokenMade {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("TokenMade").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A token that is in force, without its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct TokenLine {
    /// Public id.
    pub id: String,
    /// Whom it stands for.
    pub principal: String,
    /// What it may do.
    pub roles: Vec<RoleName>,
    /// Until when.
    pub expires: u64,
}

/// Tokens of people and programs that were not revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct Tokens {
    /// By public id.
    pub tokens: Vec<TokenLine>,
    /// What to ask behind for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// An enrollment that is in force, without its token's text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct EnrollmentLine {
    /// Public id.
    pub id: String,
    /// Of which model.
    pub hardware: String,
    /// For how many devices.
    pub count: u64,
    /// How many have used it.
    pub used: u64,
    /// Until when.
    pub expires: u64,
}

/// Enrollments that were not revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct Enrollments {
    /// By public id.
    pub enrollments: Vec<EnrollmentLine>,
    /// What to ask behind for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Lets devices enroll.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct OpenEnrollment {
    /// Of which model.
    pub hardware: String,
    /// How many.
    pub count: u64,
    /// For how many days, 1 to 90; 7 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
}

/// An enrollment that was opened. The token is shown this once.
pub type EnrollmentOpened = TokenMade;

/// One entry of the journal, for people and programs that follow it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct EventLine {
    /// Place in the journal.
    pub seq: u64,
    /// When, UTC milliseconds.
    pub at_ms: u64,
    /// Kind of entry.
    pub kind: String,
    /// What happened, in a sentence.
    pub summary: String,
    /// In which rollout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<String>,
    /// To which device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

/// Whether requests can be served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct Ready {
    /// The last entry that was folded.
    pub read_to: u64,
    /// Newest root; 0 before the first.
    pub root_version: u64,
    /// Devices there are.
    pub devices: u64,
}

/// `application/problem+json`.
//= RFC 9457 §3
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct ProblemBody {
    /// Page about the code.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Status code.
    pub status: u16,
    /// Stable code.
    pub code: String,
    /// What and why.
    pub detail: String,
    /// What to do.
    pub hint: String,
    /// With 412: how that is which was to be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<serde_json::Value>,
}
