//! A judge of journals: folds them entry by entry and holds them against the promises.
//!
//! It counts for itself, from executions and from entries, and asks the code under test only what
//! a device's state is. Promises held: 1 (caps, halts), 4 (counted once, buckets sum), and that
//! every decision replays to its state hash. Not here: what devices know; see [`crate::logs`].

use rollout_core::device::{Execution, Outcome};
use rollout_core::fleet::{Fleet, Running};
use rollout_core::gate::{self, pacing};
use rollout_core::id::{DeviceId, RolloutId};
use rollout_core::journal::{Entry, Stored};
use rollout_core::position::Frontier;
use rollout_core::rollout::{Command, EvidenceEpoch, Phase, StratumId, Tally};
use std::collections::{BTreeMap, BTreeSet};

/// Identity of a report: device, incarnation, sequence.
pub type ReportId = (DeviceId, u64, u64);

/// What a journal says, and what was broken on the way.
pub struct Judge {
    /// The model, folded so far.
    pub fleet: Fleet,
    /// How often each report is in the journal.
    pub reports: BTreeMap<ReportId, u64>,
    /// Permits by rollout and device.
    pub permits: BTreeMap<(RolloutId, DeviceId), u64>,
    /// Entries by kind.
    pub kinds: BTreeMap<&'static str, u64>,
    /// Most devices at risk at once, and the cap at that moment.
    pub most_at_risk: (u64, u64),
    frontiers: BTreeMap<RolloutId, Frontier>,
    halted: BTreeMap<RolloutId, BTreeSet<String>>,
}

/// Counts of one evidence epoch, from the executions themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    exposed: u64,
    matured: u64,
    bad: u64,
}

impl Judge {
    /// Before the first entry; `like` says what is hosted and how often devices check in.
    pub fn new(like: &Fleet) -> Self {
        Self {
            fleet: Fleet::new(like.hosting.clone(), like.usual),
            reports: BTreeMap::new(),
            permits: BTreeMap::new(),
            kinds: BTreeMap::new(),
            most_at_risk: (0, 0),
            frontiers: BTreeMap::new(),
            halted: BTreeMap::new(),
        }
    }

    /// Judges a whole journal.
    ///
    /// # Errors
    /// The first promise that was broken, in words.
    pub fn of(like: &Fleet, journal: &[Stored]) -> Result<Self, String> {
        let mut judge = Self::new(like);
        for stored in journal {
            judge.take(stored)?;
        }
        Ok(judge)
    }

    /// Takes the next entry.
    ///
    /// # Errors
    /// The promise that it breaks, in words.
    pub fn take(&mut self, stored: &Stored) -> Result<(), String> {
        let at = |broken: String| format!("entry {}: {broken}", stored.seq.0);
        *self.kinds.entry(stored.entry.kind()).or_default() += 1;
        if let Entry::Permitted { rollout, device, .. } = &stored.entry {
            self.permitted(*rollout, device).map_err(at)?;
        }
        if let Entry::Reported(report) = &stored.entry {
            let id = (report.device.clone(), report.incarnation, report.sequence);
            *self.reports.entry(id).or_default() += 1;
        }
        self.note_command(&stored.entry);
        self.fleet.fold(stored).map_err(|error| at(error.to_string()))?;
        self.look(&stored.entry).map_err(at)
    }

    /// A permit is given in a phase that gives, to a device that waits, within the cap.
    fn permitted(&mut self, rollout: RolloutId, device: &DeviceId) -> Result<(), String> {
        let permits = self.permits.entry((rollout, device.clone())).or_default();
        *permits += 1;
        if *permits > 4 {
            return Err(format!("{device} was permitted {permits} times"));
        }
        if self.halted.contains_key(&rollout) {
            return Err(format!("{device} was permitted after a halt"));
        }
        let running = self.fleet.rollouts.get(&rollout).ok_or("a permit without a rollout")?;
        let phase = &running.rollout.phase;
        if !phase.gives() {
            return Err(format!("{device} was permitted while {}", phase.name()));
        }
        let known = self.fleet.devices.get(device).ok_or("a permit without a device")?;
        if known.open.is_some_and(|open| open != rollout) {
            return Err(format!("{device} is at work in another rollout"));
        }
        let execution = running.executions.get(device).ok_or("a permit without an offer")?;
        if execution.exposure.is_some() {
            return Ok(());
        }
        let (at_risk, cap) = at_risk(running)?;
        if at_risk > self.most_at_risk.0 {
            self.most_at_risk = (at_risk, cap);
        }
        if at_risk > cap {
            return Err(format!("{device} is number {at_risk} at risk, the cap is {cap}"));
        }
        Ok(())
    }

