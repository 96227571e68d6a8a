//! The TLS handshake of one connection.

use std::error::Error;
use std::fmt;
use std::io;
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

/// Why a connection ended before its first request.
#[derive(Debug)]
pub(super) struct StepError {
    /// The reason as a label of a metric, of those that `ConnectionMetrics` shows from the beginning.
    pub(super) reason: &'static str,
    text: String,
}

impl StepError {
    /// The step took too long.
    pub(super) fn timed_out() -> Self {
        Self { reason: "timeout", text: "longer than timeouts.tls_handshake".to_owned() }
    }

    /// An error whose reason does not matter.
    pub(super) fn other(error: impl fmt::Display) -> Self {
        Self { reason: "other", text: error.to_string() }
    }
}

impl From<io::Error> for StepError {
    fn from(error: io::Error) -> Self {
        let tls = error.get_ref().and_then(|inner| (inner as &(dyn Error + 'static)).downcast_ref::<rustls::Error>());
        let reason = match (tls, error.kind()) {
            (Some(tls), _) => tls_reason(tls),
            (None, io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => {
                "closed"
            }
            (None, _) => "other",
        };
        Self { reason, text: error.to_string() }
    }
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn tls_reason(error: &rustls::Error) -> &'static str {
    match error {
        rustls::Error::InvalidMessage(_)
        | rustls::Error::InappropriateMessage { .. }
        | rustls::Error::InappropriateHandshakeMessage { .. } => "not_tls",
        rustls::Error::PeerIncompatible(_) | rustls::Error::NoApplicationProtocol => "incompatible",
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => "client_certificate",
        rustls::Error::AlertReceived(_) => "alert",
        _ => "other",
    }
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
) -> Result<HandshakeOutcome, StepError> {
    let hello = PendingHello::read(socket, Arc::clone(buffers)).await?;
    let said = hello.said();
    let name = said.server_name().map(|name| name.to_ascii_lowercase().into_boxed_str());
    // The address decides for clients without a name only, and costs a system call.
    let asked = name.is_none() && dialled == DialTarget::Us;
    let mut opening = handshakes.open(&said, if asked { hello.io().local_ip() } else { None });
    if let HandshakeStep::Make(address) = opening {
        let handshakes = Arc::clone(handshakes);
        let make = move || handshakes.make(address, OffsetDateTime::now_utc());
        opening = tokio::task::spawn_blocking(make).await.map_err(StepError::other)?;
    }
    match opening {
        HandshakeStep::Serve(config, shown) => {
            let session = hello.answer(config).await?;
            Ok(HandshakeOutcome::Open(session, name, shown))
        }
        HandshakeStep::Challenge(config) => {
            // The ACME server looks at the certificate and leaves (RFC 8737 §3).
            hello.answer(config).await?.shutdown().await?;
            Ok(HandshakeOutcome::Validated)
        }
        HandshakeStep::Make(_) => Err(StepError::other("no certificate for this address")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::metrics::HANDSHAKE_FAILURES;

    #[test]
    fn a_failure_has_a_reason_that_the_metrics_know() {
        let tls = |error: rustls::Error| io::Error::new(io::ErrorKind::InvalidData, error);
        let rows = [
            (tls(rustls::Error::AlertReceived(rustls::AlertDescription::UnknownCA)), "alert"),
            (tls(rustls::Error::NoCertificatesPresented), "client_certificate"),
            (tls(rustls::Error::InvalidCertificate(rustls::CertificateError::Expired)), "client_certificate"),
            (tls(rustls::Error::PeerIncompatible(rustls::PeerIncompatible::NoCipherSuitesInCommon)), "incompatible"),
            (tls(rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType)), "not_tls"),
            (io::ErrorKind::UnexpectedEof.into(), "closed"),
            (io::ErrorKind::ConnectionReset.into(), "closed"),
            (io::ErrorKind::OutOfMemory.into(), "other"),
        ];
        for (error, reason) in rows {
            let shown = error.to_string();
            assert_eq!(StepError::from(error).reason, reason, "{shown}");
            assert!(HANDSHAKE_FAILURES.contains(&reason));
        }
        assert!(HANDSHAKE_FAILURES.contains(&StepError::timed_out().reason));
    }
}
