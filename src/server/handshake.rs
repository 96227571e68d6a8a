//! The TLS handshake of one connection.

use std::sync::Arc;

use rustls::server::Acceptor;
use time::OffsetDateTime;
use tokio::io::AsyncWriteExt;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use crate::listener::Socket;
use crate::tls::{Handshakes, Opening, Shown};

/// What has become of a handshake.
pub(super) enum Shaken {
    /// A connection that HTTP can use, and the certificate that it showed.
    Open(Box<TlsStream<Socket>>, Arc<Shown>),
    /// An ACME server has seen the answer to its challenge. There is nothing more to do.
    Validated,
}

/// Whose address the client has used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialled {
    /// The one that it reached us at.
    Us,
    /// That of a proxy, which we do not know.
    Proxy,
}

/// Shakes hands with a client.
pub(super) async fn accept(socket: Socket, dialled: Dialled, handshakes: &Arc<Handshakes>) -> Result<Shaken, String> {
    let error = |error: std::io::Error| error.to_string();
    let start = LazyConfigAcceptor::new(Acceptor::default(), socket).await.map_err(error)?;
    let hello = start.client_hello();
    // The address decides for clients without a name only, and costs a system call.
    let asked = hello.server_name().is_none() && dialled == Dialled::Us;
    let mut opening = handshakes.open(&hello, if asked { start.io.local_ip() } else { None });
    if let Opening::Make(address) = opening {
        let handshakes = Arc::clone(handshakes);
        let make = move || handshakes.make(address, OffsetDateTime::now_utc());
        opening = tokio::task::spawn_blocking(make).await.map_err(|error| error.to_string())?;
    }
    match opening {
        Opening::Serve(config, shown) => {
            let stream = start.into_stream(config).await.map_err(error)?;
            Ok(Shaken::Open(Box::new(stream), shown))
        }
        Opening::Challenge(config) => {
            // The server looks at the certificate and leaves (RFC 8737 §3).
            start.into_stream(config).await.map_err(error)?.shutdown().await.map_err(error)?;
            Ok(Shaken::Validated)
        }
        Opening::Make(_) => Err("no certificate for this address".to_owned()),
    }
}
