//! One device's way through one rollout: a machine that only goes forward.
//!
//! Invariants: an outcome, once there, never changes; a terminal status never changes; an event
//! that arrives twice or late moves at most the bucket. Exposure begins with the permit and is
//! taken back only by a stop before the switch.

use super::{Failure, Outcome};
use crate::id::Digest;
use crate::limits::BLAMED_ATTRIBUTES;
use crate::rollout::{Admitted, EvidenceEpoch, RungIndex, StratumId};
use crate::time::{Availability, ServiceTime, Span, Timestamp, Window};
use crate::wire::{Event, Reason};

/// Interruptions after which the next one is a failure.
//= design 4.4: permitted again at most 3 times
const INTERRUPTIONS: u8 = 3;

/// Status of a job execution, in AWS's words.
//= AWS IoT Jobs: job execution states
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExecutionStatus {
    /// Offered; the device has not begun.
    Queued,
    /// The device works on it.
    InProgress,
    /// Confirmed.
    Succeeded,
    /// Failed, back or not.
    Failed,
    /// Not heard of by the deadline.
    TimedOut,
    /// Refused by the device.
    Rejected,
    /// The device is gone.
    Removed,
    /// Revoked before the switch.
    Canceled,
}

impl ExecutionStatus {
    /// Whether nothing can change it any more.
    pub const fn is_terminal(self) -> bool {
        !matches!(self, Self::Queued | Self::InProgress)
    }
}

/// Where an execution stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// May download.
    Offered,
    /// Downloads.
    Downloading,
    /// Has the image, verified, and waits for its permit.
    Ready,
    /// Asked for later, before the permit.
    Deferred,
    /// Made no progress within its lease, before the permit.
    Lapsed,
    /// Permit committed; not confirmed yet.
    Permitted,
    /// Came back for reasons that say nothing about the image; will be permitted again.
    Interrupted,
    /// Runs the target, confirmed.
    Confirmed,
    /// Failed, and runs the old image again.
    RolledBack,
    /// Failed, and not known to be back.
    Failed,
    /// Not heard of by the deadline.
    Silent,
    /// Refused by the device before the permit.
    Refused,
    /// Stopped before the switch.
    Revoked,
    /// The device left the fleet.
    Left,
}

impl State {
    /// Whether it may still come to a permit by itself.
    pub const fn is_before_permit(self) -> bool {
        matches!(
            self,
            Self::Offered | Self::Downloading | Self::Ready | Self::Deferred | Self::Lapsed
        )
    }

    /// Whether it holds one of the offers that are counted against the cap.
    pub const fn holds_offer(self) -> bool {
        matches!(self, Self::Offered | Self::Downloading | Self::Ready)
    }
}

/// What was fixed when the permit was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Exposure {
    /// Rung that was open.
    pub batch: RungIndex,
    /// Stratum of the device.
    pub stratum: StratumId,
    /// Evidence epoch it counts in.
    pub epoch: EvidenceEpoch,
    /// What admitted it.
    pub admitted: Admitted,
    /// When the permit in force was given.
    pub at: Timestamp,
    /// Length of the horizon.
    pub horizon: Span,
    /// Its end, in service time.
    pub deadline: ServiceTime,
}

/// What a device was at its first permit: for each attribute that its rollout counts by, the place
/// of the value there. 0 is a value without a place of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Origin(pub(crate) [u8; BLAMED_ATTRIBUTES]);

/// What a report is judged against.
#[derive(Clone, Copy, Debug)]
pub struct ReportContext<'a> {
    /// When it was taken.
    pub at: Timestamp,
    /// Our own availability.
    pub availability: &'a Availability,
    /// How long progress renews a lease.
    pub lease: Span,
    /// How long a new image has for its round trip.
    pub confirm_window: Span,
}

