//! Queries from bytes that somebody else makes up: nothing panics, and what is read is kept.
//!
//! Invariants looked at: a mistake has a column within the text and says what was expected; the
//! canonical text of a query is read as the same query and is its own canonical text; an
//! explanation is missing exactly if the query matches.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rollout_core::cohort::{Selector, nearest};

/// What is asked is asked of these: the text itself gives some of the values.
const DEVICE: [(&str, &str); 6] = [
    ("model", "v980"),
    ("battery", "29.50"),
    ("version", "2.10.0-rc.1"),
    ("note", ""),
    ("a", "*"),
    ("region", "eu-west"),
];

fuzz_target!(|text: &str| {
    let query = match Selector::parse(text) {
        Ok(query) => query,
        Err(error) => {
            assert!((1..=text.chars().count() + 1).contains(&error.column), "{text:?}: {error}");
            assert!(!error.expected.is_empty() && !error.found.is_empty(), "{text:?}: {error}");
            assert!(error.code().starts_with("SE-0") && !error.hint().is_empty());
            return;
        }
    };
    let canonical = query.to_string();
    // Canonical text may be longer than what was typed, and then longer than a query may be.
    if let Ok(again) = Selector::parse(&canonical) {
        assert_eq!(query, again, "{text:?} is {canonical:?}");
        assert_eq!(canonical, again.to_string());
    } else {
        assert!(canonical.len() > rollout_core::limits::QUERY_BYTES, "{text:?}: {canonical:?}");
    }
    assert_eq!(query.matches(&DEVICE), query.explain(&DEVICE).is_none());
    for name in query.attributes() {
        let _ = nearest(name, DEVICE.iter().map(|(name, _)| *name));
    }
});
