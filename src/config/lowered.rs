//! [`lowered()`]: which guards a change of the configuration takes away from requests that had them.
//!
//! Routes are compared by the requests that they take: patterns of hosts and paths divide all requests into finitely
//! many kinds, and one request of each kind is looked up before and after. A guard that cannot be compared this way
//! counts as lowered.

mod requests;
mod sample_request;
mod samples;
mod table;
#[cfg(test)]
mod tests;

use std::fmt;

use ipnet::IpNet;

use super::{AllowedOrigins, BindAddr, ClientCa, ClientMode, Config, Listen};

/// A guard that a change takes away, and from which requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lowered {
    /// The setting of the guard: `auth`, `respond`, `tls.client_ca`.
    pub(crate) guard: &'static str,
    /// The route that loses it, as `routes[1] (gw.example.com/private)`; or the other setting that admits more.
    pub(crate) of: String,
}

impl fmt::Display for Lowered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.guard, self.of)
    }
}

/// Every guard that is lower under `after` than under `before`: some request may pass that was refused or needed a
/// proof. Another status, another proof and one more user do not count as lower.
pub(crate) fn lowered(before: &Config, after: &Config) -> Vec<Lowered> {
    // The pattern names every section, so that adding one forces the decision whether it guards.
    let Config {
        listen,
        tls,
        public_origin: _,
        compress: _,
        mdns: _,
        state_dir: _,
        upstream: _,
        routes: _,
        upstreams: _,
        hold: _,
        forwarded,
        websocket,
        timeouts: _,
        limits: _,
        allow: _,
        deny: _,
        auth: _,
        cluster: _,
        admin,
        log: _,
        telemetry: _,
    } = after;
    let mut all = requests::lowered(before, after);
    let mut found = |guard, of: String| all.push(Lowered { guard, of });
    if loses_certificates(before.tls.client_ca.as_ref(), tls.client_ca.as_ref()) {
        found("tls.client_ca", "listen.https".to_owned());
    } else if before.tls.client_ca.is_some() {
        // A listener without TLS asks for no certificate.
        let known = |address: &BindAddr| before.listen.plain.iter().any(|listener| listener.address == *address);
        for address in listen.plain.iter().map(|listener| &listener.address).filter(|address| !known(address)) {
            found("tls.client_ca", format!("requests, at {address} in listen.plain"));
        }
    }
    for (name, address) in wider_listeners(before, after) {
        found("listen", format!("the listener {name}, at {address}"));
    }
    // The token goes with the next start only, but a start asks no operator to confirm.
    if before.admin.token.is_some() && admin.token.is_none() && admin.address.is_some() {
        found("admin.token", "the admin listener".to_owned());
    }
    if admits_more_origins(&before.websocket.allowed_origins, &websocket.allowed_origins) {
        found("websocket.allowed_origins", "all routes".to_owned());
    }
    let believed = [
        ("forwarded.trusted_proxies", &before.forwarded.trusted_proxies, &forwarded.trusted_proxies),
        ("listen.proxy_protocol_from", &before.listen.proxy_protocol_from, &listen.proxy_protocol_from),
    ];
    for (guard, narrow, wide) in believed {
        let more: Vec<_> = beyond(narrow, wide).map(ToString::to_string).collect();
        if !more.is_empty() {
            found(guard, format!("all routes, for {}", more.join(", ")));
        }
    }
    all
}

/// The named listeners that more machines reach: routes may be for their clients because these are few.
fn wider_listeners(before: &Config, after: &Config) -> Vec<(String, BindAddr)> {
    let named = |config: &Config| -> Vec<(String, BindAddr)> {
        let Listen { https, http, plain, proxy_protocol_from: _ } = &config.listen;
        let tcp = https.iter().chain(http).map(|one| (one.name.clone(), BindAddr::Tcp(one.address)));
        let all = tcp.chain(plain.iter().map(|one| (one.name.clone(), one.address.clone())));
        all.filter_map(|(name, address)| Some((name?, address))).collect()
    };
    let known = named(before);
    let is_wide = |address: &BindAddr| matches!(address, BindAddr::Tcp(address) if !address.ip().is_loopback());
    let wider = |(name, address): &(String, BindAddr)| {
        let same: Vec<_> = known.iter().filter(|(own, _)| own == name).map(|(_, address)| address).collect();
        is_wide(address) && !same.is_empty() && !same.contains(&address)
    };
    named(after).into_iter().filter(wider).collect()
}

fn loses_certificates(before: Option<&ClientCa>, after: Option<&ClientCa>) -> bool {
    match (before.map(|ca| ca.mode), after.map(|ca| ca.mode)) {
        (Some(ClientMode::Required), after) => after != Some(ClientMode::Required),
        (Some(ClientMode::Optional), after) => after.is_none(),
        (None, _) => false,
    }
}

fn admits_more_origins(before: &AllowedOrigins, after: &AllowedOrigins) -> bool {
    match (before, after) {
        (AllowedOrigins::Any, _) | (AllowedOrigins::SameHost, AllowedOrigins::SameHost) => false,
        (AllowedOrigins::List(before), AllowedOrigins::List(after)) => after.iter().any(|one| !before.contains(one)),
        // The hosts that requests ask for are not known here.
        (AllowedOrigins::SameHost | AllowedOrigins::List(_), _) => true,
    }
}

/// The networks of `wide` that are not wholly in `narrow`.
fn beyond<'a>(narrow: &[IpNet], wide: &'a [IpNet]) -> impl Iterator<Item = &'a IpNet> {
    // Two halves of a network count as the whole.
    let narrow = IpNet::aggregate(&narrow.to_vec());
    wide.iter().filter(move |net| !narrow.iter().any(|own| own.contains(*net)))
}
