//! No acknowledgement leaves before its sync returned: the engine over the real store, blocked in
//! the midst of its commits.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use firmware_agent::host::image::Behavior;
use rollout_core::id::DeviceId;
use rollout_core::journal::{Entry, Seq, Stored};
use rollout_core::port::Store as _;
use rollout_core::rollout::{Command, Silence};
use rollout_core::time::{Span, Timestamp};
use rollout_http::device_router;
use rollout_store::{Fault, FaultPlan, Faulty, FileImages, Point, Probe, SqliteStore};
use rollout_tests::stage::{self, Built, MODEL, Stage};
use rollout_tests::world::DAWN;
use rolloutd::clock::SetClock;
use rolloutd::engine::{Engine, Settings};
use serde_json::{Value, json};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tower::ServiceExt as _;

/// Turns that other tasks get before an answer counts as held back.
const TURNS: usize = 2_000;

/// Stops the writer at a point until it is let go.
struct Gate {
    at: Mutex<Option<Point>>,
    reached: UnboundedSender<Point>,
    go: Mutex<Receiver<()>>,
}

/// The store's side of it.
struct Door(Arc<Gate>);

impl Probe for Door {
    fn at(&self, point: Point) {
        let mut armed = self.0.at.lock().unwrap_or_else(PoisonError::into_inner);
        if *armed != Some(point) {
            return;
        }
        *armed = None;
        drop(armed);
        // Whoever armed it waits at the other ends, or the test is over.
        let _ = self.0.reached.send(point);
        let _ = self.0.go.lock().unwrap_or_else(PoisonError::into_inner).recv();
    }
}

/// A daemon with one device that is half way through an update.
pub struct Desk {
    pub engine: Engine<Faulty<SqliteStore>, FileImages>,
    pub clock: Arc<SetClock>,
    router: Router,
    pub factory: Built,
    pub built: Built,
    token: String,
    gate: Arc<Gate>,
    reached: UnboundedReceiver<Point>,
    go: Sender<()>,
    _folder: tempfile::TempDir,
}

type Answered = (u16, Value);

impl Desk {
    pub async fn set() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (reached, stops) = unbounded_channel();
        let (go, going) = channel();
        let gate = Arc::new(Gate { at: Mutex::new(None), reached, go: Mutex::new(going) });
        let path = folder.path().join("store.sqlite");
        let store = SqliteStore::open_with(path, Door(Arc::clone(&gate))).expect("a store");
        let store = Faulty::new(store, FaultPlan::off());
        let images = FileImages::open(folder.path().join("images")).expect("images");
        let hours = Span::hours(1_000);
        let absent_after = Settings::absent_after(hours);
        let settings = Settings { tick: hours, beat: hours, absent_after, ..Settings::default() };
        let clock = Arc::new(SetClock::at(Timestamp(DAWN)));
        let engine = Engine::start(store, images, clock.clone(), settings, [7; 32]).await;
        let engine = engine.expect("starts");
        let stage = Stage::new(5, Timestamp(DAWN));
        let (factory, built) =
            (stage.build(0, Behavior::default()), stage.build(1, Behavior::default()));
        stage.publish(&engine, &[&factory, &built]).await;
        let leave = stage::open_enrollment(&engine, 2).await;
        let silence =
            Silence { intervals: 3, at_least: Span::hours(1), confirm_window: Span::secs(60) };
        stage::draft(&engine, stage::plan(&built, &["100%"], silence)).await;
        let router = device_router(engine.clone());
        let enroll = json!({"v": 1, "device": "dev-1", "hardware": MODEL});
        let (_, answer) = ask(router.clone(), "enroll", leave, enroll).await;
        let token = answer["token"].as_str().expect("a token").to_owned();
        let (reached, _folder) = (stops, folder);
        let desk =
            Self { engine, clock, router, factory, built, token, gate, reached, go, _folder };
        desk.ask("check-in", desk.check_in(&desk.factory)).await;
        stage::command(&desk.engine, "ops", Command::Start).await.expect("a draft starts");
        desk.engine.tick().await.expect("a tick");
        desk
    }

    pub fn check_in(&self, running: &Built) -> Value {
        json!({
            "v": 1, "device": "dev-1", "incarnation": 1, "nonce": "00".repeat(16),
            "root_version": 1, "hardware": MODEL, "secure_version": 0, "slot_bytes": 65536,
            "spare": null, "attributes": {"site": "a"},
            "running": {
                "digest": running.digest.to_string(), "version": running.version.to_string(),
                "epoch": 1, "counter": running.counter.0, "state": "valid",
            },
        })
    }

    pub fn report(&self, sequence: u64, event: &str) -> Value {
        let rollout = stage::rollout().to_string();
        json!({"v": 1, "device": "dev-1", "incarnation": 1, "reports": [{
            "sequence": sequence, "rollout": rollout, "attempt": 1, "event": event,
            "reason": null, "running": null, "detail": null,
        }]})
    }

    pub fn begin(&self) -> Value {
        let (rollout, digest) = (stage::rollout().to_string(), self.built.digest.to_string());
        json!({"v": 1, "device": "dev-1", "rollout": rollout, "attempt": 1, "digest": digest})
    }

    pub async fn ask(&self, what: &'static str, body: Value) -> Answered {
        ask(self.router.clone(), what, self.token.clone(), body).await
    }

    /// Asks while the writer is stopped at `point`: no answer may come, and the model may not
    /// know. Returns the answer that comes once the writer goes on.
    async fn held_back(&mut self, point: Point, what: &'static str, body: Value) -> Answered {
        let before = self.journal().await.len();
        let known = self.engine.read(|fleet| fleet.read_to);
        *self.gate.at.lock().unwrap_or_else(PoisonError::into_inner) = Some(point);
        let asked: JoinHandle<Answered> =
            tokio::spawn(ask(self.router.clone(), what, self.token.clone(), body));
        assert_eq!(self.reached.recv().await, Some(point));
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
        }
        assert!(!asked.is_finished(), "{what} was answered while its commit stood at {point:?}");
        assert_eq!(self.engine.read(|fleet| fleet.read_to), known, "the model ran ahead");
        let durable = self.journal().await.len() > before;
        assert_eq!(durable, !point.is_inside_commit(), "{what} at {point:?}");
        self.go.send(()).expect("the writer waits");
        let answer = asked.await.expect("an answer");
        assert!(self.journal().await.len() > before, "{what} is in the journal");
        answer
    }

    /// The next write is done, and its answer is an error.
    fn lose_a_reply(&self) {
        let faults = vec![Fault::LostReply];
        self.engine.store().set_plan(FaultPlan { seed: 1, one_in: 1, budget: 1, faults });
    }

    pub async fn journal(&self) -> Vec<Stored> {
        self.engine.store().read(Seq(0), usize::MAX).await.expect("a journal")
    }

    async fn permits(&self) -> usize {
        let journal = self.journal().await;
        journal.iter().filter(|s| matches!(s.entry, Entry::Permitted { .. })).count()
    }
}

