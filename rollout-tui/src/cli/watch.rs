//! `rollout watch`: opens the dashboard on a server or on a recording.
//!
//! Deliberately not here: the dashboard. Invariant: where there is no terminal, nothing is written
//! that only a terminal understands.

use super::args::{Theme, Watch};
use super::error::{Exit, Failure};
use super::output::Answer;
use crate::theme::{Charset, Look, Palette};
use crate::watch::{self, Options, WatchError};
use rollout_http::client::Client;
use serde_json::Value;
use std::io::{IsTerminal as _, stdin, stdout};

/// Shows the dashboard until the operator leaves.
///
/// # Errors
/// [`Failure`] without a terminal, and of files.
pub async fn run(
    connect: impl FnOnce() -> Result<Client, Failure>,
    asked: &Watch,
) -> Result<Answer, Failure> {
    if !stdout().is_terminal() || !stdin().is_terminal() {
        return Err(failure(&WatchError::NoTerminal).ending(Exit::Usage));
    }
    let shown = match &asked.replay {
        Some(path) => watch::replay(path, look(asked), ended()).await,
        None => {
            let options = Options {
                look: look(asked),
                rollout: asked.id.map(|id| id.to_string()),
                record: asked.record.clone(),
                said: None,
            };
            watch::run(connect()?, options, ended()).await
        }
    };
    shown.map_err(|error| failure(&error))?;
    Ok(Answer::of_lines(Vec::new(), Value::Null))
}

/// How it looks; `NO_COLOR` wins over a theme.
//= no-color.org: when present and not an empty string
fn look(asked: &Watch) -> Look {
    let colorless = asked.no_color.as_ref().is_some_and(|text| !text.is_empty());
    let themed = match asked.theme {
        Theme::Dark => Palette::Dark,
        Theme::Light => Palette::Light,
        Theme::Mono => Palette::Mono,
    };
    let palette = if colorless { Palette::Mono } else { themed };
    Look { palette, charset: if asked.ascii { Charset::Ascii } else { Charset::Unicode } }
}

fn failure(error: &WatchError) -> Failure {
    Failure::new(error.code(), "cannot show the dashboard", error.hint()).because(error)
}

/// Ends when the process is asked to.
#[cfg(unix)]
async fn ended() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut hang_up)) =
        (signal(SignalKind::terminate()), signal(SignalKind::hangup()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = hang_up.recv() => {}
    }
}

#[cfg(not(unix))]
async fn ended() {
    std::future::pending().await
}
