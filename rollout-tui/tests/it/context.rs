//! Several servers by name: who is asked with which token, and where tokens are kept.

use crate::cli::rollout;
use crate::fake::Fake;
use serde_json::json;
use std::fs;
use std::path::Path;
use std::sync::mpsc;

/// A server that says with which token it was asked.
fn telling() -> (Fake, mpsc::Receiver<String>) {
    let (tell, told) = mpsc::channel();
    let fake = Fake::start(move |asked| {
        let header = asked.head.lines().find_map(|line| line.strip_prefix("authorization: "));
        // Whoever listens may have gone.
        let _ = tell.send(header.unwrap_or_default().to_owned());
        (200, json!({ "rollouts": [] }))
    });
    (fake, told)
}

fn login(folder: &Path, name: &str, server: &str, token: &str) {
    let arguments = ["--server", server, "--token", token, "login", name];
    let (code, out, err) = rollout(folder, &arguments);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.starts_with(&format!("{name} is http://")) && !out.contains(token), "{out}");
}

#[test]
fn the_server_that_is_chosen_is_asked_with_its_own_token() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (eu, asked_eu) = telling();
    let (us, asked_us) = telling();
    login(folder.path(), "eu", &eu.url, "fota_op_eu");
    login(folder.path(), "us", &us.url, "fota_op_us");
    asked_eu.recv().expect("asked at login");
    asked_us.recv().expect("asked at login");

    assert_eq!(rollout(folder.path(), &["list"]).0, 0);
    assert_eq!(asked_us.recv().expect("the last one"), "Bearer fota_op_us");
    assert_eq!(rollout(folder.path(), &["list", "--context", "eu"]).0, 0);
    assert_eq!(asked_eu.recv().expect("the one named"), "Bearer fota_op_eu");
    assert_eq!(rollout(folder.path(), &["context", "use", "eu"]).0, 0);
    assert_eq!(rollout(folder.path(), &["list"]).0, 0);
    assert_eq!(asked_eu.recv().expect("the one chosen"), "Bearer fota_op_eu");
    // A server that is named does not get the token of another.
    assert_eq!(rollout(folder.path(), &["list", "--server", &us.url]).0, 0);
    assert_eq!(asked_us.recv().expect("the address"), "");
    // Nor does one whose name was left behind beside a context that was named.
    let arguments = ["list", "--context", "eu", "--server", &us.url];
    let (code, _, err) = rollout(folder.path(), &arguments);
    assert!(code == 2 && err.contains("RC-017"), "{err}");
    assert!(asked_us.try_recv().is_err() && asked_eu.try_recv().is_err(), "nobody was asked");

    let (code, out, _) = rollout(folder.path(), &["context", "list"]);
    assert_eq!(code, 0);
    assert!(out.contains("eu") && out.contains("us") && !out.contains("fota"), "{out}");
    assert_eq!(rollout(folder.path(), &["context", "forget", "eu"]).0, 0);
    let (code, _, err) = rollout(folder.path(), &["list"]);
    assert!(code == 2 && err.contains("RC-005"), "{err}");
    let (code, _, err) = rollout(folder.path(), &["list", "--context", "eu"]);
    assert!(code == 2 && err.contains("RC-013") && err.contains("known: us"), "{err}");
}

#[test]
fn tokens_are_kept_for_their_owner_alone_and_only_if_they_are_good() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("rollout/config.toml");
    let refusing = Fake::start(|_| {
        let detail = "the token is not good here";
        (401, json!({ "status": 401, "code": "AU-002", "detail": detail, "hint": "look" }))
    });
    let arguments = ["--server", &refusing.url, "--token", "fota_op_bad", "login"];
    let (code, _, err) = rollout(folder.path(), &arguments);
    assert!(code == 1 && err.contains("AU-002") && !err.contains("fota_op_bad"), "{err}");
    assert!(!file.exists());
    let (code, _, err) = rollout(folder.path(), &["--server", &refusing.url, "login"]);
    assert!(code == 2 && err.contains("RC-012"), "{err}");

    let (fake, _asked) = telling();
    // One that was left behind by a command that was cut off, for everybody to read.
    let left = folder.path().join("rollout/config.new");
    fs::create_dir_all(folder.path().join("rollout")).expect("a folder");
    fs::write(&left, "current = \"other\"\n").expect("written");
    login(folder.path(), "default", &fake.url, "fota_op_good");
    assert!(!left.exists());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(&file).expect("written").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    fs::write(&file, "current = \"default\"\n[contexts.default]\ntoken = fota_op_good\n")
        .expect("written");
    let (code, _, err) = rollout(folder.path(), &["list"]);
    assert!(code == 2 && err.contains("RC-014") && err.contains("line 3"), "{err}");
    assert!(!err.contains("fota_op_good"), "{err}");
}
