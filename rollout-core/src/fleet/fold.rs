//! From the journal to the model: one entry at a time, in order, asking nobody.

use super::{Cohort, Enrollment, Fleet, Running};
use crate::cohort::Attributes as _;
use crate::device::{Device, Execution, Facts, Failure, ReportContext, Seen, State};
use crate::id::{DeviceId, RolloutId};
use crate::journal::{Entry, PublishRecord, ReportRecord, Seq, Stored};
use crate::release::{Artifact, Lifecycle, Release, WayBack};
use crate::rollout::{Input, Membership, Phase, Rollout, StateHash, ZONE};
use crate::time::{Timestamp, Window};
use crate::trust::{Envelope, Manifest, Root};
use crate::wire::{Event, ImageState, Reason};
use alloc::{string::ToString as _, vec::Vec};

/// Why an entry does not fit the model. Only a bug or a damaged store brings it about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FoldError {
    /// An entry is missing.
    #[error("entry {found:?} follows {after:?}")]
    Gap {
        /// The last one folded.
        after: Seq,
        /// The next one given.
        found: Seq,
    },
    /// It names something that is not there.
    #[error("entry {seq:?} names {what}, which is not there")]
    Missing {
        /// Where.
        seq: Seq,
        /// What.
        what: &'static str,
    },
    /// A signed document in it cannot be read.
    #[error("entry {seq:?} holds a document that cannot be read")]
    Document {
        /// Where.
        seq: Seq,
    },
    /// A decision comes out differently.
    #[error("the decision of entry {seq:?} on {rollout} replays to another state")]
    Replay {
        /// Where.
        seq: Seq,
        /// Which rollout.
        rollout: RolloutId,
    },
}

impl FoldError {
    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Gap { .. } => "FO-001",
            Self::Missing { .. } => "FO-002",
            Self::Document { .. } => "FO-003",
            Self::Replay { .. } => "FO-004",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        "the journal is damaged or was written by another version; restore a backup"
    }
}

impl Fleet {
    /// Folds the next entry.
    ///
    /// # Errors
    /// [`FoldError`] if it does not fit. The model must not be used afterwards.
    pub fn fold(&mut self, stored: &Stored) -> Result<(), FoldError> {
        if stored.seq != Seq(self.read_to.0 + 1) {
            return Err(FoldError::Gap { after: self.read_to, found: stored.seq });
        }
        self.read_to = stored.seq;
        self.clock = self.clock.max(stored.at);
        self.once.forget(self.clock);
        self.fold_entry(stored)
    }

    fn fold_entry(&mut self, stored: &Stored) -> Result<(), FoldError> {
        let (seq, at) = (stored.seq, stored.at);
        self.forget_losses(&stored.entry);
        match &stored.entry {
            Entry::RootAccepted { envelope } => self.fold_root(seq, envelope)?,
            Entry::HostingSet(hosting) => self.hosting = hosting.clone(),
            Entry::ProductAdded { product, .. } => {
                self.products.insert(product.clone());
            }
            Entry::Published(record) => self.fold_release(seq, at, record)?,
            Entry::Withdrawn { .. } => self.fold_withdrawn(stored)?,
            Entry::Renewed { .. } => self.fold_renewed(stored)?,
            Entry::StonesSet { .. } | Entry::DeadEndSet { .. } => self.fold_road(stored)?,
            Entry::CohortDefined { cohort, record, .. } => {
                let defined = Cohort { record: record.clone(), revision: seq };
                self.cohorts.insert(cohort.clone(), defined);
            }
            Entry::TokenMade(record) => {
                self.tokens.insert(record.id.clone(), record.clone());
            }
            Entry::TokenRevoked { id } => self.fold_revoked(id),
            Entry::EnrollmentOpened(record) => {
                let enrollment = Enrollment { record: record.clone(), used: 0 };
                self.enrollments.insert(record.id.clone(), enrollment);
            }
            Entry::Enrolled { .. } => self.fold_enrolled(stored),
            Entry::Drafted { rollout, plan, by } => {
                self.fold_draft(Rollout::draft(*rollout, plan.clone(), by.clone(), at));
            }
            Entry::Seen { device, facts } => self.fold_seen(at, device, facts),
            Entry::Reported(report) => self.fold_report(at, report),
            Entry::Clock => self.fold_clock(at),
            Entry::Outage(outage) => self.fold_outage(*outage),
            Entry::Stepped { rollout, input, state } => {
                self.fold_step(stored, *rollout, input, *state)?;
            }
            Entry::Offered { rollout, device, attempt, image, lease_until } => {
                let held = self.held(seq, *rollout)?;
                held.put(device, Execution::offered(*attempt, *image, *lease_until));
                self.settle(*rollout, device);
            }
            Entry::Permitted { rollout, device, exposure } => {
                self.held(seq, *rollout)?.note_permit(device, exposure.at);
                self.expose(*rollout, device, |execution| execution.permit(*exposure));
            }
            Entry::Unasked { rollout, .. } => {
                self.held(seq, *rollout)?;
                self.fold_unasked(&stored.entry);
            }
            Entry::Held { rollout, device, deadline } => {
                self.held(seq, *rollout)?.stand_still(device, *deadline);
            }
            Entry::ChannelSet { .. } | Entry::ChannelRemoved { .. } | Entry::Promoted { .. } => {
                self.fold_channels(stored);
            }
            Entry::FreezeSet { .. } | Entry::FreezeLifted { .. } => self.fold_freeze(stored),
            Entry::Once(_) | Entry::Answered { .. } => self.fold_once(stored),
            Entry::StandingSet { .. }
            | Entry::TokenRotated { .. }
            | Entry::Noted { .. }
            | Entry::Replaced { .. } => self.fold_life(stored),
            Entry::AttributesSet { .. } => self.fold_attributes(stored),
            Entry::Excluded { rollout, .. } | Entry::Included { rollout, .. } => {
                self.held(seq, *rollout)?;
                self.fold_excluded(stored);
            }
        }
        Ok(())
    }

