//! Keys, images, releases and a plan: what has to be there before a rollout begins.
//!
//! Signed by the same code that publishers use and put into an engine through the daemon's own
//! back door, so that a test can begin where it becomes interesting. Not here: devices, and time.

use firmware_agent::host::image::{self, Behavior, CHIP_TEST, ImageSpec};
use rollout_core::cohort::Selector;
use rollout_core::fleet::Registered;
use rollout_core::id::{Digest, HardwareModel, Principal, ProductId, RolloutId};
use rollout_core::image::ChipId;
use rollout_core::journal::{EnrollmentRecord, Entry, PublishRecord, Role, TokenRecord};
use rollout_core::port::{ImageStore as _, ImageUpload as _};
use rollout_core::release::{ReleaseId, Target};
use rollout_core::rollout::{
    Command, Commanded, Ladder, Membership, Plan, PlanFields, Rung, Silence,
};
use rollout_core::time::{Span, Timestamp};
use rollout_core::trust::sign::{ManifestFields, SigningKey, public_key, sign, signing_key};
use rollout_core::trust::{DocumentType, UnixSeconds};
use rollout_core::version::{ReleaseCounter, SecureVersion};
use rollout_http::backend::{Backend, Terms};
use rollout_http::token::{self, TokenKind};
use rollout_tui::root::{self, RootPlan, SignedRoot};

/// The product.
pub const PRODUCT: &str = "vacuum";
/// Its hardware model.
pub const MODEL: &str = "v980";
/// Bytes of an image.
pub const IMAGE_BYTES: usize = 16 * 1024;
/// Bytes of a slot.
pub const SLOT_BYTES: u32 = 20 * 1024;
/// Life of everything that is signed or minted here.
const LIFE: Span = Span::hours(24 * 60);

/// The only rollout of most tests.
pub fn rollout() -> RolloutId {
    RolloutId::parse("0192f7a0-0000-7000-8000-000000000001").expect("a UUID")
}

/// A person.
pub fn person(name: &str) -> Principal {
    Principal::new(name).expect("a name")
}

/// An image with its signed manifest.
#[derive(Clone, Debug)]
pub struct Built {
    /// Its version.
    pub version: semver::Version,
    /// Its place in the order of signing.
    pub counter: ReleaseCounter,
    /// Its bytes.
    pub image: Vec<u8>,
    /// SHA-256 of them.
    pub digest: Digest,
    /// Its signed manifest.
    pub manifest: Vec<u8>,
}

impl Built {
    /// The release it is.
    pub fn release(&self) -> ReleaseId {
        let product = ProductId::new(PRODUCT).expect("a product");
        ReleaseId { product, version: self.version.clone() }
    }
}

/// Keys that name each other, drawn from a seed.
pub struct Stage {
    /// The root document that devices pin.
    pub root: SignedRoot,
    release_key: SigningKey,
    now: UnixSeconds,
    seed: u64,
}

impl Stage {
    /// Makes the keys and signs their root.
    pub fn new(seed: u64, now: Timestamp) -> Self {
        let key =
            |role: &str| signing_key(Digest::of(format!("{role} {seed}").as_bytes()).as_bytes());
        let (root_key, release_key, binding_key) = (key("root"), key("release"), key("binding"));
        let now = UnixSeconds(now.unix_secs());
        let root = root::make_root(&RootPlan {
            fleet: root::fleet_of("tests"),
            root_keys: &[&root_key],
            release_keys: &[public_key(&release_key)],
            binding_keys: &[public_key(&binding_key)],
            threshold_root: None,
            threshold_release: None,
            expires_days: root::EXPIRES_DAYS,
            now,
        });
        Self { root: root.expect("a root"), release_key, now, seed }
    }

    /// Builds and signs an image; `minor` is its minor version and its counter.
    pub fn build(&self, minor: u64, behavior: Behavior) -> Built {
        let version = semver::Version::new(1, minor, 0);
        let image = image::build(&ImageSpec {
            product: PRODUCT,
            version: &version.to_string(),
            chip_id: CHIP_TEST,
            secure_version: 0,
            size: IMAGE_BYTES,
            behavior,
            seed: self.seed,
        });
        let counter = ReleaseCounter(minor + 1);
        let manifest = self.manifest(&version, &image, counter, None);
        let digest = Digest::of(&image);
        Built { version, counter, image, digest, manifest }
    }

    fn manifest(
        &self,
        version: &semver::Version,
        image: &[u8],
        counter: ReleaseCounter,
        reissue_of: Option<ReleaseCounter>,
    ) -> Vec<u8> {
        let fields = ManifestFields {
            fleet: self.root.root.fleet(),
            product: PRODUCT.into(),
            hardware: vec![MODEL.into()],
            epoch: self.root.root.epoch(),
            counter,
            version: version.to_string(),
            image: Digest::of(image),
            image_bytes: image.len() as u64,
            secure_version: SecureVersion(0),
            min_from: ReleaseCounter(0),
            expires: UnixSeconds(self.now.0 + LIFE.as_secs()),
            chip_id: ChipId(CHIP_TEST),
            component: None,
            reissue_of,
            contract: None,
            spread: None,
            format: None,
            delta_bases: None,
            config: None,
        };
        let payload = fields.encode().expect("a manifest");
        let manifest = sign(DocumentType::Manifest, &payload, &[&self.release_key]);
        manifest.expect("signed")
    }

