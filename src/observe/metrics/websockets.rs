//! [`WebSocketMetrics`]: WebSockets, their handshakes, their traffic and their ends.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::histogram::{Histogram, IDLE_TIMES, REQUEST_TIMES, SESSION_TIMES};
use super::relay::RelayMetrics;
use super::{MetricLabel, counter, family, gauge};

/// WebSockets and their traffic.
pub(crate) struct WebSocketMetrics {
    /// How many are open.
    pub(crate) open: Gauge,
    /// The same under the name that they had first.
    pub(crate) open_before: Gauge,
    /// How many were opened.
    pub(crate) opened: Counter,
    /// Traffic from clients, and pings to them.
    pub(crate) client: WebSocketSideMetrics,
    /// Traffic from gateways, and pings to them.
    pub(crate) gateway: WebSocketSideMetrics,
    /// What their relays count themselves.
    pub(crate) relay: RelayMetrics,
    /// The time since the last byte of each open WebSocket, looked up at each scrape.
    pub(crate) idle: Histogram,
    handshakes: Family<HandshakeLabels, Counter>,
    handshake_took: Histogram,
    ended: Family<EndLabels, Counter>,
    session: Histogram,
}

/// The traffic of one side of all WebSockets.
pub(crate) struct WebSocketSideMetrics {
    /// Frames that came from this side.
    pub(crate) frames: Counter,
    /// Messages that came from this side.
    pub(crate) messages: Counter,
    /// Bytes that came from this side.
    pub(crate) bytes: Counter,
    /// Pings that frontgate sent to this side.
    pub(crate) pings: Counter,
    /// Round trips of those pings that were measured.
    pub(crate) round_trips: Counter,
    /// The sum of those round trips in seconds.
    pub(crate) round_trip_seconds: Counter<f64, AtomicU64>,
}

/// The labels of a handshake.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HandshakeLabels {
    outcome: &'static str,
    status: &'static str,
    /// The code of frontgate's refusal; empty otherwise.
    reason: &'static str,
}

/// The labels of an end.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndLabels {
    ended: &'static str,
    client_code: &'static str,
    gateway_code: &'static str,
    initiator: &'static str,
    clean: &'static str,
}

/// The outcome of a WebSocket handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HandshakeOutcome {
    /// The gateway granted it.
    Opened,
    /// The gateway answered with this status instead.
    RefusedByGateway(u16),
    /// frontgate refused it, with this status and code.
    Refused(u16, &'static str),
    /// The client left before there was an answer.
    Left,
}

/// The end of a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EndedWebSocket {
    /// What ended it: a name of the table "How a WebSocket ends".
    pub(crate) ended: &'static str,
    /// The Close code on the client's side, 1006 where there was none.
    pub(crate) client_code: u16,
    /// The Close code on the gateway's side, 1006 where there was none.
    pub(crate) gateway_code: u16,
    /// Whether each side was sent a Close or went by itself, and no frame was cut.
    pub(crate) clean: bool,
    /// How long it was open.
    pub(crate) lasted: Duration,
}

