//! What entries are called where they are stored, filtered and shown.
//!
//! Invariant: a kind has one name, and keeps it; the list of names and the names of entries are
//! written once, so none is in one of them alone.

use super::Entry;

macro_rules! kinds {
    ($($entry:pat => $name:literal,)*) => {
        impl Entry {
            /// All kinds.
            pub const KINDS: &[&'static str] = &[$($name),*];

            /// Its kind, as stored and filtered by.
            pub const fn kind(&self) -> &'static str {
                match self {
                    $($entry => $name,)*
                }
            }
        }
    };
}

kinds! {
    Self::RootAccepted { .. } => "root_accepted",
    Self::HostingSet(_) => "hosting_set",
    Self::ProductAdded { .. } => "product_added",
    Self::Published(_) => "published",
    Self::Withdrawn { .. } => "withdrawn",
    Self::Renewed { .. } => "renewed",
    Self::StonesSet { .. } => "stones_set",
    Self::DeadEndSet { .. } => "dead_end_set",
    Self::CohortDefined { .. } => "cohort_defined",
    Self::TokenMade(_) => "token_made",
    Self::TokenRevoked { .. } => "token_revoked",
    Self::EnrollmentOpened(_) => "enrollment_opened",
    Self::Enrolled { .. } => "enrolled",
    Self::Drafted { .. } => "drafted",
    Self::Seen { .. } => "seen",
    Self::Reported(_) => "reported",
    Self::Clock => "clock",
    Self::Outage(_) => "outage",
    Self::Stepped { .. } => "stepped",
    Self::Offered { .. } => "offered",
    Self::Permitted { .. } => "permitted",
    Self::Unasked { .. } => "unasked",
    Self::Held { .. } => "held",
    Self::ChannelSet { .. } => "channel_set",
    Self::ChannelRemoved { .. } => "channel_removed",
    Self::FreezeSet { .. } => "freeze_set",
    Self::FreezeLifted { .. } => "freeze_lifted",
    Self::Promoted { .. } => "promoted",
    Self::StandingSet { .. } => "standing_set",
    Self::TokenRotated { .. } => "token_rotated",
    Self::Noted { .. } => "noted",
    Self::AttributesSet { .. } => "attributes_set",
    Self::Replaced { .. } => "replaced",
    Self::Excluded { .. } => "excluded",
    Self::Included { .. } => "included",
    Self::Once(_) => "once",
    Self::Answered { .. } => "answered",
}
