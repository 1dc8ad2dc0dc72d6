//! The plan of a rollout changes while it runs: what may, what it does, and what it never does.

use crate::desk::{Desk, HORIZON, base, device, fields};
use proptest::prelude::*;
use rollout_core::calendar::{Days, Freeze, Minute, Weekly, WindowZone, Windows, Zone};
use rollout_core::cohort::Selector;
use rollout_core::gate::{FailureGate, Rate, Risk};
use rollout_core::journal::Entry;
use rollout_core::rollout::{
    Approval, Command, Consequence, Effect, Ladder, Lane, Membership, OnOverdue, Overdue, Phase,
    Plan, PlanFields, Refusal, Rollout, Rung, RungIndex,
};
use rollout_core::time::{Span, Timestamp};
use rollout_core::wire::Event;
use std::num::NonZeroU64;
use std::sync::Arc;

const DEVICES: usize = 60;

pub fn ladder(rungs: &[&str]) -> Ladder {
    let rungs = rungs.iter().map(|text| Rung::parse(text).expect("a rung"));
    Ladder::new(rungs.collect()).expect("a ladder")
}

fn gate(p_max: f64, alpha: f64) -> FailureGate {
    let rate = |rate| Rate::new(rate).expect("a rate");
    let risk = |risk| Risk::new(risk).expect("a risk");
    FailureGate::new(rate(p_max), rate(2.0 * p_max), risk(alpha), risk(0.01), 1).expect("a gate")
}

fn query(text: &str) -> Membership {
    Membership::Query(Selector::parse(text).expect("a query"))
}

fn rollout(desk: &Desk) -> &Rollout {
    &desk.fleet.rollouts[&desk.rollout].rollout
}

/// Changes the plan as it stands.
pub fn change(
    desk: &mut Desk,
    by: &str,
    change: impl FnOnce(&mut PlanFields),
) -> Result<(), Refusal> {
    let mut fields = PlanFields::clone(&rollout(desk).plan);
    change(&mut fields);
    let Ok(plan) = Plan::check(fields) else { return Ok(()) };
    desk.command(by, Command::Edit { plan: Arc::new(plan), says: String::new() })
}

/// How many changes [`edit`] knows.
pub const VARIANTS: usize = 12;

/// One of several changes; some are refused.
pub fn edit(desk: &mut Desk, by: &str, variant: usize) -> Result<(), Refusal> {
    change(desk, by, |fields| match variant {
        0 => fields.gates.failure = gate(0.05, 0.01),
        1 => fields.gates.failure = gate(0.01, 0.02),
        2 => fields.soak = fields.soak.plus(Span::hours(1)),
        3 => fields.pace.budget = 6,
        4 => fields.pace.budget = 40,
        5 => fields.ladder = ladder(&["5", "25%", "50%", "100%"]),
        6 => fields.ladder = ladder(&["5", "100%"]),
        7 => fields.ladder = ladder(&["8", "30%"]),
        8 => fields.pace.max_in_flight = Some(2),
        9 => fields.members = query("device==dev-1*"),
        10 => fields.gates.stops.max_bricked = NonZeroU64::new(3),
        _ => fields.silence.at_least = fields.silence.at_least.plus(Span::secs(60)),
    })
}

#[test]
fn what_is_installed_on_whom_never_changes() {
    let mut desk = Desk::started(DEVICES, fields(&["5", "100%"]));
    let before = rollout(&desk).state_hash();
    let refused = change(&mut desk, "ann", |fields| fields.members = query("device==dev-1*"));
    assert_eq!(refused, Err(Refusal::FixedKey { key: "cohort" }));
    let refused = change(&mut desk, "ann", |fields| {
        fields.component = rollout_core::release::ComponentId(7);
    });
    assert_eq!(refused, Err(Refusal::FixedKey { key: "component" }));
    let refused = change(&mut desk, "ann", |fields| fields.start_at = Some(Timestamp(7)));
    assert_eq!(refused, Err(Refusal::FixedKey { key: "start_at" }));
    assert_eq!(rollout(&desk).state_hash(), before, "a refusal changes nothing");
}

