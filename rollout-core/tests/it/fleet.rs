//! Whole rollouts over a small fleet in memory.

use crate::desk::{Desk, HORIZON, device, fields};
use rollout_core::device::State;
use rollout_core::fleet::{Answer, Ask, Reply};
use rollout_core::id::RolloutId;
use rollout_core::journal::{Entry, ReportRecord};
use rollout_core::position::Frontier;
use rollout_core::rollout::{
    Command, Installed, Phase, Plan, PlanFields, Refusal, RungIndex, StratumId, Waiting,
};
use rollout_core::time::{Span, Timestamp};
use rollout_core::wire::{Event, Reason};

#[test]
fn a_good_release_climbs_its_ladder_and_is_proven_at_281() {
    let mut desk = Desk::started(300, fields(&["5", "5%", "25%", "100%"]));
    for _ in 0..200 {
        for index in 0..300 {
            desk.update(&device(index));
        }
        desk.tick(Span::secs(60));
        if desk.phase() == "completed" {
            break;
        }
    }
    let running = &desk.fleet.rollouts[&desk.rollout];
    assert_eq!(running.rollout.phase.name(), "completed", "{:?}", running.waiting);
    assert_eq!(running.counts().confirmed, 300);
    let proven = running.rollout.proven.expect("300 good devices prove it");
    assert!((281..=300).contains(&proven.matured), "{proven:?}");
}

#[test]
fn silence_alone_halts_within_the_budget() {
    let mut desk = Desk::started(300, fields(&["100%"]));
    for round in 0..40 {
        for index in 0..300 {
            let device = device(index);
            if desk.offer(&device) {
                desk.report(&device, Event::Downloaded, None);
            }
            let _ = desk.begin(&device);
        }
        desk.tick(Span::secs(60));
        assert!(desk.fleet.rollouts[&desk.rollout].counts().exposed <= 20, "round {round}");
    }
    let running = &desk.fleet.rollouts[&desk.rollout];
    let Phase::Halted { cause, .. } = &running.rollout.phase else {
        panic!("{:?}", running.rollout.phase)
    };
    assert_eq!(cause.name(), "evidence");
    assert_eq!(running.counts().exposed, 20);
}

#[test]
fn a_halted_begin_is_told_to_stop_and_the_slot_stays_taken_until_it_says_so() {
    let mut desk = Desk::started(30, fields(&["100%"]));
    let first = device(0);
    assert!(desk.offer(&first));
    desk.report(&first, Event::Downloaded, None);
    assert!(matches!(desk.begin(&first), Some(Reply::Yes { .. })));
    assert!(matches!(desk.begin(&first), Some(Reply::Yes { .. })), "a repeated begin");
    let halt = Command::Halt { reason: "smoke".into() };
    desk.command("ops", halt).expect("it runs");
    assert!(matches!(desk.begin(&first), Some(Reply::Stop(_))));
    assert_eq!(desk.fleet.rollouts[&desk.rollout].counts().exposed, 1);
    desk.report(&first, Event::Stopped, Some(Reason::Told));
    assert_eq!(desk.fleet.rollouts[&desk.rollout].counts().exposed, 0);
}

#[test]
fn a_halt_is_resumed_by_two_people_only() {
    let mut desk = Desk::started(30, fields(&["100%"]));
    desk.command("ops", Command::Halt { reason: "smoke".into() }).expect("it runs");
    desk.command("ann", Command::Resume).expect("the first");
    assert_eq!(desk.phase(), "halted");
    let again = desk.command("ann", Command::Resume);
    assert_eq!(again, Err(Refusal::SamePerson { by: "ann".into() }));
    assert!(!desk.offer(&device(1)), "not before the second");
    desk.command("bob", Command::Resume).expect("the second");
    assert_eq!(desk.phase(), "deploying");
    assert_eq!(desk.fleet.rollouts[&desk.rollout].rollout.epoch.0, 1);
    assert!(desk.offer(&device(1)));
}

#[test]
fn three_hours_without_us_count_no_device_as_silent() {
    let mut desk = Desk::started(30, fields(&["100%"]));
    for index in 0..10 {
        let device = device(index);
        assert!(desk.offer(&device));
        desk.report(&device, Event::Downloaded, None);
        assert!(matches!(desk.begin(&device), Some(Reply::Yes { .. })));
    }
    let from = desk.now;
    desk.now = desk.now.after(Span::hours(3));
    let outage = rollout_core::time::Window { from, to: desk.now };
    desk.write(rollout_core::journal::Entry::Outage(outage));
    desk.tick(Span::secs(1));
    for index in 0..10 {
        desk.report(&device(index), Event::Returned, Some(Reason::NoRoundTrip));
        assert!(matches!(desk.begin(&device(index)), Some(Reply::Yes { .. })), "again");
        desk.check_in(&device(index), "1.1.0", 2);
    }
    desk.tick(HORIZON);
    let counts = desk.fleet.rollouts[&desk.rollout].counts();
    assert_eq!((counts.confirmed, counts.silent, counts.failed), (10, 0, 0));
    assert_ne!(desk.phase(), "halted");
}

