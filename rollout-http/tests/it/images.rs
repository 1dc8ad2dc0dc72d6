//! Images: in whole, out in parts, and only with a good signature.

use crate::world::{NOW, Reply, World, ask, image, request};
use axum::body::{Body, Bytes};
use futures_util::stream;
use rollout_core::id::{DeviceId, Digest};
use rollout_core::time::Timestamp;
use rollout_http::backend::Backend as _;
use rollout_http::url;
use std::io;

async fn put(world: &World, digest: Digest, length: Option<&str>, body: Body) -> Reply {
    let path = format!("/v1/images/{digest}");
    let mut request = request("PUT", &path, &world.ann, body);
    if let Some(length) = length {
        request.headers_mut().insert("content-length", length.parse().expect("a header"));
    }
    ask(&world.operators, request).await
}

#[tokio::test]
async fn an_upload_is_what_it_was_declared_to_be() {
    let world = World::new();
    let image = image("1.0.0");
    let digest = Digest::of(&image);
    let whole = || Body::from(image.clone());
    let broken = || {
        let parts = [Ok(Bytes::from(image[..100].to_vec())), Err(io::Error::other("cut"))];
        Body::from_stream(stream::iter(parts))
    };
    let mut refusals = String::new();
    for (what, digest, length, body) in [
        ("no length", digest, None, whole()),
        ("empty", digest, Some("0"), Body::empty()),
        ("too large", digest, Some("200001"), whole()),
        ("oversized", digest, Some("100"), whole()),
        ("truncated", digest, Some("70001"), whole()),
        ("broken off", digest, Some("70000"), broken()),
        ("wrong digest", Digest::of(b"another"), Some("70000"), whole()),
    ] {
        let reply = put(&world, digest, length, body).await;
        refusals += &format!("{what}: {}\n", reply.refusal());
    }
    let reply = world.operator("PUT", "/v1/images/xyz", "").await;
    refusals += &format!("no digest: {}\n", reply.refusal());
    insta::assert_snapshot!(refusals);
    let path = format!("/v1/images/{digest}");
    assert_eq!(world.operator("GET", &path, "").await.code(), "404 IM-103");
    assert_eq!(put(&world, digest, Some("70000"), whole()).await.code(), "201 -");
    assert_eq!(put(&world, digest, Some("70000"), whole()).await.code(), "200 -");
    let mut other = image.clone();
    other[60_000] ^= 1;
    let reply = put(&world, digest, Some("70000"), Body::from(other)).await;
    assert_eq!(reply.code(), "400 IM-101", "other bytes are not known");
    for length in ["69999", "70001"] {
        let reply = put(&world, digest, Some(length), whole()).await;
        assert_eq!(reply.code(), "400 IM-102", "{length} bytes of what has 70000");
    }
    let head = world.operator("HEAD", &path, "").await;
    assert_eq!((head.code().as_str(), head.bytes.len()), ("200 -", 0));
    assert_eq!(head.headers["content-length"], "70000");
}

#[tokio::test]
async fn a_range_is_exactly_what_was_asked() {
    let world = World::new();
    let image = image("1.0.0");
    world.upload(&image).await;
    let path = format!("/v1/images/{}", Digest::of(&image));
    let etag = format!("\"{}\"", Digest::of(&image));
    let mut table = String::new();
    for (range, if_range) in [
        ("", ""),
        ("bytes=0-0", ""),
        ("bytes=65535-65536", ""),
        ("bytes=69999-", ""),
        ("bytes=-1", ""),
        ("bytes=-80000", ""),
        ("bytes=60000-99999", ""),
        ("bytes=70000-", ""),
        ("bytes=-0", ""),
        ("bytes=2-1", ""),
        ("bytes=0-1,4-5", ""),
        ("lines=0-1", ""),
        ("bytes=0-9", "same"),
        ("bytes=0-9", "\"other\""),
    ] {
        let mut request = request("GET", &path, &world.ann, "");
        for (name, value) in [("range", range), ("if-range", if_range)] {
            let value = if value == "same" { &etag } else { value };
            if !value.is_empty() {
                request.headers_mut().insert(name, value.parse().expect("a header"));
            }
        }
        let reply = ask(&world.operators, request).await;
        let part = reply.headers.get("content-range").and_then(|v| v.to_str().ok());
        let first = part.and_then(|part| part["bytes ".len()..].split('-').next()?.parse().ok());
        if reply.status.is_success() {
            let first: usize = first.unwrap_or(0);
            assert!(image[first..].starts_with(&reply.bytes), "{range}");
            assert_eq!(reply.headers["content-length"], reply.bytes.len().to_string());
            assert_eq!(reply.headers["etag"], etag);
        }
        let length = if reply.status.is_success() { reply.bytes.len() } else { 0 };
        let (status, part) = (reply.status.as_u16(), part.unwrap_or("-"));
        table += &format!("{range:20} {if_range:8} {status} {length:5} {part}\n");
    }
    insta::assert_snapshot!(table);
}

#[tokio::test]
async fn a_path_is_good_for_one_image_one_device_and_a_time() {
    let world = World::new();
    let image = image("1.0.0");
    world.upload(&image).await;
    let digest = Digest::of(&image);
    let device = DeviceId::new("dev-000").expect("an id");
    let path =
        url::sign(world.backend.url_key(), digest, device.as_str(), Timestamp((NOW + 60) * 1000));
    let get = |path: String| ask(&world.devices, request("GET", &path, "", ""));
    let good = get(path.clone()).await;
    assert_eq!((good.status.as_u16(), good.bytes == image), (200, true));
    assert_eq!(good.headers["cache-control"], "public, max-age=31536000, immutable");
    let (other, stranger) = (Digest::of(b"x").to_string(), [0; 32]);
    let unsigned = path.split_once("&signature=").expect("signed").0.to_owned();
    let foreign = url::sign(&stranger, digest, device.as_str(), Timestamp((NOW + 60) * 1000));
    for tampered in [
        path.replace(&digest.to_string(), &other),
        path.replace("dev-000", "dev-001"),
        path.replace(&(NOW + 60).to_string(), &(NOW + 61).to_string()),
        path[..path.len() - 1].to_owned(),
        unsigned,
        foreign,
        format!("{}{digest}", url::IMAGES),
        format!("{}nonsense?device=a&expires=1&signature=00", url::IMAGES),
    ] {
        assert_eq!(get(tampered.clone()).await.code(), "403 UR-001", "{tampered}");
    }
    let mut again = request("GET", &path, "", "");
    let etag = format!("W/\"x\", \"{digest}\"");
    again.headers_mut().insert("if-none-match", etag.parse().expect("a header"));
    let known = ask(&world.devices, again).await;
    assert_eq!((known.status.as_u16(), known.bytes.len()), (304, 0));
    world.backend.pass(60_000);
    assert_eq!(get(path).await.code(), "403 UR-002");
}
