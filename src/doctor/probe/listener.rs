//! A listener of a frontgate that runs, as a client comes to it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use super::socket::{OpenedSocket, open};
use crate::config::UpstreamAddress;
use crate::doctor::plan::{ClientDial, ListenerApproach};
use crate::tls::{PresentedChain, TlsProbe};
use crate::upstream::{ConnectError, Connector};

/// A listener, and what was seen of it.
#[derive(Debug, Clone)]
pub(in crate::doctor) struct ProbedListener {
    /// The listener's address, as the report shows it.
    pub(in crate::doctor) address: String,
    /// A WebSocket through it; or why it was not tried.
    pub(in crate::doctor) through: Result<ProbedWebSocket, &'static str>,
    /// The certificates that the listener shows.
    pub(in crate::doctor) shown: Vec<ProbedCertificate>,
}

/// A WebSocket through frontgate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::doctor) enum ProbedWebSocket {
    /// The listener cannot be connected to, for this reason.
    NoConnection(String),
    /// The listener was connected to, and the WebSocket went like this.
    Tried(OpenedSocket),
}

/// The certificate that is shown for a name.
#[derive(Debug, Clone)]
pub(in crate::doctor) struct ProbedCertificate {
    /// The name that was asked for.
    pub(in crate::doctor) name: String,
    /// The chain that was shown; `None` when there was no handshake.
    pub(in crate::doctor) presented: Option<PresentedChain>,
}

/// Opens a WebSocket through frontgate.
pub(in crate::doctor) async fn look_through(seat: &ListenerApproach) -> ProbedWebSocket {
    let connector = match &seat.dial {
        ClientDial::Unix(path) => Connector::new(&UpstreamAddress::Unix(path.clone()), Some(CONNECT), no_tls),
        ClientDial::Tcp(address) => match (&seat.tls, tls()) {
            (None, _) => Ok(Connector::at(*address, Some(CONNECT), None)),
            (Some(_), None) => Err("this system's trusted certificates cannot be read".into()),
            (Some(name), Some((_, config))) => ServerName::try_from(name.clone())
                .map(|name| Connector::at(*address, Some(CONNECT), Some((config, name))))
                .map_err(Into::into),
        },
    };
    let stream = match connector {
        Err(error) => return ProbedWebSocket::NoConnection(error.to_string()),
        Ok(connector) => connector.connect().await,
    };
    match stream {
        Ok(stream) => ProbedWebSocket::Tried(open(stream, &seat.host, &seat.path, None, &seat.fields).await),
        Err(ConnectError::Refused) => ProbedWebSocket::NoConnection("connection refused".to_owned()),
        Err(ConnectError::Tls(error)) => ProbedWebSocket::NoConnection(format!("TLS failed: {error}")),
        Err(error) => ProbedWebSocket::NoConnection(error.to_string()),
    }
}

/// Looks at the certificate that is shown for `name`.
pub(in crate::doctor) async fn look_at_certificate(address: SocketAddr, name: &str) -> ProbedCertificate {
    let presented = async {
        let server = ServerName::try_from(name.to_owned()).ok()?;
        let (probe, config) = tls()?;
        // A server that wants a certificate of the client's own has shown its by then.
        drop(Connector::at(address, Some(CONNECT), Some((config, server))).connect().await);
        probe.shown()
    };
    ProbedCertificate { name: name.to_owned(), presented: presented.await }
}

fn tls() -> Option<(Arc<TlsProbe>, Arc<ClientConfig>)> {
    TlsProbe::new().ok()
}

fn no_tls(_: &str) -> Result<(Arc<ClientConfig>, ServerName<'static>), Box<dyn std::error::Error + Send + Sync>> {
    Err("no TLS over a unix socket".into())
}

const CONNECT: Duration = Duration::from_secs(2);
