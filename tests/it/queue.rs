//! What the daemon's queue holds whatever its clock, its store and other writers do.

use crate::ack::Desk;
use rollout_core::device::{Outcome, State};
use rollout_core::id::{DeviceId, ProductId};
use rollout_core::journal::Entry;
use rollout_core::port::Store as _;
use rollout_core::rollout::Command;
use rollout_core::time::{Span, Timestamp};
use rollout_store::{Fault, FaultPlan};
use rollout_tests::stage::{self, person, rollout};
use rollout_tests::world::DAWN;
use serde_json::json;

/// A desk whose device has its offer.
async fn offered() -> Desk {
    let desk = Desk::set().await;
    let (_, answer) = desk.ask("check-in", desk.check_in(&desk.factory)).await;
    assert_eq!(answer["offer"]["attempt"], 1);
    desk
}

/// A desk whose device has its permit.
async fn permitted() -> Desk {
    let desk = offered().await;
    desk.ask("reports", desk.report(1, "downloaded")).await;
    assert_eq!(desk.ask("begin", desk.begin()).await.1["answer"], "yes");
    desk
}

/// Each entry is folded at its own time, so an earlier one would replay to another state.
#[tokio::test]
async fn entries_are_dated_in_their_order_though_the_clock_runs_backwards() {
    let desk = offered().await;
    let mut sequence = 0;
    for at in [3_600_000, 0, 1_800_000, 3_600_001] {
        desk.clock.set(Timestamp(DAWN + at));
        sequence += 1;
        assert_eq!(desk.ask("reports", desk.report(sequence, "downloading")).await.0, 200);
    }
    let command = Command::Halt { reason: "smoke".into() };
    desk.clock.set(Timestamp(DAWN));
    stage::command(&desk.engine, "ops", command).await.expect("it runs");
    let dates: Vec<u64> = desk.journal().await.iter().map(|stored| stored.at.0 - DAWN).collect();
    assert!(dates.is_sorted(), "{dates:?}");
    assert_eq!(dates.last(), Some(&3_600_001));
}

/// What came in before a deadline was looked at came before it.
#[tokio::test]
async fn facts_of_a_group_precede_the_deadlines_that_it_finds_due() {
    let desk = permitted().await;
    let id = DeviceId::new("dev-1").expect("an id");
    let execution = || {
        desk.engine
            .read(|fleet| fleet.rollouts[&rollout()].executions.get(&id).cloned())
            .expect("it")
    };
    let horizon = execution().exposure.expect("exposed").horizon;
    desk.clock.set(Timestamp(DAWN).after(horizon).after(Span::hours(1)));
    assert_eq!(desk.ask("reports", desk.report(2, "confirmed")).await.0, 200);
    let kinds: Vec<_> = desk.journal().await.iter().map(|stored| stored.entry.kind()).collect();
    let last = kinds.iter().rposition(|kind| *kind == "reported").expect("a report");
    assert_eq!(kinds.get(last + 1), Some(&"clock"));
    let after = execution();
    assert_eq!((after.state, after.outcome), (State::Confirmed, Some(Outcome::Good)));
}

/// An append is not conditional on the journal's end: what it follows is folded first.
#[tokio::test]
async fn what_somebody_else_wrote_is_folded_before_what_we_wrote() {
    let desk = offered().await;
    let product = ProductId::new("mower").expect("a product");
    let entry = Entry::ProductAdded { product: product.clone(), by: person("ann") };
    let other = desk.engine.store().inner();
    other.append(Timestamp(DAWN), vec![entry]).await.expect("another writer");
    let (status, answer) = desk.ask("reports", desk.report(1, "downloaded")).await;
    assert_eq!(status, 200, "{answer}");
    let (read_to, is_known) =
        desk.engine.read(|fleet| (fleet.read_to, fleet.products.contains(&product)));
    assert_eq!((Ok(read_to), is_known), (desk.engine.store().end().await, true));
    assert_eq!(desk.ask("begin", desk.begin()).await.1["answer"], "yes");
}

/// A write whose answer is lost, and then the journal cannot be read either: until it can be,
/// nobody is told anything, and then nobody is told what the journal does not say.
#[tokio::test]
async fn nothing_is_answered_before_what_the_store_may_have_done_is_read() {
    let mut unread = 0;
    for seed in 0..12 {
        let desk = permitted().await;
        let faults = vec![Fault::LostReply, Fault::Error];
        desk.engine.store().set_plan(FaultPlan { seed, one_in: 1, budget: 2, faults });
        let halt = Command::Halt { reason: "smoke".into() };
        stage::command(&desk.engine, "ops", halt).await.expect_err("its answer was lost");
        desk.engine.store().set_plan(FaultPlan::off());
        let journal = desk.journal().await;
        let is_halted = journal.last().is_some_and(|last| last.entry.kind() == "stepped");
        let end = journal.last().map(|last| last.seq);
        unread += u32::from(is_halted && end != Some(desk.engine.read(|fleet| fleet.read_to)));
        let (status, answer) = desk.ask("begin", desk.begin()).await;
        let expected = if is_halted { "stop" } else { "yes" };
        assert_eq!((status, &answer["answer"]), (200, &json!(expected)), "seed {seed}");
    }
    assert!(unread > 0, "no seed loses the answer and the reading after it");
}
