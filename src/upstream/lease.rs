//! [`Lease`]: a connection to a gateway on loan to one request.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::endpoint::{Endpoint, FailedConnection};
use super::{H1Connection, PooledConnection};
use crate::io::LiveCountGuard;

/// A connection on loan. [`Lease::give_back`] returns it to its pool; dropped, it is closed.
pub(crate) struct Lease {
    pooled: PooledConnection,
    /// The gateway it leads to, if that is one of several, and the guard that counts it there.
    endpoint: Option<(Arc<Endpoint>, LiveCountGuard)>,
}

impl From<PooledConnection> for Lease {
    fn from(pooled: PooledConnection) -> Self {
        Self { pooled, endpoint: None }
    }
}

impl Lease {
    /// Returns the connection to its pool, if it can carry another request.
    pub(crate) fn give_back(self) {
        self.pooled.give_back();
    }

    /// Takes the connection out of the pool for good. Its gateway and its source count it until the guards are dropped.
    pub(crate) fn into_connection(self) -> (H1Connection, [Option<LiveCountGuard>; 2]) {
        (*self.pooled.link, [self.endpoint.map(|(_, counted)| counted), self.pooled.source])
    }

    /// A handle to report that the connection failed, once the lease is gone.
    pub(crate) fn blame(&self) -> FailedConnection {
        FailedConnection(self.endpoint.as_ref().map(|(endpoint, _)| Arc::clone(endpoint)))
    }

    /// Notes that the gateway has answered.
    pub(crate) fn worked(&self) {
        if let Some((endpoint, _)) = &self.endpoint {
            endpoint.worked();
        }
    }

    /// The gateway, if that is one of several that stand in for each other.
    pub(crate) fn endpoint(&self) -> Option<&Arc<Endpoint>> {
        self.endpoint.as_ref().map(|(endpoint, _)| endpoint)
    }

    /// Notes that the connection leads to `endpoint`, which counts it.
    pub(super) fn counted(mut self, counted: LiveCountGuard, endpoint: Arc<Endpoint>) -> Self {
        self.endpoint = Some((endpoint, counted));
        self
    }
}

impl Deref for Lease {
    type Target = H1Connection;

    fn deref(&self) -> &H1Connection {
        &self.pooled.link
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut H1Connection {
        &mut self.pooled.link
    }
}