impl WebSocketMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let handshakes = Family::default();
        let help = "WebSocket handshakes of clients by outcome, with the status of the answer, and the code where frontgate refused";
        registry.register("websocket_handshakes", help, handshakes.clone());
        let handshake_took = Histogram::new(REQUEST_TIMES);
        let help =
            "Time from the head of a WebSocket handshake to its 101, a wait for a gateway that restarts included";
        registry.register_with_unit("websocket_handshake", help, Unit::Seconds, handshake_took.clone());
        let ended = Family::default();
        let help = "WebSockets that have ended: by what ended them, the Close code on each side (1006 where there was none), the side that began it, and whether each side was sent a Close or went by itself";
        registry.register("websockets_ended", help, ended.clone());
        let session = Histogram::new(SESSION_TIMES);
        let help = "How long WebSockets were open that have ended";
        registry.register_with_unit("websocket_session", help, Unit::Seconds, session.clone());
        let idle = Histogram::new(IDLE_TIMES);
        let help = "Time since the last byte of each WebSocket that is open, at the moment of the scrape";
        registry.register_with_unit("websocket_idle", help, Unit::Seconds, idle.clone());
        let [client, gateway] = WebSocketSideMetrics::both(registry);
        let metrics = Self {
            open: gauge(registry, "websockets_open", "WebSockets that are open"),
            open_before: gauge(registry, "websockets", "The same as websockets_open, for one version more"),
            opened: counter(registry, "websockets_opened", "WebSockets that were opened"),
            client,
            gateway,
            relay: RelayMetrics::new(registry),
            idle,
            handshakes,
            handshake_took,
            ended,
            session,
        };
        metrics.zeros();
        metrics
    }

    /// Counts a handshake, which took so long.
    pub(crate) fn shook_hands(&self, outcome: HandshakeOutcome, took: Duration) {
        if outcome == HandshakeOutcome::Opened {
            self.handshake_took.time(took);
        }
        self.handshakes.get_or_create(&HandshakeLabels::of(outcome)).inc();
    }

    /// Declares the codes with which frontgate refuses handshakes, so that they are shown from the beginning.
    pub(crate) fn may_refuse(&self, refusals: &[(u16, &'static str)]) {
        for (status, code) in refusals {
            drop(self.handshakes.get_or_create(&HandshakeLabels::of(HandshakeOutcome::Refused(*status, code))));
        }
    }

    /// Counts a WebSocket that has ended.
    pub(crate) fn ended(&self, end: &EndedWebSocket) {
        self.session.time(end.lasted);
        self.ended.get_or_create(&EndLabels::of(end)).inc();
    }

    fn zeros(&self) {
        for outcome in [HandshakeOutcome::Opened, HandshakeOutcome::Left]
            .into_iter()
            .chain(SHOWN_STATUSES.map(|(status, _)| HandshakeOutcome::RefusedByGateway(status)))
        {
            drop(self.handshakes.get_or_create(&HandshakeLabels::of(outcome)));
        }
        for (ended, client_code, gateway_code, clean) in USUAL_ENDS {
            let end = EndedWebSocket { ended, client_code, gateway_code, clean, lasted: Duration::ZERO };
            drop(self.ended.get_or_create(&EndLabels::of(&end)));
        }
    }
}

impl WebSocketSideMetrics {
    /// The metrics of the clients' side and of the gateways'.
    fn both(registry: &mut Registry) -> [Self; 2] {
        let frames =
            family(registry, "websocket_frames", "Frames that were passed on, by the peer that they came from");
        let messages =
            family(registry, "websocket_messages", "Messages that were passed on, by the peer that they came from");
        let bytes = family(registry, "websocket_bytes", "Bytes that were passed on, by the peer that they came from");
        let pings = family(registry, "websocket_pings", "Pings of frontgate's own, by the peer that they went to");
        let trips = family(registry, "websocket_round_trips", "Answers to pings of frontgate's own");
        let seconds = Family::<MetricLabel, Counter<f64, AtomicU64>>::default();
        registry.register("websocket_round_trip_seconds", "Seconds from those pings to their answers", seconds.clone());
        ["client", "gateway"].map(|side| Self {
            frames: frames.get_or_create_owned(&[("from", side)]),
            messages: messages.get_or_create_owned(&[("from", side)]),
            bytes: bytes.get_or_create_owned(&[("from", side)]),
            pings: pings.get_or_create_owned(&[("to", side)]),
            round_trips: trips.get_or_create_owned(&[("to", side)]),
            round_trip_seconds: seconds.get_or_create_owned(&[("to", side)]),
        })
    }
}

impl HandshakeLabels {
    fn of(outcome: HandshakeOutcome) -> Self {
        let (outcome, status, reason) = match outcome {
            HandshakeOutcome::Opened => ("opened", "101", ""),
            HandshakeOutcome::RefusedByGateway(status) => ("refused_by_gateway", shown_status(status), ""),
            HandshakeOutcome::Refused(status, code) => ("refused", shown_status(status), code),
            HandshakeOutcome::Left => ("client_left", "none", ""),
        };
        Self { outcome, status, reason }
    }
}

impl EndLabels {
    fn of(end: &EndedWebSocket) -> Self {
        Self {
            ended: end.ended,
            client_code: shown_code(end.client_code),
            gateway_code: shown_code(end.gateway_code),
            initiator: initiator(end.ended),
            clean: if end.clean { "yes" } else { "no" },
        }
    }
}

/// The process that began an end: the one that sent the first Close, or went away.
fn initiator(ended: &str) -> &'static str {
    match ended {
        "client_closed" | "client_lost" => "client",
        "gateway_closed" | "gateway_lost" => "gateway",
        "closed_by_operator" | "endpoint_draining" => "operator",
        _ => "frontgate",
    }
}

/// A status as a label: one that gateways and proxies send, or `other`.
fn shown_status(status: u16) -> &'static str {
    let known = SHOWN_STATUSES.iter().find(|(known, _)| *known == status);
    known.map_or("other", |(_, shown)| shown)
}

fn shown_code(code: u16) -> &'static str {
    let known = SHOWN_CODES.iter().find(|(known, _)| *known == code);
    known.map_or("other", |(_, shown)| shown)
}

const SHOWN_STATUSES: [(u16, &str); 25] = [
    (200, "200"),
    (301, "301"),
    (302, "302"),
    (303, "303"),
    (307, "307"),
    (308, "308"),
    (400, "400"),
    (401, "401"),
    (403, "403"),
    (404, "404"),
    (405, "405"),
    (408, "408"),
    (413, "413"),
    (414, "414"),
    (421, "421"),
    (426, "426"),
    (429, "429"),
    (431, "431"),
    (500, "500"),
    (501, "501"),
    (502, "502"),
    (503, "503"),
    (504, "504"),
    (508, "508"),
    (0, "other"),
];

