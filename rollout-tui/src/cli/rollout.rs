//! The verbs on rollouts: check, create, steer, look, explain.
//!
//! Deliberately not here: what a plan means and whether a command is allowed; the server decides
//! and its refusal is shown as it is.
//!
//! Invariant: what is shown as JSON is what the server said, nothing recomputed.

use super::args::Verb;
use super::error::Failure;
use super::output::Answer;
use super::plan;
use super::table::Fit;
use super::wait;
use super::ways;
use super::{Says, to_json};
use crate::words;
use rollout_core::id::{DeviceId, RolloutId};
use rollout_core::time::Span;
use rollout_http::body::v1::{
    BlamedBody, CheckBody, EditedBody, ExplanationBody, PauseRequest, ProvenBody, RolloutBody,
    RolloutLine, RolloutList,
};
use rollout_http::client::Client;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// Does what was asked.
///
/// # Errors
/// [`Failure`] of a file or of the server.
pub async fn run(client: &Client, verb: &Verb, says: &mut Says<'_>) -> Result<Answer, Failure> {
    match verb {
        Verb::Check { plan } => check(client, plan).await,
        Verb::Create { plan, id, start } => {
            let text = read_plan(plan)?;
            create(client, plan, &text, *id, Then::of(*start)).await
        }
        Verb::Start(rollout) => steer(client, &rollout.id.to_string(), &Steer::Start).await,
        Verb::Pause { rollout, reason, review } => {
            steer(client, &rollout.id.to_string(), &Steer::Pause { reason, review: *review }).await
        }
        Verb::Resume(rollout) => steer(client, &rollout.id.to_string(), &Steer::Resume).await,
        Verb::Advance(rollout) => steer(client, &rollout.id.to_string(), &Steer::Advance).await,
        Verb::Approve { rollout, rung, no_return } => {
            let steering = match no_return {
                true => Steer::ApproveNoReturn { rung },
                false => Steer::Approve { rung },
            };
            steer(client, &rollout.id.to_string(), &steering).await
        }
        Verb::Halt { rollout, reason } => {
            steer(client, &rollout.id.to_string(), &Steer::Halt { reason }).await
        }
        Verb::Cancel(rollout) => steer(client, &rollout.id.to_string(), &Steer::Cancel).await,
        Verb::Rollback(rollout) => rollback(client, rollout.id).await,
        Verb::Status { id, fail_on_overdue: true } => reviewed(client, *id).await,
        Verb::Status { id: Some(id), .. } => status(client, *id).await,
        Verb::Status { id: None, .. } | Verb::List => list(client).await,
        Verb::Diff { plan, rollout } => plan::diff(client, plan, rollout.id).await,
        Verb::Apply { plan, start } => plan::apply(client, plan, Then::of(*start)).await,
        Verb::Wait(asked) => wait::run(client, asked, says).await,
        Verb::Explain { rollout, device } => explain(client, rollout.id, device).await,
    }
}

/// What an operator asks of a rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Steer<'a> {
    /// Begin.
    Start,
    /// Stop for a while.
    Pause {
        /// Why.
        reason: &'a str,
        /// When it is looked at again, from now.
        review: Span,
    },
    /// Go on.
    Resume,
    /// Open the next rung.
    Advance,
    /// Agree to a rung.
    Approve {
        /// As the plan writes it.
        rung: &'a str,
    },
    /// Agree that a rung takes the way back away.
    ApproveNoReturn {
        /// As the plan writes it.
        rung: &'a str,
    },
    /// Stop for good.
    Halt {
        /// Why.
        reason: &'a str,
    },
    /// End it.
    Cancel,
}

impl Steer<'_> {
    const fn verb(&self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Pause { .. } => "pause",
            Self::Resume => "resume",
            Self::Advance => "advance",
            Self::Approve { .. } | Self::ApproveNoReturn { .. } => "approve",
            Self::Halt { .. } => "halt",
            Self::Cancel => "cancel",
        }
    }

    /// What is said once the server has taken it; some take more than one person.
    fn done(&self, id: &str, body: &RolloutBody) -> String {
        match self {
            Self::Start => format!("started {id}"),
            Self::Pause { .. } => format!("paused {id}"),
            Self::Resume => words::resumed(id, body),
            Self::Advance => format!("advanced {id}"),
            Self::Approve { rung } => words::approved(rung, id, body),
            Self::ApproveNoReturn { rung } => words::let_go(rung, id, body),
            Self::Halt { .. } => format!("halted {id}"),
            Self::Cancel => format!("canceled {id}"),
        }
    }
}

