//! Rollouts in every state an operator meets.

use super::{AWAITING, BAD, GOOD, NOW, PAUSED};
use rollout_http::body::v1::{
    BlamedBody, CountsBody, GateBody, PaceBody, ProofBody, ProvenBody, ReachBody, ReturnBody,
    ReviewBody, RolloutBody, RolloutLine, RungBody,
};
use rollout_tui::words::utc;
use serde_json::json;

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
        "paused" => format!("ana: store launch (review at {})", utc(NOW + 7_200)),
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
        review: (phase == "paused").then(|| review(NOW + 7_200)),
    }
}

/// Ana's pause.
pub fn review(at: u64) -> ReviewBody {
    ReviewBody {
        owner: "ana".into(),
        reason: "store launch".into(),
        at,
        is_overdue: at <= NOW,
        reminders: u32::from(at <= NOW),
        then: "nag".into(),
        ends_at: None,
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
        no_return: 0,
        no_return_agreed: 0,
        no_return_missing: 0,
    }
}

/// A group of devices: its bad ones of all, those of the others, and the evidence against it.
fn blamed(
    attribute: &str,
    value: &str,
    (bad, exposed): (u64, u64),
    (others_bad, others): (u64, u64),
    ln_e_abort: f64,
) -> BlamedBody {
    let (attribute, value) = (attribute.into(), value.into());
    let stands_out = false;
    BlamedBody { attribute, value, bad, exposed, others_bad, others, ln_e_abort, stands_out }
}

fn good_gate() -> GateBody {
    GateBody {
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
        blame: vec![blamed("region", "eu-west", (19, 402_118), (12, 335_175), -31.2)],
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
        open_to: "61.00 %".into(),
        buckets: buckets.into_iter().map(|(name, count)| (name.into(), count)).collect(),
        members: 1_204_331,
        gate: good_gate(),
        pace: PaceBody {
            per_minute: None,
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
        nobody: None,
        at_end: None,
        superseded_by: None,
        generation: 48,
        edited: None,
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
    let blamed_for = "blamed: model m6, 9 of 61 devices, all others 0 of 153";
    body.cause = Some(format!("{why} (at {}); {blamed_for}", utc(NOW - 29)));
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
    body.open_to = "0.60 %".into();
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
        blame: vec![
            blamed("model", "m6", (9, 61), (0, 153), 11.2),
            blamed("version", "1.8.2", (8, 90), (1, 124), 6.9),
            blamed("region", "eu-west", (6, 120), (3, 94), 2.2),
        ],
    };
    body.gate.blame[0].stands_out = true;
    body.gate.blame[1].stands_out = true;
    body.pace = PaceBody {
        per_minute: None,
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
    body.gate.blame.clear();
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
