//! The dashboard: screens, keys, orders, time travel, and where its news comes from.

mod orders;
mod random;
mod sample;
mod screens;
mod travel;
mod walk;
