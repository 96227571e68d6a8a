//! The client of a request, and what the gateway is told about it: forwarding rules 3, 4 and 5, as pure functions.
//!
//! The gateway makes every client that it takes for local an administrator, so every doubtful case is decided against
//! "local".

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use http::header::{FORWARDED, HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;

use super::connection_info::{ConnectionInfo, ProxyAnnouncement, UNKNOWN, told_address};
use super::host;
use crate::config::{Forwarded, LocalClients};
use crate::http::route::protected;
use crate::http::route::protected::RequestSender;
use crate::listener::ClientPeer;

/// What the gateway is told about a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forwarding {
    /// The client's address; `None` if a trusted proxy on a unix socket did not name it.
    pub(crate) client: Option<IpAddr>,
    /// Whether the peer is a proxy whose own forwarding fields are believed.
    pub(crate) trusted: bool,
    /// The fields to set, in order.
    pub(crate) fields: Vec<(HeaderName, HeaderValue)>,
}

/// Determines the client, and the fields that tell the gateway about it.
pub fn decide(
    rules: &Forwarded,
    connection_info: &ConnectionInfo,
    host: &HeaderValue,
    headers: &HeaderMap,
) -> Forwarding {
    let trusted = is_trusted(rules, connection_info);
    let client = if trusted {
        named_client(&rules.trusted_proxies, connection_info.peer, headers)
    } else {
        connection_info.peer.ip()
    };
    if !trusted && is_local(rules.local_clients, connection_info, host, headers) {
        return Forwarding { client, trusted, fields: Vec::new() };
    }
    let told = RequestedAddress::new(connection_info, host, trusted.then_some(headers));
    let mut fields = Vec::with_capacity(6);
    if rules.x_forwarded {
        let own = client == connection_info.peer.ip();
        let address = if own { connection_info.address.clone() } else { told_address(client) };
        fields.push((X_FORWARDED_FOR, address.clone()));
        fields.push((X_REAL_IP, address));
        fields.push((X_FORWARDED_PROTO, told.proto.clone()));
        fields.push((X_FORWARDED_HOST, told.host.clone()));
        fields.push((X_FORWARDED_PORT, told.port.clone()));
    }
    if rules.rfc7239 {
        fields.push((FORWARDED, told.rfc7239(client)));
    }
    Forwarding { client, trusted, fields }
}

impl Forwarding {
    /// The sender of the request, as far as protected fields are concerned.
    pub(crate) fn sender(&self) -> RequestSender {
        if self.trusted { RequestSender::TrustedProxy } else { RequestSender::Client }
    }

    /// `http` or `https`, as the client sees it.
    pub(crate) fn scheme(&self, connection_info: &ConnectionInfo, headers: &HeaderMap) -> &'static str {
        let told = headers.get(&X_FORWARDED_PROTO).filter(|_| self.trusted).map(HeaderValue::as_bytes);
        match told {
            Some(b"https") => "https",
            Some(b"http") => "http",
            _ => connection_info.scheme(),
        }
    }
}

/// Whether the peer is a proxy in front of frontgate. Only a process that may open its file reaches a unix listener,
/// and it can name its client in no other way than by a header. A proxy that has announced a connection without an
/// address passes bytes on that it has not looked at: nothing vouches for the fields that they hold.
fn is_trusted(rules: &Forwarded, connection_info: &ConnectionInfo) -> bool {
    connection_info.announced != ProxyAnnouncement::NoClient
        && connection_info.peer.ip().is_none_or(|ip| contains(&rules.trusted_proxies, ip))
}

fn contains(nets: &[IpNet], ip: IpAddr) -> bool {
    nets.iter().any(|net| net.contains(&ip))
}

/// Rule 5: whether this is a client on this machine that asks for a loopback name and connected to frontgate directly.
fn is_local(mode: LocalClients, connection_info: &ConnectionInfo, host: &HeaderValue, headers: &HeaderMap) -> bool {
    mode == LocalClients::Auto
        && connection_info.announced == ProxyAnnouncement::Nothing
        && connection_info.peer.ip().is_some_and(|ip| ip.is_loopback())
        && is_loopback_name(host)
        && !headers.keys().any(protected::is_evidence)
}

