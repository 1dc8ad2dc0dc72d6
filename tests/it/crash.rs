//! The server is killed again and again while devices update, and judged by what devices know.
//!
//! `ROLLOUT_KILLS` and `ROLLOUT_SEED` make it longer or repeat it; see `tests/full/crash.sh`.

use firmware_agent::host::fleet::{self, FleetOptions, FleetSummary};
use firmware_agent::host::image::Behavior;
use firmware_agent::host::sim::Random;
use rollout_core::journal::Seq;
use rollout_core::port::Store as _;
use rollout_core::rollout::{PlanFields, Silence};
use rollout_core::time::{Span, Timestamp};
use rollout_http::client::Client;
use rollout_store::{SqliteStore, Unobserved};
use rollout_tests::crash::{Death, Ground, State};
use rollout_tests::judge::Judge;
use rollout_tests::logs;
use rollout_tests::stage::{self, Built, MODEL, PRODUCT, SLOT_BYTES, Stage};
use rolloutd::clock::{Clock as _, SystemClock};
use rolloutd::config::{Config, Exposure};
use rolloutd::{engine, serve};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinHandle;

const DEVICES: usize = 150;
const KILLS: usize = 50;
/// Most steps of writes in one life of the server.
const STEPS: u64 = 90;
/// The first writes of a life: begin, insert and commit of the absence before it.
const OUTAGE_STEPS: u64 = 3;
/// How often devices check in.
const POLL: Duration = Duration::from_millis(300);
/// How long the whole test may take for each kill.
const PATIENCE: Duration = Duration::from_secs(20);

#[expect(clippy::disallowed_methods, reason = "how long a test is, is said from outside")]
fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[expect(clippy::print_stdout, reason = "figures of the run, shown by --nocapture")]
fn say(text: &str) {
    println!("{text}");
}

/// Everything that runs, and what it runs on.
struct Run {
    folder: tempfile::TempDir,
    ground: Ground,
    built: Built,
    token: String,
    fleet: JoinHandle<Result<FleetSummary, firmware_agent::host::Error>>,
    curtain: watch::Sender<bool>,
}

fn fields(built: &Built) -> PlanFields {
    let silence =
        Silence { intervals: 3, at_least: Span::secs(5), confirm_window: Span::secs(120) };
    stage::plan(built, &["5", "20%", "100%"], silence)
}

/// A data folder with releases, a drafted rollout, and a fleet that looks for its server.
async fn set(seed: u64) -> Run {
    let folder = tempfile::tempdir().expect("a folder");
    let program = env!("CARGO_BIN_EXE_served");
    let ground = Ground::new(&folder.path().join("server"), program, "300ms");
    let stage = Stage::new(seed, Timestamp(SystemClock.now().0));
    let factory = stage.build(0, Behavior::default());
    let built = stage.build(1, Behavior::default());
    let config = Config::load(Some(&ground.config()), [], Exposure::Loopback).expect("settings");
    let clock = Arc::new(SystemClock);
    let daemon = serve::open(&config.data, config.settings, clock, Unobserved).await.expect("open");
    stage.publish(&daemon, &[&factory, &built]).await;
    let enroll_token = stage::open_enrollment(&daemon, DEVICES as u64).await;
    let token = stage::operator_token(&daemon, "ops").await;
    stage::draft(&daemon, fields(&built)).await;
    drop(daemon);
    let (root, home) = (stage.root.envelope.clone(), folder.path().join("fleet"));
    let options = FleetOptions {
        count: DEVICES,
        hardware: MODEL.into(),
        product: PRODUCT.into(),
        factory_manifest: Some(factory.manifest.clone()),
        enroll_token,
        seed,
        poll: Some(POLL),
        slot_bytes: SLOT_BYTES,
        ..FleetOptions::new(&ground.devices, &home, root, factory.image.clone())
    };
    fleet::provision(&options).expect("a fleet");
    let (curtain, fallen) = watch::channel(false);
    let fleet = tokio::spawn(fleet::run(options, fallen));
    Run { folder, ground, built, token, fleet, curtain }
}

/// Starts the rollout in a first life of the server, which then is killed.
async fn begin(run: &Run) {
    let mut life = run.ground.start(None);
    life.until(|state| state.devices == DEVICES as u64).await.expect("the fleet comes up");
    let client = Client::new(&run.ground.operators, &run.token).expect("a client");
    client.start(&stage::rollout().to_string()).await.expect("a draft starts");
    life.kill().await;
}

/// How lives of the server ended.
struct Kills {
    deaths: Vec<Death>,
    /// Lives that were long enough to write down that nobody was there before them.
    absences: u64,
}

impl Kills {
    fn inside(&self) -> usize {
        self.deaths.iter().filter(|death| death.is_inside()).count()
    }

    /// How far the rollout was when the server died, tenth by tenth of the kills.
    fn progress(&self) -> Vec<u64> {
        let tenth = self.deaths.len().div_ceil(10).max(1);
        let furthest = |deaths: &[Death]| deaths.iter().map(|death| death.state.confirmed).max();
        self.deaths.chunks(tenth).filter_map(furthest).collect()
    }
}

