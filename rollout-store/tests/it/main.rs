//! The stores against their conformance suites, and what only one of them promises.

mod faulty;
mod images;
mod later;
mod people;
mod rows;
mod samples;
mod sqlite;
mod ways;

use rollout_store::{MemoryStore, conformance};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_conforms() {
    let checked = conformance::run(MemoryStore::new, |store| store).await;
    assert_eq!(checked.len(), 10);
}
