//! The first screen: the whole fleet, a table of it, and who asks.

use crate::world::{NOW, World};
use rollout_core::journal::Role;
use serde_json::{Value, json};

fn sum(parts: &Value) -> u64 {
    let parts = parts.as_object().expect("parts");
    parts.values().filter_map(Value::as_u64).sum()
}

#[tokio::test]
async fn every_device_is_in_one_part_and_one_cell() {
    let world = World::new();
    let tokens = world.enroll(7).await;
    for (index, token) in tokens.iter().take(4).enumerate() {
        let version = if index == 0 { "1.1.0" } else { "1.0.0" };
        assert_eq!(world.check_in(index, token, b"factory", version).await.code(), "200 -");
    }
    let seen = world.operator("GET", "/v1/overview", "").await.json();
    let fleet = &seen["fleet"];
    assert_eq!((&fleet["total"], &fleet["reachable"]), (&json!(7), &json!(4)));
    assert_eq!(sum(&fleet["parts"]), 7);
    assert_eq!((&fleet["parts"]["idle"], &fleet["parts"]["never_seen"]), (&json!(4), &json!(3)));
    assert_eq!(fleet["versions"][0], json!({ "version": "1.0.0", "devices": 3 }));
    assert_eq!((&seen["now_ms"], &seen["rollouts"]), (&json!(NOW * 1000), &json!([])));
    let census = world.operator("GET", "/v1/census", "").await.json();
    assert_eq!(census["columns"], json!(["-", "1.0.0", "1.1.0"]));
    assert_eq!((&census["cells"], &census["total"]), (&json!([[3, 3, 1]]), &json!(7)));
    let other = world.operator("GET", "/v1/census?row=standing&column=region", "").await.json();
    assert_eq!((&other["rows"], &other["cells"]), (&json!(["active"]), &json!([[3, 4]])));
}

#[tokio::test]
async fn the_fleet_is_gone_through_once_a_second_at_most() {
    let world = World::new();
    let total = || async {
        let seen = world.operator("GET", "/v1/overview", "").await.json();
        (seen["fleet"]["total"].as_u64(), seen["read_to"].as_u64())
    };
    let (before, place) = total().await;
    world.enroll(2).await;
    let (same, moved) = total().await;
    assert_eq!((before, same), (Some(0), Some(0)), "within the second");
    assert!(moved > place, "the rest is as it is");
    world.backend.pass(1000);
    assert_eq!(total().await.0, Some(2));
}

#[tokio::test]
async fn whoever_asks_is_told_what_they_may() {
    let world = World::new();
    let bob = world.token(7, "bob", &[Role::Approver, Role::Viewer], NOW + 60);
    let reply =
        crate::world::ask(&world.operators, crate::world::request("GET", "/v1/me", &bob, ""));
    insta::assert_json_snapshot!(reply.await.json(), @r#"
    {
      "expires": 1800000060,
      "may": [
        "read",
        "read events",
        "check a plan",
        "resume a rollout",
        "approve a rung",
        "halt a rollout",
        "note something about a device"
      ],
      "principal": "bob",
      "roles": [
        "viewer",
        "approver"
      ]
    }
    "#);
}
