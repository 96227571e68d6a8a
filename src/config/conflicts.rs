//! Addresses that listeners cannot have together, and gateways that are frontgate itself.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use super::keys::SectionChecks;
use super::problem::ValueError;
use super::{Admin, BindAddr, Config, ListenTcp, RouteTarget, UpstreamAddress};

/// An address that is to be bound, and the key that asks for it.
#[derive(Debug, Clone)]
struct WantedAddress {
    key: String,
    address: BindAddr,
}

/// Reports addresses that cannot be bound together, and an admin listener without a token that other machines can
/// reach.
pub(super) fn check(config: &Config, checks: &mut SectionChecks<'_>) {
    let mut seen: Vec<WantedAddress> = Vec::new();
    for wanted in listeners(config) {
        if let Some(first) = seen.iter().find(|first| overlap(&first.address, &wanted.address)) {
            // The address that was written is at fault, and not a default.
            let (own, other) = if checks.sets(&wanted.key) { (&wanted, first) } else { (first, &wanted) };
            let named = checks.named(&other.key);
            let fault = if own.address == other.address {
                ValueError::new(format!("{} is already taken by {named}", own.address))
            } else {
                ValueError::new(format!("{} and {} of {named} overlap", own.address, other.address))
            };
            checks.report(&[&own.key, &other.key], fault.hint("every listener needs an address of its own"));
        }
        seen.push(wanted);
    }
    if let Some(BindAddr::Tcp(address)) = config.admin.address
        && Admin::is_wide(address)
        && config.admin.token.is_none()
    {
        let fault = ValueError::new(format!("every peer that reaches {address} could stop frontgate"));
        let hint = format!(
            "127.0.0.1:{}, unix:/run/frontgate/admin.sock, or {{ address: \"{address}\", token: {{ file: admin.token }} }}",
            address.port()
        );
        checks.report(&["admin.address", "admin"], fault.hint(hint));
    }
}

/// The gateways that are listeners of frontgate's own: the key of each, and a text that says which listener it is.
/// `is_here` tells whether an address is one of this machine's.
pub(super) fn own_gateways(config: &Config, is_here: &dyn Fn(IpAddr) -> bool) -> Vec<(String, String)> {
    let listeners = listeners(config);
    let own = |upstream: &UpstreamAddress| {
        let found = listeners.iter().find(|listener| leads_to(upstream, &listener.address, is_here))?;
        Some(format!("{upstream} is frontgate itself, at {} in {}", found.address, found.key))
    };
    gateways(config).into_iter().filter_map(|(key, upstream)| Some((key, own(upstream)?))).collect()
}

/// The same of gateways with names, which have `addresses`.
pub(super) fn own_names(
    config: &Config,
    addresses: &dyn Fn(&str) -> Vec<IpAddr>,
    is_here: &dyn Fn(IpAddr) -> bool,
) -> Vec<(String, String)> {
    let listeners = listeners(config);
    let own = |upstream: &UpstreamAddress| {
        let (host, port) = named(upstream)?;
        addresses(host).into_iter().find_map(|ip| {
            let at = UpstreamAddress::Http { host: ip.to_string(), port };
            let found = listeners.iter().find(|listener| leads_to(&at, &listener.address, is_here))?;
            Some(format!("{upstream} leads to {ip}, which is frontgate itself, at {} in {}", found.address, found.key))
        })
    };
    gateways(config).into_iter().filter_map(|(key, upstream)| Some((key, own(upstream)?))).collect()
}

/// The names of gateways that could be frontgate itself, by their ports.
pub(super) fn names(config: &Config) -> BTreeSet<String> {
    let listeners = listeners(config);
    let is_ours = |port: u16| {
        listeners.iter().any(|listener| matches!(listener.address, BindAddr::Tcp(address) if address.port() == port))
    };
    let named = gateways(config).into_iter().filter_map(|(_, upstream)| named(upstream));
    named.filter(|(_, port)| is_ours(*port)).map(|(host, _)| host.to_owned()).collect()
}

/// The name in an upstream whose addresses only a resolver knows, and its port.
fn named(upstream: &UpstreamAddress) -> Option<(&str, u16)> {
    let (UpstreamAddress::Http { host, port } | UpstreamAddress::Https { host, port }) = upstream else { return None };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    (bare.parse::<IpAddr>().is_err() && !is_localhost(bare)).then_some((host, *port))
}

