//! [`TraceId`]: the id of a trace; [`SpanIds`]: the place of a request in it.

use std::fmt;
use std::num::NonZero;
use std::time::SystemTime;

/// The id of the trace that a request belongs to, of which other programs may know more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TraceId(NonZero<u128>);

impl TraceId {
    /// The trace with this number; zero is none.
    pub(crate) fn new(number: u128) -> Option<Self> {
        NonZero::new(number).map(Self)
    }

    /// A trace that has just begun.
    pub(crate) fn fresh() -> Self {
        Self(NonZero::new(fastrand::u128(1..)).unwrap_or(NonZero::<u128>::MIN))
    }
}

#[cfg(feature = "otlp")]
impl TraceId {
    /// Its bytes, the first letters of its text first.
    pub(in crate::observe) fn bytes(self) -> [u8; 16] {
        self.0.get().to_be_bytes()
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The place of a request in a trace, where spans are exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SpanIds {
    /// The request's own span, which the gateway is told as its parent.
    pub(crate) own: NonZero<u64>,
    /// The span of the client that the request belongs to.
    pub(crate) parent: Option<NonZero<u64>>,
}

impl SpanIds {
    /// A new span below `parent`.
    pub(crate) fn below(parent: Option<NonZero<u64>>) -> Self {
        Self { own: NonZero::new(fastrand::u64(1..)).unwrap_or(NonZero::<u64>::MIN), parent }
    }
}

/// The place in a trace of a request that became a WebSocket, and when its handshake began.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(feature = "otlp"), expect(dead_code, reason = "only what exports spans asks"))]
pub(crate) struct SpanBegin {
    /// Its place in the trace.
    pub(crate) ids: SpanIds,
    /// When the request's head was complete.
    pub(crate) at: SystemTime,
}
