//! [`Http2Sockets`]: WebSockets over HTTP/2 (RFC 8441), several on a connection.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use anyhow::Context as _;
use bytes::{Buf as _, Bytes};
use h2::client::SendRequest;
use h2::ext::Protocol;
use h2::{RecvStream, SendStream};
use http::{Method, Request};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Mutex;

use crate::client::{Connection, NAME};

/// Opens WebSockets over HTTP/2, so many on each connection.
pub(crate) struct Http2Sockets {
    on_each: usize,
    last: Mutex<Option<(SendRequest<Bytes>, usize)>>,
}

/// A stream of a connection, as the bytes of a WebSocket.
pub(crate) struct Http2Stream {
    send: SendStream<Bytes>,
    receive: RecvStream,
    came: Bytes,
}

impl Http2Sockets {
    pub(crate) fn new(on_each: usize) -> Self {
        Self { on_each, last: Mutex::default() }
    }

    /// The next stream, on a connection that `connect` makes if there is none with room.
    pub(crate) async fn open<F>(&self, path: &str, connect: impl FnOnce() -> F) -> anyhow::Result<Http2Stream>
    where
        F: Future<Output = anyhow::Result<Connection>>,
    {
        let answer = {
            let mut last = self.last.lock().await;
            if last.as_ref().is_none_or(|(_, used)| *used == self.on_each) {
                let (mut client, driver) = h2::client::handshake(connect().await?).await?;
                #[expect(clippy::disallowed_methods, reason = "a benchmark has no drain")]
                tokio::spawn(driver);
                while !client.is_extended_connect_protocol_enabled() {
                    poll_fn(|cx| client.poll_ready(cx)).await?;
                    tokio::task::yield_now().await;
                }
                *last = Some((client, 0));
            }
            let (client, used) = last.as_mut().context("it was made above")?;
            *used += 1;
            let request = Request::builder().method(Method::CONNECT).uri(format!("https://{NAME}{path}"));
            let request = request.extension(Protocol::from_static("websocket")).header("sec-websocket-version", "13");
            client.send_request(request.body(())?, false)?
        };
        let (answer, send) = answer;
        let answer = answer.await?;
        anyhow::ensure!(answer.status() == 200, "{answer:?}");
        Ok(Http2Stream { send, receive: answer.into_body(), came: Bytes::new() })
    }
}

impl AsyncRead for Http2Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while self.came.is_empty() {
            match ready!(self.receive.poll_data(cx)) {
                None => return Poll::Ready(Ok(())),
                Some(bytes) => self.came = bytes.map_err(io::Error::other)?,
            }
        }
        let length = self.came.len().min(into.remaining());
        into.put_slice(&self.came[..length]);
        self.came.advance(length);
        Poll::Ready(self.receive.flow_control().release_capacity(length).map_err(io::Error::other))
    }
}

impl AsyncWrite for Http2Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.send.reserve_capacity(bytes.len());
        while self.send.capacity() == 0 {
            match ready!(self.send.poll_capacity(cx)) {
                None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
                Some(capacity) => drop(capacity.map_err(io::Error::other)?),
            }
        }
        let length = bytes.len().min(self.send.capacity());
        let piece = Bytes::copy_from_slice(&bytes[..length]);
        Poll::Ready(self.send.send_data(piece, false).map(|()| length).map_err(io::Error::other))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _ = self.send.send_data(Bytes::new(), true);
        Poll::Ready(Ok(()))
    }
}
