//! What was registered: releases, cohorts, tokens, and what is hosted where.

use super::scalar;
use rollout_core::cohort::Selector;
use rollout_core::hosting::{
    BindingGeneration, Endpoint, Home, HomeId, HostedVersion, Hosting, ServiceName,
};
use rollout_core::id::{ChannelId, DeviceId, Digest, HardwareModel, Principal};
use rollout_core::journal::{
    ChannelRecord, CohortRecord, EnrollmentRecord, OnceRecord, PublishRecord, Role, TokenRecord,
};
use rollout_core::release::{Marks, ReleaseId};
use rollout_core::time::Timestamp;
use rollout_core::version::ReleaseCounter;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::collections::BTreeSet;

#[derive(Serialize, Deserialize)]
#[serde(remote = "PublishRecord")]
pub(super) struct PublishRow {
    #[serde(with = "scalar")]
    release: ReleaseId,
    #[serde(with = "scalar")]
    counter: ReleaseCounter,
    #[serde(with = "scalar::list")]
    manifests: Vec<Vec<u8>>,
    #[serde(with = "WayBackRow")]
    way_back: Option<(semver::Version, Vec<Vec<u8>>)>,
    #[serde(with = "scalar::option")]
    from: Option<semver::VersionReq>,
    #[serde(with = "scalar")]
    by: Principal,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    notes: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "scalar::option")]
    provenance: Option<Vec<u8>>,
    #[serde(default, skip_serializing_if = "is_unmarked", with = "MarksRow")]
    marks: Marks,
}

fn is_unmarked(marks: &Marks) -> bool {
    *marks == Marks::default()
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Marks")]
struct MarksRow {
    #[serde(with = "scalar::list")]
    stones: BTreeSet<HardwareModel>,
    irreversible: Option<String>,
}

/// The domain has a pair here; a row has names.
#[derive(Serialize, Deserialize)]
struct WayBackRow {
    #[serde(with = "scalar")]
    version: semver::Version,
    #[serde(with = "scalar::list")]
    manifests: Vec<Vec<u8>>,
}

impl WayBackRow {
    fn serialize<S: Serializer>(
        value: &Option<(semver::Version, Vec<Vec<u8>>)>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let row = value.clone().map(|(version, manifests)| Self { version, manifests });
        Serialize::serialize(&row, to)
    }

    #[expect(clippy::type_complexity, reason = "the domain's own type")]
    fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<(semver::Version, Vec<Vec<u8>>)>, D::Error> {
        let row: Option<Self> = Deserialize::deserialize(from)?;
        Ok(row.map(|row| (row.version, row.manifests)))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "CohortRecord", rename_all = "snake_case")]
pub(super) enum CohortRow {
    Query(#[serde(with = "scalar")] Selector),
    Listed(#[serde(with = "scalar::list")] BTreeSet<DeviceId>),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ChannelRecord")]
pub(super) struct ChannelRow {
    template: String,
    #[serde(with = "scalar::option")]
    after: Option<ChannelId>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "OnceRecord")]
pub(super) struct OnceRow {
    #[serde(with = "scalar")]
    principal: Principal,
    key: String,
    #[serde(with = "scalar")]
    fingerprint: Digest,
    #[serde(with = "scalar")]
    until: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "TokenRecord")]
pub(super) struct TokenRow {
    id: String,
    #[serde(with = "scalar")]
    hash: Digest,
    #[serde(with = "scalar")]
    principal: Principal,
    #[serde(with = "scalar::list")]
    roles: BTreeSet<Role>,
    #[serde(with = "scalar")]
    expires: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "EnrollmentRecord")]
pub(super) struct EnrollmentRow {
    id: String,
    #[serde(with = "scalar")]
    hash: Digest,
    #[serde(with = "scalar")]
    hardware: HardwareModel,
    count: u64,
    #[serde(with = "scalar")]
    expires: Timestamp,
}

/// Homes and hosted versions; read through the domain's own check.
#[derive(Serialize, Deserialize)]
pub(super) struct HostingRow {
    homes: Vec<HomeLine>,
    hosted: Vec<HostedLine>,
}

#[derive(Serialize, Deserialize)]
struct HomeLine(#[serde(with = "HomeRow")] Home);

#[derive(Serialize, Deserialize)]
struct HostedLine(#[serde(with = "HostedRow")] HostedVersion);

#[derive(Serialize, Deserialize)]
#[serde(remote = "Home")]
struct HomeRow {
    #[serde(with = "scalar")]
    id: HomeId,
    #[serde(with = "scalar")]
    endpoint: Endpoint,
    #[serde(with = "scalar")]
    generation: BindingGeneration,
    poll_secs: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "HostedVersion")]
struct HostedRow {
    #[serde(with = "scalar")]
    service: ServiceName,
    #[serde(with = "scalar")]
    version: semver::Version,
    #[serde(with = "scalar")]
    home: HomeId,
    #[serde(with = "scalar::list")]
    endpoints: Vec<Endpoint>,
}

impl HostingRow {
    pub(super) fn serialize<S: Serializer>(value: &Hosting, to: S) -> Result<S::Ok, S::Error> {
        let homes = value.homes().iter().cloned().map(HomeLine).collect();
        let hosted = value.hosted().iter().cloned().map(HostedLine).collect();
        Serialize::serialize(&Self { homes, hosted }, to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Hosting, D::Error> {
        let row: Self = Deserialize::deserialize(from)?;
        let homes = row.homes.into_iter().map(|line| line.0).collect();
        let hosted = row.hosted.into_iter().map(|line| line.0).collect();
        Hosting::new(homes, hosted).map_err(de::Error::custom)
    }
}