/// Kills the server `kills` times, each time at a random step of a write.
async fn kill(run: &Run, kills: usize, random: &mut Random) -> Kills {
    let mut deaths = Vec::new();
    let mut absences = 0;
    while deaths.len() < kills {
        let steps = 1 + random.next() % STEPS;
        let mut life = run.ground.start(Some(steps));
        let Err(death) = life.until(is_done).await else {
            // It was over before it died; what is left of the kills gets a rollout of its own.
            life.kill().await;
            absences += 1;
            break;
        };
        assert!(death.is_as_told(), "it died otherwise: {}", death.words);
        deaths.push(death);
        absences += u64::from(steps >= OUTAGE_STEPS);
    }
    Kills { deaths, absences }
}

fn is_done(state: &State) -> bool {
    let devices = DEVICES as u64;
    state.phase == "halted" || state.is_over && state.confirmed == devices
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_the_server_forgets_nothing_and_counts_nobody_twice() {
    let kills = setting("ROLLOUT_KILLS", KILLS as u64) as usize;
    let seed = setting("ROLLOUT_SEED", 8);
    say(&format!("seed {seed}, {kills} kills, {DEVICES} devices"));
    let patience = Duration::from_secs(120) + PATIENCE * kills as u32;
    let whole = tokio::time::timeout(patience, rounds(seed, kills));
    whole.await.expect("it ends in time");
}

/// As many rollouts as it takes, of at most so many kills each.
async fn rounds(seed: u64, kills: usize) {
    let (mut killed, mut inside, mut round) = (0, 0, 0);
    while killed < kills {
        let dead = crashes(seed + round, KILLS.min(kills - killed)).await;
        killed += dead.deaths.len();
        inside += dead.inside();
        round += 1;
    }
    say(&format!("{killed} kills in {round} rollouts, {inside} of them inside a commit"));
    assert!(inside * 10 >= killed * 3, "{inside} of {killed} inside a commit");
}

async fn crashes(seed: u64, kills: usize) -> Kills {
    let started = Instant::now();
    let run = set(seed).await;
    begin(&run).await;
    let dead = kill(&run, kills, &mut Random::new(seed)).await;
    let killed = started.elapsed();
    let mut life = run.ground.start(None);
    life.until(is_done).await.unwrap_or_else(|death| panic!("it goes on: {death:?}"));
    run.curtain.send_replace(true);
    let summary = run.fleet.await.expect("the fleet ends").expect("it ran");
    life.kill().await;
    say(&format!(
        "seed {seed}: {} kills, {} of them inside a commit, in {} s; {} s in all; {summary:?}",
        dead.deaths.len(),
        dead.inside(),
        killed.as_secs(),
        started.elapsed().as_secs()
    ));
    say(&format!("devices confirmed, by tenths of the kills: {:?}", dead.progress()));
    assert_eq!((summary.broken, summary.dark), (0, 0), "{summary:?}");
    // The life in which the rollout began, those that were killed, and the last one.
    judge(run.folder.path(), &run.ground, &run.built, dead.absences + 2).await;
    dead
}

/// Holds the journal against the promises and against the devices' own logs.
async fn judge(folder: &Path, ground: &Ground, built: &Built, absences: u64) {
    let config = Config::load(Some(&ground.config()), [], Exposure::Loopback).expect("settings");
    let database = serve::database(&config.data);
    let like = engine::inspect(&database, &config.settings).await.expect("a journal that folds");
    let store = SqliteStore::open(&database).expect("a store");
    let journal = store.read(Seq(0), usize::MAX).await.expect("a journal");
    let judge = Judge::of(&like, &journal).expect("every promise, at every entry");
    let logs = logs::read(&folder.join("fleet"));
    assert_eq!(logs.len(), DEVICES);
    let mut acknowledged = 0;
    for (device, log) in &logs {
        for (incarnation, sequence) in log.acknowledged.keys() {
            let id = (device.clone(), *incarnation, *sequence);
            let times = judge.reports.get(&id).copied().unwrap_or_default();
            assert_eq!(times, 1, "{id:?} was acknowledged and is there {times} times");
            acknowledged += 1;
        }
        let permits = judge.permits.get(&(stage::rollout(), device.clone())).copied();
        let permits = permits.unwrap_or_default();
        assert!(log.permits == 0 || permits > 0, "{device} was permitted and nobody knows");
        assert!(log.declined.is_empty(), "{device}: {:?}", log.declined);
        assert!(log.returned.is_empty(), "{device}: {:?}", log.returned);
    }
    let running = &judge.fleet.rollouts[&stage::rollout()];
    let counts = running.counts();
    let exposed = running.executions.iter().filter(|(_, e)| e.exposure.is_some());
    let exposed = exposed.map(|(device, _)| device.clone()).collect();
    assert_eq!(logs::booted(&logs, built.digest), exposed, "who booted it was permitted");
    assert_eq!(running.rollout.phase.name(), "completed");
    let devices = DEVICES as u64;
    assert_eq!((counts.exposed, counts.confirmed), (devices, devices));
    let all = running.tally.sum(|_| true);
    assert_eq!((all.failed_known, all.matured_bad, all.silent), (0, 0, 0), "nobody is blamed");
    let flash = fleet::running(&folder.join("fleet")).expect("boot logs");
    assert_eq!(flash, [(built.digest, DEVICES)].into());
    assert_eq!(judge.kinds["outage"], absences, "each absence is in the journal");
    let (at_risk, cap) = judge.most_at_risk;
    say(&format!(
        "{} entries, {acknowledged} acknowledged reports, at most {at_risk} at risk of {cap}",
        journal.len()
    ));
}
