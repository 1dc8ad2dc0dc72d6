//! Requests with an `Idempotency-Key` over the routes, through a store that loses its answers.
//!
//! For each fault there is a retry with the same key, as a client would send it; whatever was lost,
//! there is one effect, and the retry is told what the first request would have been told.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use rollout_core::id::Principal;
use rollout_core::journal::Seq;
use rollout_core::port::Store as _;
use rollout_core::time::{Span, Timestamp};
use rollout_http::body::v1::RoleName;
use rollout_http::operator_router;
use rollout_store::{Fault, FaultPlan, Faulty, FileImages, MemoryStore};
use rollout_tests::world::DAWN;
use rolloutd::clock::SetClock;
use rolloutd::engine::{Engine, Settings};
use serde_json::{Value, json};
use std::sync::Arc;
use tower::ServiceExt as _;

struct Desk {
    engine: Engine<Faulty<MemoryStore>, FileImages>,
    router: Router,
    token: String,
    _folder: tempfile::TempDir,
}

impl Desk {
    async fn set() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Faulty::new(MemoryStore::new(), FaultPlan::off());
        let images = FileImages::open(folder.path().join("images")).expect("images");
        let hours = Span::hours(1_000);
        let settings = Settings { tick: hours, beat: hours, ..Settings::default() };
        let clock = Arc::new(SetClock::at(Timestamp(DAWN)));
        let engine = Engine::start(store, images, clock, settings, [7; 32]).await.expect("starts");
        engine.tick().await.expect("a tick");
        let every = RoleName::ALL.map(Into::into);
        let ann = Principal::new("ann").expect("a name");
        let token = rolloutd::init::make_token(&engine, ann, &every).await.expect("a token").text;
        let router = operator_router(engine.clone());
        Self { engine, router, token, _folder: folder }
    }

    async fn ask(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = Request::post(path)
            .header("authorization", format!("Bearer {}", self.token))
            .header("idempotency-key", "k1")
            .body(Body::from(body.to_string()))
            .expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("infallible");
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 1 << 20).await.expect("a body");
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    async fn count(&self, kind: &str) -> usize {
        let journal = self.engine.store().inner().read(Seq(0), 1000).await.expect("reads");
        journal.iter().filter(|stored| stored.entry.kind() == kind).count()
    }

    async fn journal(&self) -> String {
        format!("{:?}", self.engine.store().inner().read(Seq(0), 1000).await.expect("reads"))
    }
}

/// Requests that draw something at random, and one that does not.
fn requests() -> [(&'static str, Value, &'static str); 3] {
    [
        ("/v1/tokens", json!({ "principal": "bob", "roles": ["viewer"] }), "token_made"),
        ("/v1/enrollments", json!({ "hardware": "v980", "count": 3 }), "enrollment_opened"),
        ("/v1/devices", json!({ "id": "dev-1", "model": "v980", "attributes": {} }), "enrolled"),
    ]
}

#[tokio::test]
async fn a_lost_reply_and_a_retry_are_one_effect() {
    for (path, body, kind) in requests() {
        let told = {
            let quiet = Desk::set().await;
            quiet.ask(path, &body).await
        };
        for fault in [Fault::LostReply, Fault::Error] {
            let desk = Desk::set().await;
            let before = desk.count(kind).await;
            let faults = vec![fault];
            desk.engine.store().set_plan(FaultPlan { seed: 1, one_in: 1, budget: 1, faults });
            let (status, refused) = desk.ask(path, &body).await;
            assert_eq!(status, 503, "{path} {fault:?} {refused}");
            let (status, answer) = desk.ask(path, &body).await;
            assert!([200, 201].contains(&status), "{path} {fault:?} {status} {answer}");
            assert_eq!(desk.count(kind).await, before + 1, "{path} {fault:?}");
            // The second is told what the first would have been, its secret included.
            assert_eq!(answer["token"], told.1["token"], "{path} {fault:?}");
            assert_eq!(desk.ask(path, &body).await.1, answer, "and so is the third");
            assert_eq!(desk.count(kind).await, before + 1);
            let secret = answer["token"].as_str().expect("a token");
            assert!(!desk.journal().await.contains(secret), "a secret is in no journal");
        }
    }
}
