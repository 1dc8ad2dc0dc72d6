//! Instants as people write them, in UTC.
//!
//! Invariant: what is printed is read again as the same second.

use super::Timestamp;
use core::fmt;

const DAY: u64 = 86_400;
/// Days from 0000-03-01 to 1970-01-01.
const EPOCH: u64 = 719_468;

/// Such as `2027-01-15 08:00:00 UTC`; milliseconds are left out.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secs = self.unix_secs();
        let (year, month, day) = civil(secs / DAY);
        let (hour, minute, second) = (secs / 3600 % 24, secs / 60 % 60, secs % 60);
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
    }
}

impl Timestamp {
    /// Reads what is printed: `2027-01-15 08:00:00 UTC`. `None` for anything else, and for days
    /// and times that do not exist.
    pub fn parse(text: &str) -> Option<Self> {
        let (date, time) = text.strip_suffix(" UTC")?.split_once(' ')?;
        let [year, month, day] = numbers(date, '-')?;
        let [hour, minute, second] = numbers(time, ':')?;
        let days = days(year, month, day)?;
        (hour < 24 && minute < 60 && second < 60 && civil(days) == (year, month, day))
            .then(|| Self((days * DAY + hour * 3600 + minute * 60 + second) * 1000))
    }
}

/// Three numbers of at most four digits.
fn numbers(text: &str, between: char) -> Option<[u64; 3]> {
    let mut found = [0; 3];
    let mut words = text.split(between);
    for number in &mut found {
        let word = words.next()?;
        let is_number = matches!(word.len(), 2..=4) && word.bytes().all(|b| b.is_ascii_digit());
        *number = word.parse().ok().filter(|_| is_number)?;
    }
    words.next().is_none().then_some(found)
}

/// Year, month and day of a day since 1970-01-01, in the proleptic Gregorian calendar.
//= Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": civil_from_days
const fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + EPOCH;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let leaps = day_of_era / 1460 + day_of_era / 146_096;
    let year_of_era = (day_of_era + day_of_era / 36_524 - leaps) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + (month <= 2) as u64;
    (year, month, day)
}

/// The day since 1970-01-01; `None` before it, and for a month or day that no year has.
//= Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": days_from_civil
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = year.checked_sub(u64::from(month <= 2))?;
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era).checked_sub(EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString as _;

    #[test]
    fn instants_read_what_they_print() {
        for (secs, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (1_800_000_000, "2027-01-15 08:00:00 UTC"),
            (4_107_542_399, "2100-02-28 23:59:59 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
        ] {
            let at = Timestamp(secs * 1000);
            assert_eq!((at.to_string().as_str(), Timestamp::parse(text)), (text, Some(at)));
        }
        assert_eq!(Timestamp(1_800_000_000_999).to_string(), "2027-01-15 08:00:00 UTC");
    }

    #[test]
    fn moments_that_do_not_exist_are_not_read() {
        for text in [
            "",
            "2027-01-15 08:00:00",
            "2027-01-15 08:00 UTC",
            "2027-02-29 00:00:00 UTC",
            "2027-13-01 00:00:00 UTC",
            "2027-00-10 00:00:00 UTC",
            "2027-01-15 24:00:00 UTC",
            "2027-01-15 08:60:00 UTC",
            "1969-12-31 23:59:59 UTC",
            "0000-01-01 00:00:00 UTC",
            "2027-01-15-01 08:00:00 UTC",
            "+027-01-15 08:00:00 UTC",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }
}
