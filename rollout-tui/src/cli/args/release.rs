//! Arguments of `rollout release`.
//!
//! Deliberately not here: reading the images. Invariant: as [`super`].

use crate::cli::parse::{ImageArg, WayBackArg, image, range, way_back};
use clap::{Args, Subcommand};
use rollout_core::hosting::Contract;
use rollout_core::id::{ChannelId, HardwareModel, ProductId};
use rollout_core::release::ReleaseId;
use semver::VersionReq;
use std::path::PathBuf;

/// About releases.
#[derive(Debug, Subcommand)]
pub enum ReleaseCommand {
    /// Sign and upload a release, together with a way back to the release that is good by now.
    ///
    /// Chip, project, version and secure version are read from the images. Keys stay here: the
    /// server gets signatures. The same images again are `already published`.
    Publish(Box<Publish>),
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
    /// Carry a release to a channel, by a rollout that starts at once. Safe to repeat.
    ///
    /// Refused, with the reason, unless it has passed the channel before, or if nobody in the
    /// channel can ever take it. A channel that is empty for now is no hindrance.
    Promote(Promote),
    /// Sign the manifests of a release and of its way back again, to live longer.
    ///
    /// Nothing changes but their expiry. Twice on a day is once.
    Renew(Renew),
    /// Name the models that must pass through a release on their way to anything later.
    ///
    /// A device of such a model that is below it is given nothing above it before it runs it; a
    /// rollout of its own brings it there. Models that had to and are not named no longer must.
    Stone {
        /// Product and version, such as vacuum@2.4.1.
        #[arg(value_parser = ReleaseId::parse)]
        release: ReleaseId,
        /// Hardware models.
        #[arg(long, value_name = "MODEL", value_delimiter = ',', value_parser = HardwareModel::new,
            required_unless_present = "none", conflicts_with = "none")]
        model: Vec<HardwareModel>,
        /// No model must pass through it any more.
        #[arg(long)]
        none: bool,
    },
    /// Declare versions of a model as never to be updated any further, or lift that.
    DeadEnd(DeadEnd),
    /// List the dead ends of a product.
    DeadEnds {
        /// The product.
        #[arg(value_parser = ProductId::new)]
        product: ProductId,
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

/// Options of `release dead-end`.
#[derive(Args, Debug)]
pub struct DeadEnd {
    /// The product.
    #[arg(value_parser = ProductId::new)]
    pub product: ProductId,
    /// The hardware model.
    #[arg(long, value_parser = HardwareModel::new)]
    pub model: HardwareModel,
    /// The versions, such as "<1.2".
    #[arg(long, value_name = "RANGE", value_parser = range)]
    pub versions: VersionReq,
    /// Why; whoever asks why a device is not updated reads it.
    #[arg(long, required_unless_present = "lift", conflicts_with = "lift")]
    pub reason: Option<String>,
    /// They are no dead end any more.
    #[arg(long)]
    pub lift: bool,
}

/// Options of `release promote`.
#[derive(Args, Debug)]
pub struct Promote {
    /// Product and version, such as vacuum@2.4.1.
    #[arg(value_parser = ReleaseId::parse)]
    pub release: ReleaseId,
    /// The channel, as `rollout channel list` names it.
    #[arg(long, value_name = "CHANNEL", value_parser = ChannelId::new)]
    pub to: ChannelId,
    /// Print the id of the rollout alone.
    #[arg(long, short)]
    pub quiet: bool,
}

/// Options of `release renew`.
#[derive(Args, Debug)]
pub struct Renew {
    /// Product and version, such as vacuum@2.4.1.
    #[arg(value_parser = ReleaseId::parse)]
    pub release: ReleaseId,
    /// Private release key, PEM; once for each that has to sign.
    #[arg(long, value_name = "FILE", required = true)]
    pub key: Vec<PathBuf>,
    /// How long they shall live from today, days.
    #[arg(long, value_name = "DAYS", default_value_t = crate::ceremony::EXPIRES_DAYS,
        value_parser = clap::value_parser!(u64).range(1..=3650))]
    pub days: u64,
    /// Root document to sign under, COSE; the server's if absent.
    #[arg(long, value_name = "FILE")]
    pub root: Option<PathBuf>,
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
    /// Hardware models of images that name none; once for each, or separated by commas.
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
    /// Hardware models that must pass through it on their way to anything later.
    #[arg(long, value_name = "MODEL,..", value_delimiter = ',',
        value_parser = HardwareModel::new)]
    pub stepping_stone: Vec<HardwareModel>,
    /// Nothing leads back from it, and why, such as "moves the map to another format": each rung
    /// of its rollouts needs approval of that.
    #[arg(long, value_name = "REASON")]
    pub irreversible: Option<String>,
    /// What is new in it, for people: a text file of at most 64 KiB.
    #[arg(long, value_name = "FILE")]
    pub notes: Option<PathBuf>,
    /// Where it was built from, such as a commit.
    #[arg(long, value_name = "COMMIT")]
    pub source: Option<String>,
    /// How it was built, as its builder attests: a file of at most 256 KiB, kept as it is.
    #[arg(long, value_name = "FILE")]
    pub provenance: Option<PathBuf>,
    /// Part of the device; 0 is the main firmware.
    #[arg(long, value_name = "N")]
    pub component: Option<u64>,
}
