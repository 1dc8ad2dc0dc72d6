//! Rollouts: how they stand, why they wait, and what a check says before they start.

use super::{EditedBody, LossBody, ReviewBody, WayBody, WaysBody};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Stops a rollout for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PauseRequest {
    /// Why.
    pub reason: String,
    /// When it is looked at again: RFC 3339, Unix seconds, or from the moment on such as `2h`.
    pub review: String,
}

/// Approves a rung.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ApproveRequest {
    /// The rung as its plan writes it, such as `25%`.
    pub rung: String,
    /// Agree that it takes the way back from devices; that is no approval of the plan's own.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub no_return: bool,
}

/// A rollout in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct RolloutLine {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it installs.
    pub target: String,
    /// Who wrote it.
    pub author: String,
    /// Where it stands.
    pub phase: String,
    /// The open rung, from 1.
    pub rung: u16,
    /// How many rungs there are.
    pub rungs: u16,
    /// What it waits for.
    pub waiting: Option<String>,
    /// What the gates said last: `pass`, `hold`, `abort`, or empty before the first look.
    pub verdict: String,
    /// Whether its release is proven.
    pub is_proven: bool,
    /// Devices by outcome.
    pub counts: CountsBody,
    /// Whose pause it is, and until when; absent unless it is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<ReviewBody>,
}

/// Rollouts, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct RolloutList {
    /// The rollouts.
    pub rollouts: Vec<RolloutLine>,
    /// What to ask behind for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// How a device of its cohort stands in a rollout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct MemberLine {
    /// The device.
    pub device: String,
    /// Its model.
    pub hardware: String,
    /// Version it said it runs.
    pub version: Option<String>,
    /// Where it stands.
    pub bucket: String,
    /// Its execution, once there was an offer.
    pub execution: Option<ExecutionBody>,
}

/// Devices of a rollout's cohort.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct MemberPage {
    /// By id.
    pub devices: Vec<MemberLine>,
    /// What to ask behind for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Devices by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct CountsBody {
    /// Permits committed.
    pub exposed: u64,
    /// Confirmed.
    pub confirmed: u64,
    /// Failed, not known to be back.
    pub failed: u64,
    /// Failed, and back.
    pub rolled_back: u64,
    /// Not heard of by the deadline.
    pub silent: u64,
}

/// A rung.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct RungBody {
    /// As the plan writes it.
    pub rung: String,
    /// Devices it and those before it open, reachable ones.
    pub reachable: u64,
    /// `can prove`, or that it cannot and what a proof would need.
    pub label: String,
    /// People who approved it.
    pub approved_by: Vec<String>,
    /// How many must.
    pub approvals_needed: u8,
    /// `done`, `open` or `to come`.
    pub state: String,
    /// Permits given while it was the open rung, in this epoch.
    pub permitted: u64,
    /// Of these, confirmed.
    pub confirmed: u64,
    /// Of these, known to be bad.
    pub bad: u64,
    /// Devices it would let in and take the way back from; 0 once it is open.
    #[serde(default)]
    pub no_return: u64,
    /// People who agreed to that, and to as many.
    #[serde(default)]
    pub no_return_agreed: u8,
    /// How many more must.
    #[serde(default)]
    pub no_return_missing: u8,
}

/// Devices that have a value in common, and bad outcomes among them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct BlamedBody {
    /// The attribute: `model`, `version` (the one the devices came from), `region`, or another one
    /// that the plan's cohort asks for.
    pub attribute: String,
    /// Its value; `-` for devices that have none, `others` for all values beyond the first 64.
    pub value: String,
    /// Of these devices, known to be bad.
    pub bad: u64,
    /// Of these devices, exposed in this epoch.
    pub exposed: u64,
    /// Of all other exposed devices, known to be bad.
    pub others_bad: u64,
    /// All other exposed devices.
    pub others: u64,
    /// Evidence that these devices alone are above `p_max`, as a natural logarithm.
    pub ln_e_abort: f64,
    /// Whether they are provably worse than the others; chance may explain it otherwise.
    pub stands_out: bool,
}

