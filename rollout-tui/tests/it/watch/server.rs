//! A server that tells canned bodies and a stream of events, and cuts it when it is told to.
//!
//! Written by hand over sockets, because a cut in the middle of a line is what is tested.

use super::sample;
use rollout_http::body::v1::EventLine;
use serde_json::{Value, json, to_value};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What a stream does after so many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// It stays open, telling nothing more.
    Never,
    /// The connection is closed.
    After(usize),
}

/// What the server knows and was asked.
#[derive(Debug, Default)]
pub struct State {
    /// The journal: places from 1 without a hole.
    pub journal: Vec<EventLine>,
    /// Places that streams leave out, as a server does that lost them from its ring.
    pub hole: std::ops::Range<u64>,
    /// What each of the next streams does; `Never` when there are no more.
    pub cuts: Vec<usize>,
    /// Requests, method and path.
    pub asked: Vec<String>,
    /// Bodies of posts.
    pub posted: Vec<String>,
    /// Whether `/v1/overview` is there.
    pub old: bool,
    /// Whether the course of the evidence is not there.
    pub charts_begin_now: bool,
    /// How many questions after a rollout get no answer.
    pub away: u32,
}

/// The server.
pub struct Server {
    pub url: String,
    pub state: Arc<Mutex<State>>,
}

impl Server {
    /// Starts it.
    pub fn start(state: State) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { url, state }
    }
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a clone"));
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let before = head.len();
        if reader.read_line(&mut head).unwrap_or(0) <= 2 {
            break;
        }
        let line = head[before..].to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    let mut words = head.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    {
        let mut state = state.lock().expect("no panic");
        state.asked.push(format!("{method} {path}"));
        if method == "POST" {
            state.posted.push(String::from_utf8_lossy(&body).into_owned());
        }
        if state.away > 0 && path.starts_with("/v1/rollouts/") {
            state.away -= 1;
            return;
        }
    }
    if path == "/v1/events" && head.to_ascii_lowercase().contains("text/event-stream") {
        follow(&mut stream, &head, state);
        return;
    }
    let (status, kind, text) = answer(path, state);
    let length = text.len();
    let head =
        format!("HTTP/1.1 {status} x\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n");
    // A client may be gone already; that is its business.
    let _ = write!(stream, "{head}connection: close\r\n\r\n{text}");
}

fn answer(path: &str, state: &Mutex<State>) -> (u16, &'static str, String) {
    let state = state.lock().expect("no panic");
    let (route, query) = path.split_once('?').unwrap_or((path, ""));
    let json = |value: Value| (200, "application/json", value.to_string());
    let read_to = state.journal.last().map_or(0, |event| event.seq);
    match route {
        "/v1/overview" if !state.old => {
            let mut body = sample::overview(sample::fleet(1_204_331, 0), vec![sample::good().line]);
            body.read_to = read_to;
            json(to_value(body).expect("a body"))
        }
        "/v1/me" => json(to_value(sample::me(&["operator"])).expect("a body")),
        "/v1/events" => {
            let number = |name: &str| {
                let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
                let mut values = pairs.filter(|(key, _)| *key == name);
                values.next().and_then(|(_, value)| value.parse::<u64>().ok())
            };
            let (after, limit) = (number("after").unwrap_or(0), number("limit").unwrap_or(1_000));
            let page = state.journal.iter().filter(|event| event.seq > after);
            let page = page.take(limit as usize);
            let lines: Vec<String> =
                page.map(|event| format!("{}\n", to_value(event).expect("a line"))).collect();
            (200, "application/jsonl", lines.concat())
        }
        route if route.ends_with("/evidence") && !state.charts_begin_now => {
            json(to_value(sample::evidence(&sample::good())).expect("a body"))
        }
        route
            if route.starts_with(&format!("/v1/rollouts/{}", sample::BAD))
                && !route.ends_with("/evidence") =>
        {
            json(to_value(sample::bad()).expect("a body"))
        }
        route if route.starts_with("/v1/rollouts/") && !route.ends_with("/evidence") => {
            json(to_value(sample::good()).expect("a body"))
        }
        _ => {
            let problem = json!({
                "status": 404, "code": "HT-001", "detail": "no such route", "hint": "look",
            });
            (404, "application/problem+json", problem.to_string())
        }
    }
}

fn follow(stream: &mut TcpStream, head: &str, state: &Mutex<State>) {
    let lower = head.to_ascii_lowercase();
    let last = lower.lines().find_map(|line| line.strip_prefix("last-event-id:"));
    let last: u64 = last.and_then(|value| value.trim().parse().ok()).unwrap_or(0);
    let (text, cut) = {
        let mut state = state.lock().expect("no panic");
        let told = state.journal.iter().filter(|event| event.seq > last);
        let told = told.filter(|event| !state.hole.contains(&event.seq));
        let mut text = String::from(": beat\n\n");
        for event in told {
            let data = to_value(event).expect("a line");
            text.push_str(&format!("id: {}\nevent: {}\ndata: {data}\n\n", event.seq, event.kind));
        }
        let cut = if state.cuts.is_empty() { Cut::Never } else { Cut::After(state.cuts.remove(0)) };
        (text, cut)
    };
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    let bytes = text.as_bytes();
    let end = match cut {
        Cut::Never => bytes.len(),
        Cut::After(at) => at.min(bytes.len()),
    };
    let sent = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&bytes[..end]));
    if sent.is_ok() && cut == Cut::Never {
        // Open until the client goes: reading ends when it does.
        let _ = stream.read(&mut [0; 1]);
    }
}
