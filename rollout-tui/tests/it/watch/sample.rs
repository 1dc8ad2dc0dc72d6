//! Made-up fleets at a fixed time: the same bodies a server sends, through the same messages.
//!
//! Benches and examples share this file. Not here: anything that depends on the hour or a seed.

use rollout_http::body::v1::{
    ArtifactBody, CensusBody, CountsBody, DeviceBody, DevicePage, EventLine, ExecutionBody,
    ExplanationBody, FleetBody, GateBody, MeBody, OverviewBody, PaceBody, ProofBody, ProvenBody,
    ReachBody, ReleaseBody, Releases, ReturnBody, RolloutBody, RolloutLine, RungBody, VersionLine,
    WayBackBody,
};
use rollout_tui::app::{Command, DeviceNews, DevicesNews, Fetch, Message, Model, What, update};
use rollout_tui::keymap::Key;
use rollout_tui::theme::Look;
use serde_json::json;
use std::collections::BTreeMap;

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
        ("in flight", flight),
        ("failed", failed),
        ("rolled back", back),
        ("silent", silent),
        ("idle", idle),
        ("out of reach", reach),
        ("never seen", boxed),
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

/// A rollout's line.
pub fn line(
    id: &str,
    name: &str,
    target: &str,
    phase: &str,
    (rung, rungs): (u16, u16),
    verdict: &str,
) -> RolloutLine {
    let counts = match phase {
        "draft" => CountsBody::default(),
        _ => CountsBody { exposed: 1_000, confirmed: 990, ..CountsBody::default() },
    };
    let waiting = match phase {
        "paused" => format!("ana: store launch (review at {} s)", NOW + 7_200),
        "awaiting_approval" => "approval of rung 3: 1 of 2".into(),
        "draft" => "to be started".into(),
        _ => "horizons: 12 of 212 passed".into(),
    };
    RolloutLine {
        id: id.into(),
        name: name.into(),
        target: target.into(),
        author: "ben".into(),
        phase: phase.into(),
        rung,
        rungs,
        waiting: Some(waiting),
        verdict: verdict.into(),
        is_proven: false,
        counts,
    }
}

fn rung(name: &str, reachable: u64, state: &str, permitted: u64, label: &str) -> RungBody {
    RungBody {
        rung: name.into(),
        reachable,
        label: label.into(),
        approved_by: Vec::new(),
        approvals_needed: 0,
        state: state.into(),
        permitted,
        confirmed: permitted,
        bad: 0,
    }
}

/// A rollout that goes well.
pub fn good() -> RolloutBody {
    let mut line = line(GOOD, "vacuum-2.4.1-eu", "vacuum@2.4.1", "deploying", (5, 6), "pass");
    line.is_proven = true;
    line.counts =
        CountsBody { exposed: 737_293, confirmed: 737_050, failed: 0, rolled_back: 27, silent: 4 };
    line.waiting = Some("horizons: 670,992 of 671,204 passed".into());
    let mut last = rung("100%", 1_204_331, "to come", 0, "can prove");
    last.approvals_needed = 2;
    let mut open = rung("61%", 740_012, "open", 677_015, "can prove");
    open.confirmed = 676_803;
    let ladder = vec![
        rung("cohort:dogfood", 40, "done", 40, "no proof (needs 281, has 40)"),
        rung("20", 60, "done", 20, "no proof (needs 281, has 60)"),
        rung("1%", 12_103, "done", 12_043, "can prove"),
        rung("5%", 60_278, "done", 48_175, "can prove"),
        open,
        last,
    ];
    let buckets = [
        ("confirmed", 737_050),
        ("unconfirmed", 212),
        ("rolled_back", 27),
        ("silent", 4),
        ("offered", 1_203),
        ("downloading", 690),
        ("waiting_for_permit", 47),
        ("not_admitted", 451_000),
        ("excluded", 14_098),
    ];
    RolloutBody {
        line,
        cause: None,
        ladder,
        open_to: "6100 of 10000".into(),
        buckets: buckets.into_iter().map(|(name, count)| (name.into(), count)).collect(),
        members: 1_204_331,
        gate: GateBody {
            verdict: "pass".into(),
            reason: String::new(),
            ln_e_abort: -3.1,
            abort_at: 4.605,
            ln_e_pass: 11.8,
            pass_at: 4.605,
            lower: 0.00002,
            upper: 0.00008,
            p_max: 0.01,
            p_pass: 0.02,
            need: Some(281),
            matured: 670_992,
            matured_bad: 31,
            exposed: 737_293,
            failed_known: 31,
            epoch: 0,
        },
        pace: PaceBody {
            in_flight: 212,
            cap: None,
            free: Some(4_788),
            held_by: None,
            offers: 1_940,
            max_in_flight: Some(5_000),
            budget: 20,
        },
        reach: ReachBody { reachable: 740_012, served: 737_293 },
        way_back: Some(ReturnBody {
            version: "2.3.7".into(),
            devices: 737_050,
            signed_for: 737_050,
        }),
        proof: ProofBody { needs: 281, can_have: 1_190_233, is_possible: true },
        proven: Some(ProvenBody { matured: 281, at: NOW - 4_900 }),
        at_end: None,
        superseded_by: None,
        generation: 48,
        plan: json!({ "on_halt": { "pending": "revoke", "installed": "keep" } }),
    }
}

