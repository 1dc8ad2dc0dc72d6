//! One data folder, one daemon.

use rollout_core::time::Timestamp;
use rollout_store::Unobserved;
use rolloutd::clock::SetClock;
use rolloutd::engine::Settings;
use rolloutd::serve::{self, Daemon, ServeError};
use std::path::Path;
use std::sync::Arc;

async fn open(data: &Path) -> Result<Daemon, ServeError> {
    let clock = Arc::new(SetClock::at(Timestamp(1_800_000_000_000)));
    serve::open(data, Settings::default(), clock, Unobserved).await
}

#[tokio::test]
async fn a_second_daemon_does_not_begin_on_a_folder_that_is_in_use() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = open(folder.path()).await.expect("the first one begins");
    // An upload that is under way, as the image store names it.
    let unfinished = folder.path().join("images/upload.partial");
    std::fs::write(&unfinished, b"half").expect("a file");
    let second = open(folder.path()).await.err().expect("the second one does not");
    assert_eq!(second.code(), "SV-107", "{second}");
    assert!(unfinished.exists(), "and it has touched nothing");
    drop(first);
    open(folder.path()).await.expect("once the first is gone the next one begins");
}

#[tokio::test]
async fn a_file_that_a_killed_process_left_locks_nobody_out() {
    let folder = tempfile::tempdir().expect("a folder");
    // Made as it should be, and left.
    drop(open(folder.path()).await.expect("it begins"));
    assert!(folder.path().join("lock").exists());
    open(folder.path()).await.expect("it begins");
}
