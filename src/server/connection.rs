//! One client connection, first byte to last: PROXY header → TLS → HTTP/1 or HTTP/2 by ALPN.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::{Instant, timeout};

use super::admission::Admission;
use super::handshake::{self, Dialled, Shaken};
use super::settings::{Kind, Live, Places, Settings, Way};
use super::{h1, h2};
use crate::drain::Drain;
use crate::http::arrival::{Announced, Arrival, Protocol};
use crate::listener::{Peer, Socket, proxy_protocol};
use crate::tls::{Identity, Stream};

/// Serves one connection to its end. It is counted against `peer`, and if a PROXY header names another, against that one.
pub async fn serve(mut socket: Socket, peer: Peer, places: Places, admission: &Admission, live: &Live, drain: &Drain) {
    let settings = Arc::clone(&live.load());
    let counts = &settings.log.metrics().connections;
    counts.accepted.inc();
    let unfinished = |error: &str, what: &str| {
        counts.unfinished.inc();
        tracing::debug!(%peer, error, "{what}");
    };
    // One time for all that comes before HTTP.
    let until = settings.handshake.map(|limit| Instant::now() + limit);
    let prepared = limited(until, prepare(&mut socket, peer, &settings));
    let (announced, named, speaks_tls) = tokio::select! {
        () = drain.hard() => return,
        prepared = prepared => match prepared {
            Ok(prepared) => prepared,
            Err(error) => return unfinished(&error, "connection dropped"),
        },
    };
    let (peer, places) = match named {
        None => (peer, places),
        Some(named) => match admission.enter_client(named) {
            Ok(client) => {
                let (held, before) = places;
                drop(before);
                (named, (held, client))
            }
            Err(error) => {
                counts.refused.inc();
                return tracing::debug!(peer = %named, %error, "connection dropped");
            }
        },
    };
    let arrival = Arrival::new(peer, announced);
    // From the first request on the settings are those of the moment; to keep these would keep all that belongs to them.
    let drains = Drains { connection: settings.drain.clone(), all: drain.clone() };
    let (handshakes, buffers) = match &settings.kind {
        Kind::Tls { handshakes, buffers, .. } if speaks_tls => (handshakes, buffers),
        kind => {
            let way = if matches!(kind, Kind::Plain) { Way::Proper } else { Way::Mistaken };
            drop(settings);
            return h1::serve(Stream::Plain(socket), arrival, live, way, places, drains).await;
        }
    };
    let dialled = if announced == Announced::Nothing { Dialled::Us } else { Dialled::Proxy };
    let handshake = limited(until, handshake::accept(socket, dialled, handshakes, buffers));
    let (session, server_name, certificate) = tokio::select! {
        () = drain.hard() => return,
        shaken = handshake => match shaken {
            Ok(Shaken::Open(session, name, shown)) => (session, name, shown),
            Ok(Shaken::Validated) => return tracing::debug!(%peer, "answered an ACME challenge"),
            Err(error) => return unfinished(&error, "TLS handshake failed"),
        },
    };
    let agreed = session.agreed();
    let is_h2 = agreed.alpn_protocol() == Some(b"h2");
    let arrival = Arrival {
        secure: true,
        protocol: if is_h2 { Protocol::Http2 } else { Protocol::Http1 },
        tls_version: agreed.protocol_version().map(|version| match version {
            rustls::ProtocolVersion::TLSv1_2 => "1.2",
            _ => "1.3",
        }),
        server_name,
        certificate: Some(certificate),
        identity: agreed.peer_certificates().and_then(|chain| Identity::of(chain.first()?)).map(Arc::new),
        ..arrival
    };
    let stream = Stream::Server(session);
    let buffers = Arc::clone(buffers);
    drop(settings);
    if is_h2 {
        h2::serve(stream, buffers, arrival, live, places, drains.connection).await;
    } else {
        h1::serve(stream, arrival, live, Way::Proper, places, drains).await;
    }
}

/// What ends a connection.
pub(super) struct Drains {
    /// For requests.
    pub(super) connection: Drain,
    /// For what becomes of it: a WebSocket outlives the settings that it was opened under.
    pub(super) all: Drain,
}

/// Reads the PROXY header where there must be one, and looks at the first byte that follows.
async fn prepare(
    socket: &mut Socket,
    peer: Peer,
    settings: &Settings,
) -> Result<(Announced, Option<Peer>, bool), String> {
    let expected = peer.ip().is_some_and(|ip| settings.proxy_protocol_from.iter().any(|net| net.contains(&ip)));
    let named = if expected { proxy_protocol::read(socket).await.map_err(|error| error.to_string())? } else { None };
    let announced = match (expected, named) {
        (false, _) => Announced::Nothing,
        (true, Some(_)) => Announced::Client,
        (true, None) => Announced::NoClient,
    };
    let speaks_tls = match &settings.kind {
        Kind::Plain => false,
        Kind::Tls { .. } => socket.peek().await.map_err(|error| error.to_string())? == TLS_HANDSHAKE,
    };
    Ok((announced, named, speaks_tls))
}

/// No `async fn`: that would keep room for the step twice.
fn limited<T>(
    until: Option<Instant>,
    step: impl Future<Output = Result<T, String>>,
) -> impl Future<Output = Result<T, String>> {
    let left = until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
    timeout(left, step).map(move |ended| ended.unwrap_or_else(|_| Err("longer than timeouts.tls_handshake".to_owned())))
}

/// The first byte of a TLS connection: a record of the handshake (RFC 8446 §5.1).
const TLS_HANDSHAKE: u8 = 22;
