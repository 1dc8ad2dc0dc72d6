//! The way home: whether a device that takes a release could still go back.
//!
//! Invariant: what is called a way back is one that the device accepts, that is published and that
//! finds its backend. Not here: the return by itself before the image is confirmed, which needs
//! nobody.

use super::{Class, fits};
use crate::hosting::{self, Hosting, NotHosted};
use crate::release::{Artifact, ComponentId, Lifecycle, Release};
use crate::rollout::Ineligible;
use crate::time::Timestamp;
use alloc::string::String;

/// Why there is no way back from a release.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoReturn {
    /// Its publisher says so.
    #[error("it is marked as irreversible: {0}")]
    Irreversible(String),
    /// None was signed for the model.
    #[error("no way back was signed for {model}")]
    Unsigned {
        /// The model.
        model: String,
    },
    /// It leads to what was withdrawn.
    #[error("the way back leads to {release}, which is withdrawn")]
    Withdrawn {
        /// Which.
        release: String,
    },
    /// It may not be installed any more.
    #[error("the manifest of the way back has expired; renew it")]
    Expired,
    /// The device would refuse it: its fuse, its counter, its slot.
    #[error("the device would refuse the way back: {0}")]
    Refused(Ineligible),
    /// Its backend is gone.
    #[error("the way back would find no backend: {0}")]
    NotHosted(NotHosted),
}

impl NoReturn {
    /// Its name in APIs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Irreversible(_) => "irreversible",
            Self::Unsigned { .. } => "unsigned",
            Self::Withdrawn { .. } => "withdrawn",
            Self::Expired => "expired",
            Self::Refused(_) => "refused",
            Self::NotHosted(_) => "not_hosted",
        }
    }
}

/// The image that takes a device of `class` back once it has confirmed `artifact` of `release`.
/// `before` is the release that the way back reissues, if it is known.
///
/// # Errors
/// [`NoReturn`]: why there is none.
//= design §2, promise 5
pub fn way_back<'a>(
    class: &Class<'_>,
    (release, artifact, component): (&'a Release, &Artifact, ComponentId),
    before: Option<&Release>,
    hosting: &Hosting,
    now: Timestamp,
) -> Result<&'a Artifact, NoReturn> {
    if let Some(reason) = &release.marks.irreversible {
        return Err(NoReturn::Irreversible(reason.clone()));
    }
    let signed = release.way_back.iter().flat_map(|back| &back.artifacts);
    let back = signed.into_iter().find(|back| back.fits(class.model, component));
    let back = back.ok_or_else(|| NoReturn::Unsigned { model: class.model.as_str().into() })?;
    if let Some(Release { id, lifecycle: Lifecycle::Withdrawn { .. }, .. }) = before {
        return Err(NoReturn::Withdrawn { release: alloc::format!("{id}") });
    }
    if now.unix_secs() >= back.expires {
        return Err(NoReturn::Expired);
    }
    fits(&class.at.after("", artifact), back, None).map_err(NoReturn::Refused)?;
    hosting::admissible(&back.contract, class.home, hosting).map_err(NoReturn::NotHosted)?;
    Ok(back)
}
