//! What the dashboard knows and how it changes: one model, one message at a time.
//!
//! [`Model`] is everything a screen is drawn from, time included; [`update`] takes a [`Message`]
//! and returns what is to be done outside. Deliberately not here: drawing, channels, clocks, HTTP.
//!
//! Invariant: the same messages give the same model, whatever the machine and the hour.

mod act;
mod ask;
mod consequence;
mod event;
mod history;
mod input;
mod message;
mod model;
mod mouse;
mod news;
mod order;
mod seat;
mod session;
mod tape;
mod update;

pub use ask::{About, Ask, Field, FieldKind};
pub use consequence::{Consequence, consequence};
pub use event::{EventLog, Filter, is_routine};
pub use history::{History, Point};
pub use input::Input;
pub use message::{
    Command, DeviceNews, DevicesNews, Fetch, Focus, Message, Mouse, MouseKind, What,
};
pub use model::{Data, Link, Model, Notice, NoticeKind, TravelView};
pub use order::{Order, OrderKind, Refused, roles_for};
pub use seat::{Local, Routine, Screen, Search, Seat, Sort};
pub use session::{Session, Source};
pub use tape::Tape;
pub use update::update;
