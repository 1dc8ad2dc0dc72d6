//! The page on the first rollout, run as it is written, but for cloning, building and watching.
//!
//! Invariant: what the page calls `target/release` is what was just built.

use super::markdown::Page;
use super::programs::Programs;
use super::tour::Shell;
use std::path::Path;

/// What a rollout that is through says.
const THROUGH: &str = "target/release/rollout wait \
    $(target/release/rollout list --json | sed -n 's/.*\"id\": \"\\(.*\\)\".*/\\1/p') --for proven";

/// Walks the page; panics where it goes wrong.
pub fn walk(programs: &Programs, root: &Path, page: &Page) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut shell = Shell::start(programs, folder.path(), &page.path);
    let (root, built) = (root.display(), programs.folder.display());
    shell.say(&format!(
        "export PROGRAMS='{built}' XDG_CONFIG_HOME=\"$PWD\"\nmkdir target\n\
         ln -s '{built}' target/release\nln -s '{root}/docs' docs\n"
    ));
    let blocks = page.blocks();
    let mut walked = 0;
    for (place, block) in blocks.iter().enumerate() {
        if block.tag != "sh first" {
            continue;
        }
        if block.lines.iter().any(|line| line.starts_with("kill")) {
            let wait = super::markdown::Block { tag: "sh", lines: vec![THROUGH], line: block.line };
            shell.run(&wait, &["proven by …"]);
        }
        let says = blocks.get(place + 1).filter(|next| next.tag == "text");
        shell.run(block, says.map_or(&[], |says| &says.lines));
        walked += 1;
    }
    assert_eq!(walked, 3, "blocks of {}", page.path);
    shell.stop();
}
