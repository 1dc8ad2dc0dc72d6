//! One decision: gates first, on everything folded so far, then offers and permits as they come.
//!
//! Pure: the answers and the entries that make them true are returned together. An answer may be
//! given only once the entries are durable.

use super::effects::outgoing;
use super::{Answer, Ask, BeginError, Fleet, OfferMade, RegistryError, Reply, Running};
use crate::device::{Device, Execution, Exposure, State};
use crate::gate::Evaluation;
use crate::hosting::{self, Binding, Contract, Home};
use crate::id::{DeviceId, Digest, Principal, RolloutId};
use crate::journal::{Entry, Outgoing};
use crate::rollout::{
    Candidate, Command, Commanded, Effect, Ineligible, Input, Installed, Membership, Permit,
    Recent, Refusal, Rollout, Step, Tally, Terms, Waiting,
};
use crate::time::{Span, Timestamp};
use alloc::{boxed::Box, collections::BTreeMap, format, vec, vec::Vec};

/// A decision that is true once its entries are durable.
#[derive(Clone, Debug, Default)]
pub struct Decided {
    /// What makes it true.
    pub entries: Vec<Entry>,
    /// What is to be done outside.
    pub outbox: Vec<Outgoing>,
    /// One per ask.
    pub answers: Vec<Answer>,
    /// What each rollout waits for, and what its gates said.
    pub seen: Vec<(RolloutId, Option<Waiting>, Option<Evaluation>)>,
}

/// What a group of decisions has changed so far, over the folded model.
struct Draft<'f> {
    fleet: &'f Fleet,
    now: Timestamp,
    rollouts: BTreeMap<RolloutId, (Rollout, Tally)>,
    executions: BTreeMap<(RolloutId, DeviceId), Execution>,
    /// Of rollouts that have given a permit in this group.
    recent: BTreeMap<RolloutId, Recent>,
    decided: Decided,
}

impl Fleet {
    /// Decides on every rollout and answers devices, in order.
    ///
    /// `now` is UTC milliseconds. Every rollout is stepped before anything is given.
    pub fn decide(&self, now: Timestamp, asks: &[Ask]) -> Decided {
        let now = now.max(self.clock);
        let mut draft = Draft {
            fleet: self,
            now,
            rollouts: BTreeMap::new(),
            executions: BTreeMap::new(),
            recent: BTreeMap::new(),
            decided: Decided::default(),
        };
        for id in &self.order {
            draft.step(*id);
        }
        for ask in asks {
            let answer = draft.answer(ask);
            draft.decided.answers.push(answer);
        }
        draft.decided
    }

    /// After a halt, if the plan says so: the rollout that takes devices back, drafted and started
    /// in the author's name. Its id follows from the halted one's, so it exists once per halt.
    fn way_back_on_halt(&self, step: &Step, now: Timestamp) -> (Vec<Entry>, Vec<Outgoing>) {
        let halted = &step.next;
        let wanted =
            halted.plan.on_halt == Installed::RollBack && step.effects.contains(&Effect::Halted);
        let Some(Ok((plan, _))) = wanted.then(|| self.rollback_plan_at(halted.id, now)) else {
            return (Vec::new(), Vec::new());
        };
        self.drafted_and_started(halted.way_back_id(), plan, &halted.author, now)
    }

    /// What a rollout would answer a check-in: nothing, an offer yet to be made (`Some(None)`), or
    /// the one that is open already, which needs no decision.
    pub fn standing_offer(
        &self,
        rollout: RolloutId,
        device: &Device,
        now: Timestamp,
    ) -> Option<Option<OfferMade>> {
        let running = self.rollouts.get(&rollout)?;
        self.candidate(running, device, now, |candidate| {
            if !running.rollout.could_admit(&candidate) {
                return None;
            }
            let terms = running.rollout.admit(&running.tally, &candidate).ok()?;
            Some(terms.repeated.then(|| offer_made(&running.rollout, &terms)))
        })?
    }

