//! How a command fails: a stable code, what, why, what to do, and the exit code that follows.
//!
//! Deliberately not here: wrong usage, which the argument parser words itself.
//!
//! Invariant: every failure has a code and a hint, and no text of it carries a token or a key.

use crate::ceremony::CeremonyError;
use crate::root::RootMakeError;
use rollout_core::trust::pem::PemError;
use rollout_core::trust::{DocumentError, EnvelopeError, RootError};
use std::error::Error;
use std::io;
use std::path::Path;

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

    /// A file that cannot be read.
    pub fn reading(file: &Path, error: &io::Error) -> Self {
        let what = format!("cannot read `{}`", file.display());
        Self::new("CL-001", what, "look at the path and its permissions").because(error)
    }

    /// A file that cannot be written.
    pub fn writing(file: &Path, error: &io::Error) -> Self {
        let what = format!("cannot write `{}`", file.display());
        if error.kind() == io::ErrorKind::AlreadyExists {
            let hint = "name another file; keys and roots are never overwritten";
            return Self::new("CL-003", what, hint).because(error);
        }
        Self::new("CL-002", what, "look at the path and its permissions").because(error)
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
