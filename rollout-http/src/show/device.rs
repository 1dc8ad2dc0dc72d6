//! Devices and cohorts, as the bodies show them.

use crate::body::v1::{CohortBody, DeviceBody};
use rollout_core::device::Device;
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
        last_seen: device.last_seen.unix_secs(),
        reachable: fleet.is_reachable(device, now),
        version: running.map(|running| running.version.clone()),
        image: running.map(|running| running.digest.to_string()),
        counter: running.map(|running| running.counter.0),
        confirmed: running.map(|running| running.state == ImageState::Valid),
        open: device.open.map(|rollout| rollout.to_string()),
        attributes: facts.map(|facts| facts.attributes.clone()).unwrap_or_default(),
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
