//! Whom a rollout takes the way back from, rung by rung.
//!
//! A device loses its way back if it runs a release of ours and could not return to one from what
//! the rollout installs. One that runs an image nobody published here had nowhere to go back to;
//! only a release that is marked as irreversible counts for it too. Invariant: a rollout that takes
//! another back takes no way back away.

use super::{Fleet, Running};
use crate::device::Device;
use crate::id::Digest;
use crate::journal::Entry;
use crate::position::Position;
use crate::reach::{Class, NoReturn, way_back};
use crate::release::{Artifact, Release, ReleaseId, Target};
use crate::rollout::{Candidate, Losses, Plan, Rollout, Rung, RungIndex};
use crate::time::Timestamp;
use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    vec::Vec,
};

/// A device that loses its way back to a rung that is to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost<'f> {
    /// Which.
    pub device: &'f Device,
    /// Why.
    pub why: NoReturn,
    /// The rungs, not open yet, that let it in; at least one.
    pub rungs: Vec<RungIndex>,
}

impl Fleet {
    /// How many devices each rung that is not open yet takes the way back from.
    pub fn losses(&self, running: &Running, now: Timestamp) -> Losses {
        self.losses_under(running, &running.rollout, now)
    }

    /// The same if the rollout had another plan.
    pub(super) fn losses_if(&self, running: &Running, plan: &Arc<Plan>, now: Timestamp) -> Losses {
        let mut changed = running.rollout.clone();
        changed.plan = plan.clone();
        self.losses_under(running, &changed, now)
    }

    fn losses_under(&self, running: &Running, rollout: &Rollout, now: Timestamp) -> Losses {
        let mut counts: BTreeMap<RungIndex, u64> = BTreeMap::new();
        self.each_lost_under(running, rollout, now, |lost| {
            for rung in lost.rungs {
                *counts.entry(rung).or_default() += 1;
            }
        });
        let ladder = &rollout.plan.ladder;
        Losses::new(counts.into_iter().map(|(rung, devices)| match ladder.rung(rung) {
            // A count lets in no more than it says.
            Some(Rung::Count(limit)) => (rung, devices.min(*limit)),
            Some(Rung::Cohort(_) | Rung::Share(_)) | None => (rung, devices),
        }))
    }

    /// The same as of the last tick, or anew if ways have changed since. One that is over opens no
    /// rung; who resumes it is told anew.
    pub fn known_losses(&self, running: &Running) -> Losses {
        match &running.losses {
            _ if running.rollout.phase.is_over() => Losses::default(),
            Some(losses) => losses.clone(),
            None => self.losses(running, self.clock),
        }
    }

    /// What changes ways makes every rollout look anew.
    pub(super) fn forget_losses(&mut self, entry: &Entry) {
        let changes_ways = matches!(
            entry,
            Entry::HostingSet(_)
                | Entry::Published(_)
                | Entry::Withdrawn { .. }
                | Entry::Renewed { .. }
                | Entry::StonesSet { .. }
                | Entry::DeadEndSet { .. }
        );
        if changes_ways {
            self.rollouts.values_mut().for_each(|running| running.losses = None);
        }
    }

    /// Shows `see` each device that rungs to come would install a release on and that could not go
    /// back from it. One pass over the fleet, unless nothing about the release can take a way back
    /// away.
    pub fn each_lost<'f>(&'f self, running: &Running, now: Timestamp, see: impl FnMut(Lost<'f>)) {
        self.each_lost_under(running, &running.rollout, now, see);
    }

    fn each_lost_under<'f>(
        &'f self,
        running: &Running,
        rollout: &Rollout,
        now: Timestamp,
        mut see: impl FnMut(Lost<'f>),
    ) {
        let plan = &rollout.plan;
        let Target::Release(id) = &plan.target else { return };
        let Some(release) = self.releases.get(id) else { return };
        if self.all_return(release, plan, now) {
            return;
        }
        let ours = self.images_of(id);
        for device in self.devices.values() {
            let rungs = self.opening_to(rollout, device);
            if rungs.is_empty() {
                continue;
            }
            let why = self.candidate(running, device, now, |candidate| {
                let exposed = candidate.execution.is_some_and(|one| one.exposure.is_some());
                let artifact = rollout.suits(&candidate).ok().filter(|_| !exposed)?;
                self.no_return(release, artifact, &candidate, &ours)
            });
            if let Some(Some(why)) = why {
                see(Lost { device, why, rungs });
            }
        }
    }

