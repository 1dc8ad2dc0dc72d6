//! Stepping stones and dead ends: declared, lifted, and folded.
//!
//! Invariant: a stone is marked for models that it has an image for. Not here: what they mean on
//! the way of a device; see `reach`.

use super::{Fleet, FoldError, Registered, RegistryError};
use crate::id::{HardwareModel, Principal, ProductId};
use crate::journal::{Entry, Stored};
use crate::limits::NOTE_CHARS;
use crate::reach::DeadEnd;
use crate::release::ReleaseId;
use alloc::{
    collections::BTreeSet,
    string::{String, ToString as _},
    vec,
};
use semver::VersionReq;

/// Why a stone or a dead end was not declared.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RoadError {
    /// The release, or the dead end, is not there.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The stone has no image for a model that is to pass through it.
    #[error("{release} has no image for {model}, so {model} cannot pass through it")]
    NoImage {
        /// The release.
        release: String,
        /// The model.
        model: String,
    },
    /// Nobody would know why.
    #[error("a dead end needs a reason of at most {NOTE_CHARS} characters")]
    Reason,
}

impl RoadError {
    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Registry(source) => source.code(),
            Self::NoImage { .. } => "PU-011",
            Self::Reason => "RE-010",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Registry(source) => source.hint(),
            Self::NoImage { .. } => "name models of its images, see `rollout release show`",
            Self::Reason => "say why, for whoever asks why a device is not updated",
        }
    }
}

impl Fleet {
    /// Checks that models may have to pass through a release. Those that had to before, and are
    /// not named, no longer have to.
    ///
    /// # Errors
    /// [`RoadError`]: no such release, no image for a model.
    pub fn set_stones(
        &self,
        release: ReleaseId,
        models: BTreeSet<HardwareModel>,
        by: Principal,
    ) -> Result<Registered, RoadError> {
        let known = self.releases.get(&release);
        let known = known.ok_or_else(|| RegistryError::unknown("release", &release))?;
        if let Some(model) = without_image(&models, &known.artifacts) {
            let (release, model) = (release.to_string(), model.to_string());
            return Err(RoadError::NoImage { release, model });
        }
        if known.marks.stones == models {
            return Ok(Registered::Known);
        }
        Ok(Registered::New(vec![Entry::StonesSet { release, models, by }]))
    }

    /// Checks that versions of a model may be declared as a dead end, or, without a reason, that
    /// they are one and it may be lifted.
    ///
    /// # Errors
    /// [`RoadError`]: no such product, no reason, no such dead end.
    pub fn set_dead_end(
        &self,
        product: ProductId,
        model: HardwareModel,
        versions: VersionReq,
        reason: Option<String>,
        by: Principal,
    ) -> Result<Registered, RoadError> {
        if !self.products.contains(&product) {
            return Err(RegistryError::unknown("product", &product).into());
        }
        let mut ends = self.atlas.dead_ends(&product);
        let known = ends.find(|(of, end)| **of == model && end.versions == versions);
        match (&reason, known.map(|(_, end)| &end.reason)) {
            (None, None) => {
                let name = alloc::format!("{product} {model} {versions}");
                return Err(RegistryError::unknown("dead end", name).into());
            }
            (Some(reason), Some(known)) if reason == known => return Ok(Registered::Known),
            (Some(reason), _) if !is_reason(reason) => return Err(RoadError::Reason),
            (Some(_), _) | (None, Some(_)) => {}
        }
        drop(ends);
        Ok(Registered::New(vec![Entry::DeadEndSet { product, model, versions, reason, by }]))
    }

    pub(super) fn fold_road(&mut self, stored: &Stored) -> Result<(), FoldError> {
        let seq = stored.seq;
        if let Entry::StonesSet { release, models, .. } = &stored.entry {
            let known = self.releases.get_mut(release);
            let known = known.ok_or(FoldError::Missing { seq, what: "a release" })?;
            known.marks.stones = models.clone();
            known.revision = seq;
            self.atlas.mark(known);
        }
        if let Entry::DeadEndSet { product, model, versions, reason, by } = &stored.entry {
            match reason {
                None => self.atlas.lift(product, model, versions),
                Some(reason) => {
                    let (versions, reason) = (versions.clone(), reason.clone());
                    let end = DeadEnd { versions, reason, by: by.clone(), at: stored.at };
                    self.atlas.declare(product, model, end);
                }
            }
        }
        Ok(())
    }
}

/// The first of some models that none of the images is for.
pub(super) fn without_image<'m>(
    models: &'m BTreeSet<HardwareModel>,
    artifacts: &[crate::release::Artifact],
) -> Option<&'m HardwareModel> {
    models.iter().find(|model| !artifacts.iter().any(|one| one.hardware.contains(model)))
}

/// Whether a text can be read on one screen and says something.
pub(super) fn is_reason(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= NOTE_CHARS
}
