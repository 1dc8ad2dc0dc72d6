//! The signing ceremony: from images to the signed manifests of a release and of its way back.
//!
//! Pure. The root, the keys, the time and what the server said are arguments. Deliberately not
//! here: files, prompts, the network (that is [`crate::publish`]), keys that live in a signing
//! service, opaque images, and envelopes that further people sign.
//!
//! Invariant: what leaves this room passes the check that devices and the server make, names a
//! counter of its own, and reissues only images that the release keys have signed before.

mod error;
mod image;
mod renew;

pub use error::CeremonyError;
pub use image::{InspectError, Inspected};

use rollout_core::hosting::Contract;
use rollout_core::id::{HardwareModel, Principal, ProductId};
use rollout_core::image::ChipId;
use rollout_core::journal::PublishRecord;
use rollout_core::release::{Marks, ReleaseId};
use rollout_core::trust::sign::{ManifestFields, SigningKey, public_key, sign};
use rollout_core::trust::{
    ComponentId, DocumentType, Envelope, Manifest, Refusal, Role, Root, UnixSeconds, check_upload,
};
use rollout_core::version::{ReleaseCounter, SecureVersion};
use semver::{Version, VersionReq};
use std::collections::BTreeSet;
use std::fmt;

/// Life of a manifest in the basic profile, days.
//= trust §3, manifest key 11
pub const EXPIRES_DAYS: u64 = 180;
/// Seconds of a day.
pub const DAY_SECS: u64 = 86_400;
/// Highest counter that is signed. A server that names more would use counters up for good.
pub const MAX_COUNTER: u64 = 1 << 48;
/// One image and the hardware models it is for, 1 to 8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedImage {
    /// The image.
    pub image: Inspected,
    /// The models.
    pub hardware: Vec<HardwareModel>,
}

/// What shall be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishPlan {
    /// The product, which each image has to name as its project.
    pub product: ProductId,
    /// The part of the device; `None` is the main firmware.
    pub component: Option<ComponentId>,
    /// The images, one per chip, all of one version.
    pub images: Vec<PlannedImage>,
    /// Lowest counter that may install it directly; 0 is any.
    pub min_from: ReleaseCounter,
    /// Versions from which it may be installed; absent is any.
    pub from: Option<VersionReq>,
    /// What it needs of its backend.
    pub contract: Option<Contract>,
    /// Life of its manifests, days, at least 1.
    pub expires_days: u64,
}

impl PublishPlan {
    /// A plan for one image, with every other choice at its default.
    pub fn new(product: ProductId, image: Inspected, hardware: Vec<HardwareModel>) -> Self {
        Self {
            product,
            component: None,
            images: vec![PlannedImage { image, hardware }],
            min_from: ReleaseCounter::default(),
            from: None,
            contract: None,
            expires_days: EXPIRES_DAYS,
        }
    }

    /// Checks that the images belong together, and names the release they make.
    ///
    /// # Errors
    /// [`CeremonyError`] naming the first contradiction.
    pub fn release(&self) -> Result<ReleaseId, CeremonyError> {
        let first = self.images.first().ok_or(CeremonyError::NoImage)?;
        let mut models = BTreeSet::new();
        for PlannedImage { image, hardware } in &self.images {
            if image.project != self.product.as_str() {
                let (project, product) = (image.project.clone(), self.product.to_string());
                return Err(CeremonyError::Project { project, product });
            }
            if image.chip_id == ChipId::OPAQUE {
                return Err(CeremonyError::Opaque);
            }
            if image.version != first.image.version {
                let (one, other) = (first.image.version, image.version);
                return Err(CeremonyError::Versions { one, other });
            }
            if hardware.is_empty() {
                return Err(CeremonyError::NoHardware { image: image.digest });
            }
            if let Some(model) = hardware.iter().find(|model| !models.insert(*model)) {
                return Err(CeremonyError::HardwareTwice { model: model.clone() });
            }
        }
        let text = first.image.version.as_str();
        let version =
            Version::parse(text).map_err(|_| CeremonyError::NoVersion { text: text.into() })?;
        Ok(ReleaseId { product: self.product.clone(), version })
    }
}

/// The release that is good by now, as the server keeps it. Its signatures are checked here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Good {
    /// Its version.
    pub version: Version,
    /// Its signed manifests.
    pub manifests: Vec<Vec<u8>>,
}