/// Gives a rollout a command, and says how it stands afterwards.
///
/// # Errors
/// [`Failure`] of the server.
async fn steer(client: &Client, id: &str, steer: &Steer<'_>) -> Result<Answer, Failure> {
    let what = || format!("cannot {} rollout `{id}`", steer.verb());
    let asked = match steer {
        Steer::Start => client.start(id).await,
        Steer::Pause { reason, review } => {
            let request = PauseRequest { reason: (*reason).into(), review: review.to_string() };
            client.pause(id, &request).await
        }
        Steer::Resume => client.resume(id).await,
        Steer::Advance => client.advance(id).await,
        Steer::Approve { rung } => client.approve(id, rung).await,
        Steer::ApproveNoReturn { rung } => client.approve_no_return(id, rung).await,
        Steer::Halt { reason } => client.halt(id, reason).await,
        Steer::Cancel => client.cancel(id).await,
    };
    let body = asked.map_err(|error| Failure::server(what(), &error))?;
    let standing = Answer::fields(&[
        ("phase", json!(words::spaced(&body.line.phase))),
        ("cause", json!(body.cause)),
        ("waits_for", json!(body.line.waiting)),
    ]);
    Ok(Answer::line(steer.done(id, &body), to_json(&body)?).with(standing.lines))
}

/// Starts a draft.
///
/// # Errors
/// [`Failure`] of the server.
pub async fn start(client: &Client, id: &str) -> Result<Answer, Failure> {
    steer(client, id, &Steer::Start).await
}

/// Reads a plan's file.
///
/// # Errors
/// [`Failure`] of the file.
pub fn read_plan(file: &Path) -> Result<String, Failure> {
    fs::read_to_string(file).map_err(|error| Failure::reading(file, &error))
}

/// Checks a plan without effect.
///
/// # Errors
/// [`Failure`] of the file or of the server.
async fn check(client: &Client, file: &Path) -> Result<Answer, Failure> {
    let plan = read_plan(file)?;
    let what = || format!("cannot accept plan `{}`", file.display());
    let body = client.check(&plan).await.map_err(|error| Failure::server(what(), &error))?;
    let fields = Answer::fields(&[
        ("members", json!(body.members)),
        ("eligible", json!(body.eligible)),
        ("reachable", json!(body.reachable)),
        ("proof", json!(format!("{} if none fails", words::count(body.proof_devices, "device")))),
        ("takes", json!(format!("at least {}", Span::secs(body.at_least_secs).in_words()))),
    ]);
    let mut answer = fields.with(checked(&body));
    answer.json = to_json(&body)?;
    Ok(answer)
}

fn checked(body: &CheckBody) -> Vec<String> {
    let mut lines = vec!["rungs".into()];
    for (place, rung) in body.rungs.iter().enumerate() {
        lines.push(format!(
            "  {}  {:<16} {} reachable, {}{}",
            place + 1,
            rung.rung,
            rung.reachable,
            rung.label,
            ways::ends(rung)
        ));
    }
    if !body.schedule.is_empty() {
        lines.push("when".into());
    }
    lines.extend(body.schedule.iter().map(|said| format!("  {said}")));
    if !body.excluded.is_empty() {
        lines.push("left out".into());
    }
    lines.extend(body.excluded.iter().map(|out| {
        let devices = words::count(out.devices, "device");
        format!("  {devices}, such as {}: {} ({})", out.example, out.reason, out.code)
    }));
    lines.extend(ways::of_check(body));
    lines.extend(body.warnings.iter().map(|warning| format!("warning: {warning}")));
    lines
}

/// Whether a new rollout is started at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It stays a draft.
    Draft,
    /// It is started.
    Start,
}

impl Then {
    fn of(start: bool) -> Self {
        if start { Self::Start } else { Self::Draft }
    }
}

/// Creates a rollout. Its id is the caller's, or drawn by the server.
///
/// # Errors
/// [`Failure`] of the file or of the server.
pub async fn create(
    client: &Client,
    file: &Path,
    plan: &str,
    id: Option<RolloutId>,
    then: Then,
) -> Result<Answer, Failure> {
    let what = || format!("cannot create a rollout from `{}`", file.display());
    let id = id.map(|id| id.to_string());
    let made = client.create(plan, id.as_deref()).await;
    let body = made.map_err(|error| Failure::server(what(), &error))?;
    match then {
        Then::Start => steer(client, &body.line.id, &Steer::Start).await,
        Then::Draft => {
            let RolloutLine { id, name, target, .. } = &body.line;
            let line = format!("created {id}: a draft of {name}, to install {target}");
            Ok(Answer::line(line, to_json(&body)?))
        }
    }
}

