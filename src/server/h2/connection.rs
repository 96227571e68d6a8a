//! [`Http2Connection`]: the h2 library's connection, from its preface to its end.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use h2::RecvStream;
use h2::server::{Builder, Connection, Handshake, SendResponse};
use http::Request;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::flow::FlowPiece;
use super::liveness::Liveness;
use super::receive_window::ReceiveWindow;

/// The h2 library's connection, from its preface to its end. It reads and writes frames while it is polled.
pub(super) struct Http2Connection<S> {
    stage: ConnectionStage<S>,
    window: ReceiveWindow,
    /// No further request is taken.
    leaving: bool,
}

enum ConnectionStage<S> {
    Preface(Box<Handshake<S, FlowPiece>>),
    Open(Box<Connection<S, FlowPiece>>, Liveness),
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Http2Error {
    /// A broken connection, or a client that broke the rules.
    #[error(transparent)]
    Library(#[from] h2::Error),
    /// The client did not answer a ping.
    #[error("the client does not answer")]
    Vanished,
}

/// A request's head, its body, and what answers it.
pub(super) type Http2Request = (Request<RecvStream>, SendResponse<FlowPiece>);

impl<S: AsyncRead + AsyncWrite + Unpin> Http2Connection<S> {
    /// A connection over `stream`, of which nothing was read yet.
    pub(super) fn new(builder: &Builder, stream: S, window: ReceiveWindow) -> Self {
        Self { stage: ConnectionStage::Preface(Box::new(builder.handshake(stream))), window, leaving: false }
    }

    /// Takes no further request; the connection ends with the last one that is under way.
    pub(super) fn leave(&mut self) {
        self.leaving = true;
        if let ConnectionStage::Open(connection, _) = &mut self.stage {
            connection.graceful_shutdown();
        }
    }

    /// Reads and writes, and hands requests to `accept`. Ready when the connection ends. `heard` says when bytes of the client
    /// were last read.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        heard: impl Fn() -> Instant,
        mut accept: impl FnMut(Http2Request),
    ) -> Poll<Result<(), Http2Error>> {
        loop {
            match &mut self.stage {
                ConnectionStage::Preface(handshake) => {
                    let mut connection = ready!(Pin::new(handshake).poll(cx))?;
                    let liveness = Liveness::new(connection.ping_pong());
                    if self.leaving {
                        connection.graceful_shutdown();
                    }
                    self.stage = ConnectionStage::Open(Box::new(connection), liveness);
                }
                ConnectionStage::Open(connection, liveness) => {
                    if let Some(size) = self.window.poll_change(cx) {
                        connection.set_target_window_size(size);
                    }
                    if liveness.poll(cx, &heard).is_ready() {
                        return Poll::Ready(Err(Http2Error::Vanished));
                    }
                    match ready!(connection.poll_accept(cx)) {
                        Some(request) => accept(request?),
                        None => return Poll::Ready(Ok(())),
                    }
                }
            }
        }
    }
}
