//! Whether a device could install an image: what it would check itself.
//!
//! Not here: whose turn it is. Invariant: nothing is offered that the device would refuse.

use super::{Again, Candidate, Ineligible};
use crate::device::State;
use crate::reach::{Atlas, Footing, fits};
use crate::release::{Artifact, Target};

/// What the device itself would check before it writes a byte.
//= trust §4: step 9 of the order of checks
pub(super) fn can_install(
    candidate: &Candidate,
    artifact: &Artifact,
    target: &Target,
    again: Again,
) -> Result<(), Ineligible> {
    let facts = candidate.device.facts.as_ref().ok_or(Ineligible::NeverSeen)?;
    let at = Footing::of(facts);
    if at.image == artifact.image {
        return Err(Ineligible::AlreadyRuns);
    }
    if again == Again::No && candidate.device.fled.contains(&artifact.image) {
        return Err(Ineligible::Fled);
    }
    // What a release asks of the version before it is not asked of the version after it.
    let Target::Release(id) = target else { return fits(&at, artifact, None) };
    let fit = fits(&at, artifact, candidate.release.from.as_ref());
    if matches!(fit, Err(Ineligible::Counter { .. })) {
        return fit;
    }
    let Candidate { device, atlas, .. } = candidate;
    if let Some(end) = atlas.dead_end(&id.product, &device.hardware, &at) {
        return Err(Ineligible::DeadEnd(end.reason.clone()));
    }
    if let Some(stone) = atlas.next_stone(&id.product, &device.hardware, &at, &id.version) {
        return Err(Ineligible::MustPass { stone: Atlas::name(&id.product, stone) });
    }
    fit
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
