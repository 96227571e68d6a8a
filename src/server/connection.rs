//! One client connection, first byte to last: PROXY header → TLS → HTTP/1 or HTTP/2 by ALPN.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::{Instant, timeout};

use super::admission::Admission;
use super::drain_signals::DrainSignals;
use super::handshake::{self, DialTarget, HandshakeOutcome, StepError};
use super::settings::{ConnectionPermits, EdgeChoice, ListenerProtocol, ListenerSettings, LiveSettings};
use super::{h1, h2};
use crate::drain::Drain;
use crate::http::edge::connection_info::{ConnectionInfo, Protocol, ProxyAnnouncement};
use crate::io::{BufferPool, StreamSocket};
use crate::listener::{ClientPeer, proxy_protocol};
use crate::observe::metrics::TlsHandshake;
use crate::tls::{ByteStream, ClientIdentity};

/// Serves one connection to its end. Where a PROXY header is due the connection counts from there on, against the
/// client that it names.
pub(crate) async fn serve(
    mut socket: StreamSocket,
    buffers: Arc<BufferPool>,
    peer: ClientPeer,
    permits: ConnectionPermits,
    admission: &Admission,
    live: &LiveSettings,
    drain: &Drain,
) {
    let settings = Arc::clone(&live.load());
    let metrics = Arc::clone(settings.log.metrics());
    let counts = &metrics.connections;
    let number = counts.accepted.inc() + 1;
    let unfinished = |error: &StepError, what: &str| {
        counts.unfinished.inc();
        tracing::debug!(conn = number, %peer, %error, "{what}");
    };
    // One time limit for all that comes before HTTP.
    let until = settings.handshake.map(|limit| Instant::now() + limit);
    let due = settings.announces(peer);
    let (announced, peer, permits) = if due {
        let read = limited(until, async { proxy_protocol::read(&mut socket).await.map_err(StepError::other) });
        let named = tokio::select! {
            () = drain.hard() => return,
            named = read => match named {
                Ok(named) => named,
                Err(error) => return unfinished(&error, "connection dropped"),
            },
        };
        let announced = if named.is_some() { ProxyAnnouncement::Client } else { ProxyAnnouncement::NoClient };
        let named = named.unwrap_or(peer);
        match admission.enter_client(named) {
            Ok(client) => (announced, named, (permits.0, client)),
            Err(error) => {
                counts.refused.inc();
                return tracing::debug!(conn = number, peer = %named, %error, "connection dropped");
            }
        }
    } else {
        (ProxyAnnouncement::Nothing, peer, permits)
    };
    let first = limited(until, speaks_tls(&mut socket, &settings));
    let speaks_tls = tokio::select! {
        () = drain.hard() => return,
        first = first => match first {
            Ok(speaks_tls) => speaks_tls,
            Err(error) => return unfinished(&error, "connection dropped"),
        },
    };
    let connection_info = ConnectionInfo { number, ..ConnectionInfo::new(peer, announced) };
    // From the first request on the settings are those of the moment; holding these would keep alive all that belongs
    // to them.
    let drains = DrainSignals { connection: settings.drain.clone(), all: drain.clone() };
    let handshakes = match &settings.kind {
        ListenerProtocol::Tls { handshakes, .. } if speaks_tls => handshakes,
        kind => {
            let way =
                if matches!(kind, ListenerProtocol::Plain) { EdgeChoice::Listener } else { EdgeChoice::PlainHttpOnTls };
            let permits = (permits, counts.serve(&settings.label, "h1"));
            drop(settings);
            return h1::serve(ByteStream::Plain(socket), buffers, connection_info, live, way, permits, drains).await;
        }
    };
    let dialled = if announced == ProxyAnnouncement::Nothing { DialTarget::Us } else { DialTarget::Proxy };
    let began = Instant::now();
    let handshake = limited(until, handshake::accept(socket, dialled, handshakes, &buffers));
    let (session, server_name, certificate) = tokio::select! {
        () = drain.hard() => return,
        outcome = handshake => match outcome {
            Ok(HandshakeOutcome::Open(session, name, shown)) => (session, name, shown),
            Ok(HandshakeOutcome::Validated) => return tracing::debug!(conn = number, %peer, "answered an ACME challenge"),
            Err(error) => {
                counts.handshake_failed(error.reason);
                tell_of_certificate(&settings, &error, number, peer);
                return unfinished(&error, "TLS handshake failed");
            }
        },
    };
    let agreed = session.agreed();
    let version = if agreed.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_2) { "1.2" } else { "1.3" };
    counts.shook_hands(&TlsHandshake {
        version,
        key_exchange: agreed
            .negotiated_key_exchange_group()
            .and_then(|group| group.name().as_str())
            .unwrap_or_default(),
        resumed: agreed.handshake_kind() == Some(rustls::HandshakeKind::Resumed),
        took: began.elapsed(),
    });
    let (certificate_asked, scope) = handshakes.asks(server_name.as_deref());
    let is_h2 = agreed.alpn_protocol() == Some(b"h2");
    let connection_info = ConnectionInfo {
        secure: true,
        protocol: if is_h2 { Protocol::Http2 } else { Protocol::Http1 },
        tls_version: Some(version),
        certificate_asked,
        server_name,
        certificate: Some(certificate),
        identity: agreed.peer_certificates().and_then(|chain| ClientIdentity::of(chain, scope)).map(Arc::new),
        ..connection_info
    };
    let stream = ByteStream::Server(session);
    let permits = (permits, counts.serve(&settings.label, if is_h2 { "h2" } else { "h1" }));
    drop(settings);
    if is_h2 {
        h2::serve(stream, buffers, connection_info, live, permits, drains).await;
    } else {
        h1::serve(stream, buffers, connection_info, live, EdgeChoice::Listener, permits, drains).await;
    }
}

/// Says that a client's certificate was not accepted, if that is why the handshake failed: a user with a wrong certificate sees no page.
fn tell_of_certificate(settings: &ListenerSettings, error: &StepError, number: u64, peer: ClientPeer) {
    if error.reason == "client_certificate"
        && let Some(before) = settings.refused_certificates.pass(error.reason, Instant::now())
    {
        let repeated = (before > 0).then_some(before);
        let hint = "it must be from the CA of tls.client_ca or auth.mtls.ca, and valid";
        tracing::info!(conn = number, client = %peer, %error, hint, repeated, "the certificate of a client is not accepted");
    }
}

/// Whether the first byte, which stays in the socket, begins a TLS handshake.
async fn speaks_tls(socket: &mut StreamSocket, settings: &ListenerSettings) -> Result<bool, StepError> {
    match &settings.kind {
        ListenerProtocol::Plain => Ok(false),
        ListenerProtocol::Tls { .. } => Ok(socket.peek().await.map_err(StepError::other)? == TLS_HANDSHAKE),
    }
}

/// Not an `async fn`: that would keep room for `step` twice.
fn limited<T>(
    until: Option<Instant>,
    step: impl Future<Output = Result<T, StepError>>,
) -> impl Future<Output = Result<T, StepError>> {
    let left = until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
    timeout(left, step).map(move |ended| ended.unwrap_or_else(|_| Err(StepError::timed_out())))
}

/// The first byte of a TLS connection: a record of the handshake (RFC 8446 §5.1).
const TLS_HANDSHAKE: u8 = 22;
