//! How things read to people: one wording for the command line and the screens.
//!
//! Deliberately not here: what a rollout waits for and why a device is not offered an image; the
//! code that decides words those itself. Nor layout, which is each frontend's own.
//!
//! Invariant: [`plain`] lets no control character through.

pub mod figure;

use rollout_core::fleet::{ABSENT, OTHERS};
use rollout_core::limits::BLAMED_VALUES;
use rollout_core::time::Timestamp;
use rollout_core::trust::Role;
use rollout_http::body::v1::{BlamedBody, RolloutBody};

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

/// What a request to resume has come to: done, or agreed to by one of the two whom a halt takes.
//= design 4.12: a halted rollout resumes only by two people
pub fn resumed(name: &str, body: &RolloutBody) -> String {
    match body.line.phase.as_str() {
        "halted" => format!(
            "1 of 2 people have agreed to resume {name}; it stays halted until another does"
        ),
        phase => format!("resumed {name}, it is {}", spaced(phase)),
    }
}

/// What an approval of a rung has come to: enough, or how many more it takes.
pub fn approved(rung: &str, name: &str, body: &RolloutBody) -> String {
    let known = body.ladder.iter().find(|one| one.rung == rung);
    let (have, need) =
        known.map_or((0, 0), |one| (one.approved_by.len(), usize::from(one.approvals_needed)));
    match need.saturating_sub(have) {
        _ if have == 0 => format!("approved rung {rung} of {name}"),
        0 => format!("rung {rung} of {name} is approved, by {have} of {need}"),
        more => {
            let others =
                if more == 1 { "another does".into() } else { format!("{more} others do") };
            format!(
                "{have} of {need} people have approved rung {rung} of {name}; \
                 it stays shut until {others}"
            )
        }
    }
}

/// What an agreement to the end of the way back has come to.
pub fn let_go(rung: &str, name: &str, body: &RolloutBody) -> String {
    let missing = body.ladder.iter().find(|one| one.rung == rung);
    match missing.map_or(0, |one| one.no_return_missing) {
        0 => format!("agreed that the way back ends in rung {rung} of {name}"),
        more => {
            let others =
                if more == 1 { "another does".into() } else { format!("{more} others do") };
            format!(
                "agreed that the way back ends in rung {rung} of {name}; \
                 it stays shut until {others}"
            )
        }
    }
}

/// `1 device`, `2 devices`.
pub fn count(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// What is said when no group of devices is worse than the others.
pub const NOBODY: &str = "no model, version or region stands out";

/// The devices of a group that has a value in common.
pub fn whose(group: &BlamedBody) -> String {
    match (group.attribute.as_str(), group.value.as_str()) {
        (name, ABSENT) => format!("no {name}"),
        (name, OTHERS) => format!("{name} beyond the first {BLAMED_VALUES}"),
        ("version", value) => format!("from {value}"),
        (name, value) => format!("{name} {value}"),
    }
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
