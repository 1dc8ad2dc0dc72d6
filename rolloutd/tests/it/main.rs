//! The daemon's rooms from outside.

mod listener;
mod lock;
mod words;
