//! How the devices of a cohort get to a release, who never does, and for whom the way back ends.
//!
//! Invariant: the classes that are named and `further` sum to those that have a way over other
//! releases or none.

use crate::body::v1::{HopBody, LossBody, WayBody, WaysBody};
use rollout_core::device::Device;
use rollout_core::fleet::{Fleet, Running, Stands, Survey, Way};
use rollout_core::id::DeviceId;
use rollout_core::reach::Hop;
use rollout_core::time::Timestamp;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Most classes that a check names: more is no list that anybody reads.
const NAMED: usize = 32;

/// The ways of a cohort. `None` where a rollout takes another one back.
pub(super) fn ways(fleet: &Fleet, running: &Running, now: Timestamp) -> Option<WaysBody> {
    fleet.survey(running, now, |Survey { ways, totals }| {
        let is_shown = |way: &&Way<'_>| match way.stands {
            Stands::Through(_) | Stands::Orphan(..) => true,
            Stands::Direct | Stands::There => false,
        };
        let mut shown: Vec<_> = ways.iter().filter(is_shown).collect();
        shown.sort_by_key(|way| Reverse(way.devices));
        let named: Vec<_> = shown.iter().take(NAMED).map(|way| class(fleet, way, now)).collect();
        let listed: u64 = named.iter().map(|way| way.devices).sum();
        WaysBody {
            direct: totals.direct,
            through: totals.through,
            there: totals.there,
            orphans: totals.orphans,
            unheard: totals.unheard,
            aside: totals.aside,
            further: totals.through + totals.orphans - listed,
            classes: named,
        }
    })
}

fn class(fleet: &Fleet, way: &Way<'_>, now: Timestamp) -> WayBody {
    let body = WayBody {
        devices: way.devices,
        example: way.example.as_str().into(),
        model: way.class.model.as_str().into(),
        home: way.class.home.as_str().into(),
        version: way.class.at.version.into(),
        counter: way.class.at.counter.0,
        hops: Vec::new(),
        image_bytes: 0,
        code: None,
        reason: None,
    };
    filled(body, fleet, &way.stands, way.example, now)
}

fn filled(
    mut body: WayBody,
    fleet: &Fleet,
    stands: &Stands<'_>,
    device: &DeviceId,
    now: Timestamp,
) -> WayBody {
    let (hops, stuck) = match stands {
        Stands::Direct | Stands::There => (&[][..], None),
        Stands::Through(hops) => (hops.as_slice(), None),
        Stands::Orphan(hops, stuck) => (hops.as_slice(), Some(stuck)),
    };
    body.image_bytes = hops.iter().map(Hop::bytes).sum();
    body.code = stuck.map(|stuck| stuck.reason.code().into());
    body.reason = stuck.map(ToString::to_string);
    let hop = |hop: &Hop<'_>| HopBody {
        release: hop.release.id.to_string(),
        why: hop.why.name().into(),
        image_bytes: hop.bytes(),
        rollout: fleet.carrier(&hop.release.id, device, now).map(|id| id.to_string()),
    };
    body.hops = hops.iter().map(hop).collect();
    body
}

/// The way of one device to a rollout's release, unless it is there or needs no other first.
pub(crate) fn way_of(
    fleet: &Fleet,
    running: &Running,
    device: &Device,
    now: Timestamp,
) -> Option<WayBody> {
    let facts = device.facts.as_ref()?;
    fleet.way_of(running, device, now, |stands| {
        let body = WayBody {
            devices: 1,
            example: device.id.as_str().into(),
            model: device.hardware.as_str().into(),
            home: device.home.as_str().into(),
            version: facts.running.version.clone(),
            counter: facts.running.counter.0,
            hops: Vec::new(),
            image_bytes: 0,
            code: None,
            reason: None,
        };
        match stands {
            Stands::Direct | Stands::There => None,
            Stands::Through(_) | Stands::Orphan(..) => {
                Some(filled(body, fleet, stands, &device.id, now))
            }
        }
    })?
}

/// For whom the way back ends, by reason.
pub(super) fn losses(fleet: &Fleet, running: &Running, now: Timestamp) -> Vec<LossBody> {
    let mut by_reason: BTreeMap<&'static str, LossBody> = BTreeMap::new();
    fleet.each_lost(running, now, |lost| {
        let entry = by_reason.entry(lost.why.name()).or_insert_with(|| LossBody {
            kind: lost.why.name().into(),
            reason: lost.why.to_string(),
            devices: 0,
            example: lost.device.id.as_str().into(),
        });
        entry.devices += 1;
    });
    by_reason.into_values().collect()
}

/// What to think about before it starts.
pub(super) fn warnings(ways: Option<&WaysBody>, losses: &[LossBody], people: u8) -> Vec<String> {
    let mut warnings = Vec::new();
    let Some(ways) = ways else { return warnings };
    let mut waits: BTreeMap<&str, u64> = BTreeMap::new();
    for way in &ways.classes {
        // The goal itself is what this plan is about.
        let first = way.hops.iter().find(|hop| hop.why != "goal" && hop.rollout.is_none());
        if let Some(hop) = first {
            *waits.entry(&hop.release).or_default() += way.devices;
        }
    }
    for (release, devices) in waits {
        let devices = counted(devices);
        warnings.push(format!(
            "{devices} must take {release} first, and no rollout that is open to them gives it"
        ));
    }
    if ways.orphans > 0 {
        warnings
            .push(format!("{} would be left behind: no way leads there", counted(ways.orphans)));
    }
    let lost = losses.iter().map(|loss| loss.devices).sum();
    if lost > 0 {
        warnings.push(format!(
            "the way back ends for {}: each rung that opens to them needs approval of that by \
             {people}",
            counted(lost)
        ));
    }
    warnings
}

fn counted(devices: u64) -> String {
    if devices == 1 { "1 device".into() } else { format!("{devices} devices") }
}
