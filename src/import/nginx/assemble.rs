//! All servers together: listeners, names, and routes in the order in which they are tried.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::listen::merged;
use super::location::covers;
use super::parser::Directive;
use super::route::respond;
use super::server::{Role, Server};
use super::translation::Translation;
use crate::config::BindAddr;
use crate::import::draft::{Answer, Auth, Certificate, HeaderRules, Route, Timeouts};
use crate::import::error::ImportError;

/// No configuration of people has more.
const MOST_ROUTES: usize = 2000;

impl<'a> Translation<'a, '_> {
    pub(super) fn assemble(&mut self, servers: &[Server<'a>]) -> Result<(), ImportError> {
        if self.unlimited {
            self.draft.limits.request_body = None;
        }
        if self.old_versions {
            self.draft.tls.min_version = None;
        }
        if self.logs {
            self.draft.access_log = None;
        }
        self.listen(servers);
        self.certificate_names(servers);
        for server in servers {
            let what = match server.role {
                Role::Redirect => "listen.http",
                Role::Reject => "404 for every host that no route has",
                Role::Serve if server.names.hosts.is_empty() => "routes for every other host",
                Role::Serve => "routes for its names",
            };
            self.report.kept(&server.directive.place, &server.directive.shown(), what);
        }
        let routes = self.routes_of_all(servers)?;
        self.settle(routes);
        self.advise(servers);
        Ok(())
    }

    fn listen(&mut self, servers: &[Server<'a>]) {
        let serves_tls = servers.iter().any(|server| server.role == Role::Serve && server.speaks_tls());
        let redirected: Vec<_> = servers
            .iter()
            .filter(|server| server.role == Role::Redirect || (server.role == Role::Serve && server.speaks_tls()))
            .flat_map(|server| server.listens.iter().filter(|(listen, _)| !listen.tls))
            .map(|(listen, _)| listen.port())
            .collect();
        let (mut https, mut http, mut plain): (Vec<SocketAddr>, Vec<SocketAddr>, Vec<BindAddr>) = Default::default();
        for server in servers {
            for (listen, directive) in &server.listens {
                let say = |this: &mut Self, what: &str| {
                    if let Some(directive) = directive {
                        this.report.kept(&directive.place, &directive.shown(), what);
                    }
                };
                match &listen.addr {
                    BindAddr::Tcp(addr) if listen.tls => {
                        https.push(*addr);
                        say(self, "listen.https");
                    }
                    BindAddr::Tcp(addr) if redirected.contains(&Some(addr.port())) => {
                        http.push(*addr);
                        let both = server.role == Role::Serve && server.speaks_tls();
                        match directive {
                            Some(directive) if both && !asks_for_https(server) => {
                                let instead = "it served the gateway over plain http as well, where the token can be read on the \
                                               way and the Control UI refuses to work. frontgate redirects to https; listen.plain \
                                               would serve it";
                                self.report.wrong(&directive.place, &directive.shown(), instead);
                            }
                            Some(directive) if server.role == Role::Serve && !both => {
                                let remedy = "another server on this port redirects to https, so this one does, too: its names are \
                                              served there";
                                self.report.dropped(&directive.place, &directive.shown(), remedy);
                            }
                            _ => say(self, "listen.http, which redirects to https"),
                        }
                    }
                    _ if server.role == Role::Reject => say(self, "nothing: only other servers are reached"),
                    BindAddr::Unix(_) if listen.tls => {
                        if let Some(directive) = directive {
                            self.report.dropped(
                                &directive.place,
                                &directive.shown(),
                                "a unix socket speaks no TLS here: listen.plain may be one",
                            );
                        }
                    }
                    addr => {
                        if !plain.contains(addr) {
                            plain.push(addr.clone());
                        }
                        say(self, "listen.plain");
                    }
                }
                let nobody = self.draft.listen.proxy_protocol_from.is_empty();
                if let Some(directive) = directive.filter(|_| listen.proxy_protocol && nobody) {
                    let remedy =
                        "name the balancers in listen.proxy_protocol_from: nobody else may say who a client is";
                    self.report.dropped(&directive.place, &directive.shown(), remedy);
                }
            }
        }
        let tcp = plain.iter().filter_map(|addr| match addr {
            BindAddr::Tcp(addr) => Some(*addr),
            BindAddr::Unix(_) => None,
        });
        let kept: Vec<SocketAddr> = merged(tcp.collect());
        plain.retain(|addr| !matches!(addr, BindAddr::Tcp(addr) if !kept.contains(addr)));
        let listens_at_all = !(https.is_empty() && http.is_empty() && plain.is_empty());
        if listens_at_all && servers.iter().any(|server| !server.directive.inner().is_empty()) {
            self.draft.listen.https = Some(merged(https));
        }
        (self.draft.listen.http, self.draft.listen.plain) = (merged(http), plain);
        if !serves_tls && listens_at_all {
            self.report.next(
                "Nothing here speaks TLS, and the Control UI needs https: unless a proxy in front does, add `listen: { https: [\":8443\"] }` and \
                 `tls: { names: [...] }`",
            );
        }
    }

    fn certificate_names(&mut self, servers: &[Server<'a>]) {
        for server in servers.iter().filter(|server| server.role == Role::Serve && server.speaks_tls()) {
            for host in &server.names.hosts {
                if !self.draft.tls.names.contains(host) && !host.contains('_') {
                    self.draft.tls.names.push(host.clone());
                }
            }
        }
        let missing = self.no_certificate && self.draft.tls.certificate != Certificate::Local;
        if missing || (self.no_certificate && !self.draft.tls.names.is_empty()) {
            self.report.next("A server speaks TLS without a certificate: frontgate shows one of its own CA, or gets a public one with `tls: { certificate: acme }`");
        }
    }

    /// The routes of every server, for their hosts.
    fn routes_of_all(&mut self, servers: &[Server<'a>]) -> Result<Vec<Route>, ImportError> {
        let any_tls = servers.iter().any(|server| server.role == Role::Serve && server.speaks_tls());
        let counts = |server: &&Server<'a>| !any_tls || server.speaks_tls();
        let candidates: Vec<&Server<'a>> =
            servers.iter().filter(|server| server.role != Role::Redirect).filter(counts).collect();
        let flagged = candidates.iter().find(|server| server.listens.iter().any(|(listen, _)| listen.is_default));
        let default = flagged.or(candidates.first()).map(|server| std::ptr::from_ref::<Server<'a>>(server));
        let wildcards = servers.iter().any(|server| server.names.hosts.iter().any(|host| host.starts_with("*.")));
        let serving: Vec<&Server<'a>> = servers.iter().filter(|server| server.role == Role::Serve).collect();
        let (mut named, mut general) = (Vec::new(), Vec::new());
        let mut taken: Vec<(&String, &Server<'a>)> = Vec::new();
        for server in &serving {
            for host in &server.names.hosts {
                match taken.iter().find(|(name, _)| *name == host) {
                    Some((_, first)) if bare(&first.routes) != bare(&server.routes) => {
                        let place = &first.directive.place;
                        let remedy = format!(
                            "`{host}` has its routes from {place}, whatever the port: give one of them another name"
                        );
                        self.report.dropped(&server.directive.place, &server.directive.shown(), remedy);
                    }
                    Some(_) => {}
                    None => taken.push((host, server)),
                }
            }
        }
        for server in &serving {
            let is_default = default == Some(std::ptr::from_ref(*server));
            let mut hosts: Vec<Option<String>> = server.names.hosts.iter().cloned().map(Some).collect();
            if is_default {
                let mapped = server
                    .routes
                    .iter()
                    .filter_map(|route| route.host.clone())
                    .filter(|host| !server.names.hosts.contains(host));
                if !wildcards || serving.len() == 1 {
                    let by_map = |host: &Option<String>| {
                        server.routes.iter().any(|route| route.host.is_some() && route.host == *host)
                    };
                    hosts.retain(by_map);
                }
                hosts.extend(mapped.map(Some));
                hosts.push(None);
            } else if hosts.is_empty() {
                let remedy =
                    "no name of it can be the host of a route, and another server is the default: it is not reached";
                self.report.dropped(&server.directive.place, &server.directive.shown(), remedy);
            }
            for (number, host) in hosts.into_iter().enumerate() {
                let list = if host.is_none() { &mut general } else { &mut named };
                list.extend(for_host(&server.routes, host.as_deref(), number == 0));
                if list.len() > MOST_ROUTES {
                    let limit = format!("more than {MOST_ROUTES} routes");
                    return Err(ImportError::TooMuch { file: server.directive.place.to_string(), limit });
                }
            }
        }
        let same = |own: &Route, other: &Route| {
            let bare = |route: &Route| Route { host: None, comment: Vec::new(), ..route.clone() };
            bare(own) == bare(other)
        };
        // A host that is treated as every other needs no routes, unless those for all below a name would take them.
        let of = |host: &str, list: &[Route]| {
            list.iter().filter(|route| route.host.as_deref() == Some(host)).cloned().collect::<Vec<_>>()
        };
        let hosts: Vec<String> =
            named.iter().filter_map(|route: &Route| route.host.clone()).filter(|_| !wildcards).collect();
        let needless = |host: &String| {
            let own = of(host, &named);
            own.len() == general.len() && own.iter().zip(&general).all(|(own, other)| same(own, other))
        };
        let needless: Vec<String> = hosts.into_iter().filter(needless).collect();
        named.retain(|route| route.host.as_ref().is_none_or(|host| !needless.contains(host)));
        named.extend(general);
        if serving.is_empty() && !candidates.is_empty() {
            // Without any route everything would go to the gateway.
            named.push(Route { answer: respond(403), ..Route::default() });
        }
        named.sort_by_key(|route: &Route| match &route.host {
            Some(host) if !host.starts_with("*.") => 0,
            Some(_) => 1,
            None => 2,
        });
        Ok(without_covered(named))
    }

    /// Puts the routes into the draft, what they have in common above them.
    fn settle(&mut self, mut routes: Vec<Route>) {
        let targets: Vec<String> = routes
            .iter()
            .filter_map(|route| match &route.answer {
                Answer::Upstream(name) if name.contains(':') => Some(name.clone()),
                _ => None,
            })
            .collect();
        let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
        for target in &targets {
            *counts.entry(target).or_default() += 1;
        }
        let most = counts.values().max().copied();
        // Of those that most routes have the last, which is for the rest.
        let upstream = targets.iter().rfind(|target| counts.get(target).copied() == most).cloned();
        if let Some(upstream) = &upstream {
            for route in &mut routes {
                if route.answer == Answer::Upstream(upstream.clone()) {
                    route.answer = Answer::Default;
                }
            }
        }
        self.draft.upstream = upstream;
        self.lift_timeouts(&mut routes);
        let plain = |route: &Route| {
            route.host.is_none()
                && route.path.is_none()
                && route.answer == Answer::Default
                && route.request_headers == HeaderRules::default()
                && route.response_headers == HeaderRules::default()
                && route.timeouts == Timeouts::default()
        };
        match routes.as_slice() {
            [one] if plain(one) => {
                self.draft.auth = if one.auth == Auth::None { Auth::Inherited } else { one.auth.clone() };
                for line in &one.comment {
                    self.draft.comment("upstream", line.clone());
                }
            }
            _ => {
                for route in &mut routes {
                    // The top level lets everybody in, so there is nothing to say again.
                    if route.auth == Auth::None {
                        route.auth = Auth::Inherited;
                    }
                }
                self.draft.routes = routes;
            }
        }
    }

    fn lift_timeouts(&mut self, routes: &mut [Route]) {
        let common = |pick: fn(&Timeouts) -> Option<std::time::Duration>, routes: &[Route]| {
            let mut all = routes
                .iter()
                .filter(|route| !matches!(route.answer, Answer::Respond(_)))
                .map(|route| pick(&route.timeouts));
            let first = all.next()??;
            all.all(|other| other == Some(first)).then_some(first)
        };
        let read = common(|timeouts| timeouts.read, routes);
        let send = common(|timeouts| timeouts.send, routes);
        let connect = common(|timeouts| timeouts.connect, routes);
        (self.draft.timeouts.read, self.draft.timeouts.send, self.draft.timeouts.connect) = (read, send, connect);
        for route in routes {
            let responds = matches!(route.answer, Answer::Respond(_));
            for (own, common) in [
                (&mut route.timeouts.read, read),
                (&mut route.timeouts.send, send),
                (&mut route.timeouts.connect, connect),
            ] {
                if responds || *own == common {
                    *own = None;
                }
            }
        }
    }

    fn advise(&mut self, servers: &[Server<'a>]) {
        if servers.is_empty() {
            self.report.next("There is no server in it: import the file that has one");
            return;
        }
        let forwards = self.draft.upstream.is_some() || !self.draft.upstreams.is_empty();
        if forwards {
            self.report.next("The gateway must know its proxy: gateway.trustedProxies has the address that frontgate connects from, such as \"127.0.0.1\"");
            let host = self.draft.tls.names.iter().find(|name| !name.starts_with('*')).cloned();
            if let Some(host) = host {
                self.report.next(format!(
                    "gateway.controlUi.allowedOrigins has the origin that browsers show, such as \"https://{host}\""
                ));
            }
        }
    }
}

/// Without what is said above each.
fn bare(routes: &[Route]) -> Vec<Route> {
    routes.iter().map(|route| Route { comment: Vec::new(), ..route.clone() }).collect()
}

/// Whether a server that speaks TLS redirects what comes in plain.
fn asks_for_https(server: &Server<'_>) -> bool {
    let asks = |one: &Directive| one.name == "if" && one.args.join(" ").contains("$scheme");
    server.directive.inner().iter().any(asks)
}

/// The routes of a server as they are for one host.
fn for_host(routes: &[Route], host: Option<&str>, first: bool) -> Vec<Route> {
    let mut found: Vec<Route> = Vec::new();
    for route in routes {
        let fits = route.host.is_none() || route.host.as_deref() == host;
        if !fits || found.iter().any(|known| known.path == route.path) {
            continue;
        }
        // The one that a map has for this host goes before the general one.
        let special = routes
            .iter()
            .find(|other| other.path == route.path && other.host.is_some() && other.host.as_deref() == host);
        let mut route = special.unwrap_or(route).clone();
        route.host = host.map(str::to_owned);
        if !first {
            route.comment.clear();
        }
        found.push(route);
    }
    found
}

/// Without routes that no request gets to.
fn without_covered(routes: Vec<Route>) -> Vec<Route> {
    let mut kept: Vec<Route> = Vec::new();
    for route in routes {
        let covered =
            kept.iter().any(|other| other.host == route.host && covers(other.path.as_deref(), route.path.as_deref()));
        if !covered {
            kept.push(route);
        }
    }
    kept
}
