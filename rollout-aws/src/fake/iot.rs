//! IoT Jobs in process: snapshot jobs, the eight statuses, cancellation, throttling, pages.
//!
//! Not here: rollout rates, aborts, retries, schedules and groups, which the gateway does not
//! use; timeouts and removals come when a test says so. Invariant: a terminal status is final.

use crate::api::{Execution, IotApi, JobDescription, NewJob, Page};
use crate::error::IotError;
use crate::status::Status;
use rollout_core::device::ExecutionStatus;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A service with no jobs at first. Clones share it.
#[derive(Clone, Default)]
pub struct FakeIot {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    jobs: BTreeMap<String, Job>,
    calls: u64,
    throttled: u32,
    lost: u32,
    page: usize,
}

struct Job {
    made: NewJob,
    executions: BTreeMap<String, Status>,
    canceled: bool,
}

impl Job {
    fn is_over(&self) -> bool {
        self.executions.values().all(|status| status.of_core().is_terminal())
    }
}

impl FakeIot {
    /// The next so many calls are throttled and do nothing.
    pub fn throttle(&self, calls: u32) {
        self.state().throttled = calls;
    }

    /// The next so many calls are done, and their replies lost.
    pub fn lose_replies(&self, calls: u32) {
        self.state().lost = calls;
    }

    /// Executions on one page; 250 at first.
    pub fn set_page(&self, executions: usize) {
        self.state().page = executions;
    }

    /// Calls so far, throttled ones included.
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    /// The job of that id, as it was made.
    pub fn job(&self, id: &str) -> Option<NewJob> {
        self.state().jobs.get(id).map(|job| job.made.clone())
    }

    /// A device reports.
    ///
    /// # Errors
    /// For what a device may not set, and once its execution has ended.
    pub fn report(&self, id: &str, thing: &str, status: ExecutionStatus) -> Result<(), IotError> {
        match status {
            ExecutionStatus::InProgress
            | ExecutionStatus::Succeeded
            | ExecutionStatus::Failed
            | ExecutionStatus::Rejected => self.set(id, thing, Status::Known(status)),
            ExecutionStatus::Queued
            | ExecutionStatus::TimedOut
            | ExecutionStatus::Removed
            | ExecutionStatus::Canceled => Err(transition("only the service sets this status")),
        }
    }

    /// The service itself moves an execution on, to whatever it calls it.
    ///
    /// # Errors
    /// If there is no such execution, or it has ended.
    pub fn set(&self, id: &str, thing: &str, status: Status) -> Result<(), IotError> {
        let mut state = self.state();
        let job = state.jobs.get_mut(id).ok_or_else(missing)?;
        let current = job.executions.get_mut(thing).ok_or_else(missing)?;
        if current.of_core().is_terminal() {
            return Err(transition("the execution has ended"));
        }
        *current = status;
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call<T>(&self, act: impl FnOnce(&mut State) -> Result<T, IotError>) -> Result<T, IotError> {
        let mut state = self.state();
        state.calls += 1;
        if state.throttled > 0 {
            state.throttled -= 1;
            return Err(IotError::sort("ThrottlingException", 400, "Rate exceeded"));
        }
        let done = act(&mut state)?;
        if state.lost > 0 {
            state.lost -= 1;
            return Err(IotError::sort("InternalFailureException", 500, "the reply was lost"));
        }
        Ok(done)
    }
}

fn missing() -> IotError {
    IotError::sort("ResourceNotFoundException", 404, "no such job or thing")
}

fn transition(message: &str) -> IotError {
    IotError::sort("InvalidStateTransitionException", 409, message)
}

fn check(job: &NewJob) -> Result<(), IotError> {
    let invalid = |message| Err(IotError::sort("InvalidRequestException", 400, message));
    let form = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b);
    if !(1..=64).contains(&job.id.len()) || !job.id.bytes().all(form) {
        return invalid("jobId");
    }
    if !(1..=100).contains(&job.targets.len()) {
        return invalid("targets");
    }
    if job.document.chars().count() > 32_768 || job.description.chars().count() > 2_028 {
        return invalid("document or description");
    }
    if !(1..=10_080).contains(&job.timeout_minutes) {
        return invalid("inProgressTimeoutInMinutes");
    }
    Ok(())
}

impl IotApi for FakeIot {
    async fn create_job(&self, job: &NewJob) -> Result<(), IotError> {
        self.call(|state| {
            check(job)?;
            if state.jobs.contains_key(&job.id) {
                return Err(IotError::sort("ResourceAlreadyExistsException", 409, "jobId"));
            }
            let queued = |thing: &String| (thing.clone(), Status::Known(ExecutionStatus::Queued));
            let executions = job.targets.iter().map(queued).collect();
            let made = Job { made: job.clone(), executions, canceled: false };
            state.jobs.insert(job.id.clone(), made);
            Ok(())
        })
    }

    async fn describe_job(&self, id: &str) -> Result<JobDescription, IotError> {
        self.call(|state| {
            let job = state.jobs.get(id).ok_or_else(missing)?;
            Ok(JobDescription { description: job.made.description.clone() })
        })
    }

    //= AWS IoT Jobs: CancelJob without force leaves executions in progress alone
    async fn cancel_job(&self, id: &str) -> Result<(), IotError> {
        self.call(|state| {
            let job = state.jobs.get_mut(id).ok_or_else(missing)?;
            if job.canceled || job.is_over() {
                return Err(transition("the job is over"));
            }
            job.canceled = true;
            for status in job.executions.values_mut() {
                if *status == Status::Known(ExecutionStatus::Queued) {
                    *status = Status::Known(ExecutionStatus::Canceled);
                }
            }
            Ok(())
        })
    }

    async fn list_executions(&self, id: &str, next: Option<&str>) -> Result<Page, IotError> {
        self.call(|state| {
            let job = state.jobs.get(id).ok_or_else(missing)?;
            let size = if state.page == 0 { 250 } else { state.page };
            let from = next.and_then(|token| token.parse().ok()).unwrap_or(0);
            let page = job.executions.iter().skip(from).take(size);
            let executions = page
                .map(|(thing, status)| Execution { thing: thing.clone(), status: status.clone() })
                .collect();
            let more = from + size < job.executions.len();
            Ok(Page { executions, next: more.then(|| (from + size).to_string()) })
        })
    }
}
