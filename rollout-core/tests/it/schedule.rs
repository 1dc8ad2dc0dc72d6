//! When anything is given: windows, freezes, the end of a rollout, and the emergency lane.

use crate::desk::{Desk, device, fields};
use rollout_core::calendar::{Days, Freeze, Minute, Weekly, WindowZone, Windows, Zone};
use rollout_core::fleet::{Answer, Ask, Registered, Reply};
use rollout_core::id::FreezeId;
use rollout_core::journal::Entry;
use rollout_core::rollout::{
    Command, Ineligible, Lane, Patience, Plan, PlanFields, Refusal, RungIndex, Schedule, Waiting,
};
use rollout_core::time::{Span, Timestamp};
use rollout_core::wire::{Event, Reason};

/// The desk begins at 00:16:40 on Thursday, 1970-01-01.
const START: u64 = 1_000_000;
const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DEVICES: usize = 10;

fn weekly(days: &str, from: &str, to: &str, zone: &str) -> Weekly {
    let minute = |text| Minute::parse(text).expect("a time of day");
    let zone = match zone {
        "device" => WindowZone::Device,
        name => WindowZone::Fixed(Zone::find(name).expect("a zone")),
    };
    Weekly::new(Days::parse(days).expect("days"), minute(from), minute(to), zone).expect("a window")
}

fn with_window(from: &str, to: &str, zone: &str) -> PlanFields {
    let windows = Windows { weekly: vec![weekly("mon-sun", from, to, zone)], zone_default: None };
    PlanFields { schedule: Schedule { windows, ..Schedule::default() }, ..fields(&["100%"]) }
}

fn until(desk: &mut Desk, at: u64) {
    desk.tick(Timestamp(at).since(desk.now));
}

fn code(desk: &Desk, index: usize) -> Option<&'static str> {
    let told = desk.fleet.admission(desk.rollout, &device(index), desk.now).expect("known");
    told.err().map(|reason| reason.code())
}

fn explained(desk: &Desk, index: usize) -> (String, Option<Timestamp>) {
    let said = desk.fleet.explain(desk.rollout, &device(index), desk.now).expect("known");
    (said.verdict.to_string(), said.not_before)
}

fn waiting(desk: &Desk) -> Option<Waiting> {
    let seen = desk.fleet.decide(desk.now, &[]).seen;
    seen.into_iter().find(|(id, ..)| *id == desk.rollout).and_then(|(_, waiting, _)| waiting)
}

fn is_yes(reply: Option<&Reply>) -> bool {
    matches!(reply, Some(Reply::Yes { .. }))
}

fn says(desk: &mut Desk, index: usize, zone: &str) {
    let device = desk.fleet.devices.get_mut(&device(index)).expect("a device");
    device.registered.insert("zone".into(), zone.into());
}

/// Offered, downloaded: asks for its permit.
fn downloaded(desk: &mut Desk, index: usize) {
    assert!(desk.offer(&device(index)), "nothing was offered");
    desk.report(&device(index), Event::Downloaded, None);
}

#[test]
fn a_permit_is_given_only_inside_the_window() {
    let mut desk = Desk::started(DEVICES, with_window("01:00", "02:00", "UTC"));
    downloaded(&mut desk, 0);
    let outside = |reply: Option<Reply>, at: u64| {
        let Some(Reply::Wait(Patience::Not(Ineligible::OutsideWindow { opens, .. }))) = reply
        else {
            panic!("{reply:?}");
        };
        assert_eq!(opens, Timestamp(at));
    };
    outside(desk.begin(&device(0)), HOUR);
    until(&mut desk, HOUR - 1);
    outside(desk.begin(&device(0)), HOUR);
    until(&mut desk, HOUR);
    assert!(is_yes(desk.begin(&device(0)).as_ref()));
    // The window closes at its end, to the millisecond; who has a permit keeps it.
    downloaded(&mut desk, 1);
    downloaded(&mut desk, 2);
    until(&mut desk, 2 * HOUR - 1);
    assert!(is_yes(desk.begin(&device(1)).as_ref()));
    until(&mut desk, 2 * HOUR);
    outside(desk.begin(&device(2)), 25 * HOUR);
    assert!(is_yes(desk.begin(&device(1)).as_ref()), "the same yes again");
}

