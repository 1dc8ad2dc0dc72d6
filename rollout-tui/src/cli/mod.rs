//! The binary `rollout`: reads arguments, does one thing, says how it went.
//!
//! Deliberately not here: clock and entropy, which `main` hands in, and screens.
//!
//! Invariant: one command, one answer or one failure, and an exit code that tells them apart.

pub mod args;
pub mod channel;
pub mod cohort;
pub mod context;
pub mod device;
pub mod error;
pub mod event;
mod freeze;
pub mod key;
pub mod life;
pub mod manual;
pub mod output;
pub mod parse;
pub mod plan;
pub mod position;
pub mod progress;
pub mod release;
pub mod rollout;
pub mod root;
pub mod table;
pub mod token;
pub mod wait;
pub mod watch;
mod ways;

use args::{Cli, Command, RootCommand};
use clap::Parser;
use error::{Exit, Failure};
use output::{Answer, Format, Output};
use progress::Progress;
use rollout_core::time::Timestamp;
use rollout_core::trust::UnixSeconds;
use serde::Serialize;
use serde_json::Value;
use std::ffi::OsString;
use std::fs::{OpenOptions, Permissions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Fills with random bytes.
pub type Entropy<'a> = dyn FnMut(&mut [u8]) -> Result<(), Failure> + 'a;

/// What a command needs of the world.
pub struct World<'a> {
    /// The time.
    pub now: Timestamp,
    /// File of contexts unless another is named.
    pub config: PathBuf,
    /// Randomness.
    pub entropy: &'a mut Entropy<'a>,
    /// For answers.
    pub out: &'a mut dyn Write,
    /// For failures.
    pub err: &'a mut dyn Write,
    /// Whether what takes long draws bars.
    pub progress: Progress,
    /// How wide the terminal is that shows the answers; nothing if none does.
    pub columns: Option<u16>,
}

/// How a command says how far it is, on stderr.
pub struct Says<'a> {
    /// For lines.
    pub lines: &'a mut dyn Write,
    /// For bars, which take the place of lines where they are drawn.
    pub bars: Progress,
}

/// Runs one command line and returns the exit code.
pub async fn run(arguments: impl IntoIterator<Item = OsString>, world: World<'_>) -> u8 {
    let World { now, config, entropy, out, err, progress, columns } = world;
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let as_json = arguments.iter().any(|argument| argument == "--json");
    let format = if as_json { Format::Json } else { Format::Text };
    let mut output = Output { out, err, format, columns };
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(usage) => return usage_code(&usage, &mut output),
    };
    output.format = if cli.global.json { Format::Json } else { Format::Text };
    let says = Says { lines: output.err, bars: progress };
    let (written, exit) = match dispatch(&cli, now, &config, entropy, says).await {
        Ok(answer) => (output.answer(&answer), Exit::Done),
        Err(failure) => (output.failure(&failure), failure.exit),
    };
    match written {
        Ok(()) => exit.code(),
        // Whoever reads closed the pipe, as `head` does: nothing to say, and to nobody.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => exit.code(),
        Err(_) => Exit::Refused.code(),
    }
}

/// Help and version go to stdout and are no failure; anything else is wrong usage.
fn usage_code(usage: &clap::Error, output: &mut Output<'_>) -> u8 {
    let text = usage.render();
    let (written, exit) = if !usage.use_stderr() {
        (write!(output.out, "{text}"), Exit::Done)
    } else if output.format == Format::Json {
        let text = text.to_string();
        let what = text.strip_prefix("error: ").unwrap_or(&text).trim_end();
        let failure = Failure::new("RC-016", what, "see `--help` of the command");
        (output.failure(&failure.ending(Exit::Usage)), Exit::Usage)
    } else {
        (write!(output.err, "{text}"), Exit::Usage)
    };
    written.map_or(Exit::Refused.code(), |()| exit.code())
}

/// Commands that work offline are done here, the others once a server is named.
async fn dispatch(
    cli: &Cli,
    now: Timestamp,
    config: &Path,
    entropy: &mut Entropy<'_>,
    mut says: Says<'_>,
) -> Result<Answer, Failure> {
    let seconds = UnixSeconds(now.unix_secs());
    let config = cli.global.config.as_deref().unwrap_or(config);
    let connect = || context::connect(&cli.global, config);
    match &cli.command {
        Command::Key(command) => key::run(command, entropy),
        Command::Root(RootCommand::New(args)) => root::new(args, seconds),
        Command::Root(RootCommand::Show { file }) => root::show(file),
        Command::Position { rollout, device } => Ok(position::position(*rollout, device)),
        Command::Login(asked) => context::login(&cli.global, config, asked).await,
        Command::Context(command) => context::run(config, command),
        Command::Completions { shell } => manual::completions(*shell),
        Command::Man { folder } => manual::pages(folder),
        Command::Root(RootCommand::Publish { file }) => {
            release::publish_root(&connect()?, file).await
        }
        Command::Release(command) => release::run(&connect()?, command, seconds, says.bars).await,
        Command::Product(command) => channel::product(&connect()?, command).await,
        Command::Channel(command) => channel::run(&connect()?, command).await,
        Command::Device(command) => device::run(&connect()?, command, says.bars).await,
        Command::Cohort(command) => cohort::run(&connect()?, command).await,
        Command::Freeze(command) => freeze::run(&connect()?, command).await,
        Command::Token(command) => token::run(&connect()?, command).await,
        Command::Events { after, limit } => event::events(&connect()?, *after, *limit).await,
        Command::Watch(asked) => watch::run(connect, asked).await,
        Command::Rollout(verb) => rollout::run(&connect()?, verb, &mut says).await,
    }
}

/// What the server said, for programs.
///
/// # Errors
/// [`Failure`] that is a bug.
pub fn to_json(body: &impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(body).map_err(|error| {
        let failure = Failure::new("RC-008", "cannot show the answer", "report this");
        failure.because(&error).ending(Exit::Bug)
    })
}

/// Writes a file that must not be there yet, and syncs it.
///
/// # Errors
/// [`Failure`] if it is there or cannot be written.
pub fn write_new(file: &Path, bytes: &[u8], mode: Option<Permissions>) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    restrict(&mut options, mode.as_ref());
    let written = options.open(file).and_then(|mut opened| {
        opened.write_all(bytes)?;
        opened.sync_all()
    });
    written.map_err(|error| Failure::writing(file, &error))
}

/// Files are born with their mode; there is no moment at which others may read them.
#[cfg(unix)]
fn restrict(options: &mut OpenOptions, mode: Option<&Permissions>) {
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
    if let Some(mode) = mode {
        options.mode(mode.mode());
    }
}

#[cfg(not(unix))]
fn restrict(_options: &mut OpenOptions, _mode: Option<&Permissions>) {}
