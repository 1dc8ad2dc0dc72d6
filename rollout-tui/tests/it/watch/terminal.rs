//! What goes to the terminal, and what comes from it.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use rollout_tui::app::What;
use rollout_tui::keymap::Key;
use rollout_tui::terminal::{meaning, restore, take};
use std::process::{Command, Stdio};

#[test]
fn what_is_taken_is_given_back() {
    let (mut taken, mut given) = (Vec::new(), Vec::new());
    take(&mut taken).expect("written");
    restore(&mut given).expect("written");
    let (taken, given) = (String::from_utf8_lossy(&taken), String::from_utf8_lossy(&given));
    // Alternate screen, mouse, focus, paste; the cursor the other way round.
    for mode in ["?1049", "?1000", "?1002", "?1006", "?1004", "?2004"] {
        assert!(taken.contains(&format!("\u{1b}[{mode}h")), "{mode} in {taken:?}");
        assert!(given.contains(&format!("\u{1b}[{mode}l")), "{mode} in {given:?}");
    }
    assert!(taken.contains("\u{1b}[?25l") && given.contains("\u{1b}[?25h"));
}

#[test]
fn keys_are_told_apart() {
    let key = |code, modifiers| meaning(&Event::Key(KeyEvent::new(code, modifiers)));
    let none = KeyModifiers::NONE;
    assert_eq!(key(KeyCode::Char('G'), KeyModifiers::SHIFT), Some(What::Key(Key::Char('G'))));
    assert_eq!(key(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(What::Key(Key::Ctrl('c'))));
    assert_eq!(key(KeyCode::Char('x'), KeyModifiers::ALT), None);
    assert_eq!(key(KeyCode::Esc, none), Some(What::Key(Key::Esc)));
    assert_eq!(key(KeyCode::F(5), none), None);
    assert_eq!(meaning(&Event::Resize(7, 3)), Some(What::Resize { width: 7, height: 3 }));
}

#[test]
fn in_a_pipe_it_refuses() {
    let program = env!("CARGO_BIN_EXE_rollout");
    let ran = Command::new(program)
        .args(["watch", "--server", "http://127.0.0.1:1", "--token", "x"])
        .stdin(Stdio::null())
        .output()
        .expect("the program");
    assert_eq!(ran.status.code(), Some(2));
    assert!(ran.stdout.is_empty());
    insta::assert_snapshot!(String::from_utf8_lossy(&ran.stderr), @r"
    WA-001
      × cannot show the dashboard
      ╰─▶ the dashboard needs a terminal, and this is none
      help: in a pipe or in CI, use `rollout status`, `rollout events` or --json
    ");
}
