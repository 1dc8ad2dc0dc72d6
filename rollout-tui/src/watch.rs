//! `rollout watch`: the loop between terminal, server and session.
//!
//! [`run`] shows a server until the operator leaves or `stop` ends; [`replay`] shows a recording.
//! Deliberately not here: everything else.
//!
//! Invariants: nothing is drawn unless something changed, and at most thirty times a second; while
//! nothing on the screen moves by itself, nothing wakes.

use crate::app::{Command, Message, Session, What};
use crate::feed::{Clock, Feed, Sink};
use crate::record::{Head, RecordError, Recorder, read};
use crate::terminal::{self, Screen};
use crate::theme::Look;
use crate::view::view;
use rollout_http::client::Client;
use std::fs::File;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

/// Messages that wait to be taken note of.
const WAITING: usize = 1_024;
/// Most messages between two looks at the screen.
const AT_ONCE: usize = 512;
/// Shortest time between two drawings.
const FRAME: Duration = Duration::from_millis(33);
/// Longest time a recording stays in this process.
const FLUSH: Duration = Duration::from_secs(2);

/// How to show a server.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Colors and characters.
    pub look: Look,
    /// A rollout to open at once.
    pub rollout: Option<String>,
    /// Where to record what is seen; the file must not be there yet.
    pub record: Option<PathBuf>,
    /// What whoever opened it has to say, when there is something.
    pub said: Option<watch::Receiver<String>>,
}

/// Why there is no dashboard any more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WatchError {
    /// The terminal.
    #[error("the terminal cannot be used")]
    Terminal(#[source] io::Error),
    /// The recording that is played.
    #[error("cannot play `{path}`")]
    Replay {
        /// Its file.
        path: String,
        /// Why.
        source: RecordError,
    },
    /// The recording that is made.
    #[error("cannot record to `{path}`")]
    Record {
        /// Its file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// There is no terminal.
    #[error("the dashboard needs a terminal, and this is none")]
    NoTerminal,
}

impl WatchError {
    /// Stable code; see `docs/errors`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoTerminal => "WA-001",
            Self::Terminal(_) => "WA-002",
            Self::Replay { .. } => "WA-003",
            Self::Record { .. } => "WA-004",
        }
    }

    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::NoTerminal => {
                "in a pipe or in CI, use `rollout status`, `rollout events` or --json"
            }
            Self::Terminal(_) => "is TERM set, and is this a terminal?",
            Self::Replay { .. } => "name a file that `rollout watch --record FILE` has written",
            Self::Record { .. } => "name a new file in a folder you may write to",
        }
    }
}

/// Shows a server until the operator leaves or `stop` ends.
///
/// # Errors
/// [`WatchError`]; the terminal is as it was before.
pub async fn run(
    client: Client,
    options: Options,
    stop: impl Future<Output = ()>,
) -> Result<(), WatchError> {
    let screen = Screen::open().map_err(WatchError::Terminal)?;
    let size = screen.size().map_err(WatchError::Terminal)?;
    let now_ms = terminal::now_ms();
    let zone = terminal::zone_offset_secs(now_ms);
    let rollout = options.rollout;
    let head = Head { rollout: rollout.clone(), ..Head::new(now_ms, size, zone) };
    let recorder = match &options.record {
        None => None,
        Some(path) => {
            let wrong = |source| WatchError::Record { path: path.display().to_string(), source };
            Some((Recorder::create(path, &head).map_err(wrong)?, path.display().to_string()))
        }
    };
    let (sender, inbox) = mpsc::channel(WAITING);
    let clock: Clock = Arc::new(terminal::now_ms);
    let sink = Sink::new(sender, clock);
    let feed = Feed::start(&client, &sink);
    if rollout.is_some() {
        feed.take(Command::Watch(rollout));
    }
    if let Some(said) = options.said {
        tokio::spawn(pass_on(said, sink.clone()));
    }
    let session = Session::live(head.model(options.look, size));
    let desk = Desk { session, screen, feed: Some(feed), recorder, drawn: None, changed: true };
    desk.run(sink, inbox, stop).await
}

/// Shows what is said, until nobody says or sees it.
async fn pass_on(mut said: watch::Receiver<String>, sink: Sink) {
    while said.changed().await.is_ok() {
        let text = said.borrow_and_update().clone();
        if sink.send(What::Done { said: text }).await.is_err() {
            return;
        }
    }
}

/// Shows a recording until the operator leaves or `stop` ends.
///
/// # Errors
/// [`WatchError`]; the terminal is as it was before.
pub async fn replay(
    path: &std::path::Path,
    look: Look,
    stop: impl Future<Output = ()>,
) -> Result<(), WatchError> {
    let wrong = |source| WatchError::Replay { path: path.display().to_string(), source };
    let (head, messages) = read(path).map_err(wrong)?;
    let screen = Screen::open().map_err(WatchError::Terminal)?;
    let size = screen.size().map_err(WatchError::Terminal)?;
    let session = Session::replay(head.model(look, size), messages);
    let (sender, inbox) = mpsc::channel(WAITING);
    let sink = Sink::new(sender, Arc::new(terminal::now_ms));
    let desk = Desk { session, screen, feed: None, recorder: None, drawn: None, changed: true };
    desk.run(sink, inbox, stop).await
}

