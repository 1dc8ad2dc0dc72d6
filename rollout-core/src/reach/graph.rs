//! The next release on the way to another, and all of them.
//!
//! Invariants: as the module's. A way is found if there is one: what a minimum counter or a
//! required version asks for is looked for among all releases, the fewest hops first.

use super::{Atlas, Class, fits};
use crate::hosting::{self, Hosting};
use crate::id::ProductId;
use crate::release::{Artifact, ComponentId, Lifecycle, Release, ReleaseId};
use crate::rollout::Ineligible;
use crate::time::Timestamp;
use alloc::{
    boxed::Box,
    collections::{BTreeMap, BTreeSet},
    format,
    string::String,
    vec,
    vec::Vec,
};
use core::fmt;
use semver::Version;

/// Why a release is on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is where the way leads.
    Goal,
    /// Its publisher says that the model must pass through it.
    Stone,
    /// From there the next one can be installed, and from where the device is it cannot.
    Bridge,
}

impl Why {
    /// Its name in APIs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Goal => "goal",
            Self::Stone => "stepping_stone",
            Self::Bridge => "bridge",
        }
    }
}

/// One release on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hop<'a> {
    /// The release.
    pub release: &'a Release,
    /// Its image for the model.
    pub artifact: &'a Artifact,
    /// Why it is on the way.
    pub why: Why,
}

impl Hop<'_> {
    /// Bytes a device downloads for it: the whole image.
    pub fn bytes(&self) -> u64 {
        self.artifact.length
    }
}

/// Why a device cannot come any further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreachable {
    /// The release that it cannot take.
    pub release: ReleaseId,
    /// Whether it is a stone on the way or the goal itself.
    pub why: Why,
    /// Why not.
    pub reason: Ineligible,
}

impl Unreachable {
    /// Whether the device is where it was to be brought, or beyond.
    pub fn is_there(&self, at: &str) -> bool {
        if let Ineligible::Counter { .. } = &self.reason {
            return Version::parse(at).is_ok_and(|version| version >= self.release.version);
        }
        self.reason == Ineligible::AlreadyRuns
    }
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { release, reason, .. } = self;
        match self.why {
            Why::Goal | Why::Bridge => write!(f, "{release} cannot be had: {reason}"),
            Why::Stone => {
                write!(f, "must pass through {release} first, which cannot be had: {reason}")
            }
        }
    }
}

/// A way, as far as it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route<'a> {
    /// The hops, in order.
    pub hops: Vec<Hop<'a>>,
    /// What it ends at, if it does not end at its goal.
    pub ends: Option<Unreachable>,
}

impl Route<'_> {
    /// Bytes a device downloads on the whole way.
    pub fn bytes(&self) -> u64 {
        self.hops.iter().map(Hop::bytes).sum()
    }
}

/// The releases of a product, as they are at a moment.
#[derive(Clone, Debug)]
pub struct Graph<'a> {
    atlas: &'a Atlas,
    hosting: &'a Hosting,
    releases: Vec<&'a Release>,
    /// Versions as text, by release.
    texts: BTreeMap<&'a Version, String>,
    component: ComponentId,
    now: Timestamp,
}

impl<'a> Graph<'a> {
    /// The graph of a product and a component.
    pub fn new(
        releases: &'a BTreeMap<ReleaseId, Release>,
        product: &ProductId,
        component: ComponentId,
        around: (&'a Atlas, &'a Hosting, Timestamp),
    ) -> Self {
        let (atlas, hosting, now) = around;
        let of_product = releases.values().filter(|release| release.id.product == *product);
        let releases: Vec<_> = of_product.collect();
        let text = |release: &&'a Release| (&release.id.version, format!("{}", release.id.version));
        let texts = releases.iter().map(text).collect();
        Self { atlas, hosting, releases, texts, component, now }
    }

