//! What is refused, end to end over HTTP: a status, a code, a detail and a hint, and no change.
//!
//! Each case is a row: its name, and what a real server on loopback says. After each the journal
//! must end where it ended before, in the model and on disk. What only the device can refuse is in
//! the agent's own tests.

mod world;

use rollout_core::id::Digest;
use rollout_core::image::ChipId;
use rollout_core::trust::sign::signing_key;
use rollout_core::version::SecureVersion;
use serde_json::{Value, json};
use world::{ROLLOUT, World, asked, image, names, report};

#[tokio::test]
async fn a_plan_that_cannot_be_is_refused_with_its_place() {
    let mut world = World::furnished().await;
    let plan = |more: &str| format!("name = \"x\"\nrelease = \"vacuum@1.1.0\"\n{more}");
    let good = "cohort = \"model==v980\"\nladder = [\"100%\"]\n";
    for (case, plan) in [
        ("unknown plan key", plan(&format!("{good}soack = \"6h\"\n"))),
        ("unknown key of a table", plan(&format!("{good}[pace]\nbudgett = 5\n"))),
        ("unknown key of a gate", plan(&format!("{good}[gate.failure]\np_mac = 0.1\n"))),
        ("selector error", plan("cohort = \"model==v980;region=eu\"\nladder = [\"100%\"]\n")),
        ("volatile membership", plan("cohort = \"battery=ge=30\"\nladder = [\"100%\"]\n")),
        ("ladder that goes down", plan("cohort = \"model==v980\"\nladder = [\"50%\", \"5%\"]\n")),
        ("unknown release", plan(good).replace("1.1.0", "9.9.9")),
        ("unknown cohort", plan("cohort = \"model==v980\"\nladder = [\"cohort:dogfud\"]\n")),
        ("no TOML", "name = ".into()),
    ] {
        world.refused(case, asked("POST", "/v1/rollouts", &world.ann, plan)).await;
    }
    insta::assert_snapshot!(world.said());
}

#[tokio::test]
async fn who_may_not_gets_nothing() {
    let mut world = World::furnished().await;
    let start = format!("/v1/rollouts/{ROLLOUT}/start");
    let halt = format!("/v1/rollouts/{ROLLOUT}/halt");
    let (vic, cut) = (world.vic.clone(), world.ann[..world.ann.len() - 1].to_owned());
    let reason = json!({ "reason": "fire" }).to_string();
    let device = world.token_of("good").to_owned();
    for (case, request) in [
        ("wrong role: start", asked("POST", &start, &vic, "")),
        ("wrong role: halt", asked("POST", &halt, &vic, reason)),
        ("wrong role: token", asked("POST", "/v1/tokens", &vic, "{}")),
        ("wrong role: image", asked("PUT", "/v1/images/00", &vic, "")),
        ("no token", asked("POST", &start, "", "")),
        ("token with a character cut", asked("POST", &start, &cut, "")),
        ("a device's token", asked("POST", &start, &device, "")),
        ("start of what has started", asked("POST", &start, &world.ann, "")),
    ] {
        world.refused(case, request).await;
    }
    insta::assert_snapshot!(world.said());
}

#[tokio::test]
async fn a_device_that_is_not_known_gets_nothing() {
    let mut world = World::furnished().await;
    let stranger = rollout_http::token::make_for_device("nobody", &[7; 32]).text;
    let good = world.token_of("good").to_owned();
    let nobody = world.check_in_body("nobody").to_string();
    let other = world.check_in_body("burnt").to_string();
    let spent = json!({ "v": 1, "device": "new", "hardware": "v980" }).to_string();
    let wrong_model = json!({ "v": 1, "device": "new", "hardware": "v970" }).to_string();
    let clone = json!({ "v": 1, "device": "good", "hardware": "v980" }).to_string();
    let explain = format!("/v1/rollouts/{ROLLOUT}/devices/nobody");
    let (open, used_up) = (world.open.clone(), world.used_up.clone());
    for (case, request) in [
        ("unknown device", asked("GET", "/v1/devices/nobody", &world.ann, "")),
        ("explain of an unknown device", asked("GET", &explain, &world.ann, "")),
        ("check-in of an unknown device", asked("POST", "check-in", &stranger, nobody)),
        ("check-in for another device", asked("POST", "check-in", &good, other)),
        ("enrollment for another model", asked("POST", "enroll", &open, wrong_model)),
        ("enrollment that is used up", asked("POST", "enroll", &used_up, spent)),
        ("enrollment of a clone", asked("POST", "enroll", &open, clone)),
    ] {
        world.refused(case, request).await;
    }
    insta::assert_snapshot!(world.said());
}

