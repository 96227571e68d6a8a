//! [`ConnectionInfo`]: how a request reached us.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderValue;

use crate::listener::ClientPeer;
use crate::tls::{ClientIdentity, ServedCert};

/// How a request reached frontgate: the facts of its connection, whatever the request itself claims.
#[derive(Debug, Clone)]
pub struct ConnectionInfo {
    /// The number of the connection since the start.
    pub number: u64,
    /// The other end of the connection, or the client that the PROXY header named.
    pub peer: ClientPeer,
    /// The peer's address as the gateway is told it: converted to text here, once for all requests of a connection.
    pub address: HeaderValue,
    /// What a PROXY header said of the peer.
    pub announced: ProxyAnnouncement,
    /// Whether the request came over TLS that frontgate terminates.
    pub secure: bool,
    /// The version of HTTP it came over.
    pub protocol: Protocol,
    /// The TLS version, `1.2` or `1.3`; `None` without TLS.
    pub tls_version: Option<&'static str>,
    /// The name that the client dialled (SNI), lower case.
    pub server_name: Option<Box<str>>,
    /// The certificate that frontgate showed.
    pub certificate: Option<Arc<ServedCert>>,
    /// Whether the client was asked for a certificate of its own.
    pub certificate_asked: bool,
    /// The identity that the client has proved, by a certificate of its own.
    pub identity: Option<Arc<ClientIdentity>>,
}

/// What the PROXY header of a connection said of its client. A connection that a proxy announced is never "this
/// machine", whatever the header said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyAnnouncement {
    /// There was no header: the peer connected to frontgate directly.
    Nothing,
    /// The client's address, which is the peer's.
    Client,
    /// No address (`UNKNOWN`, `LOCAL`, `UNSPEC`, a unix socket): the peer is the proxy, and the requests of the
    /// connection may be those of any client.
    NoClient,
}

/// A version of HTTP, as ALPN tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Protocol {
    Http1,
    Http2,
}

impl ConnectionInfo {
    /// A connection over plain HTTP/1, with nothing more known.
    pub fn new(peer: ClientPeer, announced: ProxyAnnouncement) -> Self {
        Self {
            number: 0,
            peer,
            address: told_address(peer.ip()),
            announced,
            secure: false,
            protocol: Protocol::Http1,
            tls_version: None,
            server_name: None,
            certificate: None,
            certificate_asked: false,
            identity: None,
        }
    }

    /// The scheme a client had to use to get here.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }
}

/// An address in the form in which the gateway is told it.
pub(crate) fn told_address(client: Option<IpAddr>) -> HeaderValue {
    client.and_then(|ip| HeaderValue::try_from(ip.to_string()).ok()).unwrap_or(UNKNOWN)
}

impl Protocol {
    /// The protocol's name in the log.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Http1 => "h1",
            Self::Http2 => "h2",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// No gateway takes this for an address, so it cannot take the client for a local one either.
pub(super) const UNKNOWN: HeaderValue = HeaderValue::from_static("unknown");
