//! Takes a release to a server: asks where the product stands, signs here, uploads, posts.
//!
//! The ceremony itself is pure and in [`crate::ceremony`]; this is the conversation around it, for
//! the command line and for the demo. Deliberately not here: files with keys, and words.
//!
//! Invariants: the server gets signatures and images, never a key; nothing it says is signed
//! unless the ceremony could check it; publishing the same images twice is publishing them once.

use crate::ceremony::{
    Ceremony, CeremonyError, Good, NoWayBack, PublishPlan, SignedRelease, SignedWayBack,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rollout_core::id::HardwareModel;
use rollout_core::release::ReleaseId;
use rollout_core::trust::sign::SigningKey;
use rollout_core::trust::{Root, RootError, UnixSeconds};
use rollout_core::version::ReleaseCounter;
use rollout_http::body::v1::{
    ArtifactBody, ProductBody, PublishRequest, RenewRequest, WayBackRequest,
};
use rollout_http::client::{Client, Error as ClientError, Sent};
use semver::Version;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// How often a publish takes a new counter because somebody else was faster.
const ATTEMPTS: u32 = 4;
/// The code of a refusal for a counter that was taken meanwhile.
const COUNTER_TAKEN: &str = "PU-004";
/// The code of a refusal for something that is not there.
const UNKNOWN: &str = "RE-001";

/// Where the bytes of an image are.
#[derive(Clone, Debug)]
pub enum Source {
    /// In memory.
    Bytes(Vec<u8>),
    /// In a file, which is streamed.
    File(PathBuf),
}

/// Where the way back leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WayBack {
    /// To what the server says is good by now. Its signatures are checked.
    Good,
    /// To this version.
    To(Version),
    /// Nowhere.
    None,
}

/// Under which root a release is signed.
#[derive(Clone, Copy, Debug)]
pub enum Anchor<'a> {
    /// One that the publisher keeps.
    Kept(&'a Root),
    /// The server's newest. A reissue then also needs a signature of one of the keys at hand.
    Servers,
}

/// What [`publish`] needs besides the server.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// What is published.
    pub plan: &'a PublishPlan,
    /// The bytes of the plan's images, in their order.
    pub sources: &'a [Source],
    /// Release keys. They stay here.
    pub keys: &'a [&'a SigningKey],
    /// Under which root.
    pub anchor: Anchor<'a>,
    /// Where the way back leads.
    pub way_back: &'a WayBack,
    /// The time.
    pub now: UnixSeconds,
}

/// What comes along with a release and is not signed, and who hears how its uploads go.
#[derive(Clone, Copy, Default)]
pub struct Along<'a> {
    /// What is new in it, for people.
    pub notes: Option<&'a str>,
    /// Where it was built from, such as a commit.
    pub source: Option<&'a str>,
    /// How it was built, as its builder attests.
    pub provenance: Option<&'a [u8]>,
    /// Models that must pass through it.
    pub stepping_stone: &'a [HardwareModel],
    /// Why nothing leads back from it.
    pub irreversible: Option<&'a str>,
    /// Is asked for each image whom to tell, with its file and its bytes.
    pub uploads: Option<&'a Uploads<'a>>,
}

/// Whom to tell how an upload goes, by its file and its bytes.
pub type Uploads<'a> = dyn Fn(&Path, u64) -> Sent + 'a;

/// How a publish ended well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Published {
    /// It was not there before.
    New(Box<SignedRelease>),
    /// The same images were published before; nothing was signed.
    Already {
        /// The release.
        release: ReleaseId,
        /// Its counter.
        counter: ReleaseCounter,
    },
}

/// Publishes a release and its way back.
///
/// # Errors
/// [`PublishError`]. Uploaded images may remain; the release is there as a whole or not at all.
pub async fn publish(client: &Client, options: &Options<'_>) -> Result<Published, PublishError> {
    publish_with(client, options, Along::default()).await
}

