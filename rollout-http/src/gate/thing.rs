//! What can be edited, by the path that names it: its revision, its tag, how it is.
//!
//! A tag is `"REVISION-DIGEST"`: what operators make of a thing raises its revision; the digest is
//! of all that was shown, counts and times included. `If-Match` compares revisions, so that
//! devices which report do not stand in the way of an edit; `If-None-Match` compares all of it.

use crate::backend::{Backend, Guard, Kind, Problem};
use crate::routes::unescaped;
use crate::show;
use axum::http::{HeaderMap, HeaderValue, header};
use rollout_core::fleet::Fleet;
use rollout_core::id::{ChannelId, CohortId, DeviceId, Digest, ProductId, RolloutId};
use rollout_core::release::ReleaseId;
use rollout_core::time::Timestamp;
use serde_json::Value;

/// Digits of a digest that a tag has.
const DIGEST_CHARS: usize = 16;

/// Something that can be edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Thing {
    Rollout(RolloutId),
    Cohort(CohortId),
    Release(ReleaseId),
    Device(DeviceId),
    Channel(ProductId, ChannelId),
}

impl Thing {
    /// What a path names, or is about.
    pub(super) fn of(path: &str) -> Option<Self> {
        let path = path.strip_prefix("/v1/")?;
        let parts: Vec<_> = path.split('/').map(unescaped).collect::<Option<_>>()?;
        let parts: Vec<_> = parts.iter().map(String::as_str).collect();
        match parts.as_slice() {
            ["rollouts", id, ..] => RolloutId::parse(id).ok().map(Self::Rollout),
            ["cohorts", name] => CohortId::new(name).ok().map(Self::Cohort),
            ["releases", id, ..] => ReleaseId::parse(id).ok().map(Self::Release),
            ["devices", id, ..] => DeviceId::new(id).ok().map(Self::Device),
            ["products", product, "channels", channel] => {
                let (product, channel) = (ProductId::new(product), ChannelId::new(channel));
                Some(Self::Channel(product.ok()?, channel.ok()?))
            }
            [..] => None,
        }
    }

    /// Rises with every edit; `None` if it is not there.
    pub(super) fn revision(&self, fleet: &Fleet) -> Option<u64> {
        match self {
            Self::Rollout(id) => {
                fleet.rollouts.get(id).map(|found| found.rollout.generation + found.exclusions)
            }
            Self::Cohort(name) => fleet.cohorts.get(name).map(|found| found.revision.0),
            Self::Release(id) => fleet.releases.get(id).map(|found| found.revision.0),
            Self::Device(id) => fleet.devices.get(id).map(|found| found.revision.0),
            Self::Channel(product, channel) => {
                let place = (product.clone(), channel.clone());
                fleet.channels.get(&place).map(|found| found.revision.0)
            }
        }
    }

    /// How it is, as its own route shows it.
    pub(super) fn shown(&self, fleet: &Fleet, now: Timestamp) -> Option<Vec<u8>> {
        let shown = match self {
            Self::Rollout(id) => {
                serde_json::to_vec(&show::rollout(fleet, fleet.rollouts.get(id)?, now))
            }
            Self::Cohort(name) => {
                serde_json::to_vec(&show::cohort(fleet, name, &fleet.cohorts.get(name)?.record))
            }
            Self::Release(id) => {
                serde_json::to_vec(&show::release_in_full(fleet, fleet.releases.get(id)?))
            }
            Self::Device(id) => {
                serde_json::to_vec(&show::device_in_full(fleet, fleet.devices.get(id)?, now))
            }
            Self::Channel(product, channel) => {
                let found = fleet.channels.get(&(product.clone(), channel.clone()))?;
                serde_json::to_vec(&show::channel(fleet, product, channel, found))
            }
        };
        shown.ok()
    }
}

/// The tag of a body, of a thing that had `revision` before it was shown.
pub(super) fn tag(revision: Option<u64>, body: &[u8]) -> String {
    let digest = Digest::of(body).to_string();
    let digest = &digest[..DIGEST_CHARS];
    match revision {
        Some(revision) => format!("\"{revision}-{digest}\""),
        None => format!("\"{digest}\""),
    }
}

/// The tags of a header; `None` if it is not there.
fn listed(headers: &HeaderMap, name: header::HeaderName) -> Option<Vec<String>> {
    let mut values = headers.get_all(name).iter().peekable();
    values.peek()?;
    let texts = values.filter_map(|value| value.to_str().ok());
    let tags = texts.flat_map(|text| text.split(',')).map(|tag| tag.trim().to_owned());
    Some(tags.collect())
}

/// Whether the caller has what it would be shown.
//= RFC 9110 §13.1.2
pub(super) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let listed = listed(headers, header::IF_NONE_MATCH).unwrap_or_default();
    listed.iter().any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}

/// What must hold of a thing before it is changed.
//= RFC 9110 §13.1.1, §13.1.2
pub(super) fn guard(headers: &HeaderMap, thing: &Thing) -> Option<Guard> {
    let wanted = listed(headers, header::IF_MATCH);
    let unwanted = listed(headers, header::IF_NONE_MATCH).is_some_and(|tags| tags == ["*"]);
    if wanted.is_none() && !unwanted {
        return None;
    }
    let thing = thing.clone();
    Some(Box::new(move |fleet: &Fleet| {
        let revision = thing.revision(fleet);
        let fits = match &wanted {
            None => true,
            Some(tags) => tags.iter().any(|tag| match (tag.as_str(), revision) {
                ("*", revision) => revision.is_some(),
                (tag, Some(revision)) => revision_of(tag) == Some(revision),
                (_, None) => false,
            }),
        };
        if fits && !(unwanted && revision.is_some()) { Ok(()) } else { Err(changed()) }
    }))
}

/// The revision that a tag was given with.
fn revision_of(tag: &str) -> Option<u64> {
    let tag = tag.strip_prefix('"')?.strip_suffix('"')?;
    tag.split_once('-')?.0.parse().ok()
}

fn changed() -> Problem {
    let detail = "it has changed since it was read";
    Problem::new(Kind::Changed, "HT-015", detail, "look at `current`, and decide again")
}

/// The newest state of a thing, and its tag.
pub(super) fn current<B: Backend>(backend: &B, thing: &Thing) -> Option<(Value, HeaderValue)> {
    let now = backend.now();
    let (revision, shown) = backend.read(|fleet| (thing.revision(fleet), thing.shown(fleet, now)));
    let bytes = shown?;
    let shown = serde_json::from_slice(&bytes).ok()?;
    Some((shown, HeaderValue::from_str(&tag(revision, &bytes)).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_what_it_is_about() {
        let id = "0192f7a0-0000-7000-8000-000000000001";
        let rollout = RolloutId::parse(id).map(Thing::Rollout).ok();
        assert_eq!(Thing::of(&format!("/v1/rollouts/{id}/pause")), rollout);
        let device = DeviceId::new("a:1").map(Thing::Device).ok();
        assert_eq!(Thing::of("/v1/devices/a%3A1"), device);
        for path in ["/v1/rollouts", "/v1/devices/a%2", "/v1/cohorts/x/y", "/healthz"] {
            assert_eq!(Thing::of(path), None, "{path}");
        }
    }

    #[test]
    fn a_tag_says_its_revision() {
        assert_eq!(revision_of(&tag(Some(7), b"x")), Some(7));
        for strange in ["7-0", "\"7\"", "W/\"7-0\"", "\"x-7\"", ""] {
            assert_eq!(revision_of(strange), None, "{strange}");
        }
    }
}
