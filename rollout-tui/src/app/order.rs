//! What can be asked of a rollout, who may ask, and when it makes sense.
//!
//! Deliberately not here: the decision. The server refuses what must be refused; this says
//! beforehand what it would say, so that nobody presses a key in vain.
//!
//! Invariant: the roles are those of the server's table; a test of the workspace compares them.

use rollout_http::body::v1::MeBody;

/// An order with everything it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Begin.
    Start,
    /// Stop for a while.
    Pause {
        /// Why.
        reason: String,
        /// When it is looked at again, such as `2h`.
        review: String,
    },
    /// Go on.
    Resume,
    /// Open the next rung.
    Advance,
    /// Agree to a rung.
    Approve {
        /// As the plan writes it.
        rung: String,
    },
    /// Stop until two people resume it.
    Halt {
        /// Why.
        reason: String,
    },
    /// End it.
    Cancel,
    /// Draft the way back.
    RollBack,
}

/// The kinds of orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OrderKind {
    /// See [`Order::Start`].
    Start,
    /// See [`Order::Pause`].
    Pause,
    /// See [`Order::Resume`].
    Resume,
    /// See [`Order::Advance`].
    Advance,
    /// See [`Order::Approve`].
    Approve,
    /// See [`Order::Halt`].
    Halt,
    /// See [`Order::Cancel`].
    Cancel,
    /// See [`Order::RollBack`].
    RollBack,
}

/// Why an order cannot be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The rollout is not in a state for it.
    NotNow(String),
    /// It takes another role.
    NotYou(String),
}

impl Refused {
    /// The reason as a sentence.
    pub fn text(&self) -> &str {
        match self {
            Self::NotNow(why) | Self::NotYou(why) => why,
        }
    }
}

impl OrderKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Start,
        Self::Pause,
        Self::Resume,
        Self::Advance,
        Self::Approve,
        Self::Halt,
        Self::Cancel,
        Self::RollBack,
    ];

    /// Its verb, and what is said once it is done.
    pub const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Start => ("start", "started"),
            Self::Pause => ("pause", "paused"),
            Self::Resume => ("resume", "agreed to resume"),
            Self::Advance => ("advance", "advanced"),
            Self::Approve => ("approve", "approved"),
            Self::Halt => ("halt", "halted"),
            Self::Cancel => ("cancel", "canceled"),
            Self::RollBack => ("roll back", "drafted the way back of"),
        }
    }

    /// Its name in the server's table of operations.
    pub const fn operation(self) -> &'static str {
        match self {
            Self::Start => "start a rollout",
            Self::Pause => "pause a rollout",
            Self::Resume => "resume a rollout",
            Self::Advance => "advance a rollout",
            Self::Approve => "approve a rung",
            Self::Halt => "halt a rollout",
            Self::Cancel => "cancel a rollout",
            Self::RollBack => "roll a rollout back",
        }
    }

    /// Roles of which one is enough.
    pub const fn roles(self) -> &'static [&'static str] {
        match self {
            Self::Resume => &["operator", "approver"],
            Self::Approve => &["approver"],
            Self::Halt => &["operator", "approver", "publisher", "admin"],
            Self::Start | Self::Pause | Self::Advance | Self::Cancel | Self::RollBack => {
                &["operator"]
            }
        }
    }

    /// Whether somebody may give it; nobody is known to be refused before they are known.
    pub fn allowed(self, me: Option<&MeBody>) -> Result<(), Refused> {
        let Some(me) = me else { return Ok(()) };
        if me.may.iter().any(|name| name == self.operation()) {
            return Ok(());
        }
        let (who, roles) = (&me.principal, me.roles.join(", "));
        let (verb, _) = self.words();
        let takes = roles_for(self);
        Err(Refused::NotYou(format!("{verb} takes {takes}; {who} is {roles}")))
    }

    /// Whether it fits a phase, as the API names it.
    //= ARCHITECTURE.md: how a rollout moves
    pub fn fits(self, phase: &str) -> Result<(), Refused> {
        let fits = match self {
            Self::Start => phase == "draft",
            Self::Pause => {
                matches!(phase, "deploying" | "soaking" | "completed" | "awaiting_approval")
            }
            Self::Resume => matches!(phase, "paused" | "halted"),
            Self::Advance => matches!(phase, "deploying" | "soaking"),
            Self::Approve => !matches!(phase, "completed" | "halted" | "canceled"),
            Self::Halt => !matches!(phase, "halted" | "canceled"),
            Self::Cancel => !matches!(phase, "completed" | "canceled"),
            Self::RollBack => phase != "draft" && phase != "scheduled",
        };
        let (verb, _) = self.words();
        let phase = crate::words::spaced(phase);
        if fits { Ok(()) } else { Err(Refused::NotNow(format!("{verb}: not while it is {phase}"))) }
    }
}

/// `the role operator`, `one of the roles operator, approver`.
pub fn roles_for(kind: OrderKind) -> String {
    match kind.roles() {
        [role] => format!("the role {role}"),
        roles => format!("one of the roles {}", roles.join(", ")),
    }
}
