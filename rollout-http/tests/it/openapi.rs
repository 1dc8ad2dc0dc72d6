//! The description of the routes against the routes: what is there, who may, what it looks like.

use crate::access::ROLES;
use crate::world::{NOW, Reply, World, ask, request};
use axum::Router;
use axum::http::StatusCode;
use rollout_http::auth::{Operation, may, role_name};
use rollout_http::{Rate, Setup};
use serde_json::Value;
use std::fmt::Write as _;
use std::path::Path;

/// Routes that ask for no token.
const OPEN: [&str; 4] = ["alive", "ready", "openapi", "docs"];
/// Never ends; `follow` has its tests.
const ENDLESS: &str = "follow_events";

/// One operation of the document.
struct Described {
    id: String,
    method: String,
    /// With examples for its parameters.
    path: String,
    operations: Vec<Operation>,
    responses: Vec<String>,
}

async fn document(router: &Router) -> Value {
    ask(router, request("GET", "/openapi.json", "", "")).await.json()
}

fn described(document: &Value) -> Vec<Described> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, route) in item.as_object().expect("methods") {
            let mut path = path.clone();
            let mut query = Vec::new();
            for param in route["parameters"].as_array().expect("parameters") {
                let name = param["name"].as_str().expect("a name");
                let example = &param["example"];
                let text = example.as_str().map_or_else(|| example.to_string(), str::to_owned);
                match param["in"].as_str() {
                    Some("path") => path = path.replace(&format!("{{{name}}}"), &text),
                    Some("query") if param["required"] == true => {
                        query.push(format!("{name}={text}"))
                    }
                    _ => {}
                }
            }
            if !query.is_empty() {
                path = format!("{path}?{}", query.join("&"));
            }
            let names = route["x-operations"].as_array().cloned().unwrap_or_default();
            let operation = |name: &Value| {
                let found = Operation::ALL.iter().find(|operation| *name == operation.name());
                *found.expect("an operation of the table")
            };
            all.push(Described {
                id: route["operationId"].as_str().expect("an id").into(),
                method: method.to_uppercase(),
                path,
                operations: names.iter().map(operation).collect(),
                responses: route["responses"]
                    .as_object()
                    .expect("responses")
                    .keys()
                    .cloned()
                    .collect(),
            });
        }
    }
    all
}

async fn asked(world: &World, route: &Described, token: &str) -> Reply {
    let path = if route.id == "draft_rollout" && token == world.vic {
        format!("{}?dry_run=true", route.path)
    } else {
        route.path.clone()
    };
    ask(&world.operators, request(&route.method, &path, token, "{}")).await
}

