//! One rollout over a fleet in memory.

use crate::device::{Facts, RunningImage};
use crate::fleet::{Answer, Ask, EndCounts, Explanation, Fleet, Reply};
use crate::hosting::{Contract, Endpoint, Hosting};
use crate::id::{DeviceId, Digest, HardwareModel, IdError, Principal, RolloutId};
use crate::journal::{Entry, ReportRecord, Seq, Stored};
use crate::release::{Artifact, ComponentId, Lifecycle, Marks, Release};
use crate::rollout::{Command, Commanded, Plan, Rollout};
use crate::time::{Span, Timestamp};
use crate::version::{ReleaseCounter, SecureVersion};
use crate::wire::{Event, ImageState, Reason};
use alloc::{boxed::Box, collections::BTreeMap, format, string::String, sync::Arc, vec, vec::Vec};

/// How a modelled device takes an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conduct {
    /// Confirms it.
    Works,
    /// Fails its self-test and returns.
    Fails,
    /// Is never heard of again.
    GoesDark,
}

/// A rollout over modelled devices that check in once a minute.
pub struct Rehearsal {
    fleet: Fleet,
    journal: Vec<Stored>,
    now: Timestamp,
    rollout: RolloutId,
    devices: Vec<DeviceId>,
    dark: Vec<bool>,
    sequence: u64,
}

/// Modelled devices check in so often.
const USUAL: Span = Span::secs(60);

impl Rehearsal {
    /// A fleet of `devices` devices of `hardware`, and the plan's rollout, started.
    ///
    /// # Errors
    /// [`IdError`] if `hardware` is no hardware model.
    pub fn start(devices: usize, hardware: &str, plan: Plan) -> Result<Self, IdError> {
        let hardware = HardwareModel::new(hardware)?;
        let operator = Principal::new("rehearsal")?;
        let hosting = Hosting::single(Endpoint::new("http://127.0.0.1:1")?);
        let mut fleet = Fleet::new(hosting, USUAL);
        let release = release(&plan, &hardware, &operator);
        fleet.releases.insert(release.id.clone(), release);
        let mut rehearsal = Self {
            fleet,
            journal: Vec::new(),
            now: Timestamp(USUAL.0),
            rollout: RolloutId(uuid::Uuid::from_u128(1)),
            devices: Vec::new(),
            dark: vec![false; devices],
            sequence: 0,
        };
        for index in 0..devices {
            rehearsal.enroll(DeviceId::new(&format!("dev-{index:06}"))?, &hardware);
        }
        let rollout = rehearsal.rollout;
        rehearsal.write(Entry::Drafted { rollout, plan: Arc::new(plan), by: operator.clone() });
        let start = Commanded { by: operator, command: Command::Start };
        let started = rehearsal.fleet.command(rollout, &start, rehearsal.now);
        for entry in started.map(|(entries, _)| entries).unwrap_or_default() {
            rehearsal.write(entry);
        }
        Ok(rehearsal)
    }

    /// Lets minutes pass, at most so many, until the rollout is over. `conduct` says how the
    /// device of that index takes the image.
    pub fn run(&mut self, minutes: u64, conduct: impl Fn(usize) -> Conduct) -> EndCounts {
        for _ in 0..minutes {
            self.minute(&conduct);
            let running = self.fleet.rollouts.get(&self.rollout);
            if let Some(counts) = running.and_then(|running| running.at_end) {
                return counts;
            }
        }
        self.counts()
    }

    /// The rollout as it stands.
    pub fn rollout(&self) -> Option<&Rollout> {
        self.fleet.rollouts.get(&self.rollout).map(|running| &running.rollout)
    }

    /// Why the device of that index has the image, or has it not.
    pub fn explain(&self, index: usize) -> Option<Explanation> {
        self.fleet.explain(self.rollout, self.devices.get(index)?, self.now)
    }

    /// Everything that happened, to be folded again.
    pub fn journal(&self) -> &[Stored] {
        &self.journal
    }

    fn counts(&self) -> EndCounts {
        self.fleet.rollouts.get(&self.rollout).map(|r| r.counts()).unwrap_or_default()
    }

    fn write(&mut self, entry: Entry) {
        let seq = Seq(self.fleet.read_to.0 + 1);
        let stored = Stored { seq, at: self.now, entry };
        // An entry that was just made from this very model folds.
        if self.fleet.fold(&stored).is_ok() {
            self.journal.push(stored);
        }
    }

