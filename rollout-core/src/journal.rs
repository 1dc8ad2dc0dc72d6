//! Everything that ever happened, as entries in one sequence: the only truth there is.
//!
//! Facts are what devices, operators and the passage of time brought; decisions are what was
//! answered. The model in [`crate::fleet`] is their fold and nothing else. Invariant: an entry
//! says all its fold needs, so folding asks neither clock nor chance.

mod kind;

use crate::calendar::Freeze;
use crate::device::{Exposure, Facts};
use crate::hosting::{HomeId, Hosting};
use crate::id::{
    ChannelId, CohortId, DeviceId, Digest, FreezeId, HardwareModel, Principal, ProductId, RolloutId,
};
use crate::release::ReleaseId;
use crate::rollout::{Input, Plan, StateHash};
use crate::time::{ServiceTime, Timestamp, Window};
use crate::version::ReleaseCounter;
use crate::wire::{Event, Reason};
use alloc::{
    boxed::Box,
    collections::{BTreeMap, BTreeSet},
    string::String,
    sync::Arc,
    vec::Vec,
};

/// Place in the journal, from 1 without gaps; 0 is before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

/// An entry at its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// Its place.
    pub seq: Seq,
    /// When it was written.
    pub at: Timestamp,
    /// What happened.
    pub entry: Entry,
}

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

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A newer root document, already verified against the one before.
    RootAccepted {
        /// The signed document.
        envelope: Vec<u8>,
    },
    /// What is hosted where.
    HostingSet(Hosting),
    /// A product was named.
    ProductAdded {
        /// Its name.
        product: ProductId,
        /// By whom.
        by: Principal,
    },
    /// A release was published.
    Published(Box<PublishRecord>),
    /// A release was withdrawn.
    Withdrawn {
        /// Which.
        release: ReleaseId,
        /// By whom.
        by: Principal,
        /// Why.
        reason: String,
    },
    /// Manifests of a release, or of its way back, were signed again to live longer.
    Renewed {
        /// Which.
        release: ReleaseId,
        /// The signed manifests; each differs from the one before in its expiry alone.
        manifests: Vec<Vec<u8>>,
        /// By whom.
        by: Principal,
    },
    /// A cohort was given a name, or the name another meaning.
    CohortDefined {
        /// The name.
        cohort: CohortId,
        /// The meaning.
        record: CohortRecord,
        /// By whom.
        by: Principal,
    },
    /// A token was made.
    TokenMade(TokenRecord),
    /// A token, or an enrollment, was revoked.
    TokenRevoked {
        /// Its public id.
        id: String,
    },
    /// Devices may enroll.
    EnrollmentOpened(EnrollmentRecord),
    /// A device has enrolled, or got a new token.
    Enrolled {
        /// Which.
        device: DeviceId,
        /// Its model.
        hardware: HardwareModel,
        /// Where it is served.
        home: HomeId,
        /// SHA-256 of its token.
        token: Digest,
        /// By which leave; `None` if added by hand.
        enrollment: Option<String>,
        /// What operators know of it.
        attributes: BTreeMap<String, String>,
        /// By whom, if added by hand.
        by: Option<Principal>,
    },
    /// A rollout was drafted.
    Drafted {
        /// Which.
        rollout: RolloutId,
        /// Its plan.
        plan: Arc<Plan>,
        /// By whom.
        by: Principal,
    },
    /// A device described itself anew.
    Seen {
        /// Which.
        device: DeviceId,
        /// What it said.
        facts: Box<Facts>,
    },
    /// A device reported.
    Reported(ReportRecord),
    /// Time has passed: leases end and horizons are reached.
    Clock,
    /// Nobody could be served in this time.
    Outage(Window),
    /// A rollout was decided on.
    Stepped {
        /// Which.
        rollout: RolloutId,
        /// What was looked at.
        input: Box<Input>,
        /// Hash of the state after it.
        state: StateHash,
    },
    /// A device may download.
    Offered {
        /// The rollout.
        rollout: RolloutId,
        /// The device.
        device: DeviceId,
        /// From 1.
        attempt: u32,
        /// The image.
        image: Digest,
        /// Until when without progress.
        lease_until: Timestamp,
    },
    /// A device may switch.
    Permitted {
        /// The rollout.
        rollout: RolloutId,
        /// The device.
        device: DeviceId,
        /// What was fixed.
        exposure: Exposure,
    },
    /// A device switched without a permit, as its next report tells; it is exposed all the same.
    Unasked {
        /// The rollout.
        rollout: RolloutId,
        /// The device.
        device: DeviceId,
        /// As if it had been permitted then.
        exposure: Exposure,
    },
    /// A device that came back waits for us: its horizon stands still.
    Held {
        /// The rollout.
        rollout: RolloutId,
        /// The device.
        device: DeviceId,
        /// Its horizon's new end.
        deadline: ServiceTime,
    },
    /// A channel was made, or changed.
    ChannelSet {
        /// Of which product.
        product: ProductId,
        /// Its name.
        channel: ChannelId,
        /// What it does.
        record: ChannelRecord,
        /// By whom.
        by: Principal,
    },
    /// A channel was removed.
    ChannelRemoved {
        /// Of which product.
        product: ProductId,
        /// Its name.
        channel: ChannelId,
        /// By whom.
        by: Principal,
    },
    /// Nothing is given to anybody for a while, emergencies apart.
    FreezeSet {
        /// Its name.
        freeze: FreezeId,
        /// When, and why.
        record: Freeze,
        /// By whom.
        by: Principal,
    },
    /// A freeze is no longer one.
    FreezeLifted {
        /// Its name.
        freeze: FreezeId,
        /// By whom.
        by: Principal,
    },
    /// A release was promoted to a channel, which a rollout carries out.
    Promoted {
        /// The release.
        release: ReleaseId,
        /// The channel, of the release's product.
        channel: ChannelId,
        /// The rollout; drafted just before.
        rollout: RolloutId,
        /// By whom.
        by: Principal,
    },
    /// A device was held, released or retired.
    StandingSet {
        /// Which.
        device: DeviceId,
        /// How.
        standing: StandingChange,
        /// By whom.
        by: Principal,
    },
    /// A device got another token; the one before is no longer good.
    TokenRotated {
        /// Which.
        device: DeviceId,
        /// SHA-256 of the new one.
        token: Digest,
        /// How often it was rotated, this time included.
        generation: u32,
        /// By whom.
        by: Principal,
    },
    /// Somebody wrote something about a device.
    Noted {
        /// Which.
        device: DeviceId,
        /// What.
        text: String,
        /// Who.
        by: Principal,
    },
    /// Operators know something else of a device, or no longer know something.
    AttributesSet {
        /// Which.
        device: DeviceId,
        /// New values, by name.
        set: BTreeMap<String, String>,
        /// Names that are forgotten.
        unset: BTreeSet<String>,
        /// By whom.
        by: Principal,
    },
    /// A device took another's place: it has its notes.
    Replaced {
        /// The one that is retired.
        old: DeviceId,
        /// The one that was added.
        new: DeviceId,
        /// By whom.
        by: Principal,
    },
    /// A device is left out of a rollout.
    Excluded {
        /// The rollout.
        rollout: RolloutId,
        /// The device.
        device: DeviceId,
        /// Why.
        reason: String,
        /// By whom.
        by: Principal,
    },
    /// A device is left out of a rollout no longer.
    Included {
        /// The rollout.
        rollout: RolloutId,
        /// The device.
        device: DeviceId,
        /// By whom.
        by: Principal,
    },
    /// A request was carried out, in the transaction that this is part of.
    Once(OnceRecord),
    /// What was answered to it.
    Answered {
        /// Who asked.
        principal: Principal,
        /// Under which key.
        key: String,
        /// Status code.
        status: u16,
        /// Body as it was sent.
        body: Vec<u8>,
    },
}

/// An effect to be carried out outside, at least once. The key makes twice the same as once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Derived from rollout, batch, attempt: never from a generation.
    pub key: String,
    /// What is to be done.
    pub kind: String,
    /// Its rollout.
    pub rollout: RolloutId,
}
