//! Windows against clocks that were set by hand: every minute around the days they are.

use proptest::prelude::*;
use rollout_core::calendar::{
    Days, Minute, Opening, Openings, Weekly, WindowZone, Windows, Zone, Zones,
};
use rollout_core::time::{Span, Timestamp};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// How far is looked ahead.
const AHEAD: u64 = 22 * DAY;

/// A zone, its first offset and the later ones.
type Clock = (&'static str, i64, &'static [(&'static str, i64)]);

/// Offsets of a zone in 2025, in minutes: the first, and each later one from its moment on. Written
/// down from what the countries have decreed, not from the program's own files.
const CLOCKS: [Clock; 5] = [
    ("Europe/Berlin", 60, &[("2025-03-30 01:00:00 UTC", 120), ("2025-10-26 01:00:00 UTC", 60)]),
    (
        "America/New_York",
        -300,
        &[("2025-03-09 07:00:00 UTC", -240), ("2025-11-02 06:00:00 UTC", -300)],
    ),
    (
        "Australia/Lord_Howe",
        660,
        &[("2025-04-05 15:00:00 UTC", 630), ("2025-10-04 15:30:00 UTC", 660)],
    ),
    ("Asia/Kolkata", 330, &[]),
    ("Africa/Casablanca", 60, &[("2025-02-23 02:00:00 UTC", 0), ("2025-04-06 02:00:00 UTC", 60)]),
];

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a time")
}

fn weekly(days: &str, from: &str, to: &str, zone: Option<&str>) -> Weekly {
    let minute = |text| Minute::parse(text).expect("a time of day");
    let zone = zone
        .map_or(WindowZone::Device, |name| WindowZone::Fixed(Zone::find(name).expect("a zone")));
    let days = Days::parse(days).expect("days");
    Weekly::new(days, minute(from), minute(to), zone).expect("a window")
}

fn windows(weekly: Vec<Weekly>) -> Windows {
    Windows { weekly, zone_default: None }
}

/// A window as it is told by hand: its days from Monday, its minutes of the day.
type Told = ([bool; 7], u16, u16);

/// Whether a clock that shows so many minutes since 1970 is inside: counted from the start of the
/// window on that day, or on the day before.
fn is_inside((days, from, to): &Told, shown: i64) -> bool {
    let (from, to) = (i64::from(*from), i64::from(*to));
    let to = if to > from { to } else { to + 1440 };
    let today = shown.div_euclid(1440);
    [today, today - 1].into_iter().any(|day| {
        // 1970-01-05 was a Monday.
        let weekday = (day - 4).rem_euclid(7) as usize;
        days[weekday] && (from..to).contains(&(shown - day * 1440))
    })
}

/// Whether windows are open, minute by minute from a moment on, and how many minutes until they
/// are not as they were.
struct Hand {
    start: u64,
    open: Vec<bool>,
    change: Vec<Option<usize>>,
}

impl Hand {
    fn of(zone: usize, told: &[Told], start: Timestamp, minutes: u64) -> Self {
        let (_, first, later) = CLOCKS[zone];
        let later: Vec<_> = later.iter().map(|(from, offset)| (at(from), *offset)).collect();
        let start = start.0 / MINUTE * MINUTE;
        let is_open = |minute: u64| {
            let now = Timestamp(start + minute * MINUTE);
            let offset = later.iter().rev().find(|(from, _)| *from <= now);
            let shown = (now.0 / MINUTE) as i64 + offset.map_or(first, |(_, offset)| *offset);
            told.iter().any(|told| is_inside(told, shown))
        };
        let open: Vec<bool> = (0..minutes).map(is_open).collect();
        let mut change = vec![None; open.len()];
        for at in (0..open.len() - 1).rev() {
            change[at] = if open[at] == open[at + 1] { change[at + 1] } else { Some(at + 1) };
        }
        Self { start, open, change }
    }

    /// What is said of a moment is what is there by hand, to the minute it changes.
    fn agrees(&self, opening: &Opening, now: Timestamp) -> bool {
        let (said_open, then) = match opening {
            Opening::Open { until } => (true, *until),
            Opening::Closed { opens, .. } => (false, *opens),
            Opening::NoZone => return false,
        };
        let at = ((now.0 - self.start) / MINUTE) as usize;
        let by_hand = self.change[at].map(|minute| self.start + minute as u64 * MINUTE);
        // What lasts longer than is looked ahead is said to last as long as that.
        let end = now.0 + AHEAD;
        said_open == self.open[at] && then.0 == by_hand.unwrap_or(end).min(end)
    }
}

/// Every zone, each day on which its clocks are set, every minute from three hours before.
#[test]
fn daily_window_across_midnight_and_dst() {
    let night = [(90, 150), (1380, 60), (1439, 1), (0, 1440), (120, 180), (1320, 1319), (150, 151)];
    for (zone, (name, _, shifts)) in CLOCKS.iter().enumerate() {
        let known = Zone::find(name).expect("a zone");
        let kolkata = [("2025-03-30 01:00:00 UTC", 0)];
        let shifts = if shifts.is_empty() { &kolkata } else { *shifts };
        for (from, to) in night {
            let windows = windows(vec![weekly("mon-sun", &text(from), &text(to), None)]);
            for (shift, _) in shifts {
                let first = Timestamp(at(shift).0 - 3 * HOUR);
                let hand = Hand::of(zone, &[([true; 7], from, to)], first, 23 * 1440);
                for now in (0..360).map(|minute| first.after(Span(minute * MINUTE))) {
                    let said = windows.opening(Some(&known), now).expect("there is a window");
                    assert!(hand.agrees(&said, now), "{name} {from}-{to} {now}: {said:?}");
                }
            }
        }
    }
}

#[test]
fn a_window_of_times_that_are_skipped_and_times_that_come_twice() {
    let berlin = Zone::find("Europe/Berlin").expect("a zone");
    let windows = windows(vec![weekly("mon-sun", "01:30", "02:30", None)]);
    let mut now = at("2026-03-28 12:00:00 UTC");
    let mut next = || {
        now = match windows.opening(Some(&berlin), now).expect("there is a window") {
            Opening::Open { until } => until,
            Opening::Closed { opens, .. } => opens,
            Opening::NoZone => panic!("the zone is known"),
        };
        now.to_string()
    };
    // The clocks go from 01:59 to 03:00.
    assert_eq!(next(), "2026-03-29 00:30:00 UTC");
    assert_eq!(next(), "2026-03-29 01:00:00 UTC");
    assert_eq!(next(), "2026-03-29 23:30:00 UTC");
    let mut now = at("2026-10-24 12:00:00 UTC");
    let mut next = || {
        now = match windows.opening(Some(&berlin), now).expect("there is a window") {
            Opening::Open { until } => until,
            Opening::Closed { opens, .. } => opens,
            Opening::NoZone => panic!("the zone is known"),
        };
        now.to_string()
    };
    // From 02:59 back to 02:00: the half hour from 02:00 is inside both times.
    assert_eq!(next(), "2026-10-24 23:30:00 UTC");
    assert_eq!(next(), "2026-10-25 00:30:00 UTC");
    assert_eq!(next(), "2026-10-25 01:00:00 UTC");
    assert_eq!(next(), "2026-10-25 01:30:00 UTC");
    assert_eq!(next(), "2026-10-26 00:30:00 UTC");
}

#[test]
fn a_window_all_of_whose_times_are_skipped_opens_a_week_later() {
    let berlin = Zone::find("Europe/Berlin").expect("a zone");
    let skipped = windows(vec![weekly("sun", "02:10", "02:50", None)]);
    let said = skipped.opening(Some(&berlin), at("2026-03-23 00:00:00 UTC"));
    let Some(Opening::Closed { opens, said }) = said else { panic!("it is closed") };
    assert_eq!(opens, at("2026-04-05 00:10:00 UTC"));
    assert_eq!(&*said, "sun 02:10-02:50 opens Sun 02:10 Europe/Berlin");
}

#[test]
fn a_window_belongs_to_the_day_on_which_it_starts() {
    let utc = Zone::find("UTC").expect("a zone");
    let friday = windows(vec![weekly("fri", "22:00", "02:00", None)]);
    // 2026-03-06 was a Friday.
    for (now, then) in [
        ("2026-03-06 01:00:00 UTC", "2026-03-06 22:00:00 UTC"),
        ("2026-03-06 23:00:00 UTC", "2026-03-07 02:00:00 UTC"),
        ("2026-03-07 01:59:59 UTC", "2026-03-07 02:00:00 UTC"),
        ("2026-03-07 02:00:00 UTC", "2026-03-13 22:00:00 UTC"),
    ] {
        let found = match friday.opening(Some(&utc), at(now)) {
            Some(Opening::Open { until }) => until,
            Some(Opening::Closed { opens, .. }) => opens,
            Some(Opening::NoZone) | None => panic!("the zone is known"),
        };
        assert_eq!(found, at(then), "{now}");
    }
}

#[test]
fn windows_that_meet_are_open_from_the_first_to_the_last() {
    let utc = Zone::find("UTC").expect("a zone");
    let days = windows(vec![weekly("mon-fri", "00:00", "24:00", None)]);
    let now = at("2026-03-02 05:00:00 UTC");
    let until = at("2026-03-07 00:00:00 UTC");
    assert_eq!(days.opening(Some(&utc), now), Some(Opening::Open { until }));
    let two = windows(vec![
        weekly("mon", "04:00", "06:00", None),
        weekly("mon", "06:00", "07:00", Some("UTC")),
    ]);
    let until = at("2026-03-02 07:00:00 UTC");
    assert_eq!(two.opening(Some(&utc), now), Some(Opening::Open { until }));
    let always = windows(vec![weekly("mon-sun", "00:00", "24:00", None)]);
    let Some(Opening::Open { until }) = always.opening(Some(&utc), now) else { panic!("open") };
    assert!(until.since(now) >= Span(21 * DAY));
}

#[test]
fn without_a_zone_only_windows_of_a_fixed_one_open() {
    let now = at("2026-03-02 05:00:00 UTC");
    let device = weekly("mon", "04:00", "06:00", None);
    let fixed = weekly("mon", "04:00", "06:00", Some("UTC"));
    assert_eq!(windows(vec![device.clone()]).opening(None, now), Some(Opening::NoZone));
    let until = at("2026-03-02 06:00:00 UTC");
    let open = Some(Opening::Open { until });
    assert_eq!(windows(vec![device.clone(), fixed]).opening(None, now), open);
    let zone_default = Zone::find("UTC");
    assert_eq!(Windows { weekly: vec![device], zone_default }.opening(None, now), open);
    assert_eq!(Windows::default().opening(None, now), None);
}

fn text(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

fn a_window() -> impl Strategy<Value = Told> {
    let days = any::<[bool; 7]>().prop_filter("a day", |days| days.contains(&true));
    (days, 0..1440_u16, 0..=1440_u16).prop_filter("not empty", |(_, from, to)| from != to)
}

fn made((days, from, to): &Told) -> Weekly {
    let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let named = names.iter().zip(days).filter(|(_, has)| **has).map(|(name, _)| *name);
    weekly(&named.collect::<Vec<_>>().join(","), &text(*from), &text(*to), None)
}

proptest! {
    /// Whatever the zone, the moment and the windows: the next change is ahead, it is one, and
    /// nothing changes before it.
    #[test]
    fn nothing_changes_before_the_next_change(
        zone in 0..CLOCKS.len(),
        // From 15 January 2025 to the end of November.
        at in 1_736_899_200_000_u64..1_764_547_200_000,
        told in prop::collection::vec(a_window(), 1..4),
    ) {
        let now = Timestamp(at);
        let name = CLOCKS[zone].0;
        let known = Zone::find(name).expect("a zone");
        let windows = windows(told.iter().map(made).collect());
        let hand = Hand::of(zone, &told, now, 23 * 1440);
        let said = windows.opening(Some(&known), now).expect("there are windows");
        prop_assert!(hand.agrees(&said, now), "{now}: {said:?}");

        // What is kept from an earlier moment is what is found.
        let mut zones = Zones::default();
        zones.learn(name);
        let mut kept = Openings::default();
        for before in [40 * HOUR, HOUR, 0] {
            let then = Timestamp(at - before);
            kept.refresh(&windows, &zones, then);
            for now in [then, now] {
                let of = kept.of(&windows, &zones, Some(name), now).expect("there are windows");
                let found = windows.opening(Some(&known), now).expect("there are windows");
                // The end of what is looked ahead moves on; nothing else does.
                let is_end = |said: &Opening| match said {
                    Opening::Open { until } => until.since(now) > Span(19 * DAY),
                    Opening::Closed { .. } | Opening::NoZone => false,
                };
                prop_assert!(of == found || (is_end(&of) && is_end(&found)), "{of:?} {found:?}");
            }
        }
    }
}
