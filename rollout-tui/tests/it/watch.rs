//! The dashboard: screens, keys, orders, time travel, and where its news comes from.

mod feed;
mod keys;
mod news;
mod orders;
mod random;
mod sample;
mod screens;
mod server;
mod terminal;
mod travel;
mod walk;
