//! Check-ins that say nothing new: answered from one look, and as if the queue had been asked.

use crate::journey::ready;
use crate::world::{World, check_in, image, name};
use rollout_core::fleet::{Answer, Ask};
use rollout_core::id::{DeviceId, Digest};
use rollout_core::journal::Entry;
use rollout_http::backend::Backend as _;
use serde_json::{Value, json};

const OLDER: &str = "0192f7a0-0000-7000-8000-00000000000a";
const NEWER: &str = "0192f7a0-0000-7000-8000-00000000000b";
/// How each device stands before something is ended, by its index.
const STANDINGS: [&str; 8] = [
    "new to both",
    "offered older",
    "permitted older",
    "confirmed older",
    "interrupted older",
    "at work on older, deferred newer",
    "lapsed older, offered newer",
    "permitted newer",
];
const ENDINGS: [&str; 6] =
    ["nothing", "older halted", "newer halted", "both halted", "out of older", "out of newer"];

struct Two {
    world: World,
    tokens: Vec<String>,
    sequence: u64,
}

impl Two {
    async fn start(&self, id: &str, version: &str) {
        let plan = format!(
            "release = \"vacuum@{version}\"\nladder = [\"100%\"]\n[pace]\nlease = \"10m\"\n"
        );
        let reply = self.world.operator("POST", &format!("/v1/rollouts?id={id}"), plan).await;
        assert_eq!(reply.status.as_u16(), 201, "{}", reply.refusal());
        let reply = self.world.operator("POST", &format!("/v1/rollouts/{id}/start"), "").await;
        assert_eq!(reply.status.as_u16(), 200, "{}", reply.refusal());
    }

    async fn check_in(&self, index: usize) -> Value {
        let reply = self.world.check_in(index, &self.tokens[index], b"factory", "0.9.0").await;
        assert_eq!(reply.code(), "200 -");
        reply.json()
    }

    async fn report(&mut self, index: usize, id: &str, event: &str, reason: Option<&str>) {
        self.sequence += 1;
        let body = json!({ "v": 1, "device": name(index), "incarnation": 7, "reports": [{
            "sequence": self.sequence, "rollout": id, "attempt": 1, "event": event,
            "reason": reason, "running": null, "detail": null,
        }] });
        let token = &self.tokens[index];
        assert_eq!(self.world.device("/device/v1/reports", token, &body).await.code(), "200 -");
    }

    async fn begin(&mut self, index: usize, id: &str, version: &str) {
        assert_eq!(self.check_in(index).await["offer"]["rollout"], id);
        let digest = Digest::of(&image(version)).to_string();
        let body = json!({ "v": 1, "device": name(index), "rollout": id, "attempt": 1,
            "digest": digest });
        let reply = self.world.device("/device/v1/begin", &self.tokens[index], &body).await;
        assert_eq!(reply.json()["answer"], "yes", "{}", reply.refusal());
    }

    /// Two rollouts that go on, and devices that stand as [`STANDINGS`] says.
    async fn set() -> Self {
        let (world, tokens) = ready().await;
        assert_eq!(world.publish("2.5.0", 4).await.status.as_u16(), 201);
        let mut two = Self { world, tokens, sequence: 0 };
        two.start(OLDER, "2.4.1").await;
        for index in [5, 6] {
            assert_eq!(two.check_in(index).await["offer"]["rollout"], OLDER);
        }
        two.world.backend.pass(600_000);
        two.world.backend.write(vec![Entry::Clock]);
        assert_eq!(two.check_in(1).await["offer"]["rollout"], OLDER);
        for index in [2, 3, 4] {
            two.begin(index, OLDER, "2.4.1").await;
        }
        two.report(3, OLDER, "confirmed", None).await;
        two.report(4, OLDER, "returned", Some("power_loss")).await;
        two.start(NEWER, "2.5.0").await;
        for index in [5, 6] {
            assert_eq!(two.check_in(index).await["offer"]["rollout"], NEWER);
        }
        // What it still says of the older one puts it to work there again.
        two.report(5, OLDER, "downloading", None).await;
        two.report(5, NEWER, "downloading", None).await;
        two.report(5, NEWER, "deferred", None).await;
        two.begin(7, NEWER, "2.5.0").await;
        two
    }