async fn ask(router: Router, what: &'static str, token: String, body: Value) -> Answered {
    let request = Request::builder()
        .method("POST")
        .uri(format!("/device/v1/{what}"))
        .header("authorization", format!("Bearer {token}"))
        .body(Body::from(body.to_string()))
        .expect("a request");
    let response = router.oneshot(request).await.expect("infallible");
    let status = response.status().as_u16();
    let bytes = to_bytes(response.into_body(), 1 << 20).await.expect("a body");
    (status, serde_json::from_slice(&bytes).expect("JSON"))
}

#[tokio::test]
async fn no_ack_leaves_before_its_sync_returned() {
    const APPENDS: [Point; 3] = [Point::AppendBegin, Point::AppendInserted, Point::AppendCommitted];
    const DECIDES: [Point; 3] = [Point::DecideBegin, Point::DecideInserted, Point::DecideCommitted];
    for (append, decide) in APPENDS.into_iter().zip(DECIDES) {
        let mut desk = Desk::set().await;
        let checked_in = desk.check_in(&desk.factory);
        let (status, answer) = desk.held_back(decide, "check-in", checked_in).await;
        assert_eq!((status, &answer["offer"]["attempt"]), (200, &json!(1)), "{answer}");

        let downloaded = desk.report(1, "downloaded");
        let (status, answer) = desk.held_back(append, "reports", downloaded).await;
        assert_eq!((status, &answer["acknowledged"]), (200, &json!(1)));

        let begin = desk.begin();
        let (status, answer) = desk.held_back(decide, "begin", begin).await;
        assert_eq!((status, &answer["answer"]), (200, &json!("yes")));
        assert_eq!(desk.permits().await, 1);

        let mut moved = desk.check_in(&desk.built);
        moved["attributes"] = json!({"site": "b"});
        let (status, _) = desk.held_back(append, "check-in", moved).await;
        assert_eq!(status, 200);
        let device = DeviceId::new("dev-1").expect("an id");
        let seen = desk.engine.read(|fleet| fleet.devices[&device].facts.clone());
        assert_eq!(seen.expect("facts").attributes["site"], "b");
    }
}

