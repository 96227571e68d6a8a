//! [`Assembly`]: the parts that are made of a configuration before anything runs.

use std::sync::Arc;

use rustls::server::ProducesTickets;

use super::certificates::ServedCertificates;
use super::error::StartError;
use super::gateways::{GatewayAccess, GatewayShared, Gateways};
use crate::config::{self, Auth, Config, Timeouts};
use crate::drain::Drain;
use crate::http::auth::passwords::Passwords;
use crate::http::edge::acme_challenge::AcmeChallenge;
use crate::http::edge::connection_state::ConnectionTimeouts;
use crate::http::edge::permits::{PermitLimits, Permits};
use crate::http::edge::redirect::{HttpsLocation, HttpsRedirect};
use crate::http::edge::stack::{Edge, EdgeSettings};
use crate::http::pages::ca_page::CaPage;
use crate::http::proxy::forward::{ExchangeTimeouts, Forwarder};
use crate::http::proxy::gateway_route::GatewayRoute;
use crate::http::proxy::upgrade::UpgradeSettings;
use crate::http::proxy::websockets::OpenWebSockets;
use crate::http::route::answer::FixedAnswer;
use crate::http::route::guard::AccessGuard;
use crate::http::route::protected::{Login, ProtectedFields};
use crate::http::route::router::{Matches, Router};
use crate::http::route::stack::{RouteEnd, RouteSettings, RouteStack};
use crate::io::BufferPool;
use crate::listener::{ListenerPurpose, NameResolver, OwnAddresses};
use crate::observe::{AccessLog, GatewayHint, Metrics};
use crate::server::admission::{Admission, AdmissionLimits};
use crate::server::capacity::{Capacity, Resources};
use crate::server::head_space::HeadSpace;
use crate::server::send_space::SendSpace;
use crate::server::settings::{ListenerProtocol, ListenerSettings};
use crate::tls::acme::Tokens;
use crate::tls::{self, ClientVerification, HandshakePolicy};
use crate::upstream::{ConnectError, HoldLimits, HoldSpace, shorter};
use crate::websocket::direction::FrameRules;
use crate::websocket::settings;

/// The parts that stay the same under every configuration.
pub(super) struct SharedState {
    /// The answers that plain listeners give to certificate authorities.
    pub(super) tokens: Tokens,
    /// The keys of TLS tickets: a client that has a TLS session may resume it after a reload.
    tickets: Arc<dyn ProducesTickets>,
    /// The pool that connections borrow memory from.
    buffers: Arc<BufferPool>,
    /// What heads take that are only partly here.
    heads: HeadSpace,
    /// What answers take that HTTP/2 clients do not take.
    sends: SendSpace,
    hint: Arc<GatewayHint>,
    /// Checked passwords stay remembered over a reload.
    passwords: Passwords,
    pub(super) websockets: OpenWebSockets,
    pub(super) metrics: Arc<Metrics>,
    pub(super) common: GatewayShared,
    /// The permits of requests under way.
    pub(super) permits: Permits,
    /// The files, memory and cores that the process has.
    resources: Resources,
}

/// The parts that are made of a configuration before anything runs.
pub(super) struct Assembly<'a> {
    config: &'a Config,
    log: AccessLog,
    proxy: Edge,
    redirect: Edge,
    /// The edge for clients that speak plain HTTP to a TLS port.
    plain_http_on_tls: Edge,
    tls: Option<Arc<HandshakePolicy>>,
    buffers: Arc<BufferPool>,
    heads: HeadSpace,
    sends: SendSpace,
}

