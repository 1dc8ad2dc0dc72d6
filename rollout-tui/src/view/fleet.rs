//! The whole fleet in one bar, and whether anyone is being hurt.
//!
//! Deliberately not here: single rollouts. Invariant: the numbers below the bar sum to the fleet;
//! what there is no room for is summed as `others`.

use super::{panel, put, width};
use crate::app::Model;
use crate::theme::Tone;
use crate::view::panes::{Pane, shown};
use crate::widget::{Part, Row, sum_bar};
use crate::words::figure::{exact, figure, share};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use rollout_http::body::v1::{FleetBody, RolloutLine};
use unicode_width::UnicodeWidthStr as _;

/// A part of the fleet: its name in the API, its glyph, its meaning, and what is dropped last when
/// there is no room for its words.
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) glyph: char,
    pub(super) tone: Tone,
    pub(super) rank: u8,
}

const fn kind(name: &'static str, glyph: char, tone: Tone, rank: u8) -> Kind {
    Kind { name, glyph, tone, rank }
}

/// Parts of the fleet, in the order of the bar.
const KINDS: [Kind; 10] = [
    kind("confirmed", '█', Tone::Good, 1),
    kind("in_flight", '▓', Tone::Moving, 3),
    kind("failed", '✖', Tone::Bad, 0),
    kind("rolled_back", '◂', Tone::Bad, 2),
    kind("silent", '▒', Tone::Hold, 2),
    kind("idle", '·', Tone::Plain, 4),
    kind("out_of_reach", '░', Tone::Quiet, 5),
    kind("never_seen", '○', Tone::Quiet, 7),
    kind("held", '‖', Tone::Quiet, 6),
    kind("retired", '×', Tone::Quiet, 8),
];

/// The parts of a fleet, in the order of the bar; a name this version does not know comes last.
pub fn parts(fleet: &FleetBody) -> Vec<(String, Part)> {
    let known = KINDS.iter().map(|kind| {
        let count = fleet.parts.get(kind.name).copied().unwrap_or(0);
        (spoken(kind.name), Part { count, glyph: kind.glyph, tone: kind.tone })
    });
    let is_new = |name: &&String| KINDS.iter().all(|kind| kind.name != name.as_str());
    let new =
        fleet.parts.iter().filter(|(name, _)| is_new(name)).map(|(name, count)| {
            (spoken(name), Part { count: *count, glyph: '◆', tone: Tone::Plain })
        });
    let mut parts: Vec<_> = known.chain(new).collect();
    let told: u64 = parts.iter().map(|(_, part)| part.count).sum();
    let count = fleet.total.saturating_sub(told);
    if count > 0 {
        parts.push(("not told".into(), Part { count, glyph: ' ', tone: Tone::Quiet }));
    }
    parts
}

/// A name of the API as a person reads it.
fn spoken(name: &str) -> String {
    name.replace('_', " ")
}

fn rank(name: &str) -> u8 {
    KINDS.iter().find(|kind| spoken(kind.name) == name).map_or(9, |kind| kind.rank)
}

/// Words and numbers of parts, as far as they fit; the others as one number.
pub(super) fn legend(
    row: Row,
    parts: &[(String, Part)],
    total: u64,
    rank: impl Fn(&str) -> u8,
) -> Row {
    let text = |name: &str, part: &Part| {
        let count = figure(part.count, 9);
        let percent = share(part.count, total);
        match part.glyph {
            ' ' => format!("{name} {count}"),
            _ if matches!(part.tone, Tone::Good) => format!(" {name} {count} ({percent})"),
            _ => format!(" {name} {count}"),
        }
    };
    let mut ranked: Vec<(u8, usize)> = parts
        .iter()
        .enumerate()
        .filter(|(_, (_, part))| part.count > 0)
        .map(|(at, (name, _))| (rank(name), at))
        .collect();
    ranked.sort_unstable();
    let wide = |at: usize| 1 + text(&parts[at].0, &parts[at].1).width() + 2;
    let needed: usize = ranked.iter().map(|(_, at)| wide(*at)).sum();
    let others = "others 15,000,000".width();
    let mut room = row.room() + 2;
    if needed > room {
        room = room.saturating_sub(others);
    }
    let mut kept = Vec::new();
    for (_, at) in &ranked {
        if wide(*at) > room {
            break;
        }
        room -= wide(*at);
        kept.push(*at);
    }
    let left = ranked.iter().filter(|(_, at)| !kept.contains(at));
    let left: u64 = left.map(|(_, at)| parts[*at].1.count).sum();
    kept.sort_unstable();
    let row = kept.into_iter().fold(row, |row, at| {
        let (name, part) = &parts[at];
        row.put(part.tone, part.glyph.to_string()).put(Tone::Plain, text(name, part)).gap(2)
    });
    if left == 0 { row } else { row.put(Tone::Quiet, format!("others {}", figure(left, 9))) }
}

