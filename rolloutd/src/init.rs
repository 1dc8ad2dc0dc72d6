//! A new data folder: settings, database, and one admin token, shown once.

use crate::config::{Config, ConfigError, Exposure};
use crate::serve::{self, ServeError};
use rollout_core::fleet::Registered;
use rollout_core::id::{IdError, Principal};
use rollout_core::journal::{Entry, Role, TokenRecord};
use rollout_core::time::Span;
use rollout_http::backend::{Backend, Problem, Terms};
use rollout_http::token::{self, Minted, TokenKind};
use rollout_store::Unobserved;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Longest life of a token.
//= trust §8: expiry required, at most 90 days
const LIFE: Span = Span::hours(24 * 90);

/// Why no folder was made.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// It is there.
    #[error("{path} is there already")]
    Exists {
        /// Which.
        path: PathBuf,
    },
    /// It cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not a name.
    #[error(transparent)]
    Name(#[from] IdError),
    /// The settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The stores.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The engine refused.
    #[error("{}", .0.detail)]
    Refused(Problem),
}

impl InitError {
    /// Stable code; see `docs/errors`. That of the cause, if the cause has one.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Exists { .. } => "SV-105",
            Self::Write { .. } => "SV-106",
            Self::Name(error) => error.code(),
            Self::Config(error) => error.code(),
            Self::Serve(error) => error.code(),
            Self::Refused(problem) => problem.code,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &str {
        match self {
            Self::Exists { .. } => "serve what is there, or name another folder",
            Self::Write { .. } => "look at the folder's owner, its permissions and the disk",
            Self::Name(error) => error.hint(),
            Self::Config(error) => error.hint(),
            Self::Serve(error) => error.hint(),
            Self::Refused(problem) => &problem.hint,
        }
    }
}

/// Makes the folder; returns the admin's token.
///
/// # Errors
/// [`InitError`].
pub async fn init(folder: &Path, admin: &str) -> Result<String, InitError> {
    let principal = Principal::new(admin)?;
    let path = folder.join("rolloutd.toml");
    if path.exists() {
        return Err(InitError::Exists { path });
    }
    let write = |source| InitError::Write { path: path.clone(), source };
    serve::private_folder(folder).map_err(write)?;
    std::fs::write(&path, Config::template()).map_err(write)?;
    let config = Config::load(Some(&path), [], Exposure::Loopback)?;
    let clock = Arc::new(crate::clock::SystemClock);
    let daemon = serve::open(&config.data, config.settings, clock, Unobserved).await?;
    let every =
        [Role::Viewer, Role::Operator, Role::Publisher, Role::Approver, Role::Admin, Role::Auditor];
    let minted = make_token(&daemon, principal, &every).await.map_err(InitError::Refused)?;
    Ok(minted.text)
}

/// Makes a token for `principal` and writes it to the journal.
///
/// # Errors
/// The engine's problem.
pub async fn make_token(
    daemon: &impl Backend,
    principal: Principal,
    roles: &[Role],
) -> Result<Minted, Problem> {
    let mut entropy = [0; token::ENTROPY_BYTES];
    daemon.entropy(&mut entropy);
    let minted = token::make(TokenKind::Operator, &entropy);
    let (id, hash) = (minted.id.clone(), minted.hash);
    let roles = roles.iter().copied().collect();
    daemon
        .register(
            Box::new(move |_, now| {
                let expires = now.after(LIFE);
                let record = TokenRecord { id, hash, principal, roles, expires };
                Ok(Registered::New(vec![Entry::TokenMade(record)]))
            }),
            Terms::default(),
        )
        .await?;
    Ok(minted)
}