/// The signed way back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedWayBack {
    /// The version it leads to.
    pub version: Version,
    /// Its counter: the release's own and one.
    pub counter: ReleaseCounter,
    /// Its signed manifests.
    pub manifests: Vec<Vec<u8>>,
}

/// Why some devices have no way back. Each is said aloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoWayBack {
    /// No release of the product is good yet, as on the first publish.
    NothingGood,
    /// The publisher asked for none.
    Declined,
    /// The good release has no image for a model.
    Model {
        /// The model.
        model: HardwareModel,
        /// The good release's version.
        version: Version,
    },
    /// The new image burns a fuse that the good one does not reach.
    Burnt {
        /// The good release's version.
        version: Version,
        /// Secure version of the new image.
        new: SecureVersion,
        /// Secure version of the good image.
        good: SecureVersion,
    },
}

impl fmt::Display for NoWayBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingGood => f.write_str("no release of this product is good yet"),
            Self::Declined => f.write_str("none was asked for"),
            Self::Model { model, version } => {
                write!(f, "{version} has no image for hardware model {model}")
            }
            Self::Burnt { version, new, good } => write!(
                f,
                "{version} has secure version {good}, a device that confirms this release \
                 burns {new}"
            ),
        }
    }
}

/// A release with everything signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedRelease {
    /// Product and version.
    pub release: ReleaseId,
    /// Order of signing.
    pub counter: ReleaseCounter,
    /// Signed manifests, in the order of the plan's images.
    pub manifests: Vec<Vec<u8>>,
    /// The way back.
    pub way_back: Option<SignedWayBack>,
    /// Who has none, and why.
    pub no_way_back: Vec<NoWayBack>,
    /// Versions from which it may be installed.
    pub from: Option<VersionReq>,
}

impl SignedRelease {
    /// The journal's record of it.
    pub fn record(&self, by: Principal) -> PublishRecord {
        let way_back = self.way_back.as_ref();
        PublishRecord {
            release: self.release.clone(),
            counter: self.counter,
            manifests: self.manifests.clone(),
            way_back: way_back.map(|back| (back.version.clone(), back.manifests.clone())),
            from: self.from.clone(),
            by,
            notes: None,
            source: None,
            provenance: None,
            marks: Marks::default(),
        }
    }
}

/// Who signs, under which root, and when.
#[derive(Clone, Copy, Debug)]
pub struct Ceremony<'a> {
    /// The newest root of the fleet.
    pub root: &'a Root,
    /// Release keys, as many as the root asks for.
    pub keys: &'a [&'a SigningKey],
    /// The time.
    pub now: UnixSeconds,
}

