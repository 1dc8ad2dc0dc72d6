//! A plan: its fields as they were checked, read through the same check.
//!
//! What the check computes from the fields is not written; it is a function of them.

use super::{scalar, schedule};
use rollout_core::cohort::Selector;
use rollout_core::gate::{FailureGate, HardStops, Rate, Risk};
use rollout_core::id::{DeviceId, RolloutId};
use rollout_core::release::{ComponentId, ReleaseId, Target};
use rollout_core::rollout::{
    Again, AgreedBy, Approval, Gates, Growth, Installed, Ladder, Membership, OnOverdue, OnSmall,
    Overdue, Pace, PerMinute, Plan, PlanFields, Reaching, RungIndex, Schedule, Silence,
};
use rollout_core::time::{Span, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::collections::BTreeSet;
use std::num::NonZeroU64;

pub(super) fn serialize<S: Serializer>(value: &Plan, to: S) -> Result<S::Ok, S::Error> {
    FieldsRow::serialize(value, to)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Plan, D::Error> {
    Plan::check(FieldsRow::deserialize(from)?).map_err(de::Error::custom)
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "PlanFields")]
struct FieldsRow {
    name: String,
    #[serde(with = "TargetRow")]
    target: Target,
    #[serde(with = "scalar")]
    component: ComponentId,
    #[serde(with = "MembershipRow")]
    members: Membership,
    #[serde(with = "scalar::option")]
    require: Option<Selector>,
    #[serde(with = "ladder")]
    ladder: Ladder,
    #[serde(rename = "soak_ms", with = "scalar")]
    soak: Span,
    #[serde(with = "PaceRow")]
    pace: Pace,
    #[serde(with = "GatesRow")]
    gates: Gates,
    #[serde(with = "SilenceRow")]
    silence: Silence,
    #[serde(with = "ReachingRow")]
    reaching: Reaching,
    #[serde(with = "scalar")]
    on_small: OnSmall,
    #[serde(with = "ApprovalRow")]
    approval: Approval,
    #[serde(with = "scalar")]
    on_halt: Installed,
    #[serde(with = "scalar::option")]
    start_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "is_no", with = "scalar")]
    again: Again,
    #[serde(default, skip_serializing_if = "schedule::says_nothing", with = "schedule")]
    schedule: Schedule,
    #[serde(default, skip_serializing_if = "is_default", with = "OnOverdueRow")]
    on_overdue: OnOverdue,
}

fn is_by_one(people: &AgreedBy) -> bool {
    *people == AgreedBy::default()
}

fn is_no(again: &Again) -> bool {
    *again == Again::No
}

fn is_default(rule: &OnOverdue) -> bool {
    *rule == OnOverdue::default()
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "OnOverdue")]
struct OnOverdueRow {
    #[serde(with = "scalar")]
    then: Overdue,
    #[serde(rename = "after_ms", with = "scalar")]
    after: Span,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Target", rename_all = "snake_case")]
enum TargetRow {
    Release(#[serde(with = "scalar")] ReleaseId),
    WayBackOf(#[serde(with = "scalar")] ReleaseId),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Membership", rename_all = "snake_case")]
enum MembershipRow {
    Query(#[serde(with = "scalar")] Selector),
    Listed(#[serde(with = "scalar::list")] BTreeSet<DeviceId>),
    StillRunning {
        #[serde(with = "scalar")]
        rollout: RolloutId,
    },
}

mod ladder {
    use super::super::scalar;
    use super::Ladder;
    use serde::{Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(value: &Ladder, to: S) -> Result<S::Ok, S::Error> {
        scalar::list::serialize(&value.rungs().to_vec(), to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Ladder, D::Error> {
        Ladder::new(scalar::list::deserialize(from)?).map_err(de::Error::custom)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Pace")]
struct PaceRow {
    max_in_flight: Option<u64>,
    budget: u64,
    max_offers: Option<u64>,
    #[serde(rename = "lease_ms", with = "scalar")]
    lease: Span,
    #[serde(default, skip_serializing_if = "is_unbounded", with = "PerMinuteRow")]
    per_minute: PerMinute,
}

fn is_unbounded(rate: &PerMinute) -> bool {
    *rate == PerMinute::Unbounded
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "PerMinute", rename_all = "snake_case")]
enum PerMinuteRow {
    Unbounded,
    Constant(u64),
    Growing(u64, #[serde(with = "GrowthRow")] Growth),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Growth")]
struct GrowthRow {
    factor_milli: u16,
    every: u64,
    max: Option<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Gates")]
struct GatesRow {
    #[serde(with = "FailureRow")]
    failure: FailureGate,
    #[serde(with = "StopsRow")]
    stops: HardStops,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "HardStops")]
struct StopsRow {
    max_bricked: Option<NonZeroU64>,
    max_safety_faults: Option<NonZeroU64>,
    max_consecutive_failures: Option<NonZeroU64>,
}

/// Limits and risks; read through the gate's own check.
#[derive(Serialize, Deserialize)]
struct FailureRow {
    #[serde(with = "scalar")]
    p_max: Rate,
    #[serde(with = "scalar")]
    p_pass: Rate,
    #[serde(with = "scalar")]
    alpha: Risk,
    #[serde(with = "scalar")]
    beta: Risk,
    min_failures: u64,
}

impl FailureRow {
    fn serialize<S: Serializer>(value: &FailureGate, to: S) -> Result<S::Ok, S::Error> {
        let row = Self {
            p_max: value.p_max(),
            p_pass: value.p_pass(),
            alpha: value.alpha(),
            beta: value.beta(),
            min_failures: value.min_failures(),
        };
        Serialize::serialize(&row, to)
    }

    fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<FailureGate, D::Error> {
        let Self { p_max, p_pass, alpha, beta, min_failures } = Deserialize::deserialize(from)?;
        FailureGate::new(p_max, p_pass, alpha, beta, min_failures).map_err(de::Error::custom)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Silence")]
struct SilenceRow {
    intervals: u64,
    #[serde(rename = "at_least_ms", with = "scalar")]
    at_least: Span,
    #[serde(rename = "confirm_window_ms", with = "scalar")]
    confirm_window: Span,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Reaching")]
struct ReachingRow {
    min_reach_bp: u16,
    #[serde(rename = "max_open_ms", with = "scalar")]
    max_open: Span,
    min_matured_bp: u16,
    #[serde(rename = "min_bake_ms", with = "scalar")]
    min_bake: Span,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Approval")]
struct ApprovalRow {
    #[serde(with = "scalar::list")]
    before: BTreeSet<RungIndex>,
    by: u8,
    #[serde(default, skip_serializing_if = "is_by_one", with = "scalar")]
    no_return: AgreedBy,
}
