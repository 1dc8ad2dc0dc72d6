//! Made-up fleets at a fixed time: the same bodies a server sends, through the same messages.
//!
//! Benches and examples share this file. Not here: anything that depends on the hour or a seed.

#[path = "sample/rollouts.rs"]
pub mod rollouts;
#[path = "sample/things.rs"]
pub mod things;

pub use rollouts::{awaiting, bad, good, line, paused};

use rollout_http::body::v1::{
    EventLine, EvidenceBody, FleetBody, LookBody, MeBody, OverviewBody, RolloutBody, RolloutLine,
    VersionLine,
};
use rollout_tui::app::{Command, Message, Model, What, update};
use rollout_tui::keymap::Key;
use rollout_tui::theme::Look;

/// 2027-01-15 14:03:27 UTC.
pub const NOW_MS: u64 = 1_800_021_807_000;
/// The same in seconds.
pub const NOW: u64 = NOW_MS / 1_000;
/// The rollout that is going well.
pub const GOOD: &str = "0192f7a0-0000-7000-8000-000000000001";
/// The one that was halted.
pub const BAD: &str = "0192f7a0-0000-7000-8000-000000000002";
/// The one that is paused.
pub const PAUSED: &str = "0192f7a0-0000-7000-8000-000000000003";
/// The one that waits for people.
pub const AWAITING: &str = "0192f7a0-0000-7000-8000-000000000004";
/// The draft.
pub const DRAFT: &str = "0192f7a0-0000-7000-8000-000000000005";

/// Gives a model a message of the fixed time.
pub fn tell(model: &mut Model, what: What) -> Option<Command> {
    let at_ms = model.now_ms;
    update(model, Message { at_ms, what })
}

/// Presses keys.
pub fn press(model: &mut Model, keys: &[Key]) -> Option<Command> {
    keys.iter().map(|key| tell(model, What::Key(*key))).last().flatten()
}

/// Types a text.
pub fn type_text(model: &mut Model, text: &str) {
    for c in text.chars() {
        tell(model, What::Key(Key::Char(c)));
    }
}

/// A model that has heard nothing.
pub fn silent(width: u16, height: u16) -> Model {
    Model::new(Look::default(), NOW_MS, (width, height))
}

/// A server without devices and rollouts.
pub fn empty(width: u16, height: u16) -> Model {
    let mut model = silent(width, height);
    tell(&mut model, What::Connected);
    tell(&mut model, What::Me(me(&["admin", "operator"])));
    let fleet = FleetBody::default();
    tell(&mut model, What::Overview(Box::new(overview(fleet, Vec::new()))));
    model
}

/// A large fleet and several rollouts, nothing wrong.
pub fn busy(width: u16, height: u16) -> Model {
    let mut model = silent(width, height);
    tell(&mut model, What::Connected);
    tell(&mut model, What::Me(me(&["operator"])));
    for what in busy_news() {
        tell(&mut model, what);
    }
    model
}

/// What the server of [`busy`] says.
pub fn busy_news() -> Vec<What> {
    let lines = vec![
        good().line,
        line(PAUSED, "thermostat-7.2", "thermostat@7.2.0", "paused", (1, 4), "hold"),
        line(AWAITING, "lamp-3.0.0", "lamp@3.0.0", "awaiting_approval", (3, 5), "pass"),
        line(DRAFT, "mop-2.0.0", "mop@2.0.0", "draft", (1, 3), ""),
    ];
    let mut news = vec![What::Overview(Box::new(overview(fleet(1_204_331, 0), lines)))];
    news.extend(looks(&good()));
    news.push(What::Rollout(Box::new(paused())));
    news.push(What::Rollout(Box::new(awaiting())));
    news.extend(events(false).into_iter().map(What::Event));
    news
}

/// The same with a rollout that was halted.
pub fn failing(width: u16, height: u16) -> Model {
    let mut model = silent(width, height);
    tell(&mut model, What::Connected);
    tell(&mut model, What::Me(me(&["operator"])));
    let lines = vec![bad().line, good().line];
    let body = overview(fleet(1_204_331, 31), lines);
    tell(&mut model, What::Overview(Box::new(body)));
    for what in looks(&bad()) {
        tell(&mut model, what);
    }
    tell(&mut model, What::Rollout(Box::new(good())));
    for event in events(true) {
        tell(&mut model, What::Event(event));
    }
    model
}

/// [`busy`] twelve seconds after the server went away.
pub fn disconnected(width: u16, height: u16) -> Model {
    let mut model = busy(width, height);
    let why = "no answer from the control plane".into();
    tell(&mut model, What::Lost { why, retry_at_ms: NOW_MS + 15_000 });
    let what = What::Tick;
    update(&mut model, Message { at_ms: NOW_MS + 12_000, what });
    model
}

/// Fifteen million devices.
pub fn huge(width: u16, height: u16) -> Model {
    let mut model = busy(width, height);
    let mut body = good();
    body.members = 14_999_998;
    body.line.counts.exposed = 9_000_212;
    body.line.counts.confirmed = 8_999_000;
    let lines = (0..40).map(|at| {
        let mut one = body.line.clone();
        if at > 0 {
            one.id = format!("0192f7a0-0000-7000-8000-0000000001{at:02}");
            one.name = format!("vacuum-2.4.{at}-eu");
        }
        one
    });
    let body_overview = overview(fleet(15_000_000, 1_931), lines.collect());
    tell(&mut model, What::Overview(Box::new(body_overview)));
    tell(&mut model, What::Rollout(Box::new(body)));
    for seq in 0..2_500 {
        let event = event(100 + seq, NOW_MS + seq, "reported", "sn-1: confirmed", Some(GOOD), None);
        tell(&mut model, What::Event(event));
    }
    model
}

