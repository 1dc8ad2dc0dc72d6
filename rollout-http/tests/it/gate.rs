//! What every route of operators obeys: tags, keys, rates.

use crate::world::{NOW, Reply, World, ask, image, request};
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use rollout_core::id::Digest;
use rollout_core::journal::Role;
use rollout_http::{Rate, Setup};
use serde_json::{Value, json};
use std::time::Duration;

const ID: &str = "0192f7a0-0000-7000-8000-000000000001";
const PLAN: &str = "release = \"vacuum@2.4.1\"";

/// Longer than any answer takes that waits for nobody.
const SOON: Duration = Duration::from_secs(20);

async fn send(
    world: &World,
    method: &str,
    path: &str,
    headers: &[(&'static str, &str)],
    body: impl Into<Body>,
) -> Reply {
    let mut asked = request(method, path, &world.ann, body);
    let set: &mut HeaderMap = asked.headers_mut();
    for (name, value) in headers {
        set.insert(*name, value.parse().expect("a header"));
    }
    ask(&world.operators, asked).await
}

fn tag(reply: &Reply) -> String {
    reply.headers["etag"].to_str().expect("a tag").to_owned()
}

async fn drafted() -> World {
    let world = World::new();
    world.store_root().await;
    assert!(world.publish("2.4.1", 2).await.status.is_success());
    let reply = world.operator("POST", &format!("/v1/rollouts?id={ID}"), PLAN).await;
    assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.refusal());
    world
}

#[tokio::test]
async fn whoever_has_it_is_not_sent_it_again() {
    let world = drafted().await;
    let mut paths = vec![
        format!("/v1/rollouts/{ID}"),
        "/v1/releases/vacuum@2.4.1".into(),
        "/v1/rollouts".into(),
        "/v1/overview".into(),
        "/v1/me".into(),
    ];
    world.say("PUT", "/v1/cohorts/dogfood", json!({ "query": "model==bench-1" })).await;
    world.enroll(1).await;
    paths.extend(["/v1/cohorts/dogfood".into(), "/v1/devices/dev-000".into()]);
    for path in paths {
        let first = world.operator("GET", &path, "").await;
        let tag = tag(&first);
        let again = send(&world, "GET", &path, &[("if-none-match", &tag)], "").await;
        assert_eq!((again.status, again.bytes.len()), (StatusCode::NOT_MODIFIED, 0), "{path}");
        assert_eq!(again.headers["etag"], tag.as_str());
        let other = send(&world, "GET", &path, &[("if-none-match", "\"1-0\"")], "").await;
        assert_eq!((other.status, other.bytes), (StatusCode::OK, first.bytes), "{path}");
    }
    // What devices do shows, although nobody has edited anything.
    let before = tag(&world.operator("GET", "/v1/cohorts/dogfood", "").await);
    let asked = json!({ "id": "dev-900", "model": "bench-1" });
    assert_eq!(world.say("POST", "/v1/devices", asked).await.status, StatusCode::CREATED);
    let after = tag(&world.operator("GET", "/v1/cohorts/dogfood", "").await);
    assert_ne!(before, after);
    assert_eq!(before.split('-').next(), after.split('-').next(), "the same revision");
}

#[tokio::test]
async fn a_stale_tag_is_refused_with_the_current_state() {
    let world = drafted().await;
    let path = format!("/v1/rollouts/{ID}");
    let old = tag(&world.operator("GET", &path, "").await);
    let start = format!("{path}/start");
    let good = send(&world, "POST", &start, &[("if-match", &old)], "").await;
    assert_eq!(good.status, StatusCode::OK, "{}", good.refusal());
    let pause = json!({ "reason": "a look", "review": "2h" }).to_string();
    let stale =
        send(&world, "POST", &format!("{path}/pause"), &[("if-match", &old)], pause.clone()).await;
    assert_eq!(stale.code(), "412 HT-015");
    assert_eq!(stale.json()["current"]["phase"], "deploying");
    let new = tag(&stale);
    assert_eq!(new, tag(&world.operator("GET", &path, "").await));
    let now = send(&world, "POST", &format!("{path}/pause"), &[("if-match", &new)], pause).await;
    assert_eq!(now.json()["phase"], "paused");
}

#[tokio::test]
async fn what_can_be_edited_has_a_tag_that_is_obeyed() {
    let world = drafted().await;
    world.enroll(1).await;
    let query = |text: &str| json!({ "query": text }).to_string();
    let hold = json!({ "reason": "on a bench" }).to_string();
    let channel = |plan: &str| json!({ "plan": plan }).to_string();
    let cohort = "/v1/cohorts/dogfood";
    let beta = "/v1/products/vacuum/channels/beta";
    for (method, path, about, made, edited) in [
        ("PUT", cohort, cohort, query("model==a"), query("model==b")),
        ("PUT", beta, beta, channel("soak = \"1h\""), channel("soak = \"2h\"")),
        ("POST", "/v1/devices/dev-000/hold", "/v1/devices/dev-000", hold.clone(), hold.clone()),
        (
            "POST",
            "/v1/releases/vacuum@2.4.1/withdraw",
            "/v1/releases/vacuum@2.4.1",
            hold.clone(),
            hold,
        ),
    ] {
        let none = send(&world, method, path, &[("if-match", "\"999-0\"")], made.clone()).await;
        assert_eq!(none.code(), "412 HT-015", "{path}");
        if method == "PUT" {
            let fresh = [("if-none-match", "*")];
            let made = send(&world, method, path, &fresh, made.clone()).await;
            assert_eq!(made.status, StatusCode::CREATED, "{path} {}", made.refusal());
            let twice = send(&world, method, path, &fresh, edited.clone()).await;
            assert_eq!(twice.code(), "412 HT-015", "{path} is there");
        }
        let tag = tag(&world.operator("GET", about, "").await);
        let good = send(&world, method, path, &[("if-match", &tag)], edited.clone()).await;
        assert!(good.status.is_success(), "{path} {}", good.refusal());
        let stale = send(&world, method, path, &[("if-match", &tag)], made).await;
        assert_eq!(stale.code(), "412 HT-015", "{path}");
        let now = world.operator("GET", about, "").await.json();
        assert_eq!(stale.json()["current"], now, "{path}");
    }
}

#[tokio::test]
async fn the_same_key_is_the_same_request_once() {
    let world = drafted().await;
    let key = [("idempotency-key", "a key of mine!".trim_end_matches('!'))];
    let bad = send(&world, "POST", "/v1/tokens", &key, "{}").await;
    assert_eq!(bad.code(), "400 HT-016", "spaces are not visible");
    let key = [("idempotency-key", "k1")];
    let start = format!("/v1/rollouts/{ID}/start");
    let first = send(&world, "POST", &start, &key, "").await;
    assert_eq!(first.status, StatusCode::OK);
    let end = world.backend.journal().len();
    let again = send(&world, "POST", &start, &key, "").await;
    assert_eq!((again.status, &again.bytes), (first.status, &first.bytes), "word for word");
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert_eq!(world.backend.journal().len(), end);
    let other = send(&world, "POST", &format!("/v1/rollouts/{ID}/cancel"), &key, "").await;
    assert_eq!(other.code(), "422 ON-001");
    // The same person by a token that may not is told nothing of what was answered then.
    let ann = world.token(8, "ann", &[Role::Viewer], NOW + 86_400);
    let mut asked = request("POST", &start, &ann, "");
    asked.headers_mut().insert("idempotency-key", "k1".parse().expect("a header"));
    assert_eq!(ask(&world.operators, asked).await.code(), "403 AU-004");
    assert_eq!(world.backend.journal().len(), end + 1, "her token alone is new");
    // Somebody else's key is another key, and so is this one tomorrow.
    let bob = world.token(9, "bob", &[Role::Operator], NOW + 3 * 86_400);
    let mut asked = request("POST", &start, &bob, "");
    asked.headers_mut().insert("idempotency-key", "k1".parse().expect("a header"));
    assert_eq!(ask(&world.operators, asked).await.code(), "409 RO-001");
    world.backend.pass(20 * 3_600_000);
    assert_eq!(send(&world, "POST", &start, &key, "").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_key_that_is_a_day_old_is_free_again() {
    let world = World::new();
    let admin = world.token(9, "bob", &[Role::Admin], NOW + 9 * 86_400);
    let make = |body: Value| {
        let mut asked = request("POST", "/v1/tokens", &admin, body.to_string());
        asked.headers_mut().insert("idempotency-key", "k1".parse().expect("a header"));
        asked
    };
    let one = json!({ "principal": "a", "roles": ["viewer"] });
    let two = json!({ "principal": "b", "roles": ["viewer"] });
    let first = ask(&world.operators, make(one.clone())).await;
    assert_eq!(first.status, StatusCode::CREATED);
    world.backend.pass(3_600_000);
    let again = ask(&world.operators, make(one)).await;
    assert_eq!(
        again.bytes, first.bytes,
        "the secret follows from the key, the expiry from its day"
    );
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert!(!first.headers.contains_key("idempotent-replayed"));
    assert_eq!(ask(&world.operators, make(two.clone())).await.code(), "422 ON-001");
    let token = first.json()["token"].as_str().expect("a token").to_owned();
    assert!(!format!("{:?}", world.backend.journal()).contains(&token));
    // A day later it is another request: the token of the first does not come back to life in it.
    let revoke = format!("/v1/tokens/{}", first.json()["id"].as_str().expect("an id"));
    let revoked = ask(&world.operators, request("DELETE", &revoke, &admin, "")).await;
    assert_eq!(revoked.status, StatusCode::NO_CONTENT);
    world.backend.pass(86_400_001);
    let later = ask(&world.operators, make(two)).await;
    assert_eq!(later.status, StatusCode::CREATED);
    assert_ne!(later.json()["id"], first.json()["id"]);
    let dead = ask(&world.operators, request("GET", "/v1/me", &token, "")).await;
    assert_eq!(dead.code(), "401 AU-002");
}

#[tokio::test]
async fn a_key_is_taken_for_a_day_and_free_with_the_end_of_it() {
    let world = World::new();
    let admin = world.token(9, "root", &[Role::Admin], NOW + 10 * 86_400);
    let make = |principal: &str| {
        let body = json!({ "principal": principal, "roles": ["viewer"], "days": 1 });
        let mut asked = request("POST", "/v1/tokens", &admin, body.to_string());
        asked.headers_mut().insert("idempotency-key", "k1".parse().expect("a header"));
        asked
    };
    let first = ask(&world.operators, make("a")).await;
    assert_eq!(first.status, StatusCode::CREATED);
    let expires = first.json()["expires"].as_u64().expect("a time");
    world.backend.pass(86_400_000 - 1);
    assert_eq!(ask(&world.operators, make("b")).await.code(), "422 ON-001");
    assert_eq!(ask(&world.operators, make("a")).await.bytes, first.bytes);
    world.backend.pass(1);
    let other = ask(&world.operators, make("a")).await;
    assert_eq!(other.status, StatusCode::CREATED);
    assert!(!other.headers.contains_key("idempotent-replayed"), "it is another request");
    assert_eq!(other.json()["expires"], expires + 86_400, "with a day of its own");
    assert_ne!(other.json()["id"], first.json()["id"]);
}

#[tokio::test]
async fn two_at_once_with_one_key_are_one() {
    let world = drafted().await;
    let start = format!("/v1/rollouts/{ID}/start");
    let count = 20;
    let requests = (0..count).map(|_| async {
        send(&world, "POST", &start, &[("idempotency-key", "k1")], "").await.code()
    });
    let mut codes = futures_util::future::join_all(requests).await;
    codes.sort();
    codes.dedup();
    assert!(codes.iter().all(|code| ["200 -", "409 HT-017"].contains(&code.as_str())), "{codes:?}");
    let journal = world.backend.journal();
    assert_eq!(journal.iter().filter(|stored| stored.entry.kind() == "stepped").count(), 1);
}

#[tokio::test]
async fn while_one_is_carried_out_the_other_is_told_to_come_again() {
    let world = drafted().await;
    world.backend.hold_writes();
    let start = format!("/v1/rollouts/{ID}/start");
    let key = [("idempotency-key", "k1")];
    let first = send(&world, "POST", &start, &key, "");
    let second = async {
        world.backend.held().await;
        // One that were carried out as well would be held until somebody lets it go on.
        let reply = tokio::time::timeout(SOON, send(&world, "POST", &start, &key, "")).await;
        world.backend.go_on();
        reply.expect("it is told at once")
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!((first.code().as_str(), second.code().as_str()), ("200 -", "409 HT-017"));
    assert_eq!(second.headers["retry-after"], "5");
    assert_eq!(send(&world, "POST", &start, &key, "").await.bytes, first.bytes);
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_too_often_is_told_when_to_come_again() {
    let rate = Rate { requests: 3, within: Duration::from_secs(6) };
    let world = World::with(Setup { rate, ..Setup::default() });
    let look = |token: String| {
        let asked = request("GET", "/v1/me", &token, "");
        let router = world.operators.clone();
        async move { ask(&router, asked).await }
    };
    for _ in 0..3 {
        assert_eq!(look(world.ann.clone()).await.status, StatusCode::OK);
    }
    let refused = look(world.ann.clone()).await;
    assert_eq!(refused.code(), "429 HT-018");
    assert_eq!(refused.headers["retry-after"], "3");
    assert_eq!(look(world.vic.clone()).await.status, StatusCode::OK, "others are not");
    tokio::time::advance(Duration::from_secs(3)).await;
    assert_eq!(look(world.ann.clone()).await.status, StatusCode::OK);
    let codes: Vec<_> = futures_util::future::join_all((0..61).map(|_| look("x".into()))).await;
    assert_eq!(codes.iter().filter(|reply| reply.code() == "401 AU-002").count(), 60);
    assert_eq!(codes.last().map(Reply::code), Some("429 HT-018".into()), "of one address");
    let open = ask(&world.operators, request("GET", "/healthz", "", "")).await;
    assert_eq!(open.status, StatusCode::OK);
}

#[tokio::test]
async fn an_image_is_not_held_for_its_tag() {
    let world = World::new();
    let image = image("1.0.0");
    world.upload(&image).await;
    let path = format!("/v1/images/{}", Digest::of(&image));
    let reply = world.operator("GET", &path, "").await;
    assert_eq!(tag(&reply), format!("\"{}\"", Digest::of(&image)));
}

#[tokio::test]
async fn a_method_that_is_not_answered_is_that_first_whatever_its_key_was_used_for() {
    let world = drafted().await;
    world.enroll(1).await;
    let key = [("idempotency-key", "6ba7b810-9dad-11d1-80b4-00c04fd430c8")];
    let set = json!({ "attributes": { "rack": "7" } }).to_string();
    let first = send(&world, "PATCH", "/v1/devices/dev-000", &key, set).await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.refusal());
    for (method, path) in [
        ("PATCH", "/v1/devices"),
        ("PATCH", "/v1/devices/import"),
        ("PATCH", "/v1/nowhere/at/all"),
        ("POST", "/v1/me"),
    ] {
        let other = send(&world, method, path, &key, "{}").await;
        let expected = if path.contains("nowhere") { "404" } else { "405" };
        assert!(other.code().starts_with(expected), "{method} {path}: {}", other.code());
    }
    let taken = send(&world, "PATCH", "/v1/devices/dev-000", &key, "{}").await;
    assert_eq!(taken.code(), "422 ON-001");
}
