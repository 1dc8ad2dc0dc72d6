//! A pause cannot be forgotten: it nags, and ends by the plan's rule if there is one.

use crate::desk::{Desk, device, fields};
use rollout_core::journal::Entry;
use rollout_core::rollout::{
    Cause, Command, Effect, Input, Nags, OnOverdue, Overdue, Phase, PlanFields, Waiting,
};
use rollout_core::time::{Span, Timestamp};

const HOUR: Span = Span::hours(1);

fn ruled(then: Overdue) -> PlanFields {
    PlanFields { on_overdue: OnOverdue { then, after: Span::hours(24) }, ..fields(&["100%"]) }
}

/// Paused by ann, to be reviewed in an hour.
fn paused(then: Overdue) -> Desk {
    let mut desk = Desk::started(30, ruled(then));
    let review_at = desk.now.after(HOUR);
    let pause = Command::Pause { reason: "store launch".into(), review_at };
    desk.command("ann", pause).expect("it runs");
    desk
}

/// Reminders and endings that the journal has.
fn overdue(desk: &Desk) -> Vec<Overdue> {
    let late = desk.journal.iter().filter_map(|stored| {
        let Entry::Stepped { input, .. } = &stored.entry else { return None };
        let Input::Overdue(what) = input.as_ref() else { return None };
        Some(*what)
    });
    late.collect()
}

fn said(desk: &Desk) -> String {
    let running = &desk.fleet.rollouts[&desk.rollout];
    running.waiting.as_ref().map(Waiting::to_string).unwrap_or_default()
}

#[test]
fn a_late_review_nags_once_and_again_every_day() {
    let mut desk = paused(Overdue::Nag);
    desk.tick(Span(HOUR.0 - 1));
    assert_eq!(overdue(&desk), [], "the review lies ahead");
    desk.tick(Span(1));
    assert_eq!(overdue(&desk), [Overdue::Nag], "at the review time");
    for _ in 0..20 {
        desk.tick(HOUR);
    }
    assert_eq!(overdue(&desk).len(), 1, "not at every tick");
    desk.tick(Span::hours(4));
    assert_eq!(overdue(&desk).len(), 2, "after a day");
    desk.tick(Span::hours(24 * 5));
    assert_eq!(overdue(&desk).len(), 3, "days in which nobody looked are made up for by one");
    assert_eq!(desk.phase(), "paused");
    assert!(said(&desk).contains("(review was 6 d ago)"), "{}", said(&desk));
}

#[test]
fn a_reminder_is_an_effect_and_a_resumed_pause_has_none() {
    let mut desk = paused(Overdue::Nag);
    desk.now = desk.now.after(HOUR);
    let decided = desk.fleet.decide(desk.now, &[]);
    let kinds: Vec<_> = decided.outbox.iter().map(|effect| effect.kind.as_str()).collect();
    assert_eq!(kinds, [Effect::Overdue.name()]);
    desk.tick(Span::ZERO);
    desk.command("bob", Command::Resume).expect("one person");
    desk.tick(Span::hours(48));
    assert_eq!(overdue(&desk), [Overdue::Nag]);
    // Another pause begins to count anew.
    let review_at = desk.now.after(HOUR);
    desk.command("ann", Command::Pause { reason: "again".into(), review_at }).expect("it runs");
    let Phase::Paused { nags, .. } = desk.fleet.rollouts[&desk.rollout].rollout.phase else {
        panic!("it is paused")
    };
    assert_eq!(nags, Nags(0));
}

#[test]
fn a_pause_ends_by_the_plans_rule_and_not_before() {
    for (then, phase) in [
        (Overdue::Nag, "paused"),
        (Overdue::Resume, "deploying"),
        (Overdue::Halt, "halted"),
        (Overdue::Cancel, "canceled"),
    ] {
        let mut desk = paused(then);
        desk.tick(HOUR.plus(Span::hours(24)));
        (0..30).for_each(|index| desk.fleet.touch(&device(index), desk.now));
        let mut early = paused(then);
        early.tick(Span(HOUR.plus(Span::hours(24)).0 - 1));
        assert_eq!(early.phase(), "paused", "{then:?} comes too early");
        assert_eq!(desk.phase(), phase);
        assert_eq!(desk.offer(&device(0)), then == Overdue::Resume);
    }
}

#[test]
fn who_waits_is_told_what_happens_and_in_how_long() {
    let mut desk = paused(Overdue::Resume);
    desk.tick(Span::ZERO);
    let before = said(&desk);
    assert!(before.starts_with("ann: store launch (review at "), "{before}");
    assert!(before.ends_with("; resumes by itself in 1 d 1 h)"), "{before}");
    desk.tick(Span::hours(4));
    let late = "ann: store launch (review was 3 h ago; resumes by itself in 21 h)";
    assert_eq!(said(&desk), late);
}

#[test]
fn a_pause_halted_by_its_rule_says_whose_it_was_and_needs_two_people() {
    let mut desk = paused(Overdue::Halt);
    desk.tick(Span::hours(25));
    let halted = &desk.fleet.rollouts[&desk.rollout].rollout;
    let Phase::Halted { cause: Cause::Overdue { review }, .. } = &halted.phase else {
        panic!("{:?}", halted.phase)
    };
    assert_eq!((review.owner.as_str(), review.reason.as_str()), ("ann", "store launch"));
    desk.command("ann", Command::Resume).expect("the first of two");
    assert_eq!(desk.phase(), "halted");
}

#[test]
fn open_time_stands_still_in_a_pause_that_ends_by_itself() {
    let mut desk = paused(Overdue::Resume);
    let before = desk.fleet.rollouts[&desk.rollout].rollout.rung_opened;
    desk.tick(Span::hours(25));
    let after = desk.fleet.rollouts[&desk.rollout].rollout.rung_opened;
    assert_eq!(after.since(before), Span::hours(25));
}

#[test]
fn only_what_is_due_is_done() {
    let mut desk = paused(Overdue::Resume);
    let rollout = desk.fleet.rollouts[&desk.rollout].rollout.clone();
    for (what, hours) in [(Overdue::Resume, 24), (Overdue::Nag, 0), (Overdue::Halt, 99)] {
        let now = desk.now.after(Span::hours(hours));
        let step = rollout.step(&Input::Overdue(what), now).expect("time is never refused");
        assert!(!rollout.is_changed_by(&step), "{what:?} after {hours} h");
    }
    desk.command("bob", Command::Resume).expect("one person");
    let rollout = &desk.fleet.rollouts[&desk.rollout].rollout;
    assert_eq!(rollout.overdue(Timestamp(u64::MAX)), None, "it is not paused");
}
