//! The store that forgets when the process ends: for tests, simulation and the demo.
//!
//! Same semantics as the durable ones, probes included; "committed" means visible to readers.

use crate::probe::{Probe, Steps, Unobserved};
use rollout_core::journal::{Entry, Seq, Stored};
use rollout_core::port::{Decision, Outgoing, Store, StoreError};
use rollout_core::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A journal in memory. Clones share it.
#[derive(Clone)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

struct Shared {
    probe: Box<dyn Probe>,
    /// Held through a whole write; readers do not wait for it.
    turn: Mutex<()>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    journal: Vec<Stored>,
    outbox: Vec<Outgoing>,
    beat: Option<Timestamp>,
    named: BTreeMap<String, Vec<u8>>,
}

impl State {
    fn end(&self) -> Seq {
        Seq(self.journal.len() as u64)
    }

    fn push(&mut self, at: Timestamp, entries: Vec<Entry>) -> Vec<Stored> {
        let first = self.journal.len();
        for entry in entries {
            let seq = Seq(self.end().0 + 1);
            self.journal.push(Stored { seq, at, entry });
        }
        self.journal[first..].to_vec()
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::with_probe(Unobserved)
    }
}

impl MemoryStore {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty one whose writes are watched.
    pub fn with_probe(probe: impl Probe + 'static) -> Self {
        let (turn, state) = Default::default();
        Self { shared: Arc::new(Shared { probe: Box::new(probe), turn, state }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, unless it is not `expected` to be so.
    fn write<T>(
        &self,
        steps: Steps,
        expected: impl FnOnce(&State) -> Result<(), StoreError>,
        change: impl FnOnce(&mut State) -> T,
    ) -> Result<T, StoreError> {
        let _turn = self.shared.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.shared.probe.at(steps.begin);
        expected(&self.state())?;
        self.shared.probe.at(steps.inserted);
        let done = change(&mut self.state());
        self.shared.probe.at(steps.committed);
        Ok(done)
    }
}

fn anything(_state: &State) -> Result<(), StoreError> {
    Ok(())
}

impl Store for MemoryStore {
    async fn append(&self, at: Timestamp, facts: Vec<Entry>) -> Result<Vec<Stored>, StoreError> {
        self.write(Steps::APPEND, anything, |state| state.push(at, facts))
    }

    async fn decide(&self, decision: Decision) -> Result<Vec<Stored>, StoreError> {
        let unchanged = |state: &State| match state.end() {
            end if end == decision.read_to => Ok(()),
            end => Err(StoreError::Conflict { end }),
        };
        self.write(Steps::DECIDE, unchanged, |state| {
            for effect in decision.outbox {
                if !state.outbox.iter().any(|known| known.key == effect.key) {
                    state.outbox.push(effect);
                }
            }
            state.push(decision.at, decision.entries)
        })
    }

    async fn read(&self, after: Seq, limit: usize) -> Result<Vec<Stored>, StoreError> {
        let skipped = usize::try_from(after.0).unwrap_or(usize::MAX);
        Ok(self.state().journal.iter().skip(skipped).take(limit).cloned().collect())
    }

    async fn end(&self) -> Result<Seq, StoreError> {
        Ok(self.state().end())
    }

    async fn beat(&self, at: Timestamp) -> Result<(), StoreError> {
        self.write(Steps::BEAT, anything, |state| {
            state.beat = Some(at);
        })
    }

    async fn last_beat(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.state().beat)
    }

    async fn set(&self, name: &str, value: Vec<u8>) -> Result<(), StoreError> {
        self.write(Steps::SET, anything, |state| {
            state.named.insert(name.into(), value);
        })
    }

    async fn get(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.state().named.get(name).cloned())
    }

    async fn outbox(&self, limit: usize) -> Result<Vec<Outgoing>, StoreError> {
        Ok(self.state().outbox.iter().take(limit).cloned().collect())
    }

    async fn done(&self, key: &str) -> Result<(), StoreError> {
        self.write(Steps::DONE, anything, |state| {
            state.outbox.retain(|effect| effect.key != key);
        })
    }
}
