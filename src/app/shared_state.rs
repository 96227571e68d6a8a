//! [`SharedState`]: the parts that stay the same under every configuration.

use std::num::NonZeroU32;
use std::sync::Arc;

use super::cluster::JoinedCluster;
use super::drained_endpoints::DrainedEndpoints;
use super::error::StartError;
use super::gateway_dial::GatewayShared;
use crate::cluster::{Cluster, ClusterSettings};
use crate::config::{self, Config};
use crate::drain::Drain;
use crate::http::auth::live_logins::LiveLogins;
use crate::http::auth::passwords::Passwords;
use crate::http::edge::permits::{PermitLimits, Permits};
use crate::http::edge::websocket_permits::{WebSocketLimits, WebSocketPermits};
use crate::http::error::RequestFailure;
use crate::http::proxy::compression::Compression;
use crate::http::proxy::websockets::OpenWebSockets;
use crate::listener::{NameResolver, OwnAddresses};
use crate::observe::otlp::SpanQueue;
use crate::observe::redact::Redactor;
use crate::observe::{GatewayHint, Metrics};
use crate::server::admission::{Admission, AdmissionLimits};
use crate::server::capacity::{Capacity, Resources};
use crate::server::head_space::HeadSpace;
use crate::server::send_space::SendSpace;
use crate::tls::TicketKeys;
use crate::tls::acme::Tokens;
use crate::upstream::{ConnectError, EndpointDrains, HoldLimits, HoldSpace};

/// The parts that stay the same under every configuration.
pub(super) struct SharedState {
    /// The answers that plain listeners give to certificate authorities.
    pub(super) tokens: Tokens,
    /// The keys of TLS tickets.
    pub(super) tickets: Arc<TicketKeys>,
    /// What heads take that are only partly here.
    pub(super) heads: HeadSpace,
    /// What answers take that HTTP/2 clients do not take.
    pub(super) sends: SendSpace,
    pub(super) hint: Arc<GatewayHint>,
    /// Checked passwords stay remembered over a reload.
    pub(super) passwords: Passwords,
    pub(super) compression: Compression,
    pub(super) websockets: OpenWebSockets,
    /// The endpoints that an operator has taken out.
    pub(super) drained: DrainedEndpoints,
    /// The logins of the WebSockets that are open.
    pub(super) logins: LiveLogins,
    pub(super) metrics: Arc<Metrics>,
    /// Where spans go.
    pub(super) spans: Option<SpanQueue>,
    pub(super) common: GatewayShared,
    /// The permits of requests under way.
    pub(super) permits: Permits,
    /// The permits of WebSockets.
    pub(super) websocket_permits: WebSocketPermits,
    /// The files, memory and cores that the process has.
    resources: Resources,
    joined: Option<JoinedCluster>,
}

impl SharedState {
    /// Parts for the configuration of a start. The cluster's end with `beside`, after those of clients.
    pub(super) fn new(
        config: &Config,
        cluster: Option<ClusterSettings>,
        names: NameResolver,
        (metrics, spans): (Arc<Metrics>, Option<SpanQueue>),
        (drain, beside): (&Drain, &Drain),
    ) -> Result<Self, StartError> {
        metrics.upstream.may_fail(&ConnectError::NAMES);
        let failures = RequestFailure::NAMES;
        metrics.requests.may_fail(&failures.map(|(_, code)| code));
        metrics.websockets.may_refuse(&failures);
        let resources = Resources::find();
        let Capacity { waiting_bytes, head_bytes, send_bytes, .. } = resources.carry(&config::Limits::default());
        let common = GatewayShared {
            metrics: Arc::clone(&metrics),
            space: HoldSpace::new(HoldLimits { bytes: waiting_bytes, ..HoldLimits::default() }),
            names,
            own: OwnAddresses::default(),
            drains: EndpointDrains::default(),
        };
        let websockets = OpenWebSockets::default();
        let join = |settings| JoinedCluster::join(settings, config, &websockets, &metrics, (beside, drain));
        let joined = cluster.map(join).transpose()?;
        let others = || joined.as_ref().map(|joined| joined.cluster.limits.clone());
        Ok(Self {
            tokens: Tokens::default(),
            tickets: TicketKeys::fresh()?,
            heads: HeadSpace::new(head_bytes, Arc::clone(&metrics)),
            sends: SendSpace::new(send_bytes),
            hint: Arc::new(GatewayHint::default()),
            passwords: Passwords::new(others()).map_err(|_| StartError::Random)?,
            compression: Compression::default(),
            drained: DrainedEndpoints::new(common.drains.clone(), websockets.clone(), drain),
            logins: LiveLogins::new(drain, Arc::clone(&metrics)),
            permits: Permits::new(Arc::clone(&metrics)),
            websocket_permits: WebSocketPermits::new(Arc::clone(&metrics), others()),
            websockets,
            joined,
            metrics,
            spans,
            common,
            resources,
        })
    }

    /// What this replica shares with others.
    pub(super) fn cluster(&self) -> Option<&Cluster> {
        self.joined.as_ref().map(|joined| &joined.cluster)
    }

    /// Bytes of memory that the process may use.
    pub(super) fn memory(&self) -> u64 {
        self.resources.memory
    }

    /// Sets the limits for new connections and requests, and what is hidden in lists of WebSockets. Those that are open stay.
    pub(super) fn limit(&self, config: &Config, admission: &Admission) {
        self.websockets.hide(Redactor::new(&config.log.redact));
        let capacity = self.resources.carry(&config.limits);
        capacity.tell(&config.limits, &self.resources);
        admission.resize(AdmissionLimits {
            most: capacity.connections,
            most_per_client: config.limits.connections_per_client,
            exempt: config.forwarded.trusted_proxies.clone(),
        });
        let Capacity { requests, requests_per_client: per_client, gateway, .. } = capacity;
        self.permits.resize(PermitLimits { requests, per_client, gateway });
        self.websocket_permits.resize(WebSocketLimits {
            per_client: config.limits.websockets_per_client,
            new_per_minute: config.limits.new_per_minute_per_client.and_then(NonZeroU32::new),
        });
    }
}
