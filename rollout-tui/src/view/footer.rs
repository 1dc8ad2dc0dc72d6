//! The last lines: what can be done, and what was said about the last thing that was.
//!
//! Deliberately not here: the keys; they come from the keymap. Invariants: help is always named;
//! an order that does not fit the phase is not there, one that takes another role is there and
//! disabled.

use crate::app::{Model, Notice, NoticeKind, OrderKind, Refused};
use crate::keymap::{self, Action, Hint, Mode};
use crate::theme::Tone;
use crate::widget::Row;
use crate::words::figure::fit;
use ratatui::text::Line;
use unicode_width::UnicodeWidthStr as _;

/// A hint, and whether it would be in vain.
struct Offer {
    hint: Hint,
    disabled: bool,
}

impl Offer {
    fn width(&self) -> usize {
        self.hint.keys.width() + 1 + self.hint.brief.width() + 2 * usize::from(self.disabled) + 2
    }
}

/// What can be done, in the order of the table, as far as it fits.
fn offers(model: &Model, width: usize) -> Vec<Offer> {
    let mode = model.mode();
    let mut hints = Vec::new();
    if model.travel.is_some() && !mode.types() {
        hints.extend(keymap::hints(Mode::Travel));
    }
    hints.extend(keymap::hints(mode));
    let mut offers: Vec<Offer> = hints.into_iter().filter_map(|hint| offer(model, hint)).collect();
    let mut ranked: Vec<(u8, usize)> =
        offers.iter().enumerate().map(|(at, offer)| (offer.hint.rank, at)).collect();
    ranked.sort_unstable();
    let mut room = width.saturating_sub(1);
    let mut kept = Vec::new();
    for (_, at) in ranked {
        let wide = offers[at].width();
        if wide <= room {
            room -= wide;
            kept.push(at);
        }
    }
    let mut at = 0;
    offers.retain(|_| {
        at += 1;
        kept.contains(&(at - 1))
    });
    offers
}

fn offer(model: &Model, hint: Hint) -> Option<Offer> {
    let disabled = match hint.action {
        Action::Order(kind) => match model.may(kind) {
            Ok(()) => false,
            Err(Refused::NotNow(_)) => return None,
            Err(Refused::NotYou(_)) => true,
        },
        Action::Acknowledge => {
            if !model.chosen_line().is_some_and(|line| model.alarms(line)) {
                return None;
            }
            false
        }
        Action::Edit(_) if model.seat.ask.as_ref().is_none_or(|ask| ask.fields.len() < 2) => {
            return None;
        }
        Action::Move(_)
        | Action::Go(_)
        | Action::List(_)
        | Action::Edit(_)
        | Action::Time(_)
        | Action::Open
        | Action::Back
        | Action::Explain
        | Action::Search
        | Action::Clock
        | Action::Submit
        | Action::Quit => false,
    };
    Some(Offer { hint, disabled })
}

/// The line of keys.
pub fn footer(model: &Model, width: usize) -> Line<'static> {
    if let Some(search) = &model.seat.search {
        return searching(model, &search.input, width);
    }
    let row = Row::new(model.look.palette, width).gap(1);
    let row = offers(model, width).into_iter().fold(row, |row, offer| {
        let Hint { keys, brief, .. } = offer.hint;
        if offer.disabled {
            row.put(Tone::Disabled, format!("{keys} {brief} ⊘")).gap(2)
        } else {
            row.put(Tone::Key, keys).put(Tone::Plain, format!(" {brief}")).gap(2)
        }
    });
    row.line()
}

fn searching(model: &Model, input: &crate::app::Input, width: usize) -> Line<'static> {
    let keys = " ⏎ search  Esc leave ";
    let row = Row::new(model.look.palette, width).put(Tone::Key, " / ");
    let room = row.room().saturating_sub(keys.width() + 1);
    let (before, behind) = around(input, room);
    let row = row.put(Tone::Plain, before).put(Tone::Key, "▏").put(Tone::Plain, behind);
    row.end(&[(Tone::Quiet, keys.into())]).line()
}

/// What is before and behind the cursor, cut so that the cursor is in sight.
pub fn around(input: &crate::app::Input, room: usize) -> (String, String) {
    let before = crate::words::figure::safe(&input.before());
    let mut shown = before.as_str();
    while shown.width() > room {
        let mut chars = shown.chars();
        chars.next();
        shown = chars.as_str();
    }
    let left = room - shown.width();
    (shown.to_string(), fit(&input.behind(), left))
}

/// What is at a column of the line of keys.
pub fn action_at(model: &Model, width: usize, x: u16) -> Option<Action> {
    if model.mode().types() {
        return None;
    }
    let mut from = 1;
    for offer in offers(model, width) {
        let wide = offer.width();
        if (from..from + wide - 2).contains(&usize::from(x)) {
            return Some(offer.hint.action);
        }
        from += wide;
    }
    None
}

/// The line above the keys.
pub fn notice(model: &Model, notice: &Notice, width: usize) -> Line<'static> {
    let (tone, glyph) = match notice.kind {
        NoticeKind::Done => (Tone::Good, '✔'),
        NoticeKind::Refused => (Tone::Bad, '✖'),
        NoticeKind::Told => (Tone::Moving, '▸'),
    };
    let row = Row::new(model.look.palette, width).put(tone, format!(" {glyph} {}", notice.text));
    if notice.hint.is_empty() {
        row.line()
    } else {
        row.put(Tone::Quiet, format!(" · {}", notice.hint)).line()
    }
}

/// What an order needs, for the help.
pub fn reason(model: &Model, kind: OrderKind) -> Option<String> {
    model.may(kind).err().map(|refused| refused.text().to_string())
}
