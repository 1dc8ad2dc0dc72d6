//! What an order will do, in numbers, before it is given.
//!
//! Deliberately not here: how it is drawn. Everything is read from the newest body of the rollout,
//! so the numbers move while the question is open.
//!
//! Invariant: each number is one the server said; nothing is estimated.

use super::OrderKind;
use super::ask::rung_to_approve;
use crate::words::{count, figure::exact, spaced};
use rollout_http::body::v1::{RolloutBody, RungBody};

/// What an order will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consequence {
    /// The question.
    pub title: String,
    /// Sentences, the most important first.
    pub lines: Vec<String>,
    /// The verb on the button.
    pub verb: &'static str,
}

/// What an order will do to a rollout.
pub fn consequence(kind: OrderKind, body: &RolloutBody) -> Consequence {
    let (verb, _) = kind.words();
    let name = &body.line.name;
    let lines = match kind {
        OrderKind::Start => start(body),
        OrderKind::Pause => pause(body),
        OrderKind::Resume => resume(body),
        OrderKind::Advance => advance(body),
        OrderKind::Approve => approve(body),
        OrderKind::Halt => halt(body),
        OrderKind::Cancel => cancel(body),
        OrderKind::RollBack => roll_back(body),
    };
    let title = match (kind, rung_to_approve(body)) {
        (OrderKind::Approve, Some(rung)) => format!("Approve {} of {name}?", rung.rung),
        (_, _) => format!("{}{} {name}?", verb[..1].to_uppercase(), &verb[1..]),
    };
    Consequence { title, lines, verb }
}

fn devices(number: u64) -> String {
    if number == 1 { "1 device".into() } else { format!("{} devices", exact(number)) }
}

fn more_devices(number: u64) -> String {
    if number == 1 { "1 more device".into() } else { format!("{} more devices", exact(number)) }
}

/// `is` or `are`.
fn be(number: u64) -> &'static str {
    if number == 1 { "is" } else { "are" }
}

fn start(body: &RolloutBody) -> Vec<String> {
    let mut lines = vec![format!(
        "{} goes to {} of {} members, in {}.",
        body.line.target,
        body.ladder.first().map_or("the first", |rung| rung.rung.as_str()),
        exact(body.members),
        count(u64::from(body.line.rungs), "rung"),
    )];
    lines.extend(body.ladder.first().map(|rung| {
        format!("Rung 1 opens now: {} can be reached; {}.", devices(rung.reachable), rung.label)
    }));
    lines.push(format!("Until it is proven, at most {} can be lost.", devices(body.pace.budget)));
    lines
}

fn in_flight(body: &RolloutBody) -> String {
    let number = body.pace.in_flight;
    let (are, they) = if number == 1 {
        ("is", "it finishes or returns")
    } else {
        ("are", "they finish or return")
    };
    format!("{} {are} between permit and confirmation: {they}.", devices(number))
}

fn pause(body: &RolloutBody) -> Vec<String> {
    let offers = body.pace.offers;
    let have = if offers == 1 { "has" } else { "have" };
    vec![
        "No offer and no permit will be given until one person resumes it.".into(),
        in_flight(body),
        format!("{} {have} an offer: downloads go on, nobody switches.", devices(offers)),
        "Deadlines run on; the gates still judge, and can still halt it.".into(),
    ]
}

fn resume(body: &RolloutBody) -> Vec<String> {
    if body.line.phase != "halted" {
        return vec![
            format!("Offers and permits go on at rung {} of {}.", body.line.rung, body.line.rungs),
            cap(body),
        ];
    }
    let bad = body.line.counts.failed + body.line.counts.rolled_back + body.line.counts.silent;
    let why = body.cause.as_deref().unwrap_or("no cause was given");
    let mut lines = vec![
        "It takes two people. Evidence starts anew, at half the risk.".into(),
        format!("It was halted: {why}."),
        format!("{} of {} exposed {} bad.", exact(bad), devices(body.line.counts.exposed), be(bad)),
    ];
    lines.extend(body.line.waiting.as_ref().map(|waiting| format!("It waits for {waiting}.")));
    lines
}

fn cap(body: &RolloutBody) -> String {
    match (body.pace.cap, body.pace.max_in_flight) {
        (Some(cap), _) => format!(
            "The evidence lets {} be at risk; {} {} now.",
            devices(cap),
            exact(body.pace.in_flight),
            be(body.pace.in_flight)
        ),
        (None, Some(cap)) => format!("It is proven; the plan lets {} be in flight.", exact(cap)),
        (None, None) => "It is proven; nothing bounds the devices in flight.".into(),
    }
}

