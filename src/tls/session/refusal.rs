//! [`Refusal`]: the end of a handshake that cannot go on, and the alert that says why (RFC 8446 §6).

use std::io;
use std::time::Duration;

use rustls::server::AcceptedAlert;
use rustls::{AlertDescription, ContentType, Error};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// The reason why a handshake cannot go on, and what the client is sent for it.
#[derive(Debug)]
pub(super) struct Refusal {
    alert: Vec<u8>,
    error: io::Error,
}

impl Refusal {
    /// The refusal of rustls's acceptor. It leaves out the alert where only the connection that it would have become
    /// sends one, as for a first message that is no `ClientHello`.
    pub(super) fn by_acceptor(error: Error, mut sent: AcceptedAlert) -> Self {
        let mut alert = Vec::new();
        // A Vec takes everything.
        let _ = sent.write_all(&mut alert);
        if alert.is_empty() {
            alert = description(&error).map(record).unwrap_or_default();
        }
        Self { alert, error: io::Error::new(io::ErrorKind::InvalidData, error) }
    }

    /// The refusal of a hello that is longer than any client's.
    pub(super) fn too_long() -> Self {
        let error = io::Error::new(io::ErrorKind::InvalidData, "a TLS hello longer than any client's");
        Self { alert: record(AlertDescription::DecodeError), error }
    }

    /// Sends the alert and ends the connection; returns the error.
    pub(super) async fn end<S: AsyncRead + AsyncWrite + Unpin>(self, mut io: S) -> io::Error {
        if !self.alert.is_empty() {
            let _ = timeout(LINGER, io.write_all(&self.alert)).await;
            linger(&mut io).await;
        }
        self.error
    }
}

/// The connection is gone: there is nothing to say.
impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self { alert: Vec::new(), error }
    }
}

/// Ends our side, and reads what is still coming for a moment: with an immediate close the kernel would throw away the
/// alert that the client has not read yet.
pub(super) async fn linger<S: AsyncRead + AsyncWrite + Unpin>(io: &mut S) {
    let _ = timeout(LINGER, async {
        let _ = io.shutdown().await;
        let (mut left, mut thrown_away) = (MOST, vec![0; 1024]);
        while let Ok(read @ 1..) = io.read(&mut thrown_away).await
            && left >= read
        {
            left -= read;
        }
    })
    .await;
}

/// The alert for an error that rustls has sent none for; `None` where the client has sent its own.
fn description(error: &Error) -> Option<AlertDescription> {
    match error {
        Error::AlertReceived(_) | Error::InappropriateMessage { got_type: ContentType::Alert, .. } => None,
        Error::InappropriateMessage { .. } | Error::InappropriateHandshakeMessage { .. } | Error::PeerMisbehaved(_) => {
            Some(AlertDescription::UnexpectedMessage)
        }
        Error::PeerIncompatible(_) => Some(AlertDescription::HandshakeFailure),
        Error::InvalidMessage(_) => Some(AlertDescription::DecodeError),
        _ => Some(AlertDescription::InternalError),
    }
}

/// A fatal alert before any key is agreed on (RFC 8446 §5.1, §6).
fn record(description: AlertDescription) -> Vec<u8> {
    vec![u8::from(ContentType::Alert), 3, 3, 0, 2, FATAL, u8::from(description)]
}

/// The level of an alert that ends the connection (RFC 8446 §6).
const FATAL: u8 = 2;
/// How long a client may go on sending before its connection is closed, and how much.
const LINGER: Duration = Duration::from_secs(1);
const MOST: usize = 256 * 1024;
