//! What can be typed: commands, options, and the help text of each with its units.
//!
//! Deliberately not here: what the commands do, and any check that needs a file or the server.
//!
//! Invariant: a value that has a form in the core is parsed into it here, so that a typing error
//! ends with exit code 2 before anything is done.

mod channel;
mod device;
mod fleet;
mod key;
mod release;

pub use channel::{ChannelCommand, ProductCommand};
pub use device::{Add, Device, DeviceCommand, Devices, Reasoned, Set};
pub use fleet::{CohortCommand, FreezeCommand, TokenCommand, TokenRole};
pub use key::{KeyCommand, KeyRole, RootCommand, RootNew};
pub use release::{DeadEnd, Promote, Publish, ReleaseCommand, Renew};

use super::parse::{Token, span};
use crate::wait::Goal;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use rollout_core::id::{DeviceId, RolloutId};
use rollout_core::time::Span;
use std::path::PathBuf;

/// What to do first.
const FIRST_STEPS: &str = "First steps: set ROLLOUT_SERVER and ROLLOUT_TOKEN, or keep both with \
    `rollout login`. Then look with `rollout list` and `rollout watch`. `rollout man FOLDER` \
    writes the manual.";
/// Heading of the options that every command has.
const EVERYWHERE: &str = "Options of every command";

/// Steers firmware rollouts, publishes releases, makes keys.
///
/// Exit codes: 0 done, 1 refused, 2 wrong usage, 3 server unreachable, 4 a bug, 124 time is over
/// (`wait`).
#[derive(Debug, Parser)]
#[command(name = "rollout", version, about, long_about, max_term_width = 100)]
#[command(after_help = FIRST_STEPS)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Args, Debug)]
pub struct Global {
    /// Server to talk to, such as http://127.0.0.1:8470; also ROLLOUT_SERVER.
    #[arg(long, global = true, env = "ROLLOUT_SERVER", value_name = "URL", hide_env = true,
        help_heading = EVERYWHERE)]
    pub server: Option<String>,
    /// Token for it. Better in ROLLOUT_TOKEN: other users of this machine can read arguments.
    #[arg(long, global = true, env = "ROLLOUT_TOKEN", hide_env = true,
        value_name = "TOKEN", help_heading = EVERYWHERE)]
    pub token: Option<Token>,
    /// CA to trust, PEM, and no other; this machine's CAs if absent; also ROLLOUT_CA.
    #[arg(long, global = true, env = "ROLLOUT_CA", value_name = "FILE", hide_env = true,
        help_heading = EVERYWHERE)]
    pub ca: Option<PathBuf>,
    /// Server by the name that `rollout login` gave it; the one last chosen if absent; also
    /// ROLLOUT_CONTEXT.
    #[arg(long, global = true, env = "ROLLOUT_CONTEXT", value_name = "NAME", hide_env = true,
        help_heading = EVERYWHERE)]
    pub context: Option<String>,
    /// File of what `rollout login` keeps; ~/.config/rollout/config.toml if absent; also
    /// ROLLOUT_CONFIG.
    #[arg(long, global = true, env = "ROLLOUT_CONFIG", value_name = "FILE", hide_env = true,
        help_heading = EVERYWHERE)]
    pub config: Option<PathBuf>,
    /// Answer with one JSON document on stdout, and with JSON errors on stderr.
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub json: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make and look at signing keys. Works offline.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Make, look at and publish the root document, which lists the fleet's keys.
    #[command(subcommand)]
    Root(RootCommand),
    /// Look at products.
    #[command(subcommand)]
    Product(ProductCommand),
    /// Publish, promote, list, renew and withdraw releases.
    #[command(subcommand)]
    Release(ReleaseCommand),
    /// Give a product's channels their plans, along which releases are promoted.
    #[command(subcommand)]
    Channel(ChannelCommand),
    /// The verbs on rollouts.
    #[command(flatten)]
    Rollout(Verb),
    /// Look at devices, add, import, hold and replace them.
    #[command(subcommand)]
    Device(DeviceCommand),
    /// Give a name to some devices.
    #[command(subcommand)]
    Cohort(CohortCommand),
    /// Set, list and lift freezes, in which nothing is given but in an emergency.
    #[command(subcommand)]
    Freeze(FreezeCommand),
    /// Make and revoke access tokens of people and programs.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Keep a server and its token under a name, and use it from then on.
    ///
    /// Takes `--server`, `--ca` and the token of ROLLOUT_TOKEN, and asks the server whether it is
    /// good. Of the CA the path is kept, not the file.
    Login(Login),
    /// List, choose and forget the servers that `rollout login` keeps.
    #[command(subcommand)]
    Context(ContextCommand),
    /// Print a script that completes commands and options in a shell.
    Completions {
        /// Which shell.
        shell: Shell,
    },
    /// Write the manual, a page for each command, into a folder.
    Man {
        /// The folder; made if it is not there.
        folder: PathBuf,
    },
    /// Watch and steer rollouts in this terminal.
    Watch(Watch),
    /// Show what happened, oldest first.
    Events {
        /// Start behind this place of the journal, 0 is its beginning; the newest if absent.
        #[arg(long, value_name = "SEQ")]
        after: Option<u64>,
        /// How many at most.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
    /// Compute where a device stands in a rollout's order. Works offline.
    ///
    /// Key, salt and position are 16 hexadecimal digits; the bucket is the ten-thousandth of the
    /// order that the position lies in, 0 to 9999.
    Position {
        /// Id of the rollout, a UUID.
        #[arg(long, value_name = "UUID", value_parser = RolloutId::parse)]
        rollout: RolloutId,
        /// Id of the device.
        #[arg(long, value_name = "ID", value_parser = DeviceId::new)]
        device: DeviceId,
    },
}

