//! The life of a device in operators' hands, and what it means for rollouts.

use crate::desk::{Desk, HORIZON, USUAL, device, fields, model, person};
use rollout_core::cohort::{Attributes, Selector};
use rollout_core::device::{Bucket, Outcome, Standing, State};
use rollout_core::fleet::{DeviceError, NewDevice, Registered, Replacement, Reply, Verdict};
use rollout_core::hosting::HomeId;
use rollout_core::id::{CohortId, DeviceId, Digest, HardwareModel};
use rollout_core::journal::{CohortRecord, EnrollmentRecord, Entry, StandingChange};
use rollout_core::rollout::{Ineligible, Membership, Patience};
use rollout_core::time::Span;
use rollout_core::wire::{Event, Reason};
use std::collections::BTreeMap;

fn hold() -> StandingChange {
    StandingChange::Hold { reason: "returned by its owner".into() }
}

pub fn retire() -> StandingChange {
    StandingChange::Retire { reason: "sold".into() }
}

pub fn write(desk: &mut Desk, done: Result<Registered, DeviceError>) -> usize {
    match done.expect("nothing is in its way") {
        Registered::New(entries) | Registered::Decided(entries, _) => {
            let count = entries.len();
            entries.into_iter().for_each(|entry| desk.write(entry));
            count
        }
        Registered::Known => 0,
    }
}

fn stand(desk: &mut Desk, index: usize, change: StandingChange) -> usize {
    let done = desk.fleet.set_standing(device(index), change, person("ops"));
    write(desk, done)
}

fn exclude(desk: &mut Desk, index: usize) -> usize {
    let (by, reason) = (person("ops"), String::from("a demo unit"));
    let done = desk.fleet.exclude(desk.rollout, device(index), reason, by);
    write(desk, done)
}

fn include(desk: &mut Desk, index: usize) -> usize {
    let done = desk.fleet.include(desk.rollout, device(index), person("ops"));
    write(desk, done)
}

fn state(desk: &Desk, index: usize) -> State {
    desk.fleet.rollouts[&desk.rollout].executions[&device(index)].state
}

fn bucket(desk: &Desk, index: usize) -> Bucket {
    desk.fleet.explain(desk.rollout, &device(index), desk.now).expect("known").bucket
}

/// Device 0 has the image and waits; nobody has asked for its permit.
fn downloaded() -> Desk {
    let mut desk = Desk::started(10, fields(&["100%"]));
    assert!(desk.offer(&device(0)));
    desk.report(&device(0), Event::Downloaded, None);
    desk
}

/// Device 0 has its permit and has not switched.
fn permitted() -> Desk {
    let mut desk = downloaded();
    assert!(matches!(desk.begin(&device(0)), Some(Reply::Yes { .. })));
    desk
}

fn is_told_to_wait(desk: &mut Desk) -> bool {
    let reply = desk.begin(&device(0)).expect("an answer");
    reply == Reply::Wait(Patience::Not(Ineligible::Standing("held")))
}

#[test]
fn a_held_device_is_neither_offered_nor_permitted_and_goes_on_when_released() {
    let mut desk = downloaded();
    for index in 0..2 {
        assert_eq!(stand(&mut desk, index, hold()), 1);
        assert_eq!(stand(&mut desk, index, hold()), 0, "for the same reason");
        assert!(!desk.offer(&device(index)));
    }
    assert!(is_told_to_wait(&mut desk));
    assert_eq!(state(&desk, 0), State::Ready, "it keeps what it has");
    assert_eq!(bucket(&desk, 1), Bucket::Excluded);
    let told = desk.fleet.explain(desk.rollout, &device(0), desk.now).expect("known");
    assert_eq!(told.verdict.to_string(), "waits for its permit: the device is held");
    let Standing::Held { reason, by, at } = &desk.fleet.devices[&device(0)].standing else {
        panic!("it is held")
    };
    assert_eq!((reason.as_str(), by.as_str(), *at), ("returned by its owner", "ops", desk.now));
    for index in 0..2 {
        assert_eq!(stand(&mut desk, index, StandingChange::Release), 1);
        assert_eq!(stand(&mut desk, index, StandingChange::Release), 0);
    }
    assert!(matches!(desk.begin(&device(0)), Some(Reply::Yes { .. })));
    assert!(desk.offer(&device(1)));
}

