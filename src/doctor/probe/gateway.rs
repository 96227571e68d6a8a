//! A gateway, asked directly: whether it is there, what it speaks, and what it says to what frontgate would forward.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use rustls::ClientConfig;
use rustls::pki_types::{InvalidDnsNameError, ServerName};
use serde_json::Value;
use tokio::time::Instant;

use super::exchange::{LONGEST_BODY, ProbeFields, ProbeUnanswered, get};
use super::socket::{OpenedSocket, open};
use crate::config::{UpstreamAddress, UpstreamTls};
use crate::doctor::planned::{PlannedGateway, ProbedOrigin};
use crate::tls::{ByteStream, ClientTls, Fingerprint, PresentedChain, TlsFault, TlsProbe, client_config};
use crate::upstream::{ConnectError, Connector};

/// A gateway, and what was seen of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::doctor) struct ProbedGateway {
    pub(in crate::doctor) upstream: UpstreamAddress,
    /// How far the probe got.
    pub(in crate::doctor) reached: GatewayReach,
}

/// How far the probe of a gateway got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::doctor) enum GatewayReach {
    /// No program listens there.
    Refused,
    /// The gateway's name resolves to no address.
    Unresolved,
    /// The connection was neither accepted nor refused in time.
    TimedOut,
    /// The gateway shows no certificate that is accepted here.
    Untrusted(Distrust),
    /// TLS was expected, and the gateway speaks plain HTTP.
    Plain,
    /// HTTP was expected, and the gateway speaks TLS; with what certificate, where this system does not accept it.
    Tls(Option<Distrust>),
    /// The gateway speaks another protocol, or says nothing.
    NotHttp,
    /// The system refuses the connection for another reason.
    Failed(String),
    /// The gateway speaks HTTP.
    Http(Box<Listening>),
}

/// Why a gateway is not believed to be the one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::doctor) struct Distrust {
    pub(in crate::doctor) fault: TlsFault,
    /// The fault in the words of the TLS library.
    pub(in crate::doctor) why: String,
    /// The certificate that it showed.
    pub(in crate::doctor) seen: Option<Fingerprint>,
}

/// A gateway that speaks HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::doctor) struct Listening {
    /// Whether `/healthz` was answered by a gateway; `None` if it is not known.
    pub(in crate::doctor) healthy: Option<bool>,
    /// The status with which `/readyz` was answered.
    pub(in crate::doctor) ready: Option<StatusCode>,
    /// The names of the parts that `/readyz` says are not ready.
    pub(in crate::doctor) failing: Vec<String>,
    /// Our own address on the way there.
    pub(in crate::doctor) local: Option<IpAddr>,
    /// A WebSocket without any forwarding header.
    pub(in crate::doctor) direct: OpenedSocket,
    /// A WebSocket with what frontgate sends of a client that is not on this machine.
    pub(in crate::doctor) forwarded: OpenedSocket,
    /// For each origin: what the gateway says to a page from there.
    pub(in crate::doctor) origins: Vec<(ProbedOrigin, OpenedSocket)>,
}

/// Looks at the gateway of `backend`. `fields` makes the forwarding headers for a request with that `Host`.
pub(in crate::doctor) async fn look(
    backend: &PlannedGateway,
    origins: &[ProbedOrigin],
    fields: impl Fn(&str) -> ProbeFields,
) -> ProbedGateway {
    let reached = reach(backend, origins, fields).await;
    ProbedGateway { upstream: backend.upstream.clone(), reached }
}

