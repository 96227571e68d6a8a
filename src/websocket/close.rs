//! [`WebSocketEnd`]: the ways a WebSocket ends, and what each side is told. Close codes are made here and nowhere else.

use std::borrow::Cow;

use super::Side;
use super::frame::{OwnFrame, Violation};

/// What ended a WebSocket. "In the middle of a frame" is not an ending of its own: then there is no room for a Close,
/// and whatever [`WebSocketEnd::close_frame`] says, the connection to that side is cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WebSocketEnd {
    /// The client sent a Close, which the gateway gets as it is.
    ClientClosed,
    /// The gateway sent a Close, which the client gets as it is.
    GatewayClosed,
    /// The gateway's connection is gone without a Close.
    GatewayLost,
    /// The client's connection is gone without a Close.
    ClientLost,
    /// The gateway did not answer our pings.
    GatewaySilent,
    /// The client did not answer our pings.
    ClientSilent,
    /// No byte from either side for `timeouts.read`.
    ReadTimeout,
    /// A side took no byte for `timeouts.send`.
    SendTimeout {
        /// The side that did not read.
        to: Side,
    },
    /// The client sent a frame or message over the limit.
    TooBig,
    /// The client sent more messages, or more frames that carry nothing, than it may.
    TooMany,
    /// A side sent what is not RFC 6455.
    ProtocolError {
        /// The side that sent it.
        by: Side,
    },
    /// frontgate is shutting down or hands over.
    Draining,
    /// `frontgate close`.
    ClosedByOperator {
        /// What the operator wants the client to read; may be empty.
        reason: Box<str>,
    },
    /// The login that opened it has ended.
    SessionEnded,
    /// `frontgate drain --endpoint`.
    EndpointDraining,
    /// The hard stop: the time for [`WebSocketEnd::Draining`] is over.
    Cut,
}

/// The Close that frontgate writes to one side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CloseFrame {
    /// The close code (RFC 6455 §7.4).
    pub(crate) code: u16,
    /// The reason, of which at most 123 bytes are sent (RFC 6455 §5.5).
    pub(crate) reason: Cow<'static, str>,
    /// What frontgate does after it.
    pub(crate) then: AfterClose,
}

/// What frontgate does after its own Close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterClose {
    /// It gives the peer a moment to answer with a Close of its own (RFC 6455 §7.1.1).
    AwaitClose,
    /// It ends the connection at once: that peer is gone or does not answer.
    Cut,
}

/// Going away (RFC 6455 §7.4.1).
const AWAY: u16 = 1001;
/// Protocol error (RFC 6455 §7.4.1).
const PROTOCOL: u16 = 1002;
/// Policy violation (RFC 6455 §7.4.1).
const POLICY: u16 = 1008;
/// Message too big (RFC 6455 §7.4.1).
const TOO_BIG: u16 = 1009;
/// Service restart (IANA WebSocket Close Code Number Registry): tells the client to come back.
const RESTART: u16 = 1012;
/// Bad gateway (IANA WebSocket Close Code Number Registry).
const BAD_GATEWAY: u16 = 1014;

impl WebSocketEnd {
    /// The ending that a violation by `by` causes. Only clients have limits.
    pub(crate) fn by_violation(violation: Violation, by: Side) -> Self {
        match violation {
            Violation::FrameTooBig | Violation::MessageTooBig => Self::TooBig,
            Violation::TooManyMessages | Violation::TooManyControl => Self::TooMany,
            Violation::ReservedOpcode
            | Violation::FragmentedControl
            | Violation::LongControl
            | Violation::NonMinimalLength
            | Violation::LengthOverflow
            | Violation::Unmasked
            | Violation::Masked
            | Violation::UnexpectedContinuation
            | Violation::UnfinishedMessage
            | Violation::ShortClose => Self::ProtocolError { by },
        }
    }

    /// The ending when the connection to `side` is gone without a Close.
    pub(crate) fn lost(side: Side) -> Self {
        match side {
            Side::Client => Self::ClientLost,
            Side::Gateway => Self::GatewayLost,
        }
    }

    /// The ending when `side` does not answer pings.
    pub(crate) fn silent(side: Side) -> Self {
        match side {
            Side::Client => Self::ClientSilent,
            Side::Gateway => Self::GatewaySilent,
        }
    }

    /// The ending when `side` sent a Close first.
    pub(crate) fn closed(side: Side) -> Self {
        match side {
            Side::Client => Self::ClientClosed,
            Side::Gateway => Self::GatewayClosed,
        }
    }

