//! Attacks on signed documents, each by its name in the attack table, and what always holds.

mod binding;
mod desk;
mod vectors;

use desk::{Device, NOW, director, manifest, release_keys, root, root_keys, signed, stranger};
use proptest::prelude::*;
use rollout_core::id::Digest;
use rollout_core::image::ChipId;
use rollout_core::trust::sign::{
    ManifestFields, RootFields, SignError, add_signature, attach_signature, public_key,
    renew_manifest, sign, to_sign,
};
use rollout_core::trust::writer::Writer;
use rollout_core::trust::{
    Confirmed, DocumentType, Envelope, Epoch, FleetId, Manifest, ManifestVerdict, PublicKey,
    Refusal, Root, RootVersion, UnixSeconds, check_upload, verify,
};
use rollout_core::version::{ReleaseCounter, SecureVersion};

/// The code of the refusal, or the verdict.
fn judged(device: &Device, envelope: &[u8]) -> Result<ManifestVerdict, &'static str> {
    device.check(envelope).map_err(|refusal| refusal.code())
}

fn offered(change: impl FnOnce(&mut ManifestFields)) -> Vec<u8> {
    let mut fields = manifest();
    change(&mut fields);
    signed(&fields)
}

fn sign_root(fields: &RootFields, keys: &[usize]) -> Vec<u8> {
    let all = root_keys();
    let keys: Vec<_> = keys.iter().map(|index| &all[*index]).collect();
    sign(DocumentType::Root, &fields.encode().expect("a good root"), &keys).expect("signed")
}

fn next_root(change: impl FnOnce(&mut RootFields)) -> RootFields {
    let mut fields = root();
    fields.version = RootVersion(2);
    change(&mut fields);
    fields
}

fn followed(fields: &RootFields, keys: &[usize]) -> Result<RootVersion, &'static str> {
    let old = Root::pinned(&sign_root(&root(), &[0, 1])).expect("a good root");
    let next = old.successor(&sign_root(fields, keys));
    next.map(|root| root.version()).map_err(|error| error.code())
}

#[test]
fn a_good_manifest_is_installed() {
    assert_eq!(judged(&Device::default(), &signed(&manifest())), Ok(ManifestVerdict::Install));
}

#[test]
fn one_signature_of_two() {
    let payload = manifest().encode().expect("a good manifest");
    let [first, second] = release_keys();
    let one = sign(DocumentType::Manifest, &payload, &[&first]).expect("signed");
    assert_eq!(judged(&Device::default(), &one), Err("TR-040"));
    let two = add_signature(DocumentType::Manifest, &one, &second).expect("signed");
    assert_eq!(judged(&Device::default(), &two), Ok(ManifestVerdict::Install));
    let identity = |bytes: &[u8]| Envelope::open(bytes).expect("an envelope").digest();
    assert_eq!(identity(&one), identity(&two));
}

/// Builds an envelope that repeats one entry, which signing refuses to do.
fn with_entries(payload: &[u8], entries: &[&[u8]]) -> Vec<u8> {
    let mut buffer = [0; 2048];
    let mut writer = Writer::new(&mut buffer);
    writer.tag(98);
    writer.array(4);
    writer.bytes(&[]);
    writer.map(0);
    writer.bytes(payload);
    writer.array(entries.len());
    entries.iter().for_each(|entry| writer.raw(entry));
    writer.finish().expect("it fits").to_vec()
}

#[test]
fn same_key_twice() {
    let payload = manifest().encode().expect("a good manifest");
    let [first, _] = release_keys();
    let one = sign(DocumentType::Manifest, &payload, &[&first]).expect("signed");
    let entry = Envelope::open(&one).expect("an envelope").entries();
    let twice = with_entries(&payload, &[entry, entry]);
    assert_eq!(judged(&Device::default(), &twice), Err("TR-040"));
    let id = public_key(&first).id();
    let again = add_signature(DocumentType::Manifest, &one, &first);
    assert_eq!(again, Err(SignError::SignedTwice { id }));
}

#[test]
fn two_kids_one_key() {
    let payload = manifest().encode().expect("a good manifest");
    let [first, second] = release_keys();
    let one = sign(DocumentType::Manifest, &payload, &[&first]).expect("signed");
    let message = to_sign(DocumentType::Manifest, &public_key(&second), &payload).expect("short");
    let forged = ed25519_dalek::Signer::sign(&first, &message).to_bytes();
    let both = attach_signature(&one, &public_key(&second), forged).expect("attached");
    assert_eq!(judged(&Device::default(), &both), Err("TR-040"));
}

