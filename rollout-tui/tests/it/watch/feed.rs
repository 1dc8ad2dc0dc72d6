//! News from a server: cut streams, holes, old servers, orders that are carried.

use super::sample::{self, BAD, GOOD, NOW_MS, event};
use super::server::{Server, State};
use rollout_http::body::v1::EventLine;
use rollout_http::client::Client;
use rollout_tui::app::{Command, Message, Order, What};
use rollout_tui::feed::{Feed, Sink};
use std::sync::Arc;
use tokio::sync::mpsc;

fn journal(entries: u64) -> Vec<EventLine> {
    (1..=entries)
        .map(|seq| event(seq, NOW_MS, "stepped", &format!("{seq} moved on"), Some(GOOD), None))
        .collect()
}

/// Runs a feed over a server until a message ends it, and returns what came.
fn news(
    server: &Server,
    commands: Vec<Command>,
    mut is_end: impl FnMut(&What) -> bool,
) -> Vec<What> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let client = Client::new(&server.url, "fota_op_secret").expect("an address");
        let (sender, mut inbox) = mpsc::channel::<Message>(8);
        let sink = Sink::new(sender, Arc::new(|| NOW_MS));
        let feed = Feed::start(&client, &sink);
        for command in commands {
            assert_eq!(feed.take(command), None);
        }
        let mut news = Vec::new();
        while let Some(message) = inbox.recv().await {
            let ends = is_end(&message.what);
            news.push(message.what);
            if ends {
                break;
            }
        }
        news
    })
}

fn places(news: &[What]) -> Vec<u64> {
    let seq = |what: &What| if let What::Event(event) = what { Some(event.seq) } else { None };
    news.iter().filter_map(seq).collect()
}

fn is_event(what: &What, seq: u64) -> bool {
    matches!(what, What::Event(event) if event.seq == seq)
}

#[test]
fn a_cut_stream_misses_nothing_and_repeats_nothing() {
    // Cut in a head, in a line, behind data but before its end, and between events.
    let cuts = vec![0, 9, 30, 250, 300, 301, 1_000, 2_222];
    let mut state = State { journal: journal(3), cuts, ..State::default() };
    state.journal.extend(Vec::new());
    let server = Server::start(state);
    let shared = Arc::clone(&server.state);
    let mut connected = 0;
    let news = news(&server, Vec::new(), |what| {
        if *what == What::Connected {
            connected += 1;
            // The journal grows while nobody is connected.
            let mut state = shared.lock().expect("no panic");
            let end = state.journal.len() as u64;
            state.journal.extend(journal(end + 4).into_iter().skip(end as usize));
        }
        connected > 8 && is_event(what, 35)
    });
    assert_eq!(places(&news), (1..=35).collect::<Vec<_>>());
    let lost = news.iter().filter(|what| matches!(what, What::Lost { .. })).count();
    assert_eq!(lost, 8);
}

#[test]
fn a_hole_in_the_stream_is_read_by_pages() {
    let server = Server::start(State { hole: 0..0, journal: journal(5), ..State::default() });
    let shared = Arc::clone(&server.state);
    let news = news(&server, Vec::new(), |what| {
        if is_event(what, 5) {
            let mut state = shared.lock().expect("no panic");
            state.journal = journal(1_300);
            state.hole = 6..1_299;
        }
        is_event(what, 1_300)
    });
    assert_eq!(places(&news), (1..=1_300).collect::<Vec<_>>());
}

#[test]
fn of_a_hole_too_long_to_read_the_newest_part_is_read_and_the_rest_is_said() {
    let server = Server::start(State { journal: journal(5), ..State::default() });
    let shared = Arc::clone(&server.state);
    let news = news(&server, Vec::new(), |what| {
        if is_event(what, 5) {
            let mut state = shared.lock().expect("no panic");
            state.journal = journal(10_000);
            state.hole = 6..10_000;
        }
        is_event(what, 10_000)
    });
    let skipped = news.iter().find(|what| matches!(what, What::Skipped { .. }));
    assert_eq!(skipped, Some(&What::Skipped { from: 6, to: 7_999 }));
    let expected: Vec<u64> = (1..=5).chain(8_000..=10_000).collect();
    assert_eq!(places(&news), expected);
}

#[test]
fn an_old_server_is_said_once_to_be_old() {
    let server = Server::start(State { old: true, journal: journal(1), ..State::default() });
    let mut rounds = 0;
    let news = news(&server, vec![Command::Watch(Some(GOOD.into()))], |what| {
        rounds += u32::from(matches!(what, What::Lost { .. }));
        rounds > 2
    });
    let failed: Vec<&What> =
        news.iter().filter(|what| matches!(what, What::Failed { .. })).collect();
    let expected = What::Failed {
        doing: "read the overview".into(),
        code: "HT-001".into(),
        detail: "the server has no /v1/overview".into(),
        hint: "it is older than this program: upgrade the daemon".into(),
    };
    assert_eq!(failed, [&expected]);
}