#[test]
fn an_offer_is_made_one_lease_before_its_window() {
    let mut desk = Desk::started(DEVICES, with_window("03:00", "04:00", "UTC"));
    assert_eq!(desk.fleet.rollouts[&desk.rollout].rollout.plan.pace.lease, Span(HOUR));
    assert_eq!(code(&desk, 0), Some("EX-027"));
    until(&mut desk, 2 * HOUR - 1);
    assert_eq!(code(&desk, 0), Some("EX-027"));
    until(&mut desk, 2 * HOUR);
    assert_eq!(code(&desk, 0), None);
    desk.fleet.touch(&device(0), desk.now);
    let (answer, _) = desk.ask(Ask::Offer { device: device(0) });
    let Answer::Offer(Some(offer)) = answer else { panic!("nothing was offered") };
    assert_eq!(offer.opens, Some(Timestamp(3 * HOUR)), "its image must be there by then");
    until(&mut desk, 3 * HOUR);
    let (answer, _) = desk.ask(Ask::Offer { device: device(0) });
    let Answer::Offer(Some(offer)) = answer else { panic!("nothing was repeated") };
    assert_eq!(offer.opens, None);
}

#[test]
fn an_explanation_names_the_window_and_the_earliest_time() {
    let mut desk = Desk::started(DEVICES, with_window("03:00", "04:00", "Europe/Berlin"));
    // Berlin was an hour ahead: the window is from 02:00 UTC.
    let window = "its window mon-sun 03:00-04:00 opens Thu 03:00 Europe/Berlin";
    let opens = Some(Timestamp(2 * HOUR));
    let told = format!("not offered: {window}, in 1 h 44 min");
    assert_eq!(explained(&desk, 0), (told, opens));
    until(&mut desk, HOUR);
    let eligible = "eligible: its next check-in is offered the image (attempt 1)";
    let told = format!("{eligible}; to switch it waits: {window}, in 1 h");
    assert_eq!(explained(&desk, 0), (told, opens));
    desk.offer(&device(0));
    // Its offer ends before the window of the day after does.
    until(&mut desk, 4 * HOUR);
    let window = "its window mon-sun 03:00-04:00 opens Fri 03:00 Europe/Berlin";
    let told = format!("waits for its permit: {window}, in 22 h");
    assert_eq!(explained(&desk, 0), (told, Some(Timestamp(26 * HOUR))));
    until(&mut desk, 26 * HOUR);
    assert_eq!(explained(&desk, 0), (eligible.into(), None));
}

#[test]
fn each_device_has_the_window_of_its_own_zone() {
    let mut desk = Desk::started(DEVICES, with_window("01:00", "02:00", "device"));
    says(&mut desk, 0, "Asia/Tokyo");
    says(&mut desk, 1, "UTC");
    says(&mut desk, 2, "Mars/Olympus");
    desk.tick(Span::ZERO);
    // In Tokyo it is 09:16.
    assert_eq!((code(&desk, 0), code(&desk, 1)), (Some("EX-027"), None));
    assert_eq!((code(&desk, 2), code(&desk, 3)), (Some("EX-028"), Some("EX-028")));
    let said = "not offered: its time zone is not known: ";
    assert_eq!(explained(&desk, 2).0, format!("{said}`Mars/Olympus` is none"));
    assert_eq!(explained(&desk, 3).0, format!("{said}it says none"));
    until(&mut desk, 16 * HOUR);
    assert_eq!((code(&desk, 0), code(&desk, 1)), (None, Some("EX-027")));
}

#[test]
fn a_device_without_a_zone_is_in_that_of_the_plan() {
    let mut plan = with_window("01:00", "02:00", "device");
    plan.schedule.windows.zone_default = Zone::find("Asia/Tokyo");
    let mut desk = Desk::started(DEVICES, plan);
    says(&mut desk, 0, "UTC");
    says(&mut desk, 1, "Mars/Olympus");
    assert_eq!((code(&desk, 0), code(&desk, 1)), (None, Some("EX-027")));
    assert_eq!(code(&desk, 2), Some("EX-027"));
    until(&mut desk, 16 * HOUR);
    assert_eq!((code(&desk, 0), code(&desk, 1), code(&desk, 2)), (Some("EX-027"), None, None));
}