#[test]
fn a_key_listed_twice_counts_once() {
    let payload = manifest().encode().expect("a good manifest");
    let [first, _] = release_keys();
    let one = sign(DocumentType::Manifest, &payload, &[&first]).expect("signed");
    let entry = Envelope::open(&one).expect("an envelope").entries();
    let twice = with_entries(&payload, &[entry, entry]);
    let twice = Envelope::open(&twice).expect("an envelope");
    let keys = [public_key(&first); 2];
    assert!(verify(&twice, DocumentType::Manifest, &keys, 2).is_err());
    assert!(verify(&twice, DocumentType::Manifest, &keys, 1).is_ok());
    assert!(verify(&twice, DocumentType::Manifest, &[], 0).is_err());
}

/// The neutral point as key and as R, with S zero, satisfies the plain equation for any message.
#[test]
fn a_weak_key_never_counts() {
    let mut weak = PublicKey([0; 32]);
    weak.0[0] = 1;
    let mut signature = [0; 64];
    signature[0] = 1;
    let payload = manifest().encode().expect("a good manifest");
    let [first, _] = release_keys();
    let one = sign(DocumentType::Manifest, &payload, &[&first]).expect("signed");
    let both = attach_signature(&one, &weak, signature).expect("attached");
    let both = Envelope::open(&both).expect("an envelope");
    assert!(verify(&both, DocumentType::Manifest, &[weak], 1).is_err());
    assert!(!weak.is_usable());
}

#[test]
fn an_upload_for_another_fleet_is_refused() {
    let parsed = Root::pinned(&sign_root(&root(), &[0, 1])).expect("a good root");
    let upload = |bytes: &[u8]| {
        let upload = check_upload(&parsed, bytes, UnixSeconds(NOW));
        upload.map(|upload| upload.manifest.fleet).map_err(|refusal| refusal.code())
    };
    assert_eq!(upload(&signed(&manifest())), Ok(parsed.fleet()));
    assert_eq!(upload(&offered(|fields| fields.fleet = FleetId([9; 16]))), Err("TR-062"));
    assert_eq!(upload(&offered(|fields| fields.epoch = Epoch(2))), Err("TR-066"));
}

#[test]
fn cross_type_refused() {
    let keys = release_keys();
    let public = keys.each_ref().map(public_key);
    for made in DocumentType::ALL {
        let mut buffer = [0; 8];
        let mut writer = Writer::new(&mut buffer);
        writer.map(1);
        writer.unsigned(0);
        writer.unsigned(made.number());
        let payload = writer.finish().expect("it fits");
        let bytes = sign(made, payload, &[&keys[0], &keys[1]]).expect("signed");
        let envelope = Envelope::open(&bytes).expect("an envelope");
        for read in DocumentType::ALL {
            let passes = verify(&envelope, read, &public, 2).is_ok();
            assert_eq!(passes, made == read, "a {} read as a {}", made.name(), read.name());
        }
        let as_manifest = Manifest::decode(payload).map_err(|error| error.code());
        let as_root = Root::decode(payload).map_err(|error| error.code());
        let (manifest, root) = (DocumentType::Manifest, DocumentType::Root);
        assert_eq!(as_manifest, Err(if made == manifest { "TR-021" } else { "TR-020" }));
        assert_eq!(as_root, Err(if made == root { "TR-021" } else { "TR-020" }));
    }
}

#[test]
fn director_alone_cannot_install_own_image() {
    let payload = manifest().encode().expect("a good manifest");
    for thief in [director(), stranger()] {
        let bytes = sign(DocumentType::Manifest, &payload, &[&thief]).expect("signed");
        assert_eq!(judged(&Device::default(), &bytes), Err("TR-040"));
    }
}

#[test]
fn same_counter() {
    let bytes = offered(|fields| fields.counter = ReleaseCounter(5));
    assert_eq!(judged(&Device::default(), &bytes), Err("TR-068"));
}

#[test]
fn older_counter() {
    let bytes = offered(|fields| fields.counter = ReleaseCounter(4));
    assert_eq!(judged(&Device::default(), &bytes), Err("TR-068"));
    let newer = Device { confirmed: confirmed(2, 0), ..Device::default() };
    assert_eq!(judged(&newer, &signed(&manifest())), Err("TR-068"));
}

fn confirmed(epoch: u64, counter: u64) -> Confirmed {
    Confirmed { epoch: Epoch(epoch), counter: ReleaseCounter(counter) }
}