#[test]
fn a_held_device_that_has_its_permit_waits_too_and_its_horizon_stands_still() {
    let mut desk = permitted();
    stand(&mut desk, 0, hold());
    for _ in 0..4 {
        desk.tick(Span(HORIZON.0 / 2));
        assert!(is_told_to_wait(&mut desk));
    }
    assert_eq!(state(&desk, 0), State::Permitted, "it is not silent: we made it wait");
    stand(&mut desk, 0, StandingChange::Release);
    assert!(matches!(desk.begin(&device(0)), Some(Reply::Yes { .. })));
}

#[test]
fn an_excluded_device_loses_its_offer_and_gets_a_new_one_when_included() {
    let mut desk = downloaded();
    for index in 0..2 {
        assert_eq!(exclude(&mut desk, index), 1);
        assert_eq!(exclude(&mut desk, index), 0);
        assert!(!desk.offer(&device(index)));
        assert_eq!(bucket(&desk, index), Bucket::Excluded);
        let told = desk.fleet.explain(desk.rollout, &device(index), desk.now).expect("known");
        let Verdict::Not(reason) = told.verdict else { panic!("{:?}", told.verdict) };
        assert_eq!(reason.code(), "EX-025");
        assert!(reason.to_string().ends_with(": a demo unit"), "{reason}");
    }
    assert_eq!(desk.begin(&device(0)), Some(Reply::Stop("over")));
    assert_eq!(desk.fleet.rollouts[&desk.rollout].tally.pending.offers, 0, "its slot is free");
    for index in 0..2 {
        assert_eq!(include(&mut desk, index), 1);
        assert_eq!(include(&mut desk, index), 0);
        assert!(desk.offer(&device(index)));
    }
    assert_eq!(desk.fleet.rollouts[&desk.rollout].executions[&device(0)].attempt, 2);
}

#[test]
fn an_excluded_device_that_has_its_permit_is_told_to_stop() {
    let mut desk = permitted();
    exclude(&mut desk, 0);
    assert_eq!(desk.begin(&device(0)), Some(Reply::Stop("excluded")));
    assert_eq!(bucket(&desk, 0), Bucket::Unconfirmed, "until it says that it has stopped");
    assert_eq!(desk.fleet.rollouts[&desk.rollout].counts().exposed, 1);
    desk.report(&device(0), Event::Stopped, Some(Reason::Told));
    assert_eq!(bucket(&desk, 0), Bucket::Excluded);
    assert_eq!(desk.fleet.rollouts[&desk.rollout].counts().exposed, 0);
}

#[test]
fn a_retired_device_leaves_but_what_it_was_permitted_counts() {
    let mut desk = permitted();
    assert!(desk.offer(&device(1)));
    for index in 0..3 {
        assert_eq!(stand(&mut desk, index, retire()), 1);
        assert!(!desk.offer(&device(index)));
    }
    assert_eq!(desk.begin(&device(1)), Some(Reply::Stop("over")));
    assert_eq!((state(&desk, 1), bucket(&desk, 1)), (State::Left, Bucket::Left));
    assert_eq!(desk.fleet.devices[&device(1)].open, None);
    assert_eq!(desk.fleet.rollouts[&desk.rollout].tally.pending.offers, 0);
    assert_eq!(bucket(&desk, 2), Bucket::Excluded);
    // It runs the image somewhere and nobody will hear of it: to the gate that is a silent device,
    // or retiring the bricked ones would make a bad release look good.
    assert_eq!(desk.begin(&device(0)), Some(Reply::Stop("excluded")));
    assert_eq!(state(&desk, 0), State::Permitted);
    desk.tick(HORIZON);
    assert_eq!(state(&desk, 0), State::Silent);
    assert_eq!(desk.fleet.rollouts[&desk.rollout].counts().silent, 1);
}

#[test]
fn what_a_permitted_device_reported_before_it_was_retired_counts_as_reported() {
    let mut desk = permitted();
    desk.check_in(&device(0), "1.1.0", 2);
    desk.report(&device(0), Event::Confirmed, None);
    stand(&mut desk, 0, retire());
    desk.tick(HORIZON);
    let execution = &desk.fleet.rollouts[&desk.rollout].executions[&device(0)];
    assert_eq!((execution.state, execution.outcome), (State::Confirmed, Some(Outcome::Good)));
}

