//! Devices that say the same of themselves, kept once.
//!
//! Millions of devices differ in their ids and in little else: what they say of themselves repeats
//! itself some hundred times over. So a query, or any other question about attributes, is asked
//! once of each distinct set of them and the answer is looked up for each device. A fleet in which
//! every device is one of a kind costs what asking each of them costs, and is answered alike. Not
//! here: what a device is besides its attributes.
//!
//! Invariant: two devices are of one kind exactly if they have the same attributes with the same
//! values, so [`Kinds::matching`] says of a device what [`Selector::matches`] says of it.

use super::Selector;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// A set of attributes that some devices have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KindId(pub u32);

/// All sets of attributes there are, each once.
#[derive(Clone, Debug, Default)]
pub struct Kinds {
    all: Vec<Arc<BTreeMap<String, String>>>,
    known: BTreeMap<Arc<BTreeMap<String, String>>, KindId>,
}

impl Kinds {
    /// The kind of a device with these attributes; a new one if none had them before. `None` once
    /// there are 2^32 of them.
    pub fn learn(&mut self, attributes: &BTreeMap<String, String>) -> Option<KindId> {
        if let Some(known) = self.known.get(attributes) {
            return Some(*known);
        }
        let kind = KindId(u32::try_from(self.all.len()).ok()?);
        let attributes = Arc::new(attributes.clone());
        self.all.push(Arc::clone(&attributes));
        self.known.insert(attributes, kind);
        Some(kind)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The attributes of a kind.
    pub fn get(&self, kind: KindId) -> Option<&BTreeMap<String, String>> {
        self.all.get(kind.0 as usize).map(AsRef::as_ref)
    }

    /// An answer for each kind, in the order of their numbers.
    pub fn ask<T>(&self, mut question: impl FnMut(&BTreeMap<String, String>) -> T) -> Vec<T> {
        self.all.iter().map(|attributes| question(attributes)).collect()
    }

    /// Which kinds a query selects, in the order of their numbers.
    pub fn matching(&self, selector: &Selector) -> Vec<bool> {
        self.ask(|attributes| selector.matches(attributes))
    }
}
