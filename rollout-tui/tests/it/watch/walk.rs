//! Walking about: screens, lists, searches, and what is asked of the server for them.

use super::sample::{
    self, BAD, GOOD, NOW_MS, busy, empty, event, failing, me, press, tell, type_text,
};
use super::screens::drawn;
use ratatui::layout::Rect;
use rollout_http::body::v1::{EvidenceBody, GateBody};
use rollout_tui::app::{Command, Fetch, History, Screen, What};
use rollout_tui::keymap::Key;
use rollout_tui::view::{DROPS, fleet_parts, shown};

#[test]
fn the_first_choice_is_what_needs_eyes_most() {
    let model = failing(120, 40);
    assert_eq!(model.seat.chosen.as_deref(), Some(BAD));
    let model = busy(120, 40);
    assert_eq!(model.seat.chosen.as_deref(), Some(GOOD));
}

#[test]
fn choosing_another_rollout_keeps_it_fresh() {
    let mut model = busy(120, 40);
    let asked = press(&mut model, &[Key::Down]);
    assert_eq!(asked, Some(Command::Watch(Some(sample::PAUSED.into()))));
    assert_eq!(press(&mut model, &[Key::Char('G'), Key::Char('G')]), None);
    assert_eq!(model.seat.chosen.as_deref(), Some(sample::DRAFT));
    assert_eq!(
        press(&mut model, &[Key::Char('k'), Key::PageUp]),
        Some(Command::Watch(Some(GOOD.into())))
    );
}

#[test]
fn a_rollout_that_is_gone_is_not_chosen_any_more() {
    let mut model = busy(120, 40);
    let overview = sample::overview(sample::fleet(1_204_331, 0), vec![sample::awaiting().line]);
    let asked = tell(&mut model, What::Overview(Box::new(overview)));
    assert_eq!(asked, Some(Command::Watch(Some(sample::AWAITING.into()))));
    assert!(!model.data.rollouts.contains_key(GOOD));
    let none = sample::overview(sample::fleet(1_204_331, 0), Vec::new());
    assert_eq!(tell(&mut model, What::Overview(Box::new(none))), Some(Command::Watch(None)));
}

#[test]
fn screens_are_left_the_way_they_were_entered() {
    let mut model = busy(120, 40);
    press(&mut model, &[Key::Enter, Key::Char('l'), Key::Char('?')]);
    assert_eq!(model.seat.screen(), Screen::Help);
    press(&mut model, &[Key::Char('?')]);
    assert_eq!(model.seat.screen(), Screen::Events);
    press(&mut model, &[Key::Esc, Key::Esc, Key::Esc, Key::Esc]);
    assert_eq!(model.seat.screen(), Screen::Overview);
}

#[test]
fn a_search_that_is_left_changes_nothing() {
    let mut model = busy(120, 40);
    press(&mut model, &[Key::Char('/')]);
    type_text(&mut model, "lamp");
    press(&mut model, &[Key::Enter]);
    assert_eq!(model.lines().len(), 1);
    press(&mut model, &[Key::Char('/')]);
    type_text(&mut model, "xyz");
    press(&mut model, &[Key::Esc]);
    assert_eq!(model.lines().len(), 1);
    press(&mut model, &[Key::Char('/'), Key::Ctrl('u'), Key::Enter]);
    assert_eq!(model.lines().len(), 4);
}

#[test]
fn devices_are_searched_sorted_and_paged() {
    let mut model = busy(120, 40);
    let fetch = |query: &str, sort: &str, after: Option<&str>| {
        let (query, sort) = (query.into(), sort.into());
        Some(Command::Fetch(Fetch::Devices { query, sort, after: after.map(Into::into) }))
    };
    assert_eq!(press(&mut model, &[Key::Char('d')]), fetch("", "", None));
    tell(&mut model, sample::things::devices());
    assert_eq!(press(&mut model, &[Key::Char('n')]), fetch("", "", Some("sn-88239")));
    assert_eq!(press(&mut model, &[Key::Char('o')]), fetch("", "version", None));
    press(&mut model, &[Key::Char('/')]);
    type_text(&mut model, "sn-882");
    assert_eq!(press(&mut model, &[Key::Enter]), fetch("sn-882", "version", None));
    let opened = press(&mut model, &[Key::Down, Key::Enter]);
    let id = "sn-88201".into();
    assert_eq!(opened, Some(Command::Fetch(Fetch::Device { id, rollout: Some(GOOD.into()) })));
}

