//! Devices that switched without asking: exposed all the same, from the first report that tells.
//!
//! Invariant: the entry that exposes such a device precedes, in the same transaction, the report
//! that told of it; what it says is fixed there, so that folding asks nothing.

use super::Fleet;
use crate::device::{Exposure, Seen};
use crate::id::DeviceId;
use crate::journal::{Entry, ReportRecord};
use crate::rollout::Admitted;
use crate::time::Timestamp;
use crate::wire::{Event, Reason};
use alloc::{collections::BTreeSet, vec::Vec};

impl Fleet {
    /// Puts before each report that tells of a switch nobody allowed the entry that exposes its
    /// device, as if it had been permitted at that moment.
    //= design 4.1: from its first sign of life
    pub fn expose_unasked(&self, facts: Vec<Entry>, now: Timestamp) -> Vec<Entry> {
        let mut exposed = BTreeSet::new();
        let mut entries = Vec::with_capacity(facts.len());
        for fact in facts {
            if let Entry::Reported(report) = &fact
                && tells_of_a_switch(report)
                && let Some(exposure) = self.unasked(report, now)
                && exposed.insert((report.rollout, report.device.clone()))
            {
                let (rollout, device) = (report.rollout, report.device.clone());
                entries.push(Entry::Unasked { rollout, device, exposure });
            }
            entries.push(fact);
        }
        entries
    }

    /// What exposes the device of a report, unless it had its permit or the report is known.
    fn unasked(&self, report: &ReportRecord, now: Timestamp) -> Option<Exposure> {
        let running = self.rollouts.get(&report.rollout)?;
        let device = self.devices.get(&report.device)?;
        let execution = running.executions.get(&report.device)?;
        let seen = device.reports.judge(report.incarnation, report.sequence);
        let is_first = seen != Seen::Known && execution.may_switch_unasked();
        if execution.attempt != report.attempt || !is_first {
            return None;
        }
        let service = self.availability.at(now);
        self.candidate(running, device, now, |candidate| {
            // Wherever the ladder is: it counts in the rung that is open.
            let admitted = running.rollout.opens_to(&candidate).unwrap_or(Admitted::ByPosition);
            running.rollout.exposure(&candidate, admitted, service, self.usual)
        })
    }

    pub(super) fn fold_unasked(&mut self, entry: &Entry) {
        let Entry::Unasked { rollout, device, exposure } = entry else { return };
        let Some(held) = self.rollouts.get_mut(rollout) else { return };
        held.change(device, |execution| execution.switch_unasked(*exposure));
        self.remember_permit(*rollout, device);
    }

    /// The rollout whose image a device was last let switch to, or switched to by itself.
    pub(super) fn remember_permit(&mut self, rollout: crate::id::RolloutId, device: &DeviceId) {
        if let Some(device) = self.devices.get_mut(device) {
            device.last_permit = Some(rollout);
        }
        self.settle(rollout, device);
    }
}

/// Whether a report says that the slot was switched. A failure may also say that it was not: then
/// its reason is one of those that come before.
fn tells_of_a_switch(report: &ReportRecord) -> bool {
    match report.event {
        Event::Booted | Event::Confirmed | Event::Returned | Event::Crashed => true,
        Event::Failed => !report.reason.is_some_and(comes_before_the_switch),
        Event::Downloading
        | Event::Downloaded
        | Event::Refused
        | Event::Deferred
        | Event::Stopped
        | Event::Unknown => false,
    }
}

fn comes_before_the_switch(reason: Reason) -> bool {
    match reason {
        Reason::Storage
        | Reason::Signature
        | Reason::Digest
        | Reason::Hardware
        | Reason::Counter
        | Reason::SecureVersion
        | Reason::Expired
        | Reason::Size
        | Reason::FailedBefore
        | Reason::Download
        | Reason::Told => true,
        Reason::PowerLoss
        | Reason::NoRoundTrip
        | Reason::SelfTest
        | Reason::Crash
        | Reason::Watchdog
        | Reason::SafetyFault
        | Reason::Other => false,
    }
}
