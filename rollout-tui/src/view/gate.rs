//! What the gate knows: rate, bounds and limits, evidence over time, permits in flight.
//!
//! Deliberately not here: what follows from it. Invariant: every rate has its bounds and every
//! number its limit beside it.

use super::say;
use crate::app::{History, Model};
use crate::theme::Tone;
use crate::widget::{Interval, Row, Series, chart, chart_columns, interval, spark, wrapped};
use crate::words::figure::{evidence, exact, figure, rate, share, span};
use crate::words::{NOBODY, whose};
use ratatui::text::Line;
use rollout_http::body::v1::{GateBody, RolloutBody};

/// Columns of the words at the left.
const NAME: usize = 10;
/// Most groups that are blamed on a screen.
const BLAMED: usize = 3;

/// Rate, bounds, limits, evidence and what is missing, in at most so many lines: what is missing
/// stays longest, the axis goes first.
pub fn gate(model: &Model, body: &RolloutBody, room: usize, height: usize) -> Vec<Line<'static>> {
    let gate = &body.gate;
    let missing = missing(model, body, room);
    let missing_high = missing.len();
    let [worst, worse] = blamed(model, gate, room);
    let mut parts: Vec<(u8, Vec<Line<'static>>)> = vec![
        (0, vec![observed(model, gate, room)]),
        (2, vec![bounds(model, gate, room)]),
        (6, vec![axis(model, gate, room), labels(model, gate, room)]),
        (4, vec![evidences(model, gate, room)]),
        (1, missing),
        (5, unjudged(model, gate, room)),
        (3, worst),
        (7, worse),
    ];
    let mut left = height.max(1 + missing_high.min(height));
    let mut ranks: Vec<u8> = parts.iter().map(|(rank, _)| *rank).collect();
    ranks.sort_unstable();
    let mut kept = Vec::new();
    for rank in ranks {
        let high = parts.iter().find(|(one, _)| *one == rank).map_or(0, |(_, lines)| lines.len());
        if high <= left {
            left -= high;
            kept.push(rank);
        }
    }
    parts.retain(|(rank, _)| kept.contains(rank));
    parts.into_iter().flat_map(|(_, lines)| lines).collect()
}

fn named(model: &Model, name: &str, room: usize) -> Row {
    Row::new(model.look.palette, room).cell(Tone::Quiet, name, NAME)
}

fn observed(model: &Model, gate: &GateBody, room: usize) -> Line<'static> {
    let text = match gate.matured {
        0 => "nobody is past the horizon yet".to_string(),
        of => format!(
            "{} ({} of {} past horizon)",
            share(gate.matured_bad, of),
            exact(gate.matured_bad),
            figure(of, 9)
        ),
    };
    named(model, "failure", room).put(Tone::Plain, text).line()
}

fn bounds(model: &Model, gate: &GateBody, room: usize) -> Line<'static> {
    let (_, tone) = say::verdict(&gate.verdict);
    let limits = format!("  p_max {}, p_pass {}", rate(gate.p_max), rate(gate.p_pass));
    named(model, "bounds", room)
        .put(tone, format!("[{} … {}]", rate(gate.lower), rate(gate.upper)))
        .put(Tone::Quiet, limits)
        .line()
}

fn evidences(model: &Model, gate: &GateBody, room: usize) -> Line<'static> {
    named(model, "evidence", room)
        .put(Tone::Plain, format!("abort {}", evidence(gate.ln_e_abort)))
        .put(Tone::Quiet, format!(" of {}", evidence(gate.abort_at)))
        .put(Tone::Plain, format!("  pass {}", evidence(gate.ln_e_pass)))
        .put(Tone::Quiet, format!(" of {}", evidence(gate.pass_at)))
        .line()
}

