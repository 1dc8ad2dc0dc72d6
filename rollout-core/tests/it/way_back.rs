//! Rollouts that take another back, and what becomes of that one.

use crate::desk::{Desk, HORIZON, device, fields, image, person, release};
use rollout_core::fleet::Reply;
use rollout_core::id::RolloutId;
use rollout_core::journal::Entry;
use rollout_core::rollout::{Cause, Command, Phase, PlanFields};
use rollout_core::time::Span;
use rollout_core::wire::{Event, ImageState, Reason};

const BACK: &str = "0192f7a0-0000-7000-8000-000000000002";
const DEVICES: usize = 10;

/// A rollout of which half is open and updated.
fn half_way() -> Desk {
    let mut desk = Desk::started(DEVICES, fields(&["50%", "100%"]));
    let updated = all_update(&mut desk);
    assert!((1..DEVICES).contains(&updated), "{updated} of {DEVICES}");
    desk
}

/// Whoever may, updates.
fn all_update(desk: &mut Desk) -> usize {
    (0..DEVICES).filter(|index| desk.update(&device(*index))).count()
}

/// Everybody is past its horizon and heard of.
fn time_passes(desk: &mut Desk) {
    desk.tick(HORIZON);
    (0..DEVICES).for_each(|index| desk.fleet.touch(&device(index), desk.now));
    desk.tick(Span::ZERO);
}

fn phase(desk: &Desk, rollout: RolloutId) -> &Phase {
    &desk.fleet.rollouts[&rollout].rollout.phase
}

#[test]
fn what_is_taken_back_gives_nothing_more_and_completes_nothing() {
    let mut desk = half_way();
    let forward = desk.draft_back(2);
    assert_eq!(phase(&desk, forward).name(), "deploying", "a draft takes nothing back");
    desk.command("ann", Command::Start).expect("a draft");
    let Phase::Halted { cause: Cause::Operator { by, reason }, .. } = phase(&desk, forward) else {
        panic!("{:?}", phase(&desk, forward));
    };
    let by_whom = format!("taken back by rollout {}", desk.rollout);
    assert_eq!((by.as_str(), reason.as_str()), ("ann", &*by_whom));
    for _ in 0..4 {
        time_passes(&mut desk);
    }
    let taken = &desk.fleet.rollouts[&forward].rollout;
    assert_eq!(
        (taken.phase.name(), taken.rung.0),
        ("halted", 0),
        "it neither climbs nor completes"
    );
}

#[test]
fn a_way_back_that_is_canceled_leaves_the_other_to_two_people() {
    let mut desk = half_way();
    let forward = desk.draft_back(2);
    desk.command("ann", Command::Start).expect("a draft");
    assert_eq!(desk.fleet.rollouts[&forward].superseded_by, Some(desk.rollout));
    desk.command("ann", Command::Cancel).expect("it runs");
    assert_eq!(desk.fleet.rollouts[&forward].superseded_by, None);
    desk.rollout = forward;
    for name in ["ann", "bob"] {
        desk.command(name, Command::Resume).expect("two people");
    }
    for _ in 0..4 {
        time_passes(&mut desk);
        all_update(&mut desk);
    }
    assert_eq!(desk.phase(), "completed");
    assert_eq!(desk.fleet.rollouts[&forward].counts().confirmed, DEVICES as u64);
}

#[test]
fn what_was_taken_back_is_no_release_to_go_back_to() {
    let mut desk = Desk::started(DEVICES, fields(&["100%"]));
    let good = |desk: &Desk| desk.fleet.good_release("vacuum").cloned();
    for _ in 0..3 {
        all_update(&mut desk);
        time_passes(&mut desk);
    }
    assert_eq!((desk.phase(), good(&desk)), ("completed", Some(release().id)));
    let forward = desk.draft_back(2);
    desk.command("ann", Command::Start).expect("a draft");
    assert_eq!(phase(&desk, forward).name(), "completed", "it gives to nobody as it is");
    (0..DEVICES).for_each(|index| desk.check_in(&device(index), "1.0.0", 3));
    assert_eq!(good(&desk), None, "no device runs a release that is known");
}

#[test]
fn a_way_back_is_not_drafted_for_nobody() {
    let mut desk = Desk::started(DEVICES, fields(&["100%"]));
    let code = |desk: &Desk| desk.fleet.rollback_plan(desk.rollout).map_err(|why| why.code());
    assert_eq!(code(&desk).err(), Some("RO-015"), "nobody has it");
    assert!(desk.update(&device(0)));
    assert_eq!(code(&desk).expect("one has it").1, 1);
    desk.check_in(&device(0), "0.9.0", 2);
    assert_eq!(code(&desk).err(), Some("RO-015"), "it has moved on");
    assert!(desk.offer(&device(1)));
    desk.report(&device(1), Event::Downloaded, None);
    desk.begin(&device(1)).expect("a permit");
    assert_eq!(code(&desk).expect("it may boot it any moment").1, 0);
    desk.report(&device(1), Event::Returned, Some(Reason::SelfTest));
    assert_eq!(code(&desk).err(), Some("RO-015"), "it is back");
}

