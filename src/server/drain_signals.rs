//! [`DrainSignals`]: what ends a connection.

use crate::drain::Drain;

/// What ends a connection.
pub(super) struct DrainSignals {
    /// For requests.
    pub(super) connection: Drain,
    /// For what becomes of it: a WebSocket outlives the settings that it was opened under.
    pub(super) all: Drain,
}
