//! Everything that arrived, with a copy of the model now and then, so that any moment can be shown
//! again.
//!
//! Deliberately not here: files, and how fast time runs.
//!
//! Invariant: [`Tape::model_at`] of a place is what the first so many messages make of the first
//! model, whichever copies are kept.

use super::{Message, Model, update};
use std::collections::VecDeque;

/// Messages between two copies.
const EVERY: usize = 256;
/// Most copies of a tape that only keeps the latest.
const KEEP: usize = 16;
/// Most copies of a tape that keeps everything; further apart the longer it is.
const COPIES: usize = 48;

#[derive(Clone, Debug)]
struct Segment {
    /// How many messages were before.
    start: usize,
    model: Model,
    messages: Vec<Message>,
}

/// Messages and copies of the model.
#[derive(Clone, Debug)]
pub struct Tape {
    segments: VecDeque<Segment>,
    every: usize,
    keep: usize,
}

impl Tape {
    /// A tape that keeps the latest few thousand messages.
    pub fn latest(model: Model) -> Self {
        let segment = Segment { start: 0, model, messages: Vec::new() };
        Self { segments: VecDeque::from([segment]), every: EVERY, keep: KEEP }
    }

    /// A tape of everything, and what it makes of the model.
    pub fn whole(model: Model, messages: Vec<Message>) -> (Self, Model) {
        let every = EVERY.max(messages.len() / COPIES + 1);
        let mut tape = Self { every, keep: usize::MAX, ..Self::latest(model.clone()) };
        let mut model = model;
        for message in messages {
            tape.push(message.clone(), &model);
            update(&mut model, message);
        }
        (tape, model)
    }

    /// Adds a message; `before` is the model that has not seen it.
    pub fn push(&mut self, message: Message, before: &Model) {
        let end = self.end();
        match self.segments.back_mut() {
            Some(last) if last.messages.len() < self.every => last.messages.push(message),
            Some(_) | None => {
                let model = before.clone();
                self.segments.push_back(Segment { start: end, model, messages: vec![message] });
            }
        }
        while self.segments.len() > self.keep {
            self.segments.pop_front();
        }
    }

    /// The first place that can be shown.
    pub fn start(&self) -> usize {
        self.segments.front().map_or(0, |segment| segment.start)
    }

    /// The place behind the last message.
    pub fn end(&self) -> usize {
        self.segments.back().map_or(0, |segment| segment.start + segment.messages.len())
    }

    fn segment_of(&self, place: usize) -> Option<&Segment> {
        let at = self.segments.partition_point(|segment| segment.start <= place);
        self.segments.get(at.checked_sub(1)?)
    }

    /// The message behind a place.
    pub fn message(&self, place: usize) -> Option<&Message> {
        let segment = self.segment_of(place)?;
        segment.messages.get(place - segment.start)
    }

    /// The model at a place.
    pub fn model_at(&self, place: usize) -> Option<Model> {
        let place = place.clamp(self.start(), self.end());
        let segment = self.segment_of(place)?;
        let mut model = segment.model.clone();
        for message in segment.messages.iter().take(place - segment.start) {
            update(&mut model, message.clone());
        }
        Some(model)
    }
}
