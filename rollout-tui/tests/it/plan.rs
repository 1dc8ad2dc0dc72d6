//! Plan files: where they differ from what is there, and making it so, once and twice.

use crate::fake::{Asked, Fake};
use crate::shown::{ROLLOUT, rollout};
use proptest::prelude::{Strategy, any, prop, prop_assert, prop_assert_eq, proptest};
use rollout_tui::cli::plan::changes;
use serde_json::{Value, json};
use std::fs;
use std::sync::{Arc, Mutex};

fn plan() -> Value {
    json!({
        "name": "vacuum-2.4.1-eu", "release": "vacuum@2.4.1", "ladder": ["5", "100%"],
        "gate": { "failure": { "p_max": 0.01, "p_pass": 0.02 } },
    })
}

#[test]
fn a_difference_is_named_by_its_key() {
    let mut other = plan();
    other["gate"]["failure"]["p_max"] = json!(0.05);
    other["ladder"] = json!(["100%"]);
    other["soak"] = json!("6h");
    let found = changes(&plan(), &other);
    let keys: Vec<_> = found.iter().map(|change| change.key.as_str()).collect();
    assert_eq!(keys, ["gate.failure.p_max", "ladder", "soak"]);
    assert_eq!(found[2].before, Value::Null);
}

fn plans() -> impl Strategy<Value = Value> {
    let leaf = any::<u8>().prop_map(|value| json!(value));
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop::collection::btree_map("[a-c]{1,2}", inner, 1..4).prop_map(|table| json!(table))
    })
}

proptest! {
    #[test]
    fn only_different_plans_differ(one in plans(), other in plans()) {
        prop_assert!(changes(&one, &one).is_empty());
        let there = changes(&one, &other);
        prop_assert_eq!(there.is_empty(), one == other);
        let back = changes(&other, &one).into_iter().map(|change| (change.key, change.after));
        let forth = there.into_iter().map(|change| (change.key, change.before));
        prop_assert!(forth.eq(back));
    }
}

/// What a change to a plan would do: its ladder is open, its limits are not.
fn dry_run(understood: &Value) -> (u16, Value) {
    if understood["ladder"] != plan()["ladder"] {
        let (detail, hint) = ("`ladder`: rung 1 is open", "keep the rungs that are open");
        return (409, json!({ "status": 409, "code": "RO-021", "detail": detail, "hint": hint }));
    }
    let change = json!({ "key": "gate.failure.p_max", "effect": "evidence_anew" });
    let says = "gate.failure.p_max; evidence starts anew, 2nd time, alpha now 0.25 %";
    (200, json!({ "changes": [change], "voided_approvals": 1, "alpha": 0.0025, "says": says }))
}

/// A server with at most one rollout, whose phase is `phase`, and the requests it got.
struct Server {
    fake: Fake,
    asked: Arc<Mutex<Vec<String>>>,
}

fn server(phase: Option<&'static str>, understood: Value) -> Server {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    let fake = Fake::start(move |request: &Asked| {
        let path = request.path();
        log.lock().expect("no panic before").push(format!("{} {path}", request.method()));
        if path.contains("/plan") && path.contains("dry_run=true") {
            return dry_run(&understood);
        }
        let mut body = rollout();
        body["plan"] = plan();
        body["phase"] = json!(phase.unwrap_or("draft"));
        if path.contains("dry_run=true") {
            return (
                200,
                json!({ "plan": understood, "members": 1, "eligible": 1,
                "reachable": 1, "excluded": [], "rungs": [], "proof_devices": 281,
                "warnings": [] }),
            );
        }
        if request.method() == "GET" && path == "/v1/rollouts" {
            let all: Vec<_> = phase.iter().map(|_| body.clone()).collect();
            return (200, json!({ "rollouts": all }));
        }
        (200, body)
    });
    Server { fake, asked }
}

/// Exit code, what was said, and what was changed at the server.
fn apply(phase: Option<&'static str>, understood: Value, start: &[&str]) -> String {
    let Server { fake, asked } = server(phase, understood);
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("plan.toml"), "release = \"vacuum@2.4.1\"").expect("written");
    let arguments = [&["apply", "./plan.toml"], start].concat();
    let (code, out, err) = fake.said(folder.path(), &arguments);
    let asked = asked.lock().expect("no panic before");
    let writes = asked.iter().filter(|line| !line.starts_with("GET") && !line.contains("dry_run"));
    let writes: Vec<_> = writes.map(|line| line.replace(ROLLOUT, "ID")).collect();
    format!("exit {code}, {writes:?}\n{out}{err}")
}

#[test]
fn applying_twice_is_applying_once() {
    let mut other = plan();
    other["gate"]["failure"]["p_max"] = json!(0.05);
    let mut ladder = plan();
    ladder["ladder"] = json!(["100%"]);
    let told = [
        ("no rollout", apply(None, plan(), &[])),
        ("no rollout, start", apply(None, plan(), &["--start"])),
        ("the same draft", apply(Some("draft"), plan(), &[])),
        ("the same draft, start", apply(Some("draft"), plan(), &["--start"])),
        ("the same, begun", apply(Some("deploying"), plan(), &["--start"])),
        ("another draft", apply(Some("draft"), other.clone(), &[])),
        ("another, begun", apply(Some("deploying"), other, &[])),
        ("what cannot change", apply(Some("deploying"), ladder, &[])),
        ("canceled", apply(Some("canceled"), plan(), &[])),
    ];
    let told: Vec<_> = told.iter().map(|(case, said)| format!("# {case}: {said}")).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_difference_is_shown_and_changes_nothing() {
    let mut other = plan();
    other["ladder"] = json!(["100%"]);
    let Server { fake, asked } = server(Some("deploying"), other);
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("plan.toml"), "release = \"vacuum@2.4.1\"").expect("written");
    let said = fake.said(folder.path(), &["diff", "./plan.toml", ROLLOUT]);
    assert_eq!((said.0, said.2.as_str()), (0, ""));
    insta::assert_snapshot!(said.1, @r#"
    ladder: ["5","100%"] → ["100%"]
    would be refused, RO-021: `ladder`: rung 1 is open
    "#);
    let asked = asked.lock().expect("no panic before");
    assert!(asked.iter().all(|line| line.starts_with("GET") || line.contains("dry_run=true")));
}

#[test]
fn a_difference_says_what_it_does() {
    let mut other = plan();
    other["gate"]["failure"]["p_max"] = json!(0.05);
    let Server { fake, .. } = server(Some("deploying"), other);
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("plan.toml"), "release = \"vacuum@2.4.1\"").expect("written");
    let (code, out, err) = fake.said(folder.path(), &["diff", "./plan.toml", ROLLOUT]);
    assert_eq!((code, err.as_str()), (0, ""));
    insta::assert_snapshot!(out, @r"
    gate.failure.p_max: 0.01 → 0.05 (evidence starts anew)
    evidence starts anew, at a risk of a false abort of 0.25 %
    1 approval given before it made void
    ");
}
