//! Ways to a release and the end of the way back, as operators ask for them.

use crate::journey::{ID, ready};
use crate::world::{MODEL, NOW, World, image, manifest};
use rollout_core::journal::Role;
use serde_json::{Value, json};

const PLAN: &str = "release = \"vacuum@2.5.0\"\nladder = [\"cohort:dogfood\", \"100%\"]\n";

async fn check(world: &World) -> Value {
    let path = format!("/v1/rollouts?dry_run=true&id={ID}");
    let reply = world.operator("POST", &path, PLAN).await;
    assert_eq!(reply.status.as_u16(), 200, "{}", reply.refusal());
    reply.json()
}

async fn explained(world: &World) -> Value {
    world.operator("GET", &format!("/v1/rollouts/{ID}/devices/dev-003"), "").await.json()
}

fn counts(body: &Value) -> [u64; 3] {
    let ways = &body["ways"];
    ["direct", "through", "orphans"].map(|key| ways[key].as_u64().expect("a count"))
}

/// A stone is set, seen in check and explain, and lifted again.
#[tokio::test]
async fn a_check_names_every_hop_and_who_gives_it() {
    let (world, _) = ready().await;
    assert_eq!(world.publish("2.5.0", 4).await.status.as_u16(), 201);
    let before = check(&world).await;
    assert_eq!(counts(&before), [12, 0, 0]);
    let stones = "/v1/releases/vacuum@2.4.1/stones";
    let asked = json!({ "models": [MODEL] });
    assert_eq!(world.say("PUT", stones, asked.clone()).await.code(), "201 -");
    assert_eq!(world.say("PUT", stones, asked).await.code(), "200 -", "twice is once");
    let other = world.say("PUT", stones, json!({ "models": ["other"] })).await;
    assert_eq!(other.code(), "400 PU-011");
    let after = check(&world).await;
    assert_eq!(counts(&after), [0, 12, 0]);
    insta::assert_json_snapshot!(json!({
        "classes": after["ways"]["classes"], "excluded": after["excluded"],
        "warnings": after["warnings"],
    }));

    // A rollout of the stone is what gives it.
    let stone = PLAN.replace("2.5.0", "2.4.1");
    let id = "0192f7a0-0000-7000-8000-000000000009";
    let drafted = world.operator("POST", &format!("/v1/rollouts?id={id}"), stone).await;
    assert_eq!(drafted.code(), "201 -");
    world.operator("POST", &format!("/v1/rollouts/{id}/start"), "").await;
    world.operator("POST", &format!("/v1/rollouts?id={ID}"), PLAN).await;
    let told = explained(&world).await;
    assert_eq!((&told["code"], &told["way"]["hops"][0]["rollout"]), (&json!("EX-031"), &json!(id)));
    let none = json!({ "models": [] });
    assert_eq!(world.say("PUT", stones, none).await.code(), "201 -");
    assert_eq!(counts(&check(&world).await), [12, 0, 0]);
}