    /// Where a device of `home` connects.
    pub fn binding_of(&self, home: &Home) -> Binding {
        hosting::admissible(&Contract::default(), &home.id, &self.hosting).unwrap_or_else(|_| {
            Binding {
                generation: home.generation,
                home: home.id.clone(),
                endpoint: home.endpoint.clone(),
                services: Vec::new(),
                poll_secs: home.poll_secs,
            }
        })
    }

    /// Decides an operator's command.
    ///
    /// # Errors
    /// [`RegistryError`]: no such rollout, or its refusal.
    pub fn command(
        &self,
        id: RolloutId,
        commanded: &Commanded,
        now: Timestamp,
    ) -> Result<(Vec<Entry>, Vec<Outgoing>), RegistryError> {
        let now = now.max(self.clock);
        let running =
            self.rollouts.get(&id).ok_or_else(|| RegistryError::unknown("rollout", id))?;
        if let (Command::Resume, Some(back)) = (&commanded.command, running.superseded_by) {
            return Err(Refusal::TakenBack { by: format!("{back}") }.into());
        }
        let commanded = self.with_words(running, commanded)?;
        let input = self.informed(running, &commanded, now);
        let step = running.rollout.step(&input, now)?;
        if matches!(commanded.command, Command::Edit { .. })
            && !running.rollout.is_changed_by(&step)
        {
            return Ok((Vec::new(), Vec::new()));
        }
        let mut outbox: Vec<_> = outgoing(&step).collect();
        let state = step.next.state_hash();
        let mut entries = vec![Entry::Stepped { rollout: id, input: Box::new(input), state }];
        let (back, effects) = self.way_back_on_halt(&step, now);
        entries.extend(back);
        outbox.extend(effects);
        if commanded.command == Command::Start {
            let (halted, effects) = self.halt_taken_back(&running.rollout, &commanded.by, now);
            entries.extend(halted);
            outbox.extend(effects);
        }
        Ok((entries, outbox))
    }

    /// What a rollout that begins takes back gives nothing more: it is halted in the same
    /// transaction, so that it neither climbs nor completes beside its own way back.
    fn halt_taken_back(
        &self,
        back: &Rollout,
        by: &Principal,
        now: Timestamp,
    ) -> (Vec<Entry>, Vec<Outgoing>) {
        let Membership::StillRunning { rollout } = back.plan.members else {
            return (Vec::new(), Vec::new());
        };
        let reason = format!("taken back by rollout {}", back.id);
        let command = Command::Halt { reason };
        let input = Input::Command(Commanded { by: by.clone(), command });
        // One that has ended needs no halt.
        let going = self.rollouts.get(&rollout).filter(|known| !known.rollout.phase.is_over());
        let Some(Ok(step)) = going.map(|known| known.rollout.step(&input, now)) else {
            return (Vec::new(), Vec::new());
        };
        let state = step.next.state_hash();
        let outbox = outgoing(&step).collect();
        (vec![Entry::Stepped { rollout, input: Box::new(input), state }], outbox)
    }

    /// Why a device is or is not offered what a rollout installs: the very decision.
    pub fn admission(
        &self,
        rollout: RolloutId,
        device: &DeviceId,
        now: Timestamp,
    ) -> Option<Result<u32, Ineligible>> {
        let running = self.rollouts.get(&rollout)?;
        let device = self.devices.get(device)?;
        self.candidate(running, device, now, |candidate| {
            let terms = running.rollout.admit(&running.tally, &candidate)?;
            match self.newer_first(rollout, device, now) {
                Some(newer) => Err(Ineligible::NewerFirst(newer)),
                None => Ok(terms.attempt),
            }
        })
    }
}