/// A duplicate needs no write, so its answer waits for none.
#[tokio::test]
async fn a_duplicate_is_acknowledged_and_not_written_again() {
    let desk = Desk::set().await;
    desk.ask("check-in", desk.check_in(&desk.factory)).await;
    for _ in 0..3 {
        let (status, answer) = desk.ask("reports", desk.report(1, "downloaded")).await;
        assert_eq!((status, &answer["acknowledged"]), (200, &json!(1)));
        let (status, answer) = desk.ask("begin", desk.begin()).await;
        assert_eq!((status, &answer["answer"]), (200, &json!("yes")));
    }
    let journal = desk.journal().await;
    let reports = journal.iter().filter(|s| matches!(s.entry, Entry::Reported(_))).count();
    assert_eq!((reports, desk.permits().await), (1, 1));
}

/// The store did what it was asked and the answer got lost: nobody is told that it was done, and
/// from the next answer on it counts.
#[tokio::test]
async fn what_a_store_did_without_saying_so_counts_at_once() {
    let desk = Desk::set().await;
    desk.ask("check-in", desk.check_in(&desk.factory)).await;
    desk.lose_a_reply();
    let (status, _) = desk.ask("reports", desk.report(1, "downloaded")).await;
    assert_eq!(status, 503, "nobody knows that it is durable");
    let (status, _) = desk.ask("reports", desk.report(1, "downloaded")).await;
    assert_eq!(status, 200);
    let reports = desk.journal().await;
    let reports = reports.iter().filter(|s| matches!(s.entry, Entry::Reported(_))).count();
    assert_eq!(reports, 1, "it is not written again");

    desk.lose_a_reply();
    assert_eq!(desk.ask("begin", desk.begin()).await.0, 503);
    let (status, answer) = desk.ask("begin", desk.begin()).await;
    assert_eq!((status, &answer["answer"]), (200, &json!("yes")));
    assert_eq!(desk.permits().await, 1, "one permit, said twice");
}

/// No yes leaves after a halt that is in the journal, also if whoever halted was not told so.
#[tokio::test]
async fn a_halt_that_nobody_was_told_of_is_a_halt() {
    let desk = Desk::set().await;
    desk.ask("check-in", desk.check_in(&desk.factory)).await;
    desk.ask("reports", desk.report(1, "downloaded")).await;
    let (status, answer) = desk.ask("begin", desk.begin()).await;
    assert_eq!((status, &answer["answer"]), (200, &json!("yes")));
    desk.lose_a_reply();
    let halt = Command::Halt { reason: "smoke".into() };
    stage::command(&desk.engine, "ops", halt).await.expect_err("nobody knows that it halted");
    let (status, answer) = desk.ask("begin", desk.begin()).await;
    assert_eq!((status, &answer["answer"]), (200, &json!("stop")), "a halt in the journal halts");
}

/// Most of what a fleet says is nothing new; that costs no write.
#[tokio::test]
async fn a_check_in_that_changes_nothing_writes_nothing() {
    let desk = Desk::set().await;
    desk.ask("check-in", desk.check_in(&desk.factory)).await;
    let before = desk.journal().await.len();
    for _ in 0..5 {
        let (status, answer) = desk.ask("check-in", desk.check_in(&desk.factory)).await;
        assert_eq!(status, 200);
        assert!(answer["offer"].is_object(), "the open offer is repeated");
    }
    assert_eq!(desk.journal().await.len(), before);
}

/// A number says in which order a device spoke, not how late we hear it: what was never taken is
/// taken, and a number that no counter comes to is refused instead of silencing what follows.
#[tokio::test]
async fn a_report_is_written_however_late_it_comes_and_no_number_silences_a_device() {
    let desk = Desk::set().await;
    desk.ask("check-in", desk.check_in(&desk.factory)).await;
    for sequence in [200, 3, 60, 1, 137] {
        assert_eq!(desk.ask("reports", desk.report(sequence, "downloading")).await.0, 200);
    }
    let reported = |journal: Vec<Stored>| {
        journal.iter().filter(|stored| matches!(stored.entry, Entry::Reported(_))).count()
    };
    assert_eq!(reported(desk.journal().await), 5);
    let (status, refused) = desk.ask("reports", desk.report(u64::MAX, "booted")).await;
    assert_eq!((status, &refused["code"]), (400, &json!("RE-008")), "{refused}");
    assert_eq!(reported(desk.journal().await), 5, "a refusal writes nothing");
    assert_eq!(desk.ask("begin", desk.begin()).await.1["answer"], "yes");
    assert_eq!(desk.ask("reports", desk.report(2, "failed")).await.0, 200);
    let id = DeviceId::new("dev-1").expect("an id");
    let failure = desk.engine.read(|fleet| {
        fleet.rollouts.values().find_map(|running| running.executions.get(&id)?.failure)
    });
    assert!(failure.is_some(), "the failure counts, late as it is");
}