#[test]
fn an_answer_about_another_device_is_not_shown() {
    let mut model = busy(120, 40);
    press(&mut model, &[Key::Char('e')]);
    type_text(&mut model, "sn-2");
    press(&mut model, &[Key::Enter]);
    tell(&mut model, sample::things::device_news("sn-1"));
    assert!(model.data.device.is_none());
    tell(&mut model, sample::things::device_news("sn-2"));
    assert!(model.data.device.is_some());
}

#[test]
fn an_event_leads_to_its_device_or_its_rollout() {
    let mut model = busy(120, 40);
    let opened = press(&mut model, &[Key::Char('l'), Key::Enter]);
    assert!(matches!(opened, Some(Command::Fetch(Fetch::Device { id, .. })) if id == "sn-88213"));
    press(&mut model, &[Key::Esc, Key::Char('j'), Key::Enter]);
    assert_eq!(model.seat.screen(), Screen::Rollout);
    assert_eq!(model.seat.chosen.as_deref(), Some(sample::PAUSED));
}

#[test]
fn events_come_once_and_in_order_and_not_without_bound() {
    let mut model = empty(80, 24);
    for seq in [5, 6, 6, 4, 7] {
        tell(&mut model, What::Event(event(seq, NOW_MS, "stepped", "x", None, None)));
    }
    let seen: Vec<u64> = model.data.events.newest().map(|event| event.seq).collect();
    assert_eq!(seen, [7, 6, 5]);
    for seq in 10..10_000 {
        tell(&mut model, What::Event(event(seq, NOW_MS, "stepped", "x", None, None)));
    }
    assert_eq!(model.data.events.newest().count(), 2_000);
    assert_eq!(model.data.events.last_seq(), 9_999);
}

#[test]
fn history_is_bounded_and_covers_everything() {
    let mut history = History::default();
    let body = sample::good();
    for step in 0..20_000 {
        history.push(&body, NOW_MS + step * 5_000);
    }
    let points = history.points();
    assert!(points.len() <= 512 && points.len() > 200, "{}", points.len());
    assert_eq!(points[0].0.0, NOW_MS);
    assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0));
    assert_eq!(history.span_ms(), 19_999 * 5_000);
    let columns = history.columns(60, |point| point.in_flight);
    assert!(columns.iter().all(|column| *column == Some(212)));
}

#[test]
fn the_charts_begin_with_what_the_server_has_seen() {
    let mut model = empty(120, 40);
    let good = sample::good();
    let fleet = sample::fleet(1_204_331, 0);
    let overview = sample::overview(fleet, vec![good.line.clone()]);
    tell(&mut model, What::Overview(Box::new(overview)));
    // Of a rollout that was not read nothing is kept.
    tell(&mut model, What::Evidence(Box::new(sample::evidence(&good))));
    assert_eq!(model.data.history.get(GOOD), None);
    tell(&mut model, What::Rollout(Box::new(good.clone())));
    tell(&mut model, What::Evidence(Box::new(sample::evidence(&good))));
    let flight = |model: &rollout_tui::app::Model| {
        let points = model.data.history[GOOD].points().iter();
        points.map(|(at, point)| ((NOW_MS - at.0) / 60_000, point.in_flight)).collect::<Vec<_>>()
    };
    let server: Vec<_> = (1..=60).rev().map(|minutes| (minutes, 300 - minutes)).collect();
    let own = [(0, good.pace.in_flight)];
    assert_eq!(flight(&model), [&server[..], &own].concat());
    // After a gap: what the server saw takes the place of what was drawn across it.
    let mut late = sample::evidence(&good);
    late.looks.drain(..10);
    late.looks.iter_mut().for_each(|look| look.in_flight += 1_000);
    tell(&mut model, What::Evidence(Box::new(late)));
    let both =
        |&(minutes, flight): &(u64, u64)| (minutes, flight + if minutes > 50 { 0 } else { 1_000 });
    let server: Vec<_> = server.iter().map(both).collect();
    assert_eq!(flight(&model), [&server[..], &own].concat());
    // A server that has seen nothing takes nothing away.
    let nothing = EvidenceBody { rollout: GOOD.into(), looks: Vec::new() };
    tell(&mut model, What::Evidence(Box::new(nothing)));
    assert_eq!(flight(&model).len(), 61);
}