    /// The way back from a release to the one before it.
    fn way_back(&self, from: &Built, to: &Built) -> (semver::Version, Vec<Vec<u8>>) {
        let counter = from.counter.next();
        let manifest = self.manifest(&to.version, &to.image, counter, Some(to.counter));
        (to.version.clone(), vec![manifest])
    }

    /// Stores the root and publishes releases, images included; the last one with a way back to
    /// the one before it, if there is one.
    pub async fn publish<B: Backend>(&self, backend: &B, releases: &[&Built]) {
        let envelope = self.root.envelope.clone();
        register(backend, move |fleet, _| fleet.accept_root(&envelope).expect("accepted")).await;
        for (place, built) in releases.iter().enumerate() {
            let before = (place > 0 && place + 1 == releases.len()).then(|| releases[place - 1]);
            let upload = backend.images().begin(built.digest, built.image.len() as u64).await;
            let mut upload = upload.expect("an upload");
            upload.write(&built.image).await.expect("written");
            upload.finish().await.expect("stored");
            let record = PublishRecord {
                release: built.release(),
                counter: built.counter,
                manifests: vec![built.manifest.clone()],
                way_back: before.map(|before| self.way_back(built, before)),
                from: None,
                by: person("ci"),
                notes: None,
                source: None,
                provenance: None,
                marks: Default::default(),
            };
            register(backend, move |fleet, now| {
                fleet.publish(&record, now).expect("a release as it should be")
            })
            .await;
        }
    }
}

/// Writes what `check` says to the journal.
pub async fn register<B: Backend>(
    backend: &B,
    check: impl FnOnce(&rollout_core::fleet::Fleet, Timestamp) -> Registered + Send + 'static,
) {
    let check = Box::new(|fleet: &rollout_core::fleet::Fleet, now| Ok(check(fleet, now)));
    let registered = backend.register(check, Terms::default()).await;
    registered.expect("nobody else writes");
}

/// Lets `count` devices enroll; returns the token that they need.
pub async fn open_enrollment<B: Backend>(backend: &B, count: u64) -> String {
    let mut entropy = [0; token::ENTROPY_BYTES];
    backend.entropy(&mut entropy);
    let minted = token::make(TokenKind::Enrollment, &entropy);
    let (id, hash) = (minted.id.clone(), minted.hash);
    register(backend, move |_, now| {
        let hardware = HardwareModel::new(MODEL).expect("a model");
        let expires = now.after(LIFE);
        let record = EnrollmentRecord { id, hash, hardware, count, expires };
        Registered::New(vec![Entry::EnrollmentOpened(record)])
    })
    .await;
    minted.text
}

/// Makes an operator's token.
pub async fn operator_token<B: Backend>(backend: &B, name: &str) -> String {
    let mut entropy = [0; token::ENTROPY_BYTES];
    backend.entropy(&mut entropy);
    let minted = token::make(TokenKind::Operator, &entropy);
    let (id, hash, principal) = (minted.id.clone(), minted.hash, person(name));
    register(backend, move |_, now| {
        let roles = [Role::Viewer, Role::Operator].into();
        let expires = now.after(LIFE);
        Registered::New(vec![Entry::TokenMade(TokenRecord { id, hash, principal, roles, expires })])
    })
    .await;
    minted.text
}

/// A plan for every device of the model, with the given rungs and times.
pub fn plan(built: &Built, ladder: &[&str], silence: Silence) -> PlanFields {
    let members = Membership::Query(Selector::parse("model==v980").expect("a query"));
    let rungs = ladder.iter().map(|rung| Rung::parse(rung).expect("a rung")).collect();
    let ladder = Ladder::new(rungs).expect("a ladder");
    let target = Target::Release(built.release());
    PlanFields { silence, ..PlanFields::new("test", target, members, ladder) }
}

/// Drafts the rollout of [`rollout`].
pub async fn draft<B: Backend>(backend: &B, fields: PlanFields) {
    let plan = Plan::check(fields).expect("a plan");
    register(backend, move |fleet, _| {
        fleet.draft(rollout(), plan, person("author")).expect("a draft")
    })
    .await;
}

/// Gives the rollout a command.
pub async fn command<B: Backend>(
    backend: &B,
    by: &str,
    command: Command,
) -> Result<(), rollout_http::backend::Problem> {
    backend.command(rollout(), Commanded { by: person(by), command }, Terms::default()).await
}
