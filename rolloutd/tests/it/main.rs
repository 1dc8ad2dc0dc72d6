//! The daemon's rooms from outside.

mod certificates;
mod follow;
mod listener;
mod lock;
mod private;
mod strangers;
mod tls;
mod words;
