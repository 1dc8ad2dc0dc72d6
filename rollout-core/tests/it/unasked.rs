//! Devices that switch without asking: no gate and no cap overlooks them.

use crate::desk::{Desk, HORIZON, device, fields};
use rollout_core::device::{Bucket, Outcome};
use rollout_core::fleet::Reply;
use rollout_core::journal::{Entry, ReportRecord};
use rollout_core::rollout::{Command, PlanFields};
use rollout_core::time::Span;
use rollout_core::wire::{Event, Reason};

fn bucket(desk: &Desk, index: usize) -> Bucket {
    let running = &desk.fleet.rollouts[&desk.rollout];
    desk.fleet.bucket_of(running, &desk.fleet.devices[&device(index)], desk.now)
}

/// Offered and downloaded: all that comes before the question.
fn downloaded(desk: &mut Desk, index: usize) -> bool {
    let offered = desk.offer(&device(index));
    if offered {
        desk.report(&device(index), Event::Downloaded, None);
    }
    offered
}

#[test]
fn crashes_of_devices_that_never_asked_halt_the_rollout() {
    let mut desk = Desk::started(60, fields(&["100%"]));
    let mut crashed = 0;
    while desk.phase() != "halted" {
        assert!(downloaded(&mut desk, crashed), "{crashed} crashes halted nothing");
        desk.report(&device(crashed), Event::Booted, None);
        desk.report(&device(crashed), Event::Returned, Some(Reason::Crash));
        desk.tick(Span::secs(1));
        crashed += 1;
    }
    assert!(crashed <= 20, "{crashed}");
    let counts = desk.fleet.rollouts[&desk.rollout].counts();
    assert_eq!((counts.exposed, counts.rolled_back), (crashed as u64, crashed as u64));
}

#[test]
fn each_sign_of_a_switch_exposes_and_each_sign_of_none_does_not() {
    let seen = |event, reason| {
        let mut desk = Desk::started(10, fields(&["100%"]));
        assert!(downloaded(&mut desk, 0));
        desk.report(&device(0), event, reason);
        desk.fleet.rollouts[&desk.rollout].counts().exposed
    };
    for event in [Event::Booted, Event::Confirmed, Event::Returned, Event::Crashed] {
        assert_eq!(seen(event, None), 1, "{event:?}");
    }
    for reason in [Some(Reason::SelfTest), Some(Reason::Watchdog), None] {
        assert_eq!(seen(Event::Failed, reason), 1, "failed: {reason:?}");
    }
    for reason in [Reason::Digest, Reason::Storage, Reason::Download, Reason::Signature] {
        assert_eq!(seen(Event::Failed, Some(reason)), 0, "failed: {reason:?}");
    }
    for event in [Event::Downloading, Event::Refused, Event::Deferred, Event::Stopped] {
        assert_eq!(seen(event, None), 0, "{event:?}");
    }
}

#[test]
fn who_switched_without_leave_is_shown_and_is_judged_at_its_horizon() {
    let mut desk = Desk::started(10, fields(&["100%"]));
    for (index, event) in [(0, Event::Booted), (1, Event::Confirmed)] {
        assert!(downloaded(&mut desk, index));
        desk.report(&device(index), event, None);
    }
    assert_eq!(bucket(&desk, 0), Bucket::SwitchedWithoutLeave);
    assert!(matches!(desk.begin(&device(0)), Some(Reply::Yes { .. })), "it has switched already");
    desk.tick(Span(HORIZON.0 - 1));
    let outcome =
        |desk: &Desk, index| desk.fleet.rollouts[&desk.rollout].executions[&device(index)].outcome;
    assert_eq!((outcome(&desk, 0), outcome(&desk, 1)), (None, None));
    desk.tick(Span(1));
    assert!(matches!(outcome(&desk, 0), Some(Outcome::Bad(_))), "silent");
    assert_eq!(outcome(&desk, 1), Some(Outcome::Good));
    assert_eq!((bucket(&desk, 0), bucket(&desk, 1)), (Bucket::Silent, Bucket::Confirmed));
}

#[test]
fn who_switched_without_leave_takes_a_slot_from_those_who_ask() {
    let mut desk = Desk::started(60, fields(&["100%"]));
    let budget = PlanFields::clone(&desk.fleet.rollouts[&desk.rollout].rollout.plan).pace.budget;
    for index in 0..5 {
        assert!(downloaded(&mut desk, index));
        desk.report(&device(index), Event::Booted, None);
    }
    let permitted = (5..60).filter(|index| {
        downloaded(&mut desk, *index)
            && matches!(desk.begin(&device(*index)), Some(Reply::Yes { .. }))
    });
    assert_eq!(permitted.count() as u64, budget - 5);
}

