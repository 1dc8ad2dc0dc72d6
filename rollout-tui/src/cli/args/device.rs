//! Arguments of `rollout device`.
//!
//! Deliberately not here: what a query means; the server reads it. Invariant: as [`super`].

use crate::cli::parse::attribute;
use clap::{Args, Subcommand};
use rollout_core::hosting::HomeId;
use rollout_core::id::{DeviceId, HardwareModel, RolloutId};
use rollout_core::release::ReleaseId;
use std::path::PathBuf;

/// About devices.
#[derive(Debug, Subcommand)]
pub enum DeviceCommand {
    /// List devices by id, or some of them in another order.
    List(Devices),
    /// Count devices by two of their attributes.
    Census {
        /// Attribute of the rows.
        #[arg(long, value_name = "NAME", default_value = "model")]
        row: String,
        /// Attribute of the columns.
        #[arg(long, value_name = "NAME", default_value = "version")]
        column: String,
    },
    /// Show a device: what it runs, how it came through its rollouts, what people wrote about it.
    Show(Device),
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
    /// Add a device by hand. Its token is shown once.
    Add(Add),
    /// Add the devices of a table, however many they are. Safe to repeat.
    ///
    /// CSV with a header: `id` and `model`, `home` if some are served elsewhere, and any other
    /// columns as attributes. A bad row is named by line and column; the rows before it are in.
    Import {
        /// The table; `-` is the standard input.
        file: PathBuf,
        /// Check the table, and change nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Give a device another token, which is shown once. The old one is good no more.
    Token(Device),
    /// Keep a device out of every rollout for a while.
    Hold(Reasoned),
    /// Let a device that is held take part again.
    Release(Device),
    /// End a device's part, for good.
    Retire(Reasoned),
    /// Write something about a device, for people.
    Note {
        /// The device.
        #[command(flatten)]
        device: Device,
        /// What.
        text: String,
    },
    /// Set what is registered of a device, such as region=eu-west; what is not named stays.
    ///
    /// Queries and cohorts believe it before what the device says of itself.
    Set(Set),
    /// Put another device in a device's place. Its token is shown once.
    Replace {
        /// The device.
        #[command(flatten)]
        device: Device,
        /// Id of the one that takes its place.
        #[arg(long, value_name = "ID", value_parser = DeviceId::new)]
        by: DeviceId,
        /// Its hardware model; that of the old one if absent.
        #[arg(long, value_parser = HardwareModel::new)]
        model: Option<HardwareModel>,
    },
    /// Leave a device out of a rollout.
    Exclude {
        /// Id of the rollout, a UUID.
        #[arg(value_parser = RolloutId::parse)]
        rollout: RolloutId,
        /// The device.
        #[command(flatten)]
        device: Reasoned,
    },
    /// Take a device that was left out into a rollout again.
    Include {
        /// Id of the rollout, a UUID.
        #[arg(value_parser = RolloutId::parse)]
        rollout: RolloutId,
        /// The device.
        #[command(flatten)]
        device: Device,
    },
    /// Offer a release to one device alone, at once. Safe to repeat.
    ///
    /// For the support desk: a rollout of its own, for this device and no other.
    Offer {
        /// The device.
        #[command(flatten)]
        device: Device,
        /// Product and version, such as vacuum@2.4.1.
        #[arg(long, value_parser = ReleaseId::parse)]
        release: ReleaseId,
        /// Also if the device came back from it before.
        #[arg(long)]
        again: bool,
    },
}

/// A device by its id.
#[derive(Args, Clone, Debug)]
pub struct Device {
    /// Id of the device.
    #[arg(value_name = "DEVICE", value_parser = DeviceId::new)]
    pub id: DeviceId,
}

/// A device by its id, and a reason.
#[derive(Args, Clone, Debug)]
pub struct Reasoned {
    /// Id of the device.
    #[arg(value_name = "DEVICE", value_parser = DeviceId::new)]
    pub id: DeviceId,
    /// Why; everybody who looks at the device sees it.
    #[arg(long)]
    pub reason: String,
}

/// A device by its id, and what is to be known of it.
#[derive(Args, Clone, Debug)]
pub struct Set {
    /// Id of the device.
    #[arg(value_name = "DEVICE", value_parser = DeviceId::new)]
    pub id: DeviceId,
    /// New values, such as region=eu-west.
    #[arg(value_name = "NAME=VALUE", value_parser = attribute, required_unless_present = "unset")]
    pub set: Vec<(String, String)>,
    /// What is to be forgotten, unless it is set as well; once for each.
    #[arg(long, value_name = "NAME")]
    pub unset: Vec<String>,
}

/// Options of `device list`.
#[derive(Args, Clone, Debug)]
pub struct Devices {
    /// Whom to list, such as "model==v980;region=in=(eu-west,eu-central)".
    #[arg(long, value_name = "RSQL")]
    pub query: Option<String>,
    /// Order: id, last_seen or an attribute; with - before it, falling.
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub sort: Option<String>,
    /// Devices of this rollout's cohort, each with where it stands in it; by id.
    #[arg(long, value_name = "UUID", value_parser = RolloutId::parse, conflicts_with = "sort")]
    pub rollout: Option<RolloutId>,
    /// Those of the rollout that stand there, such as failed or silent; `rollout status` counts
    /// them.
    #[arg(long, requires = "rollout")]
    pub bucket: Option<String>,
    /// Start where the page before says.
    #[arg(long, value_name = "NEXT")]
    pub after: Option<String>,
    /// How many at most.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub limit: u32,
}

/// Options of `device add`.
#[derive(Args, Clone, Debug)]
pub struct Add {
    /// The device.
    #[command(flatten)]
    pub device: Device,
    /// Its hardware model.
    #[arg(long, value_parser = HardwareModel::new)]
    pub model: HardwareModel,
    /// Where it is served; the default home if absent.
    #[arg(long, value_parser = HomeId::new)]
    pub home: Option<HomeId>,
    /// What is known of it, such as region=eu-west; once for each.
    #[arg(long, value_name = "NAME=VALUE", value_parser = attribute)]
    pub attribute: Vec<(String, String)>,
}
