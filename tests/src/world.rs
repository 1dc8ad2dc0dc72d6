//! A whole system under virtual time: engine, routes, and devices with the agent of the boards.
//!
//! One seed draws everything: lost and delayed replies, requests that arrive twice, power cuts and
//! server restarts. Requests pass the real routes with real bodies, tokens and signed paths.
//! Invariant: at the moment a request is answered, what the answer rests on is in the journal
//! (promise 8), or the world panics. Not here: what is right at the end; see [`crate::judge`].

use crate::device::{Device, Reply, Request, Wish};
use crate::judge::Judge;
use crate::script::Script;
use crate::stage::{self, Built, Stage};
use axum::Router;
use axum::body::{self, Body};
use firmware_agent::agent::Output;
use firmware_agent::health::ResetCause;
use firmware_agent::host::image::Behavior;
use firmware_agent::host::sim::Random;
use rollout_core::fleet::{Fleet, Running};
use rollout_core::hosting::{Endpoint, Hosting};
use rollout_core::id::DeviceId;
use rollout_core::journal::{Seq, Stored};
use rollout_core::port::Store as _;
use rollout_core::rollout::{Command, PlanFields};
use rollout_core::time::{Span, Timestamp};
use rollout_core::wire::{Begin, BeginAnswer, EnrollAnswer, Leave, Report, ReportBatch};
use rollout_http::device_router;
use rollout_store::{Fault, FaultPlan, Faulty, FileImages, MemoryStore};
use rolloutd::clock::SetClock;
use rolloutd::engine::{Engine, Settings};
use std::collections::BTreeMap;
use std::sync::Arc;
use tower::ServiceExt as _;

/// When every world begins, ms since 1970.
pub const DAWN: u64 = 1_800_000_000_000;
/// How long a device waits for a reply that does not come, ms.
const TIMEOUT: u64 = 5_000;
/// Longest answer that is read.
const ANSWER_BYTES: usize = 1 << 20;

/// How often the server looks at its rollouts, ms.
const TICK: u64 = 10_000;
/// And how long it may do nothing until that is an outage.
const ABSENT_AFTER: Span = Span(2 * TICK);

/// The engine of a world.
pub type WorldEngine = Engine<Faulty<MemoryStore>, FileImages>;

enum Event {
    /// A device wakes, if it still lives that life.
    Wake { device: usize, life: u64 },
    /// Its self-test ends.
    Tested { device: usize, life: u64 },
    /// A reply arrives, or is given up.
    Answer { device: usize, life: u64, asked: Request, reply: Option<Reply> },
    /// A request arrives once more; nobody waits for the reply.
    Again { device: usize, asked: Request },
    /// Power is back.
    Boot { device: usize, cause: ResetCause },
    /// The server looks at its rollouts.
    Tick,
    /// The server comes back.
    Up,
}

/// What happened, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Happened {
    /// Requests the server has answered.
    pub requests: u64,
    /// Replies lost.
    pub lost: u64,
    /// Requests that arrived twice.
    pub twice: u64,
    /// Power cuts.
    pub cuts: u64,
    /// Times the server stopped.
    pub stops: u64,
    /// Answers that the server itself was not able to serve.
    pub unavailable: u64,
}

/// The world.
pub struct World {
    /// What it is like.
    pub script: Script,
    /// The image everyone has.
    pub factory: Built,
    /// The image of the rollout.
    pub next: Built,
    /// The devices.
    pub devices: Vec<Device>,
    /// The time, ms since 1970.
    pub now: u64,
    /// What happened.
    pub happened: Happened,
    store: MemoryStore,
    folder: tempfile::TempDir,
    clock: Arc<SetClock>,
    server: Option<(WorldEngine, Router)>,
    frozen: Option<(WorldEngine, Router)>,
    judge: Judge,
    faults: FaultPlan,
    enrollment: String,
    random: Random,
    events: BTreeMap<(u64, u64), Event>,
    order: u64,
}

impl World {
    /// Everything is prepared and the devices are on; the rollout is a draft.
    pub async fn new(script: Script) -> Self {
        let fields = |built: &Built| stage::plan(built, script.ladder, script.silence());
        Self::with_plan(script.clone(), fields).await
    }

