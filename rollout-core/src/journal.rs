//! Everything that ever happened, as entries in one sequence: the only truth there is.
//!
//! Facts are what devices, operators and the passage of time brought; decisions are what was
//! answered. The model in [`crate::fleet`] is their fold and nothing else. Invariant: an entry
//! says all its fold needs, so folding asks neither clock nor chance.

mod kind;
mod record;

pub use record::{
    ChannelRecord, CohortRecord, EnrollmentRecord, OnceRecord, PublishRecord, ReportRecord, Role,
    StandingChange, TokenRecord,
};

use crate::calendar::Freeze;
use crate::device::{Exposure, Facts};
use crate::hosting::{HomeId, Hosting};
use crate::id::{
    ChannelId, CohortId, DeviceId, Digest, FreezeId, HardwareModel, Principal, ProductId, RolloutId,
};
use crate::release::ReleaseId;
use crate::rollout::{Input, Plan, StateHash};
use crate::time::{ServiceTime, Timestamp, Window};
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
    /// Models that must pass through a release were named anew; those named before no longer must.
    StonesSet {
        /// Which.
        release: ReleaseId,
        /// The models; none of them must if it is empty.
        models: BTreeSet<HardwareModel>,
        /// By whom.
        by: Principal,
    },
    /// Versions of a model were declared as never to be updated, or that was taken back.
    DeadEndSet {
        /// The product.
        product: ProductId,
        /// The model.
        model: HardwareModel,
        /// The versions.
        versions: semver::VersionReq,
        /// Why; absent if it is taken back.
        reason: Option<String>,
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
