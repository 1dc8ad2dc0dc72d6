//! What happened, and whether it is what the product promises.

use super::acts::Played;
use super::stage::Stage;
use super::{BUDGET, Bad, Options};
use anyhow::Context as _;
use firmware_agent::host::fleet;
use rollout_core::fleet::{EndCounts, Running};
use rollout_core::id::RolloutId;
use rollout_core::rollout::{Cause, Phase};
use serde_json::{Value, json};
use std::io::Write as _;
use std::time::Duration;

/// One rollout, as it ended.
struct Ended {
    name: String,
    phase: &'static str,
    counts: EndCounts,
    cause: Option<&'static str>,
    why: Option<String>,
    proven_at: Option<u64>,
    /// What the flash files say of the bad release.
    flash: Option<Flash>,
    buckets_sum: u64,
}

/// What devices did with the bad release, by their flash files.
#[derive(Clone, Copy)]
struct Flash {
    /// Those that ever booted it.
    booted: u64,
    /// Those that run it still, silent bricks apart.
    left: u64,
    /// Those that may: it works on them, and they have confirmed it.
    keep: u64,
}

/// The whole show.
pub struct Summary {
    rollouts: Vec<Ended>,
    devices: u64,
    dark: u64,
    seconds: u64,
}

impl Summary {
    /// Takes counts from the model, and what really booted from the devices' flash files.
    pub fn take(
        stage: &Stage,
        options: &Options,
        played: Played,
        took: Duration,
    ) -> anyhow::Result<Self> {
        let mut rollouts = Vec::new();
        for id in [played.good, played.bad, played.back] {
            let flash = if id == played.bad { Some(flash(stage, id)?) } else { None };
            rollouts.push(Ended { flash, ..ended(stage, id)? });
        }
        Ok(Self {
            rollouts,
            devices: u64::from(options.devices),
            dark: fleet::dark(&stage.fleet_folder())? as u64,
            seconds: took.as_secs(),
        })
    }

    /// Whether everything ended as it should.
    pub fn is_as_promised(&self, options: &Options) -> bool {
        self.broken_promises(options).is_empty()
    }

    fn broken_promises(&self, options: &Options) -> Vec<String> {
        let mut broken = Vec::new();
        let mut promise = |kept: bool, what: &str| {
            if !kept {
                broken.push(what.to_owned());
            }
        };
        let [good, bad, back] = &self.rollouts[..] else { return vec!["three rollouts".into()] };
        promise(good.phase == "completed", "the good release completes");
        promise(good.counts.confirmed == self.devices, "every device confirms the good release");
        promise(bad.phase == "halted", "the bad release is halted");
        promise(bad.cause == Some("evidence"), "evidence alone halts it");
        let lost = options.may_lose_everybody();
        promise(lost || back.phase == "completed", "the good release is taken back");
        for ended in &self.rollouts {
            promise(ended.buckets_sum == self.devices, "buckets sum to the fleet");
        }
        let Some(Flash { booted, left, keep }) = bad.flash else { return vec!["flash".into()] };
        promise(booted <= bad.counts.exposed, "no device boots without a permit");
        promise(left <= keep, "nobody is left on the bad release but silent bricks");
        let lossless = options.drop_rate == 0.0;
        promise(!lossless || booted == bad.counts.exposed, "every permit is a boot");
        promise(options.unpaced || bad_is_bounded(options, bad), "at most 20 devices are exposed");
        broken
    }

    /// Prints it.
    pub fn print(&self, options: &Options) -> anyhow::Result<()> {
        let mut stdout = std::io::stdout().lock();
        if options.json {
            writeln!(stdout, "{}", self.json())?;
            return Ok(());
        }
        writeln!(
            stdout,
            "\nWhat happened, in {} seconds, with {} devices:",
            self.seconds, self.devices
        )?;
        for ended in &self.rollouts {
            writeln!(stdout, "{}", ended.words())?;
        }
        if self.dark > 0 {
            writeln!(
                stdout,
                "  {} devices went dark for good: the price of the lesson.",
                self.dark
            )?;
        }
        Ok(())
    }

    /// Says what did not come out as it should, where errors are said.
    pub fn complain(&self, options: &Options) -> anyhow::Result<()> {
        let mut stderr = std::io::stderr().lock();
        for broken in self.broken_promises(options) {
            writeln!(stderr, "BROKEN PROMISE: {broken}")?;
        }
        Ok(())
    }

    fn json(&self) -> Value {
        let sums: Vec<u64> = self.rollouts.iter().map(|ended| ended.buckets_sum).collect();
        let sum = sums.first().copied().filter(|first| sums.iter().all(|sum| sum == first));
        json!({
            "rollouts": self.rollouts.iter().map(Ended::json).collect::<Vec<_>>(),
            "devices": self.devices,
            "buckets_sum": sum,
            "seconds": self.seconds,
        })
    }
}

/// A release that fails everywhere never exposes more than the budget; one that fails on some
/// devices may, as good devices prove themselves and make room.
fn bad_is_bounded(options: &Options, bad: &Ended) -> bool {
    match options.bad {
        Bad::Explicit | Bad::Dark => bad.counts.exposed <= u64::from(BUDGET),
        Bad::Rate(_) => true,
    }
}

