//! A rung that takes the way back away waits for its own approval.

use crate::desk::{Desk, HORIZON, base, device, fields, person, release};
use crate::edit::{change, ladder};
use rollout_core::fleet::Fleet;
use rollout_core::hosting::Contract;
use rollout_core::id::RolloutId;
use rollout_core::journal::{Entry, Stored};
use rollout_core::release::{Artifact, Lifecycle, Release};
use rollout_core::rollout::{
    Again, AgreedBy, Approval, Command, Input, Lane, OnOverdue, Overdue, Plan, PlanFields, Refusal,
    RungIndex, Schedule, Waiting,
};
use rollout_core::time::{Span, Timestamp};
use rollout_core::version::{ReleaseCounter, SecureVersion};

fn changed(change: impl Fn(&mut Release)) -> impl Fn(&mut Fleet) {
    move |fleet| fleet.releases.values_mut().for_each(&change)
}

type Spoil = Box<dyn Fn(&mut Release)>;

fn irreversible(release: &mut Release) {
    release.marks.irreversible = Some("moves the map to another format".into());
}

fn waiting(desk: &Desk) -> Option<Waiting> {
    desk.fleet.rollouts[&desk.rollout].waiting.clone()
}

fn agree(rung: u16) -> Command {
    Command::ApproveNoReturn { rung: RungIndex(rung) }
}

fn rung(desk: &Desk) -> (&'static str, u16) {
    (desk.phase(), desk.fleet.rollouts[&desk.rollout].rollout.rung.0)
}

#[test]
fn a_rung_that_takes_the_way_back_away_waits_until_somebody_else_agrees() {
    let mut desk = Desk::started_on(10, fields(&["100%"]), changed(irreversible));
    assert_eq!(desk.phase(), "awaiting_approval");
    let why = Waiting::NoReturn { rung: 1, devices: 10, have: 0, need: 1 };
    assert_eq!(waiting(&desk), Some(why.clone()));
    assert_eq!(
        why.to_string(),
        "the way back ends here for 10 devices: approval of rung 1 for that, 0 of 1"
    );
    assert!(!desk.offer(&device(0)), "nobody has agreed");
    let refused = desk.command("author", agree(0));
    assert_eq!(refused, Err(Refusal::Author { by: "author".into() }));
    let plain = desk.command("ann", Command::Approve { rung: RungIndex(0) });
    let needs = Refusal::NeedsNoReturn { rung: 1, devices: 10, need: 1 };
    assert_eq!(plain, Err(needs), "an approval of the rung is not one of this");
    desk.command("ann", agree(0)).expect("she is another");
    assert_eq!(desk.phase(), "deploying");
    assert!(desk.offer(&device(0)));
    let again = desk.command("bob", agree(0));
    assert_eq!(again, Err(Refusal::WayBackStays { rung: 1 }));
}

#[test]
fn nothing_is_asked_where_the_way_back_stays() {
    let mut desk = Desk::started(10, fields(&["100%"]));
    assert_eq!(desk.phase(), "deploying");
    assert_eq!(desk.command("ann", agree(0)), Err(Refusal::WayBackStays { rung: 1 }));
}

fn back(change: impl Fn(&mut Artifact)) -> impl Fn(&mut Release) {
    move |release| change(&mut release.way_back.as_mut().expect("a way back").artifacts[0])
}

/// Each thing that a way back can fail at: without it, it stays; with it, it ends.
#[test]
fn every_reason_ends_the_way_back() {
    let rows: [(&str, Spoil); 9] = [
        ("irreversible", Box::new(irreversible)),
        ("unsigned", Box::new(|release| release.way_back = None)),
        ("unsigned", Box::new(back(|back| back.hardware.clear()))),
        ("expired", Box::new(back(|back| back.expires = 1000))),
        ("refused", Box::new(|release| release.artifacts[0].secure_version = SecureVersion(1))),
        ("refused", Box::new(back(|back| back.length = 1 << 21))),
        ("refused", Box::new(back(|back| back.counter = ReleaseCounter(2)))),
        ("refused", Box::new(back(|back| back.min_from = ReleaseCounter(3)))),
        (
            "not_hosted",
            Box::new(back(|back| back.contract = Contract::parse("api ^9").expect("one"))),
        ),
    ];
    for (name, change) in rows {
        let desk = Desk::started_on(
            4,
            keeps_image(),
            changed(|release| {
                keep_ours(release);
                change(release);
            }),
        );
        let running = &desk.fleet.rollouts[&desk.rollout];
        let mut names = Vec::new();
        desk.fleet.each_lost(running, desk.now, |lost| names.push(lost.why.name()));
        assert_eq!((desk.phase(), names), ("awaiting_approval", vec![name; 4]), "{name}");
    }
}

