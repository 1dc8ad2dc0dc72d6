//! Who may do what.

use crate::world::{NOW, World, ask, name, request};
use axum::http::StatusCode;
use rollout_core::id::Digest;
use rollout_core::journal::Role;
use rollout_core::time::Timestamp;
use rollout_http::auth::{Operation, may, role_name};
use rollout_http::backend::Backend as _;
use rollout_http::token::{self, TokenKind};
use rollout_http::{DevicePlane, OperatorPlane, Setup, url};
use serde_json::json;

pub const ROLES: [Role; 6] =
    [Role::Viewer, Role::Operator, Role::Publisher, Role::Approver, Role::Admin, Role::Auditor];

#[test]
fn the_table_of_roles_is_what_was_agreed() {
    let mut table = String::new();
    for operation in Operation::ALL {
        let who = ROLES.iter().filter(|role| may(**role, *operation));
        let who: Vec<_> = who.map(|role| role_name(*role)).collect();
        table += &format!("{:24} {}\n", operation.name(), who.join(" "));
    }
    insta::assert_snapshot!(table);
}

#[tokio::test]
async fn bad_tokens_are_told_apart_by_nobody() {
    let world = World::new();
    let id = |text: &str| text.split('_').nth(2).unwrap_or_default().to_owned();
    let stranger = token::make(TokenKind::Operator, &[9; token::ENTROPY_BYTES]).text;
    let mut entropy = [9; token::ENTROPY_BYTES];
    entropy[..8].fill(2);
    let wrong_secret = token::make(TokenKind::Operator, &entropy).text;
    assert_eq!(id(&wrong_secret), id(&world.vic));
    let device = token::make_for_device("dev-000", &[1; 32]).text;
    let cut = world.ann[..world.ann.len() - 1].to_owned();
    let mut bodies = Vec::new();
    for token in [stranger, wrong_secret, device, cut, "x".into()] {
        let reply = ask(&world.operators, request("GET", "/v1/devices", &token, "")).await;
        assert_eq!(reply.code(), "401 AU-002");
        bodies.push(reply.bytes);
    }
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]));
    let late = world.token(3, "late", &[Role::Viewer], NOW);
    let reply = ask(&world.operators, request("GET", "/v1/devices", &late, "")).await;
    assert_eq!(reply.code(), "401 AU-003");
    let reply = ask(&world.operators, request("POST", "/v1/tokens", &world.vic, "{}")).await;
    insta::assert_snapshot!(reply.refusal(), @"403 AU-004: vic may not make a token");
}

#[tokio::test]
async fn a_revoked_token_is_worth_nothing() {
    let world = World::new();
    let asked = json!({ "principal": "bob", "roles": ["viewer"], "days": 1 });
    let made = world.say("POST", "/v1/tokens", asked).await.json();
    let (id, text) = (made["id"].as_str().expect("id"), made["token"].as_str().expect("token"));
    let look = || ask(&world.operators, request("GET", "/v1/rollouts", text, ""));
    assert_eq!(look().await.status, StatusCode::OK);
    let path = format!("/v1/tokens/{id}");
    assert_eq!(world.operator("DELETE", &path, "").await.status, StatusCode::NO_CONTENT);
    assert_eq!(look().await.code(), "401 AU-002");
    assert_eq!(world.operator("DELETE", &path, "").await.code(), "404 RE-001");
    let journal = format!("{:?}", world.backend.journal());
    assert!(!journal.contains(text), "a secret is in no journal");
}

#[tokio::test]
async fn a_device_speaks_for_itself_alone() {
    let world = World::new();
    let tokens = world.enroll(2).await;
    for (index, token, code) in
        [(0, &tokens[0], "200 -"), (1, &tokens[0], "403 AU-005"), (0, &world.ann, "401 AU-002")]
    {
        let reply = world.check_in(index, token, b"old", "1.0.0").await;
        assert_eq!(reply.code(), code, "{}", name(index));
    }
    let cloned = token::make_for_device("dev-000", &[3; 32]).text;
    assert_eq!(world.check_in(0, &cloned, b"old", "1.0.0").await.code(), "401 AU-002");
    assert_eq!(world.check_in(0, "", b"old", "1.0.0").await.code(), "401 AU-001");
}

#[tokio::test]
async fn an_enrollment_lets_in_what_it_says() {
    let world = World::new();
    let asked = json!({ "hardware": "bench-1", "count": 1 });
    let opened = world.say("POST", "/v1/enrollments", asked).await.json();
    let leave = opened["token"].as_str().expect("a token");
    let mut codes = Vec::new();
    for (device, hardware) in
        [("a", "bench-2"), ("a b", "bench-1"), ("a", "bench-1"), ("b", "bench-1")]
    {
        let body = json!({ "v": 1, "device": device, "hardware": hardware });
        let reply = world.device("/device/v1/enroll", leave, &body).await;
        codes.push(reply.code());
    }
    assert_eq!(codes, ["403 RE-003", "400 ID-001", "201 -", "403 RE-003"]);
    for wrong in
        [json!({ "hardware": "x", "count": 0 }), json!({ "hardware": "x", "count": 1, "days": 91 })]
    {
        assert_eq!(world.say("POST", "/v1/enrollments", wrong).await.status.as_u16(), 400);
    }
}

/// A connection that shows one of these does not count against its address.
#[tokio::test]
async fn a_plane_knows_whoever_shows_something_that_is_good() {
    let world = World::new();
    let operators = OperatorPlane::new(world.backend.clone(), Setup::default());
    let late = world.token(3, "late", &[Role::Viewer], NOW);
    for (token, is_known) in [(world.vic.as_str(), true), (&late, false), ("x", false), ("", false)]
    {
        // What is asked for does not matter: a stranger is answered by health, too.
        assert_eq!(operators.knows(&request("GET", "/healthz", token, "")), is_known, "{token}");
    }

    let devices = DevicePlane::new(world.backend.clone());
    let tokens = world.enroll(2).await;
    let asked = json!({ "hardware": "bench-1", "count": 1 });
    let leave = world.say("POST", "/v1/enrollments", asked).await.json();
    let leave = leave["token"].as_str().expect("a token");
    let reason = json!({ "reason": "scrapped" });
    let retired = world.say("POST", &format!("/v1/devices/{}/retire", name(1)), reason).await;
    assert_eq!(retired.code(), "200 -");
    let wrong = token::make_for_device(&name(0), &[1; 32]).text;
    for (token, is_known) in [
        (tokens[0].as_str(), true),
        (leave, true),
        (&tokens[1], false),
        (&wrong, false),
        (&world.ann, false),
        ("", false),
    ] {
        let request = request("POST", "/device/v1/check-in", token, "{}");
        assert_eq!(devices.knows(&request), is_known, "{token}");
    }
    let (image, key) = (Digest::of(b"image"), world.backend.url_key());
    let signed = |until: u64| url::sign(key, image, &name(0), Timestamp(until * 1000));
    let other = signed(NOW + 60).replace(&name(0), &name(1));
    for (path, is_known) in [(signed(NOW + 60), true), (signed(NOW), false), (other, false)] {
        assert_eq!(devices.knows(&request("GET", &path, "", "")), is_known, "{path}");
    }
}
