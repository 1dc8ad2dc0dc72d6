//! Following the journal: server-sent events, read as they come; and pages by what they are about.
//!
//! Deliberately not here: reconnecting. A stream ends for many reasons; whoever reads it knows the
//! last place it was told, and asks again behind that. Invariant: whatever a server sends, no more
//! than [`MOST`] bytes of an event are held.

use super::error::lost;
use super::{Client, Error, exchange, read};
use crate::body::v1::{DevicePage, EventLine, ProblemBody};
use reqwest::{Method, RequestBuilder, Response, header};
use std::collections::VecDeque;
use std::time::Duration;

const DOING: &str = "follow the journal";
/// Most bytes of one event; a line of the journal has some hundred.
const MOST: usize = 256 << 10;
/// A server says something every 15 s; after three times as long it is not there any more.
const SILENCE: Duration = Duration::from_secs(45);
/// Deadline of the answer's head.
const HEAD: Duration = Duration::from_secs(15);

/// Events as they happen.
#[derive(Debug)]
pub struct EventStream {
    response: Response,
    parser: Parser,
    ready: VecDeque<Vec<u8>>,
}

impl Client {
    /// Events behind a place of the journal; from this moment on without one.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn events_stream(&self, after: Option<u64>) -> Result<EventStream, Error> {
        // No deadline over all of it: it has no end.
        let request = self.http.request(Method::GET, self.url(&["v1", "events"], &[]));
        let request = request.header(header::ACCEPT, "text/event-stream");
        let request = match after {
            Some(after) => request.header("last-event-id", after),
            None => request,
        };
        let request = self.signed(request);
        let Ok(answered) = tokio::time::timeout(HEAD, exchange(DOING, request)).await else {
            return Err(problem(504, "no answer from the control plane", "it is tried again"));
        };
        let response = answered?;
        let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if !kind.is_some_and(|kind| kind.starts_with("text/event-stream")) {
            let hint = "it is older than this program: upgrade the daemon";
            return Err(problem(501, "the server does not stream events", hint));
        }
        Ok(EventStream { response, parser: Parser::default(), ready: VecDeque::new() })
    }

    fn signed(&self, request: RequestBuilder) -> RequestBuilder {
        if self.token.is_empty() { request } else { request.bearer_auth(&self.token) }
    }

    /// Entries of the journal that are about a device, oldest first, at most `limit` (1000).
    ///
    /// # Errors
    /// [`Error`].
    pub async fn events_of(&self, device: &str, limit: u32) -> Result<Vec<EventLine>, Error> {
        let (doing, limit) = ("read events of a device", limit.to_string());
        let query = [("device", device), ("limit", limit.as_str())];
        let request = self.request(Method::GET, &["v1", "events"], &query);
        let bytes = read(doing, exchange(doing, request).await?).await?;
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let parsed = lines.map(serde_json::from_slice).collect::<Result<_, _>>();
        parsed.map_err(|source| Error::Answer { doing, source })
    }

    /// A page of the devices that a query selects; `query` and `sort` may be empty.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn devices_by(
        &self,
        query: &str,
        sort: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<DevicePage, Error> {
        let limit = limit.to_string();
        let mut asked = vec![("limit", limit.as_str())];
        asked.extend((!query.is_empty()).then_some(("query", query)));
        asked.extend((!sort.is_empty()).then_some(("sort", sort)));
        asked.extend(after.map(|after| ("after", after)));
        self.get("list devices", &["v1", "devices"], &asked).await
    }
}

fn problem(status: u16, detail: &str, hint: &str) -> Error {
    let (detail, hint) = (detail.into(), hint.into());
    Error::Refused(Box::new(ProblemBody {
        kind: None,
        status,
        code: "CL-000".into(),
        detail,
        hint,
        current: None,
    }))
}

impl EventStream {
    /// The next event; `None` when the stream has ended or has fallen silent.
    ///
    /// # Errors
    /// [`Error`] if what was sent is no event, or the connection broke.
    pub async fn next(&mut self) -> Result<Option<EventLine>, Error> {
        loop {
            if let Some(data) = self.ready.pop_front() {
                let line = serde_json::from_slice(&data);
                return line.map(Some).map_err(|source| Error::Answer { doing: DOING, source });
            }
            let Ok(chunk) = tokio::time::timeout(SILENCE, self.response.chunk()).await else {
                return Ok(None);
            };
            match chunk.map_err(|error| lost(DOING, error))? {
                None => return Ok(None),
                Some(bytes) => self
                    .parser
                    .take(&bytes, &mut self.ready)
                    .map_err(|TooLong| Error::TooLong { doing: DOING, limit: MOST })?,
            }
        }
    }
}

/// An event that is longer than any should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TooLong;

/// Reads `text/event-stream`, of which the data of each event is all that is needed.
//= WHATWG HTML §9.2.6: interpreting an event stream
#[derive(Debug, Default)]
struct Parser {
    line: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    /// A line ended with CR; a LF behind it is part of that end.
    after_cr: bool,
}

impl Parser {
    fn take(&mut self, bytes: &[u8], ready: &mut VecDeque<Vec<u8>>) -> Result<(), TooLong> {
        for byte in bytes {
            match byte {
                b'\n' if self.after_cr => self.after_cr = false,
                b'\n' | b'\r' => {
                    self.after_cr = *byte == b'\r';
                    self.end_line(ready);
                }
                _ => {
                    self.after_cr = false;
                    if self.line.len() + self.data.len() >= MOST {
                        return Err(TooLong);
                    }
                    self.line.push(*byte);
                }
            }
        }
        Ok(())
    }

    fn end_line(&mut self, ready: &mut VecDeque<Vec<u8>>) {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            let data = std::mem::take(&mut self.data);
            if std::mem::take(&mut self.has_data) {
                ready.push_back(data);
            }
        } else if let Some(value) = line.strip_prefix(b"data:") {
            if self.has_data {
                self.data.push(b'\n');
            }
            self.has_data = true;
            self.data.extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(chunks: &[&[u8]]) -> Vec<String> {
        let (mut parser, mut ready) = (Parser::default(), VecDeque::new());
        for chunk in chunks {
            parser.take(chunk, &mut ready).expect("short enough");
        }
        ready.into_iter().map(|data| String::from_utf8_lossy(&data).into_owned()).collect()
    }

    #[test]
    fn events_are_read_however_they_are_cut() {
        let text =
            b": beat\n\nid: 7\nevent: seen\ndata: {\"a\":\ndata: 1}\n\ndata:x\r\n\r\n: beat\n\n\
            event: y\n\ndata: cut";
        let whole = parsed(&[text]);
        assert_eq!(whole, ["{\"a\":\n1}", "x"]);
        for at in 0..text.len() {
            assert_eq!(parsed(&[&text[..at], &text[at..]]), whole, "cut at {at}");
        }
        assert_eq!(parsed(&[b"data: a\rdata: b\r\r"]), ["a\nb"]);
    }

    #[test]
    fn a_line_without_end_is_not_held() {
        let (mut parser, mut ready) = (Parser::default(), VecDeque::new());
        assert_eq!(parser.take(b"data: ", &mut ready), Ok(()));
        assert_eq!(parser.take(&vec![b'x'; MOST], &mut ready), Err(TooLong));
    }
}
