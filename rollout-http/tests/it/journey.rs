//! From a root document to a rollback, as operators and devices ask for it.

use crate::world::{World, ask, image, manifest, name, request};
use rollout_core::id::Digest;
use serde_json::{Value, json};

pub const ID: &str = "0192f7a0-0000-7000-8000-000000000001";
const BACK: &str = "0192f7a0-0000-7000-8000-000000000002";
const DEVICES: usize = 12;

const PLAN: &str = r#"
name = "vacuum-2.4.1"
release = "vacuum@2.4.1"
ladder = ["cohort:dogfood", "5", "100%"]
soak = "1h"
[approval]
before = ["100%"]
by = 1
"#;

/// A world with a root, a release, devices that have checked in, and a cohort.
pub async fn ready() -> (World, Vec<String>) {
    let world = World::new();
    assert_eq!(world.store_root().await.code(), "201 -");
    assert_eq!(world.store_root().await.code(), "200 -", "twice is once");
    let published = world.publish("2.4.1", 2).await;
    assert_eq!(published.status.as_u16(), 201, "{}", published.code());
    let tokens = world.enroll(DEVICES).await;
    for (index, token) in tokens.iter().enumerate() {
        let reply = world.check_in(index, token, b"factory", "0.9.0").await;
        assert_eq!(reply.code(), "200 -");
        assert_eq!(reply.json()["offer"], Value::Null);
    }
    let meaning = json!({ "devices": ["dev-000", "dev-001"] });
    let reply = world.say("PUT", "/v1/cohorts/dogfood", meaning).await;
    assert_eq!((reply.code().as_str(), &reply.json()["members"]), ("201 -", &json!(2)));
    (world, tokens)
}

pub async fn draft(world: &World) {
    let reply = world.operator("POST", &format!("/v1/rollouts?id={ID}"), PLAN).await;
    assert_eq!(reply.status.as_u16(), 201, "{}", reply.code());
}

fn report(token_of: usize, sequence: u64, event: &str) -> Value {
    json!({ "v": 1, "device": name(token_of), "incarnation": 7, "reports": [{
        "sequence": sequence, "rollout": ID, "attempt": 1, "event": event,
        "reason": null, "running": null, "detail": null,
    }] })
}

#[tokio::test]
async fn a_check_says_what_would_happen_and_changes_nothing() {
    let (world, _) = ready().await;
    let before = world.backend.journal().len();
    let path = format!("/v1/rollouts?dry_run=true&id={ID}");
    let reply = world.operator("POST", &path, PLAN).await;
    let mut body = reply.json();
    body["plan"].take();
    insta::assert_json_snapshot!(body);
    assert_eq!(world.backend.journal().len(), before);
}

#[tokio::test]
async fn a_plan_is_refused_with_its_reason() {
    let (world, _) = ready().await;
    let mut refusals = String::new();
    for (query, plan) in [
        ("", "release = \"vacuum@2.4.1\"\nlader = []"),
        ("", "release = \"vacuum@2.4.1\"\ncohort = \"model==a;region=eu\""),
        ("", "release = \"vacuum@9.9.9\""),
        ("", "release = \"vacuum@2.4.1\"\nladder = [\"cohort:nobody\"]"),
        ("", "release = \"vacuum@2.4.1\"\ncohort = \"cohort:nobody\""),
        ("?id=my-rollout", "release = \"vacuum@2.4.1\""),
        ("?dryrun=true", "release = \"vacuum@2.4.1\""),
    ] {
        let reply = world.operator("POST", &format!("/v1/rollouts{query}"), plan).await;
        refusals += &format!("{}\n    {}\n", reply.refusal(), reply.json()["hint"]);
    }
    insta::assert_snapshot!(refusals);
}

#[tokio::test]
async fn a_draft_with_an_id_is_drafted_once() {
    let (world, _) = ready().await;
    draft(&world).await;
    let path = format!("/v1/rollouts?id={ID}");
    assert_eq!(world.operator("POST", &path, PLAN).await.status.as_u16(), 200);
    let other = PLAN.replace("1h", "2h");
    assert_eq!(world.operator("POST", &path, other).await.code(), "409 RE-002");
    let listed = world.operator("GET", "/v1/rollouts", "").await.json();
    assert_eq!(listed["rollouts"].as_array().map(Vec::len), Some(1));
    assert_eq!(listed["rollouts"][0]["waiting"], "to be started");
}

