//! [`Gateways`]: the connections to every gateway that a route leads to, and the hold queue of each.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::background_task::BackgroundTask;
use super::error::StartError;
use crate::config::{
    Config, ForwardAuth, GroupEndpoint, Health, RouteConfig, RouteTarget, ServiceHost, UpstreamAddress, UpstreamGroup,
    UpstreamTls,
};
use crate::drain::Drain;
use crate::http::auth::login_service::LoginService;
use crate::http::auth::session::sealing::SealingKeys;
use crate::http::proxy::sticky::StickyCookie;
use crate::listener::{NameResolver, OwnAddresses};
use crate::observe::Metrics;
use crate::observe::metrics::EndpointSample;
use crate::tls::{ClientTls, client_config};
use crate::upstream::{
    ConnectionPool, Connector, Endpoint, EndpointDrains, EndpointHealth, Endpoints, GroupMember, HoldQueue, HoldSpace,
    SourceAddresses, check_health,
};

/// The connections to every gateway that a route leads to, and the hold queue of each.
#[derive(Default)]
pub(super) struct Gateways {
    reached: Vec<ReachedGateway>,
    asked: Vec<AskedGateway>,
    groups: Vec<(GroupKey, Endpoints)>,
    hold_queues: Vec<(HoldQueueKey, HoldQueue)>,
    /// The contents of each `tls`'s files.
    known: Vec<(UpstreamTls, Arc<ClientTls>)>,
    /// The keys that seal sticky cookies.
    pub(super) sealing: Option<Arc<SealingKeys>>,
}

/// The parts that all gateways share, under every configuration.
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

/// How a route reaches its gateway.
pub(super) struct GatewayAccess {
    pub(super) endpoints: Endpoints,
    pub(super) sticky: Option<StickyCookie>,
    pub(super) hold_queue: HoldQueue,
    /// The gateway's address, or the addresses of all endpoints, for the log.
    pub(super) upstream: Arc<str>,
    /// Whether the log names the gateway, because there are others.
    pub(super) named: bool,
}

struct ReachedGateway {
    key: GatewayKey,
    endpoint: Arc<Endpoint>,
    sweeping: Option<BackgroundTask>,
}

/// A gateway that is asked at intervals whether it is well.
struct AskedGateway {
    settings: Health,
    endpoint: Arc<Endpoint>,
    health: Arc<EndpointHealth>,
    asking: Option<BackgroundTask>,
}

/// Identifies a gateway's connections: those that were made under one key are as good under an equal one.
#[derive(Debug, Clone, PartialEq)]
struct GatewayKey {
    purpose: DialPurpose,
    upstream: UpstreamAddress,
    how: DialSettings,
}

/// What is reached over a connection. Each has a pool of its own, even at one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DialPurpose {
    Gateway,
    LoginService,
}

/// The settings with which a gateway is dialled.
#[derive(Debug, Clone, PartialEq)]
struct DialSettings {
    limit: Option<Duration>,
    request_head: usize,
    source: Vec<IpAddr>,
    tls: Arc<ClientTls>,
}

/// Identifies a group of endpoints: round robin continues under an equal key.
type GroupKey = (UpstreamGroup, DialSettings);

/// Identifies a hold queue: a request that waits under one key waits under an equal one, and as long.
type HoldQueueKey = (UpstreamGroup, Option<Duration>);

impl Gateways {
    /// The gateways that `config` needs, reusing existing ones where they are as good. No task runs yet.
    ///
    /// # Errors
    /// A gateway cannot be reached as it is written.
    pub(super) fn plan(&self, config: &Config, drain: &Drain, common: &GatewayShared) -> Result<Self, StartError> {
        let mut planned = Self::default();
        for route in config.all_routes().iter().filter(|route| route.respond.is_none()) {
            planned.open(&group(config, route).tls)?;
            let (group_key, gate_key) = planned.keys(config, route);
            if planned.group(&group_key).is_none() {
                let (group, how) = &group_key;
                let key = |upstream: &UpstreamAddress| GatewayKey {
                    purpose: DialPurpose::Gateway,
                    upstream: upstream.clone(),
                    how: how.clone(),
                };
                let member = |GroupEndpoint { url, weight }: &GroupEndpoint| {
                    let endpoint = planned.reach(self, key(url), common)?;
                    let health = group.health.as_ref();
                    let health = health.map(|settings| planned.ask(self, settings, &endpoint));
                    Ok::<_, StartError>(GroupMember { endpoint, weight: *weight, health })
                };
                let members = group.endpoints.iter().map(member).collect::<Result<_, _>>()?;
                let fresh = || Endpoints::new(group.balance.clone(), members);
                let endpoints = self.group(&group_key).unwrap_or_else(fresh);
                planned.groups.push((group_key, endpoints));
            }
            // A request in a hold queue that is replaced goes on waiting there.
            if planned.hold_queue(&gate_key).is_none() {
                let GatewayShared { metrics, space, .. } = common;
                let fresh = || HoldQueue::new(gate_key.1, space.clone(), drain.clone(), Arc::clone(metrics));
                let hold_queue = self.hold_queue(&gate_key).unwrap_or_else(fresh);
                planned.hold_queues.push((gate_key, hold_queue));
            }
        }
        for (_, rules) in config.logins() {
            if let Some(service) = &rules.forward {
                planned.open(&service.tls)?;
                let key = planned.login_key(config, service);
                planned.reach(self, key, common)?;
            }
        }
        Ok(planned)
    }

