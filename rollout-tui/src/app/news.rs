//! What the server said, into the model.
//!
//! Deliberately not here: keys. Invariant: what is kept is bounded, and the chosen rollout exists
//! as long as the overview names it.

use super::update::say;
use super::{Command, DevicesNews, Model, Notice, NoticeKind, Screen, What};
use crate::words::spaced;
use rollout_http::body::v1::{OverviewBody, RolloutBody, RolloutLine};

/// Most rollouts whose details are kept.
const ROLLOUTS: usize = 32;

/// Takes note of what the server said.
pub fn take(model: &mut Model, what: What) -> Option<Command> {
    match what {
        What::Me(me) => model.data.me = Some(me),
        What::Overview(body) => return overview(model, *body),
        What::Rollout(body) => rollout(model, *body),
        What::Evidence(body) => {
            if let Some(history) = model.data.history.get_mut(&body.rollout) {
                history.fill(&body.looks);
            }
        }
        What::Event(event) => model.data.events.push(event),
        What::Skipped { from, to } => model.data.events.skip(from, to),
        What::Devices(news) => devices(model, *news),
        What::Device(news) => {
            if model.seat.device.as_ref().is_none_or(|id| *id == news.device.id) {
                model.data.device = Some(*news);
            }
        }
        What::Census(census) => model.data.census = Some(census),
        What::Releases(releases) => model.data.releases = Some(releases),
        What::Done { said } => say(model, NoticeKind::Done, said, ""),
        What::Failed { doing, code, detail, hint } => failed(model, &doing, &code, &detail, &hint),
        What::Tick
        | What::Key(_)
        | What::Paste(_)
        | What::Mouse(_)
        | What::Resize { .. }
        | What::Focus(_)
        | What::Zone { .. }
        | What::Connected
        | What::Lost { .. } => {}
    }
    None
}

/// The cursor stays on its device when the same question is answered again.
fn devices(model: &mut Model, news: DevicesNews) {
    let before = model.data.devices.as_ref().filter(|before| before.asked == news.asked);
    let id = before.and_then(|before| before.page.devices.get(model.seat.line)).map(|one| &one.id);
    let at = id.and_then(|id| news.page.devices.iter().position(|one| one.id == *id));
    if let (Some(at), Screen::Devices) = (at, model.seat.screen()) {
        model.seat.line = at;
    }
    model.data.devices = Some(news);
}

fn failed(model: &mut Model, doing: &str, code: &str, detail: &str, hint: &str) {
    let text = format!("cannot {doing}: {detail} ({code})");
    if doing == "read the overview" && model.data.overview.is_none() {
        let kind = NoticeKind::Refused;
        model.data.trouble = Some(Notice { kind, text, hint: hint.into() });
    } else {
        model.data.refused = Some(text.clone());
        say(model, NoticeKind::Refused, text, hint);
    }
}

/// The newest word on everything. Choosing the first rollout is left to nobody.
fn overview(model: &mut Model, body: OverviewBody) -> Option<Command> {
    let known = |id: &String| body.rollouts.iter().any(|line| line.id == *id);
    let chosen = model.seat.chosen.clone().filter(known);
    let fallback = || body.rollouts.first().map(|line| line.id.clone());
    let chosen = chosen.or_else(|| worst(&body)).or_else(fallback);
    let changed = chosen != model.seat.chosen;
    model.data.rollouts.retain(|id, _| known(id));
    model.data.history.retain(|id, _| known(id));
    let halted =
        |id: &String| body.rollouts.iter().any(|line| line.id == *id && line.phase == "halted");
    // Taking note of a halt is for that halt, not for the next one.
    model.seat.noted.retain(halted);
    if let Some(before) = &model.data.overview {
        for line in &body.rollouts {
            let old = before.rollouts.iter().find(|old| old.id == line.id);
            if let Some(said) = old.and_then(|old| step(old, line)) {
                model.data.events.explain_step(&line.id, &said);
            }
        }
    }
    model.data.overview = Some(body);
    model.data.overview_at_ms = model.now_ms;
    model.data.trouble = None;
    model.seat.chosen.clone_from(&chosen);
    changed.then_some(Command::Watch(chosen))
}

/// What a rollout did between two looks, if an operator would call it news.
fn step(old: &RolloutLine, new: &RolloutLine) -> Option<String> {
    match new.phase.as_str() {
        "halted" if old.phase != "halted" => Some("is HALTED".into()),
        "completed" | "awaiting_approval" if old.phase != new.phase => {
            Some(format!("is {}", spaced(&new.phase)))
        }
        _ if new.rung > old.rung => Some(format!("opened rung {} of {}", new.rung, new.rungs)),
        _ if new.is_proven && !old.is_proven => Some("is proven".into()),
        _ => None,
    }
}

/// What an operator should look at first: a halt, then whatever is moving.
fn worst(body: &OverviewBody) -> Option<String> {
    let rank = |phase: &str| match phase {
        "halted" => 0,
        "deploying" | "soaking" => 1,
        "awaiting_approval" | "paused" => 2,
        _ => 3,
    };
    body.rollouts.iter().min_by_key(|line| rank(&line.phase)).map(|line| line.id.clone())
}

fn rollout(model: &mut Model, body: RolloutBody) {
    let id = body.line.id.clone();
    if !model.data.rollouts.contains_key(&id) && model.data.rollouts.len() >= ROLLOUTS {
        let other = model.data.rollouts.keys().find(|key| Some(*key) != model.seat.chosen.as_ref());
        if let Some(other) = other.cloned() {
            model.data.rollouts.remove(&other);
            model.data.history.remove(&other);
        }
    }
    let at_ms = model.server_now_ms();
    model.data.history.entry(id.clone()).or_default().push(&body, at_ms);
    model.data.rollouts.insert(id, body);
}
