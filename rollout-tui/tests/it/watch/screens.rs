//! Every screen at several sizes in several states, as an operator sees it.

use super::sample::{
    self, GOOD, busy, disconnected, empty, failing, huge, press, silent, tell, type_text,
    with_history,
};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use rollout_tui::app::{Model, What};
use rollout_tui::keymap::Key;
use rollout_tui::theme::{Charset, Look, Palette};
use rollout_tui::view::view;

/// What is on the screen, line by line, without spaces at the ends.
pub fn drawn(model: &Model) -> String {
    let (width, height) = model.size;
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
    terminal.draw(|frame| view(model, frame)).expect("drawn");
    let buffer = terminal.backend().buffer();
    let mut lines = Vec::new();
    for y in 0..height {
        let line: String = (0..width).map(|x| buffer[(x, y)].symbol()).collect();
        lines.push(line.trim_end().to_string());
    }
    lines.join("\n")
}

const SIZES: [(u16, u16); 4] = [(40, 15), (80, 24), (120, 40), (200, 60)];

fn snap(name: &str, sizes: &[(u16, u16)], model: impl Fn(u16, u16) -> Model) {
    for (width, height) in sizes {
        let model = model(*width, *height);
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), drawn(&model));
    }
}

fn charted(width: u16, height: u16) -> Model {
    let mut model = busy(width, height);
    with_history(&mut model, &sample::good());
    model
}

fn charted_failing(width: u16, height: u16) -> Model {
    let mut model = failing(width, height);
    with_history(&mut model, &sample::bad());
    model
}

#[test]
fn overview() {
    snap("overview_silent", &SIZES[..1], silent);
    snap("overview_empty", &SIZES[..3], empty);
    snap("overview_busy", &SIZES, charted);
    snap("overview_failing", &SIZES, charted_failing);
    snap("overview_disconnected", &SIZES[..3], disconnected);
    snap("overview_huge", &SIZES[2..], huge);
}

#[test]
fn a_forgotten_pause_is_said_in_the_first_line_and_in_the_list() {
    for (width, height) in [(80, 24), (120, 40)] {
        let mut model = busy(width, height);
        assert!(!drawn(&model).contains("overdue"), "its review lies ahead");
        let mut body = model.data.overview.clone().expect("an overview");
        let paused = body.rollouts.iter_mut().find(|line| line.phase == "paused");
        let paused = paused.expect("one is paused");
        paused.review = Some(sample::rollouts::review(sample::NOW - 7_200));
        tell(&mut model, What::Overview(Box::new(body)));
        let shown = drawn(&model);
        let first = shown.lines().next().unwrap_or_default();
        assert!(first.contains("‖ a pause is overdue 2 h"), "{first}");
        assert!(shown.lines().any(|line| line.contains("OVERDUE")), "{shown}");
    }
}

#[test]
fn rollout() {
    let open = |mut model: Model| {
        press(&mut model, &[Key::Enter]);
        model
    };
    snap("rollout_busy", &SIZES, |w, h| open(charted(w, h)));
    snap("rollout_failing", &SIZES[..3], |w, h| open(charted_failing(w, h)));
    snap("rollout_disconnected", &SIZES[1..2], |w, h| open(disconnected(w, h)));
    snap("rollout_paused", &SIZES[..3], |w, h| {
        let mut model = busy(w, h);
        press(&mut model, &[Key::Down, Key::Enter]);
        model
    });
}

#[test]
fn events() {
    let open = |mut model: Model| {
        press(&mut model, &[Key::Char('l')]);
        model
    };
    snap("events_empty", &SIZES[..1], |w, h| open(empty(w, h)));
    snap("events_busy", &SIZES[..3], |w, h| open(busy(w, h)));
    snap("events_failing", &SIZES[1..2], |w, h| open(failing(w, h)));
    snap("events_filtered", &SIZES[1..2], |w, h| {
        let mut model = open(failing(w, h));
        press(&mut model, &[Key::Char('o'), Key::Char('/')]);
        type_text(&mut model, "rollout:vacuum kind:rep");
        press(&mut model, &[Key::Enter]);
        model
    });
}

#[test]
fn devices() {
    let open = |mut model: Model| {
        press(&mut model, &[Key::Char('d')]);
        tell(&mut model, sample::things::devices());
        model
    };
    snap("devices_busy", &SIZES[..3], |w, h| open(busy(w, h)));
    snap("devices_disconnected", &SIZES[1..2], |w, h| open(disconnected(w, h)));
    snap("devices_searching", &SIZES[..2], |w, h| {
        let mut model = open(busy(w, h));
        press(&mut model, &[Key::Char('/')]);
        type_text(&mut model, "model==v980;version<2.4.1");
        model
    });
    snap("device", &SIZES[..3], |w, h| {
        let mut model = open(busy(w, h));
        press(&mut model, &[Key::Enter]);
        tell(&mut model, sample::things::device_news("sn-88200"));
        model
    });
}

