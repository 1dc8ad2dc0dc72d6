//! Where the operator is: screens, cursors, what is typed, what is asked.
//!
//! Deliberately not here: anything the server said. In time travel the one comes from the operator
//! and the other from the recording.
//!
//! Invariant: there is always a screen, and the first is the overview.

use super::{Ask, Input};
use crate::keymap::Mode;
use std::collections::BTreeSet;

/// A screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    /// Everything at a glance.
    Overview,
    /// The chosen rollout.
    Rollout,
    /// What happened.
    Events,
    /// Devices of a search.
    Devices,
    /// One device.
    Device,
    /// The census.
    Matrix,
    /// Releases.
    Releases,
    /// The help.
    Help,
}

impl Screen {
    /// What keys mean on it.
    pub const fn mode(self) -> Mode {
        match self {
            Self::Overview => Mode::Overview,
            Self::Rollout => Mode::Rollout,
            Self::Events => Mode::Events,
            Self::Devices => Mode::Devices,
            Self::Device => Mode::Device,
            Self::Matrix => Mode::Matrix,
            Self::Releases => Mode::Releases,
            Self::Help => Mode::Help,
        }
    }
}

/// Orders of the devices' list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// By id.
    #[default]
    Id,
    /// By version.
    Version,
    /// By the last sign of life.
    LastSeen,
}

impl Sort {
    /// As the API names it; empty is its own order.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Id => "",
            Self::Version => "version",
            Self::LastSeen => "last_seen",
        }
    }

    /// The next one.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Id => Self::Version,
            Self::Version => Self::LastSeen,
            Self::LastSeen => Self::Id,
        }
    }
}

/// A search that is being typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// The text.
    pub input: Input,
    /// What was there before.
    pub before: String,
}

/// Whether everyday events are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Routine {
    /// They are not.
    #[default]
    Hidden,
    /// They are.
    Shown,
}

/// Attributes the rows of the census can have, in the order they come.
pub const ROWS: [&str; 4] = ["model", "region", "home", "standing"];

/// Where the operator is.
#[derive(Clone, Debug, PartialEq)]
pub struct Seat {
    /// Screens, the one that is shown last.
    pub screens: Vec<Screen>,
    /// The chosen rollout.
    pub chosen: Option<String>,
    /// Filter of the rollouts' list.
    pub rollout_filter: String,
    /// Filter of the events.
    pub event_filter: String,
    /// Whether everyday events are shown.
    pub routine: Routine,
    /// Filter of the releases.
    pub release_filter: String,
    /// Search for devices.
    pub device_query: String,
    /// Order of the devices.
    pub sort: Sort,
    /// Chosen line of the screen that is shown, from 0.
    pub line: usize,
    /// Attribute of the census' rows: its place in `ROWS`.
    pub row: usize,
    /// The device that is shown.
    pub device: Option<String>,
    /// A question.
    pub ask: Option<Ask>,
    /// A search.
    pub search: Option<Search>,
    /// Halts that were taken note of.
    pub noted: BTreeSet<String>,
    /// Whether times are local.
    pub local: Local,
}

/// Whether times of day are shown in the operator's zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Local {
    /// In UTC.
    #[default]
    Off,
    /// In the operator's zone.
    On,
}

impl Default for Seat {
    fn default() -> Self {
        Self {
            screens: vec![Screen::Overview],
            chosen: None,
            rollout_filter: String::new(),
            event_filter: String::new(),
            routine: Routine::default(),
            release_filter: String::new(),
            device_query: String::new(),
            sort: Sort::default(),
            line: 0,
            row: 0,
            device: None,
            ask: None,
            search: None,
            noted: BTreeSet::new(),
            local: Local::default(),
        }
    }
}

impl Seat {
    /// The screen that is shown.
    pub fn screen(&self) -> Screen {
        self.screens.last().copied().unwrap_or(Screen::Overview)
    }

    /// Goes to a screen. The same screen twice is not in the way back.
    pub fn go(&mut self, screen: Screen) {
        if self.screen() != screen {
            self.screens.retain(|one| *one != screen || *one == Screen::Overview);
            self.screens.push(screen);
            self.line = 0;
        }
    }

    /// Leaves a screen.
    pub fn back(&mut self) {
        if self.screens.len() > 1 {
            self.screens.pop();
            self.line = 0;
        }
    }

    /// The filter or search that the screen's search key edits.
    pub fn searched(&mut self) -> &mut String {
        match self.screen() {
            Screen::Events => &mut self.event_filter,
            Screen::Devices => &mut self.device_query,
            Screen::Releases => &mut self.release_filter,
            Screen::Overview | Screen::Rollout | Screen::Device | Screen::Matrix | Screen::Help => {
                &mut self.rollout_filter
            }
        }
    }
}
