//! What the demo is played on: a folder, keys, a server on free ports, and the fleet.

use super::{Bad, Options};
use crate::config::Config;
use crate::engine::Settings;
use crate::serve::{self, Serving};
use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use firmware_agent::host::fleet::{self, FleetOptions};
use firmware_agent::host::image::{self, Behavior, CHIP_TEST, ImageSpec};
use rollout_core::id::{Digest, HardwareModel, Principal, ProductId};
use rollout_core::journal::Role;
use rollout_core::time::Span;
use rollout_core::trust::sign::{SigningKey, public_key, signing_key};
use rollout_core::trust::{Root, UnixSeconds};
use rollout_http::body::v1::{OpenEnrollment, RootBody};
use rollout_http::client::Client;
use rollout_store::Unobserved;
use rollout_tui::ceremony::{Inspected, PublishPlan};
use rollout_tui::publish::{self, Anchor, Published, Source, WayBack};
use rollout_tui::root::{self, RootPlan};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The product of the demo.
pub const PRODUCT: &str = "vacuum";
/// Its hardware model.
pub const MODEL: &str = "v980";
/// Bytes of an image: large enough to come in pieces, small enough for 5 000 files.
const IMAGE_BYTES: usize = 48 * 1024;
/// Bytes of a slot.
const SLOT_BYTES: u32 = 64 * 1024;

/// The running system.
pub struct Stage {
    /// The server.
    pub serving: Serving,
    /// An operator's client.
    pub client: Client,
    /// The bad release's image.
    pub bad_image: Digest,
    /// When the fleet was let live.
    pub raised: Instant,
    folder: tempfile::TempDir,
    fleet: JoinHandle<Result<fleet::FleetSummary, firmware_agent::host::Error>>,
    curtain: watch::Sender<bool>,
}

struct Publisher<'a> {
    client: &'a Client,
    root: &'a Root,
    key: &'a SigningKey,
    seed: u64,
}

impl Stage {
    /// Makes keys, starts the server, publishes all releases and lets the fleet live.
    pub async fn set(options: &Options) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("no temporary folder")?;
        let serving = serve::listen(&config(folder.path().join("server"), options), Unobserved)
            .await
            .context("the server does not start")?;
        let client = operator(&serving).await?;
        let (signed_root, release_key) = keys(options)?;
        let envelope = STANDARD.encode(&signed_root.envelope);
        client.store_root(&RootBody { envelope, version: None }).await?;
        let publisher = Publisher {
            client: &client,
            root: &signed_root.root,
            key: &release_key,
            seed: options.seed,
        };
        let (factory, factory_manifest) = publisher.publish("1.0.0", Behavior::default()).await?;
        publisher.publish("1.1.0", Behavior::default()).await?;
        let fleet_options = FleetOptions {
            count: options.devices as usize,
            hardware: MODEL.into(),
            product: PRODUCT.into(),
            factory_manifest: Some(factory_manifest),
            enroll_token: enrollment(&client, options).await?,
            seed: options.seed,
            poll: Some(options.poll()),
            faults: fleet::Faults { drop: options.drop_rate, ..fleet::Faults::default() },
            slot_bytes: SLOT_BYTES,
            ..FleetOptions::new(
                &format!("http://{}", serving.devices),
                &folder.path().join("fleet"),
                signed_root.envelope.clone(),
                factory,
            )
        };
        // The bad release is signed after the good one, as it would be; its rollout comes later.
        let (bad, _) = publisher.publish("1.2.0", behavior(options.bad)).await?;
        fleet::provision(&fleet_options)?;
        let (curtain, fallen) = watch::channel(false);
        let raised = Instant::now();
        let fleet = tokio::spawn(fleet::run(fleet_options, fallen));
        let bad_image = Digest::of(&bad);
        Ok(Self { serving, client, bad_image, raised, folder, fleet, curtain })
    }

    /// Where the devices' flash files are.
    pub fn fleet_folder(&self) -> PathBuf {
        self.folder.path().join("fleet")
    }

    /// Lets the fleet and the server end.
    pub async fn clear(self) -> anyhow::Result<()> {
        self.curtain.send_replace(true);
        self.fleet.await.context("the fleet did not end")??;
        self.serving.stop().await?;
        Ok(())
    }
}