impl SharedState {
    pub(super) fn new() -> Result<Self, StartError> {
        let metrics = Arc::<Metrics>::default();
        metrics.upstream.may_fail(&ConnectError::NAMES);
        let resources = Resources::find();
        let Capacity { waiting_bytes, head_bytes, send_bytes, .. } = resources.carry(&config::Limits::default());
        let common = GatewayShared {
            metrics: Arc::clone(&metrics),
            space: HoldSpace::new(HoldLimits { bytes: waiting_bytes, ..HoldLimits::default() }),
            names: NameResolver::default(),
            own: OwnAddresses::default(),
        };
        Ok(Self {
            tokens: Tokens::default(),
            tickets: tls::ticketer()?,
            buffers: Arc::new(BufferPool::new()),
            heads: HeadSpace::new(head_bytes, Arc::clone(&metrics)),
            sends: SendSpace::new(send_bytes),
            hint: Arc::new(GatewayHint::default()),
            passwords: Passwords::new().map_err(|_| StartError::Random)?,
            websockets: OpenWebSockets::default(),
            permits: Permits::new(Arc::clone(&metrics)),
            metrics,
            common,
            resources,
        })
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
    }
}

impl<'a> Assembly<'a> {
    pub(super) fn new(
        config: &'a Config,
        shared: &SharedState,
        gateways: &Gateways,
        shown: Option<&ServedCertificates>,
        https_port: Option<u16>,
    ) -> Result<Self, StartError> {
        let log = AccessLog::new(&config.log).counting(Arc::clone(&shared.metrics));
        let edge = EdgeSettings {
            forwarded: config.forwarded.clone(),
            hsts: config.tls.hsts,
            request_body: config.limits.request_body,
            permits: shared.permits.clone(),
            progress: shorter(config.timeouts.send, config.timeouts.progress),
            log: log.clone(),
        };
        let routes = config.all_routes();
        let protected = RouteProtectedFields::new(config);
        let routes = routes.iter().map(|route| wired(config, route, shared, gateways, &protected, &log));
        let router = Router::new(routes.collect());
        let tls = match shown {
            None => None,
            Some(shown) => {
                let certificates = Arc::clone(&shown.certificates);
                let clients = config.tls.client_ca.as_ref().map(ClientVerification::open).transpose()?;
                let tickets = Arc::clone(&shared.tickets);
                let server = tls::server_config(&config.tls, Arc::clone(&certificates), tickets, clients.as_ref());
                Some(Arc::new(HandshakePolicy::new(server, certificates)))
            }
        };
        let beside_80 = config.listen.http.iter().any(|address| address.port() == 80);
        let https = HttpsLocation { port: https_port, beside_80 };
        let offer = shown.filter(|_| config.tls.ca_page).map(|shown| Arc::clone(&shown.offer));
        Ok(Self {
            proxy: Edge::new(edge.clone(), router),
            plain_http_on_tls: Edge::new(
                edge.clone(),
                HttpsRedirect { https: HttpsLocation { beside_80: true, ..https } },
            ),
            redirect: Edge::new(
                edge,
                AcmeChallenge {
                    inner: CaPage { offer, https, inner: HttpsRedirect { https } },
                    tokens: shared.tokens.clone(),
                },
            ),
            config,
            log,
            tls,
            buffers: Arc::clone(&shared.buffers),
            heads: shared.heads.clone(),
            sends: shared.sends.clone(),
        })
    }

    /// The settings of a listener; its connections end with `drain`.
    pub(super) fn settings(&self, purpose: ListenerPurpose, drain: Drain) -> ListenerSettings {
        let kind = match (purpose, &self.tls) {
            (ListenerPurpose::Https, Some(handshakes)) => ListenerProtocol::Tls {
                handshakes: Arc::clone(handshakes),
                buffers: Arc::clone(&self.buffers),
                plain_http_on_tls: self.plain_http_on_tls.clone(),
            },
            _ => ListenerProtocol::Plain,
        };
        let edge = match (purpose, &kind) {
            (ListenerPurpose::Plain, _) | (_, ListenerProtocol::Tls { .. }) => &self.proxy,
            (_, ListenerProtocol::Plain) => &self.redirect,
        };
        let timeouts = &self.config.timeouts;
        ListenerSettings {
            edge: edge.clone(),
            kind,
            proxy_protocol_from: self.config.listen.proxy_protocol_from.clone(),
            handshake: timeouts.tls_handshake,
            connection_timeouts: ConnectionTimeouts { head: timeouts.request_head, idle: timeouts.keep_alive },
            request_head: self.config.limits.request_head,
            heads: self.heads.clone(),
            sends: self.sends.clone(),
            http2_websockets: self.config.websocket.http2,
            log: self.log.clone(),
            drain,
        }
    }
}

