//! The screens. Drawing is a pure function of the model; where things are is asked of the same
//! layouts when the mouse wants to know.
//!
//! Deliberately not here: what happens on a key. Invariants: a screen of any size is drawn without
//! a panic; at any moment it says whether anyone is hurt, what it waits for, and what can be done.

mod confirm;
mod device;
mod devices;
mod events;
mod fleet;
mod footer;
mod gate;
mod header;
mod help;
mod ladder;
mod matrix;
mod overview;
mod panes;
mod releases;
mod rollout;
mod say;
mod tiny;

pub use fleet::parts as fleet_parts;
pub use panes::{DROPS, Pane, shown};

use crate::app::{Model, Screen};
use crate::keymap::Action;
use crate::theme::{self, Charset, Palette, Tone};
use crate::words::figure::fit;
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Widget as _};

/// What is at a place of the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A rollout.
    Rollout(String),
    /// A line of the list.
    Line(usize),
    /// A key of the footer.
    Action(Action),
}

/// The parts of every screen.
#[derive(Clone, Copy, Debug)]
struct Frames {
    header: Rect,
    body: Rect,
    notice: Rect,
    footer: Rect,
}

fn frames(model: &Model, area: Rect) -> Frames {
    let said = u16::from(model.notice.is_some() && area.height > 3);
    let [header, footer] = [1.min(area.height), u16::from(area.height > 1)];
    let body = area.height - header - footer - said.min(area.height - header - footer);
    let said = area.height - header - footer - body;
    let row = |y: u16, height: u16| Rect { y: area.y + y, height, ..area };
    Frames {
        header: row(0, header),
        body: row(header, body),
        notice: row(header + body, said),
        footer: row(header + body + said, footer),
    }
}

/// Draws a model.
pub fn view(model: &Model, frame: &mut Frame) {
    let area = frame.area();
    draw(model, area, frame.buffer_mut());
}

/// The same into a buffer.
pub fn draw(model: &Model, area: Rect, buffer: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let frames = frames(model, area);
    put(buffer, frames.header, vec![header::header(model, width(frames.header))]);
    if !frames.body.is_empty() {
        screen(model, frames.body, buffer);
    }
    if let Some(notice) = &model.notice {
        put(buffer, frames.notice, vec![footer::notice(model, notice, width(frames.notice))]);
    }
    put(buffer, frames.footer, vec![footer::footer(model, width(frames.footer))]);
    if model.seat.ask.is_some() {
        confirm::confirm(model, frames.body, buffer);
    }
    if model.look.charset == Charset::Ascii {
        theme::to_ascii(buffer);
    }
}

fn screen(model: &Model, area: Rect, buffer: &mut Buffer) {
    if let Some(lines) = say::instead(model, width(area)) {
        put(buffer, area, lines);
        return;
    }
    match model.seat.screen() {
        Screen::Overview if panes::is_tiny(area) => tiny::tiny(model, area, buffer),
        Screen::Overview => overview::overview(model, area, buffer),
        Screen::Rollout if panes::is_tiny(area) => tiny::tiny(model, area, buffer),
        Screen::Rollout => rollout::rollout(model, area, buffer),
        Screen::Events => events::events(model, area, buffer),
        Screen::Devices => devices::devices(model, area, buffer),
        Screen::Device => device::device(model, area, buffer),
        Screen::Matrix => matrix::matrix(model, area, buffer),
        Screen::Releases => releases::releases(model, area, buffer),
        Screen::Help => help::help(model, area, buffer),
    }
}

/// What is at a place.
pub fn target(model: &Model, x: u16, y: u16) -> Option<Target> {
    let (width, height) = model.size;
    let area = Rect { x: 0, y: 0, width, height };
    let frames = frames(model, area);
    let at = Position { x, y };
    if frames.footer.contains(at) {
        return footer::action_at(model, self::width(frames.footer), x).map(Target::Action);
    }
    if !frames.body.contains(at) || model.data.overview.is_none() {
        return None;
    }
    match model.seat.screen() {
        Screen::Overview if !panes::is_tiny(frames.body) => {
            overview::rollout_at(model, frames.body, at).map(Target::Rollout)
        }
        Screen::Events => events::line_at(model, frames.body, at).map(Target::Line),
        Screen::Devices => devices::line_at(model, frames.body, at).map(Target::Line),
        Screen::Releases => releases::line_at(model, frames.body, at).map(Target::Line),
        Screen::Overview | Screen::Rollout | Screen::Device | Screen::Matrix | Screen::Help => None,
    }
}

fn width(area: Rect) -> usize {
    usize::from(area.width)
}

fn height(area: Rect) -> usize {
    usize::from(area.height)
}

/// Lines from the top; those that do not fit are left out.
fn put(buffer: &mut Buffer, area: Rect, lines: Vec<Line<'static>>) {
    let area = area.intersection(buffer.area);
    Paragraph::new(lines).render(area, buffer);
}

/// What is within the frame of a panel.
fn inner(area: Rect) -> Rect {
    Rect {
        x: area.x.saturating_add(1),
        y: area.y.saturating_add(1),
        width: area.width.saturating_sub(2),
        height: area.height.saturating_sub(2),
    }
}

/// A frame with a title and something at its right; returns what is within.
fn panel(palette: Palette, area: Rect, buffer: &mut Buffer, title: &str, aside: &str) -> Rect {
    let area = area.intersection(buffer.area);
    if area.width < 4 || area.height < 2 {
        return Rect { width: 0, height: 0, ..area };
    }
    Clear.render(area, buffer);
    let room = width(area) - 4;
    let title = fit(title, room);
    let left = room.saturating_sub(title.chars().count() + 4);
    let aside = fit(aside, left);
    let mut block = Block::bordered().border_style(palette.style(Tone::Border));
    block = block.title_top(Span::styled(format!(" {title} "), palette.style(Tone::Title)));
    if !aside.is_empty() && left > 6 {
        let aside = Span::styled(format!(" {aside} "), palette.style(Tone::Quiet));
        block = block.title_top(Line::from(aside).right_aligned());
    }
    block.render(area, buffer);
    inner(area)
}

/// The part of a list that is shown so that the cursor is in it.
fn window(count: usize, cursor: usize, room: usize) -> core::ops::Range<usize> {
    let cursor = cursor.min(count.saturating_sub(1));
    let from = cursor.saturating_sub(room / 2).min(count.saturating_sub(room));
    from..(from + room).min(count)
}
