//! The whole system in one process: server, keys, a fleet of real agents, three rollouts.
//!
//! Real HTTP on loopback, real files as flash, real signatures; only the homes are missing. A good
//! release completes, a bad one is stopped by evidence alone, and the good one is taken back with
//! no key on the server. Invariant: what is claimed of devices is counted from their flash files.

mod acts;
mod dashboard;
mod narrator;
mod stage;
mod summary;

use clap::Args;
use clap::builder::RangedU64ValueParser;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;
use summary::Summary;

/// Devices that a release may reach while nothing is proven: the budget of the plans.
const BUDGET: u32 = 20;
/// A fleet that the bad release cannot lose as a whole: somebody is left to be taken back.
const FEWEST: u32 = BUDGET + 1;
/// As many as one process has files and ports for.
const MOST: u32 = 20_000;
/// How much longer than the fleet's arrival the horizon is at least.
const ARRIVALS: u32 = 2;

/// How the bad release is bad.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bad {
    /// Every device fails its self-test and returns.
    Explicit,
    /// Every device goes dark for good.
    Dark,
    /// That share of the devices fails its self-test, above 0 and at most 1.
    Rate(f64),
}

impl FromStr for Bad {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "explicit" => Ok(Self::Explicit),
            "dark" => Ok(Self::Dark),
            rate => rate
                .parse()
                .ok()
                .filter(|rate| *rate > 0.0 && *rate <= 1.0)
                .map(Self::Rate)
                .ok_or_else(|| "write `explicit`, `dark`, or a rate such as 0.2".into()),
        }
    }
}

/// What the demo is asked for.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Devices of the fleet.
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = devices)]
    pub devices: u32,
    /// Seed of keys, images and of everything the devices draw.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// How the bad release is bad: `explicit`, `dark`, or a rate such as 0.2.
    #[arg(long, value_name = "HOW", default_value = "explicit")]
    pub bad: Bad,
    /// Seconds from a permit until a silent device counts as lost; more on a slow machine.
    #[arg(long, value_name = "SECS", default_value_t = 4, value_parser = seconds())]
    pub horizon: u64,
    /// Tell in lines what happens, also in a terminal, instead of showing the dashboard.
    #[arg(long)]
    pub lines: bool,
    /// One JSON object per line; the last one is the summary.
    #[arg(long)]
    pub json: bool,
    /// Record what the dashboard shows, to a new file for `rollout watch --replay`.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "lines"])]
    pub record: Option<PathBuf>,
    /// Share of replies that are lost on the way to the devices, 0 to 0.5.
    #[arg(long, value_name = "RATE", default_value_t = 0.0, hide = true)]
    pub drop_rate: f64,
    /// Let the bad release go unpaced, to show what pacing prevents.
    #[arg(long, hide = true)]
    pub unpaced: bool,
}

/// Enough for the story to hold, and no more than one process bears.
fn devices(text: &str) -> Result<u32, String> {
    let count = text.parse().map_err(|_| format!("write a number from {FEWEST} to {MOST}"))?;
    if count < FEWEST {
        return Err(format!(
            "at least {FEWEST}: a bad release may reach {BUDGET} devices before it is halted, and \
             a smaller fleet might be lost as a whole"
        ));
    }
    if count > MOST {
        return Err(format!("at most {MOST}: one process has files and ports for no more"));
    }
    Ok(count)
}

/// At most an hour.
fn seconds() -> RangedU64ValueParser<u64> {
    RangedU64ValueParser::new().range(1..=3600)
}

impl Options {
    /// How often devices check in: as often as this machine serves them with ease.
    fn poll(&self) -> Duration {
        Duration::from_millis((u64::from(self.devices) * 2).max(1000))
    }

    /// Whether the bad release may leave nobody who could be taken back.
    fn may_lose_everybody(&self) -> bool {
        self.unpaced && self.bad == Bad::Dark
    }

    /// The same show for a machine on which the fleet took `arrival` to enroll and check in for
    /// the first time. An update is several times as much work, and no device may be called silent
    /// because the machine has other work.
    fn on_a_machine_of(&self, arrival: Duration) -> Self {
        let measured = (arrival * ARRIVALS).as_secs_f64().ceil() as u64;
        Self { horizon: self.horizon.max(measured), ..self.clone() }
    }

    /// From a permit until silence counts: never sooner than a device can miss three check-ins.
    fn horizon(&self) -> Duration {
        Duration::from_secs(self.horizon).max(self.poll() * 3)
    }
}

/// Plays all three acts and prints what happened.
///
/// # Errors
/// What kept the demo from being played; a rollout that ends otherwise than it should is no error
/// but an exit code.
pub async fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let started = std::time::Instant::now();
    let stage = stage::Stage::set(options).await?;
    let mut dashboard = dashboard::open(&stage, options);
    let narrator = narrator::start(&stage, options, dashboard.is_open());
    let played = acts::play(&stage, options).await;
    let took = started.elapsed();
    if played.is_ok() {
        dashboard.linger().await;
    }
    let shown = dashboard.close().await;
    let summary = match played {
        Ok(rollouts) => Summary::take(&stage, options, rollouts, took)?,
        Err(error) => {
            // What kept the demo from being played says more than what it kept from being told.
            let _ = narrator.end().await;
            stage.clear().await?;
            return Err(error);
        }
    };
    narrator.end().await?;
    stage.clear().await?;
    shown?;
    summary.print(options)?;
    summary.complain(options)?;
    Ok(if summary.is_as_promised(options) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
