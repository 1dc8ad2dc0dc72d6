//! Whether a rollout has come to where somebody waits for it, or never will.
//!
//! Deliberately not here: asking the server, and how long; see `cli::wait`.
//!
//! Invariant: a goal is called out of reach only for what no further report can change.

use crate::words;
use rollout_http::body::v1::RolloutBody;
use std::fmt;
use std::str::FromStr;

/// Where a rollout is to come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Its release is proven.
    Proven,
    /// It is completed.
    Completed,
    /// This rung is finished, from 1.
    Batch(u16),
}

impl FromStr for Goal {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            None if text == "proven" => Ok(Self::Proven),
            None if text == "completed" => Ok(Self::Completed),
            Some(("batch", number)) => match number.parse() {
                Ok(rung) if rung > 0 => Ok(Self::Batch(rung)),
                Ok(_) | Err(_) => Err("batches are numbered from 1".into()),
            },
            None | Some(_) => Err("one of proven, completed, batch=N".into()),
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Proven => f.write_str("proven"),
            Self::Completed => f.write_str("completed"),
            Self::Batch(rung) => write!(f, "batch={rung}"),
        }
    }
}

/// How it stands with a goal, in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is reached.
    Reached(String),
    /// It is not, and waiting does not help.
    Never(String),
    /// It is not yet.
    NotYet(String),
}

/// Judges a rollout by what the server said of it.
pub fn judge(body: &RolloutBody, goal: Goal) -> Standing {
    if let Some(said) = reached(body, goal) {
        return Standing::Reached(said);
    }
    if let Some(said) = never(body, goal) {
        return Standing::Never(said);
    }
    let line = &body.line;
    let waits = line.waiting.as_ref().map(|waiting| format!(", waits for {waiting}"));
    let (phase, rung, rungs) = (words::spaced(&line.phase), line.rung, line.rungs);
    Standing::NotYet(format!("{phase}, rung {rung} of {rungs}{}", waits.unwrap_or_default()))
}

fn reached(body: &RolloutBody, goal: Goal) -> Option<String> {
    let is_completed = body.line.phase == "completed";
    match goal {
        Goal::Proven => body.proven.filter(|_| !has_ended_badly(body)).map(|proven| {
            let devices = words::count(proven.matured, "device");
            format!("proven by {devices} past their horizon on {}", words::utc(proven.at))
        }),
        Goal::Completed => is_completed.then(|| {
            let counts = &body.line.counts;
            let devices = words::count(counts.exposed, "device");
            format!("completed, {} of {devices} confirmed", counts.confirmed)
        }),
        Goal::Batch(rung) => {
            let batch = body.ladder.get(usize::from(rung) - 1)?;
            (batch.state == "done" && !has_ended_badly(body)).then(|| {
                let devices = words::count(batch.permitted, "device");
                format!("batch {rung} ({}) is finished, {devices} permitted in it", batch.rung)
            })
        }
    }
}

/// Nothing but people moves it on, if anything does.
fn has_ended_badly(body: &RolloutBody) -> bool {
    ["halted", "canceled"].contains(&body.line.phase.as_str())
}

fn never(body: &RolloutBody, goal: Goal) -> Option<String> {
    if has_ended_badly(body) {
        let cause = body.cause.as_deref().unwrap_or("nobody said why");
        let phase = &body.line.phase;
        let says_so = cause.starts_with(phase.as_str());
        return Some(if says_so { cause.into() } else { format!("{phase}: {cause}") });
    }
    if let Some(other) = &body.superseded_by {
        return Some(format!("rollout {other} takes it back"));
    }
    if let Some(why) = &body.nobody {
        return Some(format!("nobody of its cohort can take it: {why}"));
    }
    match goal {
        Goal::Batch(rung) if rung > body.line.rungs => {
            Some(format!("there is no batch {rung}, the ladder has {}", body.line.rungs))
        }
        Goal::Proven if body.line.phase == "completed" && !body.line.is_proven => {
            Some(format!("completed without a proof: {}", too_small(body)))
        }
        // Where it is failures that stand in the way, the gates have not spoken yet: their
        // sentence, or the end without a proof, is worth waiting for.
        Goal::Proven if !body.proof.is_possible && body.proof.can_have < body.proof.needs => {
            Some(format!("no proof is possible: {}", too_small(body)))
        }
        Goal::Proven | Goal::Completed | Goal::Batch(_) => None,
    }
}

fn too_small(body: &RolloutBody) -> String {
    let needs = words::count(body.proof.needs, "device");
    let bad = match body.gate.failed_known {
        0 => String::new(),
        bad => format!(", {bad} of them bad"),
    };
    let has = body.proof.can_have;
    format!("it needs {needs} if none fails, and this rollout can have {has}{bad}")
}