#[test]
fn what_was_found_at_a_tick_is_not_believed_longer_than_it_holds() {
    let mut desk = Desk::started(DEVICES, with_window("01:00", "02:00", "UTC"));
    downloaded(&mut desk, 0);
    // Time passes without a tick.
    desk.now = Timestamp(HOUR);
    assert!(is_yes(desk.begin(&device(0)).as_ref()));
    desk.now = Timestamp(2 * HOUR);
    assert_eq!(code(&desk, 1), Some("EX-027"));
}

#[test]
fn a_rollout_waits_for_the_window_of_the_first_device_it_can_reach() {
    let mut desk = Desk::started(3, with_window("01:00", "02:00", "UTC"));
    assert_eq!(waiting(&desk), Some(Waiting::Window { opens: Timestamp(HOUR) }));
    until(&mut desk, HOUR);
    (0..3).for_each(|index| desk.fleet.touch(&device(index), desk.now));
    desk.tick(Span::ZERO);
    assert_eq!(waiting(&desk), Some(Waiting::Reach { have: 0, of: 3 }));
    // Between ticks too: what has opened is not waited for.
    let mut desk = Desk::started(3, with_window("01:00", "02:00", "UTC"));
    desk.now = Timestamp(HOUR);
    assert_eq!(waiting(&desk), Some(Waiting::Reach { have: 0, of: 3 }));
    // By the clocks of devices: the first of those whose zone is known.
    let mut desk = Desk::started(3, with_window("05:00", "06:00", "device"));
    desk.tick(Span::ZERO);
    assert_eq!(waiting(&desk), Some(Waiting::Reach { have: 0, of: 3 }), "no zone is known");
    says(&mut desk, 0, "UTC");
    says(&mut desk, 1, "Europe/Berlin");
    desk.tick(Span::ZERO);
    let waits = Waiting::Window { opens: Timestamp(4 * HOUR) };
    assert_eq!(waiting(&desk), Some(waits.clone()));
    assert_eq!(waits.to_string(), "its window, which opens at 1970-01-01 04:00:00 UTC");
    says(&mut desk, 2, "Asia/Karachi");
    desk.tick(Span::ZERO);
    assert_eq!(waiting(&desk), Some(Waiting::Reach { have: 0, of: 3 }), "it is 05:16 in Karachi");
    assert!(desk.update(&device(2)));
    desk.tick(Span::ZERO);
    assert_eq!(waiting(&desk), Some(waits), "that one is served");
}

#[test]
fn one_that_came_back_from_a_power_cut_waits_for_its_window() {
    let mut plan = with_window("00:00", "00:20", "UTC");
    plan.schedule.windows.weekly.push(weekly("mon-sun", "00:25", "01:00", "UTC"));
    let mut desk = Desk::started(DEVICES, plan);
    downloaded(&mut desk, 0);
    assert!(is_yes(desk.begin(&device(0)).as_ref()));
    desk.report(&device(0), Event::Returned, Some(Reason::PowerLoss));
    until(&mut desk, 20 * MINUTE);
    let reply = desk.begin(&device(0));
    let waits = matches!(reply, Some(Reply::Wait(Patience::Not(Ineligible::OutsideWindow { .. }))));
    assert!(waits, "{reply:?}");
    until(&mut desk, 25 * MINUTE);
    assert!(is_yes(desk.begin(&device(0)).as_ref()));
}

fn stopping(ladder: &[&str], at: u64) -> PlanFields {
    let schedule = Schedule { stop_at: Some(Timestamp(at)), ..Schedule::default() };
    PlanFields { schedule, ..fields(ladder) }
}

