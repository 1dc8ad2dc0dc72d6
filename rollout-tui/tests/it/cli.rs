//! The binary from outside: exit code, stdout and stderr of every command that works offline.

use crate::desk::{binding_key, release_key, root_keys};
use rollout_core::trust::envelope::SIGNATURE_BYTES;
use rollout_core::trust::pem::{key_from_pem, key_to_pem};
use rollout_core::trust::sign::{SigningKey, public_key};
use rollout_core::trust::{Role, Root};
use rollout_tui::root::fleet_of;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

const ROLLOUT: &str = "0192f7a0-0000-7000-8000-000000000001";

/// Runs the binary in a folder, away from the caller's environment.
pub fn rollout(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    rollout_fed(folder, arguments, "")
}

/// The same with something on its standard input.
pub fn rollout_fed(folder: &Path, arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollout"));
    let callers =
        ["SERVER", "TOKEN", "CONTEXT", "CONFIG", "CA"].map(|name| format!("ROLLOUT_{name}"));
    for name in callers.iter().map(String::as_str).chain(["COLUMNS", "LINES", "CLICOLOR_FORCE"]) {
        command.env_remove(name);
    }
    command
        .env("XDG_CONFIG_HOME", folder)
        .env("NO_PROXY", "*")
        .current_dir(folder)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary runs");
    // Most commands end without reading any of it.
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    let done = child.wait_with_output().expect("it ends");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (done.status.code().expect("an exit code"), text(done.stdout), text(done.stderr))
}