    /// Whether, and why, a device could not go back from what a rollout installs on it. `None` if
    /// it could, or if the rollout installs nothing on it.
    pub fn no_return_for(
        &self,
        running: &Running,
        device: &Device,
        now: Timestamp,
    ) -> Option<NoReturn> {
        let plan = &running.rollout.plan;
        let Target::Release(id) = &plan.target else { return None };
        let release = self.releases.get(id)?;
        let ours = self.images_of(id);
        self.candidate(running, device, now, |candidate| {
            let artifact = running.rollout.suits(&candidate).ok()?;
            self.no_return(release, artifact, &candidate, &ours)
        })?
    }

    fn no_return(
        &self,
        release: &Release,
        artifact: &Artifact,
        candidate: &Candidate<'_>,
        ours: &BTreeSet<Digest>,
    ) -> Option<NoReturn> {
        let class = Class::of(candidate.device)?;
        let of = (release, artifact, artifact.component);
        let before = self.before(release);
        let why = way_back(&class, of, before, &self.hosting, candidate.now).err()?;
        let had_one = ours.contains(&class.at.image);
        (had_one || matches!(why, NoReturn::Irreversible(_))).then_some(why)
    }

    /// The release that the way back of another leads to, if it was published here.
    fn before(&self, release: &Release) -> Option<&Release> {
        let version = release.way_back.as_ref()?.version.clone();
        self.releases.get(&ReleaseId { product: release.id.product.clone(), version })
    }

    /// Whether every device that can install a release can go back from it, whichever it is: then
    /// nobody need be looked at.
    fn all_return(&self, release: &Release, plan: &Plan, now: Timestamp) -> bool {
        let of_component = release.artifacts.iter().filter(|one| one.component == plan.component);
        let before = self.before(release);
        of_component.into_iter().all(|artifact| {
            artifact.hardware.iter().all(|model| {
                self.hosting.homes().iter().all(|home| {
                    let at = crate::reach::Footing {
                        version: "",
                        image: artifact.image,
                        epoch: artifact.epoch,
                        counter: artifact.counter,
                        secure_version: artifact.secure_version,
                        slot_bytes: artifact.length,
                    };
                    let class = Class { model, home: &home.id, at, fled: Vec::new() };
                    let of = (release, artifact, plan.component);
                    way_back(&class, of, before, &self.hosting, now).is_ok()
                })
            })
        })
    }

    /// Every image that was published for a product, on the way there or back.
    fn images_of(&self, id: &ReleaseId) -> BTreeSet<Digest> {
        let of_product = self.releases.values().filter(|known| known.id.product == id.product);
        let all = of_product.flat_map(|known| {
            let back = known.way_back.iter().flat_map(|back| &back.artifacts);
            known.artifacts.iter().chain(back)
        });
        all.map(|artifact| artifact.image).collect()
    }

    /// The rungs, not open yet, that let a device in: the first that opens to it, and before that
    /// every count, whose window may be anywhere. None if an open one does.
    fn opening_to(&self, rollout: &Rollout, device: &Device) -> Vec<RungIndex> {
        let ladder = &rollout.plan.ladder;
        let position = Position::of(device.key, rollout.salt());
        let opens = |rung: RungIndex| {
            let mut named = ladder.cohorts_open_at(rung);
            named.any(|cohort| self.is_in_cohort(cohort, device))
                || ladder.share_frontier(rung).opens(position)
        };
        let begun = rollout.has_begun();
        if begun && opens(rollout.rung) {
            return Vec::new();
        }
        let next = if begun { rollout.rung.next() } else { RungIndex(0) };
        let mut rungs = Vec::new();
        for rung in (next.0..=ladder.last().0).map(RungIndex) {
            if opens(rung) {
                rungs.push(rung);
                break;
            }
            if matches!(ladder.rung(rung), Some(Rung::Count(_))) {
                rungs.push(rung);
            }
        }
        rungs
    }
}
