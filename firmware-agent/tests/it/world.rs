//! One device in memory and a server of a few lines, under virtual time.

use crate::documents::{self, HARDWARE, Keys, NOW, PRODUCT};
use firmware_agent::agent::{Agent, Booted, Config, Input, Output};
use firmware_agent::backoff::Pace;
use firmware_agent::boot::State;
use firmware_agent::flash::{Board, Flash, Region, Slot};
use firmware_agent::health::{Fault, ResetCause};
use firmware_agent::host::image::{self, BEHAVIOR_END, CHIP_TEST, Conduct};
use firmware_agent::host::sim::{self, Boot, Factory, PowerCut, RamFlash};
use firmware_agent::record::{Order, Record};
use firmware_agent::text::Text;
use rollout_core::id::Digest;
use rollout_core::trust::sign::ManifestFields;
use rollout_core::wire::{
    Begin, BeginAnswer, Binding, CheckIn, CheckInAnswer, Event, ImageState, Leave, Offer, Reason,
    Report, ReportBatch, ReportsAnswer,
};
use std::collections::BTreeMap;

pub const ROLLOUT: &str = "0192f7a0-0000-7000-8000-000000000001";
const SLOT_BYTES: u32 = 256 * 1024;
const MOST_STEPS: usize = 20_000;

/// How the server answers, besides answering well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Well,
    Silent,
    Busy(u32),
}

/// What the body of an image download does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Honest,
    NeverEnds,
    FlippedBit(usize),
    OtherOffset,
    CutAt(usize),
}

/// An offer as the server makes it.
#[derive(Clone, Debug)]
pub struct Offered {
    pub rollout: String,
    pub attempt: u32,
    pub manifest: Vec<u8>,
    pub image: Vec<u8>,
}

/// A server of a few lines.
pub struct Server {
    pub offer: Option<Offered>,
    pub leave: Leave,
    pub window_secs: u32,
    pub stop: Option<String>,
    /// Whether an older answer that says stop arrives after the yes.
    pub stop_comes_late: bool,
    pub root: Option<Vec<u8>>,
    pub root_version: u32,
    pub reports: BTreeMap<u64, (Event, Option<Reason>, u32)>,
    pub mood: Mood,
    /// Mood towards an image on trial.
    pub trial_mood: Mood,
    /// From then on it answers well, in ms of the world's time.
    pub well_again_at: u64,
    /// How long the answer to a check-in of an image on trial takes, in ms.
    pub trial_delay: u64,
    /// Mood towards reports alone.
    pub report_mood: Mood,
    pub stream: Stream,
    pub requests: usize,
    pub lose: Option<usize>,
    pub begins: usize,
    pub begun: Vec<String>,
    pub time: u64,
    pub bytes_sent: usize,
    pub poison: Option<Event>,
    /// What is acknowledged, if not what was sent.
    pub acknowledges: Option<u64>,
    pub seen: Vec<Digest>,
}

/// A device, its server and the time.
pub struct World {
    pub keys: Keys,
    pub flash: RamFlash,
    pub server: Server,
    pub booted: Vec<(Digest, State)>,
    pub operations_at_boot: Vec<u64>,
    pub old: Vec<u8>,
    pub now: u64,
    pub cause: ResetCause,
    on_trial: bool,
}

impl World {
    pub fn new() -> Self {
        let keys = Keys::new(1);
        let old = documents::good_image("1.0.0");
        let mut flash = RamFlash::new(SLOT_BYTES, 42);
        flash.flash_image(Slot::A, &old).unwrap();
        let root = keys.root();
        let factory = Factory {
            root: &root,
            order: Order { epoch: 1, counter: 1 },
            image: Digest::of(&old),
            incarnation: 99,
        };
        sim::provision(&mut flash, &factory).unwrap();
        let server = Server {
            offer: None,
            leave: Leave::Yes,
            window_secs: 60,
            stop: None,
            stop_comes_late: false,
            root: None,
            root_version: 1,
            reports: BTreeMap::new(),
            mood: Mood::Well,
            trial_mood: Mood::Well,
            well_again_at: u64::MAX,
            trial_delay: 0,
            report_mood: Mood::Well,
            stream: Stream::Honest,
            requests: 0,
            lose: None,
            begins: 0,
            begun: Vec::new(),
            time: NOW,
            bytes_sent: 0,
            poison: None,
            acknowledges: None,
            seen: Vec::new(),
        };
        Self {
            keys,
            flash,
            server,
            booted: Vec::new(),
            operations_at_boot: Vec::new(),
            old,
            now: 0,
            cause: ResetCause::PowerOn,
            on_trial: false,
        }
    }

