//! Entries as text, and back.
//!
//! One JSON object each: `v`, the version of the row; `kind`, which entry it is; and its fields.
//! The shapes here mirror the domain's, so that the domain carries no serialization and may change
//! while old rows keep reading. Invariants: what was written reads back as an equal entry; what
//! cannot be read is an error, never a default. Not here: places and times, which are columns.

mod device;
mod observed;
mod plan;
mod registry;
mod scalar;
mod schedule;

use device::{ExposureRow, FactsRow, ReportRow, StandingRow};
use observed::InputRow;
use registry::{ChannelRow, CohortRow, EnrollmentRow, HostingRow, OnceRow, PublishRow, TokenRow};
use rollout_core::calendar::Freeze;
use rollout_core::device::{Exposure, Facts};
use rollout_core::hosting::{HomeId, Hosting};
use rollout_core::id::{
    ChannelId, CohortId, DeviceId, Digest, FreezeId, HardwareModel, Principal, ProductId, RolloutId,
};
use rollout_core::journal::{
    ChannelRecord, CohortRecord, EnrollmentRecord, Entry, OnceRecord, PublishRecord, ReportRecord,
    Seq, StandingChange, TokenRecord,
};
use rollout_core::port::StoreError;
use rollout_core::release::ReleaseId;
use rollout_core::rollout::{Input, Plan, StateHash};
use rollout_core::time::{ServiceTime, Timestamp, Window};
use serde::{Deserialize, Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The version of the rows written here. A reader knows it and all before.
pub const VERSION: u32 = 1;

/// Writes an entry as one line of JSON.
///
/// # Errors
/// [`StoreError::Failed`] if JSON cannot hold it, which only a bug can bring about.
pub fn encode(entry: &Entry) -> Result<String, StoreError> {
    let line = Line { v: VERSION, entry: Tagged(entry) };
    let failed = |error: serde_json::Error| StoreError::Failed {
        doing: "write an entry as a row",
        why: error.to_string(),
    };
    serde_json::to_string(&line).map_err(failed)
}

/// Reads the entry at `seq` from its row.
///
/// # Errors
/// [`StoreError::Corrupt`] naming the place and what is wrong.
pub fn decode(seq: Seq, text: &str) -> Result<Entry, StoreError> {
    read(text).map_err(|why| StoreError::Corrupt { seq, why })
}

fn read(text: &str) -> Result<Entry, String> {
    let head: Head = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if head.v != VERSION {
        return Err(format!("row version {}, this program reads {VERSION}", head.v));
    }
    // The head has seen the whole text, so nothing follows the entry.
    EntryRow::deserialize(&mut serde_json::Deserializer::from_str(text))
        .map_err(|error| error.to_string())
}

#[derive(Serialize)]
struct Line<'e> {
    v: u32,
    #[serde(flatten)]
    entry: Tagged<'e>,
}

struct Tagged<'e>(&'e Entry);

impl Serialize for Tagged<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        EntryRow::serialize(self.0, to)
    }
}

#[derive(Deserialize)]
struct Head {
    v: u32,
}

/// For a value that the domain keeps behind a pointer.
macro_rules! behind {
    ($module:ident, $row:ident, $pointer:ident<$domain:ident>) => {
        mod $module {
            use super::*;
            use serde::Deserializer;

            pub(super) fn serialize<S: Serializer>(
                value: &$pointer<$domain>,
                to: S,
            ) -> Result<S::Ok, S::Error> {
                $row::serialize(value, to)
            }

            pub(super) fn deserialize<'de, D: Deserializer<'de>>(
                from: D,
            ) -> Result<$pointer<$domain>, D::Error> {
                $row::deserialize(from).map($pointer::new)
            }
        }
    };
}

behind!(published, PublishRow, Box<PublishRecord>);
behind!(facts, FactsRow, Box<Facts>);
behind!(input, InputRow, Box<Input>);
behind!(drafted, plan, Arc<Plan>);

