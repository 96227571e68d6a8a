//! The routes of all servers, in the order in which they are tried: hosts by name, then those below a name, then all
//! others.

use super::location::covers;
use super::route::respond;
use super::server::{NginxServer, Role};
use super::translation::Translation;
use crate::import::error::ImportError;
use crate::import::old::DraftRoute;

/// How many routes there may be; no configuration that people write has more.
const MOST_ROUTES: usize = 2000;

impl<'a> Translation<'a, '_> {
    /// The routes of every server, for their hosts.
    pub(super) fn routes_of_all(&mut self, servers: &[NginxServer<'a>]) -> Result<Vec<DraftRoute>, ImportError> {
        let any_tls = servers.iter().any(|server| server.role == Role::Serve && server.speaks_tls());
        let counts = |server: &&NginxServer<'a>| !any_tls || server.speaks_tls();
        let candidates: Vec<&NginxServer<'a>> =
            servers.iter().filter(|server| server.role != Role::Redirect).filter(counts).collect();
        let flagged = candidates.iter().find(|server| server.listens.iter().any(|(listen, _)| listen.is_default));
        let default = flagged.or(candidates.first()).map(|server| std::ptr::from_ref::<NginxServer<'a>>(server));
        let wildcards = servers.iter().any(|server| server.names.hosts.iter().any(|host| host.starts_with("*.")));
        let serving: Vec<&NginxServer<'a>> = servers.iter().filter(|server| server.role == Role::Serve).collect();
        let (mut named, mut general) = (Vec::new(), Vec::new());
        let mut taken: Vec<(&String, &NginxServer<'a>)> = Vec::new();
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
        let same = |own: &DraftRoute, other: &DraftRoute| {
            let bare = |route: &DraftRoute| DraftRoute { host: None, comment: Vec::new(), ..route.clone() };
            bare(own) == bare(other)
        };
        // A host that is treated as every other needs no routes, unless those for all below a name would take them.
        let of = |host: &str, list: &[DraftRoute]| {
            list.iter().filter(|route| route.host.as_deref() == Some(host)).cloned().collect::<Vec<_>>()
        };
        let hosts: Vec<String> =
            named.iter().filter_map(|route: &DraftRoute| route.host.clone()).filter(|_| !wildcards).collect();
        let needless = |host: &String| {
            let own = of(host, &named);
            own.len() == general.len() && own.iter().zip(&general).all(|(own, other)| same(own, other))
        };
        let needless: Vec<String> = hosts.into_iter().filter(needless).collect();
        named.retain(|route| route.host.as_ref().is_none_or(|host| !needless.contains(host)));
        named.extend(general);
        if serving.is_empty() && !candidates.is_empty() {
            // Without any route every request would go to the gateway.
            named.push(DraftRoute { answer: respond(403), ..DraftRoute::default() });
        }
        named.sort_by_key(|route: &DraftRoute| match &route.host {
            Some(host) if !host.starts_with("*.") => 0,
            Some(_) => 1,
            None => 2,
        });
        Ok(without_covered(named))
    }
}

/// The routes without the comments above them.
fn bare(routes: &[DraftRoute]) -> Vec<DraftRoute> {
    routes.iter().map(|route| DraftRoute { comment: Vec::new(), ..route.clone() }).collect()
}

/// The routes of a server as they are for one host.
fn for_host(routes: &[DraftRoute], host: Option<&str>, first: bool) -> Vec<DraftRoute> {
    let mut found: Vec<DraftRoute> = Vec::new();
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

/// The routes without those that no request gets to.
fn without_covered(routes: Vec<DraftRoute>) -> Vec<DraftRoute> {
    let mut kept: Vec<DraftRoute> = Vec::new();
    for route in routes {
        let covered =
            kept.iter().any(|other| other.host == route.host && covers(other.path.as_deref(), route.path.as_deref()));
        if !covered {
            kept.push(route);
        }
    }
    kept
}
