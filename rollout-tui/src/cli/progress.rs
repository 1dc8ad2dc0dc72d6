//! Bars for what takes long: uploads, imports, waiting.
//!
//! Deliberately not here: what is said at the end; that is the answer.
//!
//! Invariants: where stderr is no terminal, nothing is drawn at all; a bar is one line, however
//! narrow the terminal.

use super::table::cut;
use crate::words;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rollout_http::client::Sent;

/// What a bar counts, and where numbers and bar both have room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Bytes on their way, of so many.
    Bytes,
    /// Bytes on their way, nobody knows of how many.
    Stream,
    /// Devices of a rollout.
    Devices,
}

impl Kind {
    /// How it looks in so many columns. The numbers go first, where there is not room for all.
    const fn template(self, columns: u16) -> &'static str {
        match (self, columns) {
            (Self::Bytes, 72..) => {
                "{prefix} [{wide_bar}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left"
            }
            (Self::Bytes, 32..) => "{prefix} [{wide_bar}] {percent} %",
            (Self::Bytes, _) => "{percent} %",
            (Self::Stream, 56..) => "{prefix} {bytes} sent, {bytes_per_sec}",
            (Self::Stream, _) => "{bytes} sent",
            (Self::Devices, 100..) => "[{bar:30}] {pos} of {len} confirmed  {wide_msg}",
            (Self::Devices, 72..) => "[{bar:12}] {pos} of {len} confirmed  {wide_msg}",
            (Self::Devices, 40..) => "{pos} of {len} confirmed  {wide_msg}",
            (Self::Devices, _) => "{pos} of {len}",
        }
    }

    /// Columns that what is sent may take with its name.
    fn name(self, columns: u16) -> usize {
        match self {
            Self::Bytes if columns >= 72 => usize::from(columns) - 60,
            Self::Bytes => usize::from(columns / 2).saturating_sub(4),
            Self::Stream => usize::from(columns).saturating_sub(36),
            Self::Devices => 0,
        }
    }
}

/// Whether bars are drawn. Decided once, by whoever knows the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// They are, on stderr.
    Drawn {
        /// How wide the terminal is.
        columns: u16,
    },
    /// They are not.
    Hidden,
}

impl Progress {
    /// Drawn on a terminal, hidden elsewhere.
    pub const fn on(columns: Option<u16>) -> Self {
        match columns {
            Some(columns) => Self::Drawn { columns },
            None => Self::Hidden,
        }
    }

    /// A bar of so many bytes, for whoever sends them; of nobody knows how many without.
    pub fn bytes(self, what: &str, total: Option<u64>) -> Bar {
        self.bar(if total.is_some() { Kind::Bytes } else { Kind::Stream }, what, total)
    }

    /// A bar of so many devices.
    pub fn devices(self, total: u64) -> Bar {
        self.bar(Kind::Devices, "", Some(total))
    }

    fn bar(self, kind: Kind, what: &str, total: Option<u64>) -> Bar {
        match self {
            Self::Hidden => Bar(None),
            Self::Drawn { columns } => {
                let target = ProgressDrawTarget::stderr();
                Bar(Some(drawn(kind, what, total, columns, target)))
            }
        }
    }
}

fn drawn(
    kind: Kind,
    what: &str,
    total: Option<u64>,
    columns: u16,
    target: ProgressDrawTarget,
) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(total, target);
    // The templates are constants, and a test reads them.
    let style = ProgressStyle::with_template(kind.template(columns));
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ");
    bar.with_style(style).with_prefix(cut(&words::plain(what), kind.name(columns)))
}

/// A bar, or none.
#[derive(Clone, Debug)]
pub struct Bar(Option<ProgressBar>);

impl Bar {
    /// Whether it is drawn.
    pub const fn is_drawn(&self) -> bool {
        self.0.is_some()
    }

    /// How far it is, of how much.
    pub fn set(&self, done: u64, total: u64) {
        if let Some(bar) = &self.0 {
            bar.set_length(total);
            bar.set_position(done);
        }
    }

    /// What is said beside it.
    pub fn say(&self, text: &str) {
        if let Some(bar) = &self.0 {
            bar.set_message(words::plain(text));
        }
    }

    /// Moves it as bytes leave.
    pub fn sent(&self) -> Sent {
        match self.0.clone() {
            Some(bar) => Sent::to(move |bytes| bar.set_position(bytes)),
            None => Sent::unheard(),
        }
    }

    /// Takes it off the screen.
    pub fn clear(&self) {
        self.0.iter().for_each(ProgressBar::finish_and_clear);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use indicatif::TermLike;
    use std::io;
    use std::sync::{Arc, Mutex};
    use unicode_width::UnicodeWidthStr as _;

    const KINDS: [Kind; 3] = [Kind::Bytes, Kind::Stream, Kind::Devices];

    /// A terminal that keeps what is written to it.
    #[derive(Clone, Debug, Default)]
    struct Screen {
        columns: u16,
        said: Arc<Mutex<Vec<String>>>,
    }

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            self.columns
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write_str(text)
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.said.lock().expect("no panic before").push(text.trim_end().into());
            Ok(())
        }
        fn clear_line(&self) -> io::Result<()> {
            Ok(())
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The widest that a bar gets on a terminal, at its beginning, in its midst and at its end.
    fn widest(kind: Kind, columns: u16) -> usize {
        let screen = Screen { columns, ..Screen::default() };
        let target = ProgressDrawTarget::term_like(Box::new(screen.clone()));
        let (what, total) =
            ("/a/long/way/to/the/table/of/all/devices/that/there/are.csv", 99 << 30);
        let total = (kind != Kind::Stream).then_some(total);
        let bar = drawn(kind, what, total, columns, target);
        bar.set_message("deploying, rung 2 of 3, waits for devices: 12 of 20 reachable permitted");
        for done in [0, 12_345_678_901, 99 << 30] {
            bar.set_position(done);
            bar.force_draw();
        }
        let said = screen.said.lock().expect("no panic before");
        assert!(!said.is_empty(), "{kind:?} at {columns}");
        said.iter().map(|line| line.width()).max().unwrap_or(0)
    }

    #[test]
    fn a_bar_is_one_line_on_every_terminal() {
        for kind in KINDS {
            for columns in [28, 32, 40, 56, 71, 72, 80, 99, 100, 120, 200] {
                let widest = widest(kind, columns);
                assert!(widest <= usize::from(columns), "{kind:?}: {widest} in {columns}");
            }
        }
    }

    #[test]
    fn the_templates_can_be_read() {
        for (kind, columns) in KINDS.iter().flat_map(|kind| [0, 50, 80, 120].map(|c| (kind, c))) {
            let template = kind.template(columns);
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }

    #[test]
    fn nothing_is_drawn_where_there_is_no_terminal() {
        assert_eq!(Progress::on(None), Progress::Hidden);
        assert!(!Progress::Hidden.bytes("a.bin", Some(7)).is_drawn());
        assert!(Progress::on(Some(80)).devices(7).is_drawn());
    }
}
