//! The daemon's queue over a store in memory that fails where it is told to.
//!
//! Time stands still and nothing ticks by itself, so what happens is what a test asks for.
//! Invariant: the first tick is over, so nothing of the daemon's own goes wrong in its place.

use crate::world::DAWN;
use rollout_core::journal::{Seq, Stored};
use rollout_core::port::Store as _;
use rollout_core::time::{Span, Timestamp};
use rollout_store::{Fault, FaultPlan, Faulty, FileImages, MemoryStore};
use rolloutd::clock::SetClock;
use rolloutd::engine::{Engine, Settings};
use std::sync::Arc;

/// A daemon without a wire.
pub struct Desk {
    /// Its queue and its model.
    pub engine: Engine<Faulty<MemoryStore>, FileImages>,
    _folder: tempfile::TempDir,
}

impl Desk {
    /// Starts one at [`DAWN`], with nothing in it.
    ///
    /// # Panics
    /// If there is no folder for images.
    pub async fn set() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Faulty::new(MemoryStore::new(), FaultPlan::off());
        let images = FileImages::open(folder.path().join("images")).expect("images");
        let hours = Span::hours(1_000);
        let settings = Settings { tick: hours, beat: hours, ..Settings::default() };
        let clock = Arc::new(SetClock::at(Timestamp(DAWN)));
        let engine = Engine::start(store, images, clock, settings, [7; 32]).await.expect("starts");
        engine.tick().await.expect("a tick");
        Self { engine, _folder: folder }
    }

    /// The next call of the store goes wrong in this way.
    pub fn fail(&self, fault: Fault) {
        let faults = vec![fault];
        self.engine.store().set_plan(FaultPlan { seed: 1, one_in: 1, budget: 1, faults });
    }

    /// The first 1000 entries.
    ///
    /// # Panics
    /// Never: memory does not fail by itself.
    pub async fn journal(&self) -> Vec<Stored> {
        self.engine.store().inner().read(Seq(0), 1000).await.expect("reads")
    }

    /// Their kinds.
    pub async fn kinds(&self) -> Vec<&'static str> {
        self.journal().await.iter().map(|stored| stored.entry.kind()).collect()
    }
}
