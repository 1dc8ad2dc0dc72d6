//! Settings of the daemon: `rolloutd.toml`, then `ROLLOUT_*`, then flags; parsed once into types.
//!
//! Invariant: a setting nobody reads is an error that names the nearest one, so a typo never
//! leaves a default in force.

use crate::engine::Settings;
use rollout_core::cohort::nearest;
use rollout_core::time::Span;
use rollout_http::Rate;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Everything the daemon needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// Folder of the database and the images.
    pub data: PathBuf,
    /// The server's name, for people with several.
    pub name: String,
    /// Where operators and CI connect.
    pub operators: SocketAddr,
    /// Where devices connect.
    pub devices: SocketAddr,
    /// Whether plain HTTP may leave this machine.
    pub exposure: Exposure,
    /// How often one principal may ask.
    pub rate: Rate,
    /// How often one address may be refused for want of a good token.
    pub refusals: Rate,
    /// How the engine behaves.
    pub settings: Settings,
}

/// Whether plain HTTP may be bound to more than the loopback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposure {
    /// Only loopback.
    Loopback,
    /// Anything: TLS ends in front of us.
    Insecure,
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file.
    #[error("cannot read {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Its form.
    #[error("{path} is not TOML")]
    Form {
        /// Which.
        path: PathBuf,
        /// Why.
        source: Box<toml::de::Error>,
    },
    /// A key nobody reads.
    #[error("unknown setting `{key}`; the nearest is `{nearest}`")]
    Unknown {
        /// Which.
        key: String,
        /// What was probably meant.
        nearest: &'static str,
    },
    /// A value that is none.
    #[error("setting `{key}` is `{value}`: {expected}")]
    Value {
        /// Which.
        key: String,
        /// What it says.
        value: String,
        /// What it should say.
        expected: &'static str,
    },
    /// Plain HTTP would leave the machine.
    #[error("{address} is not a loopback address, and this listener speaks plain HTTP")]
    Exposed {
        /// Where.
        address: SocketAddr,
    },
}

impl ConfigError {
    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read { .. } => "CF-001",
            Self::Form { .. } => "CF-002",
            Self::Unknown { .. } => "CF-003",
            Self::Value { .. } => "CF-004",
            Self::Exposed { .. } => "CF-005",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Read { .. } => "make one with `rolloutd init`",
            Self::Form { .. } => "correct the line it names",
            Self::Unknown { .. } => "use the key that is meant, or leave it out",
            Self::Value { .. } => "correct the value",
            Self::Exposed { .. } => {
                "put a TLS proxy in front and pass --insecure, or bind 127.0.0.1"
            }
        }
    }
}

/// All keys, with what the file of `init` says of them.
const KEYS: [(&str, &str, &str); 10] = [
    ("name", "rollout", "the server's name, for people with several"),
    ("data", ".", "folder of the database and the images"),
    ("listen_operators", "127.0.0.1:8470", "operators and CI connect here"),
    ("listen_devices", "127.0.0.1:8471", "devices connect here"),
    ("endpoint", "http://127.0.0.1:8471", "base URL of the backend devices are bound to"),
    ("poll", "1h", "how often devices are asked to check in"),
    ("tick", "1s", "how often rollouts are looked at when nothing happens"),
    ("rate", "6000/1m", "requests of one principal, and within which time"),
    ("rate_refused", "60/1m", "refused tokens of one address, and within which time"),
    ("beat", "5s", "how often it is noted that devices could be served"),
];

