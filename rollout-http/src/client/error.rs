//! What can go wrong between a client and its control plane.

use crate::body::v1::ProblemBody;
use rollout_tls::{Fault, TrustError};

/// Most characters of an answer that is no problem document.
const SHOWN: usize = 200;

/// Why a call did not do what it was for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server has refused it. Nothing has changed.
    #[error("{}", .0.detail)]
    Refused(Box<ProblemBody>),
    /// Nobody answered, or not in time.
    #[error("cannot {doing}: no answer from the control plane")]
    Unreachable {
        /// What was asked.
        doing: &'static str,
        /// What the network said.
        source: reqwest::Error,
    },
    /// Somebody is there, but not by TLS, or nobody that we believe.
    #[error("cannot {doing}: {fault}")]
    Tls {
        /// What was asked.
        doing: &'static str,
        /// Why.
        fault: Fault,
        /// What the network said.
        source: reqwest::Error,
    },
    /// Nobody could be believed.
    #[error("no server can be believed")]
    Trust(#[source] TrustError),
    /// The answer is not what it should be.
    #[error("cannot {doing}: the answer cannot be read")]
    Answer {
        /// What was asked.
        doing: &'static str,
        /// Where it is wrong.
        source: serde_json::Error,
    },
    /// The answer is longer than any should be.
    #[error("cannot {doing}: the answer has more than {limit} bytes")]
    TooLong {
        /// What was asked.
        doing: &'static str,
        /// The bound.
        limit: usize,
    },
    /// The address is no URL.
    #[error("`{text}` is no address of a control plane")]
    Base {
        /// What was given.
        text: String,
    },
    /// The token cannot be sent. What it is, is not said.
    #[error("the token has a space, a line break or a sign that no token has")]
    Token,
    /// What is sent does not move any more.
    #[error("cannot {doing}: nothing has moved for {secs} s")]
    Stalled {
        /// What was asked.
        doing: &'static str,
        /// For how long.
        secs: u64,
    },
    /// A file cannot be read.
    #[error("cannot read {path}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

impl Error {
    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &str {
        match self {
            Self::Refused(problem) => &problem.code,
            Self::Unreachable { .. } => "CL-001",
            Self::Tls { fault, .. } => fault.code(),
            Self::Trust(error) => error.code(),
            Self::Answer { .. } => "CL-002",
            Self::TooLong { .. } => "CL-003",
            Self::Base { .. } => "CL-004",
            Self::File { .. } => "CL-005",
            Self::Stalled { .. } => "CL-006",
            Self::Token => "CL-007",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &str {
        match self {
            Self::Refused(problem) => &problem.hint,
            Self::Unreachable { .. } => "is the daemon running, and is this its address?",
            Self::Tls { fault, .. } => fault.hint(),
            Self::Trust(error) => error.hint(),
            Self::Answer { .. } | Self::TooLong { .. } => {
                "is this address a control plane, and of this version?"
            }
            Self::Base { .. } => "write it as http://127.0.0.1:8470",
            Self::Stalled { .. } => "send it again; what has arrived is not taken twice",
            Self::File { .. } => "look at the path and its permissions",
            Self::Token => "copy it from where it was shown, without what stands around it",
        }
    }

    /// Whether it is the address, or the CA or token beside it, that is to be corrected.
    pub fn is_of_address(&self) -> bool {
        match self {
            Self::Base { .. } | Self::Trust(_) | Self::Token => true,
            Self::Tls { fault, .. } => fault.is_of_address(),
            Self::Refused(_)
            | Self::Unreachable { .. }
            | Self::Answer { .. }
            | Self::TooLong { .. }
            | Self::Stalled { .. }
            | Self::File { .. } => false,
        }
    }

    /// The status code, if the server has answered.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(problem) => Some(problem.status),
            Self::Unreachable { .. }
            | Self::Tls { .. }
            | Self::Trust(_)
            | Self::Answer { .. }
            | Self::TooLong { .. }
            | Self::Base { .. }
            | Self::Token
            | Self::Stalled { .. }
            | Self::File { .. } => None,
        }
    }
}

/// Why there was no answer: what the network said, or TLS.
pub(super) fn lost(doing: &'static str, source: reqwest::Error) -> Error {
    match Fault::of(&source) {
        Some(fault) => Error::Tls { doing, fault, source },
        None => Error::Unreachable { doing, source },
    }
}

/// A refusal, from the body that came with it.
pub(super) fn refused(status: u16, body: &[u8]) -> Error {
    let problem = serde_json::from_slice(body).unwrap_or_else(|_| ProblemBody {
        kind: None,
        status,
        code: "CL-000".into(),
        detail: format!("status {status}: {}", shown(body)),
        hint: "is this address a control plane?".into(),
        current: None,
    });
    Error::Refused(Box::new(problem))
}

fn shown(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    if text.trim_start().starts_with('<') {
        return "a web page, and no answer of a control plane".into();
    }
    text.trim().chars().filter(|c| !c.is_control()).take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_web_page_is_not_shown_as_an_answer() {
        let told = |body: &str| refused(404, body.as_bytes()).to_string();
        let page = "\n<!DOCTYPE HTML><html><body>Not found</body></html>";
        assert_eq!(told(page), "status 404: a web page, and no answer of a control plane");
        assert_eq!(told("no such page\u{7}"), "status 404: no such page");
    }
}
