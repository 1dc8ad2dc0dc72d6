//! Values of a query and how they compare with what a device says.
//!
//! Invariant: a comparison is exact. Numbers are compared as decimal text of any length, so
//! nothing is rounded on the way. Not here: which attribute holds versions
//! ([`super::is_version_attribute`]), and the operators ([`super::Test`]).

use super::is_version_attribute;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;

/// A value of a query: its text, and what it is compared as.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Value {
    text: String,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Text,
    Number,
    Version(semver::Version),
}

impl Value {
    /// A value as it is compared with the attribute `attribute`.
    pub(super) fn of(attribute: &str, text: String) -> Self {
        let kind = if is_version_attribute(attribute) {
            version(&text).map_or(Kind::Text, Kind::Version)
        } else if Decimal::parse(&text).is_some() {
            Kind::Number
        } else {
            Kind::Text
        };
        Self { text, kind }
    }

    /// The text, without quotes and escapes.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn is_version(&self) -> bool {
        matches!(self.kind, Kind::Version(_))
    }

    /// Whether a device's value is this one: as decimals if both are numbers, else byte for byte.
    /// Versions are equal as text: two builds of one version are two images.
    pub fn equals(&self, found: &str) -> bool {
        match self.kind {
            Kind::Text | Kind::Version(_) => found == self.text,
            Kind::Number => compare_decimals(found, &self.text) == Some(Ordering::Equal),
        }
    }

    /// How a device's value stands to this one. `None` if there is no order between them: a
    /// version attribute that holds something else.
    //= SemVer 2.0.0 §11: build metadata does not figure into precedence
    pub fn order(&self, found: &str) -> Option<Ordering> {
        match &self.kind {
            Kind::Text => Some(found.cmp(&self.text)),
            Kind::Number => {
                compare_decimals(found, &self.text).or_else(|| Some(found.cmp(&self.text)))
            }
            Kind::Version(version) => Some(self::version(found)?.cmp_precedence(version)),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_pieces(f, core::slice::from_ref(&self.text))
    }
}

/// What `==` and `!=` compare with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// One value.
    Exactly(Value),
    /// Literal texts with anything (or nothing) between them; always at least two, and only the
    /// first and the last may be empty.
    Like(Vec<String>),
}

impl Pattern {
    /// From the texts between unescaped stars.
    pub(super) fn of(attribute: &str, mut pieces: Vec<String>) -> Self {
        if pieces.len() == 1 {
            return Self::Exactly(Value::of(attribute, pieces.remove(0)));
        }
        let last = pieces.len() - 1;
        let mut place = 0;
        pieces.retain(|piece| {
            place += 1;
            !piece.is_empty() || place == 1 || place == last + 1
        });
        Self::Like(pieces)
    }

    /// Whether a device's value has this form.
    pub fn matches(&self, found: &str) -> bool {
        match self {
            Self::Exactly(value) => value.equals(found),
            Self::Like(pieces) => like(pieces, found),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(value) => value.fmt(f),
            Self::Like(pieces) => write_pieces(f, pieces),
        }
    }
}

/// Taking each middle piece at its first place is enough: what follows it can only gain room.
fn like(pieces: &[String], found: &str) -> bool {
    let Some((first, rest)) = pieces.split_first() else { return false };
    let Some((last, middle)) = rest.split_last() else { return false };
    let Some(mut left) = found.strip_prefix(first.as_str()) else { return false };
    for piece in middle {
        let Some((_, after)) = left.split_once(piece.as_str()) else { return false };
        left = after;
    }
    left.ends_with(last.as_str())
}

/// A character that needs no quotes. Controls are refused everywhere.
pub(super) fn is_bare(c: char) -> bool {
    !(c.is_whitespace() || c.is_control() || "\"'();,=!~<>\\".contains(c))
}

/// Writes pieces joined by `*`, quoted if one needs it. The quote that needs fewer escapes is
/// taken, so no spelling of a value is shorter than this one by more than its escapes.
fn write_pieces(f: &mut fmt::Formatter<'_>, pieces: &[String]) -> fmt::Result {
    let bare = |piece: &String| piece.chars().all(|c| is_bare(c) && c != '*');
    let lone_empty = matches!(pieces, [only] if only.is_empty());
    if pieces.iter().all(bare) && !lone_empty {
        for (place, piece) in pieces.iter().enumerate() {
            f.write_str(if place == 0 { "" } else { "*" })?;
            f.write_str(piece)?;
        }
        return Ok(());
    }
    let count =
        |quote| pieces.iter().flat_map(|piece| piece.chars()).filter(|c| *c == quote).count();
    let quote = if count('"') <= count('\'') { '"' } else { '\'' };
    write!(f, "{quote}")?;
    for (place, piece) in pieces.iter().enumerate() {
        f.write_str(if place == 0 { "" } else { "*" })?;
        for c in piece.chars() {
            if c == quote || c == '\\' || c == '*' {
                f.write_str("\\")?;
            }
            write!(f, "{c}")?;
        }
    }
    write!(f, "{quote}")
}

