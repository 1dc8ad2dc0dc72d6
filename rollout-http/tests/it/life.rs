//! Devices in operators' hands: added, imported, held, replaced, retired, found again.

use crate::world::{MODEL, World, ask, name, request};
use serde_json::{Value, json};

async fn seen(count: usize) -> (World, Vec<String>) {
    let world = World::new();
    world.store_root().await;
    world.publish("2.4.1", 2).await;
    let tokens = if count > 0 { world.enroll(count).await } else { Vec::new() };
    for (place, token) in tokens.iter().enumerate() {
        world.check_in(place, token, b"factory", &format!("0.9.{place}")).await;
    }
    (world, tokens)
}

#[tokio::test]
async fn a_device_that_is_added_checks_in_with_the_token_it_was_given() {
    let (world, _) = seen(0).await;
    let added = json!({ "id": "dev-000", "model": MODEL, "attributes": { "region": "us-east" } });
    let reply = world.say("POST", "/v1/devices", added.clone()).await;
    assert_eq!(reply.code(), "201 -");
    let token = reply.json()["token"].as_str().expect("a token").to_owned();
    assert_eq!(world.check_in(0, &token, b"factory", "0.9.0").await.code(), "200 -");
    let again = world.say("POST", "/v1/devices", added).await;
    assert_eq!((again.code(), &again.json()["token"]), ("200 -".into(), &json!(token)));
    let other = json!({ "id": "dev-000", "model": "another" });
    assert_eq!(world.say("POST", "/v1/devices", other).await.code(), "409 DV-005");
    // What operators registered is believed before what the device says of itself.
    let page = world.say("GET", "/v1/devices?query=region==us-east", Value::Null).await.json();
    assert_eq!(page["total"], 1);

    let rotated = world.say("POST", "/v1/devices/dev-000/token", Value::Null).await.json();
    let fresh = rotated["token"].as_str().expect("a token").to_owned();
    assert_eq!(world.check_in(0, &token, b"factory", "0.9.0").await.code(), "401 AU-002");
    assert_eq!(world.check_in(0, &fresh, b"factory", "0.9.0").await.code(), "200 -");
}

#[tokio::test]
async fn held_replaced_and_retired_devices_are_told_so() {
    let (world, tokens) = seen(2).await;
    let reason = |text: &str| json!({ "reason": text });
    let held = world.say("POST", "/v1/devices/dev-000/hold", reason("in the lab")).await;
    assert_eq!((held.code(), &held.json()["standing"]), ("200 -".into(), &json!("held")));
    assert_eq!(held.json()["standing_reason"], "ann: in the lab");
    let released = world.say("POST", "/v1/devices/dev-000/release", Value::Null).await.json();
    assert_eq!(
        (&released["standing"], &released["standing_reason"]),
        (&json!("active"), &Value::Null)
    );
    let empty = world.say("POST", "/v1/devices/dev-000/hold", reason(" ")).await;
    assert_eq!(empty.code(), "400 DV-002");
    let noted = world.say("POST", "/v1/devices/dev-000/notes", json!({ "text": "wet" })).await;
    assert_eq!(noted.json()["notes"][0]["text"], "wet");

    let replaced =
        world.say("POST", "/v1/devices/dev-000/replace", json!({ "by": "dev-900" })).await;
    assert_eq!(replaced.code(), "201 -");
    let old = world.check_in(0, &tokens[0], b"factory", "0.9.0").await;
    assert_eq!(old.code(), "403 AU-006");
    let shown = world.say("GET", "/v1/devices/dev-900", Value::Null).await.json();
    assert_eq!((&shown["hardware"], &shown["notes"][0]["text"]), (&json!(MODEL), &json!("wet")));
    // The new one's first token is shown again only while it is good.
    let again = world.say("POST", "/v1/devices/dev-000/replace", json!({ "by": "dev-900" })).await;
    assert_eq!((again.code(), again.json()), ("200 -".into(), replaced.json()));
    assert_eq!(world.say("POST", "/v1/devices/dev-900/token", Value::Null).await.code(), "201 -");
    let dead = world.say("POST", "/v1/devices/dev-000/replace", json!({ "by": "dev-900" })).await;
    assert_eq!((dead.code(), &dead.json()["token"]), ("200 -".into(), &json!("")));
    let retired = world.say("POST", "/v1/devices/dev-001/retire", reason("scrapped")).await;
    assert_eq!(retired.json()["standing"], "retired");
    assert_eq!(retired.json()["reachable"], false, "it never comes back");
    let back = world.say("POST", "/v1/devices/dev-001/release", Value::Null).await;
    assert_eq!(back.code(), "409 DV-001");
}