#[test]
fn a_retired_device_does_not_come_back() {
    let mut desk = Desk::started(10, fields(&["100%"]));
    stand(&mut desk, 0, retire());
    let by = || person("ops");
    for change in [hold(), StandingChange::Release] {
        let done = desk.fleet.set_standing(device(0), change, by());
        assert_eq!(done.expect_err("it is gone").code(), "DV-001");
    }
    assert_eq!(stand(&mut desk, 0, retire()), 0, "it is gone already");
    let done = desk.fleet.rotate_token(device(0), Digest::of(b"new"), 1, by());
    assert_eq!(done.expect_err("it is gone").code(), "DV-001");
    let done = desk.fleet.add_devices(vec![new_device("dev-0000")], &by());
    assert_eq!(done.expect_err("it is gone").code(), "DV-001");
    let done = desk.fleet.note(device(0), "went to a museum".into(), by());
    assert_eq!(write(&mut desk, done), 1, "people may still write about it");
}

#[test]
fn every_change_says_why_and_about_whom() {
    let desk = Desk::started(10, fields(&["100%"]));
    let nobody = || DeviceId::new("nobody").expect("an id");
    let by = || person("ops");
    let long = "x".repeat(1001);
    for text in ["", "  ", long.as_str()] {
        for change in [
            StandingChange::Hold { reason: text.into() },
            StandingChange::Retire { reason: text.into() },
        ] {
            let done = desk.fleet.set_standing(device(0), change, by());
            assert_eq!(done.expect_err("no reason").code(), "DV-002");
        }
        let done = desk.fleet.note(device(0), text.into(), by());
        assert_eq!(done.expect_err("no note").code(), "DV-002");
        let done = desk.fleet.exclude(desk.rollout, device(0), text.into(), by());
        assert_eq!(done.expect_err("no reason").code(), "DV-002");
    }
    let other = rollout_core::id::RolloutId::derived("another");
    for done in [
        desk.fleet.set_standing(nobody(), hold(), by()),
        desk.fleet.note(nobody(), "hello".into(), by()),
        desk.fleet.rotate_token(nobody(), Digest::of(b"new"), 1, by()),
        desk.fleet.exclude(desk.rollout, nobody(), "why".into(), by()),
        desk.fleet.include(desk.rollout, nobody(), by()),
        desk.fleet.exclude(other, device(0), "why".into(), by()),
        desk.fleet.include(other, device(0), by()),
    ] {
        assert_eq!(done.expect_err("nobody").code(), "RE-001");
    }
}

#[test]
fn the_newest_notes_are_kept_with_their_time() {
    let mut desk = Desk::started(10, fields(&["100%"]));
    for number in 0..40 {
        let done = desk.fleet.note(device(0), format!("note {number}"), person("ann"));
        assert_eq!(write(&mut desk, done), 1);
        desk.tick(Span::secs(1));
    }
    let notes = &desk.fleet.devices[&device(0)].notes;
    let texts: Vec<_> = notes.iter().map(|note| note.text.as_str()).collect();
    assert_eq!((texts.len(), texts[0], texts[31]), (32, "note 8", "note 39"));
    assert!(notes.windows(2).all(|pair| pair[0].at < pair[1].at));
}

#[test]
fn tokens_follow_each_other_and_an_enrollment_does_not_bring_an_old_one_back() {
    let mut desk = Desk::started(10, fields(&["100%"]));
    let token = |number: u32| Digest::of(&number.to_be_bytes());
    let rotate = |desk: &Desk, number| {
        desk.fleet.rotate_token(device(0), token(number), number, person("ops"))
    };
    for number in [0, 2] {
        assert_eq!(rotate(&desk, number).expect_err("out of turn").code(), "DV-003");
    }
    let done = rotate(&desk, 1);
    assert_eq!(write(&mut desk, done), 1);
    let done = rotate(&desk, 1);
    assert_eq!(write(&mut desk, done), 0, "asked twice is asked once");
    let known = &desk.fleet.devices[&device(0)];
    assert_eq!((known.token, known.generation), (token(1), 1));
}

pub fn new_device(name: &str) -> NewDevice {
    NewDevice {
        device: DeviceId::new(name).expect("an id"),
        hardware: model(),
        home: None,
        token: Digest::of(name.as_bytes()),
        attributes: [("region".into(), "eu-west".into())].into(),
    }
}

