//! [`TlsRecords`]: what a session needs of the TLS library.

use std::io;

use crate::io::{BufferPool, Chunk};

/// The TLS of one connection without its stream and without buffers of its own: all that a session needs of the TLS
/// library. The only implementation is [`RustlsRecords`](super::rustls_records::RustlsRecords).
pub(super) trait TlsRecords {
    /// Handles the next complete record of `wire.incoming`; without one, carries out `last`. Never handles two records
    /// of text.
    ///
    /// # Errors
    /// The client broke the protocol, and an alert that says so is in `wire.outgoing`; or `take_text` failed; or
    /// `wire.outgoing` has no room. No further call may follow.
    fn advance(
        &mut self,
        wire: Wire<'_>,
        last: &SessionStep<'_>,
        take_text: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<Advanced>;

    /// Whether the next [`TlsRecords::advance`] has something to do without a further byte from the client.
    fn has_own_messages(&self) -> bool;

    /// Whether the version is TLS 1.3.
    fn is_tls13(&self) -> bool;

    /// The negotiated parameters.
    fn agreed(&self) -> &rustls::CommonState;
}

/// The encrypted bytes of a session, and the buffers that they are in.
pub(super) struct Wire<'a> {
    /// Bytes that were received and are not decrypted.
    pub(super) incoming: &'a mut Chunk,
    /// Bytes that are encrypted and not sent.
    pub(super) outgoing: &'a mut Chunk,
    pub(super) buffers: &'a BufferPool,
}

/// The step after all received bytes are processed.
pub(super) enum SessionStep<'a> {
    Read,
    Write(&'a [u8]),
    Close,
}

/// What [`TlsRecords::advance`] has done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Advanced {
    /// Handed over the text of a record.
    Text,
    /// Handled a message, or added one of its own to `outgoing`.
    Handled,
    /// Found the client's `close_notify`.
    PeerClosed,
    /// Carried out the step.
    Done,
    /// Could not: the handshake needs more bytes, or both sides have closed.
    Blocked,
}
