//! How answers of the server read, and what is asked of it for each command.

use crate::fake::{Asked, Fake};
use serde_json::{Value, json};
use std::fs;
use std::sync::{Arc, Mutex};

pub const ROLLOUT: &str = "0192f7a0-0000-7000-8000-000000000001";

fn line() -> Value {
    json!({
        "id": ROLLOUT, "name": "vacuum-2.4.1-eu", "target": "vacuum@2.4.1", "author": "olga",
        "phase": "deploying", "rung": 2, "rungs": 3,
        "waiting": "devices: 12 of 20 reachable permitted",
        "verdict": "hold", "is_proven": false,
        "counts": { "exposed": 17, "confirmed": 14, "failed": 0, "rolled_back": 1, "silent": 0 },
    })
}

fn rungs() -> Value {
    json!([
        { "rung": "cohort:dogfood", "reachable": 5, "label": "no proof (needs 281, has 5)",
          "approved_by": [], "approvals_needed": 0,
          "no_return": 0, "no_return_agreed": 0, "no_return_missing": 0,
          "state": "done", "permitted": 5, "confirmed": 5, "bad": 0 },
        { "rung": "20", "reachable": 25, "label": "no proof (needs 281, has 25)",
          "approved_by": [], "approvals_needed": 0,
          "no_return": 0, "no_return_agreed": 0, "no_return_missing": 0,
          "state": "open", "permitted": 12, "confirmed": 9, "bad": 1 },
        { "rung": "100%", "reachable": 4000, "label": "can prove",
          "approved_by": ["ann"], "approvals_needed": 2,
          "no_return": 1200, "no_return_agreed": 1, "no_return_missing": 1,
          "state": "to come", "permitted": 0, "confirmed": 0, "bad": 0 },
    ])
}

fn blame() -> Value {
    let of = |attribute: &str, value: &str, stands_out: bool| {
        json!({ "attribute": attribute, "value": value, "bad": 1, "exposed": 1, "others_bad": 0,
                "others": 16, "ln_e_abort": 3.2, "stands_out": stands_out })
    };
    json!([
        of("model", "m6", true),
        of("region", "eu\u{1b}[2J", true),
        of("version", "1.8.2", false)
    ])
}

pub fn rollout() -> Value {
    let mut body = line();
    let more = json!({
        "cause": null, "ladder": rungs(), "open_to": "0.50 %", "members": 4321,
        "buckets": { "confirmed": 14, "rolled_back": 1, "waiting_for_permit": 2, "silent": 0,
                     "not_admitted": 4304 },
        "gate": { "verdict": "hold", "reason": "a proof needs 281 devices past their horizon",
                  "ln_e_abort": 0.1, "abort_at": 3.0, "ln_e_pass": -0.2, "pass_at": 3.0,
                  "lower": 0.0, "upper": 0.3, "p_max": 0.01, "p_pass": 0.02, "need": 281,
                  "matured": 10, "matured_bad": 1, "exposed": 17, "failed_known": 1, "epoch": 1,
                  "blame": blame() },
        "pace": { "in_flight": 2, "cap": 20, "free": 18, "held_by": null, "offers": 4,
                  "max_in_flight": 5000, "budget": 20 },
        "way_back": null, "proof": { "needs": 281, "can_have": 4300, "is_possible": true },
        "reach": { "reachable": 20, "served": 12 },
        "proven": { "matured": 10, "at": 1_800_000_000 }, "at_end": null,
        "superseded_by": null, "generation": 9, "plan": {},
    });
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more);
    }
    body
}

fn hop(release: &str, why: &str, rollout: Option<&str>) -> Value {
    json!({ "release": release, "why": why, "image_bytes": 1 << 20, "rollout": rollout })
}

