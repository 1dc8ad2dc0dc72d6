//! Where bad outcomes come from, and how the evidence went.

use crate::journey::{ID, ready};
use crate::world::{NOW, World, ask, check_in, image, name, request};
use rollout_core::id::Digest;
use rollout_core::journal::Role;
use serde_json::{Value, json};

const DEVICES: usize = 12;

const PLAN: &str = r#"
name = "vacuum-2.4.1"
release = "vacuum@2.4.1"
ladder = ["100%"]
soak = "1h"
"#;

fn report(of: usize, sequence: u64, event: &str, reason: Option<&str>) -> Value {
    json!({ "v": 1, "device": name(of), "incarnation": 7, "reports": [{
        "sequence": sequence, "rollout": ID, "attempt": 1, "event": event,
        "reason": reason, "running": null, "detail": null,
    }] })
}

/// Twelve devices of which every second one is in the United States, all with a permit.
async fn permitted() -> (World, Vec<String>) {
    let (world, tokens) = ready().await;
    let reply = world.operator("POST", &format!("/v1/rollouts?id={ID}"), PLAN).await;
    assert_eq!(reply.status.as_u16(), 201, "{}", reply.code());
    world.operator("POST", &format!("/v1/rollouts/{ID}/start"), "").await;
    for (index, token) in tokens.iter().enumerate() {
        let mut says = check_in(&name(index), b"factory", "0.9.0");
        says["attributes"]["region"] = json!(if index % 2 == 0 { "us" } else { "eu-west" });
        let answer = world.device("/device/v1/check-in", token, &says).await.json();
        assert_eq!(answer["offer"]["attempt"], 1, "{answer}");
        let downloaded = report(index, 1, "downloaded", None);
        world.device("/device/v1/reports", token, &downloaded).await;
        assert_eq!(begin(&world, &tokens, index).await, "yes");
    }
    (world, tokens)
}

/// A device asks for its permit. Every such question is preceded by the gates.
async fn begin(world: &World, tokens: &[String], of: usize) -> Value {
    let digest = Digest::of(&image("2.4.1")).to_string();
    let begin = json!({ "v": 1, "device": name(of), "rollout": ID, "attempt": 1,
        "digest": digest });
    let answer = world.device("/device/v1/begin", &tokens[of], &begin).await.json();
    answer["answer"].clone()
}

async fn fail(world: &World, tokens: &[String], of: usize) {
    let failed = report(of, 2, "failed", Some("self_test"));
    let reply = world.device("/device/v1/reports", &tokens[of], &failed).await;
    assert_eq!(reply.code(), "200 -");
}

async fn shown(world: &World, more: &str) -> Value {
    world.operator("GET", &format!("/v1/rollouts/{ID}{more}"), "").await.json()
}

#[tokio::test]
async fn a_halt_says_who_is_to_blame() {
    let (world, tokens) = permitted().await;
    let blame = |seen: &Value| seen["gate"].get("blame").cloned();
    assert_eq!(blame(&shown(&world, "").await), None, "nothing is bad");
    fail(&world, &tokens, 0).await;
    let one = blame(&shown(&world, "").await).expect("one is bad");
    assert_eq!(one.as_array().map(Vec::len), Some(1), "the others are everybody: {one}");
    assert_eq!(one[0]["stands_out"], false);
    for index in (2..DEVICES).step_by(2) {
        fail(&world, &tokens, index).await;
    }
    assert_eq!(begin(&world, &tokens, 1).await, "stop");
    let seen = shown(&world, "").await;
    assert_eq!(seen["phase"], "halted");
    insta::assert_json_snapshot!(blame(&seen), @r#"
    [
      {
        "attribute": "region",
        "bad": 6,
        "exposed": 6,
        "ln_e_abort": 15.546551292157629,
        "others": 6,
        "others_bad": 0,
        "stands_out": true,
        "value": "us"
      }
    ]
    "#);
    let cause = seen["cause"].as_str().unwrap_or_default();
    let blamed = "; blamed: region us, 6 of 6 devices, all others 0 of 6";
    assert!(cause.ends_with(blamed), "{cause}");
    assert!(cause.starts_with("failure rate is above its limit"), "{cause}");
}

#[tokio::test]
async fn a_halt_by_hand_blames_nobody_in_its_cause() {
    let (world, tokens) = permitted().await;
    for index in (0..DEVICES).step_by(2) {
        fail(&world, &tokens, index).await;
    }
    let reason = json!({ "reason": "smoke" });
    let seen = world.say("POST", &format!("/v1/rollouts/{ID}/halt"), reason).await.json();
    assert_eq!(seen["gate"]["blame"][0]["stands_out"], true);
    let cause = seen["cause"].as_str().unwrap_or_default();
    assert!(!cause.contains("blamed"), "{cause}");
}

#[tokio::test]
async fn the_course_of_the_evidence_is_shown_to_whoever_may_look() {
    let (world, tokens) = permitted().await;
    assert_eq!(shown(&world, "/evidence").await, json!({ "rollout": ID, "looks": [] }));
    for index in (0..DEVICES).step_by(2) {
        fail(&world, &tokens, index).await;
    }
    assert_eq!(begin(&world, &tokens, 1).await, "stop");
    let viewer = world.token(7, "vic", &[Role::Viewer], NOW + 60);
    let path = format!("/v1/rollouts/{ID}/evidence");
    let seen = ask(&world.operators, request("GET", &path, &viewer, "")).await.json();
    let at = |place: usize| seen["looks"][place]["at_ms"].clone();
    assert_eq!((at(0), at(1)), (json!(NOW * 1_000 - 1_000), json!(NOW * 1_000)));
    let (look, body) = (&seen["looks"][1], shown(&world, "").await);
    for name in ["ln_e_abort", "ln_e_pass", "lower", "upper", "matured", "matured_bad", "epoch"] {
        assert_eq!(look[name], body["gate"][name], "{name}");
    }
    for name in ["in_flight", "cap"] {
        assert_eq!(look[name], body["pace"][name], "{name}");
    }
    assert_eq!(look["in_flight"], 6);
    let other = ID.replace('1', "2");
    let path = format!("/v1/rollouts/{other}/evidence");
    assert_eq!(world.operator("GET", &path, "").await.status.as_u16(), 404);
}