/// A dead end is set, seen in check and explain, listed page by page, and lifted again.
#[tokio::test]
async fn a_dead_end_leaves_its_devices_behind_until_it_is_lifted() {
    let (world, _) = ready().await;
    assert_eq!(world.publish("2.5.0", 4).await.status.as_u16(), 201);
    world.operator("POST", &format!("/v1/rollouts?id={ID}"), PLAN).await;
    let ends = "/v1/products/vacuum/dead-ends";
    let end = json!({ "model": MODEL, "versions": "<1", "reason": "no room" });
    let set = world.say("PUT", ends, end.clone()).await;
    assert_eq!(set.code(), "201 -");
    let listed = world.operator("GET", ends, "").await.json();
    assert_eq!(listed["dead_ends"][0]["by"], "ann");
    assert_eq!(world.say("PUT", ends, end).await.code(), "200 -");
    let without = json!({ "model": MODEL, "versions": "<1", "reason": " " });
    assert_eq!(world.say("PUT", ends, without).await.code(), "400 RE-010");
    let range = json!({ "model": MODEL, "versions": "one", "reason": "a" });
    assert_eq!(world.say("PUT", ends, range).await.code(), "400 PU-006");
    assert_eq!(counts(&check(&world).await), [0, 0, 12]);
    assert_eq!(explained(&world).await["code"], "EX-032");
    let lift = json!({ "model": MODEL, "versions": "<1" });
    assert_eq!(world.say("PUT", ends, lift.clone()).await.code(), "201 -");
    assert_eq!(world.say("PUT", ends, lift).await.code(), "404 RE-001");
    let listed = world.operator("GET", ends, "").await.json();
    assert_eq!(listed["dead_ends"], json!([]));
    for versions in ["<1", "=1.2.3", ">=9"] {
        let end = json!({ "model": MODEL, "versions": versions, "reason": "no room" });
        assert_eq!(world.say("PUT", ends, end).await.code(), "201 -");
    }
    let (mut path, mut seen) = (format!("{ends}?limit=2"), Vec::new());
    loop {
        let page = world.operator("GET", &path, "").await.json();
        let lines = page["dead_ends"].as_array().expect("a page").clone();
        assert!(lines.len() <= 2);
        seen.extend(lines.iter().map(|end| end["versions"].as_str().expect("a range").to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        let next = next.replace(' ', "%20").replace('<', "%3C").replace('=', "%3D");
        path = format!("{ends}?limit=2&after={}", next.replace('>', "%3E"));
    }
    assert_eq!(seen, ["<1", "=1.2.3", ">=9"]);
    let lost = world.operator("GET", &format!("{ends}?after=nobody"), "").await;
    assert_eq!(lost.status.as_u16(), 400, "a place that is not there");
    for versions in ["<1", "=1.2.3", ">=9"] {
        let lift = json!({ "model": MODEL, "versions": versions });
        assert_eq!(world.say("PUT", ends, lift).await.code(), "201 -");
    }
    assert_eq!(counts(&check(&world).await), [12, 0, 0]);
}

/// Publishes 2.5.0 as a release that nothing leads back from.
async fn publish_irreversible(world: &World) {
    let new = image("2.5.0");
    assert!(world.upload(&new).await.status.is_success());
    let release = |reason: &str| {
        json!({
            "release": "vacuum@2.5.0", "counter": 4,
            "manifests": [manifest(&new, "2.5.0", 4, None)], "irreversible": reason,
        })
    };
    let empty = world.say("POST", "/v1/releases", release(" ")).await;
    assert_eq!(empty.code(), "400 PU-008");
    let made = world.say("POST", "/v1/releases", release("moves the map")).await;
    assert_eq!(
        (made.code().as_str(), &made.json()["irreversible"]),
        ("201 -", &json!("moves the map"))
    );
}

#[tokio::test]
async fn the_end_of_the_way_back_is_agreed_to_by_an_approver_who_is_not_the_author() {
    let (world, _) = ready().await;
    publish_irreversible(&world).await;
    let body = check(&world).await;
    let lost = json!([{
        "kind": "irreversible", "devices": 12, "example": "dev-000",
        "reason": "it is marked as irreversible: moves the map",
    }]);
    assert_eq!(body["no_return"], lost);
    assert_eq!(
        (&body["rungs"][0]["no_return"], &body["rungs"][1]["no_return"]),
        (&json!(2), &json!(10))
    );
    world.operator("POST", &format!("/v1/rollouts?id={ID}"), PLAN).await;
    let started = world.operator("POST", &format!("/v1/rollouts/{ID}/start"), "").await.json();
    assert_eq!(started["phase"], "awaiting_approval");
    let why = "the way back ends here for 2 devices: approval of rung 1 for that, 0 of 1";
    assert_eq!(started["waiting"], why);
    assert_eq!(started["ladder"][0]["no_return_missing"], 1);
    assert_eq!(explained(&world).await["no_return"], "it is marked as irreversible: moves the map");

    let approve = |no_return: bool| json!({ "rung": "cohort:dogfood", "no_return": no_return });
    let path = format!("/v1/rollouts/{ID}/approve");
    assert_eq!(world.say("POST", &path, approve(true)).await.code(), "409 RO-008", "the author");
    let bob = world.token(9, "bob", &[Role::Approver], NOW + 86_400);
    let by = |token: &str, body: Value| {
        crate::world::ask(
            &world.operators,
            crate::world::request("POST", &path, token, body.to_string()),
        )
    };
    assert_eq!(by(&bob, approve(false)).await.code(), "409 RO-025", "that is another approval");
    let ops = world.token(8, "ops", &[Role::Operator], NOW + 86_400);
    assert_eq!(by(&ops, approve(true)).await.status.as_u16(), 403, "no approver");
    let agreed = by(&bob, approve(true)).await.json();
    assert_eq!(
        (&agreed["phase"], &agreed["ladder"][1]["no_return"]),
        (&json!("deploying"), &json!(10))
    );
    assert_eq!(by(&bob, approve(true)).await.code(), "409 RO-026");
    let advance = world.operator("POST", &format!("/v1/rollouts/{ID}/advance"), "").await;
    assert_eq!(advance.code(), "409 RO-025", "the next rung is agreed to by itself");
}
