//! The first line: which server, how large, how fresh, what time it is.
//!
//! Deliberately not here: single rollouts; that somebody has forgotten a pause is said, though not
//! whose. Invariant: whether what is shown is old is said at every width.

use super::say;
use crate::app::{Link, Model};
use crate::theme::Tone;
use crate::widget::Row;
use crate::words::figure::{figure, fit, span};
use ratatui::text::Line;

/// The line.
pub fn header(model: &Model, width: usize) -> Line<'static> {
    let name = model.data.overview.as_ref().map_or("", |overview| overview.name.as_str());
    let (tone, link) = link(model);
    let mut facts = Vec::new();
    if let (Link::Lost { why, .. }, None) = (&model.data.link, &model.travel) {
        facts.push((Tone::Plain, fit(why, width.saturating_sub(86))));
    } else if let Some(overview) = &model.data.overview {
        facts.extend(say::overdue(model).map(|text| (Tone::Bad, text)));
        facts.push((Tone::Plain, format!("{} devices", figure(overview.fleet.total, 10))));
        let rate = rate(overview.check_ins_per_sec);
        facts.push((Tone::Plain, format!("{rate} check-ins/s")));
    }
    let clock = format!("{} {}", model.zone().time(model.server_now_ms()), model.zone().name());
    let room = width.saturating_sub(3 + link.chars().count());
    let mut row = Row::new(model.look.palette, width).put(Tone::Title, " rollout ");
    if !name.is_empty() {
        let name_room = room.saturating_sub(9).min(32);
        row = row.put(Tone::Quiet, "▸ ");
        row = row.put(Tone::Title, fit(name, name_room.saturating_sub(2)));
    }
    let left = width - row.room();
    let mut parts = vec![(tone, link.clone())];
    let mut used = left + link.chars().count() + 3;
    let shows_clock = used + clock.chars().count() + 3 <= width;
    if shows_clock {
        used += clock.chars().count() + 3;
    }
    for (tone, fact) in facts {
        if !fact.is_empty() && used + fact.chars().count() + 3 <= width {
            used += fact.chars().count() + 3;
            parts.insert(parts.len() - 1, (tone, fact));
        }
    }
    let mut texts = Vec::new();
    for (place, part) in parts.into_iter().enumerate() {
        if place > 0 {
            texts.push((Tone::Quiet, " · ".into()));
        }
        texts.push(part);
    }
    if shows_clock {
        texts.push((Tone::Plain, format!("   {clock}")));
    }
    texts.push((Tone::Plain, " ".into()));
    row.end(&texts).line()
}

fn rate(per_sec: f64) -> String {
    if per_sec <= 0.0 {
        "0".into()
    } else if per_sec < 10.0 {
        format!("{per_sec:.1}")
    } else {
        figure(per_sec as u64, 7)
    }
}

/// How fresh everything is.
fn link(model: &Model) -> (Tone, String) {
    if let Some(travel) = &model.travel {
        let at = model.zone().time(model.server_now_ms());
        let (glyph, word) = if travel.plays { ('▶', "replaying") } else { ('‖', "stopped at") };
        let (seen, all) = travel.at;
        return (Tone::Hold, format!("{glyph} {word} {at} ×{}  {seen}/{all}", travel.speed));
    }
    match &model.data.link {
        Link::Connecting => (Tone::Hold, "◐ connecting".into()),
        Link::Live => {
            if let Some(old) = model.stale_ms() {
                return (Tone::Bad, format!("✖ no answer for {}", span(old / 1_000 * 1_000)));
            }
            let lag = model.data.overview.as_ref().map_or(0, |overview| overview.lag_ms);
            (Tone::Good, format!("● lag {}", span(lag)))
        }
        Link::Lost { retry_at_ms, since_ms, .. } => {
            let left = retry_at_ms.saturating_sub(model.now_ms).div_ceil(1_000);
            let lost = span(model.now_ms.saturating_sub(*since_ms) / 1_000 * 1_000);
            (Tone::Bad, format!("✖ reconnecting {left} s, lost for {lost}"))
        }
    }
}
