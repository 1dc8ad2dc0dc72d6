//! The course of a rollout's evidence, as the daemon keeps it for charts.

use crate::ack::Desk;
use rollout_core::time::{Span, Timestamp};
use rollout_http::backend::Backend as _;
use rollout_tests::stage::rollout;
use rollout_tests::world::DAWN;

/// When it was looked at, in seconds, and how many devices were in flight.
fn course(desk: &Desk) -> Vec<(u64, u64)> {
    let looks = desk.engine.course(rollout());
    looks.iter().map(|(at, look)| ((at.0 - DAWN) / 1_000, look.in_flight)).collect()
}

async fn tick(desk: &Desk, secs: u64) {
    desk.clock.set(Timestamp(DAWN).after(Span::secs(secs)));
    desk.engine.tick().await.expect("a tick");
}

#[tokio::test]
async fn every_tick_looks_at_what_was_decided_on_until_the_end() {
    let desk = Desk::set().await;
    assert_eq!(course(&desk), [(0, 0)]);
    desk.ask("check-in", desk.check_in(&desk.factory)).await;
    desk.ask("reports", desk.report(1, "downloaded")).await;
    assert_eq!(desk.ask("begin", desk.begin()).await.1["answer"], "yes");
    assert_eq!(course(&desk), [(0, 0)], "between two ticks nobody looks");
    tick(&desk, 5).await;
    desk.ask("check-in", desk.check_in(&desk.built)).await;
    desk.ask("reports", desk.report(2, "confirmed")).await;
    tick(&desk, 9).await;
    assert_eq!(course(&desk), [(0, 0), (5, 1), (9, 0)]);
    let looks = desk.engine.course(rollout());
    let decided_on = desk.engine.read(|fleet| fleet.rollouts[&rollout()].evaluation.clone());
    let newest = looks.last().map(|(_, look)| (look.ln_e_abort, look.ln_e_pass));
    assert_eq!(newest, decided_on.map(|said| (said.ln_e_abort, said.ln_e_pass)));
    // It is completed when its only device has reached its horizon; nothing is to be seen then.
    let end = 4 * 3_600;
    desk.clock.set(Timestamp(DAWN).after(Span::secs(end)));
    desk.ask("check-in", desk.check_in(&desk.built)).await;
    tick(&desk, end).await;
    tick(&desk, end + 60).await;
    let phase = desk.engine.read(|fleet| fleet.rollouts[&rollout()].rollout.phase.name());
    assert_eq!(phase, "completed");
    let after = course(&desk);
    tick(&desk, end + 3_600).await;
    assert_eq!(course(&desk), after);
    assert!(after.len() <= 5, "{after:?}");
}
