//! What holds whatever happens, in any order: promises 1, 2, 4 and the frontier.

use crate::desk::{Desk, base, device, fields, person};
use proptest::prelude::*;
use rollout_core::device::State;
use rollout_core::fleet::{Count, Fleet, Registered, Running, Verdict};
use rollout_core::id::{ChannelId, DeviceId, ProductId};
use rollout_core::journal::{ChannelRecord, Entry, StandingChange};
use rollout_core::limits::BLAMED_GROUPS;
use rollout_core::position::Frontier;
use rollout_core::release::ReleaseId;
use rollout_core::rollout::{Command, Phase, Plan, Rollout, StratumId};
use rollout_core::time::Span;
use rollout_core::wire::{Event, Reason};

const DEVICES: usize = 60;

#[derive(Clone, Debug)]
enum Op {
    Tick(u64),
    Offer(usize),
    Begin(usize),
    Report(usize, Event, Option<Reason>),
    Duplicate(usize, u64, Event),
    CheckIn(usize, &'static str),
    Command(&'static str, Command),
    Pause,
    Group,
    Stand(usize, StandingChange),
    Exclude(usize),
    Include(usize),
    Note(usize),
    Promote(&'static str),
    Edit(&'static str, usize),
}

fn op() -> impl Strategy<Value = Op> {
    let any_device = 0..DEVICES;
    let event = prop::sample::select(vec![
        Event::Downloading,
        Event::Downloaded,
        Event::Booted,
        Event::Confirmed,
        Event::Failed,
        Event::Returned,
        Event::Refused,
        Event::Deferred,
        Event::Stopped,
        Event::Crashed,
    ]);
    let reason = prop::option::of(prop::sample::select(vec![
        Reason::PowerLoss,
        Reason::NoRoundTrip,
        Reason::SelfTest,
        Reason::Told,
    ]));
    let people = prop::sample::select(vec!["ann", "bob"]);
    let command = prop_oneof![
        Just(Command::Resume),
        Just(Command::Advance),
        Just(Command::Halt { reason: "test".into() }),
    ];
    prop_oneof![
        4 => (0..400_u64).prop_map(Op::Tick),
        8 => any_device.clone().prop_map(Op::Offer),
        8 => any_device.clone().prop_map(Op::Begin),
        8 => (any_device.clone(), event.clone(), reason).prop_map(|(d, e, r)| Op::Report(d, e, r)),
        2 => (any_device.clone(), 0..6_u64, event).prop_map(|(d, s, e)| Op::Duplicate(d, s, e)),
        2 => (any_device, prop::sample::select(vec!["1.0.0", "1.1.0", "0.9.0"]))
            .prop_map(|(d, v)| Op::CheckIn(d, v)),
        1 => (people, command).prop_map(|(by, c)| Op::Command(by, c)),
        1 => Just(Op::Pause),
        2 => Just(Op::Group),
        4 => operated(),
        2 => (prop::sample::select(vec!["ann", "bob"]), 0..crate::edit::VARIANTS)
            .prop_map(|(by, variant)| Op::Edit(by, variant)),
    ]
}

fn operated() -> impl Strategy<Value = Op> {
    let any_device = 0..DEVICES;
    let reason = || String::from("test");
    let standing = prop::sample::select(vec![
        StandingChange::Hold { reason: reason() },
        StandingChange::Release,
        StandingChange::Release,
        StandingChange::Retire { reason: reason() },
    ]);
    prop_oneof![
        4 => (any_device.clone(), standing).prop_map(|(d, s)| Op::Stand(d, s)),
        2 => any_device.clone().prop_map(Op::Exclude),
        2 => any_device.clone().prop_map(Op::Include),
        1 => any_device.prop_map(Op::Note),
        1 => prop::sample::select(vec!["beta", "stable"]).prop_map(Op::Promote),
    ]
}

/// What an operator did to a device, if it was not refused.
fn operate(desk: &mut Desk, op: &Op) {
    let (by, rollout) = (person("ops"), desk.rollout);
    let done = match op {
        Op::Stand(index, change) => {
            desk.fleet.set_standing(device(*index), change.clone(), by).ok()
        }
        Op::Exclude(index) => desk.fleet.exclude(rollout, device(*index), "test".into(), by).ok(),
        Op::Include(index) => desk.fleet.include(rollout, device(*index), by).ok(),
        Op::Note(index) => desk.fleet.note(device(*index), "test".into(), by).ok(),
        Op::Promote(name) => promote(desk, name),
        Op::Tick(_)
        | Op::Offer(_)
        | Op::Begin(_)
        | Op::Report(..)
        | Op::Duplicate(..)
        | Op::CheckIn(..)
        | Op::Command(..)
        | Op::Pause
        | Op::Edit(..)
        | Op::Group => None,
    };
    if let Some(Registered::New(entries) | Registered::Decided(entries, _)) = done {
        entries.into_iter().for_each(|entry| desk.write(entry));
    }
}

/// A fleet without channels promotes nothing.
fn promote(desk: &Desk, name: &str) -> Option<Registered> {
    let release = ReleaseId::parse("vacuum@1.1.0").expect("a release");
    let channel = ChannelId::new(name).expect("a channel");
    let plan = Plan::check(fields(&["5", "100%"])).expect("a plan");
    let promotion = desk.fleet.promote(&release, &channel, plan, person("ci"), desk.now).ok()?;
    Some(promotion.registered)
}

fn with_channels(desk: &mut Desk) {
    let product = ProductId::new("vacuum").expect("a product");
    desk.write(Entry::ProductAdded { product: product.clone(), by: person("ops") });
    for (name, after) in [("beta", None), ("stable", Some("beta"))] {
        let channel = |name| ChannelId::new(name).expect("a channel");
        let record = ChannelRecord { template: String::new(), after: after.map(channel) };
        let (product, by) = (product.clone(), person("ops"));
        desk.write(Entry::ChannelSet { product, channel: channel(name), record, by });
    }
}

fn play(desk: &mut Desk, op: &Op) {
    match op {
        Op::Tick(secs) => desk.tick(Span::secs(*secs)),
        Op::Offer(index) => drop(desk.offer(&device(*index))),
        Op::Begin(index) => drop(desk.begin(&device(*index))),
        Op::Report(index, event, reason) => desk.report(&device(*index), *event, *reason),
        Op::Duplicate(index, sequence, event) => {
            desk.report_as(&device(*index), *sequence, *event, None);
        }
        Op::CheckIn(index, version) => desk.check_in(&device(*index), version, 1),
        Op::Command(by, command) => drop(desk.command(by, command.clone())),
        Op::Pause => {
            let review_at = desk.now.after(Span::hours(1));
            drop(desk.command("ann", Command::Pause { reason: "test".into(), review_at }));
        }
        Op::Group => desk.everybody_begins(DEVICES),
        Op::Edit(by, variant) => drop(crate::edit::edit(desk, by, *variant)),
        Op::Stand(..) | Op::Exclude(_) | Op::Include(_) | Op::Note(_) | Op::Promote(_) => {
            operate(desk, op);
        }
    }
}

/// Folds the journal by itself and judges each entry by what was true before it.
struct Watch {
    fleet: Fleet,
    read: usize,
    halted: bool,
    resumed_by: Vec<String>,
    opened: Option<Opened>,
}

/// How far a rollout was open when it was last looked at.
struct Opened {
    share: Frontier,
    window: Option<Frontier>,
    effective: Frontier,
}

impl Opened {
    fn of(rollout: &Rollout) -> Self {
        Self {
            share: rollout.share_frontier(StratumId(0)),
            window: rollout.count_window(StratumId(0)),
            effective: rollout.frontier(StratumId(0)),
        }
    }

    /// Shares only rise, and so does a window while it is there; what admits falls once at most,
    /// when the first share closes the window of the counts.
    fn may_become(&self, next: &Self) {
        assert!(next.share >= self.share, "the frontier of shares fell");
        match (self.window, next.window) {
            (Some(before), Some(after)) => assert!(after >= before, "the window of a count fell"),
            (None, Some(_)) => panic!("a count after a share"),
            (Some(_), None) => return assert!(next.effective == next.share),
            (None, None) => {}
        }
        assert!(next.effective >= self.effective, "the frontier fell");
    }
}

impl Watch {
    fn new() -> Self {
        let resumed_by = Vec::new();
        Self { fleet: base(), read: 0, halted: false, resumed_by, opened: None }
    }

    /// No permit between a halt and its resume by two; none above the cap or the rung's count;
    /// the frontier never falls but when a window closes.
    fn look(&mut self, desk: &Desk) {
        for stored in &desk.journal[self.read..] {
            if let Entry::Permitted { rollout, device, .. } = &stored.entry {
                assert!(!self.halted, "a permit after a halt at {:?}", stored.seq);
                let phase = &self.fleet.rollouts[rollout].rollout.phase;
                assert!(phase.gives(), "a permit while {}", phase.name());
                let standing = &self.fleet.devices[device].standing;
                assert_eq!(standing.name(), "active", "a permit to {device}");
                let before = &self.fleet.rollouts[rollout];
                assert!(!before.excluded.contains_key(device), "a permit to {device}");
                if before.executions[device].state != State::Interrupted {
                    has_room(before);
                }
            }
            if let Entry::Stepped { input, .. } = &stored.entry {
                self.follow(desk, input);
            }
            self.fleet.fold(stored).expect("the journal folds");
        }
        self.read = desk.journal.len();
        let rollout = &desk.fleet.rollouts[&desk.rollout].rollout;
        self.halted = matches!(rollout.phase, Phase::Halted { .. });
        let opened = Opened::of(rollout);
        if let Some(before) = self.opened.replace(opened) {
            before.may_become(&Opened::of(rollout));
        }
    }

    fn follow(&mut self, desk: &Desk, input: &rollout_core::rollout::Input) {
        let Some(commanded) = input.commanded() else { return };
        if self.halted && commanded.command == Command::Resume {
            self.resumed_by.push(commanded.by.as_str().into());
            if desk.phase() != "halted" {
                self.resumed_by.dedup();
                assert!(self.resumed_by.len() >= 2, "resumed by {:?}", self.resumed_by);
                self.resumed_by.clear();
                self.halted = false;
            }
        }
    }
}

fn buckets_are_conserved(desk: &Desk) {
    let running = &desk.fleet.rollouts[&desk.rollout];
    let (buckets, members) = desk.fleet.census(running, desk.now);
    assert_eq!(buckets.values().sum::<u64>(), members);
    assert_eq!(members, DEVICES as u64);
}

/// Blame counts whom the gate counts: each once, by every attribute.
fn blame_is_of_the_exposed(desk: &Desk) {
    let running = &desk.fleet.rollouts[&desk.rollout];
    let all = running.tally.sum(|key| key.epoch == running.rollout.epoch);
    let Some(blame) = running.blame() else {
        return assert_eq!(all.failed_known, 0, "somebody is to blame");
    };
    assert_eq!((blame.all.bad, blame.all.exposed), (all.failed_known, all.permitted));
    for group in &blame.groups {
        let Count { bad, exposed } = group.count;
        assert!(bad > 0 && bad <= exposed && exposed < all.permitted, "{group}");
        let sum = (bad + group.others.bad, exposed + group.others.exposed);
        assert_eq!(sum, (all.failed_known, all.permitted), "{group}");
    }
    let regions = blame.groups.iter().filter(|group| group.attribute == "region");
    let is_whole = blame.groups.len() < BLAMED_GROUPS && regions.clone().count() > 0;
    let bad: u64 = regions.map(|group| group.count.bad).sum();
    assert!(!is_whole || bad == all.failed_known, "{bad} of {all:?}");
}

fn exposed(desk: &Desk) -> Vec<DeviceId> {
    let executions = &desk.fleet.rollouts[&desk.rollout].executions;
    let exposed = executions.iter().filter(|(_, execution)| execution.exposure.is_some());
    exposed.map(|(id, _)| id.clone()).collect()
}

/// Who was exposed stays exposed, but for a stop before the switch.
fn exposure_is_kept(before: &[DeviceId], desk: &Desk, op: &Op) {
    let stopped = if let Op::Report(index, Event::Stopped, _)
    | Op::Duplicate(index, _, Event::Stopped) = op
    {
        Some(device(*index))
    } else {
        None
    };
    let after = exposed(desk);
    for id in before.iter().filter(|id| Some(*id) != stopped.as_ref()) {
        assert!(after.contains(id), "{op:?} took the exposure of {id} back");
    }
}

/// Room for one more, written down once more from the specification.
//= gates §10: exposed - matured + min(matured_bad, B) < floor(B / upper)
fn has_room(running: &Running) {
    let rollout = &running.rollout;
    // A change of the plan makes nobody whole who is at risk.
    let all = running.tally.sum(|key| key.epoch.0 >= rollout.epoch.0 - rollout.edits.restarts);
    let budget = rollout.plan.budget().devices();
    let gate = &rollout.plan.gates.failure;
    let seen = rollout_core::gate::Tally::new(all.matured_bad, all.matured).expect("bad of all");
    let cap = (budget as f64 / gate.upper(seen).get()).floor() as u64;
    let at_risk = all.permitted - all.matured + all.matured_bad.min(budget);
    assert!(rollout.proven.is_some() || at_risk < cap, "{at_risk} at risk, cap {cap}");
    let limit = rollout.plan.ladder.count_limit(rollout.rung);
    let by_position = running.tally.sum(|_| true).by_position;
    assert!(limit.is_none_or(|limit| by_position < limit), "{by_position} of {limit:?}");
}

fn explain_is_the_decision(desk: &mut Desk) {
    desk.tick(Span::ZERO);
    for index in 0..DEVICES {
        let id = device(index);
        let told = desk.fleet.explain(desk.rollout, &id, desk.now).expect("known");
        let mut copy = desk.copy();
        assert_eq!(told.is_eligible(), copy.offer(&id), "{id}: {}", told.verdict);
        let holds = told.execution.as_ref().is_some_and(|one| one.state.holds_offer());
        if let Verdict::Eligible { ahead: Some(_), .. } = told.verdict
            && holds
        {
            let reply = desk.copy().begin(&id).expect("an execution");
            assert!(matches!(reply, rollout_core::fleet::Reply::Wait(_)), "{id}: {reply:?}");
        }
        if let Verdict::WouldBePermitted = told.verdict {
            let reply = copy.begin(&id).expect("an execution");
            assert!(matches!(reply, rollout_core::fleet::Reply::Yes { .. }), "{id}: {reply:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Promises 1, 2 and 4, over any interleaving of ticks, devices, duplicates and people.
    #[test]
    fn promises_hold_in_any_order(ops in prop::collection::vec(op(), 1..250)) {
        let mut wanted = fields(&["5", "25%", "100%"]);
        // So small that it is reached often.
        wanted.pace.budget = 4;
        let mut desk = Desk::started(DEVICES, wanted);
        let mut watch = Watch::new();
        for op in &ops {
            let exposed = exposed(&desk);
            play(&mut desk, op);
            exposure_is_kept(&exposed, &desk, op);
            watch.look(&desk);
            buckets_are_conserved(&desk);
            blame_is_of_the_exposed(&desk);
        }
        explain_is_the_decision(&mut desk);
    }

    /// Folding the journal again gives the same state, hash for hash.
    #[test]
    fn a_journal_replays_to_the_same_state(ops in prop::collection::vec(op(), 1..250)) {
        let mut desk = Desk::started(DEVICES, fields(&["5", "25%", "100%"]));
        with_channels(&mut desk);
        for op in &ops {
            play(&mut desk, op);
        }
        let mut again = base();
        for stored in &desk.journal {
            again.fold(stored).expect("every decision replays to its state hash");
        }
        prop_assert_eq!(&desk.fleet.order, &again.order);
        for (one, two) in desk.fleet.rollouts.values().zip(again.rollouts.values()) {
            prop_assert_eq!(one.rollout.state_hash(), two.rollout.state_hash());
            prop_assert_eq!(&one.executions, &two.executions);
            prop_assert_eq!(&one.tally, &two.tally);
            prop_assert_eq!(one.blame(), two.blame());
            prop_assert_eq!(&one.excluded, &two.excluded);
        }
        prop_assert_eq!(&desk.fleet.promotions, &again.promotions);
        for (one, two) in desk.fleet.devices.values().zip(again.devices.values()) {
            prop_assert_eq!(&one.standing, &two.standing);
            prop_assert_eq!((&one.notes, one.revision), (&two.notes, two.revision));
        }
    }

    /// Outcomes and terminal statuses are final, whatever is reported and when.
    #[test]
    fn outcomes_are_final(ops in prop::collection::vec(op(), 1..250)) {
        let mut desk = Desk::started(DEVICES, fields(&["100%"]));
        for op in &ops {
            let before = desk.fleet.rollouts[&desk.rollout].executions.clone();
            play(&mut desk, op);
            for (id, after) in &desk.fleet.rollouts[&desk.rollout].executions {
                let Some(before) = before.get(id).filter(|b| b.attempt == after.attempt) else {
                    continue;
                };
                prop_assert!(before.outcome.is_none() || before.outcome == after.outcome);
                let (one, two) = (before.status(), after.status());
                prop_assert!(!one.is_terminal() || one == two, "{one:?} became {two:?}");
            }
        }
    }
}
