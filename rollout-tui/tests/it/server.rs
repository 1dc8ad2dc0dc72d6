//! Commands that talk, against a server that remembers every byte it was sent.

use crate::cli::keys;
use crate::desk::{NOW, image, release_key, root, signed_root};
use crate::fake::Fake;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rollout_core::id::Digest;
use rollout_core::trust::pem::key_to_pem;
use rollout_core::trust::{Upload, check_upload};
use rollout_core::version::ReleaseCounter;
use rollout_http::body::v1::{PublishRequest, RenewRequest};
use serde_json::{Value, json};
use std::fs;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard};

/// What the server was sent, and the releases it has.
#[derive(Default)]
struct Memory {
    bytes: Vec<u8>,
    uploads: Vec<String>,
    releases: Vec<PublishRequest>,
    /// How many publishes lose the race for their counter.
    races: u32,
}

/// A server of releases, and what it remembers.
fn releases() -> (Fake, Arc<Mutex<Memory>>) {
    let memory = Arc::new(Mutex::new(Memory::default()));
    let shared = Arc::clone(&memory);
    let fake = Fake::start(move |asked| {
        let memory = &mut *shared.lock().expect("no panic before");
        memory.bytes.extend_from_slice(asked.head.as_bytes());
        memory.bytes.extend_from_slice(&asked.body);
        answer(asked.method(), &asked.path(), &asked.body, memory)
    });
    (fake, memory)
}

fn memory(memory: &Mutex<Memory>) -> MutexGuard<'_, Memory> {
    memory.lock().expect("no panic before")
}

fn answer(method: &str, path: &str, body: &[u8], memory: &mut Memory) -> (u16, Value) {
    let unknown = problem(404, "RE-001", "there is no such thing", "list what there is");
    match (method, path) {
        ("GET", "/v1/root") => {
            let envelope = STANDARD.encode(signed_root(&[&release_key()], 1).envelope);
            (200, json!({ "envelope": envelope, "version": 1 }))
        }
        ("GET", "/v1/products/vacuum") => (200, product(memory)),
        ("PUT", image) if image.starts_with("/v1/images/") => {
            assert_eq!(Digest::of(body).to_string(), image["/v1/images/".len()..]);
            memory.uploads.push(image.into());
            (201, json!({ "state": "new" }))
        }
        ("POST", "/v1/releases") if memory.races > 0 => {
            memory.races -= 1;
            problem(409, "PU-004", "counter 1 is not above 4", "publish again")
        }
        ("POST", "/v1/releases") => {
            let request = serde_json::from_slice(body).expect("a publish");
            memory.releases.push(request);
            (201, release(memory.releases.last().expect("just pushed")))
        }
        ("POST", path) if path.ends_with("/renew") => {
            let asked: RenewRequest = serde_json::from_slice(body).expect("a renewal");
            let known = memory.releases.iter_mut().find(|one| path.contains(&one.release));
            let known = known.expect("a release");
            known.manifests = asked.manifests;
            (201, release(known))
        }
        ("GET", path) => {
            let id = path.strip_prefix("/v1/releases/").unwrap_or_default();
            let known = memory.releases.iter().find(|one| one.release == id);
            known.map_or(unknown, |one| (200, release(one)))
        }
        (_, path) if path.ends_with("/start") => problem(
            409,
            "RO-001",
            "only a draft can be started, this rollout is halted",
            "resume it",
        ),
        (_, path) if path.starts_with("/v1/tokens") => (200, json!("a\u{1b}[2Jb")),
        (_, _) => unknown,
    }
}

fn problem(status: u16, code: &str, detail: &str, hint: &str) -> (u16, Value) {
    (status, json!({ "status": status, "code": code, "detail": detail, "hint": hint }))
}

fn release(request: &PublishRequest) -> Value {
    let root = root();
    let artifacts = request.manifests.iter().map(|manifest| {
        let envelope = STANDARD.decode(manifest).expect("base64");
        let Upload { manifest: fields, .. } =
            check_upload(&root, &envelope, NOW).expect("as devices check");
        json!({
            "hardware": ["v980"], "component": 0, "image": fields.image.to_string(),
            "image_bytes": fields.image_bytes, "counter": fields.counter.0, "min_from": 0,
            "secure_version": 1, "expires": fields.expires.0, "manifest": manifest,
        })
    });
    json!({
        "release": request.release, "counter": request.counter, "state": "published",
        "withdrawn": null, "from": request.from, "by": "ci", "at": NOW.0, "way_back": null,
        "artifacts": artifacts.collect::<Vec<_>>(),
    })
}

