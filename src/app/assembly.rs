//! [`Assembly`]: the parts that are made of a configuration before anything runs.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::Arc;

use super::certificates::ServedCertificates;
use super::cluster::JoinedCluster;
use super::drained_endpoints::DrainedEndpoints;
use super::error::StartError;
use super::gateway_dial::GatewayShared;
use super::gateways::{GatewayAccess, Gateways};
use super::issuers::Issuers;
use super::listeners::NO_ROUTES;
use super::logins::RouteLogins;
use crate::cluster::{Cluster, ClusterSettings};
use crate::config::{self, Auth, BindAddr, ClientAccess, Config, ListenTcp, PathMatcher, RouteAnswer, Timeouts};
use crate::drain::Drain;
use crate::http::auth::live_logins::{LiveLogins, RouteRechecks};
use crate::http::auth::oidc::login_pages::{HostLogin, LoginPages};
use crate::http::auth::passwords::Passwords;
use crate::http::auth::recheck::LoginRecheck;
use crate::http::edge::acme_challenge::AcmeChallenge;
use crate::http::edge::connection_state::ConnectionTimeouts;
use crate::http::edge::permits::{PermitLimits, Permits};
use crate::http::edge::redirect::{HttpsLocation, HttpsRedirect};
use crate::http::edge::stack::{Edge, EdgeSettings};
use crate::http::edge::trace_context::TraceSettings;
use crate::http::edge::websocket_permits::{WebSocketLimits, WebSocketPermits};
use crate::http::error::RequestFailure;
use crate::http::pages::ca_page::CaPage;
use crate::http::proxy::compression::Compression;
use crate::http::proxy::forward::{ExchangeTimeouts, Forwarder};
use crate::http::proxy::gateway_route::GatewayRoute;
use crate::http::proxy::upgrade::UpgradeSettings;
use crate::http::proxy::websockets::OpenWebSockets;
use crate::http::route::answer::FixedAnswer;
use crate::http::route::matches::Matches;
use crate::http::route::protected::ProtectedFields;
use crate::http::route::redirect::MadeRedirect;
use crate::http::route::router::{RoutedStack, Router, RoutesFirst};
use crate::http::route::stack::{RouteEnd, RouteSettings, RouteStack};
use crate::listener::{ListenerPurpose, NameResolver, OwnAddresses, SocketLabel};
use crate::observe::metrics::RouteRequests;
use crate::observe::otlp::SpanQueue;
use crate::observe::{AccessLog, GatewayHint, Metrics};
use crate::server::admission::{Admission, AdmissionLimits};
use crate::server::capacity::{Capacity, Resources};
use crate::server::head_space::HeadSpace;
use crate::server::send_space::SendSpace;
use crate::server::settings::{ListenerProtocol, ListenerSettings};
use crate::tls::acme::Tokens;
use crate::tls::{self, AskedClients, ClientVerification, HandshakePolicy, TicketKeys};
use crate::upstream::{ConnectError, EndpointDrains, HoldLimits, HoldSpace, shorter};
use crate::websocket::direction::FrameRules;
use crate::websocket::keepalive::SilenceLimits;
use crate::websocket::settings;

/// The parts that stay the same under every configuration.
pub(super) struct SharedState {
    /// The answers that plain listeners give to certificate authorities.
    pub(super) tokens: Tokens,
    /// The keys of TLS tickets.
    pub(super) tickets: Arc<TicketKeys>,
    /// What heads take that are only partly here.
    heads: HeadSpace,
    /// What answers take that HTTP/2 clients do not take.
    sends: SendSpace,
    hint: Arc<GatewayHint>,
    /// Checked passwords stay remembered over a reload.
    passwords: Passwords,
    compression: Compression,
    pub(super) websockets: OpenWebSockets,
    /// The endpoints that an operator has taken out.
    pub(super) drained: DrainedEndpoints,
    /// The logins of the WebSockets that are open.
    pub(super) logins: LiveLogins,
    pub(super) metrics: Arc<Metrics>,
    /// Where spans go.
    spans: Option<SpanQueue>,
    pub(super) common: GatewayShared,
    /// The permits of requests under way.
    pub(super) permits: Permits,
    /// The permits of WebSockets.
    websocket_permits: WebSocketPermits,
    /// The files, memory and cores that the process has.
    resources: Resources,
    joined: Option<JoinedCluster>,
}

