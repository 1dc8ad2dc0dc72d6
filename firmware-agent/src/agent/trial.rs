//! The trial of a new image, its confirmation, and the way back.
//!
//! Invariant: VALID comes before the counter, the counter before the fuse, the fuse before the
//! report, and each start finishes what a reset cut off. Not here: the rules themselves; see
//! [`crate::confirm`] and [`crate::boot`].

use super::{Agent, Life, Test, Trial};
use crate::boot::State;
use crate::confirm::{self, Start, Verdict, Window};
use crate::flash::Board;
use crate::health::{Fault, ResetCause};
use crate::record::{Failed, Pending, Stage};
use rollout_core::wire::{Event, Reason};

impl Agent {
    /// Goes on where the last reset cut off.
    pub(super) fn resume<B: Board>(&mut self, now: u64, board: &mut B) -> Result<(), B::Error> {
        let pending = self.record.pending;
        let start =
            confirm::classify(self.boot, self.booted.cause, self.booted.slot, pending.as_ref());
        self.start = start;
        match (start, pending) {
            (Start::Continue, _) => self.resume_quietly(now, board),
            (Start::NotSwitched, Some(pending)) => {
                self.record.pending = Some(Pending { stage: Stage::Ready, ..pending });
                self.save(board)
            }
            (Start::Trial { window_secs }, Some(pending)) => {
                self.begin_trial(pending, window_secs, now, board)
            }
            (Start::GiveUp { reason }, _) => self.give_up(reason, board),
            (Start::FinishConfirming, Some(pending)) => self.finish(pending, board),
            (Start::Returned { reason, verdict }, Some(pending)) => {
                self.returned(pending, reason, verdict, board)
            }
            (
                Start::NotSwitched
                | Start::Trial { .. }
                | Start::FinishConfirming
                | Start::Returned { .. },
                None,
            ) => Ok(()),
        }
    }

    fn resume_quietly<B: Board>(&mut self, now: u64, board: &mut B) -> Result<(), B::Error> {
        let crashed = match self.booted.cause {
            ResetCause::Crash => Some(Reason::Crash),
            ResetCause::Watchdog => Some(Reason::Watchdog),
            ResetCause::PowerOn | ResetCause::Software => None,
        };
        match (self.boot.state, crashed, self.record.installed) {
            // On trial without an install of ours, as after flashing by hand.
            (State::New | State::PendingVerify, _, _) => {
                let window = Window::open(now, confirm::DEFAULT_WINDOW_SECS);
                self.trial = Some(Trial { window, test: Test::Due });
                Ok(())
            }
            (State::Valid, Some(reason), Some(identity)) => {
                self.report(identity, Event::Crashed, Some(reason));
                self.save(board)
            }
            (State::Valid, _, _) => Ok(()),
        }
    }

    fn begin_trial<B: Board>(
        &mut self,
        pending: Pending,
        window_secs: u32,
        now: u64,
        board: &mut B,
    ) -> Result<(), B::Error> {
        self.trial = Some(Trial { window: Window::open(now, window_secs), test: Test::Due });
        if let Stage::Permitted { trial, window_secs } = pending.stage {
            let stage = Stage::Trial { trial, window_secs };
            self.record.pending = Some(Pending { stage, ..pending });
            self.report(pending.identity, Event::Booted, None);
            self.save(board)?;
        }
        Ok(())
    }

    pub(super) fn self_tested<B: Board>(
        &mut self,
        result: Result<(), Fault>,
        now: u64,
        board: &mut B,
    ) -> Result<(), B::Error> {
        let Some(trial) = &mut self.trial else { return Ok(()) };
        match result {
            Ok(()) => {
                trial.test = Test::Passed;
                self.check_in.again(now);
                Ok(())
            }
            Err(fault) => self.give_up(fault.reason(), board),
        }
    }

    /// Leaves the image on trial: the reason first, so that the old image knows it.
    pub(super) fn give_up<B: Board>(
        &mut self,
        reason: Reason,
        board: &mut B,
    ) -> Result<(), B::Error> {
        if let Some(pending) = self.record.pending {
            let stage = Stage::Returning { trial: self.boot.trial, reason };
            self.record.pending = Some(Pending { stage, ..pending });
            self.save(board)?;
        }
        self.save_boot(self.boot.returned(), board)?;
        self.trial = None;
        self.life = Life::Leaving;
        Ok(())
    }

    /// The self-test passed and the server answered: the image stays.
    //= trust §4, step 12
    pub(super) fn confirm<B: Board>(&mut self, board: &mut B) -> Result<(), B::Error> {
        self.save_boot(self.boot.confirmed(), board)?;
        self.trial = None;
        self.record.pending.map_or(Ok(()), |pending| self.finish(pending, board))
    }

    /// Everything that follows VALID. Repeatable, because a power cut may fall anywhere in it.
    fn finish<B: Board>(&mut self, pending: Pending, board: &mut B) -> Result<(), B::Error> {
        let Pending { identity, target, slot, .. } = pending;
        self.record.confirmed = self.record.confirmed.max(target.order);
        if target.secure_version > board.secure_version() {
            self.save(board)?;
            board.burn(target.secure_version)?;
        }
        self.record.slots[slot.index()] = Some(target.digest);
        self.record.forget_failure(target.digest);
        self.record.installed = Some(identity);
        self.record.pending = None;
        self.report(identity, Event::Confirmed, None);
        self.save(board)
    }

    /// The old image runs again.
    fn returned<B: Board>(
        &mut self,
        pending: Pending,
        reason: Reason,
        verdict: Verdict,
        board: &mut B,
    ) -> Result<(), B::Error> {
        let Pending { identity, target, slot, .. } = pending;
        self.record.pending = match verdict {
            Verdict::Interrupted => Some(Pending { stage: Stage::Ready, ..pending }),
            Verdict::Failed | Verdict::Unusable => None,
        };
        match verdict {
            Verdict::Interrupted => {}
            Verdict::Failed => self
                .record
                .remember_failure(Failed { digest: target.digest, attempt: identity.attempt }),
            Verdict::Unusable => self.record.slots[slot.index()] = None,
        }
        self.report(identity, Event::Returned, Some(reason));
        self.save(board)
    }
}