/// One shape per kind of entry. The tags are [`Entry::kind`].
#[derive(Serialize, Deserialize)]
#[serde(remote = "Entry", tag = "kind", rename_all = "snake_case")]
enum EntryRow {
    RootAccepted {
        #[serde(with = "scalar")]
        envelope: Vec<u8>,
    },
    HostingSet(#[serde(with = "HostingRow")] Hosting),
    ProductAdded {
        #[serde(with = "scalar")]
        product: ProductId,
        #[serde(with = "scalar")]
        by: Principal,
    },
    Published(#[serde(with = "published")] Box<PublishRecord>),
    Withdrawn {
        #[serde(with = "scalar")]
        release: ReleaseId,
        #[serde(with = "scalar")]
        by: Principal,
        reason: String,
    },
    Renewed {
        #[serde(with = "scalar")]
        release: ReleaseId,
        #[serde(with = "scalar::list")]
        manifests: Vec<Vec<u8>>,
        #[serde(with = "scalar")]
        by: Principal,
    },
    StonesSet {
        #[serde(with = "scalar")]
        release: ReleaseId,
        #[serde(with = "scalar::list")]
        models: BTreeSet<HardwareModel>,
        #[serde(with = "scalar")]
        by: Principal,
    },
    DeadEndSet {
        #[serde(with = "scalar")]
        product: ProductId,
        #[serde(with = "scalar")]
        model: HardwareModel,
        #[serde(with = "scalar")]
        versions: semver::VersionReq,
        reason: Option<String>,
        #[serde(with = "scalar")]
        by: Principal,
    },
    CohortDefined {
        #[serde(with = "scalar")]
        cohort: CohortId,
        #[serde(with = "CohortRow")]
        record: CohortRecord,
        #[serde(with = "scalar")]
        by: Principal,
    },
    TokenMade(#[serde(with = "TokenRow")] TokenRecord),
    TokenRevoked {
        id: String,
    },
    EnrollmentOpened(#[serde(with = "EnrollmentRow")] EnrollmentRecord),
    Enrolled {
        #[serde(with = "scalar")]
        device: DeviceId,
        #[serde(with = "scalar")]
        hardware: HardwareModel,
        #[serde(with = "scalar")]
        home: HomeId,
        #[serde(with = "scalar")]
        token: Digest,
        enrollment: Option<String>,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        attributes: BTreeMap<String, String>,
        #[serde(default, skip_serializing_if = "Option::is_none", with = "scalar::option")]
        by: Option<Principal>,
    },
    Drafted {
        #[serde(with = "scalar")]
        rollout: RolloutId,
        #[serde(with = "drafted")]
        plan: Arc<Plan>,
        #[serde(with = "scalar")]
        by: Principal,
    },
    Seen {
        #[serde(with = "scalar")]
        device: DeviceId,
        #[serde(with = "facts")]
        facts: Box<Facts>,
    },
    Reported(#[serde(with = "ReportRow")] ReportRecord),
    Clock,
    Outage(#[serde(with = "WindowRow")] Window),
    Stepped {
        #[serde(with = "scalar")]
        rollout: RolloutId,
        #[serde(with = "input")]
        input: Box<Input>,
        #[serde(with = "scalar")]
        state: StateHash,
    },
    Offered {
        #[serde(with = "scalar")]
        rollout: RolloutId,
        #[serde(with = "scalar")]
        device: DeviceId,
        attempt: u32,
        #[serde(with = "scalar")]
        image: Digest,
        #[serde(with = "scalar")]
        lease_until: Timestamp,
    },
    Permitted {
        #[serde(with = "scalar")]
        rollout: RolloutId,
        #[serde(with = "scalar")]
        device: DeviceId,
        #[serde(with = "ExposureRow")]
        exposure: Exposure,
    },
    Unasked {
        #[serde(with = "scalar")]
        rollout: RolloutId,
        #[serde(with = "scalar")]
        device: DeviceId,
        #[serde(with = "ExposureRow")]
        exposure: Exposure,
    },
    Held {
        #[serde(with = "scalar")]
        rollout: RolloutId,
        #[serde(with = "scalar")]
        device: DeviceId,
        #[serde(with = "scalar")]
        deadline: ServiceTime,
    },
    ChannelSet {
        #[serde(with = "scalar")]
        product: ProductId,
        #[serde(with = "scalar")]
        channel: ChannelId,
        #[serde(with = "ChannelRow")]
        record: ChannelRecord,
        #[serde(with = "scalar")]
        by: Principal,
    },
    ChannelRemoved {
        #[serde(with = "scalar")]
        product: ProductId,
        #[serde(with = "scalar")]
        channel: ChannelId,
        #[serde(with = "scalar")]
        by: Principal,
    },
    Promoted {
        #[serde(with = "scalar")]
        release: ReleaseId,
        #[serde(with = "scalar")]
        channel: ChannelId,
        #[serde(with = "scalar")]
        rollout: RolloutId,
        #[serde(with = "scalar")]
        by: Principal,
    },
    FreezeSet {
        #[serde(with = "scalar")]
        freeze: FreezeId,
        #[serde(with = "schedule::FreezeRow")]
        record: Freeze,
        #[serde(with = "scalar")]
        by: Principal,
    },
    FreezeLifted {
        #[serde(with = "scalar")]
        freeze: FreezeId,
        #[serde(with = "scalar")]
        by: Principal,
    },
    StandingSet {
        #[serde(with = "scalar")]
        device: DeviceId,
        #[serde(with = "StandingRow")]
        standing: StandingChange,
        #[serde(with = "scalar")]
        by: Principal,
    },
    TokenRotated {
        #[serde(with = "scalar")]
        device: DeviceId,
        #[serde(with = "scalar")]
        token: Digest,
        generation: u32,
        #[serde(with = "scalar")]
        by: Principal,
    },
    Noted {
        #[serde(with = "scalar")]
        device: DeviceId,
        text: String,
        #[serde(with = "scalar")]
        by: Principal,
    },
    AttributesSet {
        #[serde(with = "scalar")]
        device: DeviceId,
        set: BTreeMap<String, String>,
        unset: BTreeSet<String>,
        #[serde(with = "scalar")]
        by: Principal,
    },
    Replaced {
        #[serde(with = "scalar")]
        old: DeviceId,
        #[serde(with = "scalar")]
        new: DeviceId,
        #[serde(with = "scalar")]
        by: Principal,
    },
    Excluded {
        #[serde(with = "scalar")]
        rollout: RolloutId,
        #[serde(with = "scalar")]
        device: DeviceId,
        reason: String,
        #[serde(with = "scalar")]
        by: Principal,
    },
    Included {
        #[serde(with = "scalar")]
        rollout: RolloutId,
        #[serde(with = "scalar")]
        device: DeviceId,
        #[serde(with = "scalar")]
        by: Principal,
    },
    Once(#[serde(with = "OnceRow")] OnceRecord),
    Answered {
        #[serde(with = "scalar")]
        principal: Principal,
        key: String,
        status: u16,
        #[serde(with = "scalar")]
        body: Vec<u8>,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Window")]
struct WindowRow {
    #[serde(with = "scalar")]
    from: Timestamp,
    #[serde(with = "scalar")]
    to: Timestamp,
}