/// Options of `login`.
#[derive(Args, Debug)]
pub struct Login {
    /// The name.
    #[arg(default_value = "default")]
    pub name: String,
}

/// About contexts.
#[derive(Debug, Subcommand)]
pub enum ContextCommand {
    /// List them; tokens are not shown.
    List,
    /// Use this one from now on.
    Use {
        /// Its name.
        name: String,
    },
    /// Forget one and its token. The token stays good; `rollout token revoke` ends it.
    Forget {
        /// Its name.
        name: String,
    },
}

/// What to do with rollouts.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Check a plan against the server; changes nothing.
    Check {
        /// Plan file, TOML or JSON.
        plan: PathBuf,
    },
    /// Create a rollout from a plan, as a draft.
    Create {
        /// Plan file, TOML or JSON.
        plan: PathBuf,
        /// Id of the rollout; the server draws one if absent. Giving it makes the command safe to
        /// repeat.
        #[arg(long, value_name = "UUID", value_parser = RolloutId::parse)]
        id: Option<RolloutId>,
        /// Start it at once.
        #[arg(long)]
        start: bool,
    },
    /// Start a draft.
    Start(Rollout),
    /// Stop offers and permits for a while; one person resumes it.
    Pause {
        /// The rollout.
        #[command(flatten)]
        rollout: Rollout,
        /// Why; everybody who looks at the rollout sees it.
        #[arg(long)]
        reason: String,
        /// When the pause is looked at again, from now: a number and s, m, h or d.
        #[arg(long, value_name = "SPAN", default_value = "1d", value_parser = span)]
        review: Span,
    },
    /// Go on: one person after a pause, two after a halt, each by a token of their own.
    Resume(Rollout),
    /// Open the next rung without waiting for reach, quiet or bake time.
    ///
    /// It passes neither an abort nor an approval nor the cap that the evidence sets.
    Advance(Rollout),
    /// Approve a rung for which the plan wants approval. Its author may not.
    Approve {
        /// The rollout.
        #[command(flatten)]
        rollout: Rollout,
        /// Rung as the plan writes it, such as 25%.
        #[arg(long)]
        rung: String,
        /// Agree that it takes the way back from devices, which its other approvals do not.
        #[arg(long)]
        no_return: bool,
    },
    /// Stop because something is wrong; only two people together resume it.
    Halt {
        /// The rollout.
        #[command(flatten)]
        rollout: Rollout,
        /// Why; everybody who looks at the rollout sees it.
        #[arg(long)]
        reason: String,
    },
    /// End a rollout for good. Nobody is taken back; `rollout rollback` does that.
    Cancel(Rollout),
    /// Prepare the way back for devices that run the rollout's release.
    ///
    /// Makes a draft that installs the image before it; `rollout start` lets it go.
    Rollback(Rollout),
    /// Show how a rollout stands; without an id, all of them as `rollout list` does.
    Status {
        /// Id of the rollout, a UUID.
        #[arg(value_name = "ROLLOUT", value_parser = RolloutId::parse)]
        id: Option<RolloutId>,
        /// Fail with exit code 1 if the review of a pause is overdue, and name whose it is.
        #[arg(long)]
        fail_on_overdue: bool,
    },
    /// Say why a device has, or has not, what a rollout installs.
    Explain {
        /// The rollout.
        #[command(flatten)]
        rollout: Rollout,
        /// Id of the device.
        #[arg(value_parser = DeviceId::new)]
        device: DeviceId,
    },
    /// List all rollouts, oldest first.
    List,
    /// Show where a plan file differs from a rollout's plan, and what applying it does.
    Diff {
        /// Plan file, TOML or JSON.
        plan: PathBuf,
        /// The rollout.
        #[command(flatten)]
        rollout: Rollout,
    },
    /// Make the rollout of a plan file be there. Safe to repeat.
    ///
    /// The rollout of the plan's name is drafted if there is none, drafted anew if it is a draft
    /// with another plan, left as it is if nothing differs, and given the changed plan if it has
    /// begun. Of what cannot change then, the refusal names the first; `rollout diff` says before
    /// what a change does.
    Apply {
        /// Plan file, TOML or JSON.
        plan: PathBuf,
        /// Start it at once, also if it was a draft before.
        #[arg(long)]
        start: bool,
    },
    /// Wait until a rollout is proven, completed, or through with a batch.
    ///
    /// Exit codes: 0 it is; 1 it will not be, at once and with the reason; 2 wrong usage; 3 the
    /// server was never reached, or not for a minute; 124 the time is over.
    Wait(Wait),
}

