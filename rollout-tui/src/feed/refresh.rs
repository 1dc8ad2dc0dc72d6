//! How everything stands, asked again when something happened, and every few seconds anyway.
//!
//! How the evidence of the watched rollout went is asked when it is opened, and after a gap in
//! which nobody looked. Deliberately not here: what is shown. Invariants: at most four rounds a
//! second; a failure is said once, not with every round.

use super::{Gone, Sink, failure};
use crate::app::What;
use rollout_http::client::{Client, Error};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

/// Shortest time between two rounds.
const SHORTEST: Duration = Duration::from_millis(250);
/// Longest.
const LONGEST: Duration = Duration::from_secs(5);
/// Rounds between two questions of who asks: roles change seldom.
const ME: u32 = 60;
/// Longest time between two rounds that is no gap, milliseconds: this machine may have slept.
const GAP_MS: u64 = 15_000;

struct Refresh {
    client: Client,
    sink: Sink,
    watched: watch::Receiver<Option<String>>,
    said: Option<What>,
    /// The rollout whose course is known up to now.
    known: Option<String>,
    /// When the last round began, UTC milliseconds.
    round_ms: u64,
}

/// Asks until nobody listens.
pub async fn refresh(
    client: Client,
    sink: Sink,
    changed: Arc<Notify>,
    watched: watch::Receiver<Option<String>>,
) -> Result<(), Gone> {
    let mut refresh = Refresh { client, sink, watched, said: None, known: None, round_ms: 0 };
    for round in 0_u32.. {
        let began = Instant::now();
        if round % ME == 0 {
            let me = refresh.client.me().await;
            refresh.tell("ask who this is", me.map(What::Me)).await?;
        }
        refresh.round().await?;
        let Refresh { watched, .. } = &mut refresh;
        tokio::select! {
            () = changed.notified() => {}
            Ok(()) = watched.changed() => continue,
            () = tokio::time::sleep(LONGEST) => {}
        }
        // A choice of the operator need not wait, as events do.
        tokio::select! {
            () = tokio::time::sleep_until(began + SHORTEST) => {}
            Ok(()) = refresh.watched.changed() => {}
        }
    }
    Ok(())
}

impl Refresh {
    async fn round(&mut self) -> Result<(), Gone> {
        let watched = self.watched.borrow_and_update().clone();
        let now_ms = self.sink.now_ms();
        if now_ms.saturating_sub(self.round_ms) > GAP_MS {
            self.known = None;
        }
        self.round_ms = now_ms;
        let overview = self.client.overview().await;
        let overview = overview.map(|body| What::Overview(Box::new(body)));
        self.tell("read the overview", overview).await?;
        if let Some(id) = watched {
            let rollout = self.client.rollout(&id).await;
            let is_there = rollout.is_ok();
            let rollout = rollout.map(|body| What::Rollout(Box::new(body)));
            self.tell("read the rollout", rollout).await?;
            if is_there { self.course(id).await? } else { self.known = None }
        }
        Ok(())
    }

    /// How the evidence went until now, unless this is known.
    async fn course(&mut self, id: String) -> Result<(), Gone> {
        if self.known.as_ref() == Some(&id) {
            return Ok(());
        }
        let course = self.client.evidence(&id).await;
        let is_older = course.as_ref().is_err_and(|error| error.status() == Some(404));
        if course.is_ok() || is_older {
            self.known = Some(id);
        }
        if is_older {
            // A server from before there was such a course: the charts begin now.
            return Ok(());
        }
        self.tell("read the evidence", course.map(|body| What::Evidence(Box::new(body)))).await
    }

    /// An answer, or why there is none. That nobody answers the header says already.
    async fn tell(&mut self, doing: &str, answer: Result<What, Error>) -> Result<(), Gone> {
        match answer {
            Ok(what) => {
                if self.said.as_ref().is_some_and(|said| is_about(said, doing)) {
                    self.said = None;
                }
                self.sink.send(what).await
            }
            Err(Error::Unreachable { .. }) => Ok(()),
            Err(error) => {
                let what = failure(doing, &error);
                if self.said.as_ref() == Some(&what) {
                    return Ok(());
                }
                self.said = Some(what.clone());
                self.sink.send(what).await
            }
        }
    }
}

fn is_about(what: &What, about: &str) -> bool {
    matches!(what, What::Failed { doing, .. } if doing == about)
}
