//! Carries effects outside, at least once: takes them from the outbox, acts, forgets them.
//!
//! Devices that pull learn of every effect at their next check-in, so for them an effect is an
//! event worth a line in the log. Carriers that must be told hang their gateway in here.

use crate::engine::Engine;
use rollout_core::id::RolloutId;
use rollout_core::port::{ImageStore, Store, StoreError};
use rollout_core::rollout::{Effect, Phase, Review};
use tokio::sync::watch;

/// Effects taken at a time.
const PAGE: usize = 256;

/// Runs until `stopped` says so.
pub async fn run<S: Store + 'static, I: ImageStore + 'static>(
    engine: Engine<S, I>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut changes = engine.changes();
    changes.mark_changed();
    loop {
        let is_over = tokio::select! {
            changed = changes.changed() => changed.is_err(),
            _ = stopped.wait_for(|stop| *stop) => true,
        };
        if is_over {
            return;
        }
        if let Err(error) = drain(&engine).await {
            tracing::warn!(%error, "the outbox waits");
        }
    }
}

async fn drain<S: Store + 'static, I: ImageStore + 'static>(
    engine: &Engine<S, I>,
) -> Result<(), StoreError> {
    let store = engine.store();
    loop {
        let page = store.outbox(PAGE).await?;
        if page.is_empty() {
            return Ok(());
        }
        for effect in page {
            if effect.kind == Effect::Overdue.name() {
                warn_of_pause(engine, effect.rollout);
            }
            tracing::info!(
                rollout.id = %effect.rollout,
                effect = effect.kind,
                "rollout {} {}", effect.rollout, effect.kind
            );
            store.done(&effect.key).await?;
        }
    }
}

/// A pause whose review is late is somebody's to look at, also where only warnings are read.
fn warn_of_pause<S: Store + 'static, I: ImageStore + 'static>(
    engine: &Engine<S, I>,
    rollout: RolloutId,
) {
    let paused = engine.read(|fleet| match &fleet.rollouts.get(&rollout)?.rollout.phase {
        Phase::Paused { review, .. } => Some(review.clone()),
        Phase::Draft
        | Phase::AwaitingApproval { .. }
        | Phase::Scheduled { .. }
        | Phase::Deploying
        | Phase::Soaking
        | Phase::Halted { .. }
        | Phase::Completed { .. }
        | Phase::Canceled { .. } => None,
    });
    let Some(Review { owner, reason, at }) = paused else { return };
    tracing::warn!(
        rollout.id = %rollout,
        pause.owner = %owner,
        "the pause of rollout {rollout} is overdue: {owner}: {reason} (review was at {at})"
    );
}
