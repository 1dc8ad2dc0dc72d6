//! Blame: which devices the bad outcomes come from, and which of them are worse than the others.

use super::desk::{Desk, device, fields, image, model, release};
use rollout_core::cohort::Selector;
use rollout_core::device::{Facts, RunningImage};
use rollout_core::fleet::{ABSENT, Blame, Count, OTHERS};
use rollout_core::gate::Tally;
use rollout_core::id::{DeviceId, Digest, HardwareModel};
use rollout_core::journal::Entry;
use rollout_core::limits::{BLAMED_GROUPS, BLAMED_VALUES};
use rollout_core::rollout::{Command, Membership, PlanFields};
use rollout_core::time::Span;
use rollout_core::version::{ReleaseCounter, SecureVersion};
use rollout_core::wire::{Event, ImageState, Reason};
use std::collections::BTreeMap;

fn m6() -> HardwareModel {
    HardwareModel::new("m6").expect("a model")
}

/// A rollout open to everybody, which permits them all before anything is proven.
fn plan(cohort: &str) -> PlanFields {
    let mut wanted = fields(&["100%"]);
    wanted.members = Membership::Query(Selector::parse(cohort).expect("a query"));
    wanted.pace.budget = 1000;
    wanted
}

fn started(cohort: &str) -> Desk {
    let mut desk = Desk::started(0, plan(cohort));
    let mut both = release();
    both.artifacts[0].hardware.push(m6());
    desk.fleet.releases.insert(both.id.clone(), both);
    desk
}

/// A device of a model that runs a version and says where it is.
fn enroll(desk: &mut Desk, index: usize, hardware: HardwareModel, version: &str, region: &str) {
    let home = desk.fleet.hosting.default_home().id.clone();
    desk.write(Entry::Enrolled {
        device: device(index),
        hardware,
        home,
        token: Digest::of(b"token"),
        enrollment: None,
        attributes: BTreeMap::new(),
        by: None,
    });
    says(desk, &device(index), version, region);
}

fn says(desk: &mut Desk, device: &DeviceId, version: &str, region: &str) {
    let attributes = match region {
        "" => BTreeMap::new(),
        region => BTreeMap::from([("region".to_string(), region.to_string())]),
    };
    let facts = Facts {
        running: RunningImage {
            digest: image(version),
            version: version.into(),
            epoch: 1,
            counter: ReleaseCounter(1),
            state: ImageState::Valid,
        },
        secure_version: SecureVersion(0),
        slot_bytes: 1 << 20,
        spare: None,
        root_version: 1,
        attributes,
    };
    desk.write(Entry::Seen { device: device.clone(), facts: Box::new(facts) });
}

fn fail(desk: &mut Desk, failing: impl Iterator<Item = usize>) {
    failing.for_each(|index| desk.report(&device(index), Event::Failed, Some(Reason::SelfTest)));
}

fn blame(desk: &Desk) -> Option<Blame> {
    desk.fleet.rollouts[&desk.rollout].blame()
}

/// 60 devices of one model in two regions, 10 of another in one of them, from two versions.
fn two_models() -> Desk {
    let mut desk = started("model=in=(v980,m6)");
    for index in 0..60 {
        let (version, region) = if index % 2 == 0 { ("1.0.0", "eu") } else { ("0.9.0", "us") };
        enroll(&mut desk, index, model(), version, region);
    }
    for index in 60..70 {
        let version = if index % 2 == 0 { "1.0.0" } else { "0.9.0" };
        enroll(&mut desk, index, m6(), version, "eu");
    }
    desk.tick(Span::ZERO);
    desk.everybody_begins(70);
    desk
}

#[test]
fn nobody_is_blamed_while_nothing_is_bad() {
    assert_eq!(blame(&two_models()), None);
}

#[test]
fn the_worst_group_is_blamed_against_all_others() {
    let mut desk = two_models();
    fail(&mut desk, 60..65);
    let found = blame(&desk).expect("there are bad outcomes");
    assert_eq!(found.all, Count { bad: 5, exposed: 70 });
    let first = &found.groups[0];
    assert_eq!(first.to_string(), "model m6, 5 of 10 devices, all others 0 of 60");
    let gate = &plan("model==m6").gates.failure;
    assert_eq!(first.ln_e_abort, gate.ln_e_abort(Tally::new(5, 10).expect("5 of 10")));
    assert!(first.stands_out);
    // Half of Europe and of either version is as good as the rest of the world.
    assert!(found.groups[1..].iter().all(|group| !group.stands_out), "{found:?}");
}

