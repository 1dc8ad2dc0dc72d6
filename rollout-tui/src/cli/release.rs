//! `rollout release`: publishes, lists, shows and withdraws releases. `rollout root publish` too.
//!
//! Deliberately not here: the ceremony and the conversation around it, which the demo shares.
//!
//! Invariant: whoever publishes reads which way back was signed, and aloud which was not.

use super::args::{DeadEnd, Publish, ReleaseCommand, Renew};
use super::error::Failure;
use super::output::Answer;
use super::parse::{ImageArg, WayBackArg};
use super::progress::Progress;
use super::table::Fit;
use super::{channel, key, root, to_json};
use crate::ceremony::{
    CeremonyError, InspectError, Inspected, PlannedImage, PublishPlan, SignedRelease,
};
use crate::publish::{
    Along, Anchor, Options, Published, RenewOptions, Renewed, Source, WayBack, publish_with, renew,
};
use crate::words;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rollout_core::id::ProductId;
use rollout_core::release::ReleaseId;
use rollout_core::trust::{ComponentId, Root, UnixSeconds};
use rollout_core::version::ReleaseCounter;
use rollout_http::body::v1::{
    ArtifactBody, DeadEndBody, DeadEndRequest, ReleaseBody, RootBody, StonesRequest,
};
use rollout_http::client::Client;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::path::Path;

/// Does what was asked.
///
/// # Errors
/// [`Failure`] of a file, of the ceremony or of the server.
pub async fn run(
    client: &Client,
    command: &ReleaseCommand,
    now: UnixSeconds,
    bars: Progress,
) -> Result<Answer, Failure> {
    match command {
        ReleaseCommand::Publish(args) => publish_release(client, args, now, bars).await,
        ReleaseCommand::List { product } => {
            let all = client.releases().await;
            let mut all = all.map_err(|error| Failure::server("cannot list releases", &error))?;
            if let Some(product) = product {
                let of =
                    |one: &ReleaseBody| one.release.split('@').next() == Some(product.as_str());
                all.releases.retain(of);
            }
            let rows: Vec<_> = all.releases.iter().map(line).collect();
            let columns = ["release", "state", "counter", "images", "way_back", "by"];
            Ok(Answer::table(&columns, &[("by", Fit::Cut)], &rows, to_json(&all)?))
        }
        ReleaseCommand::Show { release } => {
            let body = client.release(&release.to_string()).await;
            let what = || format!("cannot show release `{release}`");
            shown(&body.map_err(|error| Failure::server(what(), &error))?)
        }
        ReleaseCommand::Promote(asked) => channel::promote(client, asked).await,
        ReleaseCommand::Renew(args) => renew_release(client, args, now).await,
        ReleaseCommand::Stone { release, model, .. } => {
            let models = model.iter().map(ToString::to_string).collect();
            stone(client, release, StonesRequest { models }).await
        }
        ReleaseCommand::DeadEnd(asked) => dead_end(client, asked).await,
        ReleaseCommand::DeadEnds { product } => dead_ends(client, product).await,
        ReleaseCommand::Withdraw { release, reason } => withdraw(client, release, reason).await,
    }
}

async fn withdraw(client: &Client, release: &ReleaseId, reason: &str) -> Result<Answer, Failure> {
    let done = client.withdraw(&release.to_string(), reason).await;
    let what = || format!("cannot withdraw release `{release}`");
    done.map_err(|error| Failure::server(what(), &error))?;
    let line = format!("withdrawn {release}: it is not offered any more");
    Ok(Answer::line(line, json!({ "release": release.to_string(), "state": "withdrawn" })))
}

async fn stone(
    client: &Client,
    release: &ReleaseId,
    asked: StonesRequest,
) -> Result<Answer, Failure> {
    let done = client.set_stones(&release.to_string(), &asked).await;
    let what = || format!("cannot make `{release}` a stepping stone");
    let body = done.map_err(|error| Failure::server(what(), &error))?;
    let line = match body.stepping_stone.as_slice() {
        [] => format!("nobody must pass through {release}"),
        models => format!("{} must pass through {release}", models.join(", ")),
    };
    Ok(Answer::line(line, to_json(&body)?))
}

async fn dead_end(client: &Client, asked: &DeadEnd) -> Result<Answer, Failure> {
    let DeadEnd { product, model, versions, reason, .. } = asked;
    let request = DeadEndRequest {
        model: model.to_string(),
        versions: versions.to_string(),
        reason: reason.clone(),
    };
    let done = client.set_dead_end(product.as_str(), &request).await;
    let what = || format!("cannot declare a dead end of `{product}`");
    let stored = done.map_err(|error| Failure::server(what(), &error))?;
    let line = match reason {
        Some(_) => format!("{product} {versions} on {model} is a dead end"),
        None => format!("{product} {versions} on {model} is no dead end any more"),
    };
    Ok(Answer::line(line, to_json(&stored)?))
}

