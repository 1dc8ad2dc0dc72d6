//! A journal is the whole truth: folded again it gives the same state, hash by hash.

use rollout_core::fleet::{Fleet, FoldError};
use rollout_core::journal::{Entry, Seq, Stored};
use rollout_core::rollout::{Input, Observation};
use rollout_core::time::Span;
use rollout_tests::script::Script;
use rollout_tests::stage::rollout;
use rollout_tests::world::World;

/// A rollout with lost replies, power cuts and restarts, to its end.
async fn played() -> (World, Vec<Stored>) {
    let mut world = World::started(Script::rough(43, 40)).await;
    world.run_until(Span::hours(48), |world| world.is_in("completed")).await.expect("completes");
    let journal = world.journal().await;
    (world, journal)
}

fn empty(world: &World) -> Fleet {
    world.engine().read(|fleet| Fleet::new(fleet.hosting.clone(), fleet.usual))
}

fn replay(mut fleet: Fleet, journal: &[Stored]) -> Result<Fleet, FoldError> {
    for stored in journal {
        fleet.fold(stored)?;
    }
    Ok(fleet)
}

#[tokio::test]
async fn a_journal_replays_to_the_same_state_and_no_other() {
    let (world, journal) = played().await;
    let mut fleet = empty(&world);
    let mut steps = 0;
    for stored in &journal {
        fleet.fold(stored).expect("every decision replays to its hash");
        if let Entry::Stepped { rollout, state, .. } = &stored.entry {
            steps += 1;
            assert_eq!(fleet.rollouts[rollout].rollout.state_hash(), *state);
        }
    }
    assert!(steps >= 5, "{steps} decisions");
    let again = &fleet.rollouts[&rollout()];
    world.rollout(|live| {
        assert_eq!(live.rollout.state_hash(), again.rollout.state_hash());
        assert_eq!(live.executions, again.executions);
        assert_eq!(live.tally, again.tally);
        assert_eq!(live.at_end, again.at_end);
    });
    one_number_changed_is_noticed(&world, &journal);
}

/// The negative control: a decision that rests on another number is another decision.
fn one_number_changed_is_noticed(world: &World, journal: &[Stored]) {
    let last = journal.iter().rposition(|stored| observed(&stored.entry).is_some());
    let last = last.expect("the decision that completed the rollout");
    let mut tampered = journal.to_vec();
    let Entry::Stepped { input, .. } = &mut tampered[last].entry else { panic!("a decision") };
    let Input::Observed(seen) = input.as_mut() else { panic!("on an observation") };
    let cell = seen.tally.cells.values_mut().next().expect("a count");
    cell.matured -= 1;
    let error = replay(empty(world), &tampered).expect_err("a lie");
    assert_eq!(error, FoldError::Replay { seq: journal[last].seq, rollout: rollout() });

    // So is one whose entry is gone, or whose hash is another one's.
    let mut shortened = journal.to_vec();
    shortened.remove(last);
    let gap = replay(empty(world), &shortened);
    assert!(last + 1 == journal.len() || matches!(gap, Err(FoldError::Gap { .. })), "{gap:?}");
}

/// A report that is in the journal twice is counted once, wherever it stands the second time.
#[tokio::test]
async fn a_report_written_twice_changes_nothing() {
    let (world, journal) = played().await;
    let mut doubled = Vec::new();
    let mut late = Vec::new();
    for stored in &journal {
        let is_report = matches!(stored.entry, Entry::Reported(_));
        doubled.push(stored.clone());
        if is_report {
            doubled.push(stored.clone());
            late.push(stored.clone());
        }
    }
    assert!(late.len() >= 80, "{} reports", late.len());
    let end = journal.last().map(|stored| stored.at).unwrap_or_default();
    doubled.extend(late.into_iter().rev().map(|stored| Stored { at: end, ..stored }));
    for (place, stored) in doubled.iter_mut().enumerate() {
        stored.seq = Seq(place as u64 + 1);
    }
    let (once, twice) = (replay(empty(&world), &journal), replay(empty(&world), &doubled));
    let (once, twice) = (once.expect("it folds"), twice.expect("every decision is the same"));
    let (once, twice) = (&once.rollouts[&rollout()], &twice.rollouts[&rollout()]);
    assert_eq!(once.executions, twice.executions);
    assert_eq!(once.tally, twice.tally);
}

fn observed(entry: &Entry) -> Option<&Observation> {
    if let Entry::Stepped { input, .. } = entry
        && let Input::Observed(seen) = input.as_ref()
    {
        return Some(seen);
    }
    None
}