/// The same, as one text to compare.
pub fn said(folder: &Path, arguments: &[&str]) -> String {
    let (code, out, err) = rollout(folder, arguments);
    format!("exit {code}\n--- stdout\n{out}--- stderr\n{err}")
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// A folder with `root-1.pem` to `root-3.pem`, `release.pem` and `binding.pem`.
pub fn keys() -> tempfile::TempDir {
    let folder = folder();
    let write = |name: String, key: &SigningKey| {
        fs::write(folder.path().join(name), key_to_pem(key).as_bytes()).expect("written");
    };
    for (key, place) in root_keys().into_iter().zip(1..) {
        write(format!("root-{place}.pem"), &key);
    }
    write("release.pem".into(), &release_key());
    write("binding.pem".into(), &binding_key());
    folder
}

#[test]
fn position_prints_the_pinned_vector() {
    let folder = folder();
    let arguments = ["position", "--rollout", ROLLOUT, "--device", "dev-0001"];
    insta::assert_snapshot!(said(folder.path(), &arguments), @r#"
    exit 0
    --- stdout
    key      f9ad7bd94afcc4da
    salt     5cac933646031866
    position bfeef03fcc8bf9b7
    bucket   7497
    --- stderr
    "#);
    let json = ["position", "--rollout", ROLLOUT, "--device", "dev-0002", "--json"];
    insta::assert_snapshot!(said(folder.path(), &json), @r#"
    exit 0
    --- stdout
    {
      "bucket": 7641,
      "key": "c47a16570397cc49",
      "position": "c3a08fa287aaf2ae",
      "salt": "5cac933646031866"
    }
    --- stderr
    "#);
}

/// Commands that have a help of their own.
const PAGES: [&str; 66] = [
    "",
    "key new",
    "key show",
    "root new",
    "root show",
    "root publish",
    "release publish",
    "release promote",
    "release list",
    "release show",
    "release renew",
    "release withdraw",
    "release stone",
    "release dead-end",
    "release dead-ends",
    "check",
    "create",
    "start",
    "pause",
    "resume",
    "advance",
    "approve",
    "halt",
    "cancel",
    "rollback",
    "status",
    "explain",
    "list",
    "diff",
    "apply",
    "wait",
    "login",
    "context list",
    "context use",
    "context forget",
    "completions",
    "man",
    "device list",
    "device census",
    "device show",
    "device enroll-token",
    "device add",
    "device import",
    "device token",
    "device hold",
    "device release",
    "device retire",
    "device note",
    "device set",
    "device replace",
    "device exclude",
    "device include",
    "device offer",
    "product list",
    "product show",
    "channel set",
    "channel list",
    "channel show",
    "channel remove",
    "cohort set",
    "cohort show",
    "token new",
    "token list",
    "token revoke",
    "events",
    "position",
];

#[test]
fn every_help_is_complete() {
    let folder = folder();
    let mut all = String::new();
    for page in PAGES {
        let arguments: Vec<_> = page.split_whitespace().chain(["--help"]).collect();
        let (code, out, err) = rollout(folder.path(), &arguments);
        assert_eq!((code, err.as_str()), (0, ""), "{page}");
        // Options of every command are shown once, with the first page.
        let own = if page.is_empty() { out.as_str() } else { without_global(&out) };
        all.push_str(&format!("$ rollout {page} --help\n{own}\n"));
    }
    insta::assert_snapshot!(all);
}

/// A help page up to its first option that every command has.
fn without_global(page: &str) -> &str {
    page.find("Options of every command:").map_or(page, |at| page[..at].trim_end())
}

#[test]
fn a_new_key_is_private_and_never_overwrites() {
    let folder = folder();
    let arguments = ["key", "new", "--role", "release", "--out", "release.pem"];
    let (code, out, err) = rollout(folder.path(), &arguments);
    assert_eq!((code, err.as_str()), (0, ""));
    let file = folder.path().join("release.pem");
    let pem = fs::read_to_string(&file).expect("written");
    let public = public_key(&key_from_pem(&pem).expect("a key"));
    let id = public.id();
    let wanted = format!(
        "role       release\nkey id     {id}\npublic key {public}\nfile       release.pem\n"
    );
    assert_eq!(out, wanted);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(&file).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    assert!(rollout(folder.path(), &["key", "show", "release.pem"]).1.contains(&id.to_string()));
    insta::assert_snapshot!(said(folder.path(), &arguments), @r#"
    exit 1
    --- stdout
    --- stderr
    RC-003
      × cannot write `release.pem`
      ╰─▶ File exists (os error 17)
      help: name another file; keys and roots are never overwritten
    "#);
    assert_eq!(fs::read_to_string(&file).expect("still there"), pem);
}

#[test]
fn key_show_shows_the_public_half() {
    let folder = keys();
    insta::assert_snapshot!(said(folder.path(), &["key", "show", "release.pem"]), @r#"
    exit 0
    --- stdout
    key id     c5b940ed3f65c391
    public key ca93ac1705187071d67b83c7ff0efe8108e8ec4530575d7726879333dbdabe7c
    --- stderr
    "#);
    fs::write(folder.path().join("note.txt"), "no key").expect("written");
    insta::assert_snapshot!(said(folder.path(), &["key", "show", "note.txt"]), @r#"
    exit 1
    --- stdout
    --- stderr
    TR-095
      × cannot use `note.txt` as a key
      ╰─▶ no unencrypted Ed25519 private key in PEM form
      help: give the file that `rollout key new` or `openssl genpkey -algorithm ed25519` wrote
    "#);
    insta::assert_snapshot!(said(folder.path(), &["--json", "key", "show", "none.pem"]), @r#"
    exit 1
    --- stdout
    --- stderr
    {
      "cause": [
        "No such file or directory (os error 2)"
      ],
      "code": "RC-001",
      "exit": 1,
      "hint": "look at the path and its permissions",
      "what": "cannot read `none.pem`"
    }
    "#);
}

#[test]
fn a_new_root_is_one_that_devices_pin() {
    let folder = keys();
    let public = public_key(&binding_key()).to_string();
    let arguments = [
        "root",
        "new",
        "--fleet",
        "demo",
        "--root-key",
        "root-1.pem",
        "--root-key",
        "root-2.pem",
        "--root-key",
        "root-3.pem",
        "--release-key",
        "release.pem",
        "--binding-key",
        &public,
        "--out",
        "root.cose",
    ];
    let (code, out, err) = rollout(folder.path(), &arguments);
    assert_eq!((code, err.as_str()), (0, ""));
    let envelope = fs::read(folder.path().join("root.cose")).expect("written");
    let root = Root::pinned(&envelope).expect("pinned");
    assert_eq!(root.fleet(), fleet_of("demo"));
    assert_eq!(root.expires().0 - root.issued_at().0, 365 * 86_400);
    let role = |role| root.role(role).map(|keys| (keys.threshold, keys.keys().len()));
    assert_eq!(role(Role::Root), Some((2, 3)));
    assert_eq!(role(Role::Release), Some((1, 1)));
    assert_eq!(role(Role::Binding), Some((1, 1)));
    assert!(out.contains("root.cose"), "{out}");
    assert_eq!(rollout(folder.path(), &arguments).0, 1, "never overwritten");

    // The same root at a fixed time, so that all of it can be compared.
    let fixed = crate::desk::signed_root(&[&release_key()], 1).envelope;
    fs::write(folder.path().join("fixed.cose"), &fixed).expect("written");
    insta::assert_snapshot!("root_show", said(folder.path(), &["root", "show", "fixed.cose"]));
    let json = said(folder.path(), &["root", "show", "fixed.cose", "--json"]);
    insta::assert_snapshot!("root_show_json", json);

    let mut forged = fixed;
    let last = forged.len() - 1;
    forged[last] ^= 1;
    forged[last - SIGNATURE_BYTES] ^= 1;
    fs::write(folder.path().join("forged.cose"), forged).expect("written");
    let (code, out, _) = rollout(folder.path(), &["root", "show", "forged.cose"]);
    assert_eq!(code, 0);
    assert!(out.contains("signed  no, 1 of its root keys have, 2 must"), "{out}");
    insta::assert_snapshot!(said(folder.path(), &["root", "show", "release.pem"]), @r#"
    exit 1
    --- stdout
    --- stderr
    TR-007
      × `release.pem` is no root document
      ╰─▶ an item is not a tag
      help: sign the document again with `rollout`
    "#);
}

#[test]
fn a_root_that_breaks_a_rule_is_refused() {
    let folder = keys();
    let arguments = [
        "root",
        "new",
        "--fleet",
        "demo",
        "--root-key",
        "root-1.pem",
        "--release-key",
        "release.pem",
        "--binding-key",
        "binding.pem",
        "--threshold-release",
        "2",
        "--out",
        "r",
    ];
    insta::assert_snapshot!(said(folder.path(), &arguments), @r#"
    exit 1
    --- stdout
    --- stderr
    TR-022
      × cannot make this root
      ╰─▶ field 6 is refused, it must be a threshold from 1 to the number of keys
      help: sign a document that keeps the rule
    "#);
    assert!(!folder.path().join("r").exists());
}

#[test]
fn what_is_typed_wrongly_ends_with_2() {
    let folder = folder();
    insta::assert_snapshot!(said(folder.path(), &["list"]), @r#"
    exit 2
    --- stdout
    --- stderr
    RC-005
      × no server was named
      help: give `--server URL`, set ROLLOUT_SERVER, or keep one with `rollout login`
    "#);
    for arguments in [
        &["position", "--rollout", "7", "--device", "dev-0001"][..],
        &["position", "--rollout", ROLLOUT, "--device", "a b"],
        &["pause", ROLLOUT, "--reason", "why", "--review", "soon"],
        &["cohort", "set", "dogfood"],
        &["token", "new", "--principal", "ci"],
        &["relese", "list"],
        &[],
    ] {
        let (code, out, _) = rollout(folder.path(), arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}");
    }
}

#[test]
fn what_is_typed_wrongly_is_json_for_programs() {
    let folder = folder();
    let (code, out, err) = rollout(folder.path(), &["--json", "status", "nope"]);
    assert_eq!((code, out.as_str()), (2, ""));
    let told: serde_json::Value = serde_json::from_str(&err).expect("one JSON document");
    assert_eq!(told["code"], "RC-016");
    assert!(told.to_string().contains("nope"), "{told}");
}

#[test]
fn completions_and_pages_come_from_the_arguments() {
    let folder = folder();
    for shell in ["bash", "zsh", "fish"] {
        let (code, out, err) = rollout(folder.path(), &["completions", shell]);
        assert_eq!((code, err.as_str()), (0, ""), "{shell}");
        assert!(out.contains("rollback") && out.contains("way-back"), "{shell}");
    }
    let script = rollout(folder.path(), &["completions", "bash"]).1;
    let file = folder.path().join("rollout.bash");
    fs::write(&file, script).expect("written");
    let read = Command::new("bash").arg("-n").arg(&file).status().expect("bash");
    assert!(read.success(), "bash cannot read its script");
    let (code, out, _) = rollout(folder.path(), &["man", "pages"]);
    assert_eq!(code, 0, "{out}");
    let page = fs::read_to_string(folder.path().join("pages/rollout-release-publish.1"));
    assert!(page.expect("a page").contains("way back"));
}