async fn dead_ends(client: &Client, product: &ProductId) -> Result<Answer, Failure> {
    let all = client.dead_ends(product.as_str()).await;
    let what = || format!("cannot list the dead ends of `{product}`");
    let all = all.map_err(|error| Failure::server(what(), &error))?;
    let row = |end: &DeadEndBody| {
        json!({
            "model": end.model, "versions": end.versions, "reason": end.reason, "by": end.by,
        })
    };
    let rows: Vec<_> = all.dead_ends.iter().map(row).collect();
    let columns = ["model", "versions", "by", "reason"];
    Ok(Answer::table(&columns, &[("reason", Fit::Fold)], &rows, to_json(&all)?))
}

/// Gives the server a root document.
///
/// # Errors
/// [`Failure`] of the file or of the server.
pub async fn publish_root(client: &Client, file: &Path) -> Result<Answer, Failure> {
    let envelope = root::read(file)?;
    let what = || format!("cannot publish root `{}`", file.display());
    let stored =
        client.store_root(&RootBody { envelope: STANDARD.encode(envelope), version: None }).await;
    let stored = stored.map_err(|error| Failure::server(what(), &error))?;
    let line = match stored.state.as_str() {
        "known" => "already published",
        _ => "published",
    };
    Ok(Answer::line(line, to_json(&stored)?))
}

async fn publish_release(
    client: &Client,
    args: &Publish,
    now: UnixSeconds,
    bars: Progress,
) -> Result<Answer, Failure> {
    let what = || format!("cannot publish `{}`", args.product);
    let keys = args.key.iter().map(|file| key::read(file)).collect::<Result<Vec<_>, _>>()?;
    let kept = args.root.as_deref().map(read_root).transpose()?;
    let plan = plan_of(args)?;
    let sources: Vec<_> = args.image.iter().map(|one| Source::File(one.file.clone())).collect();
    let way_back = match &args.way_back {
        None => WayBack::Good,
        Some(WayBackArg::Version(version)) => WayBack::To(version.clone()),
        Some(WayBackArg::None) => WayBack::None,
    };
    let options = Options {
        plan: &plan,
        sources: &sources,
        keys: &keys.iter().collect::<Vec<_>>(),
        anchor: kept.as_ref().map_or(Anchor::Servers, Anchor::Kept),
        way_back: &way_back,
        now,
    };
    let (notes, provenance) = (read_notes(args)?, read_provenance(args)?);
    let uploads = |file: &Path, bytes| bars.bytes(&file.display().to_string(), Some(bytes)).sent();
    let along = Along {
        notes: notes.as_deref(),
        source: args.source.as_deref(),
        provenance: provenance.as_deref(),
        stepping_stone: &args.stepping_stone,
        irreversible: args.irreversible.as_deref(),
        uploads: Some(&uploads),
    };
    match publish_with(client, &options, along).await {
        Ok(Published::New(signed)) => Ok(published(&signed, &plan)),
        Ok(Published::Already { release, counter }) => Ok(Answer::line(
            format!("already published {release}, counter {counter}"),
            json!({ "state": "known", "release": release.to_string(), "counter": counter.0 }),
        )),
        Err(error) => Err(Failure::publish(what(), &error)),
    }
}

fn read_notes(args: &Publish) -> Result<Option<String>, Failure> {
    let Some(file) = &args.notes else { return Ok(None) };
    fs::read_to_string(file).map(Some).map_err(|error| Failure::reading(file, &error))
}

fn read_provenance(args: &Publish) -> Result<Option<Vec<u8>>, Failure> {
    let Some(file) = &args.provenance else { return Ok(None) };
    fs::read(file).map(Some).map_err(|error| Failure::reading(file, &error))
}

async fn renew_release(client: &Client, args: &Renew, now: UnixSeconds) -> Result<Answer, Failure> {
    let release = &args.release;
    let keys = args.key.iter().map(|file| key::read(file)).collect::<Result<Vec<_>, _>>()?;
    let kept = args.root.as_deref().map(read_root).transpose()?;
    let options = RenewOptions {
        release,
        keys: &keys.iter().collect::<Vec<_>>(),
        anchor: kept.as_ref().map_or(Anchor::Servers, Anchor::Kept),
        days: args.days,
        now,
    };
    let done = renew(client, &options).await;
    let what = || format!("cannot renew `{release}`");
    let Renewed { manifests, until } = done.map_err(|error| Failure::publish(what(), &error))?;
    let date = words::utc(until.0);
    let (state, line) = match manifests {
        0 => ("known", format!("{release} lives until {date} already")),
        _ => (
            "renewed",
            format!(
                "renewed {release} until {date}: {}",
                words::count(manifests as u64, "manifest")
            ),
        ),
    };
    let json = json!({
        "state": state, "release": release.to_string(), "manifests": manifests, "until": until.0,
    });
    Ok(Answer::line(line, json))
}

fn read_root(file: &Path) -> Result<Root, Failure> {
    let envelope = root::read(file)?;
    let what = || format!("cannot sign under `{}`", file.display());
    Root::pinned(&envelope).map_err(|error| Failure::of(what(), &error))
}