/// The parts that are made of a configuration before anything runs.
pub(super) struct Assembly<'a> {
    config: &'a Config,
    log: AccessLog,
    /// The edges of listeners, by their names.
    edges: BTreeMap<Option<String>, ListenerEdges>,
    /// The edge for clients that speak plain HTTP to a TLS port.
    plain_http_on_tls: Edge,
    tls: Option<Arc<HandshakePolicy>>,
    heads: HeadSpace,
    sends: SendSpace,
    /// The routes as the metrics count their requests.
    counted_routes: Vec<Arc<RouteRequests>>,
    /// What looks at the logins of open WebSockets.
    pub(super) rechecks: RouteRechecks,
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

    /// Sets the limits for new connections and requests. Those that are open stay.
    pub(super) fn limit(&self, config: &Config, admission: &Admission) {
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

impl<'a> Assembly<'a> {
    pub(super) fn new(
        config: &'a Config,
        shared: &SharedState,
        gateways: &Gateways,
        issuers: &Issuers,
        shown: Option<&ServedCertificates>,
        https_port: Option<u16>,
    ) -> Result<Self, StartError> {
        let log = AccessLog::new(&config.log)
            .counting(Arc::clone(&shared.metrics))
            .tracing(shared.spans.clone(), &config.log);
        let edge = EdgeSettings {
            forwarded: config.forwarded.clone(),
            hsts: config.tls.hsts,
            request_body: config.limits.request_body,
            permits: shared.permits.clone(),
            progress: shorter(config.timeouts.send, config.timeouts.progress),
            trace: TraceSettings { begins: config.log.trace, has_spans: log.has_spans() },
            log: log.clone(),
        };
        let logins = RouteLogins::plan(config, shared.passwords.clone(), gateways, issuers)?;
        let routers = Routers::new(config, shared, gateways, &logins, &log);
        let tls = match shown {
            None => None,
            Some(shown) => {
                let certificates = Arc::clone(&shown.certificates);
                let clients = config.tls.client_ca.as_ref().map(ClientVerification::open).transpose()?;
                let tickets = Arc::clone(&shared.tickets);
                let with = |clients: Option<&ClientVerification>| {
                    tls::server_config(&config.tls, Arc::clone(&certificates), tickets.clone(), clients)
                };
                let server = with(clients.as_ref());
                let asked = match clients {
                    Some(_) => AskedClients::All,
                    None => logins.asked_clients(config, with),
                };
                Some(Arc::new(HandshakePolicy::new(server, certificates, asked)))
            }
        };
        let beside_80 = config.listen.http.iter().any(|address| address.address.port() == 80);
        let https = HttpsLocation { port: https_port, beside_80 };
        let offer = shown.filter(|_| config.tls.ca_page).map(|shown| Arc::clone(&shown.offer));
        let names: BTreeSet<Option<&str>> =
            config.listen.names().map(|(_, name)| name).chain([None, Some(NO_ROUTES)]).collect();
        let proxy = |name: Option<&str>| Edge::new(edge.clone(), routers.router(name));
        let page = || CaPage { offer: offer.clone(), https, inner: HttpsRedirect { https } };
        let redirect = |name: Option<&str>| {
            let tokens = shared.tokens.clone();
            if name.is_none() {
                return Edge::new(edge.clone(), AcmeChallenge { inner: page(), tokens });
            }
            let inner = RoutesFirst { router: routers.router(name), otherwise: page() };
            Edge::new(edge.clone(), AcmeChallenge { inner, tokens })
        };
        let edges = names
            .iter()
            .map(|name| (name.map(str::to_owned), ListenerEdges { proxy: proxy(*name), redirect: redirect(*name) }));
        let edges = edges.collect();
        Ok(Self {
            edges,
            plain_http_on_tls: Edge::new(
                edge.clone(),
                HttpsRedirect { https: HttpsLocation { beside_80: true, ..https } },
            ),
            config,
            log,
            tls,
            heads: shared.heads.clone(),
            sends: shared.sends.clone(),
            counted_routes: routers.routes.iter().map(|route| Arc::clone(&route.counts)).collect(),
            rechecks: routers.rechecks(),
        })
    }

    /// The routes as the metrics count their requests.
    pub(super) fn counted_routes(&self) -> Vec<Arc<RouteRequests>> {
        self.counted_routes.clone()
    }

    /// The settings of a listener, which may have a name; its connections end with `drain`.
    pub(super) fn settings(
        &self,
        purpose: ListenerPurpose,
        label: &SocketLabel,
        name: Option<&str>,
        drain: Drain,
    ) -> ListenerSettings {
        let kind = match (purpose, &self.tls) {
            (ListenerPurpose::Https, Some(handshakes)) => ListenerProtocol::Tls {
                handshakes: Arc::clone(handshakes),
                plain_http_on_tls: self.plain_http_on_tls.clone(),
            },
            _ => ListenerProtocol::Plain,
        };
        let edges = &self.edges[&name.map(str::to_owned)];
        let edge = match (purpose, &kind) {
            (ListenerPurpose::Plain, _) | (_, ListenerProtocol::Tls { .. }) => &edges.proxy,
            (_, ListenerProtocol::Plain) => &edges.redirect,
        };
        let timeouts = &self.config.timeouts;
        let counted: Arc<str> = label.to_string().into();
        self.log.metrics().connections.have_listener(&counted);
        ListenerSettings {
            label: counted,
            edge: edge.clone(),
            kind,
            proxy_protocol_from: self.config.listen.proxy_protocol_from.clone(),
            handshake: timeouts.tls_handshake,
            connection_timeouts: ConnectionTimeouts { head: timeouts.request_head, idle: timeouts.keep_alive },
            request_head: self.config.limits.request_head,
            heads: self.heads.clone(),
            sends: self.sends.clone(),
            http2_websockets: self.config.websocket.http2 && self.offers_http2_websockets(label),
            log: self.log.clone(),
            drain,
        }
    }

    /// Whether the listener itself lets clients open WebSockets over HTTP/2. One that stands for a whole key of the configuration
    /// has no settings of its own.
    fn offers_http2_websockets(&self, label: &SocketLabel) -> bool {
        let is_this = |listener: &&ListenTcp| label.address() == Some(&BindAddr::Tcp(listener.address));
        self.config.listen.https.iter().find(is_this).is_none_or(|listener| listener.http2_websockets)
    }
}

/// The edges of the listeners of one name.
struct ListenerEdges {
    /// Of those that proxy.
    proxy: Edge,
    /// Of those that redirect to https.
    redirect: Edge,
}

/// The routes of all listeners, from which each takes its own.
struct Routers {
    routes: Vec<WiredRoute>,
    passwords: Passwords,
    protected: Arc<ProtectedFields>,
}

struct WiredRoute {
    config: config::RouteConfig,
    matches: Matches,
    counts: Arc<RouteRequests>,
    stack: Arc<RouteStack>,
    /// How its users log in at an issuer.
    login: Option<HostLogin>,
}

impl Routers {
    fn new(
        config: &Config,
        shared: &SharedState,
        gateways: &Gateways,
        logins: &RouteLogins<'_>,
        log: &AccessLog,
    ) -> Self {
        let routes = config.all_routes();
        let names = names(&routes);
        let wired = |(route, name): (config::RouteConfig, Arc<str>)| {
            let (matches, stack) = wired(config, &route, &name, shared, gateways, logins, log);
            let login = auth_of(config, &route).rules().and_then(|rules| logins.oidc(rules));
            let login = login.map(|proof| {
                let host = route.matchers.host.clone();
                HostLogin { host, access: config.access(&route), proof }
            });
            let counts = shared.metrics.requests.route(&name);
            WiredRoute { config: route, matches, counts, stack: Arc::new(stack), login }
        };
        Self {
            routes: routes.into_iter().zip(names).map(wired).collect(),
            passwords: shared.passwords.clone(),
            protected: Arc::clone(&logins.protected.elsewhere),
        }
    }

    /// What looks at the logins of each route again.
    fn rechecks(&self) -> RouteRechecks {
        let one = |route: &WiredRoute| {
            let guard = route.stack.guard().map(|guard| Arc::clone(guard) as Arc<dyn LoginRecheck>);
            (Arc::clone(route.counts.name()), guard)
        };
        Arc::new(self.routes.iter().map(one).collect())
    }

    /// A router with the routes of the listeners of this name.
    fn router(&self, listener: Option<&str>) -> Router {
        let own = || self.routes.iter().filter(|route| route.config.is_at(listener));
        let stacks = own().map(|route| RoutedStack {
            matches: route.matches.clone(),
            counts: Arc::clone(&route.counts),
            stack: Arc::clone(&route.stack),
        });
        let logins: Vec<HostLogin> = own().filter_map(|route| route.login.clone()).collect();
        let login_pages = (!logins.is_empty()).then(|| LoginPages::new(logins, self.passwords.clone()));
        Router::new(stacks.collect(), &self.protected, login_pages)
    }
}

/// The names of routes in the log: host and path, and the index where that is not enough.
fn names(routes: &[config::RouteConfig]) -> Vec<Arc<str>> {
    let names: Vec<String> = routes.iter().map(config::RouteConfig::name).collect();
    let own = |(index, name): (usize, &String)| {
        let first = names.iter().position(|other| other == name) == Some(index);
        if first { name.as_str().into() } else { format!("{name} #{index}").into() }
    };
    names.iter().enumerate().map(own).collect()
}

/// Makes one route: the requests it matches, and the layers that serve them.
fn wired(
    config: &Config,
    route: &config::RouteConfig,
    name: &Arc<str>,
    shared: &SharedState,
    gateways: &Gateways,
    logins: &RouteLogins<'_>,
    log: &AccessLog,
) -> (Matches, RouteStack) {
    let auth = auth_of(config, route);
    let matches = Matches {
        guard: guard_of(config, route),
        takes_basic: auth.rules().is_some_and(|rules| rules.basic.is_some()),
        ..Matches::of(route)
    };
    let timeouts = route.timeouts.over(&config.timeouts);
    let end = if let Some(answer) = &route.respond {
        RouteEnd::Fixed(FixedAnswer::new(answer.clone()))
    } else if let Some(redirect) = &route.redirect {
        let regex = match &route.matchers.path {
            Some(PathMatcher::Regex(regex)) => Some(regex.clone()),
            _ => None,
        };
        RouteEnd::Redirect(MadeRedirect { redirect: redirect.clone(), regex })
    } else {
        let GatewayAccess { endpoints, sticky, hold_queue, upstream, named } = gateways.way(config, route);
        let times = ExchangeTimeouts { read: timeouts.read, send: timeouts.send, progress: timeouts.progress };
        let forward = Forwarder {
            endpoints,
            sticky,
            hold_queue,
            upstream,
            named,
            protected: logins.protected.of(auth),
            times,
            hint: Arc::clone(&shared.hint),
            compression: config.compress.then(|| shared.compression.clone()),
        };
        let upgrades = upgrades(config, &timeouts, shared, log.clone());
        RouteEnd::Gateway(Box::new(GatewayRoute { forward, upgrades }))
    };
    let guard = auth.rules().map(|rules| logins.guard(name, rules));
    let (requests, answers) = (route.request_headers.clone(), route.response_headers.clone());
    let (access, strip_prefix) = (config.access(route), route.strip_prefix.clone());
    (matches, RouteStack::new(RouteSettings { requests, answers, access, strip_prefix, guard, end }))
}

/// The guards of a route that keep a request from the gateway and that another route may lack.
#[derive(PartialEq, Eq)]
struct RouteGuards<'a> {
    /// The route answers that its content is not for the client, or not there.
    refuses: bool,
    /// The login that the route asks for.
    auth: &'a Auth,
    /// The clients that may pass.
    access: ClientAccess,
}

