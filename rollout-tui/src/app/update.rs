//! How the model changes.
//!
//! Deliberately not here: what keys mean (`keymap`) and what actions do (`act`).
//!
//! Invariants: time never runs backwards; at most one command comes of one message.

use super::{Command, Link, Message, Model, Notice, NoticeKind, What, act, mouse, news};
use crate::keymap::{self, Key, Mode};

/// Takes note of a message, and says what is to be done outside.
pub fn update(model: &mut Model, message: Message) -> Option<Command> {
    model.now_ms = model.now_ms.max(message.at_ms);
    let command = take(model, message.what);
    if matches!(command, Some(Command::Fetch(_))) {
        model.data.refused = None;
        model.data.asked_at_ms = model.now_ms;
    }
    command
}

fn take(model: &mut Model, what: What) -> Option<Command> {
    match what {
        What::Tick => act::again(model),
        What::Key(key) => press(model, key),
        What::Paste(text) => {
            act::insert(model, &text);
            None
        }
        What::Mouse(event) => mouse::mouse(model, event),
        What::Resize { width, height } => {
            model.size = (width, height);
            None
        }
        What::Focus(focus) => {
            model.focus = focus;
            None
        }
        What::Zone { offset_secs } => {
            model.data.zone_offset_secs = offset_secs;
            None
        }
        What::Connected => {
            model.data.link = Link::Live;
            None
        }
        What::Lost { why, retry_at_ms } => {
            let since_ms = match model.data.link {
                Link::Lost { since_ms, .. } => since_ms,
                Link::Connecting | Link::Live => model.now_ms,
            };
            model.data.link = Link::Lost { since_ms, why, retry_at_ms };
            None
        }
        news @ (What::Me(_)
        | What::Overview(_)
        | What::Rollout(_)
        | What::Evidence(_)
        | What::Event(_)
        | What::Skipped { .. }
        | What::Devices(_)
        | What::Device(_)
        | What::Census(_)
        | What::Releases(_)
        | What::Done { .. }
        | What::Failed { .. }) => news::take(model, news),
    }
}

/// A key: text where text is typed, otherwise what the table says.
pub(super) fn press(model: &mut Model, key: Key) -> Option<Command> {
    let mode = model.mode();
    let travels = model.travel.is_some() && !mode.types();
    let travel = travels.then(|| keymap::action(Mode::Travel, key)).flatten();
    if let Some(action) = travel {
        return act::act(model, action);
    }
    match (keymap::action(mode, key), key) {
        (Some(action), _) => act::act(model, action),
        (None, Key::Char(c)) if mode.types() => {
            act::insert(model, c.encode_utf8(&mut [0; 4]));
            None
        }
        (None, _) => None,
    }
}

/// Says something above the footer.
pub(super) fn say(model: &mut Model, kind: NoticeKind, text: impl Into<String>, hint: &str) {
    model.notice = Some(Notice { kind, text: text.into(), hint: hint.into() });
}