fn ways() -> Value {
    json!({
        "direct": 4100, "through": 188, "there": 10, "orphans": 12, "unheard": 11, "aside": 0,
        "further": 2,
        "classes": [
            { "devices": 188, "example": "dev-0412", "model": "v980", "home": "main",
              "version": "1.0.0", "counter": 1, "image_bytes": 3 << 20, "hops": [
                hop("vacuum@1.5.0", "stepping_stone", Some(ROLLOUT)),
                hop("vacuum@2.0.0", "bridge", None), hop("vacuum@2.4.1", "goal", None),
              ] },
            { "devices": 10, "example": "dev-0007", "model": "v980", "home": "main",
              "version": "1.1.0", "counter": 2, "image_bytes": 0, "hops": [],
              "code": "EX-032",
              "reason": "vacuum@2.4.1 cannot be had: its version is a dead end: no room" },
        ],
    })
}

fn device() -> Value {
    json!({
        "id": "dev-0001", "hardware": "v980", "home": "home", "standing": "active",
        "last_seen": 1_800_000_000, "reachable": true, "version": "2.3.0\u{1b}[2J", "image": null,
        "counter": 1, "confirmed": true, "open": null, "attributes": { "region": "eu-west" },
    })
}

fn census() -> Value {
    json!({
        "row": "model", "column": "version", "rows": ["v980", "v970"],
        "columns": ["1.0.0", "others"], "cells": [[3, 1], [2, 0]], "total": 6,
    })
}

fn channels(method: &str, path: &str) -> Value {
    let beta = json!({ "product": "vacuum", "channel": "beta", "plan": "ladder = [\"100%\"]\n",
                       "after": null, "release": "vacuum@2.4.1" });
    let stable = json!({ "product": "vacuum", "channel": "stable", "plan": "", "after": "beta",
                         "release": null });
    match (method, path) {
        ("GET", "/v1/products") => json!({ "products": ["mop", "vacuum"] }),
        ("GET", "/v1/products/vacuum") => json!({
            "product": "vacuum", "next_counter": 5, "good": null,
            "releases": ["vacuum@2.3.0", "vacuum@2.4.1"],
        }),
        ("GET", "/v1/products/vacuum/channels") => json!({ "channels": [beta, stable] }),
        ("PUT", _) => stable,
        ("POST", _) => json!({ "release": "vacuum@2.4.1", "channel": "beta", "rollout": line(),
                               "was_there": true }),
        _ => beta,
    }
}

/// Tokens and enrollments: both lists in one.
fn tokens(method: &str) -> Value {
    let expires = 1_802_592_000;
    if method == "POST" {
        return json!({ "id": "07", "token": "fota_x_07_08_09", "expires": expires });
    }
    let roles = ["publisher", "viewer"];
    json!({
        "tokens": [{ "id": "07", "principal": "ci", "roles": roles, "expires": expires }],
        "enrollments": [
            { "id": "08", "hardware": "v980", "count": 3, "used": 1, "expires": expires },
        ],
    })
}

fn members() -> Value {
    json!({
        "devices": [{
            "device": "dev-0001", "hardware": "v980", "version": "2.3.0\u{1b}[2J",
            "bucket": "rolled_back", "execution": {
                "attempt": 1, "status": "FAILED", "image": "00", "permitted_at": 1_800_000_000,
                "batch": 2, "outcome": "bad", "failure": "self_test",
            },
        }],
        "next": "dev-0001",
    })
}

/// A device of which something is known, or nothing any more.
fn registered(asked: &[u8]) -> Value {
    let mut set = device();
    let is_set = String::from_utf8_lossy(asked).contains("region");
    set["registered"] = if is_set { json!({ "rack": "7", "region": "us" }) } else { json!({}) };
    set
}

fn checked() -> Value {
    json!({
        "plan": {}, "members": 4321, "eligible": 4300, "reachable": 4000,
        "excluded": [{ "code": "EX-001", "reason": "its contract is not hosted",
                       "devices": 21, "example": "dev-0007" }],
        "rungs": rungs(), "proof_devices": 281, "warnings": ["it takes the way back away"],
        "ways": ways(), "no_return": [{
            "kind": "irreversible", "devices": 1200, "example": "dev-0001",
            "reason": "it is marked as irreversible: moves the map to another format",
        }],
    })
}