/// Prepares the way back as a draft.
///
/// # Errors
/// [`Failure`] of the server.
async fn rollback(client: &Client, id: RolloutId) -> Result<Answer, Failure> {
    let what = || format!("cannot roll back rollout `{id}`");
    let body = client.rollback(&id.to_string()).await;
    let body = body.map_err(|error| Failure::server(what(), &error))?;
    let devices = words::count(body.devices, "device");
    let mut answer = Answer::fields(&[
        ("draft", json!(body.rollout)),
        ("target", json!(body.target)),
        ("devices", json!(format!("{devices} still running what is taken back"))),
    ]);
    answer
        .lines
        .extend(body.without_way_back.iter().map(|device| format!("no way back: {device}")));
    answer.lines.push(format!("let it go with `rollout start {}`", body.rollout));
    answer.json = to_json(&body)?;
    Ok(answer)
}

/// Shows all rollouts.
///
/// # Errors
/// [`Failure`] of the server.
async fn list(client: &Client) -> Result<Answer, Failure> {
    let all = client.rollouts().await;
    listed(&all.map_err(|error| Failure::server("cannot list rollouts", &error))?)
}

fn listed(all: &RolloutList) -> Result<Answer, Failure> {
    let rows: Vec<_> = all.rollouts.iter().map(line).collect();
    let columns = ["id", "name", "target", "phase", "rung", "confirmed", "bad", "waits_for"];
    let fits = [("name", Fit::Cut), ("waits_for", Fit::Cut)];
    Ok(Answer::table(&columns, &fits, &rows, to_json(all)?))
}

/// The same as `status`, if every pause was reviewed in time.
///
/// # Errors
/// [`Failure`] naming the pauses that were not, or of the server.
async fn reviewed(client: &Client, id: Option<RolloutId>) -> Result<Answer, Failure> {
    let mut late: Vec<String> = Vec::new();
    let answer = match id {
        Some(id) => {
            let what = || format!("cannot show rollout `{id}`");
            let body = client.rollout(&id.to_string()).await;
            let body = body.map_err(|error| Failure::server(what(), &error))?;
            late.extend(overdue(&body.line));
            shown(&body)?
        }
        None => {
            let all = client.rollouts().await;
            let all = all.map_err(|error| Failure::server("cannot list rollouts", &error))?;
            late.extend(all.rollouts.iter().filter_map(overdue));
            listed(&all)?
        }
    };
    if late.is_empty() {
        return Ok(answer);
    }
    let what = match late.len() {
        1 => "a pause is overdue".to_owned(),
        more => format!("{more} pauses are overdue"),
    };
    let hint = "resume it; to go on with it, pause it again with a new review time";
    let mut failure = Failure::new("RC-020", what, hint);
    failure.cause.push(late.join("; "));
    Err(failure)
}

/// Whose pause it is, if its review is late.
fn overdue(line: &RolloutLine) -> Option<String> {
    let review = line.review.as_ref().filter(|review| review.is_overdue)?;
    let (owner, reason) = (&review.owner, &review.reason);
    Some(format!("{} {}: {owner}: {reason}, since {}", line.id, line.name, words::utc(review.at)))
}

/// Where it stands, in words; a pause whose review is late is said to be.
fn phase(line: &RolloutLine) -> String {
    let word = words::spaced(&line.phase);
    if overdue(line).is_some() { format!("{word}, overdue") } else { word }
}

fn line(line: &RolloutLine) -> Value {
    let counts = &line.counts;
    json!({
        "id": line.id, "name": line.name, "target": line.target,
        "phase": phase(line),
        "rung": format!("{}/{}", line.rung, line.rungs),
        "confirmed": format!("{}/{}", counts.confirmed, counts.exposed),
        "bad": counts.failed + counts.rolled_back + counts.silent,
        "waits_for": line.waiting,
    })
}

/// Shows how a rollout stands.
///
/// # Errors
/// [`Failure`] of the server.
async fn status(client: &Client, id: RolloutId) -> Result<Answer, Failure> {
    let what = || format!("cannot show rollout `{id}`");
    let body = client.rollout(&id.to_string()).await;
    shown(&body.map_err(|error| Failure::server(what(), &error))?)
}

fn shown(body: &RolloutBody) -> Result<Answer, Failure> {
    let RolloutLine { name, target, author, rung, rungs, waiting, .. } = &body.line;
    let mut answer = Answer::fields(&[
        ("rollout", json!(name)),
        ("id", json!(body.line.id)),
        ("target", json!(format!("{target}, by {author}"))),
        ("phase", json!(format!("{}, rung {rung} of {rungs}", phase(&body.line)))),
        ("cause", json!(body.cause)),
        ("waits_for", json!(waiting)),
        ("nobody_can_take_it", json!(body.nobody)),
        ("open_to", json!(body.open_to)),
        ("members", json!(words::count(body.members, "device"))),
        ("buckets", buckets(body)),
        ("gate", json!(gate(body))),
        ("blamed", blamed(body)),
        ("proven", json!(body.proven.as_ref().map(proven))),
        ("pace", json!(pace(body))),
        ("reach", json!(format!("{} of {} reachable", body.reach.served, body.reach.reachable))),
        ("superseded_by", json!(body.superseded_by)),
        ("plan", json!(body.edited.as_ref().map(edited))),
    ]);
    answer.lines.push("ladder".into());
    answer.lines.extend(body.ladder.iter().zip(1..).map(|(one, place)| {
        let mark = if place == *rung { '>' } else { ' ' };
        let people = match one.approvals_needed {
            0 => String::new(),
            need => format!(", approved by {} of {need}", one.approved_by.len()),
        };
        let (rung, label, reachable) = (&one.rung, &one.label, one.reachable);
        let people = people + &ways::ends(one);
        format!("{mark} {place}  {rung:<16} {reachable} reachable, {label}{people}")
    }));
    answer.json = to_json(body)?;
    Ok(answer)
}

