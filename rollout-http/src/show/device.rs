//! Devices and cohorts, as the bodies show them.

use crate::body::v1::{CohortBody, DeviceBody, DeviceExecution, NoteBody};
use rollout_core::device::{Device, Standing};
use rollout_core::fleet::Fleet;
use rollout_core::id::CohortId;
use rollout_core::journal::CohortRecord;
use rollout_core::time::Timestamp;
use rollout_core::wire::ImageState;

pub(crate) fn device(fleet: &Fleet, device: &Device, now: Timestamp) -> DeviceBody {
    let facts = device.facts.as_ref();
    let running = facts.map(|facts| &facts.running);
    DeviceBody {
        id: device.id.as_str().into(),
        hardware: device.hardware.as_str().into(),
        home: device.home.as_str().into(),
        standing: device.standing.name().into(),
        last_seen: facts.map_or(0, |_| device.last_seen.unix_secs()),
        reachable: fleet.is_reachable(device, now),
        version: running.map(|running| running.version.clone()),
        image: running.map(|running| running.digest.to_string()),
        counter: running.map(|running| running.counter.0),
        confirmed: running.map(|running| running.state == ImageState::Valid),
        open: device.open.map(|rollout| rollout.to_string()),
        attributes: facts.map(|facts| facts.attributes.clone()).unwrap_or_default(),
        registered: device.registered.clone(),
        standing_reason: standing_reason(&device.standing),
        notes: Vec::new(),
        executions: Vec::new(),
    }
}

fn standing_reason(standing: &Standing) -> Option<String> {
    match standing {
        Standing::Active => None,
        Standing::Held { reason, by, .. } | Standing::Retired { reason, by, .. } => {
            Some(format!("{by}: {reason}"))
        }
    }
}

/// A device with what people wrote about it and how it came through its rollouts.
pub(crate) fn device_in_full(fleet: &Fleet, known: &Device, now: Timestamp) -> DeviceBody {
    let notes = known.notes.iter().map(|note| NoteBody {
        at: note.at.unix_secs(),
        by: note.by.as_str().into(),
        text: note.text.clone(),
    });
    let executions = fleet.order.iter().filter_map(|id| {
        let running = fleet.rollouts.get(id)?;
        let held = running.executions.get(&known.id)?;
        let said = fleet.explain(*id, &known.id, now)?;
        Some(DeviceExecution {
            rollout: id.to_string(),
            name: running.rollout.plan.name.clone(),
            target: running.rollout.plan.target.to_string(),
            bucket: said.bucket.name().into(),
            execution: super::rollout::execution(held),
        })
    });
    DeviceBody {
        notes: notes.collect(),
        executions: executions.collect(),
        ..device(fleet, known, now)
    }
}

pub(crate) fn cohort(fleet: &Fleet, name: &CohortId, record: &CohortRecord) -> CohortBody {
    let members = fleet.devices.values().filter(|device| fleet.is_in_cohort(name, device));
    let (query, devices) = match record {
        CohortRecord::Query(query) => (Some(query.to_string()), None),
        CohortRecord::Listed(list) => {
            (None, Some(list.iter().map(|id| id.as_str().into()).collect()))
        }
    };
    CohortBody { name: name.as_str().into(), query, devices, members: members.count() as u64 }
}
