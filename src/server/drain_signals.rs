//! [`DrainSignals`]: what ends a connection.

use crate::drain::Drain;

/// The drains that end a connection.
pub(super) struct DrainSignals {
    /// Ends the requests.
    pub(super) connection: Drain,
    /// Ends what becomes of the connection: a WebSocket outlives the settings that it was opened under.
    pub(super) all: Drain,
}
