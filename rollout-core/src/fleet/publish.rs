//! Checks of what publishers bring: roots and releases, exactly as the devices would check them.
//!
//! Invariant: what a device's verifier refuses is not published; a counter is used once. Not here:
//! whether the images are stored; the API looks at them.

use super::roads::{is_reason, without_image};
use super::{Fleet, Registered, fold};
use crate::id::{Digest, RolloutId};
use crate::journal::{Entry, PublishRecord};
use crate::limits::{NOTES_BYTES, PROVENANCE_BYTES, SOURCE_CHARS};
use crate::release::{Artifact, ReleaseId, Target};
use crate::rollout::Phase;
use crate::time::Timestamp;
use crate::trust::{self, Root, UnixSeconds};
use crate::version::ReleaseCounter;
use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

/// Why a publish was refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// No root yet.
    #[error("the fleet has no root document yet")]
    NoRoot,
    /// The verifier of the devices refuses it.
    #[error("manifest {index}: {source}")]
    Manifest {
        /// Which, from 1.
        index: usize,
        /// Why.
        source: trust::Refusal,
    },
    /// It contradicts the rest of the publish.
    #[error("manifest {index}: {problem}")]
    Contradiction {
        /// Which, from 1.
        index: usize,
        /// What is wrong.
        problem: String,
    },
    /// Its counter is used up.
    #[error("counter {found} is not above {highest}, the highest of this product")]
    Counter {
        /// Of the manifest.
        found: u64,
        /// Of the product.
        highest: u64,
    },
    /// The version is there with other images.
    #[error("{release} is published already, with other images")]
    OtherImages {
        /// The release.
        release: String,
    },
    /// What comes along with it is too long.
    #[error("the {what} of a release has at most {most}")]
    Long {
        /// Which of it.
        what: &'static str,
        /// How much it may be.
        most: &'static str,
    },
    /// It is to be a stepping stone for a model that it has no image for.
    #[error("{release} has no image for {model}, so {model} cannot pass through it")]
    Stone {
        /// The release.
        release: String,
        /// The model.
        model: String,
    },
    /// The root is not acceptable.
    #[error("the root document: {0}")]
    Root(trust::RootError),
}

impl PublishError {
    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoRoot => "PU-001",
            Self::Manifest { source, .. } => source.code(),
            Self::Contradiction { .. } => "PU-003",
            Self::Counter { .. } => "PU-004",
            Self::OtherImages { .. } => "PU-005",
            Self::Long { .. } => "PU-008",
            Self::Stone { .. } => "PU-011",
            Self::Root(source) => source.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoRoot => "store one with `rollout root publish`",
            Self::Manifest { source, .. } => source.hint(),
            Self::Contradiction { .. } => "let `rollout release publish` make the manifests",
            Self::Counter { .. } => "publish again: the next counter is taken anew",
            Self::OtherImages { .. } => "publish another version",
            Self::Stone { .. } => "name models of its images",
            Self::Long { .. } => "shorten it, and link to the rest",
            Self::Root(source) => source.hint(),
        }
    }
}

impl Fleet {
    /// The counter the next publish of a product takes.
    pub fn next_counter(&self, product: &str) -> ReleaseCounter {
        let of_product = self.releases.values().filter(|r| r.id.product.as_str() == product);
        let highest = of_product
            .flat_map(|release| {
                let back = release.way_back.as_ref().map(|back| back.counter);
                core::iter::once(release.counter).chain(back)
            })
            .max();
        highest.unwrap_or_default().next()
    }

    /// The release a new publish of `product` should go back to: that of the last completed
    /// rollout, or, before there was one, the one that most devices run.
    pub fn good_release(&self, product: &str) -> Option<&ReleaseId> {
        let completed = self.order.iter().rev().filter_map(|id| {
            let running = self.rollouts.get(id)?;
            let rollout = &running.rollout;
            // What was taken back is nothing to go back to.
            if running.superseded_by.is_some() {
                return None;
            }
            match (&rollout.phase, &rollout.plan.target) {
                (Phase::Completed { .. }, Target::Release(id)) if self.went_well(rollout.id) => {
                    Some(id)
                }
                _ => None,
            }
        });
        let mut completed = completed.filter(|id| id.product.as_str() == product);
        completed.next().or_else(|| self.most_run(product))
    }

    /// Whether a completed rollout says anything good of its release.
    fn went_well(&self, rollout: RolloutId) -> bool {
        let Some(running) = self.rollouts.get(&rollout) else { return false };
        let all = running.tally.sum(|_| true);
        let matured = crate::gate::Tally::new(all.matured_bad, all.matured);
        let gate = &running.rollout.plan.gates.failure;
        running.rollout.proven.is_some()
            || (all.confirmed > all.matured_bad && matured.is_ok_and(|seen| gate.is_quiet(seen)))
    }

    fn most_run(&self, product: &str) -> Option<&ReleaseId> {
        let mut running: BTreeMap<Digest, u64> = BTreeMap::new();
        for digest in self.devices.values().filter_map(|device| device.running()) {
            *running.entry(digest).or_default() += 1;
        }
        let of_product = self.releases.values().filter(|r| r.id.product.as_str() == product);
        let counted = of_product.map(|release| {
            let devices = release.artifacts.iter().filter_map(|a| running.get(&a.image)).sum();
            (devices, &release.id)
        });
        counted.filter(|(devices, _): &(u64, _)| *devices > 0).max().map(|(_, id)| id)
    }