async fn reach(
    backend: &PlannedGateway,
    origins: &[ProbedOrigin],
    fields: impl Fn(&str) -> ProbeFields,
) -> GatewayReach {
    let (upstream, path) = (&backend.upstream, backend.path.as_str());
    let connector = match Connector::new(upstream, Some(CONNECT), |host| client(&backend.tls, host)) {
        Ok(connector) => connector,
        Err(why) => return GatewayReach::Failed(why),
    };
    let stream = match connector.connect().await {
        Ok(stream) => stream,
        Err(ConnectError::Tls(error)) => return distrusted(upstream, &backend.tls, &error).await,
        Err(error) => return failed(error),
    };
    let own = authority(upstream);
    let health = match get(stream, &own, "/healthz", &ProbeFields::new(), LONGEST_BODY).await {
        Ok(health) => health,
        Err(ProbeUnanswered(Some(fault @ TlsFault::ClientCertificate))) => {
            let why = "it wants a certificate of frontgate's".to_owned();
            return GatewayReach::Untrusted(Distrust { fault, why, seen: None });
        }
        Err(ProbeUnanswered(_)) => return no_http(upstream).await,
    };
    let dial = || async { connector.connect().await.ok() };
    let socket = |stream: Option<ByteStream>, host: String, origin: Option<String>, fields: ProbeFields| async move {
        match stream {
            None => OpenedSocket::Nothing,
            Some(stream) => open(stream, &host, path, origin.as_deref(), &fields).await,
        }
    };
    let readyz = async { get(dial().await?, &own, "/readyz", &ProbeFields::new(), LONGEST_BODY).await.ok() };
    let direct = async { socket(dial().await, own.clone(), None, ProbeFields::new()).await };
    let host = origins.first().map_or_else(|| own.clone(), |origin| origin.host.clone());
    let forwarded = async { socket(dial().await, host.clone(), None, fields(&host)).await };
    let (ready, direct, forwarded) = tokio::join!(readyz, direct, forwarded);
    let trusted = matches!(forwarded, OpenedSocket::Challenged { .. });
    let opens = trusted || matches!(direct, OpenedSocket::Challenged { .. });
    let mut asked = Vec::new();
    let began = Instant::now();
    // One after the other: a gateway limits how many unknown sockets one client may have.
    for origin in origins.iter().take_while(|_| opens && began.elapsed() < LONG_ENOUGH) {
        // A gateway does not look at the origin of a page behind a proxy that it does not trust, but it does for a
        // direct client.
        let fields = if trusted { fields(&origin.host) } else { ProbeFields::new() };
        let opened = socket(dial().await, origin.host.clone(), Some(origin.origin.clone()), fields).await;
        asked.push((origin.clone(), opened));
    }
    GatewayReach::Http(Box::new(Listening {
        healthy: is_gateway(health.status, &health.text),
        failing: ready.as_ref().map(|answer| failing(&answer.text)).unwrap_or_default(),
        ready: ready.map(|answer| answer.status),
        local: health.local,
        direct,
        forwarded,
        origins: asked,
    }))
}

/// How TLS with `host` goes, as frontgate would do it.
pub(super) fn client(tls: &UpstreamTls, host: &str) -> Result<(Arc<ClientConfig>, ServerName<'static>), String> {
    let known = ClientTls::open(tls).map_err(|error| error.to_string())?;
    let config = client_config(&known).map_err(|error| error.to_string())?;
    Ok((config, known.server_name(host).map_err(|error| error.to_string())?))
}

fn failed(error: ConnectError) -> GatewayReach {
    match error {
        ConnectError::Refused => GatewayReach::Refused,
        ConnectError::Resolve { .. } | ConnectError::NoGateways(_) => GatewayReach::Unresolved,
        ConnectError::TimedOut(_) => GatewayReach::TimedOut,
        ConnectError::Tls(error) | ConnectError::Io(error) => GatewayReach::Failed(error.to_string()),
        error @ (ConnectError::Exhausted { .. } | ConnectError::Itself(_) | ConnectError::Draining) => {
            GatewayReach::Failed(error.to_string())
        }
    }
}

/// A handshake that failed.
async fn distrusted(upstream: &UpstreamAddress, tls: &UpstreamTls, error: &io::Error) -> GatewayReach {
    let fault = TlsFault::of(error);
    match fault {
        TlsFault::NoTls => GatewayReach::Plain,
        fault if fault.is_about_certificate() => {
            let seen = shown(upstream, tls).await.and_then(|shown| Some(Fingerprint::of(shown.chain.first()?)));
            GatewayReach::Untrusted(Distrust { fault, why: error.to_string(), seen })
        }
        fault @ TlsFault::ClientCertificate => {
            GatewayReach::Untrusted(Distrust { fault, why: error.to_string(), seen: None })
        }
        _ => GatewayReach::Failed(error.to_string()),
    }
}