#[test]
fn devices_are_added_all_or_none_and_the_same_again_is_nothing() {
    let mut desk = Desk::started(10, fields(&["100%"]));
    let by = person("ops");
    let batch = vec![new_device("new-1"), new_device("new-2"), new_device("new-1")];
    let done = desk.fleet.add_devices(batch.clone(), &by);
    assert_eq!(write(&mut desk, done), 2, "a line that comes twice is one device");
    let done = desk.fleet.add_devices(batch.clone(), &by);
    assert_eq!(write(&mut desk, done), 0);
    let known = desk.fleet.devices.get("new-1").expect("there");
    assert_eq!((known.get("region"), known.facts.is_none()), (Some("eu-west"), true));
    assert_eq!(known.revision.0, desk.fleet.read_to.0 - 1);

    let with = |change: &dyn Fn(&mut NewDevice)| {
        let mut wrong = new_device("new-2");
        change(&mut wrong);
        vec![new_device("new-3"), wrong]
    };
    let attribute = |name: &str, value: &str| {
        let (name, value) = (String::from(name), String::from(value));
        move |new: &mut NewDevice| drop(new.attributes.insert(name.clone(), value.clone()))
    };
    let many = |new: &mut NewDevice| {
        new.attributes = (0..65).map(|index| (format!("a{index}"), String::new())).collect();
    };
    for (batch, code) in [
        (with(&|new| new.hardware = HardwareModel::new("v981").expect("a model")), "DV-005"),
        (with(&|new| new.attributes.clear()), "DV-005"),
        (with(&|new| new.home = Some(HomeId::new("mars").expect("a home"))), "RE-001"),
        (with(&attribute("", "x")), "DV-004"),
        (with(&attribute(&"n".repeat(65), "x")), "DV-004"),
        (with(&attribute("model", "x")), "DV-004"),
        (with(&attribute("note", &"v".repeat(257))), "DV-004"),
        (with(&many), "DV-004"),
        (
            with(&|new| {
                *new = NewDevice {
                    hardware: model(),
                    home: None,
                    attributes: BTreeMap::new(),
                    ..new_device("new-3")
                }
            }),
            "DV-005",
        ),
    ] {
        let error = desk.fleet.add_devices(batch, &by).expect_err("one of them cannot be");
        assert_eq!((error.code(), error.index()), (code, Some(1)), "{error}");
    }
}

#[test]
fn what_is_registered_counts_where_the_device_says_otherwise() {
    let mut desk = Desk::started(1, fields(&["100%"]));
    let done = desk.fleet.add_devices(vec![new_device("new-1")], &person("ops"));
    write(&mut desk, done);
    let id = DeviceId::new("new-1").expect("an id");
    desk.check_in(&id, "1.0.0", 1);
    let said = &mut desk.fleet.devices.get_mut("new-1").expect("known").facts;
    let said = &mut said.as_mut().expect("it was seen").attributes;
    said.insert("region".into(), "us-east".into());
    said.insert("battery".into(), "30".into());
    let known = desk.fleet.devices.get("new-1").expect("there");
    let query = Selector::parse("region==eu-west;battery==30").expect("a query");
    assert_eq!(query.explain(known), None);
}

#[test]
fn a_replacement_takes_home_attributes_notes_and_cohorts() {
    let mut desk = Desk::started(2, fields(&["100%"]));
    let by = || person("ops");
    let done = desk.fleet.add_devices(vec![new_device("old-1")], &by());
    write(&mut desk, done);
    let (old, new) = ("old-1", DeviceId::new("new-1").expect("an id"));
    let old = DeviceId::new(old).expect("an id");
    let done = desk.fleet.note(old.clone(), "beeps".into(), by());
    write(&mut desk, done);
    for (name, list) in [("dogfood", vec![old.clone(), device(0)]), ("others", vec![device(1)])] {
        let cohort = CohortId::new(name).expect("a cohort");
        let record = CohortRecord::Listed(list.into_iter().collect());
        desk.write(Entry::CohortDefined { cohort, record, by: by() });
    }
    let replacement = Replacement {
        old: old.clone(),
        new: new.clone(),
        hardware: HardwareModel::new("v981").expect("a model"),
        token: Digest::of(b"new"),
    };
    let done = desk.fleet.replace(replacement.clone(), by());
    assert_eq!(write(&mut desk, done), 4, "retired, added, noted, one cohort");
    let done = desk.fleet.replace(replacement.clone(), by());
    assert_eq!(write(&mut desk, done), 0, "asked twice is asked once");
    let (gone, come) = (&desk.fleet.devices[&old], &desk.fleet.devices[&new]);
    let Standing::Retired { reason, .. } = &gone.standing else { panic!("it is gone") };
    assert_eq!(reason, "replaced by new-1");
    assert_eq!((&come.registered, &come.notes), (&gone.registered, &gone.notes));
    assert_eq!((&come.home, come.hardware.as_str()), (&gone.home, "v981"));
    let cohort = |name: &str| desk.fleet.cohorts[name].record.clone();
    assert_eq!(cohort("dogfood"), CohortRecord::Listed([device(0), new.clone()].into()));
    assert_eq!(cohort("others"), CohortRecord::Listed([device(1)].into()));

    let with = |old: &DeviceId, new: &DeviceId| {
        let (old, new) = (old.clone(), new.clone());
        let done = desk.fleet.replace(Replacement { old, new, ..replacement.clone() }, by());
        done.expect_err("it cannot be").code()
    };
    assert_eq!(with(&old, &device(0)), "DV-001");
    assert_eq!(with(&device(0), &device(1)), "RE-002");
    assert_eq!(with(&device(0), &device(0)), "DV-006");
}

