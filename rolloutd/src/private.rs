//! Files and folders that hold secrets: whose they are, and who else gets at them.
//!
//! The rule is that of PostgreSQL. A key is its owner's alone, who is us or root; one of root's may
//! be read by a group, for then somebody has thought about it. A folder of data may be looked into
//! by a group, such as that of backups, and by nobody else. Invariant: what is open is refused and
//! left as it is: it may have been read, which a change of mode does not undo. Only what is empty
//! is closed.

use std::fmt;
use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::Path;

/// What others must not have of a key.
const KEY: u32 = 0o077;
/// What others must not have of a key that root owns.
const KEY_OF_ROOT: u32 = 0o037;
/// What others must not have of a folder.
const FOLDER: u32 = 0o027;

/// Why something is no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// It is somebody else's, by the number of the user.
    Owner(u32),
    /// Others get at it, by its mode.
    Mode(u32),
}

impl fmt::Display for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owner(user) => write!(f, "belongs to user {user}"),
            Self::Mode(mode) => write!(f, "is open to others (mode {mode:o})"),
        }
    }
}

/// Why a key is no secret, if it is none.
pub fn key(file: &Metadata) -> Option<Open> {
    judge(file.uid(), file.mode(), user(), if file.uid() == 0 { KEY_OF_ROOT } else { KEY })
}

/// Why a folder of data is no secret, if it is none.
pub fn folder(file: &Metadata) -> Option<Open> {
    judge(file.uid(), file.mode(), user(), FOLDER)
}

fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Root, who gets at everything, may use what is anybody's.
fn judge(owner: u32, mode: u32, user: u32, others: u32) -> Option<Open> {
    if user != 0 && owner != 0 && owner != user {
        return Some(Open::Owner(owner));
    }
    (mode & others != 0).then_some(Open::Mode(mode & 0o777))
}

/// Makes a folder for nobody but its owner, also of one that is there and empty.
///
/// # Errors
/// Those of the system.
pub fn make_folder(path: &Path) -> io::Result<()> {
    if !path.is_dir() {
        return fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    }
    let is_open = folder(&fs::metadata(path)?).is_some();
    if is_open && fs::read_dir(path)?.next().is_none() {
        fs::set_permissions(path, Permissions::from_mode(0o700))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_its_owners_and_one_of_roots_may_have_readers() {
        let (us, root, other) = (1000, 0, 1001);
        for (owner, mode, open) in [
            (us, 0o600, None),
            (us, 0o400, None),
            (us, 0o640, Some(Open::Mode(0o640))),
            (us, 0o644, Some(Open::Mode(0o644))),
            (root, 0o640, None),
            (root, 0o440, None),
            (root, 0o660, Some(Open::Mode(0o660))),
            (root, 0o644, Some(Open::Mode(0o644))),
            (other, 0o600, Some(Open::Owner(other))),
        ] {
            let others = if owner == root { KEY_OF_ROOT } else { KEY };
            assert_eq!(judge(owner, 0o100_000 | mode, us, others), open, "{owner} {mode:o}");
        }
        assert_eq!(judge(other, 0o600, root, KEY), None, "root looks at what is another's");
    }

    #[test]
    fn a_folder_is_its_owners_and_a_group_may_look() {
        for (mode, is_open) in [(0o700, false), (0o750, false), (0o770, true), (0o755, true)] {
            let open = judge(1000, 0o040_000 | mode, 1000, FOLDER);
            assert_eq!(open, is_open.then_some(Open::Mode(mode)), "{mode:o}");
        }
    }
}
