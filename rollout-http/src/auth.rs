//! Who asks, and whether they may: bearer tokens, and a table of roles and operations.
//!
//! Not here: the second person an approval needs; the core counts people. Invariants: an unknown
//! token, a revoked one and a wrong secret are told apart by nobody; every operation of the API is
//! in the table; a device speaks for itself alone.

use crate::backend::{Backend, Kind, Problem};
use crate::token::{Token, TokenKind};
use axum::http::{HeaderMap, header};
use rollout_core::device::Device;
use rollout_core::fleet::Fleet;
use rollout_core::id::{DeviceId, Digest, Principal};
use rollout_core::journal::{Role, TokenRecord};
use rollout_core::time::Timestamp;
use std::collections::BTreeSet;

macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident = $word:literal: $($role:ident)|+,)*) => {
        /// What can be asked of the operator API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Operation { $($(#[$doc])* $name,)* }

        impl Operation {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name in refusals and tables.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// Roles of which one is enough.
            pub const fn roles(self) -> &'static [Role] {
                match self { $(Self::$name => &[$(Role::$role,)+],)* }
            }
        }
    };
}

operations! {
    /// Look at roots, products, releases, cohorts, rollouts and devices, and explain.
    Read = "read": Viewer | Operator | Publisher | Approver | Admin | Auditor,
    /// Follow the journal.
    ReadEvents = "read events": Viewer | Operator | Publisher | Approver | Admin | Auditor,
    /// Check a plan without effect.
    CheckPlan = "check a plan": Viewer | Operator | Publisher | Approver | Admin | Auditor,
    /// Store a root document.
    StoreRoot = "store a root document": Admin,
    /// Upload an image.
    UploadImage = "upload an image": Publisher,
    /// Publish a release.
    Publish = "publish a release": Publisher,
    /// Let the manifests of a release live longer.
    Renew = "renew a release": Publisher,
    /// Withdraw a release.
    Withdraw = "withdraw a release": Publisher | Operator | Admin,
    /// Say which models must pass through a release, and which versions are never updated.
    MarkWays = "mark ways": Publisher | Operator,
    /// Give a cohort a meaning.
    DefineCohort = "define a cohort": Operator | Admin,
    /// Set a freeze of the fleet, or lift it.
    SetFreeze = "set a freeze": Operator | Admin,
    /// Let devices enroll.
    OpenEnrollment = "open an enrollment": Admin,
    /// Draft a rollout.
    Draft = "draft a rollout": Operator,
    /// Start a rollout.
    Start = "start a rollout": Operator,
    /// Pause a rollout.
    Pause = "pause a rollout": Operator,
    /// Resume a rollout: the second person after a halt may be an approver.
    Resume = "resume a rollout": Operator | Approver,
    /// Open the next rung.
    Advance = "advance a rollout": Operator,
    /// Approve a rung.
    Approve = "approve a rung": Approver,
    /// Stop a rollout for good: whoever sees the fire may pull the alarm.
    Halt = "halt a rollout": Operator | Approver | Publisher | Admin,
    /// Change the plan of a rollout.
    Edit = "change a plan": Operator,
    /// End a rollout.
    Cancel = "cancel a rollout": Operator,
    /// Draft the way back.
    RollBack = "roll a rollout back": Operator,
    /// Give a product's channel a plan, or remove it.
    SetChannel = "set a channel": Operator | Admin,
    /// Promote a release along the channels.
    Promote = "promote a release": Publisher | Operator,
    /// Add, import, retire and replace devices, make their tokens.
    ManageDevices = "manage devices": Admin,
    /// Hold a device, or release it.
    HoldDevice = "hold a device": Operator | Admin,
    /// Write something about a device.
    NoteDevice = "note something about a device": Operator | Approver | Admin,
    /// Change what is registered of a device.
    DescribeDevice = "describe a device": Operator | Admin,
    /// Offer a release to one device alone.
    OfferDevice = "offer to one device": Operator,
    /// Leave a device out of a rollout, or take it in again.
    ExcludeDevice = "exclude a device": Operator,
    /// Make a token.
    MakeToken = "make a token": Admin,
    /// List tokens and enrollments, without their texts.
    ReadTokens = "list tokens": Admin | Auditor,
    /// Revoke a token, or an enrollment.
    RevokeToken = "revoke a token": Admin,
}

/// Whether a role may do an operation.
pub fn may(role: Role, operation: Operation) -> bool {
    operation.roles().contains(&role)
}

/// Who asks, by a token that is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Whom the token stands for.
    pub principal: Principal,
    /// What it may do.
    pub roles: BTreeSet<Role>,
    /// Until when.
    pub expires: Timestamp,
}

impl Caller {
    /// Whether one of its roles is enough.
    pub fn may(&self, operation: Operation) -> bool {
        self.roles.iter().any(|role| may(*role, operation))
    }
}

/// Whom the caller's token stands for, if it may do `operation`.
///
/// # Errors
/// As [`caller`]; `AU-004` if its roles do not allow it (403).
pub fn authorize<B: Backend>(
    backend: &B,
    headers: &HeaderMap,
    operation: Operation,
) -> Result<Principal, Problem> {
    let caller = caller(backend, headers)?;
    if caller.may(operation) {
        return Ok(caller.principal);
    }
    let roles: Vec<_> = operation.roles().iter().map(|role| role_name(*role)).collect();
    Err(Problem::new(
        Kind::Forbidden,
        "AU-004",
        format!("{} may not {}", caller.principal, operation.name()),
        format!("it takes one of the roles {}", roles.join(", ")),
    ))
}

