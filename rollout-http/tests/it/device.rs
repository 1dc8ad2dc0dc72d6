//! What devices say, and how much of it is taken.

use crate::world::{World, ask, check_in, name, request};
use axum::response::IntoResponse as _;
use http_body_util::BodyExt as _;
use rollout_core::journal::Entry;
use rollout_http::DevicePlane;
use rollout_http::backend::{Kind, Problem};
use serde_json::{Value, json};

async fn codes(world: &World, token: &str, bodies: Vec<Value>) -> String {
    let mut codes = String::new();
    for body in bodies {
        let reply = world.device("/device/v1/check-in", token, &body).await;
        codes += &format!("{}\n", reply.refusal());
    }
    codes
}

#[tokio::test]
async fn what_a_device_says_of_itself_is_bounded() {
    let world = World::new();
    let token = &world.enroll(1).await[0];
    let with = |attributes: Value| {
        let mut body = check_in(&name(0), b"old", "1.0.0");
        body["attributes"] = attributes;
        body
    };
    let many = |count: usize| (0..count).map(|at| (format!("a{at}"), json!("x"))).collect();
    let mut old = check_in(&name(0), b"old", "1.0.0");
    old["v"] = json!(2);
    let mut nameless = check_in(&name(0), b"old", "1.0.0");
    nameless["device"] = json!("a b");
    let mut cut = check_in(&name(0), b"old", "1.0.0");
    cut["nonce"] = json!("00");
    let bodies = vec![
        with(Value::Object(many(65))),
        with(json!({ "": "x" })),
        with(json!({ "n".repeat(65): "x" })),
        with(json!({ "long": "v".repeat(257) })),
        with(json!({ "number": 1 })),
        old,
        nameless,
        cut,
        json!([]),
    ];
    insta::assert_snapshot!(codes(&world, token, bodies).await);
    let full = with(Value::Object(many(64)));
    assert_eq!(world.device("/device/v1/check-in", token, &full).await.code(), "200 -");
}

#[tokio::test]
async fn an_escaped_attribute_arrives_as_it_was_meant() {
    let world = World::new();
    let token = &world.enroll(1).await[0];
    assert_eq!(world.check_in(0, token, b"old", "1.0.0").await.code(), "200 -");
    let shown = world.operator("GET", "/v1/devices/dev-000", "").await.json();
    assert_eq!(shown["attributes"]["motto"], "say \"hi\"");
    assert_eq!(shown["version"], "1.0.0");
}

#[tokio::test]
async fn a_device_of_another_model_than_registered_is_told_so() {
    let world = World::new();
    let token = &world.enroll(1).await[0];
    let before = world.backend.journal().len();
    let mut other = check_in(&name(0), b"old", "1.0.0");
    other["hardware"] = json!("v970");
    let reply = world.device("/device/v1/check-in", token, &other).await;
    insta::assert_snapshot!(reply.refusal());
    assert_eq!(world.backend.journal().len(), before, "nothing of it is kept");
    assert_eq!(world.check_in(0, token, b"old", "1.0.0").await.code(), "200 -");
    assert_eq!(world.device("/device/v1/check-in", token, &other).await.code(), "409 DV-007");
}

#[tokio::test]
async fn a_body_has_a_bound() {
    let world = World::new();
    let token = &world.enroll(1).await[0];
    let mut body = check_in(&name(0), b"old", "1.0.0").to_string();
    let fill = |body: &mut String, length: usize| *body += &" ".repeat(length - body.len());
    fill(&mut body, 64 * 1024);
    let send = |body: String| request("POST", "/device/v1/check-in", token, body);
    assert_eq!(ask(&world.devices, send(body.clone())).await.code(), "200 -");
    fill(&mut body, 64 * 1024 + 1);
    assert_eq!(ask(&world.devices, send(body)).await.code(), "413 HT-001");
    for (method, path, limit) in [
        ("POST", "/v1/rollouts", 256 * 1024),
        ("POST", "/v1/releases", (256 + 2 * (64 + 256)) * 1024),
        ("PUT", "/v1/cohorts/dogfood", 256 * 1024),
    ] {
        let reply = world.operator(method, path, " ".repeat(limit + 1)).await;
        assert_eq!(reply.code(), "413 HT-001", "{path}");
    }
    assert_eq!(ask(&world.devices, send(String::new())).await.code(), "400 HT-003");
}

