//! Channels, and what carries a release from one to the next.

use crate::desk::{Desk, HORIZON, device, fields, person};
use rollout_core::cohort::Selector;
use rollout_core::fleet::{Passed, PromoteError, Promotion, Registered, RegistryError};
use rollout_core::id::{ChannelId, ProductId, RolloutId};
use rollout_core::journal::{ChannelRecord, Entry, Seq};
use rollout_core::release::{Lifecycle, ReleaseId, Target};
use rollout_core::rollout::{Command, Membership, Plan, PlanFields};
use rollout_core::time::Span;

const DEVICES: usize = 30;

fn product() -> ProductId {
    ProductId::new("vacuum").expect("a product")
}

fn channel(name: &str) -> ChannelId {
    ChannelId::new(name).expect("a channel")
}

fn release() -> ReleaseId {
    ReleaseId::parse("vacuum@1.1.0").expect("a release")
}

fn record(after: Option<&str>) -> ChannelRecord {
    ChannelRecord { template: String::new(), after: after.map(channel) }
}

fn plan() -> Plan {
    Plan::check(fields(&["100%"])).expect("a plan")
}

fn set(desk: &mut Desk, name: &str, after: Option<&str>) -> Result<Registered, RegistryError> {
    let set = desk.fleet.set_channel(product(), channel(name), record(after), person("ops"));
    if let Ok(Registered::New(entries)) = &set {
        entries.iter().for_each(|entry| desk.write(entry.clone()));
    }
    set
}

/// dogfood, then beta, then stable; the desk's own rollout is out of the way.
fn desk() -> Desk {
    let mut desk = Desk::started(DEVICES, fields(&["100%"]));
    desk.command("ops", Command::Cancel).expect("it runs");
    desk.write(Entry::ProductAdded { product: product(), by: person("ops") });
    for (name, after) in [("dogfood", None), ("beta", Some("dogfood")), ("stable", Some("beta"))] {
        set(&mut desk, name, after).expect("a channel");
    }
    desk
}

fn promote(desk: &mut Desk, name: &str) -> Result<Promotion, PromoteError> {
    let (to, by) = (channel(name), person("ci"));
    let promotion = desk.fleet.promote(&release(), &to, plan(), by, desk.now)?;
    if let Registered::Decided(entries, outbox) = &promotion.registered {
        assert_eq!(outbox.len(), 1, "its first rung opens: {outbox:?}");
        entries.iter().for_each(|entry| desk.write(entry.clone()));
        desk.rollout = promotion.rollout;
        desk.tick(Span::ZERO);
    }
    Ok(promotion)
}

fn run(desk: &mut Desk) {
    for _ in 0..4 {
        (0..DEVICES).for_each(|index| _ = desk.update(&device(index)));
        desk.tick(HORIZON);
        (0..DEVICES).for_each(|index| desk.fleet.touch(&device(index), desk.now));
        desk.tick(Span::ZERO);
    }
    assert_eq!(desk.phase(), "completed");
}

fn code(desk: &mut Desk, name: &str) -> &'static str {
    promote(desk, name).expect_err("it has not passed").code()
}

#[test]
fn a_channel_is_set_once_and_changed_by_another_record() {
    let mut desk = desk();
    let end = desk.fleet.read_to;
    assert_eq!(set(&mut desk, "beta", Some("dogfood")), Ok(Registered::Known));
    assert_eq!(desk.fleet.read_to, end);
    let other = ChannelRecord { template: "ladder = [\"20\"]".into(), ..record(None) };
    let by = person("ops");
    let set = desk.fleet.set_channel(product(), channel("dogfood"), other.clone(), by);
    let Ok(Registered::New(entries)) = set else { panic!("{set:?}") };
    entries.into_iter().for_each(|entry| desk.write(entry));
    let known = &desk.fleet.channels[&(product(), channel("dogfood"))];
    assert_eq!((&known.record, known.revision), (&other, Seq(end.0 + 1)));
    let names: Vec<_> = desk.fleet.channels_of(&product()).map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["beta", "dogfood", "stable"]);
}

