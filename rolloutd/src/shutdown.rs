//! When to stop: a signal of the service manager, or Ctrl-C.

use tokio::signal::unix::{SignalKind, signal};

/// Returns when the process is told to stop.
///
/// # Errors
/// If the signals cannot be listened to.
pub async fn told() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        pressed = tokio::signal::ctrl_c() => pressed,
    }
}
