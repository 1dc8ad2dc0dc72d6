//! Tokens and enrollments. A token's text is in one answer and nowhere else.

use super::devices::bad_cursor;
use super::{Answer, Asked, Behind, PAGE, json, page_limit, page_of, query, secret};
use crate::auth::{Operation, authorize};
use crate::backend::{Backend, Kind, Problem, Terms};
use crate::body::v1::{
    EnrollmentLine, Enrollments, OpenEnrollment, TokenLine, TokenMade, TokenRequest, Tokens,
};
use crate::desk::Desk;
use crate::input;
use crate::openapi::{Table, delete, get, param, post};
use crate::token::{self, Minted, TokenKind};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use rollout_core::fleet::{Enrollment, Registered};
use rollout_core::id::{HardwareModel, Principal};
use rollout_core::journal::{EnrollmentRecord, Entry, TokenRecord};
use rollout_core::time::{Span, Timestamp};
use std::ops::Bound;

/// The routes of tokens and enrollments.
pub(crate) fn table<B: Backend>(table: Table<Desk<B>>) -> Table<Desk<B>> {
    table
        .add(
            post("open_enrollment", "/v1/enrollments", "Let so many devices of a model enroll.")
                .asks(Operation::OpenEnrollment)
                .reads::<OpenEnrollment>()
                .answers::<TokenMade>(201, "The token with which they enroll, shown this once."),
            open_enrollment::<B>,
        )
        .add(
            get("list_enrollments", "/v1/enrollments", "Enrollments in force, a page at a time.")
                .asks(Operation::ReadTokens)
                .takes(&[param::AFTER_TOKEN, param::PAGE])
                .answers::<Enrollments>(200, "How far each is used; no token's text."),
            enrollments::<B>,
        )
        .add(
            get("list_tokens", "/v1/tokens", "Tokens in force, a page at a time.")
                .asks(Operation::ReadTokens)
                .takes(&[param::AFTER_TOKEN, param::PAGE])
                .answers::<Tokens>(200, "Whom each stands for; no token's text."),
            tokens::<B>,
        )
        .add(
            post("make_token", "/v1/tokens", "Make a token for a person or a program.")
                .asks(Operation::MakeToken)
                .reads::<TokenRequest>()
                .answers::<TokenMade>(201, "The token, shown this once."),
            make_token::<B>,
        )
        .add(
            delete("revoke_token", "/v1/tokens/{id}", "Revoke a token, or an enrollment.")
                .asks(Operation::RevokeToken)
                .takes(&[param::TOKEN])
                .answers_nothing(204, "It is worth nothing any more.")
                .refuses(&[404]),
            revoke_token::<B>,
        )
}

/// Longest life of a token, in days.
//= trust §8: expiry required, at most 90 days
const MOST_DAYS: u32 = 90;
/// Life of an operator's token.
const TOKEN_DAYS: u32 = 30;
/// Life of an enrollment.
const ENROLLMENT_DAYS: u32 = 7;

fn mint<B: Backend>(backend: &B, kind: TokenKind) -> Minted {
    let mut entropy = [0; token::ENTROPY_BYTES];
    backend.entropy(&mut entropy);
    token::make(kind, &entropy)
}

fn until(now: Timestamp, days: Option<u32>, usual: u32) -> Result<Timestamp, Problem> {
    let days = days.unwrap_or(usual);
    if !(1..=MOST_DAYS).contains(&days) {
        let detail = format!("a token lives 1 to {MOST_DAYS} days, not {days}");
        return Err(Problem::new(Kind::Invalid, "TO-001", detail, "make a new one in time"));
    }
    Ok(now.after(Span::hours(u64::from(days) * 24)))
}

fn shown(made: Minted, expires: Timestamp) -> Answer {
    let body = TokenMade { id: made.id, token: made.text, expires: expires.unix_secs() };
    secret(json(StatusCode::CREATED, &body))
}

