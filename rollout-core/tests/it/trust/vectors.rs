//! Documents made and judged by `tests/oracle/make_vectors.py`: the verifier says the same.

use rollout_core::id::{Digest, decode_hex};
use rollout_core::image::ChipId;
use rollout_core::trust::sign::{ManifestFields, RootFields};
use rollout_core::trust::{
    ComponentId, ComponentState, Confirmed, DeviceState, DeviceTime, Envelope, Epoch, FleetId,
    Manifest, ManifestVerdict, Root, UnixSeconds, check_manifest,
};
use rollout_core::version::{ReleaseCounter, SecureVersion};
use serde_json::Value;

const FILE: &str = include_str!("../../vectors/trust.json");

fn bytes(value: &Value) -> Vec<u8> {
    let hex = value.as_str().expect("hexadecimal");
    let mut bytes = vec![0; hex.len() / 2];
    assert!(decode_hex(hex, &mut bytes));
    bytes
}

/// The device of one vector: the common one, with its own differences.
struct Described<'v> {
    common: &'v Value,
    own: &'v Value,
}

impl<'v> Described<'v> {
    fn text(&self, name: &str) -> &'v str {
        let value = self.own.get(name).unwrap_or(&self.common[name]);
        value.as_str().expect("a text")
    }

    fn number(&self, name: &str) -> u64 {
        let value = self.own.get(name).unwrap_or(&self.common[name]);
        value.as_u64().expect("a number")
    }

    fn component(&self) -> ComponentState {
        ComponentState {
            component: ComponentId(self.number("component")),
            confirmed: Confirmed {
                epoch: Epoch(self.number("epoch")),
                counter: ReleaseCounter(self.number("counter")),
            },
            image: Digest::from_hex(self.text("image")),
            slot_bytes: self.number("slot"),
        }
    }

    fn state(&self, components: &'v [ComponentState]) -> DeviceState<'v> {
        DeviceState {
            fleet: FleetId::from_hex(self.text("fleet")).expect("a fleet"),
            device_id: self.text("id"),
            hardware: self.text("hardware"),
            chip_id: ChipId(self.number("chip") as u16),
            secure_version: SecureVersion(self.number("secure") as u32),
            components,
            time: DeviceTime {
                offered: UnixSeconds(self.number("offered")),
                floor: UnixSeconds(self.number("floor")),
                uptime_secs: self.number("uptime"),
            },
        }
    }
}

/// The oracle's word for a code.
fn word(code: &str) -> &'static str {
    match code {
        "TR-010" => "unknown_key",
        "TR-020" => "type",
        "TR-021" => "missing",
        "TR-022" => "rule",
        "TR-030" => "strict",
        "TR-040" => "signatures",
        "TR-050" => "root_fleet",
        "TR-051" => "root_version",
        "TR-052" => "root_epoch",
        "TR-053" => "old_signatures",
        "TR-054" => "own_signatures",
        "TR-060" => "directive",
        "TR-061" => "root_expired",
        "TR-062" => "fleet",
        "TR-063" => "hardware",
        "TR-064" => "chip",
        "TR-065" => "expired",
        "TR-066" => "epoch",
        "TR-067" => "component",
        "TR-068" => "counter",
        "TR-069" => "stepping_stone",
        "TR-070" => "secure_version",
        "TR-071" => "size",
        read if ("TR-001"..="TR-012").contains(&read) => "strict",
        _ => "a code the oracle has no word for",
    }
}

/// What the verifier says about one vector, in the oracle's words.
fn judged(common: &Value, vector: &Value) -> String {
    let (root, document) = (bytes(&vector["root"]), bytes(&vector["document"]));
    let root = Root::pinned(&root).expect("the root of every vector is good");
    if vector["kind"] == "chain" {
        return match root.successor(&document) {
            Ok(_) => "accept".into(),
            Err(error) => word(error.code()).into(),
        };
    }
    let described = Described { common, own: &vector["device"] };
    let components = [described.component()];
    match check_manifest(&root, &described.state(&components), &document) {
        Ok(checked) => match checked.verdict {
            ManifestVerdict::Install => "accept".into(),
            ManifestVerdict::Wait { until } => format!("wait {until}"),
            ManifestVerdict::AlreadyInstalled { .. } => "already_installed".into(),
        },
        Err(refusal) => word(refusal.code()).into(),
    }
}

/// Demands that what was accepted is written with the bytes it was read from.
fn written_again(vector: &Value) {
    let document = bytes(&vector["document"]);
    let payload = Envelope::open(&document).expect("it was accepted").payload();
    let written = match (Root::decode(payload), Manifest::decode(payload)) {
        (Ok(root), _) => RootFields::of(&root).encode(),
        (_, Ok(manifest)) => ManifestFields::of(&manifest).encode(),
        (Err(_), Err(error)) => panic!("{}: {error}", vector["name"]),
    };
    assert_eq!(written.as_deref(), Ok(payload), "{}", vector["name"]);
}

#[test]
fn the_oracle_and_the_verifier_agree() {
    let file: Value = serde_json::from_str(FILE).expect("JSON");
    let vectors = file["vectors"].as_array().expect("a list");
    assert!(vectors.len() >= 80, "only {} vectors", vectors.len());
    let mut written = 0;
    for vector in vectors {
        let expected = vector["expect"].as_str().expect("a verdict");
        assert_eq!(judged(&file["device"], vector), expected, "{}", vector["name"]);
        let name = vector["name"].as_str().expect("a name");
        if expected == "accept" && !name.contains("skippable") {
            written_again(vector);
            written += 1;
        }
    }
    assert!(written >= 10, "only {written} vectors were written again");
}
