//! A publisher's desk and a device for it: keys, a root, a manifest, all of them good.

use rollout_core::id::Digest;
use rollout_core::image::ChipId;
use rollout_core::trust::sign::{
    ManifestFields, RoleFields, RootFields, SigningKey, public_key, sign, signing_key,
};
use rollout_core::trust::{
    ComponentId, ComponentState, Confirmed, DeviceState, DeviceTime, DocumentType, Epoch, FleetId,
    ManifestVerdict, Refusal, Role, Root, RootVersion, UnixSeconds, check_manifest,
};
use rollout_core::version::{ReleaseCounter, SecureVersion};

pub const NOW: u64 = 1_800_000_000;
const DAY_SECS: u64 = 86_400;

pub fn root_keys() -> [SigningKey; 3] {
    [1, 2, 3].map(|seed| signing_key(&[seed; 32]))
}

pub fn release_keys() -> [SigningKey; 2] {
    [4, 5].map(|seed| signing_key(&[seed; 32]))
}

pub fn director() -> SigningKey {
    signing_key(&[6; 32])
}

pub fn stranger() -> SigningKey {
    signing_key(&[7; 32])
}

pub fn fleet() -> FleetId {
    FleetId([0xF1; 16])
}

pub fn root() -> RootFields {
    let mut keys: Vec<_> = root_keys().iter().chain(&release_keys()).map(public_key).collect();
    keys.push(public_key(&director()));
    let role = |threshold, members: &[u8]| RoleFields { threshold, members: members.to_vec() };
    RootFields {
        fleet: fleet(),
        version: RootVersion(1),
        expires: UnixSeconds(NOW + 365 * DAY_SECS),
        epoch: Epoch(1),
        keys,
        roles: [
            (Role::Root, role(2, &[0, 1, 2])),
            (Role::Release, role(2, &[3, 4])),
            (Role::Binding, role(1, &[3])),
        ]
        .into(),
        issued_at: UnixSeconds(NOW - 10 * DAY_SECS),
    }
}

pub fn manifest() -> ManifestFields {
    ManifestFields {
        fleet: fleet(),
        product: "thermostat".into(),
        hardware: vec![b"esp32-c3-v2".to_vec(), b"esp32-c3-v1".to_vec()],
        epoch: Epoch(1),
        counter: ReleaseCounter(9),
        version: "1.4.0".into(),
        image: Digest::of(b"image"),
        image_bytes: 400_000,
        secure_version: SecureVersion(1),
        min_from: ReleaseCounter(3),
        expires: UnixSeconds(NOW + 180 * DAY_SECS),
        chip_id: ChipId::ESP32_C3,
        component: None,
        reissue_of: None,
        contract: None,
        spread: None,
        format: None,
        delta_bases: None,
        config: None,
    }
}

/// The envelope of a manifest with both release signatures.
pub fn signed(fields: &ManifestFields) -> Vec<u8> {
    let [first, second] = release_keys();
    let payload = fields.encode().expect("a good manifest");
    sign(DocumentType::Manifest, &payload, &[&first, &second]).expect("signed")
}

/// A device that may install [`manifest`].
#[derive(Clone, Debug)]
pub struct Device {
    pub fleet: FleetId,
    pub hardware: &'static str,
    pub chip_id: ChipId,
    pub secure_version: SecureVersion,
    pub confirmed: Confirmed,
    pub image: Digest,
    pub offered: u64,
    pub floor: u64,
    pub uptime_secs: u64,
}

impl Default for Device {
    fn default() -> Self {
        Self {
            fleet: fleet(),
            hardware: "esp32-c3-v2",
            chip_id: ChipId::ESP32_C3,
            secure_version: SecureVersion(1),
            confirmed: Confirmed { epoch: Epoch(1), counter: ReleaseCounter(5) },
            image: Digest::of(b"confirmed image"),
            offered: NOW,
            floor: 0,
            uptime_secs: 0,
        }
    }
}

impl Device {
    pub fn time(&self) -> DeviceTime {
        DeviceTime {
            offered: UnixSeconds(self.offered),
            floor: UnixSeconds(self.floor),
            uptime_secs: self.uptime_secs,
        }
    }

    pub fn check(&self, envelope: &[u8]) -> Result<ManifestVerdict, Refusal> {
        let payload = root().encode().expect("a good root");
        let root = Root::decode(&payload).expect("a good root");
        let components = [ComponentState {
            component: ComponentId::MAIN,
            confirmed: self.confirmed,
            image: Some(self.image),
            slot_bytes: 1_000_000,
        }];
        let state = DeviceState {
            fleet: self.fleet,
            device_id: "device-1",
            hardware: self.hardware,
            chip_id: self.chip_id,
            secure_version: self.secure_version,
            components: &components,
            time: self.time(),
        };
        check_manifest(&root, &state, envelope).map(|checked| checked.verdict)
    }
}
