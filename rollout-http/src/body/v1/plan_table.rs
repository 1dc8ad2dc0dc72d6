//! A table of a plan: its keys by name, each read once into the type it should have.
//!
//! Not here: which keys there are. Invariant: a key that nobody reads is an error, and so is one
//! that a later version may read; both are found before any value is.

use rollout_core::cohort::{Selector, nearest};
use rollout_core::rollout::PlanError;
use rollout_core::time::Span;
use serde_json::{Map, Value};
use std::num::NonZeroU64;

/// What is said of keys that the design has and this version does not decide by.
const LATER: &str = "not decided by this version yet; leave it out";

/// The keys of a table.
#[derive(Clone, Copy)]
pub(super) struct Keys {
    /// Where it is; empty for the whole plan.
    pub path: &'static str,
    /// Keys that are read.
    pub known: &'static [&'static str],
    /// Keys that are refused by name.
    pub later: &'static [&'static str],
}

/// A table whose keys are all known.
pub(super) struct Table<'a> {
    keys: Keys,
    map: Option<&'a Map<String, Value>>,
}

impl<'a> Table<'a> {
    /// Opens a table; one that is not there has no keys.
    pub(super) fn open(keys: Keys, value: Option<&'a Value>) -> Result<Self, PlanError> {
        let map = match value {
            None => None,
            Some(Value::Object(map)) => Some(map),
            Some(other) => return Err(wrong(keys.path, "a table of keys", other)),
        };
        for key in map.into_iter().flat_map(Map::keys) {
            let known = |keys: &[&str]| keys.contains(&key.as_str());
            if known(keys.later) {
                return Err(field(&join(keys.path, key), LATER));
            }
            if !known(keys.known) {
                let guess = nearest(key, keys.known.iter().chain(keys.later).copied());
                let nearest = guess.map_or_else(|| keys.known.join(", "), String::from);
                return Err(PlanError::UnknownKey { key: join(keys.path, key), nearest });
            }
        }
        Ok(Self { keys, map })
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.map?.get(key)
    }

    /// Where a key is.
    pub(super) fn path(&self, key: &str) -> String {
        join(self.keys.path, key)
    }

    /// A text.
    pub(super) fn text(&self, key: &str) -> Result<Option<&'a str>, PlanError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong(&self.path(key), "a text", other)),
        }
    }

    /// A list of texts.
    pub(super) fn texts(&self, key: &str) -> Result<Option<Vec<&'a str>>, PlanError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let wanted = "a list of texts";
        let Value::Array(items) = value else { return Err(wrong(&self.path(key), wanted, value)) };
        let read =
            |item: &'a Value| item.as_str().ok_or_else(|| wrong(&self.path(key), wanted, item));
        items.iter().map(read).collect::<Result<Vec<_>, _>>().map(Some)
    }

    /// Yes or no.
    pub(super) fn truth(&self, key: &str) -> Result<Option<bool>, PlanError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Bool(truth)) => Ok(Some(*truth)),
            Some(other) => Err(wrong(&self.path(key), "true or false", other)),
        }
    }

    /// A whole number.
    pub(super) fn whole(&self, key: &str) -> Result<Option<u64>, PlanError> {
        match self.get(key) {
            None => Ok(None),
            Some(value) => value
                .as_u64()
                .map(Some)
                .ok_or_else(|| wrong(&self.path(key), "a whole number, not negative", value)),
        }
    }

    /// A whole number from 1.
    pub(super) fn positive(&self, key: &str) -> Result<Option<NonZeroU64>, PlanError> {
        let Some(number) = self.whole(key)? else { return Ok(None) };
        let zero = || field(&self.path(key), "at least 1; leave it out for no limit");
        NonZeroU64::new(number).map(Some).ok_or_else(zero)
    }

    /// A rate: a number such as `0.01`, or a text such as `1%`.
    pub(super) fn rate(&self, key: &str) -> Result<Option<f64>, PlanError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let percent = |text: &str| {
            let number = text.trim().strip_suffix('%')?.trim();
            number.parse::<f64>().ok().map(|number| number / 100.0)
        };
        let read: Option<f64> = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => percent(text),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        let read = read.filter(|rate| rate.is_finite());
        let wanted = "a rate such as 0.01 or \"1%\"";
        read.map(Some).ok_or_else(|| wrong(&self.path(key), wanted, value))
    }

    /// A share as basis points, from 0 to 10 000.
    pub(super) fn share_bp(&self, key: &str) -> Result<Option<u16>, PlanError> {
        let Some(rate) = self.rate(key)? else { return Ok(None) };
        let bp = (rate * 10_000.0).round();
        if !(0.0..=10_000.0).contains(&bp) || (bp / 10_000.0 - rate).abs() > 1e-9 {
            return Err(field(&self.path(key), "a share from 0 to 1, in steps of 0.0001"));
        }
        Ok(Some(bp as u16))
    }

    /// A length of time.
    pub(super) fn span(&self, key: &str) -> Result<Option<Span>, PlanError> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        let wanted = || format!("`{text}` is no length of time; write 90s, 15m, 6h or 14d");
        Span::parse(text).map(Some).ok_or_else(|| field(&self.path(key), wanted()))
    }

    /// A query.
    pub(super) fn query(&self, key: &'static str) -> Result<Option<Selector>, PlanError> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        Selector::parse_new(text).map(Some).map_err(|source| PlanError::Selector { key, source })
    }
}

/// A value that cannot be.
pub(super) fn field(key: &str, problem: impl Into<String>) -> PlanError {
    PlanError::Field { key: key.into(), problem: problem.into() }
}

fn wrong(key: &str, wanted: &str, found: &Value) -> PlanError {
    let key = if key.is_empty() { "plan" } else { key };
    let shown: String = found.to_string().chars().take(60).collect();
    field(key, format!("expected {wanted}, found {shown}"))
}

fn join(path: &str, key: &str) -> String {
    let key: String = key.chars().take(60).collect();
    if path.is_empty() { key } else { format!("{path}.{key}") }
}