/// What the gates say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct GateBody {
    /// `pass`, `hold` or `abort`.
    pub verdict: String,
    /// Why, in a sentence; empty with a pass.
    pub reason: String,
    /// Evidence for an abort, as a natural logarithm.
    pub ln_e_abort: f64,
    /// What aborts.
    pub abort_at: f64,
    /// Evidence for a pass, as a natural logarithm.
    pub ln_e_pass: f64,
    /// What passes.
    pub pass_at: f64,
    /// Highest rate that is proven to be exceeded.
    pub lower: f64,
    /// Highest rate that is not ruled out.
    pub upper: f64,
    /// The plan's limits: not aborted up to the first, not passed from the second on.
    pub p_max: f64,
    /// See `p_max`.
    pub p_pass: f64,
    /// Devices past their horizon at which it would pass.
    pub need: Option<u64>,
    /// Devices past their horizon.
    pub matured: u64,
    /// Of these, bad.
    pub matured_bad: u64,
    /// Exposed devices of this epoch.
    pub exposed: u64,
    /// Of these, known to be bad.
    pub failed_known: u64,
    /// How often the evidence was started anew.
    pub epoch: u32,
    /// Where the bad outcomes come from, at most 5 groups of devices: those that stand out first,
    /// then by the evidence against them. Counted as the devices were at their permits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blame: Vec<BlamedBody>,
}

/// What the gates saw and said at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct LookBody {
    /// When, UTC milliseconds.
    pub at_ms: u64,
    /// How often the evidence had been started anew.
    pub epoch: u32,
    /// Evidence for an abort, as a natural logarithm.
    pub ln_e_abort: f64,
    /// Evidence for a pass, as a natural logarithm.
    pub ln_e_pass: f64,
    /// Highest rate that was proven to be exceeded.
    pub lower: f64,
    /// Highest rate that was not ruled out.
    pub upper: f64,
    /// Devices past their horizon.
    pub matured: u64,
    /// Of these, bad.
    pub matured_bad: u64,
    /// Permitted and not confirmed.
    pub in_flight: u64,
    /// What could be in flight, by evidence and plan; absent without a bound.
    pub cap: Option<u64>,
}

/// How the evidence of a rollout went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct EvidenceBody {
    /// The rollout.
    pub rollout: String,
    /// At most 512 looks, oldest first: the first since the daemon started, the newest, and fewer
    /// between them the longer it takes. None of a rollout that ended before.
    pub looks: Vec<LookBody>,
}

/// How many may be at risk, and how many are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct PaceBody {
    /// Permitted and not confirmed.
    pub in_flight: u64,
    /// Devices the evidence lets be at risk; absent once proven.
    pub cap: Option<u64>,
    /// Free permits; absent without a bound.
    pub free: Option<u64>,
    /// What keeps the next permit back.
    pub held_by: Option<String>,
    /// Open offers.
    pub offers: u64,
    /// The plan's own bound.
    pub max_in_flight: Option<u64>,
    /// Permits a minute as things stand; absent without a bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_minute: Option<u64>,
    /// Devices one is prepared to lose while nothing is proven.
    pub budget: u64,
}

/// How much of the open set was served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct ReachBody {
    /// Heard of lately, and open.
    pub reachable: u64,
    /// Of these, permitted or on the target.
    pub served: u64,
}

/// The way back of a rollout's devices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct ReturnBody {
    /// The version they go back to.
    pub version: String,
    /// Devices that run what this rollout installs.
    pub devices: u64,
    /// Of these, such as have a signed image to go back to.
    pub signed_for: u64,
}

/// Whether the evidence can suffice at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct ProofBody {
    /// Devices past their horizon that prove it if none fails.
    pub needs: u64,
    /// Devices that have, or still can get, a permit in this epoch.
    pub can_have: u64,
    /// Whether it would be proven if all of them turned out well, but for those known to be bad.
    pub is_possible: bool,
}

/// The first pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct ProvenBody {
    /// Devices past their horizon then.
    pub matured: u64,
    /// When.
    pub at: u64,
}

