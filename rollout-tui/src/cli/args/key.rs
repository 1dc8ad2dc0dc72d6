//! Arguments of `rollout key` and `root`.
//!
//! Deliberately not here: reading key files. Invariant: as [`super`].

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KeyRole {
    /// Signs root documents.
    Root,
    /// Signs manifests of releases.
    Release,
    /// Signs bindings: where devices connect.
    Binding,
}

/// About keys.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a private key: Ed25519, PKCS#8 in PEM, mode 0600. Never overwrites a file.
    New {
        /// What it is for. Any key can do any role; the root document decides.
        #[arg(long)]
        role: KeyRole,
        /// Where to write it.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Show the id and the public half of a private key.
    Show {
        /// Private key, PEM.
        file: PathBuf,
    },
}

/// About the root document.
#[derive(Debug, Subcommand)]
pub enum RootCommand {
    /// Make and sign the first root document of a fleet. Works offline.
    New(RootNew),
    /// Show what a root document says, and whether it is signed by itself. Works offline.
    Show {
        /// Root document, COSE.
        file: PathBuf,
    },
    /// Give the server a root document: the first, or the successor of the one in force.
    Publish {
        /// Root document, COSE.
        file: PathBuf,
    },
}

/// Options of `root new`.
#[derive(Args, Debug)]
pub struct RootNew {
    /// The fleet: 32 hexadecimal digits, or a name (its SHA-256, cut to 16 bytes, is the id).
    #[arg(long, value_name = "NAME|HEX")]
    pub fleet: String,
    /// Private root key, PEM; once for each. All of them sign.
    #[arg(long, value_name = "FILE", required = true)]
    pub root_key: Vec<PathBuf>,
    /// Release key; once for each: private key in PEM, or the public key as 64 digits.
    #[arg(long, value_name = "FILE|HEX", required = true)]
    pub release_key: Vec<String>,
    /// Binding key, in either form.
    #[arg(long, value_name = "FILE|HEX", required = true)]
    pub binding_key: Vec<String>,
    /// How many root keys must sign; more than half of them if absent.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=8))]
    pub threshold_root: Option<u8>,
    /// How many release keys must sign.
    #[arg(long, value_name = "N", default_value_t = 1,
        value_parser = clap::value_parser!(u8).range(1..=8))]
    pub threshold_release: u8,
    /// Life of the root, days; nothing is installed under it afterwards.
    #[arg(long, value_name = "DAYS", default_value_t = crate::root::EXPIRES_DAYS,
        value_parser = clap::value_parser!(u64).range(1..=3650))]
    pub expires_days: u64,
    /// Where to write it. Never overwrites a file.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}
