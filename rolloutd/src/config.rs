//! Settings of the daemon: `rolloutd.toml`, then `ROLLOUT_*`, then flags; parsed once into types.
//!
//! Invariant: a setting nobody reads is an error that names the nearest one, so a typo never
//! leaves a default in force.

use crate::certificates::Pair;
use crate::engine::Settings;
use crate::listener::CONNECTIONS;
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
    /// What is shown to operators; plain HTTP without.
    pub operators_tls: Option<Pair>,
    /// What is shown to devices; plain HTTP without.
    pub devices_tls: Option<Pair>,
    /// Whether plain HTTP may leave this machine.
    pub exposure: Exposure,
    /// How often one principal may ask.
    pub rate: Rate,
    /// How often one address may be refused for want of a good token.
    pub refusals: Rate,
    /// Most connections of one address, on each listener, that have shown no good token yet.
    pub strangers: u32,
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
    /// A certificate without its key, or a key alone.
    #[error("setting `{set}` is there and `{missing}` is not")]
    Half {
        /// What there is.
        set: &'static str,
        /// What there is not.
        missing: &'static str,
    },
    /// Devices would be told to leave TLS.
    #[error("`endpoint` is {endpoint}, and devices are served by TLS")]
    Endpoint {
        /// What it says.
        endpoint: String,
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
            Self::Half { .. } => "CF-006",
            Self::Endpoint { .. } => "CF-007",
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
                "give it a certificate (`rolloutd init --tls` makes one), bind 127.0.0.1, or pass \
                 --insecure behind a proxy that speaks TLS"
            }
            Self::Half { .. } => "set both, or neither",
            Self::Endpoint { .. } => "write it with https://",
        }
    }
}

/// Strangers of one address if nobody says otherwise: a sixteenth of the places of a listener, and
/// some thousand devices behind one address that all come back at once are let in within seconds,
/// for each counts only until its first request.
//= trust §7: limit of unauthenticated connections per address
const STRANGERS: u32 = CONNECTIONS / 16;

/// All keys, with what the file of `init` says of them.
const KEYS: [(&str, &str, &str); 15] = [
    ("name", "rollout", "the server's name, for people with several"),
    ("data", ".", "folder of the database and the images"),
    ("listen_operators", "127.0.0.1:8470", "operators and CI connect here"),
    ("listen_devices", "127.0.0.1:8471", "devices connect here"),
    ("operators_cert", "", "certificate shown to operators, PEM; plain HTTP without"),
    ("operators_key", "", "its key, PEM"),
    ("devices_cert", "", "certificate shown to devices, PEM; plain HTTP without"),
    ("devices_key", "", "its key, PEM"),
    ("endpoint", "http://127.0.0.1:8471", "base URL of the backend devices are bound to"),
    ("poll", "1h", "how often devices are asked to check in"),
    ("tick", "1s", "how often rollouts are looked at when nothing happens"),
    ("rate", "6000/1m", "requests of one principal, and within which time"),
    ("rate_refused", "60/1m", "refused tokens of one address, and within which time"),
    ("strangers", "1024", "connections of one address that have shown no good token, per listener"),
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
            operators_tls: None,
            devices_tls: None,
            exposure: Exposure::Loopback,
            rate: Rate::default(),
            refusals: Rate::of_strangers(),
            strangers: STRANGERS,
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
            operators_tls: pair(base, ["operators_cert", "operators_key"], &values)?,
            devices_tls: pair(base, ["devices_cert", "devices_key"], &values)?,
            exposure,
            rate: rate("rate", &values)?,
            refusals: rate("rate_refused", &values)?,
            strangers: places("strangers", &values)?,
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
        let endpoint = &self.settings.endpoint;
        if self.devices_tls.is_some() && endpoint.starts_with("http:") {
            return Err(ConfigError::Endpoint { endpoint: endpoint.clone() });
        }
        match (self.exposure, self.exposed().next()) {
            (Exposure::Loopback, Some(address)) => Err(ConfigError::Exposed { address }),
            (Exposure::Loopback, None) | (Exposure::Insecure, _) => Ok(()),
        }
    }

    /// Where plain HTTP would leave this machine.
    pub fn exposed(&self) -> impl Iterator<Item = SocketAddr> {
        let listeners = [(self.operators, &self.operators_tls), (self.devices, &self.devices_tls)];
        let open =
            listeners.into_iter().filter(|(at, tls)| !at.ip().is_loopback() && tls.is_none());
        open.map(|(address, _)| address)
    }

    /// The file that `init` writes: every key with its default and what it is for.
    pub fn template() -> String {
        Self::template_with(&[])
    }

    /// The same, with other values for some keys.
    pub fn template_with(others: &[(&str, &str)]) -> String {
        let line = |(key, value, about): &(&str, &str, &str)| {
            let other = others.iter().find(|(other, _)| other == key);
            let value = toml::Value::from(other.map_or(*value, |(_, value)| value));
            format!("# {about}\n{key} = {value}\n")
        };
        KEYS.iter().map(line).collect()
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

/// The files of a certificate, relative to the settings; neither or both.
fn pair(
    base: &Path,
    [cert, key]: [&'static str; 2],
    values: &BTreeMap<&'static str, String>,
) -> Result<Option<Pair>, ConfigError> {
    match (values[cert].as_str(), values[key].as_str()) {
        ("", "") => Ok(None),
        ("", _) => Err(ConfigError::Half { set: key, missing: cert }),
        (_, "") => Err(ConfigError::Half { set: cert, missing: key }),
        (cert, key) => Ok(Some(Pair { cert: base.join(cert), key: base.join(key) })),
    }
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

fn places(key: &'static str, values: &BTreeMap<&'static str, String>) -> Result<u32, ConfigError> {
    let value = &values[key];
    let places = value.parse().ok().filter(|places| (1..=CONNECTIONS).contains(places));
    places.ok_or_else(|| ConfigError::Value {
        key: key.into(),
        value: value.clone(),
        expected: "a number of connections, from 1 to 16384",
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
    fn tls_may_leave_the_machine_and_plain_http_beside_it_may_not() {
        let tls = [
            ("devices_cert", "d.pem"),
            ("devices_key", "d.key"),
            ("endpoint", "https://10.0.0.7:8471"),
            ("listen_devices", "0.0.0.0:8471"),
        ];
        let config = load(&tls).expect("TLS");
        assert_eq!(config.exposed().count(), 0);
        let also = |more: &[(&'static str, &'static str)]| load(&[&tls[..], more].concat());
        for (more, code) in [
            (("listen_operators", "0.0.0.0:8470"), "CF-005"),
            (("operators_cert", "o.pem"), "CF-006"),
            (("devices_key", ""), "CF-006"),
            (("endpoint", "http://10.0.0.7:8471"), "CF-007"),
        ] {
            assert_eq!(also(&[more]).expect_err("refused").code(), code, "{more:?}");
        }
    }

    #[test]
    fn the_template_is_read_back() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), Config::template()).expect("written");
        let config = Config::load(Some(file.path()), [], Exposure::Loopback).expect("read");
        assert_eq!((config.settings.poll, config.strangers), (Span::hours(1), STRANGERS));
        assert_eq!(load(&[("strangers", "7")]).expect("a number").strangers, 7);
        let places = [("strangers", "0"), ("strangers", "16385"), ("strangers", "some")];
        for wrong in
            places.into_iter().chain([("poll", "0s"), ("poll", "soon"), ("listen_devices", "here")])
        {
            assert_eq!(load(&[wrong]).expect_err("wrong").code(), "CF-004");
        }
    }
}
