//! The server is away for hours: no device is blamed for it.

use rollout_core::device::State;
use rollout_core::journal::Entry;
use rollout_core::rollout::{RungIndex, StratumId, Tally};
use rollout_core::time::Span;
use rollout_core::wire::{Event, Reason};
use rollout_store::Fault;
use rollout_tests::script::Script;
use rollout_tests::world::World;

const DEVICES: usize = 60;

/// Everybody runs the new image, by the model and by their flash.
fn all_confirmed(world: &mut World) {
    let counts = world.rollout(|running| running.counts());
    let devices = world.devices.len() as u64;
    assert_eq!((counts.exposed, counts.confirmed), (devices, devices), "{counts:?}");
    let wanted = world.next.digest;
    for device in &mut world.devices {
        assert_eq!(device.keeps(), Some(wanted), "{} by its flash", device.id);
    }
}

/// Reports of a kind, each once.
async fn reported(world: &World, event: Event, reason: Option<Reason>) -> usize {
    let journal = world.journal().await;
    let is_one = |entry: &Entry| {
        let Entry::Reported(report) = entry else { return false };
        report.event == event && report.reason == reason
    };
    journal.iter().filter(|stored| is_one(&stored.entry)).count()
}

fn tally(world: &World) -> Tally {
    world.rollout(|running| running.tally.clone())
}

#[tokio::test]
async fn three_hours_without_a_server_blame_no_device() {
    let mut world = World::started(Script::calm(41, DEVICES)).await;
    let trial = world.run_until(Span::hours(4), |world| world.on_trial() >= 5).await;
    trial.expect("several devices are on trial at once");
    let (trial, before) = (world.on_trial(), tally(&world).sum(|_| true));
    world.stop_server(Span::hours(3));
    world.run_until(Span::hours(4), World::is_up).await.expect("it comes back");
    world.judge().await;
    let after = tally(&world).sum(|_| true);
    assert_eq!((after.failed_known, after.silent), (0, 0), "nobody is blamed at once");
    assert_eq!(after.permitted, before.permitted, "and nobody was let in by nobody");

    // All of them come back, say so, and are interrupted.
    let returned = |world: &World| {
        world.rollout(|running| {
            running.executions.values().filter(|e| e.interruptions > 0).count() >= trial
        })
    };
    world.run_until(Span::hours(1), returned).await.expect("who was on trial returned");
    assert_eq!(reported(&world, Event::Returned, Some(Reason::NoRoundTrip)).await, trial);

    world.run_until(Span::hours(24), |world| world.is_in("completed")).await.expect("it completes");
    let end = tally(&world).sum(|_| true);
    assert_eq!((end.failed_known, end.matured_bad, end.silent), (0, 0, 0));
    let bad = |state| matches!(state, State::Failed | State::RolledBack | State::Silent);
    assert!(world.rollout(|running| running.executions.values().all(|e| !bad(e.state))));
    all_confirmed(&mut world);
    let judge = world.judge().await;
    assert_eq!(judge.kinds["outage"], 1);
    assert!(judge.most_at_risk.0 <= judge.most_at_risk.1);
}

/// A device that was let in and is not heard of after an outage is lost all the same.
#[tokio::test]
async fn an_outage_excuses_nobody_for_good() {
    let mut world = World::started(Script::calm(42, 20)).await;
    let trial = world.run_until(Span::hours(4), |world| world.on_trial() >= 3).await;
    trial.expect("several devices are on trial at once");
    let lost = world.devices.iter().position(|device| device.is_on_trial()).expect("one of them");
    world.devices[lost].power_off();
    world.stop_server(Span::hours(3));
    let silent = |world: &World| world.is_up() && tally(world).sum(|_| true).silent == 1;
    world.run_until(Span::hours(8), silent).await.expect("it is missed");
    world.judge().await;
}

/// Whom we have not heard of since our own restart is not out of reach: a rung that opens to so
/// many reachable devices opens to no more because of it, and none ends early.
#[tokio::test]
async fn a_restart_opens_no_more_of_the_fleet() {
    for away in [Span::secs(30), Span::hours(3)] {
        let script = Script { ladder: &["5", "10%", "100%"], ..Script::calm(44, DEVICES) };
        let mut world = World::new(script).await;
        // Long enough that signs of life which nobody wrote down count.
        world.run_for(Span::hours(1)).await;
        world.start().await;
        let begun = |world: &World| world.rollout(|running| running.counts().exposed > 0);
        world.run_until(Span::hours(1), begun).await.expect("the first are let in");
        let frontier = |world: &World| world.rollout(|r| r.rollout.frontier(StratumId(0)));
        let before = frontier(&world);
        world.stop_server(away);
        world.run_until(Span::hours(4), World::is_up).await.expect("it comes back");
        world.run_for(Span::secs(60)).await;
        assert_eq!(frontier(&world), before, "away for {away}");
        let second = |world: &World| world.rollout(|running| running.rollout.rung.0 == 1);
        world.run_until(Span::hours(24), second).await.expect("the second rung opens");
        let share = world.rollout(|r| r.rollout.plan.ladder.share_frontier(RungIndex(1)));
        assert_eq!(frontier(&world), share.max(before), "away for {away}");
        world.judge().await;
    }
}

/// Everybody who was on trial is interrupted or confirmed, nobody is blamed, and all end well.
async fn nobody_is_blamed(mut world: World) {
    let end = world.run_until(Span::hours(24), |world| world.is_in("completed")).await;
    end.expect("a good release completes");
    let end = tally(&world).sum(|_| true);
    assert_eq!((end.failed_known, end.matured_bad, end.silent), (0, 0, 0));
    all_confirmed(&mut world);
    let judge = world.judge().await;
    assert_eq!(judge.kinds["outage"], 1, "it is in the journal, once");
}

/// A stopped process, a machine that sleeps and a clock that leaps: nothing was restarted.
#[tokio::test]
async fn a_daemon_that_stood_still_blames_no_device() {
    for away in [Span::secs(60), Span::hours(3)] {
        let mut world = World::started(Script::calm(45, DEVICES)).await;
        let trial = world.run_until(Span::hours(4), |world| world.on_trial() >= 5).await;
        trial.expect("several devices are on trial at once");
        world.freeze_server(away);
        world.run_until(Span::hours(4), World::is_up).await.expect("it goes on");
        nobody_is_blamed(world).await;
    }
}

/// One that does nothing at all, and one that is read and takes nothing, as on a full disk.
#[tokio::test]
async fn a_store_that_failed_for_hours_blames_no_device() {
    for fault in [Fault::Error, Fault::Full] {
        let mut world = World::started(Script::calm(46, DEVICES)).await;
        let trial = world.run_until(Span::hours(4), |world| world.on_trial() >= 5).await;
        trial.expect("several devices are on trial at once");
        world.let_the_store_fail_by(Some(fault));
        world.run_for(Span::hours(3)).await;
        world.let_the_store_fail_by(None);
        nobody_is_blamed(world).await;
    }
}
