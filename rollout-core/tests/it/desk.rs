//! A small fleet in memory: a journal, its fold, and devices moved by hand.

use rollout_core::cohort::Selector;
use rollout_core::device::{Execution, Facts, RunningImage};
use rollout_core::fleet::{Answer, Ask, Fleet, Reply};
use rollout_core::hosting::{Contract, Endpoint, Hosting};
use rollout_core::id::{DeviceId, Digest, HardwareModel, Principal, ProductId, RolloutId};
use rollout_core::journal::{Entry, ReportRecord, Seq, Stored};
use rollout_core::release::{
    Artifact, ComponentId, Lifecycle, Release, ReleaseId, Target, WayBack,
};
use rollout_core::rollout::{
    Command, Commanded, Ladder, Membership, Plan, PlanFields, Refusal, Rung, Silence,
};
use rollout_core::time::{Span, Timestamp};
use rollout_core::version::{ReleaseCounter, SecureVersion};
use rollout_core::wire::{Event, ImageState, Reason};
use std::collections::BTreeMap;

pub const USUAL: Span = Span::secs(60);
pub const HORIZON: Span = Span::secs(600);

pub struct Desk {
    pub fleet: Fleet,
    pub journal: Vec<Stored>,
    pub now: Timestamp,
    pub rollout: RolloutId,
    sequences: BTreeMap<DeviceId, u64>,
}

pub fn device(index: usize) -> DeviceId {
    DeviceId::new(&format!("dev-{index:04}")).expect("an id")
}

/// Where a device of the desk is: one of three regions.
fn region(device: &DeviceId) -> &'static str {
    ["eu", "us", "ap"][device.as_str().bytes().map(usize::from).sum::<usize>() % 3]
}

pub fn person(name: &str) -> Principal {
    Principal::new(name).expect("a name")
}

pub fn image(version: &str) -> Digest {
    Digest::of(version.as_bytes())
}

pub fn model() -> HardwareModel {
    HardwareModel::new("v980").expect("a model")
}

pub fn artifact(version: &str, counter: u64) -> Artifact {
    Artifact {
        hardware: vec![model()],
        component: ComponentId(0),
        image: image(version),
        length: 1000,
        epoch: 1,
        counter: ReleaseCounter(counter),
        min_from: ReleaseCounter(0),
        secure_version: SecureVersion(0),
        expires: 4_000_000_000,
        contract: Contract::default(),
        envelope: Vec::new(),
    }
}

pub fn release() -> Release {
    Release {
        id: ReleaseId {
            product: ProductId::new("vacuum").expect("a product"),
            version: semver::Version::new(1, 1, 0),
        },
        counter: ReleaseCounter(2),
        lifecycle: Lifecycle::Published,
        artifacts: vec![artifact("1.1.0", 2)],
        way_back: Some(WayBack {
            version: semver::Version::new(1, 0, 0),
            counter: ReleaseCounter(3),
            artifacts: vec![artifact("1.0.0", 3)],
        }),
        from: None,
        by: person("ci"),
        at: Timestamp(0),
        notes: None,
        source: None,
        provenance: None,
        marks: Default::default(),
        revision: Seq(0),
    }
}

pub fn fields(ladder: &[&str]) -> PlanFields {
    let members = Membership::Query(Selector::parse("model==v980").expect("a query"));
    let rungs = ladder.iter().filter_map(|rung| Rung::parse(rung)).collect();
    let ladder = Ladder::new(rungs).expect("a ladder");
    PlanFields {
        silence: Silence { intervals: 3, at_least: HORIZON, confirm_window: Span::secs(120) },
        ..PlanFields::new("test", Target::Release(release().id), members, ladder)
    }
}

pub fn base() -> Fleet {
    let endpoint = Endpoint::new("http://127.0.0.1:1").expect("an endpoint");
    let mut fleet = Fleet::new(Hosting::single(endpoint), USUAL);
    fleet.releases.insert(release().id, release());
    fleet
}

impl Desk {
    /// `devices` devices on 1.0.0 and a started rollout of 1.1.0.
    pub fn started(devices: usize, fields: PlanFields) -> Self {
        Self::started_on(devices, fields, |_| {})
    }

    /// The same after something was changed about what was published before.
    pub fn started_on(devices: usize, fields: PlanFields, change: impl FnOnce(&mut Fleet)) -> Self {
        let mut desk = Self {
            fleet: base(),
            journal: Vec::new(),
            now: Timestamp(1_000_000),
            rollout: RolloutId::parse("0192f7a0-0000-7000-8000-000000000001").expect("a UUID"),
            sequences: BTreeMap::new(),
        };
        change(&mut desk.fleet);
        for index in 0..devices {
            desk.enroll(&device(index));
        }
        let plan = Plan::check(fields).expect("a plan").into();
        desk.write(Entry::Drafted { rollout: desk.rollout, plan, by: person("author") });
        desk.command("ops", Command::Start).expect("a draft starts");
        desk.tick(Span::ZERO);
        desk
    }

    pub fn enroll(&mut self, device: &DeviceId) {
        let home = self.fleet.hosting.default_home().id.clone();
        self.write(Entry::Enrolled {
            device: device.clone(),
            hardware: model(),
            home,
            token: Digest::of(b"token"),
            enrollment: None,
            attributes: BTreeMap::from([("region".into(), region(device).into())]),
            by: None,
        });
        self.check_in(device, "1.0.0", 1);
    }

    /// The same fleet at the same moment, to try something on.
    pub fn copy(&self) -> Self {
        Self {
            fleet: self.fleet.clone(),
            journal: Vec::new(),
            now: self.now,
            rollout: self.rollout,
            sequences: self.sequences.clone(),
        }
    }

