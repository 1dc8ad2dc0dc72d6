//! Arguments of `rollout cohort`, `freeze` and `token`.
//!
//! Deliberately not here: what a query means; the server reads it. Invariant: as [`super`].

use clap::{Subcommand, ValueEnum};
use rollout_core::id::{CohortId, DeviceId, FreezeId};
use rollout_core::time::Timestamp;
use rollout_http::body::v1::parse_when;

/// About cohorts.
#[derive(Debug, Subcommand)]
pub enum CohortCommand {
    /// Give a name to a query or to a list of devices.
    Set {
        /// The name.
        #[arg(value_parser = CohortId::new)]
        name: CohortId,
        /// Whoever this selects, such as "model==v980;region=in=(eu-west,eu-central)".
        #[arg(long, conflicts_with = "device", required_unless_present = "device")]
        query: Option<String>,
        /// Exactly these devices; once for each, or separated by commas.
        #[arg(long, value_name = "ID", value_delimiter = ',', value_parser = DeviceId::new)]
        device: Vec<DeviceId>,
    },
    /// Show what a name means, or every name.
    Show {
        /// The name.
        #[arg(value_parser = CohortId::new)]
        name: Option<CohortId>,
    },
}

/// About freezes.
#[derive(Debug, Subcommand)]
pub enum FreezeCommand {
    /// Let nothing be given for a while: no offer, no permit, whatever the rollout.
    Set {
        /// The name.
        #[arg(value_parser = FreezeId::new)]
        name: FreezeId,
        /// From then on, such as 2027-12-20T00:00:00Z or Unix seconds.
        #[arg(long, value_name = "TIME", value_parser = moment)]
        from: Timestamp,
        /// Until then.
        #[arg(long, value_name = "TIME", value_parser = moment)]
        until: Timestamp,
        /// Why, for those who wait.
        #[arg(long)]
        reason: String,
    },
    /// List all that were not lifted.
    List,
    /// Lift a freeze. One that is in force is lifted by another person than who set it.
    Lift {
        /// The name.
        #[arg(value_parser = FreezeId::new)]
        name: FreezeId,
    },
}

fn moment(text: &str) -> Result<Timestamp, &'static str> {
    parse_when(text).ok_or("write 2027-12-20T00:00:00Z or Unix seconds")
}

/// About tokens.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token. It is shown once.
    New {
        /// Whom it stands for.
        #[arg(long, value_name = "NAME")]
        principal: String,
        /// What it may do; once for each, or separated by commas.
        #[arg(long, value_enum, value_delimiter = ',', required = true)]
        role: Vec<TokenRole>,
        /// Life of the token, days.
        #[arg(long, value_name = "DAYS", default_value_t = 30,
            value_parser = clap::value_parser!(u32).range(1..=90))]
        expires_days: u32,
    },
    /// List tokens and enrollments that are in force; their texts are nowhere.
    List,
    /// Revoke a token, or an enrollment.
    Revoke {
        /// Public id of the token, as `rollout token list` shows it.
        id: String,
    },
}

/// What a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TokenRole {
    /// Look.
    Viewer,
    /// Steer rollouts, promote releases, set channels and cohorts, hold devices.
    Operator,
    /// Publish, promote and renew releases; halt.
    Publisher,
    /// Approve rungs, be the second who resumes after a halt; halt.
    Approver,
    /// Add, replace and retire devices, make tokens, set channels; halt.
    Admin,
    /// Look at everything, tokens too.
    Auditor,
}