#[tokio::test]
async fn a_batch_is_taken_whole_or_not_at_all() {
    let world = World::new();
    let token = &world.enroll(1).await[0];
    let rollout = "0192f7a0-0000-7000-8000-000000000001";
    let report = |sequence: u64, rollout: &str| {
        json!({ "sequence": sequence, "rollout": rollout, "attempt": 1, "event": "downloading",
            "reason": null, "running": null, "detail": null })
    };
    let batch = |v: u8, reports: Vec<Value>| {
        let mut batch = json!({ "v": v, "device": "dev-000", "incarnation": 7 });
        batch["reports"] = reports.into();
        batch
    };
    let good = report(1, rollout);
    let mut no_event = report(2, rollout);
    no_event["event"] = json!(3);
    let mut zeroth = report(2, rollout);
    zeroth["attempt"] = json!(0);
    let mut wordy = report(2, rollout);
    wordy["detail"] = json!("d".repeat(129));
    let mut refusals = String::new();
    for body in [
        batch(1, vec![good.clone(), no_event]),
        batch(1, vec![good.clone(), good.clone(), report(3, "my-rollout")]),
        batch(1, vec![good.clone(), zeroth]),
        batch(1, vec![good.clone(), wordy]),
        batch(1, vec![good.clone(); 65]),
        batch(1, vec![]),
        batch(2, vec![good.clone()]),
        batch(1, vec![good.clone()]),
    ] {
        let reply = world.device("/device/v1/reports", token, &body).await;
        refusals += &format!("{}\n", reply.refusal());
    }
    insta::assert_snapshot!(refusals);
    let journal = world.backend.journal();
    let taken = journal.iter().filter(|stored| matches!(stored.entry, Entry::Reported(_)));
    assert_eq!(taken.count(), 0);
}

#[tokio::test]
async fn a_check_in_is_answered_the_same_before_the_router() {
    let world = World::new();
    let token = &world.enroll(1).await[0];
    let plane = DevicePlane::new(world.backend.clone());
    let good = check_in(&name(0), b"old", "1.0.0").to_string();
    let other = check_in(&name(1), b"old", "1.0.0").to_string();
    for (body, code) in [
        (good.clone(), "200 -"),
        (good.clone(), "200 -"),
        (good[..good.len() - 1].to_owned(), "400 HT-003"),
        (other, "403 AU-005"),
    ] {
        let send = || request("POST", "/device/v1/check-in", token, body.clone());
        let routed = ask(&world.devices, send()).await;
        let (head, body) = plane.answer(send()).await.into_parts();
        let bytes = body.collect().await.expect("a whole body").to_bytes();
        assert_eq!(routed.code(), code);
        assert_eq!((routed.status, routed.bytes), (head.status, bytes.to_vec()));
        assert_eq!(routed.headers["content-type"], head.headers["content-type"]);
    }
    let nowhere = plane.answer(request("GET", "/device/v1/check-in", token, "")).await;
    assert_eq!(nowhere.status().as_u16(), 405, "another method is the router's");
}

#[tokio::test]
async fn a_method_that_a_route_does_not_have_is_refused_with_those_it_has() {
    let world = World::new();
    for (plane, method, path, allow) in [
        (&world.devices, "GET", "/device/v1/check-in", "POST"),
        (&world.devices, "POST", "/device/v1/images/00", "GET,HEAD"),
        (&world.devices, "DELETE", "/healthz", "GET,HEAD"),
        (&world.operators, "PATCH", "/v1/releases", "GET,HEAD,POST"),
        (&world.operators, "HEAD", "/v1/devices/import", "POST"),
    ] {
        let reply = ask(plane, request(method, path, "", "")).await;
        let code = if method == "HEAD" { "405 -" } else { "405 HT-014" };
        assert_eq!(reply.code(), code, "{method} {path}");
        assert_eq!(reply.headers["allow"], allow, "{method} {path}");
        assert_eq!(reply.headers["content-type"], "application/problem+json");
    }
    let head = ask(&world.devices, request("HEAD", "/healthz", "", "")).await;
    let get = ask(&world.devices, request("GET", "/healthz", "", "")).await;
    assert_eq!((head.status, head.bytes.len()), (get.status, 0));
    assert_eq!(head.headers["content-length"], get.headers["content-length"]);
}

#[tokio::test]
async fn a_path_that_is_no_text_is_refused_as_everything_is() {
    let world = World::new();
    for (plane, path, code) in [
        (&world.operators, "/v1/devices/%ff%fe", "400 HT-019"),
        (&world.operators, "/v1/cohorts/a%C3", "400 HT-019"),
        (&world.devices, "/device/v1/images/%ff", "400 HT-019"),
        (&world.operators, "/v1/devices/%C3%A4", "404 RE-001"),
        (&world.operators, "/v1/devices/%2", "404 RE-001"),
        (&world.operators, "/v1/devices/%zz", "404 RE-001"),
        (&world.operators, "/v1/devices/%+f", "404 RE-001"),
    ] {
        let reply = ask(plane, request("GET", path, &world.ann, "")).await;
        assert_eq!(reply.code(), code, "{path}");
        assert_eq!(reply.headers["content-type"], "application/problem+json");
    }
}

#[test]
fn not_now_says_when() {
    let response = Problem::new(Kind::Unavailable, "ST-001", "busy", "wait").into_response();
    assert_eq!(response.status().as_u16(), 503);
    assert_eq!(response.headers()["retry-after"], "5");
    assert_eq!(response.headers()["content-type"], "application/problem+json");
}
