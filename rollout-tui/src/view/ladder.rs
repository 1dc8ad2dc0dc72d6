//! A rollout's rungs: how far each is, and what it can prove.
//!
//! Deliberately not here: the gates. Invariant: a rung's bar sums to the devices it opened.

use super::say;
use crate::app::Model;
use crate::theme::Tone;
use crate::widget::{Part, Row, sum_bar, wrapped};
use crate::words::figure::{exact, figure};
use ratatui::text::Line;
use rollout_http::body::v1::{RolloutBody, RungBody};
use unicode_width::UnicodeWidthStr as _;

/// Devices that a rung opened and those before it did not.
pub fn own(ladder: &[RungBody], at: usize) -> u64 {
    let reachable = |at: usize| ladder.get(at).map_or(0, |rung| rung.reachable);
    let before = at.checked_sub(1).map_or(0, reachable);
    let permitted = ladder.get(at).map_or(0, |rung| rung.permitted);
    reachable(at).saturating_sub(before).max(permitted)
}

/// Widths that all rungs share.
#[derive(Clone, Copy)]
struct Widths {
    name: usize,
    bar: usize,
    count: usize,
}

/// The rungs, a line each; those around the open one if there is no room for all.
pub fn ladder(model: &Model, body: &RolloutBody, room: usize, height: usize) -> Vec<Line<'static>> {
    let open = usize::from(body.line.rung).saturating_sub(1);
    let shown = super::window(body.ladder.len(), open, height.max(1));
    let widest = |text: &dyn Fn(usize) -> String| {
        (0..body.ladder.len()).map(|at| text(at).width()).max().unwrap_or(0)
    };
    let name = widest(&|at| body.ladder[at].rung.clone()).clamp(4, (room / 4).clamp(6, 16));
    let count = widest(&|at| count(&body.ladder, at));
    let widths = Widths { name, bar: (room / 5).clamp(6, 24), count };
    shown.map(|at| rung(model, body, at, widths, room)).collect()
}

/// How many were permitted, of how many.
fn count(ladder: &[RungBody], at: usize) -> String {
    let own = figure(own(ladder, at), 9);
    match ladder.get(at) {
        Some(rung) if rung.state != "to come" => format!("{}/{own}", figure(rung.permitted, 9)),
        Some(_) | None => format!("–/{own}"),
    }
}

fn rung(
    model: &Model,
    body: &RolloutBody,
    at: usize,
    widths: Widths,
    room: usize,
) -> Line<'static> {
    let palette = model.look.palette;
    let row = Row::new(palette, room);
    let Some(rung) = body.ladder.get(at) else { return row.line() };
    let (glyph, tone, name, text) = match rung.state.as_str() {
        "done" => ('✔', Tone::Good, Tone::Plain, Tone::Plain),
        "open" if matches!(body.line.phase.as_str(), "halted" | "paused" | "canceled") => {
            ('‖', Tone::Hold, Tone::Title, Tone::Plain)
        }
        "open" => ('▶', Tone::Moving, Tone::Title, Tone::Plain),
        _ => ('○', Tone::Quiet, Tone::Quiet, Tone::Quiet),
    };
    let confirmed = rung.confirmed.min(rung.permitted);
    let bad = rung.bad.min(rung.permitted - confirmed);
    let parts = [
        Part { count: confirmed, glyph: '█', tone: Tone::Good },
        Part { count: rung.permitted - confirmed - bad, glyph: '▓', tone: Tone::Moving },
        Part { count: bad, glyph: '✖', tone: Tone::Bad },
        Part { count: own(&body.ladder, at) - rung.permitted, glyph: '·', tone: Tone::Quiet },
    ];
    let row = row
        .put(tone, glyph.to_string())
        .gap(1)
        .cell(name, &rung.rung, widths.name)
        .gap(1)
        .spans(sum_bar(palette, &parts, widths.bar))
        .gap(1)
        .number(text, count(&body.ladder, at), widths.count)
        .gap(2);
    let row = match rung.bad {
        0 => row,
        bad => row.put(Tone::Bad, format!("{} bad  ", exact(bad))),
    };
    let row = if rung.approvals_needed > 0 && rung.state != "done" {
        let have = rung.approved_by.len();
        row.put(Tone::Hold, format!("approval {have}/{}  ", rung.approvals_needed))
    } else {
        row
    };
    // The numbers in the brackets are beside it already.
    let brief = rung.label.split(" (").next().unwrap_or_default();
    let label = if rung.label.width() <= row.room() { rung.label.as_str() } else { brief };
    row.whole(Tone::Quiet, label).line()
}

/// Where it stands, what it waits for, what comes then: the second of the three questions.
pub fn standing(model: &Model, body: &RolloutBody, room: usize) -> Vec<Line<'static>> {
    let palette = model.look.palette;
    let line = &body.line;
    let (glyph, word, tone) = say::phase(model, line);
    let (mark, verdict) = say::verdict(&line.verdict);
    let said = if line.verdict.is_empty() { "no look yet" } else { line.verdict.as_str() };
    let row = Row::new(palette, room)
        .put(tone, format!("{glyph} {word}"))
        .put(Tone::Plain, format!("  rung {}/{}  ", line.rung, line.rungs))
        .put(verdict, format!("{mark} {said}"));
    let proven = match (&body.proven, line.is_proven) {
        (Some(proven), _) => {
            let at = model.zone().near(proven.at * 1_000, model.server_now_ms());
            format!("  proven {at} by {}", exact(proven.matured))
        }
        (None, true) => "  proven".into(),
        (None, false) => String::new(),
    };
    let mut lines = vec![row.whole(Tone::Good, &proven).line()];
    if let Some(cause) = &body.cause {
        let tone = if line.phase == "halted" { Tone::Bad } else { Tone::Hold };
        let text = say::readable(model, cause);
        lines.extend(wrapped(palette, tone, &text, 0, room));
    }
    let waits = say::waiting(model, line);
    // A pause's reason is its cause; it is not said twice.
    if line.phase != "paused" || body.cause.is_none() {
        lines.extend(wrapped(palette, Tone::Title, &waits, 0, room));
    } else if let Some((_, review)) = waits.rsplit_once('(') {
        let text = format!("waits for somebody to resume it ({review}");
        lines.extend(wrapped(palette, Tone::Title, &text, 0, room));
    }
    let next = next(body);
    lines.extend(wrapped(palette, Tone::Quiet, &next, 0, room));
    lines
}

/// What comes once that is over.
pub fn next(body: &RolloutBody) -> String {
    let line = &body.line;
    let at = match line.phase.as_str() {
        "draft" | "scheduled" => 0,
        "awaiting_approval" => usize::from(line.rung).saturating_sub(1),
        "completed" => return String::new(),
        "canceled" => return "nothing comes after this".into(),
        "halted" => return "then evidence starts anew, at half the risk".into(),
        "paused" => return format!("then it goes on in rung {} of {}", line.rung, line.rungs),
        _ => usize::from(line.rung),
    };
    match body.ladder.get(at) {
        None => "then it is completed; latecomers are still let in".into(),
        Some(rung) => {
            let missing = usize::from(rung.approvals_needed).saturating_sub(rung.approved_by.len());
            let needs = if missing > 0 && line.phase != "awaiting_approval" {
                format!("; approval {}/{} first", rung.approved_by.len(), rung.approvals_needed)
            } else {
                String::new()
            };
            let more = exact(own(&body.ladder, at));
            format!("then rung {}/{} ({}) opens for {more}{needs}", at + 1, line.rungs, rung.rung)
        }
    }
}
