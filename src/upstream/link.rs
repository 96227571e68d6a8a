//! [`Link`]: one HTTP/1.1 connection to the gateway, driven by whoever holds it.

use std::future::Future;
use std::net::IpAddr;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;

use super::RequestBody;
use crate::tls::Stream;

/// One HTTP/1.1 connection to the gateway.
///
/// There is no task behind it: the request that holds it polls it, and in the pool nobody does. That saves a wake-up and a
/// queue in each direction of every exchange.
pub struct Link {
    send: SendRequest<RequestBody>,
    connection: Connection<TokioIo<Stream>, RequestBody>,
    ended: bool,
    local: Option<IpAddr>,
}

/// Why there was no response.
#[derive(Debug)]
pub struct SendError {
    /// What hyper says.
    pub error: hyper::Error,
    /// The request, if not a byte of it was written.
    pub unsent: Option<Box<Request<RequestBody>>>,
}

impl Link {
    /// Makes an HTTP connection of `stream`; a response's head may be `max_head` bytes long.
    ///
    /// # Errors
    /// None in practice: nothing is sent yet.
    pub async fn open(stream: Stream, max_head: usize) -> Result<Self, hyper::Error> {
        let local = stream.local_ip();
        let (send, connection) = Builder::new()
            .preserve_header_case(true)
            .max_header_size(max_head)
            .max_headers(MAX_FIELDS)
            .handshake(TokioIo::new(stream))
            .await?;
        Ok(Self { send, connection, ended: false, local })
    }

    /// Sends `request` and waits for the response's head. Its body needs [`Link::poll_drive`] to go on.
    ///
    /// # Errors
    /// The connection failed; the request comes back if the gateway cannot have seen any of it.
    pub async fn exchange(&mut self, request: Request<RequestBody>) -> Result<Response<Incoming>, SendError> {
        let mut response = pin!(self.send.try_send_request(request));
        let (connection, ended) = (&mut self.connection, &mut self.ended);
        let result = std::future::poll_fn(|cx| {
            // The connection first: it is what brings the response. It reports its failures through the response too.
            drive(connection, ended, cx);
            response.as_mut().poll(cx)
        })
        .await;
        result
            .map_err(|mut failed| SendError { unsent: failed.take_message().map(Box::new), error: failed.into_error() })
    }

    /// Moves bytes; to be called wherever a response's body is waited for. Afterwards the body has what there is.
    pub fn poll_drive(&mut self, cx: &mut Context<'_>) {
        drive(&mut self.connection, &mut self.ended, cx);
    }

    /// Whether another request can be sent. Looks at the socket, since in the pool nobody else does.
    pub fn is_reusable(&mut self) -> bool {
        self.poll_drive(&mut Context::from_waker(Waker::noop()));
        !self.ended && self.send.is_ready()
    }

    /// Our own address towards the gateway; `None` on a unix socket.
    pub fn local_ip(&self) -> Option<IpAddr> {
        self.local
    }

    /// Takes the connection apart after a 101: the raw stream, and what was read of it beyond the head.
    pub fn into_stream(self) -> (Stream, Bytes) {
        let parts = self.connection.into_parts();
        (parts.io.into_inner(), parts.read_buf)
    }
}

fn drive(connection: &mut Connection<TokioIo<Stream>, RequestBody>, ended: &mut bool, cx: &mut Context<'_>) {
    if !*ended && let Poll::Ready(result) = connection.poll_without_shutdown(cx) {
        *ended = true;
        if let Err(error) = result {
            tracing::debug!(%error, "gateway connection ended");
        }
    }
}

/// Header fields in one response.
const MAX_FIELDS: usize = 256;
