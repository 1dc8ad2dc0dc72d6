//! Blame: where the bad outcomes of a rollout come from.
//!
//! Counts of exposed devices and of the bad ones among them, by what each device was when it got
//! its permit: model, version, region, and whatever the plan's cohort asks for. They are kept by
//! difference as executions change, so that asking costs the same for ten devices and for ten
//! million. Not here: whether anything is halted. Blame points, and decides nothing.
//!
//! Invariants: of every attribute, the counts sum to the exposed devices of the evidence epoch; a
//! value beyond the bound is counted among the others; whoever is everybody is blamed for nothing.

use super::Running;
use super::census::{ABSENT, OTHERS};
use crate::cohort::Attributes as _;
use crate::device::{Device, Execution, Origin, State};
use crate::gate::{FailureGate, LnE, Rate, Tally};
use crate::id::DeviceId;
use crate::limits::{BLAMED_ATTRIBUTES, BLAMED_GROUPS, BLAMED_VALUES};
use crate::rollout::{EvidenceEpoch, Membership, Plan};
use alloc::{collections::BTreeMap, string::String, vec, vec::Vec};
use core::cmp::Reverse;
use core::fmt;

/// What is counted in every rollout.
const ALWAYS: [&str; 3] = ["model", "version", "region"];
/// What names a single device, or is counted anyway.
const NEVER: [&str; 4] = ["device", "model", "version", "region"];

/// Exposed devices, and the bad ones among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Known to be bad.
    pub bad: u64,
    /// With a permit of this evidence epoch, pending ones included.
    pub exposed: u64,
}

impl Count {
    fn tally(self) -> Tally {
        Tally::new(self.bad, self.exposed).unwrap_or(Tally::NONE)
    }

    fn without(self, other: Self) -> Self {
        Self { bad: self.bad - other.bad, exposed: self.exposed - other.exposed }
    }
}

/// Devices that have a value in common and bad outcomes among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The attribute. `version` is the one the devices came from.
    pub attribute: String,
    /// Its value; [`ABSENT`] if the devices have none, [`OTHERS`] for all beyond the bound.
    pub value: String,
    /// Of the group.
    pub count: Count,
    /// Of all other exposed devices.
    pub others: Count,
    /// Evidence that the group alone is above the plan's `p_max`.
    pub ln_e_abort: LnE,
    /// Whether the group is provably worse than the others, at the plan's alpha; its bad outcomes
    /// may be chance otherwise.
    pub stands_out: bool,
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { attribute, value, count, others, .. } = self;
        match (attribute.as_str(), value.as_str()) {
            (name, ABSENT) => write!(f, "no {name}")?,
            (name, OTHERS) => write!(f, "{name} beyond the first {BLAMED_VALUES}")?,
            ("version", value) => write!(f, "from {value}")?,
            (name, value) => write!(f, "{name} {value}")?,
        }
        let Count { bad, exposed } = count;
        let devices = if *exposed == 1 { "device" } else { "devices" };
        write!(f, ", {bad} of {exposed} {devices}, all others {} of {}", others.bad, others.exposed)
    }
}

/// Where bad outcomes come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blame {
    /// All exposed devices of the evidence epoch.
    pub all: Count,
    /// Those that stand out first, then by the evidence against them, the bad ones and the name.
    pub groups: Vec<Group>,
}

/// Counts by origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origins {
    epoch: EvidenceEpoch,
    attributes: Vec<Attribute>,
}

/// The values of one attribute. Place 0 is for all that have no place of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Attribute {
    name: String,
    places: BTreeMap<String, u8>,
    counts: Vec<Count>,
}

impl Attribute {
    fn new(name: &str) -> Self {
        Self { name: name.into(), places: BTreeMap::new(), counts: vec![Count::default()] }
    }

    /// The place of a value; a new one gets its own as long as there are any.
    fn place(&mut self, value: &str) -> u8 {
        if let Some(place) = self.places.get(value) {
            return *place;
        }
        if self.places.len() == BLAMED_VALUES {
            return 0;
        }
        let place = self.counts.len() as u8;
        self.counts.push(Count::default());
        self.places.insert(value.into(), place);
        place
    }
}

impl Origins {
    pub(super) fn of(plan: &Plan) -> Self {
        let asked = match &plan.members {
            Membership::Query(query) => query.attributes().collect(),
            Membership::Listed(_) | Membership::StillRunning { .. } => Vec::new(),
        };
        let more = asked.into_iter().filter(|name| !NEVER.contains(name));
        let names = ALWAYS.into_iter().chain(more).take(BLAMED_ATTRIBUTES);
        let attributes = names.map(Attribute::new).collect();
        Self { epoch: EvidenceEpoch::default(), attributes }
    }

    /// What a device is now. It came from no version if it runs what it is about to install.
    fn origin(&mut self, device: &Device, execution: &Execution) -> Origin {
        let mut origin = Origin::default();
        let is_there = device.running() == Some(execution.image);
        for (attribute, place) in self.attributes.iter_mut().zip(&mut origin.0) {
            let known = device.get(&attribute.name);
            let known = known.filter(|_| attribute.name != "version" || !is_there);
            *place = attribute.place(known.unwrap_or(ABSENT));
        }
        origin
    }

