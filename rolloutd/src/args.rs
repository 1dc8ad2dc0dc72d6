//! The command line of the daemon.

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Control plane for firmware rollouts: decides, remembers, serves devices and operators.
#[derive(Debug, Parser)]
#[command(name = "rolloutd", version, about, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a data folder with settings, a database and the first admin token.
    Init(Init),
    /// Serve operators and devices until told to stop (SIGTERM, Ctrl-C).
    Serve(Serve),
    /// Bring the database to this program's schema, and say which it is.
    Migrate(Where),
    /// Read settings and journal, fold everything, and change nothing.
    Check(Where),
    /// Show the whole system at work: server, keys, a fleet of real agents, three rollouts.
    #[cfg(feature = "demo")]
    Demo(crate::demo::Options),
}

/// Where the settings are, and which of them are overruled.
#[derive(Clone, Debug, Args)]
pub struct Where {
    /// Settings file; its folder is the base of `data`.
    #[arg(long, value_name = "FILE", default_value = "rolloutd.toml")]
    pub config: PathBuf,
    /// Overrule a setting, as in `--set poll=15m`; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = pair)]
    pub overrides: Vec<(String, String)>,
    /// Allow listeners without a certificate at other addresses than loopback.
    #[arg(long)]
    pub insecure: bool,
}

/// What `init` makes.
#[derive(Debug, Args)]
pub struct Init {
    /// Folder to make; must not hold a `rolloutd.toml` yet, but for `--tls`.
    #[arg(value_name = "FOLDER", default_value = ".")]
    pub folder: PathBuf,
    /// Whom the first admin token stands for.
    #[arg(long, value_name = "NAME", default_value = "admin")]
    pub admin: String,
    /// Make a CA and a server certificate as well, for this machine and for these names and
    /// addresses; in a folder that is there, only what is missing of them.
    #[arg(long, value_name = "NAME,…", num_args = 0..=1, require_equals = true,
        value_delimiter = ',', default_missing_value = "")]
    pub tls: Option<Vec<String>>,
}

/// How to serve.
#[derive(Debug, Args)]
pub struct Serve {
    /// Where the settings are.
    #[command(flatten)]
    pub place: Where,
    /// Kill the process at the N-th step of a write, for crash tests.
    #[arg(long, value_name = "N", hide = true)]
    pub die_at: Option<u64>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}
