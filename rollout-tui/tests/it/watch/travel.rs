//! Time travel, recordings, and that the same messages give the same screen.

use super::sample::{self, GOOD, NOW_MS, busy_news, event, silent};
use super::screens::drawn;
use rollout_tui::app::{Command, Message, Model, Session, What};
use rollout_tui::keymap::Key;
use rollout_tui::record::{Head, Recorder, read_from};
use std::io::Cursor;

/// A session that an operator had: news, keys, ticks, in this order, seconds apart.
fn story() -> Vec<Message> {
    let mut whats = vec![
        What::Zone { offset_secs: 3_600 },
        What::Connected,
        What::Me(sample::me(&["operator"])),
    ];
    whats.extend(busy_news());
    whats.push(What::Evidence(Box::new(sample::evidence(&sample::good()))));
    for key in [Key::Down, Key::Enter, Key::Char('l'), Key::Char('o'), Key::Esc, Key::Char('u')] {
        whats.push(What::Key(key));
        whats.push(What::Tick);
    }
    whats.extend([Key::Char('h'), Key::Char('x'), Key::Esc].map(What::Key));
    for seq in 100..700 {
        whats.push(What::Event(event(seq, NOW_MS, "stepped", "x moved on", Some(GOOD), None)));
    }
    whats.push(What::Lost { why: "cut".into(), retry_at_ms: NOW_MS + 9_000_000 });
    whats.push(What::Connected);
    whats.push(What::Key(Key::Esc));
    let steps = whats.into_iter().enumerate();
    steps.map(|(step, what)| Message { at_ms: NOW_MS + step as u64 * 1_000, what }).collect()
}

/// What the operator had on the screen at the end.
fn lived() -> Model {
    let mut session = Session::live(silent(100, 40));
    for message in story() {
        session.handle(message);
    }
    session.model().clone()
}

fn key(session: &mut Session, key: Key) -> Option<Command> {
    let at_ms = session.model().now_ms;
    session.handle(Message { at_ms, what: What::Key(key) })
}

/// The screen without what the header says about time travel.
fn screen(session: &Session) -> String {
    let mut model = session.model().clone();
    model.travel = None;
    drawn(&model)
}

#[test]
fn a_recorded_session_replays_to_the_same_screen() {
    let head = Head::new(NOW_MS, (100, 40), 0);
    let mut file = Vec::new();
    let mut recorder = Recorder::new(&mut file, &head).expect("a head");
    for message in story() {
        recorder.push(&message).expect("a line");
    }
    recorder.flush().expect("flushed");
    drop(recorder);
    let (read_head, messages) = read_from(Cursor::new(file)).expect("a recording");
    assert_eq!((&read_head, &messages), (&head, &story()));
    let mut session = Session::replay(silent(100, 40), messages);
    key(&mut session, Key::End);
    assert_eq!(screen(&session), drawn(&lived()));
}

#[test]
fn playing_ends_on_the_same_screen_as_living() {
    for speed_keys in [0, 3, 9] {
        let mut session = Session::replay(silent(100, 40), story());
        for _ in 0..speed_keys {
            key(&mut session, Key::Char('+'));
        }
        let mut rounds = 0;
        while let Some(wait) = session.wake_ms() {
            session.play(wait);
            rounds += 1;
            assert!(rounds < 100_000);
        }
        assert_eq!(screen(&session), drawn(&lived()));
    }
}

#[test]
fn stepping_back_and_forth_ends_on_the_same_screen() {
    let mut session = Session::replay(silent(100, 40), story());
    key(&mut session, Key::Char(' '));
    let mut seen = vec![screen(&session)];
    for _ in 0..40 {
        key(&mut session, Key::Right);
        seen.push(screen(&session));
    }
    for before in seen.iter().rev().skip(1) {
        key(&mut session, Key::Left);
        assert_eq!(&screen(&session), before);
    }
    key(&mut session, Key::End);
    key(&mut session, Key::Home);
    assert_eq!(screen(&session), seen[0]);
}

#[test]
fn a_live_session_looks_back_and_comes_back() {
    let mut session = Session::live(silent(100, 40));
    for message in story() {
        session.handle(message);
    }
    let now = screen(&session);
    assert_eq!(key(&mut session, Key::Char('t')), None);
    assert_eq!(screen(&session), now);
    key(&mut session, Key::Home);
    assert_ne!(screen(&session), now);
    assert!(session.wake_ms().is_none(), "a still past wakes nobody");
    let at_ms = NOW_MS + 900_000;
    let news = event(900, at_ms, "stepped", "while you looked back", Some(GOOD), None);
    session.handle(Message { at_ms, what: What::Event(news) });
    assert!(!drawn(session.model()).contains("while you looked back"));
    key(&mut session, Key::Char('t'));
    assert!(drawn(session.model()).contains("while you looked back"));
}

