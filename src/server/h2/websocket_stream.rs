//! [`WebSocketStream`]: a stream of an HTTP/2 connection as the byte stream of a WebSocket (RFC 8441 §5).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use h2::{Reason, RecvStream, SendStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::flow::{FlowPiece, StreamFlow};
use super::receive_window::{ReceiveWindow, WindowHold};
use super::send_budget::{LITTLE, SendAllowance};
use crate::io::Readable;

/// A stream of an HTTP/2 connection as the byte stream of a WebSocket: `END_STREAM` is the end of the bytes, `RST_STREAM` a
/// connection that broke off.
///
/// Bytes count against the client's window until they were passed on, and the h2 library is given no more than the client's
/// windows and the connection's budget have room for: so neither a gateway nor a client that does not read makes anything
/// grow. Dropped before its end, the stream is reset.
#[derive(Debug)]
pub(super) struct WebSocketStream {
    receive: RecvStream,
    send: SendStream<FlowPiece>,
    flow: StreamFlow,
    window: ReceiveWindow,
    /// What has come and was not read yet.
    came: Bytes,
    /// What there is besides while the gateway does not read.
    standstill: Option<Box<Standstill>>,
    /// How many bytes were read, and may not have been passed on yet.
    reading: usize,
    /// The client has ended or reset the stream, behind bytes that are not read yet.
    client_ended: bool,
    ended: bool,
}

/// What a stream that stands still has. Apart from it, since most never do.
#[derive(Debug, Default)]
struct Standstill {
    /// Makes room for other streams; `None` where there is no memory left for that.
    hold: Option<WindowHold>,
    /// What came behind the bytes that wait. The library would keep each frame by itself, at a cost that no window bounds, and
    /// ends connections that make it.
    ahead: Vec<u8>,
}

impl WebSocketStream {
    /// The stream of a request that was granted. What the client has sent behind its handshake is read first.
    pub(super) fn new(
        receive: RecvStream,
        send: SendStream<FlowPiece>,
        flow: StreamFlow,
        window: ReceiveWindow,
    ) -> Self {
        Self {
            receive,
            send,
            flow,
            window,
            came: Bytes::new(),
            standstill: None,
            reading: 0,
            client_ended: false,
            ended: false,
        }
    }

    /// Waits for bytes, unless some are there. None are there after the last ones.
    fn poll_come(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.came.is_empty() {
            self.came = self.take_ahead();
        }
        while self.came.is_empty() {
            match ready!(self.receive.poll_data(cx)) {
                Some(Ok(bytes)) => self.came = bytes,
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                None => {
                    // RFC 9113 §8.5: nothing but DATA belongs to a stream that was connected.
                    if let Ok(Some(_)) = ready!(self.receive.poll_trailers(cx)) {
                        self.ended = true;
                        self.send.send_reset(Reason::PROTOCOL_ERROR);
                    }
                    break;
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    fn take_ahead(&mut self) -> Bytes {
        self.standstill.as_mut().map(|standstill| std::mem::take(&mut standstill.ahead)).unwrap_or_default().into()
    }

    /// Lets the client send as many bytes again as were read and passed on.
    fn release(&mut self, bytes: usize) {
        if bytes > 0 {
            // Fails only for more bytes than have come.
            let _ = self.receive.flow_control().release_capacity(bytes);
        }
    }

    /// Ends our side.
    fn end(&mut self) {
        if !self.ended {
            self.ended = true;
            // A stream that the client has reset has ended as well.
            let _ = self.send.send_data(self.flow.piece(Bytes::new()), true);
        }
    }
}

impl Readable for WebSocketStream {
    /// A caller that asks for more has passed on what it read before.
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let passed = std::mem::take(&mut self.reading);
        self.release(passed);
        let come = self.poll_come(cx);
        if come.is_pending() {
            self.standstill = None;
        }
        come
    }

    fn has_ended(&self) -> bool {
        self.client_ended
    }

    fn stand_still(&mut self, cx: &mut Context<'_>) {
        let Standstill { hold, ahead } = &mut **self.standstill.get_or_insert_default();
        if hold.is_none() {
            *hold = self.window.hold();
        }
        while let Poll::Ready(come) = self.receive.poll_data(cx) {
            // The end and errors come again, when they are read.
            let Some(Ok(bytes)) = come else {
                self.client_ended = true;
                break;
            };
            if ahead.capacity() - ahead.len() < bytes.len() {
                ahead.reserve_exact(bytes.len().max(AHEAD_STEP));
            }
            ahead.extend_from_slice(&bytes);
        }
    }

    fn end_between_frames(&mut self) {
        self.end();
    }

    fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.flow.poll_written(cx)
    }
}

impl AsyncRead for WebSocketStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        // Each frame comes by itself: those that are there are passed on together.
        while into.remaining() > 0 {
            match self.poll_come(cx) {
                Poll::Pending if into.filled().len() == before => return Poll::Pending,
                Poll::Ready(Err(error)) if into.filled().len() == before => return Poll::Ready(Err(error)),
                Poll::Pending | Poll::Ready(Err(_)) => break,
                Poll::Ready(Ok(())) if self.came.is_empty() => break,
                Poll::Ready(Ok(())) => {
                    let length = self.came.len().min(into.remaining());
                    into.put_slice(&self.came[..length]);
                    self.came.advance(length);
                    self.reading += length;
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for WebSocketStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let most = match self.flow.turn(cx, Some(bytes.len() as u64)) {
            SendAllowance::Full => bytes.len(),
            SendAllowance::Little => bytes.len().min(LITTLE),
            SendAllowance::Wait => return Poll::Pending,
        };
        self.send.reserve_capacity(most);
        while self.send.capacity() == 0 {
            match ready!(self.send.poll_capacity(cx)) {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            }
        }
        let length = most.min(self.send.capacity());
        let piece = self.flow.piece(Bytes::copy_from_slice(&bytes[..length]));
        Poll::Ready(self.send.send_data(piece, false).map(|()| length).map_err(io::Error::other))
    }

    /// Bytes that were written are the connection's, which writes them with those of its other streams.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Ends our side, and waits for the client to end its own: dropped before, the stream would be reset.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.end();
        loop {
            let kept = std::mem::take(&mut self.came).len() + self.take_ahead().len();
            let unread = kept + std::mem::take(&mut self.reading);
            self.release(unread);
            match ready!(self.receive.poll_data(cx)) {
                Some(Ok(bytes)) => self.came = bytes,
                Some(Err(_)) | None => return Poll::Ready(Ok(())),
            }
        }
    }
}

/// By how much the memory for what comes ahead grows at least.
const AHEAD_STEP: usize = 8 * 1024;
