//! Lists by pages: everything once, nothing twice, and no secret.

use crate::journey::{ID, draft, ready};
use crate::world::{NOW, World, ask, image, name, request};
use rollout_core::journal::Role;
use serde_json::{Value, json};

/// The name of an entry, which may be nothing else.
fn named(entry: &Value, key: &str) -> String {
    entry.as_str().or(entry[key].as_str()).expect("a name").to_owned()
}

/// Every page of a list, one entry at a time, as the names of its entries.
async fn walk(world: &World, path: &str, items: &str, key: &str) -> Vec<String> {
    let joint = if path.contains('?') { '&' } else { '?' };
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let reply = world.operator("GET", &format!("{path}{joint}limit=1{after}"), "").await;
        assert_eq!(reply.code(), "200 -", "{}", reply.refusal());
        let page = reply.json();
        let entries = page[items].as_array().expect("a list");
        assert!(entries.len() <= 1, "a page holds its bound");
        seen.extend(entries.iter().map(|entry| named(entry, key)));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return seen,
        }
    }
}

#[tokio::test]
async fn every_list_is_whole_page_by_page() {
    let (world, _) = ready().await;
    draft(&world).await;
    let other = PLAN_OF_OTHER.replace("NAME", "second");
    assert_eq!(world.operator("POST", "/v1/rollouts", other).await.status.as_u16(), 201);
    assert_eq!(world.publish("2.5.0", 4).await.code(), "201 -");
    for name in ["bench", "dogfood", "office"] {
        let query = json!({ "query": "model==bench-1" });
        let path = format!("/v1/cohorts/{name}");
        assert_eq!(world.say("PUT", &path, query).await.code(), "201 -");
    }
    // The one that comes first by name comes last: it follows the other two.
    for (name, follows) in [("beta", None), ("canary", Some("beta")), ("all", Some("canary"))] {
        let channel = json!({ "plan": "soak = \"1h\"", "after": follows });
        let path = format!("/v1/products/vacuum/channels/{name}");
        assert_eq!(world.say("PUT", &path, channel).await.code(), "201 -");
    }
    world.name_product("mower");
    for (path, items, key) in [
        ("/v1/products", "products", ""),
        ("/v1/products/vacuum/channels", "channels", "channel"),
        ("/v1/cohorts", "cohorts", "name"),
        ("/v1/rollouts", "rollouts", "id"),
        ("/v1/releases", "releases", "release"),
        ("/v1/tokens", "tokens", "id"),
        ("/v1/enrollments", "enrollments", "id"),
        (&*format!("/v1/rollouts/{ID}/devices"), "devices", "device"),
        ("/v1/devices", "devices", "id"),
    ] {
        let whole = world.operator("GET", path, "").await.json();
        let whole = whole[items].as_array().expect("a list");
        let named: Vec<_> = whole.iter().map(|entry| named(entry, key)).collect();
        assert!(named.len() > 1 || path == "/v1/enrollments", "{path}");
        assert_eq!(walk(&world, path, items, key).await, named, "{path}");
        for limit in [0, 501] {
            let reply = world.operator("GET", &format!("{path}?limit={limit}"), "").await;
            assert_eq!(reply.code(), "400 HT-005", "{path} {limit}");
        }
    }
    let nowhere = format!("/v1/rollouts?after={}", ID.replace("0001", "0009"));
    let gone = "/v1/products/vacuum/channels?after=gone";
    for path in [&*nowhere, gone, "/v1/tokens?after=null", "/v1/enrollments?after=AB"] {
        assert_eq!(world.operator("GET", path, "").await.code(), "400 HT-020", "{path}");
    }
}

const PLAN_OF_OTHER: &str = r#"
name = "NAME"
release = "vacuum@2.4.1"
ladder = ["100%"]
"#;

