//! What is registered of a device is edited: as a tag allows, once for each key, by who may.

use crate::world::{MODEL, NOW, Reply, World, ask, request};
use rollout_core::journal::Role;
use serde_json::{Value, json};

const DEVICE: &str = "/v1/devices/dev-900";

async fn added() -> World {
    let world = World::new();
    let attributes = json!({ "region": "eu-west", "floor": "2" });
    let device = json!({ "id": "dev-900", "model": MODEL, "attributes": attributes });
    assert_eq!(world.say("POST", "/v1/devices", device).await.code(), "201 -");
    world
}

async fn set(world: &World, headers: &[(&'static str, &str)], attributes: Value) -> Reply {
    let body = json!({ "attributes": attributes }).to_string();
    let mut asked = request("PATCH", DEVICE, &world.ann, body);
    for (name, value) in headers {
        asked.headers_mut().insert(*name, value.parse().expect("a header"));
    }
    ask(&world.operators, asked).await
}

#[tokio::test]
async fn what_is_set_is_shown_found_and_told() {
    let world = added().await;
    let changed = set(&world, &[], json!({ "region": "us", "floor": null, "rack": "7" })).await;
    assert_eq!(changed.code(), "200 -");
    assert_eq!(changed.json()["registered"], json!({ "rack": "7", "region": "us" }));
    let found = |query: &'static str| {
        let world = &world;
        async move {
            let path = format!("/v1/devices?query={query}");
            world.operator("GET", &path, "").await.json()["total"].clone()
        }
    };
    assert_eq!(found("region==us;rack==7").await, 1);
    assert_eq!(found("region==eu-west").await, 0);
    let told = world.operator("GET", "/v1/events?kind=attributes_set", "").await;
    let told: Value = serde_json::from_slice(&told.bytes).expect("one line");
    assert_eq!(told["device"], "dev-900");
    assert_eq!(told["summary"], "ann on dev-900: rack=7, region=us, no floor");
    let entries = world.backend.journal().len();
    assert_eq!(set(&world, &[], json!({ "rack": "7", "shelf": null })).await.code(), "200 -");
    assert_eq!(world.backend.journal().len(), entries, "it is so already");
    // Many are told by a few and a number.
    let many: serde_json::Map<_, _> = (0..9).map(|n| (format!("a{n}"), json!("x"))).collect();
    assert_eq!(set(&world, &[], Value::Object(many)).await.code(), "200 -");
    let line = world.operator("GET", &format!("/v1/events?after={entries}"), "").await;
    let line: Value = serde_json::from_slice(&line.bytes).expect("one line");
    assert_eq!(line["summary"], "ann on dev-900: a0=x, a1=x, a2=x, a3=x, and 5 more");
}

#[tokio::test]
async fn a_stale_edit_is_refused_and_a_lost_reply_is_no_second_one() {
    let world = added().await;
    let tag = |reply: &Reply| reply.headers["etag"].to_str().expect("a tag").to_owned();
    let old = tag(&world.operator("GET", DEVICE, "").await);
    let good = set(&world, &[("if-match", &old)], json!({ "rack": "7" })).await;
    assert_eq!(good.code(), "200 -");
    let stale = set(&world, &[("if-match", &old)], json!({ "rack": "8" })).await;
    assert_eq!(stale.code(), "412 HT-015");
    assert_eq!(stale.json()["current"]["registered"]["rack"], "7");

    let key = [("idempotency-key", "k1")];
    let first = set(&world, &key, json!({ "rack": "9" })).await;
    assert_eq!(first.code(), "200 -");
    // Somebody else's edit in between is not undone by a request that comes again.
    assert_eq!(set(&world, &[], json!({ "rack": "10" })).await.code(), "200 -");
    let again = set(&world, &key, json!({ "rack": "9" })).await;
    assert_eq!((again.status, &again.bytes), (first.status, &first.bytes));
    assert_eq!(again.headers["idempotent-replayed"], "true");
    let shown = world.operator("GET", DEVICE, "").await.json();
    assert_eq!(shown["registered"]["rack"], "10");
    assert_eq!(set(&world, &key, json!({ "rack": "11" })).await.code(), "422 ON-001");
}

#[tokio::test]
async fn who_may_not_and_what_cannot_be_is_refused_and_changes_nothing() {
    let world = added().await;
    let before = world.backend.journal().len();
    for (body, code) in [
        (json!({ "attributes": { "battery": "80" } }), "400 DV-004"),
        (json!({ "attributes": { "model": "x" } }), "400 DV-004"),
        (json!({ "attributes": { "rack": 7 } }), "400 HT-003"),
        (json!({ "attributes": {}, "home": "eu" }), "400 HT-003"),
        (json!({}), "400 HT-003"),
    ] {
        let reply = world.say("PATCH", DEVICE, body.clone()).await;
        assert_eq!(reply.code(), code, "{body}");
    }
    let body = json!({ "attributes": { "rack": "7" } });
    let nobody = world.say("PATCH", "/v1/devices/dev-901", body.clone()).await;
    assert_eq!(nobody.code(), "404 RE-001");
    assert_eq!(world.backend.journal().len(), before);
    let roles = [Role::Operator, Role::Admin, Role::Approver, Role::Publisher, Role::Viewer];
    for (seed, role) in roles.into_iter().enumerate() {
        let token = world.token(100 + seed as u8, "somebody", &[role], NOW + 60);
        let reply = ask(&world.operators, request("PATCH", DEVICE, &token, body.to_string())).await;
        let may = matches!(role, Role::Operator | Role::Admin);
        assert_eq!(reply.code(), if may { "200 -" } else { "403 AU-004" }, "{role:?}");
    }
}
