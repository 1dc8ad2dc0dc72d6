//! What the server's answers change, and what silence does.
//!
//! Invariant: only an answer that names our rollout changes our install. Not here: the manifest
//! and the image; see [`super::install`].

use super::{Agent, Asked};
use crate::backoff::{Pace, Schedule};
use crate::base64;
use crate::flash::Board;
use crate::outbox::Reports;
use crate::record::{Document, Stage};
use crate::verify;
use rollout_core::limits::ENVELOPE_BYTES;
use rollout_core::wire::{self, BeginAnswer, CheckInAnswer, Event, Leave, Reason, ReportsAnswer};

/// Declined downloads after which an offer is given up.
const MOST_DECLINED: u8 = 8;
/// Longest wait between attempts while an image is on trial, in ms.
const TRIAL_CAP_MS: u64 = 10_000;

impl Agent {
    pub(super) fn check_in_answered<B: Board>(
        &mut self,
        answer: &CheckInAnswer<'_>,
        now: u64,
        board: &mut B,
    ) -> Result<(), B::Error> {
        let poll = u64::from(answer.poll_secs.max(1)) * 1_000;
        let poll = self.config.pace.poll_ms.unwrap_or(poll);
        self.check_in.worked(now, poll, board.random());
        if let Some(trial) = self.trial {
            // Too late is no round trip; the next step gives the image up.
            return if now < trial.window.deadline() { self.confirm(board) } else { Ok(()) };
        }
        if let Some(root) = answer.root {
            self.take_root(root, answer.root_version, now, board)?;
        }
        if let Some(rollout) = answer.stop {
            self.stop(rollout, board)?;
        }
        if let Some(offer) = &answer.offer {
            let time = verify::time(answer.time, self.record.time_floor, now / 1_000);
            self.offered(offer, time, now, board)?;
        }
        Ok(())
    }

    /// Follows the chain of roots by one step, and asks for the next at once.
    //= trust §4, root update
    fn take_root<B: Board>(
        &mut self,
        text: &str,
        newest: u32,
        now: u64,
        board: &mut B,
    ) -> Result<(), B::Error> {
        let mut buffer = [0; ENVELOPE_BYTES];
        let Some(envelope) = base64::decode(text, &mut buffer) else { return Ok(()) };
        let Ok(next) = verify::next_root(&self.root, envelope) else { return Ok(()) };
        let Some(document) = Document::new(envelope) else { return Ok(()) };
        self.record.root = document;
        let epoch = next.epoch().0;
        if self.is_before_switch() {
            // A new epoch voids the manifests of the old one.
            let pending = self.record.pending.filter(|p| p.target.order.epoch != epoch);
            if pending.is_some() {
                self.give_way(Event::Refused, Reason::Counter);
            }
        }
        self.save(board)?;
        if next.version().0 < u64::from(newest) {
            self.check_in.again(now);
        }
        self.root = next;
        // What the old root could not vouch for may be good under this one.
        self.settled = None;
        Ok(())
    }

    pub(super) fn begin_answered<B: Board>(
        &mut self,
        answer: &BeginAnswer<'_>,
        now: u64,
        board: &mut B,
    ) -> Result<(), B::Error> {
        let Some(pending) = self.record.pending.filter(|p| p.stage == Stage::Ready) else {
            return Ok(());
        };
        match answer.answer {
            Leave::Yes => self.permitted(pending, answer.confirm_window_secs, board),
            Leave::Wait => {
                self.begin.busy(now, answer.retry_secs, board.random());
                Ok(())
            }
            Leave::Stop => self.stop(pending.identity.rollout.as_str(), board),
        }
    }

    pub(super) fn reports_answered<B: Board>(
        &mut self,
        asked: Asked,
        answer: ReportsAnswer,
        now: u64,
        board: &mut B,
    ) -> Result<(), B::Error> {
        let Asked::Reports { last } = asked else { return Ok(()) };
        self.record.outbox.acknowledge(answer.acknowledged.min(last));
        self.batch = wire::REPORTS;
        self.reports.again(now);
        self.save(board)
    }

    /// Drops the install as told, unless it has switched; what is in the slot stays.
    fn stop<B: Board>(&mut self, rollout: &str, board: &mut B) -> Result<(), B::Error> {
        let ours = self.record.pending.is_some_and(|p| p.identity.rollout.as_str() == rollout);
        if !ours || !self.is_before_switch() {
            return Ok(());
        }
        self.give_way(Event::Stopped, Reason::Told);
        self.save(board)
    }

    /// Whether an install is in progress that has not switched.
    pub(super) fn is_before_switch(&self) -> bool {
        self.record.pending.is_some_and(|pending| match pending.stage {
            Stage::Downloading { .. } | Stage::Ready => true,
            Stage::Permitted { .. } | Stage::Trial { .. } | Stage::Returning { .. } => false,
        })
    }

    pub(super) fn busy<B: Board>(&mut self, asked: Asked, secs: u32, now: u64, board: &mut B) {
        if let Some(trial) = &mut self.trial {
            trial.window.extend(secs);
        }
        let random = board.random();
        if let Some(schedule) = self.schedule(asked) {
            schedule.busy(now, secs, random);
        }
    }

    pub(super) fn failed<B: Board>(&mut self, asked: Asked, now: u64, board: &mut B) {
        let mut pace: Pace = self.config.pace;
        if self.trial.is_some() {
            pace.cap_ms = pace.cap_ms.min(TRIAL_CAP_MS);
        }
        let random = board.random();
        if let Some(schedule) = self.schedule(asked) {
            schedule.failed(now, pace, random);
        }
    }

    pub(super) fn declined<B: Board>(
        &mut self,
        asked: Asked,
        now: u64,
        board: &mut B,
    ) -> Result<(), B::Error> {
        match asked {
            Asked::Reports { .. } if self.batch > 1 => {
                // All or nothing: find the one that is declined.
                self.batch = 1;
                self.reports.again(now);
                Ok(())
            }
            Asked::Reports { last } => {
                let first = Reports::new(&self.record.outbox, 1).last();
                if first == Some(last) {
                    self.record.outbox.drop_first();
                }
                self.batch = wire::REPORTS;
                self.failed(asked, now, board);
                self.save(board)
            }
            Asked::Piece { .. } => {
                // The signed path has run out; the next check-in brings a new one.
                self.source.url = crate::text::Text::EMPTY;
                self.source.declined += 1;
                self.failed(asked, now, board);
                if self.source.declined < MOST_DECLINED {
                    return Ok(());
                }
                self.refuse(Reason::Download, board)
            }
            Asked::CheckIn | Asked::Begin | Asked::SelfTest | Asked::Nothing => {
                self.failed(asked, now, board);
                Ok(())
            }
        }
    }

    fn schedule(&mut self, asked: Asked) -> Option<&mut Schedule> {
        match asked {
            Asked::CheckIn => Some(&mut self.check_in),
            Asked::Begin => Some(&mut self.begin),
            Asked::Reports { .. } => Some(&mut self.reports),
            Asked::Piece { .. } => Some(&mut self.download),
            Asked::SelfTest | Asked::Nothing => None,
        }
    }
}