#[test]
fn rungs_that_are_open_stay_and_those_to_come_may_change() {
    let mut desk = Desk::started(DEVICES, fields(&["5", "100%"]));
    let refused = change(&mut desk, "ann", |fields| fields.ladder = ladder(&["8", "100%"]));
    let (was, is) = ("5".to_string(), "8".to_string());
    assert_eq!(refused, Err(Refusal::OpenRung { rung: 1, was, is }));
    change(&mut desk, "ann", |fields| fields.ladder = ladder(&["5", "50%", "100%"]))
        .expect("ahead");
    assert_eq!(rollout(&desk).plan.ladder.rungs().len(), 3);
    assert_eq!(rollout(&desk).rung, RungIndex(0), "nothing has opened");
    let last = desk.journal.last().expect("an entry");
    let Entry::Stepped { input, .. } = &last.entry else { panic!("{last:?}") };
    assert!(format!("{input:?}").contains("says: \"ladder\""), "{input:?}");
}

#[test]
fn other_limits_start_the_evidence_anew_at_half_the_risk() {
    let mut desk = Desk::started(DEVICES, fields(&["100%"]));
    (0..10).for_each(|index| assert!(desk.update(&device(index))));
    for times in 1..=2_u32 {
        let plan = {
            let mut fields = PlanFields::clone(&rollout(&desk).plan);
            fields.soak = fields.soak.plus(Span::hours(1));
            fields.pace.budget = 40;
            Plan::check(fields).expect("a plan")
        };
        let told = desk.fleet.edit_of(desk.rollout, &plan).expect("it may change");
        let (epoch, alpha) = told.restart.expect("evidence starts anew");
        assert_eq!((epoch.0, alpha.get()), (times, 0.01 / f64::from(1 << times)));
        desk.command("ann", Command::Edit { plan: Arc::new(plan), says: String::new() })
            .expect("it may change");
        assert_eq!((rollout(&desk).epoch, rollout(&desk).proven), (epoch, None));
        if times == 2 {
            let said = "soak; evidence starts anew, 2nd time, alpha now 0.25 %";
            assert_eq!(told.says(), said);
        }
    }
}

#[test]
fn a_key_that_judges_nobody_otherwise_keeps_the_evidence() {
    let mut desk = Desk::started(DEVICES, fields(&["100%"]));
    change(&mut desk, "ann", |fields| fields.pace.max_in_flight = Some(7)).expect("it is free");
    change(&mut desk, "ann", |fields| {
        fields.on_overdue = OnOverdue { then: Overdue::Halt, after: Span::hours(1) };
    })
    .expect("it is free");
    assert_eq!(rollout(&desk).epoch.0, 0);
    assert_eq!(rollout(&desk).edits.count, 2);
}

/// Otherwise whoever changes a limit again and again could put one budget after the other at risk.
#[test]
fn devices_at_risk_stay_at_risk_when_the_evidence_starts_anew() {
    let mut wanted = fields(&["100%"]);
    wanted.pace.budget = 12;
    let mut desk = Desk::started(DEVICES, wanted);
    let first = (0..DEVICES).filter(|index| desk.update(&device(*index))).count();
    assert!(first < DEVICES, "the budget holds some back");
    change(&mut desk, "ann", |fields| fields.soak = Span::hours(9)).expect("it may change");
    assert_eq!(rollout(&desk).epoch.0, 1);
    let more = (0..DEVICES).filter(|index| desk.update(&device(*index))).count();
    assert_eq!(more, 0, "{first} are at risk as before");
    // Two people who resume a halt have looked at it.
    desk.command("ops", Command::Halt { reason: "smoke".into() }).expect("it runs");
    for name in ["ops", "bob"] {
        desk.command(name, Command::Resume).expect("two people");
    }
    assert_eq!(rollout(&desk).edits.restarts, 0);
}

