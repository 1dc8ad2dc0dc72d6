//! Permits per minute: never more in any minute, explained, and the same when it is replayed.

use crate::desk::{Desk, base, device, fields};
use proptest::prelude::*;
use rollout_core::calendar::{Days, Freeze, Minute, Weekly, WindowZone, Windows, Zone};
use rollout_core::fleet::{Explanation, Reply, Verdict};
use rollout_core::journal::Entry;
use rollout_core::rollout::{Command, Growth, Patience, PerMinute, Plan, PlanFields, Waiting};
use rollout_core::time::{Span, Timestamp};
use rollout_core::wire::{Event, Reason};

const DEVICES: usize = 60;

fn at_most(per_minute: PerMinute) -> PlanFields {
    let mut wanted = fields(&["100%"]);
    wanted.pace.budget = 1000;
    wanted.pace.max_offers = Some(1000);
    wanted.pace.per_minute = per_minute;
    wanted
}

/// Downloaded, so that nothing but a permit is missing.
fn ready(desk: &mut Desk, index: usize) {
    desk.offer(&device(index));
    desk.report(&device(index), Event::Downloaded, None);
}

/// Times of all permits, those of interrupted devices apart.
fn permits(desk: &Desk) -> Vec<Timestamp> {
    let given = desk.journal.iter().filter_map(|stored| {
        let Entry::Permitted { exposure, .. } = &stored.entry else { return None };
        Some(exposure.at)
    });
    given.collect()
}

/// What the permit of a device that has its offer waits for.
fn ahead(said: &Explanation) -> Option<&Patience> {
    let Verdict::Eligible { ahead, .. } = &said.verdict else { panic!("{}", said.verdict) };
    ahead.as_ref()
}

#[test]
fn a_rate_that_is_used_up_says_when_it_goes_on() {
    let mut desk = Desk::started(DEVICES, at_most(PerMinute::Constant(3)));
    (0..10).for_each(|index| ready(&mut desk, index));
    let given =
        (0..10).filter(|index| matches!(desk.begin(&device(*index)), Some(Reply::Yes { .. })));
    assert_eq!(given.count(), 3);
    let next = Timestamp((desk.now.unix_secs() + 61) * 1000);
    let told = desk.fleet.explain(desk.rollout, &device(7), desk.now).expect("known");
    let patience = Patience::Rate { per_minute: 3, next };
    assert_eq!((ahead(&told), told.is_eligible()), (Some(&patience), true));
    assert_eq!(told.not_before, Some(next));
    assert_eq!(patience.to_string(), format!("the rate of 3 a minute is used up; next at {next}"));
    desk.tick(Span::ZERO);
    let decided = desk.fleet.decide(desk.now, &[]);
    let (_, waiting, _) = &decided.seen[0];
    assert_eq!(*waiting, Some(Waiting::Rate { per_minute: 3, next }));
    desk.now = Timestamp(next.0 - 1);
    assert!(matches!(desk.begin(&device(7)), Some(Reply::Wait(_))), "a moment too early");
    desk.now = next;
    assert!(matches!(desk.begin(&device(7)), Some(Reply::Yes { .. })), "as it was told");
}

#[test]
fn a_group_that_asks_at_once_gets_no_more_than_the_rate() {
    let mut desk = Desk::started(DEVICES, at_most(PerMinute::Constant(4)));
    (0..20).for_each(|index| ready(&mut desk, index));
    desk.everybody_begins(20);
    assert_eq!(permits(&desk).len(), 4);
}

#[test]
fn a_rate_grows_with_those_that_have_confirmed() {
    let growth = Growth { factor_milli: 2000, every: 4, max: Some(10) };
    let mut desk = Desk::started(DEVICES, at_most(PerMinute::Growing(4, growth)));
    let minute = |desk: &mut Desk| {
        desk.now = desk.now.after(Span::secs(61));
        let before = permits(desk).len();
        (0..DEVICES).for_each(|index| {
            desk.update(&device(index));
        });
        permits(desk).len() - before
    };
    // The fourth that confirms doubles the rate within its minute.
    assert_eq!([minute(&mut desk), minute(&mut desk)], [10, 10]);
    let mut desk = Desk::started(DEVICES, at_most(PerMinute::Growing(4, growth)));
    (0..DEVICES).for_each(|index| ready(&mut desk, index));
    let silent =
        (0..DEVICES).filter(|index| matches!(desk.begin(&device(*index)), Some(Reply::Yes { .. })));
    assert_eq!(silent.count(), 4, "nobody has confirmed");
}

