//! WebSockets over HTTP/2 (RFC 8441), as a client of HTTP/2 sees them. That they are relayed like those over HTTP/1.1 is in the
//! modules beside this one, which go over both ([`EVERY`](super::scene::EVERY)).

mod beside;
mod endings;
mod guards;
mod handshake;
mod many;
mod refusals;
mod slow;

use std::ops::Deref;

use bytes::{Buf as _, Bytes, BytesMut};
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::HeaderMap;
use tokio::task::JoinSet;

use super::over_http2::{client, connect};
use super::peer::Peer;
use super::scene::Scene;
use crate::harness::{Doors, within};

/// A connection of HTTP/2, on which a client opens WebSockets.
struct Client {
    connection: SendRequest<Bytes>,
    tasks: JoinSet<()>,
}

/// A WebSocket that was asked for.
struct Asked {
    answer: ResponseFuture,
    send: SendStream<Bytes>,
}

/// The client's end of an open WebSocket. What it does not read stays in the stream's window.
struct Socket {
    send: SendStream<Bytes>,
    receive: RecvStream,
    read: BytesMut,
}

/// How the other side ended a stream.
#[derive(Debug, PartialEq, Eq)]
enum StreamEnd {
    EndStream,
    Reset(u32),
}

impl Client {
    async fn connect(doors: &Doors) -> Self {
        let mut tasks = JoinSet::new();
        let stream = doors.tls(doors.trust().offering(&["h2"])).await;
        let connection = within("the settings", client(stream, &mut tasks)).await.unwrap();
        Self { connection, tasks }
    }

    fn ask(&mut self, target: &str, fields: &[(&str, &str)]) -> Asked {
        let (answer, send) = connect(&mut self.connection, target, fields).unwrap();
        Asked { answer, send }
    }

    /// Both ends of a WebSocket.
    async fn open<P: Deref<Target = Doors>>(&mut self, scene: &Scene<P>) -> (Socket, Peer) {
        let asked = self.ask("/", &[("sec-websocket-version", "13")]);
        let mut gateway = scene.accept().await;
        gateway.grant().await;
        (asked.granted().await.0, gateway)
    }
}

impl Asked {
    /// The status, the fields and the body of an answer that is no WebSocket.
    async fn refused(self) -> (u16, HeaderMap, Vec<u8>) {
        let (head, mut body) = within("an answer", self.answer).await.unwrap().into_parts();
        let mut bytes = Vec::new();
        while let Some(data) = within("the rest of an answer", body.data()).await {
            bytes.extend(data.unwrap());
        }
        (head.status.as_u16(), head.headers, bytes)
    }

    /// The WebSocket, and the fields of the answer that granted it.
    async fn granted(self) -> (Socket, HeaderMap) {
        let (head, receive) = within("the grant", self.answer).await.unwrap().into_parts();
        assert_eq!(head.status, 200);
        (Socket { send: self.send, receive, read: BytesMut::new() }, head.headers)
    }

    /// The WebSocket; `None` if more wait for the gateway than may.
    async fn granted_or_full(self) -> Option<Socket> {
        let (head, receive) = self.answer.await.unwrap().into_parts();
        if head.status == 503 {
            return None;
        }
        assert_eq!(head.status, 200);
        Some(Socket { send: self.send, receive, read: BytesMut::new() })
    }
}

impl Socket {
    async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        within("the client's bytes to be taken", write(&mut self.send, bytes.as_ref())).await;
    }

    async fn expect(&mut self, bytes: impl AsRef<[u8]>) {
        let mut left = bytes.as_ref();
        while !left.is_empty() {
            while self.read.is_empty() {
                let data = within("bytes", self.receive.data()).await.expect("bytes, not the end").unwrap();
                self.receive.flow_control().release_capacity(data.len()).unwrap();
                self.read.extend_from_slice(&data);
            }
            let count = left.len().min(self.read.len());
            assert!(self.read[..count] == left[..count], "{} bytes differ", left.len());
            left = &left[count..];
            self.read.advance(count);
        }
    }

    /// Ends our side of the stream.
    fn finish(&mut self) {
        self.send.send_data(Bytes::new(), true).unwrap();
    }

    /// How the other side ends the stream, with nothing more on it.
    async fn end(&mut self) -> StreamEnd {
        loop {
            match within("the end", self.receive.data()).await {
                None => return StreamEnd::EndStream,
                Some(Err(error)) => return StreamEnd::Reset(error.reason().unwrap().into()),
                Some(Ok(bytes)) => assert!(bytes.is_empty(), "{bytes:?}"),
            }
        }
    }
}

/// Writes as the windows allow.
async fn write(to: &mut SendStream<Bytes>, bytes: &[u8]) {
    let mut left = Bytes::copy_from_slice(bytes);
    while !left.is_empty() {
        to.reserve_capacity(left.len());
        while to.capacity() == 0 {
            std::future::poll_fn(|cx| to.poll_capacity(cx)).await.expect("an open stream").unwrap();
        }
        to.send_data(left.split_to(to.capacity().min(left.len())), false).unwrap();
    }
}
