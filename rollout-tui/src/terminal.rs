//! The terminal: taken, drawn on, given back whatever happens.
//!
//! Deliberately not here: what is drawn. The clock and the time zone are read here, as is every
//! key.
//!
//! Invariant: however the program ends, short of a kill, the terminal is as it was before.

use crate::app::{Focus, Mouse, MouseKind, What};
use crate::feed::{Gone, Sink};
use crate::keymap::Key;
use crossterm::cursor::{Hide, Show};
use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste,
    EnableFocusChange, EnableMouseCapture, Event, EventStream, KeyCode, KeyEvent, KeyEventKind,
    KeyModifiers, MouseButton, MouseEventKind,
};
use crossterm::execute;
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use futures_util::StreamExt as _;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use std::io::{self, Stdout, Write, stdout};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Whether there is a terminal to give back.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// The hook stays for the life of the process.
static HOOK: Once = Once::new();

/// The terminal while it is ours.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// If it cannot be used as one.
    pub fn open() -> io::Result<Self> {
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                give_back();
                before(panic);
            }));
        });
        enable_raw_mode()?;
        TAKEN.store(true, Ordering::SeqCst);
        let taken =
            take(&mut stdout()).and_then(|()| Terminal::new(CrosstermBackend::new(stdout())));
        if taken.is_err() {
            give_back();
        }
        Ok(Self { terminal: taken? })
    }

    /// Columns and lines.
    ///
    /// # Errors
    /// If the terminal does not say.
    pub fn size(&self) -> io::Result<(u16, u16)> {
        let size = self.terminal.size()?;
        Ok((size.width, size.height))
    }

    /// Draws.
    ///
    /// # Errors
    /// If the terminal is gone.
    pub fn draw(&mut self, draw: impl FnOnce(&mut ratatui::Frame)) -> io::Result<()> {
        // A part of the program has panicked; its words are on the terminal, and stay there.
        if !TAKEN.load(Ordering::SeqCst) {
            return Err(io::Error::other("the terminal was given back after a panic"));
        }
        self.terminal.draw(draw).map(|_| ())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Gives the terminal back, once.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        // There is nobody left to tell that it did not work.
        let _ = disable_raw_mode();
        let _ = restore(&mut stdout());
    }
}

/// Writes what turns a terminal into a screen of ours.
///
/// # Errors
/// If it cannot be written.
pub fn take(out: &mut impl Write) -> io::Result<()> {
    execute!(
        out,
        EnterAlternateScreen,
        EnableMouseCapture,
        EnableFocusChange,
        EnableBracketedPaste,
        Hide
    )
}

/// Writes what turns it back.
///
/// # Errors
/// If it cannot be written.
pub fn restore(out: &mut impl Write) -> io::Result<()> {
    execute!(
        out,
        DisableBracketedPaste,
        DisableFocusChange,
        DisableMouseCapture,
        LeaveAlternateScreen,
        Show
    )
}

/// The time, UTC milliseconds.
pub fn now_ms() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a screen shows what time it is")]
    let now = SystemTime::now();
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Seconds east of UTC, here and at this time.
pub fn zone_offset_secs(at_ms: u64) -> i32 {
    use chrono::{Local, Offset as _, TimeZone as _};
    let at = i64::try_from(at_ms / 1_000).unwrap_or(i64::MAX);
    Local.timestamp_opt(at, 0).single().map_or(0, |at| at.offset().fix().local_minus_utc())
}

/// Sends what is typed and pointed at until nobody listens, or the terminal is gone.
///
/// # Errors
/// [`Gone`].
pub async fn input(sink: Sink) -> Result<(), Gone> {
    let mut events = EventStream::new();
    while let Some(Ok(event)) = events.next().await {
        if let Some(what) = meaning(&event) {
            sink.send(what).await?;
        }
    }
    Ok(())
}

/// What an event of the terminal means here, if anything.
pub fn meaning(event: &Event) -> Option<What> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => self::key(key).map(What::Key),
        Event::Key(_) => None,
        Event::Paste(text) => Some(What::Paste(text.clone())),
        Event::Resize(width, height) => Some(What::Resize { width: *width, height: *height }),
        Event::FocusGained => Some(What::Focus(Focus::Gained)),
        Event::FocusLost => Some(What::Focus(Focus::Lost)),
        Event::Mouse(mouse) => {
            let kind = if mouse.kind == MouseEventKind::Down(MouseButton::Left) {
                MouseKind::Click
            } else if mouse.kind == MouseEventKind::ScrollUp {
                MouseKind::WheelUp
            } else if mouse.kind == MouseEventKind::ScrollDown {
                MouseKind::WheelDown
            } else {
                return None;
            };
            Some(What::Mouse(Mouse { x: mouse.column, y: mouse.row, kind }))
        }
    }
}

/// A key, if it is one we know.
fn key(event: &KeyEvent) -> Option<Key> {
    const NAMED: [(KeyCode, Key); 15] = [
        (KeyCode::Enter, Key::Enter),
        (KeyCode::Esc, Key::Esc),
        (KeyCode::Tab, Key::Tab),
        (KeyCode::BackTab, Key::BackTab),
        (KeyCode::Up, Key::Up),
        (KeyCode::Down, Key::Down),
        (KeyCode::Left, Key::Left),
        (KeyCode::Right, Key::Right),
        (KeyCode::PageUp, Key::PageUp),
        (KeyCode::PageDown, Key::PageDown),
        (KeyCode::Home, Key::Home),
        (KeyCode::End, Key::End),
        (KeyCode::Backspace, Key::Backspace),
        (KeyCode::Delete, Key::Delete),
        (KeyCode::Char('\r'), Key::Enter),
    ];
    if let Some((_, key)) = NAMED.iter().find(|(code, _)| *code == event.code) {
        return Some(*key);
    }
    let KeyCode::Char(c) = event.code else { return None };
    if event.modifiers.contains(KeyModifiers::CONTROL) {
        return Some(Key::Ctrl(c.to_ascii_lowercase()));
    }
    let with_alt = event.modifiers.contains(KeyModifiers::ALT);
    (!with_alt).then_some(Key::Char(c))
}
