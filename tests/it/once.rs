//! Requests that are carried out once, through the daemon's queue and a store that loses answers.

use firmware_agent::host::image::Behavior;
use rollout_core::fleet::Registered;
use rollout_core::id::{Digest, Principal, ProductId};
use rollout_core::journal::{Entry, OnceRecord, PublishRecord};
use rollout_core::time::{Span, Timestamp};
use rollout_http::backend::{Backend as _, Check, Kind, Problem, Terms};
use rollout_store::Fault;
use rollout_tests::desk::Desk;
use rollout_tests::stage::Stage;
use rollout_tests::world::DAWN;

fn ci() -> Principal {
    Principal::new("ci").expect("a principal")
}

/// Adds a product, or says that it is there.
fn adding(name: &str) -> Check {
    let product = ProductId::new(name).expect("a product");
    Box::new(move |fleet, _| {
        Ok(if fleet.products.contains(&product) {
            Registered::Known
        } else {
            Registered::New(vec![Entry::ProductAdded { product, by: ci() }])
        })
    })
}

fn once(request: &str) -> Terms {
    let record = OnceRecord {
        principal: ci(),
        key: "k1".into(),
        fingerprint: Digest::of(request.as_bytes()),
        until: Timestamp(DAWN).after(Span::hours(24)),
    };
    Terms { once: Some(record), ..Terms::default() }
}

async fn refusal(desk: &Desk, check: Check, terms: Terms) -> Problem {
    desk.engine.register(check, terms).await.expect_err("a refusal")
}

#[tokio::test]
async fn a_lost_answer_and_a_retry_are_one_effect() {
    let desk = Desk::set().await;
    desk.fail(Fault::LostReply);
    let lost = refusal(&desk, adding("vacuum"), once("add vacuum")).await;
    assert_eq!(lost.kind, Kind::Unavailable, "nobody knows that it is durable");
    let again = refusal(&desk, adding("vacuum"), once("add vacuum")).await;
    assert_eq!((again.code, again.kind), ("ON-002", Kind::InProgress));
    assert_eq!(desk.kinds().await, ["product_added", "once"], "one transaction, once");

    desk.engine.answered(ci(), "k1".into(), 201, b"{}".to_vec()).await.expect("durable");
    let answer = desk
        .engine
        .read(|fleet| fleet.once.get(&ci(), "k1").and_then(|known| known.answer.clone()));
    assert_eq!(answer, Some((201, b"{}".to_vec())));
}

#[tokio::test]
async fn what_was_not_done_is_not_remembered() {
    let desk = Desk::set().await;
    desk.fail(Fault::Error);
    refusal(&desk, adding("vacuum"), once("add vacuum")).await;
    assert_eq!(desk.kinds().await, [""; 0]);
    let written = desk.engine.register(adding("vacuum"), once("add vacuum")).await;
    let written = written.expect("it is new");
    assert_eq!(written.len(), 1, "what is remembered of the request is no effect of it");
    assert_eq!(desk.kinds().await, ["product_added", "once"]);
}

#[tokio::test]
async fn a_request_without_effect_is_remembered_too() {
    let desk = Desk::set().await;
    desk.engine.register(adding("vacuum"), Terms::default()).await.expect("it is new");
    let written = desk.engine.register(adding("vacuum"), once("add vacuum")).await;
    assert_eq!(written, Ok(Vec::new()));
    assert_eq!(desk.kinds().await, ["product_added", "once"]);
}

#[tokio::test]
async fn a_key_is_for_one_request() {
    let desk = Desk::set().await;
    desk.engine.register(adding("vacuum"), once("add vacuum")).await.expect("it is new");
    let other = refusal(&desk, adding("mower"), once("add mower")).await;
    assert_eq!((other.code, other.kind), ("ON-001", Kind::Unprocessable));
    assert_eq!(desk.kinds().await, ["product_added", "once"]);
}

#[tokio::test]
async fn of_two_at_once_one_is_taken() {
    let desk = Desk::set().await;
    let ask = || desk.engine.register(adding("vacuum"), once("add vacuum"));
    let (one, two) = tokio::join!(ask(), ask());
    let refused = [one, two].into_iter().filter_map(Result::err).map(|problem| problem.code);
    assert_eq!(refused.collect::<Vec<_>>(), ["ON-002"]);
    assert_eq!(desk.kinds().await, ["product_added", "once"]);
}

/// The guard sees the model as it is when its turn has come, not as it was when it was asked.
#[tokio::test]
async fn a_guard_is_asked_in_the_queue() {
    let desk = Desk::set().await;
    let unchanged = || {
        let seen = desk.engine.read(|fleet| fleet.read_to);
        let stale = move || Problem {
            kind: Kind::Stale,
            code: "HT-001",
            detail: "it has changed".into(),
            hint: "read it again".into(),
        };
        Terms {
            guard: Some(Box::new(move |fleet| match fleet.read_to == seen {
                true => Ok(()),
                false => Err(stale()),
            })),
            ..Terms::default()
        }
    };
    let (first, second) = (unchanged(), unchanged());
    desk.engine.register(adding("vacuum"), first).await.expect("nothing has changed");
    let refused = refusal(&desk, adding("mower"), second).await;
    assert_eq!(refused.kind.status().as_u16(), 412);
    assert_eq!(desk.kinds().await, ["product_added"]);
}

#[tokio::test]
async fn a_command_is_on_terms_too() {
    let desk = Desk::set().await;
    let rollout = rollout_tests::stage::rollout();
    let commanded = || rollout_core::rollout::Commanded {
        by: ci(),
        command: rollout_core::rollout::Command::Start,
    };
    let unknown = desk.engine.command(rollout, commanded(), once("start")).await;
    assert_eq!(unknown.expect_err("there is none").code, "RE-001");
    assert_eq!(desk.kinds().await, [""; 0], "a refusal is not remembered");
    desk.engine.register(adding("vacuum"), once("start")).await.expect("it is new");
    let taken = desk.engine.command(rollout, commanded(), once("start")).await;
    assert_eq!(taken.expect_err("the key was used").code, "ON-002");
}

/// What people say about a release is no part of it: the same images are the same release.
#[tokio::test]
async fn a_release_is_published_once_whatever_is_said_about_it() {
    let desk = Desk::set().await;
    let stage = Stage::new(5, Timestamp(DAWN));
    let built = stage.build(0, Behavior::default());
    stage.publish(&desk.engine, &[&built]).await;
    let record = PublishRecord {
        release: built.release(),
        counter: built.counter,
        manifests: vec![built.manifest.clone()],
        way_back: None,
        from: None,
        by: ci(),
        notes: Some("it does not beep any more".into()),
        source: Some("0123456789abcdef".into()),
        provenance: Some(vec![1, 2, 3]),
        marks: Default::default(),
    };
    let again = desk.engine.read(|fleet| fleet.publish(&record, Timestamp(DAWN)));
    assert_eq!(again, Ok(Registered::Known));
}
