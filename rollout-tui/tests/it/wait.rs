//! Waiting for a rollout: what is reached, what never will be, and how the process ends.

use crate::fake::Fake;
use crate::shown::{ROLLOUT, rollout};
use rollout_core::id::RolloutId;
use rollout_core::time::Span;
use rollout_http::body::v1::RolloutBody;
use rollout_http::client::Error;
use rollout_tui::cli::args::{Rollout, Wait};
use rollout_tui::cli::error::Exit;
use rollout_tui::cli::progress::Progress;
use rollout_tui::cli::{Says, wait};
use rollout_tui::wait::{Goal, Standing, judge};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A rollout of 300 devices as the server says it, with some of it otherwise.
fn with(changes: Value) -> Value {
    let mut body = rollout();
    body["proven"] = Value::Null;
    if let (Value::Object(body), Value::Object(changes)) = (&mut body, changes) {
        body.extend(changes);
    }
    body
}

fn said(changes: Value, goal: &str) -> String {
    let body: RolloutBody = serde_json::from_value(with(changes)).expect("a rollout");
    let goal: Goal = goal.parse().expect("a goal");
    match judge(&body, goal) {
        Standing::Reached(said) => format!("reached: {said}"),
        Standing::Never(said) => format!("never: {said}"),
        Standing::NotYet(said) => format!("not yet: {said}"),
    }
}

#[test]
fn a_goal_is_reached_or_never_or_not_yet() {
    let proven = json!({ "proven": { "matured": 281, "at": 1_800_000_000 }, "is_proven": true });
    let completed = json!({ "phase": "completed" });
    let halted = json!({ "phase": "halted", "proven": { "matured": 281, "at": 1_800_000_000 },
        "cause": "failure rate is above its limit: evidence 6.0, 4.6 is enough" });
    let small = json!({ "proof": { "needs": 281, "can_have": 40, "is_possible": false } });
    let small_end = json!({ "phase": "completed",
        "proof": { "needs": 281, "can_have": 40, "is_possible": false } });
    let failing = json!({ "proof": { "needs": 281, "can_have": 300, "is_possible": false } });
    let failing_end = json!({ "phase": "completed",
        "proof": { "needs": 281, "can_have": 300, "is_possible": false } });
    let nobody = json!({ "nobody": "12 devices, such as dev-0001: the device runs this image \
        already (EX-005)" });
    let taken_back = json!({ "superseded_by": "0192f7a0-0000-7000-8000-000000000009" });
    let cases = [
        (json!({}), "proven"),
        (json!({}), "completed"),
        (json!({}), "batch=1"),
        (json!({}), "batch=2"),
        (json!({}), "batch=4"),
        (proven.clone(), "proven"),
        (proven, "completed"),
        (completed.clone(), "completed"),
        (halted.clone(), "proven"),
        (halted.clone(), "completed"),
        (halted, "batch=1"),
        (json!({ "phase": "canceled", "cause": "canceled by ana" }), "completed"),
        (small.clone(), "proven"),
        (small, "completed"),
        (small_end, "proven"),
        (failing, "proven"),
        (failing_end, "proven"),
        (taken_back, "completed"),
        (nobody.clone(), "completed"),
        (nobody, "batch=1"),
    ];
    let told = cases.map(|(changes, goal)| format!("{goal:<9} {}", said(changes, goal)));
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn goals_are_read_as_they_are_written() {
    for text in ["proven", "completed", "batch=3"] {
        assert_eq!(text.parse::<Goal>().expect("a goal").to_string(), text);
    }
    for text in ["", "done", "batch", "batch=0", "batch=x", "batch=-1", "proven=1"] {
        assert!(text.parse::<Goal>().is_err(), "{text}");
    }
}

#[test]
fn the_exit_code_says_how_the_waiting_ended() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    // The third answer is the one that is waited for.
    let asked = AtomicUsize::new(0);
    let fake = Fake::start(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => (200, with(json!({}))),
        1 => (503, json!({ "status": 503, "code": "SV-002", "detail": "stopping", "hint": "" })),
        _ => (200, with(json!({ "phase": "completed" }))),
    });
    let (code, out, err) = fake.said(folder.path(), &["wait", ROLLOUT]);
    assert_eq!(code, 0, "{err}");
    assert!(out.starts_with("completed, 14 of 17 devices confirmed"), "{out}");
    assert!(err.contains("rung 2 of 3") && err.contains("the server is away"), "{err}");

    let halted = json!({ "phase": "halted", "cause": "failure rate is above its limit" });
    let fake = Fake::start(move |_| (200, with(halted.clone())));
    let (code, out, err) = fake.said(folder.path(), &["wait", ROLLOUT, "--for", "proven"]);
    assert_eq!((code, out.as_str()), (1, ""));
    insta::assert_snapshot!(err);

    let fake = Fake::start(|_| (200, with(json!({}))));
    let (code, out, err) = fake.said(folder.path(), &["wait", ROLLOUT, "--timeout", "0s"]);
    assert_eq!((code, out.as_str()), (124, ""));
    assert!(err.contains("RC-011"), "{err}");

    let gone = ["--server", "http://127.0.0.1:1", "wait", ROLLOUT];
    let (code, _, _) = crate::cli::rollout(folder.path(), &gone);
    assert_eq!(code, 3);
}

/// Waits while `up` says, by the second, whether the server is there; time passes by itself.
/// How it ended, after how many milliseconds, and how often the server was asked.
async fn waited(timeout: Span, up: impl Fn(u64) -> bool) -> (Exit, u128, usize) {
    let begun = tokio::time::Instant::now();
    let rollout = Rollout { id: RolloutId::parse(ROLLOUT).expect("a UUID") };
    let wait = Wait { rollout, goal: Goal::Completed, timeout };
    let body: RolloutBody = serde_json::from_value(with(json!({}))).expect("a rollout");
    let asked = AtomicUsize::new(0);
    let ask = || {
        asked.fetch_add(1, Ordering::SeqCst);
        let answer = match up(begun.elapsed().as_secs()) {
            true => Ok(body.clone()),
            false => Err(Error::Stalled { doing: "look", secs: 1 }),
        };
        async { answer }
    };
    let mut lines = Vec::new();
    let mut says = Says { lines: &mut lines, bars: Progress::Hidden };
    let failure = wait::until(ask, &wait, &mut says).await.expect_err("it never completes");
    (failure.exit, begun.elapsed().as_millis(), asked.into_inner())
}

#[tokio::test(start_paused = true)]
async fn the_time_to_wait_is_kept_to_the_millisecond() {
    // Asked at 0, 1, … 90 s.
    assert_eq!(waited(Span(90_500), |_| true).await, (Exit::TimedOut, 90_500, 91));
    assert_eq!(waited(Span(0), |_| true).await, (Exit::TimedOut, 0, 1));
    let away = waited(Span(30_000), |second| second == 0).await;
    assert_eq!(away, (Exit::TimedOut, 30_000, 30), "a server that is away moves no deadline");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_away_is_waited_for_a_minute_from_its_last_answer() {
    let hour = Span(3_600_000);
    assert_eq!(waited(hour, |_| false).await, (Exit::Unreachable, 0, 1), "it never was there");
    assert_eq!(waited(hour, |second| second == 0).await, (Exit::Unreachable, 60_000, 61));
    let back = |second| second == 0 || second == 59;
    assert_eq!(waited(hour, back).await, (Exit::Unreachable, 119_000, 120), "another minute");
}
