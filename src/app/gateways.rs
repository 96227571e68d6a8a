//! [`Gateways`]: the connections to every gateway that a route leads to, and the hold queue of each.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::background_task::BackgroundTask;
use super::error::StartError;
use super::found_group::{FoundGroup, FoundSettings, GroupPart};
use super::found_member::FoundMember;
use super::gateway_dial::{DialPurpose, DialSettings, GatewayKey, GatewayShared, sweep};
use super::known_names::KnownNames;
use super::watched_names::WatchedNames;
use crate::config::{
    Config, EndpointUrl, ForwardAuth, GroupEndpoint, Health, RouteConfig, RouteTarget, ServiceHost, UpstreamGroup,
    UpstreamTls,
};
use crate::drain::Drain;
use crate::http::auth::login_service::LoginService;
use crate::http::auth::session::sealing::SealingKeys;
use crate::http::proxy::sticky::StickyCookie;
use crate::observe::metrics::{EndpointSample, NameSample};
use crate::tls::{ClientTls, client_config};
use crate::upstream::{Endpoint, EndpointHealth, Endpoints, GroupMember, HoldQueue, NameWatch, check_health};

/// The connections to every gateway that a route leads to, and the hold queue of each.
#[derive(Default)]
pub(super) struct Gateways {
    reached: Vec<ReachedGateway>,
    asked: Vec<AskedGateway>,
    groups: Vec<ReachedGroup>,
    /// The names that stand for several gateways.
    names: WatchedNames,
    hold_queues: Vec<(HoldQueueKey, HoldQueue)>,
    /// The contents of each `tls`'s files.
    known: Vec<(UpstreamTls, Arc<ClientTls>)>,
    /// The keys that seal sticky cookies.
    pub(super) sealing: Option<Arc<SealingKeys>>,
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

/// A group of endpoints; round robin continues under an equal key.
struct ReachedGroup {
    key: GroupKey,
    endpoints: Endpoints,
    /// What finds those that come and go, if there are such.
    found: Option<Arc<FoundGroup>>,
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
        let mut planned = Self { names: self.names.next(), ..Self::default() };
        for route in config.all_routes().iter().filter(|route| route.respond.is_none()) {
            planned.open(&group(config, route).tls)?;
            let (group_key, gate_key) = planned.keys(config, route);
            if planned.group(&group_key).is_none() {
                let group = planned.reach_group(self, group_key, common)?;
                planned.groups.push(group);
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
        let (group, hold_queue) = (self.group(&group_key), self.hold_queue(&gate_key));
        let planned = "`plan` has one for every route that asks a gateway";
        let (group, hold_queue) = (group.expect(planned), hold_queue.expect(planned));
        let (endpoints, comes_and_goes) = (group.endpoints.clone(), group.found.is_some());
        let settings = group_key.0.sticky.as_ref().zip(self.sealing.as_ref());
        let sticky = settings.map(|(settings, keys)| StickyCookie::new(settings, Arc::clone(keys)));
        let keys = self.reached.iter().map(|reached| &reached.key);
        let mut gateways = keys.filter(|key| key.purpose == DialPurpose::Gateway).map(|key| &key.upstream);
        let first = gateways.next();
        let named = comes_and_goes || gateways.any(|other| Some(other) != first);
        GatewayAccess { upstream: written(&group_key.0).into(), named, endpoints, sticky, hold_queue }
    }

    /// The names of the gateways that routes lead to, and the names that they are found by.
    pub(super) fn names(&self) -> Vec<Arc<str>> {
        let fixed = self.groups.iter().flat_map(|group| group.endpoints.all());
        let mut names: Vec<Arc<str>> = fixed.map(|endpoint| Arc::clone(endpoint.name())).collect();
        names.extend(self.found().chain(self.leaving()).map(|member| Arc::clone(member.endpoint().name())));
        names.extend(self.names.all().map(|watch| Arc::clone(watch.written())));
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The gateways that were found by `name`, as it is written.
    pub(super) fn found_by(&self, name: &str) -> Vec<Arc<str>> {
        let members = self.found().chain(self.leaving()).filter(|member| **member.found_by() == *name);
        let mut all: Vec<Arc<str>> = members.map(|member| Arc::clone(member.endpoint().name())).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The names that stand for several gateways, for the operator: what is known of each, its gateways that are there and those that
    /// are gone while something still goes on there.
    pub(super) fn watched(&self) -> Vec<(Arc<NameWatch>, Vec<Arc<FoundMember>>)> {
        let leaving: Vec<_> = self.leaving().collect();
        let of = |watch: &Arc<NameWatch>| {
            leaving.iter().filter(|member| *member.found_by() == *watch.written()).cloned().collect()
        };
        self.names.all().map(|watch| (Arc::clone(watch), of(watch))).collect()
    }

    /// Every gateway, as the metrics show it.
    pub(super) fn samples(&self) -> Vec<EndpointSample> {
        let is_one_of_several = |endpoint: &Arc<Endpoint>| {
            let mut several = self.groups.iter().filter(|group| group.endpoints.are_several());
            several.any(|group| group.endpoints.all().iter().any(|one| Arc::ptr_eq(one, endpoint)))
        };
        let is_out = |endpoint: &Arc<Endpoint>| {
            self.asked.iter().any(|asked| Arc::ptr_eq(&asked.endpoint, endpoint) && asked.health.is_out())
        };
        let sample = |endpoint: &Arc<Endpoint>, is_one_of_several: bool, is_out: bool| {
            let sample = endpoint.sample(is_one_of_several);
            EndpointSample { healthy: sample.healthy && !is_out, ..sample }
        };
        let fixed = self.reached.iter().map(|reached| &reached.endpoint);
        let fixed = fixed.map(|endpoint| sample(endpoint, is_one_of_several(endpoint), is_out(endpoint)));
        let found = self.found().map(|member| sample(member.endpoint(), true, member.is_out()));
        // One that the DNS names no more gets no requests, and is no reason for an alarm.
        let gone = self.leaving().map(|member| {
            let sample = member.endpoint().sample(true);
            EndpointSample { healthy: true, ejected: false, ..sample }
        });
        fixed.chain(found).chain(gone).collect()
    }

    /// Every name that stands for several gateways, as the metrics show it.
    pub(super) fn name_samples(&self) -> Vec<NameSample> {
        self.names.samples()
    }

    /// Looks up the names that `before` does not know, and waits a moment for the answers.
    pub(super) async fn look_up_names(&mut self, before: &Self, drain: &Drain) {
        self.names.look_up(&before.names, drain).await;
        for group in self.found_groups() {
            group.refresh();
        }
    }

    /// None yet, after a process that has known these names.
    pub(super) fn knowing(known: KnownNames) -> Self {
        Self { names: WatchedNames::knowing(Arc::new(known)), ..Self::default() }
    }

    /// Replaces `before`, whose background tasks carry on or end; what names stand for is kept in `folder`.
    pub(super) fn take_over(mut self, before: Self, folder: Option<PathBuf>, drain: &Drain) -> Self {
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
        self.names.take_over(before.names, folder, drain);
        for group in self.found_groups() {
            group.start(drain);
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

    /// The group for `key`: that of `before`, else a new one.
    fn reach_group(
        &mut self,
        before: &Self,
        key: GroupKey,
        common: &GatewayShared,
    ) -> Result<ReachedGroup, StartError> {
        let (group, how) = &key;
        let mut parts = Vec::new();
        for GroupEndpoint { url, weight } in &group.endpoints {
            parts.push(match url {
                EndpointUrl::Address(upstream) => {
                    let (purpose, upstream) = (DialPurpose::Gateway, upstream.clone());
                    let endpoint = self.reach(before, GatewayKey { purpose, upstream, how: how.clone() }, common)?;
                    let health = group.health.as_ref().map(|settings| self.ask(before, settings, &endpoint));
                    GroupPart::Fixed(GroupMember::from(endpoint).weighing(*weight, health))
                }
                EndpointUrl::Name(name) => {
                    GroupPart::Named(self.names.watch(&before.names, name, &group.resolver), *weight)
                }
            });
        }
        if let Some(known) = before.group(&key) {
            let (endpoints, found) = (known.endpoints.clone(), known.found.clone());
            return Ok(ReachedGroup { key, endpoints, found });
        }
        let fixed = parts.iter().filter_map(|part| match part {
            GroupPart::Fixed(member) => Some(member.clone()),
            GroupPart::Named(..) => None,
        });
        let fixed: Vec<GroupMember> = fixed.collect();
        let balance = group.balance.clone();
        if group.names().next().is_none() {
            return Ok(ReachedGroup { endpoints: Endpoints::new(balance, fixed), key, found: None });
        }
        for name in group.names().filter(|name| name.is_https) {
            // A name that no certificate can have is said now, not when the DNS answers.
            how.tls.server_name(name.host.trim_end_matches('.'))?;
        }
        let is_https = group.names().any(|name| name.is_https);
        let settings = FoundSettings {
            dial: how.clone(),
            tls: is_https.then(|| client_config(&how.tls)).transpose()?,
            any_target: group.tls.server_name.is_some() || group.tls.pin.is_some(),
            health: group.health.clone(),
            common: common.clone(),
        };
        let endpoints = Endpoints::found_by(balance, written(group).into(), fixed);
        let found =
            FoundGroup::new(parts, settings, endpoints.clone(), before.found().chain(before.leaving()).collect());
        Ok(ReachedGroup { key, endpoints, found: Some(found) })
    }

    /// The gateways that names stand for.
    fn found(&self) -> impl Iterator<Item = Arc<FoundMember>> {
        self.found_groups().flat_map(|group| group.present())
    }

    /// Those that names stand for no more, while something still goes on there.
    fn leaving(&self) -> impl Iterator<Item = Arc<FoundMember>> {
        self.found_groups().flat_map(|group| group.leaving())
    }

    fn found_groups(&self) -> impl Iterator<Item = &Arc<FoundGroup>> {
        self.groups.iter().filter_map(|group| group.found.as_ref())
    }

    /// The endpoint for `key`: the one that is planned already, else that of `before`, else a new one.
    fn reach(&mut self, before: &Self, key: GatewayKey, common: &GatewayShared) -> Result<Arc<Endpoint>, StartError> {
        let known =
            |all: &[ReachedGateway]| all.iter().find(|reached| reached.key == key).map(|one| Arc::clone(&one.endpoint));
        if let Some(endpoint) = known(&self.reached) {
            return Ok(endpoint);
        }
        let endpoint = if let Some(endpoint) = known(&before.reached) {
            endpoint
        } else {
            let pool = key.how.pool(&key.upstream, common)?;
            Endpoint::new(key.upstream.to_string(), pool, common.drains.clone())
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

    fn group(&self, key: &GroupKey) -> Option<&ReachedGroup> {
        self.groups.iter().find(|group| group.key == *key)
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

/// The gateways of a group as they are written, for the log.
fn written(group: &UpstreamGroup) -> String {
    let urls: Vec<String> = group.endpoints.iter().map(|endpoint| endpoint.url.to_string()).collect();
    urls.join(", ")
}