/// The certificate that is shown there, whatever it is.
async fn shown(upstream: &UpstreamAddress, tls: &UpstreamTls) -> Option<PresentedChain> {
    let (UpstreamAddress::Http { host, port } | UpstreamAddress::Https { host, port }) = upstream else { return None };
    let (probe, config) = TlsProbe::new().ok()?;
    let named =
        ClientTls::open(&UpstreamTls { server_name: tls.server_name.clone(), ..UpstreamTls::default() }).ok()?;
    let upstream = UpstreamAddress::Https { host: host.clone(), port: *port };
    let named = |host: &str| Ok::<_, InvalidDnsNameError>((config, named.server_name(host)?));
    // A server that wants a certificate of the client's own has shown its by then.
    drop(Connector::new(&upstream, Some(CONNECT), named).ok()?.connect().await);
    probe.shown()
}

/// Why there was no answer in HTTP.
async fn no_http(upstream: &UpstreamAddress) -> GatewayReach {
    let UpstreamAddress::Http { .. } = upstream else { return GatewayReach::NotHttp };
    let Some(shown) = shown(upstream, &UpstreamTls::default()).await else { return GatewayReach::NotHttp };
    let refused = shown.refused.map(|error| Distrust {
        why: error.to_string(),
        fault: TlsFault::of(&io::Error::other(error)),
        seen: shown.chain.first().map(|leaf| Fingerprint::of(leaf)),
    });
    GatewayReach::Tls(refused)
}

/// Whether `/healthz` was answered by a gateway; `None` when it could be one that has no time.
fn is_gateway(status: StatusCode, text: &str) -> Option<bool> {
    match serde_json::from_str::<Value>(text) {
        Ok(body) => Some(status.is_success() && body["ok"] == true),
        Err(_) if status.is_server_error() => None,
        Err(_) => Some(false),
    }
}

/// The names of the parts that `/readyz` says are not ready yet.
fn failing(text: &str) -> Vec<String> {
    let body: Value = serde_json::from_str(text).unwrap_or_default();
    let words = body["failing"].as_array().into_iter().flatten().filter_map(Value::as_str);
    // Names of the gateway's own parts; anything else is not worth repeating.
    let plain = |word: &&str| {
        word.len() <= 60 && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
    };
    words.filter(plain).take(8).map(str::to_owned).collect()
}

/// What stands in `Host` for a request to the gateway itself.
pub(super) fn authority(upstream: &UpstreamAddress) -> String {
    match upstream {
        UpstreamAddress::Unix(_) => "localhost".to_owned(),
        tcp => tcp.to_string().split_once("://").map_or_else(String::new, |(_, authority)| authority.to_owned()),
    }
}

const CONNECT: Duration = Duration::from_secs(2);
/// No further origin is asked about once this much time has passed.
const LONG_ENOUGH: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_is_known_by_its_health() {
        for (status, text, expected) in [
            (200, r#"{"ok":true,"status":"live"}"#, Some(true)),
            (200, "<html>", Some(false)),
            (404, "not found", Some(false)),
            (200, r#"{"status":"up"}"#, Some(false)),
            (503, "starting", None),
        ] {
            assert_eq!(is_gateway(StatusCode::from_u16(status).unwrap(), text), expected, "{status} {text}");
        }
    }

    #[test]
    fn only_plain_names_of_what_is_missing_are_repeated() {
        let text = r#"{"ready":false,"failing":["startup-sidecars","\u001b[31m","db"]}"#;
        assert_eq!(failing(text), ["startup-sidecars", "db"]);
        assert!(failing("no json").is_empty());
    }

    #[test]
    fn the_host_header_is_what_a_browser_would_write() {
        for (upstream, expected) in [
            (UpstreamAddress::Http { host: "::1".to_owned(), port: 18789 }, "[::1]:18789"),
            (UpstreamAddress::Https { host: "gw.lan".to_owned(), port: 443 }, "gw.lan:443"),
            (UpstreamAddress::Unix("/run/gw.sock".into()), "localhost"),
        ] {
            assert_eq!(authority(&upstream), expected);
        }
    }
}
