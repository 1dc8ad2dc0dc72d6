//! The keymap: the one source of keys, footer and help.

use super::sample::{busy, failing, press, tell};
use super::screens::drawn;
use rollout_tui::app::{Model, Mouse, MouseKind, What};
use rollout_tui::keymap::{BINDINGS, Key, Mode, action, bindings, hints};
use std::collections::BTreeSet;

#[test]
fn every_key_means_one_thing_in_each_mode() {
    for mode in Mode::ALL {
        let mut seen = BTreeSet::new();
        for binding in bindings(mode) {
            for key in binding.keys {
                assert!(seen.insert(*key), "{mode:?}: {key:?} twice");
                assert_eq!(action(mode, *key), Some(binding.action));
            }
        }
        assert!(!seen.is_empty(), "{mode:?} has no keys");
    }
}

#[test]
fn keys_of_time_travel_take_nothing_from_the_screens() {
    let travel: Vec<Key> = bindings(Mode::Travel).flat_map(|b| b.keys.iter().copied()).collect();
    for mode in Mode::ALL.into_iter().filter(|mode| !mode.types() && *mode != Mode::Travel) {
        for key in &travel {
            assert_eq!(action(mode, *key), None, "{mode:?} {key:?}");
        }
    }
}

#[test]
fn no_character_is_a_command_where_text_is_typed() {
    for mode in Mode::ALL.into_iter().filter(|mode| mode.types()) {
        for binding in bindings(mode) {
            let typed = binding.keys.iter().any(|key| matches!(key, Key::Char(_)));
            assert!(!typed, "{mode:?} {binding:?}");
        }
    }
}

#[test]
fn one_can_leave_and_ask_for_help_everywhere() {
    for mode in Mode::ALL.into_iter().filter(|mode| !mode.types() && *mode != Mode::Travel) {
        let names: Vec<&str> = hints(mode).iter().map(|hint| hint.brief).collect();
        assert!(names.contains(&"help") && names.contains(&"quit"), "{mode:?} {names:?}");
    }
    for binding in BINDINGS {
        assert!(!binding.help.is_empty() && !binding.keys.is_empty() && !binding.modes.is_empty());
    }
}

/// The screen of a mode.
fn open(mode: Mode, width: u16, height: u16) -> Model {
    let mut model = busy(width, height);
    let keys: &[Key] = match mode {
        Mode::Overview | Mode::Ask | Mode::Search | Mode::Travel => &[],
        Mode::Rollout => &[Key::Enter],
        Mode::Events => &[Key::Char('l')],
        Mode::Devices => &[Key::Char('d')],
        Mode::Device => &[Key::Char('e'), Key::Char('x'), Key::Enter],
        Mode::Matrix => &[Key::Char('m')],
        Mode::Releases => &[Key::Char('v')],
        Mode::Help => &[Key::Char('?')],
    };
    press(&mut model, keys);
    model
}

#[test]
fn footer_and_help_name_the_same_keys() {
    for mode in Mode::ALL.into_iter().filter(|mode| !mode.types() && *mode != Mode::Travel) {
        let mut model = open(mode, 250, 100);
        let screen = drawn(&model);
        let footer = screen.lines().last().expect("a footer").to_string();
        if mode == Mode::Help {
            continue;
        }
        press(&mut model, &[Key::Char('?')]);
        let help = drawn(&model);
        for binding in bindings(mode) {
            assert!(help.contains(binding.help), "{mode:?}: help lacks {}", binding.help);
        }
        for hint in hints(mode).iter().filter(|hint| footer.contains(hint.brief)) {
            let shown = format!("{} {}", hint.keys, hint.brief);
            assert!(footer.contains(&shown), "{mode:?}: {shown} in {footer}");
        }
        assert!(footer.contains("? help"), "{footer}");
    }
}

#[test]
fn the_footer_always_names_help() {
    for width in 20..200 {
        let model = failing(width, 24);
        let screen = drawn(&model);
        let footer = screen.lines().last().expect("a footer");
        assert!(footer.contains("? help"), "{width}: {footer}");
    }
}

#[test]
fn a_click_does_what_its_place_shows() {
    let mut model = busy(120, 40);
    let click =
        |model: &mut Model, x, y| tell(model, What::Mouse(Mouse { x, y, kind: MouseKind::Click }));
    let find = |model: &Model, text: &str| {
        let screen = drawn(model);
        let lines = screen.lines().enumerate();
        let found =
            lines.filter_map(|(y, line)| line.find(text).map(|at| (line[..at].chars().count(), y)));
        let (x, y) = found.last().expect("the text is on the screen");
        (x as u16, y as u16)
    };
    let (x, y) = find(&model, "lamp-3.0.0 ");
    click(&mut model, x, y);
    assert_eq!(model.chosen_line().map(|line| line.name.as_str()), Some("lamp-3.0.0"));
    let (x, y) = find(&model, "? help");
    click(&mut model, x, y);
    assert_eq!(model.mode(), Mode::Help);
    press(&mut model, &[Key::Esc]);
    let (x, y) = find(&model, "h halt");
    click(&mut model, x, y);
    assert_eq!(model.mode(), Mode::Ask);
    click(&mut model, x, y);
    assert_eq!(model.mode(), Mode::Ask);
}