fn is_loopback_name(host: &HeaderValue) -> bool {
    let Ok(host) = host.to_str() else { return false };
    let (name, _) = host::split(host);
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    match bare {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok_and(|ip| ip.is_loopback()),
        None => {
            name.eq_ignore_ascii_case("localhost")
                || name.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
        }
    }
}

/// The right-most address that no trusted proxy has. An entry that is no address ends the search: the entries left of
/// it could be anything, so the hop that reported it is the client.
fn named_client(trusted: &[IpNet], peer: ClientPeer, headers: &HeaderMap) -> Option<IpAddr> {
    let mut client = peer.ip();
    let chain = if headers.contains_key(X_FORWARDED_FOR) { x_forwarded_for(headers) } else { rfc7239_for(headers) };
    for hop in chain.into_iter().rev() {
        let Some(ip) = hop else { return client };
        client = Some(ip);
        if !contains(trusted, ip) {
            return client;
        }
    }
    client
}

fn x_forwarded_for(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    entries(headers, &X_FORWARDED_FOR).map(address).collect()
}

/// The `for` parameters of `Forwarded` (RFC 7239, sections 4 and 6).
fn rfc7239_for(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    entries(headers, &FORWARDED)
        .map(|element| {
            let pair = element.split(';').find_map(|pair| {
                let (name, value) = pair.split_once('=')?;
                name.trim().eq_ignore_ascii_case("for").then_some(value)
            })?;
            address(pair.trim().trim_matches('"'))
        })
        .collect()
}

fn entries<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    // A value that is not text becomes one entry that is no address.
    headers.get_all(name).into_iter().flat_map(|value| value.to_str().unwrap_or("?").split(',').map(str::trim))
}

/// An address as proxies write it: bare, with a port, IPv6 in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let ip = text
        .parse::<IpAddr>()
        .or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()))
        .or_else(|_| text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>());
    ip.ok().map(|ip| ip.to_canonical())
}

/// What the client asked for: as frontgate knows it, or as a trusted proxy says where it does.
struct RequestedAddress {
    proto: HeaderValue,
    host: HeaderValue,
    port: HeaderValue,
}

impl RequestedAddress {
    fn new(connection_info: &ConnectionInfo, host: &HeaderValue, believed: Option<&HeaderMap>) -> Self {
        let word = |name: &HeaderName| believed.and_then(|headers| headers.get(name)).cloned();
        let proto = word(&X_FORWARDED_PROTO)
            .filter(|proto| proto == "https" || proto == "http")
            .unwrap_or_else(|| HeaderValue::from_static(connection_info.scheme()));
        let host = word(&X_FORWARDED_HOST).unwrap_or_else(|| host.clone());
        let port = word(&X_FORWARDED_PORT).unwrap_or_else(|| port(&host, &proto));
        Self { proto, host, port }
    }

    /// The value of `Forwarded` (RFC 7239, section 4); an IPv6 address and a host with a port are quoted.
    fn rfc7239(&self, client: Option<IpAddr>) -> HeaderValue {
        let mut text = match client {
            Some(IpAddr::V4(ip)) => format!("for={ip}"),
            Some(IpAddr::V6(ip)) => format!("for=\"[{ip}]\""),
            None => "for=unknown".to_owned(),
        };
        // A Host that would break out of the quotes is left out.
        if let Some(host) = self.host.to_str().ok().filter(|host| !host.contains(['"', '\\'])) {
            let _ = write!(text, ";host=\"{host}\"");
        }
        let _ = write!(text, ";proto={}", self.proto.to_str().unwrap_or("https"));
        HeaderValue::try_from(text).unwrap_or(UNKNOWN)
    }
}

/// The port that the client used: the one in Host, else its scheme's own.
fn port(host: &HeaderValue, proto: &HeaderValue) -> HeaderValue {
    let (_, port) = host::split(host.to_str().unwrap_or_default());
    match port.and_then(|port| port.parse::<u16>().ok()) {
        Some(port) => HeaderValue::from(port),
        None if proto == "http" => HeaderValue::from_static("80"),
        None => HeaderValue::from_static("443"),
    }
}

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");

#[cfg(test)]
mod tests;
