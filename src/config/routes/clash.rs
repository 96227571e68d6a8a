//! Settings of a route that cannot work where the route is reached: a certificate that no client can show, a cookie that two groups
//! of gateways write.

use super::{HostPattern, RouteConfig, RouteTarget};
use crate::config::keys::SectionChecks;
use crate::config::problem::ValueError;
use crate::config::{Config, Listen, LoginRules, UpstreamGroup};

/// Reports certificates that a route asks for where no client can show one, since there is no TLS. Where another proof lets in, that
/// is a warning.
pub(in crate::config) fn certificates(config: &Config, checks: &mut SectionChecks<'_>) {
    let fault = |rules: &LoginRules| {
        let fault = ValueError::new("no client can show a certificate: only listeners without TLS lead here")
            .hint("an https listener, such as listen: { https: [\":8443\"] }, or another proof, such as `token`");
        if has_others(rules) { fault.warning() } else { fault }
    };
    let (mut heirs, mut without) = (0, Vec::new());
    for (index, route) in config.all_routes().iter().enumerate().filter(|(_, route)| !route.answers()) {
        let shows = has_tls(route, &config.listen);
        if let Some(own) = &route.auth {
            if let Some(rules) = own.rules().filter(|rules| rules.mtls.is_some() && !shows) {
                checks.report(&[&format!("routes[{index}].auth.mtls"), "listen.https"], fault(rules));
            }
        } else {
            heirs += 1;
            without.extend((!shows).then_some(index));
        }
    }
    let Some(rules) = config.auth.rules().filter(|rules| rules.mtls.is_some()) else { return };
    if heirs == without.len() && heirs > 0 {
        return checks.report(&["auth.mtls", "listen.https"], fault(rules));
    }
    if !has_others(rules) {
        for index in without {
            checks.report(&[&format!("routes[{index}]"), "auth.mtls", "listen.https"], fault(rules));
        }
    }
}

/// Whether another proof than a certificate lets in.
fn has_others(rules: &LoginRules) -> bool {
    rules.basic.is_some() || rules.token.is_some() || rules.forward.is_some() || rules.oidc.is_some()
}

fn has_tls(route: &RouteConfig, listen: &Listen) -> bool {
    listen.https.iter().any(|listener| route.is_at(listener.name.as_deref()))
}

/// Reports groups whose cookies have one name on one host: each would take the other's for its own, and lead its clients anywhere.
/// Groups that have nowhere else to lead clients may share one.
pub(in crate::config) fn cookies(config: &Config, checks: &mut SectionChecks<'_>) {
    let groups: Vec<_> = config.routes.iter().enumerate().filter_map(|one| tie(config, one)).collect();
    let mut told: Vec<&str> = Vec::new();
    for (place, RouteTie { index, group, cookie, is_single }) in groups.iter().enumerate() {
        let clash = groups[..place].iter().find_map(|other| {
            let is_clash = other.cookie == *cookie && other.group != *group && !(other.is_single && *is_single);
            let host = is_clash.then(|| shared(&config.routes, other.index, *index)).flatten();
            host.map(|host| (other.group, host))
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

/// A route's group and its cookie.
struct RouteTie<'a> {
    index: usize,
    group: &'a str,
    cookie: &'a str,
    /// Whether the group has a single gateway, to which clients come with any cookie.
    is_single: bool,
}

/// A route's group and its cookie, if it has one.
fn tie<'a>(config: &'a Config, (index, route): (usize, &'a RouteConfig)) -> Option<RouteTie<'a>> {
    let Some(RouteTarget::Named(name)) = route.upstream.as_ref().filter(|_| !route.answers()) else { return None };
    let (_, group) = config.upstreams.iter().find(|(known, _)| known == name)?;
    Some(RouteTie { index, group: name, cookie: &group.sticky.as_ref()?.cookie, is_single: is_single(group) })
}

fn is_single(group: &UpstreamGroup) -> bool {
    group.endpoints.len() == 1 && group.names().next().is_none()
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
