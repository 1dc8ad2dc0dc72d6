//! Everything a screen is drawn from.
//!
//! Deliberately not here: how it changes (`update`) and how it looks (`view`).
//!
//! Invariant: no clock; the time is the newest message's.

use super::seat::{Local, Routine};
use super::{DeviceNews, DevicesNews};
use super::{EventLog, Filter, History, OrderKind, Refused, Screen, Seat};
use crate::keymap::Mode;
use crate::theme::Look;
use crate::words::figure::Zone;
use rollout_http::body::v1::{
    CensusBody, EventLine, MeBody, OverviewBody, Releases, RolloutBody, RolloutLine,
};
use std::collections::BTreeMap;

/// An answer is expected every five seconds; three of them have not come.
const STALE_MS: u64 = 15_000;

/// Whether events flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// Not yet.
    Connecting,
    /// They do.
    Live,
    /// They do not.
    Lost {
        /// Since when, UTC milliseconds.
        since_ms: u64,
        /// Why.
        why: String,
        /// When it is tried again, UTC milliseconds.
        retry_at_ms: u64,
    },
}

/// How a notice is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// It was done.
    Done,
    /// It cannot be done.
    Refused,
    /// By the way.
    Told,
}

/// Something said above the footer, until the next key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// How it is meant.
    pub kind: NoticeKind,
    /// What is said.
    pub text: String,
    /// What to do about it.
    pub hint: String,
}

/// What the server said.
#[derive(Clone, Debug, PartialEq)]
pub struct Data {
    /// Whether events flow.
    pub link: Link,
    /// Who asks.
    pub me: Option<MeBody>,
    /// How everything stands.
    pub overview: Option<OverviewBody>,
    /// When that was said, UTC milliseconds of this machine.
    pub overview_at_ms: u64,
    /// Why there is no overview.
    pub trouble: Option<Notice>,
    /// What could not be read since it was last asked for.
    pub refused: Option<String>,
    /// Rollouts that were looked at.
    pub rollouts: BTreeMap<String, RolloutBody>,
    /// How they went.
    pub history: BTreeMap<String, History>,
    /// What happened.
    pub events: EventLog,
    /// Devices of a search.
    pub devices: Option<DevicesNews>,
    /// A device.
    pub device: Option<DeviceNews>,
    /// The census.
    pub census: Option<CensusBody>,
    /// Releases.
    pub releases: Option<Releases>,
    /// When devices, a device, the census or releases were asked for last, UTC milliseconds.
    pub asked_at_ms: u64,
    /// Seconds east of UTC, where the operator is.
    pub zone_offset_secs: i32,
}

/// What the header says about time travel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TravelView {
    /// Messages behind and in all.
    pub at: (usize, usize),
    /// Whether time runs.
    pub plays: bool,
    /// How fast.
    pub speed: u64,
    /// Whether the operator has left the recorded screens.
    pub free: bool,
    /// Whether it comes from a file.
    pub file: bool,
}

/// Everything a screen is drawn from.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// The time, UTC milliseconds.
    pub now_ms: u64,
    /// Columns and lines.
    pub size: (u16, u16),
    /// Whether somebody looks.
    pub focus: super::Focus,
    /// How it looks.
    pub look: Look,
    /// What the server said.
    pub data: Data,
    /// Where the operator is.
    pub seat: Seat,
    /// Something said above the footer.
    pub notice: Option<Notice>,
    /// Where in the past it is.
    pub travel: Option<TravelView>,
}

impl Model {
    /// A model that knows nothing.
    pub fn new(look: Look, now_ms: u64, size: (u16, u16)) -> Self {
        Self {
            now_ms,
            size,
            focus: super::Focus::Gained,
            look,
            data: Data {
                link: Link::Connecting,
                me: None,
                overview: None,
                overview_at_ms: 0,
                trouble: None,
                refused: None,
                rollouts: BTreeMap::new(),
                history: BTreeMap::new(),
                events: EventLog::default(),
                devices: None,
                device: None,
                census: None,
                releases: None,
                asked_at_ms: 0,
                zone_offset_secs: 0,
            },
            seat: Seat::default(),
            notice: None,
            travel: None,
        }
    }

    /// What keys mean.
    pub fn mode(&self) -> Mode {
        if self.seat.ask.is_some() {
            Mode::Ask
        } else if self.seat.search.is_some() {
            Mode::Search
        } else {
            self.seat.screen().mode()
        }
    }

    /// How times are shown.
    pub fn zone(&self) -> Zone {
        match self.seat.local {
            Local::Off => Zone::Utc,
            Local::On => Zone::Local { offset_secs: self.data.zone_offset_secs },
        }
    }

    /// The server's time as well as it is known: its last word, and what has passed since.
    pub fn server_now_ms(&self) -> u64 {
        self.data.overview.as_ref().map_or(self.now_ms, |overview| {
            overview.now_ms.saturating_add(self.now_ms.saturating_sub(self.data.overview_at_ms))
        })
    }

