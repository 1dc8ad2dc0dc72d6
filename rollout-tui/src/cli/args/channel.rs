//! Arguments of `rollout channel` and `product`.
//!
//! Deliberately not here: reading plans. Invariant: as [`super`].

use clap::Subcommand;
use rollout_core::id::{ChannelId, ProductId};
use std::path::PathBuf;

/// About channels.
#[derive(Debug, Subcommand)]
pub enum ChannelCommand {
    /// Give a channel of a product its plan: whom a promotion reaches, and how.
    Set {
        /// The product.
        #[arg(value_parser = ProductId::new)]
        product: ProductId,
        /// The channel.
        #[arg(value_parser = ChannelId::new)]
        channel: ChannelId,
        /// Plan file, TOML or JSON, without `release` and `name`: promoting gives it both.
        #[arg(long, value_name = "FILE")]
        plan: PathBuf,
        /// Channel that a release must have passed before: completed or proven there.
        #[arg(long, value_name = "CHANNEL", value_parser = ChannelId::new)]
        after: Option<ChannelId>,
    },
    /// List the channels of a product, each behind the one it follows.
    List {
        /// The product.
        #[arg(value_parser = ProductId::new)]
        product: ProductId,
    },
    /// Show a channel and its plan.
    Show {
        /// The product.
        #[arg(value_parser = ProductId::new)]
        product: ProductId,
        /// The channel.
        #[arg(value_parser = ChannelId::new)]
        channel: ChannelId,
    },
    /// Remove a channel that none follows. Rollouts along it go on.
    Remove {
        /// The product.
        #[arg(value_parser = ProductId::new)]
        product: ProductId,
        /// The channel.
        #[arg(value_parser = ChannelId::new)]
        channel: ChannelId,
    },
}

/// About products.
#[derive(Debug, Subcommand)]
pub enum ProductCommand {
    /// List all of them.
    List,
    /// Show a product: its releases, and which of them is good by now.
    Show {
        /// The product.
        #[arg(value_parser = ProductId::new)]
        product: ProductId,
    },
}