fn keeps_image() -> PlanFields {
    fields(&["100%"])
}

/// What devices run stays known as ours when no way back was signed: as an image of the release
/// for another component.
fn keep_ours(release: &mut Release) {
    let mut before = crate::desk::artifact("1.0.0", 1);
    before.component = rollout_core::release::ComponentId(9);
    release.artifacts.push(before);
}

#[test]
fn a_way_back_to_what_was_withdrawn_is_none() {
    let mut desk = Desk::started(10, fields(&["5", "100%"]));
    assert_eq!(desk.phase(), "deploying");
    let mut before = release();
    before.id.version = semver::Version::new(1, 0, 0);
    let (by, reason) = (person("ci"), "leaks".into());
    before.lifecycle = Lifecycle::Withdrawn { by, reason };
    desk.fleet.releases.insert(before.id.clone(), before);
    desk.fleet.refresh(desk.now);
    let refused = desk.command("ops", Command::Advance);
    let needs = Refusal::NeedsNoReturn { rung: 2, devices: 10, need: 1 };
    assert_eq!(refused, Err(needs));
}

/// A first release takes nothing away; one that is marked does, wherever it comes from.
#[test]
fn a_device_that_ran_nothing_of_ours_had_no_way_back() {
    for (is_marked, phase) in [(false, "deploying"), (true, "awaiting_approval")] {
        let desk = Desk::started_on(
            4,
            fields(&["100%"]),
            changed(|release| {
                release.way_back = None;
                if is_marked {
                    irreversible(release);
                }
            }),
        );
        assert_eq!(desk.phase(), phase);
    }
}

#[test]
fn each_rung_is_agreed_to_by_itself_and_may_be_before_its_time() {
    let mut desk = Desk::started_on(40, fields(&["5", "50%", "100%"]), changed(irreversible));
    let first = Waiting::NoReturn { rung: 1, devices: 5, have: 0, need: 1 };
    assert_eq!(waiting(&desk), Some(first), "a count takes it from no more than it lets in");
    desk.command("ann", agree(0)).expect("the first");
    assert_eq!(rung(&desk), ("deploying", 0));
    desk.command("ann", agree(2)).expect("ahead of its time");
    for _ in 0..4 {
        for index in 0..40 {
            desk.update(&device(index));
        }
        desk.tick(HORIZON);
        (0..40).for_each(|index| desk.fleet.touch(&device(index), desk.now));
        desk.tick(Span::ZERO);
    }
    assert_eq!(rung(&desk), ("awaiting_approval", 0), "the second was skipped");
    desk.command("ann", agree(1)).expect("the second");
    for _ in 0..8 {
        for index in 0..40 {
            desk.update(&device(index));
        }
        desk.tick(HORIZON);
        (0..40).for_each(|index| desk.fleet.touch(&device(index), desk.now));
        desk.tick(Span::ZERO);
    }
    assert_eq!(desk.phase(), "completed", "the third was agreed to");
}

/// Who agreed to ten has not agreed to twenty; a tenth more is the growth of a night.
#[test]
fn an_agreement_is_to_as_many_devices_as_were_named() {
    let start_at = Some(Timestamp(50_000_000));
    for (grown, phase) in [(11, "deploying"), (12, "awaiting_approval")] {
        let plan = PlanFields { start_at, ..fields(&["100%"]) };
        let mut desk = Desk::started_on(10, plan, changed(irreversible));
        desk.command("ann", agree(0)).expect("to ten");
        (10..grown).for_each(|index| desk.enroll(&device(index)));
        desk.tick(Span::hours(24));
        assert_eq!(desk.phase(), phase, "{grown} devices");
        if grown == 12 {
            let again = Waiting::NoReturn { rung: 1, devices: 12, have: 0, need: 1 };
            assert_eq!(waiting(&desk), Some(again));
            desk.command("ann", agree(0)).expect("to twelve");
            assert_eq!(desk.phase(), "deploying");
        }
    }
}

#[test]
fn a_plan_may_ask_for_more_people_and_never_for_none() {
    let approval = |people| Approval { no_return: AgreedBy(people), ..Approval::default() };
    let two = PlanFields { approval: approval(2), ..fields(&["100%"]) };
    let mut desk = Desk::started_on(4, two, changed(irreversible));
    desk.command("ann", agree(0)).expect("the first");
    assert_eq!(desk.command("ann", agree(0)), Err(Refusal::SamePerson { by: "ann".into() }));
    assert_eq!(desk.phase(), "awaiting_approval");
    desk.command("bob", agree(0)).expect("the second");
    assert_eq!(desk.phase(), "deploying");
    let none = PlanFields { approval: approval(0), ..fields(&["100%"]) };
    assert_eq!(Plan::check(none).expect_err("at least one").code(), "PL-001");
}

