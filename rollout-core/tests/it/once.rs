//! Requests that are carried out once: remembered, answered, forgotten.

use crate::desk::{Desk, fields, person};
use proptest::prelude::*;
use rollout_core::id::Digest;
use rollout_core::journal::{Entry, OnceRecord};
use rollout_core::time::Span;

const DAY: Span = Span::hours(24);

fn record(desk: &Desk, key: &str, request: &str) -> OnceRecord {
    OnceRecord {
        principal: person("ci"),
        key: key.into(),
        fingerprint: Digest::of(request.as_bytes()),
        until: desk.now.after(DAY),
    }
}

fn code(desk: &Desk, record: &OnceRecord) -> &'static str {
    desk.fleet.check_once(record, desk.now).map_or_else(|error| error.code(), |()| "new")
}

#[test]
fn a_key_stands_for_one_request_of_one_principal_for_a_day() {
    let mut desk = Desk::started(1, fields(&["100%"]));
    let one = record(&desk, "k1", "POST /v1/rollouts");
    assert_eq!(code(&desk, &one), "new");
    desk.write(Entry::Once(one.clone()));
    assert_eq!(code(&desk, &one), "ON-002");
    assert_eq!(code(&desk, &record(&desk, "k1", "DELETE /v1/tokens")), "ON-001");
    assert_eq!(code(&desk, &record(&desk, "k2", "DELETE /v1/tokens")), "new");
    assert_eq!(code(&desk, &OnceRecord { principal: person("ann"), ..one.clone() }), "new");
    for key in ["", "x".repeat(256).as_str()] {
        assert_eq!(code(&desk, &record(&desk, key, "POST /v1/rollouts")), "ON-003");
    }
    desk.now = desk.now.after(DAY);
    assert_eq!(code(&desk, &one), "new", "its time is over");
    assert_eq!(desk.fleet.once.len(), 1);
    desk.write(Entry::Clock);
    assert!(desk.fleet.once.is_empty(), "the next entry forgets it");
}

#[test]
fn the_first_answer_is_the_answer() {
    let mut desk = Desk::started(1, fields(&["100%"]));
    let one = record(&desk, "k1", "POST /v1/rollouts");
    let answered = |status| Entry::Answered {
        principal: person("ci"),
        key: "k1".into(),
        status,
        body: b"{}".to_vec(),
    };
    desk.write(answered(500));
    desk.write(Entry::Once(one));
    let at = desk.fleet.read_to;
    let answer = |desk: &Desk| {
        let known = desk.fleet.once.get(&person("ci"), "k1").expect("remembered");
        assert_eq!(known.seq, at);
        known.answer.clone()
    };
    assert_eq!(answer(&desk), None, "an answer to nothing is forgotten");
    desk.write(answered(201));
    desk.write(answered(409));
    assert_eq!(answer(&desk), Some((201, b"{}".to_vec())));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What is remembered is what was written within its time, whatever came in between.
    #[test]
    fn nothing_is_remembered_longer_than_it_should_be(
        steps in prop::collection::vec((0..5_usize, 1..40_u64, 0..20_u64), 1..60),
    ) {
        let mut desk = Desk::started(1, fields(&["100%"]));
        let mut wanted = std::collections::BTreeMap::new();
        for (key, life, pass) in steps {
            desk.now = desk.now.after(Span::secs(pass));
            let key = format!("k{key}");
            let until = desk.now.after(Span::secs(life));
            wanted.retain(|_, until| *until > desk.now);
            let one = OnceRecord { until, ..record(&desk, &key, "POST /v1/rollouts") };
            let free = desk.fleet.check_once(&one, desk.now).is_ok();
            prop_assert_eq!(free, !wanted.contains_key(&key));
            if free {
                desk.write(Entry::Once(one));
                wanted.insert(key, until);
            }
            desk.write(Entry::Clock);
            prop_assert_eq!(desk.fleet.once.len(), wanted.len());
        }
    }
}
