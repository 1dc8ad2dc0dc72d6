//! The model: what the journal says, folded, and the decisions that are made on it.
//!
//! [`Fleet::fold`] takes entries, [`Fleet::decide`] makes new ones, [`Fleet::explain`] says why.
//! Invariants: the model is a function of the journal (last signs of life and cached reach apart,
//! which only a journalled decision makes count); buckets of a rollout sum to its cohort.

mod ask;
mod attributes;
mod barred;
mod blame;
mod census;
mod channels;
mod course;
mod decide;
mod devices;
mod edit;
mod effects;
mod exclude;
mod explain;
mod fold;
mod freeze;
mod life;
mod losses;
mod observe;
mod once;
mod publish;
mod registry;
mod renew;
mod roads;
mod running;
mod started;
mod support;
mod survey;
mod unasked;

pub use ask::{Answer, Ask, BeginError, OfferMade, Reply};
pub use barred::{Barred, BarredBy};
pub use blame::{Blame, Count, Group};
pub use census::{ABSENT, OTHERS, Part, Shown, TABLE_COLUMNS, TABLE_ROWS, Table};
pub use channels::{Channel, Passed, PromoteError, Promotion};
pub use course::Look;
pub use decide::Decided;
pub use devices::Devices;
pub use exclude::Exclusion;
pub use explain::{Explanation, Verdict};
pub use fold::FoldError;
pub use freeze::{FreezeError, NamedFreeze};
pub use life::{DeviceError, NewDevice, Replacement};
pub use losses::Lost;
pub use once::{Once, OnceError, OnceLedger};
pub use publish::PublishError;
pub use registry::{Registered, RegistryError};
pub use renew::RenewError;
pub use roads::RoadError;
pub use running::{EndCounts, Running};
pub use survey::{Stands, Survey, Totals, Way};

use crate::calendar::Zones;
use crate::device::Device;
use crate::hosting::Hosting;
use crate::id::{ChannelId, CohortId, DeviceId, FreezeId, ProductId, RolloutId};
use crate::journal::{CohortRecord, EnrollmentRecord, Seq, TokenRecord};
use crate::reach::Atlas;
use crate::release::{Release, ReleaseId};
use crate::rollout::{Calendar, Candidate};
use crate::time::{Availability, Span, Timestamp};
use crate::trust::Root;
use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};

/// Missed check-ins after which a device counts as out of reach.
//= design 4.2: heard of within 3 times its usual interval
const REACHABLE_INTERVALS: u64 = 3;

/// Leave to enroll, and how much of it was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrollment {
    /// The leave.
    pub record: EnrollmentRecord,
    /// Devices that used it.
    pub used: u64,
}

/// A named cohort as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cohort {
    /// Who is meant.
    pub record: CohortRecord,
    /// The entry that defined it.
    pub revision: Seq,
}

/// Everything the journal says.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// The last entry that was folded.
    pub read_to: Seq,
    /// Its time.
    pub clock: Timestamp,
    /// When we could serve.
    pub availability: Availability,
    /// The root in force.
    pub root: Option<Root>,
    /// All roots, as signed, from version 1.
    pub roots: Vec<Vec<u8>>,
    /// What is hosted where.
    pub hosting: Hosting,
    /// Products by name.
    pub products: BTreeSet<ProductId>,
    /// Releases.
    pub releases: BTreeMap<ReleaseId, Release>,
    /// Stepping stones and dead ends.
    pub atlas: Atlas,
    /// Named cohorts.
    pub cohorts: BTreeMap<CohortId, Cohort>,
    /// Channels by product and name.
    pub channels: BTreeMap<(ProductId, ChannelId), Channel>,
    /// Rollouts that carried a release to a channel, oldest first; the last one counts.
    pub promotions: BTreeMap<(ReleaseId, ChannelId), Vec<RolloutId>>,
    /// Requests that were carried out once.
    pub once: OnceLedger,
    /// Tokens by public id.
    pub tokens: BTreeMap<String, TokenRecord>,
    /// Enrollments by public id.
    pub enrollments: BTreeMap<String, Enrollment>,
    /// Devices.
    pub devices: Devices,
    /// Rollouts.
    pub rollouts: BTreeMap<RolloutId, Running>,
    /// Rollouts, oldest first.
    pub order: Vec<RolloutId>,
    /// Zones that devices are in. They follow from the devices, and are read once.
    pub zones: Zones,
    /// Freezes by name.
    pub freezes: BTreeMap<FreezeId, NamedFreeze>,
    /// How often devices are asked to check in.
    pub usual: Span,
    /// When our last outage began: signs of life before it may be forgotten, so nobody's silence
    /// is counted from an earlier time.
    pub heard_until: Timestamp,
}

