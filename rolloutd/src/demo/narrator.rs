//! A line per event, from the journal, as it happens.

use super::Options;
use super::stage::Stage;
use crate::serve::Daemon;
use rollout_core::fleet::Fleet;
use rollout_core::id::RolloutId;
use rollout_core::journal::{Entry, ReportRecord, Seq, Stored};
use rollout_core::port::Store as _;
use rollout_core::rollout::{Phase, Rollout, Rung};
use rollout_core::wire::{Event, Reason};
use serde_json::json;
use std::collections::{BTreeMap, VecDeque};
use std::io::Write as _;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Entries read at a time.
const PAGE: usize = 1024;

/// Tells until it is told to end.
pub struct Narrator {
    end: watch::Sender<bool>,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Narrator {
    /// Tells what is left, and ends.
    ///
    /// # Errors
    /// If the journal did not replay to the same states, hash by hash.
    pub async fn end(self) -> anyhow::Result<()> {
        self.end.send_replace(true);
        self.task.await?
    }
}

/// Begins to tell.
/// While `is_hushed`, lines are held back.
pub fn start(stage: &Stage, options: &Options, is_hushed: watch::Receiver<bool>) -> Narrator {
    let (end, ended) = watch::channel(false);
    let daemon = stage.serving.daemon.clone();
    let mut teller = Teller {
        json: options.json,
        replayed: Fleet::new(daemon.read(|fleet| fleet.hosting.clone()), daemon.read(|f| f.usual)),
        daemon,
        failures: BTreeMap::new(),
        is_hushed,
        held_back: VecDeque::new(),
    };
    let task = tokio::spawn(async move { teller.tell(ended).await });
    Narrator { end, task }
}

/// Follows the journal with a model of its own, so that each line says what was true then.
struct Teller {
    json: bool,
    daemon: Daemon,
    replayed: Fleet,
    failures: BTreeMap<RolloutId, u64>,
    is_hushed: watch::Receiver<bool>,
    held_back: VecDeque<String>,
}

/// Lines that are held back; of more, the last.
const HELD_BACK: usize = 1000;

/// Failures of one rollout that get a line of their own.
const FAILURES_TOLD: u64 = 5;

impl Teller {
    async fn tell(&mut self, mut ended: watch::Receiver<bool>) -> anyhow::Result<()> {
        let mut changes = self.daemon.changes();
        changes.mark_changed();
        loop {
            let is_over = tokio::select! {
                _ = changes.changed() => false,
                Ok(()) = self.is_hushed.changed() => false,
                _ = ended.wait_for(|end| *end) => true,
            };
            self.read().await?;
            if !*self.is_hushed.borrow() {
                self.tell_what_was_held()?;
            }
            if is_over {
                return Ok(());
            }
        }
    }

    async fn read(&mut self) -> anyhow::Result<()> {
        loop {
            let after: Seq = self.replayed.read_to;
            let page = self.daemon.store().read(after, PAGE).await?;
            if page.is_empty() {
                return Ok(());
            }
            for stored in &page {
                let line = self.line(stored)?;
                if let Some(line) = line {
                    self.print(stored, &line)?;
                }
            }
        }
    }

    fn print(&mut self, stored: &Stored, line: &str) -> anyhow::Result<()> {
        let seq = stored.seq.0;
        let told = if self.json {
            json!({"seq": seq, "event": stored.entry.kind(), "text": line}).to_string()
        } else {
            format!("{seq:>6}  {line}")
        };
        self.held_back.push_back(told);
        if self.held_back.len() > HELD_BACK {
            self.held_back.pop_front();
        }
        if *self.is_hushed.borrow() { Ok(()) } else { self.tell_what_was_held() }
    }

    fn tell_what_was_held(&mut self) -> anyhow::Result<()> {
        let mut stdout = std::io::stdout().lock();
        for line in self.held_back.drain(..) {
            writeln!(stdout, "{line}")?;
        }
        Ok(stdout.flush()?)
    }

