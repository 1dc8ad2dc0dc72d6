//! When a rung is finished, and when it is not.

use crate::desk::{Desk, HORIZON, device, fields};
use rollout_core::fleet::Reply;
use rollout_core::gate::{FailureGate, HoldReason, Rate, Risk};
use rollout_core::position::{DeviceKey, Frontier, Position, Salt};
use rollout_core::rollout::{
    Approval, Command, OnSmall, Pace, PlanFields, Refusal, RungIndex, StratumId, Waiting,
};
use rollout_core::time::Span;
use rollout_core::wire::{Event, Reason};

/// Everybody who may updates; an hour passes; everybody is heard of.
fn round(desk: &mut Desk, devices: usize) {
    for index in 0..devices {
        desk.update(&device(index));
    }
    desk.tick(HORIZON);
    (0..devices).for_each(|index| desk.fleet.touch(&device(index), desk.now));
    desk.tick(Span::ZERO);
}

fn rung(desk: &Desk) -> u16 {
    desk.fleet.rollouts[&desk.rollout].rollout.rung.0
}

fn waiting(desk: &Desk) -> Option<Waiting> {
    let running = &desk.fleet.rollouts[&desk.rollout];
    desk.fleet
        .decide(desk.now, &[])
        .seen
        .into_iter()
        .find(|(id, ..)| *id == running.rollout.id)
        .and_then(|(_, waiting, _)| waiting)
}

#[test]
fn a_small_rung_goes_on_when_quiet_and_holds_if_the_plan_says_so() {
    for (on_small, next) in [(OnSmall::Quiet, 1), (OnSmall::Hold, 0)] {
        let mut desk = Desk::started(60, PlanFields { on_small, ..fields(&["5", "100%"]) });
        round(&mut desk, 60);
        assert_eq!(rung(&desk), next, "{on_small:?}");
        if on_small == OnSmall::Hold {
            assert_eq!(waiting(&desk), Some(Waiting::Operator));
        }
    }
}

#[test]
fn one_stray_failure_leaves_a_small_rung_quiet_and_two_do_not() {
    for (failures, next) in [(1, 1), (2, 0)] {
        let mut desk = Desk::started(60, fields(&["12", "100%"]));
        let mut left = failures;
        for index in 0..60 {
            if left > 0 && desk.offer(&device(index)) {
                desk.report(&device(index), Event::Downloaded, None);
                desk.begin(&device(index)).expect("an answer");
                desk.report(&device(index), Event::Returned, Some(Reason::Storage));
                left -= 1;
            } else {
                desk.update(&device(index));
            }
        }
        round(&mut desk, 60);
        assert_eq!(rung(&desk), next, "{failures} failures");
    }
}

/// A gate between whose two rates a quarter of failures lies: it decides neither way soon.
fn undecided() -> FailureGate {
    let rate = |value| Rate::new(value).expect("a rate");
    let risk = Risk::new(0.01).expect("a risk");
    FailureGate::new(rate(0.2), rate(0.3), risk, risk, 1).expect("a gate")
}

#[test]
fn a_rung_that_could_prove_and_did_not_holds() {
    let mut wanted = fields(&["50%", "100%"]);
    wanted.gates.failure = undecided();
    let mut desk = Desk::started(400, wanted);
    let plan = desk.fleet.rollouts[&desk.rollout].rollout.plan.clone();
    assert!(plan.can_prove(150), "half of the fleet can count on a proof");
    for _ in 0..30 {
        for index in 0..400 {
            if index % 4 > 0 {
                desk.update(&device(index));
            } else {
                fail(&mut desk, index);
            }
        }
        desk.tick(HORIZON);
        (0..400).for_each(|index| desk.fleet.touch(&device(index), desk.now));
        desk.tick(Span::ZERO);
    }
    assert_eq!((desk.phase(), rung(&desk)), ("soaking", 0));
    let hold = Waiting::Evidence { hold: HoldReason::StageExhausted };
    assert_eq!(waiting(&desk), Some(hold));
}

/// A device takes the image, if it may, and comes back from it.
fn fail(desk: &mut Desk, index: usize) {
    desk.offer(&device(index));
    desk.report(&device(index), Event::Downloaded, None);
    if matches!(desk.begin(&device(index)), Some(Reply::Yes { .. })) {
        desk.report(&device(index), Event::Returned, Some(Reason::Storage));
    }
}

#[test]
fn a_proven_release_still_waits_for_half_of_each_rung() {
    let mut desk = Desk::started(400, fields(&["300", "90%", "100%"]));
    while rung(&desk) == 0 {
        round(&mut desk, 400);
    }
    assert!(desk.fleet.rollouts[&desk.rollout].rollout.proven.is_some());
    for index in 0..400 {
        desk.update(&device(index));
    }
    desk.fleet.refresh(desk.now);
    desk.tick(Span::ZERO);
    assert!(matches!(waiting(&desk), Some(Waiting::Horizon { have: 0, .. })));
    assert_eq!(rung(&desk), 1);
}

