//! The journal, a page at a time, as JSON lines.

use super::{Answer, Asked, query};
use crate::auth::{Operation, authorize};
use crate::backend::Backend;
use crate::desk::Desk;
use crate::show;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse as _;
use rollout_core::journal::Seq;
use serde::Deserialize;

/// Most entries of a page.
const PAGE: usize = 1000;

/// Which page.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page {
    #[serde(default)]
    after: u64,
    limit: Option<usize>,
}

/// `GET /v1/events?after=&limit=`
pub(crate) async fn page<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    page: Asked<Page>,
) -> Answer {
    authorize(&backend, &headers, Operation::ReadEvents)?;
    let page = query(page)?;
    let limit = page.limit.unwrap_or(PAGE).clamp(1, PAGE);
    let mut lines = String::new();
    for stored in backend.entries(Seq(page.after), limit).await? {
        // A line of texts and numbers can always be written.
        lines.extend(serde_json::to_string(&show::event(&stored)));
        lines.push('\n');
    }
    Ok(([(header::CONTENT_TYPE, "application/jsonl")], lines).into_response())
}
