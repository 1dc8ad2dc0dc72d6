//! What a world is like: how large, how slow, and how much goes wrong in it.
//!
//! Invariant: the same script gives the same draws. Not here: what comes of them.

use firmware_agent::host::image::Behavior;
use rollout_core::rollout::Silence;
use rollout_core::time::Span;
use rollout_store::FaultPlan;

/// What a world is like.
#[derive(Clone, Debug)]
pub struct Script {
    /// Draws everything.
    pub seed: u64,
    /// How many devices.
    pub devices: usize,
    /// How the new image behaves.
    pub behavior: Behavior,
    /// The rungs.
    pub ladder: &'static [&'static str],
    /// How often devices check in.
    pub poll: Span,
    /// Share of replies that are lost after the server has done its part.
    pub loss: f64,
    /// Share of requests that arrive once more, up to a minute later.
    pub twice: f64,
    /// Longest time a reply takes, ms.
    pub delay: u64,
    /// How long a self-test takes, ms.
    pub self_test: u64,
    /// Share of ticks at which some device loses its power.
    pub cuts: f64,
    /// Share of ticks at which the server stops, for up to two minutes.
    pub restarts: f64,
    /// What goes wrong in the store.
    pub faults: FaultPlan,
}

impl Script {
    /// A world in which nothing goes wrong.
    pub fn calm(seed: u64, devices: usize) -> Self {
        Self {
            seed,
            devices,
            behavior: Behavior::default(),
            ladder: &["5", "25%", "100%"],
            poll: Span::secs(60),
            loss: 0.0,
            twice: 0.0,
            delay: 500,
            self_test: 30_000,
            cuts: 0.0,
            restarts: 0.0,
            faults: FaultPlan::off(),
        }
    }

    /// A world in which everything goes wrong that may.
    pub fn rough(seed: u64, devices: usize) -> Self {
        let calm = Self::calm(seed, devices);
        Self { loss: 0.2, twice: 0.1, delay: 3_000, cuts: 0.1, restarts: 0.02, ..calm }
    }

    /// How long after its permit a device may be silent, beside the check-ins it may miss.
    pub fn silence(&self) -> Silence {
        Silence { intervals: 3, at_least: Span::secs(900), confirm_window: Span::secs(120) }
    }
}
