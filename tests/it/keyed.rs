//! Requests with an `Idempotency-Key` over the routes, through a store that loses its answers.
//!
//! For each fault there is a retry with the same key, as a client would send it; whatever was lost,
//! there is one effect, and the retry is told what the first request would have been told.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use rollout_core::id::Principal;
use rollout_http::body::v1::RoleName;
use rollout_http::operator_router;
use rollout_store::Fault;
use rollout_tests::desk::Desk;
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// The routes of operators over an engine, asked by somebody who may everything.
struct Operators {
    desk: Desk,
    router: Router,
    token: String,
}

impl Operators {
    async fn new() -> Self {
        let desk = Desk::set().await;
        let every = RoleName::ALL.map(Into::into);
        let ann = Principal::new("ann").expect("a name");
        let token = rolloutd::init::make_token(&desk.engine, ann, &every).await;
        let router = operator_router(desk.engine.clone());
        Self { token: token.expect("a token").text, router, desk }
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
        self.desk.kinds().await.into_iter().filter(|known| *known == kind).count()
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
            let quiet = Operators::new().await;
            quiet.ask(path, &body).await
        };
        for fault in [Fault::LostReply, Fault::Error] {
            let operators = Operators::new().await;
            let before = operators.count(kind).await;
            operators.desk.fail(fault);
            let (status, refused) = operators.ask(path, &body).await;
            assert_eq!(status, 503, "{path} {fault:?} {refused}");
            let (status, answer) = operators.ask(path, &body).await;
            assert!([200, 201].contains(&status), "{path} {fault:?} {status} {answer}");
            assert_eq!(operators.count(kind).await, before + 1, "{path} {fault:?}");
            // The second is told what the first would have been, its secret included.
            assert_eq!(answer["token"], told.1["token"], "{path} {fault:?}");
            assert_eq!(operators.ask(path, &body).await.1, answer, "and so is the third");
            assert_eq!(operators.count(kind).await, before + 1);
            let secret = answer["token"].as_str().expect("a token");
            let journal = format!("{:?}", operators.desk.journal().await);
            assert!(!journal.contains(secret), "a secret is in no journal");
        }
    }
}
