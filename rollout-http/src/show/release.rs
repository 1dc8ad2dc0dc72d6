//! Releases and products, as the bodies show them.

use crate::body::v1::{
    ArtifactBody, ChannelBody, GoodRelease, ProductBody, PromotionLine, ReleaseBody, WayBackBody,
};
use crate::input;
use rollout_core::fleet::{Channel, Fleet, Passed};
use rollout_core::id::{ChannelId, ProductId};
use rollout_core::release::{Artifact, Lifecycle, Release, ReleaseId};

pub(crate) fn release(fleet: &Fleet, release: &Release) -> ReleaseBody {
    let (state, withdrawn) = match &release.lifecycle {
        Lifecycle::Draft => ("draft", None),
        Lifecycle::Published => ("published", None),
        Lifecycle::Withdrawn { by, reason } => ("withdrawn", Some(format!("{by}: {reason}"))),
    };
    ReleaseBody {
        release: release.id.to_string(),
        counter: release.counter.0,
        state: state.into(),
        withdrawn,
        from: release.from.as_ref().map(ToString::to_string),
        by: release.by.as_str().into(),
        at: release.at.unix_secs(),
        artifacts: release.artifacts.iter().map(artifact).collect(),
        promotions: promotions(fleet, &release.id),
        source: release.source.clone(),
        notes: None,
        provenance: None,
        stepping_stone: release.marks.stones.iter().map(ToString::to_string).collect(),
        irreversible: release.marks.irreversible.clone(),
        way_back: release.way_back.as_ref().map(|back| WayBackBody {
            version: back.version.to_string(),
            counter: back.counter.0,
            artifacts: back.artifacts.iter().map(artifact).collect(),
        }),
    }
}

/// A release with what its publisher wrote about it.
pub(crate) fn release_in_full(fleet: &Fleet, known: &Release) -> ReleaseBody {
    ReleaseBody {
        notes: known.notes.clone(),
        provenance: known.provenance.as_deref().map(input::base64),
        ..release(fleet, known)
    }
}

fn promotions(fleet: &Fleet, id: &ReleaseId) -> Vec<PromotionLine> {
    let channels = fleet.channels_of(&id.product).filter_map(|(channel, _)| {
        let stands = fleet.passed(id, channel);
        Some(PromotionLine {
            channel: channel.to_string(),
            rollout: stands.rollout()?.to_string(),
            has_passed: matches!(stands, Passed::Passed { .. }),
        })
    });
    channels.collect()
}

/// The channels of a product, each behind the one it follows.
pub(crate) fn channels<'f>(
    fleet: &'f Fleet,
    product: &ProductId,
) -> Vec<(&'f ChannelId, &'f Channel)> {
    let depth = |channel: &Channel| {
        let place = |name: &ChannelId| (product.clone(), name.clone());
        let mut before = channel.record.after.as_ref();
        let mut depth = 0;
        // A channel comes after no more than all others.
        while let Some(name) = before.filter(|_| depth < fleet.channels.len()) {
            before = fleet.channels.get(&place(name)).and_then(|one| one.record.after.as_ref());
            depth += 1;
        }
        depth
    };
    let mut channels: Vec<_> = fleet.channels_of(product).collect();
    channels.sort_by_key(|(name, channel)| (depth(channel), *name));
    channels
}

pub(crate) fn channel(
    fleet: &Fleet,
    product: &ProductId,
    name: &ChannelId,
    channel: &Channel,
) -> ChannelBody {
    // The rollout that was drafted last says what was promoted last.
    let carried = fleet
        .promotions
        .iter()
        .filter(|((release, to), _)| release.product == *product && to == name);
    let last = carried.max_by_key(|(_, rollouts)| {
        rollouts.last().and_then(|id| fleet.order.iter().position(|other| other == id))
    });
    ChannelBody {
        product: product.to_string(),
        channel: name.to_string(),
        plan: channel.record.template.clone(),
        after: channel.record.after.as_ref().map(ToString::to_string),
        release: last.map(|((release, _), _)| release.to_string()),
    }
}

fn artifact(artifact: &Artifact) -> ArtifactBody {
    ArtifactBody {
        hardware: artifact.hardware.iter().map(|model| model.as_str().into()).collect(),
        component: artifact.component.0,
        image: artifact.image.to_string(),
        image_bytes: artifact.length,
        counter: artifact.counter.0,
        min_from: artifact.min_from.0,
        secure_version: artifact.secure_version.0,
        expires: artifact.expires,
        manifest: input::base64(&artifact.envelope),
    }
}

pub(crate) fn product(fleet: &Fleet, product: &ProductId) -> ProductBody {
    let name = product.as_str();
    let good = fleet.good_release(name).and_then(|id| fleet.releases.get(id));
    let releases = fleet.releases.keys().filter(|id| id.product == *product);
    ProductBody {
        product: name.into(),
        next_counter: fleet.next_counter(name).0,
        releases: releases.map(ToString::to_string).collect(),
        good: good.map(|release| GoodRelease {
            release: release.id.to_string(),
            version: release.id.version.to_string(),
            artifacts: release.artifacts.iter().map(artifact).collect(),
        }),
    }
}
