//! Images in a directory.

use rollout_core::id::Digest;
use rollout_core::port::{ImageError, ImageStore, ImageUpload};
use rollout_store::{Disk, FileImages, conformance};
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).expect("a directory");
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.expect("an entry").file_name().to_string_lossy().into_owned()
    };
    entries.map(name).collect()
}

#[tokio::test]
async fn files_conform() {
    let directory = tempfile::tempdir().expect("a directory");
    let images = FileImages::open(directory.path()).expect("opened");
    assert_eq!(conformance::run_images(&images).await.len(), 7);
    let partial = names(directory.path()).into_iter().filter(|name| name.contains('.')).count();
    assert_eq!(partial, 0, "no upload has left anything");
}

#[tokio::test]
async fn what_uploads_left_behind_is_removed_at_open_and_images_are_kept() {
    let directory = tempfile::tempdir().expect("a directory");
    let digest = Digest::of(b"image");
    let images = FileImages::open(directory.path()).expect("opened");
    let mut upload = images.begin(digest, 5).await.expect("begun");
    upload.write(b"image").await.expect("written");
    upload.finish().await.expect("kept");
    std::fs::write(directory.path().join("0000.7.partial"), b"half").expect("left");
    let images = FileImages::open(directory.path()).expect("opened again");
    assert_eq!(names(directory.path()), [digest.to_string()]);
    assert_eq!(images.read(digest, 1, 3).await, Ok(b"mag".to_vec()));
}

#[tokio::test]
async fn a_directory_that_is_none_is_an_error_with_its_reason() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("file");
    std::fs::write(&file, b"").expect("written");
    let refused = FileImages::open(&file).err();
    assert!(matches!(refused, Some(ImageError::Failed { .. })), "{refused:?}");
}

/// Notes what is made durable; the step of that name fails.
#[derive(Clone, Default)]
struct Watched {
    steps: Arc<Mutex<Vec<&'static str>>>,
    fails: Option<&'static str>,
}

impl Watched {
    fn step(&self, name: &'static str) -> io::Result<()> {
        self.steps.lock().expect("nobody panics here").push(name);
        if self.fails == Some(name) { Err(io::Error::other("the disk is gone")) } else { Ok(()) }
    }
}

impl Disk for Watched {
    fn sync_bytes(&self, file: &File) -> io::Result<()> {
        assert_eq!(file.metadata()?.len(), 5, "all of the bytes are in the file by now");
        self.step("bytes")
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step("name")?;
        std::fs::rename(from, to)
    }

    fn sync_names(&self, _directory: &Path) -> io::Result<()> {
        self.step("names")
    }
}

/// An image that was acknowledged is there after a power cut: bytes first, then the name.
#[tokio::test]
async fn an_image_is_kept_only_when_bytes_and_name_are_durable() {
    for (fails, done) in [
        (None, &["bytes", "name", "names"][..]),
        (Some("bytes"), &["bytes"]),
        (Some("name"), &["bytes", "name"]),
        (Some("names"), &["bytes", "name", "names"]),
    ] {
        let directory = tempfile::tempdir().expect("a directory");
        let disk = Watched { fails, ..Watched::default() };
        let images = FileImages::open_on(disk.clone(), directory.path()).expect("opened");
        let mut upload = images.begin(Digest::of(b"image"), 5).await.expect("begun");
        upload.write(b"image").await.expect("written");
        assert_eq!(upload.finish().await.is_ok(), fails.is_none(), "{fails:?}");
        assert_eq!(*disk.steps.lock().expect("nobody panics here"), done, "{fails:?}");
    }
}
