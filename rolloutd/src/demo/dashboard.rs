//! The dashboard over the demo, where there is a terminal to show it in.
//!
//! Deliberately not here: the dashboard itself; it is `rollout watch`, asking over HTTP like
//! anybody. Invariant: while it is on the screen nobody else writes there, and the demo goes on
//! without it.

use super::Options;
use super::stage::Stage;
use rollout_tui::watch::{self, WatchError};
use std::io::IsTerminal as _;
use tokio::sync::watch as flag;
use tokio::task::JoinHandle;

/// The dashboard, or nothing where there is no terminal.
pub struct Dashboard {
    stop: flag::Sender<bool>,
    say: flag::Sender<String>,
    task: Option<JoinHandle<Result<(), WatchError>>>,
    is_open: flag::Receiver<bool>,
}

/// Opens it, if somebody can see it and did not ask for lines.
pub fn open(stage: &Stage, options: &Options) -> Dashboard {
    let (stop, mut stopped) = flag::channel(false);
    let has_terminal = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    let wanted = has_terminal && !options.json && !options.lines;
    let (opened, is_open) = flag::channel(wanted);
    let (say, said) = flag::channel(String::new());
    let task = wanted.then(|| {
        let client = stage.client.clone();
        let record = options.record.clone();
        let options = watch::Options { record, said: Some(said), ..Default::default() };
        tokio::spawn(async move {
            let over = async move {
                // A demo that is gone is over.
                let _ = stopped.wait_for(|stop| *stop).await;
            };
            let ended = watch::run(client, options, over).await;
            opened.send_replace(false);
            ended
        })
    });
    Dashboard { stop, say, task, is_open }
}

impl Dashboard {
    /// Whether it has the screen for itself.
    pub fn is_open(&self) -> flag::Receiver<bool> {
        self.is_open.clone()
    }

    /// Says that nothing more will happen, and waits until the operator has seen enough.
    pub async fn linger(&mut self) {
        self.say.send_replace("the demo is over: look around, q leaves".into());
        // One that has died is closed.
        let _ = self.is_open.wait_for(|is_open| !*is_open).await;
    }

    /// Gives the screen back.
    ///
    /// # Errors
    /// What the dashboard died of.
    pub async fn close(self) -> anyhow::Result<()> {
        self.stop.send_replace(true);
        match self.task {
            Some(task) => Ok(task.await??),
            None => Ok(()),
        }
    }
}