#[tokio::test]
async fn a_device_goes_from_offer_to_confirmed_and_is_counted_once() {
    let (world, tokens) = ready().await;
    draft(&world).await;
    let started = world.operator("POST", &format!("/v1/rollouts/{ID}/start"), "").await;
    assert_eq!(started.json()["phase"], "deploying");
    let answer = world.check_in(0, &tokens[0], b"factory", "0.9.0").await.json();
    let offer = &answer["offer"];
    assert_eq!((&offer["rollout"], &offer["attempt"]), (&json!(ID), &json!(1)));
    let url = offer["url"].as_str().expect("a path");
    let image = image("2.4.1");
    assert_eq!(ask(&world.devices, request("GET", url, "", "")).await.bytes, image);
    let not_open = world.check_in(5, &tokens[5], b"factory", "0.9.0").await.json();
    assert_eq!(not_open["offer"], Value::Null);
    for (sequence, event) in [(1, "downloading"), (2, "downloaded")] {
        let body = report(0, sequence, event);
        let reply = world.device("/device/v1/reports", &tokens[0], &body).await;
        assert_eq!(reply.json()["acknowledged"], sequence);
    }
    let begin = |digest: Digest| {
        json!({ "v": 1, "device": name(0), "rollout": ID, "attempt": 1,
            "digest": digest.to_string() })
    };
    let wrong = begin(Digest::of(b"x"));
    let reply = world.device("/device/v1/begin", &tokens[0], &wrong).await;
    assert_eq!(reply.code(), "409 DE-002");
    let begin = begin(Digest::of(&image));
    let reply = world.device("/device/v1/begin", &tokens[0], &begin).await;
    insta::assert_json_snapshot!(reply.json());
    assert_eq!(world.check_in(0, &tokens[0], &image, "2.4.1").await.code(), "200 -");
    for (sequence, event) in [(3, "booted"), (4, "confirmed"), (4, "confirmed")] {
        let body = report(0, sequence, event);
        let reply = world.device("/device/v1/reports", &tokens[0], &body).await;
        assert_eq!(reply.code(), "200 -");
    }
    let shown = world.operator("GET", &format!("/v1/rollouts/{ID}"), "").await.json();
    let buckets = shown["buckets"].as_object().expect("buckets");
    let sum: u64 = buckets.values().filter_map(Value::as_u64).sum();
    assert_eq!((sum, &shown["members"]), (DEVICES as u64, &json!(DEVICES)));
    insta::assert_json_snapshot!(shown);
}