#[test]
fn it_comes_on_top_of_the_approvals_of_the_plan() {
    let before = [RungIndex(0)].into();
    let approval = Approval { before, by: 1, ..Approval::default() };
    let plan = PlanFields { approval, ..fields(&["100%"]) };
    let mut desk = Desk::started_on(4, plan, changed(irreversible));
    assert_eq!(waiting(&desk), Some(Waiting::Approval { rung: 1, have: 0, need: 1 }));
    desk.command("ann", agree(0)).expect("that the way back ends");
    assert_eq!(desk.phase(), "awaiting_approval");
    desk.command("ann", Command::Approve { rung: RungIndex(0) }).expect("that the rung opens");
    assert_eq!(desk.phase(), "deploying");
}

#[test]
fn the_two_people_of_an_emergency_have_not_agreed_to_it() {
    let schedule = Schedule { lane: Lane::Emergency, ..Schedule::default() };
    let plan = PlanFields { schedule, ..fields(&["100%"]) };
    let mut desk = Desk::started_on(4, plan, changed(irreversible));
    let approve = || Command::Approve { rung: RungIndex(0) };
    assert_eq!(waiting(&desk), Some(Waiting::Approval { rung: 1, have: 0, need: 2 }));
    desk.command("ann", approve()).expect("the first");
    desk.command("bob", approve()).expect("the second");
    let why = Waiting::NoReturn { rung: 1, devices: 4, have: 0, need: 1 };
    assert_eq!((desk.phase(), waiting(&desk)), ("awaiting_approval", Some(why)));
    desk.command("ann", agree(0)).expect("that the way back ends");
    assert_eq!(desk.phase(), "deploying");
}

#[test]
fn agreeing_after_the_end_of_a_rollout_opens_nothing() {
    let at = Timestamp(2_000_000);
    let schedule = Schedule { stop_at: Some(at), ..Schedule::default() };
    let plan = PlanFields { schedule, ..fields(&["100%"]) };
    let mut desk = Desk::started_on(4, plan, changed(irreversible));
    desk.now = at;
    desk.command("ann", agree(0)).expect("it is still asked");
    assert_eq!(
        (desk.phase(), waiting(&desk)),
        ("awaiting_approval", Some(Waiting::Stopped { at }))
    );
    desk.tick(Span::secs(1));
    assert_eq!(desk.phase(), "awaiting_approval");
    assert!(!desk.offer(&device(0)), "it would give nothing to anybody");
}

#[test]
fn a_change_of_the_plan_makes_agreements_void_and_whoever_made_it_gives_none() {
    let mut desk = Desk::started_on(40, fields(&["5", "100%"]), changed(irreversible));
    desk.command("ann", agree(0)).expect("the first rung");
    desk.command("ann", agree(1)).expect("the second, ahead");
    change(&mut desk, "bob", |plan| plan.ladder = ladder(&["5", "50%", "100%"])).expect("it may");
    let edits = &desk.fleet.rollouts[&desk.rollout].rollout.edits;
    assert_eq!(edits.last.as_ref().expect("one").voided, 1, "what is open stays agreed to");
    let half = desk.fleet.losses(&desk.fleet.rollouts[&desk.rollout], desk.now).at(RungIndex(1));
    assert!((1..40).contains(&half), "{half}");
    let needs = Refusal::NeedsNoReturn { rung: 2, devices: half, need: 1 };
    assert_eq!(desk.command("ops", Command::Advance), Err(needs));
    assert_eq!(desk.command("bob", agree(1)), Err(Refusal::Author { by: "bob".into() }));
    desk.command("ann", agree(1)).expect("once more");
    desk.command("ops", Command::Advance).expect("it is agreed to");
    assert_eq!(rung(&desk), ("deploying", 1));
}

/// Neither what a tick has found of the old ladder nor what the old plan waited for is believed.
#[test]
fn a_changed_ladder_is_counted_anew_before_it_opens_anything() {
    let mut desk = Desk::started_on(40, fields(&["5", "100%"]), changed(irreversible));
    change(&mut desk, "bob", |plan| plan.ladder = ladder(&["100%"])).expect("it may");
    let all = Waiting::NoReturn { rung: 1, devices: 40, have: 0, need: 1 };
    assert_eq!((desk.phase(), waiting(&desk)), ("awaiting_approval", Some(all.clone())));
    let known = desk.fleet.known_losses(&desk.fleet.rollouts[&desk.rollout]);
    assert_eq!((known.at(RungIndex(0)), known.at(RungIndex(1))), (40, 0));
    desk.tick(Span::secs(1));
    assert_eq!((desk.phase(), waiting(&desk)), ("awaiting_approval", Some(all)));
}