#[test]
fn a_pause_saves_nothing_up() {
    let mut desk = Desk::started(DEVICES, at_most(PerMinute::Constant(3)));
    (0..10).for_each(|index| ready(&mut desk, index));
    let review_at = desk.now.after(Span::hours(1));
    desk.command("ann", Command::Pause { reason: "lunch".into(), review_at }).expect("it runs");
    desk.now = desk.now.after(Span::secs(600));
    desk.command("ann", Command::Resume).expect("one person");
    let given =
        (0..10).filter(|index| matches!(desk.begin(&device(*index)), Some(Reply::Yes { .. })));
    assert_eq!(given.count(), 3, "ten minutes of a pause are worth no more than one");
}

/// How many of twenty get their permit now; whoever has it already is none of them.
fn given(desk: &mut Desk) -> usize {
    let before = permits(desk).len();
    (0..20).for_each(|index| {
        desk.begin(&device(index));
    });
    permits(desk).len() - before
}

fn until(desk: &mut Desk, at: Timestamp) {
    desk.tick(at.since(desk.now));
}

fn waiting(desk: &Desk) -> Option<Waiting> {
    desk.fleet.decide(desk.now, &[]).seen.into_iter().next().and_then(|(_, waiting, _)| waiting)
}

const MINUTE: u64 = 60_000;

#[test]
fn a_closed_window_saves_nothing_up_and_is_said_before_the_rate() {
    let mut wanted = at_most(PerMinute::Constant(3));
    // The desk begins at 00:16:40.
    wanted.schedule.windows = daily("00:30", "00:34");
    let mut desk = Desk::started(DEVICES, wanted);
    (0..20).for_each(|index| ready(&mut desk, index));
    assert_eq!(given(&mut desk), 0);
    until(&mut desk, Timestamp(30 * MINUTE));
    assert_eq!(given(&mut desk), 3, "all minutes before the window are worth no more than one");
    until(&mut desk, Timestamp(34 * MINUTE - 1000));
    assert_eq!(given(&mut desk), 3);
    let next = Timestamp(35 * MINUTE);
    assert_eq!(waiting(&desk), Some(Waiting::Rate { per_minute: 3, next }));
    // From its end on the window is what everybody waits for, with the rate used up or not.
    desk.now = Timestamp(34 * MINUTE);
    (0..DEVICES).for_each(|index| desk.fleet.touch(&device(index), desk.now));
    desk.tick(Span::ZERO);
    let opens = Timestamp((24 * 60 + 30) * MINUTE);
    assert_eq!(waiting(&desk), Some(Waiting::Window { opens }));
    let told = desk.fleet.explain(desk.rollout, &device(19), desk.now).expect("known");
    assert_eq!(told.not_before, Some(opens));
}

fn daily(from: &str, to: &str) -> Windows {
    let minute = |text| Minute::parse(text).expect("a time of day");
    let days = Days::parse("mon-sun").expect("days");
    let zone = WindowZone::Fixed(Zone::find("UTC").expect("a zone"));
    let weekly = Weekly::new(days, minute(from), minute(to), zone).expect("a window");
    Windows { weekly: vec![weekly], zone_default: None }
}

#[test]
fn a_freeze_saves_nothing_up_and_is_said_before_the_rate() {
    let mut wanted = at_most(PerMinute::Constant(3));
    let (from, until_at) = (Timestamp(30 * MINUTE), Timestamp(34 * MINUTE));
    let reason = || String::from("the holidays");
    wanted.schedule.freezes = vec![Freeze { from, until: until_at, reason: reason() }];
    let mut desk = Desk::started(DEVICES, wanted);
    (0..20).for_each(|index| ready(&mut desk, index));
    until(&mut desk, Timestamp(30 * MINUTE - 1000));
    assert_eq!(given(&mut desk), 3);
    until(&mut desk, from);
    assert_eq!(waiting(&desk), Some(Waiting::Freeze { until: until_at, reason: reason() }));
    assert_eq!(given(&mut desk), 0);
    let told = desk.fleet.explain(desk.rollout, &device(19), desk.now).expect("known");
    assert_eq!(told.not_before, Some(until_at));
    until(&mut desk, until_at);
    assert_eq!(given(&mut desk), 3, "four minutes of a freeze are worth no more than one");
}

