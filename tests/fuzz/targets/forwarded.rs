//! Whatever a client claims, the gateway is told by frontgate alone where it comes from; a client on this machine that
//! shows any sign of a proxy is not taken for one.
#![no_main]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use frontgate::config::{Forwarded, LocalClients};
use frontgate::http::edge::connection_info::{ConnectionInfo, ProxyAnnouncement};
use frontgate::http::edge::forwarded::decide;
use frontgate::http::route::headers::{ConnectionEffect, FieldFilter, to_gateway};
use frontgate::http::route::protected::{Login, ProtectedFields};
use frontgate::listener::ClientPeer;
use http::{HeaderName, HeaderValue, Request};
use libfuzzer_sys::fuzz_target;

/// Names to begin with; the others are those of the input.
const NAMES: [&str; 12] = [
    "x-forwarded-for",
    "forwarded",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-real-ip",
    "connection",
    "via",
    "te",
    "trailer",
    "cookie",
    "authorization",
];
/// What the gateway goes by, and how often a client itself may say it.
const TOLD: [&str; 6] =
    ["x-forwarded-for", "x-real-ip", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "forwarded"];

fuzz_target!(|bytes: &[u8]| {
    // A line for the peer and the settings, one for the host, then a field in each: its name, by an index or by itself,
    // and behind a colon its value.
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let Some([bits, address @ ..]) = lines.next() else { return };
    let (bits, Some(address)) = (*bits, address.first_chunk::<4>().copied()) else { return };
    let Some(Ok(host)) = lines.next().map(HeaderValue::from_bytes) else { return };
    let mut request = Request::new(());
    for line in lines {
        let at = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let (name, value) = (&line[..at], line.get(at + 1..).unwrap_or_default());
        let name = match name {
            [index] => NAMES.get(usize::from(*index - b'a'.min(*index))).map_or(name, |known| known.as_bytes()),
            _ => name,
        };
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            request.headers_mut().append(name, value);
        }
    }
    let (request, ()) = request.into_parts();
    let has = |bit: u8| bits & 1 << bit != 0;
    let ip = if has(0) { Ipv4Addr::LOCALHOST } else { Ipv4Addr::from(address) };
    let peer = ClientPeer::tcp(SocketAddr::new(ip.into(), 1));
    let announced = match (has(1), has(2)) {
        (true, false) => ProxyAnnouncement::Client,
        (true, true) => ProxyAnnouncement::NoClient,
        _ => ProxyAnnouncement::Nothing,
    };
    let trusts = has(3);
    let rules = Forwarded {
        trusted_proxies: trusts.then(|| "127.0.0.0/8".parse().expect("a network")).into_iter().collect(),
        local_clients: if has(4) { LocalClients::Forwarded } else { LocalClients::Auto },
        x_forwarded: !has(5),
        rfc7239: has(6),
        strip: Vec::new(),
    };
    let connection = ConnectionInfo::new(peer, announced);
    let forwarding = decide(&rules, &connection, &host, &request.headers);

    let protected = ProtectedFields::new([].into_iter(), &[], Login::Here);
    let passing = FieldFilter { forwarding: &forwarding, protected: &protected, basic_is_ours: has(7), rules: None };
    let mut told: Vec<(String, HeaderValue)> = Vec::new();
    to_gateway(&request, &host, passing, ConnectionEffect::Stays, |name, value| {
        told.push((name.as_str().to_owned(), value.clone()));
    });
    assert!(told.iter().all(|(name, _)| name != "connection" && name != "upgrade" && name != "transfer-encoding"));

    let trusted = trusts && ip.is_loopback() && announced != ProxyAnnouncement::NoClient;
    if trusted {
        return;
    }
    // The peer is the client, whatever it says.
    let says = |wanted: &str| told.iter().filter(|(name, _)| name == wanted).map(|(_, value)| value).collect::<Vec<_>>();
    let own = HeaderValue::try_from(IpAddr::from(ip).to_string()).expect("an address");
    let direct = announced == ProxyAnnouncement::Nothing && ip.is_loopback() && !has(4);
    let proof = TOLD.iter().any(|name| request.headers.contains_key(*name)) || request.headers.contains_key("via");
    for name in TOLD {
        let said = says(name);
        let expected = if name == "forwarded" { has(6) } else { !has(5) };
        assert!(said.len() == usize::from(expected) || direct && !proof && said.is_empty(), "{name}: {said:?}");
    }
    for name in ["x-forwarded-for", "x-real-ip"] {
        assert!(says(name).into_iter().all(|said| *said == own), "{name}");
    }
});