    /// A login service of the planned configuration.
    pub(super) fn login_service(&self, config: &Config, service: &ForwardAuth) -> LoginService {
        let key = self.login_key(config, service);
        let endpoint = self.reached.iter().find(|reached| reached.key == key).map(|reached| &reached.endpoint);
        let pool = endpoint.expect("`plan` has reached every login service").pool().clone();
        let host = (service.host == ServiceHost::Service).then(|| pool.host());
        LoginService { host, pool, target: service.url.target.clone(), limit: service.timeout }
    }

    fn login_key(&self, config: &Config, service: &ForwardAuth) -> GatewayKey {
        let opened = self.known.iter().find(|(known, _)| *known == service.tls).map(|(_, opened)| Arc::clone(opened));
        let tls = opened.expect("`plan` has read those of every login service");
        let request_head = config.limits.request_head;
        let how = DialSettings { limit: Some(service.timeout), request_head, source: Vec::new(), tls };
        GatewayKey { purpose: DialPurpose::LoginService, upstream: service.url.address.clone(), how }
    }

    /// How `route` of the planned configuration reaches its gateway.
    pub(super) fn way(&self, config: &Config, route: &RouteConfig) -> GatewayAccess {
        let (group_key, gate_key) = self.keys(config, route);
        let (endpoints, hold_queue) = (self.group(&group_key), self.hold_queue(&gate_key));
        let planned = "`plan` has one for every route that asks a gateway";
        let (endpoints, hold_queue) = (endpoints.expect(planned), hold_queue.expect(planned));
        let names: Vec<&str> = endpoints.all().map(|endpoint| endpoint.name().as_ref()).collect();
        let settings = group_key.0.sticky.as_ref().zip(self.sealing.as_ref());
        let sticky = settings.map(|(settings, keys)| StickyCookie::new(settings, Arc::clone(keys)));
        let keys = self.reached.iter().map(|reached| &reached.key);
        let mut gateways = keys.filter(|key| key.purpose == DialPurpose::Gateway).map(|key| &key.upstream);
        let first = gateways.next();
        let named = gateways.any(|other| Some(other) != first);
        GatewayAccess { upstream: names.join(", ").into(), named, endpoints, sticky, hold_queue }
    }

