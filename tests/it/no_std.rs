//! The core links no `std`, and without the feature `decide` no allocator: built, not believed.
//!
//! The probe in `tests/no-std` is a workspace of its own with its own panic handler, so `std`
//! anywhere below it is a second one and the build fails. Two controls that must fail show that
//! the probe would notice. Not here: what the core may name at all (see `tidy`).

use std::path::Path;
use std::process::{Command, Output};

/// Builds the probe with one feature. The lock file is committed and holds the versions of the
/// house, so whatever built this test has already fetched every source.
fn build(feature: &str) -> Output {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("no-std/Cargo.toml");
    Command::new(env!("CARGO"))
        .args(["build", "--locked", "--color=never", "--features", feature, "--manifest-path"])
        .arg(&manifest)
        .arg("--target-dir")
        .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("no-std"))
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET")
        .output()
        .expect("cargo can be started")
}

fn assert_builds(feature: &str) {
    let output = build(feature);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "the core is not pure with `{feature}`; if only the probe's lock file is old, run\n\
         cp Cargo.lock tests/no-std/ && cargo metadata --format-version 1 \
         --manifest-path tests/no-std/Cargo.toml >/dev/null\n{said}"
    );
}

fn assert_fails(feature: &str, words: &str) {
    let output = build(feature);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "the probe does not notice `{feature}`");
    assert!(said.contains(words), "`{feature}` failed for another reason:\n{said}");
}

#[test]
fn the_device_half_needs_neither_std_nor_an_allocator() {
    assert_builds("bare");
}

#[test]
fn the_deciding_half_needs_no_std() {
    assert_builds("decide");
}

#[test]
fn a_leak_of_std_would_be_noticed() {
    assert_fails("std-leak", "found duplicate lang item `panic_impl`");
}

#[test]
fn a_leak_of_an_allocator_would_be_noticed() {
    assert_fails("alloc-leak", "no global memory allocator found");
}

/// The probe would prove nothing if it built other versions than the house does.
#[test]
fn the_probe_builds_the_versions_of_the_house() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| std::fs::read_to_string(root.join(path)).expect("a lock file");
    let house = packages(&read("../Cargo.lock"));
    for package in packages(&read("no-std/Cargo.lock")) {
        let known = house.contains(&package) || package.starts_with("no-std-probe ");
        assert!(known, "tests/no-std/Cargo.lock has {package}, Cargo.lock has not");
    }
}

/// `name version` of every package of a lock file.
fn packages(lock: &str) -> Vec<String> {
    let quoted = |line: &str, key: &str| {
        Some(line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"')?.to_string())
    };
    let names = lock.lines().filter_map(|line| quoted(line, "name"));
    let versions = lock.lines().skip(4).filter_map(|line| quoted(line, "version"));
    names.zip(versions).map(|(name, version)| format!("{name} {version}")).collect()
}
