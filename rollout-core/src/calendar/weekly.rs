//! A window that comes every week: its days, its two times, and by whose clock.
//!
//! Invariant: it is never empty. One whose end comes before its start crosses midnight and belongs
//! to the day it starts on.

use super::zone::{weekday_name, weekday_of};
use super::{Local, Zone};
use core::fmt;

/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// Days of the week.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Days(u8);

impl Days {
    /// Every day.
    pub const ALL: Self = Self(0b111_1111);

    /// Reads `mon-fri`, `sat,sun`, `fri-mon`. `None` for anything else, no day among it.
    pub fn parse(text: &str) -> Option<Self> {
        let mut days = 0_u8;
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (weekday_of(first.trim())?, weekday_of(last.trim())?);
            for step in 0..=(last + 7 - first) % 7 {
                days |= 1 << ((first + step) % 7);
            }
        }
        Some(Self(days))
    }

    /// Whether a day is among them, from 0 on Mondays.
    pub const fn has(self, weekday: u8) -> bool {
        self.0 >> weekday & 1 == 1
    }
}

/// The same days as they are read, runs of three and more in short.
impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut day, mut comma) = (0, "");
        while day < 7 {
            let run = (day..7).take_while(|next| self.has(*next)).count() as u8;
            let first = weekday_name(day).unwrap_or_default();
            match run {
                0 => {}
                1 | 2 => write!(f, "{comma}{first}")?,
                _ => {
                    let last = weekday_name(day + run - 1).unwrap_or_default();
                    write!(f, "{comma}{first}-{last}")?;
                }
            }
            if run > 0 {
                comma = ",";
            }
            day += if run > 2 { run } else { 1 };
        }
        Ok(())
    }
}

impl fmt::Debug for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Days({self})")
    }
}

/// A time of day: minutes since midnight, from 0 to 1440, which is `24:00`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Minute(u16);

impl Minute {
    /// Reads `01:00`, from `00:00` to `24:00`. `None` otherwise.
    pub fn parse(text: &str) -> Option<Self> {
        let (hour, minute) = text.split_once(':')?;
        let number = |text: &str| {
            let is_number = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
            text.parse::<u16>().ok().filter(|_| is_number)
        };
        let (hour, minute) = (number(hour)?, number(minute)?);
        let at = hour * 60 + minute;
        (minute < 60 && at <= DAY).then_some(Self(at))
    }
}

impl fmt::Display for Minute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl fmt::Debug for Minute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Minute({self})")
    }
}

/// Whose clock counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum WindowZone {
    /// That of the device, by its attribute `zone`.
    Device,
    /// That of this zone, wherever a device is.
    Fixed(Zone),
}

impl fmt::Display for WindowZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device => f.write_str("device"),
            Self::Fixed(zone) => zone.fmt(f),
        }
    }
}

/// A window of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Weekly {
    days: Days,
    from: Minute,
    to: Minute,
    zone: WindowZone,
}

impl Weekly {
    /// A window on these days, from (inclusive) to (exclusive).
    ///
    /// # Errors
    /// What is wrong: it would be empty, or nobody could tell whether it is.
    pub fn new(
        days: Days,
        from: Minute,
        to: Minute,
        zone: WindowZone,
    ) -> Result<Self, &'static str> {
        if from == to {
            return Err("it is empty; a whole day is from 00:00 to 24:00");
        }
        if from.0 == DAY {
            return Err("it starts at 24:00; write 00:00 and the day after");
        }
        if days.0 == 0 {
            return Err("it has no day");
        }
        Ok(Self { days, from, to, zone })
    }

    /// Its days.
    pub const fn days(&self) -> Days {
        self.days
    }

    /// Its start, inclusive.
    pub const fn from(&self) -> Minute {
        self.from
    }

    /// Its end, exclusive; on the day after if it is not later than the start.
    pub const fn to(&self) -> Minute {
        self.to
    }

    /// Whose clock counts.
    pub const fn zone(&self) -> &WindowZone {
        &self.zone
    }

    /// Whether a clock that shows this is inside.
    pub fn has(&self, shown: Local) -> bool {
        let minute = (shown.second / 60) as u16;
        let today = self.days.has(shown.weekday());
        if self.from < self.to {
            return today && (self.from.0..self.to.0).contains(&minute);
        }
        let yesterday = self.days.has((shown.weekday() + 6) % 7);
        (today && minute >= self.from.0) || (yesterday && minute < self.to.0)
    }

    /// Seconds until a clock that shows this, and is not set meanwhile, comes to a time at which
    /// the window may begin or end, midnight included.
    pub(super) fn until_edge(&self, shown: Local) -> u32 {
        let edges = [self.from.0, self.to.0, DAY].map(|minute| u32::from(minute) * 60);
        let ahead = edges.into_iter().filter(|edge| *edge > shown.second).min();
        ahead.unwrap_or(u32::from(DAY) * 60) - shown.second
    }
}

/// Such as `mon-fri 01:00-05:00`.
impl fmt::Display for Weekly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}-{}", self.days, self.from, self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString as _;

    #[test]
    fn days_read_what_they_print() {
        for text in ["mon-fri", "sat,sun", "mon-sun", "mon,wed,fri-sun", "tue", "mon,tue,sun"] {
            assert_eq!(Days::parse(text).map(|days| days.to_string()).as_deref(), Some(text));
        }
        for (text, same) in
            [("fri-mon", "mon,fri-sun"), ("sun, sat", "sat,sun"), ("tue-tue", "tue")]
        {
            assert_eq!(Days::parse(text).map(|days| days.to_string()).as_deref(), Some(same));
        }
        for text in ["", "monday", "Mon", "mon-", "mon,,tue", "1-5"] {
            assert_eq!(Days::parse(text), None, "{text}");
        }
    }

    #[test]
    fn times_read_what_they_print() {
        for text in ["00:00", "01:30", "23:59", "24:00"] {
            assert_eq!(Minute::parse(text).map(|at| at.to_string()).as_deref(), Some(text));
        }
        for text in ["", "1:00", "01:60", "24:01", "25:00", "+1:00", "01:00:00", "0100"] {
            assert_eq!(Minute::parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_empty_window_is_none() {
        let at = |text| Minute::parse(text).expect("a time");
        let made = |from, to| Weekly::new(Days::ALL, at(from), at(to), WindowZone::Device).is_ok();
        assert!(made("00:00", "24:00") && made("22:00", "00:00") && made("22:00", "21:59"));
        assert!(!made("01:00", "01:00") && !made("24:00", "24:00") && !made("24:00", "01:00"));
        let none = Weekly::new(Days(0), at("01:00"), at("02:00"), WindowZone::Device);
        assert_eq!(none, Err("it has no day"));
    }
}