/// Who asks, with what the server's table allows.
pub fn me(roles: &[&str]) -> MeBody {
    use rollout_tui::app::OrderKind;
    let may = OrderKind::ALL.into_iter();
    let may = may.filter(|kind| kind.roles().iter().any(|role| roles.contains(role)));
    MeBody {
        principal: "ana".into(),
        roles: roles.iter().map(|role| (*role).into()).collect(),
        may: may.map(|kind| kind.operation().into()).collect(),
        expires: NOW + 86_400,
    }
}

/// How everything stands.
pub fn overview(fleet: FleetBody, rollouts: Vec<RolloutLine>) -> OverviewBody {
    OverviewBody {
        name: "eu-prod".into(),
        now_ms: NOW_MS,
        read_to: 88_213,
        lag_ms: 40,
        check_ins_per_sec: if fleet.total > 0 { 812.4 } else { 0.0 },
        fleet,
        rollouts,
    }
}

/// A fleet of so many devices, some of which failed.
pub fn fleet(total: u64, failed: u64) -> FleetBody {
    let confirmed = total * 612 / 1_000;
    let (flight, back, silent) = (212, 29 * u64::from(failed > 0), 4);
    let (boxed, held) = (total / 133, 12);
    let reach = total / 20;
    let idle = total - confirmed - flight - failed - back - silent - boxed - held - reach;
    let parts = [
        ("confirmed", confirmed),
        ("in_flight", flight),
        ("failed", failed),
        ("rolled_back", back),
        ("silent", silent),
        ("idle", idle),
        ("out_of_reach", reach),
        ("never_seen", boxed),
        ("held", held),
        ("retired", 0),
    ];
    let version = |version: &str, per_mille: u64| VersionLine {
        version: version.into(),
        devices: total * per_mille / 1_000,
    };
    FleetBody {
        total,
        reachable: total - reach - boxed,
        parts: parts.into_iter().map(|(name, count)| (name.into(), count)).collect(),
        versions: vec![version("2.4.1", 612), version("2.3.7", 301), version("2.3.2", 78)],
    }
}

/// Many looks at a rollout, the last of them now.
fn looks(body: &RolloutBody) -> Vec<What> {
    let steps = 60;
    let looks = (0..=steps).map(|step| {
        let part = f64::from(step) / f64::from(steps);
        let mut one = body.clone();
        one.gate.ln_e_abort *= part;
        one.gate.ln_e_pass *= part * part;
        let wave = 0.6 + 0.4 * (part * 9.0).sin().abs();
        one.pace.in_flight = (body.pace.in_flight as f64 * part * wave * 9.0) as u64;
        if step == steps {
            one = body.clone();
        }
        What::Rollout(Box::new(one))
    });
    looks.collect()
}

/// What the server has seen of a rollout before the dashboard was opened: a look a minute for an
/// hour, the last of them a minute ago.
pub fn evidence(body: &RolloutBody) -> EvidenceBody {
    let looks = (1..=60).rev().map(|minutes| LookBody {
        at_ms: NOW_MS - minutes * 60_000,
        epoch: 0,
        ln_e_abort: body.gate.ln_e_abort / minutes as f64,
        ln_e_pass: body.gate.ln_e_pass / minutes as f64,
        lower: 0.0,
        upper: 1.0,
        matured: body.gate.matured / minutes,
        matured_bad: body.gate.matured_bad / minutes,
        in_flight: 300 - minutes,
        cap: Some(5_000),
    });
    EvidenceBody { rollout: body.line.id.clone(), looks: looks.collect() }
}

/// [`looks`] come at once in a model of a fixed time; these are minutes apart.
pub fn with_history(model: &mut Model, body: &RolloutBody) {
    model.data.history.clear();
    let start = NOW_MS - 61 * 60_000;
    for (step, what) in looks(body).into_iter().enumerate() {
        if let What::Rollout(one) = what {
            let history = model.data.history.entry(one.line.id.clone()).or_default();
            history.push(&one, start + step as u64 * 60_000);
        }
    }
}

/// An event.
pub fn event(
    seq: u64,
    at_ms: u64,
    kind: &str,
    summary: &str,
    rollout: Option<&str>,
    device: Option<&str>,
) -> EventLine {
    EventLine {
        seq,
        at_ms,
        kind: kind.into(),
        summary: summary.into(),
        rollout: rollout.map(Into::into),
        device: device.map(Into::into),
    }
}

/// What happened lately.
pub fn events(halted: bool) -> Vec<EventLine> {
    let at = |secs: u64| NOW_MS - secs * 1_000;
    let mut events = vec![
        event(1, at(420), "published", "ci published vacuum@2.4.1", None, None),
        event(2, at(300), "seen", "sn-88100 runs 2.3.7", None, Some("sn-88100")),
        event(3, at(240), "stepped", &format!("{GOOD} opened rung 5 of 6"), Some(GOOD), None),
        event(4, at(190), "stepped", &format!("ana: pause {PAUSED}"), Some(PAUSED), None),
        event(
            5,
            at(90),
            "permitted",
            "sn-88213 may switch, in rung 5",
            Some(GOOD),
            Some("sn-88213"),
        ),
        event(6, at(31), "clock", "time has passed", None, None),
        event(
            7,
            at(6),
            "reported",
            "sn-88213: rolled_back (self_test)",
            Some(GOOD),
            Some("sn-88213"),
        ),
    ];
    if halted {
        let said = format!("{BAD} is HALTED");
        events.push(event(8, at(2), "stepped", &said, Some(BAD), None));
    }
    events
}
