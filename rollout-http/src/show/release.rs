//! Releases and products, as the bodies show them.

use crate::body::v1::{ArtifactBody, GoodRelease, ProductBody, ReleaseBody, WayBackBody};
use crate::input;
use rollout_core::fleet::Fleet;
use rollout_core::id::ProductId;
use rollout_core::release::{Artifact, Lifecycle, Release};

pub(crate) fn release(release: &Release) -> ReleaseBody {
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
        way_back: release.way_back.as_ref().map(|back| WayBackBody {
            version: back.version.to_string(),
            counter: back.counter.0,
            artifacts: back.artifacts.iter().map(artifact).collect(),
        }),
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