/// A rollout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct RolloutBody {
    /// What a list says of it.
    #[serde(flatten)]
    pub line: RolloutLine,
    /// Why it was halted, or whose pause it is.
    pub cause: Option<String>,
    /// The rungs.
    pub ladder: Vec<RungBody>,
    /// How far it is open by position.
    pub open_to: String,
    /// Members by bucket; they sum to `members`.
    pub buckets: BTreeMap<String, u64>,
    /// Devices of its cohort.
    pub members: u64,
    /// What the gates say.
    pub gate: GateBody,
    /// How many may be at risk.
    pub pace: PaceBody,
    /// How much of the open set was served.
    pub reach: ReachBody,
    /// Where its devices can go back to, if a way back was signed.
    pub way_back: Option<ReturnBody>,
    /// Whether the evidence can suffice at all.
    pub proof: ProofBody,
    /// The first pass of this epoch.
    pub proven: Option<ProvenBody>,
    /// Why nobody of its cohort will ever take it; absent if anybody can, may yet, or has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nobody: Option<String>,
    /// Counts when it ended.
    pub at_end: Option<CountsBody>,
    /// Another rollout that takes it back.
    pub superseded_by: Option<String>,
    /// Decisions that changed something.
    pub generation: u64,
    /// The latest change of its plan; absent if it is as it was drafted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited: Option<EditedBody>,
    /// Its plan.
    pub plan: Value,
}

/// Devices of one reason to be left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct ExclusionBody {
    /// Stable code of the reason.
    pub code: String,
    /// How it reads for the first of them.
    pub reason: String,
    /// How many.
    pub devices: u64,
    /// The first of them.
    pub example: String,
}

/// What a plan would do, before it is drafted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct CheckBody {
    /// The plan, with its defaults.
    pub plan: Value,
    /// Devices of its cohort.
    pub members: u64,
    /// Of these, could get it as they are; the ladder decides when.
    pub eligible: u64,
    /// Of these, heard of lately.
    pub reachable: u64,
    /// The others, by reason.
    pub excluded: Vec<ExclusionBody>,
    /// The rungs.
    pub rungs: Vec<RungBody>,
    /// Devices that prove the release acceptable if none fails.
    pub proof_devices: u64,
    /// When it gives anything: its windows, its freezes and its end, in words.
    #[serde(default)]
    pub schedule: Vec<String>,
    /// The least time that the ladder takes, seconds: at the plan's rate of permits, with every
    /// rung open for `min_bake` and as long as a device has to stay well.
    #[serde(default)]
    pub at_least_secs: u64,
    /// How its devices get to the release.
    #[serde(default)]
    pub ways: Option<WaysBody>,
    /// For whom the way back ends, by reason.
    #[serde(default)]
    pub no_return: Vec<LossBody>,
    /// What to think about before it starts.
    pub warnings: Vec<String>,
}

/// How a device came through a rollout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct ExecutionBody {
    /// From 1.
    pub attempt: u32,
    /// In AWS's words.
    pub status: String,
    /// Digest of the image.
    pub image: String,
    /// When its permit was given.
    pub permitted_at: Option<u64>,
    /// Rung that was open then, from 1.
    pub batch: Option<u16>,
    /// `good` or `bad`, once its horizon is reached.
    pub outcome: Option<String>,
    /// What went wrong.
    pub failure: Option<String>,
}

/// Why a device has, or has not, what a rollout installs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct ExplanationBody {
    /// The device.
    pub device: String,
    /// The rollout.
    pub rollout: String,
    /// Where it stands.
    pub bucket: String,
    /// What it would be told, in a sentence.
    pub verdict: String,
    /// Stable code of the reason it is not offered, or may not switch yet.
    pub code: Option<String>,
    /// Whether its next check-in would be answered with an offer.
    pub eligible: bool,
    /// The earliest time at which it may switch, or be told otherwise, if that is known.
    pub not_before: Option<u64>,
    /// Its place in the order, in ten-thousandths.
    pub position_bp: u16,
    /// How far the rollout is open.
    pub open_to: String,
    /// Its execution, if there is one.
    pub execution: Option<ExecutionBody>,
    /// Its way to the release, if other releases come first or none leads there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub way: Option<WayBody>,
    /// Why it could not go back from the release, if it could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_return: Option<String>,
}

/// The draft that takes a rollout back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct RollbackBody {
    /// Its id. It waits to be started.
    pub rollout: String,
    /// What it installs.
    pub target: String,
    /// Devices that still run what is taken back.
    pub devices: u64,
    /// Of these, such as have no image to go back to; at most 1000 are named.
    pub without_way_back: Vec<String>,
}
