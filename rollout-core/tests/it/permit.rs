//! Who may switch: each condition of a permit is asked at the permit, too.

use crate::desk::{Desk, HORIZON, device, fields, image, person};
use rollout_core::cohort::Selector;
use rollout_core::fleet::{Answer, Ask, Reply};
use rollout_core::id::RolloutId;
use rollout_core::journal::Entry;
use rollout_core::rollout::{Command, Ineligible, Patience, Plan, PlanFields};
use rollout_core::time::{Span, Window};
use rollout_core::wire::{Event, Reason};

fn downloaded(desk: &mut Desk, index: usize) -> bool {
    let offered = desk.offer(&device(index));
    if offered {
        desk.report(&device(index), Event::Downloaded, None);
    }
    offered
}

fn begin(desk: &Desk, index: usize) -> Ask {
    let (device, digest) = (device(index), image("1.1.0"));
    Ask::Begin { device, rollout: desk.rollout, attempt: 1, digest }
}

fn say(desk: &mut Desk, index: usize, battery: &str) {
    let mut facts = desk.fleet.devices[&device(index)].facts.clone().expect("it has checked in");
    facts.attributes.insert("battery".into(), battery.into());
    desk.write(Entry::Seen { device: device(index), facts: Box::new(facts) });
}

#[test]
fn an_offer_of_a_count_is_no_permit_beyond_the_share_after_it() {
    let mut desk = Desk::started(60, fields(&["20", "5%", "100%"]));
    let offered: Vec<usize> = (0..60).filter(|index| downloaded(&mut desk, *index)).collect();
    assert_eq!(offered.len(), 20);
    desk.command("ops", Command::Advance).expect("it deploys");
    let waits = offered.iter().filter(|index| {
        let reply = desk.begin(&device(**index));
        matches!(reply, Some(Reply::Wait(Patience::Not(Ineligible::NotOpen { .. }))))
    });
    assert!(waits.count() > 10, "a share of 5 % lets in no twenty of sixty");
}

#[test]
fn what_a_plan_requires_is_asked_again_before_the_switch() {
    let require = Some(Selector::parse("battery=ge=30").expect("a query"));
    let mut desk = Desk::started(10, PlanFields { require, ..fields(&["100%"]) });
    say(&mut desk, 0, "80");
    assert!(downloaded(&mut desk, 0));
    say(&mut desk, 0, "20");
    let reply = desk.begin(&device(0));
    let waits = |reply| matches!(reply, Some(Reply::Wait(Patience::Not(Ineligible::Requires(_)))));
    assert!(waits(reply), "its battery has gone down since");
    say(&mut desk, 0, "30");
    assert!(matches!(desk.begin(&device(0)), Some(Reply::Yes { .. })));
}

#[test]
fn no_more_are_in_flight_than_the_plan_says() {
    let mut wanted = fields(&["100%"]);
    wanted.pace.max_in_flight = Some(3);
    wanted.pace.max_offers = Some(100);
    let mut desk = Desk::started(30, wanted);
    assert!((0..30).all(|index| downloaded(&mut desk, index)));
    for index in 0..3 {
        assert!(matches!(desk.begin(&device(index)), Some(Reply::Yes { .. })), "{index}");
    }
    let reply = desk.begin(&device(3));
    assert_eq!(reply, Some(Reply::Wait(Patience::InFlight(3))));
    desk.report(&device(0), Event::Confirmed, None);
    assert!(matches!(desk.begin(&device(3)), Some(Reply::Yes { .. })), "one has landed");
    assert!(matches!(desk.begin(&device(4)), Some(Reply::Wait(_))));
}

/// The gates come first also in the very group in which they halt.
#[test]
fn no_permit_is_given_in_the_transaction_of_the_halt() {
    let mut desk = Desk::started(60, fields(&["100%"]));
    assert!((0..20).all(|index| downloaded(&mut desk, index)));
    for index in 0..12 {
        assert!(matches!(desk.begin(&device(index)), Some(Reply::Yes { .. })));
    }
    for index in 0..12 {
        desk.report(&device(index), Event::Returned, Some(Reason::Crash));
    }
    assert_eq!(desk.phase(), "deploying", "nobody has looked yet");
    let decided = desk.fleet.decide(desk.now, &[begin(&desk, 12), begin(&desk, 13)]);
    let kinds: Vec<_> = decided.entries.iter().map(Entry::kind).collect();
    assert_eq!(kinds, ["stepped"], "the halt and nothing else");
    for answer in decided.answers {
        assert!(matches!(answer, Answer::Begin(Ok(Reply::Stop(_)))), "{answer:?}");
    }
}

#[test]
fn the_horizon_of_a_device_that_came_back_stands_still_while_we_refuse_it() {
    let mut desk = Desk::started(10, fields(&["100%"]));
    interrupted(&mut desk);
    let review_at = desk.now.after(Span::hours(9));
    desk.command("ann", Command::Pause { reason: "lunch".into(), review_at }).expect("it runs");
    // It asks again and again, for far longer than a horizon.
    for _ in 0..20 {
        desk.tick(Span(HORIZON.0 / 3));
        assert!(matches!(desk.begin(&device(0)), Some(Reply::Wait(_))));
    }
    let all = desk.fleet.rollouts[&desk.rollout].tally.sum(|_| true);
    assert_eq!((all.silent, all.matured), (0, 0), "we were the ones who said no");
    desk.command("ann", Command::Resume).expect("her own");
    assert!(matches!(desk.begin(&device(0)), Some(Reply::Yes { .. })));
}

