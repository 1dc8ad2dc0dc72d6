//! What the daemon says when it cannot begin: a code, what happened, why, and what to do.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

/// Runs the daemon in `folder`; its exit code and what it complained about.
fn said(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rolloutd"));
    let out = command.args(arguments).current_dir(folder).output().expect("the daemon");
    (out.status.code(), String::from_utf8_lossy(&out.stderr).into_owned())
}

#[test]
fn a_folder_that_is_there_is_not_made_again() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(said(folder.path(), &["init", "home"]), (Some(0), String::new()));
    let refused = "SV-105\n  × home/rolloutd.toml is there already\n  \
                   help: serve what is there, or name another folder\n";
    assert_eq!(said(folder.path(), &["init", "home"]), (Some(1), refused.into()));
    fs::write(folder.path().join("file"), "").expect("written");
    let (code, words) = said(folder.path(), &["init", "file/home"]);
    assert_eq!(code, Some(1));
    assert!(
        words.starts_with("SV-106\n  × cannot write file/home/rolloutd.toml\n  ╰─▶ "),
        "{words}"
    );
}

#[test]
fn a_daemon_that_cannot_serve_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(said(folder.path(), &["init", "home"]).0, Some(0));
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("listen_operators={}", taken.local_addr().expect("an address"));
    let serve =
        ["serve", "--config", "home/rolloutd.toml", "--set", "listen_devices=127.0.0.1:0", "--set"];
    let (code, words) = said(folder.path(), &[&serve[..], &[&address]].concat());
    assert_eq!(code, Some(1));
    assert!(words.starts_with("SV-102\n  × cannot listen on 127.0.0.1:"), "{words}");
    assert!(words.contains("\n  ╰─▶ ") && words.contains("\n  help: "), "{words}");
    fs::write(folder.path().join("file"), "").expect("written");
    let (code, words) = said(folder.path(), &[&serve[..], &["data=../file/data"]].concat());
    assert_eq!(code, Some(1));
    assert!(words.starts_with("SV-101\n  × cannot use folder "), "{words}");
    // An error that has a code of its own keeps it, whoever passes it on.
    let settings = folder.path().join("home/rolloutd.toml");
    fs::write(&settings, "nonsense = 1\n").expect("written");
    let (_, words) = said(folder.path(), &serve[..5]);
    assert!(words.starts_with("CF-003\n"), "{words}");
}

/// So few devices that the show could prove nothing are refused, with the reason.
#[test]
fn a_demo_of_too_few_or_too_many_devices_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    for (count, why) in [
        ("1", "at least 21: a bad release may reach 20 devices before it is halted"),
        ("20", "at least 21: "),
        ("20001", "at most 20000: "),
        ("-1", "write a number from 21 to 20000"),
    ] {
        let (code, words) = said(folder.path(), &["demo", &format!("--devices={count}")]);
        assert_eq!(code, Some(2), "{count}: {words}");
        assert!(words.contains("--devices <N>") && words.contains(why), "{count}: {words}");
    }
}