#[test]
fn nothing_is_completed_on_nothing() {
    let hours = Span::hours(2);
    let plan = PlanFields::clone(&fields(&["100%"]));
    let reaching = rollout_core::rollout::Reaching { max_open: hours, ..plan.reaching };
    let mut desk = Desk::started(0, PlanFields { reaching, ..plan });
    for _ in 0..4 {
        desk.tick(hours);
        assert_eq!(desk.phase(), "deploying");
    }
    desk.enroll(&device(0));
    assert!(desk.update(&device(0)));
    desk.tick(hours);
    desk.tick(hours);
    assert_eq!(desk.phase(), "completed", "one that was served and is silent since ends it");
}

#[test]
fn nobody_resumes_what_is_being_taken_back() {
    let mut desk = half_way();
    let forward = desk.draft_back(2);
    desk.command("ann", Command::Start).expect("a draft");
    let back = core::mem::replace(&mut desk.rollout, forward);
    for name in ["ann", "bob"] {
        let refused = desk.command(name, Command::Resume).expect_err("it is taken back");
        assert_eq!(refused.code(), "RO-016", "{name}");
    }
    desk.rollout = back;
    desk.command("ann", Command::Cancel).expect("it runs");
    desk.rollout = forward;
    desk.command("ann", Command::Resume).expect("the first of two");
}

/// Two people may have drafted a way back each.
#[test]
fn a_rollout_is_taken_back_until_the_last_way_back_is_canceled() {
    let mut desk = half_way();
    let (plan, _) = desk.fleet.rollback_plan(desk.rollout).expect("a way back");
    let forward = desk.rollout;
    let ways = ["2", "3"].map(|end| RolloutId::parse(&BACK.replace("0002", &format!("000{end}"))));
    let ways = ways.map(|id| id.expect("a UUID"));
    for back in ways {
        let (plan, by) = (plan.clone().into(), person("ops"));
        desk.write(Entry::Drafted { rollout: back, plan, by });
        desk.rollout = back;
        desk.command("ann", Command::Start).expect("a draft");
    }
    let by = |desk: &Desk| desk.fleet.rollouts[&forward].superseded_by;
    assert_eq!(by(&desk), Some(ways[1]));
    desk.command("ann", Command::Cancel).expect("it runs");
    assert_eq!(by(&desk), Some(ways[0]), "the other is at work still");
    desk.rollout = ways[0];
    desk.command("ann", Command::Cancel).expect("it runs");
    assert_eq!(by(&desk), None);
}

/// What a release asks of the version before it says nothing about the way out of it.
#[test]
fn a_release_that_asks_for_a_version_before_it_can_be_left() {
    let mut desk = Desk::started(DEVICES, fields(&["100%"]));
    let known = desk.fleet.releases.get_mut(&release().id).expect("a release");
    known.from = Some(semver::VersionReq::parse("<1.1.0").expect("a requirement"));
    assert_eq!(all_update(&mut desk), DEVICES);
    desk.draft_back(2);
    desk.command("ann", Command::Start).expect("a draft");
    desk.tick(Span::secs(1));
    assert!(desk.offer(&device(0)));
}

/// On its trial a device says that it runs the old image; after a power cut it does not again.
#[test]
fn a_power_cut_on_the_way_back_is_no_end_of_it() {
    let mut desk = Desk::started(DEVICES, fields(&["100%"]));
    assert!(desk.update(&device(0)));
    desk.draft_back(2);
    desk.command("ann", Command::Start).expect("a draft");
    desk.tick(Span::secs(1));
    assert!(desk.offer(&device(0)));
    desk.report(&device(0), Event::Downloaded, None);
    assert!(matches!(desk.begin(&device(0)), Some(Reply::Yes { .. })));
    let mut facts = desk.fleet.devices[&device(0)].facts.clone().expect("it has checked in");
    facts.running.digest = image("1.0.0");
    facts.running.state = ImageState::PendingVerify;
    desk.write(Entry::Seen { device: device(0), facts: facts.into() });
    desk.report(&device(0), Event::Returned, Some(Reason::PowerLoss));
    assert!(matches!(desk.begin(&device(0)), Some(Reply::Yes { .. })));
}

/// A power cut does not send a device out again into what is taken back by then.
#[test]
fn who_was_interrupted_is_not_permitted_again_beside_a_way_back() {
    let mut desk = Desk::started(2, fields(&["100%"]));
    assert!(desk.update(&device(0)));
    assert!(desk.offer(&device(1)));
    desk.report(&device(1), Event::Downloaded, None);
    assert!(matches!(desk.begin(&device(1)), Some(Reply::Yes { .. })));
    desk.report(&device(1), Event::Returned, Some(Reason::PowerLoss));
    let forward = desk.draft_back(2);
    desk.command("ann", Command::Start).expect("a draft");
    // Whatever its phase, as one that was completed before the power cut would have.
    let running = desk.fleet.rollouts.get_mut(&forward).expect("it is there");
    running.rollout.phase = Phase::Completed { at: desk.now };
    desk.rollout = forward;
    assert!(matches!(desk.begin(&device(1)), Some(Reply::Stop("excluded"))));
}
