//! One device of the virtual world: flash in memory, the agent of the boards, no clock.
//!
//! [`Device::go_on`] runs the agent until it wants something of the world: a request, a wait, a
//! self-test, a reset. Invariant: how an image behaves is read from the bytes in flash; what has
//! booted is noted by the bootloader. Not here: the network, and how long anything takes.

use crate::stage::{Built, MODEL, PRODUCT, SLOT_BYTES, Stage};
use firmware_agent::agent::{Agent, Booted, Config, Input, Output};
use firmware_agent::backoff::Pace;
use firmware_agent::boot::State;
use firmware_agent::cell;
use firmware_agent::flash::{Board as _, Flash as _, Region, Slot};
use firmware_agent::health::{Fault, ResetCause};
use firmware_agent::host::image::{self, BEHAVIOR_END, CHIP_TEST, Conduct};
use firmware_agent::host::sim::{self, Boot, Factory, PowerCut, RamFlash};
use firmware_agent::record::{Order, Record};
use firmware_agent::text::Text;
use rollout_core::id::{DeviceId, Digest};
use rollout_core::wire::{BeginAnswer, CheckInAnswer, Leave, ReportsAnswer};

/// Bytes of an image asked for at once.
const PIECE_BYTES: u32 = 8 * 1024;

/// What a device asks of the server.
#[derive(Clone, Debug)]
pub enum Request {
    /// Its token.
    Enroll,
    /// `POST` to a path of the device plane.
    Post(Output, &'static str, Vec<u8>),
    /// Bytes of an image.
    Get(String, u32, u32),
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Status code.
    pub status: u16,
    /// Seconds to wait, if it says so.
    pub retry_after: Option<u32>,
    /// First byte of a part of an image.
    pub offset: u32,
    /// The body.
    pub body: Vec<u8>,
}

/// What a device wants of the world.
#[derive(Debug)]
pub enum Wish {
    /// Send this.
    Send(Request),
    /// Wake it then, in ms of the world's time.
    Wake(u64),
    /// Test the running image.
    SelfTest,
    /// The board resets.
    Reset(ResetCause),
    /// The power failed in the midst of a write.
    PowerCut,
    /// It is gone for good.
    Dark,
}

/// A device.
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// Its token, once enrolled.
    pub token: Option<String>,
    /// What booted, oldest first.
    pub booted: Vec<(Digest, State)>,
    /// Rises with every boot and every loss of power: what was under way before is void.
    pub life: u64,
    /// Leave to switch, as the device received it.
    pub permits: u64,
    flash: RamFlash,
    running: Option<(Agent, Boot)>,
    born: u64,
}

impl Device {
    /// A device as it leaves the factory.
    pub fn new(index: usize, stage: &Stage, factory: &Built, seed: u64) -> Self {
        let name = format!("dev-{index:04}");
        let mut random = sim::Random::named(seed, &name);
        let mut flash = RamFlash::new(SLOT_BYTES, random.next());
        flash.flash_image(Slot::A, &factory.image).expect("the power is on");
        let order = Order { epoch: stage.root.root.epoch().0, counter: factory.counter.0 };
        let (root, image, incarnation) = (&stage.root.envelope, factory.digest, random.next());
        let made = Factory { root, order, image, incarnation };
        sim::provision(&mut flash, &made).expect("the power is on");
        Self {
            id: DeviceId::new(&name).expect("an id"),
            token: None,
            booted: Vec::new(),
            life: 0,
            permits: 0,
            flash,
            running: None,
            born: 0,
        }
    }

    fn config(&self) -> Config {
        Config {
            device: Text::new(self.id.as_str()).expect("short"),
            hardware: Text::new(MODEL).expect("short"),
            product: Text::new(PRODUCT).expect("short"),
            chip_id: CHIP_TEST,
            pace: Pace::default(),
            piece_bytes: PIECE_BYTES,
        }
    }

    /// The power is gone at once.
    pub fn power_off(&mut self) {
        self.life += 1;
        self.running = None;
    }

    /// The power will go in the midst of the write after so many.
    pub fn cut_power_after(&mut self, writes: u64) {
        self.flash.cut_at(self.flash.operations() + 1 + writes);
    }

    /// Boots at `now`.
    pub fn boot(&mut self, cause: ResetCause, now: u64) -> Wish {
        self.power_off();
        self.flash.power_on();
        self.try_boot(cause, now).map_or(Wish::PowerCut, |()| Wish::Wake(now))
    }

    fn try_boot(&mut self, cause: ResetCause, now: u64) -> Result<(), PowerCut> {
        let boot = sim::boot(&mut self.flash)?.expect("a device always boots");
        self.booted.push((boot.digest, boot.state));
        let booted = Booted { slot: boot.slot, digest: boot.digest, cause };
        let agent = match Agent::start(self.config(), booted, 0, &mut self.flash) {
            Ok(agent) => agent,
            Err(firmware_agent::agent::StartError::Flash(cut)) => return Err(cut),
            Err(error) => panic!("{} cannot start: {error}", self.id),
        };
        self.running = Some((agent, boot));
        self.born = now;
        Ok(())
    }

    /// Lets the agent go on until it wants something.
    pub fn go_on(&mut self, now: u64) -> Option<Wish> {
        self.running.as_ref()?;
        Some(self.try_go_on(now).unwrap_or(Wish::PowerCut))
    }

