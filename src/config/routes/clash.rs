//! Settings of a route that cannot work where the route is reached: a certificate that no client can show, a cookie that two groups
//! of gateways write.

use super::{HostPattern, RouteConfig, RouteTarget};
use crate::config::keys::SectionChecks;
use crate::config::problem::ValueError;
use crate::config::{Config, Listen};

/// Reports certificates that a route asks for where no client can show one, since there is no TLS.
pub(in crate::config) fn certificates(config: &Config, checks: &mut SectionChecks<'_>) {
    let fault = || {
        ValueError::new("no client can show a certificate: only listeners without TLS lead here")
            .hint("an https listener, such as listen: { https: [\":8443\"] }, or another proof, such as `token`")
    };
    let (mut heirs, mut without) = (0, Vec::new());
    for (index, route) in config.all_routes().iter().enumerate().filter(|(_, route)| !route.answers()) {
        let shows = has_tls(route, &config.listen);
        match &route.auth {
            Some(own) if own.rules().is_some_and(|rules| rules.mtls.is_some()) && !shows => {
                checks.report(&[&format!("routes[{index}].auth.mtls"), "listen.https"], fault());
            }
            Some(_) => {}
            None => {
                heirs += 1;
                without.extend((!shows).then_some(index));
            }
        }
    }
    let Some(rules) = config.auth.rules().filter(|rules| rules.mtls.is_some()) else { return };
    if heirs == without.len() && heirs > 0 {
        return checks.report(&["auth.mtls", "listen.https"], fault());
    }
    let others = [rules.basic.is_some(), rules.token.is_some(), rules.forward.is_some(), rules.oidc.is_some()];
    if !others.contains(&true) {
        for index in without {
            checks.report(&[&format!("routes[{index}]"), "auth.mtls", "listen.https"], fault());
        }
    }
}

fn has_tls(route: &RouteConfig, listen: &Listen) -> bool {
    listen.https.iter().any(|listener| route.is_at(listener.name.as_deref()))
}

/// Reports groups whose cookies have one name on one host: each would take the other's for its own, and lead its clients anywhere.
pub(in crate::config) fn cookies(config: &Config, checks: &mut SectionChecks<'_>) {
    let groups: Vec<(usize, &str, &str)> =
        config.routes.iter().enumerate().filter_map(|one| tie(config, one)).collect();
    let mut told: Vec<&str> = Vec::new();
    for (place, (index, group, cookie)) in groups.iter().enumerate() {
        let clash = groups[..place].iter().find_map(|(other, first, known)| {
            let host = if known == cookie && first != group { shared(&config.routes, *other, *index) } else { None };
            host.map(|host| (first, host))
        });
        let Some((first, host)) = clash.filter(|_| !told.contains(group)) else { continue };
        told.push(group);
        let fault =
            ValueError::new(format!("the groups `{first}` and `{group}` both have the cookie `{cookie}` on {host}"));
        let fault = fault.hint(format!("a name of its own, such as sticky: {{ cookie: {cookie}-{group} }}"));
        let own = format!("upstreams.{group}.sticky");
        checks.report_read(&[&format!("{own}.cookie"), &own], fault);
    }
}

/// A route's group and its cookie, if it has one.
fn tie<'a>(config: &'a Config, (index, route): (usize, &'a RouteConfig)) -> Option<(usize, &'a str, &'a str)> {
    let Some(RouteTarget::Named(name)) = route.upstream.as_ref().filter(|_| !route.answers()) else { return None };
    let (_, group) = config.upstreams.iter().find(|(known, _)| known == name)?;
    Some((index, name, &group.sticky.as_ref()?.cookie))
}

/// The hosts on which both routes get requests, if there are any, in words.
fn shared(routes: &[RouteConfig], one: usize, other: usize) -> Option<String> {
    let host = match (&routes[one].matchers.host, &routes[other].matchers.host) {
        (None, host) | (host, None) => host.as_ref(),
        (Some(one), Some(other)) if one.covers(other) => Some(other),
        (Some(one), Some(other)) if other.covers(one) => Some(one),
        _ => return None,
    };
    let both = is_reached(routes, one, host) && is_reached(routes, other, host);
    both.then(|| host.map_or_else(|| "one host".to_owned(), ToString::to_string))
}

/// Whether a route gets requests for `host`: no route that is tried before it takes them all.
fn is_reached(routes: &[RouteConfig], index: usize, host: Option<&HostPattern>) -> bool {
    let mut there = routes[index].clone();
    let rank = there.rank();
    there.matchers.host = host.cloned();
    let is_first = |other: usize, route: &RouteConfig| (route.rank(), other) < (rank, index);
    !routes.iter().enumerate().any(|(other, route)| is_first(other, route) && route.takes_all_of(&there))
}
