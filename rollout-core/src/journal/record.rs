//! What entries carry: tokens, releases, cohorts, channels, reports, as they were written down.
//!
//! Not here: what follows from them. Invariant: a record is kept as it was given.

use crate::id::{ChannelId, DeviceId, Digest, HardwareModel, Principal, RolloutId};
use crate::release::{Marks, ReleaseId};
use crate::time::Timestamp;
use crate::version::ReleaseCounter;
use crate::wire::{Event, Reason};
use alloc::{collections::BTreeSet, string::String, vec::Vec};

/// What a person or a program may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Look.
    Viewer,
    /// Start, pause, resume, advance, halt, cancel.
    Operator,
    /// Publish releases and promote them.
    Publisher,
    /// Approve.
    Approver,
    /// Everything about devices, tokens and settings.
    Admin,
    /// Look at everything, the audit log too.
    Auditor,
}

/// A bearer token, known by the hash of its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRecord {
    /// Its public id.
    pub id: String,
    /// SHA-256 of its secret.
    pub hash: Digest,
    /// Whom it stands for.
    pub principal: Principal,
    /// What it may do.
    pub roles: BTreeSet<Role>,
    /// Until when.
    pub expires: Timestamp,
}

/// Leave for so many devices of a model to enroll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrollmentRecord {
    /// Its public id.
    pub id: String,
    /// SHA-256 of its secret.
    pub hash: Digest,
    /// For which model.
    pub hardware: HardwareModel,
    /// How many devices in all.
    pub count: u64,
    /// Until when.
    pub expires: Timestamp,
}

/// A release as it was published: signed manifests, nothing typed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishRecord {
    /// Product and version.
    pub release: ReleaseId,
    /// Order of signing.
    pub counter: ReleaseCounter,
    /// Signed manifests of the release.
    pub manifests: Vec<Vec<u8>>,
    /// Version and signed manifests of the way back.
    pub way_back: Option<(semver::Version, Vec<Vec<u8>>)>,
    /// Versions from which it may be installed.
    pub from: Option<semver::VersionReq>,
    /// Who published it.
    pub by: Principal,
    /// What is new in it, for people.
    pub notes: Option<String>,
    /// Where it was built from, such as a commit.
    pub source: Option<String>,
    /// How it was built, as its builder attests; kept as given.
    pub provenance: Option<Vec<u8>>,
    /// What it is marked as.
    pub marks: Marks,
}

/// Who is meant by a cohort's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CohortRecord {
    /// Whoever a query selects.
    Query(crate::cohort::Selector),
    /// Exactly these.
    Listed(BTreeSet<DeviceId>),
}

/// What promoting a release to a channel starts, and what comes before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelRecord {
    /// A plan as text, without release and name. The API has read it once.
    pub template: String,
    /// The channel that a release must have passed before this one.
    pub after: Option<ChannelId>,
}

/// A request that is carried out once, however often it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnceRecord {
    /// Who asked.
    pub principal: Principal,
    /// Under which key, drawn by who asked.
    pub key: String,
    /// Of the whole request: the same key with another one is a mistake.
    pub fingerprint: Digest,
    /// Until when it is remembered.
    pub until: Timestamp,
}

/// How a device's standing changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StandingChange {
    /// It is kept out for a while.
    Hold {
        /// Why.
        reason: String,
    },
    /// It takes part again.
    Release,
    /// It is gone for good.
    Retire {
        /// Why.
        reason: String,
    },
}

/// A report of a device, as it was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportRecord {
    /// The device.
    pub device: DeviceId,
    /// Its incarnation.
    pub incarnation: u64,
    /// Sequence within the incarnation.
    pub sequence: u64,
    /// In which rollout.
    pub rollout: RolloutId,
    /// In which attempt.
    pub attempt: u32,
    /// What happened.
    pub event: Event,
    /// Why.
    pub reason: Option<Reason>,
    /// For people.
    pub detail: Option<String>,
}
