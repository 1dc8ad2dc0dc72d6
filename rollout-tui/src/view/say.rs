//! What is said instead of a screen when there is nothing to show, and words that screens share.
//!
//! Deliberately not here: screens. Invariant: an empty screen says why it is empty and what to do.

use crate::app::{Link, Model};
use crate::theme::{Palette, Tone};
use crate::widget::{Row, wrapped};
use crate::words::{
    figure::{instants, span},
    spaced,
};
use ratatui::text::Line;
use rollout_http::body::v1::RolloutLine;

/// What is said before the first answer of the server.
pub fn instead(model: &Model, width: usize) -> Option<Vec<Line<'static>>> {
    if model.data.overview.is_some() || model.seat.screen() == crate::app::Screen::Help {
        return None;
    }
    let palette = model.look.palette;
    let mut lines = vec![Line::default()];
    match (&model.data.trouble, &model.data.link) {
        (Some(trouble), _) => {
            let text = format!("✖ {}", trouble.text);
            lines.extend(wrapped(palette, Tone::Bad, &text, 2, width));
            lines.extend(wrapped(palette, Tone::Plain, &trouble.hint, 4, width));
        }
        (None, Link::Lost { why, .. }) => {
            let text = format!("✖ No word from the control plane yet: {why}");
            lines.extend(wrapped(palette, Tone::Bad, &text, 2, width));
            let text =
                "It is tried again and again. Is the daemon running, and is this its address?";
            lines.extend(wrapped(palette, Tone::Plain, text, 4, width));
        }
        (None, Link::Connecting | Link::Live) => {
            lines.extend(wrapped(
                palette,
                Tone::Hold,
                "◐ Asking how everything stands …",
                2,
                width,
            ));
        }
    }
    Some(lines)
}

/// How a phase looks: its glyph, its word, what it means.
pub fn phase(model: &Model, line: &RolloutLine) -> (char, String, Tone) {
    let word = spaced(&line.phase).to_uppercase();
    let (glyph, tone) = match line.phase.as_str() {
        "halted" if model.alarms(line) => ('✖', Tone::Alarm),
        "halted" => ('✖', Tone::Bad),
        "deploying" | "soaking" => ('▶', Tone::Moving),
        "paused" if is_overdue(line) => ('‖', Tone::Bad),
        "paused" | "awaiting_approval" => ('‖', Tone::Hold),
        "completed" => ('✔', Tone::Good),
        _ => ('○', Tone::Quiet),
    };
    let word = match line.phase.as_str() {
        "awaiting_approval" => "AWAITS".into(),
        "paused" if is_overdue(line) => "OVERDUE".into(),
        _ => word,
    };
    (glyph, word, tone)
}

/// Whether the review of its pause is late.
pub fn is_overdue(line: &RolloutLine) -> bool {
    line.review.as_ref().is_some_and(|review| review.is_overdue)
}

/// Pauses that nobody reviewed in time: how many, and how late the first of them is.
pub fn overdue(model: &Model) -> Option<String> {
    let reviews = model.all_lines().iter().filter(|line| is_overdue(line));
    let since: Vec<u64> = reviews.filter_map(|line| Some(line.review.as_ref()?.at)).collect();
    let late = model.server_now_ms().saturating_sub(since.iter().min()? * 1_000);
    let late = span(late / 60_000 * 60_000);
    Some(match since.len() {
        1 => format!("‖ a pause is overdue {late}"),
        more => format!("‖ {more} pauses are overdue {late}"),
    })
}

/// How a verdict looks.
pub fn verdict(verdict: &str) -> (char, Tone) {
    match verdict {
        "pass" => ('●', Tone::Good),
        "hold" => ('◐', Tone::Hold),
        "abort" => ('✖', Tone::Bad),
        _ => ('○', Tone::Quiet),
    }
}

/// What a rollout waits for, in the words of the core, with times people can read.
pub fn waiting(model: &Model, line: &RolloutLine) -> String {
    let said = line.waiting.as_ref().map(|text| readable(model, text));
    match (line.phase.as_str(), said) {
        ("paused", Some(text)) => format!("paused by {text}"),
        (_, Some(text)) if text.starts_with("to ") => format!("waits {text}"),
        (_, Some(text)) => format!("waits for {text}"),
        ("completed", None) => "done; latecomers are still let in".into(),
        ("canceled", None) => "ended".into(),
        ("halted", None) => "waits for two people to resume it".into(),
        (_, None) => "waits for nothing: it moves".into(),
    }
}

/// A sentence of the server with times people can read.
pub fn readable(model: &Model, text: &str) -> String {
    instants(text, model.zone(), model.server_now_ms())
}

/// What is said where an answer is awaited, or could not be had.
pub fn awaited(model: &Model, doing: &str, width: usize) -> Vec<Line<'static>> {
    match &model.data.refused {
        Some(why) => wrapped(model.look.palette, Tone::Bad, &format!("✖ {why}"), 1, width),
        None => wrapped(model.look.palette, Tone::Quiet, &format!("◐ {doing} …"), 1, width),
    }
}

/// A line of quiet words.
pub fn quiet(palette: Palette, text: &str, width: usize) -> Line<'static> {
    Row::new(palette, width).put(Tone::Quiet, text).line()
}
