//! What a start means: a trial, an end of one, or nothing new; and how long a trial may last.
//!
//! Pure rules over the boot record, the pending install and the reset cause. Invariant: every
//! trial ends in exactly one of confirmed or returned, and a return that says nothing about the
//! image (power, network) is never held against it. Not here: writing any of it down.

use crate::boot::{BootRecord, State};
use crate::flash::Slot;
use crate::health::ResetCause;
use crate::record::{Pending, Stage};
use rollout_core::wire::Reason;

/// Window if the server names none, in seconds.
pub const DEFAULT_WINDOW_SECS: u32 = 300;

/// What a start means for the pending install.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Nothing was tried; go on where it stood.
    Continue,
    /// Leave was given but the switch did not happen: ask again, the answer may have changed.
    NotSwitched,
    /// The pending image runs on trial.
    Trial {
        /// Seconds to confirm in.
        window_secs: u32,
    },
    /// The pending image had its one trial and runs all the same, under a bootloader that undoes
    /// nothing: switch back.
    GiveUp {
        /// Why.
        reason: Reason,
    },
    /// The pending image is marked valid, but not everything after that was done.
    FinishConfirming,
    /// The old image runs again.
    Returned {
        /// Why.
        reason: Reason,
        /// What to do with the image.
        verdict: Verdict,
    },
}

/// What a return says about the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing: keep it and ask for leave again.
    Interrupted,
    /// It failed: remember it and drop the install.
    Failed,
    /// It could not be started: drop the install.
    Unusable,
}

/// Decides what a start means.
pub fn classify(
    boot: BootRecord,
    cause: ResetCause,
    running: Slot,
    pending: Option<&Pending>,
) -> Start {
    let Some(pending) = pending else { return Start::Continue };
    let (trial, window_secs) = match pending.stage {
        Stage::Downloading { .. } | Stage::Ready => return Start::Continue,
        Stage::Permitted { trial, window_secs } | Stage::Trial { trial, window_secs } => {
            (trial, window_secs)
        }
        Stage::Returning { trial, .. } => (trial, 0),
    };
    if boot.trial != trial {
        return Start::NotSwitched;
    }
    if running != pending.slot {
        let (reason, verdict) = why_returned(cause, pending.stage);
        return Start::Returned { reason, verdict };
    }
    match (boot.state, pending.stage) {
        (State::Valid, _) => Start::FinishConfirming,
        (State::New | State::PendingVerify, Stage::Permitted { .. }) => {
            Start::Trial { window_secs }
        }
        (State::New | State::PendingVerify, stage) => {
            Start::GiveUp { reason: why_returned(cause, stage).0 }
        }
    }
}

/// Sorts a return. Only what the image itself did is held against it.
//= design 4.4: interrupted
fn why_returned(cause: ResetCause, stage: Stage) -> (Reason, Verdict) {
    if let Stage::Returning { reason, .. } = stage {
        let blameless = matches!(reason, Reason::NoRoundTrip | Reason::PowerLoss);
        return (reason, if blameless { Verdict::Interrupted } else { Verdict::Failed });
    }
    match cause {
        ResetCause::PowerOn => (Reason::PowerLoss, Verdict::Interrupted),
        ResetCause::Crash => (Reason::Crash, Verdict::Failed),
        ResetCause::Watchdog => (Reason::Watchdog, Verdict::Failed),
        ResetCause::Software if matches!(stage, Stage::Trial { .. }) => {
            (Reason::Crash, Verdict::Failed)
        }
        ResetCause::Software => (Reason::Storage, Verdict::Unusable),
    }
}

/// The time an image on trial has. Times are ms since boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    deadline: u64,
    latest: u64,
}

impl Window {
    /// Starts at `now`; 0 seconds stand for [`DEFAULT_WINDOW_SECS`].
    pub fn open(now: u64, secs: u32) -> Self {
        let secs = if secs == 0 { DEFAULT_WINDOW_SECS } else { secs };
        let length = u64::from(secs) * 1_000;
        Self { deadline: now + length, latest: now + 2 * length }
    }

    /// From this moment on the image must return.
    pub const fn deadline(&self) -> u64 {
        self.deadline
    }

    /// A busy server is no round trip, but it is there: wait as long as it asks.
    //= trust §4, step 12: at most to twice the window
    pub fn extend(&mut self, retry_after_secs: u32) {
        let longer = self.deadline.saturating_add(u64::from(retry_after_secs) * 1_000);
        self.deadline = longer.min(self.latest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Identity, Order, Target};
    use crate::text::Text;
    use rollout_core::id::Digest;

    #[test]
    fn a_window_at_most_doubles() {
        let mut window = Window::open(1_000, 10);
        window.extend(4);
        assert_eq!(window.deadline(), 15_000);
        window.extend(u32::MAX);
        window.extend(1);
        assert_eq!(window.deadline(), 21_000);
        assert_eq!(Window::open(0, 0).deadline(), 300_000);
    }

    #[test]
    fn without_a_bootloader_that_returns_the_agent_does() {
        let record = BootRecord::FACTORY.switched_to(Slot::B);
        let pending = |stage| Pending {
            identity: Identity { rollout: Text::EMPTY, attempt: 1 },
            target: Target {
                digest: Digest::of(b""),
                length: 1,
                order: Order::default(),
                secure_version: 0,
                chip_id: 0,
                product: Text::EMPTY,
                version: Text::EMPTY,
            },
            slot: Slot::B,
            stage,
        };
        let start = |stage, cause| classify(record, cause, Slot::B, Some(&pending(stage)));
        let first = Stage::Permitted { trial: record.trial, window_secs: 7 };
        let second = Stage::Trial { trial: record.trial, window_secs: 7 };
        assert_eq!(start(first, ResetCause::Software), Start::Trial { window_secs: 7 });
        let reason = Reason::Watchdog;
        assert_eq!(start(second, ResetCause::Watchdog), Start::GiveUp { reason });
        let older = Stage::Permitted { trial: record.trial + 1, window_secs: 7 };
        assert_eq!(start(older, ResetCause::PowerOn), Start::NotSwitched);
    }

    #[test]
    fn power_and_network_are_never_held_against_an_image() {
        let trial = Stage::Trial { trial: 1, window_secs: 1 };
        let gone = |reason| Stage::Returning { trial: 1, reason };
        for (cause, stage, reason, verdict) in [
            (ResetCause::PowerOn, trial, Reason::PowerLoss, Verdict::Interrupted),
            (ResetCause::Crash, trial, Reason::Crash, Verdict::Failed),
            (ResetCause::Watchdog, trial, Reason::Watchdog, Verdict::Failed),
            (ResetCause::Software, trial, Reason::Crash, Verdict::Failed),
            (
                ResetCause::Software,
                gone(Reason::NoRoundTrip),
                Reason::NoRoundTrip,
                Verdict::Interrupted,
            ),
            (ResetCause::PowerOn, gone(Reason::SelfTest), Reason::SelfTest, Verdict::Failed),
        ] {
            assert_eq!(why_returned(cause, stage), (reason, verdict));
        }
    }
}