#[test]
fn stops_count_on_through_a_change() {
    let mut wanted = fields(&["100%"]);
    wanted.gates.stops.max_bricked = NonZeroU64::new(2);
    wanted.pace.budget = 40;
    let mut desk = Desk::started(DEVICES, wanted);
    desk.offer(&device(0));
    desk.report(&device(0), Event::Downloaded, None);
    desk.begin(&device(0));
    desk.tick(HORIZON);
    let touch = |desk: &mut Desk| {
        (0..DEVICES).for_each(|index| desk.fleet.touch(&device(index), desk.now));
    };
    touch(&mut desk);
    change(&mut desk, "ann", |fields| fields.soak = Span::hours(9)).expect("it may change");
    desk.offer(&device(1));
    desk.report(&device(1), Event::Downloaded, None);
    desk.begin(&device(1));
    desk.tick(HORIZON.plus(Span::hours(9)));
    assert_eq!(desk.phase(), "halted", "two are silent, one before the change and one after it");
}

#[test]
fn approvals_given_before_a_change_are_void() {
    let mut wanted = fields(&["5", "100%"]);
    wanted.approval = Approval { before: [RungIndex(1)].into(), by: 2, ..Approval::default() };
    let mut desk = Desk::started(DEVICES, wanted);
    desk.command("eve", Command::Approve { rung: RungIndex(1) }).expect("an approval");
    change(&mut desk, "ann", |fields| fields.pace.max_in_flight = Some(9)).expect("it is free");
    assert!(rollout(&desk).approvals.is_empty());
    let last = rollout(&desk).edits.last.clone().expect("a change");
    assert_eq!((last.by.as_str(), last.voided, last.restarted), ("ann", 1, false));
    // Whoever wrote part of a plan is no second pair of eyes on it.
    let refused = desk.command("ann", Command::Approve { rung: RungIndex(1) });
    assert_eq!(refused, Err(Refusal::Author { by: "ann".into() }));
    desk.command("eve", Command::Approve { rung: RungIndex(1) }).expect("once more");
}

#[test]
fn nobody_whom_the_plan_wants_asked_is_left_out() {
    let mut wanted = fields(&["5", "25%", "100%"]);
    wanted.approval = Approval { before: [RungIndex(1)].into(), by: 2, ..Approval::default() };
    let mut desk = Desk::started(DEVICES, wanted);
    let fewer = Err(Refusal::FewerApprovals { rung: "25%".into(), by: 2 });
    let none = change(&mut desk, "ann", |fields| fields.approval = Approval::default());
    assert_eq!(none, fewer);
    let one = change(&mut desk, "ann", |fields| fields.approval.by = 1);
    assert_eq!(one, fewer);
    // Not by another rung in its place, either.
    for rungs in [["5", "24%", "100%"], ["5", "10", "100%"]] {
        let other = change(&mut desk, "ann", |fields| {
            fields.ladder = ladder(&rungs);
            fields.approval.before = [RungIndex(2)].into();
        });
        assert_eq!(other, fewer, "{rungs:?}");
    }
    change(&mut desk, "ann", |fields| {
        fields.ladder = ladder(&["5", "24%", "100%"]);
        fields.approval =
            Approval { before: [RungIndex(1), RungIndex(2)].into(), by: 3, ..Approval::default() };
    })
    .expect("more people may be asked");
}

#[test]
fn a_halt_is_not_edited_around() {
    let mut desk = Desk::started(DEVICES, fields(&["100%"]));
    desk.command("ops", Command::Halt { reason: "smoke".into() }).expect("it runs");
    desk.command("ops", Command::Resume).expect("the first of two");
    let before = rollout(&desk).state_hash();
    for variant in 0..VARIANTS {
        let refused = edit(&mut desk, "ann", variant);
        assert_eq!(refused, Err(Refusal::EditHalted), "{variant}");
    }
    assert_eq!(rollout(&desk).state_hash(), before);
}

