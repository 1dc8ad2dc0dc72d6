//! When to stop, and when to read certificates again: signals.

use tokio::signal::unix::{Signal, SignalKind, signal};

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

/// Asks to read certificates again, as SIGHUP asks other daemons for their settings.
///
/// # Errors
/// If the signal cannot be listened to.
pub fn hang_ups() -> std::io::Result<Signal> {
    signal(SignalKind::hangup())
}
