//! Refusals on the wire: `application/problem+json` with a stable code, a detail and a hint.
//!
//! Not here: why something is refused. Invariant: every error of the core reaches the caller with
//! its own code and hint; what kind of refusal it is stands in one table, by code.

use crate::backend::{Kind, Problem};
use crate::body::v1::ProblemBody;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rollout_core::cohort::SelectorError;
use rollout_core::fleet::{
    BeginError, DeviceError, FreezeError, OnceError, PromoteError, PublishError, RegistryError,
    RenewError, RoadError,
};
use rollout_core::id::IdError;
use rollout_core::port::{ImageError, StoreError};
use rollout_core::rollout::{PlanError, Refusal};
use std::fmt;

/// When to come again after "not now", seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");
/// The type of a refusal's body.
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Codes whose refusal is of another kind than "the request is wrong".
const KINDS: &[(&str, Kind)] = &[
    ("DE-", Kind::Conflict),
    ("DV-002", Kind::Invalid),
    ("DV-004", Kind::Invalid),
    ("DV-", Kind::Conflict),
    ("FZ-003", Kind::Conflict),
    ("FZ-004", Kind::NotFound),
    ("FZ-005", Kind::Conflict),
    ("IM-102", Kind::Invalid),
    ("IM-103", Kind::NotFound),
    ("IM-104", Kind::Broken),
    ("ON-001", Kind::Unprocessable),
    ("ON-002", Kind::InProgress),
    ("PR-001", Kind::NotFound),
    ("PR-007", Kind::Invalid),
    ("PR-", Kind::Conflict),
    ("PU-001", Kind::Conflict),
    ("PU-004", Kind::Conflict),
    ("PU-005", Kind::Conflict),
    ("PU-010", Kind::Conflict),
    ("PU-009", Kind::Conflict),
    ("RE-001", Kind::NotFound),
    ("RE-002", Kind::Conflict),
    ("RE-003", Kind::Forbidden),
    ("RE-005", Kind::Conflict),
    ("RE-006", Kind::Conflict),
    ("RE-009", Kind::Conflict),
    ("RO-", Kind::Conflict),
    ("ST-001", Kind::Unavailable),
    ("ST-", Kind::Broken),
];

/// The kind of a refusal of the core, by its code.
pub fn kind_of(code: &str) -> Kind {
    let found = KINDS.iter().find(|(prefix, _)| code.starts_with(prefix));
    found.map_or(Kind::Invalid, |(_, kind)| *kind)
}

impl Problem {
    /// A refusal of this room.
    pub fn new(
        kind: Kind,
        code: &'static str,
        detail: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self { kind, code, detail: detail.into(), hint: hint.into() }
    }

    /// Something that is not there.
    pub fn unknown(kind: &'static str, name: impl ToString) -> Self {
        RegistryError::unknown(kind, name).into()
    }

    /// As its body.
    pub fn body(&self) -> ProblemBody {
        ProblemBody {
            kind: None,
            status: self.kind.status().as_u16(),
            code: self.code.into(),
            detail: self.detail.clone(),
            hint: self.hint.clone(),
            current: None,
        }
    }
}

impl Kind {
    /// The status code that follows from it.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Invalid => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Stale => StatusCode::PRECONDITION_FAILED,
            Self::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Conflict => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::InProgress => StatusCode::CONFLICT,
            Self::Changed => StatusCode::PRECONDITION_FAILED,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Broken => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

impl std::error::Error for Problem {}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.kind.status();
        if self.kind == Kind::Broken {
            tracing::error!(code = self.code, detail = %self.detail, "a request failed");
        }
        let body = serde_json::to_vec(&self.body()).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, PROBLEM_JSON);
        if matches!(self.kind, Kind::Unavailable | Kind::InProgress) {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        if self.kind == Kind::Unauthenticated {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

macro_rules! problem_from {
    ($($error:ty),* $(,)?) => {
        $(impl From<$error> for Problem {
            fn from(error: $error) -> Self {
                let code = error.code();
                Self::new(kind_of(code), code, error.to_string(), error.hint())
            }
        })*
    };
}

problem_from!(
    BeginError,
    DeviceError,
    FreezeError,
    IdError,
    ImageError,
    OnceError,
    PlanError,
    PromoteError,
    PublishError,
    Refusal,
    RegistryError,
    RenewError,
    RoadError,
    SelectorError,
    StoreError,
);