    /// The same with a plan of one's own.
    pub async fn with_plan(script: Script, plan: impl FnOnce(&Built) -> PlanFields) -> Self {
        let stage = Stage::new(script.seed, Timestamp(DAWN));
        let factory = stage.build(0, Behavior::default());
        let next = stage.build(1, script.behavior);
        let devices = (0..script.devices)
            .map(|index| Device::new(index, &stage, &factory, script.seed))
            .collect();
        let mut world = Self {
            random: Random::new(script.seed),
            factory,
            next,
            devices,
            now: DAWN,
            happened: Happened::default(),
            store: MemoryStore::new(),
            folder: tempfile::tempdir().expect("a folder"),
            clock: Arc::new(SetClock::at(Timestamp(DAWN))),
            server: None,
            frozen: None,
            judge: Judge::new(&empty(script.poll)),
            faults: FaultPlan::off(),
            enrollment: String::new(),
            events: BTreeMap::new(),
            order: 0,
            script,
        };
        world.start_server().await;
        let engine = world.engine().clone();
        world.judge = engine.read(Judge::new);
        stage.publish(&engine, &[&world.factory, &world.next]).await;
        world.enrollment = stage::open_enrollment(&engine, world.devices.len() as u64).await;
        stage::draft(&engine, plan(&world.next)).await;
        for device in 0..world.devices.len() {
            let at = world.now + world.random.next() % world.script.poll.0;
            world.at(at, Event::Boot { device, cause: ResetCause::PowerOn });
        }
        world.at(world.now + TICK, Event::Tick);
        world
    }

    /// The same, with every device known and the rollout started.
    pub async fn started(script: Script) -> Self {
        let mut world = Self::new(script).await;
        world.start().await;
        world
    }

    /// Waits until every device is known, and starts the rollout.
    pub async fn start(&mut self) {
        let wanted = self.devices.len();
        let there = |world: &Self| {
            let known =
                |fleet: &Fleet| fleet.devices.values().filter(|d| d.facts.is_some()).count();
            world.is_up() && world.engine().read(known) == wanted
        };
        self.run_until(Span::hours(6), there).await.expect("the fleet comes up");
        let engine = self.engine().clone();
        stage::command(&engine, "ops", Command::Start).await.expect("a draft starts");
        self.faults = self.script.faults.clone();
        engine.store().set_plan(self.faults.clone());
    }

    /// The engine, which must be up.
    pub fn engine(&self) -> &WorldEngine {
        &self.server.as_ref().expect("the server is up").0
    }

    /// Whether the server is up.
    pub fn is_up(&self) -> bool {
        self.server.is_some()
    }

    /// Reads the rollout; the server must be up.
    pub fn rollout<T>(&self, read: impl FnOnce(&Running) -> T) -> T {
        self.engine().read(|fleet| read(&fleet.rollouts[&stage::rollout()]))
    }

    /// Whether the rollout is in that phase; never while the server is down.
    pub fn is_in(&self, phase: &str) -> bool {
        self.is_up() && self.rollout(|running| running.rollout.phase.name() == phase)
    }

    /// The whole journal.
    pub async fn journal(&self) -> Vec<Stored> {
        self.store.read(Seq(0), usize::MAX).await.expect("memory does not fail")
    }

    /// Devices that have an image on trial.
    pub fn on_trial(&self) -> usize {
        self.devices.iter().filter(|device| device.is_on_trial()).count()
    }

    fn at(&mut self, at: u64, event: Event) {
        self.order += 1;
        self.events.insert((at.max(self.now), self.order), event);
    }

    /// Lets things happen until `done`.
    ///
    /// # Errors
    /// What the rollout waits for, if it takes longer than `limit` of the world's time.
    pub async fn run_until(
        &mut self,
        limit: Span,
        done: impl Fn(&Self) -> bool,
    ) -> Result<(), String> {
        let end = self.now + limit.0;
        while !done(self) {
            let next = self.events.first_entry().ok_or("nothing more happens")?;
            let (at, _) = *next.key();
            if at > end {
                return Err(self.state());
            }
            let event = next.remove();
            self.now = at;
            self.clock.set(Timestamp(at));
            self.happen(event).await;
        }
        Ok(())
    }

    /// Lets `span` pass.
    pub async fn run_for(&mut self, span: Span) {
        let end = self.now + span.0;
        let over = self.run_until(span, |world| world.now >= end).await;
        // Ticks never end, so the end is reached by an event at it or behind it.
        drop(over);
        self.now = end;
        self.clock.set(Timestamp(end));
    }

    fn state(&self) -> String {
        if !self.is_up() {
            return format!("the server is down; {:?}", self.happened);
        }
        let (phase, waiting, counts) = self.rollout(|running| {
            (running.rollout.phase.name(), running.waiting.clone(), running.counts())
        });
        format!("{phase}, waits for {waiting:?}, {counts:?}; {:?}", self.happened)
    }