#[test]
fn a_pause_does_not_bake() {
    let mut wanted = fields(&["5", "100%"]);
    wanted.reaching.min_bake = Span::hours(2);
    let mut desk = Desk::started(30, wanted);
    round(&mut desk, 30);
    let review_at = desk.now.after(Span::hours(9));
    let pause = Command::Pause { reason: "weekend".into(), review_at };
    desk.command("ann", pause).expect("it runs");
    desk.tick(Span::hours(5));
    desk.command("ann", Command::Resume).expect("her own");
    (0..30).for_each(|index| desk.fleet.touch(&device(index), desk.now));
    desk.tick(Span::ZERO);
    assert!(matches!(waiting(&desk), Some(Waiting::Bake { .. })));
    assert_eq!(rung(&desk), 0);
}

#[test]
fn the_last_rung_ends_when_all_it_exposed_have_reached_their_horizon() {
    let mut desk = Desk::started(
        20,
        PlanFields { pace: Pace { budget: 30, ..fields(&["100%"]).pace }, ..fields(&["100%"]) },
    );
    for index in 0..20 {
        desk.update(&device(index));
    }
    desk.tick(Span::secs(60));
    (0..20).for_each(|index| desk.fleet.touch(&device(index), desk.now));
    desk.tick(Span::ZERO);
    assert_eq!(desk.phase(), "soaking");
    assert_eq!(waiting(&desk), Some(Waiting::Horizon { have: 0, of: 20 }));
    desk.enroll(&device(99));
    assert!(desk.update(&device(99)), "one more, later");
    desk.tick(Span(HORIZON.0 - 60_000));
    (0..20).chain([99]).for_each(|index| desk.fleet.touch(&device(index), desk.now));
    desk.tick(Span::ZERO);
    assert_eq!(waiting(&desk), Some(Waiting::Horizon { have: 20, of: 21 }));
    desk.tick(Span::secs(60));
    (0..20).for_each(|index| desk.fleet.touch(&device(index), desk.now));
    desk.tick(Span::ZERO);
    assert_eq!(desk.phase(), "completed");
}

#[test]
fn unreachable_devices_do_not_block_a_rung() {
    let mut desk = Desk::started(40, fields(&["50%", "100%"]));
    for _ in 0..4 {
        for index in 0..30 {
            desk.update(&device(index));
        }
        desk.tick(HORIZON);
        // The last ten are never heard of again.
        (0..30).for_each(|index| desk.fleet.touch(&device(index), desk.now));
        desk.tick(Span::ZERO);
    }
    assert_eq!(desk.phase(), "completed");
    let (buckets, members) = {
        let running = &desk.fleet.rollouts[&desk.rollout];
        desk.fleet.census(running, desk.now)
    };
    assert_eq!((members, buckets[&rollout_core::device::Bucket::NotAdmitted]), (40, 10));
}

#[test]
fn a_rung_bakes_as_long_as_the_plan_says() {
    let mut wanted = fields(&["5", "100%"]);
    wanted.reaching.min_bake = Span::hours(2);
    let mut desk = Desk::started(30, wanted);
    round(&mut desk, 30);
    assert!(matches!(waiting(&desk), Some(Waiting::Bake { .. })));
    assert_eq!(rung(&desk), 0);
    let opened = desk.fleet.rollouts[&desk.rollout].rollout.rung_opened;
    let rest = Span(Span::hours(2).0 - desk.now.since(opened).0 - 1);
    for (span, expected) in [(rest, 0), (Span(1), 1)] {
        desk.now = desk.now.after(span);
        (0..30).for_each(|index| desk.fleet.touch(&device(index), desk.now));
        desk.tick(Span::ZERO);
        assert_eq!(rung(&desk), expected, "{} after it opened", desk.now.since(opened));
    }
}

#[test]
fn a_rung_that_nobody_answers_proves_nothing() {
    let mut wanted = fields(&["5", "100%"]);
    wanted.reaching.max_open = Span::hours(24);
    let mut desk = Desk::started(30, wanted);
    desk.tick(Span::hours(23));
    assert_eq!(rung(&desk), 0);
    desk.tick(Span::hours(2));
    assert_eq!(waiting(&desk), Some(Waiting::Evidence { hold: HoldReason::NoData }));
    assert_eq!(rung(&desk), 0, "without a single device there is nothing to be quiet about");
}

