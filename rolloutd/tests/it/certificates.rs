//! A certificate that ends is told of in time, every day, until another is shown.

use rollout_core::time::{Span, Timestamp};
use rollout_http::backend::Backend as _;
use rollout_http::meters::Door;
use rollout_store::Unobserved;
use rolloutd::certificates::{self, Certificates, Pair};
use rolloutd::clock::{Clock as _, SetClock, SystemClock};
use rolloutd::config::Config;
use rolloutd::engine::Settings;
use rolloutd::{authority, serve};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, watch};

const DAY: Span = Span::hours(24);
/// Life of a server certificate from when it is made.
const LIFE_DAYS: u64 = 396;

fn pair(folder: &Path) -> Pair {
    Pair { cert: folder.join("server.pem"), key: folder.join("server.key") }
}

fn renew(folder: &Path, now: Timestamp) {
    for name in ["server.pem", "server.key"] {
        // Not there the first time.
        let _ = std::fs::remove_file(folder.join(name));
    }
    authority::ensure(folder, &[], None, now).expect("certificates");
}

/// Lets a day pass for the clock of the tests, and for that of the daemon.
async fn pass_a_day(clock: &SetClock) {
    clock.set(clock.now().after(DAY));
    tokio::time::advance(Duration::from_millis(DAY.0)).await;
    // Whoever waits for the day is woken, and goes on to wait for the next.
    for _ in 0..4 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn from_a_month_before_its_end_it_is_told_of_once_a_day() {
    let (folder, made) = (tempfile::tempdir().expect("a folder"), Timestamp(1_800_000_000_000));
    renew(folder.path(), made);
    let shown = Certificates::read(&pair(folder.path()), made).expect("good");
    assert_eq!(shown.ends(), made.after(Span(DAY.0 * LIFE_DAYS)));
    let clock = Arc::new(SetClock::at(made));
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = {
        let told = Arc::clone(&told);
        move |_: &Path, what: String| told.lock().expect("no panic").push(what)
    };
    let (stop, stopped) = watch::channel(false);
    let (of, at) = (vec![Arc::clone(&shown)], Arc::clone(&clock));
    let reminding = tokio::spawn(certificates::remind(of, at, stopped, tell));
    tokio::task::yield_now().await;
    let mut days = Vec::new();
    for day in 1..=LIFE_DAYS + 2 {
        pass_a_day(&clock).await;
        let told = std::mem::take(&mut *told.lock().expect("no panic"));
        days.extend(told.into_iter().map(|what| (day, what)));
    }
    let expected = (0..=30).rev().map(|left| match left {
        0 => "has ended 0 days ago, and no client believes it".to_owned(),
        left => format!("ends in {left} days"),
    });
    let expected = expected
        .chain((1..=2).map(|ago| format!("has ended {ago} days ago, and no client believes it")));
    let expected: Vec<_> = (LIFE_DAYS - 30..).zip(expected).collect();
    assert_eq!(days, expected);
    // With another one there is nothing to tell.
    renew(folder.path(), clock.now());
    shown.read_again(clock.now()).expect("good");
    pass_a_day(&clock).await;
    assert!(told.lock().expect("no panic").is_empty());
    stop.send_replace(true);
    reminding.await.expect("it ends");
}

#[test]
fn a_chain_ends_with_the_first_of_it() {
    let (folder, old) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir());
    let (old, now) = (old.expect("a folder"), SystemClock.now());
    renew(folder.path(), now);
    let made = Timestamp(now.0 - DAY.0 * 300);
    renew(old.path(), made);
    let of = pair(folder.path());
    let text = |path: &Path| std::fs::read_to_string(path).expect("a certificate");
    let both = text(&of.cert) + &text(&pair(old.path()).cert);
    std::fs::write(&of.cert, both).expect("written");
    let shown = Certificates::read(&of, now).expect("good");
    assert_eq!(shown.ends().unix_secs(), made.after(Span(DAY.0 * LIFE_DAYS)).unix_secs());
}

/// What is logged, as bytes.
#[derive(Clone, Default)]
struct Log(Arc<(Mutex<Vec<u8>>, Notify)>);

impl Log {
    fn count(&self, what: &str) -> usize {
        String::from_utf8_lossy(&self.0.0.lock().expect("no panic")).matches(what).count()
    }

    /// Returns once something was said so often.
    async fn has(&self, what: &str, times: usize) {
        while self.count(what) < times {
            self.0.1.notified().await;
        }
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.0.lock().expect("no panic").extend_from_slice(bytes);
        self.0.1.notify_one();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_daemon_logs_it_and_measures_when_it_ends() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    let _logged = tracing::subscriber::set_default(subscriber);
    let (folder, now) = (tempfile::tempdir().expect("a folder"), SystemClock.now());
    let (tls, data) = (folder.path().join("tls"), folder.path().join("data"));
    // Half a day from where one number of days becomes another.
    let made = Timestamp(now.0 - DAY.0 * (LIFE_DAYS - 20) - DAY.0 / 2);
    std::fs::create_dir(&tls).expect("a folder");
    renew(&tls, made);
    let rarely = Span::hours(1);
    let settings = Settings { tick: rarely, beat: rarely, ..Settings::default() };
    let config = Config::local(data, settings);
    let config = Config { devices_tls: Some(pair(&tls)), ..config };
    let serving = serve::listen(&config, Unobserved).await.expect("it serves");
    let said = "server.pem ends in 19 days";
    assert_eq!(log.count(said), 1, "at the start");
    let until = |door: Door| serving.daemon.meters().door(door).expires();
    let end = |made: Timestamp| made.after(Span(DAY.0 * LIFE_DAYS)).unix_secs();
    assert_eq!((until(Door::Operators), until(Door::Devices)), (None, Some(end(made))));
    // Nothing else is done here, so days pass as fast as they can.
    tokio::time::pause();
    for day in 2..=3 {
        let told = log.has(said, day);
        tokio::time::timeout(Duration::from_millis(3 * DAY.0), told).await.expect("every day");
    }
    tokio::time::resume();
    renew(&tls, now);
    serving.read_certificates_again();
    assert_eq!(until(Door::Devices), Some(end(now)), "what is shown, not what was");
    serving.stop().await.expect("the end");
}