/// `POST /v1/tokens`
pub(crate) async fn make_token<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    authorize(&backend, &headers, Operation::MakeToken)?;
    let asked: TokenRequest = input::operator_json(&headers, body).await?;
    let principal = Principal::new(&asked.principal)?;
    if asked.roles.is_empty() {
        let detail = "a token without a role may do nothing";
        return Err(Problem::new(Kind::Invalid, "TO-002", detail, "name at least one role"));
    }
    let expires = until(backend.now(), asked.days, TOKEN_DAYS)?;
    let made = mint(&backend, TokenKind::Operator);
    let record = TokenRecord {
        id: made.id.clone(),
        hash: made.hash,
        principal,
        roles: asked.roles.into_iter().map(Into::into).collect(),
        expires,
    };
    let entry = Entry::TokenMade(record);
    backend
        .register(Box::new(move |_, _| Ok(Registered::New(vec![entry]))), Terms::default())
        .await?;
    shown(made, expires)
}

/// `GET /v1/tokens?after=&limit=`
pub(crate) async fn tokens<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    behind: Asked<Behind>,
) -> Answer {
    authorize(&backend, &headers, Operation::ReadTokens)?;
    let Behind { after, limit } = query(behind)?;
    let limit = page_limit(limit, PAGE)?;
    let behind = behind_id(after.as_deref())?;
    let body = backend.read(|fleet| {
        let rest = fleet.tokens.range::<str, _>(behind);
        let (page, next) = page_of(rest, limit, |(id, _)| (*id).clone());
        let line = |(id, record): (&String, &TokenRecord)| TokenLine {
            id: id.clone(),
            principal: record.principal.as_str().into(),
            roles: record.roles.iter().map(|role| (*role).into()).collect(),
            expires: record.expires.unix_secs(),
        };
        Tokens { tokens: page.into_iter().map(line).collect(), next }
    });
    json(StatusCode::OK, &body)
}

/// `GET /v1/enrollments?after=&limit=`
pub(crate) async fn enrollments<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    behind: Asked<Behind>,
) -> Answer {
    authorize(&backend, &headers, Operation::ReadTokens)?;
    let Behind { after, limit } = query(behind)?;
    let limit = page_limit(limit, PAGE)?;
    let behind = behind_id(after.as_deref())?;
    let body = backend.read(|fleet| {
        let rest = fleet.enrollments.range::<str, _>(behind);
        let (page, next) = page_of(rest, limit, |(id, _)| (*id).clone());
        let line = |(id, known): (&String, &Enrollment)| EnrollmentLine {
            id: id.clone(),
            hardware: known.record.hardware.as_str().into(),
            count: known.record.count,
            used: known.used,
            expires: known.record.expires.unix_secs(),
        };
        Enrollments { enrollments: page.into_iter().map(line).collect(), next }
    });
    json(StatusCode::OK, &body)
}

/// Everything behind a public id, which is hexadecimal.
fn behind_id(after: Option<&str>) -> Result<(Bound<&str>, Bound<&str>), Problem> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let is_id = |id: &str| (1..=32).contains(&id.len()) && id.bytes().all(is_digit);
    if after.is_some_and(|after| !is_id(after)) {
        return Err(bad_cursor());
    }
    Ok((after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded))
}

/// `DELETE /v1/tokens/{id}`
pub(crate) async fn revoke_token<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Answer {
    authorize(&backend, &headers, Operation::RevokeToken)?;
    backend
        .register(
            Box::new(move |fleet, _| {
                if !fleet.tokens.contains_key(&id) && !fleet.enrollments.contains_key(&id) {
                    return Err(Problem::unknown("token", id));
                }
                Ok(Registered::New(vec![Entry::TokenRevoked { id }]))
            }),
            Terms::default(),
        )
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `POST /v1/enrollments`
pub(crate) async fn open_enrollment<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    authorize(&backend, &headers, Operation::OpenEnrollment)?;
    let asked: OpenEnrollment = input::operator_json(&headers, body).await?;
    let hardware = HardwareModel::new(&asked.hardware)?;
    if asked.count == 0 {
        let detail = "an enrollment for no device";
        return Err(Problem::new(Kind::Invalid, "TO-003", detail, "say for how many devices"));
    }
    let expires = until(backend.now(), asked.days, ENROLLMENT_DAYS)?;
    let made = mint(&backend, TokenKind::Enrollment);
    let (id, hash) = (made.id.clone(), made.hash);
    let record = EnrollmentRecord { id, hash, hardware, count: asked.count, expires };
    let entry = Entry::EnrollmentOpened(record);
    backend
        .register(Box::new(move |_, _| Ok(Registered::New(vec![entry]))), Terms::default())
        .await?;
    shown(made, expires)
}
