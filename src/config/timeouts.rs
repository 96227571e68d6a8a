//! `timeouts`: how long each step may take.

use std::time::Duration;

use super::keys::{KeySection, Keys};
use super::kinds::{DurationValue, NoValue, Optional};

/// The `timeouts` section; `None` means no limit (`off`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Connecting to the gateway, name resolution and TLS included.
    pub connect: Option<Duration>,
    /// A client's TLS handshake, PROXY header included.
    pub tls_handshake: Option<Duration>,
    /// Receiving a request's head, from its first byte to its last.
    pub request_head: Option<Duration>,
    /// A client connection without a request under way.
    pub keep_alive: Option<Duration>,
    /// Silence: a response that does not begin or go on, a WebSocket without a byte.
    pub read: Option<Duration>,
    /// No progress in sending: a peer that does not read.
    pub send: Option<Duration>,
    /// No progress of an HTTP body on the client's side: a request's body that does not arrive, or a response that is
    /// not read.
    pub progress: Option<Duration>,
    /// How long a shutdown waits for requests and WebSockets under way.
    pub drain: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            connect: Some(seconds(5)),
            tls_handshake: Some(seconds(10)),
            request_head: Some(seconds(15)),
            keep_alive: Some(seconds(75)),
            read: Some(seconds(24 * 3600)),
            send: Some(seconds(24 * 3600)),
            progress: Some(seconds(120)),
            drain: seconds(30),
        }
    }
}

const TIME: Optional<DurationValue> = Optional(NoValue::Off, DurationValue::ANY);

/// A shutdown that may wait longer than a day would in effect wait for ever.
const DRAIN: DurationValue = DurationValue { at_least: Duration::ZERO, at_most: Duration::from_hours(24) };

impl KeySection for Timeouts {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key("connect", TIME, &mut self.connect, "Connecting to the gateway, name resolution and TLS included.");
        keys.key("tls_handshake", TIME, &mut self.tls_handshake, "A client's TLS handshake, PROXY header included.");
        keys.key("request_head", TIME, &mut self.request_head, "A request's head, first byte to last.");
        keys.key("keep_alive", TIME, &mut self.keep_alive, "A client connection without a request.");
        keys.key(
            "read",
            TIME,
            &mut self.read,
            "Nothing read: a response that does not begin or go on, a WebSocket without a byte.",
        );
        keys.key("send", TIME, &mut self.send, "Nothing taken: a peer that does not read what is written to it. One that is gone instead is given up by the kernel (on Linux, after a quarter of an hour).");
        keys.key(
            "progress",
            TIME,
            &mut self.progress,
            "An HTTP request's body of which the client sends no byte, or an answer of which it takes none; an answer ends at the shorter of this and `send`. One byte is progress.",
        );
        keys.key("drain", DRAIN, &mut self.drain, "How long a shutdown waits for what is under way.");
    }
}