#[test]
fn a_rung_opens_only_with_the_approvals_of_others() {
    let before = [RungIndex(1)].into();
    let mut desk = Desk::started(
        30,
        PlanFields {
            approval: Approval { before, by: 2, ..Approval::default() },
            ..fields(&["5", "100%"])
        },
    );
    round(&mut desk, 30);
    assert_eq!(desk.phase(), "awaiting_approval");
    let approve = Command::Approve { rung: RungIndex(1) };
    let author = desk.command("author", approve.clone());
    assert_eq!(author, Err(Refusal::Author { by: "author".into() }));
    desk.command("ann", approve.clone()).expect("the first");
    assert_eq!(desk.phase(), "awaiting_approval");
    let twice = desk.command("ann", approve.clone());
    assert_eq!(twice, Err(Refusal::SamePerson { by: "ann".into() }));
    desk.command("bob", approve.clone()).expect("the second");
    assert_eq!((desk.phase(), rung(&desk)), ("deploying", 1));
    assert_eq!(desk.command("eve", approve), Err(Refusal::NoApprovalNeeded { rung: 2 }));
}

#[test]
fn advance_skips_the_wait_but_no_approval() {
    let before = [RungIndex(2)].into();
    let approval = Approval { before, by: 1, ..Approval::default() };
    let mut desk = Desk::started(30, PlanFields { approval, ..fields(&["5", "10", "100%"]) });
    desk.command("ops", Command::Advance).expect("no approval there");
    assert_eq!(rung(&desk), 1);
    let refused = desk.command("ops", Command::Advance);
    assert_eq!(refused, Err(Refusal::NeedsApproval { rung: 3, need: 1 }));
}

#[test]
fn a_rung_that_opens_to_nobody_is_passed_over_and_its_approvals_are_not() {
    let approval = Approval { before: [RungIndex(2)].into(), by: 1, ..Approval::default() };
    let wanted = PlanFields { approval, ..fields(&["1%", "2%", "100%"]) };
    let mut desk = Desk::started(9, wanted);
    let open_to = |desk: &Desk| {
        let rollout = &desk.fleet.rollouts[&desk.rollout].rollout;
        (0..9).filter(|index| rollout.share_frontier(StratumId(0)).opens(place(*index))).count()
    };
    assert_eq!(open_to(&desk), 0, "nobody is in the first two hundredths");
    assert_eq!((desk.phase(), rung(&desk)), ("awaiting_approval", 1));
    desk.command("ann", Command::Approve { rung: RungIndex(2) }).expect("an approval");
    assert_eq!((rung(&desk), open_to(&desk)), (2, 9));
}

#[test]
fn a_rung_is_not_passed_over_for_want_of_news_or_for_want_of_a_person() {
    let hold = PlanFields { on_small: OnSmall::Hold, ..fields(&["1%", "100%"]) };
    let desk = Desk::started(9, hold);
    assert_eq!((rung(&desk), waiting(&desk)), (0, Some(Waiting::Operator)));
    // In half of the fleet there are devices; none of them has been heard of for a day.
    let mut desk = Desk::started(9, fields(&["50%", "100%"]));
    let is_in = |index: &usize| Frontier::at_bp(5000).opens(place(*index));
    desk.now = desk.now.after(Span::hours(24));
    let others: Vec<usize> = (0..9).filter(|index| !is_in(index)).collect();
    assert!(!others.is_empty() && others.len() < 9);
    others.iter().for_each(|index| desk.fleet.touch(&device(*index), desk.now));
    desk.tick(Span::ZERO);
    assert_eq!((rung(&desk), waiting(&desk)), (0, Some(Waiting::Reach { have: 0, of: 0 })));
    // A fleet of nobody opens nothing, whatever its ladder.
    let mut desk = Desk::started(0, fields(&["1%", "2%", "100%"]));
    desk.tick(Span::hours(1));
    assert_eq!(rung(&desk), 0);
}

#[test]
fn nothing_is_completed_on_nothing() {
    let mut desk = Desk::started(9, fields(&["1%", "2%"]));
    desk.tick(Span::hours(24));
    (0..9).for_each(|index| desk.fleet.touch(&device(index), desk.now));
    desk.tick(Span::ZERO);
    assert_eq!((desk.phase(), rung(&desk)), ("deploying", 1));
}

/// Where a device stands in the order of the desk's rollout.
fn place(index: usize) -> Position {
    let salt = Salt::of("0192f7a0-0000-7000-8000-000000000001");
    Position::of(DeviceKey::of(device(index).as_str()), salt)
}

/// What was proven first stays as it was: how many had to mature, and when.
#[test]
fn a_release_is_proven_once() {
    let mut desk = Desk::started(400, fields(&["350", "100%"]));
    let proven = |desk: &Desk| desk.fleet.rollouts[&desk.rollout].rollout.proven;
    while proven(&desk).is_none() {
        round(&mut desk, 400);
    }
    let first = proven(&desk);
    let matured = |desk: &Desk| desk.fleet.rollouts[&desk.rollout].tally.sum(|_| true).matured;
    let before = matured(&desk);
    for _ in 0..3 {
        round(&mut desk, 400);
    }
    assert!(matured(&desk) > before, "more have matured since");
    assert_eq!(proven(&desk), first);
}