#[test]
fn channels_follow_each_other_without_a_circle() {
    let mut desk = desk();
    let end = desk.fleet.read_to;
    for (name, after, code) in [
        ("dogfood", Some("stable"), "RE-006"),
        ("dogfood", Some("dogfood"), "RE-006"),
        ("lab", Some("nowhere"), "RE-001"),
    ] {
        let error = set(&mut desk, name, after).expect_err("no such order");
        assert_eq!(error.code(), code, "{name} after {after:?}: {error}");
    }
    let unknown = ProductId::new("mower").expect("a product");
    let set = desk.fleet.set_channel(unknown, channel("beta"), record(None), person("ops"));
    assert_eq!(set.expect_err("no such product").code(), "RE-001");
    let long = ChannelRecord { template: "x".repeat(64 * 1024 + 1), after: None };
    let set = desk.fleet.set_channel(product(), channel("beta"), long, person("ops"));
    assert_eq!(set.expect_err("too long").code(), "RE-006");
    let remove =
        |desk: &Desk, name| desk.fleet.remove_channel(product(), channel(name), person("ops"));
    assert_eq!(remove(&desk, "beta").expect_err("stable follows").code(), "RE-006");
    assert_eq!(remove(&desk, "lab").expect_err("unknown").code(), "RE-001");
    assert_eq!(desk.fleet.read_to, end);
    let removed = remove(&desk, "stable").expect("the last");
    let Registered::New(entries) = removed else { panic!("{removed:?}") };
    entries.into_iter().for_each(|entry| desk.write(entry));
    assert_eq!(code(&mut desk, "stable"), "PR-001");
}

#[test]
fn a_release_passes_one_channel_after_the_other() {
    let mut desk = desk();
    assert_eq!(code(&mut desk, "lab"), "PR-001");
    assert_eq!(code(&mut desk, "beta"), "PR-003");
    assert_eq!(code(&mut desk, "stable"), "PR-003");
    let first = promote(&mut desk, "dogfood").expect("nothing comes before");
    assert_eq!(first.stands, Passed::Never);
    let rollout = &desk.fleet.rollouts[&first.rollout].rollout;
    assert_eq!((rollout.phase.name(), rollout.author.as_str()), ("deploying", "ci"));
    assert_eq!(first.rollout.0.get_version_num(), 8);
    let error = promote(&mut desk, "beta").expect_err("not proven");
    let id = first.rollout;
    assert_eq!(
        error.to_string(),
        format!(
            "vacuum@1.1.0 has not passed dogfood: \
             rollout {id} is deploying, neither completed nor proven"
        )
    );
    assert_eq!(error.code(), "PR-004");
    run(&mut desk);
    let passed = Passed::Passed { rollout: id };
    assert_eq!(desk.fleet.passed(&release(), &channel("dogfood")), passed);
    assert_eq!(code(&mut desk, "beta"), "PR-008", "everybody in it has the release");
    desk.enroll(&device(DEVICES));
    let second = promote(&mut desk, "beta").expect("it has passed");
    assert_ne!(second.rollout, id);
    assert_eq!(code(&mut desk, "stable"), "PR-004");
}

#[test]
fn promoting_twice_is_promoting_once_also_after_a_halt() {
    let mut desk = desk();
    let first = promote(&mut desk, "dogfood").expect("nothing comes before");
    let end = desk.fleet.read_to;
    let again = promote(&mut desk, "dogfood").expect("the same");
    assert_eq!((again.rollout, again.registered), (first.rollout, Registered::Known));
    assert_eq!(desk.fleet.read_to, end);
    desk.command("ops", Command::Halt { reason: "smoke".into() }).expect("it runs");
    let halted = promote(&mut desk, "dogfood").expect("it says so");
    assert_eq!((halted.rollout, halted.registered), (first.rollout, Registered::Known));
    assert_eq!(halted.stands.name(), "halted");
    let error = promote(&mut desk, "beta").expect_err("halted");
    assert_eq!(error.code(), "PR-005");
    assert!(error.to_string().ends_with("was halted: ops: smoke"), "{error}");
}

