//! Devices that switched without asking: exposed all the same, from the first report that tells.
//!
//! Invariant: the entry that exposes such a device precedes, in the same transaction, the report
//! that told of it; what it says is fixed there, so that folding asks nothing.

use super::{Fleet, Running};
use crate::device::{Device, Execution, Exposure, ReportContext, Seen};
use crate::id::{DeviceId, RolloutId};
use crate::journal::{Entry, ReportRecord};
use crate::rollout::Admitted;
use crate::time::Timestamp;
use crate::wire::{Event, Reason};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

/// What the reports of a group before this one have told.
#[derive(Default)]
struct Told {
    standing: BTreeMap<(RolloutId, DeviceId), Execution>,
    reports: BTreeSet<(DeviceId, u64, u64)>,
}

impl Told {
    /// Whether no report before has this identity.
    fn is_new(&mut self, report: &ReportRecord) -> bool {
        let ReportRecord { device, incarnation, sequence, .. } = report;
        self.reports.insert((device.clone(), *incarnation, *sequence))
    }
}

impl Fleet {
    /// Puts before each report that tells of a switch nobody allowed the entry that exposes its
    /// device, as if it had been permitted at that moment. Each report is judged as if those before
    /// it had been folded already.
    //= design 4.1: from its first sign of life
    pub fn expose_unasked(&self, facts: Vec<Entry>, now: Timestamp) -> Vec<Entry> {
        let mut told = Told::default();
        let mut entries = Vec::with_capacity(facts.len());
        for fact in facts {
            if let Entry::Reported(report) = &fact
                && let Some(exposure) = self.unasked(report, &mut told, now)
            {
                let (rollout, device) = (report.rollout, report.device.clone());
                entries.push(Entry::Unasked { rollout, device, exposure });
            }
            entries.push(fact);
        }
        entries
    }

    /// What exposes the device of a report, unless it had its permit or the report is known.
    fn unasked(&self, report: &ReportRecord, told: &mut Told, now: Timestamp) -> Option<Exposure> {
        let running = self.rollouts.get(&report.rollout)?;
        let device = self.devices.get(&report.device)?;
        let is_known = device.reports.judge(report.incarnation, report.sequence) == Seen::Known;
        if is_known || !told.is_new(report) {
            return None;
        }
        let key = (report.rollout, report.device.clone());
        let held = running.executions.get(&report.device);
        let mut execution = told.standing.remove(&key).or_else(|| held.cloned())?;
        let mut exposure = None;
        if execution.attempt == report.attempt {
            if tells_of_a_switch(report) && execution.may_switch_unasked() {
                exposure = self.exposure_of(running, device, now);
            }
            if let Some(exposure) = exposure {
                execution.switch_unasked(exposure);
            }
            let plan = &running.rollout.plan;
            let context = ReportContext {
                at: now,
                availability: &self.availability,
                lease: plan.pace.lease,
                confirm_window: plan.silence.confirm_window,
            };
            execution.report(report.event, report.reason, &context);
        }
        told.standing.insert(key, execution);
        exposure
    }

    /// Wherever the ladder is: a device that was not asked for counts in the rung that is open.
    fn exposure_of(&self, running: &Running, device: &Device, now: Timestamp) -> Option<Exposure> {
        let service = self.availability.at(now);
        self.candidate(running, device, now, |candidate| {
            let admitted = running.rollout.opens_to(&candidate).unwrap_or(Admitted::ByPosition);
            running.rollout.exposure(&candidate, admitted, service, self.usual)
        })
    }

    pub(super) fn fold_unasked(&mut self, entry: &Entry) {
        let Entry::Unasked { rollout, device, exposure } = entry else { return };
        self.expose(*rollout, device, |execution| execution.switch_unasked(*exposure));
    }

    /// Exposes a device and remembers the rollout whose image it was last let switch to, or
    /// switched to by itself.
    pub(super) fn expose(
        &mut self,
        rollout: RolloutId,
        device: &DeviceId,
        expose: impl FnOnce(&mut Execution),
    ) {
        let Some(held) = self.rollouts.get_mut(&rollout) else { return };
        held.expose(device, self.devices.get(device), expose);
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
