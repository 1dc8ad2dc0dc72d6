//! Devices, by pages: filtered by a query, in the order of their ids or of an attribute.
//!
//! Invariant: a page holds its bound of devices and no more, whatever was asked; pages in a row
//! show every device that stays as it is exactly once.

use super::{Answer, Asked, PAGE, attribute, json, page_limit, page_of, query};
use crate::auth::{Operation, authorize};
use crate::backend::{Backend, Kind, Problem};
use crate::body::v1::{DeviceBody, DevicePage};
use crate::desk::Desk;
use crate::openapi::{Table, get, param};
use crate::show;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rollout_core::cohort::{Attributes as _, Selector};
use rollout_core::device::Device;
use rollout_core::fleet::{Fleet, Shown};
use rollout_core::id::DeviceId;
use serde::Deserialize;
use std::collections::BTreeSet;

/// The routes of devices.
pub(crate) fn table<B: Backend>(table: Table<Desk<B>>) -> Table<Desk<B>> {
    table
        .add(
            get("list_devices", "/v1/devices", "Devices, a page at a time.")
                .asks(Operation::Read)
                .takes(&[param::SELECTS, param::SORT, param::AFTER_PLACE, param::DEVICES])
                .answers::<DevicePage>(200, "A page; `next` says where the next begins."),
            list::<B>,
        )
        .add(
            get("read_device", "/v1/devices/{id}", "A device.")
                .asks(Operation::Read)
                .takes(&[param::DEVICE_ID])
                .answers::<DeviceBody>(200, "What is known of it.")
                .refuses(&[404]),
            show::<B>,
        )
}

/// Which page.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page {
    query: Option<String>,
    sort: Option<String>,
    after: Option<String>,
    limit: Option<usize>,
}

/// What is asked of the model.
struct Wanted {
    query: Option<Selector>,
    limit: usize,
}

/// `GET /v1/devices?query=&sort=&after=&limit=`
pub(crate) async fn list<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    page: Asked<Page>,
) -> Answer {
    authorize(&backend, &headers, Operation::Read)?;
    let Page { query: text, sort, after, limit } = query(page)?;
    let limit = page_limit(limit, PAGE)?;
    let wanted = Wanted { query: text.as_deref().map(Selector::parse_new).transpose()?, limit };
    if let Some(sort) = &sort {
        attribute(sort.strip_prefix('-').unwrap_or(sort))?;
    }
    let sort = sort.filter(|name| name != "id");
    let cursor = match (&sort, &after) {
        (Some(_), Some(after)) => Some(Place::parse(after).ok_or_else(bad_cursor)?),
        (None, Some(after)) => DeviceId::new(after).map(|_| None)?,
        (_, None) => None,
    };
    let now = backend.now();
    let body = backend.read(|fleet| {
        let (page, next) = match &sort {
            None => by_id(fleet, &wanted, after.as_deref()),
            Some(sort) => by_attribute(fleet, &wanted, sort, cursor),
        };
        let total = match &wanted.query {
            None => fleet.devices.len(),
            Some(query) => {
                fleet.devices.values().filter(|device| query.matches(&Shown(device))).count()
            }
        };
        let devices = page.into_iter().map(|device| show::device(fleet, device, now)).collect();
        DevicePage { devices, next, total: total as u64 }
    });
    json(StatusCode::OK, &body)
}

impl Wanted {
    fn takes(&self, device: &Device) -> bool {
        self.query.as_ref().is_none_or(|query| query.matches(&Shown(device)))
    }
}

fn by_id<'f>(
    fleet: &'f Fleet,
    wanted: &Wanted,
    after: Option<&str>,
) -> (Vec<&'f Device>, Option<String>) {
    let rest = fleet.devices.after(after).filter(|device| wanted.takes(device));
    page_of(rest, wanted.limit, |device| device.id.as_str().to_owned())
}

/// Where a device stands in an order: by a value, then by its id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, serde::Serialize)]
struct Place(Option<String>, String);

impl Place {
    fn of(device: &Device, name: &str) -> Self {
        let value = match name {
            // As many digits as any time has, so that text order is the order of time.
            "last_seen" => device.facts.as_ref().map(|_| format!("{:020}", device.last_seen.0)),
            name => Shown(device).get(name).map(str::to_owned),
        };
        Self(value, device.id.as_str().into())
    }

    /// As the text that asks for the next page.
    fn shown(&self) -> String {
        // A place is texts alone, which can always be written.
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    fn parse(text: &str) -> Option<Self> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
    }
}

pub(super) fn bad_cursor() -> Problem {
    let detail = "`after` is not what a page in this order gave as `next`";
    Problem::new(Kind::Invalid, "HT-020", detail, "ask for the first page again")
}

/// One pass over the fleet, holding one page.
fn by_attribute<'f>(
    fleet: &'f Fleet,
    wanted: &Wanted,
    sort: &str,
    cursor: Option<Place>,
) -> (Vec<&'f Device>, Option<String>) {
    let (name, falls) = match sort.strip_prefix('-') {
        Some(name) => (name, true),
        None => (sort, false),
    };
    let is_behind = |place: &Place| match &cursor {
        None => true,
        Some(cursor) if falls => place < cursor,
        Some(cursor) => place > cursor,
    };
    let mut best = BTreeSet::new();
    for device in fleet.devices.values().filter(|device| wanted.takes(device)) {
        let place = Place::of(device, name);
        if is_behind(&place) {
            best.insert(place);
            // One more than the page says whether there is another page.
            if best.len() > wanted.limit + 1 {
                if falls {
                    best.pop_first()
                } else {
                    best.pop_last()
                };
            }
        }
    }
    let ordered: Vec<_> =
        if falls { best.into_iter().rev().collect() } else { best.into_iter().collect() };
    let is_more = ordered.len() > wanted.limit;
    let page = &ordered[..ordered.len().min(wanted.limit)];
    let next = page.last().filter(|_| is_more).map(Place::shown);
    (page.iter().filter_map(|place| fleet.devices.get(place.1.as_str())).collect(), next)
}

/// `GET /v1/devices/{id}`
pub(crate) async fn show<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Answer {
    authorize(&backend, &headers, Operation::Read)?;
    let now = backend.now();
    let body = backend.read(|fleet| {
        let device = fleet.devices.get(id.as_str());
        device.map(|device| show::device_in_full(fleet, device, now))
    });
    json(StatusCode::OK, &body.ok_or_else(|| Problem::unknown("device", id))?)
}