    /// Checks a root document: the first one by itself, a later one against the one in force.
    ///
    /// # Errors
    /// [`PublishError::Root`].
    pub fn accept_root(&self, envelope: &[u8]) -> Result<Registered, PublishError> {
        if self.roots.iter().any(|known| known == envelope) {
            return Ok(Registered::Known);
        }
        match &self.root {
            None => Root::pinned(envelope),
            Some(root) => root.successor(envelope),
        }
        .map_err(PublishError::Root)?;
        Ok(Registered::New(vec![Entry::RootAccepted { envelope: envelope.to_vec() }]))
    }

    /// Checks a publish exactly as the devices would, and against what is there.
    ///
    /// # Errors
    /// [`PublishError`].
    pub fn publish(
        &self,
        record: &PublishRecord,
        now: Timestamp,
    ) -> Result<Registered, PublishError> {
        check_extras(record)?;
        let root = self.root.as_ref().ok_or(PublishError::NoRoot)?;
        let version = record.release.version.to_string();
        let own = check_manifests(root, &record.manifests, &record.release, &version, now, 0)?;
        let back = match &record.way_back {
            None => Vec::new(),
            Some((version, manifests)) => {
                let (version, before) = (version.to_string(), own.len());
                check_manifests(root, manifests, &record.release, &version, now, before)?
            }
        };
        if let Some(known) = self.releases.get(&record.release) {
            let images = |artifacts: &[Artifact]| {
                artifacts.iter().map(|a| a.image).collect::<alloc::collections::BTreeSet<_>>()
            };
            if images(&known.artifacts) == images(&own) {
                return Ok(Registered::Known);
            }
            return Err(PublishError::OtherImages { release: record.release.to_string() });
        }
        self.check_counters(record, &own, &back)?;
        if let Some(model) = without_image(&record.marks.stones, &own) {
            let (release, model) = (record.release.to_string(), model.to_string());
            return Err(PublishError::Stone { release, model });
        }
        Ok(Registered::New(vec![Entry::Published(alloc::boxed::Box::new(record.clone()))]))
    }

    fn check_counters(
        &self,
        record: &PublishRecord,
        own: &[Artifact],
        back: &[Artifact],
    ) -> Result<(), PublishError> {
        let contradiction =
            |index, problem: &str| PublishError::Contradiction { index, problem: problem.into() };
        for (place, artifact) in own.iter().enumerate() {
            if artifact.counter != record.counter {
                return Err(contradiction(place + 1, "its counter is not that of the release"));
            }
        }
        for (place, artifact) in back.iter().enumerate() {
            if artifact.counter <= record.counter {
                let index = own.len() + place + 1;
                return Err(contradiction(index, "a way back needs a counter above the release's"));
            }
        }
        let next = self.next_counter(record.release.product.as_str());
        if record.counter < next {
            return Err(PublishError::Counter { found: record.counter.0, highest: next.0 - 1 });
        }
        Ok(())
    }
}

fn check_extras(record: &PublishRecord) -> Result<(), PublishError> {
    let PublishRecord { notes, source, provenance, marks, .. } = record;
    let long = |what, most| Err(PublishError::Long { what, most });
    if notes.as_ref().is_some_and(|text| text.len() > NOTES_BYTES) {
        return long("notes", "64 KiB");
    }
    if source.as_ref().is_some_and(|text| text.chars().count() > SOURCE_CHARS) {
        return long("source", "200 characters");
    }
    if provenance.as_ref().is_some_and(|bytes| bytes.len() > PROVENANCE_BYTES) {
        return long("provenance", "256 KiB");
    }
    if marks.irreversible.as_ref().is_some_and(|text| !is_reason(text)) {
        return long("reason to be irreversible", "1000 characters, and at least a word");
    }
    Ok(())
}

fn check_manifests(
    root: &Root,
    manifests: &[Vec<u8>],
    release: &ReleaseId,
    version: &str,
    now: Timestamp,
    before: usize,
) -> Result<Vec<Artifact>, PublishError> {
    let mut artifacts = Vec::new();
    for (place, envelope) in manifests.iter().enumerate() {
        let index = before + place + 1;
        let contradiction = |problem: String| PublishError::Contradiction { index, problem };
        let upload = trust::check_upload(root, envelope, UnixSeconds(now.unix_secs()))
            .map_err(|source| PublishError::Manifest { index, source })?;
        let manifest = &upload.manifest;
        if manifest.product != release.product.as_str() {
            return Err(contradiction(format!("it is for product {}", manifest.product)));
        }
        if manifest.version.as_str() != version {
            return Err(contradiction(format!("it is version {}", manifest.version)));
        }
        artifacts.push(fold::artifact(envelope).ok_or_else(|| {
            contradiction("its hardware models or its contract cannot be read".into())
        })?);
    }
    if artifacts.is_empty() {
        let problem = "there is no manifest".into();
        return Err(PublishError::Contradiction { index: before + 1, problem });
    }
    Ok(artifacts)
}
