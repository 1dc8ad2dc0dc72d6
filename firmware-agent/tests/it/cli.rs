//! The program's command line: exit codes and what it writes.

use crate::documents::Keys;
use firmware_agent::host::image::behavior;
use std::path::Path;
use std::process::{Command, Output};

fn agent(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_firmware-agent"));
    for name in ["ROLLOUT_SERVER", "ROLLOUT_ENROLL_TOKEN", "ROLLOUT_CA"] {
        command.env_remove(name);
    }
    command.current_dir(directory).args(arguments).output().unwrap()
}

fn said(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn wrong_usage_is_two_and_names_the_way_out() {
    let directory = tempfile::tempdir().unwrap();
    let (code, text) = said(&agent(directory.path(), &["fleet", "--fail-rate", "7"]));
    assert_eq!((code, text.contains("from 0 to 1")), (Some(2), true), "{text}");
    let fleet = ["fleet", "--server", "http://x", "--dir", "d", "--root", "root.cose"];
    let (code, text) = said(&agent(directory.path(), &fleet));
    assert_eq!((code, text.starts_with("FA-001\n")), (Some(1), true), "{text}");
    std::fs::write(directory.path().join("root.cose"), b"nonsense").unwrap();
    let (code, text) = said(&agent(directory.path(), &fleet));
    assert_eq!((code, text.contains("help:")), (Some(2), true), "{text}");
    std::fs::write(directory.path().join("root.cose"), Keys::new(1).root()).unwrap();
    let run = ["run", "--server", "http://x", "--dir", "d", "--root", "root.cose"];
    let (code, text) = said(&agent(directory.path(), &[&run[..], &["--device", "a"]].concat()));
    assert_eq!((code, text.starts_with("FA-006\n")), (Some(2), true), "{text}");
}

#[test]
fn a_fleet_is_provisioned_without_a_server() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("root.cose"), Keys::new(1).root()).unwrap();
    let fleet = ["fleet", "--server", "http://x", "--dir", "d", "--root", "root.cose"];
    let output =
        agent(directory.path(), &[&fleet[..], &["--count", "3", "--provision-only"]].concat());
    assert!(output.status.success(), "{:?}", said(&output));
    assert!(directory.path().join("d/dev-0003/slot0.bin").exists());
}

#[test]
fn an_image_says_how_it_behaves() {
    let directory = tempfile::tempdir().unwrap();
    let image = ["image", "--image-version", "2.0.0", "--out", "a.bin", "--crash-ppm", "5"];
    assert!(agent(directory.path(), &image).status.success());
    let bytes = std::fs::read(directory.path().join("a.bin")).unwrap();
    assert_eq!(behavior(&bytes).unwrap().crash_ppm, 5);
}