#[tokio::test]
async fn explain_names_the_reason_and_its_code() {
    let (world, tokens) = ready().await;
    draft(&world).await;
    world.operator("POST", &format!("/v1/rollouts/{ID}/start"), "").await;
    world.check_in(0, &tokens[0], b"factory", "0.9.0").await;
    let mut told = String::new();
    for device in ["dev-000", "dev-001", "dev-005", "dev-999", "a b"] {
        let path = format!("/v1/rollouts/{ID}/devices/{}", device.replace(' ', "%20"));
        let reply = world.operator("GET", &path, "").await;
        let said = reply.json();
        let (bucket, code, why) = (&said["bucket"], &said["code"], &said["verdict"]);
        told += &format!("{device} {} {bucket} {code} {why}\n", reply.status.as_u16());
    }
    let nowhere = format!("/v1/rollouts/{BACK}/devices/dev-000");
    told += &world.operator("GET", &nowhere, "").await.refusal();
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn commands_go_to_the_core_and_its_refusals_come_back() {
    let (world, _) = ready().await;
    draft(&world).await;
    let mut told = String::new();
    for (command, body) in [
        ("advance", json!(null)),
        ("start", json!(null)),
        ("start", json!(null)),
        ("pause", json!({ "reason": "a look", "review": "soon" })),
        ("pause", json!({ "reason": "", "review": "2h" })),
        ("pause", json!({ "reason": "a look", "review": "2020-01-01T00:00:00Z" })),
        ("pause", json!({ "reason": "a look", "review": "2h" })),
        ("resume", json!(null)),
        ("approve", json!({ "rung": "50%" })),
        ("approve", json!({ "rung": "100%" })),
        ("halt", json!({ "reason": "smoke" })),
        ("resume", json!(null)),
        ("resume", json!(null)),
        ("cancel", json!(null)),
        ("dance", json!(null)),
    ] {
        let path = format!("/v1/rollouts/{ID}/{command}");
        let reply = world.say("POST", &path, body).await;
        let said = reply.json();
        let detail = if reply.status.is_success() { &said["phase"] } else { &said["detail"] };
        told += &format!("{command}: {} {detail}\n", reply.code());
    }
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn a_rollback_is_a_draft_for_those_that_still_run_it() {
    let (world, tokens) = ready().await;
    draft(&world).await;
    world.operator("POST", &format!("/v1/rollouts/{ID}/start"), "").await;
    let image = image("2.4.1");
    for (index, token) in tokens.iter().enumerate().take(2) {
        world.check_in(index, token, b"factory", "0.9.0").await;
        let begin = json!({ "v": 1, "device": name(index), "rollout": ID, "attempt": 1,
            "digest": Digest::of(&image).to_string() });
        let reply = world.device("/device/v1/begin", token, &begin).await;
        assert_eq!(reply.json()["answer"], "yes");
        world.check_in(index, token, &image, "2.4.1").await;
    }
    let path = format!("/v1/rollouts/{ID}/rollback?id={BACK}");
    let reply = world.operator("POST", &path, "").await;
    insta::assert_json_snapshot!(reply.json(), @r#"
    {
      "devices": 2,
      "rollout": "0192f7a0-0000-7000-8000-000000000002",
      "target": "way back of vacuum@2.4.1",
      "without_way_back": []
    }
    "#);
    // One that would refuse the image is named too: its counter is above that of the way back.
    let mut ahead = crate::world::check_in(&name(1), &image, "2.4.1");
    ahead["running"]["counter"] = json!(9);
    assert_eq!(world.device("/device/v1/check-in", &tokens[1], &ahead).await.code(), "200 -");
    let other = path.replace(
        "id=0192f7a0-0000-7000-8000-000000000002",
        "id=0192f7a0-0000-7000-8000-000000000009",
    );
    let named = world.operator("POST", &other, "").await.json();
    assert_eq!((&named["devices"], &named["without_way_back"]), (&json!(2), &json!(["dev-001"])));

    assert_eq!(world.operator("POST", &path, "").await.status.as_u16(), 200, "twice is once");
    let shown = world.operator("GET", &format!("/v1/rollouts/{BACK}"), "").await.json();
    assert_eq!(shown["plan"]["still_running"], ID);
}

#[tokio::test]
async fn a_publish_is_checked_against_what_is_stored() {
    let world = World::new();
    let publish = |version: &str, manifests: Vec<String>| {
        let release = format!("vacuum@{version}");
        json!({ "release": release, "counter": 2, "manifests": manifests })
    };
    let whole = image("2.4.1");
    let good = publish("2.4.1", vec![manifest(&whole, "2.4.1", 2, None)]);
    let mut told = world.say("POST", "/v1/releases", good.clone()).await.refusal() + "\n";
    world.store_root().await;
    told += &(world.say("POST", "/v1/releases", good.clone()).await.refusal() + "\n");
    world.upload(&whole).await;
    let other = image("2.4.0");
    world.upload(&other).await;
    for wrong in [
        publish("2.4.1", vec![manifest(&other, "2.4.1", 2, None)]),
        publish("2.4.1", vec![manifest(&whole, "2.4.1", 3, None)]),
        publish("2.4.1", vec!["!".into()]),
        publish("2.4.1", vec!["AAAA".into()]),
        publish("2.4.1", vec![]),
        json!({ "release": "vacuum@2.4.1", "counter": 2, "manifests": [], "names": "x" }),
        json!({ "release": "vacuum@2.4.1", "counter": 2, "manifests": [], "from": "new" }),
    ] {
        told += &(world.say("POST", "/v1/releases", wrong).await.refusal() + "\n");
    }
    insta::assert_snapshot!(told);
    assert_eq!(world.say("POST", "/v1/releases", good.clone()).await.status.as_u16(), 201);
    assert_eq!(world.say("POST", "/v1/releases", good).await.status.as_u16(), 200);
    let product = world.operator("GET", "/v1/products/vacuum", "").await.json();
    // No rollout of it has completed, and no device runs it: there is nothing to go back to yet.
    assert_eq!((&product["next_counter"], &product["good"]), (&json!(3), &json!(null)));
    let reason = json!({ "reason": "smells" });
    let gone = world.say("POST", "/v1/releases/vacuum@2.4.1/withdraw", reason).await.json();
    assert_eq!((&gone["state"], &gone["withdrawn"]), (&json!("withdrawn"), &json!("ann: smells")));
    let plan = "release = \"vacuum@2.4.1\"";
    assert_eq!(world.operator("POST", "/v1/rollouts", plan).await.code(), "409 RE-005");
}

#[tokio::test]
async fn pages_end_and_join() {
    let (world, _) = ready().await;
    let (mut path, mut seen) = ("/v1/devices?limit=5".to_owned(), Vec::new());
    loop {
        let page = world.operator("GET", &path, "").await.json();
        let devices = page["devices"].as_array().expect("devices");
        seen.extend(devices.iter().filter_map(|device| device["id"].as_str().map(String::from)));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/devices?limit=5&after={next}");
    }
    assert_eq!(seen, (0..DEVICES).map(name).collect::<Vec<_>>());
    let reply = world.operator("GET", "/v1/events?after=2&limit=6", "").await;
    insta::assert_snapshot!(String::from_utf8_lossy(&reply.bytes));
    assert_eq!(world.operator("GET", "/v1/events?from=2", "").await.code(), "400 HT-005");
}
