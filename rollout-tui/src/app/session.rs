//! The dashboard over time: what is, what was, and which of the two is shown.
//!
//! Deliberately not here: clocks and terminals; how much time has passed is an argument.
//!
//! Invariants: whatever is shown, the present takes note of everything the server says; from the
//! past no order leaves.

use super::model::TravelView;
use super::{Command, Message, Model, Tape, What, update};
use crate::keymap::{self, Mode, Time};

/// Highest speed.
const FASTEST: u64 = 64;
/// Shortest time between two looks at the past, milliseconds: 25 a second.
const FRAME_MS: u64 = 40;

/// Where the messages come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// From a server, as they happen.
    Server,
    /// From a recording.
    File,
}

/// A look at the past.
#[derive(Clone, Debug)]
struct Travel {
    /// Messages that have been seen.
    at: usize,
    /// The model at that place.
    model: Model,
    plays: bool,
    speed: u64,
    /// The time that is played, UTC milliseconds.
    clock_ms: u64,
    /// Whether the operator walks on their own.
    free: bool,
}

/// The dashboard over time.
#[derive(Clone, Debug)]
pub struct Session {
    live: Model,
    tape: Tape,
    travel: Option<Travel>,
    source: Source,
}

impl Session {
    /// A session with a server.
    pub fn live(model: Model) -> Self {
        let tape = Tape::latest(model.clone());
        Self { live: model, tape, travel: None, source: Source::Server }
    }

    /// A session with a recording, at its start, playing.
    pub fn replay(model: Model, messages: Vec<Message>) -> Self {
        let size = model.size;
        let (tape, live) = Tape::whole(model, messages);
        let mut session = Self { live, tape, travel: None, source: Source::File };
        session.live.size = size;
        let start = session.tape.start();
        session.travel = session.enter(start);
        session.show(start);
        if let Some(travel) = &mut session.travel {
            travel.plays = true;
        }
        session.sign();
        session
    }

    /// What is shown.
    pub fn model(&self) -> &Model {
        self.travel.as_ref().map_or(&self.live, |travel| &travel.model)
    }

    /// Whether a message is part of what happened, or a move of an operator in the past.
    pub fn keeps(&self, message: &Message) -> bool {
        self.travel.is_none() || !is_by_hand(&message.what)
    }

    /// Takes note of a message, and says what is to be done outside.
    pub fn handle(&mut self, message: Message) -> Option<Command> {
        if self.travel.is_some() {
            return self.handle_in_the_past(message);
        }
        self.tape.push(message.clone(), &self.live);
        let command = update(&mut self.live, message)?;
        if !matches!(command, Command::Travel(_)) {
            return Some(command);
        }
        self.travel = self.enter(self.tape.end());
        self.sign();
        None
    }

    /// The present goes on unseen; the operator moves about in the past.
    fn handle_in_the_past(&mut self, message: Message) -> Option<Command> {
        if is_by_hand(&message.what) {
            return self.move_about(message);
        }
        if let (What::Resize { width, height }, Some(travel)) = (&message.what, &mut self.travel) {
            travel.model.size = (*width, *height);
        }
        self.keep(message)
    }

    fn keep(&mut self, message: Message) -> Option<Command> {
        match self.source {
            Source::Server => {
                self.tape.push(message.clone(), &self.live);
                // A fetch or a watch of the present is still wanted.
                let command = update(&mut self.live, message);
                self.sign();
                command
            }
            Source::File => {
                if let What::Resize { width, height } = message.what {
                    self.live.size = (width, height);
                }
                None
            }
        }
    }

    fn move_about(&mut self, message: Message) -> Option<Command> {
        let travel = self.travel.as_mut()?;
        let key = if let What::Key(key) = message.what { Some(key) } else { None };
        let moves = key.and_then(|key| keymap::action(Mode::Travel, key)).is_some();
        // The clock of the past is that of the recording.
        let at_ms = travel.model.now_ms;
        let command = update(&mut travel.model, Message { at_ms, ..message });
        match command {
            Some(Command::Quit) => return Some(Command::Quit),
            Some(Command::Travel(action)) => self.travel_by(action),
            Some(Command::Watch(_) | Command::Fetch(_) | Command::Steer { .. }) | None => {
                travel.free |= !moves;
            }
        }
        self.sign();
        None
    }

