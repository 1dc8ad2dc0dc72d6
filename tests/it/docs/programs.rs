//! The three programs, built from these sources and called.
//!
//! Built with the features of this package, so that what is compiled already is not compiled again.
//! Invariant: a program that cannot be built fails the test; an older one is never taken.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Names of the programs; each is the binary of a package.
pub const PROGRAMS: [&str; 3] = ["rollout", "rolloutd", "firmware-agent"];

/// Where the programs are.
pub struct Programs {
    /// The folder that holds them.
    pub folder: PathBuf,
}

/// Builds the programs once per run of the tests.
pub fn built() -> &'static Programs {
    static BUILT: OnceLock<Programs> = OnceLock::new();
    BUILT.get_or_init(build)
}

/// This test is `TARGET/PROFILE/deps/it-…`; the programs belong into `TARGET/PROFILE`.
fn build() -> Programs {
    let this = std::env::current_exe().expect("the path of this test");
    let folder = this.ancestors().nth(2).expect("a folder of a profile").to_path_buf();
    let target = folder.parent().expect("a target folder");
    let release = folder.file_name().is_some_and(|name| name == "release");
    let packages = ["rolloutd", "rollout-tui", "firmware-agent", "rollout-tests"];
    let output = Command::new(env!("CARGO"))
        .args(["build", "--locked", "--offline", "--color=never", "--quiet"])
        .args(packages.iter().flat_map(|package| ["-p", package]))
        // Programs of the tests themselves may be running, and are left as they are.
        .args(PROGRAMS.iter().flat_map(|program| ["--bin", program]))
        .args(["--features", "firmware-agent/host"])
        .args(release.then_some("--release"))
        .arg("--target-dir")
        .arg(target)
        .current_dir(super::root())
        .output()
        .expect("cargo can be started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the programs cannot be built:\n{said}");
    for program in PROGRAMS {
        assert!(folder.join(program).exists(), "{program} is not in {}", folder.display());
    }
    Programs { folder }
}

impl Programs {
    /// What a program says to `--help` behind these words.
    pub fn help(&self, program: &str, words: &[&str]) -> Result<String, String> {
        let output = Command::new(Path::new(&self.folder).join(program))
            .args(words)
            .arg("--help")
            .output()
            .expect("a program that was just built");
        if !output.status.success() {
            return Err(format!("`{program} {} --help` fails", words.join(" ")));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}
