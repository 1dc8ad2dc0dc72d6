//! What is a secret is its owner's, or the daemon does not begin.

use rollout_store::Unobserved;
use rolloutd::certificates::{Certificates, Pair};
use rolloutd::clock::{Clock as _, SystemClock};
use rolloutd::config::Config;
use rolloutd::{authority, init, serve};
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

fn set(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("it is ours");
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

#[test]
fn a_key_that_others_get_at_is_not_used_and_stays_as_it_is() {
    let (folder, now) = (tempfile::tempdir().expect("a folder"), SystemClock.now());
    authority::ensure(folder.path(), &[], None, now).expect("certificates");
    let at = |name: &str| folder.path().join(name);
    let pair = Pair { cert: at("server.pem"), key: at("server.key") };
    let shown = Certificates::read(&pair, now).expect("as it was made");
    set(&pair.key, 0o644);
    let error = Certificates::read(&pair, now).expect_err("everybody can read it");
    assert_eq!(error.code(), "CF-011");
    assert!(error.to_string().ends_with("server.key is open to others (mode 644)"), "{error}");
    assert!(error.hint().starts_with("`chmod 600` it"), "{}", error.hint());
    assert_eq!(shown.read_again(now).expect_err("not again either").code(), "CF-011");
    assert_eq!(mode(&pair.key), 0o644, "somebody is to know that it was read");
    // A group may read a key of root's, as that of a machine with several daemons.
    set(&pair.key, 0o640);
    let is_roots = fs::metadata(&pair.key).expect("a key").uid() == 0;
    assert_eq!(Certificates::read(&pair, now).is_ok(), is_roots);
    set(&pair.key, 0o400);
    shown.read_again(now).expect("its owner's alone");
}

#[tokio::test]
async fn a_folder_of_data_is_made_for_its_owner_and_refused_if_it_is_open() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("deep/data");
    let config = Config::local(data.clone(), Default::default());
    let serving = serve::listen(&config, Unobserved).await.expect("it serves");
    serving.stop().await.expect("the end");
    assert_eq!((mode(&data), mode(&folder.path().join("deep"))), (0o700, 0o700));
    for (open, told) in [(0o755, "(mode 755)"), (0o701, "(mode 701)"), (0o770, "(mode 770)")] {
        set(&data, open);
        let error = serve::listen(&config, Unobserved).await.err().expect("open to others");
        assert_eq!(error.code(), "SV-112");
        assert!(error.to_string().ends_with(told), "{error}");
        assert!(error.hint().starts_with("`chmod 700` it"), "{}", error.hint());
        assert_eq!(mode(&data), open);
    }
    set(&data, 0o750);
    let serving = serve::listen(&config, Unobserved).await.expect("a group may look");
    serving.stop().await.expect("the end");
}

#[tokio::test]
async fn nothing_is_made_in_a_folder_that_is_open() {
    let folder = tempfile::tempdir().expect("a folder");
    set(folder.path(), 0o755);
    fs::write(folder.path().join("note"), "mine").expect("written");
    let error = init::init(folder.path(), "ann", Some(&[])).await.expect_err("open to others");
    assert_eq!(error.code(), "SV-112");
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    // One that is empty has nothing that was read.
    fs::remove_file(folder.path().join("note")).expect("it was there");
    init::init(folder.path(), "ann", Some(&[])).await.expect("made");
    assert_eq!(mode(folder.path()), 0o700);
}