    /// Replaces one execution's contribution by another's. A new epoch begins at nothing.
    pub(super) fn replace(&mut self, before: Option<&Execution>, after: Option<&Execution>) {
        if let Some((epoch, count)) = before.and_then(contribution)
            && epoch == self.epoch
        {
            self.each(before, |sum| *sum = sum.without(count));
        }
        let Some((epoch, count)) = after.and_then(contribution) else { return };
        if epoch > self.epoch {
            self.epoch = epoch;
            let counts = self.attributes.iter_mut().flat_map(|attribute| &mut attribute.counts);
            counts.for_each(|sum| *sum = Count::default());
        }
        if epoch == self.epoch {
            self.each(after, |sum| {
                sum.bad += count.bad;
                sum.exposed += count.exposed;
            });
        }
    }

    fn each(&mut self, execution: Option<&Execution>, change: impl Fn(&mut Count)) {
        let Some(Execution { origin, .. }) = execution else { return };
        for (attribute, place) in self.attributes.iter_mut().zip(origin.0) {
            attribute.counts.get_mut(usize::from(place)).into_iter().for_each(&change);
        }
    }

    fn blame(&self, gate: &FailureGate, epoch: EvidenceEpoch) -> Option<Blame> {
        let first = self.attributes.first().filter(|_| epoch == self.epoch)?;
        let mut all = Count::default();
        for count in &first.counts {
            all.bad += count.bad;
            all.exposed += count.exposed;
        }
        if all.bad == 0 {
            return None;
        }
        let groups = self.attributes.iter().zip(0..).flat_map(|(attribute, order)| {
            attribute.groups(gate, all).map(move |group| (order, group))
        });
        let mut groups: Vec<(usize, Group)> = groups.collect();
        groups.sort_by(|(order, one), (other, two)| {
            let rank =
                |group: &Group| Reverse((group.stands_out, group.ln_e_abort, group.count.bad));
            rank(one).cmp(&rank(two)).then(order.cmp(other)).then_with(|| one.value.cmp(&two.value))
        });
        let groups = groups.into_iter().take(BLAMED_GROUPS).map(|(_, group)| group);
        Some(Blame { all, groups: groups.collect() })
    }
}

impl Attribute {
    /// Values with bad outcomes. One that everybody has tells nothing.
    fn groups(&self, gate: &FailureGate, all: Count) -> impl Iterator<Item = Group> {
        let own = self.places.iter().map(|(value, place)| (value.as_str(), usize::from(*place)));
        let values = core::iter::once((OTHERS, 0)).chain(own);
        let counted = values.filter_map(|(value, place)| Some((value, *self.counts.get(place)?)));
        let telling = counted.filter(move |(_, one)| one.bad > 0 && one.exposed < all.exposed);
        telling.map(move |(value, count)| {
            let others = all.without(count);
            Group {
                attribute: self.name.clone(),
                value: value.into(),
                count,
                others,
                ln_e_abort: gate.ln_e_abort(count.tally()),
                stands_out: is_worse(gate, count, others),
            }
        })
    }
}

/// Whether a group's rate is above that of the others. What is held against it is the rate that
/// the others would be expected to have at their next device, so that a few good ones are no proof
/// that they never fail.
//= Laplace: the rule of succession
fn is_worse(gate: &FailureGate, count: Count, others: Count) -> bool {
    let expected = (others.bad + 1) as f64 / (others.exposed + 2) as f64;
    let against = Rate::new(expected).and_then(|rate| {
        FailureGate::new(rate, rate, gate.alpha(), gate.beta(), gate.min_failures())
    });
    against.is_ok_and(|against| against.aborts(count.tally()))
}

/// What an execution counts for, as the gates count it.
fn contribution(execution: &Execution) -> Option<(EvidenceEpoch, Count)> {
    let exposure = execution.exposure.filter(|_| execution.state != State::Revoked)?;
    let bad = u64::from(execution.failure.is_some());
    Some((exposure.epoch, Count { bad, exposed: 1 }))
}

impl Running {
    /// Where the bad outcomes of this evidence epoch come from; `None` while there are none.
    pub fn blame(&self) -> Option<Blame> {
        self.origins.blame(&self.rollout.plan.gates.failure, self.rollout.epoch)
    }

    /// Exposes a device, and notes what it was then. One that was exposed before came from where
    /// it came from.
    pub(super) fn expose(
        &mut self,
        id: &DeviceId,
        device: Option<&Device>,
        expose: impl FnOnce(&mut Execution),
    ) {
        let held = self.executions.get(id).filter(|execution| execution.exposure.is_none());
        let origin =
            held.zip(device).map(|(execution, device)| self.origins.origin(device, execution));
        self.change(id, |execution| {
            expose(execution);
            execution.origin = origin.unwrap_or(execution.origin);
        });
    }
}
