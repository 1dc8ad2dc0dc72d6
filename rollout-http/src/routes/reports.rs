//! A device reports: all of a batch is taken, or none of it, and the refusal names the index.

use super::device::check_version;
use super::{Answer, json};
use crate::auth;
use crate::backend::{Backend, Kind, Problem};
use crate::input::{self, DEVICE_BYTES};
use crate::openapi::{Shows, Table, post, wire as described};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use rollout_core::id::{DeviceId, RolloutId};
use rollout_core::journal::ReportRecord;
use rollout_core::wire;
use serde_json::value::RawValue;

/// The route of reports.
pub(crate) fn table<B: Backend>(table: Table<B>) -> Table<B> {
    table.add(
        post("report", "/device/v1/reports", "Report what happened; all of it is taken, or none.")
            .shows(Shows::Device)
            .reads::<described::Reports>()
            .answers::<described::ReportsAnswer>(200, "All of it is on disk.")
            .refuses(&[403, 404, 409]),
        report::<B>,
    )
}

/// `POST /device/v1/reports`
pub(crate) async fn report<B: Backend>(
    State(backend): State<B>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let bytes = input::read(body, DEVICE_BYTES).await?;
    let batch: wire::ReportBatch<Vec<&RawValue>> = input::json(&bytes)?;
    check_version(batch.v)?;
    let device = auth::device(&backend, &headers, batch.device)?;
    let reports = &batch.reports;
    if reports.is_empty() || reports.len() > wire::REPORTS {
        let detail = format!("a batch has 1 to {} reports, not {}", wire::REPORTS, reports.len());
        return Err(Problem::new(Kind::Invalid, "WI-003", detail, "send several batches"));
    }
    let records = reports
        .iter()
        .enumerate()
        .map(|(index, report)| record(&device, batch.incarnation, index, report))
        .collect::<Result<Vec<_>, _>>()?;
    let acknowledged = records.iter().map(|record| record.sequence).max().unwrap_or_default();
    backend.read(|fleet| fleet.check_reports(&records))?;
    backend.report(records).await?;
    json(StatusCode::OK, &wire::ReportsAnswer { v: wire::VERSION, acknowledged })
}

fn record(
    device: &DeviceId,
    incarnation: u64,
    index: usize,
    raw: &RawValue,
) -> Result<ReportRecord, Problem> {
    let wrong = |why: String| {
        let hint = "correct the report; none of the batch was taken";
        Problem::new(Kind::Invalid, "WI-004", format!("report {index}: {why}"), hint)
    };
    let said: wire::Report =
        serde_json::from_str(raw.get()).map_err(|error| wrong(error.to_string()))?;
    let rollout = RolloutId::parse(said.rollout).map_err(|error| wrong(error.to_string()))?;
    if said.attempt == 0 {
        return Err(wrong("attempts count from 1".into()));
    }
    let detail = said.detail.unwrap_or_default();
    if detail.len() > wire::DETAIL_BYTES {
        return Err(wrong(format!("`detail` has more than {} bytes", wire::DETAIL_BYTES)));
    }
    Ok(ReportRecord {
        device: device.clone(),
        incarnation,
        sequence: said.sequence,
        rollout,
        attempt: said.attempt,
        event: said.event,
        reason: said.reason,
        detail: said.detail.map(String::from),
    })
}