fn dead_ends(method: &str) -> Value {
    let end =
        json!({ "model": "v980", "versions": "<1.2", "reason": "no room", "by": "ann", "at": 1 });
    if method == "PUT" { json!({ "state": "new" }) } else { json!({ "dead_ends": [end] }) }
}

fn stone() -> Value {
    json!({
        "release": "vacuum@2.4.1", "counter": 41, "state": "published", "withdrawn": null,
        "from": null, "by": "ci", "at": 1_800_000_000, "artifacts": [], "way_back": null,
        "stepping_stone": ["v970", "v980"],
    })
}

fn answer(asked: &Asked) -> (u16, Value) {
    let path = asked.path();
    let (path, _) = path.split_once('?').unwrap_or((&path, ""));
    let of_rollout = format!("/v1/rollouts/{ROLLOUT}");
    let body = match (asked.method(), path) {
        ("GET", "/v1/rollouts") => json!({ "rollouts": [line()] }),
        ("POST", "/v1/rollouts") if asked.path().contains("dry_run=true") => checked(),
        (method, path) if path.ends_with("/dead-ends") => dead_ends(method),
        (_, path) if path.ends_with("/stones") => stone(),
        (_, path) if path.starts_with("/v1/products") || path.ends_with("/promote") => {
            channels(asked.method(), path)
        }
        ("GET", "/v1/census") => census(),
        ("POST", "/v1/devices/import") => json!({ "rows": 2, "added": 1, "known": 1 }),
        ("POST", "/v1/devices" | "/v1/devices/dev-0001/token" | "/v1/devices/dev-0001/replace") => {
            json!({ "device": "dev-0002", "token": "fota_dev_07" })
        }
        ("POST", "/v1/devices/dev-0001/offer") => rollout(),
        ("POST", path) if path.starts_with("/v1/devices/dev-0001/") => {
            let mut held = device();
            held["standing"] = json!("held");
            held["standing_reason"] = json!("ann: in the lab");
            held
        }
        ("PATCH", "/v1/devices/dev-0001") => registered(&asked.body),
        ("GET", "/v1/devices") => json!({ "devices": [device()], "next": "dev-0001", "total": 2 }),
        ("GET", "/v1/devices/dev-0001") => device(),
        ("GET", "/v1/cohorts") => json!({ "cohorts": [
            { "name": "beta", "query": "region==eu-west", "devices": null, "members": 7 },
            { "name": "dogfood", "query": null, "devices": null, "members": 1 },
        ] }),
        (_, "/v1/cohorts/dogfood") => {
            json!({ "name": "dogfood", "query": null, "devices": ["dev-0001"], "members": 1 })
        }
        ("GET", "/v1/events") => json!({
            "seq": 7, "at_ms": 1_800_000_000_000_u64, "kind": "published",
            "summary": "ci published vacuum@2.4.1",
        }),
        (method, "/v1/tokens" | "/v1/enrollments") => tokens(method),
        ("GET", path) if path == format!("{of_rollout}/devices") => members(),
        ("DELETE", _) => Value::Null,
        (_, path) if path.contains("/devices/dev-0001") => json!({
            "device": "dev-0001", "rollout": ROLLOUT, "bucket": "waiting_for_permit",
            "verdict": "waits for its permit: as many are in flight as the evidence allows",
            "code": null, "eligible": false, "position_bp": 7497, "open_to": "100 %",
            "execution": { "attempt": 1, "status": "IN_PROGRESS", "image": "00",
                           "permitted_at": null, "batch": null, "outcome": null, "failure": null },
            "way": ways()["classes"][0], "no_return": "no way back was signed for v980",
        }),
        ("POST", path) if path.ends_with("/rollback") => json!({
            "rollout": "0192f7a0-0000-7000-8000-000000000002", "target": "way back of vacuum@2.4.1",
            "devices": 14, "without_way_back": ["dev-0009"],
        }),
        (_, path) if path.starts_with(&of_rollout) || path == "/v1/rollouts" => rollout(),
        (_, _) => {
            let status = 404;
            return (
                status,
                json!({
                    "status": status, "code": "RE-001", "detail": "there is none", "hint": "list",
                }),
            );
        }
    };
    (200, body)
}