    fn travel_by(&mut self, time: Time) {
        let Some(travel) = &mut self.travel else { return };
        let at = travel.at;
        match time {
            Time::Toggle => match self.source {
                Source::Server => self.travel = None,
                Source::File => {}
            },
            Time::Play => {
                travel.plays = !travel.plays;
                if travel.plays && at >= self.tape.end() {
                    self.show(self.tape.start());
                }
            }
            Time::StepBack => self.step_back(at),
            Time::StepForward => self.step_forward(at),
            Time::Faster => travel.speed = (travel.speed * 2).min(FASTEST),
            Time::Slower => travel.speed = (travel.speed / 2).max(1),
            Time::ToStart => self.stop_at(self.tape.start()),
            Time::ToEnd => self.stop_at(self.tape.end()),
            Time::Follow => {
                travel.free = false;
                self.show(at);
            }
        }
    }

    fn is_change(&self, place: usize) -> bool {
        self.tape.message(place).is_some_and(|message| message.what != What::Tick)
    }

    fn step_back(&mut self, at: usize) {
        let start = self.tape.start();
        let before = (start..at.min(self.tape.end())).rev().find(|place| self.is_change(*place));
        self.stop_at(before.unwrap_or(start));
    }

    fn step_forward(&mut self, at: usize) {
        let end = self.tape.end();
        let next = (at..end).find(|place| self.is_change(*place));
        self.stop_at(next.map_or(end, |place| place + 1));
    }

    fn stop_at(&mut self, place: usize) {
        self.show(place);
        if let Some(travel) = &mut self.travel {
            travel.plays = false;
        }
    }

    fn enter(&self, at: usize) -> Option<Travel> {
        let model = self.tape.model_at(at)?;
        let clock_ms = model.now_ms;
        Some(Travel { at, model, plays: false, speed: 1, clock_ms, free: false })
    }

    /// Shows a place of the tape. A walk on one's own goes on where one is.
    fn show(&mut self, place: usize) {
        let place = place.clamp(self.tape.start(), self.tape.end());
        let Some(model) = self.tape.model_at(place) else { return };
        if let Some(travel) = &mut self.travel {
            travel.clock_ms = model.now_ms;
            travel.take(model, place);
        }
        self.sign();
    }

    /// Writes onto the shown model where in time it is.
    fn sign(&mut self) {
        let (total, file) = (self.tape.end(), self.source == Source::File);
        let start = self.tape.start();
        if let Some(travel) = &mut self.travel {
            let at = (travel.at.saturating_sub(start), total - start);
            let Travel { plays, speed, free, .. } = *travel;
            travel.model.travel = Some(TravelView { at, plays, speed, free, file });
        }
    }

    /// How long until the next look, milliseconds; `None` if nothing changes by itself.
    pub fn wake_ms(&self) -> Option<u64> {
        match &self.travel {
            None => self.live.next_tick_ms(),
            Some(travel) if travel.plays => {
                let next = self.tape.message(travel.at)?;
                let until = next.at_ms.saturating_sub(travel.clock_ms) / travel.speed.max(1);
                Some(until.clamp(FRAME_MS, 1_000))
            }
            Some(_) => None,
        }
    }

    /// Lets time run in the past. In the present it runs by ticks.
    pub fn play(&mut self, elapsed_ms: u64) {
        let end = self.tape.end();
        let Some(travel) = self.travel.as_mut().filter(|travel| travel.plays) else { return };
        let played = elapsed_ms.saturating_mul(travel.speed);
        travel.clock_ms = travel.clock_ms.saturating_add(played);
        let seat = travel.free.then(|| travel.model.seat.clone());
        while let Some(message) = self.tape.message(travel.at) {
            if message.at_ms > travel.clock_ms {
                break;
            }
            travel.at += 1;
            apply(&mut travel.model, message.clone(), seat.is_some());
        }
        travel.plays = travel.at < end;
        self.sign();
    }
}

fn is_by_hand(what: &What) -> bool {
    matches!(what, What::Key(_) | What::Paste(_) | What::Mouse(_))
}

/// A message of the tape. Whoever walks on their own does not see the keys of the recording.
fn apply(model: &mut Model, message: Message, free: bool) {
    if free && is_by_hand(&message.what) {
        model.now_ms = model.now_ms.max(message.at_ms);
        return;
    }
    let (travel, size) = (model.travel.take(), model.size);
    update(model, message);
    (model.travel, model.size) = (travel, size);
}

impl Travel {
    fn take(&mut self, model: Model, place: usize) {
        let seat = self.free.then(|| self.model.seat.clone());
        let size = self.model.size;
        self.model = model;
        self.model.size = size;
        self.at = place;
        if let Some(seat) = seat {
            self.model.seat = seat;
        }
    }
}
