//! [`TunnelLine`]: the line that a WebSocket gets at its end.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

use super::access::{AccessLog, LoggedAddress, LoggedClient, SpanBegin, TraceId, millis, redacted};
use super::clean::{LONGEST, clean, word};
use super::metrics::EndedWebSocket;
use super::recent_ends::RecentEnd;
use super::redact::{HIDDEN, Redactor, ShownText};

/// The request that opened a WebSocket, and its client.
#[derive(Debug, Clone)]
pub(crate) struct TunnelOpening {
    /// The id of the request that opened it.
    pub(crate) id: Box<str>,
    /// The client that opened it.
    pub(crate) client: LoggedClient,
    /// The client's protocol, `h1` or `h2`.
    pub(crate) protocol: &'static str,
    /// The number of the client's connection; WebSockets over HTTP/2 may share one.
    pub(crate) connection: u64,
    /// `Host` or `:authority`.
    pub(crate) host: Option<Box<[u8]>>,
    /// What of the request target may be shown ([`TunnelOpening::shown_part`]); secrets are hidden when it is.
    pub(crate) target: Box<str>,
    /// The subject of the client's certificate, if it showed one.
    pub(crate) subject: Option<Arc<str>>,
    /// The user that logged in with name and password.
    pub(crate) user: Option<Arc<str>>,
    /// The route it took, where there are several.
    pub(crate) route: Option<Arc<str>>,
    /// The gateway that granted it, where there are several.
    pub(crate) gateway: Option<Arc<str>>,
    /// The same, also where there is only one.
    pub(crate) endpoint: Arc<str>,
    /// The TLS version of the client's connection; `None` for plain HTTP.
    pub(crate) tls: Option<&'static str>,
    /// The trace that the request belongs to.
    pub(crate) trace: Option<TraceId>,
    /// Its place in that trace, where spans are exported.
    #[cfg_attr(not(feature = "otlp"), expect(dead_code, reason = "only what exports spans asks"))]
    pub(crate) span: Option<Box<SpanBegin>>,
}

/// One WebSocket's line, from its 101 to its end.
#[derive(Debug, Clone)]
pub(crate) struct TunnelLine {
    /// The request that opened it, and its client.
    pub(crate) opening: Arc<TunnelOpening>,
    /// The time from the 101 to the end.
    pub(crate) duration: Duration,
    /// What ended it: a name of the table "How a WebSocket ends".
    pub(crate) ended: &'static str,
    /// Whether each side was sent a Close or went by itself, and no frame was cut.
    pub(crate) clean: bool,
    /// The client's side.
    pub(crate) from_client: TunnelLegLine,
    /// The gateway's side.
    pub(crate) from_gateway: TunnelLegLine,
}

/// One side of a WebSocket: the traffic from that peer, and the Close and pings that frontgate sent to it.
#[derive(Debug, Clone, Default)]
pub(crate) struct TunnelLegLine {
    /// Frames that came from the peer.
    pub(crate) frames: u64,
    /// Messages that came from the peer.
    pub(crate) messages: u64,
    /// Bytes that came from the peer, frame heads included.
    pub(crate) bytes: u64,
    /// Pings that frontgate sent to the peer.
    pub(crate) pings: u64,
    /// The last round trip of such a ping.
    pub(crate) round_trip: Option<Duration>,
    /// The average round trip of such pings.
    pub(crate) round_trip_average: Option<Duration>,
    /// The code of the Close that came from the peer; 1005 if it had none (RFC 6455 §7.1.5).
    pub(crate) close_received: Option<u16>,
    /// The code of the Close that was sent to the peer.
    pub(crate) close_sent: Option<u16>,
    /// The reason in the Close that came from the peer, unredacted.
    pub(crate) reason: Vec<u8>,
}

impl TunnelOpening {
    /// The beginning of a target that a log line shows. The rest of a long one would be kept for as long as the WebSocket.
    pub(crate) fn shown_part(target: &str) -> &str {
        // A little more than is shown, so that the line marks the cut.
        &target[..target.floor_char_boundary(LONGEST + 4)]
    }
}