/// The same with what comes along.
///
/// # Errors
/// As [`publish`].
pub async fn publish_with(
    client: &Client,
    options: &Options<'_>,
    along: Along<'_>,
) -> Result<Published, PublishError> {
    let release = options.plan.release().map_err(PublishError::Ceremony)?;
    if options.sources.len() != options.plan.images.len() {
        return Err(PublishError::Sources);
    }
    let root = match options.anchor {
        Anchor::Kept(root) => root.clone(),
        Anchor::Servers => servers_root(client).await?,
    };
    let mut attempt = 1;
    loop {
        let product = client.product(release.product.as_str()).await?;
        if product.releases.contains(&release.to_string()) {
            return already(client, options.plan, release).await;
        }
        let good = good(client, options, &product).await?;
        let ceremony = Ceremony { root: &root, keys: options.keys, now: options.now };
        let counter = ReleaseCounter(product.next_counter);
        let good = good.as_ref().map_err(Clone::clone);
        let signed = ceremony.sign(options.plan, counter, good).map_err(PublishError::Ceremony)?;
        if attempt == 1 {
            upload(client, options, along).await?;
        }
        match client.publish(&request(&signed, along)).await {
            Ok(_) => return Ok(Published::New(Box::new(signed))),
            Err(error) if attempt < ATTEMPTS && is_refusal(&error, COUNTER_TAKEN) => attempt += 1,
            Err(error) => return Err(error.into()),
        }
    }
}

/// What [`renew`] needs besides the server.
#[derive(Clone, Copy, Debug)]
pub struct RenewOptions<'a> {
    /// What is renewed.
    pub release: &'a ReleaseId,
    /// Release keys. They stay here.
    pub keys: &'a [&'a SigningKey],
    /// Under which root.
    pub anchor: Anchor<'a>,
    /// How long from now, days.
    pub days: u64,
    /// The time.
    pub now: UnixSeconds,
}

/// How a renewal ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Renewed {
    /// Manifests that live longer now; the others did already.
    pub manifests: usize,
    /// Until when at least.
    pub until: UnixSeconds,
}

/// Lets every manifest of a release and of its way back live longer.
///
/// # Errors
/// [`PublishError`]. All of them are renewed, or none.
pub async fn renew(client: &Client, options: &RenewOptions<'_>) -> Result<Renewed, PublishError> {
    let root = match options.anchor {
        Anchor::Kept(root) => root.clone(),
        Anchor::Servers => servers_root(client).await?,
    };
    let ceremony = Ceremony { root: &root, keys: options.keys, now: options.now };
    let (until, id) = (ceremony.renewed_until(options.days), options.release);
    let known = client.release(&id.to_string()).await?;
    let mut manifests = Vec::new();
    let mut sign = |version: &Version, artifacts: &[ArtifactBody]| {
        for artifact in artifacts {
            let envelope = decode(&artifact.manifest)?;
            let renewed = ceremony.renew(&id.product, version, &envelope, until);
            let renewed = renewed.map_err(PublishError::Ceremony)?;
            manifests.extend(renewed.map(|envelope| STANDARD.encode(envelope)));
        }
        Ok::<_, PublishError>(())
    };
    sign(&id.version, &known.artifacts)?;
    if let Some(back) = &known.way_back {
        let version = back.version.parse().map_err(|_| PublishError::Answer("a version"))?;
        sign(&version, &back.artifacts)?;
    }
    let done = Renewed { manifests: manifests.len(), until };
    if done.manifests > 0 {
        client.renew(&id.to_string(), &RenewRequest { manifests }).await?;
    }
    Ok(done)
}

/// The server's newest root, which must at least be signed by itself.
///
/// # Errors
/// [`PublishError`] if there is none, or it is not.
pub async fn servers_root(client: &Client) -> Result<Root, PublishError> {
    let newest = client.newest_root().await.map_err(|error| {
        if is_refusal(&error, UNKNOWN) { PublishError::NoRoot } else { error.into() }
    })?;
    let envelope = decode(&newest.envelope)?;
    Root::pinned(&envelope).map_err(PublishError::Root)
}