#[test]
fn looks_are_at_the_time_of_the_server() {
    let mut model = empty(120, 40);
    let good = sample::good();
    let mut overview = sample::overview(sample::fleet(1_000, 0), vec![good.line.clone()]);
    overview.now_ms = NOW_MS - 3_600_000;
    tell(&mut model, What::Overview(Box::new(overview)));
    tell(&mut model, What::Rollout(Box::new(good)));
    assert_eq!(model.data.history[GOOD].points()[0].0.0, NOW_MS - 3_600_000);
}

#[test]
fn only_who_stands_out_is_blamed() {
    let screen = |change: fn(&mut GateBody)| {
        let mut model = failing(120, 40);
        let mut body = sample::bad();
        change(&mut body.gate);
        tell(&mut model, What::Rollout(Box::new(body)));
        drawn(&model)
    };
    let as_it_is = screen(|_| {});
    assert!(
        as_it_is.contains("blamed    model m6, 9 of 61 (14.8 %), others 0 of 153"),
        "{as_it_is}"
    );
    assert!(!as_it_is.contains("eu-west, 6 of 120"), "{as_it_is}");
    let nobody = |gate: &mut GateBody| {
        gate.blame.iter_mut().for_each(|group| group.stands_out = false);
    };
    let spread = screen(nobody);
    assert!(spread.contains("blamed    no model, version or region stands out"), "{spread}");
    let alike = screen(|gate| gate.blame.clear());
    assert!(!alike.contains("blamed    "), "{alike}");
    assert!(!drawn(&busy(120, 40)).contains("blamed    "), "it passes, and nobody stands out");
}

#[test]
fn device_text_cannot_move_the_cursor() {
    let mut model = busy(120, 40);
    let nasty = "\u{1b}[2J\u{202e}\u{200b}x\u{0007}\r\n\u{9b}31m漢";
    let mut body = sample::good();
    body.line.name = nasty.into();
    body.cause = Some(nasty.into());
    body.ladder[0].rung = nasty.into();
    body.buckets.insert(nasty.into(), 7);
    body.gate.blame[0].value = nasty.into();
    let mut overview = sample::overview(sample::fleet(1_204_331, 0), vec![body.line.clone()]);
    overview.name = nasty.into();
    overview.fleet.parts.insert(nasty.into(), 3);
    overview.fleet.versions[0].version = nasty.into();
    let mut who = me(&["operator"]);
    who.principal = nasty.into();
    tell(&mut model, What::Me(who));
    tell(&mut model, What::Overview(Box::new(overview)));
    tell(&mut model, What::Rollout(Box::new(body)));
    tell(&mut model, What::Event(event(99, NOW_MS, nasty, nasty, Some(GOOD), Some(nasty))));
    tell(&mut model, What::Done { said: nasty.into() });
    for keys in [
        &[][..],
        &[Key::Enter],
        &[Key::Char('l')],
        &[Key::Char('?')],
        &[Key::Esc, Key::Esc, Key::Char('c')],
    ] {
        press(&mut model, keys);
        let screen = drawn(&model);
        let steers = |c: char| {
            c != '\n' && (c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{200b}'))
        };
        assert!(!screen.chars().any(steers), "{screen:?}");
    }
}

#[test]
fn panes_go_in_the_declared_order() {
    let at = |size: u16| Rect::new(0, 0, size * 3, size);
    for size in 5..70 {
        for (pane, ..) in DROPS {
            assert!(!shown(pane, at(size)) || shown(pane, at(size + 1)), "{pane:?} at {size}");
        }
    }
    let heights: Vec<u16> = DROPS[1..].iter().map(|(_, _, height)| *height).collect();
    assert!(heights.is_sorted_by(|a, b| a >= b), "{heights:?}");
}

#[test]
fn the_least_is_there_on_the_smallest_screen() {
    let screen = drawn(&busy(40, 15));
    for what in ["vacuum-2.4.1-eu", "DEPLOYING", "waits for horizons", "██", "⏎ open", "? help"]
    {
        assert!(screen.contains(what), "{what} is not in\n{screen}");
    }
}

#[test]
fn parts_sum_to_the_fleet_even_if_they_are_not_told() {
    let mut fleet = sample::fleet(1_204_331, 31);
    fleet.parts.remove("idle");
    fleet.parts.insert("new kind".into(), 5);
    let sum: u64 = fleet_parts(&fleet).iter().map(|(_, part)| part.count).sum();
    assert_eq!(sum, fleet.total);
}
