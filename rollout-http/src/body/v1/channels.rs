//! Channels, which carry a release from the few to the many, and promotions along them.

use super::RolloutLine;
use serde::{Deserialize, Serialize};

/// What a channel is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChannelRequest {
    /// Its plan, TOML or JSON, without `release` and `name`: promoting gives it both.
    pub plan: String,
    /// The channel that a release must have passed before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// A channel of a product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct ChannelBody {
    /// The product.
    pub product: String,
    /// Its name.
    pub channel: String,
    /// Its plan, as it was written.
    pub plan: String,
    /// The channel that a release must have passed before.
    pub after: Option<String>,
    /// The release that was promoted to it last.
    pub release: Option<String>,
}

/// Channels of a product, each behind the one it follows: a page of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct Channels {
    /// The channels.
    pub channels: Vec<ChannelBody>,
    /// What to ask behind for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Carries a release to a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PromoteRequest {
    /// The channel.
    pub to: String,
}

/// A promotion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct PromotedBody {
    /// What was promoted.
    pub release: String,
    /// To which channel.
    pub channel: String,
    /// The rollout that carries it there.
    pub rollout: RolloutLine,
    /// Whether it had been promoted before, so that nothing was done.
    pub was_there: bool,
}

/// How a release stands in a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct PromotionLine {
    /// The channel.
    pub channel: String,
    /// The rollout that carries it there.
    pub rollout: String,
    /// Whether it has passed the channel: completed or proven there.
    pub has_passed: bool,
}