/// Whom the caller's token stands for.
///
/// # Errors
/// `AU-001` without a token, `AU-002` with one that is not good, `AU-003` if it has expired (401).
pub fn caller<B: Backend>(backend: &B, headers: &HeaderMap) -> Result<Caller, Problem> {
    let token = bearer(headers, TokenKind::Operator)?;
    let now = backend.now();
    let caller = backend.read(|fleet| {
        let record = fleet.tokens.get(token.id);
        let is_good = token.matches(record.map_or(&NOBODY, |record| &record.hash));
        record.filter(|_| is_good).map(|TokenRecord { principal, roles, expires, .. }| Caller {
            principal: principal.clone(),
            roles: roles.clone(),
            expires: *expires,
        })
    });
    let caller = caller.ok_or_else(not_good)?;
    if caller.expires <= now {
        let hint = "ask an admin for a new one";
        return Err(unauthenticated("AU-003", "the token has expired", hint));
    }
    Ok(caller)
}

/// What stands in for the hash of a record that is not there, so that both cases cost the same.
const NOBODY: Digest = Digest::from_bytes([0; 32]);

/// A role's word.
pub const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Operator => "operator",
        Role::Publisher => "publisher",
        Role::Approver => "approver",
        Role::Admin => "admin",
        Role::Auditor => "auditor",
    }
}

/// The device that a document names, if the caller's token is that device's.
///
/// # Errors
/// As [`authorize`]; `AU-005` (403) if the token is another device's, `AU-006` if it is retired.
pub fn device<B: Backend>(
    backend: &B,
    headers: &HeaderMap,
    named: &str,
) -> Result<DeviceId, Problem> {
    let token = device_token(headers)?;
    backend.read(|fleet| known_device(fleet, &token, named).map(|device| device.id.clone()))
}

/// The token of a device, of which nothing but its form is known.
///
/// # Errors
/// As [`authorize`].
pub(crate) fn device_token(headers: &HeaderMap) -> Result<Token<'_>, Problem> {
    bearer(headers, TokenKind::Device)
}

/// Whether the caller's token is that of a device that is not retired.
pub(crate) fn is_device<B: Backend>(backend: &B, headers: &HeaderMap) -> bool {
    let Ok(token) = device_token(headers) else { return false };
    backend.read(|fleet| {
        let known = token.resident_id().and_then(|id| fleet.devices.resident(&id));
        let is_good = token.matches(known.map_or(&NOBODY, |known| &known.token));
        known.is_some_and(|known| is_good && !known.standing.is_retired())
    })
}

/// The device that a document names, if `token` is that device's: one look into the fleet.
///
/// # Errors
/// As [`device`].
pub(crate) fn known_device<'f>(
    fleet: &'f Fleet,
    token: &Token<'_>,
    named: &str,
) -> Result<&'f Device, Problem> {
    let known = token.resident_id().and_then(|id| fleet.devices.resident(&id));
    let is_good = token.matches(known.map_or(&NOBODY, |known| &known.token));
    let Some(known) = known.filter(|known| known.id.as_str() == named) else {
        return Err(refusal(token, named));
    };
    if !is_good {
        return Err(not_good());
    }
    if known.standing.is_retired() {
        let detail = format!("device {named} is retired");
        return Err(forbidden("AU-006", detail, "enroll it under another id"));
    }
    Ok(known)
}

/// Why a token is nobody's who is called `named`.
fn refusal(token: &Token<'_>, named: &str) -> Problem {
    if let Err(error) = DeviceId::new(named) {
        return error.into();
    }
    if token.names(named) {
        return not_good();
    }
    let detail = format!("the token is not that of device {named}");
    forbidden("AU-005", detail, "a device speaks for itself alone")
}

/// The enrollment that the caller's token opens: its public id.
///
/// # Errors
/// As [`authorize`].
pub fn enrollment<B: Backend>(backend: &B, headers: &HeaderMap) -> Result<String, Problem> {
    let token = bearer(headers, TokenKind::Enrollment)?;
    backend.read(|fleet| {
        let known = fleet.enrollments.get(token.id);
        let is_good = token.matches(known.map_or(&NOBODY, |known| &known.record.hash));
        known.filter(|_| is_good).map(|known| known.record.id.clone()).ok_or_else(not_good)
    })
}

fn bearer(headers: &HeaderMap, kind: TokenKind) -> Result<Token<'_>, Problem> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        let hint = "send `Authorization: Bearer TOKEN`";
        return Err(unauthenticated("AU-001", "there is no token", hint));
    };
    let (scheme, text) = value.to_str().ok().and_then(|v| v.split_once(' ')).unwrap_or_default();
    let token = Token::parse(text.trim()).filter(|_| scheme.eq_ignore_ascii_case("bearer"));
    token.filter(|token| token.kind == kind).ok_or_else(not_good)
}

fn not_good() -> Problem {
    unauthenticated("AU-002", "the token is not good here", "look for a missing or cut character")
}

fn unauthenticated(code: &'static str, detail: &str, hint: &str) -> Problem {
    Problem::new(Kind::Unauthenticated, code, detail, hint)
}

fn forbidden(code: &'static str, detail: String, hint: &str) -> Problem {
    Problem::new(Kind::Forbidden, code, detail, hint)
}
