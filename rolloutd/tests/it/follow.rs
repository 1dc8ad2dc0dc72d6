//! A stream of the journal over the daemon's own listener: metrics see it, the end ends it.

use rollout_core::id::Principal;
use rollout_core::journal::Role;
use rollout_store::Unobserved;
use rolloutd::config::Config;
use rolloutd::engine::Settings;
use rolloutd::serve;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

async fn ask(stream: &mut TcpStream, path: &str, token: &str) {
    let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("sent");
}

async fn read_until(stream: &mut TcpStream, wanted: &str) -> String {
    let mut text = String::new();
    while !text.contains(wanted) {
        let mut room = [0; 4096];
        let length = stream.read(&mut room).await.expect("an answer");
        assert!(length > 0, "the end came before {wanted}: {text}");
        text += &String::from_utf8_lossy(&room[..length]);
    }
    text
}

#[tokio::test]
async fn a_daemon_that_stops_waits_for_no_stream() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = Config::local(folder.path().join("server"), Settings::default());
    let serving = serve::listen(&config, Unobserved).await.expect("it serves");
    let vic = Principal::new("vic").expect("a name");
    let made = rolloutd::init::make_token(&serving.daemon, vic, &[Role::Viewer]).await;
    let token = made.expect("a token").text;
    let connect = || TcpStream::connect(serving.operators);
    let mut follower = connect().await.expect("a connection");
    ask(&mut follower, "/v1/events/stream?after=0", &token).await;
    read_until(&mut follower, "event: token_made").await;
    let mut scraper = connect().await.expect("a connection");
    ask(&mut scraper, "/metrics", &token).await;
    let measured = read_until(&mut scraper, "process_start_time_seconds ").await;
    assert!(measured.contains("\nrollout_followers 1\n"), "{measured}");
    drop(scraper);
    let stopped = tokio::time::timeout(Duration::from_secs(10), serving.stop()).await;
    stopped.expect("at once").expect("without an error");
    let mut rest = Vec::new();
    follower.read_to_end(&mut rest).await.expect("the end");
}