#[test]
fn an_order_reaches_the_server_and_its_answer_comes_back() {
    let server = Server::start(State { journal: journal(1), ..State::default() });
    let order = Order::Halt { reason: "brush".into() };
    let steer = Command::Steer { rollout: GOOD.into(), order };
    let news = news(&server, vec![steer], |what| matches!(what, What::Done { .. }));
    let said = news.last().expect("an answer");
    assert_eq!(said, &What::Done { said: "halt: done, vacuum-2.4.1-eu is deploying".into() });
    let state = server.state.lock().expect("no panic");
    assert!(state.asked.contains(&format!("POST /v1/rollouts/{GOOD}/halt")));
    assert_eq!(state.posted, [r#"{"reason":"brush"}"#]);
}

#[test]
fn what_takes_more_than_one_person_says_how_many_there_are() {
    let server = Server::start(State { journal: journal(1), ..State::default() });
    let done = |rollout: &str, order| {
        let steer = Command::Steer { rollout: rollout.into(), order };
        let news = news(&server, vec![steer], |what| matches!(what, What::Done { .. }));
        let Some(What::Done { said }) = news.into_iter().next_back() else { panic!("no answer") };
        said
    };
    let first = "1 of 2 people have agreed to resume mop-1.9.0-beta; \
                 it stays halted until another does";
    assert_eq!(done(BAD, Order::Resume), first);
    assert_eq!(done(GOOD, Order::Resume), "resumed vacuum-2.4.1-eu, it is deploying");
}

#[test]
fn what_is_watched_is_asked_for_with_the_overview() {
    let server = Server::start(State { journal: journal(1), ..State::default() });
    let watch = vec![Command::Watch(Some(GOOD.into()))];
    let news = news(&server, watch, |what| matches!(what, What::Rollout(_)));
    assert!(news.contains(&What::Me(sample::me(&["operator"]))));
    let body = news.last().expect("a rollout");
    assert_eq!(body, &What::Rollout(Box::new(sample::good())));
}

/// Runs until the rollout was told so often after the evidence was read so often. The stream is cut
/// again and again, so that there are many rounds.
fn rounds(state: State, evidence: usize, more: usize) -> (Vec<What>, Vec<String>) {
    let server = Server::start(State { journal: journal(1), cuts: vec![0; 50], ..state });
    let shared = Arc::clone(&server.state);
    let (mut read, mut told) = (0, 0);
    let news = news(&server, vec![Command::Watch(Some(GOOD.into()))], |what| {
        let mut state = shared.lock().expect("no panic");
        if *what == What::Connected {
            // The journal grows, so that every connection was a good one.
            let end = state.journal.len() as u64;
            state.journal.extend(journal(end + 1).into_iter().skip(end as usize));
        } else if matches!(what, What::Evidence(_)) {
            (read, told) = (read + 1, 0);
            state.away = u32::from(read < evidence);
        } else if matches!(what, What::Rollout(_)) {
            told += 1;
        }
        read == evidence && told == more
    });
    let asked = server.state.lock().expect("no panic").asked.clone();
    (news, asked)
}

#[test]
fn the_course_of_the_evidence_is_read_on_opening_and_after_a_gap() {
    let (news, asked) = rounds(State::default(), 2, 2);
    let evidence = What::Evidence(Box::new(sample::evidence(&sample::good())));
    assert_eq!(news.iter().filter(|what| **what == evidence).count(), 2);
    let path = format!("GET /v1/rollouts/{GOOD}/evidence");
    assert_eq!(asked.iter().filter(|one| **one == path).count(), 2, "{asked:?}");
}

#[test]
fn a_server_without_the_course_is_asked_once_and_nothing_is_said() {
    let (news, asked) = rounds(State { charts_begin_now: true, ..State::default() }, 0, 3);
    assert!(!news.iter().any(|what| matches!(what, What::Failed { .. })), "{news:?}");
    assert_eq!(asked.iter().filter(|one| one.ends_with("/evidence")).count(), 1, "{asked:?}");
}

#[test]
fn a_search_is_a_query_or_the_beginning_of_an_id() {
    use rollout_tui::feed::selector;
    for (typed, query) in [
        ("", ""),
        (" sn-88 ", "device==sn-88*"),
        ("sn*", "device==sn*"),
        ("model==v980", "model==v980"),
    ] {
        assert_eq!(selector(typed), query);
    }
}