/// Whether anyone is being hurt, in a sentence: the first of the three questions. What is old is
/// said to be.
pub(super) fn verdict(model: &Model, room: usize) -> Line<'static> {
    let row = Row::new(model.look.palette, room);
    let row = match model.stale_ms() {
        None => row,
        Some(_) => {
            let at = model.data.overview.as_ref().map_or(0, |overview| overview.now_ms);
            row.put(Tone::Hold, format!("◐ as of {}  ", model.zone().time(at)))
        }
    };
    let over =
        |line: &RolloutLine| matches!(line.phase.as_str(), "completed" | "canceled" | "draft");
    let running: Vec<&RolloutLine> = model.all_lines().iter().filter(|line| !over(line)).collect();
    let halted: Vec<&RolloutLine> =
        running.iter().copied().filter(|line| line.phase == "halted").collect();
    match (halted.first(), running.is_empty()) {
        (Some(first), _) => alarm(model, row, first, &halted),
        (None, true) => row.put(Tone::Quiet, "○ nothing is being rolled out").line(),
        (None, false) => calm(row, &running),
    }
}

fn of_exposed(lines: &[&RolloutLine]) -> String {
    let bad: u64 = lines.iter().map(|line| bad(line)).sum();
    let exposed: u64 = lines.iter().map(|line| line.counts.exposed).sum();
    format!("{} of {} exposed are bad ({})", exact(bad), figure(exposed, 11), share(bad, exposed))
}

fn alarm(model: &Model, row: Row, first: &RolloutLine, halted: &[&RolloutLine]) -> Line<'static> {
    let unseen = halted.iter().any(|line| model.alarms(line));
    let tone = if unseen { Tone::Alarm } else { Tone::Bad };
    let more = match halted.len() {
        1 => String::new(),
        all => format!(" and {} more", all - 1),
    };
    row.put(tone, "✖ HALTED")
        .put(Tone::Bad, format!(" {}{more}", first.name))
        .put(Tone::Plain, format!(" · {}", of_exposed(halted)))
        .whole(Tone::Quiet, " · nobody is let on")
        .line()
}

fn calm(row: Row, running: &[&RolloutLine]) -> Line<'static> {
    let bad: u64 = running.iter().map(|line| bad(line)).sum();
    let verdicts = |name: &str| running.iter().filter(|line| line.verdict == name).count();
    let (glyph, tone, word) = match (verdicts("abort"), bad) {
        (0, 0) => ('●', Tone::Good, "nobody is hurt"),
        (0, _) => ('●', Tone::Good, "within limits"),
        (_, _) => ('✖', Tone::Bad, "a gate aborts"),
    };
    let gates = match verdicts("hold") {
        0 => " · no gate holds".to_string(),
        holds => format!(" · {holds} of {} hold for evidence", running.len()),
    };
    row.put(tone, format!("{glyph} {word}"))
        .put(Tone::Plain, format!(" · {}", of_exposed(running)))
        .whole(Tone::Quiet, &gates)
        .line()
}

/// Exposed devices of a rollout that failed, went back or went silent.
pub(super) fn bad(line: &RolloutLine) -> u64 {
    line.counts.failed + line.counts.rolled_back + line.counts.silent
}

fn versions(model: &Model, fleet: &FleetBody, room: usize) -> Line<'static> {
    let row = Row::new(model.look.palette, room);
    if fleet.total == 0 {
        return row.put(Tone::Quiet, "no device is known yet").line();
    }
    let mut row = row.put(Tone::Quiet, "runs ");
    let (mut told, mut dot) = (0, "");
    for one in &fleet.versions {
        let text = format!("{} {}", one.version, share(one.devices, fleet.total));
        if text.width() + 20 > row.room() {
            break;
        }
        told += one.devices;
        row = row.put(Tone::Quiet, dot).put(Tone::Plain, text);
        dot = " · ";
    }
    let rest = fleet.total.saturating_sub(told);
    if rest == 0 {
        return row.line();
    }
    row.put(Tone::Quiet, format!("{dot}others {}", share(rest, fleet.total))).line()
}

/// How high the panel is in a body.
pub(super) fn panel_height(body: Rect) -> u16 {
    if shown(Pane::Versions, body) { 6 } else { 5 }
}

/// The panel.
pub(super) fn fleet(model: &Model, area: Rect, body: Rect, buffer: &mut Buffer) {
    let Some(overview) = &model.data.overview else { return };
    let fleet = &overview.fleet;
    let aside = format!(
        "{} of {} heard of lately ({})",
        figure(fleet.reachable, 10),
        figure(fleet.total, 10),
        share(fleet.reachable, fleet.total)
    );
    let inside = panel(model.look.palette, area, buffer, "Fleet", &aside);
    let room = width(inside).saturating_sub(2);
    let palette = model.look.palette;
    let parts = parts(fleet);
    let bare: Vec<Part> = parts.iter().map(|(_, part)| *part).collect();
    let row = Row::new(palette, room);
    let mut lines = vec![
        verdict(model, room),
        Row::new(palette, room).spans(sum_bar(palette, &bare, room)).line(),
        legend(row, &parts, fleet.total, rank).line(),
    ];
    if shown(Pane::Versions, body) {
        lines.push(versions(model, fleet, room));
    }
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    put(buffer, inside, lines);
}