#[test]
fn a_changed_plan_asks_as_many_people_or_more() {
    let approval = Approval { no_return: AgreedBy(2), ..Approval::default() };
    let plan = PlanFields { approval, ..fields(&["100%"]) };
    let mut desk = Desk::started_on(4, plan, changed(irreversible));
    let fewer = change(&mut desk, "bob", |plan| plan.approval.no_return = AgreedBy(1));
    assert_eq!(fewer, Err(Refusal::FewerConsents { by: 2 }));
    change(&mut desk, "bob", |plan| plan.approval.no_return = AgreedBy(3)).expect("more may be");
    let three = Waiting::NoReturn { rung: 1, devices: 4, have: 0, need: 3 };
    assert_eq!(waiting(&desk), Some(three));
}

#[test]
fn a_pause_that_ends_by_itself_opens_no_such_rung() {
    let on_overdue = OnOverdue { then: Overdue::Resume, after: Span::ZERO };
    let plan = PlanFields { on_overdue, ..fields(&["100%"]) };
    let mut desk = Desk::started_on(4, plan, changed(irreversible));
    let review_at = desk.now.after(Span::hours(1));
    desk.command("ann", Command::Pause { reason: "lunch".into(), review_at }).expect("it waits");
    desk.tick(Span::hours(1));
    assert_eq!(desk.phase(), "awaiting_approval");
    desk.command("ann", agree(0)).expect("it is still asked");
    assert_eq!(desk.phase(), "deploying");
}

/// Whatever begins without a person at hand waits as well: a schedule, and the support desk.
#[test]
fn what_begins_by_itself_waits_too() {
    let start_at = Some(Timestamp(2_000_000));
    let plan = PlanFields { start_at, ..fields(&["100%"]) };
    let mut desk = Desk::started_on(4, plan, changed(irreversible));
    desk.now = Timestamp(3_000_000);
    // Before anything was counted: what a decision sees is never a guess.
    for entry in desk.fleet.decide(desk.now, &[]).entries {
        desk.write(entry);
    }
    assert_eq!(desk.phase(), "awaiting_approval");
    let id = RolloutId(uuid::Uuid::from_u128(7));
    let offered = desk.fleet.offer_to_one(
        id,
        &device(0),
        &release().id,
        Again::No,
        &person("desk"),
        desk.now,
    );
    let Ok(rollout_core::fleet::Registered::Decided(entries, _)) = offered else {
        panic!("{offered:?}")
    };
    entries.into_iter().for_each(|entry| desk.write(entry));
    assert_eq!(desk.fleet.rollouts[&id].rollout.phase.name(), "awaiting_approval");
}

#[test]
fn a_way_back_that_ends_on_the_way_holds_the_next_rung() {
    let mut desk = Desk::started(40, fields(&["5", "100%"]));
    for _ in 0..2 {
        (0..40).for_each(|index| {
            desk.update(&device(index));
        });
        if rung(&desk).1 == 0 {
            let release = desk.fleet.releases.values_mut().next().expect("one");
            back(|back| back.expires = 1100)(release);
        }
        desk.tick(HORIZON);
        (0..40).for_each(|index| desk.fleet.touch(&device(index), desk.now));
        desk.tick(Span::ZERO);
    }
    let held = Waiting::NoReturn { rung: 2, devices: 35, have: 0, need: 1 };
    assert_eq!((rung(&desk), waiting(&desk)), (("awaiting_approval", 0), Some(held)));
    // Renewed, it needs nobody any more.
    let release = desk.fleet.releases.values_mut().next().expect("one");
    back(|back| back.expires = 4_000_000_000)(release);
    desk.tick(Span::secs(1));
    assert_eq!(rung(&desk), ("deploying", 1));
}

/// What was known when somebody decided is in the journal: it folds to the same states.
#[test]
fn such_a_journal_folds_to_the_same_states() {
    let mut desk = Desk::started_on(10, fields(&["100%"]), changed(irreversible));
    desk.command("ann", agree(0)).expect("she is another");
    desk.tick(Span::secs(1));
    let mut again = base();
    changed(irreversible)(&mut again);
    let fold = |stored: &Stored| again.fold(stored).expect("the journal folds");
    desk.journal.iter().for_each(fold);
    let told = |entry: &Entry| {
        let Entry::Stepped { input, .. } = entry else { return false };
        matches!(&**input, Input::Informed(_, losses) if losses.at(RungIndex(0)) == 10)
    };
    assert_eq!(desk.journal.iter().filter(|stored| told(&stored.entry)).count(), 2);
}
