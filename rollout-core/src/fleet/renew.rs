//! Renewal: the same manifests, signed again to live longer.
//!
//! Invariants: a renewal changes an expiry and nothing else of what is installed; an expiry only
//! rises; the same renewal twice is one entry. Not here: whether the caller may.

use super::{Fleet, FoldError, PublishError, Registered, fold};
use crate::id::Principal;
use crate::journal::{Entry, Stored};
use crate::release::{Artifact, Release, ReleaseId};
use crate::time::Timestamp;
use crate::trust::{self, Envelope, Manifest, UnixSeconds};
use alloc::{
    string::{String, ToString},
    vec,
    vec::Vec,
};

/// Why a renewal was refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RenewError {
    /// It would not be published either.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// There is no such release.
    #[error("there is no release `{release}`")]
    Unknown {
        /// Which.
        release: String,
    },
    /// It is more than a renewal.
    #[error("manifest {index} differs from those of {release} in more than its expiry")]
    Other {
        /// Which, from 1.
        index: usize,
        /// Of which release.
        release: String,
    },
    /// It ends earlier.
    #[error("manifest {index} would expire at {found}, the one in force lives until {known}")]
    Shorter {
        /// Which, from 1.
        index: usize,
        /// Its expiry, Unix seconds.
        found: u64,
        /// The expiry in force, Unix seconds.
        known: u64,
    },
}

impl RenewError {
    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Publish(source) => source.code(),
            Self::Unknown { .. } => "RE-001",
            Self::Other { .. } => "PU-010",
            Self::Shorter { .. } => "PU-009",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Publish(source) => source.hint(),
            Self::Unknown { .. } => "look for it with `rollout release list`",
            Self::Other { .. } => "let `rollout release renew` make the manifests",
            Self::Shorter { .. } => "renew for more days",
        }
    }
}

impl Fleet {
    /// Checks renewed manifests exactly as a publish, and against those that are in force.
    ///
    /// # Errors
    /// [`RenewError`].
    //= trust §3, manifest key 11: the same payload but `expires`
    pub fn renew(
        &self,
        id: &ReleaseId,
        manifests: &[Vec<u8>],
        by: &Principal,
        now: Timestamp,
    ) -> Result<Registered, RenewError> {
        let root = self.root.as_ref().ok_or(PublishError::NoRoot)?;
        let release = self.releases.get(id);
        let release = release.ok_or_else(|| RenewError::Unknown { release: id.to_string() })?;
        let mut fresh = Vec::new();
        for (place, envelope) in manifests.iter().enumerate() {
            let index = place + 1;
            let upload = trust::check_upload(root, envelope, UnixSeconds(now.unix_secs()))
                .map_err(|source| PublishError::Manifest { index, source })?;
            let found = upload.manifest.expires.0;
            let known = of(release).find(|artifact| is_renewal(artifact, &upload.manifest));
            let known = known.ok_or_else(|| {
                let release = id.to_string();
                RenewError::Other { index, release }
            })?;
            if found < known.expires {
                return Err(RenewError::Shorter { index, found, known: known.expires });
            }
            if found > known.expires {
                fresh.push(envelope.clone());
            }
        }
        if manifests.is_empty() {
            let problem = "there is no manifest".into();
            return Err(PublishError::Contradiction { index: 1, problem }.into());
        }
        if fresh.is_empty() {
            return Ok(Registered::Known);
        }
        let entry = Entry::Renewed { release: id.clone(), manifests: fresh, by: by.clone() };
        Ok(Registered::New(vec![entry]))
    }

    pub(super) fn fold_renewed(&mut self, stored: &Stored) -> Result<(), FoldError> {
        let Entry::Renewed { release, manifests, .. } = &stored.entry else { return Ok(()) };
        let seq = stored.seq;
        let release = self.releases.get_mut(release);
        let release = release.ok_or(FoldError::Missing { seq, what: "a release" })?;
        release.revision = seq;
        renew(release, manifests).ok_or(FoldError::Document { seq })
    }
}

/// Puts renewed manifests in the places of those they renew: the newest wins.
fn renew(release: &mut Release, manifests: &[Vec<u8>]) -> Option<()> {
    for envelope in manifests {
        let opened = Envelope::open(envelope).ok()?;
        let manifest = Manifest::decode(opened.payload()).ok()?;
        let back = release.way_back.iter_mut().flat_map(|back| &mut back.artifacts);
        let mut all = release.artifacts.iter_mut().chain(back);
        let known = all.find(|artifact| is_renewal(artifact, &manifest))?;
        if manifest.expires.0 > known.expires {
            *known = fold::artifact(envelope)?;
        }
    }
    Some(())
}

fn of(release: &Release) -> impl Iterator<Item = &Artifact> {
    release.artifacts.iter().chain(release.way_back.iter().flat_map(|back| &back.artifacts))
}

/// Whether two manifests differ in their expiry at most.
fn is_renewal(known: &Artifact, manifest: &Manifest<'_>) -> bool {
    let Ok(opened) = Envelope::open(&known.envelope) else { return false };
    let Ok(mut known) = Manifest::decode(opened.payload()) else { return false };
    known.expires = manifest.expires;
    known == *manifest
}
