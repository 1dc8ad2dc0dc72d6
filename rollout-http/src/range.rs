//! The part of an image that a request asks for.
//!
//! One range, of bytes; several ranges are answered with the whole, which is allowed and cheap to
//! get right. Not here: reading. Invariant: a part lies within its image and is never empty.

use axum::http::{HeaderMap, header};

/// What is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Everything.
    Whole,
    /// From the first to the last byte, both included.
    Bytes {
        /// First.
        first: u64,
        /// Last.
        last: u64,
    },
    /// The image has no such bytes.
    Outside,
}

/// The part of `length` bytes that the headers ask for; `etag` is what is there.
//= RFC 9110 §14.2: a range that is not understood is ignored
pub(crate) fn asked(headers: &HeaderMap, etag: &str, length: u64) -> Part {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    //= RFC 9110 §13.1.5: a range of something else is no use
    if text(header::IF_RANGE).is_some_and(|known| known != etag) {
        return Part::Whole;
    }
    text(header::RANGE).and_then(|range| parse(range, length)).unwrap_or(Part::Whole)
}

fn parse(range: &str, length: u64) -> Option<Part> {
    let (unit, spec) = range.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") || spec.contains(',') {
        return None;
    }
    let (first, last) = spec.trim().split_once('-')?;
    if first.is_empty() {
        let suffix = number(last)?;
        let part = Part::Bytes { first: length.saturating_sub(suffix), last: length - 1 };
        return Some(if suffix == 0 { Part::Outside } else { part });
    }
    let first = number(first)?;
    let last = if last.is_empty() { u64::MAX } else { number(last)? };
    if last < first {
        return None;
    }
    if first >= length {
        return Some(Part::Outside);
    }
    Some(Part::Bytes { first, last: last.min(length - 1) })
}

fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // A number too large to hold lies beyond every image.
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_within_its_image() {
        let bytes = |first, last| Some(Part::Bytes { first, last });
        for (range, part) in [
            ("bytes=0-0", bytes(0, 0)),
            ("bytes=0-99", bytes(0, 99)),
            ("bytes=10-", bytes(10, 99)),
            ("bytes=99-200", bytes(99, 99)),
            ("bytes=-1", bytes(99, 99)),
            ("bytes=-100", bytes(0, 99)),
            ("bytes=-500", bytes(0, 99)),
            ("bytes=0-99999999999999999999999", bytes(0, 99)),
            ("bytes=100-", Some(Part::Outside)),
            ("bytes=99999999999999999999999-", Some(Part::Outside)),
            ("bytes=-0", Some(Part::Outside)),
            ("bytes=5-4", None),
            ("bytes=0-1,5-6", None),
            ("bytes=-", None),
            ("bytes=a-b", None),
            ("items=0-1", None),
        ] {
            assert_eq!(parse(range, 100), part, "{range}");
        }
    }
}