    /// A world in which `image` is offered.
    pub fn offering(image: &[u8], version: &str) -> Self {
        let mut world = Self::new();
        world.offer(image, &documents::fields(image, version, 2), 1);
        world
    }

    pub fn offer(&mut self, image: &[u8], fields: &ManifestFields, attempt: u32) {
        self.server.offer = Some(Offered {
            rollout: ROLLOUT.to_owned(),
            attempt,
            manifest: self.keys.manifest(fields),
            image: image.to_vec(),
        });
    }

    pub fn events(&self) -> Vec<(Event, Option<Reason>)> {
        let news = |event: &Event| *event != Event::Downloading;
        let reports = self.server.reports.values().map(|(event, reason, _)| (*event, *reason));
        reports.filter(|(event, _)| news(event)).collect()
    }

    pub fn has(&self, event: Event) -> bool {
        self.events().iter().any(|(known, _)| *known == event)
    }

    pub fn count(&self, event: Event) -> usize {
        self.events().iter().filter(|(known, _)| *known == event).count()
    }

    pub fn running(&self) -> Digest {
        self.booted.last().unwrap().0
    }

    pub fn record(&mut self) -> Record {
        self.flash.power_on();
        firmware_agent::cell::load(&mut self.flash).unwrap().unwrap()
    }

    /// Power fails and comes back before the next step.
    pub fn pull_the_plug(&mut self) {
        self.cause = ResetCause::PowerOn;
    }

    /// Lives until `done`, or fails the test after very many steps. Then the power fails: the
    /// next call starts with a boot.
    pub fn run_until(&mut self, done: impl Fn(&Self) -> bool) {
        let mut steps = 0;
        while !done(self) {
            self.flash.power_on();
            self.life(&done, &mut steps);
            assert!(steps < MOST_STEPS, "nothing more happens: {:?}", self.events());
        }
    }

    /// Lives for a while of virtual time and ends with the power being cut.
    pub fn run_for(&mut self, ms: u64) {
        let end = self.now + ms;
        self.run_until(|world| world.now >= end);
        self.pull_the_plug();
    }

    fn life(&mut self, done: &impl Fn(&Self) -> bool, steps: &mut usize) {
        *steps += 1;
        let cause = std::mem::replace(&mut self.cause, ResetCause::PowerOn);
        let Ok(boot) = sim::boot(&mut self.flash) else { return };
        let boot = boot.expect("a device always boots");
        self.booted.push((boot.digest, boot.state));
        self.operations_at_boot.push(self.flash.operations());
        self.on_trial = boot.state != State::Valid;
        let booted = Booted { slot: boot.slot, digest: boot.digest, cause };
        let start = self.now;
        let Ok(mut agent) = Agent::start(config(), booted, 0, &mut self.flash) else { return };
        while !done(self) {
            *steps += 1;
            if *steps >= MOST_STEPS {
                return;
            }
            let now = self.now - start;
            match self.step(&mut agent, &boot, now) {
                Ok(None) => self.now += 1,
                Ok(Some(cause)) => {
                    self.cause = cause;
                    return;
                }
                Err(PowerCut) => return,
            }
        }
    }