/// One device's way through one rollout.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Execution {
    /// From 1; a new one only after a revoked, refused or lapsed offer.
    pub attempt: u32,
    /// Image to install.
    pub image: Digest,
    /// Where it stands.
    pub state: State,
    /// Until when it may be without progress, before the permit.
    pub lease_until: Timestamp,
    /// Set by the permit.
    pub exposure: Option<Exposure>,
    /// Set by the first permit.
    pub origin: Origin,
    /// Whether the image is known to have booted.
    pub booted: bool,
    /// Whether it switched without a permit.
    pub unasked: bool,
    /// Returns that said nothing about the image.
    pub interruptions: u8,
    /// What is known to have gone wrong.
    pub failure: Option<Failure>,
    /// What the gate counts, from the horizon on.
    pub outcome: Option<Outcome>,
}

impl Execution {
    /// A fresh offer.
    pub fn offered(attempt: u32, image: Digest, lease_until: Timestamp) -> Self {
        Self {
            attempt,
            image,
            state: State::Offered,
            lease_until,
            exposure: None,
            origin: Origin::default(),
            booted: false,
            unasked: false,
            interruptions: 0,
            failure: None,
            outcome: None,
        }
    }

    /// The status in AWS's words.
    pub fn status(&self) -> ExecutionStatus {
        match self.state {
            _ if self.outcome == Some(Outcome::Bad(Failure::Silent)) => ExecutionStatus::TimedOut,
            State::Offered => ExecutionStatus::Queued,
            State::Downloading
            | State::Ready
            | State::Deferred
            | State::Lapsed
            | State::Permitted
            | State::Interrupted => ExecutionStatus::InProgress,
            State::Confirmed => ExecutionStatus::Succeeded,
            State::RolledBack | State::Failed => ExecutionStatus::Failed,
            State::Silent => ExecutionStatus::TimedOut,
            State::Refused => ExecutionStatus::Rejected,
            State::Revoked => ExecutionStatus::Canceled,
            State::Left => ExecutionStatus::Removed,
        }
    }

    /// Whether the device may still act on it.
    pub fn is_open(&self) -> bool {
        self.state.is_before_permit() || matches!(self.state, State::Permitted | State::Interrupted)
    }

    /// Whether there is no other attempt in this rollout: it came to something, or the image was
    /// booted before it was stopped.
    //= design 4.2: one attempt per (device, rollout), interruptions apart
    pub fn had_its_attempt(&self) -> bool {
        if self.state == State::Revoked { self.exposure.is_some() } else { !self.is_open() }
    }

    /// Commits a permit: the first one exposes, a later one starts the horizon anew.
    pub fn permit(&mut self, exposure: Exposure) {
        let first = self.exposure.unwrap_or(exposure);
        self.exposure = Some(Exposure {
            batch: first.batch,
            stratum: first.stratum,
            epoch: first.epoch,
            admitted: first.admitted,
            ..exposure
        });
        self.state = State::Permitted;
    }

    /// Whether it has no permit, and what it reports may be the first sign of a switch.
    pub fn may_switch_unasked(&self) -> bool {
        let is_open = self.state.is_before_permit() || self.state == State::Revoked;
        is_open && self.exposure.is_none()
    }

    /// Exposes a device that switched without a permit. One that had been revoked stays so, and
    /// counts as one that has the image and no outcome.
    pub fn switch_unasked(&mut self, exposure: Exposure) {
        if !self.may_switch_unasked() {
            return;
        }
        if self.state == State::Revoked {
            self.exposure = Some(exposure);
        } else {
            self.permit(exposure);
        }
        (self.unasked, self.booted) = (true, true);
    }

    /// Takes a report; says whether anything changed.
    pub fn report(&mut self, event: Event, reason: Option<Reason>, now: &ReportContext) -> bool {
        let before = self.clone();
        let failure = Failure::Reported(reason.unwrap_or(Reason::Other));
        match event {
            Event::Downloading => self.progress(State::Downloading, now),
            Event::Downloaded => self.progress(State::Ready, now),
            Event::Deferred => self.before_permit(State::Deferred),
            Event::Refused => self.refuse(failure),
            Event::Stopped => self.stop(),
            Event::Confirmed => self.confirm(),
            Event::Failed if self.state.is_before_permit() => self.refuse(failure),
            Event::Failed => self.fail(State::Failed, failure),
            Event::Returned => self.come_back(reason, failure, now),
            Event::Crashed => self.crash(failure),
            Event::Booted => self.booted |= self.exposure.is_some(),
            Event::Unknown => {}
        }
        *self != before
    }