impl Fleet {
    /// Before the first entry. `usual` is the check-in interval devices are asked for.
    pub fn new(hosting: Hosting, usual: Span) -> Self {
        Self {
            read_to: Seq(0),
            clock: Timestamp(0),
            availability: Availability::default(),
            root: None,
            roots: Vec::new(),
            hosting,
            products: BTreeSet::new(),
            releases: BTreeMap::new(),
            atlas: Atlas::default(),
            cohorts: BTreeMap::new(),
            channels: BTreeMap::new(),
            promotions: BTreeMap::new(),
            once: OnceLedger::default(),
            tokens: BTreeMap::new(),
            enrollments: BTreeMap::new(),
            devices: Devices::default(),
            rollouts: BTreeMap::new(),
            order: Vec::new(),
            zones: Zones::default(),
            freezes: BTreeMap::new(),
            usual,
            heard_until: Timestamp(0),
        }
    }

    /// Notes a sign of life that changes nothing else.
    pub fn touch(&mut self, device: &DeviceId, now: Timestamp) {
        if let Some(device) = self.devices.get_mut(device) {
            device.last_seen = device.last_seen.max(now);
        }
    }

    /// Whether a device was heard of lately enough to be waited for: one that was registered and
    /// has never checked in was not, and a retired one never will be. Our own absence counts
    /// against nobody.
    pub fn is_reachable(&self, device: &Device, now: Timestamp) -> bool {
        if device.facts.is_none() || device.standing.is_retired() {
            return false;
        }
        let heard = device.last_seen.max(self.heard_until);
        let silent = self.availability.served(heard, now);
        silent.0 <= self.usual.0.saturating_mul(REACHABLE_INTERVALS)
    }

    /// Whether a device belongs to a named cohort.
    pub fn is_in_cohort(&self, cohort: &CohortId, device: &Device) -> bool {
        match self.cohorts.get(cohort).map(|cohort| &cohort.record) {
            Some(CohortRecord::Query(query)) => query.matches(device),
            Some(CohortRecord::Listed(list)) => list.contains(&device.id),
            None => false,
        }
    }

    /// What is known about time besides the plan of a rollout.
    pub fn calendar<'a>(&'a self, running: &'a Running) -> Calendar<'a> {
        Calendar { zones: &self.zones, openings: &running.openings, freezes: &self.freezes }
    }

    /// A device as a candidate of a rollout, handed to `judge`; `None` if the release is unknown.
    pub(crate) fn candidate<T>(
        &self,
        running: &Running,
        device: &Device,
        now: Timestamp,
        judge: impl FnOnce(Candidate<'_>) -> T,
    ) -> Option<T> {
        let plan = &running.rollout.plan;
        let release = self.releases.get(plan.target.release())?;
        let other_execution = match &plan.members {
            crate::rollout::Membership::StillRunning { rollout } => {
                self.rollouts.get(rollout).and_then(|other| other.executions.get(&device.id))
            }
            crate::rollout::Membership::Query(_) | crate::rollout::Membership::Listed(_) => None,
        };
        Some(judge(Candidate {
            device,
            execution: running.executions.get(&device.id),
            release,
            hosting: &self.hosting,
            atlas: &self.atlas,
            in_cohort: &|cohort| self.is_in_cohort(cohort, device),
            other_execution,
            superseded_by: running.superseded_by,
            excluded: running.excluded.get(&device.id),
            stratum: crate::rollout::StratumId(0),
            calendar: self.calendar(running),
            recent: &running.recent,
            now,
        }))
    }
}