/// A rollout that was halted by evidence.
pub fn bad() -> RolloutBody {
    let mut body = good();
    body.line = line(BAD, "mop-1.9.0-beta", "mop@1.9.0", "halted", (2, 4), "abort");
    body.line.counts =
        CountsBody { exposed: 214, confirmed: 198, failed: 1, rolled_back: 7, silent: 1 };
    body.line.waiting = Some("two people to resume it: 0 of 2".into());
    let why = "failure rate is above its limit: evidence 6.0, 4.6 is enough";
    body.cause = Some(format!("{why} (at {} s)", NOW - 29));
    let mut open = rung("200", 240, "open", 174, "no proof (needs 281, has 240)");
    (open.confirmed, open.bad) = (158, 9);
    body.ladder = vec![
        rung("cohort:beta", 40, "done", 40, "no proof (needs 281, has 40)"),
        open,
        rung("25%", 9_012, "to come", 0, "can prove"),
        rung("100%", 36_048, "to come", 0, "can prove"),
    ];
    let buckets = [
        ("confirmed", 198),
        ("unconfirmed", 7),
        ("failed", 1),
        ("rolled_back", 7),
        ("silent", 1),
        ("not_admitted", 35_834),
    ];
    body.buckets = buckets.into_iter().map(|(name, count)| (name.into(), count)).collect();
    body.members = 36_048;
    body.open_to = "60 of 10000".into();
    body.gate = GateBody {
        verdict: "abort".into(),
        reason: why.into(),
        ln_e_abort: 6.0,
        abort_at: 4.605,
        ln_e_pass: -2.4,
        pass_at: 4.605,
        lower: 0.018,
        upper: 0.084,
        p_max: 0.01,
        p_pass: 0.02,
        need: Some(812),
        matured: 198,
        matured_bad: 9,
        exposed: 214,
        failed_known: 9,
        epoch: 0,
    };
    body.pace = PaceBody {
        in_flight: 7,
        cap: Some(20),
        free: Some(0),
        held_by: Some("the rollout is halted".into()),
        offers: 12,
        max_in_flight: None,
        budget: 20,
    };
    body.reach = ReachBody { reachable: 240, served: 214 };
    body.way_back = Some(ReturnBody { version: "1.8.4".into(), devices: 205, signed_for: 199 });
    body.proven = None;
    body
}

/// A rollout that is paused before it can prove anything.
pub fn paused() -> RolloutBody {
    let mut body = bad();
    body.line = line(PAUSED, "thermostat-7.2", "thermostat@7.2.0", "paused", (1, 4), "hold");
    body.cause = Some("ana: store launch".into());
    body.gate.verdict = "hold".into();
    body.gate.reason = "a proof needs 281 devices past their horizon".into();
    (body.gate.ln_e_abort, body.gate.ln_e_pass) = (-0.9, 1.2);
    (body.gate.lower, body.gate.upper, body.gate.need) = (0.0, 0.09, Some(281));
    (body.gate.matured_bad, body.gate.failed_known) = (0, 0);
    body.ladder[1].bad = 0;
    body
}

/// A rollout that waits for people.
pub fn awaiting() -> RolloutBody {
    let mut body = good();
    body.line = line(AWAITING, "lamp-3.0.0", "lamp@3.0.0", "awaiting_approval", (3, 5), "pass");
    body.ladder.truncate(5);
    body.ladder[2].state = "to come".into();
    body.ladder[2].approvals_needed = 2;
    body.ladder[2].approved_by = vec!["eva".into()];
    body.ladder[2].permitted = 0;
    body.ladder[2].confirmed = 0;
    for rung in &mut body.ladder[3..] {
        rung.state = "to come".into();
        (rung.permitted, rung.confirmed) = (0, 0);
    }
    body
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
    let moved = |id: &str| format!("{id} moved on");
    let mut events = vec![
        event(1, at(420), "published", "ci published vacuum@2.4.1", None, None),
        event(2, at(300), "seen", "sn-88100 runs 2.3.7", None, Some("sn-88100")),
        event(3, at(240), "stepped", &moved(GOOD), Some(GOOD), None),
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
        let said = format!("{BAD} is HALTED: failure rate is above its limit");
        events.push(event(8, at(2), "stepped", &said, Some(BAD), None));
    }
    events
}

