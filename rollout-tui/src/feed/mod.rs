//! Where the dashboard's news comes from: events as they happen, bodies when something changed,
//! answers to what the operator asks.
//!
//! Deliberately not here: what is done with it. Everything leaves through one bounded channel.
//!
//! Invariants: no event is missed and none comes twice, however often the connection breaks, as
//! long as the gap can be read; a body is asked for at most four times a second.

mod backoff;
mod carry;
mod follow;
mod refresh;

pub use backoff::backoff;
pub use carry::selector;

use crate::app::{Command, Message, What};
use rollout_http::client::{Client, Error};
use std::sync::Arc;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;

/// What tells the time, UTC milliseconds.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Most orders and questions that wait.
const WAITING: usize = 64;

/// A channel into the dashboard, and the time that is written onto what goes in.
#[derive(Clone)]
pub struct Sink {
    sender: mpsc::Sender<Message>,
    clock: Clock,
}

/// Nobody listens any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

impl Sink {
    /// A sink.
    pub fn new(sender: mpsc::Sender<Message>, clock: Clock) -> Self {
        Self { sender, clock }
    }

    /// The time.
    pub fn now_ms(&self) -> u64 {
        (self.clock)()
    }

    /// Sends a message; waits while the channel is full.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn send(&self, what: What) -> Result<(), Gone> {
        let message = Message { at_ms: self.now_ms(), what };
        self.sender.send(message).await.map_err(|_| Gone)
    }

    /// Says that something could not be done.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn failed(&self, doing: &str, error: &Error) -> Result<(), Gone> {
        self.send(failure(doing, error)).await
    }
}

/// What is said of an error.
pub fn failure(doing: &str, error: &Error) -> What {
    let lacks = error.status() == Some(404) && doing == "read the overview";
    let (detail, hint) = if lacks {
        let hint = "it is older than this program: upgrade the daemon";
        ("the server has no /v1/overview".to_string(), hint.to_string())
    } else {
        (error.to_string(), error.hint().to_string())
    };
    What::Failed { doing: doing.into(), code: error.code().into(), detail, hint }
}

/// Tasks that talk with a server. Dropping it ends them.
pub struct Feed {
    commands: mpsc::Sender<Command>,
    watched: watch::Sender<Option<String>>,
    _tasks: JoinSet<Result<(), Gone>>,
}

impl Feed {
    /// Starts to talk.
    pub fn start(client: &Client, sink: &Sink) -> Self {
        let (commands, orders) = mpsc::channel(WAITING);
        let (watched, watching) = watch::channel(None);
        let changed = Arc::new(Notify::new());
        let mut tasks = JoinSet::new();
        tasks.spawn(follow::follow(client.clone(), sink.clone(), changed.clone()));
        tasks.spawn(refresh::refresh(client.clone(), sink.clone(), changed.clone(), watching));
        tasks.spawn(carry::carry(client.clone(), sink.clone(), changed, orders));
        Self { commands, watched, _tasks: tasks }
    }

    /// Takes what the dashboard wants. What does not fit into the queue is said to be too much.
    pub fn take(&self, command: Command) -> Option<What> {
        if let Command::Watch(id) = command {
            self.watched.send_replace(id);
            return None;
        }
        self.commands.try_send(command).err().map(|_| What::Failed {
            doing: "ask the server".into(),
            code: "WA-005".into(),
            detail: "many questions are waiting already".into(),
            hint: "look at the connection in the header, then try again".into(),
        })
    }
}
