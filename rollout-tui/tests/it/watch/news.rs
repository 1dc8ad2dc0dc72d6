//! What the server says: kept fresh where it is looked at, and put into words of people.

use super::sample::things::devices;
use super::sample::{self, BAD, GOOD, NOW_MS, busy, event, failing, press, tell};
use super::screens::drawn;
use rollout_tui::app::{Command, Fetch, Focus, Message, Model, What, update};
use rollout_tui::keymap::Key;

fn tick(model: &mut Model, after_ms: u64) -> Option<Command> {
    update(model, Message { at_ms: NOW_MS + after_ms, what: What::Tick })
}

#[test]
fn what_is_looked_at_is_asked_for_again_and_nothing_else_is() {
    let mut model = busy(120, 40);
    assert_eq!(tick(&mut model, 10_000), None, "the overview comes by itself");
    press(&mut model, &[Key::Char('d')]);
    tell(&mut model, devices());
    let asked = model.data.devices.as_ref().map(|news| Command::Fetch(news.asked.clone()));
    assert_eq!(tick(&mut model, 14_999), None);
    assert_eq!(tick(&mut model, 15_000), asked, "five seconds after the question");
    assert_eq!(tick(&mut model, 16_000), None, "one question at a time");
    press(&mut model, &[Key::Char('v')]);
    assert_eq!(tick(&mut model, 21_000), Some(Command::Fetch(Fetch::Releases)));
    tell(&mut model, What::Focus(Focus::Lost));
    assert_eq!(tick(&mut model, 60_000), None, "nobody looks");
}

#[test]
fn a_fresh_page_leaves_the_cursor_on_its_device() {
    let mut model = busy(120, 40);
    press(&mut model, &[Key::Char('d')]);
    tell(&mut model, devices());
    press(&mut model, &[Key::Down, Key::Down]);
    let What::Devices(mut news) = devices() else { panic!("devices") };
    news.page.devices.remove(0);
    tell(&mut model, What::Devices(news));
    assert_eq!(model.seat.line, 1);
}

#[test]
fn the_log_says_what_came_of_a_step() {
    let mut model = busy(120, 40);
    let steps = [(20, GOOD), (21, BAD)];
    for (seq, id) in steps {
        let said = format!("{id} moved on");
        tell(&mut model, What::Event(event(seq, NOW_MS, "stepped", &said, Some(id), None)));
    }
    assert!(!drawn(&model).contains("moved on"), "a step alone is no news");
    let failing = failing(120, 40).data.overview.expect("an overview");
    let mut before = failing.clone();
    for line in before.rollouts.iter_mut().filter(|line| line.id == BAD) {
        line.phase = "deploying".into();
    }
    tell(&mut model, What::Overview(Box::new(before)));
    tell(&mut model, What::Overview(Box::new(failing)));
    assert!(drawn(&model).contains("mop-1.9.0-beta is HALTED"), "{}", drawn(&model));
}

#[test]
fn what_goes_well_is_everyday_and_what_does_not_is_told() {
    let mut model = busy(120, 40);
    for (seq, said) in [(20, "sn-1: confirmed"), (21, "sn-2: booted"), (22, "sn-3: failed")] {
        let told = event(seq, NOW_MS, "reported", said, Some(GOOD), None);
        tell(&mut model, What::Event(told));
    }
    let screen = drawn(&model);
    assert!(!screen.contains("sn-1") && !screen.contains("sn-2"), "{screen}");
    assert!(screen.contains("sn-3: failed"), "{screen}");
    let drafted = format!("ana drafted vacuum-2.4.1-eu ({GOOD}) of vacuum@2.4.1");
    tell(&mut model, What::Event(sample::event(23, NOW_MS, "drafted", &drafted, Some(GOOD), None)));
    assert!(drawn(&model).contains("ana drafted vacuum-2.4.1-eu of vacuum@2.4.1"));
}

#[test]
fn everyday_events_do_not_push_a_halt_out_of_the_log() {
    let mut model = failing(120, 40);
    for seq in 100..5_000 {
        let told = event(seq, NOW_MS, "reported", "sn-1: confirmed", Some(GOOD), None);
        tell(&mut model, What::Event(told));
    }
    assert!(drawn(&model).contains("mop-1.9.0-beta is HALTED"), "{}", drawn(&model));
    assert_eq!(model.data.events.newest().count(), 2_000);
}