impl Draft<'_> {
    fn step(&mut self, id: RolloutId) {
        let Some(running) = self.fleet.rollouts.get(&id) else { return };
        let input = Input::Observed(self.fleet.observation(running));
        // Observations are never refused.
        let Ok(step) = running.rollout.step(&input, self.now) else { return };
        let (input, step) = self.past_review(&running.rollout, input, step);
        let waiting = self.waiting(running, &step);
        self.decided.seen.push((id, waiting, step.evaluation.clone()));
        if running.rollout.is_changed_by(&step) {
            self.decided.entries.push(Entry::Stepped {
                rollout: id,
                input: Box::new(input),
                state: step.next.state_hash(),
            });
            self.decided.outbox.extend(outgoing(&step));
            let (back, effects) = self.fleet.way_back_on_halt(&step, self.now);
            self.decided.entries.extend(back);
            self.decided.outbox.extend(effects);
        }
        self.rollouts.insert(id, (step.next, running.tally.clone()));
    }

    /// What it waits for. Times at which nothing is given come before a rate, which saves nothing
    /// up in them.
    fn waiting(&self, running: &Running, step: &Step) -> Option<Waiting> {
        let (next, tally, now) = (&step.next, &running.tally, self.now);
        match &step.waiting {
            Some(Waiting::Stopped { .. }) => step.waiting.clone(),
            said => next
                .frozen_wait(&self.fleet.calendar(running), now)
                .or_else(|| next.pacing_wait(tally))
                .or_else(|| next.window_wait(running.first_opening, now))
                .or_else(|| next.rate_wait(tally, &running.recent, now))
                .or_else(|| said.clone()),
        }
    }

    /// If the gates change nothing, what is due because nobody has reviewed a pause.
    fn past_review(&self, rollout: &Rollout, input: Input, step: Step) -> (Input, Step) {
        let due = rollout.overdue(self.now).filter(|_| !rollout.is_changed_by(&step));
        let Some(late) = due.map(Input::Overdue) else { return (input, step) };
        match rollout.step(&late, self.now) {
            Ok(next) => (late, Step { evaluation: step.evaluation, ..next }),
            Err(_) => (input, step),
        }
    }

    fn answer(&mut self, ask: &Ask) -> Answer {
        match ask {
            Ask::Offer { device } => Answer::Offer(self.offer(device).map(Box::new)),
            Ask::Begin { device, rollout, attempt, digest } => {
                Answer::Begin(self.begin(device, *rollout, *attempt, *digest))
            }
        }
    }

    /// The newest rollout that admits the device offers.
    fn offer(&mut self, device: &DeviceId) -> Option<OfferMade> {
        let mut order = self.fleet.order.clone();
        order.reverse();
        order.into_iter().find_map(|rollout| self.offer_in(rollout, device))
    }

    fn offer_in(&mut self, id: RolloutId, device: &DeviceId) -> Option<OfferMade> {
        if self.is_at_work_elsewhere(id, device) {
            return None;
        }
        let (rollout, tally) = self.rollouts.get(&id)?;
        let key = (id, device.clone());
        let pending = self.executions.get(&key);
        let made = self.with_candidate(id, device, pending, |candidate| {
            let terms = rollout.admit(tally, candidate).ok()?;
            Some((terms.repeated, offer_made(rollout, &terms)))
        });
        let (repeated, made) = made??;
        if !repeated {
            let lease_until = self.now.after(made.lease);
            let image = made.artifact.image;
            let execution = Execution::offered(made.attempt, image, lease_until);
            self.decided.entries.push(Entry::Offered {
                rollout: id,
                device: device.clone(),
                attempt: made.attempt,
                image,
                lease_until,
            });
            self.put(key, execution);
        }
        Some(made)
    }

    /// Whether this very group has let the device begin something in another rollout.
    //= design 4.1: one open execution per device
    fn is_at_work_elsewhere(&self, id: RolloutId, device: &DeviceId) -> bool {
        self.executions.iter().any(|((rollout, who), execution)| {
            *rollout != id && who == device && execution.is_open()
        })
    }

    fn put(&mut self, key: (RolloutId, DeviceId), after: Execution) {
        let before = self.execution(&key).cloned();
        if let Some((_, tally)) = self.rollouts.get_mut(&key.0) {
            tally.replace(before.as_ref(), Some(&after));
        }
        self.executions.insert(key, after);
    }

    fn execution(&self, key: &(RolloutId, DeviceId)) -> Option<&Execution> {
        self.executions.get(key).or_else(|| self.fleet.rollouts.get(&key.0)?.executions.get(&key.1))
    }

    fn begin(
        &mut self,
        device: &DeviceId,
        id: RolloutId,
        attempt: u32,
        digest: Digest,
    ) -> Result<Reply, BeginError> {
        let key = (id, device.clone());
        let missing = BeginError::NoExecution { device: device.clone(), rollout: id };
        let execution = self.execution(&key).cloned().ok_or(missing.clone())?;
        if execution.attempt != attempt {
            return Ok(Reply::Stop("another_attempt"));
        }
        if self.is_at_work_elsewhere(id, device) {
            return Ok(Reply::Stop("busy"));
        }
        if execution.image != digest {
            let offered = execution.image;
            return Err(BeginError::OtherImage { device: device.clone(), offered, found: digest });
        }
        let (rollout, tally) = self.rollouts.get(&id).ok_or(missing.clone())?;
        let service = self.fleet.availability.at(self.now);
        let usual = self.fleet.usual;
        let pending = self.executions.get(&key);
        let permit = self.with_candidate(id, device, pending, |candidate| {
            rollout.permit(tally, candidate, &execution, service, usual)
        });
        let confirm_window = rollout.plan.silence.confirm_window;
        let horizon = rollout.plan.horizon(usual);
        Ok(match permit.ok_or(missing)? {
            Permit::Again => Reply::Yes { confirm_window },
            Permit::Stop(why) => Reply::Stop(why),
            Permit::Wait(patience) => {
                self.hold(key, execution, service.after(horizon), horizon);
                Reply::Wait(patience)
            }
            Permit::Grant(exposure) => {
                let (rollout, device) = key.clone();
                self.decided.entries.push(Entry::Permitted { rollout, device, exposure });
                self.note_permit(id, execution.state, exposure);
                let mut permitted = execution;
                permitted.permit(exposure);
                self.put(key, permitted);
                Reply::Yes { confirm_window }
            }
        })
    }

    fn with_candidate<T>(
        &self,
        rollout: RolloutId,
        device: &DeviceId,
        pending: Option<&Execution>,
        judge: impl FnOnce(&Candidate<'_>) -> T,
    ) -> Option<T> {
        let running = self.fleet.rollouts.get(&rollout)?;
        let recent = self.recent.get(&rollout).unwrap_or(&running.recent);
        let device = self.fleet.devices.get(device)?;
        self.fleet.candidate(running, device, self.now, |candidate| {
            let execution = pending.or(candidate.execution);
            judge(&Candidate { execution, recent, ..candidate })
        })
    }

    /// What the next permit of this group is held against.
    fn note_permit(&mut self, rollout: RolloutId, before: State, exposure: Exposure) {
        let Some(running) = self.fleet.rollouts.get(&rollout) else { return };
        if before != State::Interrupted {
            let recent = self.recent.entry(rollout).or_insert_with(|| running.recent.clone());
            recent.note(exposure.at);
        }
    }

    /// The horizon of a device that came back stands still while we refuse its permit.
    //= gates §2: H stands still while we refuse that permit
    fn hold(
        &mut self,
        key: (RolloutId, DeviceId),
        mut execution: Execution,
        deadline: crate::time::ServiceTime,
        horizon: Span,
    ) {
        let Some(exposure) = &mut execution.exposure else { return };
        // Written once per quarter of a horizon, not once per question.
        if deadline.0.saturating_sub(exposure.deadline.0) < horizon.0 / 4 {
            return;
        }
        exposure.deadline = deadline;
        let (rollout, device) = key.clone();
        self.decided.entries.push(Entry::Held { rollout, device, deadline });
        self.executions.insert(key, execution);
    }
}

fn offer_made(rollout: &Rollout, terms: &Terms) -> OfferMade {
    OfferMade {
        rollout: rollout.id,
        attempt: terms.attempt,
        artifact: terms.artifact.clone(),
        binding: terms.binding.clone(),
        lease: rollout.plan.pace.lease,
        opens: terms.opens,
    }
}
