//! The routes' view of the engine.

use super::queue::{Done, Job};
use super::{Engine, Shared};
use rollout_core::device::{Facts, Standing, State};
use rollout_core::fleet::{Answer, Ask, Fleet, OfferMade, Reply};
use rollout_core::id::{DeviceId, Digest, RolloutId};
use rollout_core::journal::{Entry, ReportRecord, Seq, Stored};
use rollout_core::port::{ImageStore, Store};
use rollout_core::rollout::Commanded;
use rollout_core::time::Timestamp;
use rollout_http::backend::{Backend, Check, CheckedIn, Kind, Problem};
use tokio::sync::oneshot;

impl<S: Store + 'static, I: ImageStore + 'static> Engine<S, I> {
    /// Puts a job into the queue and waits for its end.
    pub(super) async fn ask<T>(&self, job: impl FnOnce(Done<T>) -> Job) -> Result<T, Problem> {
        let (done, answer) = oneshot::channel();
        self.queue.try_send(job(done)).map_err(|_| overloaded())?;
        answer.await.unwrap_or_else(|_| Err(stopping()))
    }
}

/// What a check-in comes to, as far as the model alone can say.
enum Seen {
    /// It says something new of itself.
    Changed,
    /// Nothing new, and something might be for it.
    Ask,
    /// Nothing new, and the answer is known.
    Known(Option<Box<OfferMade>>),
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
            self.shared.touch(&device, now);
        }
        let offer = match seen {
            Seen::Known(offer) => offer,
            Seen::Changed | Seen::Ask => {
                let ask = Ask::Offer { device: device.clone() };
                match self.ask(|done| Job::Ask(ask, done)).await? {
                    Answer::Offer(offer) => offer,
                    Answer::Begin(_) => None,
                }
            }
        };
        self.read(|fleet| Ok(checked_in(fleet, &device, &facts, offer)))
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
            // A duplicate is acknowledged and written no second time: it is durable already.
            let is_new = |report: &ReportRecord| {
                let device = fleet.devices.get(&report.device);
                device.is_none_or(|d| d.reports.is_new(report.incarnation, report.sequence))
            };
            Ok(reports.iter().filter(|report| is_new(report)).cloned().collect())
        })?;
        if fresh.is_empty() {
            return Ok(());
        }
        let entries = fresh.into_iter().map(Entry::Reported).collect();
        self.ask(|done| Job::Facts(entries, done)).await
    }

    async fn register(&self, check: Check) -> Result<Vec<Stored>, Problem> {
        self.ask(|done| Job::Register(check, done)).await
    }

    async fn command(&self, rollout: RolloutId, commanded: Commanded) -> Result<(), Problem> {
        self.ask(|done| Job::Command(rollout, commanded, done)).await
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

impl<S: Store, I: ImageStore> Shared<S, I> {
    /// Notes a sign of life, no more often than deadlines need it.
    fn touch(&self, device: &DeviceId, now: Timestamp) {
        let stale = self.read(|fleet| {
            let seen = fleet.devices.get(device).map(|device| device.last_seen);
            seen.is_some_and(|seen| now.since(seen).0 > fleet.usual.0 / 4)
        });
        if stale {
            self.write(|fleet| fleet.touch(device, now));
        }
    }
}

fn look(fleet: &Fleet, id: &DeviceId, facts: &Facts, now: Timestamp) -> Result<Seen, Problem> {
    let device = fleet.devices.get(id).ok_or_else(|| unknown(id))?;
    if device.standing == Standing::Retired {
        return Err(unknown(id));
    }
    if device.facts.as_ref() != Some(facts) {
        return Ok(Seen::Changed);
    }
    for rollout in fleet.order.iter().rev() {
        match fleet.standing_offer(*rollout, id, now) {
            None => {}
            Some(None) => return Ok(Seen::Ask),
            Some(Some(offer)) => return Ok(Seen::Known(Some(Box::new(offer)))),
        }
    }
    Ok(Seen::Known(None))
}

fn checked_in(
    fleet: &Fleet,
    id: &DeviceId,
    facts: &Facts,
    offer: Option<Box<OfferMade>>,
) -> CheckedIn {
    let home = fleet.hosting.default_home();
    let home = fleet.devices.get(id).and_then(|d| fleet.hosting.home(&d.home)).unwrap_or(home);
    let known = usize::try_from(facts.root_version).unwrap_or(usize::MAX);
    CheckedIn {
        offer,
        stop: to_stop(fleet, id),
        binding: fleet.binding_of(home),
        poll_secs: home.poll_secs,
        root_version: fleet.roots.len() as u64,
        root: fleet.roots.get(known).cloned(),
    }
}

/// The newest stopped rollout in which the device may still be at work.
fn to_stop(fleet: &Fleet, id: &DeviceId) -> Option<RolloutId> {
    fleet.order.iter().rev().copied().find(|rollout| {
        let Some(running) = fleet.rollouts.get(rollout) else { return false };
        running.rollout.phase.stops()
            && running.executions.get(id).is_some_and(|execution| {
                matches!(execution.state, State::Revoked | State::Permitted | State::Interrupted)
            })
    })
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
