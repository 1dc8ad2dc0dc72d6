//! Metrics, read by the rules of the text format.

use crate::world::{World, ask, request};
use rollout_http::backend::Backend as _;
use rollout_http::meters::Door;
use rollout_http::{Process, Setup};
use std::collections::{BTreeMap, BTreeSet};

const ID: &str = "0192f7a0-0000-7000-8000-000000000001";

/// Series by name and labels, of a text that keeps to the format.
fn parse(text: &str) -> BTreeMap<String, f64> {
    let (mut kinds, mut series) = (BTreeMap::new(), BTreeMap::new());
    let mut open = String::new();
    let mut closed = BTreeSet::new();
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            assert!(help.split_once(' ').is_some_and(|(_, about)| !about.is_empty()), "{line}");
            continue;
        }
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect("a name and a kind");
            assert!(["gauge", "counter", "histogram"].contains(&kind), "{line}");
            assert_eq!(name.ends_with("_total"), kind == "counter", "{line}");
            assert!(closed.insert(name.to_owned()), "{name} is there twice");
            kinds.insert(name.to_owned(), kind.to_owned());
            open = name.into();
            continue;
        }
        let (name, value) = line.rsplit_once(' ').expect("a name and a value");
        let bare = name.split('{').next().expect("a name");
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| bare.strip_suffix(end));
        let is_histogram =
            family.is_some_and(|family| kinds.get(family).is_some_and(|k| k == "histogram"));
        assert_eq!(if is_histogram { family.unwrap_or(bare) } else { bare }, open, "{line}");
        assert!(bare.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{line}");
        if let Some(labels) = name.strip_prefix(bare).filter(|labels| !labels.is_empty()) {
            let labels = labels.strip_prefix('{').and_then(|labels| labels.strip_suffix('}'));
            for label in labels.expect("braces").split("\",") {
                assert!(label.split_once("=\"").is_some(), "{line}");
            }
        }
        let value = value.replace("+Inf", "inf").replace("-Inf", "-inf");
        let value: f64 = value.parse().expect("a number");
        assert!(series.insert(name.to_owned(), value).is_none(), "{name} is there twice");
    }
    series
}

#[tokio::test]
async fn what_is_measured_keeps_to_the_format() {
    let process =
        || Some(Process { cpu_secs: 1.5, resident_bytes: 1 << 20, open_files: 9, began: 7.0 });
    let world = World::with(Setup { process, ..Setup::default() });
    world.store_root().await;
    world.publish("2.4.1", 2).await;
    for (index, token) in world.enroll(3).await.iter().enumerate() {
        let body = crate::world::check_in(&crate::world::name(index), b"factory", "1.0.0");
        let plane = rollout_http::DevicePlane::new(world.backend.clone());
        let asked = request("POST", "/device/v1/check-in", token, body.to_string());
        assert!(plane.answer(asked).await.status().is_success());
    }
    let plan = "name = \"a \\\"b\\\"\\\\\"\nrelease = \"vacuum@2.4.1\"";
    let drafted = world.operator("POST", &format!("/v1/rollouts?id={ID}"), plan).await;
    assert!(drafted.status.is_success(), "{}", drafted.refusal());
    let reply = ask(&world.operators, request("GET", "/metrics", &world.vic, "")).await;
    assert_eq!(reply.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let series = parse(&String::from_utf8(reply.bytes).expect("UTF-8"));
    let of = |name: &str| series.get(name).copied().unwrap_or_else(|| panic!("no {name}"));
    let devices: f64 = series
        .iter()
        .filter(|(name, _)| name.starts_with("rollout_devices{"))
        .map(|(_, n)| n)
        .sum();
    assert_eq!(devices, 3.0);
    assert_eq!(of("rollout_check_ins_total"), 3.0);
    assert_eq!(of("rollout_check_in_seconds_bucket{le=\"+Inf\"}"), 3.0);
    assert_eq!(of("rollout_check_in_seconds_count"), 3.0);
    assert!(of("rollout_check_in_seconds_bucket{le=\"0.00001\"}") <= 3.0);
    assert_eq!(
        of(&format!("rollout_phase{{rollout=\"{ID}\",name=\"a \\\"b\\\"\\\\\",phase=\"draft\"}}")),
        1.0
    );
    assert_eq!(of(&format!("rollout_in_flight_cap{{rollout=\"{ID}\"}}")), 20.0);
    assert_eq!(of("rollout_journal_end"), world.backend.journal().len() as f64);
    assert_eq!(of("process_open_fds"), 9.0);
}

#[tokio::test]
async fn each_listener_says_whom_it_did_not_let_in_and_until_when_it_is_believed() {
    let world = World::new();
    let devices = world.backend.meters().door(Door::Devices);
    (0..3).for_each(|_| devices.refused_one());
    devices.unshaken_one();
    devices.shows_until(1_900_000_000);
    let reply = ask(&world.operators, request("GET", "/metrics", &world.vic, "")).await;
    let series = parse(&String::from_utf8(reply.bytes).expect("UTF-8"));
    let of = |name: &str, listener: &str| {
        series.get(&format!("{name}{{listener=\"{listener}\"}}")).copied()
    };
    for (name, told) in [
        ("rollout_connections_refused_total", [Some(0.0), Some(3.0)]),
        ("rollout_tls_handshakes_failed_total", [Some(0.0), Some(1.0)]),
        ("rollout_certificate_expiry_timestamp_seconds", [None, Some(1_900_000_000.0)]),
    ] {
        assert_eq!([of(name, "operators"), of(name, "devices")], told, "{name}");
    }
}