#[test]
fn a_pause_has_an_owner_and_gives_nothing() {
    let mut desk = Desk::started(30, fields(&["100%"]));
    let past = Command::Pause { reason: "lunch".into(), review_at: Timestamp(0) };
    assert_eq!(desk.command("ann", past), Err(Refusal::ReviewPassed));
    let review_at = desk.now.after(Span::hours(1));
    let pause = Command::Pause { reason: "lunch".into(), review_at };
    desk.command("ann", pause).expect("it runs");
    assert!(!desk.offer(&device(0)));
    desk.tick(Span::secs(1));
    let waiting = &desk.fleet.rollouts[&desk.rollout].waiting;
    assert!(matches!(waiting, Some(Waiting::Resume { review, .. }) if review.reason == "lunch"));
    desk.command("bob", Command::Resume).expect("one person");
    assert!(desk.offer(&device(0)));
}

#[test]
fn a_way_back_is_for_those_that_still_run_it() {
    let mut desk = Desk::started(40, fields(&["100%"]));
    for _ in 0..3 {
        for index in 0..40 {
            desk.update(&device(index));
        }
        desk.tick(HORIZON);
        (0..40).for_each(|index| desk.fleet.touch(&device(index), desk.now));
        desk.tick(Span::ZERO);
    }
    assert_eq!(desk.phase(), "completed");
    desk.check_in(&device(7), "0.9.0", 2);
    let (plan, devices) = desk.fleet.rollback_plan(desk.rollout).expect("a way back");
    assert_eq!(devices, 39);
    let back = rollout_core::id::RolloutId::parse("0192f7a0-0000-7000-8000-000000000002");
    let back = back.expect("a UUID");
    let by = crate::desk::person("ann");
    desk.write(rollout_core::journal::Entry::Drafted { rollout: back, plan: plan.into(), by });
    let forward = core::mem::replace(&mut desk.rollout, back);
    desk.command("ann", Command::Start).expect("a draft");
    desk.tick(Span::secs(1));
    assert!(desk.offer(&device(0)));
    assert!(!desk.offer(&device(7)), "it has moved on");
    let (buckets, members) = desk.fleet.census(&desk.fleet.rollouts[&back], desk.now);
    assert_eq!((buckets.values().sum::<u64>(), members), (40, 40));
    let why = desk.fleet.admission(forward, &device(7), desk.now).expect("known");
    assert_eq!(why.expect_err("taken back").code(), "EX-008", "its attempt there ended");
}

#[test]
fn a_device_that_comes_after_the_end_is_still_served() {
    let mut desk = Desk::started(20, fields(&["100%"]));
    for index in 0..20 {
        desk.update(&device(index));
    }
    desk.tick(HORIZON);
    (0..20).for_each(|index| desk.fleet.touch(&device(index), desk.now));
    desk.tick(Span::ZERO);
    assert_eq!(desk.phase(), "completed");
    desk.enroll(&device(99));
    assert!(
        desk.update(&device(99)),
        "{:?}",
        desk.fleet.explain(desk.rollout, &device(99), desk.now)
    );
}

#[test]
fn counts_of_another_rung_open_nothing() {
    let mut desk = Desk::started(1000, fields(&["20", "5%", "100%"]));
    for index in 0..1000 {
        desk.update(&device(index));
    }
    desk.now = desk.now.after(HORIZON);
    desk.write(Entry::Clock);
    (0..1000).for_each(|index| desk.fleet.touch(&device(index), desk.now));
    desk.fleet.refresh(desk.now);
    // Many decisions between two ticks: all see what was counted while the first rung was open.
    for _ in 0..5 {
        for entry in desk.fleet.decide(desk.now, &[]).entries {
            desk.write(entry);
        }
    }
    assert_eq!(desk.fleet.rollouts[&desk.rollout].rollout.rung, RungIndex(1));
}