/// The fields that only some clients may send.
struct RouteProtectedFields {
    /// For routes that ask for a login.
    here: Arc<ProtectedFields>,
    /// For routes that do not.
    elsewhere: Arc<ProtectedFields>,
}

impl RouteProtectedFields {
    fn new(config: &Config) -> Self {
        // A field that names the user on one route must not come from the client on another.
        let all = || config.routes.iter().filter_map(|route| route.auth.as_ref()).chain([&config.auth]);
        let fields = |login| {
            let users = all().filter_map(|auth| match auth {
                Auth::Basic(basic) => basic.user_header.as_ref(),
                Auth::None => None,
            });
            Arc::new(ProtectedFields::new(users, &config.forwarded.strip, login))
        };
        Self { here: fields(Login::Here), elsewhere: fields(Login::Elsewhere) }
    }

    fn of(&self, auth: &Auth) -> Arc<ProtectedFields> {
        match auth {
            Auth::None => Arc::clone(&self.elsewhere),
            Auth::Basic(_) => Arc::clone(&self.here),
        }
    }
}

/// Makes one route: the requests it matches, and the layers that serve them.
fn wired(
    config: &Config,
    route: &config::RouteConfig,
    shared: &SharedState,
    gateways: &Gateways,
    protected: &RouteProtectedFields,
    log: &AccessLog,
) -> (Matches, RouteStack) {
    let auth = auth_of(config, route);
    let matches = Matches {
        host: route.host.clone(),
        path: route.path.clone(),
        guard: guard_of(config, route),
        answers: route.respond.is_some(),
        takes_basic: matches!(auth, Auth::Basic(_)),
    };
    let timeouts = route.timeouts.over(&config.timeouts);
    let end = if let Some(answer) = &route.respond {
        RouteEnd::Fixed(FixedAnswer::new(answer.clone()))
    } else {
        let GatewayAccess { endpoints, hold_queue, upstream, named } = gateways.way(config, route);
        let times = ExchangeTimeouts { read: timeouts.read, send: timeouts.send, progress: timeouts.progress };
        let hint = Arc::clone(&shared.hint);
        let forward = Forwarder { endpoints, hold_queue, upstream, named, protected: protected.of(auth), times, hint };
        let upgrades = upgrades(config, &timeouts, shared, log.clone());
        RouteEnd::Gateway(Box::new(GatewayRoute { forward, upgrades }))
    };
    let guard = match auth {
        Auth::None => None,
        Auth::Basic(basic) => Some(Arc::new(AccessGuard { basic: basic.clone(), passwords: shared.passwords.clone() })),
    };
    let (requests, answers) = (route.request_headers.clone(), route.response_headers.clone());
    (matches, RouteStack::new(RouteSettings { requests, answers, guard, end }))
}

/// The guards of a route that keep a request from the gateway and that another route may lack.
#[derive(PartialEq, Eq)]
struct RouteGuards<'a> {
    /// The route answers that its content is not for the client, or not there.
    refuses: bool,
    /// The login that the route asks for.
    auth: &'a Auth,
}

impl<'a> RouteGuards<'a> {
    fn of(config: &'a Config, route: &'a config::RouteConfig) -> Self {
        let refuses = route.respond.as_ref().is_some_and(|answer| answer.status.as_u16() >= 400);
        Self { refuses, auth: auth_of(config, route) }
    }

    fn is_open(&self) -> bool {
        *self == Self { refuses: false, auth: &Auth::None }
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
            ping_interval: websocket.ping_interval,
            pong_timeout: websocket.pong_timeout,
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
        buffers: Arc::clone(&shared.buffers),
        open: shared.websockets.clone(),
        log,
    }
}