    fn note_command(&mut self, entry: &Entry) {
        let Entry::Stepped { rollout, input, .. } = entry else { return };
        let Some(commanded) = input.commanded() else { return };
        if let (Command::Resume, Some(by)) = (&commanded.command, self.halted.get_mut(rollout)) {
            by.insert(commanded.by.as_str().into());
        }
    }

    /// What holds after every entry.
    fn look(&mut self, entry: &Entry) -> Result<(), String> {
        let now = self.fleet.clock;
        for (id, running) in &self.fleet.rollouts {
            let rollout = &running.rollout;
            let frontier = rollout.share_frontier(StratumId(0));
            let before = self.frontiers.insert(*id, frontier).unwrap_or(frontier);
            if frontier < before {
                return Err("the frontier of shares fell".into());
            }
            if let Phase::Halted { .. } = &rollout.phase {
                self.halted.entry(*id).or_default();
            } else if let Some(by) = self.halted.remove(id)
                && by.len() < 2
            {
                return Err(format!("resumed after a halt by {by:?}"));
            }
            recount(running)?;
            if !matters_to_buckets(entry) {
                continue;
            }
            let (buckets, members) = self.fleet.census(running, now);
            let sum: u64 = buckets.values().sum();
            if sum != members || members != self.fleet.devices.len() as u64 {
                let devices = self.fleet.devices.len();
                return Err(format!("buckets sum to {sum}, of {members} members, {devices} there"));
            }
        }
        Ok(())
    }
}

fn matters_to_buckets(entry: &Entry) -> bool {
    matches!(
        entry.kind(),
        "reported" | "permitted" | "offered" | "clock" | "stepped" | "seen" | "unasked"
    )
}

/// The tally is the sum of the executions there are, each counted once.
fn recount(running: &Running) -> Result<(), String> {
    let mut fresh = Tally::default();
    for execution in running.executions.values() {
        fresh.replace(None, Some(execution));
    }
    if fresh.cells != running.tally.cells || fresh.pending != running.tally.pending {
        return Err(format!("tally {:?}, recounted {fresh:?}", running.tally));
    }
    let exposed = running.executions.values().filter(|e| e.exposure.is_some()).count() as u64;
    let counts = running.counts();
    let outcomes = [counts.confirmed, counts.failed, counts.rolled_back, counts.silent];
    let settled: u64 = outcomes.iter().sum();
    if counts.exposed != exposed || settled > exposed {
        return Err(format!("{exposed} are exposed, counted are {counts:?}"));
    }
    Ok(())
}

/// Devices at risk with one more, and how many may be.
fn at_risk(running: &Running) -> Result<(u64, u64), String> {
    let rollout = &running.rollout;
    if rollout.proven.is_some() {
        return Ok((0, u64::MAX));
    }
    let Count { exposed, matured, bad } = count(running, rollout.epoch);
    let budget = rollout.plan.budget();
    let seen = gate::Tally::new(bad, matured).map_err(|error| error.to_string())?;
    let cap = pacing::cap(&rollout.plan.gates.failure, seen, budget);
    Ok((exposed - matured + bad.min(budget.devices()) + 1, cap))
}

fn count(running: &Running, epoch: EvidenceEpoch) -> Count {
    let mut count = Count::default();
    let is_counted =
        |execution: &&Execution| execution.exposure.is_some_and(|exposure| exposure.epoch == epoch);
    for execution in running.executions.values().filter(is_counted) {
        count.exposed += 1;
        count.matured += u64::from(execution.outcome.is_some());
        count.bad += u64::from(matches!(execution.outcome, Some(Outcome::Bad(_))));
    }
    count
}