fn next_rung(body: &RolloutBody) -> Option<&RungBody> {
    body.ladder.get(usize::from(body.line.rung))
}

fn advance(body: &RolloutBody) -> Vec<String> {
    let mut lines = Vec::new();
    match next_rung(body) {
        Some(next) => {
            let open = body.ladder.get(usize::from(body.line.rung).saturating_sub(1));
            let more = next.reachable.saturating_sub(open.map_or(0, |rung| rung.reachable));
            lines.push(format!(
                "Rung {} of {} ({}) opens for {}; {}.",
                body.line.rung + 1,
                body.line.rungs,
                next.rung,
                more_devices(more),
                next.label,
            ));
            if next.approved_by.len() < usize::from(next.approvals_needed) {
                let have = next.approved_by.len();
                lines
                    .push(format!("It needs approval first: {have} of {}.", next.approvals_needed));
            }
        }
        None => lines.push("It is in its last rung; this completes it.".into()),
    }
    lines.push("Reach, quiet and bake time of this rung are not waited for.".into());
    lines.push(cap(body));
    lines
}

fn approve(body: &RolloutBody) -> Vec<String> {
    let Some(rung) = rung_to_approve(body) else {
        return vec!["No rung waits for people.".into()];
    };
    let have = rung.approved_by.len();
    let who = if have == 0 { "nobody yet".into() } else { rung.approved_by.join(", ") };
    vec![
        format!("Approved by {who}; you would be {} of {}.", have + 1, rung.approvals_needed),
        format!(
            "The rung opens for {} that can be reached; {}.",
            devices(rung.reachable),
            rung.label
        ),
        format!("Gates: {}.", gates(body)),
    ]
}

fn gates(body: &RolloutBody) -> String {
    let gate = &body.gate;
    let said = if gate.reason.is_empty() { String::new() } else { format!(", {}", gate.reason) };
    let (bad, of) = (exact(gate.matured_bad), exact(gate.matured));
    format!("{}{said}; {bad} of {of} past their horizon {} bad", gate.verdict, be(gate.matured_bad))
}

fn keeps(body: &RolloutBody) -> String {
    let confirmed = body.line.counts.confirmed;
    let keep = if confirmed == 1 { "keeps" } else { "keep" };
    format!("{} {keep} {}.", devices(confirmed), version(body))
}

fn version(body: &RolloutBody) -> &str {
    let target = &body.line.target;
    target.rsplit_once('@').map_or(target.as_str(), |(_, version)| version)
}

fn way_back(body: &RolloutBody) -> String {
    match &body.way_back {
        Some(back) => format!(
            "A way back to {} is signed for {} of {}.",
            back.version,
            exact(back.signed_for),
            exact(back.devices)
        ),
        None => "No way back was signed: nobody can be taken back.".into(),
    }
}

fn halt(body: &RolloutBody) -> Vec<String> {
    let offers = body.pace.offers;
    let revoked = match offers {
        1 => "1 device has an offer: it is revoked.".into(),
        _ => format!("{} have an offer: each is revoked.", devices(offers)),
    };
    let rolls_back = body.plan.pointer("/on_halt/installed").and_then(|value| value.as_str())
        == Some("roll_back");
    let installed = if rolls_back {
        let back = body.way_back.as_ref().map_or(0, |back| back.signed_for);
        format!(
            "The plan takes installed devices back: a rollback of {} starts at once.",
            devices(back)
        )
    } else {
        keeps(body)
    };
    vec![
        "No permit will be given from now on. Only two people together resume it.".into(),
        in_flight(body),
        revoked,
        installed,
        way_back(body),
    ]
}

fn cancel(body: &RolloutBody) -> Vec<String> {
    let left = body.members.saturating_sub(body.line.counts.exposed);
    vec![
        "This is the end of the rollout; nothing resumes it.".into(),
        in_flight(body),
        format!(
            "{} of {} were never let on and stay as they are.",
            devices(left),
            exact(body.members)
        ),
        keeps(body),
        way_back(body),
    ]
}

fn roll_back(body: &RolloutBody) -> Vec<String> {
    let phase = spaced(&body.line.phase);
    let mut lines = Vec::new();
    match &body.way_back {
        Some(back) => {
            lines.push(format!(
                "A draft is made that takes {} back to {}.",
                devices(back.signed_for),
                back.version
            ));
            let without = back.devices.saturating_sub(back.signed_for);
            if without > 0 {
                lines.push(format!("{} have no image to go back to and stay.", devices(without)));
            }
        }
        None => lines.push(way_back(body)),
    }
    lines.push("Nothing moves before the draft is started.".into());
    lines.push(format!("This rollout stays {phase}."));
    lines
}
