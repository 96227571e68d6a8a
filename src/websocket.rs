//! WebSockets after the handshake: what passes, what is refused, and how a link ends.
//!
//! Everything here but the relay is pure: bytes, header fields or a `now` in, a decision out. [`frame`] reads frame
//! headers and makes the two frames that frontgate itself sends (a ping, a Close); [`direction`] watches the bytes from
//! one peer to the other; [`keepalive`] says when a silent leg gets a ping and when it is gone; [`close`] is the table
//! of endings and the only maker of close codes; [`relay_stats`] is what a running relay shows to the outside; [`tap`] lets an operator follow its frames;
//! [`handshake`] decides what an upgrade is and whether the gateway really switched.
//!
//! Frames pass unmodified. A frame of frontgate's own goes in between two frames, never into one.

pub(crate) mod close;
mod close_request;
pub mod direction;
mod flow;
pub mod frame;
pub(crate) mod handshake;
pub(crate) mod keepalive;
mod leg;
mod ping_stats;
pub(crate) mod relay;
pub(crate) mod relay_stats;
pub(crate) mod settings;
pub(crate) mod summary;
pub(crate) mod tap;

/// One of the two peers of a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The peer that connected to frontgate. Its frames are masked (RFC 6455 §5.1).
    Client,
    /// The peer that frontgate connected to. Its frames are not masked.
    Gateway,
}

impl Side {
    /// The opposite side.
    #[must_use]
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Client => Self::Gateway,
            Self::Gateway => Self::Client,
        }
    }
}