/// Who changed the plan last, and what that did.
fn edited(edited: &EditedBody) -> String {
    let mut said = format!("changed by {} on {}", edited.by, words::utc(edited.at));
    if edited.is_evidence_new {
        let alpha = words::figure::rate(edited.alpha);
        said.push_str(&format!("; evidence starts anew, alpha now {alpha}"));
    }
    if edited.voided_approvals > 0 {
        let approvals = words::count(u64::from(edited.voided_approvals), "approval");
        said.push_str(&format!("; {approvals} given before it made void"));
    }
    said
}

fn buckets(body: &RolloutBody) -> Value {
    let filled = body.buckets.iter().filter(|(_, devices)| **devices > 0);
    let filled = filled.map(|(bucket, devices)| format!("{} {devices}", words::spaced(bucket)));
    let filled: Vec<_> = filled.collect();
    if filled.is_empty() { Value::Null } else { json!(filled) }
}

fn gate(body: &RolloutBody) -> String {
    let gate = &body.gate;
    let reason = if gate.reason.is_empty() { String::new() } else { format!(": {}", gate.reason) };
    let (bad, of) = (gate.matured_bad, gate.matured);
    format!("{}{reason}; {bad} of {of} matured are bad", gate.verdict)
}

/// The groups of devices that are worse than the others; or that none is.
fn blamed(body: &RolloutBody) -> Value {
    let gate = &body.gate;
    let worse: Vec<_> = gate.blame.iter().filter(|group| group.stands_out).map(group).collect();
    match (gate.failed_known, worse.is_empty()) {
        (0, _) => Value::Null,
        (_, false) => json!(worse),
        (_, true) => json!(words::NOBODY),
    }
}

fn group(group: &BlamedBody) -> String {
    let devices = words::count(group.exposed, "device");
    let share = words::figure::share(group.bad, group.exposed);
    let others = format!("all others {} of {}", group.others_bad, group.others);
    format!("{}: {} of {devices} ({share}), {others}", words::whose(group), group.bad)
}

fn proven(proven: &ProvenBody) -> String {
    format!("by {} on {}", words::count(proven.matured, "device"), words::utc(proven.at))
}

fn pace(body: &RolloutBody) -> String {
    let pace = &body.pace;
    let cap = pace.cap.map_or("no bound, it is proven".into(), |cap| format!("at most {cap}"));
    let rate = pace.per_minute.map(|rate| format!("; {rate} a minute")).unwrap_or_default();
    let held = pace.held_by.as_ref().map(|by| format!("; held by {by}")).unwrap_or_default();
    format!("{} in flight ({cap}), {} offered{rate}{held}", pace.in_flight, pace.offers)
}

/// Explains a device in a rollout.
///
/// # Errors
/// [`Failure`] of the server.
async fn explain(client: &Client, id: RolloutId, device: &DeviceId) -> Result<Answer, Failure> {
    let what = || format!("cannot explain device `{device}` in rollout `{id}`");
    let body = client.explain(&id.to_string(), device.as_str()).await;
    let body: ExplanationBody = body.map_err(|error| Failure::server(what(), &error))?;
    let execution = body.execution.as_ref();
    let mut answer = Answer::fields(&[
        ("device", json!(body.device)),
        ("bucket", json!(words::spaced(&body.bucket))),
        ("verdict", json!(body.verdict)),
        ("code", json!(body.code)),
        ("not_before", json!(body.not_before.map(words::utc))),
        ("position", json!(format!("{} of 10000, open to {}", body.position_bp, body.open_to))),
        ("attempt", json!(execution.map(|one| one.attempt))),
        ("execution", json!(execution.map(|one| &one.status))),
        ("outcome", json!(execution.and_then(|one| one.outcome.as_ref()))),
        ("failure", json!(execution.and_then(|one| one.failure.as_ref()))),
        ("way", json!(body.way.as_ref().map(ways::line))),
        ("way_back", json!(body.no_return.as_ref().map(|why| format!("ends here: {why}")))),
    ]);
    answer.json = to_json(&body)?;
    Ok(answer)
}
