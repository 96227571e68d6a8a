//! [`DialSettings`]: how gateways are dialled, and the pools of connections that are made so.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::error::StartError;
use crate::config::UpstreamAddress;
use crate::drain::Drain;
use crate::listener::{NameResolver, OwnAddresses};
use crate::observe::Metrics;
use crate::tls::{ClientTls, client_config};
use crate::upstream::{ConnectionPool, Connector, EndpointDrains, HoldSpace, SourceAddresses};

/// The parts that all gateways share, under every configuration.
#[derive(Clone)]
pub(super) struct GatewayShared {
    pub(super) metrics: Arc<Metrics>,
    /// The memory for requests that wait.
    pub(super) space: HoldSpace,
    /// The resolver of their names.
    pub(super) names: NameResolver,
    /// Where they must not lead.
    pub(super) own: OwnAddresses,
    /// Those that an operator has taken out.
    pub(super) drains: EndpointDrains,
}

/// The settings with which a gateway is dialled.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DialSettings {
    pub(super) limit: Option<Duration>,
    pub(super) request_head: usize,
    pub(super) source: Vec<IpAddr>,
    pub(super) tls: Arc<ClientTls>,
}

/// Identifies a gateway's connections: those that were made under one key are as good under an equal one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct GatewayKey {
    pub(super) purpose: DialPurpose,
    pub(super) upstream: UpstreamAddress,
    pub(super) how: DialSettings,
}

/// What is reached over a connection. Each has a pool of its own, even at one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DialPurpose {
    Gateway,
    LoginService,
}

impl DialSettings {
    /// A pool of connections to `upstream`. May read the system's certificates.
    ///
    /// # Errors
    /// It cannot be reached as it is written.
    pub(super) fn pool(
        &self,
        upstream: &UpstreamAddress,
        common: &GatewayShared,
    ) -> Result<ConnectionPool, StartError> {
        let tls = |host: &str| Ok::<_, StartError>((client_config(&self.tls)?, self.tls.server_name(host)?));
        let connector = Connector::new(upstream, self.limit, tls)?.asking(common.names.clone());
        Ok(self.pool_of(connector, common))
    }

    /// A pool of connections to a gateway that was found at `address` by the name `host`; over TLS as `tls` says.
    ///
    /// # Errors
    /// No certificate can have that name.
    pub(super) fn found_pool(
        &self,
        address: SocketAddr,
        host: &str,
        tls: Option<&Arc<rustls::ClientConfig>>,
        common: &GatewayShared,
    ) -> Result<ConnectionPool, StartError> {
        let with_name =
            |tls: &Arc<rustls::ClientConfig>| Ok::<_, StartError>((Arc::clone(tls), self.tls.server_name(host)?));
        let connector = Connector::at(address, self.limit, tls.map(with_name).transpose()?);
        Ok(self.pool_of(connector.called(host, address.port()), common))
    }

    fn pool_of(&self, connector: Connector, common: &GatewayShared) -> ConnectionPool {
        let connector = connector.never_to(common.own.clone()).coming_from(SourceAddresses::new(&self.source));
        ConnectionPool::new(connector, self.request_head.max(LEAST_RESPONSE_HEAD))
    }
}

/// Closes connections that have been idle for too long.
pub(super) async fn sweep(pool: ConnectionPool, drain: Drain) {
    loop {
        tokio::select! {
            () = drain.soft() => return,
            () = sleep(SWEEP_EVERY) => pool.sweep(),
        };
    }
}

/// How often idle connections to a gateway are looked at; half of the time that they may idle.
const SWEEP_EVERY: Duration = Duration::from_secs(2);
/// Bytes. A gateway's answer may have as large a head as a request, and never less than this.
const LEAST_RESPONSE_HEAD: usize = 64 * 1024;
