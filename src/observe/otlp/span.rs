//! The span of a request or a WebSocket: what its log line says, in the words of OpenTelemetry's semantic conventions.

use std::time::SystemTime;

use http::uri::Authority;
use http::{HeaderValue, Method, Version};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};

use super::attributes::{Attributes, unix_nanos};
use super::queue::SpanQueue;
use crate::observe::access::{AccessLine, LoggedAddress, LoggedClient, RequestEnd, SpanIds, TraceId, redacted};
use crate::observe::clean::{LONGEST, clean, word};
use crate::observe::redact::Redactor;
use crate::observe::tunnel::{TunnelLegLine, TunnelLine};

impl SpanQueue {
    /// Takes the span of a request that has ended, unless it goes on as a WebSocket.
    pub(in crate::observe) fn request(&self, line: &AccessLine, redactor: &Redactor) {
        if let Some(ids) = line.span.filter(|_| line.ended != RequestEnd::Upgraded) {
            self.put(|| of_request(line, ids, redactor, SystemTime::now()));
        }
    }

    /// Takes the span of a WebSocket that has ended.
    pub(in crate::observe) fn websocket(&self, line: &TunnelLine, redactor: &Redactor) {
        if line.opening.span.is_some() {
            self.put(|| of_websocket(line, redactor, SystemTime::now()));
        }
    }
}

/// The span of a request that ended at `now`.
fn of_request(line: &AccessLine, ids: SpanIds, redactor: &Redactor, now: SystemTime) -> Option<Span> {
    let trace = line.trace?;
    let route = line.route.as_ref().map(|route| word(route.as_bytes(), LONGEST).into_owned());
    let method = known(&line.method);
    let name = match &route {
        Some(route) => format!("{} {route}", method.unwrap_or("HTTP")),
        None => method.unwrap_or("HTTP").to_owned(),
    };
    let status = line.status.map(|status| status.as_u16());
    let mut attributes = Attributes::default();
    attributes.text("http.request.method", Some(method.unwrap_or("_OTHER")));
    if method.is_none() {
        attributes.text("http.request.method_original", Some(&word(line.method.as_str().as_bytes(), LONGEST)));
    }
    attributes.number("http.response.status_code", status.map(u64::from));
    attributes.text("http.route", route.as_deref());
    attributes.number("http.request.body.size", Some(line.received()));
    attributes.number("http.response.body.size", Some(line.bytes_out));
    asked(
        &mut attributes,
        &redacted(redactor, line.target.as_bytes()),
        line.tls,
        line.host.as_ref().map(HeaderValue::as_bytes),
    );
    let version = match line.version {
        Version::HTTP_2 => "2",
        Version::HTTP_10 => "1.0",
        _ => "1.1",
    };
    connected(&mut attributes, line.client, version, line.tls);
    let agent = line.user_agent.as_ref().map(|agent| clean(agent.as_bytes(), LONGEST));
    attributes.text("user_agent.original", agent.as_deref());
    attributes.text("frontgate.id", Some(&line.id));
    attributes.number("frontgate.connection", Some(line.connection));
    attributes.text("frontgate.upstream", line.gateway.as_deref());
    attributes.millis("frontgate.held_ms", line.held);
    attributes.millis("frontgate.upstream_ms", line.upstream);
    attributes.text("frontgate.ended", Some(line.ended.as_str()));
    attributes.text("frontgate.failure", line.failure);
    // A status below 500 is the client's own fault (semantic conventions, HTTP server).
    let server_error = status.filter(|status| *status >= 500).map(|status| status.to_string());
    let fault = server_error.map(|status| line.failure.map_or(status, str::to_owned));
    attributes.text("error.type", fault.as_deref());
    let span = span(trace, ids, name, now.checked_sub(line.began().elapsed()).unwrap_or(now), now);
    Some(Span { attributes: attributes.into_list(), status: fault.is_some().then(error), ..span })
}

/// The span of a WebSocket that ended at `now`, from the head of its handshake on.
fn of_websocket(line: &TunnelLine, redactor: &Redactor, now: SystemTime) -> Option<Span> {
    let opening = &line.opening;
    let (trace, begin) = (opening.trace?, opening.span.as_ref()?);
    let route = opening.route.as_ref().map(|route| word(route.as_bytes(), LONGEST).into_owned());
    let name = route.as_ref().map_or_else(|| "websocket".to_owned(), |route| format!("websocket {route}"));
    let is_h2 = opening.protocol == "h2";
    let mut attributes = Attributes::default();
    // Over HTTP/2 it is opened by a CONNECT (RFC 8441).
    attributes.text("http.request.method", Some(if is_h2 { "CONNECT" } else { "GET" }));
    attributes.number("http.response.status_code", Some(if is_h2 { 200 } else { 101 }));
    attributes.text("http.route", route.as_deref());
    asked(&mut attributes, &redacted(redactor, opening.target.as_bytes()), opening.tls, opening.host.as_deref());
    connected(&mut attributes, opening.client, if is_h2 { "2" } else { "1.1" }, opening.tls);
    attributes.text("frontgate.id", Some(&opening.id));
    attributes.number("frontgate.connection", Some(opening.connection));
    attributes.text("frontgate.upstream", Some(&opening.endpoint));
    attributes.text("frontgate.ended", Some(line.ended));
    attributes.flag("frontgate.clean", line.clean);
    leg(&mut attributes, &CLIENT, &line.from_client);
    leg(&mut attributes, &GATEWAY, &line.from_gateway);
    let is_fault = !line.clean;
    attributes.text("error.type", is_fault.then_some(line.ended));
    let span = span(trace, begin.ids, name, begin.at.min(now), now);
    Some(Span { attributes: attributes.into_list(), status: is_fault.then(error), ..span })
}

