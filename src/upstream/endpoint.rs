//! [`Endpoint`]: one gateway of those that stand in for each other, and how it has done lately.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::balance::{EndpointState, OutlierState};
use super::hold::LOOK_LIMIT;
use super::{ConnectionPool, GatewayReadiness, HeldGateway as _};
use crate::io::LiveCount;

/// One gateway.
pub struct Endpoint {
    /// Its address, for the log.
    name: Arc<str>,
    pub(super) pool: ConnectionPool,
    /// Requests and WebSockets under way.
    pub(super) busy: LiveCount,
    record: Mutex<OutlierState>,
}

impl Endpoint {
    /// A gateway that is reached by `pool`; the log calls it `name`.
    pub fn new(name: impl Into<Arc<str>>, pool: ConnectionPool) -> Arc<Self> {
        Arc::new(Self { name: name.into(), pool, busy: LiveCount::default(), record: Mutex::default() })
    }

    /// Its address.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Its connections.
    pub fn pool(&self) -> &ConnectionPool {
        &self.pool
    }

    pub(super) fn endpoint_state(&self) -> EndpointState {
        EndpointState { busy: self.busy.count(), ejected_until: self.record().ejected_until() }
    }

    pub(super) fn failed(&self, why: &dyn std::fmt::Display) {
        if self.record().failed(Instant::now()) {
            tracing::warn!(upstream = %self.name, %why, "a gateway failed; others stand in for it");
        }
    }

    pub(super) fn worked(&self) {
        if self.record().worked() {
            tracing::info!(upstream = %self.name, "the gateway is back");
        }
    }

    fn record(&self) -> MutexGuard<'_, OutlierState> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whose connection it was that failed.
pub struct FailedConnection(pub(super) Option<Arc<Endpoint>>);

impl FailedConnection {
    /// Whether it says of itself that it is ready. Only asked where there are several gateways.
    pub async fn is_ready(&self) -> bool {
        let Some(endpoint) = &self.0 else { return false };
        matches!(timeout(LOOK_LIMIT, endpoint.pool.readiness()).await, Ok(Ok(GatewayReadiness::Ready)))
    }
}

/// An endpoint that is asked something. Whoever asks gives up after a while and asks anew: then it must be another one's turn.
pub(super) struct EndpointProbe<'a> {
    endpoint: &'a Endpoint,
    began: Instant,
    ended: bool,
}

impl<'a> EndpointProbe<'a> {
    pub(super) fn begin(endpoint: &'a Endpoint) -> Self {
        Self { endpoint, began: Instant::now(), ended: false }
    }

    pub(super) fn end(mut self) {
        self.ended = true;
    }
}

impl Drop for EndpointProbe<'_> {
    fn drop(&mut self) {
        // Sooner it was the client that went away.
        if !self.ended && self.began.elapsed() >= GIVEN_UP {
            self.endpoint.failed(&"it does not answer");
        }
    }
}

/// Half of what the gate has for a look.
const GIVEN_UP: Duration = Duration::from_millis(500);

#[cfg(test)]
pub(super) mod tests {
    use tokio::time::sleep;

    use super::*;
    use crate::config::UpstreamAddress;
    use crate::upstream::Connector;

    pub(in crate::upstream) fn endpoint() -> Arc<Endpoint> {
        let upstream = UpstreamAddress::Unix("/nowhere/gateway.sock".into());
        let connector = Connector::new(&upstream, None, |_| Err(rustls::pki_types::InvalidDnsNameError));
        Endpoint::new(upstream.to_string(), ConnectionPool::new(connector.unwrap(), 1024))
    }

    #[tokio::test(start_paused = true)]
    async fn who_lets_others_wait_in_vain_is_left_alone_and_who_is_left_by_a_client_is_not() {
        let cases = [(GIVEN_UP, false, true), (GIVEN_UP / 2, false, false), (GIVEN_UP, true, false)];
        for (time, ends, ejected_until) in cases {
            let endpoint = endpoint();
            let trying = EndpointProbe::begin(&endpoint);
            sleep(time).await;
            if ends {
                trying.end();
            } else {
                drop(trying);
            }
            assert_eq!(endpoint.endpoint_state().ejected_until.is_some(), ejected_until, "{time:?} {ends}");
        }
    }
}
