//! Who a rollout is for: queries over the attributes of a device.
//!
//! A [`Selector`] is parsed once from FIQL/RSQL text and then judged against many devices; it says
//! yes, or names the first comparison that says no. Invariants: what is displayed parses to the
//! same selector; an explanation is missing exactly when the device matches; an attribute a device
//! does not have makes every comparison false, also `!=` and `=out=`, except `=null=true`.
//!
//! Deliberately not here: where attributes come from, which of them are volatile (a plan knows),
//! and the order of devices within a cohort (see [`crate::position`]).

mod kinds;
mod nearest;
mod parse;
mod selector;
mod value;

pub use kinds::{KindId, Kinds};
pub use nearest::nearest;
pub use parse::{SelectorError, SelectorFault};
pub use selector::{Comparison, Miss, Node, Presence, Relation, Selector, Test};
pub use value::{Pattern, Value};

use alloc::collections::BTreeMap;
use alloc::string::String;
use core::marker::PhantomData;

/// What a selector may ask of a device.
pub trait Attributes {
    /// The value of an attribute; `None` if the device does not have it.
    fn get(&self, name: &str) -> Option<&str>;
}

impl Attributes for BTreeMap<String, String> {
    fn get(&self, name: &str) -> Option<&str> {
        BTreeMap::get(self, name).map(String::as_str)
    }
}

/// Pairs of name and value; the first of a name counts.
impl<K: AsRef<str>, V: AsRef<str>> Attributes for [(K, V)] {
    fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(key, _)| key.as_ref() == name).map(|(_, value)| value.as_ref())
    }
}

impl<K: AsRef<str>, V: AsRef<str>, const N: usize> Attributes for [(K, V); N] {
    fn get(&self, name: &str) -> Option<&str> {
        Attributes::get(self.as_slice(), name)
    }
}

/// Attributes that a function knows; made by [`from_fn`].
#[derive(Clone, Copy)]
pub struct FromFn<'v, F> {
    ask: F,
    values: PhantomData<&'v str>,
}

/// Attributes answered by a function, for callers that keep them in fields of a type of their own.
pub fn from_fn<'v, F: Fn(&str) -> Option<&'v str>>(ask: F) -> FromFn<'v, F> {
    FromFn { ask, values: PhantomData }
}

impl<'v, F: Fn(&str) -> Option<&'v str>> Attributes for FromFn<'v, F> {
    fn get(&self, name: &str) -> Option<&str> {
        (self.ask)(name)
    }
}

/// Whether an attribute holds versions, which are ordered as semantic versions and never as
/// decimals: `version`, and names that end in `.version` or `_version`.
pub fn is_version_attribute(name: &str) -> bool {
    name == "version" || name.ends_with(".version") || name.ends_with("_version")
}

/// Fields of a device that are no attributes, and what to ask instead.
pub(crate) const NO_ATTRIBUTES: [(&str, &str); 2] = [
    ("id", "`device`, which is the id of a device"),
    ("last_seen", "an attribute; by when it was last seen devices are sorted, not selected"),
];