    fn try_go_on(&mut self, now: u64) -> Result<Wish, PowerCut> {
        let since = now - self.born;
        let Some((agent, _)) = &mut self.running else { return Ok(Wish::Wake(now)) };
        if self.token.is_none() {
            return Ok(Wish::Send(Request::Enroll));
        }
        let step = agent.next(since, &mut self.flash)?;
        Ok(match step {
            Output::Reboot => Wish::Reset(ResetCause::Software),
            Output::WaitUntil(until) => Wish::Wake(self.born + until.max(since + 1)),
            Output::RunSelfTest => Wish::SelfTest,
            Output::Download { from, to } => {
                Wish::Send(Request::Get(agent.url().to_owned(), from, to))
            }
            Output::Receive => {
                agent.handle(Input::DownloadEnded, since, &mut self.flash)?;
                Wish::Wake(now)
            }
            Output::CheckIn => {
                let (fuse, bytes) = (self.flash.secure_version(), self.flash.slot_bytes());
                let body = serde_json::to_vec(&agent.check_in(&[("site", "a")], fuse, bytes));
                post(step, "/device/v1/check-in", body)
            }
            Output::Begin => post(step, "/device/v1/begin", serde_json::to_vec(&agent.begin())),
            Output::SendReports => {
                post(step, "/device/v1/reports", serde_json::to_vec(&agent.reports()))
            }
        })
    }

    /// The self-test has ended as the image's own bytes say.
    pub fn self_test(&mut self, now: u64) -> Wish {
        self.try_self_test(now).unwrap_or(Wish::PowerCut)
    }

    fn try_self_test(&mut self, now: u64) -> Result<Wish, PowerCut> {
        let since = now - self.born;
        let Some((agent, boot)) = &mut self.running else { return Ok(Wish::Wake(now)) };
        let mut head = [0; BEHAVIOR_END];
        self.flash.read(Region::Slot(boot.slot), 0, &mut head)?;
        let draw = sim::draw(0, self.id.as_str().as_bytes(), boot.digest.as_bytes());
        let result = match image::behavior(&head).unwrap_or_default().conduct(draw) {
            Conduct::Works => Ok(()),
            Conduct::Fails => Err(Fault::SelfTest),
            Conduct::Crashes => return Ok(Wish::Reset(ResetCause::Crash)),
            Conduct::GoesDark => return Ok(Wish::Dark),
        };
        agent.handle(Input::SelfTest(result), since, &mut self.flash)?;
        Ok(Wish::Wake(now))
    }

    /// A reply has come, or none.
    pub fn answered(&mut self, asked: &Request, reply: Option<&Reply>, now: u64) -> Wish {
        self.try_answered(asked, reply, now).map_or(Wish::PowerCut, |()| Wish::Wake(now))
    }

    fn try_answered(
        &mut self,
        asked: &Request,
        reply: Option<&Reply>,
        now: u64,
    ) -> Result<(), PowerCut> {
        let since = now - self.born;
        let Some((agent, _)) = &mut self.running else { return Ok(()) };
        let flash = &mut self.flash;
        let Some(reply) = reply else {
            return agent.handle(Input::TransportFailed, since, flash);
        };
        match (reply.status, asked) {
            (200..=299, Request::Post(Output::Begin, ..)) => {
                let answer: BeginAnswer = serde_json::from_slice(&reply.body).expect("an answer");
                self.permits += u64::from(answer.answer == Leave::Yes);
                agent.handle(Input::Begin(&answer), since, flash)
            }
            (200..=299, Request::Post(Output::SendReports, ..)) => {
                let answer: ReportsAnswer = serde_json::from_slice(&reply.body).expect("an answer");
                agent.handle(Input::Reports(answer), since, flash)
            }
            (200..=299, Request::Post(..)) => {
                let answer: CheckInAnswer = serde_json::from_slice(&reply.body).expect("an answer");
                agent.handle(Input::CheckIn(&answer), since, flash)
            }
            (200..=299, Request::Get(..)) => {
                let (offset, bytes) = (reply.offset, &reply.body[..]);
                agent.handle(Input::Chunk { offset, bytes }, since, flash)
            }
            (429 | 503, _) => {
                let retry_after_secs = reply.retry_after.unwrap_or(5);
                agent.handle(Input::Busy { retry_after_secs }, since, flash)
            }
            (400 | 404 | 409 | 410 | 413 | 416 | 422, _) | (_, Request::Get(..)) => {
                agent.handle(Input::Declined, since, flash)
            }
            _ => agent.handle(Input::TransportFailed, since, flash),
        }
    }

    /// Whether an image is on trial.
    pub fn is_on_trial(&self) -> bool {
        let agent = self.running.as_ref().map(|(agent, _)| agent);
        agent.is_some_and(|agent| agent.boot_record().state == State::PendingVerify)
    }

    /// The image that booted last, if the device keeps it.
    pub fn keeps(&mut self) -> Option<Digest> {
        self.flash.power_on();
        let boot: firmware_agent::boot::BootRecord = cell::load(&mut self.flash).ok()??;
        let (digest, _) = self.booted.last()?;
        (boot.state == State::Valid).then_some(*digest)
    }

    /// What is written down in its flash.
    pub fn record(&mut self) -> Record {
        self.flash.power_on();
        cell::load(&mut self.flash).ok().flatten().expect("a record survives everything")
    }

    /// Whether it has ever booted an image.
    pub fn has_booted(&self, digest: Digest) -> bool {
        self.booted.iter().any(|(booted, _)| *booted == digest)
    }
}

fn post(step: Output, path: &'static str, body: serde_json::Result<Vec<u8>>) -> Wish {
    Wish::Send(Request::Post(step, path, body.expect("plain structures serialize")))
}