/// Runs commands, and shows what was asked and what was said, one after the other.
fn shown(commands: &[&str]) -> String {
    let asked = Arc::new(Mutex::new(String::new()));
    let log = Arc::clone(&asked);
    let fake = Fake::start(move |request| {
        let body = String::from_utf8_lossy(&request.body);
        let line = format!("> {} {} {body}", request.method(), request.path());
        let mut log = log.lock().expect("no panic before");
        log.push_str(line.trim_end());
        log.push('\n');
        answer(request)
    });
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("plan.toml"), "release = \"vacuum@2.4.1\"").expect("written");
    fs::write(folder.path().join("table.csv"), "id,model\nd1,v980\nd2,v980\n").expect("written");
    let mut all = String::new();
    for command in commands {
        let arguments: Vec<_> = command.split(' ').collect();
        let (code, out, err) = fake.said(folder.path(), &arguments);
        assert_eq!((code, err.as_str()), (0, ""), "{command}");
        let asked = std::mem::take(&mut *asked.lock().expect("no panic before"));
        all.push_str(&format!("$ rollout {command}\n{asked}{out}\n"));
    }
    all
}

#[test]
fn rollouts_are_shown() {
    let status = format!("status {ROLLOUT}");
    let explain = format!("explain {ROLLOUT} dev-0001");
    insta::assert_snapshot!(shown(&["list", &status, &explain, "check ./plan.toml"]));
}

