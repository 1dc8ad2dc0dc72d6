//! The daemon's heart: one queue in which facts become durable and decisions become true.
//!
//! Handlers put questions into the queue and wait. One task takes them in groups: facts are
//! appended and synced, then folded, then acknowledged; then every rollout is stepped and devices
//! are answered, in one transaction. Invariants: nothing is acknowledged before its sync returned;
//! a permit is preceded by the gates on everything acknowledged before it; what is answered was
//! durable first. Not here: HTTP, and what is decided.

mod backend;
mod course;
mod pulse;
mod queue;
mod start;

pub use start::{Settings, StartError, inspect};

use crate::clock::Clock;
use course::Courses;
use pulse::Pulse;
use queue::Job;
use rollout_core::fleet::Fleet;
use rollout_core::port::{ImageStore, Store};
use rollout_http::meters::Meters;
use std::fs::File;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use tokio::sync::{mpsc, watch};

/// Questions that may wait in the queue; more are told to come again.
const QUEUE: usize = 16_384;

/// A handle to the daemon's heart. Cheap to clone.
pub struct Engine<S, I> {
    shared: Arc<Shared<S, I>>,
    queue: mpsc::Sender<Job>,
}

impl<S, I> Clone for Engine<S, I> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), queue: self.queue.clone() }
    }
}

pub(crate) struct Shared<S, I> {
    store: S,
    images: I,
    fleet: RwLock<Fleet>,
    clock: Arc<dyn Clock>,
    url_key: [u8; 32],
    settings: Settings,
    meters: Meters,
    /// Rises with every fold, for those who follow.
    folded: watch::Sender<u64>,
    /// Set when the store failed: it may have done what it did not say, so the journal is read
    /// before anything else is answered.
    unsure: AtomicBool,
    pulse: Pulse,
    courses: Courses,
    /// What keeps other processes away as long as this engine lives.
    lock: OnceLock<File>,
}

impl<S: Store, I: ImageStore> Shared<S, I> {
    fn read<T>(&self, read: impl FnOnce(&Fleet) -> T) -> T {
        read(&self.fleet.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, write: impl FnOnce(&mut Fleet) -> T) -> T {
        write(&mut self.fleet.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<S: Store + 'static, I: ImageStore + 'static> Engine<S, I> {
    /// Reads the model.
    pub fn read<T>(&self, read: impl FnOnce(&Fleet) -> T) -> T {
        self.shared.read(read)
    }

    /// Rises with every change of the model.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.folded.subscribe()
    }

    /// The store, for those who read the journal.
    pub fn store(&self) -> &S {
        &self.shared.store
    }

    /// Keeps `lock` as long as the engine lives.
    pub fn hold(&self, lock: File) {
        // One lock is enough; another one is let go.
        let _ = self.shared.lock.set(lock);
    }

    /// Lets time pass now, without waiting for the next tick. For tests and rehearsals.
    ///
    /// # Errors
    /// The problem of the store, if it has one.
    pub async fn tick(&self) -> Result<(), rollout_http::backend::Problem> {
        self.ask(Job::tick).await
    }
}
