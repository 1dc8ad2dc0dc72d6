//! A new data folder: settings, database, and one admin token, shown once; and certificates.
//!
//! Invariant: what is there is never overwritten. Not here: what certificates say.

use crate::authority::{self, AuthorityError, Papers};
use crate::clock::Clock as _;
use crate::config::{Config, ConfigError, Exposure};
use crate::private;
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
    /// The certificates.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
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
            Self::Authority(error) => error.code(),
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
            Self::Authority(error) => error.hint(),
            Self::Serve(error) => error.hint(),
            Self::Refused(problem) => &problem.hint,
        }
    }
}

/// What was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The admin's token, if the folder is new.
    pub token: Option<String>,
    /// Certificates, if they were asked for.
    pub papers: Option<Papers>,
}

/// Makes the folder, with a server certificate for `tls` if there is any; in a folder that is
/// there, only what is missing of certificates.
///
/// # Errors
/// [`InitError`].
pub async fn init(folder: &Path, admin: &str, tls: Option<&[String]>) -> Result<Made, InitError> {
    let principal = Principal::new(admin)?;
    let path = folder.join("rolloutd.toml");
    let is_there = path.exists();
    if is_there && tls.is_none() {
        return Err(InitError::Exists { path });
    }
    let write = |source| InitError::Write { path: path.clone(), source };
    private::make_folder(folder).map_err(write)?;
    serve::private_folder(folder)?;
    let ensured = |names: &[String]| {
        let (folder, now) = (folder.join(authority::FOLDER), crate::clock::SystemClock.now());
        authority::ensure(&folder, names, authority::host().as_deref(), now)
    };
    let papers = tls.map(ensured).transpose()?;
    if is_there {
        return Ok(Made { token: None, papers });
    }
    std::fs::write(&path, settings(tls)).map_err(write)?;
    let config = Config::load(Some(&path), [], Exposure::Loopback)?;
    let clock = Arc::new(crate::clock::SystemClock);
    let daemon = serve::open(&config.data, config.settings, clock, Unobserved).await?;
    let every =
        [Role::Viewer, Role::Operator, Role::Publisher, Role::Approver, Role::Admin, Role::Auditor];
    let minted = make_token(&daemon, principal, &every).await.map_err(InitError::Refused)?;
    Ok(Made { token: Some(minted.text), papers })
}

/// Settings that show the server certificate on both listeners.
pub const TLS_SETTINGS: [(&str, &str); 4] = [
    ("operators_cert", "tls/server.pem"),
    ("operators_key", "tls/server.key"),
    ("devices_cert", "tls/server.pem"),
    ("devices_key", "tls/server.key"),
];

/// The settings file. Devices reach us by the first name that was given.
fn settings(tls: Option<&[String]>) -> String {
    let Some(names) = tls else { return Config::template() };
    let name = names.first().map_or("127.0.0.1", String::as_str);
    let host = if name.contains(':') { format!("[{name}]") } else { name.into() };
    let endpoint = format!("https://{host}:8471");
    let others = TLS_SETTINGS.into_iter().chain([("endpoint", endpoint.as_str())]);
    Config::template_with(&others.collect::<Vec<_>>())
}

/// What was made and what to do next, for whoever asked.
pub fn told(folder: &Path, made: &Made) -> String {
    let mut lines = Vec::new();
    let shown = folder.display();
    if let Some(token) = &made.token {
        lines.push(format!("made {shown}"));
        lines.push("admin token, shown this once, good for 90 days:".into());
        lines.push(token.clone());
    } else {
        lines.push(format!("{shown} is there already; settings and database are as they were"));
    }
    lines.extend(made.papers.iter().flat_map(|papers| told_papers(papers, made.token.is_some())));
    lines.push(format!("next: rolloutd serve --config {shown}/rolloutd.toml"));
    lines.join("\n")
}

fn told_papers(papers: &Papers, is_set: bool) -> Vec<String> {
    let folder = papers.folder.display();
    let mut lines = Vec::new();
    let (ca, server) = (format!("{folder}/ca.pem"), format!("{folder}/server.pem"));
    lines.push(match papers.is_ca_new {
        true => format!("made the CA {ca}, good for 10 years"),
        false => format!("kept the CA {ca}"),
    });
    lines.push(match papers.names.as_slice() {
        [] => format!("kept the certificate {server}"),
        names => {
            format!("made the certificate {server}, good for 396 days, for {}", names.join(", "))
        }
    });
    lines.push(format!("operators: rollout login --ca {ca}, or ROLLOUT_CA; agents: --ca {ca}"));
    lines.push(format!("the daemon does not need {folder}/ca.key: keep it where it is safe"));
    if !is_set {
        let settings = TLS_SETTINGS.iter().map(|(key, value)| format!("  {key} = \"{value}\""));
        lines.push(
            "settings that show it, if they are not there yet, and https in `endpoint`:".into(),
        );
        lines.extend(settings);
    }
    lines
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