#[test]
fn the_revision_is_the_last_word_of_an_operator() {
    let mut desk = Desk::started(10, fields(&["100%"]));
    let revision = |desk: &Desk| desk.fleet.devices[&device(0)].revision;
    let enrolled = revision(&desk);
    desk.update(&device(0));
    desk.tick(USUAL);
    assert_eq!(revision(&desk), enrolled, "a device does not change its own");
    exclude(&mut desk, 0);
    assert_eq!(revision(&desk), enrolled, "that is about the rollout");
    stand(&mut desk, 0, hold());
    assert_eq!(revision(&desk), desk.fleet.read_to);
    let done = desk.fleet.rotate_token(device(0), Digest::of(b"new"), 1, person("ops"));
    write(&mut desk, done);
    assert_eq!(revision(&desk), desk.fleet.read_to);
    let done = desk.fleet.note(device(0), "beeps".into(), person("ops"));
    write(&mut desk, done);
    assert_eq!(revision(&desk), desk.fleet.read_to);
}

#[test]
fn a_held_member_of_a_list_is_not_waited_for() {
    let members = Membership::Listed((0..3).map(device).collect());
    let mut desk =
        Desk::started(10, rollout_core::rollout::PlanFields { members, ..fields(&["100%"]) });
    stand(&mut desk, 0, hold());
    for _ in 0..3 {
        (0..3).for_each(|index| _ = desk.update(&device(index)));
        desk.tick(HORIZON);
        (0..3).for_each(|index| desk.fleet.touch(&device(index), desk.now));
        desk.tick(Span::ZERO);
    }
    assert_eq!(desk.phase(), "completed");
}

/// What was never seen may be enrolled once more by another leave: that makes a new token, and is
/// counted like any other use.
#[test]
fn another_enrollment_takes_over_only_what_was_never_seen_and_is_counted() {
    let mut desk = Desk::started(0, fields(&["100%"]));
    for id in ["one", "two"] {
        desk.write(Entry::EnrollmentOpened(EnrollmentRecord {
            id: id.into(),
            hash: Digest::of(id.as_bytes()),
            hardware: model(),
            count: 1,
            expires: desk.now.after(Span::hours(1)),
        }));
    }
    let enroll = |desk: &mut Desk, index, leave: &str| {
        let token = Digest::of(format!("{leave}{index}").as_bytes());
        let done = desk.fleet.enroll(device(index), model(), token, leave, desk.now);
        match done.map_err(|refused| refused.code())? {
            Registered::New(entries) | Registered::Decided(entries, _) => {
                entries.into_iter().for_each(|entry| desk.write(entry));
                Ok("new")
            }
            Registered::Known => Ok("known"),
        }
    };
    assert_eq!(enroll(&mut desk, 0, "one"), Ok("new"));
    assert_eq!(enroll(&mut desk, 0, "one"), Ok("known"), "asked twice is asked once");
    assert_eq!(enroll(&mut desk, 0, "two"), Ok("new"), "it was never seen");
    assert_eq!(desk.fleet.devices[&device(0)].token, Digest::of(b"two0"));
    assert_eq!(desk.fleet.enrollments["two"].used, 1);
    assert_eq!(enroll(&mut desk, 1, "two"), Err("RE-003"), "the take-over was its only use");
    assert_eq!(enroll(&mut desk, 0, "one"), Err("RE-003"), "and so was the first");
    desk.check_in(&device(0), "1.0.0", 1);
    assert_eq!(enroll(&mut desk, 0, "two"), Err("RE-002"), "it has been seen");
}
