//! The demo keeps its promises: a good release completes, a bad one stops at twenty devices.
//!
//! Each test plays the whole show in a process of its own: real agents, real HTTP, flash in files.
//! The control shows that pacing is what bounds the loss: without it the same fleet loses more.

use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::OnceLock;

/// Devices of the fleet: enough to prove a release acceptable, which takes 281.
const DEVICES: u64 = 300;
/// Devices a plan is prepared to lose while nothing is proven.
const BUDGET: u64 = 20;

/// The daemon, built once by the cargo that built this test.
fn daemon() -> &'static PathBuf {
    static DAEMON: OnceLock<PathBuf> = OnceLock::new();
    DAEMON.get_or_init(|| {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--locked", "--package", "rolloutd", "--bin", "rolloutd"])
            .args(["--color=never", "--message-format=json-render-diagnostics"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo can be started");
        let said = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success(), "the daemon cannot be built:\n{said}");
        let messages = String::from_utf8_lossy(&built.stdout);
        let mut messages = messages.lines().filter_map(|line| line.parse::<Value>().ok());
        let path = messages.find_map(|message| message["executable"].as_str().map(PathBuf::from));
        path.expect("cargo names the binary it has built")
    })
}

/// Plays the demo; its output, and the summary in its last line.
fn play(arguments: &[&str]) -> (Output, Value) {
    let devices = DEVICES.to_string();
    let output = Command::new(daemon())
        .args(["demo", "--json", "--devices", &devices])
        .args(arguments)
        .output()
        .expect("the demo can be started");
    let said = String::from_utf8_lossy(&output.stdout);
    let summary = said.lines().last().and_then(|line| line.parse::<Value>().ok());
    let complaint = String::from_utf8_lossy(&output.stderr);
    let summary = summary.filter(|last| last["rollouts"].is_array());
    let summary = summary.unwrap_or_else(|| panic!("no summary:\n{said}\n{complaint}"));
    (output, summary)
}

fn number(of: &Value, key: &str) -> u64 {
    of[key].as_u64().unwrap_or_else(|| panic!("no number `{key}` in {of}"))
}

/// What every show promises; what the bad release and the way back came to.
fn assert_promises(summary: &Value) -> (&Value, &Value) {
    assert_eq!(number(summary, "buckets_sum"), DEVICES, "{summary}");
    let [good, bad, back] = &summary["rollouts"].as_array().expect("rollouts")[..] else {
        panic!("three rollouts: {summary}")
    };
    assert_eq!(good["phase"], "Completed", "{summary}");
    assert_eq!(number(good, "confirmed"), DEVICES, "{summary}");
    assert_eq!(bad["phase"], "Halted", "{summary}");
    assert_eq!(bad["cause"], "evidence", "{summary}");
    assert_eq!(number(bad, "booted_bad_by_flash"), number(bad, "exposed"), "{summary}");
    assert_eq!(number(bad, "left_on_bad_by_flash"), 0, "{summary}");
    (bad, back)
}

fn assert_bounded(arguments: &[&str]) {
    let (output, summary) = play(arguments);
    let (bad, back) = assert_promises(&summary);
    assert!(number(bad, "exposed") <= BUDGET, "{summary}");
    assert_eq!(back["phase"], "Completed", "{summary}");
    assert!(output.status.success(), "a promise is broken: {summary}");
}

#[test]
fn a_release_that_fails_its_self_test_stops_within_the_budget() {
    assert_bounded(&["--bad", "explicit", "--seed", "1"]);
}

#[test]
fn a_release_that_goes_dark_stops_within_the_budget() {
    assert_bounded(&["--bad", "dark", "--seed", "2"]);
}

/// Nobody may be left to take the good release back from.
#[test]
fn without_pacing_the_same_release_costs_more() {
    let (_, summary) = play(&["--bad", "dark", "--seed", "2", "--unpaced"]);
    let (bad, _) = assert_promises(&summary);
    assert!(number(bad, "exposed") > BUDGET, "pacing would prevent nothing: {summary}");
}
