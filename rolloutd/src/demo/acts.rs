//! The three rollouts of the demo, one after the other.

use super::stage::{MODEL, PRODUCT, Stage, patience};
use super::{BUDGET, Bad, Options};
use anyhow::Context as _;
use rollout_core::fleet::Running;
use rollout_core::id::RolloutId;
use rollout_core::rollout::Phase;
use std::time::Duration;

/// The rollouts that were played.
pub struct Played {
    /// 1.1.0, to completion.
    pub good: RolloutId,
    /// 1.2.0, to its halt.
    pub bad: RolloutId,
    /// Back from 1.1.0 to 1.0.0.
    pub back: RolloutId,
}

/// Plays all acts.
pub async fn play(stage: &Stage, options: &Options) -> anyhow::Result<Played> {
    let arrival = everybody_is_there(stage, options).await?;
    let options = &options.on_a_machine_of(arrival);
    tracing::info!(?arrival, horizon = ?options.horizon(), "everybody is there");
    let ladder = r#"["5", "5%", "25%", "100%"]"#;
    let good = act(stage, options, "good 1.1.0", "1.1.0", ladder, BUDGET).await?;
    let budget = if options.unpaced { 1_000_000_000 } else { BUDGET };
    let bad = act(stage, options, bad_name(options.bad), "1.2.0", r#"["100%"]"#, budget).await?;
    let drafted = stage.client.rollback(&good.to_string()).await?;
    let back = RolloutId::parse(&drafted.rollout)?;
    stage.client.start(&drafted.rollout).await?;
    if !options.may_lose_everybody() {
        ended(stage, options, back).await?;
    }
    Ok(Played { good, bad, back })
}

fn bad_name(bad: Bad) -> &'static str {
    match bad {
        Bad::Explicit => "bad 1.2.0, fails its self-test",
        Bad::Dark => "bad 1.2.0, goes dark",
        Bad::Rate(_) => "bad 1.2.0, fails on some",
    }
}

async fn act(
    stage: &Stage,
    options: &Options,
    name: &str,
    version: &str,
    ladder: &str,
    budget: u32,
) -> anyhow::Result<RolloutId> {
    let horizon = options.horizon().as_millis();
    let lease = (options.horizon() * 10).as_secs();
    let plan = format!(
        "name = \"{name}\"\n\
         release = \"{PRODUCT}@{version}\"\n\
         cohort = \"model=={MODEL}\"\n\
         ladder = {ladder}\n\
         soak = \"0s\"\n\
         [pace]\n\
         budget = {budget}\n\
         lease = \"{lease}s\"\n\
         [gate.silence]\n\
         at_least = \"{horizon}ms\"\n\
         confirm_window = \"60s\"\n"
    );
    let created = stage.client.create(&plan, None).await?;
    let id = RolloutId::parse(&created.line.id)?;
    stage.client.start(&created.line.id).await?;
    ended(stage, options, id).await?;
    Ok(id)
}

/// Waits until every device has said what it runs; says how long that took.
async fn everybody_is_there(stage: &Stage, options: &Options) -> anyhow::Result<Duration> {
    let wanted = options.devices as usize;
    let daemon = &stage.serving.daemon;
    let there = || {
        daemon.read(|fleet| fleet.devices.values().filter(|d| d.facts.is_some()).count()) == wanted
    };
    until(stage, patience(options), there).await.context("the fleet did not come up")?;
    Ok(stage.raised.elapsed())
}

/// Waits until a rollout is over and every device it exposed has come to something.
async fn ended(stage: &Stage, options: &Options, id: RolloutId) -> anyhow::Result<()> {
    let over = || stage.serving.daemon.read(|fleet| fleet.rollouts.get(&id).is_some_and(is_ended));
    let waited = until(stage, patience(options), over).await;
    waited.with_context(|| {
        let waiting = stage.serving.daemon.read(|fleet| {
            let running = fleet.rollouts.get(&id);
            running.map(|r| format!("{} {:?}", r.rollout.phase.name(), r.waiting))
        });
        format!("rollout {id} did not end: {}", waiting.unwrap_or_default())
    })
}

fn is_ended(running: &Running) -> bool {
    let over = matches!(
        running.rollout.phase,
        Phase::Completed { .. } | Phase::Halted { .. } | Phase::Canceled { .. }
    );
    over && running.at_end.is_some()
}

async fn until(
    stage: &Stage,
    patience: Duration,
    mut happened: impl FnMut() -> bool,
) -> anyhow::Result<()> {
    let mut changes = stage.serving.daemon.changes();
    let wait = async {
        while !happened() {
            changes.changed().await?;
        }
        Ok(())
    };
    tokio::time::timeout(patience, wait).await.context("it took too long")?
}