/// The codes of RFC 6455 §7.4.1 and of IANA's registry, and those of the gateway and of its Control UI.
const SHOWN_CODES: [(u16, &str); 19] = [
    (1000, "1000"),
    (1001, "1001"),
    (1002, "1002"),
    (1003, "1003"),
    (1005, "1005"),
    (1006, "1006"),
    (1007, "1007"),
    (1008, "1008"),
    (1009, "1009"),
    (1010, "1010"),
    (1011, "1011"),
    (1012, "1012"),
    (1013, "1013"),
    (1014, "1014"),
    (4000, "4000"),
    (4001, "4001"),
    (4008, "4008"),
    (4013, "4013"),
    (0, "other"),
];

/// The codes of each end where all goes as the table "How a WebSocket ends" has it.
const USUAL_ENDS: [(&str, u16, u16, bool); 21] = [
    ("client_closed", 1000, 1000, true),
    ("client_closed", 1001, 1001, true),
    ("client_closed", 1005, 1005, true),
    ("gateway_closed", 1000, 1000, true),
    ("gateway_closed", 1008, 1008, true),
    ("gateway_closed", 1012, 1012, true),
    ("gateway_lost", 1012, 1006, true),
    ("gateway_lost", 1006, 1006, false),
    ("client_lost", 1006, 1001, true),
    ("gateway_silent", 1012, 1001, true),
    ("client_silent", 1001, 1001, true),
    ("read_timeout", 1001, 1001, true),
    ("send_timeout", 1006, 1001, false),
    ("too_big", 1009, 1001, true),
    ("too_many", 1008, 1001, true),
    ("protocol_error", 1002, 1001, true),
    ("protocol_error", 1014, 1002, true),
    ("draining", 1012, 1001, true),
    ("closed_by_operator", 1001, 1001, true),
    ("session_ended", 1008, 1001, true),
    ("endpoint_draining", 1012, 1001, true),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::metrics::Metrics;
    use crate::observe::metrics::tests::value;

    #[test]
    fn an_end_counts_by_both_codes_and_the_side_that_began_it() {
        let rows: &[(&str, u16, u16, bool, &str)] = &[
            (
                "client_lost",
                1006,
                1001,
                true,
                r#"client_code="1006",gateway_code="1001",initiator="client",clean="yes""#,
            ),
            (
                "gateway_closed",
                4001,
                4001,
                true,
                r#"client_code="4001",gateway_code="4001",initiator="gateway",clean="yes""#,
            ),
            (
                "gateway_closed",
                3999,
                1012,
                true,
                r#"client_code="other",gateway_code="1012",initiator="gateway",clean="yes""#,
            ),
            (
                "draining",
                1006,
                1006,
                false,
                r#"client_code="1006",gateway_code="1006",initiator="frontgate",clean="no""#,
            ),
            (
                "closed_by_operator",
                1001,
                1001,
                true,
                r#"client_code="1001",gateway_code="1001",initiator="operator",clean="yes""#,
            ),
        ];
        let metrics = Metrics::new();
        for (ended, client_code, gateway_code, clean, labels) in rows {
            let (client_code, gateway_code, clean) = (*client_code, *gateway_code, *clean);
            let lasted = Duration::from_secs(90);
            metrics.websockets.ended(&EndedWebSocket { ended, client_code, gateway_code, clean, lasted });
            let name = format!("frontgate_websockets_ended_total{{ended=\"{ended}\",{labels}}}");
            assert_eq!(value(&metrics, &name).as_deref(), Some("1"), "{name}");
        }
        let name = "frontgate_websocket_session_seconds_bucket{le=\"300.0\"}";
        assert_eq!(value(&metrics, name).as_deref(), Some("5"));
    }

    #[test]
    fn handshakes_count_by_outcome() {
        let rows = [
            (HandshakeOutcome::Opened, r#"outcome="opened",status="101",reason="""#),
            (HandshakeOutcome::RefusedByGateway(403), r#"outcome="refused_by_gateway",status="403",reason="""#),
            (HandshakeOutcome::RefusedByGateway(499), r#"outcome="refused_by_gateway",status="other",reason="""#),
            (
                HandshakeOutcome::Refused(401, "login_required"),
                r#"outcome="refused",status="401",reason="login_required""#,
            ),
            (HandshakeOutcome::Left, r#"outcome="client_left",status="none",reason="""#),
        ];
        let metrics = Metrics::new();
        for (outcome, labels) in rows {
            metrics.websockets.shook_hands(outcome, Duration::from_millis(4));
            let name = format!("frontgate_websocket_handshakes_total{{{labels}}}");
            assert_eq!(value(&metrics, &name).as_deref(), Some("1"), "{name}");
        }
        assert_eq!(value(&metrics, "frontgate_websocket_handshake_seconds_count").as_deref(), Some("1"));
    }
}
