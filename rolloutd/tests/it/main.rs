//! The daemon's rooms from outside.

mod listener;
mod words;
