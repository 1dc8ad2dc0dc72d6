//! From an offer to a verified image in the spare slot, and from a permit to the switch.
//!
//! Invariant: the order of trust §4: manifest, head, stream, full digest, leave, and only then
//! the boot record. Not here: what happens after the reset; see [`super::trial`].

use super::{Agent, Asked, Life, Output, Source};
use crate::base64;
use crate::cell;
use crate::download::{Refused, Stream};
use crate::flash::Board;
use crate::record::{Identity, Pending, Stage, Target};
use crate::session::Session;
use crate::text::Text;
use crate::verify::{self, Device, Verdict};
use rollout_core::limits::ENVELOPE_BYTES;
use rollout_core::trust::DeviceTime;
use rollout_core::wire::{Event, Offer, Reason};

/// Progress is stored in steps of this many bytes, to spare the flash.
const COARSE_BYTES: u32 = 64 * 1024;
/// Downloads of wrong bytes after which an offer is given up.
const MOST_WRONG_DIGESTS: u8 = 3;

impl Agent {
    /// Weighs an offer. One that is not for the install in progress waits until that is over.
    pub(super) fn offered<B: Board>(
        &mut self,
        offer: &Offer<'_>,
        time: DeviceTime,
        now: u64,
        board: &mut B,
    ) -> Result<(), B::Error> {
        let Some(rollout) = Text::new(offer.rollout) else { return Ok(()) };
        let identity = Identity { rollout, attempt: offer.attempt };
        if let Some(pending) = self.record.pending {
            let same_rollout = pending.identity.rollout == rollout;
            if pending.identity == identity {
                self.take_source(offer, now);
                return Ok(());
            }
            let newer = same_rollout && offer.attempt > pending.identity.attempt;
            let lapsed = matches!(pending.stage, Stage::Downloading { .. })
                && now.saturating_sub(self.source.progress_at) > self.source.lease_ms;
            if !self.is_before_switch() || !(newer || lapsed && !same_rollout) {
                return Ok(());
            }
            self.give_way(Event::Stopped, Reason::Download);
        }
        if self.settled == Some(identity) {
            return Ok(());
        }
        match self.weigh(offer, time, board) {
            Ok(Verdict::Install(target)) => self.accept(identity, target, offer, now, board),
            Ok(Verdict::Wait) => {
                if self.deferred.replace(identity) != Some(identity) {
                    self.report(identity, Event::Deferred, None);
                    return self.save(board);
                }
                Ok(())
            }
            Ok(Verdict::AlreadyInstalled(order)) => {
                self.record.confirmed = order;
                self.record.installed = Some(identity);
                self.settled = Some(identity);
                self.report(identity, Event::Confirmed, None);
                self.save(board)
            }
            Err(reason) => {
                self.settled = Some(identity);
                self.report(identity, Event::Refused, Some(reason));
                self.save(board)
            }
        }
    }

    fn weigh<B: Board>(
        &self,
        offer: &Offer<'_>,
        time: DeviceTime,
        board: &B,
    ) -> Result<Verdict, Reason> {
        let mut buffer = [0; ENVELOPE_BYTES];
        let envelope = base64::decode(offer.manifest, &mut buffer).ok_or(Reason::Signature)?;
        let device = Device {
            id: self.config.device.as_str(),
            hardware: self.config.hardware.as_str(),
            product: self.config.product.as_str(),
            chip_id: self.config.chip_id,
            confirmed: self.record.confirmed,
            image: Some(self.booted.digest),
            secure_version: board.secure_version(),
            slot_bytes: board.slot_bytes(),
            time,
        };
        let verdict = verify::manifest(&self.root, &device, envelope)?;
        match verdict {
            Verdict::Install(target) if self.record.has_failed(target.digest, offer.attempt) => {
                Err(Reason::FailedBefore)
            }
            Verdict::Install(_) if Text::<{ super::URL_BYTES }>::new(offer.url).is_none() => {
                Err(Reason::Download)
            }
            Verdict::Install(_) | Verdict::Wait | Verdict::AlreadyInstalled(_) => Ok(verdict),
        }
    }

    fn accept<B: Board>(
        &mut self,
        identity: Identity,
        target: Target,
        offer: &Offer<'_>,
        now: u64,
        board: &mut B,
    ) -> Result<(), B::Error> {
        let slot = self.booted.slot.other();
        let here = self.record.image_in(slot) == Some(target.digest)
            && verify::digest_of_slot(board, slot, target.length)? == target.digest;
        let stage = if here { Stage::Ready } else { Stage::Downloading { written: 0 } };
        self.record.pending = Some(Pending { identity, target, slot, stage });
        self.source = Source::NONE;
        self.stream = None;
        if here {
            self.report(identity, Event::Downloaded, None);
            self.begin.again(now);
        } else {
            self.record.slots[slot.index()] = None;
            self.take_source(offer, now);
        }
        self.save(board)
    }

    fn take_source(&mut self, offer: &Offer<'_>, now: u64) {
        let Some(url) = Text::new(offer.url) else { return };
        if self.source.url != url {
            self.source.url = url;
            self.download.again(now);
        }
        if self.source.lease_ms == 0 {
            self.source.progress_at = now;
        }
        self.source.lease_ms = u64::from(offer.lease_secs) * 1_000;
    }

    /// Bytes of the image that have arrived.
    pub(super) fn received(&self) -> u32 {
        self.stream.as_ref().map_or(0, Stream::received)
    }