    fn step(
        &mut self,
        agent: &mut Agent,
        boot: &Boot,
        now: u64,
    ) -> Result<Option<ResetCause>, PowerCut> {
        match agent.next(now, &mut self.flash)? {
            Output::Reboot => return Ok(Some(ResetCause::Software)),
            Output::WaitUntil(until) => self.now += until.saturating_sub(now).max(1),
            Output::RunSelfTest => {
                let mut head = [0; BEHAVIOR_END];
                self.flash.read(Region::Slot(boot.slot), 0, &mut head)?;
                let result = match image::behavior(&head).unwrap_or_default().conduct(0) {
                    Conduct::Works => Ok(()),
                    Conduct::Fails => Err(Fault::SelfTest),
                    Conduct::Crashes => return Ok(Some(ResetCause::Crash)),
                    Conduct::GoesDark => return Ok(Some(ResetCause::Watchdog)),
                };
                agent.handle(Input::SelfTest(result), now, &mut self.flash)?;
            }
            Output::Download { from, to } => self.download(agent, from, to, now)?,
            Output::Receive => agent.handle(Input::DownloadEnded, now, &mut self.flash)?,
            Output::CheckIn => self.check_in(agent, now)?,
            Output::Begin => {
                let body = serde_json::to_vec(&agent.begin().unwrap()).unwrap();
                self.exchange(agent, now, |server, agent, flash| {
                    server.begin(&body, agent, now, flash)
                })?;
                if self.server.stop_comes_late {
                    self.server.stop = Some(ROLLOUT.to_owned());
                    self.check_in(agent, now)?;
                    self.server.stop = None;
                }
            }
            Output::SendReports if self.server.report_mood != Mood::Well => {
                agent.handle(Input::TransportFailed, now, &mut self.flash)?;
            }
            Output::SendReports => {
                let body = serde_json::to_vec(&agent.reports()).unwrap();
                self.exchange(agent, now, |server, agent, flash| {
                    server.take_reports(&body, agent, now, flash)
                })?;
            }
        }
        Ok(None)
    }

    fn check_in(&mut self, agent: &mut Agent, now: u64) -> Result<(), PowerCut> {
        let (fuse, bytes) = (self.flash.secure_version(), self.flash.slot_bytes());
        let body = serde_json::to_vec(&agent.check_in(&[("site", "a")], fuse, bytes)).unwrap();
        let delay = if self.on_trial { self.server.trial_delay } else { 0 };
        self.now += delay;
        let now = now + delay;
        self.exchange(agent, now, |server, agent, flash| server.check_in(&body, agent, now, flash))
    }

    /// A request; its reply may get lost after the server has done its part.
    fn exchange(
        &mut self,
        agent: &mut Agent,
        now: u64,
        answer: impl FnOnce(&mut Server, Option<&mut Agent>, &mut RamFlash) -> Result<(), PowerCut>,
    ) -> Result<(), PowerCut> {
        let mood = if self.on_trial { self.server.trial_mood } else { self.server.mood };
        let mood = if self.now >= self.server.well_again_at { Mood::Well } else { mood };
        self.server.requests += 1;
        match mood {
            Mood::Silent => agent.handle(Input::TransportFailed, now, &mut self.flash),
            Mood::Busy(retry_after_secs) => {
                agent.handle(Input::Busy { retry_after_secs }, now, &mut self.flash)
            }
            Mood::Well if self.server.lose == Some(self.server.requests) => {
                answer(&mut self.server, None, &mut self.flash)?;
                agent.handle(Input::TransportFailed, now, &mut self.flash)
            }
            Mood::Well => answer(&mut self.server, Some(agent), &mut self.flash),
        }
    }

    fn download(
        &mut self,
        agent: &mut Agent,
        from: u32,
        to: u32,
        now: u64,
    ) -> Result<(), PowerCut> {
        assert!(agent.url().starts_with("/images/"));
        self.server.requests += 1;
        let mut body = self.server.offer.as_ref().unwrap().image[from as usize..].to_vec();
        let mut offset = from;
        match self.server.stream {
            Stream::Honest => body.truncate((to - from) as usize),
            Stream::NeverEnds => body.extend_from_slice(&[0xAA; 200_000]),
            Stream::FlippedBit(at) if (from as usize..to as usize).contains(&at) => {
                body[at - from as usize] ^= 1;
            }
            Stream::FlippedBit(_) => {}
            Stream::OtherOffset => offset += 16,
            Stream::CutAt(at) => body.truncate(at.saturating_sub(from as usize)),
        }
        let lost = self.server.lose == Some(self.server.requests);
        let length = if lost { body.len() / 2 } else { body.len() };
        for bytes in body[..length].chunks(1_000) {
            agent.handle(Input::Chunk { offset, bytes }, now, &mut self.flash)?;
            self.server.bytes_sent += bytes.len();
            offset += bytes.len() as u32;
            if agent.next(now, &mut self.flash)? != Output::Receive {
                return Ok(());
            }
        }
        let end = if lost { Input::TransportFailed } else { Input::DownloadEnded };
        agent.handle(end, now, &mut self.flash)
    }
}