#[test]
fn no_order_leaves_from_the_past() {
    let mut session = Session::replay(silent(100, 40), story());
    key(&mut session, Key::End);
    for order in ['h', 'p', 'c', 'a', 'b', 'r', 's', 'y'] {
        assert_eq!(key(&mut session, Key::Char(order)), None);
        assert_eq!(key(&mut session, Key::Enter), None);
        assert!(session.model().seat.ask.is_none(), "{order}");
    }
    assert_eq!(key(&mut session, Key::Char('q')), Some(Command::Quit));
}

#[test]
fn one_can_walk_about_in_a_recording() {
    let mut session = Session::replay(silent(100, 40), story());
    key(&mut session, Key::End);
    key(&mut session, Key::Char('l'));
    assert!(drawn(session.model()).contains("Events  "));
    key(&mut session, Key::Left);
    assert!(drawn(session.model()).contains("Events  "), "a step keeps the screen");
    key(&mut session, Key::Char('f'));
    assert!(!drawn(session.model()).contains("Events  604"), "followed again");
}

#[test]
fn a_long_session_forgets_its_beginning_only() {
    let mut session = Session::live(silent(100, 40));
    for message in story() {
        session.handle(message);
    }
    for step in 0..9_000 {
        let at_ms = NOW_MS + 2_000_000 + step * 10;
        session.handle(Message { at_ms, what: What::Tick });
    }
    let now = screen(&session);
    key(&mut session, Key::Char('t'));
    key(&mut session, Key::Home);
    key(&mut session, Key::End);
    assert_eq!(screen(&session), now);
}

#[test]
fn a_recording_that_was_cut_reads_to_its_last_whole_line() {
    let head = Head::new(NOW_MS, (100, 40), 0);
    let mut file = Vec::new();
    let mut recorder = Recorder::new(&mut file, &head).expect("a head");
    for message in story().into_iter().take(5) {
        recorder.push(&message).expect("a line");
    }
    recorder.flush().expect("flushed");
    drop(recorder);
    let whole = read_from(Cursor::new(&file)).expect("a recording").1.len();
    let (_, cut) = read_from(Cursor::new(&file[..file.len() - 9])).expect("a recording");
    assert_eq!((whole, cut.len()), (5, 4));
    let told = |bytes: &[u8]| read_from(Cursor::new(bytes)).expect_err("broken").to_string();
    assert_eq!(told(b""), "this is no recording of `rollout watch --record`");
    assert_eq!(told(b"{\"a\":1}\n"), "this is no recording of `rollout watch --record`");
    let newer = b"{\"rollout_watch\":2,\"started_ms\":0,\"size\":[1,1],\"zone_offset_secs\":0}\n";
    assert_eq!(told(newer), "the recording has version 2, this program reads 1");
    let mut broken = file.clone();
    broken.extend_from_slice(b"nonsense\n{}\n");
    assert_eq!(told(&broken), "line 7 of the recording cannot be read");
}

/// A recording has names of devices and people in it.
#[cfg(unix)]
#[test]
fn a_recording_is_its_owners_and_overwrites_nothing() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("session.jsonl");
    let head = Head::new(NOW_MS, (100, 40), 0);
    drop(Recorder::create(&path, &head).expect("a new file"));
    let mode = std::fs::metadata(&path).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let Err(again) = Recorder::create(&path, &head) else { panic!("it was there already") };
    assert_eq!(again.kind(), std::io::ErrorKind::AlreadyExists);
}

#[test]
fn the_header_says_where_in_time_it_is() {
    let mut session = Session::replay(silent(100, 40), story());
    for _ in 0..3 {
        key(&mut session, Key::Char('+'));
    }
    assert!(drawn(session.model()).contains("▶ replaying 14:03:27 ×8"));
    session.play(2_000);
    assert!(
        drawn(session.model()).contains("▶ replaying 14:03:40 ×8"),
        "{}",
        drawn(session.model())
    );
    key(&mut session, Key::Char(' '));
    let screen = drawn(session.model());
    assert!(screen.contains("‖ stopped at 14:03:40 ×8"), "{screen}");
    insta::assert_snapshot!("time_travel_100x40", screen);
}
