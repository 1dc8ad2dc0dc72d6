//! What arrives, and what is to be done about it.
//!
//! Deliberately not here: where messages come from. What a recording holds are these, a line each.
//!
//! Invariant: everything the model depends on is in a message, the time first of all.

use super::Order;
use crate::keymap::{Key, Time};
use rollout_http::body::v1::{
    CensusBody, DeviceBody, DevicePage, EventLine, EvidenceBody, ExplanationBody, MeBody,
    OverviewBody, Releases, RolloutBody,
};
use serde::{Deserialize, Serialize};

/// Something arrived.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// When, UTC milliseconds.
    pub at_ms: u64,
    /// What.
    pub what: What,
}

/// What arrived.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Time has passed.
    Tick,
    /// A key.
    Key(Key),
    /// Text from the clipboard.
    Paste(String),
    /// The mouse.
    Mouse(Mouse),
    /// The screen has another size.
    Resize {
        /// Columns.
        width: u16,
        /// Lines.
        height: u16,
    },
    /// Whether somebody looks.
    Focus(Focus),
    /// The operator's time zone.
    Zone {
        /// Seconds east of UTC.
        offset_secs: i32,
    },
    /// Events flow.
    Connected,
    /// They do not.
    Lost {
        /// Why.
        why: String,
        /// When it is tried again, UTC milliseconds.
        retry_at_ms: u64,
    },
    /// Who asks.
    Me(MeBody),
    /// How everything stands.
    Overview(Box<OverviewBody>),
    /// How a rollout stands.
    Rollout(Box<RolloutBody>),
    /// How the evidence of a rollout went.
    Evidence(Box<EvidenceBody>),
    /// Something happened.
    Event(EventLine),
    /// More happened than is worth reading.
    Skipped {
        /// The first that was left out.
        from: u64,
        /// The last.
        to: u64,
    },
    /// Devices of a search.
    Devices(Box<DevicesNews>),
    /// A device, with everything about it.
    Device(Box<DeviceNews>),
    /// Devices by two attributes.
    Census(CensusBody),
    /// All releases.
    Releases(Releases),
    /// An order was carried out.
    Done {
        /// What is said about it.
        said: String,
    },
    /// Something could not be done.
    Failed {
        /// What.
        doing: String,
        /// Stable code.
        code: String,
        /// Why.
        detail: String,
        /// What to do.
        hint: String,
    },
}

/// Whether the terminal is in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Focus {
    /// It is.
    Gained,
    /// It is not.
    Lost,
}

/// What the mouse did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mouse {
    /// Column, from 0.
    pub x: u16,
    /// Line, from 0.
    pub y: u16,
    /// What.
    pub kind: MouseKind,
}

/// What the mouse can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MouseKind {
    /// The left button was pressed.
    Click,
    /// The wheel, away from the operator.
    WheelUp,
    /// The wheel, towards the operator.
    WheelDown,
}

/// Devices of a search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DevicesNews {
    /// What was asked.
    pub asked: Fetch,
    /// The answer.
    pub page: DevicePage,
}

/// A device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceNews {
    /// What it is.
    pub device: DeviceBody,
    /// How it stands in the chosen rollout, if there is one.
    pub explanation: Option<ExplanationBody>,
    /// What happened to it, oldest first.
    pub events: Vec<EventLine>,
}

/// What is to be read from the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fetch {
    /// Everything that is on the screen anyway, at once.
    Now,
    /// Devices.
    Devices {
        /// A query, or empty.
        query: String,
        /// A column, or empty.
        sort: String,
        /// Behind which one.
        after: Option<String>,
    },
    /// A device.
    Device {
        /// Its id.
        id: String,
        /// Explained for this rollout.
        rollout: Option<String>,
    },
    /// Devices by two attributes.
    Census {
        /// Of the rows.
        row: String,
        /// Of the columns.
        column: String,
    },
    /// Releases.
    Releases,
}

/// What is to be done outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Leave.
    Quit,
    /// Keep this rollout fresh, and no other.
    Watch(Option<String>),
    /// Read something.
    Fetch(Fetch),
    /// Give a rollout an order.
    Steer {
        /// Which rollout.
        rollout: String,
        /// What.
        order: Order,
    },
    /// Move in time.
    Travel(Time),
}
