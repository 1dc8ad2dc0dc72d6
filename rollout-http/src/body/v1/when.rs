//! Instants as people write them: RFC 3339 or Unix seconds.
//!
//! Not here: time zones by name, leap seconds (59 is taken for 60). Invariant: what is shown reads
//! back as the same second.

use rollout_core::time::Timestamp;

/// Reads `2026-03-01T08:00:00Z`, `2026-03-01 08:00+01:00` or Unix seconds. `None` otherwise.
pub fn parse_when(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse::<u64>().ok()?.checked_mul(1000).map(Timestamp);
    }
    let (date, rest) = text.split_at_checked(10)?;
    let time = rest.strip_prefix(['T', 't', ' '])?;
    let (time, offset_secs) = split_offset(time)?;
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = match time.bytes().filter(|byte| *byte == b':').count() {
        1 => numbers(&format!("{time}:00"), ':')?,
        _ => numbers(time.split('.').next()?, ':')?,
    };
    let good = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 61;
    if !good {
        return None;
    }
    let secs = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second.min(59);
    u64::try_from(secs - offset_secs).ok()?.checked_mul(1000).map(Timestamp)
}

/// RFC 3339 in UTC, to the second.
pub fn show_when(at: Timestamp) -> String {
    let secs = i64::try_from(at.unix_secs()).unwrap_or(i64::MAX);
    let (mut year, mut rest) = (1970 + secs / 86_400 / 366, secs / 86_400);
    while days(year + 1, 1, 1) <= rest {
        year += 1;
    }
    rest -= days(year, 1, 1);
    let mut month = 1;
    while rest >= days_in(year, month) {
        rest -= days_in(year, month);
        month += 1;
    }
    let (day, second) = (rest + 1, secs % 86_400);
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}Z", second % 60)
}

fn split_offset(time: &str) -> Option<(&str, i64)> {
    if let Some(time) = time.strip_suffix(['Z', 'z']) {
        return Some((time, 0));
    }
    let at = time.rfind(['+', '-'])?;
    let (time, offset) = time.split_at(at);
    let [hours, minutes] = numbers(&offset[1..], ':')?;
    let secs = hours * 3600 + minutes * 60;
    let known = hours < 24 && minutes < 60;
    known.then_some((time, if offset.starts_with('-') { -secs } else { secs }))
}

fn numbers<const N: usize>(text: &str, separator: char) -> Option<[i64; N]> {
    let mut found = [0; N];
    let mut parts = text.split(separator);
    for place in &mut found {
        let part = parts.next().filter(|p| !p.is_empty() && p.len() <= 4)?;
        if !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *place = part.parse().ok()?;
    }
    parts.next().is_none().then_some(found)
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let past = year - 1;
    let leaps = past / 4 - past / 100 + past / 400 - 477;
    let months: i64 = (1..month).map(|month| days_in(year, month)).sum();
    (year - 1970) * 365 + leaps + months + day - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_read_what_they_show() {
        for (text, secs) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:00:00Z", 951_825_600),
            ("2026-03-01T08:00:00Z", 1_772_352_000),
            ("2100-12-31T23:59:59Z", 4_133_980_799),
        ] {
            assert_eq!(parse_when(text), Some(Timestamp(secs * 1000)), "{text}");
            assert_eq!(show_when(Timestamp(secs * 1000)), text);
        }
        assert_eq!(parse_when("2026-03-01 09:00+01:00"), Some(Timestamp(1_772_352_000_000)));
        assert_eq!(parse_when("1772352000"), Some(Timestamp(1_772_352_000_000)));
        for wrong in ["", "soon", "2026-02-29T00:00:00Z", "2026-03-01", "2026-03-01T08:00:00"] {
            assert_eq!(parse_when(wrong), None, "{wrong}");
        }
    }
}
