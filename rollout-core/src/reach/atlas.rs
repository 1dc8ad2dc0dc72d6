//! What people declared about the ways of a product: its stepping stones and its dead ends.
//!
//! Invariant: what is asked for a model without any costs two lookups.

use super::Footing;
use crate::id::{HardwareModel, Principal, ProductId};
use crate::release::Release;
use crate::time::Timestamp;
use crate::version::ReleaseCounter;
use alloc::{
    collections::BTreeMap,
    string::{String, ToString as _},
    vec::Vec,
};
use core::ops::Bound;
use semver::{Version, VersionReq};

/// Versions of a model that are never updated any further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadEnd {
    /// Which.
    pub versions: VersionReq,
    /// Why, for whoever asks.
    pub reason: String,
    /// Who said so.
    pub by: Principal,
    /// When.
    pub at: Timestamp,
}

/// Stones by version, with epoch and counter, which order what has no version.
type Stones = BTreeMap<Version, (u64, ReleaseCounter)>;

/// Stepping stones and dead ends of all products.
#[derive(Clone, Debug, Default)]
pub struct Atlas {
    stones: BTreeMap<ProductId, BTreeMap<HardwareModel, Stones>>,
    dead_ends: BTreeMap<ProductId, BTreeMap<HardwareModel, Vec<DeadEnd>>>,
}

impl Atlas {
    /// Takes over what a release says of itself; what it said before is forgotten.
    pub fn mark(&mut self, release: &Release) {
        let of_product = self.stones.entry(release.id.product.clone()).or_default();
        for stones in of_product.values_mut() {
            stones.remove(&release.id.version);
        }
        for model in &release.marks.stones {
            let artifact = release.artifacts.iter().find(|one| one.hardware.contains(model));
            let epoch = artifact.map_or(0, |artifact| artifact.epoch);
            let stones = of_product.entry(model.clone()).or_default();
            stones.insert(release.id.version.clone(), (epoch, release.counter));
        }
    }

    /// Declares a dead end, or says anew why it is one.
    pub fn declare(&mut self, product: &ProductId, model: &HardwareModel, end: DeadEnd) {
        let of_product = self.dead_ends.entry(product.clone()).or_default();
        let ends = of_product.entry(model.clone()).or_default();
        ends.retain(|known| known.versions != end.versions);
        ends.push(end);
    }

    /// Takes a dead end back.
    pub fn lift(&mut self, product: &ProductId, model: &HardwareModel, versions: &VersionReq) {
        if let Some(ends) = self.dead_ends.get_mut(product).and_then(|all| all.get_mut(model)) {
            ends.retain(|known| known.versions != *versions);
        }
    }

    /// The dead ends of a product, by model.
    pub fn dead_ends(
        &self,
        product: &ProductId,
    ) -> impl Iterator<Item = (&HardwareModel, &DeadEnd)> {
        let all = self.dead_ends.get(product).into_iter().flatten();
        all.flat_map(|(model, ends)| ends.iter().map(move |end| (model, end)))
    }

    /// The dead end that a device stands in, if it does.
    pub fn dead_end(
        &self,
        product: &ProductId,
        model: &HardwareModel,
        at: &Footing<'_>,
    ) -> Option<&DeadEnd> {
        let ends = self.dead_ends.get(product)?.get(model)?;
        let version = Version::parse(at.version).ok();
        ends.iter().find(|end| match &version {
            Some(version) => end.versions.matches(version),
            // What has no version is in a range only if everything is.
            None => end.versions == VersionReq::STAR,
        })
    }

    /// The lowest stone above what a device runs and below `goal`.
    //= field notes d1: next hop = lowest active stone above current and at most the target
    pub fn next_stone(
        &self,
        product: &ProductId,
        model: &HardwareModel,
        at: &Footing<'_>,
        goal: &Version,
    ) -> Option<&Version> {
        let stones = self.stones.get(product)?.get(model)?;
        let below = |from| stones.range((from, Bound::Excluded(goal)));
        match Version::parse(at.version) {
            Ok(version) if version >= *goal => None,
            Ok(version) => below(Bound::Excluded(&version)).next().map(|(stone, _)| stone),
            Err(_) => below(Bound::Unbounded)
                .find(|(_, counter)| **counter > (at.epoch, at.counter))
                .map(|(stone, _)| stone),
        }
    }

    /// How a stone is called.
    pub fn name(product: &ProductId, stone: &Version) -> String {
        let mut name = product.to_string();
        name.push('@');
        name.push_str(&stone.to_string());
        name
    }
}