#[test]
fn a_count_is_a_hard_count() {
    let mut desk = Desk::started(200, fields(&["5", "100%"]));
    desk.now = desk.now.after(Span::hours(1));
    // Only every tenth is reachable, so the frontier that opens five of them opens many more.
    (0..200).step_by(10).for_each(|index| desk.fleet.touch(&device(index), desk.now));
    desk.tick(Span::ZERO);
    let frontier = desk.fleet.rollouts[&desk.rollout].rollout.frontier(StratumId(0));
    assert!(frontier > Frontier::at_bp(1000), "{frontier}");
    let permitted = (0..200).filter(|index| desk.update(&device(*index))).count();
    assert_eq!(permitted, 5);
}

#[test]
fn a_report_taken_twice_changes_nothing() {
    let mut desk = Desk::started(30, fields(&["100%"]));
    let first = device(0);
    assert!(desk.offer(&first));
    desk.report(&first, Event::Downloaded, None);
    assert!(matches!(desk.begin(&first), Some(Reply::Yes { .. })));
    desk.report_as(&first, 9, Event::Returned, Some(Reason::PowerLoss));
    let once = desk.fleet.rollouts[&desk.rollout].executions[&first].clone();
    assert_eq!(once.state, State::Interrupted);
    desk.report_as(&first, 9, Event::Returned, Some(Reason::PowerLoss));
    assert_eq!(desk.fleet.rollouts[&desk.rollout].executions[&first], once);
}

#[test]
fn a_plan_that_says_so_takes_devices_back_after_a_halt() {
    let wanted = PlanFields { on_halt: Installed::RollBack, ..fields(&["100%"]) };
    let mut desk = Desk::started(30, wanted);
    assert!(desk.update(&device(0)));
    desk.command("ops", Command::Halt { reason: "smoke".into() }).expect("it runs");
    let halted = &desk.fleet.rollouts[&desk.rollout].rollout;
    let back = halted.way_back_id();
    assert_eq!(desk.fleet.rollouts[&back].rollout.phase.name(), "deploying");
    desk.rollout = back;
    desk.tick(Span::secs(1));
    assert!(desk.offer(&device(0)), "it runs the release");
    assert!(!desk.offer(&device(1)), "it never got it");
}

#[test]
fn a_resumed_halt_does_not_stop_for_what_is_behind_it() {
    let mut wanted = fields(&["100%"]);
    wanted.gates.stops.max_consecutive_failures = core::num::NonZeroU64::new(2);
    let mut desk = Desk::started(30, wanted);
    for index in 0..2 {
        assert!(desk.offer(&device(index)));
        desk.report(&device(index), Event::Downloaded, None);
        assert!(matches!(desk.begin(&device(index)), Some(Reply::Yes { .. })));
        desk.report(&device(index), Event::Returned, Some(Reason::Crash));
    }
    desk.tick(Span::secs(1));
    assert_eq!(desk.phase(), "halted");
    for name in ["ann", "bob"] {
        desk.command(name, Command::Resume).expect("two people");
    }
    desk.tick(Span::secs(1));
    assert_eq!(desk.phase(), "deploying");
}

#[test]
fn devices_may_download_while_all_permits_are_out() {
    let mut desk = Desk::started(130, fields(&["100%"]));
    for index in 0..20 {
        assert!(desk.update(&device(index)));
    }
    assert!(desk.offer(&device(20)), "the permit cap is used up, four times as many may wait");
    desk.report(&device(20), Event::Downloaded, None);
    assert!(matches!(desk.begin(&device(20)), Some(Reply::Wait(_))));
    for index in 21..130 {
        desk.offer(&device(index));
    }
    let pending = desk.fleet.rollouts[&desk.rollout].tally.pending;
    assert_eq!(pending.offers, 80, "as many as may be");
}

#[test]
fn a_resumed_halt_does_not_open_the_next_rung_on_nothing() {
    let mut desk = Desk::started(60, fields(&["12", "100%"]));
    for index in 0..60 {
        if desk.offer(&device(index)) {
            desk.report(&device(index), Event::Downloaded, None);
            if matches!(desk.begin(&device(index)), Some(Reply::Yes { .. })) {
                desk.report(&device(index), Event::Returned, Some(Reason::Storage));
            }
        }
    }
    desk.tick(HORIZON);
    assert_eq!(desk.phase(), "halted");
    for name in ["ann", "bob"] {
        desk.command(name, Command::Resume).expect("two people");
    }
    for _ in 0..3 {
        (0..60).for_each(|index| desk.fleet.touch(&device(index), desk.now));
        desk.tick(Span::secs(60));
    }
    assert_eq!(desk.fleet.rollouts[&desk.rollout].rollout.rung, RungIndex(0));
}

