//! The rules of the house that a machine can hold, over every source of the workspace.
//!
//! Each rule is a function from a path and a text to complaints, with a test that it bites. What
//! needs a compiler is left to lints; what needs taste is left to people. Boards and the purity
//! probe are workspaces of their own: the probe's sources are read, boards are not.

mod house;
mod map;
mod scrub;
mod source;

use std::fs;
use std::path::{Path, PathBuf};

/// A file of the workspace: its path from the root, with `/`, and its text.
struct File {
    path: String,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every file whose name ends in `suffix`, by path.
fn files(suffix: &str) -> Vec<File> {
    let root = root();
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the workspace") {
            let path = entry.expect("an entry of a folder").path();
            let name = path.strip_prefix(&root).expect("below the root").display().to_string();
            let name = name.replace('\\', "/");
            if path.is_dir() {
                if !is_skipped(&name) {
                    folders.push(path);
                }
            } else if name.ends_with(suffix) {
                let text = fs::read_to_string(&path).expect("a text file");
                found.push(File { path: name, text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn is_skipped(folder: &str) -> bool {
    let name = folder.rsplit('/').next().unwrap_or(folder);
    name == "target" || name.starts_with('.') || folder == "firmware-agent/boards"
}

/// Runs a rule over files and shows everything it found at once.
fn hold(files: &[File], rule: impl Fn(&str, &str) -> Vec<String>) {
    let complaints: Vec<_> = files.iter().flat_map(|file| rule(&file.path, &file.text)).collect();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

fn sources() -> Vec<File> {
    let sources = files(".rs");
    assert!(sources.len() > 10, "the walk found only {} sources", sources.len());
    sources
}

/// The manifests of the workspace's members; the root and the probe are none.
fn members() -> Vec<File> {
    let mut members = files("/Cargo.toml");
    // Workspaces of their own, for builds that no other has.
    let apart = ["tests/no-std/Cargo.toml", "tests/fuzz/Cargo.toml"];
    members.retain(|file| !apart.contains(&file.path.as_str()));
    assert!(members.len() >= 8, "the walk found only {} members", members.len());
    members
}

fn root_manifest() -> File {
    let path = "Cargo.toml".to_string();
    let text = fs::read_to_string(root().join(&path)).expect("the root manifest");
    File { path, text }
}

#[test]
fn files_and_lines_are_short() {
    hold(&sources(), source::size);
}

#[test]
fn functions_are_short() {
    hold(&sources(), source::function_size);
}

#[test]
fn modules_say_what_they_are_for() {
    hold(&sources(), source::module_docs);
}

#[test]
fn tests_neither_sleep_nor_look_away() {
    hold(&sources(), source::honest_tests);
}

#[test]
fn the_domain_does_not_know_its_ports() {
    hold(&sources(), source::no_ports);
}

#[test]
fn the_core_has_no_clock_and_no_world() {
    hold(&sources(), source::pure_core);
}

#[test]
fn sql_and_aws_stay_in_their_rooms() {
    hold(&sources(), source::rooms);
}

#[test]
fn unsafe_is_only_in_the_probe() {
    hold(&sources(), source::no_unsafe);
}

#[test]
fn rooms_depend_only_on_what_they_may() {
    hold(&members(), house::dependencies);
}

#[test]
fn versions_live_in_the_root_only() {
    hold(&members(), house::no_versions);
}

#[test]
fn every_dependency_has_its_reason() {
    hold(&[root_manifest()], house::reasons);
}

#[test]
fn the_core_comes_without_default_features() {
    hold(&[root_manifest()], house::bare_core);
}

#[test]
fn the_code_map_names_what_exists() {
    let root = root();
    let exists = |path: &str| root.join(path).exists();
    hold(&[architecture()], |path, text| map::code_map(path, text, &exists));
}

#[test]
fn every_promise_names_a_test_that_exists() {
    let names = sources().iter().flat_map(|file| source::function_names(&file.text)).collect();
    hold(&[architecture()], |path, text| map::promises(path, text, &names));
}

fn architecture() -> File {
    let path = "ARCHITECTURE.md".to_string();
    let text = fs::read_to_string(root().join(&path)).expect("ARCHITECTURE.md at the root");
    File { path, text }
}
