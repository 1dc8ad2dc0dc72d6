//! What the mouse does: it chooses lines and presses what the footer shows.
//!
//! Deliberately not here: where things are; the view knows, and is asked.
//!
//! Invariant: nothing can be done by mouse alone that a key cannot do, and nothing without a
//! question that a key would ask about.

use super::{Command, Model, Mouse, MouseKind, act};
use crate::view::{self, Target};

/// Takes note of the mouse.
pub fn mouse(model: &mut Model, mouse: Mouse) -> Option<Command> {
    if model.mode().types() {
        return None;
    }
    match mouse.kind {
        MouseKind::WheelUp => act::step(model, -1),
        MouseKind::WheelDown => act::step(model, 1),
        MouseKind::Click => match view::target(model, mouse.x, mouse.y)? {
            Target::Rollout(id) if model.seat.chosen.as_ref() == Some(&id) => act::open(model),
            Target::Rollout(id) => act::choose(model, id),
            Target::Line(line) if model.seat.line == line => act::open(model),
            Target::Line(line) => {
                model.seat.line = line;
                None
            }
            Target::Action(action) => act::act(model, action),
        },
    }
}