impl TunnelLine {
    /// Writes the line to the log.
    pub(super) fn write(&self, redactor: &Redactor) {
        let (client, gateway, opening) = (&self.from_client, &self.from_gateway, &self.opening);
        let reason = |leg: &TunnelLegLine| (!leg.reason.is_empty()).then(|| reason(redactor, &leg.reason));
        tracing::info!(
            target: "frontgate::access",
            id = %word(opening.id.as_bytes(), LONGEST),
            client = %LoggedAddress(opening.client.addr),
            peer = opening.client.proxy.filter(|proxy| Some(*proxy) != opening.client.addr).map(tracing::field::display),
            host = opening.host.as_ref().map(|host| tracing::field::display(word(host, LONGEST))),
            target = %redacted(redactor, opening.target.as_bytes()),
            protocol = %opening.protocol,
            conn = opening.connection,
            subject = opening.subject.as_ref().map(|subject| clean(subject.as_bytes(), LONGEST)).as_deref(),
            user = opening.user.as_ref().map(|user| clean(user.as_bytes(), LONGEST)).as_deref(),
            route = opening.route.as_deref().map(|route| word(route.as_bytes(), LONGEST)).map(tracing::field::display),
            upstream = opening.gateway.as_deref().map(|at| word(at.as_bytes(), LONGEST)).map(tracing::field::display),
            trace_id = opening.trace.map(tracing::field::display),
            duration_ms = millis(self.duration),
            ended = %self.ended,
            clean = self.clean,
            client_frames = client.frames,
            client_messages = client.messages,
            client_bytes = client.bytes,
            client_pings = client.pings,
            client_rtt_ms = client.round_trip.map(millis),
            client_rtt_avg_ms = client.round_trip_average.map(millis),
            client_close_received = client.close_received,
            client_close_sent = client.close_sent,
            client_reason = reason(client),
            gateway_frames = gateway.frames,
            gateway_messages = gateway.messages,
            gateway_bytes = gateway.bytes,
            gateway_pings = gateway.pings,
            gateway_rtt_ms = gateway.round_trip.map(millis),
            gateway_rtt_avg_ms = gateway.round_trip_average.map(millis),
            gateway_close_received = gateway.close_received,
            gateway_close_sent = gateway.close_sent,
            gateway_reason = reason(gateway),
            "websocket"
        );
    }
}

/// The reason in a Close, without secrets.
fn reason(redactor: &Redactor, said: &[u8]) -> String {
    match redactor.message(&String::from_utf8_lossy(said)) {
        ShownText::Plain => clean(said, LONGEST).into_owned(),
        ShownText::Json(copy) => clean(copy.as_bytes(), LONGEST).into_owned(),
        ShownText::Hidden => HIDDEN.to_owned(),
    }
}

impl TunnelLegLine {
    /// The code of this side's Close: the one that the peer was sent, else the one that came from it. Where there was
    /// neither, the peer sees 1006 (RFC 6455 §7.1.5).
    fn close_code(&self) -> u16 {
        self.close_sent.or(self.close_received).unwrap_or(1006)
    }

    /// The code as it is counted. A peer that writes a code that is never in a Close (RFC 6455 §7.4.1) does not decide what
    /// counts as an end without one.
    fn counted_code(&self) -> u16 {
        match self.close_sent.or(self.close_received) {
            None => 1006,
            Some(1006 | 1015) => 0,
            Some(code) => code,
        }
    }
}

