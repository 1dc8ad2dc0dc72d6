//! What folding refuses, and the time it goes by.

use crate::desk::{Desk, HORIZON, base, device, fields, person};
use rollout_core::fleet::FoldError;
use rollout_core::id::Digest;
use rollout_core::journal::{Entry, Seq, Stored};
use rollout_core::rollout::{Command, Commanded, Input, Phase, StateHash};
use rollout_core::time::{Span, Timestamp};

fn played() -> Desk {
    let mut desk = Desk::started(30, fields(&["5", "100%"]));
    (0..30).for_each(|index| {
        desk.update(&device(index));
    });
    desk.tick(HORIZON);
    desk.command("ops", Command::Halt { reason: "smoke".into() }).expect("it runs");
    desk
}

/// The first entry that does not fold, and why.
fn folded(journal: &[Stored]) -> Result<(), FoldError> {
    let mut fleet = base();
    journal.iter().try_for_each(|stored| fleet.fold(stored))
}

#[test]
fn a_decision_that_replays_to_another_state_is_refused() {
    let desk = played();
    assert_eq!(folded(&desk.journal), Ok(()));
    for (place, stored) in desk.journal.iter().enumerate() {
        let Entry::Stepped { rollout, input, .. } = &stored.entry else { continue };
        let (input, state) = (input.clone(), StateHash::from_digest(Digest::of(b"another")));
        let mut journal = desk.journal.clone();
        journal[place].entry = Entry::Stepped { rollout: *rollout, input, state };
        let refused = FoldError::Replay { seq: stored.seq, rollout: *rollout };
        assert_eq!(folded(&journal), Err(refused));
    }
}

#[test]
fn an_entry_that_is_missing_or_there_twice_is_refused() {
    let Desk { journal, .. } = played();
    let third = journal[2].clone();
    let without: Vec<_> = journal.iter().filter(|stored| **stored != third).cloned().collect();
    assert_eq!(folded(&without), Err(FoldError::Gap { after: Seq(2), found: Seq(4) }));
    let mut twice = journal;
    twice.insert(2, third);
    assert_eq!(folded(&twice), Err(FoldError::Gap { after: Seq(3), found: Seq(3) }));
}

/// A writer whose clock is behind writes an earlier time; what was known to be later stays so.
#[test]
fn an_entry_of_an_earlier_time_does_not_turn_the_clock_back() {
    let mut desk = Desk::started(10, fields(&["100%"]));
    let before = desk.fleet.clock;
    desk.now = Timestamp(before.0 - 1);
    desk.write(Entry::Clock);
    assert_eq!(desk.fleet.clock, before);
    desk.now = before.after(Span(1));
    desk.write(Entry::Clock);
    assert_eq!(desk.fleet.clock, before.after(Span(1)));
}

#[test]
fn a_decision_is_never_dated_before_the_one_before_it() {
    let mut desk = Desk::started(10, fields(&["100%"]));
    desk.tick(Span::hours(1));
    let review_at = desk.now.after(Span::hours(1));
    desk.command("ann", Command::Pause { reason: "lunch".into(), review_at }).expect("it runs");
    let rollout = &desk.fleet.rollouts[&desk.rollout].rollout;
    assert_eq!(rollout.decided_at, desk.now);
    let command = Command::Halt { reason: "smoke".into() };
    let halt = Input::Command(Commanded { by: person("ops"), command });
    let next = rollout.step(&halt, Timestamp(0)).expect("it runs").next;
    let Phase::Halted { at, .. } = next.phase else { panic!("{:?}", next.phase) };
    assert_eq!((at, next.decided_at), (rollout.decided_at, rollout.decided_at));
}