async fn already(
    client: &Client,
    plan: &PublishPlan,
    release: ReleaseId,
) -> Result<Published, PublishError> {
    let known = client.release(&release.to_string()).await?;
    let theirs: BTreeSet<&str> = known.artifacts.iter().map(|one| one.image.as_str()).collect();
    let ours: Vec<String> = plan.images.iter().map(|one| one.image.digest.to_string()).collect();
    if theirs == ours.iter().map(String::as_str).collect() {
        return Ok(Published::Already { release, counter: ReleaseCounter(known.counter) });
    }
    Err(PublishError::OtherImages { release: release.to_string() })
}

async fn good(
    client: &Client,
    options: &Options<'_>,
    product: &ProductBody,
) -> Result<Result<Good, NoWayBack>, PublishError> {
    match options.way_back {
        WayBack::None => Ok(Err(NoWayBack::Declined)),
        WayBack::Good => match &product.good {
            None => Ok(Err(NoWayBack::NothingGood)),
            Some(good) => good_of(&good.version, &good.artifacts).map(Ok),
        },
        WayBack::To(version) => {
            let product = options.plan.product.clone();
            let id = ReleaseId { product, version: version.clone() };
            let known = client.release(&id.to_string()).await?;
            good_of(&version.to_string(), &known.artifacts).map(Ok)
        }
    }
}

fn good_of(version: &str, artifacts: &[ArtifactBody]) -> Result<Good, PublishError> {
    let version = Version::parse(version).map_err(|_| PublishError::Answer("a version"))?;
    let manifests = artifacts.iter().map(|artifact| decode(&artifact.manifest));
    Ok(Good { version, manifests: manifests.collect::<Result<_, _>>()? })
}

async fn upload(
    client: &Client,
    options: &Options<'_>,
    along: Along<'_>,
) -> Result<(), PublishError> {
    for (planned, source) in options.plan.images.iter().zip(options.sources) {
        let digest = planned.image.digest;
        match source {
            Source::Bytes(bytes) => client.upload_bytes(digest, bytes.clone()).await?,
            Source::File(file) => {
                let hears = along.uploads.map(|uploads| uploads(file, planned.image.length));
                let sent = hears.unwrap_or_else(Sent::unheard);
                client.upload_image(digest, file, &sent).await?
            }
        };
    }
    Ok(())
}

fn request(signed: &SignedRelease, along: Along<'_>) -> PublishRequest {
    let encode = |manifests: &[Vec<u8>]| manifests.iter().map(|one| STANDARD.encode(one)).collect();
    let way_back = signed.way_back.as_ref().map(|SignedWayBack { version, manifests, .. }| {
        WayBackRequest { version: version.to_string(), manifests: encode(manifests) }
    });
    PublishRequest {
        release: signed.release.to_string(),
        counter: signed.counter.0,
        manifests: encode(&signed.manifests),
        way_back,
        from: signed.from.as_ref().map(ToString::to_string),
        notes: along.notes.map(str::to_owned),
        source: along.source.map(str::to_owned),
        provenance: along.provenance.map(|bytes| STANDARD.encode(bytes)),
        stepping_stone: along.stepping_stone.iter().map(ToString::to_string).collect(),
        irreversible: along.irreversible.map(str::to_owned),
    }
}

fn decode(text: &str) -> Result<Vec<u8>, PublishError> {
    STANDARD.decode(text).map_err(|_| PublishError::Answer("a signed document"))
}

fn is_refusal(error: &ClientError, code: &str) -> bool {
    matches!(error, ClientError::Refused(problem) if problem.code == code)
}

/// Why a release was not published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// It cannot be signed.
    #[error(transparent)]
    Ceremony(CeremonyError),
    /// The server has no root.
    #[error("the fleet has no root document yet")]
    NoRoot,
    /// The server's root is no root.
    #[error(transparent)]
    Root(RootError),
    /// The version is there with other images.
    #[error("{release} is published already, with other images")]
    OtherImages {
        /// The release.
        release: String,
    },
    /// The caller gave more or fewer sources than images.
    #[error("each image of the plan needs the source of its bytes")]
    Sources,
    /// The server's answer is not what it should be.
    #[error("the server's answer has no {0} where one should be")]
    Answer(&'static str),
    /// The server refused, or could not be asked; or the file of an image cannot be read.
    #[error(transparent)]
    Client(#[from] ClientError),
}
