//! [`RustlsRecords`]: the records of a connection by the interface of rustls 0.24, whose caller owns the buffers.

use std::io;
use std::sync::Arc;

use rustls::enums::ProtocolVersion;
use rustls::server::ServerSide;
use rustls::{CommonState, Connection, ServerConfig, Tcp, TlsInputBuffer};

use super::records::{Advanced, SessionStep, TlsRecords, Wire};
use crate::io::{BufferPool, Chunk};

/// The records of a connection by the interface of rustls 0.24.
pub(super) struct RustlsRecords {
    tls: Connection<ServerSide, Tcp>,
    /// The caller knows of the client's `close_notify`.
    told_of_close: bool,
}

impl RustlsRecords {
    /// A connection before its handshake.
    ///
    /// # Errors
    /// The settings contradict themselves.
    pub(super) fn new(config: Arc<ServerConfig>) -> io::Result<Self> {
        let tls = Connection::<ServerSide, Tcp>::new(config).map_err(io::Error::other)?;
        Ok(Self { tls, told_of_close: false })
    }
}

impl TlsRecords for RustlsRecords {
    fn advance(
        &mut self,
        wire: Wire<'_>,
        last: &SessionStep<'_>,
        take_text: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<Advanced> {
        let Wire { incoming, outgoing, buffers } = wire;
        let mut encoded = Vec::new();
        let mut received = Received(incoming);
        let mut messages = self.tls.read_tls(&mut received, &mut encoded);
        let text = match messages.next_payload() {
            None => None,
            Some(Ok(text)) => Some(take_text(text.bytes())),
            Some(Err(error)) => Some(Err(invalid(error))),
        };
        let closed = messages.state().peer_has_closed();
        append(outgoing, buffers, &encoded)?;
        if let Some(taken) = text {
            return taken.map(|()| Advanced::Text);
        }
        if !encoded.is_empty() {
            return Ok(Advanced::Handled);
        }
        if closed && !self.told_of_close {
            self.told_of_close = true;
            return Ok(Advanced::PeerClosed);
        }
        if self.tls.is_handshaking() {
            return Ok(Advanced::Blocked);
        }
        match last {
            SessionStep::Read => {}
            SessionStep::Write(text) => self.tls.write((*text).into(), &mut encoded).map_err(io::Error::other)?,
            SessionStep::Close => self.tls.send_close_notify(&mut encoded).map_err(io::Error::other)?,
        }
        append(outgoing, buffers, &encoded)?;
        Ok(Advanced::Done)
    }

    /// They are encoded where they arise.
    fn has_own_messages(&self) -> bool {
        false
    }

    fn is_tls13(&self) -> bool {
        self.tls.protocol_version() == Some(ProtocolVersion::TLSv1_3)
    }

    fn agreed(&self) -> &CommonState {
        &self.tls
    }
}

/// The received bytes of a session, as rustls asks for them.
struct Received<'a>(&'a mut Chunk);

impl TlsInputBuffer for Received<'_> {
    fn slice_mut(&mut self) -> &mut [u8] {
        self.0.bytes_mut()
    }

    fn discard(&mut self, length: usize) {
        self.0.consume(length);
    }

    /// The session stops reading by itself.
    fn received_close_notify(&mut self) {}

    /// The session takes an end without a `close_notify` for an error before rustls is asked.
    fn has_seen_eof(&self) -> bool {
        false
    }
}

/// A copy that a buffer pool of vectors would save.
fn append(outgoing: &mut Chunk, buffers: &BufferPool, encoded: &[u8]) -> io::Result<()> {
    if encoded.is_empty() {
        return Ok(());
    }
    let room = outgoing.room(buffers).get_mut(..encoded.len()).ok_or(io::ErrorKind::StorageFull)?;
    room.copy_from_slice(encoded);
    outgoing.filled(encoded.len());
    Ok(())
}

fn invalid(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
