//! A release goes from channel to channel, as a pipeline asks for it.

use crate::world::World;
use serde_json::{Value, json};

const BETA: &str = "/v1/products/vacuum/channels/beta";
const STABLE: &str = "/v1/products/vacuum/channels/stable";
const TO_BETA: &str = "/v1/releases/vacuum@2.4.1/promote";

async fn published() -> World {
    let world = World::new();
    world.store_root().await;
    let published = world.publish("2.4.1", 2).await;
    assert_eq!(published.status.as_u16(), 201, "{}", published.code());
    for (place, token) in world.enroll(3).await.iter().enumerate() {
        world.check_in(place, token, b"factory", "0.9.0").await;
    }
    world
}

fn channel(plan: &str, after: Option<&str>) -> Value {
    json!({ "plan": plan, "after": after })
}

#[tokio::test]
async fn a_release_reaches_stable_by_way_of_beta_and_once() {
    let world = published().await;
    let beta = channel("ladder = [\"100%\"]\nsoak = \"1h\"", None);
    assert_eq!(world.say("PUT", BETA, beta.clone()).await.code(), "201 -");
    assert_eq!(world.say("PUT", BETA, beta).await.code(), "200 -", "twice is once");
    let stable = channel("{ \"ladder\": [\"1%\", \"100%\"] }", Some("beta"));
    assert_eq!(world.say("PUT", STABLE, stable).await.code(), "201 -");
    let listed = world.say("GET", "/v1/products/vacuum/channels", Value::Null).await.json();
    let names: Vec<_> = listed["channels"].as_array().expect("a list").iter().collect();
    assert_eq!(names.iter().map(|one| &one["channel"]).collect::<Vec<_>>(), ["beta", "stable"]);

    let skipped = world.say("POST", TO_BETA, json!({ "to": "stable" })).await;
    insta::assert_snapshot!(
        skipped.refusal(),
        @"409 PR-003: vacuum@2.4.1 has not passed beta: it was never promoted there"
    );
    let first = world.say("POST", TO_BETA, json!({ "to": "beta" })).await;
    assert_eq!(first.code(), "201 -");
    let first = first.json();
    assert_eq!((&first["was_there"], &first["channel"]), (&json!(false), &json!("beta")));
    assert_eq!(first["rollout"]["phase"], "deploying");
    assert_eq!(first["rollout"]["name"], "vacuum@2.4.1 to beta");
    let end = world.backend.journal().len();
    let again = world.say("POST", TO_BETA, json!({ "to": "beta" })).await;
    assert_eq!((again.code().as_str(), &again.json()["was_there"]), ("200 -", &json!(true)));
    assert_eq!(again.json()["rollout"]["id"], first["rollout"]["id"]);
    assert_eq!(world.backend.journal().len(), end);

    let early = world.say("POST", TO_BETA, json!({ "to": "stable" })).await;
    assert_eq!(early.status.as_u16(), 409);
    assert!(early.refusal().contains("deploying"), "{}", early.refusal());
    let shown = world.say("GET", "/v1/releases/vacuum@2.4.1", Value::Null).await.json();
    assert_eq!(shown["promotions"][0]["channel"], "beta");
    assert_eq!(shown["promotions"][0]["has_passed"], false);
    assert_eq!(world.say("GET", BETA, Value::Null).await.json()["release"], "vacuum@2.4.1");
}

#[tokio::test]
async fn a_rollout_for_nobody_is_not_promoted_and_a_check_says_so() {
    let world = World::new();
    world.store_root().await;
    assert_eq!(world.publish("2.4.1", 2).await.status.as_u16(), 201);
    let beta = channel("ladder = [\"100%\"]", None);
    assert_eq!(world.say("PUT", BETA, beta).await.code(), "201 -");
    for (place, token) in world.enroll(3).await.iter().enumerate() {
        world.check_in(place, token, &crate::world::image("2.4.1"), "2.4.1").await;
    }
    let end = world.backend.journal().len();
    let refused = world.say("POST", TO_BETA, json!({ "to": "beta" })).await;
    let why = "3 devices, such as dev-000: the device runs this image already (EX-005)";
    let said = format!("409 PR-008: beta has nobody who can take vacuum@2.4.1: {why}");
    assert_eq!(refused.refusal(), said);
    assert_eq!(world.backend.journal().len(), end);
    let plan = "name = \"x\"\nrelease = \"vacuum@2.4.1\"\nladder = [\"100%\"]";
    let checked = world.operator("POST", "/v1/rollouts?dry_run=true", plan).await.json();
    let warned = format!("nobody of the cohort can ever take it: {why}");
    let warnings = checked["warnings"].as_array().expect("a list");
    assert!(warnings.contains(&json!(warned)), "{warnings:?}");
    let made = world.operator("POST", "/v1/rollouts", plan).await.json();
    assert_eq!(made["nobody"], why);
    let later = json!({ "id": "dev-later", "model": crate::world::MODEL });
    assert_eq!(world.say("POST", "/v1/devices", later).await.code(), "201 -");
    let path = format!("/v1/rollouts/{}", made["id"].as_str().expect("an id"));
    assert_eq!(world.say("GET", &path, Value::Null).await.json()["nobody"], Value::Null);
    assert_eq!(world.say("POST", TO_BETA, json!({ "to": "beta" })).await.code(), "201 -");
}

#[tokio::test]
async fn what_cannot_work_is_refused_by_name_and_changes_nothing() {
    let world = published().await;
    let end = world.backend.journal().len();
    let put = |path: &'static str, plan: &'static str, after: Option<&'static str>| {
        let world = &world;
        async move { world.say("PUT", path, channel(plan, after)).await.refusal() }
    };
    let told = [
        put(BETA, "release = \"vacuum@1.0.0\"", None).await,
        put(BETA, "laddr = [\"1%\"]", None).await,
        put(BETA, "soak = \"1h\"", Some("alpha")).await,
        put(BETA, "soak = \"1h\"", Some("beta")).await,
        put("/v1/products/mop/channels/beta", "soak = \"1h\"", None).await,
        put("/v1/products/vacuum/channels/Beta!", "soak = \"1h\"", None).await,
        world.say("POST", TO_BETA, json!({ "to": "beta" })).await.refusal(),
        world.say("POST", TO_BETA, json!({ "too": "beta" })).await.refusal(),
        world.say("DELETE", BETA, Value::Null).await.refusal(),
    ];
    assert_eq!(world.backend.journal().len(), end);
    insta::assert_snapshot!(told.join("\n"));
}

#[tokio::test]
async fn a_channel_is_removed_when_nothing_comes_after_it() {
    let world = published().await;
    assert_eq!(world.say("PUT", BETA, channel("soak = \"1h\"", None)).await.code(), "201 -");
    let stable = channel("soak = \"1h\"", Some("beta"));
    assert_eq!(world.say("PUT", STABLE, stable).await.code(), "201 -");
    assert_eq!(world.say("DELETE", BETA, Value::Null).await.status.as_u16(), 409);
    assert_eq!(world.say("DELETE", STABLE, Value::Null).await.status.as_u16(), 204);
    assert_eq!(world.say("DELETE", BETA, Value::Null).await.status.as_u16(), 204);
    assert_eq!(world.say("GET", BETA, Value::Null).await.status.as_u16(), 404);
}