#[test]
fn nothing_is_given_after_the_end() {
    let mut desk = Desk::started(DEVICES, stopping(&["100%"], HOUR));
    downloaded(&mut desk, 0);
    downloaded(&mut desk, 1);
    until(&mut desk, HOUR - 1);
    assert!(is_yes(desk.begin(&device(0)).as_ref()));
    assert_eq!(code(&desk, 2), None);
    until(&mut desk, HOUR);
    let at = Timestamp(HOUR);
    let stopped = Reply::Wait(Patience::Not(Ineligible::Stopped { at }));
    assert_eq!(desk.begin(&device(1)), Some(stopped));
    assert_eq!((code(&desk, 1), code(&desk, 2)), (Some("EX-030"), Some("EX-030")));
    (0..DEVICES).for_each(|index| desk.fleet.touch(&device(index), desk.now));
    desk.tick(Span::ZERO);
    assert_eq!(waiting(&desk), Some(Waiting::Stopped { at }));
    // Devices that were let go on are still judged.
    desk.check_in(&device(0), "1.1.0", 2);
    desk.report(&device(0), Event::Confirmed, None);
    assert_eq!(desk.fleet.rollouts[&desk.rollout].counts().confirmed, 1);
}

#[test]
fn no_rung_opens_after_the_end() {
    let mut desk = Desk::started(100, stopping(&["5", "100%"], 2 * HOUR));
    for index in 0..100 {
        desk.update(&device(index));
    }
    until(&mut desk, 2 * HOUR);
    (0..100).for_each(|index| desk.fleet.touch(&device(index), desk.now));
    desk.tick(Span::ZERO);
    let running = &desk.fleet.rollouts[&desk.rollout];
    assert_eq!(running.counts().confirmed, 5);
    assert_eq!(running.rollout.rung, RungIndex(0));
    assert_eq!(waiting(&desk), Some(Waiting::Stopped { at: Timestamp(2 * HOUR) }));
    let refused = Err(Refusal::Stopped { at: Timestamp(2 * HOUR) });
    assert_eq!(desk.command("ops", Command::Advance), refused);
}

#[test]
fn what_was_served_by_the_end_completes() {
    let mut desk = Desk::started(DEVICES, stopping(&["100%"], HOUR));
    (0..DEVICES).for_each(|index| assert!(desk.update(&device(index))));
    until(&mut desk, 2 * HOUR);
    (0..DEVICES).for_each(|index| desk.fleet.touch(&device(index), desk.now));
    desk.tick(Span::ZERO);
    assert_eq!(desk.phase(), "completed");
}

#[test]
fn what_would_give_nothing_is_not_started() {
    // The desk starts it at the first command: the refusal is what the desk cannot expect.
    let mut desk = Desk::started(DEVICES, fields(&["100%"]));
    let other = rollout_core::id::RolloutId::parse("0192f7a0-0000-7000-8000-000000000009");
    let plan = Plan::check(stopping(&["100%"], START)).expect("a plan").into();
    desk.rollout = other.expect("an id");
    let by = crate::desk::person("author");
    desk.write(Entry::Drafted { rollout: desk.rollout, plan, by });
    let refused = Err(Refusal::Stopped { at: Timestamp(START) });
    assert_eq!(desk.command("ops", Command::Start), refused);
    assert_eq!(desk.phase(), "draft");
}

fn frozen(from: u64, until: u64) -> PlanFields {
    let (from, until) = (Timestamp(from), Timestamp(until));
    let freezes = vec![Freeze { from, until, reason: "the holidays".into() }];
    PlanFields { schedule: Schedule { freezes, ..Schedule::default() }, ..fields(&["100%"]) }
}

#[test]
fn nothing_is_given_in_a_freeze() {
    let mut desk = Desk::started(DEVICES, frozen(HOUR, 2 * HOUR));
    downloaded(&mut desk, 0);
    until(&mut desk, HOUR);
    let ends = Timestamp(2 * HOUR);
    let reason = || String::from("the holidays");
    let wait = Ineligible::Frozen { until: ends, reason: reason() };
    assert_eq!(desk.begin(&device(0)), Some(Reply::Wait(Patience::Not(wait))));
    assert_eq!((code(&desk, 0), code(&desk, 1)), (Some("EX-029"), Some("EX-029")));
    assert_eq!(explained(&desk, 1).1, Some(ends));
    assert_eq!(waiting(&desk), Some(Waiting::Freeze { until: ends, reason: reason() }));
    until(&mut desk, 2 * HOUR);
    assert!(is_yes(desk.begin(&device(0)).as_ref()));
    assert_eq!(code(&desk, 1), None);
}