#[test]
fn who_switched_although_it_was_told_to_stop_is_taken_back_with_the_others() {
    let mut desk = Desk::started(10, fields(&["100%"]));
    assert!(downloaded(&mut desk, 0) && downloaded(&mut desk, 1));
    desk.command("ops", Command::Halt { reason: "smoke".into() }).expect("it runs");
    desk.report(&device(0), Event::Booted, None);
    desk.check_in(&device(0), "1.1.0", 2);
    assert_eq!(bucket(&desk, 0), Bucket::SwitchedWithoutLeave);
    assert_eq!(bucket(&desk, 1), Bucket::Revoked);
    assert_eq!(desk.fleet.rollouts[&desk.rollout].counts().exposed, 1);
    let (_, devices) = desk.fleet.rollback_plan(desk.rollout).expect("a way back");
    assert_eq!(devices, 1);
}

#[test]
fn a_report_that_is_known_exposes_nobody_twice() {
    let mut desk = Desk::started(10, fields(&["100%"]));
    assert!(downloaded(&mut desk, 0));
    desk.report(&device(0), Event::Booted, None);
    let once = desk.journal.len();
    desk.report_as(&device(0), 1, Event::Booted, None);
    desk.report(&device(0), Event::Confirmed, None);
    let entries = desk.journal[once..].iter().map(|stored| stored.entry.kind());
    assert_eq!(entries.collect::<Vec<_>>(), ["reported", "reported"]);
}

/// Whether reports come one by one or all at once, the same is counted.
#[test]
fn a_batch_of_reports_counts_as_its_reports_do() {
    let events = [
        (Event::Stopped, Some(Reason::Told)),
        (Event::Booted, None),
        (Event::Returned, Some(Reason::SelfTest)),
    ];
    let permitted = || {
        let mut desk = Desk::started(10, fields(&["100%"]));
        assert!(downloaded(&mut desk, 0));
        assert!(matches!(desk.begin(&device(0)), Some(Reply::Yes { .. })));
        desk
    };
    let reports = |desk: &Desk| {
        let rollout = desk.rollout;
        let made = (100..).zip(events).map(move |(sequence, (event, reason))| {
            let (device, detail) = (device(0), None);
            Entry::Reported(ReportRecord {
                device,
                incarnation: 1,
                sequence,
                rollout,
                attempt: 1,
                event,
                reason,
                detail,
            })
        });
        made.collect::<Vec<_>>()
    };
    let take = |desk: &mut Desk, facts: Vec<Entry>| {
        let entries = desk.fleet.expose_unasked(facts, desk.now);
        entries.into_iter().for_each(|entry| desk.write(entry));
    };
    let (mut singly, mut at_once) = (permitted(), permitted());
    for report in reports(&singly) {
        take(&mut singly, vec![report]);
    }
    let all = reports(&at_once);
    let twice = all.iter().chain(&all).cloned().collect();
    take(&mut at_once, twice);
    let standing = |desk: &Desk| {
        let running = &desk.fleet.rollouts[&desk.rollout];
        (running.executions[&device(0)].clone(), running.counts())
    };
    assert_eq!(standing(&singly), standing(&at_once));
    assert_eq!(standing(&singly).1.exposed, 1);
}

/// What an earlier attempt came to says nothing of the one that is open.
#[test]
fn a_late_report_of_an_earlier_attempt_exposes_nobody() {
    let mut desk = Desk::started(10, fields(&["100%"]));
    assert!(downloaded(&mut desk, 0));
    desk.command("ops", Command::Halt { reason: "smoke".into() }).expect("it runs");
    for name in ["ann", "bob"] {
        desk.command(name, Command::Resume).expect("two people");
    }
    assert!(downloaded(&mut desk, 0), "a second attempt");
    let told = |attempt| {
        Entry::Reported(ReportRecord {
            device: device(0),
            incarnation: 1,
            sequence: 100 + u64::from(attempt),
            rollout: desk.rollout,
            attempt,
            event: Event::Booted,
            reason: None,
            detail: None,
        })
    };
    let kinds = |attempt| {
        let entries = desk.fleet.expose_unasked(vec![told(attempt)], desk.now);
        entries.iter().map(Entry::kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds(1), ["reported"]);
    assert_eq!(kinds(2), ["unasked", "reported"]);
}