impl Ceremony<'_> {
    /// Signs a release under `counter`, and a reissue of what is good under the next one.
    ///
    /// # Errors
    /// [`CeremonyError`]. Nothing was signed that anybody else has seen.
    pub fn sign(
        &self,
        plan: &PublishPlan,
        counter: ReleaseCounter,
        good: Result<&Good, NoWayBack>,
    ) -> Result<SignedRelease, CeremonyError> {
        let release = plan.release()?;
        self.check_keys()?;
        if counter.0 == 0 || counter.0 >= MAX_COUNTER {
            return Err(CeremonyError::Counter { found: counter });
        }
        let images = plan.images.iter();
        let manifests = images.map(|image| self.seal(&self.manifest(plan, image, counter)));
        let manifests = manifests.collect::<Result<Vec<_>, _>>()?;
        let (way_back, no_way_back) = match good {
            Err(why) => (None, vec![why]),
            Ok(good) => self.way_back(plan, counter, good)?,
        };
        let from = plan.from.clone();
        Ok(SignedRelease { release, counter, manifests, way_back, no_way_back, from })
    }

    fn check_keys(&self) -> Result<(), CeremonyError> {
        let role = self.root.role(Role::Release);
        let listed = role.as_ref().map_or(&[][..], |role| role.keys());
        let strange = self.keys.iter().map(|key| public_key(key)).find(|key| !listed.contains(key));
        strange.map_or(Ok(()), |key| Err(CeremonyError::StrangeKey { id: key.id() }))
    }

    fn expires(&self, plan: &PublishPlan) -> UnixSeconds {
        UnixSeconds(self.now.0.saturating_add(plan.expires_days.saturating_mul(DAY_SECS)))
    }

    fn manifest(
        &self,
        plan: &PublishPlan,
        PlannedImage { image, hardware }: &PlannedImage,
        counter: ReleaseCounter,
    ) -> ManifestFields {
        let contract = plan.contract.as_ref().map(Contract::to_string);
        ManifestFields {
            fleet: self.root.fleet(),
            product: plan.product.as_str().into(),
            hardware: hardware.iter().map(|model| model.as_str().as_bytes().to_vec()).collect(),
            epoch: self.root.epoch(),
            counter,
            version: image.version.as_str().into(),
            image: image.digest,
            image_bytes: image.length,
            secure_version: image.secure_version,
            min_from: plan.min_from,
            expires: self.expires(plan),
            chip_id: image.chip_id,
            component: plan.component,
            reissue_of: None,
            contract: contract.filter(|text| !text.is_empty()),
            spread: None,
            format: None,
            delta_bases: None,
            config: None,
        }
    }

    /// Signs, and asks what every device and the server will ask.
    fn seal(&self, fields: &ManifestFields) -> Result<Vec<u8>, CeremonyError> {
        let envelope = sign(DocumentType::Manifest, &fields.encode()?, self.keys)?;
        check_upload(self.root, &envelope, self.now)?;
        Ok(envelope)
    }

    //= trust §4: going back on purpose
    fn way_back(
        &self,
        plan: &PublishPlan,
        counter: ReleaseCounter,
        good: &Good,
    ) -> Result<(Option<SignedWayBack>, Vec<NoWayBack>), CeremonyError> {
        let component = plan.component.unwrap_or(ComponentId::MAIN);
        let (mut manifests, mut covered, mut without) = (Vec::new(), BTreeSet::new(), Vec::new());
        for envelope in &good.manifests {
            let manifest = self.read_good(plan, good, envelope)?;
            let mut new = plan.images.iter().filter(|image| {
                let mut models = image.hardware.iter();
                models.any(|model| manifest.hardware.contains(model.as_str()))
            });
            let burns = new.clone().map(|image| image.image.secure_version).max();
            if manifest.component() != component || new.next().is_none() {
                continue;
            }
            covered.extend(manifest.hardware.iter().map(Vec::from));
            match burns {
                Some(new) if new > manifest.secure_version => {
                    let (version, good) = (good.version.clone(), manifest.secure_version);
                    without.push(NoWayBack::Burnt { version, new, good });
                }
                Some(_) | None => {
                    manifests.push(self.seal(&self.reissue(plan, &manifest, counter))?);
                }
            }
        }
        let models = plan.images.iter().flat_map(|image| &image.hardware);
        let missing = models.filter(|model| !covered.contains(model.as_str().as_bytes()));
        without.extend(
            missing.map(|model| NoWayBack::Model {
                model: model.clone(),
                version: good.version.clone(),
            }),
        );
        let (version, counter) = (good.version.clone(), counter.next());
        let back = SignedWayBack { version, counter, manifests };
        Ok(((!back.manifests.is_empty()).then_some(back), without))
    }

    fn read_good<'e>(
        &self,
        plan: &PublishPlan,
        good: &Good,
        envelope: &'e [u8],
    ) -> Result<Manifest<'e>, CeremonyError> {
        let version = || good.version.to_string();
        let wrong = |source: Refusal| CeremonyError::Good { version: version(), source };
        let opened = Envelope::open(envelope).map_err(|error| wrong(error.into()))?;
        let manifest = self.read_signed(&opened).map_err(wrong)?;
        let same = manifest.fleet == self.root.fleet()
            && manifest.product == plan.product.as_str()
            && manifest.version.as_str() == version();
        if same { Ok(manifest) } else { Err(CeremonyError::OtherGood { version: version() }) }
    }

    fn reissue(
        &self,
        plan: &PublishPlan,
        good: &Manifest<'_>,
        counter: ReleaseCounter,
    ) -> ManifestFields {
        // Counters of an older epoch are void, so a stepping stone of then is none any more.
        let same_epoch = good.epoch == self.root.epoch();
        ManifestFields {
            epoch: self.root.epoch(),
            counter: counter.next(),
            reissue_of: Some(good.counter),
            min_from: if same_epoch { good.min_from } else { ReleaseCounter::default() },
            expires: self.expires(plan),
            spread: None,
            ..ManifestFields::of(good)
        }
    }
}