    fn fold_root(&mut self, seq: Seq, envelope: &[u8]) -> Result<(), FoldError> {
        // The chain was verified when it was accepted; here it is only read.
        let envelope_read = Envelope::open(envelope).map_err(|_| FoldError::Document { seq })?;
        let root = Root::decode(envelope_read.payload());
        self.root = Some(root.map_err(|_| FoldError::Document { seq })?);
        self.roots.push(envelope.to_vec());
        Ok(())
    }

    fn fold_release(
        &mut self,
        seq: Seq,
        at: Timestamp,
        record: &PublishRecord,
    ) -> Result<(), FoldError> {
        let read = |manifests: &[Vec<u8>]| {
            manifests
                .iter()
                .map(|envelope| artifact(envelope).ok_or(FoldError::Document { seq }))
                .collect::<Result<Vec<_>, _>>()
        };
        let way_back = match &record.way_back {
            None => None,
            Some((version, manifests)) => {
                let artifacts = read(manifests)?;
                let counter = artifacts.iter().map(|a| a.counter).max().unwrap_or_default();
                Some(WayBack { version: version.clone(), counter, artifacts })
            }
        };
        let release = Release {
            id: record.release.clone(),
            counter: record.counter,
            lifecycle: Lifecycle::Published,
            artifacts: read(&record.manifests)?,
            way_back,
            from: record.from.clone(),
            by: record.by.clone(),
            at,
            notes: record.notes.clone(),
            source: record.source.clone(),
            provenance: record.provenance.clone(),
            marks: record.marks.clone(),
            revision: seq,
        };
        self.products.insert(record.release.product.clone());
        self.atlas.mark(&release);
        self.releases.insert(record.release.clone(), release);
        Ok(())
    }

    fn fold_withdrawn(&mut self, Stored { seq, entry, .. }: &Stored) -> Result<(), FoldError> {
        let Entry::Withdrawn { release, by, reason } = entry else { return Ok(()) };
        let release = self.releases.get_mut(release);
        let release = release.ok_or(FoldError::Missing { seq: *seq, what: "a release" })?;
        let (by, reason) = (by.clone(), reason.clone());
        release.lifecycle = Lifecycle::Withdrawn { by, reason };
        release.revision = *seq;
        Ok(())
    }

    fn fold_revoked(&mut self, id: &str) {
        self.tokens.remove(id);
        self.enrollments.remove(id);
    }

    fn fold_enrolled(&mut self, Stored { seq, at, entry }: &Stored) {
        let Entry::Enrolled { device, hardware, home, token, enrollment, attributes, .. } = entry
        else {
            return;
        };
        if let Some(known) = self.devices.get_mut(device) {
            known.token = *token;
            known.last_seen = known.last_seen.max(*at);
        } else {
            let (id, model, home) = (device.clone(), hardware.clone(), home.clone());
            let fresh = Device::enrolled(id, model, home, *token, *at);
            if let Some(zone) = attributes.get(ZONE) {
                self.zones.learn(zone);
            }
            self.devices.insert(Device { registered: attributes.clone(), revision: *seq, ..fresh });
        }
        if let Some(leave) = enrollment.as_ref().and_then(|id| self.enrollments.get_mut(id)) {
            leave.used += 1;
        }
    }

