//! What is shown at which size: the order in which panes go as a screen shrinks.
//!
//! Deliberately not here: where they are. Invariant: a larger screen never shows less.

use ratatui::layout::Rect;

/// A pane that is not always there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pane {
    /// The events below everything.
    Events,
    /// The chart of permits in flight.
    InFlight,
    /// The chart of the evidence.
    Evidence,
    /// A third column.
    Third,
    /// Versions of the fleet.
    Versions,
    /// The chosen rollout beside the list.
    Beside,
    /// Every rung of the ladder, instead of the open one.
    Ladder,
    /// A second line for each rollout: what it waits for.
    Reasons,
}

/// Panes with the width and height they need at least, in the order in which they go: on a screen
/// that shrinks evenly, the first goes first.
pub const DROPS: [(Pane, u16, u16); 8] = [
    (Pane::Third, 170, 30),
    (Pane::Evidence, 100, 34),
    (Pane::Events, 60, 30),
    (Pane::InFlight, 60, 28),
    (Pane::Versions, 60, 26),
    (Pane::Beside, 100, 20),
    (Pane::Ladder, 60, 20),
    (Pane::Reasons, 60, 16),
];

/// Whether a pane is shown in a body of this size.
pub fn shown(pane: Pane, area: Rect) -> bool {
    DROPS
        .iter()
        .any(|(one, width, height)| *one == pane && area.width >= *width && area.height >= *height)
}

/// Whether there is only room for the least: name, phase, reason, bar.
pub fn is_tiny(area: Rect) -> bool {
    area.width < 60 || area.height < 14
}
