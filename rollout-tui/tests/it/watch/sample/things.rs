//! Devices, the census, releases.

use super::{GOOD, NOW, NOW_MS, event};
use rollout_http::body::v1::{
    ArtifactBody, CensusBody, DeviceBody, DevicePage, ExecutionBody, ExplanationBody,
    PromotionLine, ReleaseBody, Releases, WayBackBody,
};
use rollout_tui::app::{DeviceNews, DevicesNews, Fetch, What};
use std::collections::BTreeMap;

/// A device.
pub fn device(id: &str) -> DeviceBody {
    let attributes = [("region", "eu-west"), ("rev", "C"), ("battery", "81")];
    DeviceBody {
        id: id.into(),
        hardware: "v980".into(),
        home: "eu-west".into(),
        standing: "active".into(),
        last_seen: NOW - 372,
        reachable: true,
        version: Some("2.3.7".into()),
        image: Some("a688c71dcc6792aa3882ea2ae6c236fdae4bf9590122858350d02bdcb3d5fac8".into()),
        counter: Some(41),
        confirmed: Some(true),
        open: None,
        attributes: attributes.into_iter().map(|(k, v)| (k.into(), v.into())).collect(),
        registered: BTreeMap::new(),
        standing_reason: None,
        notes: Vec::new(),
        executions: Vec::new(),
    }
}

/// A page of devices.
pub fn devices() -> What {
    let devices = (0..40).map(|at| {
        let mut one = device(&format!("sn-{:05}", 88_200 + at));
        match at % 7 {
            1 => (one.reachable, one.last_seen) = (false, NOW - 1_900_000),
            2 => (one.version, one.last_seen) = (None, 0),
            3 => one.standing = "held".into(),
            4 => (one.open, one.confirmed) = (Some(GOOD.into()), Some(false)),
            _ => one.version = Some("2.4.1".into()),
        }
        one
    });
    let asked = Fetch::Devices { query: String::new(), sort: String::new(), after: None };
    let page =
        DevicePage { devices: devices.collect(), next: Some("sn-88239".into()), total: 1_204_331 };
    What::Devices(Box::new(DevicesNews { asked, page }))
}

/// A device that came back.
pub fn device_news(id: &str) -> What {
    let explanation = ExplanationBody {
        device: id.into(),
        rollout: GOOD.into(),
        bucket: "rolled_back".into(),
        verdict: "the device fled from this image before".into(),
        code: Some("EX-007".into()),
        eligible: false,
        not_before: None,
        position_bp: 3_117,
        open_to: "61.00 %".into(),
        execution: Some(ExecutionBody {
            attempt: 1,
            status: "FAILED".into(),
            image: "00".into(),
            permitted_at: Some(NOW - 900),
            batch: Some(5),
            outcome: Some("bad".into()),
            failure: Some("reported: self test".into()),
        }),
        way: None,
        no_return: None,
    };
    let at = |secs: u64| NOW_MS - secs * 1_000;
    let events = vec![
        event(12, at(990_000), "enrolled", &format!("{id} enrolled as v980"), None, Some(id)),
        event(40, at(1_800), "offered", &format!("{id} may download (1)"), Some(GOOD), Some(id)),
        event(
            50,
            at(900),
            "permitted",
            &format!("{id} may switch, in rung 5"),
            Some(GOOD),
            Some(id),
        ),
        event(
            60,
            at(372),
            "reported",
            &format!("{id}: rolled_back (self_test)"),
            Some(GOOD),
            Some(id),
        ),
    ];
    let device = device(id);
    What::Device(Box::new(DeviceNews { device, explanation: Some(explanation), events }))
}

/// Models by version.
pub fn census() -> What {
    let columns = ["2.4.1", "2.3.7", "2.3.2", "2.2.0", "2.1.9", "2.0.0", "1.9.0", "others"];
    let rows = ["v980", "v970", "v960", "m6", "others"];
    let cells: Vec<Vec<u64>> = (0..rows.len() as u64)
        .map(|row| {
            (0..columns.len() as u64)
                .map(|col| 600_000 / ((row + 1) * (col * col * 9 + 1)) % 700_000)
                .collect()
        })
        .collect();
    let total = cells.iter().flatten().sum();
    let names = |names: &[&str]| names.iter().map(|name| (*name).into()).collect();
    What::Census(CensusBody {
        row: "model".into(),
        column: "version".into(),
        rows: names(&rows),
        columns: names(&columns),
        cells,
        total,
    })
}

/// Some releases.
pub fn releases() -> What {
    let artifact = |hardware: &str| ArtifactBody {
        hardware: vec![hardware.into()],
        component: 0,
        image: "a688c71dcc6792aa3882ea2ae6c236fdae4bf9590122858350d02bdcb3d5fac8".into(),
        image_bytes: 1_310_720,
        counter: 41,
        min_from: 0,
        secure_version: 1,
        expires: NOW + 15_000_000,
        manifest: String::new(),
    };
    let promotion = |channel: &str, rollout: &str, has_passed: bool| PromotionLine {
        channel: channel.into(),
        rollout: rollout.into(),
        has_passed,
    };
    let release = |id: &str, state: &str, back: Option<&str>| ReleaseBody {
        notes: None,
        source: Some("git 1f0c9ae".into()),
        provenance: None,
        stepping_stone: Vec::new(),
        irreversible: None,
        release: id.into(),
        counter: match id {
            "vacuum@2.4.1" => 41,
            "vacuum@2.4.0" => 38,
            "mop@1.9.0" => 36,
            _ => 31,
        },
        state: state.into(),
        withdrawn: (state == "withdrawn").then(|| "ana: the brush runs backwards".into()),
        from: Some(">=2.0.0".into()),
        by: "ci".into(),
        at: NOW - 90_000,
        artifacts: vec![artifact("v980"), artifact("v970")],
        way_back: back.map(|version| WayBackBody {
            version: version.into(),
            counter: 42,
            artifacts: vec![artifact("v980")],
        }),
        promotions: match id {
            "vacuum@2.4.1" => vec![promotion("beta", "gone", true), promotion("eu", GOOD, false)],
            _ => Vec::new(),
        },
    };
    What::Releases(Releases {
        releases: vec![
            release("mop@1.9.0", "published", Some("1.8.4")),
            release("vacuum@2.3.7", "published", None),
            release("vacuum@2.4.0", "withdrawn", Some("2.3.7")),
            release("vacuum@2.4.1", "published", Some("2.3.7")),
        ],
        next: None,
    })
}