#[tokio::test]
async fn nothing_is_offered_to_a_device_that_may_not_have_it() {
    let (world, _) = seen(2).await;
    let mut told = String::new();
    for (index, how) in ["hold", "retire"].into_iter().enumerate() {
        let path = format!("/v1/devices/{}", name(index));
        let reason = json!({ "reason": "in the lab" });
        assert_eq!(world.say("POST", &format!("{path}/{how}"), reason).await.code(), "200 -");
        let asked = json!({ "release": "vacuum@2.4.1" });
        let offered = world.say("POST", &format!("{path}/offer"), asked).await;
        told += &format!("{}\n", offered.refusal());
    }
    let rollouts = world.operator("GET", "/v1/rollouts", "").await.json();
    assert_eq!(rollouts["rollouts"], json!([]), "and no rollout waits for it");
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn a_device_is_left_out_of_one_rollout_and_taken_in_again() {
    let (world, _) = seen(2).await;
    let id = "0192f7a0-0000-7000-8000-000000000001";
    let plan = "release = \"vacuum@2.4.1\"\nladder = [\"100%\"]";
    world.operator("POST", &format!("/v1/rollouts?id={id}"), plan).await;
    world.say("POST", &format!("/v1/rollouts/{id}/start"), Value::Null).await;
    let device = format!("/v1/rollouts/{id}/devices/dev-000");
    let reason = json!({ "reason": "at a fair" });
    let out = world.say("POST", &format!("{device}/exclude"), reason).await.json();
    assert_eq!((&out["eligible"], &out["bucket"]), (&json!(false), &json!("excluded")));
    assert!(out["verdict"].as_str().expect("a sentence").contains("at a fair"), "{out}");
    // Leaving out is an edit of the rollout: a tag from before it is stale.
    let path = format!("/v1/rollouts/{id}");
    let tag = |reply: &crate::world::Reply| reply.headers["etag"].clone();
    let before = tag(&world.operator("GET", &path, "").await);
    let back = world.say("POST", &format!("{device}/include"), Value::Null).await.json();
    assert_eq!(back["eligible"], true);
    let reason = json!({ "reason": "again" }).to_string();
    let mut stale = request("POST", &format!("{device}/exclude"), &world.ann, reason);
    stale.headers_mut().insert("if-match", before);
    assert_eq!(ask(&world.operators, stale).await.code(), "412 HT-015");
}

/// Status and detail of an import of `table`, in pieces as a connection brings them.
async fn import(world: &World, query: &str, table: String) -> String {
    let bytes = table.into_bytes();
    let pieces: Vec<Result<_, std::io::Error>> =
        bytes.chunks(777).map(|piece| Ok(piece.to_vec())).collect();
    let body = axum::body::Body::from_stream(futures_util::stream::iter(pieces));
    let path = format!("/v1/devices/import{query}");
    let reply = ask(&world.operators, request("POST", &path, &world.ann, body)).await;
    match reply.status.is_success() {
        true => format!("{} {}", reply.status.as_u16(), reply.json()),
        false => reply.refusal(),
    }
}

fn table(rows: std::ops::Range<usize>) -> String {
    let lines = rows.map(|row| format!("{},{MODEL},eu-{}\n", name(row), row % 3));
    std::iter::once("id,model,region\n".to_owned()).chain(lines).collect()
}

#[tokio::test]
async fn a_table_is_imported_once_however_often_it_is_sent() {
    let (world, _) = seen(0).await;
    assert_eq!(
        import(&world, "?dry_run=true", table(0..2500)).await.split(' ').next(),
        Some("200")
    );
    let page = world.say("GET", "/v1/devices", Value::Null).await.json();
    assert_eq!(page["total"], 0);
    let first = import(&world, "", table(0..2500)).await;
    assert_eq!(first, r#"200 {"added":2500,"known":0,"rows":2500}"#);
    let again = import(&world, "", table(0..2600)).await;
    assert_eq!(again, r#"200 {"added":100,"known":2500,"rows":2600}"#);
    let some = "/v1/devices?query=region==eu-1&limit=1";
    assert_eq!(world.say("GET", some, Value::Null).await.json()["total"], 867);
}

#[tokio::test]
async fn a_bad_row_is_named_by_line_and_column() {
    let (world, _) = seen(0).await;
    let mut told = Vec::new();
    let row = |row: &str| format!("{}{row}\n", table(0..1500));
    for table in [
        row("dev 1,x,eu"),
        row("d1,,eu"),
        row("d1,x"),
        row("d1,\"x,eu"),
        row(&format!("{},other,eu-0", name(7))),
        "id,region\n".into(),
        "id,model,id\n".into(),
        "id,model,home\nd1,x,mars\n".into(),
        "id,model,version\nd1,x,1.0.0\n".into(),
        String::new(),
    ] {
        told.push(import(&world, "", table).await);
    }
    insta::assert_snapshot!(told.join("\n"));
}

#[tokio::test]
async fn pages_show_everybody_once_in_any_order() {
    let (world, _) = seen(23).await;
    for order in ["", "sort=id&", "sort=version&", "sort=-version&", "sort=-last_seen&"] {
        let (mut after, mut shown) = (String::new(), Vec::new());
        loop {
            let path = format!("/v1/devices?{order}limit=5{after}");
            let page = world.say("GET", &path, Value::Null).await.json();
            let devices = page["devices"].as_array().expect("a list").clone();
            assert!(devices.len() <= 5 && page["total"] == 23, "{path}: {page}");
            shown.extend(devices.into_iter().map(|device| device["version"].clone()));
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        let texts: Vec<_> = shown.iter().map(|version| version.as_str().expect("one")).collect();
        let mut sorted = texts.clone();
        sorted.sort_unstable();
        match order {
            "sort=version&" => assert_eq!(texts, sorted),
            "sort=-version&" => assert!(texts.iter().rev().eq(sorted.iter())),
            _ => {}
        }
        sorted.dedup();
        assert_eq!(sorted.len(), 23, "{order}");
    }
    let wrong = world.say("GET", "/v1/devices?sort=version&after=x", Value::Null).await;
    assert_eq!(wrong.code(), "400 HT-020");
    let wrong = world.say("GET", "/v1/devices?query=version=", Value::Null).await;
    assert_eq!(wrong.status.as_u16(), 400);
}