/// Reports and changes come into one queue: what the old limits stop is not saved by new ones.
#[test]
fn limits_that_come_after_a_report_do_not_judge_it() {
    let mut wanted = fields(&["100%"]);
    wanted.gates.stops.max_bricked = None;
    let mut desk = Desk::started(DEVICES, wanted);
    for index in 0..12 {
        desk.offer(&device(index));
        desk.report(&device(index), Event::Downloaded, None);
        desk.begin(&device(index));
    }
    (0..12).for_each(|index| desk.report(&device(index), Event::Failed, None));
    assert_eq!(desk.phase(), "deploying", "nobody has looked yet");
    let refused = change(&mut desk, "ann", |fields| fields.gates.failure = gate(0.4, 0.01));
    assert_eq!(refused, Err(Refusal::EditHalted));
    desk.tick(Span::secs(1));
    assert_eq!(desk.phase(), "halted");
}

#[test]
fn the_same_plan_is_no_change() {
    let mut desk = Desk::started(DEVICES, fields(&["5", "100%"]));
    let entries = desk.journal.len();
    change(&mut desk, "ann", |_| ()).expect("nothing to refuse");
    assert_eq!(desk.journal.len(), entries);
}

#[test]
fn what_waits_for_its_time_or_its_people_goes_by_the_changed_plan() {
    let mut wanted = fields(&["50%", "100%"]);
    wanted.start_at = Some(Timestamp(1_000_000_000));
    let mut desk = Desk::started(DEVICES, wanted);
    assert_eq!(desk.phase(), "scheduled");
    change(&mut desk, "ann", |fields| fields.start_at = None).expect("it has not begun");
    assert_eq!(desk.phase(), "deploying");

    let mut wanted = fields(&["50%", "100%"]);
    wanted.approval = Approval { before: [RungIndex(0)].into(), by: 1, ..Approval::default() };
    let mut desk = Desk::started(DEVICES, wanted);
    change(&mut desk, "ann", |fields| fields.approval.by = 2).expect("more people");
    assert_eq!(desk.phase(), "awaiting_approval");
    desk.command("eve", Command::Approve { rung: RungIndex(0) }).expect("one of two");
    assert_eq!(desk.phase(), "awaiting_approval");
    desk.command("bob", Command::Approve { rung: RungIndex(0) }).expect("two of two");
    assert_eq!(desk.phase(), "deploying");
}

/// What a tick has found out about the old windows is not believed of the new ones.
#[test]
fn windows_freezes_and_the_end_change_at_once() {
    let hour = |hours: u64| Timestamp(hours * 3_600_000);
    let mut wanted = fields(&["100%"]);
    wanted.schedule.windows = window("20:00", "21:00");
    let mut desk = Desk::started(DEVICES, wanted);
    desk.tick(Span::secs(1));
    assert_eq!(told(&desk), Some("EX-027"));
    change(&mut desk, "ann", |fields| fields.schedule.windows = window("00:00", "03:00"))
        .expect("windows are free");
    assert_eq!(told(&desk), None);
    assert!(desk.fleet.rollouts[&desk.rollout].first_opening.is_none());
    change(&mut desk, "ann", |fields| fields.schedule.windows = window("20:00", "21:00"))
        .expect("also back");
    assert_eq!(told(&desk), Some("EX-027"));
    change(&mut desk, "ann", |fields| fields.schedule.windows = Windows::default())
        .expect("also without one");
    assert_eq!(told(&desk), None);

    let freeze = Freeze { from: Timestamp(0), until: hour(2), reason: "the fair".into() };
    change(&mut desk, "ann", |fields| fields.schedule.freezes = vec![freeze]).expect("free");
    assert_eq!(told(&desk), Some("EX-029"));
    change(&mut desk, "ann", |fields| fields.schedule.freezes.clear()).expect("free");
    assert_eq!(told(&desk), None);

    change(&mut desk, "ann", |fields| fields.schedule.stop_at = Some(hour(1))).expect("free");
    desk.tick(hour(1).since(desk.now));
    assert_eq!(told(&desk), Some("EX-030"));
    change(&mut desk, "ann", |fields| fields.schedule.stop_at = Some(hour(2))).expect("free");
    assert_eq!(told(&desk), None, "a rollout whose end is put off goes on");
    assert_eq!(rollout(&desk).epoch.0, 0, "nobody is judged otherwise");
}

