//! What is needed of the service, and no more.
//!
//! Names and bounds are the service's own. Not here: retries and token buckets, which belong to
//! whoever implements it.

use crate::error::IotError;
use crate::status::Status;

/// A job to be made: one snapshot of things and one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// 1 to 64 of `[A-Za-z0-9_-]`.
    pub id: String,
    /// 1 to 100 ARNs of things.
    pub targets: Vec<String>,
    /// JSON text of at most 32 768 characters.
    pub document: String,
    /// Tells whether a job of that id is the same; at most 2 028 characters.
    pub description: String,
    /// Minutes from the device's start to its end, 1 to 10 080.
    pub timeout_minutes: u32,
}

/// A job that exists, as far as it is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobDescription {
    /// As given when it was made.
    pub description: String,
}

/// One thing's part in a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// The thing's ARN.
    pub thing: String,
    /// Where it stands.
    pub status: Status,
}

/// Some executions of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// At most 250.
    pub executions: Vec<Execution>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<String>,
}

/// The calls of the control plane.
pub trait IotApi: Send + Sync {
    /// `CreateJob`, with `SNAPSHOT`.
    fn create_job(&self, job: &NewJob) -> impl Future<Output = Result<(), IotError>> + Send;

    /// `DescribeJob`.
    fn describe_job(
        &self,
        id: &str,
    ) -> impl Future<Output = Result<JobDescription, IotError>> + Send;

    /// `CancelJob` without `force`: what is in progress carries on.
    fn cancel_job(&self, id: &str) -> impl Future<Output = Result<(), IotError>> + Send;

    /// `ListJobExecutionsForJob`, from the page named `next`.
    fn list_executions(
        &self,
        id: &str,
        next: Option<&str>,
    ) -> impl Future<Output = Result<Page, IotError>> + Send;
}
