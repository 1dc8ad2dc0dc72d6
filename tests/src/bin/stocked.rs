//! `rolloutd serve` over a small stock, for programs that try everything: `tests/schemathesis`.
//!
//! The daemon is the real one, on free ports of this machine. One line of JSON on stdout says where
//! it is, with a token for each role and for a device; it ends with its standard input. Names are
//! those of the examples in `openapi.json`, so that examples find something.

use firmware_agent::host::image::Behavior;
use rollout_core::cohort::Selector;
use rollout_core::device::{Facts, RunningImage};
use rollout_core::fleet::Registered;
use rollout_core::id::{CohortId, DeviceId, Digest, HardwareModel};
use rollout_core::journal::{CohortRecord, Role};
use rollout_core::rollout::{Command, Silence};
use rollout_core::time::Span;
use rollout_core::version::{ReleaseCounter, SecureVersion};
use rollout_core::wire::ImageState;
use rollout_http::Rate;
use rollout_http::auth::role_name;
use rollout_http::backend::Backend as _;
use rollout_http::token;
use rollout_store::Unobserved;
use rollout_tests::stage::{self, Stage};
use rolloutd::config::Config;
use rolloutd::engine::Settings;
use rolloutd::serve::{self, Daemon};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::time::Duration;

const ROLES: [Role; 6] =
    [Role::Viewer, Role::Operator, Role::Publisher, Role::Approver, Role::Admin, Role::Auditor];
const DEVICES: usize = 40;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    match run().await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            std::process::ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let rate = Rate { requests: 1_000_000, within: Duration::from_secs(60) };
    let config = Config::local(folder.path().join("server"), Settings::default());
    let config = Config { rate, refusals: rate, ..config };
    let serving = serve::listen(&config, Unobserved).await?;
    let daemon = &serving.daemon;
    let device = stock(daemon).await?;
    let mut tokens = BTreeMap::new();
    for role in ROLES {
        let name = role_name(role);
        let made = rolloutd::init::make_token(daemon, stage::person(name), &[role]).await?;
        tokens.insert(name, made.text);
    }
    let told = json!({
        "operators": format!("http://{}", serving.operators),
        "devices": format!("http://{}", serving.devices),
        "tokens": tokens,
        "device": device,
    });
    writeln!(std::io::stdout(), "{told}")?;
    // Whoever started this closes the other end, or is gone.
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    serving.stop().await?;
    Ok(())
}

/// Two releases, devices that have been heard of, cohorts, a rollout that runs; a device's token.
async fn stock(daemon: &Daemon) -> Result<String, Box<dyn std::error::Error>> {
    let stage = Stage::new(1, daemon.now());
    let old = stage.build(0, Behavior::default());
    let new = stage.build(1, Behavior::default());
    stage.publish(daemon, &[&old, &new]).await;
    let enrollment = stage::open_enrollment(daemon, DEVICES as u64).await;
    let enrollment = token::Token::parse(&enrollment).ok_or("an enrollment")?.id.to_owned();
    let mut first = None;
    for index in 0..DEVICES {
        let device = DeviceId::new(&format!("dev-{index:03}"))?;
        let made = token::make_for_device(device.as_str(), Digest::of(&[index as u8]).as_bytes());
        let (id, hash, leave) = (device.clone(), made.hash, enrollment.clone());
        let model = HardwareModel::new(stage::MODEL)?;
        stage::register(daemon, move |fleet, now| {
            fleet.enroll(id, model, hash, &leave, now).unwrap_or(Registered::Known)
        })
        .await;
        first.get_or_insert(made.text);
        daemon.check_in(device, facts(old.digest)).await.map_err(|problem| problem.detail)?;
    }
    let name = CohortId::new("dogfood")?;
    let query = CohortRecord::Query(Selector::parse("region==eu-west")?);
    stage::register(daemon, move |fleet, _| {
        fleet.define_cohort(name, query, stage::person("author"))
    })
    .await;
    let silence =
        Silence { intervals: 3, at_least: Span::secs(900), confirm_window: Span::secs(120) };
    stage::draft(daemon, stage::plan(&new, &["10%", "100%"], silence)).await;
    stage::command(daemon, "author", Command::Start).await.map_err(|problem| problem.detail)?;
    for index in 0..DEVICES {
        let device = DeviceId::new(&format!("dev-{index:03}"))?;
        daemon.check_in(device, facts(old.digest)).await.map_err(|problem| problem.detail)?;
    }
    first.ok_or_else(|| "no device".into())
}

fn facts(digest: Digest) -> Facts {
    Facts {
        running: RunningImage {
            digest,
            version: "1.0.0".into(),
            epoch: 1,
            counter: ReleaseCounter(1),
            state: ImageState::Valid,
        },
        secure_version: SecureVersion(0),
        slot_bytes: u64::from(stage::SLOT_BYTES),
        spare: None,
        root_version: 1,
        attributes: [("region".into(), "eu-west".into())].into(),
    }
}
