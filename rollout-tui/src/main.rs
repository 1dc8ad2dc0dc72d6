//! The binary `rollout`: hands clock, entropy and streams to the library, and leaves with its code.
//!
//! Deliberately not here: anything that can be wrong.
//!
//! Invariant: the only clock, the only entropy and the only path of the command line's own are
//! read here.

use rollout_core::time::Timestamp;
use rollout_tui::cli::error::{Exit, Failure};
use rollout_tui::cli::progress::Progress;
use rollout_tui::cli::{World, run};
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    #[expect(clippy::disallowed_methods, reason = "a command line asks what time it is, once")]
    let now = SystemTime::now();
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut entropy = |bytes: &mut [u8]| {
        getrandom::fill(bytes).map_err(|error| {
            let hint = "start it where the system gives random bytes";
            let failure = Failure::new("RC-004", "cannot get random bytes", hint);
            failure.because(&error).ending(Exit::Bug)
        })
    };
    let world = World {
        now: Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX)),
        config: config(),
        entropy: &mut entropy,
        out: &mut io::stdout().lock(),
        err: &mut io::stderr().lock(),
        progress: Progress::on(width(io::stderr().is_terminal())),
        columns: width(io::stdout().is_terminal()),
    };
    ExitCode::from(run(std::env::args_os(), world).await)
}

/// How wide the terminal is, if somebody looks.
fn width(is_terminal: bool) -> Option<u16> {
    let columns = is_terminal.then(crossterm::terminal::size).and_then(Result::ok);
    columns.map(|(columns, _)| columns).filter(|columns| *columns > 0)
}

/// Where people keep settings on this machine.
//= XDG Base Directory Specification 0.8: $XDG_CONFIG_HOME, else $HOME/.config
fn config() -> PathBuf {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let own = folder("XDG_CONFIG_HOME").filter(|folder| folder.is_absolute());
    let usual = || folder("HOME").map(|home| home.join(".config"));
    own.or_else(usual).unwrap_or_default().join("rollout").join("config.toml")
}