impl Config {
    /// Free ports of this machine over a data folder, for demonstrations and tests.
    pub fn local(data: PathBuf, settings: Settings) -> Self {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            data,
            name: "local".into(),
            operators: free,
            devices: free,
            exposure: Exposure::Loopback,
            rate: Rate::default(),
            refusals: Rate::of_strangers(),
            settings,
        }
    }

    /// Reads the file, then lets `overrides` (from the environment, then from flags) win.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn load(
        file: Option<&Path>,
        overrides: impl IntoIterator<Item = (String, String)>,
        exposure: Exposure,
    ) -> Result<Self, ConfigError> {
        let mut values: BTreeMap<&'static str, String> =
            KEYS.iter().map(|(key, value, _)| (*key, (*value).to_owned())).collect();
        let from_file = file.map(read_file).transpose()?.unwrap_or_default();
        for (key, value) in from_file.into_iter().chain(overrides) {
            let Some((known, _, _)) = KEYS.iter().find(|(known, _, _)| *known == key) else {
                let names = KEYS.iter().map(|(key, _, _)| *key);
                let nearest = nearest(&key, names).unwrap_or("data");
                return Err(ConfigError::Unknown { key, nearest });
            };
            values.insert(known, value);
        }
        let base = file.and_then(Path::parent).unwrap_or(Path::new("."));
        let config = Self {
            data: base.join(&values["data"]),
            name: values["name"].clone(),
            operators: address("listen_operators", &values)?,
            devices: address("listen_devices", &values)?,
            exposure,
            rate: rate("rate", &values)?,
            refusals: rate("rate_refused", &values)?,
            settings: Settings {
                poll: span("poll", &values)?,
                tick: span("tick", &values)?,
                beat: span("beat", &values)?,
                absent_after: Settings::absent_after(span("tick", &values)?),
                endpoint: values["endpoint"].clone(),
            },
        };
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let open = [self.operators, self.devices].into_iter().find(|at| !at.ip().is_loopback());
        match (self.exposure, open) {
            (Exposure::Loopback, Some(address)) => Err(ConfigError::Exposed { address }),
            (Exposure::Loopback, None) | (Exposure::Insecure, _) => Ok(()),
        }
    }

    /// The file that `init` writes: every key with its default and what it is for.
    pub fn template() -> String {
        KEYS.iter().map(|(key, value, about)| format!("# {about}\n{key} = \"{value}\"\n")).collect()
    }
}

/// Settings from the environment: `ROLLOUT_` and the key in capitals. Others are not ours.
#[expect(clippy::disallowed_methods, reason = "settings are read here and nowhere else")]
pub fn environment() -> impl Iterator<Item = (String, String)> {
    KEYS.iter().filter_map(|(key, _, _)| {
        let name = format!("ROLLOUT_{}", key.to_uppercase());
        std::env::var(name).ok().map(|value| ((*key).to_owned(), value))
    })
}

fn read_file(path: &Path) -> Result<Vec<(String, String)>, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Read { path: path.into(), source })?;
    let table: toml::Table = text
        .parse()
        .map_err(|source| ConfigError::Form { path: path.into(), source: Box::new(source) })?;
    let text =
        |value: toml::Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    Ok(table.into_iter().map(|(key, value)| (key, text(value))).collect())
}

fn address(
    key: &'static str,
    values: &BTreeMap<&'static str, String>,
) -> Result<SocketAddr, ConfigError> {
    let value = &values[key];
    value.parse().map_err(|_| ConfigError::Value {
        key: key.into(),
        value: value.clone(),
        expected: "an address and a port, such as 127.0.0.1:8470",
    })
}

fn span(key: &'static str, values: &BTreeMap<&'static str, String>) -> Result<Span, ConfigError> {
    let value = &values[key];
    Span::parse(value).filter(|span| *span > Span::ZERO).ok_or_else(|| ConfigError::Value {
        key: key.into(),
        value: value.clone(),
        expected: "a length of time above nothing, such as 90s, 15m, 6h",
    })
}

fn rate(key: &'static str, values: &BTreeMap<&'static str, String>) -> Result<Rate, ConfigError> {
    let value = &values[key];
    Rate::parse(value).ok_or_else(|| ConfigError::Value {
        key: key.into(),
        value: value.clone(),
        expected: "requests and a length of time, such as 6000/1m",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let pairs = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Config::load(None, pairs, Exposure::Loopback)
    }

    #[test]
    fn a_typo_names_the_nearest_setting() {
        let error = load(&[("listen_device", "127.0.0.1:1")]).expect_err("a typo");
        assert_eq!(
            error.to_string(),
            "unknown setting `listen_device`; the nearest is `listen_devices`"
        );
    }

    #[test]
    fn plain_http_stays_on_the_machine_unless_told_otherwise() {
        let error = load(&[("listen_devices", "0.0.0.0:8471")]).expect_err("exposed");
        assert_eq!(error.code(), "CF-005");
        let open = [("listen_devices".to_owned(), "0.0.0.0:8471".to_owned())];
        assert!(Config::load(None, open, Exposure::Insecure).is_ok());
    }

    #[test]
    fn the_template_is_read_back() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), Config::template()).expect("written");
        let config = Config::load(Some(file.path()), [], Exposure::Loopback).expect("read");
        assert_eq!(config.settings.poll, Span::hours(1));
        for wrong in [("poll", "0s"), ("poll", "soon"), ("listen_devices", "here")] {
            assert_eq!(load(&[wrong]).expect_err("wrong").code(), "CF-004");
        }
    }
}
