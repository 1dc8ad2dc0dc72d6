//! Checks of what operators and publishers bring, before it becomes an entry.
//!
//! Invariant: a refusal names what, why and what to do, and changes nothing; the same request
//! twice is one entry. Not here: whether the caller may; that is the role table's answer.

use super::{Fleet, fold};
use crate::id::{DeviceId, Digest, HardwareModel, Principal, RolloutId};
use crate::journal::{CohortRecord, Entry, PublishRecord, ReportRecord};
use crate::release::{Artifact, Lifecycle, ReleaseId, Target};
use crate::rollout::{
    Approval, Ladder, Membership, OnSmall, Phase, Plan, PlanError, PlanFields, Refusal, Rung,
};
use crate::time::Timestamp;
use crate::trust::{self, Root, UnixSeconds};
use crate::version::ReleaseCounter;
use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    sync::Arc,
    vec,
    vec::Vec,
};

/// Entries to be written, or none if all of it was there already.
#[derive(Clone, Debug, PartialEq)]
pub enum Registered {
    /// Write these.
    New(Vec<Entry>),
    /// Nothing to do.
    Known,
}

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
            Self::Root(source) => source.hint(),
        }
    }
}

/// Why something was not registered.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// Not there.
    #[error("there is no {kind} `{name}`")]
    Unknown {
        /// Of what kind.
        kind: &'static str,
        /// Which.
        name: String,
    },
    /// There already, and different.
    #[error("{kind} `{name}` exists already")]
    Exists {
        /// Of what kind.
        kind: &'static str,
        /// Which.
        name: String,
    },
    /// The leave to enroll does not cover it.
    #[error("this enrollment {0}")]
    Enrollment(&'static str),
    /// A report that cannot be.
    #[error("report {index}: {problem}")]
    Report {
        /// Which of the batch, from 0.
        index: usize,
        /// Why.
        problem: String,
    },
    /// A plan that cannot be.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A rollout that cannot be taken back.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The release cannot be rolled out.
    #[error("{release} is {state}")]
    Release {
        /// Which.
        release: String,
        /// What it is.
        state: &'static str,
    },
}