fn product(memory: &Memory) -> Value {
    let good = memory.releases.first().map(|first| {
        let version = first.release.replace("vacuum@", "");
        let artifacts = &release(first)["artifacts"];
        json!({ "release": first.release, "version": version, "artifacts": artifacts })
    });
    let names: Vec<_> = memory.releases.iter().map(|one| &one.release).collect();
    json!({
        "product": "vacuum", "next_counter": memory.releases.len() * 2 + 1, "releases": names,
        "good": good,
    })
}

const PUBLISH: [&str; 7] =
    ["release", "publish", "--product", "vacuum", "--key", "./release.pem", "--image"];

/// A folder with keys and the images `a.bin` (2.3.0), `b.bin` (2.4.1) and `c.bin` (another 2.3.0).
fn desk() -> tempfile::TempDir {
    let folder = keys();
    let write = |name, bytes: &[u8]| fs::write(folder.path().join(name), bytes).expect("written");
    write("a.bin", &image("2.3.0", 1));
    write("b.bin", &image("2.4.1", 1));
    write("c.bin", &image("2.3.0", 2));
    folder
}

#[test]
fn a_release_is_published_once_and_the_next_brings_its_way_back() {
    let ((fake, kept), folder) = (releases(), desk());
    let publish = |image| fake.said(folder.path(), &[&PUBLISH[..], &[image]].concat());
    let (code, out, err) = publish("./a.bin:v980");
    assert_eq!((code, err.as_str()), (0, ""));
    insta::assert_snapshot!(out, @r#"
    published vacuum@2.3.0, counter 1
      v980  384 bytes  26f49c6577e997f2f3c92844d72b8a09147ebcf2c68b87e2ddaac24f7524b0fc
    no way back: no release of this product is good yet
    "#);
    let (code, out, _) = publish("./a.bin:v980");
    assert_eq!((code, out.as_str()), (0, "already published vacuum@2.3.0, counter 1\n"));
    assert_eq!(memory(&kept).uploads.len(), 1);

    let (code, out, err) = publish("./b.bin:v980,v970");
    assert_eq!((code, err.as_str()), (0, ""));
    insta::assert_snapshot!(out, @r#"
    published vacuum@2.4.1, counter 3
      v980, v970  384 bytes  2156948aefe61c4b855410acf2b3f846139f666e7b12d42fe2cb2d372a0226f5
    way back to 2.3.0, counter 4, is signed as well
    no way back: 2.3.0 has no image for hardware model v970
    "#);
    let kept = memory(&kept);
    let posted = &kept.releases[1];
    assert_eq!((posted.counter, kept.releases.len()), (3, 2));
    let back = posted.way_back.as_ref().expect("a way back");
    let envelope = STANDARD.decode(&back.manifests[0]).expect("base64");
    let root = root();
    let manifest = check_upload(&root, &envelope, NOW).expect("as devices check").manifest;
    assert_eq!(
        (manifest.counter, manifest.reissue_of),
        (ReleaseCounter(4), Some(ReleaseCounter(1)))
    );
    assert_eq!(manifest.image, Digest::of(&image("2.3.0", 1)));
}

#[test]
fn what_is_new_and_where_it_comes_from_goes_along() {
    let ((fake, kept), folder) = (releases(), desk());
    fs::write(folder.path().join("notes.md"), "Quieter.\n").expect("written");
    fs::write(folder.path().join("build.json"), "{}").expect("written");
    let along = ["./a.bin:v980", "--notes", "./notes.md", "--source", "git 1f2e3d"];
    let along = [&PUBLISH[..], &along[..], &["--provenance", "./build.json"]].concat();
    let (code, _, err) = fake.said(folder.path(), &along);
    assert_eq!((code, err.as_str()), (0, ""));
    let posted = &memory(&kept).releases[0];
    assert_eq!(posted.notes.as_deref(), Some("Quieter.\n"));
    assert_eq!(posted.source.as_deref(), Some("git 1f2e3d"));
    assert_eq!(posted.provenance, Some(STANDARD.encode("{}")));
}

#[test]
fn a_release_is_renewed_once_a_day() {
    let ((fake, kept), folder) = (releases(), desk());
    assert_eq!(fake.said(folder.path(), &[&PUBLISH[..], &["./a.bin:v980"]].concat()).0, 0);
    let renew = ["release", "renew", "vacuum@2.3.0", "--key", "./release.pem", "--days", "200"];
    let (code, out, err) = fake.said(folder.path(), &renew);
    assert_eq!((code, err.as_str()), (0, ""));
    insta::assert_snapshot!(out, @"renewed vacuum@2.3.0 until 2027-08-04 00:00:00 UTC: 1 manifest");
    let envelope = STANDARD.decode(&memory(&kept).releases[0].manifests[0]).expect("base64");
    let root = root();
    let manifest = check_upload(&root, &envelope, NOW).expect("as devices check").manifest;
    assert_eq!(manifest.expires.0, (NOW.0.div_ceil(86_400) + 200) * 86_400);
    assert_eq!(
        (manifest.counter, manifest.image),
        (ReleaseCounter(1), Digest::of(&image("2.3.0", 1)))
    );
    let (code, out, _) = fake.said(folder.path(), &renew);
    let already = "vacuum@2.3.0 lives until 2027-08-04 00:00:00 UTC already\n";
    assert_eq!((code, out.as_str()), (0, already));
    // Another release's manifest is not signed, whatever the server says.
    let other = memory(&kept).releases[0].manifests.clone();
    assert_eq!(fake.said(folder.path(), &[&PUBLISH[..], &["./b.bin:v980"]].concat()).0, 0);
    memory(&kept).releases[1].manifests = other;
    let renew = ["release", "renew", "vacuum@2.4.1", "--key", "./release.pem", "--days", "300"];
    let (code, _, err) = fake.said(folder.path(), &renew);
    assert_eq!(code, 1);
    assert!(err.starts_with("CE-013\n"), "{err}");
}

#[test]
fn the_server_never_sees_a_key() {
    let ((fake, kept), folder) = (releases(), desk());
    for image in ["./a.bin:v980", "./b.bin:v980"] {
        assert_eq!(fake.said(folder.path(), &[&PUBLISH[..], &[image]].concat()).0, 0);
    }
    let kept = memory(&kept);
    let key = release_key();
    let pem = key_to_pem(&key);
    let digits = pem.lines().nth(1).expect("the key's line").as_bytes();
    for secret in [&key.as_bytes()[..], &digits[digits.len() - 40..]] {
        assert!(!kept.bytes.windows(secret.len()).any(|window| window == secret));
    }
}

#[test]
fn the_same_version_with_other_images_is_refused() {
    let ((fake, _), folder) = (releases(), desk());
    let publish = |image| fake.said(folder.path(), &[&PUBLISH[..], &[image]].concat());
    assert_eq!(publish("./a.bin:v980").0, 0);
    let (code, out, err) = publish("./c.bin:v980");
    assert_eq!((code, out.as_str()), (1, ""));
    insta::assert_snapshot!(err, @r#"
    PU-005
      × cannot publish `vacuum`
      ╰─▶ vacuum@2.3.0 is published already, with other images
      help: publish another version
    "#);
}

#[test]
fn a_publish_that_loses_the_race_takes_the_next_counter() {
    let ((fake, kept), folder) = (releases(), desk());
    let publish = |image| fake.said(folder.path(), &[&PUBLISH[..], &[image]].concat());
    memory(&kept).races = 2;
    assert_eq!(publish("./a.bin:v980").0, 0);
    memory(&kept).races = 9;
    let (code, _, err) = publish("./b.bin:v980");
    assert_eq!(code, 1);
    assert!(err.starts_with("PU-004\n"), "{err}");
}

#[test]
fn an_image_for_nobody_is_refused_before_the_server_hears_of_it() {
    let ((fake, kept), folder) = (releases(), desk());
    let (code, _, err) = fake.said(folder.path(), &[&PUBLISH[..], &["./a.bin"]].concat());
    assert_eq!(code, 1);
    insta::assert_snapshot!("an_image_for_nobody", err);
    assert!(memory(&kept).bytes.is_empty());
    let models = [&PUBLISH[..], &["./a.bin", "--hardware", "v980"]].concat();
    assert_eq!(fake.said(folder.path(), &models).0, 0);
}

#[test]
fn a_refusal_of_the_server_is_shown_as_it_is() {
    let ((fake, _), folder) = (releases(), desk());
    let start = ["start", "0192f7a0-0000-7000-8000-000000000001"];
    let (code, out, err) = fake.said(folder.path(), &start);
    assert_eq!((code, out.as_str()), (1, ""));
    insta::assert_snapshot!(err, @r#"
    RO-001
      × cannot start rollout `0192f7a0-0000-7000-8000-000000000001`
      ╰─▶ only a draft can be started, this rollout is halted
      help: resume it
    "#);
    let (code, _, err) = fake.said(folder.path(), &[&start[..], &["--json"]].concat());
    assert_eq!(code, 1);
    insta::assert_snapshot!(err, @r#"
    {
      "cause": [
        "only a draft can be started, this rollout is halted"
      ],
      "code": "RO-001",
      "exit": 1,
      "hint": "resume it",
      "what": "cannot start rollout `0192f7a0-0000-7000-8000-000000000001`"
    }
    "#);
}

#[test]
fn an_answer_that_makes_no_sense_is_a_bug() {
    let ((fake, _), folder) = (releases(), desk());
    let arguments = ["token", "new", "--principal", "ci", "--role", "publisher"];
    let (code, out, err) = fake.said(folder.path(), &arguments);
    assert_eq!((code, out.as_str()), (4, ""));
    assert!(!err.contains('\u{1b}') && !err.contains("fota_op_secret"), "{err}");
}

#[test]
fn a_server_that_is_not_there_is_unreachable() {
    let folder = desk();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let arguments = ["--server", &url, "--token", "fota_op_secret", "list"];
    let (code, out, err) = crate::cli::rollout(folder.path(), &arguments);
    assert_eq!((code, out.as_str()), (3, ""));
    assert!(err.starts_with("CL-001\n  × cannot list rollouts\n"), "{err}");
    assert!(!err.contains("fota_op_secret"), "{err}");
    let arguments = ["--server", "here", "list"];
    assert_eq!(crate::cli::rollout(folder.path(), &arguments).0, 2);
}

#[test]
fn an_address_or_a_token_that_cannot_be_is_wrong_usage() {
    let folder = desk();
    for (server, token, code) in [
        ("ftp://127.0.0.1", "fota_op_secret", "CL-004"),
        ("127.0.0.1:8470", "fota_op_secret", "CL-004"),
        ("http://127.0.0.1:1", "fota_op_secret\nand more", "CL-007"),
        ("http://127.0.0.1:1", "fota_op_secret token", "CL-007"),
    ] {
        let arguments = ["--server", server, "--token", token, "list"];
        let (exit, _, err) = crate::cli::rollout(folder.path(), &arguments);
        assert!(exit == 2 && err.starts_with(code), "{server} with {token:?}: {exit} {err}");
        assert!(!err.contains("secret"), "{err}");
    }
}

#[test]
fn who_has_no_token_or_is_at_the_wrong_door_is_told_what_to_type() {
    let folder = desk();
    let answers = [
        (problem(401, "AU-001", "there is no token", "send a header"), "`rollout login`"),
        (problem(404, "HT-006", "there is no such route", "look"), "devices have an address"),
    ];
    for (answer, hint) in answers {
        let fake = Fake::start(move |_| answer.clone());
        let (exit, _, err) = fake.said(folder.path(), &["list"]);
        assert!(exit == 1 && err.contains(hint), "{err}");
    }
    let fake = Fake::start(|_| (404, json!("<html>no</html>")));
    let (_, _, err) = fake.said(folder.path(), &["list"]);
    assert!(err.starts_with("CL-000") && err.contains("status 404"), "{err}");
}

#[test]
fn a_folder_is_no_table_and_no_fault_of_the_server() {
    let folder = desk();
    let here = ["--server", "http://127.0.0.1:1", "--token", "fota_op_secret"];
    let (exit, _, err) =
        crate::cli::rollout(folder.path(), &[&here[..], &["device", "import", "."]].concat());
    assert!(exit == 1 && err.starts_with("CL-005"), "{exit} {err}");
}

#[test]
fn a_table_may_come_over_the_standard_input() {
    let (tell, told) = std::sync::mpsc::channel();
    let fake = Fake::start(move |asked| {
        // Whoever listens may have gone.
        let _ = tell.send((asked.head.clone(), asked.body.clone()));
        match asked.path().contains("dry_run") {
            true => (200, json!({ "rows": 1, "added": 1, "known": 0 })),
            false => problem(400, "IP-001", "line 2 column 1 (`id`): no", "correct it"),
        }
    });
    let folder = desk();
    let table = "id,model\nsn-1,v980\n";
    let here = ["--server", &fake.url, "--token", "fota_op_secret", "device", "import", "-"];
    let dry = [&here[..], &["--dry-run"]].concat();
    let (code, out, err) = crate::cli::rollout_fed(folder.path(), &dry, table);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(out, "1 device: 1 would be added, 0 known\n");
    let (head, body) = told.recv().expect("asked");
    assert!(head.to_lowercase().contains("transfer-encoding: chunked"), "no length: {head}");
    assert!(String::from_utf8_lossy(&body).contains(table));
    let (code, _, err) = crate::cli::rollout_fed(folder.path(), &here, table);
    assert_eq!(code, 1);
    assert!(err.contains("cannot import `standard input`\n  ╰─▶ line 2 column 1"), "{err}");
}

#[test]
fn an_import_that_was_cut_off_says_that_it_may_be_sent_again() {
    let folder = desk();
    std::fs::write(folder.path().join("table.csv"), "id,model\nsn-1,v980\n").expect("a table");
    let here = ["--server", "http://127.0.0.1:1", "--token", "fota_op_secret"];
    let arguments = [&here[..], &["device", "import", "table.csv"]].concat();
    let (code, out, err) = crate::cli::rollout(folder.path(), &arguments);
    assert_eq!((code, out.as_str()), (3, ""));
    assert!(err.contains("rows that are in stay: send the same table again"), "{err}");
}
