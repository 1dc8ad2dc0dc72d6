//! `rollout key`: makes private keys and shows public ones.
//!
//! Deliberately not here: encrypted keys and keys in hardware; openssl makes and holds those.
//!
//! Invariant: a private key reaches a file of mode 0600 that was not there before, and nothing
//! else; buffers that held it are wiped.

use super::args::{KeyCommand, KeyRole};
use super::error::Failure;
use super::output::Answer;
use super::{Entropy, write_new};
use rollout_core::id::decode_hex;
use rollout_core::trust::PublicKey;
use rollout_core::trust::pem::{key_from_pem, key_to_pem};
use rollout_core::trust::sign::{SigningKey, public_key, signing_key};
use serde_json::json;
use std::fs::{self, Permissions};
use std::path::Path;
use zeroize::Zeroizing;

impl KeyRole {
    /// Its name as typed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Release => "release",
            Self::Binding => "binding",
        }
    }
}

/// Does what was asked.
///
/// # Errors
/// [`Failure`] if a file is in the way, or is no key.
pub fn run(command: &KeyCommand, entropy: &mut Entropy<'_>) -> Result<Answer, Failure> {
    match command {
        KeyCommand::New { role, out } => new(*role, out, entropy),
        KeyCommand::Show { file } => {
            let key = read(file)?;
            Ok(Answer::fields(&shown(&public_key(&key))))
        }
    }
}

fn new(role: KeyRole, out: &Path, entropy: &mut Entropy<'_>) -> Result<Answer, Failure> {
    let mut seed = Zeroizing::new([0; 32]);
    entropy(&mut *seed)?;
    let key = signing_key(&seed);
    write_new(out, key_to_pem(&key).as_bytes(), private())?;
    let public = public_key(&key);
    let mut fields = vec![("role", json!(role.name()))];
    fields.extend(shown(&public));
    fields.push(("file", json!(out.display().to_string())));
    Ok(Answer::fields(&fields))
}

/// Mode 0600 where files have modes.
#[cfg(unix)]
fn private() -> Option<Permissions> {
    Some(std::os::unix::fs::PermissionsExt::from_mode(0o600))
}

#[cfg(not(unix))]
fn private() -> Option<Permissions> {
    None
}

fn shown(public: &PublicKey) -> [(&'static str, serde_json::Value); 2] {
    [("key_id", json!(public.id().to_string())), ("public_key", json!(public.to_string()))]
}

/// Reads a private key.
///
/// # Errors
/// [`Failure`] if the file cannot be read or is no key.
pub fn read(file: &Path) -> Result<SigningKey, Failure> {
    let pem = fs::read_to_string(file).map_err(|error| Failure::reading(file, &error))?;
    let pem = Zeroizing::new(pem);
    let what = || format!("cannot use `{}` as a key", file.display());
    key_from_pem(&pem).map_err(|error| Failure::of(what(), &error))
}

/// Reads the public half of a private key's file, or 64 hexadecimal digits.
///
/// # Errors
/// [`Failure`] if it is neither.
pub fn read_public(text: &str) -> Result<PublicKey, Failure> {
    let mut bytes = [0; 32];
    if decode_hex(text, &mut bytes) {
        return Ok(PublicKey(bytes));
    }
    read(Path::new(text)).map(|key| public_key(&key))
}