    /// The ending's stable name in logs and metrics.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::ClientClosed => "client_closed",
            Self::GatewayClosed => "gateway_closed",
            Self::GatewayLost => "gateway_lost",
            Self::ClientLost => "client_lost",
            Self::GatewaySilent => "gateway_silent",
            Self::ClientSilent => "client_silent",
            Self::ReadTimeout => "read_timeout",
            Self::SendTimeout { .. } => "send_timeout",
            Self::TooBig => "too_big",
            Self::TooMany => "too_many",
            Self::ProtocolError { .. } => "protocol_error",
            Self::Draining | Self::Cut => "draining",
            Self::ClosedByOperator { .. } => "closed_by_operator",
            Self::SessionEnded => "session_ended",
            Self::EndpointDraining => "endpoint_draining",
        }
    }

    /// Whether the other peer may still answer what was passed on before `side` gets its Close. A client that breaks a
    /// rule has mostly sent good messages before it. What a gateway sent before it broke one has no answers to wait for:
    /// none of them could be trusted to reach it.
    pub(crate) fn awaits_answers(&self, side: Side) -> bool {
        let by_client = matches!(self, Self::TooBig | Self::TooMany | Self::ProtocolError { by: Side::Client });
        by_client && side == Side::Client
    }

    /// The Close that `side` gets from frontgate; `None` if it has had the other peer's, or cannot get one.
    pub(crate) fn close_frame(&self, side: Side) -> Option<CloseFrame> {
        let (client, gateway) = match self {
            Self::ClientClosed | Self::GatewayClosed | Self::Cut => (None, None),
            Self::GatewayLost => (say(RESTART, "gateway connection lost"), None),
            Self::ClientLost => (None, say(AWAY, "client connection lost")),
            Self::GatewaySilent => (say(RESTART, "gateway not responding"), last_say(AWAY, "gateway not responding")),
            Self::ClientSilent => (last_say(AWAY, "client not responding"), say(AWAY, "client not responding")),
            Self::ReadTimeout => (say(AWAY, "idle timeout"), say(AWAY, "idle timeout")),
            Self::SendTimeout { to: Side::Client } => (None, say(AWAY, "client not reading")),
            Self::SendTimeout { to: Side::Gateway } => (say(RESTART, "gateway not reading"), None),
            Self::TooBig => (say(TOO_BIG, "message too big"), say(AWAY, "client message too big")),
            Self::TooMany => (say(POLICY, "too many messages"), say(AWAY, "too many client messages")),
            Self::ProtocolError { by: Side::Client } => {
                (say(PROTOCOL, "protocol error"), say(AWAY, "client protocol error"))
            }
            Self::ProtocolError { by: Side::Gateway } => {
                (say(BAD_GATEWAY, "bad gateway"), say(PROTOCOL, "protocol error"))
            }
            Self::Draining | Self::EndpointDraining => (say(RESTART, "service restart"), say(AWAY, "proxy restart")),
            Self::ClosedByOperator { reason } => {
                let by_operator = "closed by operator";
                let told = if reason.is_empty() { by_operator.into() } else { Cow::Owned(reason.to_string()) };
                (say(AWAY, told), say(AWAY, by_operator))
            }
            Self::SessionEnded => (say(POLICY, "session ended"), say(AWAY, "client session ended")),
        };
        match side {
            Side::Client => client,
            Side::Gateway => gateway,
        }
    }
}

impl CloseFrame {
    /// The frame to write. Towards the gateway it needs a mask, see [`OwnFrame::ping`].
    pub(crate) fn frame(&self, mask: Option<[u8; 4]>) -> OwnFrame {
        OwnFrame::close(self.code, &self.reason, mask)
    }
}

#[expect(clippy::unnecessary_wraps, reason = "so that the table above has one word per cell")]
fn say(code: u16, reason: impl Into<Cow<'static, str>>) -> Option<CloseFrame> {
    Some(CloseFrame { code, reason: reason.into(), then: AfterClose::AwaitClose })
}