fn plan_of(args: &Publish) -> Result<PublishPlan, Failure> {
    let images = args.image.iter().map(|image| inspect(image, args));
    Ok(PublishPlan {
        product: args.product.clone(),
        component: args.component.map(ComponentId),
        images: images.collect::<Result<_, _>>()?,
        min_from: ReleaseCounter(args.min_from),
        from: args.from.clone(),
        contract: args.contract.clone(),
        expires_days: args.expires_days,
    })
}

fn inspect(image: &ImageArg, args: &Publish) -> Result<PlannedImage, Failure> {
    let file = &image.file;
    let opened = File::open(file).map_err(|error| Failure::reading(file, &error))?;
    let what = || format!("cannot publish image `{}`", file.display());
    let inspected = Inspected::read(opened).map_err(|error| match error {
        InspectError::Read(error) => Failure::reading(file, &error),
        InspectError::Image(error) => Failure::of(what(), &error),
    })?;
    let hardware = if image.hardware.is_empty() { &args.hardware } else { &image.hardware };
    if hardware.is_empty() {
        let error = CeremonyError::NoHardware { image: inspected.digest };
        return Err(Failure::of(what(), &error));
    }
    Ok(PlannedImage { image: inspected, hardware: hardware.clone() })
}

/// What was published, and which way back was signed.
fn published(signed: &SignedRelease, plan: &PublishPlan) -> Answer {
    let release = signed.release.to_string();
    let mut lines = vec![format!("published {release}, counter {}", signed.counter)];
    let mut images = Vec::new();
    for PlannedImage { image, hardware } in &plan.images {
        let models: Vec<_> = hardware.iter().map(|model| model.as_str()).collect();
        let (digest, bytes) = (image.digest, image.length);
        lines.push(format!("  {}  {bytes} bytes  {digest}", models.join(", ")));
        images.push(json!({
            "hardware": models, "image": digest.to_string(), "image_bytes": bytes,
            "chip_id": image.chip_id.0, "secure_version": image.secure_version.0,
        }));
    }
    let back = signed.way_back.as_ref();
    lines.extend(back.map(|back| {
        format!("way back to {}, counter {}, is signed as well", back.version, back.counter)
    }));
    lines.extend(signed.no_way_back.iter().map(|why| format!("no way back: {why}")));
    let way_back =
        back.map(|back| json!({ "version": back.version.to_string(), "counter": back.counter.0 }));
    let missing: Vec<_> = signed.no_way_back.iter().map(ToString::to_string).collect();
    let json = json!({
        "state": "new", "release": release, "counter": signed.counter.0, "images": images,
        "way_back": way_back, "no_way_back": missing,
    });
    Answer::of_lines(lines, json)
}

/// A release in a list.
fn line(body: &ReleaseBody) -> Value {
    json!({
        "release": body.release, "state": body.state, "counter": body.counter,
        "images": body.artifacts.len(), "by": body.by,
        "way_back": body.way_back.as_ref().map(|back| &back.version),
    })
}

fn shown(body: &ReleaseBody) -> Result<Answer, Failure> {
    let back = body.way_back.as_ref();
    let fields = Answer::fields(&[
        ("release", json!(body.release)),
        ("state", json!(body.state)),
        ("withdrawn", json!(body.withdrawn)),
        ("counter", json!(body.counter)),
        ("from", json!(body.from)),
        ("stepping_stone", stones(&body.stepping_stone)),
        ("irreversible", json!(body.irreversible)),
        ("published", json!(format!("{} by {}", words::utc(body.at), body.by))),
        ("source", json!(body.source)),
        ("provenance", json!(body.provenance.as_ref().map(|_| "kept; `--json` shows it"))),
        (
            "way_back",
            json!(back.map_or("none".into(), |b| format!("{}, counter {}", b.version, b.counter))),
        ),
    ]);
    let mut answer = fields.with(body.artifacts.iter().flat_map(artifact));
    answer.lines.extend(body.promotions.iter().map(|one| {
        let passed = if one.has_passed { "has passed" } else { "has not passed" };
        format!("{passed} {}: rollout {}", one.channel, one.rollout)
    }));
    if let Some(notes) = &body.notes {
        answer.lines.push("notes".into());
        answer.lines.extend(notes.lines().map(|line| format!("  {line}")));
    }
    answer.json = to_json(body)?;
    Ok(answer)
}

fn stones(models: &[String]) -> Value {
    if models.is_empty() { Value::Null } else { json!(format!("for {}", models.join(", "))) }
}

fn artifact(body: &ArtifactBody) -> [String; 3] {
    let models = body.hardware.join(", ");
    let (component, bytes) = (body.component, body.image_bytes);
    [
        format!("image for {models}, component {component}"),
        format!("  {bytes} bytes, SHA-256 {}", body.image),
        format!(
            "  secure version {}, from counter {}, manifest expires {}",
            body.secure_version,
            body.min_from,
            words::utc(body.expires)
        ),
    ]
}
