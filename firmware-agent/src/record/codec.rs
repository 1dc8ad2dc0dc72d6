//! The record as bytes: a layout version, then the fields in order.
//!
//! Invariant: what was put is what is got, and bytes of another layout give no record.
//! Not here: copies, sequence and CRC; see [`crate::cell`].

use super::{Document, Failed, Identity, Order, Pending, Record, Stage, Target};
use crate::cell::{Reader, Stored, Writer};
use crate::flash::{Flash, Half, Region, Slot};
use crate::outbox::{Entry, Outbox};
use crate::text::Text;
use rollout_core::id::Digest;
use rollout_core::wire::{Event, REPORTS, Reason};

const LAYOUT: u8 = 1;

const EVENTS: [Event; 11] = [
    Event::Downloading,
    Event::Downloaded,
    Event::Booted,
    Event::Confirmed,
    Event::Failed,
    Event::Returned,
    Event::Refused,
    Event::Deferred,
    Event::Stopped,
    Event::Crashed,
    Event::Unknown,
];

const REASONS: [Reason; 18] = [
    Reason::PowerLoss,
    Reason::NoRoundTrip,
    Reason::SelfTest,
    Reason::Crash,
    Reason::Watchdog,
    Reason::SafetyFault,
    Reason::Storage,
    Reason::Signature,
    Reason::Digest,
    Reason::Hardware,
    Reason::Counter,
    Reason::SecureVersion,
    Reason::Expired,
    Reason::Size,
    Reason::FailedBefore,
    Reason::Download,
    Reason::Told,
    Reason::Other,
];

/// Leaves the function with `None` inside where the bytes end too early.
macro_rules! some {
    ($value:expr) => {
        match $value {
            Some(value) => value,
            None => return Ok(None),
        }
    };
}

fn code<T: PartialEq>(all: &[T], one: &T) -> u8 {
    all.iter().position(|item| item == one).unwrap_or(all.len() - 1) as u8
}

impl Stored for Record {
    fn region(half: Half) -> Region {
        Region::Record(half)
    }

    fn put<F: Flash>(&self, out: &mut Writer<'_, F>) -> Result<(), F::Error> {
        out.byte(LAYOUT)?;
        out.number(self.incarnation)?;
        out.counted(self.root.as_bytes())?;
        put_order(self.confirmed, out)?;
        out.number(self.time_floor)?;
        for digest in &self.slots {
            put_digest(digest.as_ref(), out)?;
        }
        out.byte(self.failed.iter().flatten().count() as u8)?;
        for failed in self.failed.iter().flatten() {
            out.bytes(failed.digest.as_bytes())?;
            out.number(u64::from(failed.attempt))?;
        }
        out.byte(u8::from(self.installed.is_some()))?;
        if let Some(identity) = &self.installed {
            put_identity(identity, out)?;
        }
        out.byte(u8::from(self.pending.is_some()))?;
        if let Some(pending) = &self.pending {
            put_pending(pending, out)?;
        }
        out.number(self.outbox.next_sequence())?;
        out.byte(self.outbox.len() as u8)?;
        self.outbox.iter().try_for_each(|entry| put_entry(entry, out))
    }

    fn get<F: Flash>(from: &mut Reader<'_, F>) -> Result<Option<Self>, F::Error> {
        if from.byte()? != Some(LAYOUT) {
            return Ok(None);
        }
        let incarnation = some!(from.number()?);
        let mut envelope = [0; rollout_core::limits::ENVELOPE_BYTES];
        let length = some!(from.counted(&mut envelope)?);
        let root = some!(Document::new(&envelope[..length]));
        let confirmed = some!(get_order(from)?);
        let time_floor = some!(from.number()?);
        let slots = [some!(get_digest(from)?), some!(get_digest(from)?)];
        let mut failed = [None; super::FAILED];
        let count = usize::from(some!(from.byte()?));
        for place in some!(failed.get_mut(..count)) {
            let digest = some!(get_bytes(from)?);
            let attempt = some!(from.number()?) as u32;
            *place = Some(Failed { digest, attempt });
        }
        let installed = match some!(from.byte()?) {
            0 => None,
            _ => Some(some!(get_identity(from)?)),
        };
        let pending = match some!(from.byte()?) {
            0 => None,
            _ => Some(some!(get_pending(from)?)),
        };
        let mut outbox = Outbox::starting_at(some!(from.number()?));
        let count = usize::from(some!(from.byte()?)).min(REPORTS);
        for _ in 0..count {
            outbox.restore(some!(get_entry(from)?));
        }
        Ok(Some(Self {
            incarnation,
            root,
            confirmed,
            time_floor,
            slots,
            failed,
            installed,
            pending,
            outbox,
        }))
    }
}

fn put_order<F: Flash>(order: Order, out: &mut Writer<'_, F>) -> Result<(), F::Error> {
    out.number(order.epoch)?;
    out.number(order.counter)
}

fn get_order<F: Flash>(from: &mut Reader<'_, F>) -> Result<Option<Order>, F::Error> {
    Ok(Some(Order { epoch: some!(from.number()?), counter: some!(from.number()?) }))
}