#[expect(clippy::unnecessary_wraps, reason = "so that the table above has one word per cell")]
fn last_say(code: u16, reason: &'static str) -> Option<CloseFrame> {
    Some(CloseFrame { code, reason: reason.into(), then: AfterClose::Cut })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::websocket::frame::FrameHead;

    type Said = Option<(u16, &'static str, AfterClose)>;

    #[test]
    fn each_side_is_told_what_the_table_of_endings_says() {
        use AfterClose::{AwaitClose, Cut};
        let rows: &[(WebSocketEnd, &str, Said, Said)] = &[
            (WebSocketEnd::ClientClosed, "client_closed", None, None),
            (WebSocketEnd::GatewayClosed, "gateway_closed", None, None),
            (WebSocketEnd::GatewayLost, "gateway_lost", Some((1012, "gateway connection lost", AwaitClose)), None),
            (WebSocketEnd::ClientLost, "client_lost", None, Some((1001, "client connection lost", AwaitClose))),
            (
                WebSocketEnd::GatewaySilent,
                "gateway_silent",
                Some((1012, "gateway not responding", AwaitClose)),
                Some((1001, "gateway not responding", Cut)),
            ),
            (
                WebSocketEnd::ClientSilent,
                "client_silent",
                Some((1001, "client not responding", Cut)),
                Some((1001, "client not responding", AwaitClose)),
            ),
            (
                WebSocketEnd::ReadTimeout,
                "read_timeout",
                Some((1001, "idle timeout", AwaitClose)),
                Some((1001, "idle timeout", AwaitClose)),
            ),
            (
                WebSocketEnd::SendTimeout { to: Side::Client },
                "send_timeout",
                None,
                Some((1001, "client not reading", AwaitClose)),
            ),
            (
                WebSocketEnd::SendTimeout { to: Side::Gateway },
                "send_timeout",
                Some((1012, "gateway not reading", AwaitClose)),
                None,
            ),
            (
                WebSocketEnd::TooBig,
                "too_big",
                Some((1009, "message too big", AwaitClose)),
                Some((1001, "client message too big", AwaitClose)),
            ),
            (
                WebSocketEnd::TooMany,
                "too_many",
                Some((1008, "too many messages", AwaitClose)),
                Some((1001, "too many client messages", AwaitClose)),
            ),
            (
                WebSocketEnd::ProtocolError { by: Side::Client },
                "protocol_error",
                Some((1002, "protocol error", AwaitClose)),
                Some((1001, "client protocol error", AwaitClose)),
            ),
            (
                WebSocketEnd::ProtocolError { by: Side::Gateway },
                "protocol_error",
                Some((1014, "bad gateway", AwaitClose)),
                Some((1002, "protocol error", AwaitClose)),
            ),
            (
                WebSocketEnd::Draining,
                "draining",
                Some((1012, "service restart", AwaitClose)),
                Some((1001, "proxy restart", AwaitClose)),
            ),
            (
                WebSocketEnd::ClosedByOperator { reason: "maintenance at noon".into() },
                "closed_by_operator",
                Some((1001, "maintenance at noon", AwaitClose)),
                Some((1001, "closed by operator", AwaitClose)),
            ),
            (
                WebSocketEnd::ClosedByOperator { reason: "".into() },
                "closed_by_operator",
                Some((1001, "closed by operator", AwaitClose)),
                Some((1001, "closed by operator", AwaitClose)),
            ),
            (
                WebSocketEnd::SessionEnded,
                "session_ended",
                Some((1008, "session ended", AwaitClose)),
                Some((1001, "client session ended", AwaitClose)),
            ),
            (
                WebSocketEnd::EndpointDraining,
                "endpoint_draining",
                Some((1012, "service restart", AwaitClose)),
                Some((1001, "proxy restart", AwaitClose)),
            ),
            (WebSocketEnd::Cut, "draining", None, None),
        ];
        for (ended, name, client, gateway) in rows {
            assert_eq!(ended.as_str(), *name);
            for (side, said) in [(Side::Client, client), (Side::Gateway, gateway)] {
                let expected = said.map(|(code, reason, then)| CloseFrame { code, reason: reason.into(), then });
                assert_eq!(ended.close_frame(side), expected, "{ended:?} to {side:?}");
            }
        }
    }

    #[test]
    fn only_a_client_that_broke_a_rule_gets_the_answers_that_are_due_to_it_first() {
        let rows = [
            (WebSocketEnd::TooBig, true),
            (WebSocketEnd::TooMany, true),
            (WebSocketEnd::ProtocolError { by: Side::Client }, true),
            (WebSocketEnd::ProtocolError { by: Side::Gateway }, false),
            (WebSocketEnd::ClientLost, false),
            (WebSocketEnd::ReadTimeout, false),
            (WebSocketEnd::SendTimeout { to: Side::Client }, false),
            (WebSocketEnd::Draining, false),
            (WebSocketEnd::ClosedByOperator { reason: "".into() }, false),
            (WebSocketEnd::SessionEnded, false),
            (WebSocketEnd::EndpointDraining, false),
        ];
        for (ended, client) in rows {
            let awaits = (ended.awaits_answers(Side::Client), ended.awaits_answers(Side::Gateway));
            assert_eq!(awaits, (client, false), "{ended:?}");
        }
    }

    #[test]
    fn a_violation_ends_as_what_it_is() {
        let rows = [
            (Violation::FrameTooBig, Side::Client, WebSocketEnd::TooBig),
            (Violation::MessageTooBig, Side::Client, WebSocketEnd::TooBig),
            (Violation::TooManyMessages, Side::Client, WebSocketEnd::TooMany),
            (Violation::Unmasked, Side::Client, WebSocketEnd::ProtocolError { by: Side::Client }),
            (Violation::Masked, Side::Gateway, WebSocketEnd::ProtocolError { by: Side::Gateway }),
            (Violation::ReservedOpcode, Side::Gateway, WebSocketEnd::ProtocolError { by: Side::Gateway }),
        ];
        for (violation, by, ended) in rows {
            assert_eq!(WebSocketEnd::by_violation(violation, by), ended);
        }
    }

    #[test]
    fn a_close_of_ours_is_a_close_frame() {
        let close_frame = WebSocketEnd::Draining.close_frame(Side::Client).unwrap();
        assert_eq!(close_frame.frame(None).as_bytes(), b"\x88\x11\x03\xF4service restart");
        // What an operator writes may be longer than a Close can be.
        let ended = WebSocketEnd::ClosedByOperator { reason: "ü".repeat(200).into() };
        let frame = ended.close_frame(Side::Client).unwrap().frame(None);
        assert_eq!(FrameHead::parse(frame.as_bytes()).unwrap().unwrap().len, 2 + 122);
    }
}
