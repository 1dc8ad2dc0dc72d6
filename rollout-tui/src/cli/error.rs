//! How a command fails: a stable code, what, why, what to do, and the exit code that follows.
//!
//! Deliberately not here: wrong usage, which the argument parser words itself.
//!
//! Invariant: every failure has a code and a hint, and no text of it carries a token or a key.

use crate::ceremony::CeremonyError;
use crate::publish::PublishError;
use crate::root::RootMakeError;
use rollout_core::trust::pem::PemError;
use rollout_core::trust::{DocumentError, EnvelopeError, RootError};
use rollout_http::client::Error as ClientError;
use std::error::Error;
use std::io;
use std::path::Path;

/// The status of an answer that is a bug or a broken disk.
const INTERNAL: u16 = 500;
/// Statuses of a server, or of a proxy before it, that cannot answer just then.
const NOT_NOW: [u16; 3] = [502, 503, 504];

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// Refused, by the server or by a check.
    Refused,
    /// Typed wrongly.
    Usage,
    /// The server cannot be reached.
    Unreachable,
    /// A bug.
    Bug,
    /// What was waited for did not come in time.
    TimedOut,
}

impl Exit {
    /// The number that the caller's shell sees.
    //= style §4
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Refused => 1,
            Self::Usage => 2,
            Self::Unreachable => 3,
            Self::Bug => 4,
            Self::TimedOut => 124,
        }
    }
}

/// Why a command did not do what it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Stable code; see `docs/errors`.
    pub code: String,
    /// What could not be done.
    pub what: String,
    /// Why, outermost first.
    pub cause: Vec<String>,
    /// What to do about it.
    pub hint: String,
    /// How the process ends.
    pub exit: Exit,
}

impl Failure {
    /// A refusal.
    pub fn new(code: &str, what: impl Into<String>, hint: &str) -> Self {
        let (code, hint) = (code.into(), hint.into());
        Self { code, what: what.into(), cause: Vec::new(), hint, exit: Exit::Refused }
    }

    /// A refusal with the code and the hint of its cause.
    pub fn of(what: impl Into<String>, cause: &impl Coded) -> Self {
        Self::new(cause.code(), what, cause.hint()).because(cause)
    }

    /// The same, with an error and everything below it as the cause.
    #[must_use]
    pub fn because(mut self, error: &(dyn Error + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            let text = error.to_string();
            // What the caller could not do is said once.
            let said = text.strip_prefix(&self.what).and_then(|rest| rest.strip_prefix(": "));
            let text = said.map_or_else(|| text.clone(), str::to_owned);
            if self.cause.last() != Some(&text) {
                self.cause.push(text);
            }
            next = error.source();
        }
        self
    }

    /// The same, with another end of the process.
    #[must_use]
    pub fn ending(self, exit: Exit) -> Self {
        Self { exit, ..self }
    }

    /// A server that refused, or could not be asked.
    pub fn server(what: impl Into<String>, error: &ClientError) -> Self {
        let exit = if error.is_of_address() {
            Exit::Usage
        } else if matches!(error, ClientError::Unreachable { .. } | ClientError::Stalled { .. }) {
            Exit::Unreachable
        } else if matches!(error, ClientError::Answer { .. } | ClientError::TooLong { .. }) {
            Exit::Bug
        } else {
            error.status().map_or(Exit::Refused, exit_of)
        };
        // The server speaks to programs; here are a command line's ways to do as it says.
        let hint = match error.code() {
            "AU-001" => "set ROLLOUT_TOKEN, or keep a token with `rollout login`",
            "HT-006" => "is this where operators connect? devices have an address of their own",
            _ => error.hint(),
        };
        Self::new(error.code(), what, hint).because(error).ending(exit)
    }

    /// A release that was not published.
    pub fn publish(what: impl Into<String>, error: &PublishError) -> Self {
        match error {
            PublishError::Ceremony(source) => Self::of(what, source),
            PublishError::Root(source) => Self::of(what, source),
            PublishError::Client(source) => Self::server(what, source),
            PublishError::NoRoot => {
                let hint = "store one with `rollout root publish`";
                Self::new("PU-001", what, hint).because(error)
            }
            PublishError::OtherImages { .. } => {
                Self::new("PU-005", what, "publish another version").because(error)
            }
            PublishError::Sources => {
                Self::new("RC-006", what, "report this").because(error).ending(Exit::Bug)
            }
            PublishError::Answer(_) => {
                let hint = "is this address a control plane, and of this version?";
                Self::new("RC-007", what, hint).because(error).ending(Exit::Bug)
            }
        }
    }

    /// A file that cannot be read.
    pub fn reading(file: &Path, error: &io::Error) -> Self {
        let what = format!("cannot read `{}`", file.display());
        Self::new("RC-001", what, "look at the path and its permissions").because(error)
    }

    /// A file that cannot be written.
    pub fn writing(file: &Path, error: &io::Error) -> Self {
        let what = format!("cannot write `{}`", file.display());
        if error.kind() == io::ErrorKind::AlreadyExists {
            let hint = "name another file; keys and roots are never overwritten";
            return Self::new("RC-003", what, hint).because(error);
        }
        Self::new("RC-002", what, "look at the path and its permissions").because(error)
    }
}

/// An error that brings its own code and hint.
pub trait Coded: Error + 'static {
    /// Stable code; see `docs/errors`.
    fn code(&self) -> &'static str;
    /// What to do about it.
    fn hint(&self) -> &'static str;
}

macro_rules! coded {
    ($($error:ty),*) => {
        $(impl Coded for $error {
            fn code(&self) -> &'static str {
                self.code()
            }

            fn hint(&self) -> &'static str {
                self.hint()
            }
        })*
    };
}

coded!(CeremonyError, DocumentError, EnvelopeError, PemError, RootError, RootMakeError);

fn exit_of(status: u16) -> Exit {
    match status {
        INTERNAL => Exit::Bug,
        status if NOT_NOW.contains(&status) => Exit::Unreachable,
        _ => Exit::Refused,
    }
}
