//! The daemon's rooms from outside.

mod follow;
mod listener;
mod lock;
mod tls;
mod words;