    /// Whether a report would open this again after it had let go of its device.
    pub fn is_reopened_by(&self, event: Event) -> bool {
        matches!(self.state, State::Lapsed | State::Deferred)
            && matches!(event, Event::Downloading | Event::Downloaded)
    }

    fn before_permit(&mut self, next: State) {
        if self.state.is_before_permit() {
            self.state = next;
        }
    }

    fn progress(&mut self, next: State, now: &ReportContext) {
        if self.state.is_before_permit() {
            if self.state != State::Ready {
                self.state = next;
            }
            self.lease_until = now.at.after(now.lease);
        }
    }

    fn refuse(&mut self, failure: Failure) {
        if self.state.is_before_permit() {
            self.state = State::Refused;
            self.failure = Some(failure);
        }
    }

    /// Stopped before the switch: never exposed. One that has booted the image stays exposed,
    /// without an outcome.
    fn stop(&mut self) {
        if self.is_open() {
            if !self.booted && self.interruptions == 0 {
                self.exposure = None;
            }
            self.state = State::Revoked;
        }
    }

    /// The device runs the target, confirmed: by its report or by what it says it runs.
    pub fn confirm(&mut self) {
        if self.is_open() || self.state == State::Silent {
            self.state = State::Confirmed;
        }
    }

    fn fail(&mut self, next: State, failure: Failure) {
        match self.state {
            State::Permitted | State::Interrupted => {
                self.state = next;
                self.failure = Some(failure);
            }
            State::Failed | State::Silent => self.state = next,
            State::Confirmed => self.crash(failure),
            State::Offered
            | State::Downloading
            | State::Ready
            | State::Deferred
            | State::Lapsed
            | State::RolledBack
            | State::Refused
            | State::Revoked
            | State::Left => {}
        }
    }

    fn crash(&mut self, failure: Failure) {
        if self.state == State::Confirmed && self.outcome.is_none() && self.failure.is_none() {
            self.failure = Some(failure);
        }
    }

    fn come_back(&mut self, reason: Option<Reason>, failure: Failure, now: &ReportContext) {
        let Some(exposure) = &mut self.exposure else { return };
        if self.state != State::Permitted || !is_interruption(reason, exposure, now) {
            return self.fail(State::RolledBack, failure);
        }
        if self.interruptions == INTERRUPTIONS {
            return self.fail(State::RolledBack, Failure::InterruptedTooOften);
        }
        self.interruptions += 1;
        self.state = State::Interrupted;
        exposure.deadline = now.availability.at(now.at).after(exposure.horizon);
    }

    /// Ends the lease if it is over; says whether it did.
    pub fn lapse(&mut self, now: Timestamp) -> bool {
        let over = self.state.holds_offer() && self.lease_until <= now;
        if over {
            self.state = State::Lapsed;
        }
        over
    }

    /// Fixes the outcome if the horizon is reached; says whether it did. `runs` is the image the
    /// device says it runs, if this rollout's permit was its last.
    //= gates §2: the outcome is taken at the horizon, never at the report; a wrong version is bad
    pub fn mature(&mut self, service: ServiceTime, runs: Option<Digest>) -> bool {
        let Some(exposure) = &self.exposure else { return false };
        let is_over = self.outcome.is_some() || self.state == State::Revoked;
        if is_over || exposure.deadline > service {
            return false;
        }
        if matches!(self.state, State::Permitted | State::Interrupted) {
            self.state = State::Silent;
            self.failure = Some(Failure::Silent);
        }
        if self.state == State::Confirmed && runs.is_some_and(|image| image != self.image) {
            self.crash(Failure::FellBack);
        }
        self.outcome = Some(self.failure.map_or(Outcome::Good, Outcome::Bad));
        true
    }
}

