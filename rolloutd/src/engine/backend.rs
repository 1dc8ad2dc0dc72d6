//! The routes' view of the engine.

use super::Engine;
use super::queue::{Done, Job};
use rollout_core::device::{self, Facts};
use rollout_core::fleet::{Answer, Ask, Fleet, Look, Reply};
use rollout_core::id::{DeviceId, Digest, Principal, RolloutId};
use rollout_core::journal::{Entry, ReportRecord, Seq, Stored};
use rollout_core::port::{ImageStore, Store};
use rollout_core::rollout::Commanded;
use rollout_core::time::Timestamp;
use rollout_http::backend::{Backend, Check, CheckedIn, Kind, Problem, Terms};
use rollout_http::check_in::{self, Prospect};
use rollout_http::meters::Meters;
use std::time::Instant;
use tokio::sync::{oneshot, watch};

impl<S: Store + 'static, I: ImageStore + 'static> Engine<S, I> {
    /// Puts a job into the queue and waits for its end.
    pub(super) async fn ask<T>(&self, job: impl FnOnce(Done<T>) -> Job) -> Result<T, Problem> {
        let (done, answer) = oneshot::channel();
        let began = Instant::now();
        self.queue.try_send(job(done)).map_err(|_| overloaded())?;
        let answer = answer.await.unwrap_or_else(|_| Err(stopping()));
        self.shared.meters.waited(began.elapsed());
        answer
    }

    /// Notes a sign of life, no more often than deadlines need it.
    fn touch(&self, id: &DeviceId, now: Timestamp) {
        let is_stale = |fleet: &Fleet| {
            let device = fleet.devices.get(id);
            device.is_some_and(|device| check_in::is_stale(fleet, device, now))
        };
        if self.shared.read(is_stale) {
            self.shared.write(|fleet| fleet.touch(id, now));
        }
    }
}

/// What a check-in comes to, as far as the model alone can say.
enum Seen {
    /// It says something new of itself.
    Changed,
    /// Nothing new.
    Before(Prospect),
}

impl<S: Store + 'static, I: ImageStore + 'static> Backend for Engine<S, I> {
    type Images = I;

    fn images(&self) -> &I {
        &self.shared.images
    }

    fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    fn entropy(&self, bytes: &mut [u8]) {
        // Without entropy no token may be made; there is nothing sensible to go on with.
        getrandom::fill(bytes).expect("the operating system gives entropy");
    }

    fn url_key(&self) -> &[u8; 32] {
        &self.shared.url_key
    }

    fn meters(&self) -> &Meters {
        &self.shared.meters
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.shared.folded.subscribe()
    }

    fn course(&self, rollout: RolloutId) -> Vec<(Timestamp, Look)> {
        self.shared.courses.of(rollout)
    }

    fn read<T>(&self, read: impl FnOnce(&Fleet) -> T) -> T {
        self.shared.read(read)
    }

    async fn check_in(&self, device: DeviceId, facts: Facts) -> Result<CheckedIn, Problem> {
        let now = self.now();
        let mut seen = self.read(|fleet| look(fleet, &device, &facts, now))?;
        if let Seen::Changed = seen {
            let entry = Entry::Seen { device: device.clone(), facts: Box::new(facts.clone()) };
            self.ask(|done| Job::Facts(vec![entry], done)).await?;
            seen = self.read(|fleet| look(fleet, &device, &facts, now))?;
        } else {
            self.touch(&device, now);
        }
        let offer = match seen {
            Seen::Before(Prospect::Known(offer)) => offer,
            Seen::Changed | Seen::Before(Prospect::Ask) => {
                let ask = Ask::Offer { device: device.clone() };
                match self.ask(|done| Job::Ask(ask, done)).await? {
                    Answer::Offer(offer) => offer,
                    Answer::Begin(_) => None,
                }
            }
        };
        self.read(|fleet| {
            let device = fleet.devices.get(&device).ok_or_else(|| unknown(&device))?;
            Ok(CheckedIn::with(fleet, device, facts.root_version, offer))
        })
    }

    async fn begin(
        &self,
        device: DeviceId,
        rollout: RolloutId,
        attempt: u32,
        digest: Digest,
    ) -> Result<Reply, Problem> {
        let ask = Ask::Begin { device, rollout, attempt, digest };
        match self.ask(|done| Job::Ask(ask, done)).await? {
            Answer::Begin(Ok(reply)) => Ok(reply),
            Answer::Begin(Err(error)) => Err(Problem {
                kind: Kind::Conflict,
                code: error.code(),
                detail: error.to_string(),
                hint: error.hint().into(),
            }),
            Answer::Offer(_) => Err(stopping()),
        }
    }

    async fn report(&self, reports: Vec<ReportRecord>) -> Result<(), Problem> {
        let fresh = self.read(|fleet| -> Result<Vec<ReportRecord>, Problem> {
            fleet.check_reports(&reports)?;
            // What is known is acknowledged and written no second time: it is durable already.
            // Anything else is written, however late it comes.
            let is_new = |report: &ReportRecord| {
                let window = fleet.devices.get(&report.device).map(|device| &device.reports);
                let seen = window.map(|w| w.judge(report.incarnation, report.sequence));
                seen != Some(device::Seen::Known)
            };
            Ok(reports.iter().filter(|report| is_new(report)).cloned().collect())
        })?;
        if fresh.is_empty() {
            return Ok(());
        }
        let entries = fresh.into_iter().map(Entry::Reported).collect();
        self.ask(|done| Job::Facts(entries, done)).await
    }

    async fn register(&self, check: Check, terms: Terms) -> Result<Vec<Stored>, Problem> {
        self.ask(|done| Job::Register(check, terms, done)).await
    }

    async fn command(
        &self,
        rollout: RolloutId,
        commanded: Commanded,
        terms: Terms,
    ) -> Result<(), Problem> {
        self.ask(|done| Job::Command(rollout, commanded, terms, done)).await
    }

    async fn answered(
        &self,
        principal: Principal,
        key: String,
        status: u16,
        body: Vec<u8>,
    ) -> Result<(), Problem> {
        let answered = Entry::Answered { principal, key, status, body };
        self.ask(|done| Job::Facts(vec![answered], done)).await
    }

    async fn entries(&self, after: Seq, limit: usize) -> Result<Vec<Stored>, Problem> {
        self.shared.store.read(after, limit).await.map_err(|error| Problem {
            kind: Kind::Unavailable,
            code: error.code(),
            detail: error.to_string(),
            hint: error.hint().into(),
        })
    }
}

fn look(fleet: &Fleet, id: &DeviceId, facts: &Facts, now: Timestamp) -> Result<Seen, Problem> {
    let device = fleet.devices.get(id).ok_or_else(|| unknown(id))?;
    if device.standing.is_retired() {
        return Err(unknown(id));
    }
    if device.facts.as_ref() != Some(facts) {
        return Ok(Seen::Changed);
    }
    Ok(Seen::Before(check_in::prospect(fleet, device, now)))
}

fn unknown(id: &DeviceId) -> Problem {
    Problem {
        kind: Kind::Unauthenticated,
        code: "AU-001",
        detail: format!("device {id} is not known here"),
        hint: "enroll it first".into(),
    }
}

fn overloaded() -> Problem {
    Problem {
        kind: Kind::Unavailable,
        code: "SV-001",
        detail: "more is waiting than can be served".into(),
        hint: "come again after the time in Retry-After".into(),
    }
}

fn stopping() -> Problem {
    Problem {
        kind: Kind::Unavailable,
        code: "SV-002",
        detail: "the daemon is stopping".into(),
        hint: "come again after the time in Retry-After".into(),
    }
}