/// Whether a name is one of this machine's own, whatever a resolver says (RFC 6761 §6.3).
fn is_localhost(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// Every gateway that a route may lead to, and its key.
fn gateways(config: &Config) -> Vec<(String, &UpstreamAddress)> {
    let mut all: Vec<(String, &UpstreamAddress)> = Vec::new();
    let routes = &config.routes;
    let falls_back = |route: &super::RouteConfig| !route.answers() && route.upstream.is_none();
    if routes.is_empty() || routes.iter().any(falls_back) {
        all.push(("upstream".to_owned(), &config.upstream));
    }
    for (index, route) in routes.iter().enumerate() {
        if let Some(RouteTarget::Url(upstream)) = &route.upstream {
            all.push((format!("routes[{index}].upstream"), upstream));
        }
    }
    for (name, group) in &config.upstreams {
        for (index, endpoint) in group.endpoints.iter().enumerate() {
            // What a name leads to is known while frontgate runs, and is refused then.
            if let Some(upstream) = endpoint.url.address() {
                all.push((format!("upstreams.{name}.endpoints[{index}]"), upstream));
            }
        }
    }
    all
}

/// Every address that is bound. Port 0 is a different port each time.
fn listeners(config: &Config) -> Vec<WantedAddress> {
    let listed = |key: &str, addresses: Vec<BindAddr>| -> Vec<_> {
        let all = addresses.into_iter().enumerate();
        all.map(|(index, address)| WantedAddress { key: format!("{key}[{index}]"), address }).collect()
    };
    let tcp = |all: &[ListenTcp]| all.iter().map(|listener| BindAddr::Tcp(listener.address)).collect();
    let plain = config.listen.plain.iter().map(|listener| listener.address.clone()).collect();
    let mut all = listed("listen.https", tcp(&config.listen.https));
    all.extend(listed("listen.http", tcp(&config.listen.http)));
    all.extend(listed("listen.plain", plain));
    all.extend(config.admin.address.clone().map(|address| WantedAddress { key: "admin".to_owned(), address }));
    all.retain(|wanted| !matches!(wanted.address, BindAddr::Tcp(address) if address.port() == 0));
    all
}

/// Whether `a` and `b` cannot both be bound. An unspecified IPv6 address takes IPv4, too.
fn overlap(a: &BindAddr, b: &BindAddr) -> bool {
    match (a, b) {
        (BindAddr::Unix(a), BindAddr::Unix(b)) => a == b,
        (BindAddr::Tcp(a), BindAddr::Tcp(b)) => {
            let (one, other) = (a.ip().to_canonical(), b.ip().to_canonical());
            let takes = |wide: IpAddr, narrow: IpAddr| wide.is_unspecified() && (wide.is_ipv6() || narrow.is_ipv4());
            let same = one == other && scope(*a) == scope(*b);
            a.port() == b.port() && (same || takes(one, other) || takes(other, one))
        }
        _ => false,
    }
}

/// The scope of a link-local address: the same address on another link is another one.
fn scope(address: SocketAddr) -> u32 {
    match address {
        SocketAddr::V4(_) => 0,
        SocketAddr::V6(address) => address.scope_id(),
    }
}

fn leads_to(upstream: &UpstreamAddress, listener: &BindAddr, is_here: &dyn Fn(IpAddr) -> bool) -> bool {
    match (upstream, listener) {
        (UpstreamAddress::Unix(path), BindAddr::Unix(own)) => Path::new(path) == own,
        (UpstreamAddress::Http { host, port } | UpstreamAddress::Https { host, port }, BindAddr::Tcp(own)) => {
            let reaches = |ip: IpAddr| {
                let (ip, own) = (ip.to_canonical(), own.ip().to_canonical());
                // An unspecified address leads to loopback.
                let here = ip.is_loopback() || ip.is_unspecified() || is_here(ip);
                let same_family = own.is_ipv6() || ip.is_ipv4();
                ip == own || (own.is_unspecified() && here && same_family) || (ip.is_unspecified() && own.is_loopback())
            };
            let bare = host.trim_start_matches('[').trim_end_matches(']');
            *port == own.port()
                && if is_localhost(bare) {
                    own.ip().to_canonical().is_loopback() || own.ip().is_unspecified()
                } else {
                    bare.parse().is_ok_and(reaches)
                }
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ConfigLocation, Overrides, load};

    #[test]
    fn what_cannot_be_bound_together_overlaps() {
        let tcp = |text: &str| BindAddr::Tcp(text.parse().unwrap());
        for (one, other, expected) in [
            ("[::]:1", "0.0.0.0:1", true),
            ("[::]:1", "127.0.0.1:1", true),
            ("[::]:1", "[::1]:1", true),
            ("[::]:1", "[::]:1", true),
            ("[::]:1", "[::]:2", false),
            ("0.0.0.0:1", "192.0.2.1:1", true),
            ("0.0.0.0:1", "[::1]:1", false),
            ("0.0.0.0:1", "[::ffff:192.0.2.1]:1", true),
            ("127.0.0.1:1", "[::ffff:127.0.0.1]:1", true),
            ("127.0.0.1:1", "127.0.0.2:1", false),
            ("[fe80::1%2]:1", "[fe80::1%3]:1", false),
        ] {
            assert_eq!(overlap(&tcp(one), &tcp(other)), expected, "{one} {other}");
            assert_eq!(overlap(&tcp(other), &tcp(one)), expected, "{other} {one}");
        }
        let unix = |path: &str| BindAddr::Unix(path.into());
        assert!(overlap(&unix("/run/f"), &unix("/run/./f")) && !overlap(&unix("/run/f"), &unix("/run/g")));
        assert!(!overlap(&unix("/run/f"), &tcp("[::]:1")));
    }

    #[test]
    fn a_gateway_that_is_a_listener_of_ours_is_found_wherever_it_is_written() {
        let here: IpAddr = "192.0.2.7".parse().unwrap();
        for (text, expected) in [
            ("upstream: https://127.0.0.1:8443", "upstream"),
            ("upstream: https://localhost:8443", "upstream"),
            ("upstream: https://[::1]:8443", "upstream"),
            ("upstream: https://0.0.0.0:8443", "upstream"),
            ("upstream: https://192.0.2.7:8443", "upstream"),
            ("upstream: https://192.0.2.8:8443", ""),
            ("upstream: https://127.0.0.1:8444", ""),
            ("upstream: http://127.0.0.1:9180", "upstream"),
            ("upstream: http://127.0.0.2:9180", ""),
            ("upstream: http://192.0.2.7:9180", ""),
            ("listen: { https: [\"0.0.0.0:8443\"] }\nupstream: https://[::1]:8443", ""),
            ("listen: { https: [\"192.0.2.7:8443\"] }\nupstream: https://192.0.2.7:8443", "upstream"),
            ("listen: { https: [\"192.0.2.7:8443\"] }\nupstream: https://127.0.0.1:8443", ""),
            ("listen: { https: [], plain: [\"unix:/run/f.sock\"] }\nupstream: unix:/run/f.sock", "upstream"),
            ("listen: { https: [], plain: [\"unix:/run/f.sock\"] }\nupstream: unix:/run/g.sock", ""),
            ("listen: { http: [\":80\"] }\nroutes: [{ upstream: http://localhost }]", "routes[0].upstream"),
            ("upstream: https://127.0.0.1:8443\nroutes: [{ respond: 404 }]", ""),
            (
                "upstreams: { team: { endpoints: [http://192.0.2.9:1, https://127.0.0.1:8443] } }",
                "upstreams.team.endpoints[1]",
            ),
        ] {
            let source = ConfigLocation::Text { text: text.to_owned(), file: "/f.yaml".into() };
            let config = load(source, [], &Overrides::default()).unwrap_or_else(|problems| panic!("{problems}")).config;
            let found = own_gateways(&config, &|ip| ip == here);
            assert_eq!(found.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>().join(" "), expected, "{text}");
        }
    }
    #[test]
    fn a_name_that_leads_to_a_listener_of_ours_is_found_by_its_addresses() {
        let text = "\
listen: { https: [\"0.0.0.0:8443\"], plain: [\"127.0.0.1:8080\"] }
upstreams: { team: { endpoints: [\"https://gw.lan:8443\", \"http://gw.lan:8080\", \"http://gw.lan:18789\", \"https://other.lan:8443\", \"https://localhost.:8443\"] } }
routes: [{ path: /a, upstream: \"https://127.0.0.9:8444\" }, { upstream: team }]
";
        let source = ConfigLocation::Text { text: text.to_owned(), file: "/f.yaml".into() };
        let config = load(source, [], &Overrides::default()).unwrap_or_else(|problems| panic!("{problems}")).config;
        assert_eq!(names(&config).into_iter().collect::<Vec<_>>(), ["gw.lan", "other.lan"]);
        let addresses =
            |name: &str| if name == "gw.lan" { vec![[192, 0, 2, 8].into(), [192, 0, 2, 7].into()] } else { Vec::new() };
        let found = own_names(&config, &addresses, &|ip| ip == IpAddr::from([192, 0, 2, 7]));
        let expected =
            "https://gw.lan:8443 leads to 192.0.2.7, which is frontgate itself, at 0.0.0.0:8443 in listen.https[0]";
        assert_eq!(found, [("upstreams.team.endpoints[0]".to_owned(), expected.to_owned())]);
    }
}
