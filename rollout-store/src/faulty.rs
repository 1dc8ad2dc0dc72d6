//! A store that fails on purpose, by a seeded plan with a budget.
//!
//! For tests of whoever must live with failures. Invariant: a fault is one that a healthy store
//! could show as well: not done and said so, done with the answer lost, or a conflict; never an
//! acknowledgment of something that was not done. Without budget the store is as if not wrapped.

use rollout_core::journal::{Entry, Seq, Stored};
use rollout_core::port::{Decision, Outgoing, Store, StoreError};
use rollout_core::time::Timestamp;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is done, and the answer says so.
    Error,
    /// It is done, and the answer is an error.
    LostReply,
    /// A decision is told that somebody else wrote first. Other calls are spared.
    Conflict,
    /// Nothing is written, and the answer says so; what is there can be read, as on a full disk.
    Full,
}

/// What goes wrong, how often, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultPlan {
    /// Same seed and same calls, same faults.
    pub seed: u64,
    /// One call in so many meets a fault, on average; 0 is never.
    pub one_in: u64,
    /// Faults in all, then none.
    pub budget: u32,
    /// What may happen, each as likely.
    pub faults: Vec<Fault>,
}

impl FaultPlan {
    /// No fault ever.
    pub const fn off() -> Self {
        Self { seed: 0, one_in: 0, budget: 0, faults: Vec::new() }
    }
}

/// A store with faults.
pub struct Faulty<S> {
    inner: S,
    plan: Mutex<FaultPlan>,
}

impl<S> Faulty<S> {
    /// Wraps a store.
    pub fn new(inner: S, plan: FaultPlan) -> Self {
        Self { inner, plan: Mutex::new(plan) }
    }

    /// From here on by another plan.
    pub fn set_plan(&self, plan: FaultPlan) {
        *self.plan() = plan;
    }

    /// Faults that are left.
    pub fn budget(&self) -> u32 {
        self.plan().budget
    }

    /// The store itself.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    fn plan(&self) -> MutexGuard<'_, FaultPlan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What befalls the next call, if it is of those that `can` meet it.
    fn draw(&self, can: &[Fault]) -> Option<Fault> {
        let mut plan = self.plan();
        if plan.budget == 0 || plan.one_in == 0 || plan.faults.is_empty() {
            return None;
        }
        let (when, which) = (next(&mut plan.seed), next(&mut plan.seed));
        let fault = plan.faults[(which % plan.faults.len() as u64) as usize];
        let falls = when.is_multiple_of(plan.one_in) && can.contains(&fault);
        plan.budget -= u32::from(falls);
        falls.then_some(fault)
    }

    async fn through<T>(
        &self,
        can: &[Fault],
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError>
    where
        S: Store,
    {
        match self.draw(can) {
            None => call.await,
            Some(Fault::Error | Fault::Full) => Err(injected("it was not done")),
            Some(Fault::LostReply) => {
                call.await?;
                Err(injected("the reply was lost"))
            }
            Some(Fault::Conflict) => Err(StoreError::Conflict { end: self.inner.end().await? }),
        }
    }
}

/// What a call may meet: one that reads has no reply worth losing.
const READS: &[Fault] = &[Fault::Error];
const WRITES: &[Fault] = &[Fault::Error, Fault::LostReply, Fault::Full];
const DECIDES: &[Fault] = &[Fault::Error, Fault::LostReply, Fault::Conflict, Fault::Full];

fn injected(why: &str) -> StoreError {
    StoreError::Failed { doing: "pass an injected fault", why: why.into() }
}

/// `SplitMix64`.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl<S: Store> Store for Faulty<S> {
    async fn append(&self, at: Timestamp, facts: Vec<Entry>) -> Result<Vec<Stored>, StoreError> {
        self.through(WRITES, self.inner.append(at, facts)).await
    }

    async fn decide(&self, decision: Decision) -> Result<Vec<Stored>, StoreError> {
        self.through(DECIDES, self.inner.decide(decision)).await
    }

    async fn read(&self, after: Seq, limit: usize) -> Result<Vec<Stored>, StoreError> {
        self.through(READS, self.inner.read(after, limit)).await
    }

    async fn end(&self) -> Result<Seq, StoreError> {
        self.through(READS, self.inner.end()).await
    }

    async fn beat(&self, at: Timestamp) -> Result<(), StoreError> {
        self.through(WRITES, self.inner.beat(at)).await
    }

    async fn last_beat(&self) -> Result<Option<Timestamp>, StoreError> {
        self.through(READS, self.inner.last_beat()).await
    }

    async fn set(&self, name: &str, value: Vec<u8>) -> Result<(), StoreError> {
        self.through(WRITES, self.inner.set(name, value)).await
    }

    async fn get(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.through(READS, self.inner.get(name)).await
    }

    async fn outbox(&self, limit: usize) -> Result<Vec<Outgoing>, StoreError> {
        self.through(READS, self.inner.outbox(limit)).await
    }

    async fn done(&self, key: &str) -> Result<(), StoreError> {
        self.through(WRITES, self.inner.done(key)).await
    }
}