    fn enroll(&mut self, device: DeviceId, hardware: &HardwareModel) {
        let home = self.fleet.hosting.default_home().id.clone();
        let (token, hardware) = (Digest::of(device.as_str().as_bytes()), hardware.clone());
        self.devices.push(device.clone());
        let (id, enrollment) = (device.clone(), None);
        self.write(Entry::Enrolled {
            device: id,
            hardware,
            home,
            token,
            enrollment,
            attributes: BTreeMap::new(),
            by: None,
        });
        self.write(seen(device, Digest::of(b"before"), 0));
    }

    fn minute(&mut self, conduct: &impl Fn(usize) -> Conduct) {
        self.now = self.now.after(USUAL);
        self.write(Entry::Clock);
        self.fleet.refresh(self.now);
        self.decide(&[]);
        for index in 0..self.devices.len() {
            if !self.dark[index] {
                self.visit(index, conduct);
            }
        }
    }

    fn decide(&mut self, asks: &[Ask]) -> Vec<Answer> {
        let decided = self.fleet.decide(self.now, asks);
        for entry in decided.entries {
            self.write(entry);
        }
        decided.answers
    }

    /// A device checks in, downloads, asks, switches and takes the image as it will.
    fn visit(&mut self, index: usize, conduct: &impl Fn(usize) -> Conduct) {
        let device = self.devices[index].clone();
        self.fleet.touch(&device, self.now);
        // What is sure to be no offer needs no decision.
        if !matches!(self.fleet.admission(self.rollout, &device, self.now), Some(Ok(_))) {
            return;
        }
        let answers = self.decide(&[Ask::Offer { device: device.clone() }]);
        let Some(Answer::Offer(Some(offer))) = answers.into_iter().next() else { return };
        self.report(&device, offer.attempt, Event::Downloaded, None);
        let (rollout, digest) = (offer.rollout, offer.artifact.image);
        let begin = Ask::Begin { device: device.clone(), rollout, attempt: offer.attempt, digest };
        if !matches!(self.decide(&[begin]).first(), Some(Answer::Begin(Ok(Reply::Yes { .. })))) {
            return;
        }
        match conduct(index) {
            Conduct::Works => {
                self.write(seen(device.clone(), digest, offer.artifact.counter.0));
                self.report(&device, offer.attempt, Event::Confirmed, None);
            }
            Conduct::Fails => {
                self.report(&device, offer.attempt, Event::Returned, Some(Reason::SelfTest));
            }
            Conduct::GoesDark => self.dark[index] = true,
        }
    }

    fn report(&mut self, device: &DeviceId, attempt: u32, event: Event, reason: Option<Reason>) {
        self.sequence += 1;
        self.write(Entry::Reported(ReportRecord {
            device: device.clone(),
            incarnation: 1,
            sequence: self.sequence,
            rollout: self.rollout,
            attempt,
            event,
            reason,
            detail: None,
        }));
    }
}

fn release(plan: &Plan, hardware: &HardwareModel, by: &Principal) -> Release {
    let id = plan.target.release().clone();
    let artifact = Artifact {
        hardware: vec![hardware.clone()],
        component: ComponentId(0),
        image: Digest::of(format!("{id}").as_bytes()),
        length: 1,
        epoch: 1,
        counter: ReleaseCounter(1),
        min_from: ReleaseCounter(0),
        secure_version: SecureVersion(0),
        expires: u64::MAX,
        contract: Contract::default(),
        envelope: Vec::new(),
    };
    Release {
        id,
        counter: ReleaseCounter(1),
        lifecycle: Lifecycle::Published,
        artifacts: vec![artifact],
        way_back: None,
        from: None,
        by: by.clone(),
        at: Timestamp(0),
        notes: None,
        source: None,
        provenance: None,
        marks: Marks::default(),
        revision: Seq(0),
    }
}

fn seen(device: DeviceId, digest: Digest, counter: u64) -> Entry {
    let running = RunningImage {
        digest,
        version: String::from("1.0.0"),
        epoch: 1,
        counter: ReleaseCounter(counter),
        state: ImageState::Valid,
    };
    let facts = Facts {
        running,
        secure_version: SecureVersion(0),
        slot_bytes: 1 << 20,
        spare: None,
        root_version: 1,
        attributes: BTreeMap::new(),
    };
    Entry::Seen { device, facts: Box::new(facts) }
}