#[test]
fn whoever_is_everybody_is_blamed_for_nothing() {
    let mut desk = started("model==v980");
    (0..10).for_each(|index| enroll(&mut desk, index, model(), "1.0.0", "eu"));
    desk.tick(Span::ZERO);
    desk.everybody_begins(10);
    fail(&mut desk, 0..10);
    let found = blame(&desk).expect("there are bad outcomes");
    assert_eq!((found.all, found.groups), (Count { bad: 10, exposed: 10 }, Vec::new()));
}

#[test]
fn what_is_as_bad_everywhere_does_not_stand_out() {
    let mut desk = two_models();
    fail(&mut desk, (0..70).filter(|index| index % 10 < 3));
    let found = blame(&desk).expect("there are bad outcomes");
    assert!(found.groups.iter().all(|group| !group.stands_out), "{found:?}");
    assert!(found.groups.iter().any(|group| group.ln_e_abort.get() > 4.6), "{found:?}");
}

#[test]
fn one_bad_device_among_a_few_is_no_proof_against_its_model() {
    let mut desk = started("model=in=(v980,m6)");
    (0..3).for_each(|index| enroll(&mut desk, index, model(), "1.0.0", "eu"));
    enroll(&mut desk, 3, m6(), "1.0.0", "eu");
    desk.tick(Span::ZERO);
    desk.everybody_begins(4);
    fail(&mut desk, 3..4);
    let found = blame(&desk).expect("there is one");
    assert_eq!(found.groups[0].to_string(), "model m6, 1 of 1 device, all others 0 of 3");
    assert!(!found.groups[0].stands_out);
}

#[test]
fn a_device_counts_as_what_it_was_at_its_permit() {
    let mut desk = two_models();
    (60..65).for_each(|index| says(&mut desk, &device(index), "1.1.0", "us"));
    fail(&mut desk, 60..65);
    (60..65).for_each(|index| says(&mut desk, &device(index), "1.0.0", ""));
    let found = blame(&desk).expect("there are bad outcomes");
    let texts: Vec<_> = found.groups.iter().map(ToString::to_string).collect();
    assert!(texts.contains(&"region eu, 5 of 40 devices, all others 0 of 30".into()), "{texts:?}");
    assert!(texts.contains(&"from 1.0.0, 3 of 35 devices, all others 2 of 35".into()), "{texts:?}");
}

#[test]
fn what_the_cohort_asks_for_is_counted_too() {
    let mut desk = started("model==v980;board=in=(b,c)");
    for index in 0..40 {
        enroll(&mut desk, index, model(), "1.0.0", "eu");
        let board = if index < 10 { "b" } else { "c" };
        let held = desk.fleet.devices.get_mut(&device(index)).expect("enrolled");
        held.registered.insert("board".into(), board.into());
    }
    desk.tick(Span::ZERO);
    desk.everybody_begins(40);
    fail(&mut desk, 0..4);
    let found = blame(&desk).expect("there are bad outcomes");
    assert_eq!(found.groups[0].to_string(), "board b, 4 of 10 devices, all others 0 of 30");
}

#[test]
fn a_value_beyond_the_bound_is_counted_among_the_others() {
    let mut desk = started("model==v980");
    let all = BLAMED_VALUES + 6;
    for index in 0..all {
        let region = if index == 0 { String::new() } else { format!("r{index}") };
        enroll(&mut desk, index, model(), "1.0.0", &region);
    }
    desk.tick(Span::ZERO);
    desk.everybody_begins(all);
    // Permits are given in the order of their names.
    fail(&mut desk, [0, 1, all - 2, all - 1].into_iter());
    let found = blame(&desk).expect("there are bad outcomes");
    let values: Vec<_> =
        found.groups.iter().map(|group| (group.value.as_str(), group.count)).collect();
    let one = Count { bad: 1, exposed: 1 };
    let others = Count { bad: 2, exposed: 6 };
    assert_eq!(values, [(OTHERS, others), (ABSENT, one), ("r1", one)]);
    let region = "region beyond the first 64, 2 of 6 devices, all others 2 of 64";
    assert_eq!(found.groups[0].to_string(), region);
    assert_eq!(found.groups[1].to_string(), "no region, 1 of 1 device, all others 3 of 69");
}

