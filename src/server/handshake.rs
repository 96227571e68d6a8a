//! The TLS handshake of one connection.

use std::sync::Arc;

use time::OffsetDateTime;
use tokio::io::AsyncWriteExt;

use crate::io::{BufferPool, StreamSocket};
use crate::tls::{HandshakePolicy, HandshakeStep, PendingHello, ServedCert, TlsSession};

/// The outcome of a TLS handshake with a client.
pub(super) enum HandshakeOutcome {
    /// A connection that HTTP can use, with the name that the client asked for and the certificate that it was shown.
    Open(Box<TlsSession<StreamSocket>>, Option<Box<str>>, Arc<ServedCert>),
    /// An ACME server has seen the answer to its challenge. There is nothing more to do.
    Validated,
}

/// Which address the client has dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DialTarget {
    /// The one that it reached frontgate at.
    Us,
    /// The address of a proxy, which frontgate does not know.
    Proxy,
}

/// Performs the TLS handshake with a client.
pub(super) async fn accept(
    socket: StreamSocket,
    dialled: DialTarget,
    handshakes: &Arc<HandshakePolicy>,
    buffers: &Arc<BufferPool>,
) -> Result<HandshakeOutcome, String> {
    let error = |error: std::io::Error| error.to_string();
    let hello = PendingHello::read(socket, Arc::clone(buffers)).await.map_err(error)?;
    let said = hello.said();
    let name = said.server_name().map(|name| name.to_ascii_lowercase().into_boxed_str());
    // The address decides for clients without a name only, and costs a system call.
    let asked = name.is_none() && dialled == DialTarget::Us;
    let mut opening = handshakes.open(&said, if asked { hello.io().local_ip() } else { None });
    if let HandshakeStep::Make(address) = opening {
        let handshakes = Arc::clone(handshakes);
        let make = move || handshakes.make(address, OffsetDateTime::now_utc());
        opening = tokio::task::spawn_blocking(make).await.map_err(|error| error.to_string())?;
    }
    match opening {
        HandshakeStep::Serve(config, shown) => {
            let session = hello.answer(config).await.map_err(error)?;
            Ok(HandshakeOutcome::Open(session, name, shown))
        }
        HandshakeStep::Challenge(config) => {
            // The ACME server looks at the certificate and leaves (RFC 8737 §3).
            hello.answer(config).await.map_err(error)?.shutdown().await.map_err(error)?;
            Ok(HandshakeOutcome::Validated)
        }
        HandshakeStep::Make(_) => Err("no certificate for this address".to_owned()),
    }
}