impl RegistryError {
    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "RE-001",
            Self::Exists { .. } => "RE-002",
            Self::Enrollment(_) => "RE-003",
            Self::Report { .. } => "RE-004",
            Self::Plan(source) => source.code(),
            Self::Refused(source) => source.code(),
            Self::Release { .. } => "RE-005",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "list what there is",
            Self::Exists { .. } => "use another name",
            Self::Enrollment(_) => "open another one with `rollout device enroll-token`",
            Self::Report { .. } => "correct the report; none of the batch was taken",
            Self::Plan(source) => source.hint(),
            Self::Refused(source) => source.hint(),
            Self::Release { .. } => "publish it first, or choose another",
        }
    }

    /// Something that is not there.
    pub fn unknown(kind: &'static str, name: impl ToString) -> Self {
        Self::Unknown { kind, name: name.to_string() }
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
            let rollout = &self.rollouts.get(id)?.rollout;
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

    /// Checks an enrollment and lets a device in.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn enroll(
        &self,
        device: DeviceId,
        hardware: HardwareModel,
        token: Digest,
        enrollment: &str,
        now: Timestamp,
    ) -> Result<Registered, RegistryError> {
        let leave = self
            .enrollments
            .get(enrollment)
            .ok_or_else(|| RegistryError::unknown("enrollment", enrollment))?;
        if leave.record.expires <= now {
            return Err(RegistryError::Enrollment("has expired"));
        }
        if leave.record.hardware != hardware {
            return Err(RegistryError::Enrollment("is for another model"));
        }
        if let Some(known) = self.devices.get(&device) {
            // A device that lost the answer asks again before it was ever seen, and the question
            // may arrive twice; a clone of one that lives gets nothing.
            if known.facts.is_none() && known.hardware == hardware && known.token == token {
                return Ok(Registered::Known);
            }
            if known.facts.is_some() || known.hardware != hardware {
                let name = device.as_str().into();
                return Err(RegistryError::Exists { kind: "device", name });
            }
        } else if leave.used >= leave.record.count {
            return Err(RegistryError::Enrollment("is used up"));
        }
        let home = self.hosting.default_home().id.clone();
        let enrollment = Some(enrollment.into());
        Ok(Registered::New(vec![Entry::Enrolled { device, hardware, home, token, enrollment }]))
    }

    /// Checks a new plan against what there is.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn draft(
        &self,
        rollout: RolloutId,
        plan: Plan,
        by: Principal,
    ) -> Result<Registered, RegistryError> {
        if let Some(known) = self.rollouts.get(&rollout) {
            if *known.rollout.plan == plan && known.rollout.author == by {
                return Ok(Registered::Known);
            }
            return Err(RegistryError::Exists { kind: "rollout", name: rollout.to_string() });
        }
        self.check_plan(&plan)?;
        Ok(Registered::New(vec![Entry::Drafted { rollout, plan: Arc::new(plan), by }]))
    }

    /// Checks that what a plan names is there.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn check_plan(&self, plan: &Plan) -> Result<(), RegistryError> {
        let id = plan.target.release();
        let release = self.releases.get(id).ok_or_else(|| RegistryError::unknown("release", id))?;
        match (&release.lifecycle, &plan.target) {
            (Lifecycle::Published, _) | (Lifecycle::Withdrawn { .. }, Target::WayBackOf(_)) => {}
            (Lifecycle::Draft, _) => {
                return Err(RegistryError::Release { release: id.to_string(), state: "a draft" });
            }
            (Lifecycle::Withdrawn { .. }, Target::Release(_)) => {
                return Err(RegistryError::Release { release: id.to_string(), state: "withdrawn" });
            }
        }
        if release.artifacts_of(&plan.target).is_empty() {
            return Err(Refusal::NoWayBack { release: id.to_string() }.into());
        }
        for name in plan.ladder.cohorts_open_at(plan.ladder.last()) {
            if !self.cohorts.contains_key(name) {
                return Err(RegistryError::unknown("cohort", name));
            }
        }
        Ok(())
    }

    /// The plan that takes a rollout back, and how many devices it is for.
    ///
    /// # Errors
    /// [`RegistryError`] if there is no such rollout, or no way back was signed.
    pub fn rollback_plan(&self, rollout: RolloutId) -> Result<(Plan, u64), RegistryError> {
        let running = self
            .rollouts
            .get(&rollout)
            .ok_or_else(|| RegistryError::unknown("rollout", rollout))?;
        let plan = &running.rollout.plan;
        let release = match &plan.target {
            Target::Release(id) => id.clone(),
            Target::WayBackOf(id) => {
                return Err(Refusal::NoWayBack { release: id.to_string() }.into());
            }
        };
        let all = Ladder::new(vec![Rung::Share(10_000)])
            .map_err(|problem| PlanError::Field { key: "ladder".into(), problem })?;
        let fields = PlanFields {
            name: format!("back from {}", plan.name),
            target: Target::WayBackOf(release),
            members: Membership::StillRunning { rollout },
            ladder: all,
            require: None,
            approval: Approval::default(),
            on_small: OnSmall::Quiet,
            start_at: None,
            ..PlanFields::clone(plan)
        };
        let back = Plan::check(fields)?;
        self.check_plan(&back)?;
        let still = running.executions.iter().filter(|(id, execution)| {
            execution.exposure.is_some()
                && self.devices.get(*id).and_then(|d| d.running()) == Some(execution.image)
        });
        Ok((back, still.count() as u64))
    }

    /// Checks the meaning of a cohort's name.
    pub fn define_cohort(
        &self,
        cohort: crate::id::CohortId,
        record: CohortRecord,
        by: Principal,
    ) -> Registered {
        if self.cohorts.get(&cohort) == Some(&record) {
            return Registered::Known;
        }
        Registered::New(vec![Entry::CohortDefined { cohort, record, by }])
    }

    /// Checks that a report is about something the device has: all of a batch, or none.
    ///
    /// # Errors
    /// [`RegistryError::Report`] naming the index.
    //= design 4.12: an error is only a report for an execution that the device never had
    pub fn check_reports(&self, reports: &[ReportRecord]) -> Result<(), RegistryError> {
        for (index, report) in reports.iter().enumerate() {
            let running = self.rollouts.get(&report.rollout);
            let execution = running.and_then(|held| held.executions.get(&report.device));
            let had = execution.map_or(0, |execution| execution.attempt);
            if !(1..=had).contains(&report.attempt) {
                let (rollout, attempt) = (report.rollout, report.attempt);
                let problem = format!("no execution of rollout {rollout}, attempt {attempt}, here");
                return Err(RegistryError::Report { index, problem });
            }
        }
        Ok(())
    }
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