#[tokio::test]
async fn an_upload_is_whole_or_not_there() {
    let mut world = World::furnished().await;
    let image = image("1.2.0");
    let path = format!("/v1/images/{}", Digest::of(&image));
    let other = format!("/v1/images/{}", Digest::of(b"another"));
    let mut half = image.clone();
    half.truncate(image.len() / 2);
    for (case, request) in [
        ("wrong digest", asked("PUT", &other, &world.ann, image.clone())),
        ("half a file under its whole digest", asked("PUT", &path, &world.ann, half.clone())),
        ("no declared length", asked("PUT", &path, &world.ann, "")),
        ("no digest", asked("PUT", "/v1/images/latest", &world.ann, image.clone())),
        ("oversized document", asked("POST", "/v1/releases", &world.ann, " ".repeat(1_000_000))),
    ] {
        world.refused(case, request).await;
    }
    let length = image.len();
    world.refused_raw("zero-length upload", &path, 0, &[]).await;
    world.refused_raw("truncated upload", &path, length, &half).await;
    world.refused_raw("oversized upload", &path, (4 << 30) + 1, &half).await;
    insta::assert_snapshot!(world.said());
    assert_eq!(world.images(), 2, "something of an upload is left");
}

#[tokio::test]
async fn a_release_the_devices_would_refuse_is_not_published() {
    let mut world = World::furnished().await;
    world.upload(&image("1.2.0")).await;
    let stranger = signing_key(&[99; 32]);
    let next = world.next_counter();
    let fields = || world.fields("1.2.0", next);
    let mut wrong_chip = fields();
    wrong_chip.chip_id = ChipId(5);
    let mut wrong_product = fields();
    wrong_product.product = "doorbell".into();
    let mut empty = fields();
    empty.image_bytes = 0;
    let unsigned = empty.encode().expect_err("a manifest of nothing");
    let mut longer = fields();
    longer.image_bytes += 1;
    let mut burns_less = fields();
    burns_less.secure_version = SecureVersion(0);
    let mut nowhere = fields();
    nowhere.image = Digest::of(b"never uploaded");
    let cases = [
        ("wrong signature", world.publish("1.2.0", next, &fields(), &stranger)),
        ("older counter", world.publish("1.2.0", 1, &world.fields("1.2.0", 1), world.key())),
        ("wrong model: chip", world.publish("1.2.0", next, &wrong_chip, world.key())),
        ("wrong product", world.publish("1.2.0", next, &wrong_product, world.key())),
        ("wrong version", world.publish("1.3.0", next, &fields(), world.key())),
        ("image of another length", world.publish("1.2.0", next, &longer, world.key())),
        ("secure version below", world.publish("1.2.0", next, &burns_less, world.key())),
        ("wrong digest", world.publish("1.2.0", next, &nowhere, world.key())),
        ("other images", world.publish("1.1.0", next, &world.as_version("1.1.0"), world.key())),
        (
            "no signed document",
            json!({ "release": "vacuum@1.2.0", "counter": next,
            "manifests": ["AAAA"] }),
        ),
    ];
    world.note(&format!("zero-length image\n  cannot be signed, {}: {unsigned}", unsigned.code()));
    for (case, body) in cases {
        let request = asked("POST", "/v1/releases", &world.ann, body.to_string());
        world.refused(case, request).await;
    }
    insta::assert_snapshot!(world.said());
}