    async fn end(&self, how: &str) {
        let halted = |id: &'static str| async move {
            let path = format!("/v1/rollouts/{id}/halt");
            let reply = self.world.say("POST", &path, json!({ "reason": "smoke" })).await;
            assert_eq!(reply.json()["phase"], "halted", "{}", reply.refusal());
        };
        if how == "older halted" || how == "both halted" {
            halted(OLDER).await;
        }
        if how == "newer halted" || how == "both halted" {
            halted(NEWER).await;
        }
        for (id, out) in [(OLDER, "out of older"), (NEWER, "out of newer")] {
            for index in (0..STANDINGS.len()).filter(|_| how == out) {
                let path = format!("/v1/rollouts/{id}/devices/{}/exclude", name(index));
                let reply = self.world.say("POST", &path, json!({ "reason": "lab" })).await;
                assert_eq!(reply.status.as_u16(), 200, "{}", reply.refusal());
            }
        }
    }

    /// The rollout that the queue would offer a device, on the model as it is.
    fn decided(&self, index: usize) -> Option<String> {
        let device = DeviceId::new(&name(index)).expect("an id");
        let now = self.world.backend.now();
        let ask = Ask::Offer { device };
        let answers = self.world.backend.read(|fleet| fleet.decide(now, &[ask]).answers);
        match &answers[..] {
            [Answer::Offer(offer)] => offer.as_ref().map(|offer| offer.rollout.to_string()),
            _ => panic!("one answer to one ask: {answers:?}"),
        }
    }
}

/// Whatever two rollouts have come to: what is answered from one look is what would be decided,
/// and a device is told to stop what was ended for it, the newest first.
#[tokio::test]
async fn a_check_in_without_news_is_answered_as_the_queue_would() {
    let mut told = String::new();
    for ending in ENDINGS {
        let two = Two::set().await;
        two.end(ending).await;
        told += &format!("{ending}:\n");
        for (index, standing) in STANDINGS.iter().enumerate() {
            let decided = two.decided(index);
            let answer = two.check_in(index).await;
            assert_eq!(answer["offer"]["rollout"].as_str(), decided.as_deref(), "{standing}");
            assert_eq!(two.check_in(index).await["offer"], answer["offer"], "said again");
            let named = |id: &Value| match id.as_str() {
                Some(OLDER) => "older",
                Some(NEWER) => "newer",
                Some(_) | None => "nothing",
            };
            let (offer, stop) = (named(&answer["offer"]["rollout"]), named(&answer["stop"]));
            told += &format!("  {standing}: offered {offer}, stops {stop}\n");
        }
    }
    insta::assert_snapshot!(told);
}

/// What a device says of itself is kept, whichever part of it has changed.
#[tokio::test]
async fn a_change_in_anything_a_device_says_is_noted() {
    let world = World::new();
    let token = &world.enroll(1).await[0];
    let facts = || {
        let id = DeviceId::new(&name(0)).expect("an id");
        world.backend.read(|fleet| fleet.devices[&id].facts.clone())
    };
    let said = check_in(&name(0), b"old", "1.0.0");
    let digest = Digest::of(b"new").to_string();
    for (path, value) in [
        ("/running/digest", json!(digest)),
        ("/running/version", json!("1.0.1")),
        ("/running/epoch", json!(2)),
        ("/running/counter", json!(2)),
        ("/running/state", json!("pending_verify")),
        ("/secure_version", json!(1)),
        ("/slot_bytes", json!(2_000_000)),
        ("/spare", json!(digest)),
        ("/root_version", json!(2)),
        ("/attributes", json!({ "region": "us-east", "motto": "say \"hi\"" })),
        ("/attributes", json!({ "region": "eu-west" })),
    ] {
        let mut changed = said.clone();
        *changed.pointer_mut(path).expect("a part of it") = value;
        for body in [&said, &changed, &changed] {
            assert_eq!(world.device("/device/v1/check-in", token, body).await.code(), "200 -");
        }
        let after = facts();
        assert_eq!(world.device("/device/v1/check-in", token, &said).await.code(), "200 -");
        assert_ne!(facts(), after, "{path}");
    }
}

/// Signs of life cost a write only as often as deadlines need them.
#[tokio::test]
async fn a_sign_of_life_is_noted_four_times_in_the_usual_interval() {
    let world = World::new();
    let token = &world.enroll(1).await[0];
    assert_eq!(world.check_in(0, token, b"old", "1.0.0").await.code(), "200 -");
    let id = DeviceId::new(&name(0)).expect("an id");
    let seen = || world.backend.read(|fleet| fleet.devices[&id].last_seen);
    let quarter = world.backend.read(|fleet| fleet.usual.0 / 4);
    let first = seen();
    world.backend.pass(quarter);
    assert_eq!(world.check_in(0, token, b"old", "1.0.0").await.code(), "200 -");
    assert_eq!(seen(), first, "it was heard of lately");
    world.backend.pass(1);
    assert_eq!(world.check_in(0, token, b"old", "1.0.0").await.code(), "200 -");
    assert_eq!(seen(), first.after(rollout_core::time::Span(quarter + 1)));
}