    pub fn write(&mut self, entry: Entry) {
        let seq = Seq(self.fleet.read_to.0 + 1);
        let stored = Stored { seq, at: self.now, entry };
        self.fleet.fold(&stored).expect("an entry that was just made folds");
        self.journal.push(stored);
    }

    pub fn command(&mut self, by: &str, command: Command) -> Result<(), Refusal> {
        let commanded = Commanded { by: person(by), command };
        match self.fleet.command(self.rollout, &commanded, self.now) {
            Ok((entries, _)) => {
                entries.into_iter().for_each(|entry| self.write(entry));
                Ok(())
            }
            Err(rollout_core::fleet::RegistryError::Refused(refusal)) => Err(refusal),
            Err(other) => panic!("{other}"),
        }
    }

    /// Time passes; rollouts are stepped until nothing changes any more.
    pub fn tick(&mut self, span: Span) {
        self.now = self.now.after(span);
        self.write(Entry::Clock);
        self.fleet.refresh(self.now);
        loop {
            let decided = self.fleet.decide(self.now, &[]);
            if decided.entries.is_empty() {
                return;
            }
            decided.entries.into_iter().for_each(|entry| self.write(entry));
            self.fleet.refresh(self.now);
        }
    }

    pub fn ask(&mut self, ask: Ask) -> (Answer, Vec<Entry>) {
        let decided = self.fleet.decide(self.now, &[ask]);
        for entry in decided.entries.clone() {
            self.write(entry);
        }
        (decided.answers.into_iter().next().expect("one answer"), decided.entries)
    }

    pub fn check_in(&mut self, device: &DeviceId, version: &str, counter: u64) {
        let facts = Facts {
            running: RunningImage {
                digest: image(version),
                version: version.into(),
                epoch: 1,
                counter: ReleaseCounter(counter),
                state: ImageState::Valid,
            },
            secure_version: SecureVersion(0),
            slot_bytes: 1 << 20,
            spare: None,
            root_version: 1,
            attributes: BTreeMap::new(),
        };
        self.write(Entry::Seen { device: device.clone(), facts: Box::new(facts) });
    }

    pub fn offer(&mut self, device: &DeviceId) -> bool {
        self.fleet.touch(device, self.now);
        let (answer, _) = self.ask(Ask::Offer { device: device.clone() });
        matches!(answer, Answer::Offer(Some(_)))
    }

    pub fn begin(&mut self, device: &DeviceId) -> Option<Reply> {
        let execution = self.fleet.rollouts[&self.rollout].executions.get(device)?;
        let (attempt, digest) = (execution.attempt, execution.image);
        let (rollout, device) = (self.rollout, device.clone());
        match self.ask(Ask::Begin { device, rollout, attempt, digest }).0 {
            Answer::Begin(reply) => reply.ok(),
            Answer::Offer(_) => None,
        }
    }

    /// Every device that has the image asks for its permit, all in one group.
    pub fn everybody_begins(&mut self, devices: usize) {
        for index in 0..devices {
            self.offer(&device(index));
            self.report(&device(index), Event::Downloaded, None);
        }
        let executions = &self.fleet.rollouts[&self.rollout].executions;
        let (rollout, digest) = (self.rollout, image("1.1.0"));
        let begin = |(device, execution): (&DeviceId, &Execution)| {
            let (device, attempt) = (device.clone(), execution.attempt);
            Ask::Begin { device, rollout, attempt, digest }
        };
        let asks: Vec<_> = executions.iter().map(begin).collect();
        for entry in self.fleet.decide(self.now, &asks).entries {
            self.write(entry);
        }
    }

    pub fn report(&mut self, device: &DeviceId, event: Event, reason: Option<Reason>) {
        let sequence = self.sequences.entry(device.clone()).or_default();
        *sequence += 1;
        let sequence = *sequence;
        self.report_as(device, sequence, event, reason);
    }

    pub fn report_as(
        &mut self,
        device: &DeviceId,
        sequence: u64,
        event: Event,
        reason: Option<Reason>,
    ) {
        let running = &self.fleet.rollouts[&self.rollout];
        let Some(execution) = running.executions.get(device) else { return };
        let report = ReportRecord {
            device: device.clone(),
            incarnation: 1,
            sequence,
            rollout: self.rollout,
            attempt: execution.attempt,
            event,
            reason,
            detail: None,
        };
        for entry in self.fleet.expose_unasked(vec![Entry::Reported(report)], self.now) {
            self.write(entry);
        }
    }

    /// A device goes the whole way: offer, download, permit, confirm. Says whether it got there.
    pub fn update(&mut self, device: &DeviceId) -> bool {
        if !self.offer(device) {
            return false;
        }
        self.report(device, Event::Downloaded, None);
        if !matches!(self.begin(device), Some(Reply::Yes { .. })) {
            return false;
        }
        // The check-in on trial is its round trip; it is never offered anything.
        assert!(!self.offer(device), "an offer to a device on trial");
        self.check_in(device, "1.1.0", 2);
        self.report(device, Event::Confirmed, None);
        true
    }

    /// Drafts the way back of the desk's rollout as the UUID `number`; commands are about it from
    /// then on. The one it takes back.
    pub fn draft_back(&mut self, number: u128) -> RolloutId {
        let (plan, _) = self.fleet.rollback_plan(self.rollout).expect("a way back");
        let (back, by) = (RolloutId(uuid::Uuid::from_u128(number)), person("ann"));
        self.write(Entry::Drafted { rollout: back, plan: plan.into(), by });
        core::mem::replace(&mut self.rollout, back)
    }

    pub fn phase(&self) -> &'static str {
        self.fleet.rollouts[&self.rollout].rollout.phase.name()
    }
}
