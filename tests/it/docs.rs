//! What keeps the documents true: codes, commands, plan keys, wire documents, links, the tour.
//!
//! Each rule compares a document with what it describes: sources, `--help` of the programs, the
//! reader of plans, the types of the wire. Not here: whether a sentence is right; people read that.

mod ci;
mod codes;
mod commands;
mod first;
mod keys;
mod links;
mod markdown;
pub mod programs;
mod shell;
mod tls;
mod tour;

use markdown::Page;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the tests are in a folder of the workspace").to_path_buf()
}

/// README, ARCHITECTURE and everything below `docs`, by path.
fn pages() -> Vec<Page> {
    let mut paths: Vec<_> = ["README.md", "ARCHITECTURE.md"].map(PathBuf::from).into();
    let mut folders = vec![PathBuf::from("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).expect("a folder of documents") {
            let entry = entry.expect("an entry of a folder");
            let path = folder.join(entry.file_name());
            if entry.path().is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "md") {
                paths.push(path);
            }
        }
    }
    paths.sort();
    assert!(paths.len() > 20, "the walk found only {} documents", paths.len());
    paths.iter().map(|path| page(path)).collect()
}

fn page(path: &Path) -> Page {
    let text = fs::read_to_string(root().join(path));
    let text = text.unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    Page { path: path.display().to_string(), text }
}

fn nothing(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn every_code_has_its_page_and_every_page_its_code() {
    let known = codes::of_sources(&root());
    assert!(known.len() > 100, "only {} codes were found in the sources", known.len());
    let told: Vec<Page> =
        pages().into_iter().filter(|page| page.path.starts_with("docs/errors/")).collect();
    nothing(&codes::compare(&known, &told));
}

#[test]
fn every_relative_link_leads_somewhere() {
    let all: BTreeMap<String, Page> =
        pages().into_iter().map(|page| (page.path.clone(), page)).collect();
    nothing(&links::check(&root(), &all));
}

#[test]
fn every_command_in_a_document_exists() {
    let programs = programs::built();
    let complaints: Vec<String> =
        pages().iter().flat_map(|page| commands::check(&root(), programs, page)).collect();
    nothing(&complaints);
}

#[test]
fn the_plan_page_has_every_key_and_no_other() {
    let plan = page(Path::new("docs/operating/plan.md"));
    let source = page(Path::new("rollout-http/src/body/v1/plan.rs"));
    nothing(&keys::check(&plan, &source.text));
}

#[test]
fn the_documents_of_devices_are_what_the_wire_reads() {
    nothing(&keys::wire(&page(Path::new("docs/operating/devices.md"))));
}

#[test]
fn the_table_of_roles_is_the_one_that_is_asked() {
    nothing(&keys::roles(&page(Path::new("docs/operating/running.md"))));
}

#[test]
fn the_table_of_settings_is_what_init_writes() {
    nothing(&keys::settings(&page(Path::new("docs/operating/running.md"))));
}

/// The README's tour, typed into one shell from an empty folder.
#[test]
fn the_tour_works_as_it_is_written() {
    tour::walk(programs::built(), &page(Path::new("README.md")));
}

/// What is said about TLS, from `init` to a renewed certificate.
#[test]
fn tls_works_as_it_is_written() {
    tls::walk(programs::built(), &page(Path::new("docs/operating/running.md")));
}

/// The page on CI, against a server and devices.
#[test]
fn ci_works_as_it_is_written() {
    let workflow = fs::read_to_string(root().join("docs/operating/ci/rollout.yml"));
    let page = page(Path::new("docs/operating/ci.md"));
    ci::walk(programs::built(), &page, &workflow.expect("the workflow"));
}

/// The page on the first rollout, but for what builds and what is watched.
#[test]
fn the_first_rollout_works_as_it_is_written() {
    let page = page(Path::new("docs/operating/first-rollout.md"));
    first::walk(programs::built(), &root(), &page);
}