/// The devices that are to blame: the first group in a line, and the others in lines of their own,
/// which go sooner. While nothing has passed, also that nobody stands out.
fn blamed(model: &Model, gate: &GateBody, room: usize) -> [Vec<Line<'static>>; 2] {
    let worse = gate.blame.iter().filter(|group| group.stands_out).take(BLAMED);
    let mut lines = worse.zip(0..).map(|(group, place)| {
        let (name, tone) = if place == 0 { ("blamed", Tone::Bad) } else { ("", Tone::Plain) };
        let of = format!("{} of {}", exact(group.bad), figure(group.exposed, 9));
        let others = format!(", others {} of {}", exact(group.others_bad), figure(group.others, 9));
        let text = format!("{}, {of} ({})", whose(group), share(group.bad, group.exposed));
        named(model, name, room).put(tone, text).whole(Tone::Quiet, &others).line()
    });
    let nobody = || {
        let is_asked = gate.verdict != "pass" && !gate.blame.is_empty();
        is_asked.then(|| named(model, "blamed", room).put(Tone::Quiet, NOBODY).line())
    };
    let first = lines.next().or_else(nobody);
    [first.into_iter().collect(), lines.collect()]
}

fn unjudged(model: &Model, gate: &GateBody, room: usize) -> Vec<Line<'static>> {
    if gate.exposed <= gate.matured {
        return Vec::new();
    }
    let text = format!("{} of {} exposed", exact(gate.exposed - gate.matured), exact(gate.exposed));
    let bad = match gate.failed_known.saturating_sub(gate.matured_bad) {
        0 => String::new(),
        bad => format!(", {} of them bad already", exact(bad)),
    };
    vec![named(model, "to judge", room).put(Tone::Plain, text + &bad).line()]
}

/// What is missing for a proof. Why it was halted is not said twice: the standing says it.
fn missing(model: &Model, body: &RolloutBody, room: usize) -> Vec<Line<'static>> {
    let gate = &body.gate;
    let (glyph, tone) = say::verdict(&gate.verdict);
    let is_silent = gate.reason.is_empty();
    let is_cause = body.cause.as_ref().is_some_and(|cause| cause.starts_with(&gate.reason));
    let text = match (body.line.is_proven, is_silent, gate.need) {
        (_, false, _) if is_cause => format!("{glyph} {}", gate.verdict),
        (true, true, _) => format!("{glyph} {}: proven", gate.verdict),
        (_, false, Some(need)) if need > gate.matured && gate.verdict == "hold" => format!(
            "{glyph} {}: {} ({} more)",
            gate.verdict,
            gate.reason,
            exact(need - gate.matured)
        ),
        (_, false, _) => format!("{glyph} {}: {}", gate.verdict, gate.reason),
        (false, true, _) => format!("{glyph} {}", gate.verdict),
    };
    let text = say::readable(model, &text);
    wrapped(model.look.palette, tone, &text, NAME, room)
}

fn said(gate: &GateBody) -> Interval {
    let (_, tone) = say::verdict(&gate.verdict);
    let estimate = (gate.matured > 0).then(|| gate.matured_bad as f64 / gate.matured as f64);
    let limits = [gate.p_max.min(gate.p_pass), gate.p_max.max(gate.p_pass)];
    Interval { lower: gate.lower, upper: gate.upper, estimate, limits, tone }
}

fn axis(model: &Model, gate: &GateBody, room: usize) -> Line<'static> {
    let palette = model.look.palette;
    let width = room.saturating_sub(NAME + 1);
    Row::new(palette, room).gap(NAME).spans(interval(palette, &said(gate), width)).line()
}

/// Names of the limits, below their marks.
fn labels(model: &Model, gate: &GateBody, room: usize) -> Line<'static> {
    let width = room.saturating_sub(NAME + 1);
    let said = said(gate);
    let mut row = Row::new(model.look.palette, room).gap(NAME).put(Tone::Quiet, "0");
    for (at, limit) in said.limits.iter().enumerate() {
        let Some(place) = said.limit_at(at, width) else { continue };
        let used = room - row.room();
        let name = format!("┆{}", rate(*limit));
        if NAME + place > used && (at == 0 || said.limits[0] < said.limits[1]) {
            row = row.gap(NAME + place - used).whole(Tone::Hold, &name);
        }
    }
    row.line()
}

