//! Images as files of a local directory, named by their SHA-256.
//!
//! Invariants: a file that bears a digest's name is whole and has that digest, also after a power
//! cut; it is written once; memory does not grow with the image. Not here: signed URLs, and who
//! may read what. One process at a time works on a directory: opening it removes what uploads
//! left behind.

use rollout_core::id::Digest;
use rollout_core::port::{ImageError, ImageStore, ImageUpload};
use sha2::{Digest as _, Sha256};
use std::fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use tokio::task::spawn_blocking;

/// What the name of an unfinished upload ends in.
const PARTIAL: &str = ".partial";
/// Bytes that are buffered on their way to the file.
const BUFFER_BYTES: usize = 16 * 1024;

/// What makes bytes and names outlive a power cut. Tests look at it, in its order.
pub trait Disk: Send + Sync + 'static {
    /// Makes the bytes of a file durable.
    ///
    /// # Errors
    /// What the operating system says.
    fn sync_bytes(&self, file: &fs::File) -> io::Result<()> {
        file.sync_all()
    }

    /// Gives a file its name.
    ///
    /// # Errors
    /// What the operating system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    /// Makes the names in a directory durable.
    ///
    /// # Errors
    /// What the operating system says.
    fn sync_names(&self, directory: &Path) -> io::Result<()> {
        fs::File::open(directory)?.sync_all()
    }
}

/// The disk that there is.
struct TheDisk;

impl Disk for TheDisk {}

/// Images of a directory.
pub struct FileImages {
    disk: Arc<dyn Disk>,
    directory: Arc<Path>,
    uploads: AtomicU64,
}

impl FileImages {
    /// Opens or creates the directory, and removes what unfinished uploads left. Blocks.
    ///
    /// # Errors
    /// [`ImageError::Failed`] if the directory cannot be made, read or cleaned.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, ImageError> {
        Self::open_on(TheDisk, directory)
    }

    /// The same on a disk that somebody looks at. Blocks.
    ///
    /// # Errors
    /// As [`FileImages::open`].
    pub fn open_on(disk: impl Disk, directory: impl AsRef<Path>) -> Result<Self, ImageError> {
        let disk = Arc::new(disk);
        let directory: Arc<Path> = directory.as_ref().into();
        fs::create_dir_all(&directory).map_err(failed("make the image directory"))?;
        for entry in fs::read_dir(&directory).map_err(failed("read the image directory"))? {
            let entry = entry.map_err(failed("read the image directory"))?;
            if entry.file_name().to_string_lossy().ends_with(PARTIAL) {
                fs::remove_file(entry.path()).map_err(failed("remove an unfinished upload"))?;
            }
        }
        Ok(Self { disk, directory, uploads: AtomicU64::new(0) })
    }

    fn path(&self, digest: Digest) -> PathBuf {
        self.directory.join(digest.to_string())
    }
}

impl ImageStore for FileImages {
    type Upload = FileUpload;

    async fn begin(&self, digest: Digest, length: u64) -> Result<FileUpload, ImageError> {
        let number = self.uploads.fetch_add(1, Ordering::Relaxed);
        let path = self.directory.join(format!("{digest}.{number}{PARTIAL}"));
        let file = File::options().write(true).create_new(true).open(&path).await;
        let mut file = file.map_err(failed("begin an upload"))?;
        file.set_max_buf_size(BUFFER_BYTES);
        let partial = Partial { path };
        let (directory, target) = (self.directory.clone(), self.path(digest));
        let hash = Sha256::new();
        let disk = self.disk.clone();
        Ok(FileUpload { digest, length, taken: 0, hash, file, partial, disk, directory, target })
    }

    async fn length(&self, digest: Digest) -> Result<Option<u64>, ImageError> {
        match tokio::fs::metadata(self.path(digest)).await {
            Ok(found) => Ok(Some(found.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("look for an image")(error)),
        }
    }

    async fn read(&self, digest: Digest, offset: u64, limit: usize) -> Result<Vec<u8>, ImageError> {
        let path = self.path(digest);
        let read = spawn_blocking(move || read_range(&path, offset, limit)).await;
        match read.map_err(io::Error::other).flatten() {
            Ok(bytes) => Ok(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(ImageError::Unknown(digest))
            }
            Err(error) => Err(failed("read an image")(error)),
        }
    }
}

fn read_range(path: &Path, offset: u64, limit: usize) -> io::Result<Vec<u8>> {
    let mut file = fs::File::open(path)?;
    let left = file.metadata()?.len().saturating_sub(offset);
    let wanted = left.min(limit as u64);
    let mut bytes = Vec::with_capacity(wanted as usize);
    if wanted > 0 {
        file.seek(SeekFrom::Start(offset))?;
        file.take(wanted).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// The file of an unfinished upload, removed when this is dropped.
struct Partial {
    path: PathBuf,
}

impl Drop for Partial {
    fn drop(&mut self) {
        // Gone after a finished upload; what cannot be removed is removed at the next open.
        fs::remove_file(&self.path).ok();
    }
}

/// An upload into a [`FileImages`].
pub struct FileUpload {
    digest: Digest,
    length: u64,
    taken: u64,
    hash: Sha256,
    file: File,
    partial: Partial,
    disk: Arc<dyn Disk>,
    directory: Arc<Path>,
    target: PathBuf,
}

impl ImageUpload for FileUpload {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), ImageError> {
        let wanted = self.length;
        if self.taken + bytes.len() as u64 > wanted {
            return Err(ImageError::Length { wanted, found: wanted.saturating_add(1) });
        }
        for piece in bytes.chunks(BUFFER_BYTES) {
            self.hash.update(piece);
            self.file.write_all(piece).await.map_err(failed("write an image"))?;
        }
        self.taken += bytes.len() as u64;
        Ok(())
    }

    async fn finish(mut self) -> Result<(), ImageError> {
        if self.taken != self.length {
            return Err(ImageError::Length { wanted: self.length, found: self.taken });
        }
        let found = Digest::from_bytes(self.hash.finalize().into());
        if found != self.digest {
            return Err(ImageError::Digest { wanted: self.digest, found });
        }
        self.file.flush().await.map_err(failed("write an image"))?;
        let file = self.file.into_std().await;
        // What is left of the upload goes along, so that nobody removes the file meanwhile.
        let (partial, disk) = (self.partial, self.disk);
        let (directory, target) = (self.directory, self.target);
        let keep = move || keep(disk.as_ref(), file, partial, &directory, &target);
        let kept = spawn_blocking(keep).await;
        kept.map_err(io::Error::other).flatten().map_err(failed("keep an image"))
    }
}

/// Bytes first, then the name, then the directory that holds the name.
fn keep(
    disk: &dyn Disk,
    file: fs::File,
    partial: Partial,
    directory: &Path,
    target: &Path,
) -> io::Result<()> {
    if target.exists() {
        return disk.sync_names(directory);
    }
    disk.sync_bytes(&file)?;
    drop(file);
    disk.rename(&partial.path, target)?;
    disk.sync_names(directory)
}

fn failed(doing: &'static str) -> impl Fn(io::Error) -> ImageError {
    move |error| ImageError::Failed { doing, why: error.to_string() }
}
