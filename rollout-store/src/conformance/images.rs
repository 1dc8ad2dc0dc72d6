//! What is asked of every image store.

use rollout_core::id::Digest;
use rollout_core::port::{ImageError, ImageStore, ImageUpload};

/// Larger than any buffer on the way.
const LARGE_BYTES: usize = 300_000;

/// Runs all checks on an empty image store; what was checked.
///
/// # Panics
/// If the store does not do what is asked.
pub async fn run_images<I: ImageStore>(images: &I) -> Vec<&'static str> {
    an_image_is_read_by_position(images).await;
    wrong_bytes_are_refused(images).await;
    wrong_lengths_are_refused(images).await;
    an_image_may_be_empty(images).await;
    an_image_may_come_twice(images).await;
    an_upload_dropped_midway_leaves_nothing(images).await;
    an_unknown_image_is_named(images).await;
    vec![
        "an image is read by position",
        "wrong bytes are refused",
        "wrong lengths are refused",
        "an image may be empty",
        "an image may come twice, also at once",
        "an upload dropped midway leaves nothing",
        "an unknown image is named",
    ]
}

/// Bytes that differ by seed and place.
fn bytes(seed: u8, length: usize) -> Vec<u8> {
    (0..length).map(|place| (place / 251) as u8 ^ (place % 251) as u8 ^ seed).collect()
}

async fn upload<I: ImageStore>(
    images: &I,
    digest: Digest,
    length: usize,
    bytes: &[u8],
) -> Result<(), ImageError> {
    let mut upload = images.begin(digest, length as u64).await?;
    for piece in bytes.chunks(1000) {
        upload.write(piece).await?;
    }
    upload.finish().await
}

async fn an_image_is_read_by_position<I: ImageStore>(images: &I) {
    let image = bytes(1, LARGE_BYTES);
    let digest = Digest::of(&image);
    assert_eq!(images.length(digest).await, Ok(None), "not before it was stored");
    upload(images, digest, image.len(), &image).await.expect("it is stored");
    assert_eq!(images.length(digest).await, Ok(Some(image.len() as u64)));
    for (offset, limit) in
        [(0, 1), (0, LARGE_BYTES), (77_777, 4096), (LARGE_BYTES - 5, 100), (3, usize::MAX)]
    {
        let end = offset.saturating_add(limit).min(image.len());
        let read = images.read(digest, offset as u64, limit).await.expect("it is read");
        assert!(read == image[offset..end], "from {offset}, at most {limit}");
    }
    for (offset, limit) in [(LARGE_BYTES as u64, 10), (u64::MAX, 10), (5, 0)] {
        let read = images.read(digest, offset, limit).await;
        assert_eq!(read, Ok(vec![]), "nothing is there, or asked for");
    }
}

async fn wrong_bytes_are_refused<I: ImageStore>(images: &I) {
    let (image, other) = (bytes(2, 5000), bytes(3, 5000));
    let (wanted, found) = (Digest::of(&image), Digest::of(&other));
    let refused = upload(images, wanted, image.len(), &other).await;
    assert_eq!(refused, Err(ImageError::Digest { wanted, found }));
    assert_eq!(images.length(wanted).await, Ok(None), "under neither name");
    assert_eq!(images.length(found).await, Ok(None), "under neither name");
}

async fn wrong_lengths_are_refused<I: ImageStore>(images: &I) {
    let image = bytes(4, 5000);
    let digest = Digest::of(&image);
    let short = upload(images, digest, 5001, &image).await;
    assert_eq!(short, Err(ImageError::Length { wanted: 5001, found: 5000 }));
    let long = upload(images, digest, 4999, &image).await;
    assert_eq!(long, Err(ImageError::Length { wanted: 4999, found: 5000 }));
    assert_eq!(images.length(digest).await, Ok(None));
    let mut upload = images.begin(digest, 5000).await.expect("begun");
    upload.write(&image).await.expect("as many as promised");
    let more = upload.write(&[0; 3000]).await;
    let counted = ImageError::Length { wanted: 5000, found: 5001 };
    assert_eq!(more, Err(counted), "counted to one more than promised");
    drop(upload);
    assert_eq!(images.length(digest).await, Ok(None));
}

async fn an_image_may_be_empty<I: ImageStore>(images: &I) {
    let digest = Digest::of(&[]);
    upload(images, digest, 0, &[]).await.expect("nothing is something");
    assert_eq!(images.length(digest).await, Ok(Some(0)));
    assert_eq!(images.read(digest, 0, 10).await, Ok(vec![]));
}

async fn an_image_may_come_twice<I: ImageStore>(images: &I) {
    let image = bytes(5, 20_000);
    let digest = Digest::of(&image);
    let begun = "two may be going on at once";
    let mut first = images.begin(digest, 20_000).await.expect(begun);
    let mut second = images.begin(digest, 20_000).await.expect(begun);
    first.write(&image[..7000]).await.expect("written");
    second.write(&image).await.expect("written");
    second.finish().await.expect("the second is first");
    first.write(&image[7000..]).await.expect("written");
    first.finish().await.expect("and the first changes nothing");
    upload(images, digest, image.len(), &image).await.expect("nor does a third");
    let refused = upload(images, digest, 20_000, &bytes(6, 20_000)).await;
    assert!(refused.is_err(), "wrong bytes stay wrong");
    assert_eq!(images.read(digest, 0, usize::MAX).await, Ok(image));
}

async fn an_upload_dropped_midway_leaves_nothing<I: ImageStore>(images: &I) {
    let image = bytes(7, 50_000);
    let digest = Digest::of(&image);
    let mut dropped = images.begin(digest, 50_000).await.expect("begun");
    dropped.write(&image[..30_000]).await.expect("written");
    drop(dropped);
    assert_eq!(images.length(digest).await, Ok(None), "half an image is none");
    upload(images, digest, image.len(), &image).await.expect("it starts again");
    assert_eq!(images.read(digest, 0, usize::MAX).await, Ok(image));
}

async fn an_unknown_image_is_named<I: ImageStore>(images: &I) {
    let digest = Digest::of(b"nobody");
    assert_eq!(images.read(digest, 0, 10).await, Err(ImageError::Unknown(digest)));
}
