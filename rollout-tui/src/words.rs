//! How things read to people: one wording for the command line and the screens.
//!
//! Deliberately not here: what a rollout waits for and why a device is not offered an image; the
//! code that decides words those itself. Nor layout, which is each frontend's own.
//!
//! Invariant: [`plain`] lets no control character through.

pub mod figure;

use rollout_core::time::Timestamp;
use rollout_core::trust::Role;

/// A text that may have come from anywhere, without characters that steer a terminal.
pub fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_direction(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Marks that reorder the text around them.
//= Unicode UAX #9 §2: explicit directional formatting characters
fn is_direction(c: char) -> bool {
    matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Unix seconds as `2027-01-15 08:00:00 UTC`.
pub fn utc(secs: u64) -> String {
    Timestamp(secs.saturating_mul(1000)).to_string()
}

/// A role of the root document.
pub const fn role(role: Role) -> &'static str {
    match role {
        Role::Root => "root",
        Role::Release => "release",
        Role::Director => "director",
        Role::Binding => "binding",
    }
}

/// The same, or `never` for 0.
pub fn utc_or_never(secs: u64) -> String {
    if secs == 0 { "never".into() } else { utc(secs) }
}

/// A name of the API, such as `awaiting_approval`, as words.
pub fn spaced(name: &str) -> String {
    name.replace('_', " ")
}

/// `1 device`, `2 devices`.
pub fn count(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_foreign_steers_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\u{202e}c"), "a\\u{1b}[2Jb\\u{202e}c");
        assert_eq!(plain("größer 5 %"), "größer 5 %");
    }
}
