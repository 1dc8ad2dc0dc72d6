//! What the page on the daemon says about TLS, typed into one shell.
//!
//! Invariant: it is the program that was just built which makes, shows and renews certificates.

use super::markdown::Page;
use super::programs::Programs;
use super::tour::Shell;

/// Walks the blocks tagged `sh tls`; panics where they go wrong.
pub fn walk(programs: &Programs, page: &Page) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut shell = Shell::start(programs, folder.path(), &page.path);
    shell.say("export XDG_CONFIG_HOME=\"$PWD\"\nunset ROLLOUT_CONTEXT\n");
    let blocks = page.blocks();
    let mut walked = 0;
    for (place, block) in blocks.iter().enumerate().filter(|(_, block)| block.tag == "sh tls") {
        let says = blocks.get(place + 1).filter(|next| next.tag == "text");
        shell.run(block, says.map_or(&[], |says| &says.lines));
        walked += 1;
    }
    assert_eq!(walked, 3, "blocks of {}", page.path);
    shell.stop();
}
