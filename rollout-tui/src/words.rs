//! How things read to people: one wording for the command line and the screens.
//!
//! Deliberately not here: what a rollout waits for and why a device is not offered an image; the
//! code that decides words those itself. Nor layout, which is each frontend's own.
//!
//! Invariant: [`plain`] lets no control character through.

pub mod figure;

use rollout_core::trust::Role;

/// A text that may have come from anywhere, without characters that steer a terminal.
pub fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_direction(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Marks that reorder the text around them.
//= Unicode UAX #9 §2: explicit directional formatting characters
fn is_direction(c: char) -> bool {
    matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Unix seconds as `2027-01-15 08:00:00 UTC`.
pub fn utc(secs: u64) -> String {
    let (days, rest) = (secs / 86_400, secs % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// Year, month and day of a day since 1970-01-01, in the proleptic Gregorian calendar.
//= Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": civil_from_days
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let leaps = day_of_era / 1460 + day_of_era / 146_096;
    let year_of_era = (day_of_era + day_of_era / 36_524 - leaps) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

/// A role of the root document.
pub const fn role(role: Role) -> &'static str {
    match role {
        Role::Root => "root",
        Role::Release => "release",
        Role::Director => "director",
        Role::Binding => "binding",
    }
}

/// The same, or `never` for 0.
pub fn utc_or_never(secs: u64) -> String {
    if secs == 0 { "never".into() } else { utc(secs) }
}

/// A name of the API, such as `awaiting_approval`, as words.
pub fn spaced(name: &str) -> String {
    name.replace('_', " ")
}

/// `1 device`, `2 devices`.
pub fn count(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_their_dates() {
        for (secs, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (1_800_000_000, "2027-01-15 08:00:00 UTC"),
            (4_107_542_399, "2100-02-28 23:59:59 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
        ] {
            assert_eq!(utc(secs), text);
        }
    }

    #[test]
    fn nothing_foreign_steers_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\u{202e}c"), "a\\u{1b}[2Jb\\u{202e}c");
        assert_eq!(plain("größer 5 %"), "größer 5 %");
    }
}