fn ended(stage: &Stage, id: RolloutId) -> anyhow::Result<Ended> {
    stage.serving.daemon.read(|fleet| {
        let running = fleet.rollouts.get(&id).context("a rollout that was played")?;
        let (buckets, _) = fleet.census(running, fleet.clock);
        Ok(Ended { buckets_sum: buckets.values().sum(), ..of(running) })
    })
}

fn flash(stage: &Stage, bad: RolloutId) -> anyhow::Result<Flash> {
    let folder = stage.fleet_folder();
    let keep = stage.serving.daemon.read(|fleet| fleet.rollouts.get(&bad).map(Running::counts));
    Ok(Flash {
        booted: fleet::booted(&folder, &stage.bad_image)? as u64,
        left: fleet::left_on(&folder, &stage.bad_image)? as u64,
        keep: keep.context("a rollout that was played")?.confirmed,
    })
}

fn of(running: &Running) -> Ended {
    let rollout = &running.rollout;
    let cause = if let Phase::Halted { cause, .. } = &rollout.phase { Some(cause) } else { None };
    Ended {
        name: rollout.plan.name.clone(),
        phase: rollout.phase.name(),
        counts: running.at_end.unwrap_or_else(|| running.counts()),
        cause: cause.map(Cause::name),
        why: cause.map(ToString::to_string),
        proven_at: rollout.proven.map(|proven| proven.matured),
        flash: None,
        buckets_sum: 0,
    }
}

/// A phase as the type writes it: `Completed`.
fn title(phase: &str) -> String {
    let (first, rest) = phase.split_at(1.min(phase.len()));
    first.to_uppercase() + rest
}

impl Ended {
    fn json(&self) -> Value {
        let EndCounts { exposed, confirmed, failed, rolled_back, silent } = self.counts;
        json!({
            "name": self.name,
            "phase": title(self.phase),
            "exposed": exposed,
            "confirmed": confirmed,
            "failed": failed,
            "rolled_back": rolled_back,
            "silent": silent,
            "cause": self.cause,
            "proven_at": self.proven_at,
            "booted_bad_by_flash": self.flash.map(|flash| flash.booted),
            "left_on_bad_by_flash": self.flash.map(|flash| flash.left),
        })
    }

    fn words(&self) -> String {
        let EndCounts { exposed, confirmed, failed, rolled_back, silent } = self.counts;
        let mut text = format!(
            "  {}: {}. {exposed} exposed, {confirmed} confirmed, {rolled_back} rolled back, \
             {failed} failed, {silent} silent.",
            self.name, self.phase
        );
        if let Some(why) = &self.why {
            text += &format!("\n    Why: {why}.");
        }
        if let Some(matured) = self.proven_at {
            text += &format!("\n    Proven at {matured} devices past their horizon.");
        }
        if let Some(Flash { booted, left, .. }) = self.flash {
            text += &format!(
                "\n    By their flash files, {booted} devices booted it, and {left} of those that \
                 are not dark run it still."
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: Options = Options {
        devices: 300,
        seed: 1,
        bad: Bad::Explicit,
        horizon: 4,
        lines: false,
        json: false,
        drop_rate: 0.0,
        unpaced: false,
        record: None,
    };

    fn ended(phase: &'static str, exposed: u64, confirmed: u64) -> Ended {
        Ended {
            name: "a rollout".into(),
            phase,
            counts: EndCounts { exposed, confirmed, ..EndCounts::default() },
            cause: (phase == "halted").then_some("evidence"),
            why: None,
            proven_at: None,
            flash: None,
            buckets_sum: 300,
        }
    }

    /// A show of which the flash files say this about the bad release.
    fn show(flash: Flash) -> Summary {
        let bad = Ended { flash: Some(flash), ..ended("halted", 20, flash.keep) };
        let rollouts = vec![ended("completed", 300, 300), bad, ended("completed", 280, 280)];
        Summary { rollouts, devices: 300, dark: 0, seconds: 9 }
    }

    #[test]
    fn a_device_that_is_left_on_the_bad_release_breaks_a_promise() {
        let broken = |left, keep| show(Flash { booted: 20, left, keep }).broken_promises(&OPTIONS);
        assert_eq!(broken(0, 0), [""; 0], "all came back, or are dark");
        assert_eq!(broken(1, 0), ["nobody is left on the bad release but silent bricks"]);
        assert_eq!(broken(3, 3), [""; 0], "it works on some, and they said so");
        assert_eq!(broken(4, 3), ["nobody is left on the bad release but silent bricks"]);
    }

    #[test]
    fn a_boot_without_a_permit_breaks_a_promise_and_so_does_no_boot_at_all() {
        let broken = |booted| show(Flash { booted, left: 0, keep: 0 }).broken_promises(&OPTIONS);
        assert_eq!(broken(21), ["no device boots without a permit", "every permit is a boot"]);
        assert_eq!(broken(19), ["every permit is a boot"]);
    }
}