    async fn happen(&mut self, event: Event) {
        match event {
            Event::Wake { device, life } if self.devices[device].life == life => {
                if let Some(wish) = self.devices[device].go_on(self.now) {
                    self.grant(device, wish).await;
                }
            }
            Event::Tested { device, life } if self.devices[device].life == life => {
                let wish = self.devices[device].self_test(self.now);
                self.grant(device, wish).await;
            }
            Event::Answer { device, life, asked, reply } if self.devices[device].life == life => {
                self.answered(device, &asked, reply.as_ref()).await;
            }
            Event::Wake { .. } | Event::Tested { .. } | Event::Answer { .. } => {}
            Event::Again { device, asked } => drop(self.exchange(device, &asked).await),
            Event::Boot { device, cause } => {
                let wish = self.devices[device].boot(cause, self.now);
                self.grant(device, wish).await;
            }
            Event::Tick => self.tick().await,
            Event::Up => match self.frozen.take() {
                Some(server) => self.server = Some(server),
                None => self.start_server().await,
            },
        }
    }

    /// Does what a device wishes.
    async fn grant(&mut self, device: usize, wish: Wish) {
        let life = self.devices[device].life;
        match wish {
            Wish::Wake(at) => self.at(at, Event::Wake { device, life }),
            Wish::SelfTest => {
                self.at(self.now + self.script.self_test, Event::Tested { device, life });
            }
            Wish::Reset(cause) => self.at(self.now + 1_000, Event::Boot { device, cause }),
            Wish::PowerCut => {
                self.happened.cuts += 1;
                self.devices[device].power_off();
                let at = self.now + 1_000 + self.random.next() % 60_000;
                self.at(at, Event::Boot { device, cause: ResetCause::PowerOn });
            }
            Wish::Dark => self.devices[device].power_off(),
            Wish::Send(asked) => self.send(device, asked).await,
        }
    }

    async fn answered(&mut self, device: usize, asked: &Request, reply: Option<&Reply>) {
        if let Request::Enroll = asked {
            let token = reply.filter(|reply| reply.status == 201).map(|reply| {
                let answer: EnrollAnswer = serde_json::from_slice(&reply.body).expect("an answer");
                answer.token.to_owned()
            });
            let wait = if token.is_some() { 0 } else { 10_000 };
            self.devices[device].token = token;
            return self.grant(device, Wish::Wake(self.now + wait)).await;
        }
        let wish = self.devices[device].answered(asked, reply, self.now);
        self.grant(device, wish).await;
    }

    /// Carries a request to the server and its reply back, or loses one of them.
    async fn send(&mut self, device: usize, asked: Request) {
        let life = self.devices[device].life;
        // Enrollment is spared: whoever enrolls last has the token.
        if self.random.happens(self.script.twice) && !matches!(asked, Request::Enroll) {
            self.happened.twice += 1;
            let at = self.now + self.random.next() % 60_000;
            self.at(at, Event::Again { device, asked: asked.clone() });
        }
        let reply = self.exchange(device, &asked).await;
        let lost = self.random.happens(self.script.loss);
        self.happened.lost += u64::from(lost);
        let reply = reply.filter(|_| !lost);
        let wait = match &reply {
            Some(_) => 20 + self.random.next() % self.script.delay.max(1),
            None => TIMEOUT,
        };
        self.at(self.now + wait, Event::Answer { device, life, asked, reply });
    }

    async fn tick(&mut self) {
        self.at(self.now + TICK, Event::Tick);
        if self.random.happens(self.script.cuts) {
            let device = (self.random.next() % self.devices.len() as u64) as usize;
            let writes = self.random.next() % 4;
            if writes == 0 {
                self.grant(device, Wish::PowerCut).await;
            } else {
                self.devices[device].cut_power_after(writes);
            }
        }
        if self.is_up() && self.random.happens(self.script.restarts) {
            let away = Span(1_000 + self.random.next() % 120_000);
            self.stop_server(away);
        }
        let Some((engine, _)) = &self.server else { return };
        // A store that fails now and then may fail here too; the next tick comes.
        let _ = engine.store().beat(Timestamp(self.now)).await;
        let _ = engine.tick().await;
    }

    /// The server stands still, as a stopped process or a sleeping machine does, and goes on as
    /// if nothing had been after `away`.
    pub fn freeze_server(&mut self, away: Span) {
        self.frozen = self.server.take();
        self.at(self.now + away.0, Event::Up);
    }

    /// Each call of the store that can meet `fault` meets it from here on; without one, none does.
    pub fn let_the_store_fail_by(&mut self, fault: Option<Fault>) {
        let always =
            |fault| FaultPlan { seed: 1, one_in: 1, budget: u32::MAX, faults: vec![fault] };
        self.faults = fault.map_or(FaultPlan::off(), always);
        self.engine().store().set_plan(self.faults.clone());
    }

    /// The server is gone, without a word, and comes back after `away`.
    pub fn stop_server(&mut self, away: Span) {
        self.happened.stops += 1;
        self.server = None;
        self.at(self.now + away.0, Event::Up);
    }