impl Server {
    fn check_in(
        &mut self,
        body: &[u8],
        agent: Option<&mut Agent>,
        now: u64,
        flash: &mut RamFlash,
    ) -> Result<(), PowerCut> {
        let check_in: CheckIn<'_, BTreeMap<String, String>> = serde_json::from_slice(body).unwrap();
        assert_eq!((check_in.device, check_in.incarnation), ("dev-0001", 99));
        self.seen.push(check_in.running.digest.into());
        let on_trial = check_in.running.state == ImageState::PendingVerify;
        let root = self.root.as_ref().filter(|_| check_in.root_version < self.root_version);
        let (root, manifest) = (
            root.map(|root| documents::base64(root)),
            self.offer.as_ref().map(|offer| documents::base64(&offer.manifest)),
        );
        let offer = self.offer.as_ref().filter(|_| !on_trial).zip(manifest.as_ref()).map(
            |(offer, manifest)| Offer {
                rollout: &offer.rollout,
                attempt: offer.attempt,
                manifest,
                url: "/images/x?signature=y",
                lease_secs: 600,
            },
        );
        let answer = CheckInAnswer {
            v: 1,
            time: self.time,
            poll_secs: 10,
            root_version: self.root_version,
            root: root.as_deref(),
            directive: None,
            binding: Binding { generation: 1, home: "main", endpoint: "http://home" },
            offer,
            stop: self.stop.as_deref(),
        };
        agent.map_or(Ok(()), |agent| agent.handle(Input::CheckIn(&answer), now, flash))
    }

    fn begin(
        &mut self,
        body: &[u8],
        agent: Option<&mut Agent>,
        now: u64,
        flash: &mut RamFlash,
    ) -> Result<(), PowerCut> {
        let begin: Begin<'_> = serde_json::from_slice(body).unwrap();
        let count = |event| self.reports.values().filter(|known| known.0 == event).count();
        assert!(count(Event::Downloaded) > 0, "asked before the download was reported");
        let ended = count(Event::Returned) + count(Event::Confirmed);
        assert!(count(Event::Booted) <= ended, "asked before the last trial was reported");
        self.begins += 1;
        self.begun.push(begin.rollout.to_owned());
        let answer = BeginAnswer {
            v: 1,
            answer: self.leave,
            reason: "",
            retry_secs: 5,
            confirm_window_secs: self.window_secs,
        };
        agent.map_or(Ok(()), |agent| agent.handle(Input::Begin(&answer), now, flash))
    }

    fn take_reports(
        &mut self,
        body: &[u8],
        agent: Option<&mut Agent>,
        now: u64,
        flash: &mut RamFlash,
    ) -> Result<(), PowerCut> {
        let batch: ReportBatch<'_, Vec<Report<'_>>> = serde_json::from_slice(body).unwrap();
        assert_eq!(batch.incarnation, 99);
        if batch.reports.iter().any(|report| Some(report.event) == self.poison) {
            return agent.map_or(Ok(()), |agent| agent.handle(Input::Declined, now, flash));
        }
        for report in &batch.reports {
            let fact = (report.event, report.reason, report.attempt);
            let known = self.reports.insert(report.sequence, fact);
            assert!(known.is_none_or(|known| known == fact), "one sequence, two reports");
        }
        let last = batch.reports.iter().map(|report| report.sequence).max().unwrap();
        let acknowledged = self.acknowledges.unwrap_or(last);
        let answer = ReportsAnswer { v: 1, acknowledged };
        agent.map_or(Ok(()), |agent| agent.handle(Input::Reports(answer), now, flash))
    }
}

fn config() -> Config {
    Config {
        device: Text::new("dev-0001").unwrap(),
        hardware: Text::new(HARDWARE).unwrap(),
        product: Text::new(PRODUCT).unwrap(),
        chip_id: CHIP_TEST,
        pace: Pace::default(),
        piece_bytes: 8 * 1024,
    }
}