/// Evidence over time, with a line of words above.
pub fn evidence_chart(
    model: &Model,
    body: &RolloutBody,
    room: usize,
    height: usize,
) -> Vec<Line<'static>> {
    let palette = model.look.palette;
    let gate = &body.gate;
    let words = Row::new(palette, room)
        .put(Tone::Quiet, "ln e  ")
        .put(Tone::Good, "• pass ")
        .put(Tone::Plain, evidence(gate.ln_e_pass))
        .put(Tone::Quiet, format!(" of {}   ", evidence(gate.pass_at)))
        .put(Tone::Bad, "× abort ")
        .put(Tone::Plain, evidence(gate.ln_e_abort))
        .put(Tone::Quiet, format!(" of {}", evidence(gate.abort_at)));
    let Some(history) = model.data.history.get(&body.line.id).filter(|_| height > 3) else {
        return vec![words.line()];
    };
    let columns = chart_columns(room);
    let pass = history.columns(columns, |point| point.ln_e_pass);
    let abort = history.columns(columns, |point| point.ln_e_abort);
    let series = [
        Series { values: pass, limit: gate.pass_at, glyph: '•', tone: Tone::Good },
        Series { values: abort, limit: gate.abort_at, glyph: '×', tone: Tone::Bad },
    ];
    let mut lines = vec![words.line()];
    lines.extend(chart(palette, &series, room, height - 2));
    lines.push(times(model, history, room));
    lines
}

/// From when to when a chart reaches.
fn times(model: &Model, history: &History, room: usize) -> Line<'static> {
    let points = history.points();
    let (Some((first, _)), Some((last, _))) = (points.first(), points.last()) else {
        return Line::default();
    };
    let zone = model.zone();
    let from =
        format!("since {} ({})", zone.time(first.0), span(history.span_ms() / 1_000 * 1_000));
    let to = format!("{} ", zone.time(last.0));
    Row::new(model.look.palette, room)
        .gap(8)
        .put(Tone::Quiet, from)
        .end(&[(Tone::Quiet, to)])
        .line()
}

/// Permits in flight against what may be, over time, and what holds the next one back.
pub fn in_flight(
    model: &Model,
    body: &RolloutBody,
    room: usize,
    chart: bool,
) -> Vec<Line<'static>> {
    let palette = model.look.palette;
    let pace = &body.pace;
    let (cap, whose) = match (pace.cap, pace.max_in_flight) {
        (Some(evidence), Some(plan)) if plan < evidence => (Some(plan), "plan"),
        (Some(evidence), _) => (Some(evidence), "evidence"),
        (None, Some(plan)) => (Some(plan), "plan"),
        (None, None) => (None, ""),
    };
    let bound = match cap {
        Some(cap) => format!(" / cap {} ({whose})", figure(cap, 9)),
        None => " / no cap: proven".into(),
    };
    let mut row = Row::new(palette, room).cell(Tone::Quiet, "in flight", NAME);
    let text = format!("{}{bound}", figure(pace.in_flight, 9));
    if let Some(history) = model.data.history.get(&body.line.id).filter(|_| chart) {
        let columns = row.room().saturating_sub(text.chars().count() + 2);
        let values = history.columns(columns, |point| point.in_flight);
        let highest = values.iter().flatten().copied().max().unwrap_or(0);
        row = row.put(Tone::Moving, spark(&values, cap.unwrap_or(highest))).gap(1);
    }
    let offers = format!("{} have an offer and count in no gate", exact(pace.offers));
    let mut lines = vec![
        row.put(Tone::Plain, text).line(),
        Row::new(palette, room).cell(Tone::Quiet, "offers", NAME).put(Tone::Plain, offers).line(),
    ];
    if let Some(held) = &pace.held_by {
        let text = format!("next permit held: {held}");
        lines.extend(wrapped(palette, Tone::Hold, &say::readable(model, &text), NAME, room));
    }
    lines
}

/// What a device on the way back would find.
pub fn way_back(model: &Model, body: &RolloutBody, room: usize) -> Line<'static> {
    let row = Row::new(model.look.palette, room).cell(Tone::Quiet, "way back", NAME);
    match &body.way_back {
        None => row.put(Tone::Hold, "none was signed").line(),
        Some(back) => {
            let tone = if back.signed_for < back.devices { Tone::Hold } else { Tone::Plain };
            let text = format!(
                "{}, signed for {} of {}",
                back.version,
                figure(back.signed_for, 9),
                figure(back.devices, 9)
            );
            row.put(tone, text).line()
        }
    }
}