/// Options of `wait`.
#[derive(Args, Debug)]
pub struct Wait {
    /// The rollout.
    #[command(flatten)]
    pub rollout: Rollout,
    /// What to wait for: proven, completed, or batch=N, counted from 1.
    #[arg(long = "for", value_name = "GOAL", default_value_t = Goal::Completed)]
    pub goal: Goal,
    /// How long at most: a number and s, m, h or d.
    #[arg(long, value_name = "SPAN", default_value = "1h", value_parser = span)]
    pub timeout: Span,
}

/// Options of `watch`.
#[derive(Args, Debug)]
pub struct Watch {
    /// Id of a rollout to open at once, a UUID.
    #[arg(value_name = "ROLLOUT", value_parser = RolloutId::parse)]
    pub id: Option<RolloutId>,
    /// Play a recording: space plays, arrows step, + and - change the speed. Asks no server.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["id", "record"])]
    pub replay: Option<PathBuf>,
    /// Record what is seen and pressed, names and reasons included, to a new file.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Colors: for a dark or a light terminal, or none.
    #[arg(long, value_enum, default_value_t = Theme::Dark)]
    pub theme: Theme,
    /// Use printable ASCII alone.
    #[arg(long)]
    pub ascii: bool,
    /// Use no color, if it says anything.
    #[arg(long, env = "NO_COLOR", hide = true)]
    pub no_color: Option<String>,
}

/// Colors of the dashboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Theme {
    /// For dark backgrounds.
    Dark,
    /// For light backgrounds.
    Light,
    /// No color.
    Mono,
}

/// A rollout by its id.
#[derive(Args, Clone, Copy, Debug)]
pub struct Rollout {
    /// Id of the rollout, a UUID.
    #[arg(value_name = "ROLLOUT", value_parser = RolloutId::parse)]
    pub id: RolloutId,
}