fn put_digest<F: Flash>(digest: Option<&Digest>, out: &mut Writer<'_, F>) -> Result<(), F::Error> {
    out.byte(u8::from(digest.is_some()))?;
    digest.map_or(Ok(()), |digest| out.bytes(digest.as_bytes()))
}

fn get_digest<F: Flash>(from: &mut Reader<'_, F>) -> Result<Option<Option<Digest>>, F::Error> {
    Ok(Some(match some!(from.byte()?) {
        0 => None,
        _ => Some(some!(get_bytes(from)?)),
    }))
}

fn get_bytes<F: Flash>(from: &mut Reader<'_, F>) -> Result<Option<Digest>, F::Error> {
    let mut bytes = [0; 32];
    Ok(from.bytes(&mut bytes)?.map(|()| Digest::from_bytes(bytes)))
}

fn put_text<F: Flash, const N: usize>(
    text: &Text<N>,
    out: &mut Writer<'_, F>,
) -> Result<(), F::Error> {
    out.counted(text.as_str().as_bytes())
}

fn get_text<F: Flash, const N: usize>(
    from: &mut Reader<'_, F>,
) -> Result<Option<Text<N>>, F::Error> {
    let mut bytes = [0; N];
    let length = some!(from.counted(&mut bytes)?);
    Ok(core::str::from_utf8(&bytes[..length]).ok().and_then(Text::new))
}

fn put_identity<F: Flash>(identity: &Identity, out: &mut Writer<'_, F>) -> Result<(), F::Error> {
    put_text(&identity.rollout, out)?;
    out.number(u64::from(identity.attempt))
}

fn get_identity<F: Flash>(from: &mut Reader<'_, F>) -> Result<Option<Identity>, F::Error> {
    let rollout = some!(get_text(from)?);
    Ok(Some(Identity { rollout, attempt: some!(from.number()?) as u32 }))
}

fn put_pending<F: Flash>(pending: &Pending, out: &mut Writer<'_, F>) -> Result<(), F::Error> {
    put_identity(&pending.identity, out)?;
    out.byte(pending.slot.index() as u8)?;
    let target = &pending.target;
    out.bytes(target.digest.as_bytes())?;
    out.number(u64::from(target.length))?;
    put_order(target.order, out)?;
    out.number(u64::from(target.secure_version))?;
    out.number(u64::from(target.chip_id))?;
    put_text(&target.product, out)?;
    put_text(&target.version, out)?;
    let (kind, first, second) = match pending.stage {
        Stage::Downloading { written } => (0, written, 0),
        Stage::Ready => (1, 0, 0),
        Stage::Permitted { trial, window_secs } => (2, trial, window_secs),
        Stage::Trial { trial, window_secs } => (3, trial, window_secs),
        Stage::Returning { trial, reason } => (4, trial, u32::from(code(&REASONS, &reason))),
    };
    out.byte(kind)?;
    out.number(u64::from(first))?;
    out.number(u64::from(second))
}

fn get_pending<F: Flash>(from: &mut Reader<'_, F>) -> Result<Option<Pending>, F::Error> {
    let identity = some!(get_identity(from)?);
    let slot = if some!(from.byte()?) == 0 { Slot::A } else { Slot::B };
    let target = Target {
        digest: some!(get_bytes(from)?),
        length: some!(from.number()?) as u32,
        order: some!(get_order(from)?),
        secure_version: some!(from.number()?) as u32,
        chip_id: some!(from.number()?) as u16,
        product: some!(get_text(from)?),
        version: some!(get_text(from)?),
    };
    let (kind, first, second) =
        (some!(from.byte()?), some!(from.number()?) as u32, some!(from.number()?) as u32);
    let stage = match kind {
        0 => Stage::Downloading { written: first },
        1 => Stage::Ready,
        2 => Stage::Permitted { trial: first, window_secs: second },
        3 => Stage::Trial { trial: first, window_secs: second },
        4 => Stage::Returning { trial: first, reason: *some!(REASONS.get(second as usize)) },
        _ => return Ok(None),
    };
    Ok(Some(Pending { identity, target, slot, stage }))
}

fn put_entry<F: Flash>(entry: &Entry, out: &mut Writer<'_, F>) -> Result<(), F::Error> {
    out.number(entry.sequence)?;
    put_identity(&entry.identity, out)?;
    out.byte(code(&EVENTS, &entry.event))?;
    out.byte(entry.reason.map_or(u8::MAX, |reason| code(&REASONS, &reason)))?;
    out.bytes(entry.running.as_bytes())
}

fn get_entry<F: Flash>(from: &mut Reader<'_, F>) -> Result<Option<Entry>, F::Error> {
    let sequence = some!(from.number()?);
    let identity = some!(get_identity(from)?);
    let event = *some!(EVENTS.get(usize::from(some!(from.byte()?))));
    let reason = match some!(from.byte()?) {
        u8::MAX => None,
        code => Some(*some!(REASONS.get(usize::from(code)))),
    };
    let running = some!(get_bytes(from)?);
    Ok(Some(Entry { sequence, identity, event, reason, running }))
}