#[test]
fn a_device_has_one_open_execution_however_it_asks() {
    let mut desk = Desk::started(10, fields(&["100%"]));
    let first = desk.rollout;
    assert!(desk.offer(&device(0)));
    desk.report(&device(0), Event::Downloaded, None);
    desk.tick(Span::hours(2));
    let plan = Plan::check(fields(&["100%"])).expect("a plan").into();
    let second = RolloutId(uuid::Uuid::from_u128(2));
    desk.write(Entry::Drafted { rollout: second, plan, by: crate::desk::person("author") });
    desk.rollout = second;
    desk.command("ops", Command::Start).expect("a draft");
    desk.tick(Span::secs(1));
    assert!(desk.offer(&device(0)), "the newer rollout takes over what has lapsed");
    desk.rollout = first;
    for late in [Event::Downloading, Event::Downloaded] {
        desk.report(&device(0), late, None);
        let state = |rollout| desk.fleet.rollouts[&rollout].executions[&device(0)].state;
        assert_eq!((state(first), state(second)), (State::Lapsed, State::Offered), "{late:?}");
    }
    assert_eq!(desk.fleet.devices[&device(0)].open, Some(second));
    desk.rollout = second;
    desk.report(&device(0), Event::Downloaded, None);
    assert!(matches!(desk.begin(&device(0)), Some(Reply::Yes { .. })));
    desk.rollout = first;
    assert!(matches!(desk.begin(&device(0)), Some(Reply::Stop(_))), "the older one is over for it");
}

#[test]
fn a_withdrawn_release_is_permitted_to_nobody() {
    let mut desk = Desk::started(10, fields(&["100%"]));
    assert!(desk.offer(&device(0)));
    desk.report(&device(0), Event::Downloaded, None);
    let release = desk.fleet.releases.keys().next().expect("a release").clone();
    let (by, reason) = (crate::desk::person("ci"), "smells".into());
    desk.write(Entry::Withdrawn { release, by, reason });
    assert!(matches!(desk.begin(&device(0)), Some(Reply::Stop(_))));
}

#[test]
fn a_canceled_way_back_leaves_its_rollout_alone() {
    let mut desk = Desk::started(10, fields(&["100%"]));
    assert!(desk.update(&device(0)));
    let forward = desk.draft_back(2);
    desk.command("ann", Command::Cancel).expect("a draft may be canceled");
    desk.rollout = forward;
    assert!(desk.offer(&device(1)));
}

#[test]
fn a_device_that_falls_back_before_its_horizon_is_no_success() {
    let mut desk = Desk::started(10, fields(&["100%"]));
    assert!(desk.update(&device(0)));
    desk.check_in(&device(0), "1.0.0", 1);
    desk.tick(HORIZON);
    let all = desk.fleet.rollouts[&desk.rollout].tally.sum(|_| true);
    assert_eq!((all.matured, all.matured_bad), (1, 1));
}

#[test]
fn who_has_booted_the_image_stays_exposed() {
    let mut desk = Desk::started(10, fields(&["100%"]));
    let first = device(0);
    assert!(desk.offer(&first));
    desk.report(&first, Event::Downloaded, None);
    assert!(matches!(desk.begin(&first), Some(Reply::Yes { .. })));
    desk.report(&first, Event::Returned, Some(Reason::PowerLoss));
    desk.command("ops", Command::Halt { reason: "smoke".into() }).expect("it runs");
    desk.report(&first, Event::Stopped, Some(Reason::Told));
    desk.tick(HORIZON);
    let running = &desk.fleet.rollouts[&desk.rollout];
    assert_eq!(running.counts().exposed, 1);
    assert_eq!(running.tally.sum(|_| true).matured, 0, "and has no outcome");
}

#[test]
fn a_report_of_an_attempt_nobody_had_is_refused() {
    let mut desk = Desk::started(10, fields(&["100%"]));
    assert!(desk.offer(&device(0)));
    let report = |attempt| ReportRecord {
        device: device(0),
        incarnation: 1,
        sequence: 1,
        rollout: desk.rollout,
        attempt,
        event: Event::Downloaded,
        reason: None,
        detail: None,
    };
    assert!(desk.fleet.check_reports(&[report(1)]).is_ok());
    for attempt in [0, 2, 7] {
        assert!(desk.fleet.check_reports(&[report(attempt)]).is_err(), "{attempt}");
    }
}

