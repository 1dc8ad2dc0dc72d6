//! Whole rollouts in worlds where much goes wrong: safe at every entry, and done in the end.

use firmware_agent::host::image::Behavior;
use rollout_core::rollout::Phase;
use rollout_core::time::Span;
use rollout_store::{Fault, FaultPlan};
use rollout_tests::script::Script;
use rollout_tests::world::World;

/// Plays a rollout to its end and holds the model against the devices' flash.
async fn completes(script: Script) -> World {
    let seed = script.seed;
    let mut world = World::started(script).await;
    let done = |world: &World| {
        world.is_in("completed")
            && world.rollout(|r| r.counts().confirmed == world.devices.len() as u64)
    };
    let over = world.run_until(Span::hours(72), done).await;
    over.unwrap_or_else(|why| panic!("seed {seed}: {why}"));
    world.judge().await;
    let (exposed, failed) = world.rollout(|r| {
        let all = r.tally.sum(|_| true);
        (all.permitted, all.failed_known + all.silent)
    });
    let (devices, wanted) = (world.devices.len() as u64, world.next.digest);
    assert_eq!((exposed, failed), (devices, 0), "seed {seed}: {:?}", world.happened);
    for device in &mut world.devices {
        assert_eq!(device.keeps(), Some(wanted), "seed {seed}: {} by its flash", device.id);
    }
    world
}

#[tokio::test]
async fn a_calm_world_completes() {
    let mut world = completes(Script::calm(1, 60)).await;
    let judge = world.judge().await;
    assert!(judge.reports.values().all(|times| *times == 1), "nothing is written twice");
    assert!(judge.permits.values().all(|times| *times == 1), "nobody is permitted twice");
    let (at_risk, cap) = judge.most_at_risk;
    assert!(at_risk > 10 && at_risk <= cap, "{at_risk} at risk, the cap was {cap}");
}

/// One rung: nothing but the evidence holds anybody back, and it lets 20 in to begin with.
#[tokio::test]
async fn evidence_alone_paces_a_rollout_of_one_rung() {
    let script = Script { ladder: &["100%"], ..Script::calm(2, 60) };
    let mut world = World::started(script).await;
    world.run_for(Span::secs(800)).await;
    let exposed = world.rollout(|running| running.counts().exposed);
    assert_eq!(exposed, 20, "before anybody has matured");
    world.run_until(Span::hours(24), |world| world.is_in("completed")).await.expect("completes");
    world.judge().await;
}

#[tokio::test]
async fn a_good_release_completes_whatever_gets_lost() {
    for seed in 100..106 {
        let world = completes(Script::rough(seed, 60)).await;
        let happened = world.happened;
        assert!(happened.lost > 50 && happened.twice > 20, "seed {seed}: {happened:?}");
        assert!(happened.stops > 0 && happened.cuts > 0, "seed {seed}: {happened:?}");
    }
}

#[tokio::test]
async fn a_bad_release_halts_within_its_budget_whatever_gets_lost() {
    const ALL: u32 = 1_000_000;
    let fails = Behavior { fail_ppm: ALL, ..Behavior::default() };
    let crashes = Behavior { crash_ppm: ALL, ..Behavior::default() };
    let dark = Behavior { dark_ppm: ALL, ..Behavior::default() };
    for (seed, behavior) in [(200, fails), (201, crashes), (202, dark), (203, fails), (204, dark)] {
        // One rung, so that nothing but the evidence holds anybody back.
        let script = Script { behavior, ladder: &["100%"], ..Script::rough(seed, 60) };
        let mut world = World::started(script).await;
        let halted = world.run_until(Span::hours(48), |world| world.is_in("halted")).await;
        halted.unwrap_or_else(|why| panic!("seed {seed}: {why}"));
        // What was under way goes on; nobody else may follow.
        world.run_for(Span::hours(2)).await;
        world.judge().await;
        let bad = world.next.digest;
        let booted = world.devices.iter().filter(|device| device.has_booted(bad)).count();
        assert!((1..=20).contains(&booted), "seed {seed}: {booted} devices booted it");
        if !world.is_up() {
            continue;
        }
        let (exposed, cause) = world.rollout(|running| {
            let Phase::Halted { cause, .. } = &running.rollout.phase else { panic!("halted") };
            (running.counts().exposed, cause.name())
        });
        assert!(exposed <= 20 && cause == "evidence", "seed {seed}: {exposed} by {cause}");
        assert!(booted as u64 <= exposed, "seed {seed}: {booted} of {exposed} booted it");
    }
}

#[tokio::test]
async fn a_lost_reply_of_the_store_is_no_lie_and_counts_nobody_twice() {
    let faults = vec![Fault::LostReply, Fault::Error, Fault::Conflict];
    for seed in 300..303 {
        let plan = FaultPlan { seed, one_in: 5, budget: 100_000, faults: faults.clone() };
        let script = Script { faults: plan, loss: 0.05, ..Script::calm(seed, 40) };
        let happened = completes(script).await.happened;
        assert!(happened.unavailable > 20, "seed {seed}: {happened:?}");
    }
}
