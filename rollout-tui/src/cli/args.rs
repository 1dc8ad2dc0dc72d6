//! What can be typed: commands, options, and the help text of each with its units.
//!
//! Deliberately not here: what the commands do, and any check that needs a file or the server.
//!
//! Invariant: a value that has a form in the core is parsed into it here, so that a typing error
//! ends with exit code 2 before anything is done.

use super::parse::{ImageArg, Token, WayBackArg, image, range, span, way_back};
use crate::wait::Goal;
use clap::{Args, Parser, Subcommand, ValueEnum};
use rollout_core::hosting::Contract;
use rollout_core::id::{CohortId, DeviceId, HardwareModel, ProductId, RolloutId};
use rollout_core::release::ReleaseId;
use rollout_core::time::Span;
use semver::VersionReq;
use std::path::PathBuf;

/// Heading of the options that every command has.
const EVERYWHERE: &str = "Options of every command";

/// Steers firmware rollouts, publishes releases, makes keys.
///
/// Exit codes: 0 done, 1 refused, 2 wrong usage, 3 server unreachable, 4 a bug, 124 time is over
/// (`wait`).
#[derive(Debug, Parser)]
#[command(name = "rollout", version, about, long_about, max_term_width = 100)]
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
    /// Server to talk to, such as http://127.0.0.1:8470.
    #[arg(long, global = true, env = "ROLLOUT_SERVER", value_name = "URL",
        help_heading = EVERYWHERE)]
    pub server: Option<String>,
    /// Bearer token. Prefer the environment: other users of this machine can read arguments.
    #[arg(long, global = true, env = "ROLLOUT_TOKEN", hide_env_values = true,
        value_name = "TOKEN", help_heading = EVERYWHERE)]
    pub token: Option<Token>,
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
    /// Publish, list and withdraw releases.
    #[command(subcommand)]
    Release(ReleaseCommand),
    /// The verbs on rollouts.
    #[command(flatten)]
    Rollout(Verb),
    /// Look at devices, let devices enroll.
    #[command(subcommand)]
    Device(DeviceCommand),
    /// Give a name to some devices.
    #[command(subcommand)]
    Cohort(CohortCommand),
    /// Make and revoke access tokens of people and programs.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Show what happened, oldest first.
    Events {
        /// Start behind this place of the journal; 0 is its beginning.
        #[arg(long, value_name = "SEQ", default_value_t = 0)]
        after: u64,
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
    /// Go on: one person after a pause, two after a halt.
    Resume(Rollout),
    /// Open the next rung without waiting for reach, quiet or bake time.
    ///
    /// It passes neither an abort nor an approval nor the cap that the evidence sets.
    Advance(Rollout),
    /// Agree that a rung opens.
    Approve {
        /// The rollout.
        #[command(flatten)]
        rollout: Rollout,
        /// Rung as the plan writes it, such as 25%.
        #[arg(long)]
        rung: String,
    },
    /// Stop for good; only two people together resume it.
    Halt {
        /// The rollout.
        #[command(flatten)]
        rollout: Rollout,
        /// Why; everybody who looks at the rollout sees it.
        #[arg(long)]
        reason: String,
    },
    /// End a rollout.
    Cancel(Rollout),
    /// Prepare the way back for devices that run the rollout's release.
    ///
    /// Makes a draft that installs the image before it; `rollout start` lets it go.
    Rollback(Rollout),
    /// Show how a rollout stands, or every rollout in a line.
    Status {
        /// Id of the rollout, a UUID.
        #[arg(value_name = "ROLLOUT", value_parser = RolloutId::parse)]
        id: Option<RolloutId>,
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
    /// Wait until a rollout is proven, completed, or through with a batch.
    ///
    /// Exit codes: 0 it is; 1 it will not be, at once and with the reason; 3 the server could not
    /// be reached for a minute; 124 the time is over.
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

/// A rollout by its id.
#[derive(Args, Clone, Copy, Debug)]
pub struct Rollout {
    /// Id of the rollout, a UUID.
    #[arg(value_name = "ROLLOUT", value_parser = RolloutId::parse)]
    pub id: RolloutId,
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KeyRole {
    /// Signs root documents.
    Root,
    /// Signs manifests of releases.
    Release,
    /// Signs bindings: where devices connect.
    Binding,
}

/// About keys.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a private key: Ed25519, PKCS#8 in PEM, mode 0600. Never overwrites a file.
    New {
        /// What it is for. Any key can do any role; the root document decides.
        #[arg(long)]
        role: KeyRole,
        /// Where to write it.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Show the id and the public half of a private key.
    Show {
        /// Private key, PEM.
        file: PathBuf,
    },
}

/// About the root document.
#[derive(Debug, Subcommand)]
pub enum RootCommand {
    /// Make and sign the first root document of a fleet. Works offline.
    New(RootNew),
    /// Show what a root document says, and whether it is signed by itself. Works offline.
    Show {
        /// Root document, COSE.
        file: PathBuf,
    },
    /// Give the server a root document: the first, or the successor of the one in force.
    Publish {
        /// Root document, COSE.
        file: PathBuf,
    },
}

/// Options of `root new`.
#[derive(Args, Debug)]
pub struct RootNew {
    /// The fleet: 32 hexadecimal digits, or a name (its SHA-256, cut to 16 bytes, is the id).
    #[arg(long, value_name = "NAME|HEX")]
    pub fleet: String,
    /// Private root key, PEM; once for each. All of them sign.
    #[arg(long, value_name = "FILE", required = true)]
    pub root_key: Vec<PathBuf>,
    /// Release key; once for each: private key in PEM, or the public key as 64 digits.
    #[arg(long, value_name = "FILE|HEX", required = true)]
    pub release_key: Vec<String>,
    /// Binding key, in either form.
    #[arg(long, value_name = "FILE|HEX", required = true)]
    pub binding_key: Vec<String>,
    /// How many root keys must sign; more than half of them if absent.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=8))]
    pub threshold_root: Option<u8>,
    /// How many release keys must sign.
    #[arg(long, value_name = "N", default_value_t = 1,
        value_parser = clap::value_parser!(u8).range(1..=8))]
    pub threshold_release: u8,
    /// Life of the root, days; nothing is installed under it afterwards.
    #[arg(long, value_name = "DAYS", default_value_t = crate::root::EXPIRES_DAYS,
        value_parser = clap::value_parser!(u64).range(1..=3650))]
    pub expires_days: u64,
    /// Where to write it. Never overwrites a file.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// About releases.
