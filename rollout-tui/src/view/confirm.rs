//! A question in front of the screen: what an order will do, in numbers, and what it still needs.
//!
//! Deliberately not here: the numbers (`app::consequence`). Invariant: the way out is always shown.

use super::{footer, panel, put, width};
use crate::app::{About, Ask, Model, consequence};
use crate::theme::Tone;
use crate::widget::{Row, wrapped};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use unicode_width::UnicodeWidthStr as _;

/// Widest question.
const WIDEST: u16 = 84;

/// Draws the question.
pub fn confirm(model: &Model, area: Rect, buffer: &mut Buffer) {
    let Some(ask) = &model.seat.ask else { return };
    let palette = model.look.palette;
    let wide = area.width.min(WIDEST);
    let room = usize::from(wide.saturating_sub(4));
    let (title, verb, told) = told(model, ask, room);
    let mut typed = fields(model, ask, room);
    typed.push(buttons(model, verb, room));
    // The answers must be in sight; whole sentences go, from the last.
    let most = usize::from(area.height.saturating_sub(2));
    let mut left = most.saturating_sub(typed.len());
    let mut lines = Vec::new();
    for sentence in told {
        if sentence.len() > left {
            break;
        }
        left -= sentence.len();
        lines.extend(sentence);
    }
    if left > 0 && !ask.fields.is_empty() {
        lines.push(Line::default());
    }
    lines.extend(typed);
    let high = (lines.len() as u16).saturating_add(2).min(area.height);
    let place = Rect {
        x: area.x + (area.width - wide) / 2,
        y: area.y + (area.height - high) / 2,
        width: wide,
        height: high,
    };
    let inside = panel(palette, place, buffer, &title, "");
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    debug_assert!(width(inside) <= room + 2);
    put(buffer, inside, lines);
}

/// A sentence over its lines.
type Sentence = Vec<Line<'static>>;

/// The question, its verb, and what is said, sentence by sentence.
fn told(model: &Model, ask: &Ask, room: usize) -> (String, &'static str, Vec<Sentence>) {
    let palette = model.look.palette;
    match &ask.about {
        About::Explain => {
            let text = "Why has a device the image of the chosen rollout, or not?";
            let said = wrapped(palette, Tone::Plain, text, 0, room);
            ("Explain a device".into(), "explain", vec![said])
        }
        About::Order { rollout, kind } => match model.data.rollouts.get(rollout) {
            None => {
                let (verb, _) = kind.words();
                let text = "◐ asking for the numbers …";
                let title = format!("{verb} {}?", model.name_of(rollout));
                (title, verb, vec![wrapped(palette, Tone::Hold, text, 0, room)])
            }
            Some(body) => {
                let said = consequence(*kind, body);
                let mut lines = Vec::new();
                for (at, line) in said.lines.iter().enumerate() {
                    let tone = if at == 0 { Tone::Title } else { Tone::Plain };
                    let text = super::say::readable(model, line);
                    lines.push(wrapped(palette, tone, &text, 0, room));
                }
                (said.title, said.verb, lines)
            }
        },
    }
}

fn fields(model: &Model, ask: &Ask, room: usize) -> Vec<Line<'static>> {
    let palette = model.look.palette;
    let mut lines = Vec::new();
    for (at, field) in ask.fields.iter().enumerate() {
        let is_here = at == ask.at;
        let brief = field.label().split(" (").next().unwrap_or_default();
        let label = if room < 60 { brief } else { field.label() };
        let label = format!("{label}: ");
        let row =
            Row::new(palette, room).put(if is_here { Tone::Key } else { Tone::Quiet }, &label);
        let left = row.room().saturating_sub(1);
        let (before, behind) = footer::around(&field.input, left);
        let row = row.put(Tone::Plain, before);
        let row = if is_here { row.put(Tone::Key, "▏") } else { row };
        lines.push(row.put(Tone::Plain, behind).line());
    }
    if let Some(problem) = &ask.problem {
        lines.extend(wrapped(palette, Tone::Bad, &format!("✖ {problem}"), 0, room));
    }
    lines
}

fn buttons(model: &Model, verb: &str, room: usize) -> Line<'static> {
    let yes = format!("⏎ {verb}");
    let no = if room < 50 { "Esc leave it" } else { "Esc leave everything as it is" };
    let gap = "     ";
    let row = Row::new(model.look.palette, room);
    let all = yes.width() + gap.width() + no.width();
    let row = row.gap(room.saturating_sub(all));
    row.put(Tone::Key, yes).put(Tone::Plain, gap).put(Tone::Plain, no).line()
}