#[test]
fn an_overdue_pause_is_shown_and_fails_a_status_that_asks_for_it() {
    let answer = |reminders: u32| {
        move |request: &Asked| {
            let mut body = rollout();
            body["phase"] = json!("paused");
            body["waiting"] = json!("ann: rain (review was 3 h ago)");
            body["review"] = json!({
                "owner": "ann", "reason": "rain", "at": 1_800_000_000, "then": "nag",
                "is_overdue": reminders > 0, "reminders": reminders,
            });
            match request.path().as_str() {
                "/v1/rollouts" => (200, json!({ "rollouts": [body] })),
                _ => (200, body),
            }
        }
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ask = |reminders, arguments: &[&str]| {
        Fake::start(answer(reminders)).said(folder.path(), arguments)
    };
    for arguments in
        [&["status", "--fail-on-overdue"][..], &["status", ROLLOUT, "--fail-on-overdue"]]
    {
        let (code, _, _) = ask(0, arguments);
        assert_eq!(code, 0, "its review lies ahead: {arguments:?}");
        let (code, out, err) = ask(1, arguments);
        assert_eq!((code, out.as_str()), (1, ""), "{arguments:?}");
        insta::allow_duplicates! {
            insta::assert_snapshot!(err.replace(ROLLOUT, "ID"), @r"
            RC-020
              × a pause is overdue
              ╰─▶ ID vacuum-2.4.1-eu: ann: rain, since 2027-01-15 08:00:00 UTC
              help: resume it; to go on with it, pause it again with a new review time
            ");
        }
    }
    for arguments in [&["list"][..], &["status", ROLLOUT]] {
        let (code, out, _) = ask(1, arguments);
        assert!(code == 0 && out.contains("paused, overdue"), "{out}");
        assert!(!ask(0, arguments).1.contains("overdue"), "{arguments:?}");
    }
}

#[test]
fn each_verb_asks_for_what_it_says() {
    let verbs = [
        "start ID",
        "pause ID --reason rain",
        "pause ID --reason rain --review 2h",
        "resume ID",
        "advance ID",
        "approve ID --rung 25%",
        "approve ID --rung 100%",
        "approve ID --rung 25% --no-return",
        "halt ID --reason smoke",
        "cancel ID",
        "rollback ID",
        "create ./plan.toml",
        "create ./plan.toml --id ID --start",
    ];
    let commands = verbs.map(|verb| verb.replace("ID", ROLLOUT));
    insta::assert_snapshot!(shown(&commands.each_ref().map(String::as_str)));
}

#[test]
fn everything_else_is_shown() {
    insta::assert_snapshot!(shown(&[
        "device list --limit 1",
        &format!("device list --rollout {ROLLOUT} --bucket rolled_back --limit 1"),
        "device show dev-0001",
        "device enroll-token --hardware v980 --count 3",
        "cohort set dogfood --device dev-0001",
        "cohort set dogfood --query region==eu-west",
        "cohort show",
        "cohort show dogfood",
        "token new --principal ci --role publisher,viewer",
        "token list",
        "token revoke 07",
        "events --after 6",
    ]));
}

#[test]
fn devices_live_and_releases_travel() {
    insta::assert_snapshot!(shown(&[
        "product list",
        "product show vacuum",
        "channel set vacuum stable --plan ./plan.toml --after beta",
        "channel list vacuum",
        "channel show vacuum beta",
        "channel remove vacuum beta",
        "release promote vacuum@2.4.1 --to beta",
        "release promote vacuum@2.4.1 --to beta --quiet",
        "release stone vacuum@2.4.1 --model v980,v970",
        "release dead-end vacuum --model v980 --versions <1.2 --reason no-room",
        "release dead-end vacuum --model v980 --versions <1.2 --lift",
        "release dead-ends vacuum",
        "device list --query model==v980;region==eu --sort -last_seen --after eyJ --limit 1",
        "device census --row model --column version",
        "device add dev-0002 --model v980 --home eu --attribute region=eu --attribute a=b=c",
        "device import ./table.csv --dry-run",
        "device import ./table.csv",
        "device token dev-0001",
        "device hold dev-0001 --reason smoke",
        "device release dev-0001",
        "device retire dev-0001 --reason scrapped",
        "device note dev-0001 wet",
        "device set dev-0001 region=us rack=a=b --unset floor --unset rack",
        "device set dev-0001 --unset floor",
        "device replace dev-0001 --by dev-0002 --model v970",
        &format!("device exclude {ROLLOUT} dev-0001 --reason fair"),
        &format!("device include {ROLLOUT} dev-0001"),
        "device offer dev-0001 --release vacuum@2.4.1 --again",
    ]));
}

#[test]
fn a_list_fits_the_terminal_that_shows_it_and_is_whole_elsewhere() {
    let fake = Fake::start(answer);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let list = |arguments: &[&str], columns| fake.shown(folder.path(), arguments, columns).1;
    let narrow = list(&["list"], Some(80));
    insta::assert_snapshot!(narrow, @r#"
    id                                    name             target        phase
      rung  confirmed  bad  waits for
    0192f7a0-0000-7000-8000-000000000001  vacuum-2.4.1-eu  vacuum@2.4.1  deploying
      2/3   14/17      1    devices: 12 of 20 reachable permitted
    "#);
    assert!(narrow.lines().all(|line| line.chars().count() <= 80), "{narrow}");
    assert_eq!(list(&["list"], None).lines().count(), 2, "a line for each");
    assert_eq!(list(&["list", "--json"], Some(20)), list(&["list", "--json"], None));
}

#[test]
fn json_is_what_the_server_said() {
    let fake = Fake::start(answer);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let read = |arguments: &[&str]| -> Value {
        let (code, out, _) = fake.said(folder.path(), arguments);
        assert_eq!(code, 0);
        serde_json::from_str(&out).expect("one JSON document")
    };
    assert_eq!(read(&["status", ROLLOUT, "--json"]), rollout());
    assert_eq!(read(&["--json", "list"]), json!({ "rollouts": [line()] }));
    assert_eq!(read(&["--json", "device", "show", "dev-0001"]), device());
}