/// Everything that is at hand.
struct Desk {
    session: Session,
    screen: Screen,
    feed: Option<Feed>,
    recorder: Option<(Recorder<File>, String)>,
    /// When it was drawn last.
    drawn: Option<Instant>,
    /// Whether something changed since.
    changed: bool,
}

/// Whether it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Stay,
    Leave,
}

impl Desk {
    async fn run(
        mut self,
        sink: Sink,
        mut inbox: mpsc::Receiver<Message>,
        stop: impl Future<Output = ()>,
    ) -> Result<(), WatchError> {
        let mut stop = pin!(stop);
        let keys = tokio::spawn(terminal::input(sink.clone()));
        let mut slept = Instant::now();
        let mut flushed = Instant::now();
        let ended = loop {
            if let Err(error) = self.draw_if_due() {
                break Err(error);
            }
            let moves = self.moves(slept);
            let still = moves.is_none();
            tokio::select! {
                () = &mut stop => break Ok(()),
                message = inbox.recv() => {
                    let Some(message) = message else { break Ok(()) };
                    match self.take(message, &mut inbox) {
                        Ok(Then::Stay) => {}
                        Ok(Then::Leave) => break Ok(()),
                        Err(error) => break Err(error),
                    }
                    // Time that nothing moved in is not made up for.
                    if still || self.session.model().travel.is_none() {
                        slept = Instant::now();
                    }
                }
                () = at(self.draws()) => {}
                () = at(moves) => {
                    if let Err(error) = self.pass(slept.elapsed(), sink.now_ms()) {
                        break Err(error);
                    }
                    slept = Instant::now();
                }
            }
            if flushed.elapsed() >= FLUSH {
                flushed = Instant::now();
                if let Err(error) = self.flush() {
                    break Err(error);
                }
            }
        };
        keys.abort();
        ended.and_then(|()| self.draw_if_changed()).and_then(|()| self.flush())
    }

    /// When something on the screen moves by itself.
    fn moves(&self, slept: Instant) -> Option<Instant> {
        self.session.wake_ms().map(|ms| slept + Duration::from_millis(ms.max(1)))
    }

    /// When what has changed may be drawn.
    fn draws(&self) -> Option<Instant> {
        self.changed.then(|| self.drawn.map(|drawn| drawn + FRAME)).flatten()
    }

    fn draw_if_due(&mut self) -> Result<(), WatchError> {
        let due = self.drawn.is_none_or(|drawn| drawn.elapsed() >= FRAME);
        if due { self.draw_if_changed() } else { Ok(()) }
    }

    /// The last screen, too, shows all that is in a recording.
    fn draw_if_changed(&mut self) -> Result<(), WatchError> {
        if self.changed {
            let model = self.session.model();
            self.screen.draw(|frame| view(model, frame)).map_err(WatchError::Terminal)?;
            self.drawn = Some(Instant::now());
            self.changed = false;
        }
        Ok(())
    }

    /// Takes note of a message and of those that wait behind it.
    fn take(
        &mut self,
        message: Message,
        inbox: &mut mpsc::Receiver<Message>,
    ) -> Result<Then, WatchError> {
        let mut next = Some(message);
        for _ in 0..AT_ONCE {
            let Some(message) = next else { break };
            if self.handle(message)? == Then::Leave {
                return Ok(Then::Leave);
            }
            next = inbox.try_recv().ok();
        }
        if let Some(message) = next {
            return self.handle(message);
        }
        Ok(Then::Stay)
    }

    fn handle(&mut self, message: Message) -> Result<Then, WatchError> {
        // A key is answered at once, whatever was drawn just before.
        if matches!(message.what, What::Key(_) | What::Mouse(_) | What::Resize { .. }) {
            self.drawn = None;
        }
        self.changed = true;
        if self.session.keeps(&message)
            && let Some((recorder, path)) = &mut self.recorder
        {
            let wrong = |source| WatchError::Record { path: path.clone(), source };
            recorder.push(&message).map_err(wrong)?;
        }
        let at_ms = message.at_ms;
        match self.session.handle(message) {
            None => {}
            Some(Command::Quit) => return Ok(Then::Leave),
            Some(command) => {
                let refused = self.feed.as_ref().and_then(|feed| feed.take(command));
                if let Some(what) = refused {
                    self.session.handle(Message { at_ms, what });
                }
            }
        }
        Ok(Then::Stay)
    }

    /// Time has passed.
    fn pass(&mut self, passed: Duration, now_ms: u64) -> Result<(), WatchError> {
        if self.session.wake_ms().is_none() {
            return Ok(());
        }
        if self.session.model().travel.is_some() {
            self.session.play(u64::try_from(passed.as_millis()).unwrap_or(u64::MAX));
            self.changed = true;
            return Ok(());
        }
        self.handle(Message { at_ms: now_ms, what: What::Tick }).map(|_| ())
    }

    fn flush(&mut self) -> Result<(), WatchError> {
        let Some((recorder, path)) = &mut self.recorder else { return Ok(()) };
        recorder.flush().map_err(|source| WatchError::Record { path: path.clone(), source })
    }
}

async fn at(wake: Option<Instant>) {
    match wake {
        Some(wake) => sleep_until(wake).await,
        None => std::future::pending().await,
    }
}
