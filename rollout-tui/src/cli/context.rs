//! `rollout login` and `rollout context`: several servers, by name, in one file.
//!
//! Deliberately not here: where the file is by default; `main` knows the machine.
//!
//! Invariants: the file is its owner's alone, because it holds tokens; a token is never shown;
//! what is written is complete or not at all.

use super::args::{ContextCommand, Global, Login};
use super::error::{Exit, Failure};
use super::output::Answer;
use super::parse::Token;
use rollout_http::client::Client;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// A server and how to speak to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Context {
    /// Its address.
    server: String,
    /// Its token.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    token: String,
    /// File of its CA; those of this machine without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ca: Option<PathBuf>,
}

/// The file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contexts {
    /// The one that is used unless another is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    current: Option<String>,
    /// By name.
    #[serde(default)]
    contexts: BTreeMap<String, Context>,
}

/// The client that options, environment and file ask for, in this order.
///
/// # Errors
/// [`Failure`] with exit code 2 if no server is named anywhere, or the name is not in the file.
pub fn connect(global: &Global, file: &Path) -> Result<Client, Failure> {
    let own = |token: &Option<Token>| token.as_ref().map(|token| token.0.clone());
    let (server, token, ca) = match (&global.server, &global.context) {
        (Some(server), None) => (server.clone(), own(&global.token).unwrap_or_default(), None),
        (server, named) => {
            let context = read(file)?.choose(named.as_deref())?;
            if let Some(server) = server {
                same_server(&context.server, server)?;
            }
            (context.server, own(&global.token).unwrap_or(context.token), context.ca)
        }
    };
    reach(&server, &token, global.ca.as_deref().or(ca.as_deref()))
}

/// A context's token goes to no other server than the context's, and no order either: one of the
/// two names may have been left behind in the environment.
fn same_server(of_context: &str, named: &str) -> Result<(), Failure> {
    if of_context.trim_end_matches('/') == named.trim_end_matches('/') {
        return Ok(());
    }
    let what = format!("the context is {of_context}, and the server named is {named}");
    let hint = "leave out `--context`, or `--server` and ROLLOUT_SERVER";
    Err(Failure::new("RC-017", what, hint).ending(Exit::Usage))
}

fn reach(server: &str, token: &str, ca: Option<&Path>) -> Result<Client, Failure> {
    let client = Client::believing(server, token, ca);
    client.map_err(|error| Failure::server("cannot use this server", &error))
}

/// Keeps a server and a token under a name, and uses it from then on.
///
/// # Errors
/// [`Failure`] if the server does not take the token, or the file cannot be written.
pub async fn login(global: &Global, file: &Path, asked: &Login) -> Result<Answer, Failure> {
    let Some(server) = &global.server else { return Err(no_server()) };
    let Some(token) = &global.token else {
        let hint = "set ROLLOUT_TOKEN, so that nobody else on this machine can read it";
        return Err(Failure::new("RC-012", "no token was given", hint).ending(Exit::Usage));
    };
    let client = reach(server, &token.0, global.ca.as_deref())?;
    let known = client.rollouts().await;
    known.map_err(|error| Failure::server(format!("cannot log in to {server}"), &error))?;
    let mut contexts = read(file)?;
    // The next command may be given in another folder.
    let whole = |ca: &PathBuf| fs::canonicalize(ca).map_err(|error| Failure::reading(ca, &error));
    let ca = global.ca.as_ref().map(whole).transpose()?;
    let context = Context { server: client.base().into(), token: token.0.clone(), ca };
    contexts.contexts.insert(asked.name.clone(), context);
    contexts.current = Some(asked.name.clone());
    write(file, &contexts)?;
    let json = json!({ "context": asked.name, "server": client.base() });
    Ok(Answer::line(format!("{} is {}, and is used from now on", asked.name, client.base()), json))
}

/// Lists, chooses and forgets contexts.
///
/// # Errors
/// [`Failure`] of the file, or of a name that is not in it.
pub fn run(file: &Path, command: &ContextCommand) -> Result<Answer, Failure> {
    let mut contexts = read(file)?;
    match command {
        ContextCommand::List => {
            let current = contexts.current.as_deref();
            let rows = contexts.contexts.iter().map(|(name, context)| {
                json!({ "name": name, "server": context.server,
                        "current": current == Some(name.as_str()) })
            });
            let rows: Vec<_> = rows.collect();
            let all = json!({ "contexts": &rows });
            Ok(Answer::table(&["name", "server", "current"], &[], &rows, all))
        }
        ContextCommand::Use { name } => {
            let server = contexts.choose(Some(name))?.server;
            contexts.current = Some(name.clone());
            write(file, &contexts)?;
            let json = json!({ "context": name, "server": server });
            Ok(Answer::line(format!("{name} ({server}) is used from now on"), json))
        }
        ContextCommand::Forget { name } => {
            contexts.choose(Some(name))?;
            contexts.contexts.remove(name);
            contexts.current = contexts.current.filter(|current| current != name);
            write(file, &contexts)?;
            Ok(Answer::line(format!("forgot {name}"), json!({ "context": name })))
        }
    }
}

impl Contexts {
    fn choose(&self, name: Option<&str>) -> Result<Context, Failure> {
        let Some(name) = name.or(self.current.as_deref()) else { return Err(no_server()) };
        self.contexts.get(name).cloned().ok_or_else(|| {
            let known: Vec<_> = self.contexts.keys().map(String::as_str).collect();
            let known = if known.is_empty() { "none".into() } else { known.join(", ") };
            let what = format!("there is no context `{name}`; known: {known}");
            let hint = "list them with `rollout context list`, make one with `rollout login`";
            Failure::new("RC-013", what, hint).ending(Exit::Usage)
        })
    }
}

fn no_server() -> Failure {
    let hint = "give `--server URL`, set ROLLOUT_SERVER, or keep one with `rollout login`";
    Failure::new("RC-005", "no server was named", hint).ending(Exit::Usage)
}

fn read(file: &Path) -> Result<Contexts, Failure> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Contexts::default());
        }
        Err(error) => return Err(Failure::reading(file, &error)),
    };
    toml::from_str(&text).map_err(|error| {
        // The message names the line, not what stands in it: that may be a token.
        let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
        let what = format!("`{}` cannot be read at line {line}", file.display());
        let mut failure = Failure::new("RC-014", what, "correct it, or remove it and log in again");
        failure.cause.push(error.message().into());
        failure.ending(Exit::Usage)
    })
}

/// Writes beside the file and moves it into place.
fn write(file: &Path, contexts: &Contexts) -> Result<(), Failure> {
    let failed = |error: &std::io::Error| Failure::writing(file, error);
    let text = toml::to_string_pretty(contexts).map_err(|error| {
        Failure::new("RC-008", "cannot write the contexts", "report this")
            .because(&error)
            .ending(Exit::Bug)
    })?;
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    let fresh = file.with_extension("new");
    let written = private(&fresh).and_then(|mut opened| {
        opened.write_all(text.as_bytes())?;
        opened.sync_all()?;
        fs::rename(&fresh, file)
    });
    written.map_err(|error| failed(&error))
}

#[cfg(unix)]
fn private(file: &Path) -> std::io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    // One that was left behind may be open to others.
    let _ = fs::remove_file(file);
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)
}

#[cfg(not(unix))]
fn private(file: &Path) -> std::io::Result<fs::File> {
    fs::File::create(file)
}
