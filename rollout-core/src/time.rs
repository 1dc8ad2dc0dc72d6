//! Time as data: instants, spans, and the time during which the control plane was there.
//!
//! Invariant: the core never asks what time it is. Service time stands still while our own
//! service was away, so a deadline counted in it never blames a device for our outage.

mod civil;
mod timeline;

pub use timeline::Timeline;

use alloc::{collections::VecDeque, format, string::String};
use core::fmt;

/// UTC, milliseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

/// A length of time, milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(pub u64);

impl Timestamp {
    /// The time `span` later.
    #[must_use]
    pub const fn after(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// How long ago `earlier` was; nothing if it lies ahead.
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }

    /// Unix seconds, rounded down.
    pub const fn unix_secs(self) -> u64 {
        self.0 / 1000
    }
}

impl Span {
    /// No time.
    pub const ZERO: Self = Self(0);

    /// Whole seconds.
    pub const fn secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// Whole hours.
    pub const fn hours(hours: u64) -> Self {
        Self::secs(hours.saturating_mul(3600))
    }

    /// Seconds, rounded up.
    pub const fn as_secs(self) -> u64 {
        self.0.div_ceil(1000)
    }

    /// In at most two units, for people: `1 h 10 min`, `40 s`, `3 d`; what is smaller is left out.
    pub fn in_words(self) -> String {
        const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
        let secs = self.0 / 1000;
        for pair in UNITS.windows(2) {
            let [(large, name), (small, second)] = [pair[0], pair[1]];
            if secs >= large {
                let rest = secs % large / small;
                let more = if rest == 0 { String::new() } else { format!(" {rest} {second}") };
                return format!("{} {name}{more}", secs / large);
            }
        }
        format!("{secs} s")
    }

    /// The two together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Reads `90s`, `15m`, `6h`, `14d`, `250ms`: a whole number and its unit. `None` otherwise.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = text[..digits].parse().ok()?;
        let unit = match text[digits..].trim_start() {
            "ms" => 1,
            "s" => 1000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        number.checked_mul(unit).map(Self)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, name) in [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")] {
            if self.0 >= unit && self.0.is_multiple_of(unit) {
                return write!(f, "{}{name}", self.0 / unit);
            }
        }
        write!(f, "{}ms", self.0)
    }
}

/// A stretch of time, from (inclusive) to (exclusive).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// Its start.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
}

impl Window {
    /// Whether the two share any time.
    pub const fn meets(&self, other: &Self) -> bool {
        self.from.0 < other.to.0 && other.from.0 < self.to.0
    }
}

/// A point in service time: milliseconds during which the control plane could have answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceTime(pub u64);

impl ServiceTime {
    /// The service time `span` later.
    #[must_use]
    pub const fn after(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

/// How many outages are remembered to judge a missing round trip.
const REMEMBERED_OUTAGES: usize = 64;

/// The journal of our own availability, folded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Availability {
    away: Span,
    last: VecDeque<Window>,
}

impl Availability {
    /// Records that nobody could be served during `outage`. What overlaps the last one, or
    /// follows it at once, makes that one longer and counts once.
    pub fn record(&mut self, outage: Window) {
        if let Some(last) = self.last.back_mut()
            && outage.from <= last.to
        {
            self.away = self.away.plus(outage.to.since(last.to));
            last.to = last.to.max(outage.to);
            return;
        }
        if outage.from >= outage.to {
            return;
        }
        self.away = self.away.plus(outage.to.since(outage.from));
        if self.last.len() == REMEMBERED_OUTAGES {
            self.last.pop_front();
        }
        self.last.push_back(outage);
    }

    /// Service time at `now`. While `now` lies inside the last outage (a grace after a restart
    /// is recorded as one that ends in the future) it stands still.
    pub fn at(&self, now: Timestamp) -> ServiceTime {
        let ahead = self.last.back().map_or(Span::ZERO, |last| last.to.since(now.max(last.from)));
        ServiceTime(now.0.saturating_sub(self.away.0 - ahead.0.min(self.away.0)))
    }

    /// How much of the time between two moments we were there, as far as outages are remembered.
    pub fn served(&self, from: Timestamp, to: Timestamp) -> Span {
        let away = self.last.iter().map(|outage| outage.to.min(to).since(outage.from.max(from)).0);
        Span(to.since(from).0.saturating_sub(away.sum()))
    }

    /// Whether an outage of ours met `window`.
    pub fn was_away(&self, window: &Window) -> bool {
        self.last.iter().any(|outage| outage.meets(window))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn service_time_stands_still_while_we_are_away() {
        let mut service = Availability::default();
        let hour = |h: u64| Timestamp(h * 3_600_000);
        assert_eq!(service.at(hour(1)).0, hour(1).0);
        service.record(Window { from: hour(2), to: hour(5) });
        assert_eq!(service.at(hour(5)).0, hour(2).0);
        assert_eq!(service.at(hour(6)).0, hour(3).0);
        // Known beforehand until hour 5: in its middle the clock stands at its start.
        assert_eq!(service.at(hour(4)).0, hour(2).0);
        assert!(service.was_away(&Window { from: hour(4), to: hour(9) }));
        assert!(!service.was_away(&Window { from: hour(5), to: hour(9) }));
    }

    #[test]
    fn time_that_was_served_leaves_outages_out() {
        let mut service = Availability::default();
        service.record(Window { from: Timestamp(10), to: Timestamp(30) });
        service.record(Window { from: Timestamp(50), to: Timestamp(60) });
        let served = |from, to| service.served(Timestamp(from), Timestamp(to)).0;
        assert_eq!((served(0, 5), served(0, 20), served(0, 100)), (5, 10, 70));
        assert_eq!((served(15, 25), served(20, 55), served(60, 50)), (0, 20, 0));
    }

    #[test]
    fn a_restart_within_the_grace_of_another_does_not_turn_time_back() {
        let mut service = Availability::default();
        service.record(Window { from: Timestamp(100), to: Timestamp(200) });
        let before = service.at(Timestamp(150));
        service.record(Window { from: Timestamp(150), to: Timestamp(260) });
        for now in [150, 180, 220, 259] {
            assert_eq!(service.at(Timestamp(now)), before, "{now}");
        }
        assert_eq!(service.at(Timestamp(270)), before.after(Span(10)));
    }

    #[test]
    fn overlapping_outages_count_once() {
        let mut service = Availability::default();
        service.record(Window { from: Timestamp(10), to: Timestamp(30) });
        service.record(Window { from: Timestamp(20), to: Timestamp(40) });
        service.record(Window { from: Timestamp(20), to: Timestamp(40) });
        assert_eq!(service.at(Timestamp(100)), ServiceTime(70));
    }

    #[test]
    fn spans_have_at_most_two_units_in_words() {
        for (secs, shown) in [
            (0, "0 s"),
            (40, "40 s"),
            (120, "2 min"),
            (3_599, "59 min 59 s"),
            (4_200, "1 h 10 min"),
            (86_400 * 3 + 59, "3 d"),
        ] {
            assert_eq!(Span::secs(secs).in_words(), shown);
        }
    }

    #[test]
    fn spans_read_what_they_print() {
        for span in [Span(0), Span(250), Span::secs(90), Span::hours(6), Span::hours(24 * 14)] {
            assert_eq!(Span::parse(&alloc::format!("{span}")), Some(span));
        }
        for text in ["", "h", "6", "6 weeks", "-1h", "99999999999999999999d", "1e3s"] {
            assert_eq!(Span::parse(text), None, "{text}");
        }
    }
}
