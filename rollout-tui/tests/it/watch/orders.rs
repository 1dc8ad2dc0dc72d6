//! Orders: asked first, with their consequence in numbers, and refused with a reason.

use super::sample::{self, BAD, GOOD, PAUSED, busy, failing, me, press, tell, type_text};
use super::screens::drawn;
use rollout_tui::app::{Command, Fetch, Link, Order, OrderKind, Refused, What, consequence};
use rollout_tui::keymap::Key;

#[test]
fn halt_asks_first() {
    let mut model = busy(80, 24);
    assert_eq!(press(&mut model, &[Key::Char('h')]), None);
    assert!(model.seat.ask.is_some());
    assert_eq!(press(&mut model, &[Key::Esc]), None);
    assert!(model.seat.ask.is_none());
}

#[test]
fn cancel_asks_first() {
    let mut model = busy(80, 24);
    assert_eq!(press(&mut model, &[Key::Char('c')]), None);
    let given = press(&mut model, &[Key::Enter]);
    assert_eq!(given, Some(Command::Steer { rollout: GOOD.into(), order: Order::Cancel }));
    assert!(model.seat.ask.is_none());
}

#[test]
fn halt_needs_a_reason() {
    let mut model = busy(80, 24);
    assert_eq!(press(&mut model, &[Key::Char('h'), Key::Enter]), None);
    assert!(drawn(&model).contains("a reason is needed"));
    type_text(&mut model, "brush");
    let given = press(&mut model, &[Key::Enter]);
    let order = Order::Halt { reason: "brush".into() };
    assert_eq!(given, Some(Command::Steer { rollout: GOOD.into(), order }));
}

#[test]
fn pause_needs_a_reason_and_a_review_time() {
    let mut model = busy(80, 24);
    press(&mut model, &[Key::Char('p')]);
    type_text(&mut model, "launch");
    press(&mut model, &[Key::Tab, Key::Ctrl('u')]);
    type_text(&mut model, "soon");
    assert_eq!(press(&mut model, &[Key::Enter]), None);
    assert!(drawn(&model).contains("`soon` is no time"));
    press(&mut model, &[Key::Ctrl('u')]);
    type_text(&mut model, "3h");
    assert!(!drawn(&model).contains("✖"), "what was wrong is not said of another answer");
    let order = Order::Pause { reason: "launch".into(), review: "3h".into() };
    let given = press(&mut model, &[Key::Enter]);
    assert_eq!(given, Some(Command::Steer { rollout: GOOD.into(), order }));
}

#[test]
fn a_command_without_permission_is_disabled_with_its_reason() {
    let mut model = busy(120, 40);
    tell(&mut model, What::Me(me(&["viewer"])));
    assert!(drawn(&model).contains("h halt ⊘"), "{}", drawn(&model));
    assert_eq!(press(&mut model, &[Key::Char('p')]), None);
    assert!(model.seat.ask.is_none());
    assert!(drawn(&model).contains("✖ pause takes the role operator; ana is viewer"));
}

#[test]
fn a_command_that_does_not_fit_the_phase_is_not_offered_and_says_so() {
    let mut model = failing(120, 40);
    assert!(!drawn(&model).contains("p pause"));
    assert_eq!(press(&mut model, &[Key::Char('p')]), None);
    assert!(drawn(&model).contains("pause: not while it is halted"));
    assert_eq!(
        model.may(OrderKind::Start),
        Err(Refused::NotNow("start: not while it is halted".into()))
    );
}

#[test]
fn what_changed_while_the_question_was_open_is_looked_at_again() {
    let mut model = busy(80, 24);
    press(&mut model, &[Key::Char('c')]);
    let mut body = sample::good();
    body.line.phase = "completed".into();
    tell(&mut model, What::Rollout(Box::new(body)));
    assert_eq!(press(&mut model, &[Key::Enter]), None);
    assert!(drawn(&model).contains("cancel: not while it is completed"));
}

#[test]
fn an_order_without_its_numbers_is_not_given() {
    let mut model = busy(80, 24);
    model.data.rollouts.clear();
    let asked = press(&mut model, &[Key::Char('c')]);
    assert_eq!(asked, Some(Command::Watch(Some(GOOD.into()))));
    assert_eq!(press(&mut model, &[Key::Enter]), None);
    assert!(drawn(&model).contains("the numbers are not there yet"));
    tell(&mut model, What::Rollout(Box::new(sample::good())));
    assert!(press(&mut model, &[Key::Enter]).is_some());
}

#[test]
fn what_is_typed_is_text_and_no_command() {
    let mut model = busy(80, 24);
    press(&mut model, &[Key::Char('h')]);
    type_text(&mut model, "quit? no: pause");
    tell(&mut model, What::Paste("\n\u{1b}[2Jx".into()));
    let given = press(&mut model, &[Key::Enter]);
    let order = Order::Halt { reason: "quit? no: pause [2Jx".into() };
    assert_eq!(given, Some(Command::Steer { rollout: GOOD.into(), order }));
}

#[test]
fn the_answer_is_shown_until_the_next_key() {
    let mut model = busy(80, 24);
    tell(&mut model, What::Done { said: "halted".into() });
    assert!(drawn(&model).contains("✔ halted"));
    tell(&mut model, What::Tick);
    assert!(drawn(&model).contains("✔ halted"));
    press(&mut model, &[Key::Down]);
    assert!(!drawn(&model).contains("✔ halted"));
    assert_eq!(model.seat.chosen.as_deref(), Some(PAUSED));
}

#[test]
fn a_halt_that_was_noted_alarms_again_when_it_comes_again() {
    let mut model = failing(80, 24);
    assert!(model.alarms(&model.all_lines()[0]));
    press(&mut model, &[Key::Char('x')]);
    assert!(!model.alarms(&model.all_lines()[0]));
    let mut overview = model.data.overview.clone().expect("an overview");
    overview.rollouts[0].phase = "deploying".into();
    tell(&mut model, What::Overview(Box::new(overview.clone())));
    overview.rollouts[0].phase = "halted".into();
    tell(&mut model, What::Overview(Box::new(overview)));
    assert!(model.alarms(&model.all_lines()[0]));
    assert_eq!(model.all_lines()[0].id, BAD);
}

#[test]
fn explain_asks_for_a_device() {
    let mut model = busy(80, 24);
    press(&mut model, &[Key::Char('e')]);
    type_text(&mut model, "sn-1");
    let asked = press(&mut model, &[Key::Enter]);
    let fetch = Fetch::Device { id: "sn-1".into(), rollout: Some(GOOD.into()) };
    assert_eq!(asked, Some(Command::Fetch(fetch)));
    assert_eq!(model.data.link, Link::Live);
}

#[test]
fn consequences_are_numbers() {
    let (good, bad) = (sample::good(), sample::bad());
    let mut said = String::new();
    for kind in OrderKind::ALL {
        for (name, body) in [("good", &good), ("halted", &bad)] {
            let told = consequence(kind, body);
            said.push_str(&format!("{} ({name}, ⏎ {})\n", told.title, told.verb));
            for line in told.lines {
                said.push_str(&format!("  {line}\n"));
            }
        }
    }
    insta::assert_snapshot!(said);
}