#[derive(Debug, Subcommand)]
pub enum ReleaseCommand {
    /// Sign and upload a release, together with a way back to the release that is good by now.
    ///
    /// Chip, project, version and secure version are read from the images. Keys stay here: the
    /// server gets signatures. The same images again are `already published`.
    Publish(Publish),
    /// List releases by product and version.
    List {
        /// Only those of this product.
        #[arg(long, value_parser = ProductId::new)]
        product: Option<ProductId>,
    },
    /// Show a release and its images.
    Show {
        /// Product and version, such as vacuum@2.4.1.
        #[arg(value_parser = ReleaseId::parse)]
        release: ReleaseId,
    },
    /// Withdraw a release: it is not offered any more, devices that run it keep it.
    Withdraw {
        /// Product and version, such as vacuum@2.4.1.
        #[arg(value_parser = ReleaseId::parse)]
        release: ReleaseId,
        /// Why; everybody who looks at the release sees it.
        #[arg(long)]
        reason: String,
    },
}

/// Options of `release publish`.
#[derive(Args, Debug)]
pub struct Publish {
    /// The product; each image must name it as its project.
    #[arg(long, value_parser = ProductId::new)]
    pub product: ProductId,
    /// App image and the hardware models it is for; once for each image.
    #[arg(long, value_name = "FILE[:MODEL,..]", required = true, value_parser = image)]
    pub image: Vec<ImageArg>,
    /// Private release key, PEM; once for each that has to sign.
    #[arg(long, value_name = "FILE", required = true)]
    pub key: Vec<PathBuf>,
    /// Hardware models of images that name none.
    #[arg(long, value_name = "MODEL", value_delimiter = ',', value_parser = HardwareModel::new)]
    pub hardware: Vec<HardwareModel>,
    /// Root document to sign under, COSE; the server's if absent.
    #[arg(long, value_name = "FILE")]
    pub root: Option<PathBuf>,
    /// Lowest release counter that may install this directly; 0 is any.
    #[arg(long, value_name = "COUNTER", default_value_t = 0)]
    pub min_from: u64,
    /// Versions from which it may be installed, such as ">=1.0.0"; any if absent.
    #[arg(long, value_name = "RANGE", value_parser = range)]
    pub from: Option<VersionReq>,
    /// What the firmware needs of its backend, such as "api ^2.1"; at most 64 bytes.
    #[arg(long, value_parser = Contract::parse)]
    pub contract: Option<Contract>,
    /// Life of the manifests, days; they can be renewed.
    #[arg(long, value_name = "DAYS", default_value_t = crate::ceremony::EXPIRES_DAYS,
        value_parser = clap::value_parser!(u64).range(1..=3650))]
    pub expires_days: u64,
    /// Version to go back to, or `none`; what the server names as good if absent, which is the
    /// release of the last completed rollout.
    #[arg(long, value_name = "VERSION|none", value_parser = way_back)]
    pub way_back: Option<WayBackArg>,
    /// Part of the device; 0 is the main firmware.
    #[arg(long, value_name = "N")]
    pub component: Option<u64>,
}

