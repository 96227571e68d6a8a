//! The TLS handshake of one connection.

use std::sync::Arc;

use time::OffsetDateTime;
use tokio::io::AsyncWriteExt;

use crate::listener::{Buffers, Socket};
use crate::tls::{Handshakes, Hello, Opening, Session, Shown};

/// What has become of a handshake.
pub(super) enum Shaken {
    /// A connection that HTTP can use, with the name that the client asked for and the certificate that it was shown.
    Open(Box<Session<Socket>>, Option<Box<str>>, Arc<Shown>),
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
pub(super) async fn accept(
    socket: Socket,
    dialled: Dialled,
    handshakes: &Arc<Handshakes>,
    buffers: &Arc<Buffers>,
) -> Result<Shaken, String> {
    let error = |error: std::io::Error| error.to_string();
    let hello = Hello::read(socket, Arc::clone(buffers)).await.map_err(error)?;
    let said = hello.said();
    let name = said.server_name().map(|name| name.to_ascii_lowercase().into_boxed_str());
    // The address decides for clients without a name only, and costs a system call.
    let asked = name.is_none() && dialled == Dialled::Us;
    let mut opening = handshakes.open(&said, if asked { hello.io().local_ip() } else { None });
    if let Opening::Make(address) = opening {
        let handshakes = Arc::clone(handshakes);
        let make = move || handshakes.make(address, OffsetDateTime::now_utc());
        opening = tokio::task::spawn_blocking(make).await.map_err(|error| error.to_string())?;
    }
    match opening {
        Opening::Serve(config, shown) => {
            let session = hello.answer(config).await.map_err(error)?;
            Ok(Shaken::Open(session, name, shown))
        }
        Opening::Challenge(config) => {
            // The server looks at the certificate and leaves (RFC 8737 §3).
            hello.answer(config).await.map_err(error)?.shutdown().await.map_err(error)?;
            Ok(Shaken::Validated)
        }
        Opening::Make(_) => Err("no certificate for this address".to_owned()),
    }
}