#[test]
fn the_confirmed_image_only_raises_the_counter() {
    for (counter, kept) in [(9, 9), (5, 5), (2, 5)] {
        let bytes = offered(|fields| {
            fields.counter = ReleaseCounter(counter);
            fields.image = Device::default().image;
        });
        let verdict = ManifestVerdict::AlreadyInstalled { confirm: confirmed(1, kept) };
        assert_eq!(judged(&Device::default(), &bytes), Ok(verdict));
    }
}

#[test]
fn secure_version_below_hardware() {
    let burnt = Device { secure_version: SecureVersion(2), ..Device::default() };
    assert_eq!(judged(&burnt, &signed(&manifest())), Err("TR-070"));
}

#[test]
fn wrong_device_fleet_hardware_chip() {
    let wrong_fleet = Device { fleet: FleetId([9; 16]), ..Device::default() };
    let wrong_hardware = Device { hardware: "esp32-c3-v9", ..Device::default() };
    let wrong_chip = Device { chip_id: ChipId::ESP32_C6, ..Device::default() };
    let envelope = signed(&manifest());
    assert_eq!(judged(&wrong_fleet, &envelope), Err("TR-062"));
    assert_eq!(judged(&wrong_hardware, &envelope), Err("TR-063"));
    assert_eq!(judged(&wrong_chip, &envelope), Err("TR-064"));
}

#[test]
fn expired_before_at_and_after() {
    for (expires, verdict) in
        [(NOW + 1, Ok(ManifestVerdict::Install)), (NOW, Err("TR-065")), (NOW - 1, Err("TR-065"))]
    {
        let bytes = offered(|fields| fields.expires = UnixSeconds(expires));
        assert_eq!(judged(&Device::default(), &bytes), verdict);
        let parsed = Root::pinned(&sign_root(&root(), &[0, 1])).expect("a good root");
        let upload = check_upload(&parsed, &bytes, UnixSeconds(NOW)).map_err(|e| e.code());
        assert_eq!(upload.map(|_| ManifestVerdict::Install), verdict);
    }
}

#[test]
fn the_root_expires_before_at_and_after() {
    let envelope = offered(|fields| fields.expires = UnixSeconds(u64::MAX));
    let expires = root().expires.0;
    for (now, verdict) in [
        (expires - 1, Ok(ManifestVerdict::Install)),
        (expires, Err("TR-061")),
        (u64::MAX, Err("TR-061")),
    ] {
        let device = Device { offered: now, ..Device::default() };
        assert_eq!(judged(&device, &envelope), verdict);
    }
}

#[test]
fn a_lying_server_moves_time_only_within_bounds() {
    let parsed = Root::pinned(&sign_root(&root(), &[0, 1])).expect("a good root");
    let under = |offered, floor, uptime_secs| {
        Device { offered, floor, uptime_secs, ..Device::default() }.time().under(&parsed).0
    };
    let (issued_at, expires) = (root().issued_at.0, root().expires.0);
    assert_eq!(under(NOW, 0, 0), NOW);
    assert_eq!(under(0, 0, 0), issued_at);
    assert_eq!(under(0, NOW, 30), NOW + 30);
    assert_eq!(under(u64::MAX, NOW, 0), expires);
    assert_eq!(under(0, u64::MAX, u64::MAX), expires);
}

#[test]
fn stepping_stone_required() {
    let bytes = offered(|fields| fields.min_from = ReleaseCounter(6));
    assert_eq!(judged(&Device::default(), &bytes), Err("TR-069"));
    let stepped = Device { confirmed: confirmed(1, 6), ..Device::default() };
    assert_eq!(judged(&stepped, &bytes), Ok(ManifestVerdict::Install));
}

#[test]
fn root_skip() {
    assert_eq!(followed(&next_root(|root| root.version = RootVersion(3)), &[0, 1]), Err("TR-051"));
}

#[test]
fn root_same() {
    assert_eq!(followed(&next_root(|root| root.version = RootVersion(1)), &[0, 1]), Err("TR-051"));
}

#[test]
fn root_older() {
    let old = next_root(|root| root.version = RootVersion(7));
    let old = Root::pinned(&sign_root(&old, &[0, 1])).expect("a good root");
    let older = sign_root(&next_root(|root| root.version = RootVersion(6)), &[0, 1]);
    assert_eq!(old.successor(&older).map_err(|error| error.code()), Err("TR-051"));
}

