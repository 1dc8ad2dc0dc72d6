//! Ends the process as `kill -9` would, at a chosen step of a write. For crash tests only.

use rollout_store::{Point, Probe};
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts the steps of writes down; at zero the process is gone, mid-instruction.
pub struct KillAt(AtomicU64);

impl KillAt {
    /// At the `steps`-th step from here; never if `None`.
    pub fn after(steps: Option<u64>) -> Self {
        Self(AtomicU64::new(steps.unwrap_or(u64::MAX).max(1)))
    }
}

impl Probe for KillAt {
    fn at(&self, point: Point) {
        if self.0.fetch_sub(1, Ordering::SeqCst) != 1 {
            return;
        }
        // The harness reads this line to know where the process ended.
        let side = if point.is_inside_commit() { "inside" } else { "outside" };
        let _ = writeln!(std::io::stderr(), "dies at {} ({side} a commit)", point.name());
        let _ =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        // The signal is on its way; nothing more is written.
        loop {
            std::thread::park();
        }
    }
}
