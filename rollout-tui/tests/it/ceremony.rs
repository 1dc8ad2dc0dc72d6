//! What a ceremony signs passes the check of the devices, and nothing else is signed.

use crate::desk::{NOW, image, models, plan, release_key, root, signed_root, stranger};
use rollout_core::id::Digest;
use rollout_core::trust::sign::{public_key, signing_key};
use rollout_core::trust::{Envelope, Manifest, Root, RootVersion, UnixSeconds, check_upload};
use rollout_core::version::ReleaseCounter;
use rollout_tui::ceremony::{
    Ceremony, CeremonyError, Good, InspectError, Inspected, MAX_COUNTER, NoWayBack, PublishPlan,
    SignedRelease,
};

fn sign(
    plan: &PublishPlan,
    counter: u64,
    good: Option<&Good>,
) -> Result<SignedRelease, CeremonyError> {
    let (root, key) = (root(), release_key());
    let ceremony = Ceremony { root: &root, keys: &[&key], now: NOW };
    ceremony.sign(plan, ReleaseCounter(counter), good.ok_or(NoWayBack::NothingGood))
}

fn good(version: &str, counter: u64, secure_version: u8, hardware: &[&str]) -> Good {
    let signed = sign(&plan(version, secure_version, hardware), counter, None).expect("signed");
    Good { version: signed.release.version, manifests: signed.manifests }
}

fn read(envelope: &[u8]) -> Manifest<'_> {
    Manifest::decode(Envelope::open(envelope).expect("an envelope").payload()).expect("a manifest")
}

#[test]
fn the_first_publish_has_no_way_back_and_says_so() {
    let signed = sign(&plan("2.3.0", 1, &["v980", "v970"]), 1, None).expect("signed");
    assert_eq!(signed.release.to_string(), "vacuum@2.3.0");
    assert_eq!((signed.way_back, signed.no_way_back), (None, vec![NoWayBack::NothingGood]));
    let root = root();
    let upload = check_upload(&root, &signed.manifests[0], NOW).expect("as devices check");
    let manifest = upload.manifest;
    assert_eq!(manifest.counter, ReleaseCounter(1));
    assert_eq!(manifest.image, Digest::of(&image("2.3.0", 1)));
    assert_eq!((manifest.product, manifest.version.as_str()), ("vacuum", "2.3.0"));
    assert!(manifest.hardware.contains("v970") && manifest.hardware.contains("v980"));
    assert_eq!(manifest.expires, UnixSeconds(NOW.0 + 180 * 86_400));
    assert_eq!((manifest.reissue_of, manifest.contract), (None, None));
}

#[test]
fn the_way_back_reissues_the_good_image_under_the_next_counter() {
    let good = good("2.3.0", 1, 1, &["v980"]);
    let signed = sign(&plan("2.4.1", 1, &["v980"]), 7, Some(&good)).expect("signed");
    let back = signed.way_back.expect("a way back");
    assert_eq!((back.counter, back.version.to_string()), (ReleaseCounter(8), "2.3.0".into()));
    let root = root();
    let upload = check_upload(&root, &back.manifests[0], NOW).expect("as devices check");
    assert_eq!(upload.manifest.counter, ReleaseCounter(8));
    assert_eq!(upload.manifest.reissue_of, Some(ReleaseCounter(1)));
    assert_eq!(upload.manifest.image, Digest::of(&image("2.3.0", 1)));
    assert_eq!(upload.manifest.version.as_str(), "2.3.0");
    assert_eq!(signed.no_way_back, []);
    assert_eq!(read(&signed.manifests[0]).counter, ReleaseCounter(7));
}

#[test]
fn models_without_a_way_back_are_named() {
    let good = good("2.3.0", 1, 1, &["v980"]);
    let signed = sign(&plan("2.4.1", 1, &["v970", "v980"]), 7, Some(&good)).expect("signed");
    assert!(signed.way_back.is_some());
    let [model] = &models(&["v970"])[..] else { panic!("one model") };
    let version = good.version.clone();
    assert_eq!(signed.no_way_back, [NoWayBack::Model { model: model.clone(), version }]);
}

#[test]
fn a_burnt_fuse_takes_the_way_back_away() {
    let good = good("2.3.0", 1, 1, &["v980"]);
    let signed = sign(&plan("2.4.1", 2, &["v980"]), 7, Some(&good)).expect("signed");
    assert_eq!(signed.way_back, None);
    assert!(matches!(signed.no_way_back[..], [NoWayBack::Burnt { .. }]));
}

#[test]
fn the_server_cannot_slip_in_an_image_as_good() {
    let (root, strange) = (root(), stranger());
    let theirs = signed_root(&[&strange], 1).root;
    let ceremony = Ceremony { root: &theirs, keys: &[&strange], now: NOW };
    let none = Err(NoWayBack::NothingGood);
    let planted = ceremony.sign(&plan("2.3.0", 1, &["v980"]), ReleaseCounter(1), none);
    let planted = planted.expect("signed by a stranger");
    let good = Good { version: planted.release.version, manifests: planted.manifests };
    let refused = sign(&plan("2.4.1", 1, &["v980"]), 7, Some(&good));
    assert_eq!(refused.map_err(|error| error.code()), Err("CE-010"));

    // Nor if the server hands out a root that lists its own key beside the publisher's.
    let key = release_key();
    let both = signed_root(&[&key, &strange], 1).root;
    let ceremony = Ceremony { root: &both, keys: &[&key], now: NOW };
    let refused = ceremony.sign(&plan("2.4.1", 1, &["v980"]), ReleaseCounter(7), Ok(&good));
    assert_eq!(refused.map_err(|error| error.code()), Err("CE-010"));
    assert_eq!(root.version(), RootVersion(1));
}

