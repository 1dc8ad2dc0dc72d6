//! One simulated device: boots, runs its agent over HTTP, and behaves as its image says.
//!
//! Invariant: the image's conduct is read from the bytes in flash and from nothing else, plus the
//! faults asked for on the command line. Not here: decisions; they are the agent's.

use super::client::{Body, Client, Piece, Reply};
use super::fleet::{Counters, Faults};
use super::image::{self, BEHAVIOR_END, Behavior, Conduct};
use super::log::Log;
use super::sim::{self, Boot, FileFlash, Random};
use super::{Error, fleet};
use crate::agent::{Agent, Booted, Config, Input, Output};
use crate::boot::State;
use crate::confirm::Start;
use crate::flash::{Board, Flash, Region};
use crate::health::{self, Fault, ResetCause};
use rollout_core::wire::{
    self, BeginAnswer, CheckInAnswer, Enroll, EnrollAnswer, Leave, ReportsAnswer,
};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Longest wait before trying again to enroll.
const ENROLL_CAP: Duration = Duration::from_secs(30);
/// Attempts to enroll a single device before giving up.
pub(super) const ENROLL_ATTEMPTS: u32 = 6;

/// What all devices of a process share.
pub(super) struct Shared {
    pub(super) client: Client,
    pub(super) counters: Counters,
    pub(super) faults: Faults,
    pub(super) seed: u64,
    pub(super) enroll_token: String,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) enroll_attempts: Option<u32>,
}

/// A device.
pub(super) struct Device {
    pub(super) config: Config,
    pub(super) flash: FileFlash,
    pub(super) shared: Arc<Shared>,
    pub(super) random: Random,
    pub(super) shutdown: watch::Receiver<bool>,
}

/// Why a device stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Told,
    Dark,
}

/// What a life between two resets came to.
enum Life {
    Reset(ResetCause),
    Ended(Ending),
}

impl Device {
    /// Lives until it is told to stop or goes dark.
    pub(super) async fn live(mut self) -> Result<Ending, Error> {
        if self.path("dark").exists() {
            return Ok(Ending::Dark);
        }
        let mut shutdown = self.shutdown.clone();
        tokio::select! {
            _ = shutdown.wait_for(|stop| *stop) => Ok(Ending::Told),
            ending = self.run() => ending,
        }
    }

    async fn run(&mut self) -> Result<Ending, Error> {
        let token = self.token().await?;
        let log = Log::new(self.flash.directory());
        let mut cause = ResetCause::PowerOn;
        loop {
            let boot = self.flash.boot(cause).map_err(|error| self.broken(&error))?;
            let boot = boot.ok_or_else(|| self.broken("no slot holds a whole image"))?;
            self.shared.counters.boots.fetch_add(1, Ordering::Relaxed);
            log.boot(&boot, cause)?;
            match self.boot(&boot, cause, &token, &log).await? {
                Life::Reset(next) => cause = next,
                Life::Ended(ending) => return Ok(ending),
            }
        }
    }

    async fn boot(
        &mut self,
        boot: &Boot,
        cause: ResetCause,
        token: &str,
        log: &Log,
    ) -> Result<Life, Error> {
        let start = Instant::now();
        let booted = Booted { slot: boot.slot, digest: boot.digest, cause };
        let agent = Agent::start(self.config, booted, 0, &mut self.flash);
        let mut agent = Box::new(agent.map_err(|error| self.broken(&error))?);
        if matches!(agent.start_meant(), Start::Returned { .. }) {
            self.shared.counters.returned.fetch_add(1, Ordering::Relaxed);
            log.returned(&agent)?;
        }
        let mut body: Option<Body> = None;
        loop {
            let now = start.elapsed().as_millis() as u64;
            let step = agent.next(now, &mut self.flash).map_err(|error| self.broken(&error))?;
            if step != Output::Receive {
                body = None;
            }
            match step {
                Output::Reboot => return Ok(Life::Reset(ResetCause::Software)),
                Output::WaitUntil(until) => {
                    tokio::time::sleep_until(start + Duration::from_millis(until.max(now + 1)))
                        .await;
                    continue;
                }
                Output::RunSelfTest => {
                    if let Some(life) = self.self_test(&mut agent, boot, now, log)? {
                        return Ok(life);
                    }
                    continue;
                }
                Output::Receive => {
                    let piece = match &mut body {
                        Some(body) => body.next().await,
                        None => Piece::Lost,
                    };
                    let now = start.elapsed().as_millis() as u64;
                    self.receive(&mut agent, piece, now)?;
                    continue;
                }
                Output::Download { from, to } => {
                    let client = &self.shared.client;
                    match client.get(agent.url(), from, to, &mut self.random).await {
                        Ok(started) => body = Some(started),
                        Err(reply) => {
                            let reply = reply.about_a_signed_path();
                            let now = start.elapsed().as_millis() as u64;
                            self.unanswered(&mut agent, reply, "image", now, log)?;
                        }
                    }
                    continue;
                }
                Output::CheckIn | Output::Begin | Output::SendReports => {}
            }
            let (path, request) = self.request(&agent, step, cause);
            let random = Some(&mut self.random);
            let reply = self.shared.client.post(path, token, request, random).await;
            let now = start.elapsed().as_millis() as u64;
            self.answered(&mut agent, step, reply, now, log)?;
        }
    }

