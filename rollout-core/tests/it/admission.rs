//! Each reason a device is not offered the image: one row each, by its code.

use crate::desk::{Desk, USUAL, device, fields, image, person};
use rollout_core::cohort::Selector;
use rollout_core::device::{Device, Standing};
use rollout_core::fleet::{Answer, Ask};
use rollout_core::hosting::Contract;
use rollout_core::id::RolloutId;
use rollout_core::journal::Entry;
use rollout_core::release::{Artifact, ComponentId, Lifecycle, Release};
use rollout_core::rollout::{Command, Plan, PlanFields};
use rollout_core::time::{Span, Timestamp};
use rollout_core::version::{ReleaseCounter, SecureVersion};
use rollout_core::wire::{Event, Reason};

fn code(desk: &Desk, index: usize) -> &'static str {
    let told = desk.fleet.admission(desk.rollout, &device(index), desk.now).expect("known");
    let code = told.map_or_else(|reason| reason.code(), |_| "eligible");
    let mut copy = desk.copy();
    assert_eq!(code == "eligible", copy.offer(&device(index)), "told {code}");
    code
}

fn desk_with(change: impl FnOnce(&mut PlanFields)) -> Desk {
    let mut wanted = fields(&["100%"]);
    change(&mut wanted);
    Desk::started(10, wanted)
}

fn changed_device(change: impl FnOnce(&mut Device)) -> &'static str {
    let mut desk = desk_with(|_| {});
    change(desk.fleet.devices.get_mut(&device(1)).expect("a device"));
    assert_eq!(code(&desk, 2), "eligible", "the others are not touched");
    code(&desk, 1)
}

fn changed_release(change: impl FnOnce(&mut Release)) -> &'static str {
    let mut desk = desk_with(|_| {});
    change(desk.fleet.releases.values_mut().next().expect("a release"));
    code(&desk, 1)
}

fn changed_artifact(change: impl FnOnce(&mut Artifact)) -> &'static str {
    changed_release(|release| change(&mut release.artifacts[0]))
}

#[test]
fn a_device_that_nothing_speaks_against_is_eligible() {
    assert_eq!(code(&desk_with(|_| {}), 1), "eligible");
}

#[test]
fn what_a_device_is_may_exclude_it() {
    let facts = |change: fn(&mut rollout_core::device::Facts)| {
        changed_device(|device| change(device.facts.as_mut().expect("it was seen")))
    };
    let (by, at) = (|| crate::desk::person("ops"), Timestamp(1));
    let retired = Standing::Retired { reason: "sold".into(), by: by(), at };
    let held = Standing::Held { reason: "returned".into(), by: by(), at };
    assert_eq!(changed_device(|d| d.standing = retired), "EX-001");
    assert_eq!(changed_device(|d| d.standing = held), "EX-001");
    assert_eq!(changed_device(|d| d.facts = None), "EX-004");
    assert_eq!(facts(|f| f.running.digest = image("1.1.0")), "EX-005");
    assert_eq!(changed_device(|d| d.remember_flight(image("1.1.0"))), "EX-007");
    assert_eq!(facts(|f| f.running.counter = ReleaseCounter(2)), "EX-009");
    assert_eq!(facts(|f| f.running.epoch = 2), "EX-009");
    assert_eq!(facts(|f| f.secure_version = SecureVersion(1)), "EX-012");
    assert_eq!(facts(|f| f.slot_bytes = 999), "EX-013");
    assert_eq!(facts(|f| f.slot_bytes = 1000), "eligible");
}

#[test]
fn what_a_release_is_may_exclude_devices() {
    assert_eq!(changed_artifact(|a| a.hardware.clear()), "EX-003");
    assert_eq!(changed_artifact(|a| a.component = ComponentId(1)), "EX-003");
    assert_eq!(changed_artifact(|a| a.min_from = ReleaseCounter(2)), "EX-010");
    let from = semver::VersionReq::parse(">=2").expect("a range");
    assert_eq!(changed_release(|r| r.from = Some(from)), "EX-011");
    assert_eq!(changed_release(|r| r.lifecycle = Lifecycle::Draft), "EX-014");
    assert_eq!(changed_artifact(|a| a.expires = 1000), "EX-015", "expired at the second itself");
    let contract = Contract::parse("api ^9").expect("a contract");
    assert_eq!(changed_artifact(|a| a.contract = contract), "EX-016");
}