    /// How old what is shown is, if that is worth saying: the connection is lost, or answers stay
    /// away.
    pub fn stale_ms(&self) -> Option<u64> {
        self.data.overview.as_ref()?;
        let old = self.now_ms.saturating_sub(self.data.overview_at_ms);
        let lost = matches!(self.data.link, Link::Lost { .. });
        (self.travel.is_none() && (lost && old > 2_000 || old > STALE_MS)).then_some(old)
    }

    /// All rollouts, whatever the filter.
    pub fn all_lines(&self) -> &[RolloutLine] {
        self.data.overview.as_ref().map_or(&[], |overview| &overview.rollouts)
    }

    /// Rollouts of the list.
    pub fn lines(&self) -> Vec<&RolloutLine> {
        let filter = self.seat.rollout_filter.to_lowercase();
        let fits = |line: &&RolloutLine| {
            let texts = [&line.name, &line.target, &line.phase, &line.id];
            filter
                .split_whitespace()
                .all(|word| texts.iter().any(|text| text.to_lowercase().contains(word)))
        };
        self.all_lines().iter().filter(fits).collect()
    }

    /// The chosen rollout's line.
    pub fn chosen_line(&self) -> Option<&RolloutLine> {
        let id = self.seat.chosen.as_ref()?;
        self.all_lines().iter().find(|line| line.id == *id)
    }

    /// The chosen rollout.
    pub fn chosen(&self) -> Option<&RolloutBody> {
        self.data.rollouts.get(self.seat.chosen.as_ref()?)
    }

    /// Its name, for people.
    pub fn name_of(&self, rollout: &str) -> String {
        let known = self.all_lines().iter().find(|line| line.id == rollout);
        known.map_or_else(|| rollout.chars().take(8).collect(), |line| line.name.clone())
    }

    /// Events of the events' screen, newest first.
    pub fn shown_events(&self) -> Vec<&EventLine> {
        let filter = Filter::parse(&self.seat.event_filter);
        let lines = self.all_lines();
        let everyday = self.seat.routine == Routine::Shown;
        let newest = self.data.events.newest();
        newest
            .filter(|event| everyday || !super::is_routine(event))
            .filter(|event| filter.takes(event, lines))
            .collect()
    }

    /// Releases of the releases' screen, newest first.
    pub fn shown_releases(&self) -> Vec<&rollout_http::body::v1::ReleaseBody> {
        let filter = self.seat.release_filter.to_lowercase();
        let all = self.data.releases.iter().flat_map(|releases| releases.releases.iter());
        let fits = |one: &&rollout_http::body::v1::ReleaseBody| {
            filter
                .split_whitespace()
                .all(|word| one.release.to_lowercase().contains(word) || one.state.contains(word))
        };
        let mut shown: Vec<_> = all.filter(fits).collect();
        shown.sort_by_key(|one| core::cmp::Reverse(one.counter));
        shown
    }

    /// How many lines the screen that is shown has to choose from.
    pub fn line_count(&self) -> usize {
        match self.seat.screen() {
            Screen::Events => self.shown_events().len(),
            Screen::Devices => self.data.devices.as_ref().map_or(0, |news| news.page.devices.len()),
            Screen::Device => self.data.device.as_ref().map_or(0, |news| news.events.len()),
            Screen::Matrix => self.data.census.as_ref().map_or(0, |census| census.rows.len()),
            Screen::Releases => self.shown_releases().len(),
            Screen::Help => 200,
            Screen::Overview | Screen::Rollout => self.lines().len(),
        }
    }

    /// Whether an order may be given to the chosen rollout, and fits.
    ///
    /// # Errors
    /// [`Refused`], with the reason.
    pub fn may(&self, kind: OrderKind) -> Result<(), Refused> {
        let Some(line) = self.chosen_line() else {
            return Err(Refused::NotNow("no rollout is chosen".into()));
        };
        if self.travel.is_some() {
            return Err(Refused::NotNow("this is the past; t leads back".into()));
        }
        kind.fits(&line.phase)?;
        if kind == OrderKind::Approve
            && self.chosen().is_some_and(|body| super::ask::rung_to_approve(body).is_none())
        {
            return Err(Refused::NotNow("approve: no rung waits for people".into()));
        }
        kind.allowed(self.data.me.as_ref())
    }

    /// Whether a halted rollout was not taken note of.
    pub fn alarms(&self, line: &RolloutLine) -> bool {
        line.phase == "halted" && !self.seat.noted.contains(&line.id)
    }

    /// How long until something that is shown changes by itself, milliseconds.
    pub fn next_tick_ms(&self) -> Option<u64> {
        if self.travel.is_some() {
            return None;
        }
        match self.focus {
            super::Focus::Gained => Some(1_000 - self.now_ms % 1_000),
            // Nobody looks: minutes are enough.
            super::Focus::Lost => Some(60_000 - self.now_ms % 60_000),
        }
    }
}
