//! Acts: offers go out as AWS IoT Jobs.
//!
//! [`JobsGateway`] is the core's `DeviceGateway` over the few calls of [`IotApi`]; the SDK and the
//! in-process `fake` (feature) are two implementations of those. Only this crate knows AWS's
//! words. Deliberately not here: gates, pauses and rollbacks, which the core decides. Invariant:
//! every call may be made twice; twice is the same as once.

pub mod api;
pub mod conformance;
pub mod error;
#[cfg(feature = "fake")]
pub mod fake;
mod jobs;
mod status;

pub use api::{Execution, IotApi, JobDescription, NewJob, Page};
pub use error::{IotError, Kind};
pub use jobs::{JobsGateway, TARGETS, Things, job_id};
pub use status::Status;
