//! Whether the gateway may believe the user's name that comes from frontgate.

use std::collections::BTreeSet;
use std::net::IpAddr;

use http::HeaderName;

use crate::config::{Config, LoginRules, RouteConfig, UpstreamAddress};
use crate::doctor::catalogue::identity as found;
use crate::doctor::catalogue::settings::KnownSettings;
use crate::doctor::finding::{CheckOutcome, Diagnosis};
use crate::doctor::plan::endpoints;
use crate::http::route::protected::{Login, ProtectedFields, RequestSender};

/// Judges a gateway that takes the user's name from a proxy. `local` is our address on the way to it.
///
/// The gateway believes whatever stands in its `userHeader`. So that field must be frontgate's to set: each route that
/// leads to the gateway sets it from a login, or no client gets it past frontgate.
pub(in crate::doctor) fn identity(
    diagnosis: &mut Diagnosis,
    known: &KnownSettings<'_>,
    local: Option<IpAddr>,
    config: &Config,
    upstream: &UpstreamAddress,
) {
    let settings = known.settings;
    if settings.auth_mode.as_deref() != Some("trusted-proxy") {
        return;
    }
    let proxy = &settings.trusted_proxy;
    let what = format!("{upstream} may believe frontgate about its users' names");
    let Some(name) = proxy.user_header.as_deref() else {
        let why = "its userHeader is not in the file that was read";
        return diagnosis.checked(what, CheckOutcome::Skipped, why);
    };
    let before = diagnosis.findings.len();
    let here = local.is_some_and(|ip| ip.is_loopback());
    let routes: Vec<RouteConfig> = config
        .all_routes()
        .into_iter()
        .filter(|route| route.respond.is_none() && endpoints(config, route).contains(upstream))
        .collect();
    let without: Vec<String> = routes.iter().filter(|route| !sets(config, route, name)).map(describe).collect();
    let stopped = is_stopped(config, name);
    let refused = here && proxy.allow_loopback != Some(true);
    if !without.is_empty() {
        let asks = |route: &&RouteConfig| !sets(config, route, name) && login(config, route).is_some();
        // A trusted proxy before frontgate may have asked for a login, and names its user where frontgate does not ask for one itself.
        let by_another =
            stopped && !config.forwarded.trusted_proxies.is_empty() && !routes.iter().any(|route| asks(&route));
        if !stopped && !refused {
            diagnosis.found(found::open(known, name, &without, upstream));
        } else if !by_another {
            let others = routes.iter().filter(asks).filter_map(|route| login(config, route));
            let others: BTreeSet<&str> = others.flat_map(LoginRules::identity_fields).map(HeaderName::as_str).collect();
            diagnosis.found(found::no_user(known, name, (&without, &others), upstream, stopped));
        }
    }
    let nameless: Vec<String> = routes.iter().filter(|route| is_nameless(config, route, name)).map(describe).collect();
    if !nameless.is_empty() {
        diagnosis.found(found::service_names_nobody(known, name, &nameless));
    }
    if refused && !settings.partial {
        diagnosis.found(found::loopback_refused(known, name, &without, stopped));
    }
    let never: Vec<&str> =
        proxy.required_headers.iter().map(String::as_str).filter(|field| !is_sent(config, &routes, field)).collect();
    if !never.is_empty() {
        diagnosis.found(found::required_headers(known, &never));
    }
    let users = users(config, &routes);
    let strangers: Vec<&str> =
        users.iter().copied().filter(|user| !proxy.allow_users.iter().any(|allowed| allowed == user)).collect();
    if !proxy.allow_users.is_empty() && without.is_empty() && !strangers.is_empty() {
        diagnosis.found(found::users_not_allowed(known, &strangers, strangers.len() == users.len()));
    }
    let outcome = if diagnosis.findings.len() == before { CheckOutcome::Good } else { CheckOutcome::Bad };
    diagnosis.checked(what, outcome, if outcome == CheckOutcome::Good { format!("by {name}") } else { String::new() });
}

/// Whether that route sets the field itself, from its login.
fn sets(config: &Config, route: &RouteConfig, name: &str) -> bool {
    login(config, route).is_some_and(|login| login.identity_fields().any(|field| is_field(field.as_str(), name)))
}

/// Whether that route lets users in of whom its login service tells no name, where the name belongs into that field.
fn is_nameless(config: &Config, route: &RouteConfig, name: &str) -> bool {
    login(config, route).is_some_and(|login| {
        login.forward.as_ref().is_some_and(|forward| forward.answer_headers.is_empty())
            && login.user_headers.iter().any(|field| is_field(field.as_str(), name))
    })
}

fn login<'a>(config: &'a Config, route: &'a RouteConfig) -> Option<&'a LoginRules> {
    config.auth_of(route).rules()
}

/// Whether no client gets that field past frontgate, on whatever route: one of them sets it, `forwarded.strip` names
/// it, or it is known for a login service's.
fn is_stopped(config: &Config, name: &str) -> bool {
    let routes = config.all_routes();
    let users = routes.iter().filter_map(|route| login(config, route)).flat_map(LoginRules::identity_fields);
    let fields = ProtectedFields::new(users, &config.forwarded.strip, Login::Elsewhere);
    // Text that is not the name of a field reaches no gateway.
    HeaderName::try_from(name).map_or(true, |name| !fields.pass(&name, RequestSender::Client))
}

/// Gateways may take `_` for `-`.
fn is_field(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().zip(other.bytes()).all(|(one, other)| plain(one) == plain(other))
}

const fn plain(byte: u8) -> u8 {
    if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() }
}

/// Whether every request of these routes carries that field.
fn is_sent(config: &Config, routes: &[RouteConfig], name: &str) -> bool {
    let always = ["host"];
    let x_forwarded = ["x-forwarded-for", "x-real-ip", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port"];
    let by = |route: &RouteConfig| {
        let rules = &route.request_headers;
        sets(config, route, name) || rules.set.iter().any(|(field, _)| is_field(field.as_str(), name))
    };
    always.contains(&name)
        || config.forwarded.x_forwarded && x_forwarded.contains(&name)
        || config.forwarded.rfc7239 && name == "forwarded"
        || !routes.is_empty() && routes.iter().all(by)
}

/// The users that frontgate knows by name.
fn users<'a>(config: &'a Config, routes: &'a [RouteConfig]) -> Vec<&'a str> {
    let logins = routes.iter().filter_map(|route| login(config, route));
    let mut users: Vec<&str> = logins.flat_map(LoginRules::named_users).collect();
    users.sort_unstable();
    users.dedup();
    users
}

/// A route, as people find it in the config.
fn describe(route: &RouteConfig) -> String {
    let host = route.matchers.host.as_ref().map_or_else(|| "every host".to_owned(), ToString::to_string);
    let path = route.matchers.path.as_ref().map(ToString::to_string).unwrap_or_default();
    format!("{host}{path}")
}

#[cfg(test)]
mod tests;
