//! What devices wrote down themselves: `agent.log` and `boots.log` of a fleet's folder.
//!
//! Evidence against the server, so nothing of the server is used to read it. Not here: verdicts.

use rollout_core::id::{DeviceId, Digest};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The logs of one device.
#[derive(Clone, Debug, Default)]
pub struct DeviceLog {
    /// Incarnation and sequence of every report the server has acknowledged to it, with its event.
    pub acknowledged: BTreeMap<(u64, u64), String>,
    /// Leave to switch that it received.
    pub permits: u64,
    /// Returns, by their reasons.
    pub returned: Vec<String>,
    /// Refusals of the server.
    pub declined: Vec<String>,
    /// What its bootloader started, oldest first.
    pub booted: Vec<Digest>,
}

/// The logs of all devices below a folder.
///
/// # Panics
/// If a log cannot be read.
pub fn read(folder: &Path) -> BTreeMap<DeviceId, DeviceLog> {
    let mut logs = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("the fleet's folder") {
        let path = entry.expect("an entry").path();
        if !path.join("boot.bin").exists() {
            continue;
        }
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
        logs.insert(DeviceId::new(name).expect("an id"), device(&path));
    }
    logs
}

fn device(folder: &Path) -> DeviceLog {
    let mut log = DeviceLog::default();
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
    for line in text("agent.log").lines() {
        note(&mut log, &serde_json::from_str(line).expect("whole lines of JSON"));
    }
    let digest = |line: &str| Digest::from_hex(line.split(' ').next().unwrap_or_default());
    log.booted = text("boots.log").lines().filter_map(digest).collect();
    log
}

fn note(log: &mut DeviceLog, line: &Value) {
    let number = |name: &str| line[name].as_u64().expect("a number");
    let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
    match line["what"].as_str() {
        Some("permit") => log.permits += 1,
        Some("acknowledged") => {
            let id = (number("incarnation"), number("sequence"));
            let known = log.acknowledged.insert(id, text("event"));
            assert!(known.is_none_or(|known| known == text("event")), "one sequence, two reports");
        }
        Some("returned") => log.returned.push(text("reason")),
        Some("declined") => log.declined.push(format!("{} {}", line["status"], text("body"))),
        Some(_) | None => {}
    }
}

/// Devices that have ever booted an image.
pub fn booted(logs: &BTreeMap<DeviceId, DeviceLog>, image: Digest) -> BTreeSet<DeviceId> {
    let booted = logs.iter().filter(|(_, log)| log.booted.contains(&image));
    booted.map(|(device, _)| device.clone()).collect()
}
