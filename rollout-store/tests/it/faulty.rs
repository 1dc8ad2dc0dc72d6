//! The faulty store: transparent without budget, and never worse than a store may be.

use rollout_core::journal::{Entry, Seq};
use rollout_core::port::{Decision, Store, StoreError};
use rollout_core::time::Timestamp;
use rollout_store::conformance::{self, sample};
use rollout_store::{Fault, FaultPlan, Faulty, MemoryStore};

fn plan(fault: Fault, budget: u32) -> FaultPlan {
    FaultPlan { seed: 7, one_in: 1, budget, faults: vec![fault] }
}

fn decision(read_to: u64) -> Decision {
    Decision { read_to: Seq(read_to), entries: vec![Entry::Clock], ..Decision::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_faults_it_conforms() {
    let fresh = || Faulty::new(MemoryStore::new(), FaultPlan::off());
    assert_eq!(conformance::run(fresh, |store| store).await.len(), 10);
}

#[tokio::test]
async fn each_fault_does_what_it_says_and_the_budget_ends_it() {
    let store = Faulty::new(MemoryStore::new(), plan(Fault::Error, 1));
    assert!(store.append(Timestamp(1), vec![sample(1)]).await.is_err());
    assert_eq!((store.budget(), store.end().await), (0, Ok(Seq(0))), "not done");

    store.set_plan(plan(Fault::LostReply, 1));
    assert!(store.append(Timestamp(1), vec![sample(1)]).await.is_err());
    assert_eq!((store.budget(), store.end().await), (0, Ok(Seq(1))), "done all the same");

    store.set_plan(plan(Fault::Full, 1));
    assert_eq!(store.end().await, Ok(Seq(1)), "it can be read");
    assert!(store.append(Timestamp(1), vec![sample(1)]).await.is_err());
    assert_eq!((store.budget(), store.end().await), (0, Ok(Seq(1))), "not written");

    store.set_plan(plan(Fault::Conflict, 1));
    assert_eq!(store.beat(Timestamp(1)).await, Ok(()), "only decisions meet conflicts");
    let refused = store.decide(decision(1)).await;
    assert_eq!(refused, Err(StoreError::Conflict { end: Seq(1) }));
    assert_eq!(store.decide(decision(1)).await.map(|stored| stored[0].seq), Ok(Seq(2)));
}

#[tokio::test]
async fn the_same_seed_gives_the_same_faults() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let faults = vec![Fault::Error, Fault::LostReply];
        let plan = FaultPlan { seed: 42, one_in: 3, budget: 10, faults };
        let store = Faulty::new(MemoryStore::new(), plan);
        let mut failed = Vec::new();
        for number in 0..100 {
            let answer = store.append(Timestamp(1), vec![sample(number)]).await;
            failed.extend(answer.is_err().then_some(number));
        }
        assert_eq!(failed.len(), 10, "the whole budget and no more");
        runs.push(failed);
    }
    assert_eq!(runs[0], runs[1]);
}