#[test]
fn a_device_on_trial_is_explained_as_that() {
    let mut desk = Desk::started(10, fields(&["100%"]));
    assert!(desk.offer(&device(0)));
    desk.report(&device(0), Event::Downloaded, None);
    assert!(matches!(desk.begin(&device(0)), Some(Reply::Yes { .. })));
    let told = desk.fleet.explain(desk.rollout, &device(0), desk.now).expect("known");
    assert_eq!(told.verdict.to_string(), "not offered: the device has its permit and is on trial");
}

#[test]
fn a_group_of_questions_is_answered_one_after_the_other() {
    let mut desk = Desk::started(60, fields(&["100%"]));
    for index in 0..60 {
        desk.offer(&device(index));
        desk.report(&device(index), Event::Downloaded, None);
    }
    let rollout = desk.rollout;
    let begin = |index| {
        let (device, digest) = (device(index), crate::desk::image("1.1.0"));
        Ask::Begin { device, rollout, attempt: 1, digest }
    };
    // Sixty devices in one group, the first of them twice.
    let asks: Vec<_> = (0..60).chain([0]).map(begin).collect();
    let decided = desk.fleet.decide(desk.now, &asks);
    let granted = decided.entries.iter().filter(|e| matches!(e, Entry::Permitted { .. })).count();
    assert_eq!(granted, 20, "as many as the budget");
    let yes = |answer: &&Answer| matches!(answer, Answer::Begin(Ok(Reply::Yes { .. })));
    assert_eq!(decided.answers.iter().filter(yes).count(), 21, "and the repeated yes");
}

#[test]
fn nothing_is_permitted_during_a_pause() {
    let mut desk = Desk::started(10, fields(&["100%"]));
    assert!(desk.offer(&device(0)));
    desk.report(&device(0), Event::Downloaded, None);
    let review_at = desk.now.after(Span::hours(1));
    desk.command("ann", Command::Pause { reason: "lunch".into(), review_at }).expect("it runs");
    assert!(matches!(desk.begin(&device(0)), Some(Reply::Wait(_))));
    desk.command("ann", Command::Resume).expect("her own");
    assert!(matches!(desk.begin(&device(0)), Some(Reply::Yes { .. })));
}

#[test]
fn a_report_of_an_earlier_attempt_changes_nothing() {
    let mut desk = Desk::started(10, fields(&["100%"]));
    assert!(desk.offer(&device(0)));
    desk.command("ops", Command::Halt { reason: "smoke".into() }).expect("it runs");
    for name in ["ann", "bob"] {
        desk.command(name, Command::Resume).expect("two people");
    }
    assert!(desk.offer(&device(0)));
    let second = desk.fleet.rollouts[&desk.rollout].executions[&device(0)].clone();
    assert_eq!(second.attempt, 2);
    desk.write(Entry::Reported(ReportRecord {
        device: device(0),
        incarnation: 1,
        sequence: 1,
        rollout: desk.rollout,
        attempt: 1,
        event: Event::Refused,
        reason: Some(Reason::Size),
        detail: None,
    }));
    assert_eq!(desk.fleet.rollouts[&desk.rollout].executions[&device(0)], second);
}

#[test]
fn the_window_of_a_count_closes_when_a_share_opens() {
    let mut desk = Desk::started(1000, fields(&["20", "1%", "100%"]));
    desk.now = desk.now.after(Span::hours(1));
    (0..10).for_each(|index| desk.fleet.touch(&device(index), desk.now));
    desk.tick(Span::ZERO);
    let open = |desk: &Desk| desk.fleet.rollouts[&desk.rollout].rollout.frontier(StratumId(0));
    assert_eq!(open(&desk), Frontier::OPEN, "only ten are reachable, twenty are wanted");
    desk.command("ops", Command::Advance).expect("it deploys");
    assert_eq!(open(&desk), Frontier::at_bp(100));
    for index in 0..1000 {
        desk.offer(&device(index));
    }
    let offers = desk.fleet.rollouts[&desk.rollout].tally.pending.offers;
    assert!(offers < 30, "{offers} offers in a rung of 1 %");
}

/// A confirmation says what runs, whole: image, version and counter.
#[test]
fn a_confirmation_names_the_version_too() {
    let mut desk = Desk::started(10, fields(&["100%"]));
    assert!(desk.offer(&device(0)));
    desk.report(&device(0), Event::Downloaded, None);
    desk.begin(&device(0)).expect("a permit");
    desk.report(&device(0), Event::Confirmed, None);
    let running =
        &desk.fleet.devices[&device(0)].facts.as_ref().expect("it has checked in").running;
    let told = (running.digest, running.version.as_str(), running.counter.0);
    assert_eq!(told, (crate::desk::image("1.1.0"), "1.1.0", 2));
}
