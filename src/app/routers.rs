//! [`Routers`]: the routes of a configuration, joined with what serves them.

use std::sync::Arc;

use super::gateways::{GatewayAccess, Gateways};
use super::logins::RouteLogins;
use super::shared_state::SharedState;
use crate::config::{self, Auth, ClientAccess, Config, PathMatcher, RouteAnswer, Timeouts};
use crate::http::auth::live_logins::RouteRechecks;
use crate::http::auth::oidc::login_pages::{HostLogin, LoginPages};
use crate::http::auth::oidc::return_target::ReturnTarget;
use crate::http::auth::passwords::Passwords;
use crate::http::auth::recheck::LoginRecheck;
use crate::http::proxy::forward::{ExchangeTimeouts, Forwarder};
use crate::http::proxy::gateway_route::GatewayRoute;
use crate::http::proxy::upgrade::UpgradeSettings;
use crate::http::route::answer::FixedAnswer;
use crate::http::route::matches::Matches;
use crate::http::route::protected::ProtectedFields;
use crate::http::route::redirect::MadeRedirect;
use crate::http::route::router::{RoutedStack, Router};
use crate::http::route::stack::{RouteEnd, RouteSettings, RouteStack};
use crate::observe::AccessLog;
use crate::observe::metrics::RouteRequests;
use crate::websocket::direction::FrameRules;
use crate::websocket::keepalive::SilenceLimits;
use crate::websocket::settings;

/// The routes of all listeners, from which each takes its own.
pub(super) struct Routers {
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
    /// The routes of `config`, with what serves them.
    pub(super) fn new(
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
            let login = config.auth_of(&route).rules().and_then(|rules| logins.oidc(rules));
            let login = login.map(|proof| {
                let host = route.matchers.host.clone();
                let front = ReturnTarget::at(route.matchers.path.as_ref().map_or("/", PathMatcher::example));
                HostLogin { host, front, access: config.access(&route), proof }
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

    /// The routes as the metrics count their requests.
    pub(super) fn counted(&self) -> Vec<Arc<RouteRequests>> {
        self.routes.iter().map(|route| Arc::clone(&route.counts)).collect()
    }

    /// What looks at the logins of each route again.
    pub(super) fn rechecks(&self) -> RouteRechecks {
        let one = |route: &WiredRoute| {
            let guard = route.stack.guard().map(|guard| Arc::clone(guard) as Arc<dyn LoginRecheck>);
            (Arc::clone(route.counts.name()), guard)
        };
        Arc::new(self.routes.iter().map(one).collect())
    }

    /// A router with the routes of the listeners of this name.
    pub(super) fn router(&self, listener: Option<&str>) -> Router {
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
    let auth = config.auth_of(route);
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
        Self { refuses, auth: config.auth_of(route), access: config.access(route) }
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
