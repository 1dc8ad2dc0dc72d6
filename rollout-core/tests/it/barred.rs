//! A rollout that is for nobody: told as such, and no other one.

use crate::desk::{Desk, HORIZON, device, fields, person, release};
use rollout_core::fleet::Registered;
use rollout_core::id::RolloutId;
use rollout_core::journal::{Entry, StandingChange};
use rollout_core::rollout::Command;
use rollout_core::version::ReleaseCounter;
use rollout_core::wire::Event;

const DEVICES: usize = 3;

/// A rollout of 1.1.0 to devices that have it, or something newer.
fn desk() -> Desk {
    let mut desk = Desk::started(DEVICES, fields(&["100%"]));
    (0..2).for_each(|index| desk.check_in(&device(index), "2.0.0", 9));
    desk.check_in(&device(2), "1.1.0", 2);
    desk
}

fn barred(desk: &Desk) -> Option<String> {
    let running = &desk.fleet.rollouts[&desk.rollout];
    desk.fleet.barred(running, desk.now).map(|why| why.to_string())
}

fn stand(desk: &mut Desk, index: usize, change: StandingChange) {
    let done = desk.fleet.set_standing(device(index), change, person("ops"));
    let Ok(Registered::New(entries)) = done else { panic!("{done:?}") };
    entries.into_iter().for_each(|entry| desk.write(entry));
}

fn retire(desk: &mut Desk, index: usize) {
    stand(desk, index, StandingChange::Retire { reason: "sold".into() });
}

fn hold(desk: &mut Desk, index: usize) {
    stand(desk, index, StandingChange::Hold { reason: "lab".into() });
}

#[test]
fn whom_each_reason_keeps_from_it_is_counted() {
    let mut desk = desk();
    let barred_by = |desk: &Desk| barred(desk).expect("nobody can take it");
    assert_eq!(
        barred_by(&desk),
        "1 device, dev-0002: the device runs this image already (EX-005); \
         2 devices, such as dev-0000: its confirmed counter 9 is not below 2 (EX-009)"
    );
    retire(&mut desk, 0);
    assert_eq!(
        barred_by(&desk),
        "1 device, dev-0002: the device runs this image already (EX-005); \
         1 device, dev-0001: its confirmed counter 9 is not below 2 (EX-009)"
    );
}

#[test]
fn whoever_is_held_is_judged_as_if_it_were_not() {
    let mut desk = desk();
    let before = barred(&desk);
    (0..DEVICES).for_each(|index| hold(&mut desk, index));
    assert!(before.is_some());
    assert_eq!(barred(&desk), before);
}

#[test]
fn whoever_is_left_out_by_hand_is_judged_as_if_it_were_not() {
    let mut desk = desk();
    let before = barred(&desk);
    let (reason, by) = ("in the lab".into(), person("ops"));
    let done = desk.fleet.exclude(desk.rollout, device(2), reason, by);
    let Ok(Registered::New(entries)) = done else { panic!("{done:?}") };
    entries.into_iter().for_each(|entry| desk.write(entry));
    assert!(before.is_some());
    assert_eq!(barred(&desk), before);
}

/// What happens to somebody.
type Change<'a> = &'a dyn Fn(&mut Desk);

#[test]
fn whoever_may_yet_take_it_is_waited_for() {
    let on_1_0_0 = |desk: &mut Desk| desk.check_in(&device(0), "1.0.0", 1);
    let cases: [(&str, Change<'_>); 7] = [
        ("could take it now", &on_1_0_0),
        ("could take it once it is released", &|desk| {
            on_1_0_0(desk);
            hold(desk, 0);
        }),
        ("was never heard of", &|desk| {
            desk.fleet.devices.get_mut(&device(0)).expect("it is there").facts = None;
        }),
        ("may come back from another rollout", &|desk| {
            let other = Some(RolloutId::derived("another"));
            desk.fleet.devices.get_mut(&device(0)).expect("it is there").open = other;
        }),
        ("needs a version before it", &|desk| {
            on_1_0_0(desk);
            let known = desk.fleet.releases.get_mut(&release().id).expect("it is there");
            known.from = Some(semver::VersionReq::parse(">=1.0.5").expect("a range"));
        }),
        ("needs a release before it", &|desk| {
            on_1_0_0(desk);
            let known = desk.fleet.releases.get_mut(&release().id).expect("it is there");
            known.artifacts[0].min_from = ReleaseCounter(2);
        }),
        ("there is nobody yet", &|desk| (0..DEVICES).for_each(|index| retire(desk, index))),
    ];
    for (name, change) in cases {
        let mut desk = desk();
        assert!(barred(&desk).is_some());
        change(&mut desk);
        assert_eq!(barred(&desk), None, "{name}");
    }
}

#[test]
fn what_somebody_has_is_not_for_nobody() {
    let mut desk = Desk::started(DEVICES, fields(&["100%"]));
    assert!(desk.update(&device(0)));
    (1..DEVICES).for_each(|index| desk.check_in(&device(index), "2.0.0", 9));
    assert_eq!(barred(&desk), None);
}

#[test]
fn a_way_back_waits_for_whoever_went_silent_on_the_way() {
    let mut desk = Desk::started(DEVICES, fields(&["100%"]));
    assert!(desk.offer(&device(0)));
    desk.report(&device(0), Event::Downloaded, None);
    desk.begin(&device(0)).expect("a permit");
    desk.command("ops", Command::Halt { reason: "smoke".into() }).expect("it runs");
    desk.tick(HORIZON);
    desk.tick(HORIZON);
    let (plan, _) = desk.fleet.rollback_plan(desk.rollout).expect("it may run there");
    let back = RolloutId::derived("back");
    desk.write(Entry::Drafted { rollout: back, plan: plan.into(), by: person("ann") });
    desk.rollout = back;
    let gone = desk.fleet.devices.get(&device(0)).expect("it is there");
    assert_eq!((gone.open, gone.running()), (None, Some(crate::desk::image("1.0.0"))));
    assert_eq!(barred(&desk), None, "it may say that it runs 1.1.0");
}
