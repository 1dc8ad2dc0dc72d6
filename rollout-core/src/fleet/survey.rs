//! How the devices of a cohort get to a rollout's release, class by class, and who never does.
//!
//! One pass over the fleet. Invariant: every member of the cohort that takes part is counted once:
//! at once, over other releases, there already, without a way, or not heard of yet.

use super::{Fleet, Running};
use crate::device::{Device, Standing};
use crate::id::{DeviceId, RolloutId};
use crate::limits::CLASSES;
use crate::reach::{Class, Graph, Hop, Route, Unreachable};
use crate::release::{ReleaseId, Target};
use crate::time::Timestamp;
use alloc::{collections::BTreeMap, vec::Vec};

/// How devices of a class get to the release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stands<'a> {
    /// They can be offered it as they are.
    Direct,
    /// They take others first; the last hop is the release.
    Through(Vec<Hop<'a>>),
    /// They run it, or something later.
    There,
    /// They have no way to it: after these hops they are stuck.
    Orphan(Vec<Hop<'a>>, Unreachable),
}

impl<'a> Stands<'a> {
    fn by(route: Route<'a>, at: &str) -> Self {
        match route.ends {
            Some(ends) if route.hops.is_empty() && ends.is_there(at) => Self::There,
            Some(ends) => Self::Orphan(route.hops, ends),
            None if route.hops.len() == 1 => Self::Direct,
            None => Self::Through(route.hops),
        }
    }
}

/// Devices of one class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way<'a> {
    /// The class.
    pub class: Class<'a>,
    /// How they get there.
    pub stands: Stands<'a>,
    /// How many.
    pub devices: u64,
    /// The first of them.
    pub example: &'a DeviceId,
}

/// How many devices stand how. Disjoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Can be offered the release as they are.
    pub direct: u64,
    /// Take others first.
    pub through: u64,
    /// Run it, or something later.
    pub there: u64,
    /// Have no way to it.
    pub orphans: u64,
    /// Have never said what they run.
    pub unheard: u64,
    /// Are held, retired, or left out by hand.
    pub aside: u64,
    /// Of the first four, such as are of none of the classes that are named.
    pub unnamed: u64,
}

/// The ways of a cohort.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey<'a> {
    /// By class, at most [`CLASSES`] of them: those that were met first.
    pub ways: Vec<Way<'a>>,
    /// All devices.
    pub totals: Totals,
}

impl Totals {
    fn add(&mut self, stands: &Stands<'_>, devices: u64) {
        let count = match stands {
            Stands::Direct => &mut self.direct,
            Stands::Through(_) => &mut self.through,
            Stands::There => &mut self.there,
            Stands::Orphan(..) => &mut self.orphans,
        };
        *count += devices;
    }
}

/// Has the graph of a rollout's product, and its goal.
struct Map<'a> {
    graph: Graph<'a>,
    goal: &'a crate::release::Release,
}

impl Fleet {
    /// Hands `look` the survey of a rollout's cohort. `None` if its release is unknown, or if it
    /// takes another rollout back: that way is a single hop by construction.
    pub fn survey<T>(
        &self,
        running: &Running,
        now: Timestamp,
        look: impl FnOnce(&Survey<'_>) -> T,
    ) -> Option<T> {
        let map = self.map(running, now)?;
        let mut totals = Totals::default();
        let mut classes: BTreeMap<Class<'_>, (u64, &DeviceId)> = BTreeMap::new();
        for device in self.devices.values() {
            if !self.is_member(running, device, now) {
                continue;
            }
            let left_out = running.excluded.contains_key(&device.id);
            match (Class::of(device), &device.standing) {
                (_, Standing::Held { .. } | Standing::Retired { .. }) => totals.aside += 1,
                (_, Standing::Active) if left_out => totals.aside += 1,
                (None, Standing::Active) => totals.unheard += 1,
                (Some(class), Standing::Active) => {
                    if let Some((devices, _)) = classes.get_mut(&class) {
                        *devices += 1;
                    } else if classes.len() < CLASSES {
                        classes.insert(class, (1, &device.id));
                    } else {
                        let route = map.graph.route(&class, map.goal);
                        totals.add(&Stands::by(route, class.at.version), 1);
                        totals.unnamed += 1;
                    }
                }
            }
        }
        let mut ways = Vec::with_capacity(classes.len());
        for (class, (devices, example)) in classes {
            let stands = Stands::by(map.graph.route(&class, map.goal), class.at.version);
            totals.add(&stands, devices);
            ways.push(Way { class, stands, devices, example });
        }
        Some(look(&Survey { ways, totals }))
    }

    /// Hands `look` how one device gets to the release of a rollout. `None` as [`Fleet::survey`],
    /// and if the device has never said what it runs.
    pub fn way_of<T>(
        &self,
        running: &Running,
        device: &Device,
        now: Timestamp,
        look: impl FnOnce(&Stands<'_>) -> T,
    ) -> Option<T> {
        let map = self.map(running, now)?;
        let class = Class::of(device)?;
        let stands = Stands::by(map.graph.route(&class, map.goal), class.at.version);
        Some(look(&stands))
    }

    fn map(&self, running: &Running, now: Timestamp) -> Option<Map<'_>> {
        let plan = &running.rollout.plan;
        let Target::Release(id) = &plan.target else { return None };
        let goal = self.releases.get(id)?;
        let around = (&self.atlas, &self.hosting, now);
        let graph = Graph::new(&self.releases, &id.product, plan.component, around);
        Some(Map { graph, goal })
    }

    /// The newest rollout that gives a release to a device, when its turn comes.
    pub fn carrier(
        &self,
        release: &ReleaseId,
        device: &DeviceId,
        now: Timestamp,
    ) -> Option<RolloutId> {
        let device = self.devices.get(device)?;
        self.order.iter().rev().copied().find(|id| {
            self.rollouts.get(id).is_some_and(|running| {
                running.rollout.phase.gives()
                    && running.rollout.plan.target == Target::Release(release.clone())
                    && self.is_member(running, device, now)
            })
        })
    }

    fn is_member(&self, running: &Running, device: &Device, now: Timestamp) -> bool {
        let belongs = self.candidate(running, device, now, |candidate| {
            running.rollout.has_member(&candidate).is_ok()
        });
        belongs == Some(true)
    }
}
