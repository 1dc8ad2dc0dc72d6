//! What a pause or a halt leaves behind once it is resumed: nothing that was due is skipped.

use crate::desk::{Desk, HORIZON, device, fields};
use rollout_core::fleet::Reply;
use rollout_core::rollout::{Approval, Command, PlanFields, Refusal, RungIndex, Waiting};
use rollout_core::time::{Span, Timestamp};
use rollout_core::wire::{Event, Reason};

const DEVICES: usize = 60;

fn needs_two(ladder: &[&str], rung: u16) -> PlanFields {
    let approval = Approval { before: [RungIndex(rung)].into(), by: 2, ..Approval::default() };
    PlanFields { approval, ..fields(ladder) }
}

fn later(ladder: &[&str]) -> PlanFields {
    PlanFields { start_at: Some(Timestamp(1_000_000_000)), ..fields(ladder) }
}

fn pause_and_resume(desk: &mut Desk) {
    let review_at = desk.now.after(Span::hours(1));
    desk.command("ops", Command::Pause { reason: "who?".into(), review_at }).expect("it gives");
    desk.command("ops", Command::Resume).expect("one person");
    desk.tick(Span::secs(1));
}

fn halt_and_resume(desk: &mut Desk) {
    desk.command("ops", Command::Halt { reason: "smoke".into() }).expect("it is not over");
    for name in ["ops", "bob"] {
        desk.command(name, Command::Resume).expect("two people");
    }
    desk.tick(Span::secs(1));
}

fn updated(desk: &mut Desk) -> usize {
    (0..DEVICES).filter(|index| desk.update(&device(*index))).count()
}

fn waiting(desk: &Desk) -> Option<Waiting> {
    desk.fleet.rollouts[&desk.rollout].waiting.clone()
}

#[test]
fn a_pause_or_a_halt_skips_no_approval_of_the_first_rung() {
    for ladder in [["5", "100%"], ["50%", "100%"]] {
        for stop in [pause_and_resume, halt_and_resume] {
            let mut desk = Desk::started(DEVICES, needs_two(&ladder, 0));
            assert_eq!(desk.phase(), "awaiting_approval");
            stop(&mut desk);
            assert_eq!(desk.phase(), "awaiting_approval", "{ladder:?}");
            assert_eq!(updated(&mut desk), 0, "{ladder:?}");
            for name in ["ann", "eve"] {
                desk.command(name, Command::Approve { rung: RungIndex(0) }).expect("an approval");
            }
            desk.tick(Span::secs(1));
            assert!(updated(&mut desk) > 0, "{ladder:?} hangs though two have approved");
        }
    }
}

#[test]
fn approvals_given_during_a_pause_count_when_it_ends() {
    let mut desk = Desk::started(DEVICES, needs_two(&["50%", "100%"], 0));
    let review_at = desk.now.after(Span::hours(1));
    desk.command("ops", Command::Pause { reason: "who?".into(), review_at }).expect("it gives");
    for name in ["ann", "eve"] {
        desk.command(name, Command::Approve { rung: RungIndex(0) }).expect("an approval");
    }
    assert_eq!(updated(&mut desk), 0, "it is paused");
    desk.command("ops", Command::Resume).expect("one person");
    desk.tick(Span::secs(1));
    assert!(updated(&mut desk) > 0);
}

#[test]
fn a_halt_before_its_time_is_resumed_to_its_time() {
    for ladder in [["5", "100%"], ["50%", "100%"]] {
        let mut desk = Desk::started(DEVICES, later(&ladder));
        assert_eq!(desk.phase(), "scheduled");
        halt_and_resume(&mut desk);
        assert_eq!(desk.phase(), "scheduled");
        assert_eq!(waiting(&desk), Some(Waiting::Until { at: Timestamp(1_000_000_000) }));
        assert_eq!(updated(&mut desk), 0, "before its time");
        desk.tick(Span::secs(1_000_000));
        (0..DEVICES).for_each(|index| desk.fleet.touch(&device(index), desk.now));
        desk.tick(Span::secs(1));
        assert!(updated(&mut desk) > 0, "{ladder:?} hangs after its time");
    }
}

#[test]
fn a_pause_before_a_later_approval_comes_back_to_it() {
    let mut desk = Desk::started(DEVICES, needs_two(&["5", "100%"], 1));
    updated(&mut desk);
    desk.tick(HORIZON);
    (0..DEVICES).for_each(|index| desk.fleet.touch(&device(index), desk.now));
    desk.tick(Span::ZERO);
    assert_eq!(desk.phase(), "awaiting_approval");
    pause_and_resume(&mut desk);
    assert_eq!(desk.phase(), "awaiting_approval");
    assert_eq!(waiting(&desk), Some(Waiting::Approval { rung: 2, have: 0, need: 2 }));
    assert_eq!(updated(&mut desk), 0);
}

#[test]
fn what_was_completed_is_completed_after_a_pause() {
    let mut desk = Desk::started(10, fields(&["100%"]));
    (0..10).for_each(|index| assert!(desk.update(&device(index))));
    desk.tick(HORIZON);
    (0..10).for_each(|index| desk.fleet.touch(&device(index), desk.now));
    desk.tick(Span::ZERO);
    assert_eq!(desk.phase(), "completed");
    pause_and_resume(&mut desk);
    assert_eq!(desk.phase(), "completed");
}