impl AccessLog {
    /// Writes a WebSocket's line.
    pub(crate) fn websocket(&self, tunnel: &TunnelLine) {
        self.metrics().websockets.ended(&EndedWebSocket {
            ended: tunnel.ended,
            client_code: tunnel.from_client.counted_code(),
            gateway_code: tunnel.from_gateway.counted_code(),
            clean: tunnel.clean,
            lasted: tunnel.duration,
        });
        self.metrics().recent_ends.add(RecentEnd {
            at: OffsetDateTime::now_utc(),
            id: tunnel.opening.id.clone(),
            client: tunnel.opening.client.addr,
            user: tunnel.opening.user.clone(),
            ended: tunnel.ended,
            clean: tunnel.clean,
            codes: [tunnel.from_client.close_code(), tunnel.from_gateway.close_code()],
            lasted: tunnel.duration,
        });
        let Some(redactor) = &self.redactor else { return };
        if let Some(spans) = &self.spans {
            spans.websocket(tunnel, redactor);
        }
        if self.writes {
            tunnel.write(redactor);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::config::{Log, LogFormat};
    use crate::observe::access::tests::{REMOTE, steady, text};
    use crate::observe::logging::tests::logged;

    pub(crate) fn opening() -> TunnelOpening {
        TunnelOpening {
            id: "r7".into(),
            client: REMOTE,
            protocol: "h1",
            connection: 7,
            host: Some(b"gw:8443".as_slice().into()),
            target: "/openclaw?token=s3cret".into(),
            subject: None,
            user: None,
            route: None,
            gateway: None,
            endpoint: "http://127.0.0.1:18789".into(),
            tls: Some("1.3"),
            trace: TraceId::new(0xabc),
            span: None,
        }
    }

    pub(crate) fn tunnel() -> TunnelLine {
        TunnelLine {
            opening: Arc::new(opening()),
            duration: Duration::from_millis(90_500),
            ended: "gateway_lost",
            clean: true,
            from_client: TunnelLegLine {
                frames: 3,
                messages: 2,
                bytes: 100,
                pings: 4,
                round_trip: Some(Duration::from_millis(21)),
                round_trip_average: Some(Duration::from_micros(22_340)),
                close_sent: Some(1012),
                ..TunnelLegLine::default()
            },
            from_gateway: TunnelLegLine { frames: 5, messages: 5, bytes: 2000, ..TunnelLegLine::default() },
        }
    }

    #[test]
    fn a_websocket_is_one_line_at_its_end() {
        let lines = logged(&text(), |_| AccessLog::new(&text()).websocket(&tunnel()));
        assert_eq!(
            steady(&lines),
            [concat!(
                " INFO websocket id=r7 client=203.0.113.5 host=gw:8443 target=/openclaw?token=*** protocol=h1 conn=7 ",
                "trace_id=00000000000000000000000000000abc duration_ms=_ ",
                "ended=gateway_lost clean=true client_frames=3 client_messages=2 client_bytes=100 client_pings=4 ",
                "client_rtt_ms=21.0 client_rtt_avg_ms=22.3 client_close_sent=1012 gateway_frames=5 gateway_messages=5 ",
                "gateway_bytes=2000 gateway_pings=0"
            )]
        );
    }

    #[test]
    fn a_reason_that_may_hold_a_secret_is_hidden() {
        let redactor = Redactor::new(&Log::default().redact);
        for (said, shown) in [
            ("service restart", "service restart"),
            ("origin not allowed", "origin not allowed"),
            ("unauthorized: gateway token missing", "unauthorized: gateway token missing"),
            ("ended token=s3cret", "***"),
            (r#"{"why":"x","token":"s3cret"}"#, r#"{"why":"x","token":"***"}"#),
        ] {
            assert_eq!(reason(&redactor, said.as_bytes()), shown, "{said}");
        }
    }

    #[test]
    fn a_code_that_is_never_in_a_close_counts_as_another_one() {
        let leg =
            |received, sent| TunnelLegLine { close_received: received, close_sent: sent, ..TunnelLegLine::default() };
        for (received, sent, counted) in [
            (None, None, 1006),
            (Some(1000), None, 1000),
            (Some(1005), None, 1005),
            (Some(1006), None, 0),
            (Some(1000), Some(1006), 0),
            (Some(1015), None, 0),
            (Some(1006), Some(1012), 1012),
        ] {
            assert_eq!(leg(received, sent).counted_code(), counted, "{received:?} {sent:?}");
        }
    }

    #[test]
    fn the_reason_of_a_peer_is_shown_cleaned() {
        let log = Log { format: LogFormat::Json, ..Log::default() };
        let closed = |leg: TunnelLegLine| TunnelLegLine {
            close_received: Some(1008),
            reason: b"origin not allowed\x1b[2J\xff".to_vec(),
            ..leg
        };
        let line = logged(&log, |_| {
            let tunnel = tunnel();
            AccessLog::new(&log).websocket(&TunnelLine { from_gateway: closed(tunnel.from_gateway.clone()), ..tunnel });
        });
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["message"], "websocket");
        assert_eq!(line["target"], "/openclaw?token=***");
        assert_eq!(line["duration_ms"], 90_500.0);
        assert_eq!(line["gateway_close_received"], 1008);
        assert_eq!(line["gateway_reason"], r"origin not allowed\x1b[2J\xff");
        assert_eq!(line["client_reason"], serde_json::Value::Null);
        assert_eq!(line["clean"], true);
    }
}
