//! The plan of a rollout that runs, read and changed by the API.

use crate::journey::{ID, draft, ready};
use crate::world::{World, ask, request};
use rollout_core::journal::Role;
use serde_json::{Value, json};

const PLAN: &str = r#"
name = "vacuum-2.4.1"
release = "vacuum@2.4.1"
ladder = ["cohort:dogfood", "5", "100%"]
soak = "1h"
[approval]
before = ["100%"]
by = 1
"#;

async fn running() -> World {
    let (world, _) = ready().await;
    draft(&world).await;
    let started = world.operator("POST", &format!("/v1/rollouts/{ID}/start"), "").await;
    assert_eq!(started.code(), "200 -");
    world
}

fn path(query: &str) -> String {
    format!("/v1/rollouts/{ID}/plan{query}")
}

#[tokio::test]
async fn a_change_is_told_before_it_is_made_and_is_what_was_told() {
    let world = running().await;
    let approved = json!({ "rung": "100%" });
    let eve = world.token(9, "eve", &[Role::Approver], crate::world::NOW + 3_600);
    let approve = format!("/v1/rollouts/{ID}/approve");
    let reply = ask(&world.operators, request("POST", &approve, &eve, approved.to_string())).await;
    assert_eq!(reply.code(), "200 -");
    let longer = PLAN
        .replace("1h", "2h")
        .replace("\"5\"", "\"5\", \"50%\"")
        .replace("before = [", "before = [\"50%\", ");
    let journal = world.backend.journal().len();
    let told = world.operator("PUT", &path("?dry_run=true"), longer.clone()).await;
    assert_eq!(told.code(), "200 -");
    assert_eq!(world.backend.journal().len(), journal, "nothing was changed");
    let told = told.json();
    assert_eq!(
        told["says"],
        "ladder, soak, approval.before; evidence starts anew, 1st time, alpha now 0.5 %; \
         1 approval is void"
    );
    let effects: Vec<_> = told["changes"].as_array().expect("a list").iter().collect();
    assert_eq!(effects[0], &json!({ "key": "ladder", "effect": "rungs_to_come" }));
    let done = world.operator("PUT", &path(""), longer.clone()).await;
    assert_eq!(done.code(), "200 -");
    let body = done.json();
    assert_eq!((&body["plan"]["soak"], &body["gate"]["epoch"]), (&json!("2h"), &json!(1)));
    assert_eq!(body["ladder"].as_array().map(Vec::len), Some(4));
    assert_eq!(body["edited"]["voided_approvals"], told["voided_approvals"]);
    assert_eq!(body["edited"]["alpha"], told["alpha"]);
    let approved_by = &body["ladder"][3]["approved_by"];
    assert_eq!(approved_by, &Value::Array(Vec::new()), "an approval before it is void");
    let events = world.operator("GET", &format!("/v1/events?rollout={ID}"), "").await;
    let says = told["says"].as_str().expect("a sentence");
    assert!(String::from_utf8_lossy(&events.bytes).contains(says), "an event says so");
    // Twice is once.
    let journal = world.backend.journal().len();
    assert_eq!(world.operator("PUT", &path(""), longer.clone()).await.code(), "200 -");
    assert_eq!(world.backend.journal().len(), journal);
}

#[tokio::test]
async fn what_cannot_change_is_refused_by_name_and_changes_nothing() {
    let world = running().await;
    let before = world.operator("GET", &format!("/v1/rollouts/{ID}"), "").await.bytes;
    let mut refusals = String::new();
    for plan in [
        PLAN.replace("soak", "cohort = \"model==other\"\nsoak"),
        PLAN.replace("cohort:dogfood", "3"),
        PLAN.replace("by = 1", "by = 0").replace("before = [\"100%\"]", "before = []"),
        PLAN.replace("5", "cohort:nobody"),
        PLAN.replace("soak", "soack"),
    ] {
        for query in ["?dry_run=true", ""] {
            let reply = world.operator("PUT", &path(query), plan.clone()).await;
            refusals += &format!("{}\n", reply.refusal());
        }
    }
    let nowhere = path("").replace(ID, "0192f7a0-0000-7000-8000-00000000000f");
    refusals += &format!("{}\n", world.operator("PUT", &nowhere, PLAN).await.refusal());
    insta::assert_snapshot!(refusals);
    let after = world.operator("GET", &format!("/v1/rollouts/{ID}"), "").await.bytes;
    assert_eq!(before, after);
}

#[tokio::test]
async fn a_change_takes_an_operator_and_the_rollout_that_was_read() {
    let world = running().await;
    let expires = crate::world::NOW + 3_600;
    let viewer = world.token(9, "vic", &[Role::Viewer, Role::Approver, Role::Publisher], expires);
    let longer = PLAN.replace("1h", "2h");
    let asked = request("PUT", &path(""), &viewer, longer.clone());
    assert_eq!(ask(&world.operators, asked).await.code(), "403 AU-004");
    let asked = request("PUT", &path("?dry_run=true"), &viewer, longer.clone());
    assert_eq!(ask(&world.operators, asked).await.code(), "200 -");
    let read = world.operator("GET", &format!("/v1/rollouts/{ID}"), "").await;
    let tag = read.headers["etag"].clone();
    let with_tag = |plan: String| {
        let mut asked = request("PUT", &path(""), &world.ann, plan);
        asked.headers_mut().insert("if-match", tag.clone());
        asked
    };
    assert_eq!(ask(&world.operators, with_tag(longer)).await.code(), "200 -");
    let stale = ask(&world.operators, with_tag(PLAN.replace("1h", "3h"))).await;
    assert_eq!(stale.code(), "412 HT-015");
}