/// A device.
pub fn device(id: &str) -> DeviceBody {
    let attributes = [("region", "eu-west"), ("rev", "C"), ("battery", "81")];
    DeviceBody {
        id: id.into(),
        hardware: "v980".into(),
        home: "eu-west".into(),
        standing: "active".into(),
        last_seen: NOW - 372,
        reachable: true,
        version: Some("2.3.7".into()),
        image: Some("a688c71dcc6792aa3882ea2ae6c236fdae4bf9590122858350d02bdcb3d5fac8".into()),
        counter: Some(41),
        confirmed: Some(true),
        open: None,
        attributes: attributes.into_iter().map(|(k, v)| (k.into(), v.into())).collect(),
        registered: BTreeMap::new(),
        standing_reason: None,
        notes: Vec::new(),
        executions: Vec::new(),
    }
}

/// A page of devices.
pub fn devices() -> What {
    let devices = (0..40).map(|at| {
        let mut one = device(&format!("sn-{:05}", 88_200 + at));
        match at % 7 {
            1 => (one.reachable, one.last_seen) = (false, NOW - 1_900_000),
            2 => (one.version, one.last_seen) = (None, 0),
            3 => one.standing = "held".into(),
            4 => (one.open, one.confirmed) = (Some(GOOD.into()), Some(false)),
            _ => one.version = Some("2.4.1".into()),
        }
        one
    });
    let asked = Fetch::Devices { query: String::new(), sort: String::new(), after: None };
    let page =
        DevicePage { devices: devices.collect(), next: Some("sn-88239".into()), total: 1_204_331 };
    What::Devices(Box::new(DevicesNews { asked, page }))
}

/// A device that came back.
pub fn device_news(id: &str) -> What {
    let explanation = ExplanationBody {
        device: id.into(),
        rollout: GOOD.into(),
        bucket: "rolled_back".into(),
        verdict: "the device fled from this image before".into(),
        code: Some("EX-007".into()),
        eligible: false,
        position_bp: 3_117,
        open_to: "6100 of 10000".into(),
        execution: Some(ExecutionBody {
            attempt: 1,
            status: "FAILED".into(),
            image: "00".into(),
            permitted_at: Some(NOW - 900),
            batch: Some(5),
            outcome: Some("bad".into()),
            failure: Some("reported: SelfTest".into()),
        }),
    };
    let at = |secs: u64| NOW_MS - secs * 1_000;
    let events = vec![
        event(12, at(990_000), "enrolled", &format!("{id} enrolled as v980"), None, Some(id)),
        event(40, at(1_800), "offered", &format!("{id} may download (1)"), Some(GOOD), Some(id)),
        event(
            50,
            at(900),
            "permitted",
            &format!("{id} may switch, in rung 5"),
            Some(GOOD),
            Some(id),
        ),
        event(
            60,
            at(372),
            "reported",
            &format!("{id}: rolled_back (self_test)"),
            Some(GOOD),
            Some(id),
        ),
    ];
    let device = device(id);
    What::Device(Box::new(DeviceNews { device, explanation: Some(explanation), events }))
}

/// Models by version.
pub fn census() -> What {
    let columns = ["2.4.1", "2.3.7", "2.3.2", "2.2.0", "2.1.9", "2.0.0", "1.9.0", "others"];
    let rows = ["v980", "v970", "v960", "m6", "others"];
    let cells: Vec<Vec<u64>> = (0..rows.len() as u64)
        .map(|row| {
            (0..columns.len() as u64)
                .map(|col| 600_000 / ((row + 1) * (col * col * 9 + 1)) % 700_000)
                .collect()
        })
        .collect();
    let total = cells.iter().flatten().sum();
    let names = |names: &[&str]| names.iter().map(|name| (*name).into()).collect();
    What::Census(CensusBody {
        row: "model".into(),
        column: "version".into(),
        rows: names(&rows),
        columns: names(&columns),
        cells,
        total,
    })
}

/// Some releases.
pub fn releases() -> What {
    let artifact = |hardware: &str| ArtifactBody {
        hardware: vec![hardware.into()],
        component: 0,
        image: "a688c71dcc6792aa3882ea2ae6c236fdae4bf9590122858350d02bdcb3d5fac8".into(),
        image_bytes: 1_310_720,
        counter: 41,
        min_from: 0,
        secure_version: 1,
        expires: NOW + 15_000_000,
        manifest: String::new(),
    };
    let release = |id: &str, state: &str, back: Option<&str>| ReleaseBody {
        release: id.into(),
        counter: 41,
        state: state.into(),
        withdrawn: (state == "withdrawn").then(|| "ana: the brush runs backwards".into()),
        from: Some(">=2.0.0".into()),
        by: "ci".into(),
        at: NOW - 90_000,
        artifacts: vec![artifact("v980"), artifact("v970")],
        way_back: back.map(|version| WayBackBody {
            version: version.into(),
            counter: 42,
            artifacts: vec![artifact("v980")],
        }),
        promotions: Vec::new(),
    };
    What::Releases(Releases {
        releases: vec![
            release("mop@1.9.0", "published", Some("1.8.4")),
            release("vacuum@2.3.7", "published", None),
            release("vacuum@2.4.0", "withdrawn", Some("2.3.7")),
            release("vacuum@2.4.1", "published", Some("2.3.7")),
        ],
    })
}
