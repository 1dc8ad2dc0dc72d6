//! When anything is given, as operators set it and devices see it.

use crate::journey::{ID, ready};
use crate::world::{NOW, World, ask, check_in, name, request};
use rollout_core::journal::Role;
use serde_json::{Value, json};

/// The world stands at 08:00 UTC on Friday, 2027-01-15.
const HOUR: u64 = 3_600;
const EASTER: &str = "/v1/freezes/easter";

async fn started(world: &World, plan: &str) {
    let plan = format!("release = \"vacuum@2.4.1\"\nladder = [\"100%\"]\n{plan}");
    let drafted = world.operator("POST", &format!("/v1/rollouts?id={ID}"), plan).await;
    assert_eq!(drafted.status.as_u16(), 201, "{}", drafted.refusal());
    let started = world.operator("POST", &format!("/v1/rollouts/{ID}/start"), "").await;
    assert_eq!(started.code(), "200 -");
}

async fn explained(world: &World, index: usize) -> Value {
    let path = format!("/v1/rollouts/{ID}/devices/{}", name(index));
    world.operator("GET", &path, "").await.json()
}

#[tokio::test]
async fn a_freeze_of_the_fleet_is_set_seen_and_lifted_by_another() {
    let (world, tokens) = ready().await;
    started(&world, "").await;
    let freeze = json!({ "from": NOW, "until": NOW + HOUR, "reason": "nobody is in the office" });
    assert_eq!(world.say("PUT", EASTER, freeze.clone()).await.code(), "201 -");
    assert_eq!(world.say("PUT", EASTER, freeze.clone()).await.code(), "200 -", "twice is once");
    let by_vic = request("PUT", EASTER, &world.vic, freeze.to_string());
    assert_eq!(ask(&world.operators, by_vic).await.code(), "403 AU-004");
    let all = world.operator("GET", "/v1/freezes", "").await.json();
    let one = json!({
        "name": "easter", "from": NOW, "until": NOW + HOUR, "by": "ann", "in_force": true,
        "reason": "nobody is in the office",
    });
    assert_eq!(all, json!({ "freezes": [one] }));
    let answer = world.check_in(0, &tokens[0], b"factory", "0.9.0").await.json();
    assert_eq!(answer["offer"], Value::Null);
    let said = explained(&world, 0).await;
    assert_eq!((&said["code"], &said["not_before"]), (&json!("EX-029"), &json!(NOW + HOUR)));

    let own = world.operator("DELETE", EASTER, "").await;
    assert_eq!(own.code(), "409 FZ-005");
    let bob = world.token(9, "bob", &[Role::Operator], NOW + HOUR);
    let lift = || ask(&world.operators, request("DELETE", EASTER, &bob, ""));
    assert_eq!(lift().await.status.as_u16(), 204);
    assert_eq!(lift().await.code(), "404 FZ-004");
    let answer = world.check_in(0, &tokens[0], b"factory", "0.9.0").await.json();
    assert_ne!(answer["offer"], Value::Null);
}

#[tokio::test]
async fn a_freeze_that_cannot_be_is_refused() {
    let world = World::new();
    let set = async |from: u64, until: u64, reason: &str| {
        let body = json!({ "from": from, "until": until, "reason": reason });
        world.say("PUT", EASTER, body).await.code()
    };
    assert_eq!(set(NOW, NOW, "why").await, "400 FZ-001");
    assert_eq!(set(NOW - HOUR, NOW - 1, "why").await, "400 FZ-001");
    assert_eq!(set(NOW, NOW + HOUR, "").await, "400 FZ-002");
    assert_eq!(set(NOW, NOW + HOUR, &"x".repeat(201)).await, "400 FZ-002");
}

#[tokio::test]
async fn an_image_can_be_fetched_until_after_its_window_has_opened() {
    let (world, tokens) = ready().await;
    let window = "[window]\nfrom = \"13:00\"\nto = \"14:00\"\n";
    started(&world, window).await;
    let says = async |zone: &str| {
        let mut body = check_in(&name(0), b"factory", "0.9.0");
        body["attributes"] = json!({ "zone": zone });
        world.device("/device/v1/check-in", &tokens[0], &body).await.json()
    };
    // Six hours are a lease: in Berlin it is 09:00, in Lisbon 08:00, in Chicago 02:00.
    assert_eq!(says("America/Chicago").await["offer"], Value::Null);
    let said = explained(&world, 0).await;
    assert_eq!((&said["code"], &said["eligible"]), (&json!("EX-027"), &json!(false)));
    assert_eq!(said["not_before"], json!(NOW + 11 * HOUR));
    let window = "its window mon-sun 13:00-14:00 opens Fri 13:00 America/Chicago, in 11 h";
    assert_eq!(said["verdict"], json!(format!("not offered: {window}")));

    let answer = says("Europe/Lisbon").await;
    let url = answer["offer"]["url"].as_str().expect("an offer");
    let expires = url.split("expires=").nth(1).and_then(|rest| rest.split('&').next());
    let expires: u64 = expires.and_then(|secs| secs.parse().ok()).expect("a time");
    assert_eq!(expires, NOW + 5 * HOUR + 24 * HOUR, "a day from 13:00 on");
    let said = explained(&world, 0).await;
    assert_eq!((&said["code"], &said["eligible"]), (&json!("EX-027"), &json!(true)));
}

#[tokio::test]
async fn a_check_says_when_anything_would_be_given() {
    let (world, tokens) = ready().await;
    let mut body = check_in(&name(0), b"factory", "0.9.0");
    body["attributes"] = json!({ "zone": "Europe/Berlin" });
    world.device("/device/v1/check-in", &tokens[0], &body).await;
    let freeze = json!({ "from": NOW + HOUR, "until": NOW + 2 * HOUR, "reason": "an audit" });
    assert_eq!(world.say("PUT", "/v1/freezes/audit", freeze).await.code(), "201 -");
    let plan = r#"
release = "vacuum@2.4.1"
stop_at = "2027-02-01T00:00:00Z"
[[window]]
days = "mon-fri"
from = "22:00"
to = "05:00"
[freeze]
from = "2027-01-20T00:00:00Z"
until = "2027-01-21T00:00:00Z"
reason = "inventory"
"#;
    let said = world.operator("POST", "/v1/rollouts?dry_run=true", plan).await.json();
    let wanted = json!([
        "window mon-fri 22:00-05:00 by the clock of each device",
        "nothing from 2027-01-20 00:00:00 UTC until 2027-01-21 00:00:00 UTC: inventory",
        "freeze audit of the fleet from 2027-01-15 09:00:00 UTC until 2027-01-15 10:00:00 UTC: \
         an audit",
        "nothing from 2027-02-01 00:00:00 UTC on",
    ]);
    assert_eq!(said["schedule"], wanted);
    let zoneless = "11 of the eligible devices wait: their `zone` is not known, and there is no \
                    `zone_default`";
    let warnings = said["warnings"].as_array().expect("a list");
    assert!(warnings.contains(&json!(zoneless)), "{warnings:?}");
}