    /// The names of the gateways that routes lead to.
    pub(super) fn names(&self) -> Vec<Arc<str>> {
        let mut names: Vec<Arc<str>> =
            self.groups.iter().flat_map(|(_, group)| group.all()).map(|endpoint| Arc::clone(endpoint.name())).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Every gateway, as the metrics show it.
    pub(super) fn samples(&self) -> Vec<EndpointSample> {
        let is_one_of_several = |endpoint: &Arc<Endpoint>| {
            let mut groups = self.groups.iter().map(|(_, group)| group.all());
            groups.any(|mut all| all.len() > 1 && all.any(|one| Arc::ptr_eq(one, endpoint)))
        };
        let is_out = |endpoint: &Arc<Endpoint>| {
            self.asked.iter().any(|asked| Arc::ptr_eq(&asked.endpoint, endpoint) && asked.health.is_out())
        };
        let endpoints = self.reached.iter().map(|reached| &reached.endpoint);
        let sample = |endpoint: &Arc<Endpoint>| {
            let sample = endpoint.sample(is_one_of_several(endpoint));
            EndpointSample { healthy: sample.healthy && !is_out(endpoint), ..sample }
        };
        endpoints.map(sample).collect()
    }

    /// Replaces `before`, whose background tasks carry on or end.
    pub(super) fn take_over(mut self, before: Self, drain: &Drain) -> Self {
        for mut reached in before.reached {
            match self.reached.iter_mut().find(|own| own.key == reached.key) {
                Some(own) => own.sweeping = reached.sweeping.take(),
                None => {
                    if let Some(sweeping) = reached.sweeping {
                        sweeping.dismiss();
                    }
                }
            }
        }
        for mut asked in before.asked {
            let own = self.asked.iter_mut().find(|own| Arc::ptr_eq(&own.health, &asked.health));
            match (own, asked.asking.take()) {
                (Some(own), asking) => own.asking = asking,
                (None, Some(asking)) => asking.dismiss(),
                (None, None) => {}
            }
        }
        for asked in &mut self.asked {
            let (endpoint, settings) = (Arc::clone(&asked.endpoint), asked.settings.clone());
            let health = Arc::clone(&asked.health);
            let ask = |part| check_health(endpoint, settings, health, part);
            asked.asking.get_or_insert_with(|| BackgroundTask::start(drain, ask));
        }
        let pools = self.reached.len();
        for reached in &mut self.reached {
            reached.endpoint.pool().share(pools);
            let swept = reached.endpoint.pool().clone();
            reached.sweeping.get_or_insert_with(|| BackgroundTask::start(drain, |part| sweep(swept, part)));
        }
        self
    }

    /// The endpoint for `key`: the one that is planned already, else that of `before`, else a new one.
    fn reach(&mut self, before: &Self, key: GatewayKey, common: &GatewayShared) -> Result<Arc<Endpoint>, StartError> {
        let known =
            |all: &[ReachedGateway]| all.iter().find(|reached| reached.key == key).map(|one| Arc::clone(&one.endpoint));
        if let Some(endpoint) = known(&self.reached) {
            return Ok(endpoint);
        }
        let endpoint = match known(&before.reached) {
            Some(endpoint) => endpoint,
            None => Endpoint::new(key.upstream.to_string(), pool(&key, common)?, common.drains.clone()),
        };
        self.reached.push(ReachedGateway { key, endpoint: Arc::clone(&endpoint), sweeping: None });
        Ok(endpoint)
    }

    /// What `endpoint` answers to these questions: what is known already, or nothing yet.
    fn ask(&mut self, before: &Self, settings: &Health, endpoint: &Arc<Endpoint>) -> Arc<EndpointHealth> {
        let known = |all: &[AskedGateway]| {
            let same = |one: &&AskedGateway| one.settings == *settings && Arc::ptr_eq(&one.endpoint, endpoint);
            all.iter().find(same).map(|one| Arc::clone(&one.health))
        };
        if let Some(health) = known(&self.asked) {
            return health;
        }
        let fresh = || Arc::new(EndpointHealth::new(settings.fails, settings.passes));
        let health = known(&before.asked).unwrap_or_else(fresh);
        let (settings, endpoint) = (settings.clone(), Arc::clone(endpoint));
        self.asked.push(AskedGateway { settings, endpoint, health: Arc::clone(&health), asking: None });
        health
    }

    /// Reads the files of `tls`, once.
    fn open(&mut self, tls: &UpstreamTls) -> Result<(), StartError> {
        if self.known.iter().all(|(known, _)| known != tls) {
            self.known.push((tls.clone(), Arc::new(ClientTls::open(tls)?)));
        }
        Ok(())
    }

    fn keys(&self, config: &Config, route: &RouteConfig) -> (GroupKey, HoldQueueKey) {
        let group = group(config, route);
        let opened = self.known.iter().find(|(known, _)| *known == group.tls).map(|(_, opened)| Arc::clone(opened));
        let limit = route.timeouts.over(&config.timeouts).connect;
        let tls = opened.expect("`plan` has read those of every route that asks a gateway");
        let source = group.source.clone();
        let how = DialSettings { limit, request_head: config.limits.request_head, source, tls };
        ((group.clone(), how), (group, route.hold.unwrap_or(config.hold)))
    }

    fn group(&self, key: &GroupKey) -> Option<Endpoints> {
        self.groups.iter().find(|(own, _)| own == key).map(|(_, endpoints)| endpoints.clone())
    }

    fn hold_queue(&self, key: &HoldQueueKey) -> Option<HoldQueue> {
        self.hold_queues.iter().find(|(own, _)| own == key).map(|(_, hold_queue)| hold_queue.clone())
    }
}

/// The gateways of `route`.
fn group(config: &Config, route: &RouteConfig) -> UpstreamGroup {
    match &route.upstream {
        None => UpstreamGroup::of(config.upstream.clone()),
        Some(RouteTarget::Url(upstream)) => UpstreamGroup::of(upstream.clone()),
        Some(RouteTarget::Named(name)) => {
            let known = config.upstreams.iter().find(|(known, _)| known == name);
            // A configuration that names an unknown group is refused when it is read.
            known.map_or_else(|| UpstreamGroup::of(config.upstream.clone()), |(_, group)| group.clone())
        }
    }
}

fn pool(key: &GatewayKey, common: &GatewayShared) -> Result<ConnectionPool, StartError> {
    let tls = |host: &str| Ok::<_, StartError>((client_config(&key.how.tls)?, key.how.tls.server_name(host)?));
    let connector = Connector::new(&key.upstream, key.how.limit, tls)?.asking(common.names.clone());
    let connector = connector.never_to(common.own.clone()).coming_from(SourceAddresses::new(&key.how.source));
    Ok(ConnectionPool::new(connector, key.how.request_head.max(LEAST_RESPONSE_HEAD)))
}

/// Closes connections that have been idle for too long.
async fn sweep(pool: ConnectionPool, drain: Drain) {
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
