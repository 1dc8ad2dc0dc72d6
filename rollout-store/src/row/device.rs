//! What devices said of themselves, and what was fixed for them.

use super::scalar;
use rollout_core::device::{Exposure, Facts, RunningImage};
use rollout_core::id::{DeviceId, Digest, RolloutId};
use rollout_core::journal::{ReportRecord, StandingChange};
use rollout_core::rollout::{Admitted, EvidenceEpoch, RungIndex, StratumId};
use rollout_core::time::{ServiceTime, Span, Timestamp};
use rollout_core::version::{ReleaseCounter, SecureVersion};
use rollout_core::wire::{Event, ImageState, Reason};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Serialize, Deserialize)]
#[serde(remote = "Facts")]
pub(super) struct FactsRow {
    #[serde(with = "RunningRow")]
    running: RunningImage,
    #[serde(with = "scalar")]
    secure_version: SecureVersion,
    slot_bytes: u64,
    #[serde(with = "scalar::option")]
    spare: Option<Digest>,
    root_version: u64,
    attributes: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "RunningImage")]
struct RunningRow {
    #[serde(with = "scalar")]
    digest: Digest,
    version: String,
    epoch: u64,
    #[serde(with = "scalar")]
    counter: ReleaseCounter,
    #[serde(with = "scalar")]
    state: ImageState,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ReportRecord")]
pub(super) struct ReportRow {
    #[serde(with = "scalar")]
    device: DeviceId,
    incarnation: u64,
    sequence: u64,
    #[serde(with = "scalar")]
    rollout: RolloutId,
    attempt: u32,
    #[serde(with = "scalar")]
    event: Event,
    #[serde(with = "scalar::option")]
    reason: Option<Reason>,
    detail: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "StandingChange", rename_all = "snake_case")]
pub(super) enum StandingRow {
    Hold { reason: String },
    Release,
    Retire { reason: String },
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Exposure")]
pub(super) struct ExposureRow {
    #[serde(with = "scalar")]
    batch: RungIndex,
    #[serde(with = "scalar")]
    stratum: StratumId,
    #[serde(with = "scalar")]
    epoch: EvidenceEpoch,
    #[serde(with = "scalar")]
    admitted: Admitted,
    #[serde(with = "scalar")]
    at: Timestamp,
    #[serde(rename = "horizon_ms", with = "scalar")]
    horizon: Span,
    #[serde(with = "scalar")]
    deadline: ServiceTime,
}
