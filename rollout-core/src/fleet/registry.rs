//! Checks of what operators and publishers bring, before it becomes an entry.
//!
//! Invariant: a refusal names what, why and what to do, and changes nothing; the same request
//! twice is one entry. Not here: whether the caller may; that is the role table's answer.

use super::{Fleet, Running};
use crate::device::{Device, Standing, State};
use crate::id::{DeviceId, Digest, HardwareModel, Principal, RolloutId};
use crate::journal::{CohortRecord, Entry, Outgoing, ReportRecord};
use crate::release::{Lifecycle, ReleaseId, Target};
use crate::rollout::{
    Again, Approval, Ladder, Lane, Membership, NAME_BYTES, OnOverdue, OnSmall, Plan, PlanError,
    PlanFields, Refusal, Rung, Schedule,
};
use crate::time::Timestamp;
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
    /// Write these, and have that done outside.
    Decided(Vec<Entry>, Vec<Outgoing>),
    /// Nothing to do.
    Known,
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
    /// A report whose number lies absurdly far above those before it.
    #[error("report {index}: sequence {found} is more than 2^32 above {highest}, the highest yet")]
    Jump {
        /// Which of the batch, from 0.
        index: usize,
        /// The highest that was taken.
        highest: u64,
        /// What was given.
        found: u64,
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
    /// A device that nothing is offered to.
    #[error("device {device} is {standing}: nothing is offered to it")]
    Standing {
        /// Which.
        device: DeviceId,
        /// Held, or retired.
        standing: &'static str,
    },
    /// A channel that cannot be so.
    #[error("channel `{channel}` {problem}")]
    Channel {
        /// Which.
        channel: String,
        /// What is wrong.
        problem: String,
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
            Self::Jump { .. } => "RE-008",
            Self::Plan(source) => source.code(),
            Self::Refused(source) => source.code(),
            Self::Release { .. } => "RE-005",
            Self::Channel { .. } => "RE-006",
            Self::Standing { .. } => "RE-009",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "list what there is",
            Self::Exists { .. } => "use another name",
            Self::Enrollment(_) => "open another one with `rollout device enroll-token`",
            Self::Jump { .. } => "count reports one by one, or report as a new incarnation",
            Self::Report { .. } => "correct the report; none of the batch was taken",
            Self::Plan(source) => source.hint(),
            Self::Refused(source) => source.hint(),
            Self::Release { .. } => "publish it first, or choose another",
            Self::Channel { .. } => "see `after` of the product's channels",
            Self::Standing { .. } => "release it first, if it is held; a retired one stays so",
        }
    }

    /// Something that is not there.
    pub fn unknown(kind: &'static str, name: impl ToString) -> Self {
        Self::Unknown { kind, name: name.to_string() }
    }
}

impl Fleet {
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
            // A token that was rotated, or a device that is gone, does not come back this way.
            let is_fresh = known.facts.is_none()
                && known.hardware == hardware
                && known.generation == 0
                && !known.standing.is_retired();
            if is_fresh && known.token == token {
                return Ok(Registered::Known);
            }
            if !is_fresh {
                let name = device.as_str().into();
                return Err(RegistryError::Exists { kind: "device", name });
            }
        }
        // Also one that takes over a device that another leave, or an operator, let in: it is used.
        if leave.used >= leave.record.count {
            return Err(RegistryError::Enrollment("is used up"));
        }
        let home = self.hosting.default_home().id.clone();
        let enrollment = Some(enrollment.into());
        Ok(Registered::New(vec![Entry::Enrolled {
            device,
            hardware,
            home,
            token,
            enrollment,
            attributes: BTreeMap::new(),
            by: None,
        }]))
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
        self.knows_cohorts(&plan.ladder)
    }

    /// The plan that takes a rollout back, and how many devices it is for.
    ///
    /// # Errors
    /// [`RegistryError`] if there is no such rollout, or no way back was signed.
    pub fn rollback_plan(&self, rollout: RolloutId) -> Result<(Plan, u64), RegistryError> {
        self.rollback_plan_at(rollout, self.clock)
    }

    /// The same at a moment: in a freeze of the fleet it is an emergency.
    ///
    /// # Errors
    /// As [`Fleet::rollback_plan`].
    pub fn rollback_plan_at(
        &self,
        rollout: RolloutId,
        now: Timestamp,
    ) -> Result<(Plan, u64), RegistryError> {
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
        let lane = match self.frozen(now) {
            Some(_) => Lane::Emergency,
            None => plan.schedule.lane,
        };
        let fields = PlanFields {
            name: format!("back from {}", plan.name),
            target: Target::WayBackOf(release),
            members: Membership::StillRunning { rollout },
            ladder: all,
            require: None,
            approval: Approval::default(),
            on_small: OnSmall::Quiet,
            start_at: None,
            // What is taken back does harm by day too. In a freeze it takes two people.
            schedule: Schedule { lane, ..Schedule::default() },
            on_overdue: OnOverdue::default(),
            ..PlanFields::clone(plan)
        };
        let back = Plan::check(fields)?;
        self.check_plan(&back)?;
        let still = self.still_running(running).count() as u64;
        let mut exposed = running.executions.values().filter(|one| one.exposure.is_some());
        let may = exposed.any(|one| !matches!(one.state, State::RolledBack | State::Confirmed));
        if still == 0 && !may {
            return Err(Refusal::NobodyRunsIt.into());
        }
        Ok((back, still))
    }

    /// Devices that still run what a rollout has installed.
    pub fn still_running<'a>(&'a self, running: &'a Running) -> impl Iterator<Item = &'a Device> {
        running.executions.iter().filter_map(|(id, execution)| {
            let device = self.devices.get(id)?;
            let runs = execution.exposure.is_some() && device.running() == Some(execution.image);
            runs.then_some(device)
        })
    }

    /// A plan that installs a release on one device, at once and with every choice at its default:
    /// for the support desk. `again` offers it also to a device that fled from it.
    ///
    /// # Errors
    /// [`RegistryError`] if there is no such device or release, or it may not be rolled out.
    pub fn one_device_plan(
        &self,
        device: &DeviceId,
        release: &ReleaseId,
        again: Again,
    ) -> Result<Plan, RegistryError> {
        let known = self.devices.get(device);
        let known = known.ok_or_else(|| RegistryError::unknown("device", device))?;
        if known.standing != Standing::Active {
            let standing = known.standing.name();
            return Err(RegistryError::Standing { device: device.clone(), standing });
        }
        let all = Ladder::new(vec![Rung::Share(10_000)])
            .map_err(|problem| PlanError::Field { key: "ladder".into(), problem })?;
        let members = Membership::Listed(core::iter::once(device.clone()).collect());
        let name: String = format!("{release} for {device}").chars().take(NAME_BYTES).collect();
        let target = Target::Release(release.clone());
        let fields = PlanFields { again, ..PlanFields::new(&name, target, members, all) };
        let plan = Plan::check(fields)?;
        self.check_plan(&plan)?;
        Ok(plan)
    }

    /// Checks the meaning of a cohort's name.
    pub fn define_cohort(
        &self,
        cohort: crate::id::CohortId,
        record: CohortRecord,
        by: Principal,
    ) -> Registered {
        if self.cohorts.get(&cohort).is_some_and(|known| known.record == record) {
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
            let found = report.sequence;
            let window = self.devices.get(&report.device).map(|device| &device.reports);
            if let Some(highest) = window.and_then(|w| w.jumped_from(report.incarnation, found)) {
                return Err(RegistryError::Jump { index, highest, found });
            }
        }
        Ok(())
    }
}
