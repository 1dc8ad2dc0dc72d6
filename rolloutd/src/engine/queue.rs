//! The queue: takes what has come in, in groups, and makes it durable, folded and answered.

use super::Shared;
use rollout_core::fleet::{Answer, Ask, Fleet, Registered, RegistryError};
use rollout_core::id::RolloutId;
use rollout_core::journal::{Entry, Stored};
use rollout_core::port::{Decision, ImageStore, Outgoing, Store, StoreError};
use rollout_core::rollout::Commanded;
use rollout_core::time::Timestamp;
use rollout_http::backend::{Check, Kind, Problem, Terms};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Jobs taken at a time.
const GROUP: usize = 2048;
/// How often a decision is taken anew because somebody else wrote first.
const TRIES: usize = 8;
/// Entries read at a time when catching up.
const PAGE: usize = 4096;

pub(super) type Done<T> = oneshot::Sender<Result<T, Problem>>;

/// What waits in the queue.
pub(super) enum Job {
    /// Facts to be appended, all or none.
    Facts(Vec<Entry>, Done<()>),
    /// A device's question.
    Ask(Ask, Done<Answer>),
    /// Something to be checked and written.
    Register(Check, Terms, Done<Vec<Stored>>),
    /// An operator's command.
    Command(RolloutId, Commanded, Terms, Done<()>),
    /// Let time pass.
    Tick(Done<()>),
}

impl Job {
    pub(super) fn tick(done: Done<()>) -> Self {
        Self::Tick(done)
    }
}

/// A group of jobs, sorted by what is done with them.
#[derive(Default)]
struct Group {
    facts: Vec<(Vec<Entry>, Done<()>)>,
    asks: Vec<(Ask, Done<Answer>)>,
    orders: Vec<Order>,
    ticks: Vec<Done<()>>,
}

enum Order {
    Register(Check, Terms, Done<Vec<Stored>>),
    Command(RolloutId, Commanded, Terms, Done<()>),
}

impl Group {
    fn add(&mut self, job: Job) {
        match job {
            Job::Facts(entries, done) => self.facts.push((entries, done)),
            Job::Ask(ask, done) => self.asks.push((ask, done)),
            Job::Register(check, terms, done) => {
                self.orders.push(Order::Register(check, terms, done));
            }
            Job::Command(id, commanded, terms, done) => {
                self.orders.push(Order::Command(id, commanded, terms, done));
            }
            Job::Tick(done) => self.ticks.push(done),
        }
    }
}

impl Group {
    fn refuse(self, problem: &Problem) {
        let Self { facts, asks, orders, ticks } = self;
        facts.into_iter().for_each(|(_, done)| drop(done.send(Err(problem.clone()))));
        asks.into_iter().for_each(|(_, done)| drop(done.send(Err(problem.clone()))));
        ticks.into_iter().for_each(|done| drop(done.send(Err(problem.clone()))));
        for order in orders {
            match order {
                Order::Register(_, _, done) => drop(done.send(Err(problem.clone()))),
                Order::Command(_, _, _, done) => drop(done.send(Err(problem.clone()))),
            }
        }
    }
}

/// Runs until every handle is gone.
pub(super) async fn run<S: Store, I: ImageStore>(
    shared: Arc<Shared<S, I>>,
    mut jobs: mpsc::Receiver<Job>,
) {
    let mut tick = tokio::time::interval(Duration::from_millis(shared.settings.tick.0.max(1)));
    // The start has written the first beat.
    let every = Duration::from_millis(shared.settings.beat.0.max(1));
    let mut beat = tokio::time::interval_at(tokio::time::Instant::now() + every, every);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let mut group = Group::default();
        let mut ticked = false;
        tokio::select! {
            job = jobs.recv() => match job {
                Some(job) => group.add(job),
                None => return,
            },
            _ = tick.tick() => ticked = true,
            _ = beat.tick() => {
                // A beat would hide from the next start that nobody was here.
                if shared.be_there().await.is_ok() {
                    shared.beat().await;
                    shared.passed();
                }
                continue;
            }
        }
        for _ in 1..GROUP {
            match jobs.try_recv() {
                Ok(job) => group.add(job),
                Err(_) => break,
            }
        }
        ticked |= !group.ticks.is_empty();
        shared.serve(group, ticked).await;
        shared.passed();
    }
}