    fn fold_seen(&mut self, at: Timestamp, id: &DeviceId, facts: &Facts) {
        let Some(device) = self.devices.get_mut(id) else { return };
        device.facts = Some(facts.clone());
        if let Some(zone) = device.get(ZONE) {
            self.zones.learn(zone);
        }
        device.last_seen = device.last_seen.max(at);
        let running = &facts.running;
        if running.state != ImageState::Valid {
            return;
        }
        // What runs and is confirmed says as much as a report that was lost.
        let image = running.digest;
        let (last, open) = (device.last_permit, device.open);
        for rollout in last.into_iter().chain(open) {
            if let Some(held) = self.rollouts.get_mut(&rollout) {
                held.change(id, |execution| {
                    if execution.image == image && execution.exposure.is_some() {
                        execution.confirm();
                    }
                });
            }
            self.settle(rollout, id);
        }
    }

    fn fold_report(&mut self, at: Timestamp, report: &ReportRecord) {
        let Some(device) = self.devices.get_mut(&report.device) else { return };
        device.last_seen = device.last_seen.max(at);
        let seen = device.reports.take(report.incarnation, report.sequence);
        if seen == Seen::Known {
            return;
        }
        let Some(held) = self.rollouts.get_mut(&report.rollout) else { return };
        let plan = held.rollout.plan.clone();
        let context = ReportContext {
            at,
            availability: &self.availability,
            lease: plan.pace.lease,
            confirm_window: plan.silence.confirm_window,
        };
        let target = &plan.target;
        //= design 4.1: one open execution per device
        let is_elsewhere = device.open.is_some_and(|open| open != report.rollout);
        let (mut runs, mut flight) = (None, None);
        held.change(&report.device, |execution| {
            // Taken twice, any other event is the same as once; an interruption is one more.
            let again = seen == Seen::Forgotten && execution.interruptions > 0;
            let is_safe = !again || report.event != Event::Returned;
            // What came late does not open again what was closed to let another in.
            let stays_closed = is_elsewhere && execution.is_reopened_by(report.event);
            if execution.attempt == report.attempt && is_safe && !stays_closed {
                execution.report(report.event, report.reason, &context);
                let is_back = execution.state == State::RolledBack;
                let told = report.reason.map(Failure::Reported);
                flight = Some(execution.image).filter(|_| is_back && fled(told));
                runs = Some(execution.image).filter(|_| report.event == Event::Confirmed);
            }
        });
        // Also when it comes so late that the device had been given up as silent.
        if let Some(image) = flight {
            device.remember_flight(image);
        }
        // A confirmation says what runs, also when it overtakes the check-in that says so.
        let is_latest = device.last_permit == Some(report.rollout);
        if let (Some(image), Some(facts), true) = (runs, device.facts.as_mut(), is_latest) {
            let release = self.releases.get(target.release());
            facts.running.digest = image;
            facts.running.state = ImageState::Valid;
            if let Some((release, signed)) =
                release.and_then(|known| Some((known, known.signed(target, image)?)))
            {
                facts.running.version = release.version_of(target).to_string();
                facts.running.epoch = signed.epoch;
                facts.running.counter = signed.counter;
            }
        }
        self.settle(report.rollout, &report.device);
    }

    fn fold_outage(&mut self, outage: Window) {
        self.availability.record(outage);
        self.heard_until = self.heard_until.max(outage.from);
    }

    fn fold_clock(&mut self, at: Timestamp) {
        let service = self.availability.at(at);
        for rollout in self.order.clone() {
            let Some(held) = self.rollouts.get_mut(&rollout) else { continue };
            let due = held.due(at, service);
            for id in &due {
                // What it runs is judged at the horizon: a check-in that was overtaken on its way
                // may have said something older in between.
                let device = self.devices.get(id).filter(|d| d.last_permit == Some(rollout));
                let runs = device.and_then(Device::running);
                held.change(id, |execution| {
                    execution.lapse(at);
                    execution.mature(service, runs);
                });
            }
            for device in &due {
                self.settle(rollout, device);
            }
        }
    }

    fn fold_draft(&mut self, draft: Rollout) {
        self.order.push(draft.id);
        self.rollouts.insert(draft.id, Running::new(draft));
    }