    fn request(&self, agent: &Agent, step: Output, cause: ResetCause) -> (&'static str, Vec<u8>) {
        let json = match step {
            Output::Begin => serde_json::to_vec(&agent.begin()),
            Output::SendReports => serde_json::to_vec(&agent.reports()),
            Output::CheckIn
            | Output::Download { .. }
            | Output::Receive
            | Output::RunSelfTest
            | Output::Reboot
            | Output::WaitUntil(_) => {
                let list = self.shared.attributes.iter().map(|(n, v)| (n.as_str(), v.as_str()));
                let list: Vec<_> = list.chain([(health::RESET, cause.name())]).collect();
                let (fuse, bytes) = (self.flash.secure_version(), self.flash.slot_bytes());
                serde_json::to_vec(&agent.check_in(&list, fuse, bytes))
            }
        };
        let path = match step {
            Output::Begin => "/device/v1/begin",
            Output::SendReports => "/device/v1/reports",
            Output::CheckIn
            | Output::Download { .. }
            | Output::Receive
            | Output::RunSelfTest
            | Output::Reboot
            | Output::WaitUntil(_) => "/device/v1/check-in",
        };
        (path, json.unwrap_or_default())
    }

    fn answered(
        &mut self,
        agent: &mut Agent,
        step: Output,
        reply: Reply,
        now: u64,
        log: &Log,
    ) -> Result<(), Error> {
        let Reply::Body(body) = reply else {
            return self.unanswered(agent, reply, "post", now, log);
        };
        let pending = agent.pending().is_some();
        let handled = match step {
            Output::Begin => match serde_json::from_slice::<BeginAnswer<'_>>(&body) {
                Ok(answer) => {
                    if let (Leave::Yes, Some(begin)) = (answer.answer, agent.begin()) {
                        log.permit(&begin)?;
                    }
                    agent.handle(Input::Begin(&answer), now, &mut self.flash)
                }
                Err(_) => agent.handle(Input::TransportFailed, now, &mut self.flash),
            },
            Output::SendReports => match serde_json::from_slice::<ReportsAnswer>(&body) {
                Ok(answer) => {
                    log.acknowledged(agent, answer)?;
                    agent.handle(Input::Reports(answer), now, &mut self.flash)
                }
                Err(_) => agent.handle(Input::TransportFailed, now, &mut self.flash),
            },
            Output::CheckIn
            | Output::Download { .. }
            | Output::Receive
            | Output::RunSelfTest
            | Output::Reboot
            | Output::WaitUntil(_) => match serde_json::from_slice::<CheckInAnswer<'_>>(&body) {
                Ok(answer) => {
                    let trial = agent.boot_record().state == State::PendingVerify;
                    let done = agent.handle(Input::CheckIn(&answer), now, &mut self.flash);
                    if trial && pending && agent.boot_record().state == State::Valid {
                        self.shared.counters.confirmed.fetch_add(1, Ordering::Relaxed);
                    }
                    done
                }
                Err(_) => agent.handle(Input::TransportFailed, now, &mut self.flash),
            },
        };
        handled.map_err(|error| self.broken(&error))
    }

    fn unanswered(
        &mut self,
        agent: &mut Agent,
        reply: Reply,
        request: &str,
        now: u64,
        log: &Log,
    ) -> Result<(), Error> {
        let input = match reply {
            Reply::Busy(retry_after_secs) => Input::Busy { retry_after_secs },
            Reply::Declined { status, body } => {
                log.declined(request, status, &body)?;
                Input::Declined
            }
            Reply::Denied { status, body } => {
                log.declined(request, status, &body)?;
                Input::TransportFailed
            }
            Reply::Lost | Reply::Body(_) => Input::TransportFailed,
        };
        agent.handle(input, now, &mut self.flash).map_err(|error| self.broken(&error))
    }

    fn receive(&mut self, agent: &mut Agent, piece: Piece, now: u64) -> Result<(), Error> {
        let input = match &piece {
            Piece::Bytes { offset, bytes } => Input::Chunk { offset: *offset, bytes },
            Piece::End => Input::DownloadEnded,
            Piece::Lost => Input::TransportFailed,
        };
        agent.handle(input, now, &mut self.flash).map_err(|error| self.broken(&error))
    }

    fn self_test(
        &mut self,
        agent: &mut Agent,
        boot: &Boot,
        now: u64,
        log: &Log,
    ) -> Result<Option<Life>, Error> {
        let result = match self.conduct(boot)? {
            Conduct::Works => Ok(()),
            Conduct::Fails => Err(Fault::SelfTest),
            Conduct::Crashes => {
                return Ok(Some(Life::Reset(ResetCause::Crash)));
            }
            Conduct::GoesDark => {
                log.dark(boot)?;
                let (path, digest) = (self.path("dark"), boot.digest.to_string());
                std::fs::write(&path, digest).map_err(Error::file("write", &path))?;
                return Ok(Some(Life::Ended(Ending::Dark)));
            }
        };
        let handled = agent.handle(Input::SelfTest(result), now, &mut self.flash);
        handled.map_err(|error| self.broken(&error)).map(|()| None)
    }

    /// What the running image does here: by its own bytes, then by the faults asked for.
    fn conduct(&mut self, boot: &Boot) -> Result<Conduct, Error> {
        let mut head = [0; BEHAVIOR_END];
        let read = self.flash.read(Region::Slot(boot.slot), 0, &mut head);
        read.map_err(|error| self.broken(&error))?;
        let (id, digest) = (self.config.device.as_str().as_bytes(), boot.digest);
        let own = image::behavior(&head).unwrap_or_default();
        let conduct = own.conduct(sim::draw(0, id, digest.as_bytes()));
        if conduct != Conduct::Works {
            return Ok(conduct);
        }
        let Faults { fail, brick, crash, .. } = self.shared.faults;
        let ppm = |rate: f64| (rate.clamp(0.0, 1.0) * 1e6) as u32;
        let extra = Behavior { fail_ppm: ppm(fail), dark_ppm: ppm(brick), crash_ppm: ppm(crash) };
        Ok(extra.conduct(sim::draw(self.shared.seed ^ 0xFA17, id, digest.as_bytes())))
    }

    /// The stored token, or a new one for the enrollment token.
    async fn token(&mut self) -> Result<String, Error> {
        let path = self.path("token");
        if let Ok(token) = std::fs::read_to_string(&path) {
            return Ok(token.trim().to_owned());
        }
        let device = self.config.device.as_str();
        if self.shared.enroll_token.is_empty() {
            return Err(Error::NotEnrolled { device: device.to_owned() });
        }
        let hardware = self.config.hardware.as_str();
        let body = serde_json::to_vec(&Enroll { v: wire::VERSION, device, hardware });
        let body = body.unwrap_or_default();
        let mut attempt = 0;
        loop {
            let (client, token) = (&self.shared.client, &self.shared.enroll_token);
            let reply = client.post("/device/v1/enroll", token, body.clone(), None).await;
            attempt += 1;
            let last = self.shared.enroll_attempts.is_some_and(|most| attempt >= most);
            let wait = match reply {
                Reply::Body(body) => {
                    if let Ok(answer) = serde_json::from_slice::<EnrollAnswer<'_>>(&body) {
                        std::fs::write(&path, answer.token).map_err(Error::file("write", &path))?;
                        return Ok(answer.token.to_owned());
                    }
                    ENROLL_CAP
                }
                Reply::Busy(secs) => Duration::from_secs(u64::from(secs)),
                Reply::Declined { body, .. } | Reply::Denied { body, .. }
                    if self.shared.enroll_attempts.is_some() =>
                {
                    let detail = String::from_utf8_lossy(&body).into_owned();
                    return Err(Error::EnrollmentRefused { device: device.to_owned(), detail });
                }
                Reply::Declined { status, body } | Reply::Denied { status, body } => {
                    let log = Log::new(self.flash.directory());
                    log.declined("enroll", status, &body)?;
                    ENROLL_CAP
                }
                Reply::Lost => Duration::from_millis(250 << attempt.min(7)),
            };
            if last {
                return Err(Error::Unreachable { server: client.server().to_owned() });
            }
            let wait = wait.min(ENROLL_CAP).as_millis() as u64;
            let wait = wait / 2 + self.random.next() % (wait / 2 + 1);
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.flash.directory().join(name)
    }

    fn broken(&self, reason: impl std::fmt::Display) -> Error {
        fleet::broken(self.config.device.as_str(), reason)
    }
}
