//! Versions and counters, as small devices can hold them.
//!
//! Three things that must not be mixed up: the version people read ([`VersionText`], never
//! compared by a device), the order of signing ([`ReleaseCounter`]) and the hardware's burnt fuse
//! ([`SecureVersion`]). Not here: version ranges; those need an allocator and the crate `semver`.

use crate::limits::VERSION_BYTES;
use core::fmt;

/// The order of signing: rises with every publish of a product, whatever its version says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReleaseCounter(pub u64);

impl ReleaseCounter {
    /// The counter after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for ReleaseCounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The hardware security counter: unary fuses, scarce, never undone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecureVersion(pub u32);

impl fmt::Display for SecureVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A semantic version as text of at most 32 bytes: shown, matched byte for byte, never ordered.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct VersionText {
    bytes: [u8; VERSION_BYTES],
    len: u8,
}

impl VersionText {
    /// Checks that `text` is a semantic version of at most 32 bytes. `None` if it is not.
    //= SemVer 2.0.0 §2, §9, §10
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > VERSION_BYTES || !is_semver(text) {
            return None;
        }
        let mut bytes = [0; VERSION_BYTES];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Some(Self { bytes, len: text.len() as u8 })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.bytes[..self.len as usize]).unwrap_or("")
    }
}

impl fmt::Display for VersionText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for VersionText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VersionText({self})")
    }
}

fn is_semver(text: &str) -> bool {
    let (text, build) = split_at_first(text, '+');
    let (core, pre) = split_at_first(text, '-');
    let mut numbers = core.split('.');
    let three = numbers.by_ref().take(3).filter(|part| is_number(part)).count() == 3;
    three
        && numbers.next().is_none()
        && pre.is_none_or(|pre| {
            pre.split('.').all(|part| is_word(part) && (is_number(part) || !is_digits(part)))
        })
        && build.is_none_or(|build| build.split('.').all(is_word))
}

fn split_at_first(text: &str, mark: char) -> (&str, Option<&str>) {
    text.split_once(mark).map_or((text, None), |(head, tail)| (head, Some(tail)))
}

fn is_digits(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit())
}

/// Digits without a leading zero that fit 64 bits.
fn is_number(part: &str) -> bool {
    is_digits(part) && (part == "0" || !part.starts_with('0')) && part.parse::<u64>().is_ok()
}

fn is_word(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_crate_semver() {
        for text in [
            "1.2.3",
            "0.0.0",
            "1.2",
            "1.2.3.4",
            "01.2.3",
            "1.2.3-rc.1",
            "1.2.3-01",
            "1.2.3-0a",
            "1.2.3+build.01",
            "1.2.3-",
            "1.2.3+",
            "",
            "a.b.c",
            "1.2.3-rc..1",
            "v1.2.3",
            "1.2.3 ",
            "18446744073709551615.0.0",
            "1.0.0-a-b+c-d",
            "1.0.0+a+b",
            "1.0.0-é",
        ] {
            #[cfg(feature = "decide")]
            assert_eq!(is_semver(text), semver::Version::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn longer_than_a_descriptor_is_no_version() {
        assert!(VersionText::parse("1.2.3-aaaaaaaaaaaaaaaaaaaaaaaaaa").is_some());
        assert!(VersionText::parse("1.2.3-aaaaaaaaaaaaaaaaaaaaaaaaaaa").is_none());
    }
}
