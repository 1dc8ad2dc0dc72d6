//! How meanings look: dark, light and without color; and a screen in ASCII for terminals without
//! more.
//!
//! Deliberately not here: which meaning a thing has. A color repeats what a glyph and a word say.
//!
//! Invariants: without color, nothing has a color; after [`to_ascii`], no cell holds anything but
//! printable ASCII.

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};

/// Which colors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Palette {
    /// For dark backgrounds.
    #[default]
    Dark,
    /// For light backgrounds.
    Light,
    /// No color: bold, dim, reversed.
    Mono,
}

/// Which characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Charset {
    /// Blocks, lines and arrows.
    #[default]
    Unicode,
    /// Printable ASCII alone.
    Ascii,
}

/// How a dashboard looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Its colors.
    pub palette: Palette,
    /// Its characters.
    pub charset: Charset,
}

/// What something means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tone {
    /// Ordinary text.
    Plain,
    /// What is there to be found, not to be read first.
    Quiet,
    /// A heading.
    Title,
    /// Lines around things.
    Border,
    /// It goes well.
    Good,
    /// It waits, or asks for care.
    Hold,
    /// It hurts.
    Bad,
    /// On its way.
    Moving,
    /// What the cursor is on.
    Chosen,
    /// A key.
    Key,
    /// What cannot be done.
    Disabled,
    /// A halt nobody has taken note of.
    Alarm,
}

impl Tone {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Plain,
        Self::Quiet,
        Self::Title,
        Self::Border,
        Self::Good,
        Self::Hold,
        Self::Bad,
        Self::Moving,
        Self::Chosen,
        Self::Key,
        Self::Disabled,
        Self::Alarm,
    ];
}

impl Palette {
    /// How a meaning looks.
    pub fn style(self, tone: Tone) -> Style {
        match self {
            Self::Dark => dark(tone),
            Self::Light => light(tone),
            Self::Mono => mono(tone),
        }
    }
}

fn dark(tone: Tone) -> Style {
    let style = Style::new();
    match tone {
        Tone::Plain => style,
        Tone::Quiet => style.fg(Color::Indexed(245)),
        Tone::Disabled => style.fg(Color::Indexed(240)),
        Tone::Title => style.fg(Color::White).add_modifier(Modifier::BOLD),
        Tone::Border => style.fg(Color::Indexed(240)),
        Tone::Good => style.fg(Color::Green),
        Tone::Hold => style.fg(Color::Yellow),
        Tone::Bad => style.fg(Color::LightRed).add_modifier(Modifier::BOLD),
        Tone::Moving => style.fg(Color::LightBlue),
        Tone::Chosen => style.bg(Color::Indexed(237)).add_modifier(Modifier::BOLD),
        Tone::Key => style.fg(Color::Cyan).add_modifier(Modifier::BOLD),
        Tone::Alarm => {
            style.fg(Color::LightRed).add_modifier(Modifier::BOLD | Modifier::SLOW_BLINK)
        }
    }
}

fn light(tone: Tone) -> Style {
    let style = Style::new();
    match tone {
        Tone::Plain => style,
        Tone::Quiet | Tone::Disabled => style.fg(Color::Indexed(244)),
        Tone::Title => style.fg(Color::Black).add_modifier(Modifier::BOLD),
        Tone::Border => style.fg(Color::Indexed(250)),
        Tone::Good => style.fg(Color::Indexed(28)),
        Tone::Hold => style.fg(Color::Indexed(130)),
        Tone::Bad => style.fg(Color::Indexed(160)).add_modifier(Modifier::BOLD),
        Tone::Moving => style.fg(Color::Indexed(25)),
        Tone::Chosen => style.bg(Color::Indexed(254)).add_modifier(Modifier::BOLD),
        Tone::Key => style.fg(Color::Indexed(31)).add_modifier(Modifier::BOLD),
        Tone::Alarm => {
            style.fg(Color::Indexed(160)).add_modifier(Modifier::BOLD | Modifier::SLOW_BLINK)
        }
    }
}

fn mono(tone: Tone) -> Style {
    let style = Style::new();
    match tone {
        Tone::Plain | Tone::Good | Tone::Moving | Tone::Hold => style,
        Tone::Quiet | Tone::Disabled | Tone::Border => style.add_modifier(Modifier::DIM),
        Tone::Title | Tone::Key | Tone::Bad => style.add_modifier(Modifier::BOLD),
        Tone::Chosen => style.add_modifier(Modifier::REVERSED),
        Tone::Alarm => style.add_modifier(Modifier::BOLD | Modifier::SLOW_BLINK),
    }
}

/// Characters of the screens, and what stands for them in ASCII.
const TWINS: &[(&str, &str)] = &[
    ("█▇▆", "#"),
    ("▓▅▄", "="),
    ("▒▃", "%"),
    ("░▂", "-"),
    ("·▁", "."),
    ("▏▕│┃┆┊", "|"),
    ("─━┄╌–−", "-"),
    ("┌┐└┘├┤┬┴┼╭╮╰╯", "+"),
    ("▸▶→", ">"),
    ("◂◀←", "<"),
    ("↑▲△", "^"),
    ("↓▼", "v"),
    ("●✔", "*"),
    ("◐", "~"),
    ("✖×⊘", "x"),
    ("○", "o"),
    ("▪◆•", "o"),
    ("⏎", "E"),
    ("…", "~"),
    ("‖", "="),
    ("⌫", "B"),
    ("⇧", "S"),
    ("∞", "8"),
    ("⇄", "="),
];

/// Replaces what is not printable ASCII, cell by cell, so that nothing moves.
pub fn to_ascii(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        let symbol = cell.symbol();
        if symbol.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && symbol.len() <= 1 {
            continue;
        }
        let twin = TWINS.iter().find(|(glyphs, _)| !symbol.is_empty() && glyphs.contains(symbol));
        cell.set_symbol(twin.map_or("?", |(_, twin)| twin));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mono_has_no_color() {
        for tone in Tone::ALL {
            let style = Palette::Mono.style(tone);
            assert_eq!((style.fg, style.bg), (None, None), "{tone:?}");
        }
    }

    #[test]
    fn only_an_alarm_blinks() {
        for palette in [Palette::Dark, Palette::Light, Palette::Mono] {
            for tone in Tone::ALL {
                let blinks = palette.style(tone).add_modifier.contains(Modifier::SLOW_BLINK);
                assert_eq!(blinks, tone == Tone::Alarm, "{palette:?} {tone:?}");
            }
        }
    }
}
