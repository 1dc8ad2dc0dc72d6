//! The operator's side: signing ceremonies, the command line, and the words screens share with it.
//!
//! [`ceremony`] and [`root`] make signed documents from keys, [`publish`] takes a release to a
//! server, [`cli`] is the binary `rollout`, [`wait`] judges whether a rollout has come to a goal,
//! [`words`] is the wording. The dashboard is [`app`] (what is known), [`view`] (how it looks),
//! [`keymap`], [`theme`], [`feed`] (where news comes from), [`record`], [`terminal`] and [`watch`]
//! (the loop between them). Deliberately not here: any decision about a rollout; those are the
//! core's, asked for through the server.
//!
//! Invariant: private keys stay in this process. What goes to a server is signed, never a key.

pub mod app;
pub mod ceremony;
pub mod cli;
pub mod feed;
pub mod keymap;
pub mod publish;
pub mod record;
pub mod root;
pub mod terminal;
pub mod theme;
pub mod view;
pub mod wait;
pub mod watch;
pub mod widget;
pub mod words;