    async fn start_server(&mut self) {
        let settings = Settings {
            poll: self.script.poll,
            // The world ticks and beats by its own time.
            tick: Span::hours(1_000_000),
            beat: Span::hours(1_000_000),
            absent_after: ABSENT_AFTER,
            ..Settings::default()
        };
        // An engine that cannot read its journal does not start; its faults come later.
        let store = Faulty::new(self.store.clone(), FaultPlan::off());
        let images = FileImages::open(self.folder.path()).expect("a folder");
        let clock = Arc::clone(&self.clock);
        let engine = Engine::start(store, images, clock, settings, [7; 32]).await;
        let engine = engine.expect("an engine starts over every journal");
        engine.store().set_plan(self.faults.clone());
        let router = device_router(engine.clone());
        self.server = Some((engine, router));
    }

    /// The server's part of a request.
    async fn exchange(&mut self, device: usize, asked: &Request) -> Option<Reply> {
        let router = self.server.as_ref()?.1.clone();
        let request = self.http(device, asked);
        let response = router.oneshot(request).await.expect("infallible");
        let (parts, body) = response.into_parts();
        let number = |name: &str, until: char| {
            let text = parts.headers.get(name)?.to_str().ok()?;
            let text = text.trim_start_matches("bytes ");
            text.split(until).next()?.parse().ok()
        };
        let retry_after = number("retry-after", ' ');
        let offset = number("content-range", '-').unwrap_or(0);
        let body = body::to_bytes(body, ANSWER_BYTES).await.expect("a whole body").to_vec();
        let reply = Reply { status: parts.status.as_u16(), retry_after, offset, body };
        self.happened.requests += 1;
        self.happened.unavailable += u64::from(reply.status >= 500);
        self.check_answer(asked, &reply).await;
        Some(reply)
    }

    fn http(&self, device: usize, asked: &Request) -> axum::http::Request<Body> {
        let device = &self.devices[device];
        let token = device.token.as_deref().unwrap_or(&self.enrollment);
        let builder = axum::http::Request::builder();
        let request = match asked {
            Request::Enroll => {
                let hardware = stage::MODEL;
                let body = format!(r#"{{"v":1,"device":"{}","hardware":"{hardware}"}}"#, device.id);
                let builder = builder.method("POST").uri("/device/v1/enroll");
                builder
                    .header("authorization", format!("Bearer {}", self.enrollment))
                    .body(body.into())
            }
            Request::Post(_, path, body) => {
                let builder = builder.method("POST").uri(*path);
                builder.header("authorization", format!("Bearer {token}")).body(body.clone().into())
            }
            Request::Get(path, from, to) => {
                let range = format!("bytes={from}-{}", to - 1);
                builder.uri(path).header("range", range).body(Body::empty())
            }
        };
        request.expect("a request")
    }

    /// Promise 8: what was acknowledged is in the journal, at this very moment.
    async fn check_answer(&mut self, asked: &Request, reply: &Reply) {
        let Request::Post(step, _, body) = asked else { return };
        if reply.status != 200 || !matches!(step, Output::Begin | Output::SendReports) {
            return;
        }
        self.judge().await;
        if let Output::SendReports = step {
            let batch: ReportBatch<'_, Vec<Report<'_>>> =
                serde_json::from_slice(body).expect("a batch");
            let device = DeviceId::new(batch.device).expect("an id");
            for report in &batch.reports {
                let id = (device.clone(), batch.incarnation, report.sequence);
                let is_there = self.judge.reports.contains_key(&id);
                assert!(is_there, "{} {report:?} was acknowledged and is not there", batch.device);
            }
            return;
        }
        let begin: Begin = serde_json::from_slice(body).expect("a question");
        let answer: BeginAnswer = serde_json::from_slice(&reply.body).expect("an answer");
        if answer.answer != Leave::Yes {
            return;
        }
        let key = (stage::rollout(), DeviceId::new(begin.device).expect("an id"));
        let permitted = self.judge.permits.contains_key(&key);
        assert!(permitted, "{} was permitted and the journal does not say so", begin.device);
        let phase = &self.judge.fleet.rollouts[&key.0].rollout.phase;
        assert!(!phase.stops(), "{} was permitted by a {} rollout", begin.device, phase.name());
    }

    /// Judges what has been written since.
    ///
    /// # Panics
    /// If a promise is broken.
    pub async fn judge(&mut self) -> &Judge {
        let after = self.judge.fleet.read_to;
        for stored in self.store.read(after, usize::MAX).await.expect("memory does not fail") {
            let taken = self.judge.take(&stored);
            taken.unwrap_or_else(|broken| panic!("seed {}: {broken}", self.script.seed));
        }
        &self.judge
    }
}

/// A model with nothing in it.
fn empty(poll: Span) -> Fleet {
    Fleet::new(Hosting::single(Endpoint::new("http://nowhere").expect("an endpoint")), poll)
}
