//! Rows: what was written reads back, this year's and every past version's.

use crate::samples;
use rollout_core::gate::Rate;
use rollout_core::journal::{Entry, Seq};
use rollout_core::port::StoreError;
use rollout_store::row::{decode, encode};
use std::collections::BTreeSet;

/// One row of each sample, as version 1 wrote it.
const FROZEN: &str = include_str!("../frozen/v1.jsonl");

#[test]
fn every_entry_reads_back_as_it_was() {
    let entries = samples::entries();
    let kinds: BTreeSet<_> = entries.iter().map(Entry::kind).collect();
    assert_eq!(kinds.len(), samples::KINDS, "every kind has a sample");
    for entry in entries {
        let text = encode(&entry).expect("it is written");
        assert!(!text.contains('\n'), "a row is a line: {text}");
        let tag = format!("{{\"v\":1,\"kind\":\"{}\"", entry.kind());
        assert!(text.starts_with(&tag), "{text}");
        assert_eq!(decode(Seq(1), &text), Ok(entry), "{text}");
    }
}

#[test]
fn rows_of_version_1_keep_their_meaning() {
    let entries = samples::entries();
    assert_eq!(FROZEN.lines().count(), entries.len(), "one frozen row for each sample");
    for (line, entry) in FROZEN.lines().zip(entries) {
        assert_eq!(encode(&entry).as_deref(), Ok(line), "the writer has changed: a new version");
        assert_eq!(decode(Seq(1), line), Ok(entry));
    }
}

#[test]
fn rates_keep_every_bit() {
    for value in [f64::MIN_POSITIVE, 5e-324, 0.1 + 0.2, 1.0 / 3.0, 1.0 - f64::EPSILON / 2.0] {
        let text = format!("{:?}", Rate::new(value).expect("a rate").get());
        assert_eq!(text.parse().map(f64::to_bits), Ok(value.to_bits()), "{text}");
    }
}

#[test]
fn what_cannot_be_read_says_why() {
    for (text, why) in [
        ("", "EOF"),
        ("{}", "missing field `v`"),
        (r#"{"v":2,"kind":"clock"}"#, "row version 2, this program reads 1"),
        (r#"{"v":1}"#, "missing field `kind`"),
        (r#"{"v":1,"kind":"clock"} {}"#, "trailing"),
        (r#"{"v":1,"kind":"dance"}"#, "unknown variant `dance`"),
        (r#"{"v":1,"kind":"token_revoked"}"#, "missing field `id`"),
        (r#"{"v":1,"kind":"root_accepted","envelope":"?"}"#, "Invalid"),
        (r#"{"v":1,"kind":"product_added","product":"A B","by":"a"}"#, "`A B` is not a product"),
        (r#"{"v":1,"kind":"hosting_set","homes":[],"hosted":[]}"#, "there is no home"),
    ] {
        match decode(Seq(7), text) {
            Err(StoreError::Corrupt { seq: Seq(7), why: found }) => {
                assert!(found.contains(why), "{text}: {found}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}