/// A device takes the image and comes back from it; says whether it was let go on.
fn fail(desk: &mut Desk, index: usize, reason: Reason) -> bool {
    desk.offer(&device(index));
    desk.report(&device(index), Event::Downloaded, None);
    let let_go = matches!(desk.begin(&device(index)), Some(Reply::Yes { .. }));
    if let_go {
        desk.report(&device(index), Event::Returned, Some(reason));
    }
    let_go
}

/// Everybody who may updates, and all come to their horizon.
fn round(desk: &mut Desk, devices: usize) {
    for index in 0..devices {
        desk.update(&device(index));
    }
    desk.tick(HORIZON);
    (0..devices).for_each(|index| desk.fleet.touch(&device(index), desk.now));
    desk.tick(Span::ZERO);
}

#[test]
fn a_proof_does_not_survive_the_halt_after_it() {
    let mut desk = Desk::started(400, fields(&["300", "100%"]));
    while desk.fleet.rollouts[&desk.rollout].rollout.proven.is_none() {
        round(&mut desk, 400);
    }
    halt_and_resume(&mut desk);
    let running = &desk.fleet.rollouts[&desk.rollout];
    assert_eq!(running.rollout.proven, None);
    assert_eq!(running.rollout.permit_cap(&running.tally), 20, "pacing begins anew");
}

#[test]
fn evidence_of_before_a_halt_neither_paces_nor_halts_what_comes_after_it() {
    let mut desk = Desk::started(100, fields(&["100%"]));
    let mut tried = 0;
    while desk.phase() != "halted" {
        fail(&mut desk, tried, Reason::Storage);
        tried += 1;
        desk.tick(Span::secs(1));
    }
    for name in ["ann", "bob"] {
        desk.command(name, Command::Resume).expect("two people");
    }
    desk.tick(HORIZON);
    (0..100).for_each(|index| desk.fleet.touch(&device(index), desk.now));
    desk.tick(Span::ZERO);
    assert_eq!(desk.phase(), "deploying", "what was before halts nothing again");
    let running = &desk.fleet.rollouts[&desk.rollout];
    let seen = desk.fleet.observation(running).evidence(running.rollout.epoch).expect("counts");
    assert_eq!((seen.for_abort().total(), seen.for_pass().total()), (0, 0));
    let slots = running.rollout.slots(&running.tally);
    assert_eq!(slots, Ok(20), "and takes nobody's slot");
}

#[test]
fn a_hard_stop_that_two_people_resumed_is_behind_us() {
    for reason in [Some(Reason::SafetyFault), None] {
        let mut wanted = fields(&["100%"]);
        wanted.gates.stops.max_bricked = core::num::NonZeroU64::new(1);
        let mut desk = Desk::started(30, wanted);
        assert!(desk.offer(&device(0)));
        desk.report(&device(0), Event::Downloaded, None);
        assert!(matches!(desk.begin(&device(0)), Some(Reply::Yes { .. })));
        if let Some(reason) = reason {
            desk.report(&device(0), Event::Returned, Some(reason));
        }
        desk.tick(HORIZON);
        assert_eq!(desk.phase(), "halted", "{reason:?}");
        for name in ["ann", "bob"] {
            desk.command(name, Command::Resume).expect("two people");
        }
        desk.tick(Span::secs(1));
        assert_eq!(desk.phase(), "deploying", "{reason:?}");
    }
}

#[test]
fn a_halt_is_not_resumed_beyond_what_the_budget_covers() {
    let mut wanted = fields(&["100%"]);
    wanted.pace.budget = 4;
    let mut desk = Desk::started(30, wanted);
    let resumed = (0..20).find_map(|round| {
        desk.command("ops", Command::Halt { reason: "smoke".into() }).expect("it goes on");
        desk.command("ann", Command::Resume).expect("the first");
        desk.command("bob", Command::Resume).err().map(|refused| (round, refused))
    });
    let (_, refused) = resumed.expect("each restart needs more evidence than the last");
    assert!(matches!(refused, Refusal::BudgetTooSmall { have: 4, .. }), "{refused}");
    assert_eq!(desk.phase(), "halted");
}

/// Time that a rung stands still is not time it was open, however it stood still.
#[test]
fn a_pause_that_ends_in_a_halt_is_no_open_time() {
    let mut desk = Desk::started(DEVICES, fields(&["5", "100%"]));
    let opened = |desk: &Desk| desk.fleet.rollouts[&desk.rollout].rollout.rung_opened;
    let before = opened(&desk);
    let review_at = desk.now.after(Span::hours(100));
    desk.command("ops", Command::Pause { reason: "lunch".into(), review_at }).expect("it gives");
    desk.tick(Span::hours(10));
    desk.command("ops", Command::Halt { reason: "smoke".into() }).expect("it is not over");
    desk.tick(Span::hours(1));
    for name in ["ops", "bob"] {
        desk.command(name, Command::Resume).expect("two people");
    }
    assert_eq!(opened(&desk).since(before), Span::hours(11));
}