#[test]
fn one_root_key_useless() {
    assert_eq!(followed(&next_root(|_| ()), &[2]), Err("TR-053"));
    assert_eq!(followed(&next_root(|_| ()), &[2, 0]), Ok(RootVersion(2)));
}

#[test]
fn a_root_that_cannot_sign_for_itself_is_refused() {
    let usurped = next_root(|root| root.keys.swap(0, 5));
    assert_eq!(followed(&usurped, &[0, 1]), Err("TR-054"));
    let weak = next_root(|root| root.keys[5] = PublicKey([0; 32]));
    assert_eq!(weak.encode().map_err(|error| error.code()), Err("TR-093"));
}

#[test]
fn a_renewal_changes_the_expiry_alone() {
    let [first, second] = release_keys();
    let old = signed(&manifest());
    let later = UnixSeconds(manifest().expires.0 + 1);
    let renewed = renew_manifest(&old, later, &[&first, &second]).expect("renewed");
    assert_eq!(renewed, offered(|fields| fields.expires = later));
    let error = renew_manifest(&old, manifest().expires, &[&first]).map_err(|error| error.code());
    assert_eq!(error, Err("TR-094"));
}

#[test]
fn every_prefix_and_every_bit_flip_is_refused() {
    let device = Device::default();
    let manifest = signed(&manifest());
    let old = Root::pinned(&sign_root(&root(), &[0, 1])).expect("a good root");
    let next = sign_root(&next_root(|_| ()), &[0, 1]);
    for end in 0..manifest.len() {
        assert!(judged(&device, &manifest[..end]).is_err(), "manifest cut to {end}");
    }
    for end in 0..next.len() {
        assert!(old.successor(&next[..end]).is_err(), "root cut to {end}");
    }
    for bit in 0..manifest.len() * 8 {
        let mut flipped = manifest.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(judged(&device, &flipped).is_err(), "manifest with bit {bit} flipped");
    }
    for bit in 0..next.len() * 8 {
        let mut flipped = next.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(old.successor(&flipped).is_err(), "root with bit {bit} flipped");
    }
}

#[test]
fn a_refusal_has_words_for_people() {
    let refusal = Refusal::WrongHardware;
    assert_eq!(refusal.to_string(), "the manifest does not list this hardware model");
    assert_eq!(refusal.hint(), "offer the manifest that lists this hardware model");
}

proptest! {
    /// Arbitrary bytes are refused, or are exactly what writing their reading gives.
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = Envelope::open(&bytes);
        let _ = Manifest::decode(&bytes);
        let _ = Root::decode(&bytes);
        let _ = rollout_core::image::ImageHeader::parse(&bytes);
        prop_assert!(judged(&Device::default(), &bytes).is_err());
    }

    /// However a payload is damaged, what is still accepted has one spelling.
    #[test]
    fn what_is_accepted_is_what_would_be_written(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        which in any::<bool>(),
    ) {
        let mut payload = if which { root().encode() } else { manifest().encode() }.expect("good");
        for (at, value) in edits {
            let at = at.index(payload.len());
            payload[at] = value;
        }
        if let Ok(manifest) = Manifest::decode(&payload) {
            prop_assert_eq!(ManifestFields::of(&manifest).encode(), Ok(payload.clone()));
        }
        if let Ok(root) = Root::decode(&payload) {
            match RootFields::of(&root).encode() {
                Ok(written) => prop_assert_eq!(written, payload),
                Err(error) => prop_assert_eq!(error.code(), "TR-093"),
            }
        }
    }

    /// No sequence of offers lowers what a device has confirmed.
    #[test]
    fn no_sequence_of_offers_lowers_the_counter(
        offers in prop::collection::vec((0..12_u64, 0..4_u8), 1..12),
    ) {
        let mut device = Device::default();
        for (counter, image) in offers {
            let image = Digest::of(&[image]);
            let bytes = offered(|fields| {
                fields.counter = ReleaseCounter(counter);
                fields.image = image;
                fields.min_from = ReleaseCounter(0);
            });
            let before = device.confirmed;
            match judged(&device, &bytes) {
                Ok(ManifestVerdict::Install) => {
                    device.confirmed = confirmed(1, counter);
                    device.image = image;
                    prop_assert!(device.confirmed > before);
                }
                Ok(ManifestVerdict::AlreadyInstalled { confirm }) => device.confirmed = confirm,
                Ok(ManifestVerdict::Wait { .. }) | Err(_) => {}
            }
            prop_assert!(device.confirmed >= before);
        }
    }
}
