//! Signed documents and images for tests.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use firmware_agent::host::image::{Behavior, CHIP_TEST, ImageSpec, build};
use rollout_core::id::Digest;
use rollout_core::image::ChipId;
use rollout_core::trust::sign::{
    ManifestFields, RoleFields, RootFields, SigningKey, public_key, sign, signing_key,
};
use rollout_core::trust::{DocumentType, Epoch, FleetId, Role, RootVersion, UnixSeconds};
use rollout_core::version::{ReleaseCounter, SecureVersion};

pub const NOW: u64 = 1_800_000_000;
pub const PRODUCT: &str = "thermostat";
pub const HARDWARE: &str = "sim-a1";

pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The keys of a fleet with one root key and one release key.
pub struct Keys {
    pub root: SigningKey,
    pub release: SigningKey,
}

impl Keys {
    pub fn new(seed: u8) -> Self {
        Self { root: signing_key(&[seed; 32]), release: signing_key(&[seed + 1; 32]) }
    }

    pub fn root_fields(&self, version: u64) -> RootFields {
        let only = |index| RoleFields { threshold: 1, members: vec![index] };
        RootFields {
            fleet: FleetId([7; 16]),
            version: RootVersion(version),
            expires: UnixSeconds(NOW + 31_536_000),
            epoch: Epoch(1),
            keys: vec![public_key(&self.root), public_key(&self.release)],
            roles: [(Role::Root, only(0)), (Role::Release, only(1))].into(),
            issued_at: UnixSeconds(NOW - 86_400),
        }
    }

    pub fn root(&self) -> Vec<u8> {
        sign(DocumentType::Root, &self.root_fields(1).encode().unwrap(), &[&self.root]).unwrap()
    }

    pub fn manifest(&self, fields: &ManifestFields) -> Vec<u8> {
        sign(DocumentType::Manifest, &fields.encode().unwrap(), &[&self.release]).unwrap()
    }
}

pub fn fields(image: &[u8], version: &str, counter: u64) -> ManifestFields {
    ManifestFields {
        fleet: FleetId([7; 16]),
        product: PRODUCT.to_owned(),
        hardware: vec![HARDWARE.into()],
        epoch: Epoch(1),
        counter: ReleaseCounter(counter),
        version: version.to_owned(),
        image: Digest::of(image),
        image_bytes: image.len() as u64,
        secure_version: SecureVersion(0),
        min_from: ReleaseCounter(0),
        expires: UnixSeconds(NOW + 86_400),
        chip_id: ChipId(CHIP_TEST),
        component: None,
        reissue_of: None,
        contract: None,
        spread: None,
        format: None,
        delta_bases: None,
        config: None,
    }
}

pub fn image(version: &str, size: usize, behavior: Behavior) -> Vec<u8> {
    build(&ImageSpec { product: PRODUCT, version, size, behavior, ..ImageSpec::default() })
}

pub fn good_image(version: &str) -> Vec<u8> {
    image(version, 20_000, Behavior::default())
}