impl<S: Store, I: ImageStore> Shared<S, I> {
    async fn serve(&self, group: Group, ticked: bool) {
        if let Err(problem) = self.be_there().await {
            return group.refuse(&problem);
        }
        self.take_facts(group.facts).await;
        for order in group.orders {
            match order {
                Order::Register(check, terms, done) => {
                    drop(done.send(self.register(check, terms).await));
                }
                Order::Command(id, commanded, terms, done) => {
                    drop(done.send(self.command(id, &commanded, terms).await));
                }
            }
        }
        if ticked {
            self.try_again().await;
            let now = self.now();
            self.write(|fleet| fleet.refresh(now));
        }
        let outcome = if ticked || !group.asks.is_empty() {
            let (asks, waiting): (Vec<_>, Vec<_>) = group.asks.into_iter().unzip();
            self.decide(&asks, waiting).await
        } else {
            Ok(())
        };
        if ticked && outcome.is_ok() {
            let (now, looks) = (self.now(), self.read(|fleet| fleet.looks().collect()));
            self.courses.note(now, looks);
        }
        for done in group.ticks {
            drop(done.send(outcome.clone()));
        }
    }

    /// The time, never before that of the last entry: an earlier one would replay differently.
    pub(super) fn now(&self) -> Timestamp {
        self.read(|fleet| fleet.clock).max(self.clock.now())
    }

    /// What comes before anything else: what the store may have done, and where we were.
    async fn be_there(&self) -> Result<(), Problem> {
        self.make_sure().await?;
        self.note_absence().await
    }

    /// Reads what the store may have done without saying so.
    async fn make_sure(&self) -> Result<(), Problem> {
        if self.unsure.load(Ordering::SeqCst) {
            self.catch_up().await?;
            self.unsure.store(false, Ordering::SeqCst);
        }
        Ok(())
    }

    /// A write failed, or only its answer.
    pub(super) async fn write_failed(&self, error: &StoreError) -> Problem {
        self.pulse.failed();
        self.unsure.store(true, Ordering::SeqCst);
        // If this fails too, it is done before the next group is served.
        let _ = self.make_sure().await;
        broken(error)
    }

    /// Appends facts, and the passing of time if anything has come due; folds; acknowledges.
    async fn take_facts(&self, facts: Vec<(Vec<Entry>, Done<()>)>) {
        let now = self.now();
        let (lists, waiting): (Vec<_>, Vec<_>) = facts.into_iter().unzip();
        let facts: Vec<Entry> = lists.into_iter().flatten().collect();
        let mut entries = self.read(|fleet| fleet.expose_unasked(facts, now));
        if self.read(|fleet| is_due(fleet, now)) {
            // Outcomes before gates before permits: time passes after the facts that came first.
            entries.push(Entry::Clock);
        }
        let outcome = if entries.is_empty() {
            Ok(())
        } else {
            match self.store.append(now, entries).await {
                Ok(stored) => self.fold(stored).await,
                Err(error) => Err(self.write_failed(&error).await),
            }
        };
        for done in waiting {
            drop(done.send(outcome.clone()));
        }
    }

    /// Folds what was stored; reads it from the store if somebody else wrote in between.
    pub(super) async fn fold(&self, stored: Vec<Stored>) -> Result<(), Problem> {
        self.pulse.wrote();
        let next = self.read(|fleet| fleet.read_to.0 + 1);
        let fits = stored.first().is_none_or(|first| first.seq.0 == next);
        if !fits {
            return self.catch_up().await;
        }
        self.fold_page(&stored)
    }