fn same(file: &str, served: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("REFRESH").is_some() {
        std::fs::write(&path, served).expect("the snapshot is written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let line = kept.lines().zip(served.lines()).position(|(kept, served)| kept != served);
    assert!(
        kept == served,
        "{file} differs from what is served, first in line {}; if that is meant: \
         REFRESH=1 cargo test -p rollout-http --features server --test it openapi",
        line.map_or(0, |line| line + 1)
    );
}

#[tokio::test]
async fn the_snapshots_are_what_is_served() {
    let world = World::new();
    for (file, router) in
        [("openapi.json", &world.operators), ("openapi-devices.json", &world.devices)]
    {
        let reply = ask(router, request("GET", "/openapi.json", "", "")).await;
        same(file, &String::from_utf8(reply.bytes).expect("UTF-8"));
        let page = ask(router, request("GET", "/docs", "", "")).await;
        let page = String::from_utf8(page.bytes).expect("UTF-8");
        for route in described(&document(router).await) {
            assert!(page.contains(&format!("\">{}</span>", route.method)), "{}", route.id);
        }
        assert!(!page.contains("src=") && !page.contains("http"), "nothing from elsewhere");
    }
}

/// A world in which one address may ask without a token as often as there are routes.
fn patient() -> World {
    World::with(Setup { refusals: Rate::default(), ..Setup::default() })
}

#[tokio::test]
async fn every_route_asks_for_what_the_table_says() {
    let world = patient();
    let mut table = String::new();
    for route in described(&document(&world.operators).await) {
        if OPEN.contains(&route.id.as_str()) {
            assert!(route.operations.is_empty(), "{}", route.id);
            continue;
        }
        assert!(!route.operations.is_empty(), "{} has no row in the table", route.id);
        let nobody = ask(&world.operators, request(&route.method, &route.path, "", "{}")).await;
        assert_eq!(nobody.status, StatusCode::UNAUTHORIZED, "{}", route.id);
        assert_eq!(nobody.headers["www-authenticate"], "Bearer");
        let mut who = Vec::new();
        for (index, role) in ROLES.into_iter().enumerate() {
            let name = role_name(role);
            let allowed = may(role, route.operations[0]);
            if allowed {
                who.push(name);
            }
            if route.id == ENDLESS {
                continue;
            }
            let token = world.token(100 + index as u8, name, &[role], NOW + 60);
            let reply =
                ask(&world.operators, request(&route.method, &route.path, &token, "{}")).await;
            let status = reply.status;
            assert_eq!(status != StatusCode::FORBIDDEN, allowed, "{name} {} {status}", route.id);
            let told = status.as_u16().to_string();
            assert!(route.responses.contains(&told), "{} answers {told}", route.id);
        }
        let names: Vec<_> = route.operations.iter().map(|asked| asked.name()).collect();
        let _ = writeln!(table, "{:18} {:36} {}", route.id, names.join(", "), who.join(" "));
    }
    insta::assert_snapshot!(table);
}

#[tokio::test]
async fn a_viewer_changes_nothing() {
    let world = World::new();
    let before = world.backend.journal().len();
    for route in described(&document(&world.operators).await) {
        if route.id != ENDLESS {
            asked(&world, &route, &world.vic).await;
        }
    }
    assert_eq!(world.backend.journal().len(), before);
}

/// A typo would do what it was meant to prevent: `?dryrun=true` imports.
#[tokio::test]
async fn a_parameter_that_a_route_does_not_have_is_refused_whatever_the_method() {
    let world = patient();
    let before = world.backend.journal().len();
    for route in described(&document(&world.operators).await) {
        let path = format!("{}?surprise=1", route.path);
        let reply = ask(&world.operators, request(&route.method, &path, &world.ann, "{}")).await;
        if OPEN.contains(&route.id.as_str()) {
            assert_eq!(reply.status, StatusCode::OK, "{} bears with probes", route.id);
            continue;
        }
        assert_eq!(reply.code(), "400 HT-005", "{}", route.id);
        assert!(route.responses.contains(&"400".to_owned()), "{}", route.id);
        let nobody = ask(&world.operators, request(&route.method, &path, "", "{}")).await;
        assert_eq!(nobody.code(), "401 AU-001", "{}", route.id);
    }
    let mut told = String::new();
    for (method, path) in [
        ("POST", "/v1/rollouts?dryrun=true"),
        ("POST", "/v1/devices/import?dry-run=true"),
        ("GET", "/v1/releases?limit=1&befor=x"),
        ("GET", "/v1/releases?limit=1&befor%65=x"),
        ("DELETE", "/v1/tokens/5f2c?id=5f2c"),
    ] {
        let reply = world.operator(method, path, "").await;
        told += &format!("{method} {path}\n  {}\n", reply.refusal());
    }
    assert_eq!(world.backend.journal().len(), before, "nothing is done");
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn another_method_is_refused_with_those_that_are_known() {
    let world = World::new();
    for router in [&world.operators, &world.devices] {
        for route in described(&document(router).await) {
            let reply = ask(router, request("TRACE", &route.path, &world.ann, "")).await;
            assert_eq!(reply.code(), "405 HT-014", "{}", route.id);
            let allow = reply.headers["allow"].to_str().expect("methods");
            assert!(allow.contains(&route.method), "{allow}");
        }
    }
}

#[tokio::test]
async fn another_type_is_refused() {
    let world = World::new();
    for route in described(&document(&world.operators).await) {
        if route.responses.iter().any(|status| status == "415") {
            let mut request = request(&route.method, &route.path, &world.ann, "{}");
            request.headers_mut().insert("content-type", "text/xml".parse().expect("a type"));
            let code = ask(&world.operators, request).await.code();
            assert!(["415 HT-008", "404 RE-001"].contains(&code.as_str()), "{} {code}", route.id);
        }
    }
}

/// The examples of what devices say are read with the types of the wire.
#[tokio::test]
async fn what_devices_say_is_what_is_described() {
    use rollout_core::wire::{Begin, CheckIn, Enroll, Report, ReportBatch};
    let world = World::new();
    let document = document(&world.devices).await;
    let example = |name: &str| document["components"]["schemas"][name]["example"].to_string();
    let text = example("Enroll");
    assert_eq!(serde_json::from_str::<Enroll<'_>>(&text).expect("read").device, "dev-000");
    let text = example("Begin");
    assert_eq!(serde_json::from_str::<Begin<'_>>(&text).expect("read").attempt, 1);
    let text = example("CheckIn");
    let said: CheckIn<'_, std::collections::BTreeMap<String, String>> =
        serde_json::from_str(&text).expect("read");
    assert_eq!(said.running.version, "1.0.0");
    let text = example("Reports");
    let said: ReportBatch<'_, Vec<Report<'_>>> = serde_json::from_str(&text).expect("read");
    assert_eq!(said.reports.len(), 1);
    for name in ["Enroll", "Begin", "CheckIn", "Reports"] {
        let schema = &document["components"]["schemas"][name];
        let told: Vec<_> = schema["properties"].as_object().expect("fields").keys().collect();
        let said: Value = serde_json::from_str(&example(name)).expect("JSON");
        assert_eq!(told, said.as_object().expect("fields").keys().collect::<Vec<_>>(), "{name}");
    }
}
