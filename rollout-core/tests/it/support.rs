//! The support desk: one release for one device, also one that fled from it; and what comes along
//! with a release.

use crate::desk::{Desk, device, fields, image, person};
use rollout_core::fleet::Registered;
use rollout_core::id::{DeviceId, RolloutId};
use rollout_core::journal::{CohortRecord, Entry, PublishRecord};
use rollout_core::release::ReleaseId;
use rollout_core::rollout::{Again, Command, StateHash};
use rollout_core::time::Timestamp;
use rollout_core::version::ReleaseCounter;
use rollout_core::wire::{Event, Reason};

fn release() -> ReleaseId {
    ReleaseId::parse("vacuum@1.1.0").expect("a release")
}

/// Device 0 came back from the image, and the rollout was canceled.
fn fled() -> Desk {
    let mut desk = Desk::started(3, fields(&["100%"]));
    assert!(desk.offer(&device(0)));
    desk.report(&device(0), Event::Downloaded, None);
    assert!(desk.begin(&device(0)).is_some());
    desk.report(&device(0), Event::Returned, Some(Reason::SelfTest));
    assert!(desk.fleet.devices[&device(0)].fled.contains(&image("1.1.0")));
    desk.command("ops", Command::Cancel).expect("it runs");
    desk
}

fn start(desk: &mut Desk, index: usize, again: Again) {
    let plan = desk.fleet.one_device_plan(&device(index), &release(), again).expect("a plan");
    let rollout = RolloutId::derived(&format!("support {index} {again:?}"));
    desk.write(Entry::Drafted { rollout, plan: plan.into(), by: person("ann") });
    desk.rollout = rollout;
    desk.command("ann", Command::Start).expect("a draft");
}

#[test]
fn one_device_gets_it_and_no_other() {
    let mut desk = fled();
    start(&mut desk, 1, Again::No);
    assert!(!desk.offer(&device(2)));
    assert!(desk.update(&device(1)));
}

#[test]
fn a_device_that_fled_gets_it_again_only_if_somebody_says_so() {
    let mut desk = fled();
    start(&mut desk, 0, Again::No);
    assert!(!desk.offer(&device(0)));
    let told = desk.fleet.admission(desk.rollout, &device(0), desk.now).expect("known");
    assert_eq!(told.expect_err("it fled").code(), "EX-007");
    start(&mut desk, 0, Again::Yes);
    assert!(desk.update(&device(0)));
}

#[test]
fn a_plan_for_nobody_or_of_nothing_is_refused() {
    let desk = fled();
    let nobody = DeviceId::new("nobody").expect("an id");
    let nothing = ReleaseId::parse("vacuum@9.9.9").expect("a release");
    for (device, release) in [(&nobody, &release()), (&device(0), &nothing)] {
        let error = desk.fleet.one_device_plan(device, release, Again::No);
        assert_eq!(error.expect_err("it is not there").code(), "RE-001");
    }
}

#[test]
fn offering_the_same_to_one_device_twice_is_offering_it_once() {
    let mut desk = fled();
    let offer = |desk: &Desk, name: &str, again| {
        let id = RolloutId::derived(name);
        desk.fleet.offer_to_one(id, &device(0), &release(), again, &person("ann"), desk.now)
    };
    let Registered::Decided(entries, outbox) = offer(&desk, "a", Again::No).expect("offered")
    else {
        panic!("nothing was decided");
    };
    assert_eq!((entries.len(), outbox.is_empty()), (2, false));
    entries.into_iter().for_each(|entry| desk.write(entry));
    let first = Some(RolloutId::derived("a"));
    assert_eq!(desk.fleet.offered_to_one(&device(0), &release(), Again::No), first);
    assert_eq!(offer(&desk, "b", Again::No), Ok(Registered::Known));
    // It fled, so that the first offers it nothing; the second is another question.
    let Ok(Registered::Decided(entries, _)) = offer(&desk, "b", Again::Yes) else {
        panic!("nothing was decided");
    };
    entries.into_iter().for_each(|entry| desk.write(entry));
    desk.rollout = RolloutId::derived("b");
    assert!(desk.update(&device(0)));
}

#[test]
fn a_long_id_still_has_a_plan() {
    let mut desk = fled();
    let long = DeviceId::new(&"x".repeat(128)).expect("an id");
    desk.enroll(&long);
    let plan = desk.fleet.one_device_plan(&long, &release(), Again::Yes).expect("a plan");
    assert_eq!((plan.name.len(), plan.again), (100, Again::Yes));
}

#[test]
fn plans_from_before_there_was_a_choice_keep_their_state_hash() {
    assert_eq!(StateHash::of(&Again::No), StateHash::of(&()));
    assert_ne!(StateHash::of(&Again::Yes), StateHash::of(&()));
}

#[test]
fn cohorts_and_releases_know_when_they_were_changed() {
    let mut desk = fled();
    let cohort = rollout_core::id::CohortId::new("dogfood").expect("a cohort");
    for list in [vec![], vec![device(0)]] {
        let record = CohortRecord::Listed(list.into_iter().collect());
        let by = person("ops");
        let done = desk.fleet.define_cohort(cohort.clone(), record.clone(), by.clone());
        let Registered::New(entries) = done else { panic!("{done:?}") };
        entries.into_iter().for_each(|entry| desk.write(entry));
        assert_eq!(desk.fleet.cohorts[&cohort].revision, desk.fleet.read_to);
        let done = desk.fleet.define_cohort(cohort.clone(), record, by);
        assert_eq!(done, Registered::Known);
    }
    let (by, reason) = (person("ops"), String::from("it beeps"));
    desk.write(Entry::Withdrawn { release: release(), by, reason });
    assert_eq!(desk.fleet.releases[&release()].revision, desk.fleet.read_to);
}

#[test]
fn what_comes_along_with_a_release_has_bounds() {
    let fleet = crate::desk::base();
    let record = || PublishRecord {
        release: release(),
        counter: ReleaseCounter(9),
        manifests: Vec::new(),
        way_back: None,
        from: None,
        by: person("ci"),
        notes: Some("n".repeat(64 * 1024)),
        source: Some("ü".repeat(200)),
        provenance: Some(vec![0; 256 * 1024]),
        marks: Default::default(),
    };
    let code = |record| fleet.publish(&record, Timestamp(0)).expect_err("no root").code();
    assert_eq!(code(record()), "PU-001", "it is not too long");
    let (notes, source) = (Some("n".repeat(64 * 1024 + 1)), Some("ü".repeat(201)));
    assert_eq!(code(PublishRecord { notes, ..record() }), "PU-008");
    assert_eq!(code(PublishRecord { source, ..record() }), "PU-008");
    let provenance = Some(vec![0; 256 * 1024 + 1]);
    assert_eq!(code(PublishRecord { provenance, ..record() }), "PU-008");
}