#[test]
fn matrix_and_releases() {
    snap("matrix", &SIZES[..3], |w, h| {
        let mut model = busy(w, h);
        press(&mut model, &[Key::Char('m')]);
        tell(&mut model, sample::things::census());
        model
    });
    snap("releases", &SIZES[..3], |w, h| {
        let mut model = busy(w, h);
        press(&mut model, &[Key::Char('v')]);
        tell(&mut model, sample::things::releases());
        press(&mut model, &[Key::Down, Key::Down]);
        model
    });
}

#[test]
fn help() {
    snap("help", &SIZES[..3], |w, h| {
        let mut model = busy(w, h);
        press(&mut model, &[Key::Char('?')]);
        model
    });
    snap("help_viewer", &SIZES[1..2], |w, h| {
        let mut model = busy(w, h);
        tell(&mut model, What::Me(sample::me(&["viewer"])));
        press(&mut model, &[Key::Char('?')]);
        model
    });
}

#[test]
fn questions() {
    snap("confirm_halt", &SIZES[..3], |w, h| {
        let mut model = busy(w, h);
        press(&mut model, &[Key::Char('h')]);
        type_text(&mut model, "the brush runs backwards");
        model
    });
    snap("confirm_pause", &SIZES[..2], |w, h| {
        let mut model = busy(w, h);
        press(&mut model, &[Key::Char('p'), Key::Enter]);
        model
    });
    snap("confirm_resume_halted", &SIZES[1..2], |w, h| {
        let mut model = failing(w, h);
        press(&mut model, &[Key::Char('r')]);
        model
    });
    snap("confirm_approve", &SIZES[1..2], |w, h| {
        let mut model = busy(w, h);
        tell(&mut model, What::Me(sample::me(&["approver"])));
        press(&mut model, &[Key::Down, Key::Down, Key::Char('y')]);
        model
    });
    snap("explain_which", &SIZES[1..2], |w, h| {
        let mut model = busy(w, h);
        press(&mut model, &[Key::Char('e')]);
        type_text(&mut model, "sn-88213");
        model
    });
}

#[test]
fn an_old_server_is_named_as_such() {
    let mut model = silent(80, 24);
    tell(
        &mut model,
        What::Failed {
            doing: "read the overview".into(),
            code: "HT-404".into(),
            detail: "the server has no /v1/overview".into(),
            hint: "it is older than this program: upgrade the daemon".into(),
        },
    );
    insta::assert_snapshot!(drawn(&model));
}

#[test]
fn ascii_is_ascii_and_moves_nothing() {
    let mut model = charted(80, 24);
    let unicode = drawn(&model);
    model.look = Look { palette: Palette::Mono, charset: Charset::Ascii };
    let ascii = drawn(&model);
    assert!(ascii.is_ascii(), "{ascii}");
    let lengths = |text: &str| text.lines().map(|l| l.chars().count()).collect::<Vec<_>>();
    assert_eq!(lengths(&unicode), lengths(&ascii));
    insta::assert_snapshot!(ascii);
}

#[test]
fn mono_has_no_color_and_only_a_new_halt_blinks() {
    use ratatui::style::{Color, Modifier};
    let blinking = |model: &Model| {
        let (width, height) = model.size;
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
        terminal.draw(|frame| view(model, frame)).expect("drawn");
        let buffer = terminal.backend().buffer().clone();
        let colored = buffer.content.iter().any(|c| (c.fg, c.bg) != (Color::Reset, Color::Reset));
        assert!(!colored || model.look.palette != Palette::Mono);
        buffer.content.iter().filter(|c| c.modifier.contains(Modifier::SLOW_BLINK)).count()
    };
    let mut model = failing(120, 40);
    model.look.palette = Palette::Mono;
    assert!(blinking(&model) > 0);
    press(&mut model, &[Key::Char('x')]);
    assert_eq!(blinking(&model), 0);
    assert_eq!(blinking(&busy(120, 40)), 0);
    assert_eq!(blinking(&disconnected(120, 40)), 0);
    assert_eq!(model.data.rollouts[GOOD].line.name, "vacuum-2.4.1-eu");
}