fn told(desk: &Desk) -> Option<&'static str> {
    let told = desk.fleet.admission(desk.rollout, &device(0), desk.now).expect("known");
    told.err().map(|reason| reason.code())
}

fn window(from: &str, to: &str) -> Windows {
    let minute = |text| Minute::parse(text).expect("a time of day");
    let days = Days::parse("mon-sun").expect("days");
    let zone = WindowZone::Fixed(Zone::find("UTC").expect("a zone"));
    let weekly = Weekly::new(days, minute(from), minute(to), zone).expect("a window");
    Windows { weekly: vec![weekly], zone_default: None }
}

/// Otherwise one person could take a rollout past the freezes of the fleet.
#[test]
fn an_emergency_is_declared_before_its_first_rung_and_by_those_who_are_asked() {
    let mut desk = Desk::started(DEVICES, fields(&["5", "100%"]));
    let declare = |lane| move |fields: &mut PlanFields| fields.schedule.lane = lane;
    let refused = change(&mut desk, "ann", declare(Lane::Emergency));
    assert_eq!(refused, Err(Refusal::FixedKey { key: "emergency" }));

    let mut wanted = fields(&["5", "100%"]);
    wanted.start_at = Some(Timestamp(1_000_000_000));
    let mut desk = Desk::started(DEVICES, wanted);
    change(&mut desk, "ann", declare(Lane::Emergency)).expect("it has not begun");
    assert_eq!(desk.phase(), "scheduled");
    desk.tick(Timestamp(1_000_000_000).since(desk.now));
    assert_eq!(desk.phase(), "awaiting_approval");
    let rung = RungIndex(0);
    for by in ["author", "ann"] {
        let refused = desk.command(by, Command::Approve { rung });
        assert_eq!(refused, Err(Refusal::Author { by: by.into() }));
    }
    // Nobody is asked less by calling it usual again.
    let refused = change(&mut desk, "ann", declare(Lane::Usual));
    assert_eq!(refused, Err(Refusal::FewerApprovals { rung: "5".into(), by: 2 }));
    desk.command("bob", Command::Approve { rung }).expect("one of two");
    assert_eq!(desk.phase(), "awaiting_approval");
    desk.command("eve", Command::Approve { rung }).expect("two of two");
    assert_eq!(desk.phase(), "deploying");
    let refused = change(&mut desk, "ann", declare(Lane::Usual));
    assert_eq!(refused, Err(Refusal::FixedKey { key: "emergency" }));
}

#[test]
fn every_change_is_an_effect_and_ended_rollouts_take_none() {
    let mut desk = Desk::started(DEVICES, fields(&["100%"]));
    let mut fields = PlanFields::clone(&rollout(&desk).plan);
    fields.soak = Span::hours(9);
    let plan = Arc::new(Plan::check(fields).expect("a plan"));
    let changes = rollout(&desk).changes(&plan);
    assert_eq!(
        changes.iter().map(|one| (one.key, one.consequence)).collect::<Vec<_>>(),
        [("soak", Consequence::EvidenceAnew)]
    );
    let command = Command::Edit { plan, says: String::new() };
    let commanded = rollout_core::rollout::Commanded { by: crate::desk::person("ann"), command };
    let (_, outbox) = desk.fleet.command(desk.rollout, &commanded, desk.now).expect("it may");
    let kinds: Vec<_> = outbox.iter().map(|effect| effect.kind.as_str()).collect();
    assert_eq!(kinds, [Effect::Edited.name(), Effect::EvidenceAnew.name()]);
    desk.command("ops", Command::Cancel).expect("it runs");
    let refused = change(&mut desk, "ann", |fields| fields.pace.max_in_flight = Some(9));
    assert_eq!(refused, Err(Refusal::Ended { phase: "canceled" }));
}

