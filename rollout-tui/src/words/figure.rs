//! Figures as people read them: counts, shares, spans and times of day, and texts cut to a width.
//!
//! Deliberately not here: colors and layout. What a clock says is an argument.
//!
//! Invariants: a share is `0 %` or `100 %` only if it is exactly that; [`fit`] never takes more
//! columns than it was given, and lets nothing through that a terminal would act on.

use super::plain;
use rollout_core::time::Timestamp;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// `1,204,331`.
pub fn exact(count: u64) -> String {
    let digits = count.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// `15.0 M`, `737 k`, `9,041`: at most seven columns below a quadrillion.
pub fn short(count: u64) -> String {
    const STEPS: [(u64, &str); 4] =
        [(1_000_000_000_000, "T"), (1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")];
    if count < 10_000 {
        return exact(count);
    }
    let step = STEPS.iter().find(|(unit, _)| count >= *unit);
    let (unit, letter) = step.copied().unwrap_or((1_000, "k"));
    // Rounded down, so that 999,999 does not become a million.
    let tenths = count / (unit / 10);
    if tenths < 1_000 {
        format!("{}.{} {letter}", tenths / 10, tenths % 10)
    } else {
        format!("{} {letter}", tenths / 10)
    }
}

/// Exact if it fits into `room` columns, short otherwise.
pub fn figure(count: u64, room: usize) -> String {
    let shown = exact(count);
    if shown.len() <= room { shown } else { short(count) }
}

/// A share of a whole, such as `61.2 %`; `–` of nothing.
pub fn share(part: u64, whole: u64) -> String {
    if whole == 0 { "–".into() } else { rate(part as f64 / whole as f64) }
}

/// A rate between 0 and 1 as `0.004 %`, with as many digits as say something.
pub fn rate(rate: f64) -> String {
    if !rate.is_finite() {
        return "–".into();
    }
    let percent = rate * 100.0;
    if percent <= 0.0 {
        return "0 %".into();
    }
    if percent < 0.001 {
        return "<0.001 %".into();
    }
    let shown = if percent < 0.0995 {
        format!("{percent:.3}")
    } else if percent < 0.995 {
        format!("{percent:.2}")
    } else if percent < 100.0 {
        format!("{:.1}", percent.min(99.9))
    } else {
        format!("{percent:.0}")
    };
    let trimmed = if shown.contains('.') {
        shown.trim_end_matches('0').trim_end_matches('.')
    } else {
        &shown
    };
    format!("{trimmed} %")
}

/// A logarithm of evidence: `−3.1`, `+11.8`.
pub fn evidence(ln: f64) -> String {
    if !ln.is_finite() {
        return if ln > 0.0 { "+∞".into() } else { "−∞".into() };
    }
    if ln < -0.05 {
        format!("−{:.1}", -ln)
    } else if ln >= 0.05 {
        format!("+{ln:.1}")
    } else {
        "0.0".into()
    }
}

/// A span in at most two units: `1 h 10 min`, `40 s`, `3 d`.
pub fn span(millis: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let secs = millis / 1_000;
    if millis > 0 && secs == 0 {
        return format!("{millis} ms");
    }
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

/// How times of day are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// In UTC.
    Utc,
    /// In the operator's own time.
    Local {
        /// Seconds east of UTC.
        offset_secs: i32,
    },
}

impl Zone {
    fn seconds(self, at_ms: u64) -> u64 {
        match self {
            Self::Utc => at_ms / 1_000,
            Self::Local { offset_secs } => {
                (at_ms / 1_000).saturating_add_signed(offset_secs.into())
            }
        }
    }

    /// `14:03:27`.
    pub fn time(self, at_ms: u64) -> String {
        let secs = self.seconds(at_ms);
        format!("{:02}:{:02}:{:02}", secs / 3_600 % 24, secs / 60 % 60, secs % 60)
    }

    /// `14:03`.
    pub fn minute(self, at_ms: u64) -> String {
        let secs = self.seconds(at_ms);
        format!("{:02}:{:02}", secs / 3_600 % 24, secs / 60 % 60)
    }

    /// `2027-01-15 14:03`.
    pub fn date(self, at_ms: u64) -> String {
        super::utc(self.seconds(at_ms)).chars().take(16).collect()
    }

    /// `14:03` of the same day, the date as well otherwise.
    pub fn near(self, at_ms: u64, now_ms: u64) -> String {
        let same = self.seconds(at_ms) / 86_400 == self.seconds(now_ms) / 86_400;
        if same { self.minute(at_ms) } else { self.date(at_ms) }
    }

    /// `UTC`, or `+02:00`.
    pub fn name(self) -> String {
        match self {
            Self::Utc => "UTC".into(),
            Self::Local { offset_secs } => {
                let sign = if offset_secs < 0 { '-' } else { '+' };
                let minutes = offset_secs.unsigned_abs() / 60;
                format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
        }
    }

    /// How far away, and when: `14:30 (in 27 min)`.
    pub fn moment(self, at_ms: u64, now_ms: u64) -> String {
        let shown = self.near(at_ms, now_ms);
        if at_ms >= now_ms {
            format!("{shown} (in {})", span((at_ms - now_ms) / 1_000 * 1_000))
        } else {
            format!("{shown} ({} ago)", span((now_ms - at_ms) / 1_000 * 1_000))
        }
    }
}

/// A sentence of the core, in which instants are in UTC and in full, with instants as this screen
/// shows them.
pub fn instants(text: &str, zone: Zone, now_ms: u64) -> String {
    let length = "2027-01-15 08:00:00 UTC".len();
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let instant = c.is_ascii_digit().then(|| rest.get(..length)).flatten();
        if let Some(at) = instant.and_then(Timestamp::parse) {
            shown.push_str(&zone.near(at.0, now_ms));
            rest = &rest[length..];
        } else {
            shown.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    shown
}

/// A text from anywhere without anything that a terminal acts on or that takes no column.
pub fn safe(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c.width() {
            Some(0) | None => shown.extend(c.escape_unicode()),
            Some(_) => shown.push(c),
        }
    }
    shown
}

/// A text made safe and cut to so many columns; what is cut ends in `…`.
pub fn fit(text: &str, width: usize) -> String {
    let shown = safe(text);
    if shown.width() <= width {
        return shown;
    }
    let mut cut = String::new();
    let mut used = 0;
    for c in shown.chars() {
        let wide = c.width().unwrap_or(0);
        if used + wide + 1 > width {
            break;
        }
        used += wide;
        cut.push(c);
    }
    if width > 0 {
        cut.push('…');
    }
    cut
}

/// The same, filled with spaces to exactly so many columns.
pub fn cell(text: &str, width: usize) -> String {
    let mut shown = fit(text, width);
    let used = shown.width();
    shown.extend(std::iter::repeat_n(' ', width.saturating_sub(used)));
    shown
}

/// The same with the text at the right.
pub fn right(text: &str, width: usize) -> String {
    let shown = fit(text, width);
    let used = shown.width();
    format!("{}{shown}", " ".repeat(width.saturating_sub(used)))
}

/// A text in lines of at most so many columns, broken at spaces where there are any.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = vec![String::new()];
    for word in safe(text).split(' ').filter(|word| !word.is_empty()) {
        let mut word = word.to_string();
        while let Some(line) = lines.last_mut() {
            let used = line.width();
            let gap = usize::from(used > 0);
            if used + gap + word.width() <= width {
                line.push_str(&" ".repeat(gap));
                line.push_str(&word);
                break;
            }
            if used > 0 {
                lines.push(String::new());
                continue;
            }
            let rest = split_off(&mut word, width);
            line.push_str(&word);
            if rest.is_empty() {
                break;
            }
            lines.push(String::new());
            word = rest;
        }
    }
    lines
}

/// Leaves as much as fits into `width`, at least one character, and returns the rest.
fn split_off(word: &mut String, width: usize) -> String {
    let mut used = 0;
    let mut at = word.len();
    for (place, c) in word.char_indices() {
        let wide = c.width().unwrap_or(0);
        if place > 0 && used + wide > width {
            at = place;
            break;
        }
        used += wide;
    }
    word.split_off(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_for_people() {
        for (count, exactly, shortly) in [
            (0, "0", "0"),
            (999, "999", "999"),
            (9_999, "9,999", "9,999"),
            (48_175, "48,175", "48.1 k"),
            (999_999, "999,999", "999 k"),
            (15_000_000, "15,000,000", "15.0 M"),
            (u64::MAX, "18,446,744,073,709,551,615", "18446744 T"),
        ] {
            assert_eq!((exact(count).as_str(), short(count).as_str()), (exactly, shortly));
        }
        assert_eq!(
            (figure(1_204_331, 9), figure(15_000_000, 9)),
            ("1,204,331".into(), "15.0 M".into())
        );
    }

    #[test]
    fn a_share_is_whole_only_if_it_is() {
        for (part, whole, shown) in [
            (0, 0, "–"),
            (0, 7, "0 %"),
            (7, 7, "100 %"),
            (14_999_999, 15_000_000, "99.9 %"),
            (1, 15_000_000, "<0.001 %"),
            (31, 737_050, "0.004 %"),
            (737_050, 1_204_331, "61.2 %"),
            (1, 100, "1 %"),
        ] {
            assert_eq!(share(part, whole), shown);
        }
        assert_eq!(
            (evidence(-3.12), evidence(11.8), evidence(0.0)),
            ("−3.1".into(), "+11.8".into(), "0.0".into())
        );
    }

    #[test]
    fn spans_have_two_units() {
        for (millis, shown) in [
            (0, "0 s"),
            (40, "40 ms"),
            (40_000, "40 s"),
            (125_000, "2 min 5 s"),
            (4_200_000, "1 h 10 min"),
            (86_400_000, "1 d"),
            (266_400_000, "3 d 2 h"),
        ] {
            assert_eq!(span(millis), shown);
        }
    }

    #[test]
    fn times_are_in_utc_unless_asked() {
        let at = 1_800_000_000_000;
        assert_eq!((Zone::Utc.time(at), Zone::Utc.name()), ("08:00:00".into(), "UTC".into()));
        let local = Zone::Local { offset_secs: -12_600 };
        assert_eq!((local.minute(at), local.name()), ("04:30".into(), "-03:30".into()));
        let said =
            instants("ana: store launch (review at 2027-01-15 09:00:00 UTC), 12 s", Zone::Utc, at);
        assert_eq!(said, "ana: store launch (review at 09:00), 12 s");
        assert_eq!(Zone::Utc.moment(at + 4_200_000, at), "09:10 (in 1 h 10 min)");
    }

    #[test]
    fn texts_fit() {
        assert_eq!(
            (fit("größer", 4), fit("größer", 6), fit("x", 0)),
            ("grö…".into(), "größer".into(), String::new())
        );
        assert_eq!((cell("漢字漢", 5), right("7", 3)), ("漢字…".into(), "  7".into()));
        assert_eq!(safe("a\u{301}\u{200b}\u{1b}[2J"), "a\\u{301}\\u{200b}\\u{1b}[2J");
        assert_eq!(wrap("no way out", 6), ["no way", "out"]);
        assert_eq!(wrap("unbreakable", 4), ["unbr", "eaka", "ble"]);
    }
}
