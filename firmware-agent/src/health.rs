//! Why a board started, and what an image says about itself.
//!
//! Words only: how a reset reason is read and what a self-test tests belong to the board and its
//! firmware. Invariant: a loss of power is never mistaken for a fault of the image.

use rollout_core::wire::Reason;

/// Why the board started, from its reset register or a mark in RAM that survives a soft reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResetCause {
    /// Power came, or came back.
    PowerOn,
    /// The firmware asked for it.
    Software,
    /// A panic or an exception.
    Crash,
    /// A watchdog ran out.
    Watchdog,
}

/// Attribute under which a device says why it last started: its [`ResetCause::name`].
pub const RESET: &str = "health.reset";

impl ResetCause {
    /// Its name in a device's description of itself.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PowerOn => "power_on",
            Self::Software => "software",
            Self::Crash => "crash",
            Self::Watchdog => "watchdog",
        }
    }
}

/// What a failed self-test found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The image does not work here.
    SelfTest,
    /// Running on would be dangerous.
    Safety,
}

impl Fault {
    /// The word for it on the wire.
    pub const fn reason(self) -> Reason {
        match self {
            Self::SelfTest => Reason::SelfTest,
            Self::Safety => Reason::SafetyFault,
        }
    }
}