/// Lets a device go on and brings it back for want of power.
fn interrupted(desk: &mut Desk) {
    assert!(downloaded(desk, 0));
    assert!(matches!(desk.begin(&device(0)), Some(Reply::Yes { .. })));
    desk.report(&device(0), Event::Returned, Some(Reason::PowerLoss));
}

#[test]
fn an_interruption_starts_the_horizon_anew() {
    let mut desk = Desk::started(10, fields(&["100%"]));
    assert!(downloaded(&mut desk, 0));
    assert!(matches!(desk.begin(&device(0)), Some(Reply::Yes { .. })));
    desk.tick(Span(HORIZON.0 - 1000));
    desk.report(&device(0), Event::Returned, Some(Reason::PowerLoss));
    let silent = |desk: &Desk| desk.fleet.rollouts[&desk.rollout].tally.sum(|_| true).silent;
    desk.tick(Span(HORIZON.0 - 1));
    assert_eq!(silent(&desk), 0, "it runs from the return");
    desk.tick(Span(1));
    assert_eq!(silent(&desk), 1, "and ends");
}

#[test]
fn a_second_permit_counts_where_the_first_one_did() {
    let mut desk = Desk::started(10, fields(&["100%"]));
    interrupted(&mut desk);
    desk.command("ops", Command::Halt { reason: "smoke".into() }).expect("it runs");
    for name in ["ann", "bob"] {
        desk.command(name, Command::Resume).expect("two people");
    }
    assert!(matches!(desk.begin(&device(0)), Some(Reply::Yes { .. })));
    let running = &desk.fleet.rollouts[&desk.rollout];
    let exposure = running.executions[&device(0)].exposure.expect("exposed");
    assert_eq!((running.rollout.epoch.0, exposure.epoch.0), (1, 0));
}

#[test]
fn a_round_trip_may_be_missing_for_two_windows() {
    let window = Span::secs(120);
    for (began, interruptions) in [(1, 1), (window.0 + 1, 1), (window.0 * 2, 0)] {
        let mut desk = Desk::started(10, fields(&["100%"]));
        assert!(downloaded(&mut desk, 0));
        assert!(matches!(desk.begin(&device(0)), Some(Reply::Yes { .. })));
        let from = desk.now.after(Span(began));
        desk.now = from.after(Span::secs(10));
        desk.write(Entry::Outage(Window { from, to: desk.now }));
        desk.report(&device(0), Event::Returned, Some(Reason::NoRoundTrip));
        let execution = &desk.fleet.rollouts[&desk.rollout].executions[&device(0)];
        assert_eq!(execution.interruptions, interruptions, "away {began} ms after the permit");
    }
}

/// A group is one transaction: what its first answer gave away its second one knows of.
#[test]
fn a_group_lets_a_device_into_one_rollout_only() {
    let mut desk = Desk::started(10, fields(&["100%"]));
    assert!(downloaded(&mut desk, 0));
    desk.tick(Span::hours(2));
    let plan = Plan::check(fields(&["100%"])).expect("a plan").into();
    let second = RolloutId(uuid::Uuid::from_u128(2));
    desk.write(Entry::Drafted { rollout: second, plan, by: person("author") });
    let first = core::mem::replace(&mut desk.rollout, second);
    desk.command("ops", Command::Start).expect("a draft");
    desk.tick(Span::secs(1));
    desk.rollout = first;
    let alone = desk.fleet.decide(desk.now, &[begin(&desk, 0)]).answers;
    assert!(matches!(alone[..], [Answer::Begin(Ok(Reply::Yes { .. }))]), "{alone:?}");
    let asks = [Ask::Offer { device: device(0) }, begin(&desk, 0)];
    let answers = desk.fleet.decide(desk.now, &asks).answers;
    let [Answer::Offer(Some(offer)), begun] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!(offer.rollout, second);
    assert_eq!(*begun, Answer::Begin(Ok(Reply::Stop("busy"))));
}

#[test]
fn a_permit_is_for_the_attempt_that_was_offered_last() {
    let mut desk = Desk::started(10, fields(&["100%"]));
    assert!(downloaded(&mut desk, 0));
    desk.command("ops", Command::Halt { reason: "smoke".into() }).expect("it runs");
    for name in ["ann", "bob"] {
        desk.command(name, Command::Resume).expect("two people");
    }
    assert!(downloaded(&mut desk, 0), "a second attempt");
    let first = begin(&desk, 0);
    assert_eq!(desk.ask(first).0, Answer::Begin(Ok(Reply::Stop("another_attempt"))));
    assert!(matches!(desk.begin(&device(0)), Some(Reply::Yes { .. })));
}

#[test]
fn a_horizon_that_stands_still_is_written_once_however_often_a_group_asks() {
    let mut desk = Desk::started(10, fields(&["100%"]));
    interrupted(&mut desk);
    let review_at = desk.now.after(Span::hours(9));
    desk.command("ann", Command::Pause { reason: "lunch".into(), review_at }).expect("it runs");
    desk.tick(Span(HORIZON.0 / 2));
    let asks = [begin(&desk, 0), begin(&desk, 0), begin(&desk, 0)];
    let entries = desk.fleet.decide(desk.now, &asks).entries;
    let kinds: Vec<_> = entries.iter().map(Entry::kind).collect();
    assert_eq!(kinds, ["held"]);
}
