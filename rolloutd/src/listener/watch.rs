//! How long a connection has been at what it does.
//!
//! A timer for each request costs more than its answer, so there is none: each connection notes in
//! one cell what it is at and since when, and one sweep a second looks at all of them. Invariant: a
//! connection is judged by what its cell still says, so one that has moved on meanwhile is not cut.
//! Not here: accepting, answering.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;
use std::time::Duration;

/// How long a peer may take for its headers, or for its next request.
//= trust §7: handshake deadline 10 s, header and body deadlines
const HEADERS: Duration = Duration::from_secs(10);
/// How long a request may take whose body is neither image nor table.
const REQUEST: Duration = Duration::from_secs(30);
/// How long an image, a table or an answer may stand still.
const STALL: Duration = Duration::from_secs(300);
/// How long a connection may be asked for more.
//= trust §7: maximum connection age 1 h
const AGE: Duration = Duration::from_secs(3600);
/// How often all connections are looked at; deadlines are this late at most.
pub(super) const SWEEP: Duration = Duration::from_secs(1);

/// What a connection is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// A head is awaited, or comes in.
    Head,
    /// A request is read and answered.
    Answer,
    /// An image is sent or received, or a table of devices is.
    Long,
    /// An answer is sent.
    Send,
}

/// A stage and the second in which it began or last moved, as one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Moment(u64);

impl Moment {
    /// What no connection's moment is.
    const NEVER: Self = Self(u64::MAX);

    const fn new(stage: Stage, since: u64) -> Self {
        let stage = match stage {
            Stage::Head => 0,
            Stage::Answer => 1,
            Stage::Long => 2,
            Stage::Send => 3,
        };
        Self(since << 2 | stage)
    }

    const fn stage(self) -> Stage {
        match self.0 & 3 {
            0 => Stage::Head,
            1 => Stage::Answer,
            2 => Stage::Long,
            _ => Stage::Send,
        }
    }

    /// Whether it has lasted too long. A second that has begun is given.
    const fn is_over(self, now: u64) -> bool {
        let allowed = match self.stage() {
            Stage::Head => HEADERS,
            Stage::Answer => REQUEST,
            Stage::Long | Stage::Send => STALL,
        };
        now.saturating_sub(self.0 >> 2) > allowed.as_secs()
    }
}

/// Seconds since the listener began, as of the last sweep.
#[derive(Clone, Debug, Default)]
pub(super) struct Seconds(Arc<AtomicU64>);

impl Seconds {
    pub(super) fn set(&self, now: Duration) {
        self.0.store(now.as_secs(), Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The cell of one connection. Its task writes what it is at; the sweep writes what is overdue.
pub(super) struct Watch {
    seconds: Seconds,
    born: u64,
    moment: AtomicU64,
    overdue: AtomicU64,
    ending: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl Watch {
    pub(super) fn new(seconds: &Seconds) -> Self {
        let born = seconds.get();
        Self {
            seconds: seconds.clone(),
            born,
            moment: AtomicU64::new(Moment::new(Stage::Head, born).0),
            overdue: AtomicU64::new(Moment::NEVER.0),
            ending: AtomicBool::new(false),
            task: Mutex::new(None),
        }
    }

    fn moment(&self) -> Moment {
        Moment(self.moment.load(Ordering::Relaxed))
    }

    /// Begins a stage.
    pub(super) fn enter(&self, stage: Stage) {
        self.moment.store(Moment::new(stage, self.seconds.get()).0, Ordering::Relaxed);
    }

    /// Bytes have come in. Those of a head or of a document gain no time.
    pub(super) fn has_received(&self) {
        match self.moment().stage() {
            Stage::Long => self.enter(Stage::Long),
            Stage::Head | Stage::Answer | Stage::Send => {}
        }
    }

    /// Bytes have gone out: the peer takes what it is sent.
    pub(super) fn has_sent(&self) {
        match self.moment().stage() {
            Stage::Answer => {}
            stage @ (Stage::Head | Stage::Long | Stage::Send) => self.enter(stage),
        }
    }

    /// Who is to be woken when something is overdue, or all is to end.
    pub(super) fn register(&self, task: Waker) {
        *self.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
    }

    fn wake(&self) {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        task.iter().for_each(Waker::wake_by_ref);
    }

    /// What the sweep said last; to be asked of [`Watch::is_still`] once the connection has had a
    /// chance to do something about it.
    pub(super) fn verdict(&self) -> Verdict {
        Verdict(Moment(self.overdue.load(Ordering::Acquire)))
    }

    /// Whether the connection is still at what took too long.
    pub(super) fn is_still(&self, verdict: Verdict) -> bool {
        self.moment() == verdict.0
    }

    /// Whether the connection shall answer what has arrived and close.
    pub(super) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }

    /// Lets the connection answer what has arrived and close.
    pub(super) fn end(&self) {
        self.ending.store(true, Ordering::Release);
        self.wake();
    }

    /// Looks whether the connection is too slow or too old.
    pub(super) fn judge(&self) {
        let (now, moment) = (self.seconds.get(), self.moment());
        if moment.is_over(now) {
            self.overdue.store(moment.0, Ordering::Release);
            self.wake();
        }
        if now.saturating_sub(self.born) >= AGE.as_secs() && !self.is_ending() {
            self.end();
        }
    }
}

/// A moment that took too long, or never was.
#[derive(Clone, Copy)]
pub(super) struct Verdict(Moment);
