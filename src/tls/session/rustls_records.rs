//! [`RustlsRecords`]: the records of a connection by rustls's unbuffered interface.

use std::io;
use std::sync::Arc;

use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::ConnectionState;
use rustls::{CommonState, ProtocolVersion, ServerConfig};

use super::records::{Advanced, SessionStep, TlsRecords, Wire};

/// The records of a connection by rustls's unbuffered interface, which rustls 0.24 does not have. This file is all that
/// stands on it; `tests/rustls-next` has its successor.
pub(super) struct RustlsRecords(UnbufferedServerConnection);

impl RustlsRecords {
    /// A connection before its handshake.
    ///
    /// # Errors
    /// The settings contradict themselves.
    pub(super) fn new(config: Arc<ServerConfig>) -> io::Result<Self> {
        UnbufferedServerConnection::new(config).map(Self).map_err(io::Error::other)
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
        let status = self.0.process_tls_records(incoming.bytes_mut());
        let mut discard = status.discard;
        let advanced = match status.state {
            Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                while let Some(record) = traffic.next_record() {
                    let record = record.map_err(invalid)?;
                    discard += record.discard;
                    take_text(record.payload)?;
                }
                Advanced::Text
            }
            Ok(ConnectionState::EncodeTlsData(mut data)) => {
                let encoded = data.encode(outgoing.room(buffers));
                outgoing.filled(encoded.map_err(io::Error::other)?);
                Advanced::Handled
            }
            // The bytes go out before those that follow, and rustls asks for no more than that order.
            Ok(ConnectionState::TransmitTlsData(data)) => {
                data.done();
                Advanced::Handled
            }
            Ok(ConnectionState::PeerClosed) => Advanced::PeerClosed,
            Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                let written = match last {
                    SessionStep::Read => Ok(0),
                    SessionStep::Write(text) => traffic.encrypt(text, outgoing.room(buffers)),
                    SessionStep::Close => traffic.queue_close_notify(outgoing.room(buffers)),
                };
                outgoing.filled(written.map_err(io::Error::other)?);
                Advanced::Done
            }
            Ok(ConnectionState::BlockedHandshake | ConnectionState::Closed) => Advanced::Blocked,
            Ok(_) => return Err(io::ErrorKind::Unsupported.into()),
            Err(error) => {
                incoming.consume(discard);
                // The alert that tells the client the reason. Without queueing it, the next call would decrypt again.
                while self.0.wants_write()
                    && let Ok(ConnectionState::EncodeTlsData(mut alert)) =
                        self.0.process_tls_records(incoming.bytes_mut()).state
                {
                    let encoded = alert.encode(outgoing.room(buffers));
                    outgoing.filled(encoded.map_err(io::Error::other)?);
                }
                return Err(invalid(error));
            }
        };
        incoming.consume(discard);
        Ok(advanced)
    }

    fn has_own_messages(&self) -> bool {
        self.0.wants_write()
    }

    fn is_tls13(&self) -> bool {
        self.0.protocol_version() == Some(ProtocolVersion::TLSv1_3)
    }

    fn agreed(&self) -> &CommonState {
        &self.0
    }
}

fn invalid(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