/// Whether a return says nothing about the image.
//= design 4.4: power loss only, or no round trip while we were away inside the confirm window
fn is_interruption(reason: Option<Reason>, exposure: &Exposure, now: &ReportContext) -> bool {
    match reason {
        Some(Reason::PowerLoss) => true,
        Some(Reason::NoRoundTrip) => {
            // The device extends its window to at most twice its length.
            let window = Span(now.confirm_window.0.saturating_mul(2));
            now.availability.was_away(&Window { from: exposure.at, to: exposure.at.after(window) })
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAY: Reason = Reason::SelfTest;

    fn exposed(at: u64) -> Execution {
        let mut execution = Execution::offered(1, Digest::of(b"image"), Timestamp(60_000));
        execution.permit(Exposure {
            batch: RungIndex(0),
            stratum: StratumId(0),
            epoch: EvidenceEpoch(0),
            admitted: Admitted::ByPosition,
            at: Timestamp(at),
            horizon: Span(1000),
            deadline: ServiceTime(at + 1000),
        });
        execution
    }

    fn at(at: u64, availability: &Availability) -> ReportContext<'_> {
        let (lease, confirm_window) = (Span(60_000), Span(500));
        ReportContext { at: Timestamp(at), availability, lease, confirm_window }
    }

    #[test]
    fn silence_is_an_outcome_that_a_late_confirmation_does_not_undo() {
        let here = Availability::default();
        let mut execution = exposed(0);
        assert!(!execution.mature(ServiceTime(999), None));
        assert!(execution.mature(ServiceTime(1000), None));
        assert_eq!(execution.outcome, Some(Outcome::Bad(Failure::Silent)));
        assert!(execution.report(Event::Confirmed, None, &at(2000, &here)));
        assert_eq!(execution.state, State::Confirmed, "the bucket follows facts");
        assert_eq!(execution.outcome, Some(Outcome::Bad(Failure::Silent)), "the outcome is final");
        assert_eq!(execution.status(), ExecutionStatus::TimedOut, "and so is the status");
    }

    #[test]
    fn a_power_cut_is_no_failure_three_times() {
        let here = Availability::default();
        let mut execution = exposed(0);
        for _ in 0..3 {
            execution.report(Event::Returned, Some(Reason::PowerLoss), &at(100, &here));
            assert_eq!((execution.state, execution.failure), (State::Interrupted, None));
            let again = execution.exposure.expect("still exposed");
            execution.permit(again);
        }
        execution.report(Event::Returned, Some(Reason::PowerLoss), &at(100, &here));
        assert_eq!(execution.state, State::RolledBack);
        assert_eq!(execution.failure, Some(Failure::InterruptedTooOften));
    }

    #[test]
    fn a_missing_round_trip_is_ours_only_if_we_were_away_then() {
        let mut away = Availability::default();
        away.record(Window { from: Timestamp(5000), to: Timestamp(9000) });
        let no_answer = Some(Reason::NoRoundTrip);
        let mut execution = exposed(4900);
        execution.report(Event::Returned, no_answer, &at(9100, &away));
        assert_eq!(execution.state, State::Interrupted);
        let mut execution = exposed(0);
        execution.report(Event::Returned, no_answer, &at(9100, &away));
        assert_eq!(execution.state, State::RolledBack, "the outage came after the window");
    }

    #[test]
    fn a_crash_within_the_soak_is_a_failure_and_after_it_is_none() {
        let here = Availability::default();
        for (crash_at, outcome) in
            [(500, Outcome::Bad(Failure::Reported(WAY))), (1500, Outcome::Good)]
        {
            let mut execution = exposed(0);
            execution.report(Event::Confirmed, None, &at(10, &here));
            if crash_at < 1000 {
                execution.report(Event::Crashed, Some(WAY), &at(crash_at, &here));
            }
            execution.mature(ServiceTime(1000), None);
            execution.report(Event::Crashed, Some(WAY), &at(1500, &here));
            assert_eq!(execution.outcome, Some(outcome));
        }
    }

    #[test]
    fn a_stop_before_the_switch_frees_the_slot() {
        let here = Availability::default();
        let mut execution = exposed(0);
        assert!(execution.report(Event::Stopped, Some(Reason::Told), &at(1, &here)));
        assert_eq!((execution.state, execution.exposure), (State::Revoked, None));
        assert!(!execution.mature(ServiceTime(u64::MAX), None));
    }
}