#[test]
fn the_server_cannot_relabel_what_is_good() {
    let mut good = good("2.3.0", 1, 1, &["v980"]);
    good.version = semver::Version::new(2, 3, 9);
    let refused = sign(&plan("2.4.1", 1, &["v980"]), 7, Some(&good));
    assert_eq!(refused.map_err(|error| error.code()), Err("CE-011"));
}

#[test]
fn the_server_cannot_use_counters_up() {
    for counter in [0, MAX_COUNTER, u64::MAX] {
        let refused = sign(&plan("2.4.1", 1, &["v980"]), counter, None);
        assert_eq!(refused.map_err(|error| error.code()), Err("CE-008"), "{counter}");
    }
    assert!(sign(&plan("2.4.1", 1, &["v980"]), MAX_COUNTER - 1, None).is_ok());
}

#[test]
fn too_few_or_strange_keys_sign_nothing() {
    let keys = [release_key(), signing_key(&[6; 32])];
    let root = signed_root(&keys.each_ref(), 2).root;
    let plan = plan("2.4.1", 1, &["v980"]);
    let sign = |keys: &[&_]| {
        let ceremony = Ceremony { root: &root, keys, now: NOW };
        let signed = ceremony.sign(&plan, ReleaseCounter(1), Err(NoWayBack::NothingGood));
        signed.map(|signed| signed.manifests.len()).map_err(|error| error.code())
    };
    assert_eq!(sign(&keys.each_ref()), Ok(1));
    assert_eq!(sign(&[&keys[0]]), Err("TR-040"));
    assert_eq!(sign(&[&keys[0], &keys[0]]), Err("TR-092"));
    assert_eq!(sign(&[&keys[0], &stranger()]), Err("CE-009"));
    assert_eq!(sign(&[]), Err("TR-091"));
}

#[test]
fn plans_that_contradict_their_images_are_refused() {
    let good = plan("2.4.1", 1, &["v980"]);
    let other = plan("2.4.2", 1, &["v970"]).images;
    let mut project = good.clone();
    project.images[0].image.project = "mower".into();
    let mut versions = good.clone();
    versions.images.extend(other);
    let mut twice = good.clone();
    twice.images.extend(good.images.clone());
    let mut nobody = good.clone();
    nobody.images[0].hardware.clear();
    let mut nothing = good.clone();
    nothing.images.clear();
    let plans = [(project, "CE-003"), (versions, "CE-005"), (twice, "CE-007"), (nobody, "CE-006")];
    for (plan, code) in plans.into_iter().chain([(nothing, "CE-002")]) {
        assert_eq!(sign(&plan, 1, None).map_err(|error| error.code()), Err(code));
    }
    assert_eq!(Inspected::of(&image("2.4", 1)).map_err(|error| error.code()), Err("CE-001"));
}

#[test]
fn a_stream_is_inspected_as_the_whole_is() {
    /// Gives a few bytes at a time.
    struct Drip(Vec<u8>, usize);
    impl std::io::Read for Drip {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let count = (self.0.len() - self.1).min(7).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[self.1..][..count]);
            self.1 += count;
            Ok(count)
        }
    }
    let image = image("2.4.1", 1);
    let whole = Inspected::of(&image).expect("a good image");
    assert_eq!(Inspected::read(Drip(image.clone(), 0)).expect("a good image"), whole);
    let cut = Inspected::read(&image[..287]);
    assert!(matches!(cut, Err(InspectError::Image(CeremonyError::Image(_)))));
}

#[test]
fn an_image_that_is_not_whole_is_not_inspected() {
    let code = |image: &[u8]| {
        let Err(InspectError::Image(error)) = Inspected::read(image) else { return "none" };
        assert_eq!(Inspected::of(image), Err(error.clone()));
        error.code()
    };
    let mut image = image("2.4.1", 1);
    assert_eq!(code(&image[..image.len() - 1]), "IM-011");
    image.push(0);
    assert_eq!(code(&image), "IM-012");
    image.pop();
    image[300] ^= 1;
    assert_eq!(code(&image), "IM-013");
    // Of an opaque image nobody knows where it ends.
    image[12..14].fill(0xFF);
    assert_eq!(code(&image), "none");
}

#[test]
fn a_root_from_keys_is_one_that_devices_pin() {
    let signed = signed_root(&[&release_key()], 1);
    assert_eq!(Root::pinned(&signed.envelope), Ok(signed.root.clone()));
    let root_role = signed.root.role(rollout_core::trust::Role::Root).expect("a role");
    assert_eq!((root_role.threshold, root_role.keys().len()), (2, 3));
    assert_eq!(signed.root.keys().len(), 5);
    // A key of two roles is listed once.
    let both = signed_root(&[&release_key(), &crate::desk::binding_key()], 1).root;
    assert_eq!(both.keys().len(), 5);
    assert!(both.keys().contains(&public_key(&release_key())));
}