#[derive(Clone, Debug)]
enum Op {
    Edit(usize),
    Update(usize),
    Fail(usize),
    Tick(u64),
    HaltAndResume,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => (0..VARIANTS).prop_map(Op::Edit),
        8 => (0..DEVICES).prop_map(Op::Update),
        1 => (0..DEVICES).prop_map(Op::Fail),
        2 => (0..50_000_u64).prop_map(Op::Tick),
        1 => Just(Op::HaltAndResume),
    ]
}

fn play(desk: &mut Desk, op: &Op) {
    match op {
        Op::Edit(variant) => drop(edit(desk, "ann", *variant)),
        Op::Update(index) => drop(desk.update(&device(*index))),
        Op::Fail(index) => {
            desk.offer(&device(*index));
            desk.report(&device(*index), Event::Downloaded, None);
            drop(desk.begin(&device(*index)));
            desk.report(&device(*index), Event::Failed, None);
        }
        Op::Tick(secs) => desk.tick(Span::secs(*secs)),
        Op::HaltAndResume => {
            drop(desk.command("ops", Command::Halt { reason: "smoke".into() }));
            drop(desk.command("ops", Command::Resume));
            drop(desk.command("bob", Command::Resume));
        }
    }
}

/// Devices let in by position, at most as the rungs that were open allowed.
fn is_within(desk: &Desk, plans: &[Arc<Plan>]) -> bool {
    let running = &desk.fleet.rollouts[&desk.rollout];
    let rung = running.rollout.rung;
    let by_position = running.tally.sum(|_| true).by_position;
    let limit = |plan: &Arc<Plan>| match plan.ladder.rung(rung) {
        Some(_) => plan.ladder.count_limit(rung).unwrap_or(u64::MAX),
        None => 0,
    };
    plans.iter().map(limit).max().is_some_and(|limit| by_position <= limit)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However a plan is changed: all epochs together risk at most twice the largest alpha, nobody
    /// is let in whom no plan allowed, and the journal replays hash for hash.
    #[test]
    fn changes_cost_at_most_alpha_once_more(ops in prop::collection::vec(op(), 1..120)) {
        let mut desk = Desk::started(DEVICES, fields(&["5", "25%", "100%"]));
        let mut plans = vec![rollout(&desk).plan.clone()];
        let mut spent = vec![rollout(&desk).plan.gate_set().alpha(rollout(&desk).epoch).get()];
        for op in &ops {
            let epoch = rollout(&desk).epoch;
            play(&mut desk, op);
            let now = rollout(&desk);
            prop_assert!(now.epoch.0 <= epoch.0 + 1);
            if now.epoch != epoch {
                spent.push(now.plan.gate_set().alpha(now.epoch).get());
            }
            if !Arc::ptr_eq(plans.last().expect("one"), &now.plan) {
                plans.push(now.plan.clone());
            }
            prop_assert!(is_within(&desk, &plans));
            prop_assert!(matches!(now.phase, Phase::Draft) || now.has_begun());
        }
        let largest = plans.iter().map(|plan| plan.gates.failure.alpha().get()).fold(0.0, f64::max);
        prop_assert!(spent.iter().sum::<f64>() <= 2.0 * largest, "{spent:?}");
        let mut again = base();
        for stored in &desk.journal {
            again.fold(stored).expect("every decision replays to its state hash");
        }
        let again = again.rollouts[&desk.rollout].rollout.state_hash();
        prop_assert_eq!(again, rollout(&desk).state_hash());
    }
}