fn config(data: PathBuf, options: &Options) -> Config {
    let poll = Span(options.poll().as_millis() as u64);
    let tick = Span((poll.0 / 5).clamp(200, 1000));
    let settings =
        Settings { poll, tick, absent_after: Settings::absent_after(tick), ..Settings::default() };
    Config { name: "demo".into(), ..Config::local(data, settings) }
}

async fn operator(serving: &Serving) -> anyhow::Result<Client> {
    let every = [Role::Viewer, Role::Operator, Role::Publisher, Role::Approver, Role::Admin];
    let principal = Principal::new("demo").context("a name")?;
    let token = crate::init::make_token(&serving.daemon, principal, &every).await;
    let token = token.map_err(|problem| anyhow::anyhow!(problem.detail))?;
    Ok(Client::new(&format!("http://{}", serving.operators), &token.text)?)
}

/// Keys of this one show, drawn from its seed, and the root that names them.
fn keys(options: &Options) -> anyhow::Result<(root::SignedRoot, SigningKey)> {
    let key = |role: &str| {
        let text = format!("demo key, seed {}, role {role}", options.seed);
        signing_key(Digest::of(text.as_bytes()).as_bytes())
    };
    let (root_key, release_key, binding_key) = (key("root"), key("release"), key("binding"));
    let signed = root::make_root(&RootPlan {
        fleet: root::fleet_of("demo"),
        root_keys: &[&root_key],
        release_keys: &[public_key(&release_key)],
        binding_keys: &[public_key(&binding_key)],
        threshold_root: None,
        threshold_release: None,
        expires_days: root::EXPIRES_DAYS,
        now: now(),
    })?;
    Ok((signed, release_key))
}

fn now() -> UnixSeconds {
    use crate::clock::Clock as _;
    UnixSeconds(crate::clock::SystemClock.now().unix_secs())
}

async fn enrollment(client: &Client, options: &Options) -> anyhow::Result<String> {
    let count = u64::from(options.devices);
    let open = OpenEnrollment { hardware: MODEL.into(), count, days: Some(1) };
    Ok(client.open_enrollment(&open).await?.token)
}

fn behavior(bad: Bad) -> Behavior {
    const ALL: u32 = 1_000_000;
    match bad {
        Bad::Explicit => Behavior { fail_ppm: ALL, ..Behavior::default() },
        Bad::Dark => Behavior { dark_ppm: ALL, ..Behavior::default() },
        Bad::Rate(rate) => {
            Behavior { fail_ppm: (rate * f64::from(ALL)) as u32, ..Behavior::default() }
        }
    }
}

impl Publisher<'_> {
    /// Builds an image, signs it as a publisher would, and uploads it. Returns it and its manifest.
    async fn publish(
        &self,
        version: &str,
        behavior: Behavior,
    ) -> anyhow::Result<(Vec<u8>, Vec<u8>)> {
        let image = image::build(&ImageSpec {
            product: PRODUCT,
            version,
            chip_id: CHIP_TEST,
            secure_version: 0,
            size: IMAGE_BYTES,
            behavior,
            seed: self.seed,
        });
        let product = ProductId::new(PRODUCT)?;
        let hardware = vec![HardwareModel::new(MODEL)?];
        let plan = PublishPlan::new(product, Inspected::of(&image)?, hardware);
        let published = publish::publish(
            self.client,
            &publish::Options {
                plan: &plan,
                sources: &[Source::Bytes(image.clone())],
                keys: &[self.key],
                anchor: Anchor::Kept(self.root),
                way_back: &way_back(version),
                now: now(),
            },
        )
        .await
        .with_context(|| format!("{version} was not published"))?;
        match published {
            Published::New(signed) => {
                let manifest = signed.manifests.first().context("a release has a manifest")?;
                Ok((image, manifest.clone()))
            }
            Published::Already { release, .. } => anyhow::bail!("{release} was there before"),
        }
    }
}

/// The version before, named: nothing has been rolled out yet when these are published.
fn way_back(version: &str) -> WayBack {
    match version {
        "1.1.0" => WayBack::To(semver::Version::new(1, 0, 0)),
        "1.2.0" => WayBack::To(semver::Version::new(1, 1, 0)),
        _ => WayBack::None,
    }
}

/// How long anything in the demo may take before it is given up.
pub fn patience(options: &Options) -> Duration {
    Duration::from_secs(120) + options.horizon() * 40
}