    /// Folds an entry and says what it changed, if anybody wants to know.
    fn line(&mut self, stored: &Stored) -> anyhow::Result<Option<String>> {
        let before = if let Entry::Stepped { rollout, .. } = &stored.entry {
            self.replayed.rollouts.get(rollout).map(|running| running.rollout.clone())
        } else {
            None
        };
        self.replayed.fold(stored)?;
        Ok(match &stored.entry {
            Entry::RootAccepted { .. } => Some("root document accepted: devices pin it".into()),
            Entry::Published(record) => Some(match &record.way_back {
                Some((version, _)) => {
                    format!("published {}, way back to {version} signed along", record.release)
                }
                None => format!("published {}, the first: no way back", record.release),
            }),
            Entry::Drafted { plan, .. } => {
                Some(format!("drafted `{}`: {}", plan.name, plan.target))
            }
            Entry::Outage(_) => Some("we were away; deadlines are extended".into()),
            Entry::Reported(report) => self.failure(report),
            Entry::Stepped { rollout, .. } => {
                let devices = self.replayed.devices.len() as u64;
                let running = self.replayed.rollouts.get(rollout);
                before.zip(running).and_then(|(before, after)| {
                    let counts = after.counts();
                    moved(&before, &after.rollout, devices).map(|what| {
                        let name = &after.rollout.plan.name;
                        let (exposed, confirmed) = (counts.exposed, counts.confirmed);
                        format!("`{name}` {what} ({exposed} exposed, {confirmed} confirmed)")
                    })
                })
            }
            Entry::HostingSet(_)
            | Entry::ProductAdded { .. }
            | Entry::Withdrawn { .. }
            | Entry::Renewed { .. }
            | Entry::StonesSet { .. }
            | Entry::DeadEndSet { .. }
            | Entry::CohortDefined { .. }
            | Entry::TokenMade(_)
            | Entry::TokenRevoked { .. }
            | Entry::EnrollmentOpened(_)
            | Entry::Enrolled { .. }
            | Entry::Seen { .. }
            | Entry::Clock
            | Entry::Offered { .. }
            | Entry::Permitted { .. }
            | Entry::Unasked { .. }
            | Entry::Held { .. }
            | Entry::ChannelSet { .. }
            | Entry::ChannelRemoved { .. }
            | Entry::FreezeSet { .. }
            | Entry::FreezeLifted { .. }
            | Entry::Promoted { .. }
            | Entry::StandingSet { .. }
            | Entry::TokenRotated { .. }
            | Entry::Noted { .. }
            | Entry::AttributesSet { .. }
            | Entry::Replaced { .. }
            | Entry::Excluded { .. }
            | Entry::Included { .. }
            | Entry::Once(_)
            | Entry::Answered { .. } => None,
        })
    }

    fn failure(&mut self, report: &ReportRecord) -> Option<String> {
        if !matches!(report.event, Event::Failed | Event::Returned) {
            return None;
        }
        let told = self.failures.entry(report.rollout).or_default();
        *told += 1;
        let (device, why) = (&report.device, words(report.reason));
        match *told {
            FAILURES_TOLD => {
                Some(format!("{device} came back: {why}; more are not told one by one"))
            }
            told if told < FAILURES_TOLD => Some(format!("{device} came back: {why}")),
            _ => None,
        }
    }
}

fn words(reason: Option<Reason>) -> &'static str {
    match reason {
        Some(Reason::SelfTest) => "its self-test failed",
        Some(Reason::Crash) => "the image crashed",
        Some(Reason::Watchdog) => "the watchdog ended the image",
        Some(Reason::NoRoundTrip) => "no round trip in time",
        Some(Reason::PowerLoss) => "the power was cut",
        Some(_) | None => "for a reason of its own",
    }
}

/// What a decision moved, in words.
fn moved(before: &Rollout, after: &Rollout, devices: u64) -> Option<String> {
    let words: Vec<String> =
        [proven(before, after), opened(before, after, devices), ended(before, after)]
            .into_iter()
            .flatten()
            .collect();
    if words.is_empty() { None } else { Some(words.join("; ")) }
}

fn proven(before: &Rollout, after: &Rollout) -> Option<String> {
    let proven = after.proven.filter(|_| before.proven.is_none())?;
    let p_pass = after.plan.gates.failure.p_pass();
    Some(format!("is proven below {p_pass} by {} devices past their horizon", proven.matured))
}

fn opened(before: &Rollout, after: &Rollout, devices: u64) -> Option<String> {
    if !after.has_begun() || (before.rung == after.rung && before.has_begun()) {
        return None;
    }
    let (number, rungs) = (after.rung.0 + 1, after.plan.ladder.rungs().len());
    let rung = after.plan.ladder.rung(after.rung)?;
    let label = match rung {
        Rung::Count(count) => after.plan.proof_label(*count),
        Rung::Share(bp) => after.plan.proof_label(devices * u64::from(*bp) / 10_000),
        Rung::Cohort(_) => "a cohort of its own".into(),
    };
    Some(format!("opened rung {number} of {rungs}: {rung}, {label}"))
}

fn ended(before: &Rollout, after: &Rollout) -> Option<String> {
    if before.phase.name() == after.phase.name() {
        return None;
    }
    match &after.phase {
        Phase::Halted { cause, .. } => Some(format!("is HALTED by {}: {cause}", cause.name())),
        Phase::Completed { .. } => Some("is completed".into()),
        Phase::Canceled { .. } => Some("is canceled".into()),
        Phase::Paused { .. } => Some("is paused".into()),
        Phase::Draft
        | Phase::AwaitingApproval { .. }
        | Phase::Scheduled { .. }
        | Phase::Deploying
        | Phase::Soaking => None,
    }
}
