//! One connection: what it is served with, and what goes through it.
//!
//! Invariant: its [`Watch`] knows what it is at. Not here: deadlines.

use super::Plane;
use super::strangers::Stranger;
use super::watch::{Seconds, Stage, Watch};
use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Request, Response, StatusCode, header};
use axum::response::IntoResponse as _;
use http_body_util::Either;
use hyper::body::{Frame, Incoming, SizeHint};
use rollout_http::Peer;
use std::future::poll_fn;
use std::io::IoSlice;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Answers of at most so many bytes are sent in one piece; the system takes several for more.
const PIECE: usize = 1024;

/// A connection's share of the plane.
pub(super) struct Line<P> {
    plane: P,
    pub(super) peer: Peer,
    pub(super) stranger: Stranger,
    pub(super) watch: Watch,
}

impl<P: Plane> Line<P> {
    pub(super) fn new(plane: P, peer: Peer, stranger: Stranger, seconds: &Seconds) -> Self {
        Self { plane, peer, stranger, watch: Watch::new(seconds) }
    }

    /// Answers one request, if its body comes in time. Images and tables take as long as they
    /// take, so long as they move.
    pub(super) async fn answer(
        self: Arc<Self>,
        mut request: Request<Incoming>,
    ) -> Response<Sent<P>> {
        self.watch.enter(if is_long(request.uri().path()) { Stage::Long } else { Stage::Answer });
        if !self.stranger.is_known() && self.plane.knows(&request) {
            self.stranger.let_go();
        }
        if P::LOOKS_AT_PEERS {
            request.extensions_mut().insert(self.peer);
        }
        let mut answer = pin!(self.plane.answer(request));
        let response = poll_fn(|context| match answer.as_mut().poll(context) {
            Poll::Ready(response) => Poll::Ready(response.map(Either::Left)),
            Poll::Pending if self.watch.is_still(self.watch.verdict()) => {
                Poll::Ready(late().map(Either::Right))
            }
            Poll::Pending => Poll::Pending,
        })
        .await;
        self.watch.enter(Stage::Send);
        let line = Arc::clone(&self);
        response.map(|body| Sent { body, line })
    }
}

/// Whether a body may be as long as an image or a table of devices.
fn is_long(path: &str) -> bool {
    path == "/v1/devices/import"
        || path.strip_prefix("/device").unwrap_or(path).starts_with("/v1/images/")
}

fn late() -> Response<Body> {
    let detail = "the request did not come in time";
    let body =
        format!(r#"{{"status":408,"code":"SV-003","detail":"{detail}","hint":"send it at once"}}"#);
    let kind = [(header::CONTENT_TYPE, "application/problem+json")];
    (StatusCode::REQUEST_TIMEOUT, kind, body).into_response()
}

/// The body of an answer. Once all of it is handed on, the next head is awaited.
pub(super) struct Sent<P: Plane> {
    body: Either<P::Body, Body>,
    line: Arc<Line<P>>,
}

impl<P: Plane> HttpBody for Sent<P> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<P: Plane> Drop for Sent<P> {
    fn drop(&mut self) {
        self.line.watch.enter(Stage::Head);
    }
}

/// The bytes of a connection, whose passing its watch is told.
pub(super) struct Bytewise<P, S> {
    stream: S,
    line: Arc<Line<P>>,
}

impl<P, S> Bytewise<P, S> {
    pub(super) fn new(stream: S, line: Arc<Line<P>>) -> Self {
        Self { stream, line }
    }
}

/// A peer that sees the end may come again: its place is free by then.
impl<P, S> Drop for Bytewise<P, S> {
    fn drop(&mut self) {
        self.line.stranger.let_go();
    }
}

impl<P, S: AsyncRead + Unpin> AsyncRead for Bytewise<P, S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = room.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, room))?;
        if room.filled().len() > before {
            self.line.watch.has_received();
        }
        Poll::Ready(Ok(()))
    }
}

impl<P, S: AsyncWrite + Unpin> AsyncWrite for Bytewise<P, S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let sent = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.line.watch.has_sent();
        Poll::Ready(Ok(sent))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let length: usize = pieces.iter().map(|piece| piece.len()).sum();
        if length > PIECE {
            let sent = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, pieces))?;
            self.line.watch.has_sent();
            return Poll::Ready(Ok(sent));
        }
        let (mut whole, mut end) = ([0; PIECE], 0);
        for piece in pieces {
            whole[end..end + piece.len()].copy_from_slice(piece);
            end += piece.len();
        }
        self.poll_write(context, &whole[..end])
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
