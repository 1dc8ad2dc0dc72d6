//! What a rollout waits for. Nobody waits without a reason.

use super::{Overdue, Review};
use crate::gate::HoldReason;
use crate::time::{Span, Timestamp};
use alloc::string::String;
use core::fmt;

/// What a rollout waits for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Waiting {
    /// To be started.
    Start,
    /// For its time.
    Until {
        /// When.
        at: Timestamp,
    },
    /// For nothing any more: its end has passed.
    Stopped {
        /// When.
        at: Timestamp,
    },
    /// For the end of a freeze.
    Freeze {
        /// When.
        until: Timestamp,
        /// Why there is one.
        reason: String,
    },
    /// For a window: no device that can be reached and is still to be given anything is in its own.
    Window {
        /// When the first of them is.
        opens: Timestamp,
    },
    /// For people.
    Approval {
        /// Rung, from 1.
        rung: u16,
        /// How many.
        have: u8,
        /// Of how many.
        need: u8,
    },
    /// For people to agree that the way back ends.
    NoReturn {
        /// Rung, from 1.
        rung: u16,
        /// Devices that could not go back.
        devices: u64,
        /// How many people have agreed.
        have: u8,
        /// Of how many.
        need: u8,
    },
    /// For devices of the open rung to ask and be permitted.
    Reach {
        /// Permitted, of those that are reachable.
        have: u64,
        /// Reachable.
        of: u64,
    },
    /// For permitted devices to reach their horizon.
    Horizon {
        /// Past it.
        have: u64,
        /// Permitted.
        of: u64,
    },
    /// For evidence.
    Evidence {
        /// What is missing.
        hold: HoldReason,
    },
    /// For the next minute: the rate of permits is used up.
    Rate {
        /// How many a minute.
        per_minute: u64,
        /// When the next one may be given.
        next: Timestamp,
    },
    /// For the shortest time a rung stays open.
    Bake {
        /// Until when.
        until: Timestamp,
    },
    /// For an operator: the rung is too small to prove anything and the plan says hold.
    Operator,
    /// For the end of a pause.
    Resume {
        /// Who, why, until when.
        review: Review,
        /// How late the review is; nothing while it lies ahead.
        late: Option<Span>,
        /// What the plan lets happen without one, and in how long.
        then: Option<(Overdue, Span)>,
    },
    /// For two people, after a halt.
    TwoPeople {
        /// How many have agreed.
        have: u8,
    },
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("to be started"),
            Self::Until { at } => write!(f, "its start at {at}"),
            Self::Stopped { at } => write!(f, "nothing any more: its end was {at}"),
            Self::Freeze { until, reason } => {
                write!(f, "the end of a freeze at {until}: {reason}")
            }
            Self::Window { opens } => write!(f, "its window, which opens at {opens}"),
            Self::Approval { rung, have, need } => {
                write!(f, "approval of rung {rung}: {have} of {need}")
            }
            Self::NoReturn { rung, devices, have, need } => {
                let s = if *devices == 1 { "" } else { "s" };
                write!(f, "the way back ends here for {devices} device{s}: ")?;
                write!(f, "approval of rung {rung} for that, {have} of {need}")
            }
            Self::Reach { have, of } => write!(f, "devices: {have} of {of} reachable permitted"),
            Self::Horizon { have, of } => write!(f, "horizons: {have} of {of} passed"),
            Self::Evidence { hold } => write!(f, "evidence: {hold}"),
            Self::Rate { per_minute, next } => {
                write!(f, "its rate: {per_minute} a minute are used up, next at {next}")
            }
            Self::Bake { until } => write!(f, "its bake time, until {until}"),
            Self::Operator => f.write_str("an operator: the rung is too small to prove anything"),
            Self::Resume { review: Review { owner, reason, at }, late, then } => {
                match late {
                    None => write!(f, "{owner}: {reason} (review at {at}")?,
                    Some(late) => {
                        write!(f, "{owner}: {reason} (review was {} ago", late.in_words())?;
                    }
                }
                if let Some((then, left)) = then {
                    write!(f, "; {} by itself in {}", then.verb(), left.in_words())?;
                }
                f.write_str(")")
            }
            Self::TwoPeople { have } => write!(f, "two people to resume it: {have} of 2"),
        }
    }
}
