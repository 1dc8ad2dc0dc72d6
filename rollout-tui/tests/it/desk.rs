//! A publisher's desk: keys, a root, images; all of them good and always the same.

use rollout_core::id::{HardwareModel, ProductId};
use rollout_core::image::{DESCRIPTOR_MAGIC, HEAD_BYTES, IMAGE_MAGIC};
use rollout_core::trust::sign::{SigningKey, public_key, signing_key};
use rollout_core::trust::{Root, UnixSeconds};
use rollout_tui::ceremony::{Inspected, PublishPlan};
use rollout_tui::root::{RootPlan, SignedRoot, fleet_of, make_root};

pub const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

pub fn root_keys() -> [SigningKey; 3] {
    [1, 2, 3].map(|seed| signing_key(&[seed; 32]))
}

pub fn release_key() -> SigningKey {
    signing_key(&[4; 32])
}

pub fn binding_key() -> SigningKey {
    signing_key(&[5; 32])
}

pub fn stranger() -> SigningKey {
    signing_key(&[9; 32])
}

/// A root whose releases this many of `release` must sign.
pub fn signed_root(release: &[&SigningKey], threshold: u8) -> SignedRoot {
    let root_keys = root_keys();
    let plan = RootPlan {
        fleet: fleet_of("demo"),
        root_keys: &root_keys.each_ref(),
        release_keys: &release.iter().map(|key| public_key(key)).collect::<Vec<_>>(),
        binding_keys: &[public_key(&binding_key())],
        threshold_root: None,
        threshold_release: Some(threshold),
        expires_days: 365,
        now: NOW,
    };
    make_root(&plan).expect("a good root")
}

pub fn root() -> Root {
    signed_root(&[&release_key()], 1).root
}

/// An ESP32-C3 app image of product `vacuum`: one segment and a checksum.
pub fn image(version: &str, secure_version: u8) -> Vec<u8> {
    let mut image = vec![0xA5; HEAD_BYTES + 96];
    image[..HEAD_BYTES].fill(0);
    image[0] = IMAGE_MAGIC;
    image[1] = 1;
    image[12] = 5;
    image[28..32].copy_from_slice(&340_u32.to_le_bytes());
    image[0x20..0x24].copy_from_slice(&DESCRIPTOR_MAGIC.to_le_bytes());
    image[0x24] = secure_version;
    image[0x30..0x30 + version.len()].copy_from_slice(version.as_bytes());
    image[0x50..0x56].copy_from_slice(b"vacuum");
    image[HEAD_BYTES + 95] = image[32..32 + 340].iter().fold(0xEF, |sum, byte| sum ^ byte);
    image
}

pub fn models(names: &[&str]) -> Vec<HardwareModel> {
    names.iter().map(|name| HardwareModel::new(name).expect("a model")).collect()
}

pub fn plan(version: &str, secure_version: u8, hardware: &[&str]) -> PublishPlan {
    let inspected = Inspected::of(&image(version, secure_version)).expect("a good image");
    let product = ProductId::new("vacuum").expect("a product");
    PublishPlan::new(product, inspected, models(hardware))
}