/// The device would refuse it as well; it is not even asked to, and the operator sees why.
#[tokio::test]
async fn a_device_that_must_not_have_it_is_not_offered_it_and_explain_says_why() {
    let mut world = World::furnished().await;
    for device in names() {
        let token = world.token_of(device).to_owned();
        let body = world.check_in_body(device).to_string();
        let reply = world.ask(asked("POST", "check-in", &token, body)).await;
        let offered = !reply.body["offer"].is_null();
        let path = format!("/v1/rollouts/{ROLLOUT}/devices/{device}");
        let said = world.ask(asked("GET", &path, &world.ann, "")).await.body;
        let word = |key: &str| said[key].as_str().unwrap_or("-").to_owned();
        let line = [device, &word("code"), &word("bucket"), &word("verdict")].join(" | ");
        world.note(&format!("{line} | offered {offered}"));
        world.nothing_changed(device).await;
    }
    insta::assert_snapshot!(world.said());
}

#[tokio::test]
async fn a_report_batch_is_refused_as_a_whole_with_its_index() {
    let mut world = World::furnished().await;
    let never = "0192f7a0-0000-7000-8000-00000000dead";
    let with = |key: &str, value: Value| {
        let mut wrong = report(3, ROLLOUT);
        wrong[key] = value;
        wrong
    };
    for (case, wrong) in [
        ("event that is none", with("event", json!(7))),
        ("attempt 0", with("attempt", json!(0))),
        ("detail too long", with("detail", json!("x".repeat(129)))),
        ("rollout that is no id", report(3, "mine")),
        ("rollout that is not there", report(3, never)),
    ] {
        let batch = vec![report(1, ROLLOUT), report(2, ROLLOUT), wrong];
        world.refused(case, world.reports("good", &batch)).await;
    }
    let one = vec![report(1, ROLLOUT)];
    world.refused("execution it never had", world.reports("burnt", &one)).await;
    world.refused("no report", world.reports("good", &[])).await;
    world.refused("too many", world.reports("good", &vec![report(1, ROLLOUT); 65])).await;
    let token = world.token_of("good").to_owned();
    let cut = world.report_batch("good", &one).to_string();
    let cut = cut[..cut.len() - 9].to_owned();
    world.refused("cut short", asked("POST", "reports", &token, cut)).await;
    insta::assert_snapshot!(world.said());
}

/// A duplicate is acknowledged and not written again; a late one is acknowledged and written.
#[tokio::test]
async fn a_duplicate_and_a_late_report_are_acknowledged() {
    let mut world = World::furnished().await;
    let batch = [report(1, ROLLOUT), report(2, ROLLOUT)];
    assert_eq!(world.ask(world.reports("good", &batch)).await.status, 200);
    let end = world.moved().await;
    let reply = world.ask(world.reports("good", &batch)).await;
    assert_eq!((reply.status, reply.body), (200, json!({ "v": 1, "acknowledged": 2 })));
    world.nothing_changed("duplicate").await;
    let halt = format!("/v1/rollouts/{ROLLOUT}/halt");
    let reason = json!({ "reason": "to be late" }).to_string();
    assert_eq!(world.ask(asked("POST", &halt, &world.ann, reason)).await.status, 200);
    assert!(world.moved().await > end, "a halt is written");
    let end = world.moved().await;
    let reply = world.ask(world.reports("good", &[report(3, ROLLOUT)])).await;
    assert_eq!((reply.status, &reply.body["acknowledged"]), (200, &json!(3)));
    assert_eq!(world.moved().await, end + 1, "a late report is written once");
}

#[tokio::test]
async fn leave_to_switch_is_for_what_was_offered() {
    let mut world = World::furnished().await;
    let begin = |device: &str, digest: Digest| {
        json!({ "v": 1, "device": device, "rollout": ROLLOUT, "attempt": 1,
            "digest": digest.to_string() })
        .to_string()
    };
    let (good, burnt) = (world.token_of("good").to_owned(), world.token_of("burnt").to_owned());
    let offered = Digest::of(&image("1.1.0"));
    let other = Digest::of(b"other");
    for (case, token, body) in [
        ("wrong digest", &good, begin("good", other)),
        ("nothing was offered", &burnt, begin("burnt", offered)),
        ("for another device", &good, begin("burnt", offered)),
    ] {
        world.refused(case, asked("POST", "begin", token, body)).await;
    }
    insta::assert_snapshot!(world.said());
}