    fn fold_page(&self, stored: &[Stored]) -> Result<(), Problem> {
        let folded = self.write(|fleet| {
            stored.iter().try_for_each(|stored| fleet.fold(stored)).map(|()| fleet.read_to.0)
        });
        match folded {
            Ok(end) => {
                self.folded.send_replace(end);
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "the journal cannot be folded; the model is not usable");
                Err(Problem {
                    kind: Kind::Broken,
                    code: error.code(),
                    detail: error.to_string(),
                    hint: error.hint().into(),
                })
            }
        }
    }

    async fn catch_up(&self) -> Result<(), Problem> {
        loop {
            let after = self.read(|fleet| fleet.read_to);
            let page = self.store.read(after, PAGE).await.map_err(|error| broken(&error))?;
            if page.is_empty() {
                return Ok(());
            }
            self.fold_page(&page)?;
        }
    }

    /// Commits entries made from the model as it is; `Ok(None)` if somebody else wrote first.
    async fn commit(
        &self,
        at: Timestamp,
        entries: Vec<Entry>,
        outbox: Vec<Outgoing>,
    ) -> Result<Option<Vec<Stored>>, Problem> {
        let read_to = self.read(|fleet| fleet.read_to);
        let decision = Decision { read_to, at, entries, outbox };
        match self.store.decide(decision).await {
            Ok(stored) => {
                self.fold(stored.clone()).await?;
                Ok(Some(stored))
            }
            Err(StoreError::Conflict { .. }) => {
                self.catch_up().await?;
                Ok(None)
            }
            Err(error) => Err(self.write_failed(&error).await),
        }
    }

    async fn register(&self, check: Check, terms: Terms) -> Result<Vec<Stored>, Problem> {
        let now = self.now();
        // A check runs once; if somebody else writes first its caller asks again.
        let registered = self.read(|fleet| {
            terms.check(fleet, now)?;
            check(fleet, now)
        })?;
        let (mut entries, outbox) = match registered {
            Registered::Known => (Vec::new(), Vec::new()),
            Registered::New(entries) => (entries, Vec::new()),
            Registered::Decided(entries, outbox) => (entries, outbox),
        };
        let effects = entries.len();
        entries.extend(terms.entry());
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let mut written = self.commit(now, entries, outbox).await?.ok_or_else(busy)?;
        written.truncate(effects);
        Ok(written)
    }

    async fn command(
        &self,
        id: RolloutId,
        commanded: &Commanded,
        terms: Terms,
    ) -> Result<(), Problem> {
        for _ in 0..TRIES {
            let now = self.now();
            let decided = self.read(|fleet| {
                terms.check(fleet, now)?;
                commanded_entries(fleet, id, commanded, now)
            })?;
            let (mut entries, outbox) = decided;
            entries.extend(terms.entry());
            if self.commit(now, entries, outbox).await?.is_some() {
                return Ok(());
            }
        }
        Err(busy())
    }

    /// One decision for the whole group: gates, then offers and permits; answers when durable.
    async fn decide(&self, asks: &[Ask], waiting: Vec<Done<Answer>>) -> Result<(), Problem> {
        let outcome = self.decide_durably(asks).await;
        match &outcome {
            Ok(answers) => {
                for (done, answer) in waiting.into_iter().zip(answers) {
                    drop(done.send(Ok(answer.clone())));
                }
            }
            Err(problem) => {
                for done in waiting {
                    drop(done.send(Err(problem.clone())));
                }
            }
        }
        outcome.map(|_| ())
    }

    async fn decide_durably(&self, asks: &[Ask]) -> Result<Vec<Answer>, Problem> {
        for _ in 0..TRIES {
            let now = self.now();
            let mut decided = self.read(|fleet| fleet.decide(now, asks));
            if !decided.entries.is_empty() {
                let entries = core::mem::take(&mut decided.entries);
                let outbox = core::mem::take(&mut decided.outbox);
                if self.commit(now, entries, outbox).await?.is_none() {
                    continue;
                }
            }
            self.write(|fleet| {
                for (id, waiting, evaluation) in decided.seen {
                    if let Some(running) = fleet.rollouts.get_mut(&id) {
                        running.waiting = waiting;
                        running.evaluation = evaluation.or_else(|| running.evaluation.take());
                    }
                }
            });
            return Ok(decided.answers);
        }
        Err(busy())
    }
}

fn is_due(fleet: &Fleet, now: Timestamp) -> bool {
    let service = fleet.availability.at(now);
    fleet.rollouts.values().any(|running| running.is_due(now, service))
}

fn commanded_entries(
    fleet: &Fleet,
    id: RolloutId,
    commanded: &Commanded,
    now: Timestamp,
) -> Result<(Vec<Entry>, Vec<Outgoing>), Problem> {
    fleet.command(id, commanded, now).map_err(|error| Problem {
        kind: if matches!(error, RegistryError::Unknown { .. }) {
            Kind::NotFound
        } else {
            Kind::Conflict
        },
        code: error.code(),
        detail: error.to_string(),
        hint: error.hint().into(),
    })
}

fn broken(error: &StoreError) -> Problem {
    tracing::error!(%error, "the store failed; nothing was acknowledged");
    Problem {
        kind: Kind::Unavailable,
        code: error.code(),
        detail: error.to_string(),
        hint: error.hint().into(),
    }
}

fn busy() -> Problem {
    Problem {
        kind: Kind::Unavailable,
        code: "ST-001",
        detail: "others write faster than this decision can be taken".into(),
        hint: "try again".into(),
    }
}
