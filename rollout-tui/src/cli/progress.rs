//! Bars for what takes long: uploads, imports, waiting.
//!
//! Deliberately not here: what is said at the end; that is the answer.
//!
//! Invariant: where stderr is no terminal, nothing is drawn at all.

use crate::words;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rollout_http::client::Sent;

/// Bytes on their way.
const BYTES: &str = "{prefix} [{bar:30}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
/// Devices of a rollout.
const DEVICES: &str = "[{bar:30}] {pos} of {len} confirmed  {wide_msg}";

/// Whether bars are drawn. Decided once, by whoever knows the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// They are, on stderr.
    Drawn,
    /// They are not.
    Hidden,
}

impl Progress {
    /// Drawn on a terminal, hidden elsewhere.
    pub const fn on(is_terminal: bool) -> Self {
        if is_terminal { Self::Drawn } else { Self::Hidden }
    }

    /// A bar of so many bytes, for whoever sends them.
    pub fn bytes(self, what: &str, total: u64) -> Bar {
        self.bar(what, total, BYTES)
    }

    /// A bar of so many devices.
    pub fn devices(self, total: u64) -> Bar {
        self.bar("", total, DEVICES)
    }

    fn bar(self, what: &str, total: u64, template: &str) -> Bar {
        let target = match self {
            Self::Hidden => return Bar(None),
            Self::Drawn => ProgressDrawTarget::stderr(),
        };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        // The templates are constants, and a test reads them.
        let style = ProgressStyle::with_template(template);
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ");
        Bar(Some(bar.with_style(style).with_prefix(words::plain(what))))
    }
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

    #[test]
    fn the_templates_can_be_read() {
        for template in [BYTES, DEVICES] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }

    #[test]
    fn nothing_is_drawn_where_there_is_no_terminal() {
        assert_eq!(Progress::on(false), Progress::Hidden);
        assert!(!Progress::Hidden.bytes("a.bin", 7).is_drawn());
        assert!(Progress::on(true).devices(7).is_drawn());
    }
}
