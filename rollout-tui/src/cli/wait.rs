//! `rollout wait`: asks until a rollout has come to its goal, or cannot, or the time is over.
//!
//! Deliberately not here: what counts as reached; see [`crate::wait`].
//!
//! Invariant: it ends. The server is asked at a bounded rate, for a bounded time, and a server
//! that goes away is waited for no longer than `AWAY`; one that never was there, not at all.

use super::args::Wait;
use super::error::{Exit, Failure};
use super::output::Answer;
use super::progress::Bar;
use super::{Says, to_json};
use crate::wait::{Standing, judge};
use rollout_http::body::v1::RolloutBody;
use rollout_http::client::{Client, Error};
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Time between two questions.
const PACE: Duration = Duration::from_secs(1);
/// How long a server may be away, such as for a restart.
const AWAY: Duration = Duration::from_secs(60);

/// Waits.
///
/// # Errors
/// [`Failure`] with exit code 1 if the goal is out of reach, 3 if the server is, 124 if the time is
/// over.
pub async fn run(client: &Client, wait: &Wait, says: &mut Says<'_>) -> Result<Answer, Failure> {
    let id = wait.rollout.id.to_string();
    until(|| client.rollout(&id), wait, says).await
}

/// Waits by asking `ask` how the rollout stands.
///
/// # Errors
/// As [`run`].
pub async fn until<Asked>(
    mut ask: impl FnMut() -> Asked,
    wait: &Wait,
    says: &mut Says<'_>,
) -> Result<Answer, Failure>
where
    Asked: Future<Output = Result<RolloutBody, Error>>,
{
    let deadline = Instant::now() + Duration::from_millis(wait.timeout.0);
    let bar = says.bars.devices(0);
    let mut shown = String::new();
    let mut seen = None;
    loop {
        let next = Instant::now() + PACE;
        match ask().await {
            Ok(body) => {
                seen = Some(Instant::now());
                bar.set(body.line.counts.confirmed, body.members);
                match judge(&body, wait.goal) {
                    Standing::Reached(said) => return cleared(&bar, reached(&body, &said)),
                    Standing::Never(said) => return cleared(&bar, Err(never(wait, &said))),
                    Standing::NotYet(said) => show(&mut shown, said, &bar, says),
                }
            }
            Err(error) if is_away(&error) && seen.is_some_and(|at| at.elapsed() < AWAY) => {
                show(&mut shown, format!("the server is away: {error}"), &bar, says);
            }
            Err(error) => {
                let what = format!("cannot wait for rollout `{}`", wait.rollout.id);
                return cleared(&bar, Err(Failure::server(what, &error)));
            }
        }
        if next >= deadline {
            sleep_until(deadline).await;
            return cleared(&bar, Err(over(wait, &shown)));
        }
        sleep_until(next).await;
    }
}

/// Whether asking again may help.
fn is_away(error: &Error) -> bool {
    Failure::server("", error).exit == Exit::Unreachable
}

/// Says how it stands, when that is something new.
fn show(shown: &mut String, said: String, bar: &Bar, says: &mut Says<'_>) {
    if *shown == said {
        return;
    }
    if bar.is_drawn() {
        bar.say(&said);
    } else {
        // Nobody may be reading; the exit code says how it ended.
        let _ = writeln!(says.lines, "{}", crate::words::plain(&said));
    }
    *shown = said;
}

/// The end, with nothing left of the bar.
fn cleared<T>(bar: &Bar, end: T) -> T {
    bar.clear();
    end
}

fn reached(body: &RolloutBody, said: &str) -> Result<Answer, Failure> {
    let json = json!({ "reached": true, "why": said, "rollout": to_json(body)? });
    Ok(Answer::line(said, json))
}

fn never(wait: &Wait, said: &str) -> Failure {
    let what = format!("rollout `{}` will not be {}", wait.rollout.id, wait.goal);
    let hint = "look at `rollout status`; what stopped it is for a person to judge";
    let mut failure = Failure::new("RC-010", what, hint);
    failure.cause.push(said.into());
    failure
}

fn over(wait: &Wait, said: &str) -> Failure {
    let (id, goal, timeout) = (wait.rollout.id, wait.goal, wait.timeout);
    let what = format!("rollout `{id}` is not {goal} after {timeout}");
    let hint = "wait again, or longer with `--timeout`; nothing was changed";
    let mut failure = Failure::new("RC-011", what, hint).ending(Exit::TimedOut);
    failure.cause.push(said.into());
    failure
}
