//! Bindings: who may sign one, for whom, and in which order.

use super::desk::{self, Device, NOW, fleet, release_keys, root};
use proptest::prelude::*;
use rollout_core::id::ResidentId;
use rollout_core::trust::binding::{Binding, BindingState, Generation, check_binding};
use rollout_core::trust::sign::{SigningKey, sign};
use rollout_core::trust::writer::Writer;
use rollout_core::trust::{DocumentType, Root};

const DEVICE: ResidentId = ResidentId([0xDE; 16]);
const CONTROL: [&str; 2] = ["https://a.example", "https://b.example"];

/// What differs between the bindings of these tests.
#[derive(Clone)]
struct Draft {
    fleet: [u8; 16],
    generation: u64,
    services: Vec<(&'static str, Vec<&'static str>)>,
    expires: u64,
    device: Option<[u8; 16]>,
}

impl Default for Draft {
    fn default() -> Self {
        let services = vec![("push", vec!["https://p.example"]), ("control", CONTROL.to_vec())];
        Self { fleet: fleet().0, generation: 8, services, expires: NOW + 1, device: None }
    }
}

impl Draft {
    fn payload(&self) -> Vec<u8> {
        let mut buffer = [0; 2048];
        let mut writer = Writer::new(&mut buffer);
        writer.map(if self.device.is_some() { 9 } else { 8 });
        for (key, value) in [(0, 4), (1, 0), (2, self.generation)] {
            writer.unsigned(key);
            if key == 1 { writer.bytes(&self.fleet) } else { writer.unsigned(value) }
        }
        writer.unsigned(3);
        writer.text("eu-central");
        writer.unsigned(4);
        writer.map(self.services.len());
        for (name, urls) in &self.services {
            writer.text(name);
            writer.array(urls.len());
            urls.iter().for_each(|url| writer.text(url));
        }
        writer.unsigned(5);
        writer.array(1);
        writer.bytes(&[0xCA; 32]);
        for (key, value) in [(6, 300), (7, self.expires)] {
            writer.unsigned(key);
            writer.unsigned(value);
        }
        if let Some(device) = self.device {
            writer.unsigned(8);
            writer.bytes(&device);
        }
        writer.finish().expect("it fits").to_vec()
    }
}

fn judged(payload: &[u8], made: DocumentType, key: &SigningKey) -> Result<u64, &'static str> {
    let root = Root::decode(&root().encode().expect("a good root")).expect("a good root");
    let time = Device::default().time();
    let state = BindingState { device: DEVICE, generation: Generation(7), time };
    let envelope = sign(made, payload, &[key]).expect("signed");
    let binding = check_binding(&root, &state, &envelope);
    binding.map(|binding| binding.generation.0).map_err(|refusal| refusal.code())
}

fn signed_well(draft: &Draft) -> Result<u64, &'static str> {
    judged(&draft.payload(), DocumentType::Binding, &release_keys()[0])
}

#[test]
fn a_good_binding_is_read_in_full() {
    let payload = Draft { device: Some(DEVICE.0), ..Draft::default() }.payload();
    let binding = Binding::decode(&payload).expect("a good binding");
    assert_eq!((binding.home, binding.poll_secs), ("eu-central", 300));
    assert_eq!(binding.services.urls("control").collect::<Vec<_>>(), CONTROL);
    assert_eq!(binding.services.iter().count(), 3);
    assert_eq!(binding.authorities.iter().count(), 1);
    assert_eq!(judged(&payload, DocumentType::Binding, &release_keys()[0]), Ok(8));
}

#[test]
fn unsigned_binding() {
    let payload = Draft::default().payload();
    let [good, other] = release_keys();
    assert_eq!(judged(&payload, DocumentType::Binding, &other), Err("TR-040"));
    assert_eq!(judged(&payload, DocumentType::Manifest, &good), Err("TR-040"));
    assert_eq!(judged(&payload, DocumentType::Binding, &desk::stranger()), Err("TR-040"));
}

#[test]
fn older_generation() {
    for (generation, verdict) in [(8, Ok(8)), (7, Err("TR-084")), (6, Err("TR-084"))] {
        assert_eq!(signed_well(&Draft { generation, ..Draft::default() }), verdict);
    }
}

#[test]
fn a_binding_for_others_or_too_late_is_refused() {
    let draft = Draft::default();
    assert_eq!(signed_well(&Draft { fleet: [9; 16], ..draft.clone() }), Err("TR-081"));
    assert_eq!(signed_well(&Draft { device: Some([1; 16]), ..draft.clone() }), Err("TR-082"));
    assert_eq!(signed_well(&Draft { expires: NOW, ..draft }), Err("TR-083"));
}

#[test]
fn services_keep_their_rules() {
    let control = ("control", CONTROL.to_vec());
    let push = ("push", vec!["https://p.example"]);
    for services in [
        vec![],
        vec![push.clone()],
        vec![control.clone(), push.clone()],
        vec![control.clone(), control.clone()],
        vec![("control", vec![])],
        vec![("control", vec!["u"; 4])],
        vec![("control", vec![""])],
    ] {
        let draft = Draft { services: services.clone(), ..Draft::default() };
        assert_eq!(signed_well(&draft), Err("TR-022"), "{services:?}");
    }
}

proptest! {
    /// However a binding is damaged, reading it ends without a panic, and so does using it.
    #[test]
    fn damage_never_panics(at in any::<prop::sample::Index>(), value in any::<u8>()) {
        let mut payload = Draft::default().payload();
        let at = at.index(payload.len());
        payload[at] = value;
        if let Ok(binding) = Binding::decode(&payload) {
            prop_assert!(binding.services.urls("control").count() >= 1);
        }
    }
}
