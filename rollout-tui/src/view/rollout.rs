//! One rollout in full: standing, ladder, gate, charts, devices, events.
//!
//! Deliberately not here: the list of rollouts. Invariant: the buckets sum to the members.

use super::panes::{Pane, shown};
use super::{events, fleet, gate, height, ladder, panel, put, say, width};
use crate::app::Model;
use crate::theme::Tone;
use crate::widget::{Part, Row, sum_bar};
use crate::words::figure::figure;
use crate::words::spaced;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use rollout_http::body::v1::RolloutBody;

/// Buckets in the order of a device's way, with glyph, meaning, and what is dropped last.
const BUCKETS: [(&str, char, Tone, u8); 16] = [
    ("confirmed", '█', Tone::Good, 1),
    ("unconfirmed", '▓', Tone::Moving, 2),
    ("failed", '✖', Tone::Bad, 0),
    ("rolled_back", '◂', Tone::Bad, 1),
    ("regressed", '▼', Tone::Bad, 1),
    ("silent", '▒', Tone::Hold, 1),
    ("waiting_for_permit", '▅', Tone::Moving, 3),
    ("downloading", '▃', Tone::Moving, 3),
    ("offered", '▁', Tone::Moving, 3),
    ("refused", '⊘', Tone::Hold, 4),
    ("deferred", '◐', Tone::Hold, 4),
    ("revoked", '×', Tone::Quiet, 5),
    ("not_admitted", '·', Tone::Quiet, 4),
    ("left", '○', Tone::Quiet, 6),
    ("excluded", '░', Tone::Quiet, 5),
    ("superseded", '▪', Tone::Quiet, 6),
];

fn rank(name: &str) -> u8 {
    BUCKETS.iter().find(|(one, ..)| spaced(one) == name).map_or(9, |(.., rank)| *rank)
}

/// Members by bucket.
fn buckets(body: &RolloutBody) -> Vec<(String, Part)> {
    let known = BUCKETS.iter().map(|(name, glyph, tone, _)| {
        let count = body.buckets.get(*name).copied().unwrap_or(0);
        (spaced(name), Part { count, glyph: *glyph, tone: *tone })
    });
    let is_new = |name: &&String| BUCKETS.iter().all(|(one, ..)| one != name);
    let new = body.buckets.iter().filter(|(name, _)| is_new(name));
    let new = new
        .map(|(name, count)| (spaced(name), Part { count: *count, glyph: '◆', tone: Tone::Plain }));
    known.chain(new).collect()
}

/// The screen.
pub fn rollout(model: &Model, area: Rect, buffer: &mut Buffer) {
    let palette = model.look.palette;
    let (Some(line), Some(body)) = (model.chosen_line(), model.chosen()) else {
        let inside = panel(palette, area, buffer, "Rollout", "");
        let text = " ◐ asking for its details …";
        put(buffer, inside, vec![say::quiet(palette, text, width(inside))]);
        return;
    };
    let [standing, members] = [
        ladder::standing(model, body, inside_width(area)),
        devices(model, body, inside_width(area)),
    ];
    let high = (standing.len() as u16 + 2).min(area.height);
    let top = Rect { height: high, ..area };
    let aside = format!("{} by {} · {}", line.target, line.author, line.id);
    let inside = narrow(panel(palette, top, buffer, &line.name, &aside));
    put(buffer, inside, standing);
    let rest = Rect { y: area.y + high, height: area.height - high, ..area };
    let members_high =
        if rest.height >= 16 { (members.len() as u16 + 2).min(rest.height) } else { 0 };
    let events_high = if shown(Pane::Events, area) { (rest.height / 4).clamp(4, 12) } else { 0 };
    let middle_high = rest.height.saturating_sub(members_high + events_high);
    let middle = Rect { height: middle_high, ..rest };
    let below = Rect { y: rest.y + middle_high, height: members_high, ..rest };
    let last = Rect {
        y: below.y + members_high,
        height: rest.height - middle_high - members_high,
        ..rest
    };
    middle_part(model, body, middle, area, buffer);
    if members_high > 2 {
        let aside = format!("{} members, open to {}", figure(body.members, 10), body.open_to);
        let inside = narrow(panel(palette, below, buffer, "Devices", &aside));
        put(buffer, inside, members);
    }
    if last.height > 2 {
        events::of_rollout(model, &line.id, last, buffer);
    }
}

fn inside_width(area: Rect) -> usize {
    width(area).saturating_sub(4)
}

fn narrow(area: Rect) -> Rect {
    Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area }
}

fn middle_part(model: &Model, body: &RolloutBody, area: Rect, screen: Rect, buffer: &mut Buffer) {
    let palette = model.look.palette;
    let reach = format!(
        "{} of {} reachable served",
        figure(body.reach.served, 9),
        figure(body.reach.reachable, 9)
    );
    let verdict = format!("{}, epoch {}", body.gate.verdict, body.gate.epoch);
    if !shown(Pane::Beside, screen) {
        let rungs = (body.ladder.len() as u16 + 2).min(area.height / 2).max(3).min(area.height);
        let top = Rect { height: rungs, ..area };
        let inside = narrow(panel(palette, top, buffer, "Ladder", &reach));
        put(buffer, inside, ladder::ladder(model, body, width(inside), height(inside)));
        let low = Rect { y: area.y + rungs, height: area.height - rungs, ..area };
        let inside = narrow(panel(palette, low, buffer, "Gate", &verdict));
        let high = height(inside);
        let mut lines = gate::gate(model, body, width(inside), high.saturating_sub(2).max(4));
        lines.extend(gate::in_flight(model, body, width(inside), false));
        lines.push(gate::way_back(model, body, width(inside)));
        put(buffer, inside, lines);
        return;
    }
    let half = area.width / 2;
    let left = Rect { width: half, ..area };
    let right = Rect { x: area.x + half, width: area.width - half, ..area };
    let inside = narrow(panel(palette, left, buffer, "Ladder", &reach));
    let room = width(inside);
    let mut lines = ladder::ladder(model, body, room, height(inside));
    lines.push(Line::default());
    lines.extend(gate::in_flight(model, body, room, true));
    lines.push(gate::way_back(model, body, room));
    put(buffer, inside, lines);
    let inside = narrow(panel(palette, right, buffer, "Gate", &verdict));
    let room = width(inside);
    let mut lines = gate::gate(model, body, room, height(inside));
    let left = height(inside).saturating_sub(lines.len());
    if left > 6 {
        lines.push(Row::new(palette, room).put(Tone::Border, "─".repeat(room)).line());
        lines.extend(gate::evidence_chart(model, body, room, left - 1));
    }
    put(buffer, inside, lines);
}

/// Members by bucket: a bar, and its words.
pub fn devices(model: &Model, body: &RolloutBody, room: usize) -> Vec<Line<'static>> {
    let palette = model.look.palette;
    let parts = buckets(body);
    let bare: Vec<Part> = parts.iter().map(|(_, part)| *part).collect();
    let bar = Row::new(palette, room).spans(sum_bar(palette, &bare, room)).line();
    let words = fleet::legend(Row::new(palette, room), &parts, body.members, rank).line();
    vec![bar, words]
}