/// About devices.
#[derive(Debug, Subcommand)]
pub enum DeviceCommand {
    /// List devices by id.
    List {
        /// Start behind this id.
        #[arg(long, value_name = "ID", value_parser = DeviceId::new)]
        after: Option<DeviceId>,
        /// How many at most.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=500))]
        limit: u32,
    },
    /// Show a device.
    Show {
        /// Id of the device.
        #[arg(value_parser = DeviceId::new)]
        device: DeviceId,
    },
    /// Let so many devices of a hardware model enroll. The token is shown once.
    EnrollToken {
        /// Hardware model of the devices.
        #[arg(long, value_parser = HardwareModel::new)]
        hardware: HardwareModel,
        /// How many devices may use it.
        #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
        count: u64,
        /// Life of the token, days.
        #[arg(long, value_name = "DAYS", default_value_t = 7,
            value_parser = clap::value_parser!(u32).range(1..=90))]
        expires_days: u32,
    },
}

/// About cohorts.
#[derive(Debug, Subcommand)]
pub enum CohortCommand {
    /// Give a name to a query or to a list of devices.
    Set {
        /// The name.
        #[arg(value_parser = CohortId::new)]
        name: CohortId,
        /// Whoever this selects, such as "model==v980;region=in=(eu-west,eu-central)".
        #[arg(long, conflicts_with = "device", required_unless_present = "device")]
        query: Option<String>,
        /// Exactly these devices; once for each, or separated by commas.
        #[arg(long, value_name = "ID", value_delimiter = ',', value_parser = DeviceId::new)]
        device: Vec<DeviceId>,
    },
    /// Show what a name means, or every name.
    Show {
        /// The name.
        #[arg(value_parser = CohortId::new)]
        name: Option<CohortId>,
    },
}

/// About tokens.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token. It is shown once.
    New {
        /// Whom it stands for.
        #[arg(long, value_name = "NAME")]
        principal: String,
        /// What it may do; once for each, or separated by commas.
        #[arg(long, value_enum, value_delimiter = ',', required = true)]
        role: Vec<TokenRole>,
        /// Life of the token, days.
        #[arg(long, value_name = "DAYS", default_value_t = 30,
            value_parser = clap::value_parser!(u32).range(1..=90))]
        expires_days: u32,
    },
    /// Revoke a token.
    Revoke {
        /// Public id of the token: the part behind its kind.
        id: String,
    },
}

/// What a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TokenRole {
    /// Look.
    Viewer,
    /// Start, pause, resume, advance, halt, cancel.
    Operator,
    /// Publish releases.
    Publisher,
    /// Approve.
    Approver,
    /// Everything about devices, tokens and settings.
    Admin,
    /// Look at everything, the audit log too.
    Auditor,
}