#[tokio::test]
async fn devices_of_a_rollout_are_found_by_where_they_stand() {
    let (world, tokens) = ready().await;
    draft(&world).await;
    assert_eq!(
        world.operator("POST", &format!("/v1/rollouts/{ID}/start"), "").await.code(),
        "200 -"
    );
    let offered = world.check_in(0, &tokens[0], b"factory", "0.9.0").await.json();
    assert_ne!(offered["offer"], Value::Null);
    let members = |asked: &str| {
        let path = format!("/v1/rollouts/{ID}/devices?{asked}");
        let world = &world;
        async move {
            let page = world.operator("GET", &path, "").await.json();
            let lines = page["devices"].as_array().expect("a list").clone();
            lines.iter().map(|line| line["device"].as_str().expect("an id").to_owned()).collect()
        }
    };
    let all: Vec<String> = members("").await;
    assert_eq!(all, (0..tokens.len()).map(name).collect::<Vec<_>>());
    let one: Vec<String> = members("bucket=offered").await;
    assert_eq!(one, ["dev-000"]);
    let rest: Vec<String> = members("bucket=not_admitted&query=region==eu-west").await;
    assert_eq!(rest.len(), tokens.len() - 1);
    let none: Vec<String> = members("bucket=offered&query=region==mars").await;
    assert!(none.is_empty());
    let page = world.operator("GET", &format!("/v1/rollouts/{ID}/devices?limit=1"), "").await;
    let line = &page.json()["devices"][0];
    assert_eq!((&line["bucket"], &line["version"]), (&json!("offered"), &json!("0.9.0")));
    assert_eq!(line["execution"]["attempt"], 1);
    assert_eq!(
        line["execution"]["image"],
        rollout_core::id::Digest::of(&image("2.4.1")).to_string()
    );
    let wrong = world.operator("GET", &format!("/v1/rollouts/{ID}/devices?bucket=sunk"), "").await;
    insta::assert_snapshot!(wrong.refusal());
    let nobody = world.operator("GET", &format!("/v1/rollouts/{}/devices", OTHER), "").await;
    assert_eq!(nobody.code(), "404 RE-001");
}

const OTHER: &str = "0192f7a0-0000-7000-8000-0000000000ff";

#[tokio::test]
async fn tokens_are_listed_without_their_texts_to_those_who_may() {
    let world = World::new();
    world.enroll(2).await;
    let listed = world.operator("GET", "/v1/tokens", "").await.json();
    let vic = &listed["tokens"].as_array().expect("a list")[1];
    assert_eq!((&vic["principal"], &vic["roles"]), (&json!("vic"), &json!(["viewer"])));
    let leaves = world.operator("GET", "/v1/enrollments", "").await.json();
    let leave = &leaves["enrollments"][0];
    assert_eq!((&leave["hardware"], &leave["used"]), (&json!("bench-1"), &json!(2)));
    for (path, text) in [("/v1/tokens", &world.ann), ("/v1/enrollments", &world.ann)] {
        let secret = text.split('_').nth(3).expect("a secret");
        let shown = world.operator("GET", path, "").await.json().to_string();
        assert!(!shown.contains(secret), "{path}");
        let reply = ask(&world.operators, request("GET", path, &world.vic, "")).await;
        assert_eq!(reply.code(), "403 AU-004", "{path}");
        let bob = world.token(7, "bob", &[Role::Auditor], NOW + 60);
        let reply = ask(&world.operators, request("GET", path, &bob, "")).await;
        assert_eq!(reply.code(), "200 -", "{path}");
    }
}

#[tokio::test]
async fn a_revoked_enrollment_lets_nobody_in() {
    let world = World::new();
    let asked = json!({ "hardware": "bench-1", "count": 3 });
    let opened = world.say("POST", "/v1/enrollments", asked).await.json();
    let leave = opened["token"].as_str().expect("a token").to_owned();
    let enroll = |index: usize| {
        let body = json!({ "v": 1, "device": name(index), "hardware": "bench-1" });
        let (world, leave) = (&world, &leave);
        async move { world.device("/device/v1/enroll", leave, &body).await }
    };
    let first = enroll(0).await;
    assert_eq!(first.code(), "201 -");
    let id = opened["id"].as_str().expect("an id");
    let path = format!("/v1/tokens/{id}");
    assert_eq!(world.operator("DELETE", &path, "").await.status.as_u16(), 204);
    assert_eq!(enroll(1).await.code(), "401 AU-002");
    assert_eq!(world.operator("DELETE", &path, "").await.code(), "404 RE-001");
    let token = first.json()["token"].as_str().expect("a token").to_owned();
    let reply = world.check_in(0, &token, b"factory", "0.9.0").await;
    assert_eq!(reply.code(), "200 -", "who came in before stays");
}
