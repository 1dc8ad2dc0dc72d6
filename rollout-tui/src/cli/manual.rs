//! `rollout completions` and `rollout man`: made from the arguments themselves.
//!
//! Deliberately not here: any text about a command.
//!
//! Invariant: what they say is what the parser accepts, because it is the parser that says it.

use super::args::Cli;
use super::error::{Exit, Failure};
use super::output::Answer;
use clap::CommandFactory as _;
use clap_complete::Shell;
use serde_json::json;
use std::fs;
use std::path::Path;

/// A script for a shell.
///
/// # Errors
/// [`Failure`] that is a bug.
pub fn completions(shell: Shell) -> Result<Answer, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "rollout", &mut script);
    let script = String::from_utf8(script).map_err(|error| {
        let failure = Failure::new("RC-008", "cannot show the script", "report this");
        failure.because(&error).ending(Exit::Bug)
    })?;
    let json = json!({ "shell": shell.to_string(), "script": script });
    Ok(Answer::of_lines(script.lines().map(str::to_owned).collect(), json))
}

/// Writes a page for each command.
///
/// # Errors
/// [`Failure`] if the folder cannot be written.
pub fn pages(folder: &Path) -> Result<Answer, Failure> {
    let written = fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), folder))
        .and_then(|()| fs::read_dir(folder).map(Iterator::count));
    let pages = written.map_err(|error| Failure::writing(folder, &error))?;
    let said = format!("{pages} pages in {}", folder.display());
    Ok(Answer::line(said, json!({ "folder": folder.display().to_string(), "pages": pages })))
}