/// A semantic version; missing minor and patch numbers are zero, so `2.4` is `2.4.0`.
fn version(text: &str) -> Option<semver::Version> {
    if let Ok(version) = semver::Version::parse(text) {
        return Some(version);
    }
    let numbers = text.split('.').count();
    let short = numbers < 3 && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let rest = if numbers == 1 { ".0.0" } else { ".0" };
    let whole: String = text.chars().chain(rest.chars()).collect();
    short.then(|| semver::Version::parse(&whole).ok()).flatten()
}

/// Compares two texts as decimals; `None` unless both are.
fn compare_decimals(left: &str, right: &str) -> Option<Ordering> {
    Some(Decimal::parse(left)?.compare(&Decimal::parse(right)?))
}

/// `-?[0-9]+(\.[0-9]+)?` of any length, without the zeros that mean nothing.
struct Decimal<'t> {
    sign: Sign,
    whole: &'t str,
    fraction: &'t str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    Minus,
    Plus,
}

impl<'t> Decimal<'t> {
    fn parse(text: &'t str) -> Option<Self> {
        let (sign, digits) =
            text.strip_prefix('-').map_or((Sign::Plus, text), |digits| (Sign::Minus, digits));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let numeric = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !numeric(whole) || !numeric(fraction) {
            return None;
        }
        let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
        let sign = if whole.is_empty() && fraction.is_empty() { Sign::Plus } else { sign };
        Some(Self { sign, whole, fraction })
    }

    fn compare(&self, other: &Self) -> Ordering {
        match (self.sign, other.sign) {
            (Sign::Plus, Sign::Plus) => self.magnitude(other),
            (Sign::Minus, Sign::Minus) => other.magnitude(self),
            (Sign::Minus, Sign::Plus) => Ordering::Less,
            (Sign::Plus, Sign::Minus) => Ordering::Greater,
        }
    }

    fn magnitude(&self, other: &Self) -> Ordering {
        (self.whole.len().cmp(&other.whole.len()))
            .then_with(|| self.whole.cmp(other.whole))
            .then_with(|| self.fraction.cmp(other.fraction))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cmp::Ordering::{Equal, Greater, Less};

    #[test]
    fn numbers_compare_as_decimals_of_any_length() {
        for (left, right, order) in [
            ("1", "1.0", Some(Equal)),
            ("007", "7", Some(Equal)),
            ("-0", "0.00", Some(Equal)),
            ("9", "10", Some(Less)),
            ("0.45", "0.5", Some(Less)),
            ("0.5", "0.51", Some(Less)),
            ("-2", "-10", Some(Greater)),
            ("-1", "1", Some(Less)),
            ("1", "-1", Some(Greater)),
            ("9007199254740993", "9007199254740992.9", Some(Greater)),
            ("340282366920938463463374607431768211457", "1", Some(Greater)),
            ("1.", "1", None),
            (".5", "0.5", None),
            ("1e3", "1000", None),
            ("+1", "1", None),
            ("", "0", None),
            ("-", "0", None),
            ("1.2.3", "1", None),
            ("٣", "3", None),
        ] {
            assert_eq!(compare_decimals(left, right), order, "{left} {right}");
        }
    }

    #[test]
    fn versions_are_ordered_by_precedence_and_equal_as_text() {
        let value = |text: &str| Value::of("fw.version", text.into());
        assert_eq!(value("2.4.0").order("2.10.0"), Some(Greater));
        assert_eq!(value("2.4").order("2.4.0"), Some(Equal));
        assert_eq!(value("2").order("2.0.0-rc.1"), Some(Less));
        assert_eq!(value("2.4.0").order("2.4.0+build"), Some(Equal));
        assert!(!value("2.4.0").equals("2.4.0+build"));
        assert!(!value("2.10").equals("2.1"), "a version is no decimal");
        assert_eq!(value("2.4.0").order("factory"), None);
        assert!(!value("2.4.0.1").is_version() && !value("v2").is_version());
    }

    #[test]
    fn wildcards_match_at_either_end_and_in_between() {
        let pattern = |pieces: &[&str]| {
            Pattern::of("serial", pieces.iter().map(|piece| (*piece).into()).collect())
        };
        for (pieces, found, expected) in [
            (&["ab", ""][..], "abc", true),
            (&["ab", ""], "ab", true),
            (&["", "bc"], "abc", true),
            (&["", "b", ""], "abc", true),
            (&["a", "c"], "abc", true),
            (&["a", "a"], "a", false),
            (&["a", "", "", "a"], "aa", true),
            (&["", "ab", "ab", ""], "abab", true),
            (&["", "ab", "ab", ""], "aab", false),
            (&["", ""], "", true),
            (&["", "aab", ""], "aaab", true),
        ] {
            assert_eq!(pattern(pieces).matches(found), expected, "{pieces:?} {found}");
        }
        assert_eq!(pattern(&["a", "", "b"]), pattern(&["a", "b"]));
    }
}
