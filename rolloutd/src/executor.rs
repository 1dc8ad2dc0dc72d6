//! Carries effects outside, at least once: takes them from the outbox, acts, forgets them.
//!
//! Devices that pull learn of every effect at their next check-in, so for them an effect is an
//! event worth a line in the log. Carriers that must be told hang their gateway in here.

use crate::engine::Engine;
use rollout_core::port::{ImageStore, Store, StoreError};
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
        if let Err(error) = drain(engine.store()).await {
            tracing::warn!(%error, "the outbox waits");
        }
    }
}

async fn drain<S: Store>(store: &S) -> Result<(), StoreError> {
    loop {
        let page = store.outbox(PAGE).await?;
        if page.is_empty() {
            return Ok(());
        }
        for effect in page {
            tracing::info!(
                rollout.id = %effect.rollout,
                effect = effect.kind,
                "rollout {} {}", effect.rollout, effect.kind
            );
            store.done(&effect.key).await?;
        }
    }
}
