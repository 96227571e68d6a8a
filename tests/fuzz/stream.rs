//! Bytes as a connection for hyper, and what runs it.
#![allow(dead_code, reason = "each target uses a part")]

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use http::HeaderMap;
use http_body_util::BodyExt as _;
use hyper::body::{Frame, Incoming};
use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::runtime::Builder;

/// A body as hyper has read it.
#[derive(Debug, Default)]
pub struct Answer {
    pub data: Vec<u8>,
    pub trailers: HeaderMap,
    /// It has ended where it was to end.
    pub whole: bool,
}

impl Answer {
    /// Reads `body` to its end.
    pub async fn read(mut body: Incoming) -> Self {
        let mut answer = Self { whole: true, ..Self::default() };
        while let Some(frame) = body.frame().await {
            match frame.map(Frame::into_data) {
                Err(_) => answer.whole = false,
                Ok(Ok(piece)) => answer.data.extend_from_slice(&piece),
                Ok(Err(frame)) => answer.trailers.extend(frame.into_trailers().unwrap_or_default()),
            }
        }
        answer
    }
}

/// A connection by which these bytes come and no more, and that takes everything.
pub struct OneWay {
    bytes: Vec<u8>,
    /// They come once something was written: an answer before its request is none.
    answers: bool,
    reader: Option<Waker>,
}

impl OneWay {
    /// The connection of a client.
    pub fn asking(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), answers: false, reader: None }
    }

    /// The connection of a server.
    pub fn answering(bytes: &[u8]) -> Self {
        Self { answers: true, ..Self::asking(bytes) }
    }
}

impl Read for OneWay {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, mut buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        if self.answers {
            self.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let length = buf.remaining().min(self.bytes.len());
        let rest = self.bytes.split_off(length);
        buf.put_slice(&self.bytes);
        self.bytes = rest;
        Poll::Ready(Ok(()))
    }
}

impl Write for OneWay {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.answers = false;
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Runs `future` on this thread.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    Builder::new_current_thread().build().expect("a runtime").block_on(future)
}