#[test]
fn an_emergency_is_started_by_two_people_besides_its_author() {
    let lane = Lane::Emergency;
    let schedule = Schedule { lane, ..Schedule::default() };
    let mut desk = Desk::started(DEVICES, PlanFields { schedule, ..fields(&["100%"]) });
    let rung = RungIndex(0);
    assert_eq!(waiting(&desk), Some(Waiting::Approval { rung: 1, have: 0, need: 2 }));
    assert_eq!(code(&desk, 0), Some("EX-019"));
    let author = desk.command("author", Command::Approve { rung });
    assert_eq!(author, Err(Refusal::Author { by: "author".into() }));
    desk.command("bob", Command::Approve { rung }).expect("the first");
    let again = desk.command("bob", Command::Approve { rung });
    assert_eq!(again, Err(Refusal::SamePerson { by: "bob".into() }));
    assert_eq!(code(&desk, 0), Some("EX-019"));
    desk.command("eve", Command::Approve { rung }).expect("the second");
    assert_eq!(code(&desk, 0), None);
}

#[test]
fn a_schedule_that_cannot_be_is_refused() {
    let refused = |schedule: Schedule| {
        let fields = PlanFields { start_at: Some(Timestamp(HOUR)), ..fields(&["100%"]) };
        let error = Plan::check(PlanFields { schedule, ..fields }).expect_err("refused");
        error.to_string()
    };
    let usual = Schedule::default;
    let freeze = |from, until, reason: &str| Freeze {
        from: Timestamp(from),
        until: Timestamp(until),
        reason: reason.into(),
    };
    let stop_at = Some(Timestamp(HOUR));
    let later = "`stop_at`: it must be later than `start_at`";
    assert_eq!(refused(Schedule { stop_at, ..usual() }), later);
    let zone_default = Zone::find("UTC");
    let fixed = vec![weekly("mon", "01:00", "02:00", "UTC")];
    let windows = Windows { weekly: fixed, zone_default };
    let unused = "`zone_default`: no window goes by the zone of a device";
    assert_eq!(refused(Schedule { windows, ..usual() }), unused);
    let many = vec![weekly("mon", "01:00", "02:00", "device"); 9];
    let windows = Windows { weekly: many, zone_default: None };
    assert_eq!(refused(Schedule { windows, ..usual() }), "`window`: at most 8");
    let freezes = vec![freeze(1, 1, "why")];
    let empty = "`freeze.until`: it must be later than `from`";
    assert_eq!(refused(Schedule { freezes, ..usual() }), empty);
    let freezes = vec![freeze(1, 2, "")];
    assert_eq!(refused(Schedule { freezes, ..usual() }), "`freeze.reason`: 1 to 200 characters");
    let freezes = vec![freeze(1, 2, "why")];
    let both = Schedule { freezes, lane: Lane::Emergency, ..usual() };
    let text = "`freeze`: an emergency has none of its own; leave it out";
    assert_eq!(refused(both), text);
}

#[test]
fn a_freeze_of_the_fleet_holds_everything_but_an_emergency() {
    let mut desk = Desk::started(DEVICES, fields(&["100%"]));
    downloaded(&mut desk, 0);
    for (name, until) in [("easter", 2), ("audit", 3)] {
        let entry = set(&desk, name, HOUR, until * HOUR);
        desk.write(entry);
    }
    assert_eq!(code(&desk, 1), None);
    until(&mut desk, HOUR);
    let (ends, reason) = (Timestamp(3 * HOUR), String::from("audit"));
    let wait = Ineligible::Frozen { until: ends, reason: reason.clone() };
    assert_eq!(desk.begin(&device(0)), Some(Reply::Wait(Patience::Not(wait))));
    assert_eq!((code(&desk, 1), explained(&desk, 1).1), (Some("EX-029"), Some(ends)));
    assert_eq!(waiting(&desk), Some(Waiting::Freeze { until: ends, reason }));
    // What two people besides the author have started goes through.
    let lane = Lane::Emergency;
    let schedule = Schedule { lane, ..Schedule::default() };
    let mut urgent = Desk::started(DEVICES, PlanFields { schedule, ..fields(&["100%"]) });
    for person in ["bob", "eve"] {
        urgent.command(person, Command::Approve { rung: RungIndex(0) }).expect("another person");
    }
    let entry = set(&urgent, "easter", HOUR, 2 * HOUR);
    urgent.write(entry);
    until(&mut urgent, HOUR);
    assert!(urgent.update(&device(0)));
    // Lifted, it holds nothing.
    for name in ["easter", "audit"] {
        let lifted = desk.fleet.lift_freeze(freeze_id(name), crate::desk::person("bob"), desk.now);
        let Ok(Registered::New(entries)) = lifted else { panic!("{lifted:?}") };
        entries.into_iter().for_each(|entry| desk.write(entry));
    }
    assert!(is_yes(desk.begin(&device(0)).as_ref()));
}