#[test]
fn no_more_groups_are_blamed_than_one_looks_at() {
    let mut desk = started("model==v980");
    (0..20).for_each(|index| enroll(&mut desk, index, model(), "1.0.0", &format!("r{index}")));
    desk.tick(Span::ZERO);
    desk.everybody_begins(20);
    fail(&mut desk, 0..20);
    assert_eq!(blame(&desk).expect("there are bad outcomes").groups.len(), BLAMED_GROUPS);
}

#[test]
fn a_halt_that_two_people_resumed_is_blamed_on_nobody() {
    let mut desk = two_models();
    fail(&mut desk, 60..65);
    desk.tick(Span::secs(1));
    assert_eq!(desk.phase(), "halted");
    assert!(blame(&desk).is_some(), "a halt keeps its blame");
    for name in ["ana", "ben"] {
        desk.command(name, Command::Resume).expect("people may resume it");
    }
    assert_eq!(blame(&desk), None);
    // Bad news of the old epoch changes nothing, and a device of the new one counts alone.
    fail(&mut desk, 65..66);
    assert_eq!(blame(&desk), None);
    enroll(&mut desk, 70, model(), "1.0.0", "eu");
    enroll(&mut desk, 71, m6(), "1.0.0", "eu");
    desk.tick(Span::secs(1));
    for index in [70, 71] {
        desk.offer(&device(index));
        desk.report(&device(index), Event::Downloaded, None);
        desk.begin(&device(index));
    }
    fail(&mut desk, 71..72);
    assert_eq!(blame(&desk).map(|found| found.all), Some(Count { bad: 1, exposed: 2 }));
}

/// It may have said what it runs before it was known to have switched.
#[test]
fn who_switched_unasked_did_not_come_from_what_it_runs() {
    let mut desk = two_models();
    enroll(&mut desk, 70, model(), "1.0.0", "eu");
    desk.tick(Span::ZERO);
    assert!(desk.offer(&device(70)));
    says(&mut desk, &device(70), "1.1.0", "eu");
    desk.report(&device(70), Event::Booted, None);
    fail(&mut desk, 70..71);
    let found = blame(&desk).expect("it is bad");
    let version = found.groups.iter().find(|group| group.attribute == "version");
    let text = version.map(ToString::to_string);
    assert_eq!(text.as_deref(), Some("no version, 1 of 1 device, all others 0 of 70"));
}

/// Half of the many weigh more against the limit than all of the few; but the few are the worse.
#[test]
fn who_stands_out_comes_first() {
    let mut desk = two_models();
    fail(&mut desk, (0..60).filter(|index| index / 2 % 2 == 0).chain(60..70));
    let found = blame(&desk).expect("there are bad outcomes");
    let models = found.groups.iter().filter(|group| group.attribute == "model");
    let models: Vec<_> = models.map(|group| (group.value.as_str(), group.stands_out)).collect();
    assert_eq!(models, [("m6", true), ("v980", false)]);
    let evidence = |place: usize| found.groups[place].ln_e_abort;
    assert!(found.groups[0].value == "m6" && evidence(0) < evidence(1), "{found:?}");
}

#[test]
fn who_gets_its_permit_again_came_from_where_it_came_from() {
    let mut desk = two_models();
    let id = device(60);
    desk.report(&id, Event::Returned, Some(Reason::PowerLoss));
    says(&mut desk, &id, "1.0.0", "us");
    assert!(matches!(desk.begin(&id), Some(rollout_core::fleet::Reply::Yes { .. })));
    fail(&mut desk, 60..61);
    let found = blame(&desk).expect("it is bad");
    let texts: Vec<_> = found.groups.iter().map(ToString::to_string).collect();
    assert!(texts.contains(&"model m6, 1 of 10 devices, all others 0 of 60".into()), "{texts:?}");
    assert!(texts.contains(&"region eu, 1 of 40 devices, all others 0 of 30".into()), "{texts:?}");
}
