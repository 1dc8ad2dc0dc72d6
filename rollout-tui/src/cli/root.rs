//! `rollout root`: makes and shows root documents. Publishing one is in the commands that talk.
//!
//! Deliberately not here: successors of a root, and roots that several people sign in turn.
//!
//! Invariant: what is written is what devices pin; a root that is not signed by itself is shown
//! as such, never as good.

use super::args::RootNew;
use super::error::Failure;
use super::output::Answer;
use super::{key, write_new};
use crate::root::{RootPlan, SignedRoot, fleet_of, make_root};
use crate::words;
use rollout_core::trust::{Envelope, Profile, Role, Root, TooFewSignatures, UnixSeconds};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// Makes a root and writes it to a new file.
///
/// # Errors
/// [`Failure`] if a key cannot be read, a rule of roots is broken, or the file is there.
pub fn new(args: &RootNew, now: UnixSeconds) -> Result<Answer, Failure> {
    let root_keys = args.root_key.iter().map(|file| key::read(file));
    let root_keys = root_keys.collect::<Result<Vec<_>, _>>()?;
    let public = |keys: &[String]| -> Result<Vec<_>, Failure> {
        keys.iter().map(|text| key::read_public(text)).collect()
    };
    let plan = RootPlan {
        fleet: fleet_of(&args.fleet),
        root_keys: &root_keys.iter().collect::<Vec<_>>(),
        release_keys: &public(&args.release_key)?,
        binding_keys: &public(&args.binding_key)?,
        threshold_root: args.threshold_root,
        threshold_release: Some(args.threshold_release),
        expires_days: args.expires_days,
        now,
    };
    let SignedRoot { envelope, root } =
        make_root(&plan).map_err(|error| Failure::of("cannot make this root", &error))?;
    write_new(&args.out, &envelope, None)?;
    let file = json!(args.out.display().to_string());
    Ok(shown(&root, Ok(()), &[("file", file)]))
}

/// Reads a root document's file.
///
/// # Errors
/// [`Failure`] if it cannot be read.
pub fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(file).map_err(|error| Failure::reading(file, &error))
}

/// Shows a root document.
///
/// # Errors
/// [`Failure`] if it is none.
pub fn show(file: &Path) -> Result<Answer, Failure> {
    let bytes = read(file)?;
    let what = || format!("`{}` is no root document", file.display());
    let envelope = Envelope::open(&bytes).map_err(|error| Failure::of(what(), &error))?;
    let root = Root::decode(envelope.payload()).map_err(|error| Failure::of(what(), &error))?;
    let signed = root.verify_role(Role::Root, &envelope);
    Ok(shown(&root, signed, &[]))
}

/// What a root says, in both forms.
fn shown(root: &Root, signed: Result<(), TooFewSignatures>, more: &[(&str, Value)]) -> Answer {
    let by_itself = match signed {
        Ok(()) => "yes".into(),
        Err(TooFewSignatures { good, needed, .. }) => {
            format!("no, {good} of its root keys have, {needed} must")
        }
    };
    let profile = match root.profile() {
        Profile::Basic => "basic",
        Profile::Full => "full",
    };
    let mut fields = vec![
        ("fleet", json!(root.fleet().to_string())),
        ("version", json!(root.version().0)),
        ("epoch", json!(root.epoch().0)),
        ("profile", json!(profile)),
        ("issued", json!(words::utc(root.issued_at().0))),
        ("expires", json!(words::utc(root.expires().0))),
        ("signed", json!(by_itself)),
    ];
    fields.extend_from_slice(more);
    let mut answer = Answer::fields(&fields);
    let mut roles = Vec::new();
    for role in Role::ALL {
        let Some(keys) = root.role(role) else { continue };
        let (name, of) = (words::role(role), keys.keys().len());
        answer.lines.push(format!(
            "{name}: {} of {}",
            keys.threshold,
            words::count(of as u64, "key")
        ));
        answer.lines.extend(keys.keys().iter().map(|key| format!("  {}  {key}", key.id())));
        let listed = keys
            .keys()
            .iter()
            .map(|key| json!({ "key_id": key.id().to_string(), "public_key": key.to_string() }));
        roles.push(json!({
            "role": name, "threshold": keys.threshold, "keys": listed.collect::<Vec<_>>(),
        }));
    }
    if let Value::Object(map) = &mut answer.json {
        map.insert("signed".into(), json!(signed.is_ok()));
        map.insert("issued_at".into(), json!(root.issued_at().0));
        map.insert("expires_at".into(), json!(root.expires().0));
        map.insert("roles".into(), Value::Array(roles));
    }
    answer
}