/// In every minute, also where a window, a freeze or a pause begins or ends.
#[test]
fn a_minute_that_a_freeze_cuts_has_no_more_permits() {
    let mut wanted = at_most(PerMinute::Constant(3));
    let (from, until_at) = (Timestamp(30 * MINUTE), Timestamp(30 * MINUTE + 20_000));
    wanted.schedule.freezes = vec![Freeze { from, until: until_at, reason: "a blink".into() }];
    let mut desk = Desk::started(DEVICES, wanted);
    (0..20).for_each(|index| ready(&mut desk, index));
    until(&mut desk, Timestamp(30 * MINUTE - 1000));
    assert_eq!(given(&mut desk), 3);
    until(&mut desk, until_at);
    assert_eq!(given(&mut desk), 0, "the minute before the freeze is not forgotten in it");
    let next = Timestamp(31 * MINUTE);
    assert_eq!(waiting(&desk), Some(Waiting::Rate { per_minute: 3, next }));
    until(&mut desk, next);
    assert_eq!(given(&mut desk), 3);
}

#[test]
fn an_interrupted_device_goes_on_with_the_permit_it_had() {
    let mut desk = Desk::started(DEVICES, at_most(PerMinute::Constant(1)));
    ready(&mut desk, 0);
    assert!(matches!(desk.begin(&device(0)), Some(Reply::Yes { .. })));
    desk.report(&device(0), Event::Returned, Some(Reason::PowerLoss));
    assert!(matches!(desk.begin(&device(0)), Some(Reply::Yes { .. })));
    desk.now = desk.now.after(Span::secs(61));
    ready(&mut desk, 1);
    assert!(matches!(desk.begin(&device(1)), Some(Reply::Yes { .. })), "it was counted once");
}

#[test]
fn a_rate_that_cannot_be_is_refused_by_its_key() {
    let growth = |factor_milli, every, max| Growth { factor_milli, every, max };
    for (per_minute, key) in [
        (PerMinute::Constant(0), "pace.per_minute.base"),
        (PerMinute::Growing(5, growth(1000, 1, None)), "pace.per_minute.factor"),
        (PerMinute::Growing(5, growth(5001, 1, None)), "pace.per_minute.factor"),
        (PerMinute::Growing(5, growth(2000, 0, None)), "pace.per_minute.every"),
        (PerMinute::Growing(5, growth(2000, 1, Some(4))), "pace.per_minute.max"),
    ] {
        let refused = Plan::check(at_most(per_minute)).expect_err("no rate");
        assert!(refused.to_string().starts_with(&format!("`{key}`")), "{refused}");
    }
    assert!(Plan::check(at_most(PerMinute::Growing(5, growth(5000, 1, Some(5))))).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// In any window of 60 s, wherever it begins, no more permits than the rate; and what is left
    /// of it is the same when the journal is folded again.
    #[test]
    fn no_minute_has_more_permits_than_the_rate(
        rate in 1..8_u64,
        asks in prop::collection::vec((0..25_000_u64, 0..DEVICES), 1..80),
    ) {
        let mut desk = Desk::started(DEVICES, at_most(PerMinute::Constant(rate)));
        (0..DEVICES).for_each(|index| ready(&mut desk, index));
        for (wait, index) in asks {
            desk.now = desk.now.after(Span(wait));
            drop(desk.begin(&device(index)));
        }
        let given = permits(&desk);
        for end in &given {
            let window = given.iter().filter(|at| **at <= *end && at.0 + 60_000 > end.0).count();
            prop_assert!(window as u64 <= rate, "{window} of {rate} in the minute to {end}");
        }
        let mut again = base();
        for stored in &desk.journal {
            again.fold(stored).expect("the journal folds");
        }
        let recent = &again.rollouts[&desk.rollout].recent;
        prop_assert_eq!(recent, &desk.fleet.rollouts[&desk.rollout].recent);
    }
}