#[test]
fn what_a_plan_says_may_keep_devices_waiting() {
    let other = Selector::parse("model==v981").expect("a query");
    let query = rollout_core::rollout::Membership::Query(other);
    assert_eq!(code(&desk_with(|plan| plan.members = query), 1), "EX-002");
    let docked = Selector::parse("docked==true").expect("a query");
    assert_eq!(code(&desk_with(|plan| plan.require = Some(docked)), 1), "EX-021");
    let later = Some(Timestamp(u64::MAX));
    assert_eq!(code(&desk_with(|plan| plan.start_at = later), 1), "EX-018");
    let mut desk = desk_with(|plan| plan.pace.max_offers = Some(1));
    assert!(desk.offer(&device(0)));
    assert_eq!(code(&desk, 1), "EX-022");
    assert_eq!(code(&desk, 0), "eligible", "its own offer is repeated");
}

#[test]
fn a_device_whose_turn_has_not_come_is_told_its_place() {
    let desk = Desk::started(200, fields(&["5", "100%"]));
    let codes: Vec<_> = (0..200).map(|index| code(&desk, index)).collect();
    assert_eq!(codes.iter().filter(|code| **code == "eligible").count(), 5);
    assert_eq!(codes.iter().filter(|code| **code == "EX-019").count(), 195);
}

#[test]
fn an_attempt_is_the_only_one() {
    for (event, reason) in [(Event::Refused, Reason::Size), (Event::Returned, Reason::Storage)] {
        let mut desk = desk_with(|_| {});
        assert!(desk.offer(&device(1)));
        if event == Event::Returned {
            desk.report(&device(1), Event::Downloaded, None);
            desk.begin(&device(1)).expect("an answer");
        }
        desk.report(&device(1), event, Some(reason));
        assert_eq!(code(&desk, 1), "EX-008");
    }
}

#[test]
fn a_device_at_work_for_another_rollout_is_busy() {
    let mut desk = desk_with(|_| {});
    let other = rollout_core::id::RolloutId(uuid::Uuid::from_u128(7));
    desk.fleet.devices.get_mut(&device(1)).expect("a device").open = Some(other);
    assert_eq!(code(&desk, 1), "EX-017");
}

#[test]
fn a_revoked_offer_is_made_again_after_the_resume() {
    let mut desk = desk_with(|_| {});
    assert!(desk.offer(&device(1)));
    desk.command("ops", Command::Halt { reason: "smoke".into() }).expect("it runs");
    assert_eq!(code(&desk, 1), "EX-018");
    for name in ["ann", "bob"] {
        desk.command(name, Command::Resume).expect("two people");
    }
    assert!(desk.offer(&device(1)));
    let execution = &desk.fleet.rollouts[&desk.rollout].executions[&device(1)];
    assert_eq!(execution.attempt, 2);
}

#[test]
fn a_lapsed_offer_frees_its_slot_and_is_taken_up_again() {
    let mut desk = desk_with(|plan| {
        plan.pace.max_offers = Some(1);
        plan.pace.lease = Span(USUAL.0 * 2);
    });
    assert!(desk.offer(&device(1)));
    desk.tick(USUAL);
    desk.report(&device(1), Event::Downloading, None);
    desk.tick(USUAL);
    assert_eq!(code(&desk, 2), "EX-022", "progress has renewed the lease");
    desk.tick(USUAL);
    assert_eq!(code(&desk, 2), "eligible", "the lease is over");
    assert!(desk.offer(&device(1)), "and the first may come back");
    let execution = &desk.fleet.rollouts[&desk.rollout].executions[&device(1)];
    assert_eq!(execution.attempt, 1);
}

/// Two rollouts may admit a device; it is offered the newer one's image, and both say so.
#[test]
fn of_two_rollouts_the_newer_explains_the_offer() {
    let mut desk = Desk::started(10, fields(&["100%"]));
    let older = desk.rollout;
    let newer = RolloutId::parse("0192f7a0-0000-7000-8000-000000000002").expect("a UUID");
    let plan = Plan::check(fields(&["100%"])).expect("a plan").into();
    desk.write(Entry::Drafted { rollout: newer, plan, by: person("author") });
    desk.rollout = newer;
    desk.command("ops", Command::Start).expect("a draft");
    desk.tick(Span::ZERO);
    let told = |desk: &Desk, rollout| {
        let said = desk.fleet.explain(rollout, &device(1), desk.now).expect("known");
        let asked = desk.fleet.admission(rollout, &device(1), desk.now).expect("known");
        assert_eq!(said.is_eligible(), asked.is_ok(), "{}", said.verdict);
        asked.map_err(|why| why.code())
    };
    assert_eq!((told(&desk, older), told(&desk, newer)), (Err("EX-026"), Ok(1)));
    let (answer, _) = desk.ask(Ask::Offer { device: device(1) });
    let Answer::Offer(Some(offer)) = answer else { panic!("{answer:?}") };
    assert_eq!(offer.rollout, newer);
    assert_eq!((told(&desk, older), told(&desk, newer)), (Err("EX-017"), Ok(1)));
    desk.command("ops", Command::Cancel).expect("it runs");
    assert_eq!(told(&desk, older), Ok(1), "its turn");
}