impl<'a> RouteGuards<'a> {
    fn of(config: &'a Config, route: &'a config::RouteConfig) -> Self {
        let refuses = route.respond.as_ref().is_some_and(RouteAnswer::refuses);
        Self { refuses, auth: auth_of(config, route), access: config.access(route) }
    }

    fn is_open(&self) -> bool {
        !self.refuses && *self.auth == Auth::None && self.access.is_open()
    }
}

/// A number that is the same for routes that guard in the same way; `None` for routes without a guard.
fn guard_of(config: &Config, route: &config::RouteConfig) -> Option<usize> {
    let own = RouteGuards::of(config, route);
    if own.is_open() {
        return None;
    }
    let first = config.routes.iter().position(|other| RouteGuards::of(config, other) == own);
    // Without `routes` there is one route for every request.
    Some(first.unwrap_or_default())
}

fn auth_of<'a>(config: &'a Config, route: &'a config::RouteConfig) -> &'a Auth {
    route.auth.as_ref().unwrap_or(&config.auth)
}

fn upgrades(config: &Config, timeouts: &Timeouts, shared: &SharedState, log: AccessLog) -> UpgradeSettings {
    let websocket = &config.websocket;
    UpgradeSettings {
        allowed_origins: websocket.allowed_origins.clone(),
        settings: Arc::new(settings::RelaySettings {
            silence: SilenceLimits { ping_interval: websocket.ping_interval, pong_timeout: websocket.pong_timeout },
            rules: FrameRules {
                max_frame: websocket.max_frame,
                max_message: websocket.max_message,
                max_messages_per_minute: websocket.max_messages_per_minute,
                max_control_per_minute: websocket.max_control_per_minute,
            },
            read: timeouts.read,
            send: timeouts.send,
            drain: timeouts.drain,
        }),
        open: shared.websockets.clone(),
        drains: shared.common.drains.clone(),
        permits: shared.websocket_permits.clone(),
        logins: shared.logins.clone(),
        log,
    }
}