    fn fold_step(
        &mut self,
        stored: &Stored,
        rollout: RolloutId,
        input: &Input,
        state: StateHash,
    ) -> Result<(), FoldError> {
        let seq = stored.seq;
        let held = self.held(seq, rollout)?;
        let replayed = held.rollout.step(input, stored.at);
        let step = replayed.map_err(|_| FoldError::Replay { seq, rollout })?;
        if step.next.state_hash() != state {
            return Err(FoldError::Replay { seq, rollout });
        }
        let before = held.replace(step.next);
        held.waiting = step.waiting;
        held.evaluation = step.evaluation.or_else(|| held.evaluation.take());
        held.note_end();
        let revoked = if held.rollout.phase.stops() { held.revoke_pending() } else { Vec::new() };
        for device in &revoked {
            self.settle(rollout, device);
        }
        self.supersede(rollout, &before.phase);
        Ok(())
    }

    /// A rollout that takes another back ends it when it begins, and lets it go when canceled.
    fn supersede(&mut self, rollout: RolloutId, before: &Phase) {
        let Some(held) = self.rollouts.get(&rollout) else { return };
        let Membership::StillRunning { rollout: other } = held.rollout.plan.members else { return };
        let begins = *before == Phase::Draft && !held.rollout.phase.stops();
        let is_canceled = matches!(held.rollout.phase, Phase::Canceled { .. });
        let still = is_canceled.then(|| self.way_back_at_work(other)).flatten();
        let Some(other) = self.rollouts.get_mut(&other) else { return };
        if begins {
            other.superseded_by = Some(rollout);
        } else if is_canceled && other.superseded_by == Some(rollout) {
            other.superseded_by = still;
        }
    }

    /// The newest rollout that takes another back, has begun, and was not canceled.
    fn way_back_at_work(&self, other: RolloutId) -> Option<RolloutId> {
        self.order.iter().rev().copied().find(|id| {
            self.rollouts.get(id).is_some_and(|running| {
                let Rollout { plan, phase, .. } = &running.rollout;
                plan.members == Membership::StillRunning { rollout: other }
                    && !matches!(phase, Phase::Draft | Phase::Canceled { .. })
            })
        })
    }

    fn held(&mut self, seq: Seq, rollout: RolloutId) -> Result<&mut Running, FoldError> {
        self.rollouts.get_mut(&rollout).ok_or(FoldError::Missing { seq, what: "a rollout" })
    }

    /// Keeps what a device itself remembers in step with its execution.
    pub(super) fn settle(&mut self, rollout: RolloutId, id: &DeviceId) {
        let Some(execution) = self.rollouts.get(&rollout).and_then(|r| r.executions.get(id)) else {
            return;
        };
        let Some(device) = self.devices.get_mut(id) else { return };
        let busy =
            execution.is_open() && !matches!(execution.state, State::Lapsed | State::Deferred);
        if busy {
            device.open = Some(rollout);
        } else if device.open == Some(rollout) {
            device.open = None;
        }
        if execution.state == State::RolledBack && fled(execution.failure) {
            device.remember_flight(execution.image);
        }
    }
}

/// Whether the device judged the image itself.
fn fled(failure: Option<Failure>) -> bool {
    matches!(
        failure,
        Some(Failure::Reported(
            Reason::SelfTest | Reason::Crash | Reason::Watchdog | Reason::SafetyFault
        ))
    )
}

/// Reads a manifest that was verified when it was published.
pub(super) fn artifact(envelope: &[u8]) -> Option<Artifact> {
    let opened = Envelope::open(envelope).ok()?;
    let manifest = Manifest::decode(opened.payload()).ok()?;
    let hardware = manifest
        .hardware
        .iter()
        .map(|model| {
            core::str::from_utf8(model).ok().and_then(|m| crate::id::HardwareModel::new(m).ok())
        })
        .collect::<Option<Vec<_>>>()?;
    Some(Artifact {
        hardware,
        component: manifest.component(),
        image: manifest.image,
        length: manifest.image_bytes,
        epoch: manifest.epoch.0,
        counter: manifest.counter,
        min_from: manifest.min_from,
        secure_version: manifest.secure_version,
        expires: manifest.expires.0,
        contract: manifest
            .contract
            .map(crate::hosting::Contract::parse)
            .transpose()
            .ok()?
            .unwrap_or_default(),
        envelope: envelope.to_vec(),
    })
}
