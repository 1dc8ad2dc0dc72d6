//! What a device's installation came to, as a gate counts it.

use crate::wire::Reason;

/// Why an outcome is bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Failure {
    /// The device said so.
    Reported(Reason),
    /// It was confirmed, and runs another image again.
    FellBack,
    /// Nothing was heard by the deadline.
    Silent,
    /// It came back, for reasons that say nothing about the image, more often than allowed.
    InterruptedTooOften,
}

/// The outcome of an exposed device at its horizon. Final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It runs the target and stayed well through the soak.
    Good,
    /// Anything else.
    Bad(Failure),
}
