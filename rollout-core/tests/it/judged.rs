//! What is judged, when, and what is frozen then.

use crate::desk::{Desk, HORIZON, device, fields, image};
use rollout_core::device::State;
use rollout_core::fleet::{Answer, Ask, Reply};
use rollout_core::rollout::{Command, Waiting};
use rollout_core::time::Span;
use rollout_core::wire::{Event, Reason};

fn everybody_is_heard_of(desk: &mut Desk, devices: usize) {
    (0..devices).for_each(|index| desk.fleet.touch(&device(index), desk.now));
    desk.tick(Span::ZERO);
}

/// What the desk's only rollout would wait for if it were looked at.
fn waiting(desk: &Desk) -> Option<Waiting> {
    desk.fleet.decide(desk.now, &[]).seen.into_iter().find_map(|(_, waiting, _)| waiting)
}

fn on_trial(desk: &mut Desk, index: usize) {
    assert!(desk.offer(&device(index)));
    desk.report(&device(index), Event::Downloaded, None);
    assert!(matches!(desk.begin(&device(index)), Some(Reply::Yes { .. })));
}

#[test]
fn proof_of_harm_halts_what_is_paused() {
    let mut desk = Desk::started(40, fields(&["100%"]));
    (0..12).for_each(|index| assert!(desk.update(&device(index))));
    let review_at = desk.now.after(Span::hours(1));
    desk.command("ann", Command::Pause { reason: "lunch".into(), review_at }).expect("it runs");
    (0..12).for_each(|index| desk.report(&device(index), Event::Crashed, Some(Reason::Crash)));
    desk.tick(Span::secs(1));
    assert_eq!(desk.phase(), "halted");
}

#[test]
fn proof_of_harm_halts_what_is_completed() {
    let mut desk = Desk::started(20, fields(&["100%"]));
    (0..20).for_each(|index| assert!(desk.update(&device(index))));
    desk.tick(HORIZON);
    everybody_is_heard_of(&mut desk, 20);
    assert_eq!(desk.phase(), "completed");
    // Latecomers of whom each one crashes.
    for index in 20..60 {
        desk.enroll(&device(index));
        if desk.update(&device(index)) {
            desk.report(&device(index), Event::Crashed, Some(Reason::Crash));
        }
        desk.tick(Span::secs(1));
    }
    assert_eq!(desk.phase(), "halted");
}

#[test]
fn the_last_rung_leaves_nobody_out_who_can_be_reached() {
    let mut desk = Desk::started(40, fields(&["100%"]));
    for _ in 0..6 {
        // Nine in ten get there, which is enough for any other rung.
        for index in 0..38 {
            desk.update(&device(index));
        }
        desk.tick(HORIZON);
        everybody_is_heard_of(&mut desk, 40);
    }
    assert_eq!(desk.fleet.rollouts[&desk.rollout].counts().confirmed, 38);
    assert_eq!(desk.phase(), "deploying");
    assert_eq!(waiting(&desk), Some(Waiting::Reach { have: 38, of: 40 }));
}

#[test]
fn a_small_rung_is_quiet_only_once_all_of_it_are_past_their_horizon() {
    let mut desk = Desk::started(60, fields(&["10", "100%"]));
    let in_rung: Vec<usize> = (0..60).filter(|index| desk.offer(&device(*index))).collect();
    assert_eq!(in_rung.len(), 10);
    let (early, late) = in_rung.split_at(8);
    early.iter().for_each(|index| assert!(desk.update(&device(*index))));
    desk.tick(Span(HORIZON.0 / 2));
    everybody_is_heard_of(&mut desk, 60);
    late.iter().for_each(|index| assert!(desk.update(&device(*index))));
    desk.tick(Span(HORIZON.0 / 2));
    everybody_is_heard_of(&mut desk, 60);
    let rung = |desk: &Desk| desk.fleet.rollouts[&desk.rollout].rollout.rung.0;
    assert_eq!(rung(&desk), 0, "two are still within theirs");
    assert_eq!(waiting(&desk), Some(Waiting::Horizon { have: 8, of: 10 }));
    desk.tick(Span(HORIZON.0 / 2));
    everybody_is_heard_of(&mut desk, 60);
    assert_eq!(rung(&desk), 1);
}

#[test]
fn the_counts_of_the_end_wait_for_who_is_on_trial() {
    let mut desk = Desk::started(10, fields(&["100%"]));
    (0..3).for_each(|index| on_trial(&mut desk, index));
    desk.report(&device(0), Event::Confirmed, None);
    desk.command("ops", Command::Halt { reason: "smoke".into() }).expect("it runs");
    let at_end = |desk: &Desk| desk.fleet.rollouts[&desk.rollout].at_end;
    assert_eq!(at_end(&desk), None, "two may still come to either");
    desk.report(&device(1), Event::Confirmed, None);
    desk.report(&device(2), Event::Returned, Some(Reason::Crash));
    let end = at_end(&desk).expect("all have come to something");
    assert_eq!((end.exposed, end.confirmed, end.rolled_back), (3, 2, 1));
}