    /// Asks for the next piece; after a reboot what is in flash is hashed again first.
    pub(super) fn next_piece<B: Board>(
        &mut self,
        now: u64,
        board: &mut B,
    ) -> Result<Output, B::Error> {
        let Some(Pending { target, slot, stage: Stage::Downloading { written }, .. }) =
            self.record.pending
        else {
            return Ok(Output::WaitUntil(now));
        };
        if self.stream.is_none() {
            self.stream = Some(Stream::resume(board, slot, target, written)?);
        }
        let from = self.received();
        let to = target.length.min(from.saturating_add(self.config.piece_bytes.max(1)));
        self.asked = Asked::Piece { from, to };
        Ok(Output::Download { from, to })
    }

    pub(super) fn chunk<B: Board>(
        &mut self,
        offset: u32,
        bytes: &[u8],
        now: u64,
        board: &mut B,
    ) -> Result<(), B::Error> {
        let Asked::Piece { from, to } = self.asked else { return Ok(()) };
        let (Some(pending), Some(stream)) = (self.record.pending, self.stream.as_mut()) else {
            self.asked = Asked::Nothing;
            return Ok(());
        };
        let room = to.saturating_sub(offset) as usize;
        match stream.take(board, offset, &bytes[..bytes.len().min(room)]) {
            Ok(()) => {}
            Err(Refused::OutOfOrder) => {
                self.asked = Asked::Nothing;
                self.failed(Asked::Piece { from, to }, now, board);
                return Ok(());
            }
            Err(Refused::Head(reason)) => return self.refuse(reason, board),
            Err(Refused::Flash(error)) => {
                // A slot that cannot be written is the offer's end, lost power is not.
                return self.refuse(Reason::Storage, board).map_err(|_| error);
            }
        }
        let (received, written) = (stream.received(), stream.written());
        let whole = stream.is_whole().then(|| stream.finish());
        if received > from {
            self.source.progress_at = now;
            self.source.declined = 0;
        }
        if let Some(verified) = whole {
            self.asked = Asked::Nothing;
            return match verified {
                Ok(_) => self.downloaded(pending, now, board),
                Err(_) => self.wrong_digest(pending, now, board),
            };
        }
        if received >= to {
            self.asked = Asked::Nothing;
            self.download.again(now);
        }
        self.remember_progress(pending, written, now, board)
    }

    /// Stores progress in coarse steps, and says that bytes arrive before the lease ends.
    fn remember_progress<B: Board>(
        &mut self,
        pending: Pending,
        written: u32,
        now: u64,
        board: &mut B,
    ) -> Result<(), B::Error> {
        let Stage::Downloading { written: stored } = pending.stage else { return Ok(()) };
        let silent = self
            .source
            .reported_at
            .is_none_or(|at| now.saturating_sub(at) > self.source.lease_ms / 3);
        let step = written >= stored.saturating_add(COARSE_BYTES);
        if silent {
            self.source.reported_at = Some(now);
            self.report(pending.identity, Event::Downloading, None);
        }
        if step {
            let stage = Stage::Downloading { written };
            self.record.pending = Some(Pending { stage, ..pending });
        }
        if step || silent { self.save(board) } else { Ok(()) }
    }

    fn downloaded<B: Board>(
        &mut self,
        pending: Pending,
        now: u64,
        board: &mut B,
    ) -> Result<(), B::Error> {
        self.stream = None;
        self.record.slots[pending.slot.index()] = Some(pending.target.digest);
        self.record.pending = Some(Pending { stage: Stage::Ready, ..pending });
        self.report(pending.identity, Event::Downloaded, None);
        self.begin.again(now);
        self.save(board)
    }

    fn wrong_digest<B: Board>(
        &mut self,
        pending: Pending,
        now: u64,
        board: &mut B,
    ) -> Result<(), B::Error> {
        self.source.wrong_digests += 1;
        if self.source.wrong_digests >= MOST_WRONG_DIGESTS {
            return self.refuse(Reason::Digest, board);
        }
        self.stream = None;
        let stage = Stage::Downloading { written: 0 };
        self.record.pending = Some(Pending { stage, ..pending });
        self.failed(Asked::Piece { from: 0, to: 0 }, now, board);
        self.save(board)
    }

    /// Leave to switch: verify what is in flash once more, write it down, switch.
    pub(super) fn permitted<B: Board>(
        &mut self,
        pending: Pending,
        window_secs: u32,
        board: &mut B,
    ) -> Result<(), B::Error> {
        let Pending { identity, target, slot, .. } = pending;
        let actual = verify::digest_of_slot(board, slot, target.length)?;
        let Ok(session) = Session::written(slot, target.digest).verify(actual) else {
            self.record.slots[slot.index()] = None;
            self.record.pending = None;
            self.report(identity, Event::Returned, Some(Reason::Storage));
            return self.save(board);
        };
        let next = session.activate(self.boot);
        let stage = Stage::Permitted { trial: next.trial, window_secs };
        self.record.pending = Some(Pending { stage, ..pending });
        self.save(board)?;
        cell::save(board, &next)?;
        self.life = Life::Leaving;
        Ok(())
    }

    /// Gives the pending offer up, before anything was switched, and says why.
    pub(super) fn refuse<B: Board>(
        &mut self,
        reason: Reason,
        board: &mut B,
    ) -> Result<(), B::Error> {
        self.settled = self.record.pending.map(|pending| pending.identity);
        self.give_way(Event::Refused, reason);
        self.save(board)
    }

    /// Drops the install in progress with a last report about it.
    pub(super) fn give_way(&mut self, event: Event, reason: Reason) {
        if let Some(pending) = self.record.pending.take() {
            self.report(pending.identity, event, Some(reason));
        }
        self.stream = None;
        self.source = Source::NONE;
        self.asked = Asked::Nothing;
    }

    pub(super) fn report(&mut self, identity: Identity, event: Event, reason: Option<Reason>) {
        self.record.report(identity, event, reason, self.booted.digest);
    }
}