#[test]
fn a_canceled_promotion_is_made_anew_under_another_id() {
    let mut desk = desk();
    let first = promote(&mut desk, "dogfood").expect("nothing comes before");
    desk.command("ops", Command::Cancel).expect("it runs");
    assert_eq!(code(&mut desk, "beta"), "PR-006");
    let second = promote(&mut desk, "dogfood").expect("the first was canceled");
    assert_ne!(second.rollout, first.rollout);
    assert_eq!(second.stands.name(), "ended");
    let carried = &desk.fleet.promotions[&(release(), channel("dogfood"))];
    assert_eq!(carried, &[first.rollout, second.rollout]);
}

#[test]
fn what_was_taken_back_has_not_passed() {
    let mut desk = desk();
    let first = promote(&mut desk, "dogfood").expect("nothing comes before");
    run(&mut desk);
    let (plan, _) = desk.fleet.rollback_plan(first.rollout).expect("a way back");
    let back = RolloutId::derived("back");
    desk.write(Entry::Drafted { rollout: back, plan: plan.into(), by: person("ann") });
    desk.rollout = back;
    desk.command("ann", Command::Start).expect("a draft");
    assert_eq!(code(&mut desk, "beta"), "PR-006");
    let again = promote(&mut desk, "dogfood").expect("it says so");
    assert_eq!((again.registered, again.stands.name()), (Registered::Known, "ended"));
}

#[test]
fn only_what_is_published_is_promoted_and_nothing_else_is_installed() {
    let mut desk = desk();
    let back = Target::WayBackOf(release());
    let other = Plan::check(PlanFields { target: back, ..fields(&["100%"]) }).expect("a plan");
    let to = channel("dogfood");
    let error = desk.fleet.promote(&release(), &to, other, person("ci"), desk.now);
    assert_eq!(error.expect_err("another target").code(), "PR-007");
    let state = Lifecycle::Withdrawn { by: person("ops"), reason: "smoke".into() };
    desk.fleet.releases.get_mut(&release()).expect("it is there").lifecycle = state;
    assert_eq!(code(&mut desk, "dogfood"), "PR-002");
    desk.fleet.releases.clear();
    assert_eq!(code(&mut desk, "dogfood"), "PR-002");
}

#[test]
fn a_release_that_nobody_in_the_channel_can_take_is_refused_with_the_reason() {
    let mut desk = desk();
    (0..DEVICES).for_each(|index| desk.check_in(&device(index), "2.0.0", 9));
    let end = desk.fleet.read_to;
    let error = promote(&mut desk, "dogfood").expect_err("all of them are beyond it");
    assert_eq!(error.code(), "PR-008");
    assert_eq!(
        error.to_string(),
        "dogfood has nobody who can take vacuum@1.1.0: \
         30 devices, such as dev-0000: its confirmed counter 9 is not below 2 (EX-009)"
    );
    assert_eq!(desk.fleet.read_to, end);
    desk.enroll(&device(DEVICES));
    promote(&mut desk, "dogfood").expect("there is one who can");
}

#[test]
fn a_channel_that_is_empty_for_now_is_promoted_to() {
    let mut desk = desk();
    (0..DEVICES).for_each(|index| desk.check_in(&device(index), "2.0.0", 9));
    let nobody = Selector::parse("model==none-yet").expect("a query");
    let later = PlanFields { members: Membership::Query(nobody), ..fields(&["100%"]) };
    let plan = Plan::check(later).expect("a plan");
    let to = channel("dogfood");
    let promoted = desk.fleet.promote(&release(), &to, plan, person("ci"), desk.now);
    assert!(matches!(promoted.expect("devices come later").registered, Registered::Decided(..)));
}

#[test]
fn a_proof_is_enough_and_a_halt_takes_it_back() {
    let mut desk = desk();
    let first = promote(&mut desk, "dogfood").expect("nothing comes before");
    let running = desk.fleet.rollouts.get_mut(&first.rollout).expect("it is there");
    running.rollout.proven =
        Some(rollout_core::rollout::Proven { matured: 281, at: rollout_core::time::Timestamp(1) });
    assert_eq!(desk.fleet.passed(&release(), &channel("dogfood")).name(), "passed");
    desk.command("ops", Command::Halt { reason: "smoke".into() }).expect("it runs");
    assert_eq!(desk.fleet.passed(&release(), &channel("dogfood")).name(), "halted");
}
