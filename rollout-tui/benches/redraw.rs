//! What a redraw costs: the view alone, and with the difference that goes to the terminal.
//!
//! Yardstick: at thirty a second, a redraw of 1 ms is 3 % of a core; the dashboard draws only what
//! changed, and once a second if nothing happens.

use divan::{Bencher, black_box};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use rollout_tui::app::{Message, Model, What, update};
use rollout_tui::view::{draw, view};

#[path = "../tests/it/watch/sample.rs"]
#[expect(dead_code, reason = "shared with the tests, which use all of it")]
mod sample;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];

fn main() {
    divan::main();
}

fn drawn(bencher: Bencher, model: &Model) {
    let (width, height) = model.size;
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    bencher.bench_local(|| {
        buffer.reset();
        draw(black_box(model), area, &mut buffer);
    });
}

#[divan::bench(args = SIZES)]
fn view_busy(bencher: Bencher, (width, height): (u16, u16)) {
    let mut model = sample::busy(width, height);
    sample::with_history(&mut model, &sample::good());
    drawn(bencher, &model);
}

#[divan::bench(args = SIZES)]
fn view_15_million_devices_and_40_rollouts(bencher: Bencher, (width, height): (u16, u16)) {
    let mut model = sample::huge(width, height);
    sample::with_history(&mut model, &sample::good());
    drawn(bencher, &model);
}

#[divan::bench(args = SIZES)]
fn redraw_after_a_tick(bencher: Bencher, (width, height): (u16, u16)) {
    let mut model = sample::huge(width, height);
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
    bencher.bench_local(|| {
        let at_ms = model.now_ms + 1_000;
        update(&mut model, Message { at_ms, what: What::Tick });
        terminal.draw(|frame| view(&model, frame)).expect("drawn");
    });
}

#[divan::bench]
fn update_an_event(bencher: Bencher) {
    let mut model = sample::huge(120, 40);
    let mut seq = 1_000_000;
    bencher.bench_local(|| {
        seq += 1;
        let event = sample::event(seq, model.now_ms, "reported", "sn-1: confirmed", None, None);
        sample::tell(&mut model, What::Event(event))
    });
}