fn freeze_id(name: &str) -> FreezeId {
    FreezeId::new(name).expect("a name")
}

fn stretch(from: u64, until: u64, reason: &str) -> Freeze {
    Freeze { from: Timestamp(from), until: Timestamp(until), reason: reason.into() }
}

/// A freeze that `ann` sets.
fn set(desk: &Desk, name: &str, from: u64, until: u64) -> Entry {
    let by = crate::desk::person("ann");
    let (id, freeze) = (freeze_id(name), stretch(from, until, name));
    match desk.fleet.set_freeze(id, freeze, by, desk.now) {
        Ok(Registered::New(mut entries)) => entries.remove(0),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_freeze_in_force_is_not_cut_short_by_whoever_set_it() {
    let mut desk = Desk::started(1, fields(&["100%"]));
    let entry = set(&desk, "easter", HOUR, 3 * HOUR);
    desk.write(entry);
    let lift = |desk: &Desk, name, by| {
        let lifted = desk.fleet.lift_freeze(freeze_id(name), crate::desk::person(by), desk.now);
        lifted.err().map(|error| error.code())
    };
    let change = |desk: &Desk, by, from, until| {
        let by = crate::desk::person(by);
        let freeze = stretch(from, until, "why");
        let changed = desk.fleet.set_freeze(freeze_id("easter"), freeze, by, desk.now);
        changed.err().map(|error| error.code())
    };
    assert_eq!(lift(&desk, "easter", "ann"), None, "it has not begun");
    until(&mut desk, HOUR);
    assert_eq!(lift(&desk, "easter", "ann"), Some("FZ-005"));
    assert_eq!(lift(&desk, "easter", "bob"), None);
    assert_eq!(lift(&desk, "pentecost", "bob"), Some("FZ-004"));
    assert_eq!(change(&desk, "ann", HOUR, 2 * HOUR), Some("FZ-005"));
    assert_eq!(change(&desk, "ann", 2 * HOUR, 4 * HOUR), Some("FZ-005"), "a gap");
    assert_eq!(change(&desk, "ann", HOUR, 4 * HOUR), None, "longer");
    assert_eq!(change(&desk, "bob", HOUR, 2 * HOUR), None);
    assert_eq!(change(&desk, "bob", 2 * HOUR, 2 * HOUR), Some("FZ-001"));
    assert_eq!(change(&desk, "bob", 1, HOUR), Some("FZ-001"), "it lies behind");
}

#[test]
fn a_way_back_that_is_drafted_in_a_freeze_takes_two_people() {
    let mut desk = Desk::started(DEVICES, fields(&["100%"]));
    assert!(desk.update(&device(0)));
    let entry = set(&desk, "easter", HOUR, 3 * HOUR);
    desk.write(entry);
    let lane = |desk: &Desk| {
        let (plan, _) = desk.fleet.rollback_plan(desk.rollout).expect("a way back");
        (plan.schedule.lane, plan.approvals_needed(RungIndex(0)))
    };
    assert_eq!(lane(&desk), (Lane::Usual, 0));
    until(&mut desk, HOUR);
    assert_eq!(lane(&desk), (Lane::Emergency, 2));
}

#[test]
fn a_way_back_waits_for_no_window() {
    let mut desk = Desk::started(DEVICES, with_window("00:00", "01:00", "UTC"));
    assert!(desk.update(&device(0)));
    until(&mut desk, HOUR);
    let (plan, _) = desk.fleet.rollback_plan(desk.rollout).expect("a way back");
    assert_eq!(plan.schedule, Schedule::default());
}