    /// The next release that a device of `class` takes on its way to `goal`.
    ///
    /// # Errors
    /// [`Unreachable`]: there is none.
    pub fn hop(
        &'a self,
        class: &Class<'_>,
        goal: &'a Release,
    ) -> Result<Hop<'a>, Box<Unreachable>> {
        let product = &goal.id.product;
        let not =
            |reason| Box::new(Unreachable { release: goal.id.clone(), why: Why::Goal, reason });
        let artifact = self.image(class, goal).map_err(not)?;
        if class.at.image == artifact.image {
            return Err(not(Ineligible::AlreadyRuns));
        }
        if let Err(signed_later @ Ineligible::Counter { .. }) = fits(&class.at, artifact, None) {
            return Err(not(signed_later));
        }
        if let Some(end) = self.atlas.dead_end(product, class.model, &class.at) {
            return Err(not(Ineligible::DeadEnd(end.reason.clone())));
        }
        let stone = self.atlas.next_stone(product, class.model, &class.at, &goal.id.version);
        let (waypoint, why) = match stone {
            None => (goal, Why::Goal),
            Some(version) => {
                // A stone is marked on a release that is there.
                let stone = self.releases.iter().find(|one| one.id.version == *version);
                (*stone.unwrap_or(&goal), Why::Stone)
            }
        };
        match self.leads(class, waypoint) {
            Ok(artifact) => Ok(Hop { release: waypoint, artifact, why }),
            Err(reason) => {
                let asks_for_another = matches!(
                    reason,
                    Ineligible::SteppingStone { .. } | Ineligible::FromVersion { .. }
                );
                let bridge = asks_for_another.then(|| self.bridge(class, waypoint)).flatten();
                let release = waypoint.id.clone();
                bridge.ok_or_else(|| Box::new(Unreachable { release, why, reason }))
            }
        }
    }

    /// The whole way to `goal`, as far as it goes.
    pub fn route(&'a self, class: &Class<'a>, goal: &'a Release) -> Route<'a> {
        let (mut at, mut hops) = (class.clone(), Vec::new());
        // Counters rise, so no release comes twice.
        while hops.len() <= self.releases.len() {
            match self.hop(&at, goal) {
                Ok(hop) => {
                    at = at.after(self.text(hop.release), hop.artifact);
                    hops.push(hop);
                    if hop.release.id == goal.id {
                        break;
                    }
                }
                Err(ends) => return Route { hops, ends: Some(*ends) },
            }
        }
        Route { hops, ends: None }
    }

    fn text(&self, release: &Release) -> &str {
        self.texts.get(&release.id.version).map_or("", String::as_str)
    }

    fn image(&self, class: &Class<'_>, release: &'a Release) -> Result<&'a Artifact, Ineligible> {
        let found = release.artifacts.iter().find(|one| one.fits(class.model, self.component));
        found.ok_or_else(|| Ineligible::NoArtifact {
            release: format!("{}", release.id),
            model: class.model.as_str().into(),
        })
    }

    /// Whether a device of `class` can be given `release` as it is, and its image.
    fn leads(&self, class: &Class<'_>, release: &'a Release) -> Result<&'a Artifact, Ineligible> {
        match &release.lifecycle {
            Lifecycle::Published => {}
            Lifecycle::Draft => return Err(Ineligible::Release("a draft")),
            Lifecycle::Withdrawn { .. } => return Err(Ineligible::Release("withdrawn")),
        }
        let artifact = self.image(class, release)?;
        if class.fled.contains(&artifact.image) {
            return Err(Ineligible::Fled);
        }
        fits(&class.at, artifact, release.from.as_ref())?;
        if self.now.unix_secs() >= artifact.expires {
            return Err(Ineligible::Expired);
        }
        match hosting::admissible(&artifact.contract, class.home, self.hosting) {
            Ok(_) => Ok(artifact),
            Err(missing) => Err(Ineligible::NotHosted(missing)),
        }
    }

    /// The first hop of the shortest way to `waypoint` over releases that nobody must pass; of two
    /// as short, the one over the newer release.
    fn bridge(&'a self, class: &Class<'_>, waypoint: &Release) -> Option<Hop<'a>> {
        let goal = &waypoint.id.version;
        let above = Version::parse(class.at.version).ok();
        let lies_between = |release: &&&'a Release| {
            let version = &release.id.version;
            version < goal && above.as_ref().is_none_or(|above| version > above)
        };
        let between: Vec<&'a Release> =
            self.releases.iter().filter(lies_between).rev().copied().collect();
        let waypoint = *self.releases.iter().find(|one| one.id == waypoint.id)?;
        let mut seen = BTreeSet::new();
        let mut edge: Vec<(Option<Hop<'a>>, Class<'_>)> = vec![(None, class.clone())];
        while !edge.is_empty() {
            let mut next = Vec::new();
            for (first, here) in &edge {
                for release in &between {
                    let Ok(artifact) = self.leads(here, release) else { continue };
                    if !seen.insert(&release.id) {
                        continue;
                    }
                    let first = first.unwrap_or(Hop { release, artifact, why: Why::Bridge });
                    let there = here.after(self.text(release), artifact);
                    let product = &release.id.product;
                    if self.atlas.dead_end(product, class.model, &there.at).is_some() {
                        continue;
                    }
                    if self.leads(&there, waypoint).is_ok() {
                        return Some(first);
                    }
                    next.push((Some(first), there));
                }
            }
            edge = next;
        }
        None
    }
}
