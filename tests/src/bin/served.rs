//! `rolloutd serve` as crash tests want it: it dies where it is told to, and says how things are.
//!
//! The daemon is the real one, with the store, the listeners and the executor of the binary. What
//! is added is one line of JSON on stdout whenever the state has changed, so that nobody has to
//! ask again and again.

use rollout_tests::crash::{Served, State};
use rolloutd::config::{Config, Exposure};
use rolloutd::kill::KillAt;
use rolloutd::serve;
use std::io::Write as _;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    match run().await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            // Whoever started it reads this, or is gone.
            let _ = writeln!(std::io::stderr(), "{error}");
            std::process::ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let Served { config, die_at } = Served::parse(std::env::args().skip(1))?;
    let config = Config::load(Some(&config), [], Exposure::Loopback)?;
    let serving = serve::listen(&config, KillAt::after(die_at)).await?;
    let mut changes = serving.daemon.changes();
    let mut last = None;
    loop {
        let state = serving.daemon.read(State::of);
        if last.as_ref() != Some(&state) {
            let mut stdout = std::io::stdout().lock();
            writeln!(stdout, "{}", serde_json::to_string(&state)?)?;
            stdout.flush()?;
            last = Some(state);
        }
        changes.changed().await?;
    }
}