fn span(trace: TraceId, ids: SpanIds, name: String, begin: SystemTime, end: SystemTime) -> Span {
    let SpanIds { own, parent } = ids;
    Span {
        trace_id: trace.bytes().to_vec(),
        span_id: own.get().to_be_bytes().to_vec(),
        parent_span_id: parent.map(|parent| parent.get().to_be_bytes().to_vec()).unwrap_or_default(),
        flags: SAMPLED | KNOWS_REMOTE | if parent.is_some() { IS_REMOTE } else { 0 },
        name,
        kind: SpanKind::Server.into(),
        start_time_unix_nano: unix_nanos(begin),
        end_time_unix_nano: unix_nanos(end),
        ..Span::default()
    }
}

fn error() -> Status {
    Status { code: StatusCode::Error.into(), ..Status::default() }
}

/// What was asked for, secrets masked.
fn asked(attributes: &mut Attributes, target: &str, tls: Option<&str>, host: Option<&[u8]>) {
    attributes.text("url.scheme", Some(if tls.is_some() { "https" } else { "http" }));
    match target.split_once('?') {
        Some((path, query)) => {
            attributes.text("url.path", Some(path));
            attributes.text("url.query", Some(query));
        }
        None => attributes.text("url.path", Some(target)),
    }
    let Some(host) = host else { return };
    match Authority::try_from(host) {
        Ok(authority) => {
            attributes.text("server.address", Some(authority.host()));
            attributes.number("server.port", authority.port_u16().map(u64::from));
        }
        Err(_) => attributes.text("server.address", Some(&word(host, LONGEST))),
    }
}

/// What is known of the client and its connection.
fn connected(attributes: &mut Attributes, client: LoggedClient, version: &str, tls: Option<&str>) {
    attributes.text("client.address", Some(&LoggedAddress(client.addr).to_string()));
    let peer = client.proxy.or(client.addr).map(|peer| peer.to_string());
    attributes.text("network.peer.address", peer.as_deref());
    attributes.text("network.transport", Some(if peer.is_some() { "tcp" } else { "unix" }));
    attributes.text("network.protocol.name", Some("http"));
    attributes.text("network.protocol.version", Some(version));
    attributes.text("tls.protocol.version", tls);
}

fn leg(attributes: &mut Attributes, names: &[&'static str; 7], leg: &TunnelLegLine) {
    let [frames, messages, bytes, pings, round_trip, received, sent] = names;
    attributes.number(frames, Some(leg.frames));
    attributes.number(messages, Some(leg.messages));
    attributes.number(bytes, Some(leg.bytes));
    attributes.number(pings, Some(leg.pings));
    attributes.millis(round_trip, leg.round_trip_average);
    attributes.number(received, leg.close_received.map(u64::from));
    attributes.number(sent, leg.close_sent.map(u64::from));
}

/// The name of a method that the semantic conventions know (RFC 9110 §9.3, and PATCH).
fn known(method: &Method) -> Option<&str> {
    const KNOWN: [Method; 9] = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::CONNECT,
        Method::OPTIONS,
        Method::TRACE,
        Method::PATCH,
    ];
    KNOWN.contains(method).then(|| method.as_str())
}

const CLIENT: [&str; 7] = [
    "frontgate.client.frames",
    "frontgate.client.messages",
    "frontgate.client.bytes",
    "frontgate.client.pings",
    "frontgate.client.rtt_avg_ms",
    "frontgate.client.close_received",
    "frontgate.client.close_sent",
];
const GATEWAY: [&str; 7] = [
    "frontgate.gateway.frames",
    "frontgate.gateway.messages",
    "frontgate.gateway.bytes",
    "frontgate.gateway.pings",
    "frontgate.gateway.rtt_avg_ms",
    "frontgate.gateway.close_received",
    "frontgate.gateway.close_sent",
];
/// Flags of a span (opentelemetry-proto, `SpanFlags`): it is recorded; it is known whether its parent is another program's; it is.
const SAMPLED: u32 = 1;
const KNOWS_REMOTE: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;
