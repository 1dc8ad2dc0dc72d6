//! Whether a device could install an image: what it would check itself.
//!
//! Not here: whose turn it is. Invariant: nothing is offered that the device would refuse.

use super::{Again, Candidate, Ineligible};
use crate::cohort::Attributes as _;
use crate::device::State;
use crate::release::{Artifact, Target};
use alloc::format;

/// What the device itself would check before it writes a byte.
//= trust §4: step 9 of the order of checks
pub(super) fn can_install(
    candidate: &Candidate,
    artifact: &Artifact,
    target: &Target,
    again: Again,
) -> Result<(), Ineligible> {
    let facts = candidate.device.facts.as_ref().ok_or(Ineligible::NeverSeen)?;
    let running = &facts.running;
    if running.digest == artifact.image {
        return Err(Ineligible::AlreadyRuns);
    }
    if again == Again::No && candidate.device.fled.contains(&artifact.image) {
        return Err(Ineligible::Fled);
    }
    let have = running.counter.0;
    if (running.epoch, running.counter) >= (artifact.epoch, artifact.counter) {
        return Err(Ineligible::Counter { have, offered: artifact.counter.0 });
    }
    if running.epoch == artifact.epoch && running.counter < artifact.min_from {
        return Err(Ineligible::SteppingStone { have, need: artifact.min_from.0 });
    }
    if facts.secure_version > artifact.secure_version {
        let (have, offered) = (facts.secure_version.0, artifact.secure_version.0);
        return Err(Ineligible::SecureVersion { have, offered });
    }
    if artifact.length > facts.slot_bytes {
        return Err(Ineligible::Size { image: artifact.length, slot: facts.slot_bytes });
    }
    // What a release asks of the version before it is not asked of the version after it.
    let from = match target {
        Target::Release(_) => candidate.release.from.as_ref(),
        Target::WayBackOf(_) => None,
    };
    match from {
        Some(need)
            if !semver::Version::parse(&running.version).is_ok_and(|have| need.matches(&have)) =>
        {
            let have = candidate.device.get("version").unwrap_or_default().into();
            Err(Ineligible::FromVersion { have, need: format!("{need}") })
        }
        _ => Ok(()),
    }
}

/// How an attempt ended, in a word.
pub(super) fn ended_as(state: State) -> &'static str {
    match state {
        State::Confirmed => "confirmed",
        State::RolledBack => "rolled back",
        State::Failed => "failed",
        State::Silent => "silent",
        State::Refused => "refused by the device",
        State::Left => "left",
        State::Revoked => "revoked",
        State::Offered
        | State::Downloading
        | State::Ready
        | State::Deferred
        | State::Lapsed
        | State::Permitted
        | State::Interrupted => "open",
    }
}