#[test]
fn a_way_back_that_begins_ends_what_it_takes_back() {
    let mut desk = Desk::started(10, fields(&["100%"]));
    assert!(desk.update(&device(0)));
    let forward = desk.draft_back(2);
    let back = desk.rollout;
    assert_eq!(desk.fleet.rollouts[&forward].superseded_by, None, "a draft ends nothing");
    desk.command("ann", Command::Start).expect("a draft");
    assert_eq!(desk.fleet.rollouts[&forward].superseded_by, Some(back));
    desk.rollout = forward;
    assert!(!desk.offer(&device(1)), "nobody new gets what is taken back");
    let why = desk.fleet.admission(forward, &device(1), desk.now).expect("known");
    assert_eq!(why.expect_err("it is superseded").code(), "EX-023");
}

/// A sparse device makes us forget which of its reports were taken; what may have been counted is
/// not counted again.
#[test]
fn an_interruption_that_may_have_been_counted_is_not_counted_again() {
    let mut desk = Desk::started(10, fields(&["100%"]));
    on_trial(&mut desk, 0);
    let lost_power = |desk: &mut Desk| {
        desk.report_as(&device(0), 3, Event::Returned, Some(Reason::PowerLoss));
    };
    lost_power(&mut desk);
    assert!(matches!(desk.begin(&device(0)), Some(Reply::Yes { .. })), "again");
    for sequence in (5..100).step_by(2) {
        desk.report_as(&device(0), sequence, Event::Booted, None);
    }
    let execution = |desk: &Desk| desk.fleet.rollouts[&desk.rollout].executions[&device(0)].clone();
    let before = execution(&desk);
    assert_eq!((before.state, before.interruptions), (State::Permitted, 1));
    lost_power(&mut desk);
    assert_eq!(execution(&desk), before);
}

/// Who was never let go on did not get there by this rollout, whatever it runs.
#[test]
fn what_was_flashed_by_hand_is_no_success_of_a_rollout() {
    let mut desk = Desk::started(10, fields(&["100%"]));
    assert!(desk.offer(&device(0)));
    desk.report(&device(0), Event::Downloaded, None);
    desk.check_in(&device(0), "1.1.0", 2);
    let running = &desk.fleet.rollouts[&desk.rollout];
    assert_eq!((running.counts().exposed, running.counts().confirmed), (0, 0));
    assert_eq!(running.executions[&device(0)].state, State::Ready);
}

/// A device that went on to what another rollout gave it has not fallen back.
#[test]
fn who_was_taken_further_by_another_rollout_is_judged_by_its_own_image() {
    let mut desk = Desk::started(10, fields(&["100%"]));
    assert!(desk.update(&device(0)));
    let forward = desk.draft_back(2);
    let back = desk.rollout;
    desk.command("ann", Command::Start).expect("a draft");
    desk.tick(Span::secs(1));
    assert!(desk.offer(&device(0)));
    desk.report(&device(0), Event::Downloaded, None);
    let (device, digest) = (device(0), image("1.0.0"));
    let begin = Ask::Begin { device: device.clone(), rollout: back, attempt: 1, digest };
    assert!(matches!(desk.ask(begin).0, Answer::Begin(Ok(Reply::Yes { .. }))));
    desk.check_in(&device, "1.0.0", 3);
    desk.tick(HORIZON);
    for rollout in [forward, back] {
        let all = desk.fleet.rollouts[&rollout].tally.sum(|_| true);
        assert_eq!((all.matured, all.matured_bad), (1, 0), "{rollout}");
    }
}

/// What a device itself judged is offered to it no more; what came from outside is.
#[test]
fn a_device_remembers_what_it_fled_from_and_not_what_befell_it() {
    let fled = |reason| {
        let mut desk = Desk::started(10, fields(&["100%"]));
        on_trial(&mut desk, 0);
        desk.report(&device(0), Event::Returned, Some(reason));
        !desk.fleet.devices[&device(0)].fled.is_empty()
    };
    for reason in [Reason::SelfTest, Reason::Crash, Reason::Watchdog, Reason::SafetyFault] {
        assert!(fled(reason), "{reason:?}");
    }
    for reason in [Reason::PowerLoss, Reason::NoRoundTrip, Reason::Storage, Reason::Other] {
        assert!(!fled(reason), "{reason:?}");
    }
}

/// Late, but it says what the device itself found.
#[test]
fn a_flight_told_after_the_horizon_is_remembered() {
    let mut desk = Desk::started(10, fields(&["100%"]));
    on_trial(&mut desk, 0);
    desk.tick(HORIZON.plus(HORIZON));
    let state = |desk: &Desk| desk.fleet.rollouts[&desk.rollout].executions[&device(0)].state;
    assert_eq!(state(&desk), State::Silent);
    desk.report(&device(0), Event::Returned, Some(Reason::SelfTest));
    assert_eq!(state(&desk), State::RolledBack);
    assert!(desk.fleet.devices[&device(0)].fled.contains(&image("1.1.0")));
}
