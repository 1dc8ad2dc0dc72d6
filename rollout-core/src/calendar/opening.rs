//! When the first of several windows opens, and how long one is open.
//!
//! Found by going from edge to edge: times at which a window may begin or end by a clock that is
//! not set, and moments at which clocks are. In between nothing changes. Invariant: what is kept
//! is what would be found.

use super::{Weekly, WindowZone, Zone, Zones};
use crate::time::{Span, Timestamp};
use alloc::{collections::BTreeMap, format, sync::Arc, vec::Vec};
use core::fmt;

/// How far is looked ahead. A weekly window whose time is skipped comes a week later, or two.
const AHEAD: Span = Span::hours(24 * 22);

/// Windows of a plan, and the zone of devices that say none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Windows {
    /// A moment in any of them is inside; without one every moment is.
    pub weekly: Vec<Weekly>,
    /// Where a device is that has no attribute `zone`, or one that names no zone.
    pub zone_default: Option<Zone>,
}

/// How a device stands to windows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Inside.
    Open {
        /// At least until then; the end itself, if it is within 22 days.
        until: Timestamp,
    },
    /// Outside.
    Closed {
        /// The first moment inside, if it is within 22 days; never one after it.
        opens: Timestamp,
        /// Which window and when: `mon-fri 01:00-05:00 opens Mon 01:00 Europe/Berlin`.
        said: Arc<str>,
    },
    /// All windows go by the device's clock, and nobody knows what it shows.
    NoZone,
}

impl Opening {
    /// The first moment at which it may be different.
    fn changes(&self) -> Timestamp {
        match self {
            Self::Open { until } => *until,
            Self::Closed { opens, .. } => *opens,
            Self::NoZone => Timestamp(u64::MAX),
        }
    }
}

impl Windows {
    /// Whether the zone of a device makes a difference.
    pub fn go_by_device(&self) -> bool {
        self.weekly.iter().any(|window| *window.zone() == WindowZone::Device)
    }

    /// How a device in `device` stands to them; `None` if there are no windows.
    pub fn opening(&self, device: Option<&Zone>, now: Timestamp) -> Option<Opening> {
        if self.weekly.is_empty() {
            return None;
        }
        let device = device.or(self.zone_default.as_ref());
        let clocked = |window| clock(window, device).map(|zone| Clocked::new(window, zone, now));
        let mut clocks: Vec<_> = self.weekly.iter().filter_map(clocked).collect();
        if clocks.is_empty() {
            return Some(Opening::NoZone);
        }
        let was_open = clocks.iter().any(|one| one.is_open(now));
        let end = now.after(AHEAD);
        let mut at = now;
        loop {
            at = clocks.iter_mut().map(|one| one.next_edge(at)).min().unwrap_or(end).min(end);
            let first = clocks.iter().find(|one| one.is_open(at));
            match first {
                None if was_open => return Some(Opening::Open { until: at }),
                Some(first) if !was_open => return Some(first.opens(at)),
                _ if at < end => {}
                _ if was_open => return Some(Opening::Open { until: end }),
                _ => return clocks.first().map(|one| one.opens(end)),
            }
        }
    }
}

fn clock<'a>(window: &'a Weekly, device: Option<&'a Zone>) -> Option<&'a Zone> {
    match window.zone() {
        WindowZone::Device => device,
        WindowZone::Fixed(zone) => Some(zone),
    }
}

/// A window and the clock it goes by.
struct Clocked<'a> {
    window: &'a Weekly,
    zone: &'a Zone,
    /// When the clock is set next.
    shift: Option<Timestamp>,
}

impl<'a> Clocked<'a> {
    fn new(window: &'a Weekly, zone: &'a Zone, now: Timestamp) -> Self {
        Self { window, zone, shift: zone.next_shift(now) }
    }

    fn is_open(&self, at: Timestamp) -> bool {
        self.window.has(self.zone.local(at))
    }

    /// The next moment after `at` at which it may open or close.
    fn next_edge(&mut self, at: Timestamp) -> Timestamp {
        if self.shift.is_some_and(|shift| shift <= at) {
            self.shift = self.zone.next_shift(at);
        }
        let whole = Timestamp(at.unix_secs() * 1000);
        let ahead = Span::secs(u64::from(self.window.until_edge(self.zone.local(at))));
        let edge = whole.after(ahead);
        self.shift.map_or(edge, |shift| shift.min(edge))
    }

    fn opens(&self, at: Timestamp) -> Opening {
        let said = format!("{} opens {} {}", self.window, self.zone.local(at), self.zone);
        Opening::Closed { opens: at, said: said.into() }
    }
}

/// Openings of a plan's windows by zone, each kept until it changes.
#[derive(Clone, Debug, Default)]
pub struct Openings(BTreeMap<&'static str, Kept>);

#[derive(Clone, Debug)]
struct Kept {
    since: Timestamp,
    opening: Opening,
}

/// Under what an opening is kept that no zone of a device has a part in.
const NO_ZONE: &str = "";

impl Openings {
    /// Finds anew what has changed by `now`, for every zone that devices are in.
    pub fn refresh(&mut self, windows: &Windows, zones: &Zones, now: Timestamp) {
        if windows.weekly.is_empty() {
            return;
        }
        self.keep(windows, NO_ZONE, windows.zone_default.as_ref(), now);
        if windows.go_by_device() {
            for zone in zones.iter() {
                self.keep(windows, zone.name(), Some(zone), now);
            }
        }
    }

    fn keep(&mut self, windows: &Windows, key: &'static str, zone: Option<&Zone>, now: Timestamp) {
        if self.kept(key, now).is_none()
            && let Some(opening) = windows.opening(zone, now)
        {
            self.0.insert(key, Kept { since: now, opening });
        }
    }

    fn kept(&self, key: &str, now: Timestamp) -> Option<&Opening> {
        let kept = self.0.get(key)?;
        (kept.since <= now && now < kept.opening.changes()).then_some(&kept.opening)
    }

    /// How a device that says `zone` stands to the windows; `None` if there are none.
    pub fn of(
        &self,
        windows: &Windows,
        zones: &Zones,
        zone: Option<&str>,
        now: Timestamp,
    ) -> Option<Opening> {
        if windows.weekly.is_empty() {
            return None;
        }
        let zone = zone.filter(|_| windows.go_by_device());
        if let Some(kept) = self.kept(zone.unwrap_or(NO_ZONE), now) {
            return Some(kept.clone());
        }
        let zone = zone.and_then(|name| zones.find(name));
        match zone {
            None => self.kept(NO_ZONE, now).cloned().or_else(|| windows.opening(None, now)),
            Some(zone) => windows.opening(Some(&zone), now),
        }
    }
}

/// Days, hours and minutes, such as `3 h 10 min`; a part of a minute is one.
pub struct Rough(pub Span);

impl fmt::Display for Rough {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.0.0.div_ceil(60_000);
        let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
        match (days, hours, minutes) {
            (0, 0, minutes) => write!(f, "{minutes} min"),
            (0, hours, 0) => write!(f, "{hours} h"),
            (0, hours, minutes) => write!(f, "{hours} h {minutes} min"),
            (days, 0, _) => write!(f, "{days} d"),
            (days, hours, _) => write!(f, "{days} d {hours} h"),
        }
    }
}
