//! Whatever arrives in whatever order on a screen of whatever size: nothing panics, bars sum.

use super::sample::{self, GOOD, NOW_MS, busy_news, event, silent};
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use rollout_tui::app::{Focus, Message, Mouse, MouseKind, Session, What};
use rollout_tui::keymap::{BINDINGS, Key};
use rollout_tui::theme::{Charset, Look, Palette};
use rollout_tui::view::draw;
use rollout_tui::widget::{Interval, Part, Row, Series, cells, chart, interval, spark, sum_bar};
use rollout_tui::words::figure::{cell, figure, fit, rate, short, wrap};
use unicode_width::UnicodeWidthStr as _;

fn any_key() -> impl Strategy<Value = Key> {
    let known: Vec<Key> = BINDINGS.iter().flat_map(|b| b.keys.iter().copied()).collect();
    prop_oneof![4 => prop::sample::select(known), 1 => any::<char>().prop_map(Key::Char)]
}

fn any_what() -> impl Strategy<Value = What> {
    let mut known = busy_news();
    known.extend([
        sample::things::devices(),
        sample::things::device_news("sn-88200"),
        sample::things::census(),
    ]);
    known.extend([sample::things::releases(), What::Connected, What::Tick]);
    known.push(What::Me(sample::me(&["viewer"])));
    known.push(What::Overview(Box::new(sample::overview(Default::default(), Vec::new()))));
    prop_oneof![
        8 => any_key().prop_map(What::Key),
        4 => prop::sample::select(known),
        1 => (any::<u16>(), any::<u16>(), 0..3).prop_map(|(x, y, kind)| {
            let kind = [MouseKind::Click, MouseKind::WheelUp, MouseKind::WheelDown][kind as usize];
            What::Mouse(Mouse { x: x % 220, y: y % 70, kind })
        }),
        1 => (0..220_u16, 0..70_u16).prop_map(|(width, height)| What::Resize { width, height }),
        1 => ".{0,30}".prop_map(What::Paste),
        1 => (any::<u64>(), ".{0,60}").prop_map(|(seq, text)| {
            What::Event(event(seq, NOW_MS, &text, &text, Some(GOOD), Some(&text)))
        }),
        1 => (".{0,40}", any::<u64>())
            .prop_map(|(why, retry_at_ms)| What::Lost { why, retry_at_ms }),
        1 => Just(What::Focus(Focus::Lost)),
    ]
}

fn shown(session: &Session) {
    let model = session.model();
    let (width, height) = model.size;
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    draw(model, area, &mut buffer);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn random_messages_and_sizes_never_panic(
        size in (0..220_u16, 0..70_u16),
        ascii in any::<bool>(),
        messages in prop::collection::vec((any_what(), 0..5_000_u64), 0..120),
    ) {
        let mut model = silent(size.0, size.1);
        let charset = if ascii { Charset::Ascii } else { Charset::Unicode };
        model.look = Look { palette: Palette::Light, charset };
        let mut session = Session::live(model);
        let mut now = NOW_MS;
        for (what, later) in messages {
            now += later;
            session.handle(Message { at_ms: now, what });
            session.play(later);
            session.wake_ms();
            shown(&session);
        }
    }

    #[test]
    fn bars_sum_to_the_width_and_show_every_part(
        counts in prop::collection::vec(prop_oneof![Just(0), 1..10_u64, any::<u64>()], 1..14),
        width in 0..250_usize,
    ) {
        let cells = cells(&counts, width);
        let total: u128 = counts.iter().map(|count| u128::from(*count)).sum();
        let parts = counts.iter().filter(|count| **count > 0).count();
        prop_assert_eq!(cells.iter().sum::<usize>(), if total == 0 { 0 } else { width });
        for (count, cells) in counts.iter().zip(&cells) {
            prop_assert!(*count > 0 || *cells == 0);
            prop_assert!(*count == 0 || *cells > 0 || parts > width);
        }
        let bar: Vec<Part> = counts
            .iter()
            .map(|count| Part { count: *count, glyph: '█', tone: rollout_tui::theme::Tone::Good })
            .collect();
        let wide: usize = sum_bar(Palette::Dark, &bar, width).iter().map(|span| span.width()).sum();
        prop_assert_eq!(wide, width);
    }

    #[test]
    fn texts_and_figures_fit(text in ".{0,80}", width in 0..60_usize, count in any::<u64>()) {
        prop_assert!(fit(&text, width).width() <= width);
        prop_assert_eq!(cell(&text, width).width(), width);
        prop_assert!(wrap(&text, width.max(2)).iter().all(|line| line.width() <= width.max(2)));
        prop_assert!(short(count).len() <= 10 && figure(count, 9).len() <= 10);
        let row = Row::new(Palette::Mono, width).put(rollout_tui::theme::Tone::Plain, &text);
        prop_assert!(row.line().width() <= width);
    }

    #[test]
    fn charts_take_what_they_were_given(
        values in prop::collection::vec(prop::option::of(any::<f64>()), 0..200),
        limit in any::<f64>(),
        width in 0..200_usize,
        height in 0..40_usize,
        rates in (any::<f64>(), any::<f64>(), any::<f64>()),
    ) {
        let tone = rollout_tui::theme::Tone::Good;
        let series = [Series { values, limit, glyph: '•', tone }];
        let lines = chart(Palette::Dark, &series, width, height);
        prop_assert!(lines.len() <= height && lines.iter().all(|line| line.width() <= width));
        let (lower, upper, estimate) = (rates.0, rates.1, Some(rates.2));
        let said = Interval { lower, upper, estimate, limits: [0.01, 0.02], tone };
        let spans = interval(Palette::Dark, &said, width);
        prop_assert_eq!(spans.iter().map(|span| span.width()).sum::<usize>(), width);
        prop_assert!(spark(&[Some(width as u64), None], height as u64).width() == 2);
        prop_assert!(!rate(rates.0).is_empty());
    }
}
