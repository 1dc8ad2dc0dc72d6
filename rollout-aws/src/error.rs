//! What the service refused, sorted once.
//!
//! By code and HTTP status, never by the text of a message.

use rollout_core::port::GatewayError;

/// What to make of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Slow down and try again.
    Throttled,
    /// Try again.
    Transient,
    /// There is something of that name.
    Exists,
    /// There is nothing of that name.
    Missing,
    /// Not in the state it is in.
    State,
    /// It will not do it.
    Refused,
    /// We asked for nonsense.
    Bug,
}

/// An error of the service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct IotError {
    /// What to make of it.
    pub kind: Kind,
    /// The service's own code.
    pub code: String,
    /// The service's own words, for people.
    pub message: String,
}

impl IotError {
    /// Sorts what the service answered.
    //= AWS IoT Jobs: errors; throttling is 400 on the control plane and 429 on the device plane
    pub fn sort(code: &str, http: u16, message: &str) -> Self {
        let kind = match (code, http) {
            ("ThrottlingException" | "LimitExceededException", _) | (_, 429) => Kind::Throttled,
            ("ServiceUnavailableException" | "InternalFailureException", _) => Kind::Transient,
            ("ResourceAlreadyExistsException", _) => Kind::Exists,
            ("ResourceNotFoundException", _) => Kind::Missing,
            ("InvalidStateTransitionException", _) => Kind::State,
            ("InvalidRequestException", _) => Kind::Bug,
            (_, 500..) => Kind::Transient,
            (_, _) => Kind::Refused,
        };
        Self { kind, code: code.into(), message: message.into() }
    }
}

impl From<IotError> for GatewayError {
    fn from(error: IotError) -> Self {
        match error.kind {
            Kind::Throttled => Self::Throttled,
            Kind::Transient => Self::Transient(error.to_string()),
            Kind::Exists | Kind::Missing | Kind::State | Kind::Refused | Kind::Bug => {
                Self::Refused(error.to_string())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_and_unknown_ones_by_their_status() {
        for (code, http, kind) in [
            ("ThrottlingException", 400, Kind::Throttled),
            ("Whatever", 429, Kind::Throttled),
            ("LimitExceededException", 410, Kind::Throttled),
            ("ServiceUnavailableException", 503, Kind::Transient),
            ("Whatever", 502, Kind::Transient),
            ("ResourceAlreadyExistsException", 409, Kind::Exists),
            ("ResourceNotFoundException", 404, Kind::Missing),
            ("InvalidStateTransitionException", 409, Kind::State),
            ("InvalidRequestException", 400, Kind::Bug),
            ("UnauthorizedException", 401, Kind::Refused),
        ] {
            assert_eq!(IotError::sort(code, http, "").kind, kind, "{code} {http}");
        }
    }
}
