//! What happened lately, and which of it is asked for.
//!
//! Deliberately not here: where events come from.
//!
//! Invariants: at most [`MOST`] events, by their places in the journal, none of them twice; an
//! everyday one makes room before any other.

use rollout_http::body::v1::{EventLine, RolloutLine};
use std::collections::VecDeque;

/// Most events that are kept: what somebody scrolls through; the journal has the rest.
pub const MOST: usize = 2_000;

/// The newest events.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventLog {
    events: VecDeque<EventLine>,
    /// How many were left out because there were too many to read.
    skipped: u64,
}

impl EventLog {
    /// Adds an event, unless it is known.
    pub fn push(&mut self, event: EventLine) {
        if event.seq <= self.last_seq() && !self.events.is_empty() {
            return;
        }
        if self.events.len() >= MOST {
            // What goes well is soon thousands; it does not push a halt out of sight.
            let oldest = self.events.iter().position(is_routine).unwrap_or(0);
            self.events.remove(oldest);
        }
        self.events.push_back(event);
    }

    /// Says what came of the newest step of a rollout.
    pub fn explain_step(&mut self, rollout: &str, came_of_it: &str) {
        let is_it = |event: &&mut EventLine| {
            event.rollout.as_deref() == Some(rollout) && event.kind == "stepped"
        };
        let newest = self.events.iter_mut().rev().find(is_it);
        if let Some(event) = newest.filter(|event| event.summary.ends_with(STEPPED)) {
            event.summary = format!("{rollout} {came_of_it}");
        }
    }

    /// Takes note of events that nobody will read.
    pub fn skip(&mut self, from: u64, to: u64) {
        self.skipped = self.skipped.saturating_add(to.saturating_sub(from).saturating_add(1));
    }

    /// How many were left out.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// The place of the newest; 0 before the first.
    pub fn last_seq(&self) -> u64 {
        self.events.back().map_or(0, |event| event.seq)
    }

    /// Newest first.
    pub fn newest(&self) -> impl Iterator<Item = &EventLine> {
        self.events.iter().rev()
    }
}

/// Whether an event is everyday business, of which a large fleet has thousands a minute: what it
/// is about goes well.
pub fn is_routine(event: &EventLine) -> bool {
    match event.kind.as_str() {
        "clock" | "seen" | "offered" | "permitted" | "held" | "enrolled" => true,
        "reported" => EVERYDAY.iter().any(|word| event.summary.ends_with(word)),
        "stepped" => event.summary.ends_with(STEPPED),
        _ => false,
    }
}

/// What devices report that go on, or stop as they were told.
const EVERYDAY: [&str; 5] =
    [": downloading", ": downloaded", ": booted", ": confirmed", ": stopped (told)"];

/// What the journal says of a step: it holds what was looked at, and not what came of it.
const STEPPED: &str = " moved on";

/// Which events are asked for: words that all must be there, `kind:`, `rollout:` and `device:` for
/// one field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    kinds: Vec<String>,
    rollouts: Vec<String>,
    devices: Vec<String>,
    words: Vec<String>,
}

impl Filter {
    /// Reads what was typed. Everything is a filter.
    pub fn parse(text: &str) -> Self {
        let mut filter = Self::default();
        for word in text.to_lowercase().split_whitespace() {
            match word.split_once(':') {
                Some(("kind", value)) => filter.kinds.push(value.into()),
                Some(("rollout", value)) => filter.rollouts.push(value.into()),
                Some(("device", value)) => filter.devices.push(value.into()),
                Some(_) | None => filter.words.push(word.into()),
            }
        }
        filter
    }

    /// Whether an event is asked for.
    pub fn takes(&self, event: &EventLine, rollouts: &[RolloutLine]) -> bool {
        let holds = |text: &str, part: &String| text.to_lowercase().contains(part.as_str());
        let device = event.device.as_deref().unwrap_or_default();
        let id = event.rollout.as_deref().unwrap_or_default();
        let name = rollouts.iter().find(|line| line.id == id).map_or("", |line| line.name.as_str());
        let says = |part: &String| {
            [event.summary.as_str(), event.kind.as_str(), device, name]
                .iter()
                .any(|text| holds(text, part))
        };
        self.kinds.iter().all(|kind| holds(&event.kind, kind))
            && self.devices.iter().all(|part| holds(device, part))
            && self.rollouts.iter().all(|part| holds(id, part) || holds(name, part))
            && self.words.iter().all(says)
    }

    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
