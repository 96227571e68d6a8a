//! Sites: addresses, listeners, certificates.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::Caddy;
use super::body::CaddyBody;
use super::context::Context;
use super::tls::is_public;
use crate::config::is_label;
use crate::import::draft::DraftCertificate;
use crate::import::node::ImportNode;
use crate::import::old::DraftAnswer;
use crate::import::paths::{Paths, Rule};
use crate::import::sites::{self, ImportListener, ImportSite};

/// One address of a site.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct CaddyAddress {
    scheme: Option<String>,
    host: String,
    port: Option<u16>,
    path: String,
}

impl CaddyAddress {
    /// `https://gw.example.com:8443/path`, in parts; `None` where it is no address.
    fn of(text: &str) -> Option<Self> {
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (Some(scheme.to_ascii_lowercase()), rest),
            None => (None, text),
        };
        let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port.parse().ok()?)),
            _ => (authority, None),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let host = if host == "*" { String::new() } else { host };
        Some(Self { scheme, host, port, path: path.to_owned() })
    }
}

impl Caddy {
    /// Translates all sites.
    pub(super) fn sites(&mut self, nodes: &[ImportNode]) {
        let mut sites = Vec::new();
        for node in nodes.iter().filter(|node| !node.name.is_empty()) {
            if node.name.starts_with("&(") || node.name.starts_with('(') {
                self.report.dropped(
                    &node.place,
                    &node.shown,
                    "frontgate has no named routes: write a route for what is needed",
                );
                self.part_of(node);
                continue;
            }
            self.site(node, &mut sites);
        }
        if sites.iter().any(|site: &ImportSite| site.door != ImportListener::Redirect) {
            self.report.next("The gateway must know its proxy: gateway.trustedProxies has the address that frontgate connects from, such as \"127.0.0.1\"");
        } else {
            self.report.next("Nothing in this config is forwarded to a gateway: set `upstream`");
        }
        let secure = sites.iter().find(|site| site.door == ImportListener::Tls && !site.hosts.is_empty());
        if let Some((host, addr)) = secure.and_then(|site| Some((site.hosts.first()?, site.listen.first()?))) {
            let port = if addr.port() == 443 { String::new() } else { format!(":{}", addr.port()) };
            self.report.next(format!(
                "gateway.controlUi.allowedOrigins has the origin that browsers show, such as \"https://{host}{port}\""
            ));
        }
        self.finish_certificates();
        self.draft.upstreams = std::mem::take(&mut self.upstreams);
        sites::lay(sites, &mut self.draft, &mut self.report);
    }

    fn site(&mut self, node: &ImportNode, sites: &mut Vec<ImportSite>) {
        let (place, shown) = (&node.place, &node.shown);
        let words = std::iter::once(&node.name).chain(&node.args);
        let texts: Vec<&str> =
            words.flat_map(|word| word.split(',')).map(str::trim).filter(|text| !text.is_empty()).collect();
        let tls_node = node.inner().iter().find(|inner| inner.name == "tls");
        let certificate = tls_node.and_then(|inner| self.tls(inner));
        let binds: Vec<IpAddr> =
            node.inner().iter().filter(|inner| inner.name == "bind").flat_map(|inner| self.addresses(inner)).collect();
        let binds = match (binds.is_empty(), self.bind.is_empty()) {
            (false, _) => binds,
            (true, false) => self.bind.clone(),
            (true, true) => vec![IpAddr::V6(Ipv6Addr::UNSPECIFIED)],
        };
        let mut groups: Vec<(ImportListener, Vec<String>, Vec<SocketAddr>)> = Vec::new();
        let mut prefix = "/".to_owned();
        for text in texts {
            let Some(address) = CaddyAddress::of(text) else {
                self.report.dropped(place, shown, format!("`{text}` is no address: write it in listen and tls.names"));
                continue;
            };
            if !address.host.is_empty() && !is_host(&address.host) {
                self.report.dropped(
                    place,
                    shown,
                    format!("`{}` is no name that routes know: they take names, and `*.` before one", address.host),
                );
                continue;
            }
            if !address.path.trim_end_matches(['/', '*']).is_empty() {
                address.path.trim_end_matches('*').clone_into(&mut prefix);
            }
            let door = self.door(&address, tls_node.is_some());
            let default = if door == ImportListener::Tls { self.https_port } else { self.http_port };
            let listen: Vec<SocketAddr> =
                binds.iter().map(|ip| SocketAddr::new(*ip, address.port.unwrap_or(default))).collect();
            let at = groups.iter().position(|(other, ..)| *other == door).unwrap_or_else(|| {
                groups.push((door, Vec::new(), Vec::new()));
                groups.len() - 1
            });
            let group = &mut groups[at];
            group.1.extend((!address.host.is_empty() && !group.1.contains(&address.host)).then_some(address.host));
            for addr in listen {
                if !group.2.contains(&addr) {
                    group.2.push(addr);
                }
            }
        }
        let context = Context {
            paths: vec![prefix],
            taken: String::new(),
            hosts: Vec::new(),
            matchers: std::collections::BTreeMap::new(),
        };
        let body = self.body(node.inner(), &context, true);
        let proxied = body.rules.iter().any(|(_, rule)| matches!(rule.answer, DraftAnswer::Upstream(_)))
            || !body.upgrades.is_empty();
        for (place, shown) in &body.roots {
            if proxied
                && body
                    .rules
                    .iter()
                    .any(|(_, rule)| rule.path == "/" && matches!(rule.answer, DraftAnswer::Upstream(_)))
            {
                self.report.not_needed(place, shown, "requests for these files go to the gateway");
            } else {
                self.report.dropped(place, shown, "frontgate serves no files: keep a web server for them, and give it a route with an upstream of its own");
            }
        }
        for (door, hosts, listen) in groups {
            self.group(node, door, hosts, listen, &body, certificate.as_ref(), sites);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one site")]
    fn group(
        &mut self,
        node: &ImportNode,
        door: ImportListener,
        hosts: Vec<String>,
        listen: Vec<SocketAddr>,
        body: &CaddyBody,
        certificate: Option<&DraftCertificate>,
        sites: &mut Vec<ImportSite>,
    ) {
        let (place, shown) = (&node.place, &node.shown);
        let addresses: Vec<String> = listen.iter().map(SocketAddr::to_string).collect();
        let addresses = addresses.join(", ");
        let site = |door, hosts: Vec<String>, listen, routes| ImportSite {
            place: place.clone(),
            directive: shown.clone(),
            hosts,
            is_default: false,
            door,
            listen,
            routes,
        };
        if let (ImportListener::Plain, Some((place, what))) = (door, &body.to_https) {
            self.report.kept(place, what, "listen.http, which redirects everything to https");
            self.report.kept(&node.place, shown, format!("listen.http: {addresses}"));
            sites.push(site(ImportListener::Redirect, hosts, listen, Vec::new()));
            return;
        }
        let key = if door == ImportListener::Tls { "listen.https" } else { "listen.plain" };
        let names = if hosts.is_empty() { "every host".to_owned() } else { hosts.join(", ") };
        self.report.kept(place, shown, format!("{key}: {addresses}; routes for {names}"));
        if body.rules.iter().any(|(_, rule)| matches!(rule.answer, DraftAnswer::Upstream(_))) {
            self.report.not_needed(place, shown, BY_ITSELF);
        }
        if door == ImportListener::Tls {
            for host in hosts.iter().filter(|host| !self.draft.tls.names.contains(host)).cloned().collect::<Vec<_>>() {
                self.draft.tls.names.push(host);
            }
            self.certificate_of(node, &hosts, certificate);
            let at_default = listen.iter().any(|addr| addr.port() == self.https_port);
            if self.redirects && at_default && !hosts.is_empty() {
                let plain = listen.iter().map(|addr| SocketAddr::new(addr.ip(), self.http_port)).collect();
                self.report.kept(
                    place,
                    shown,
                    "listen.http, which redirects everything to https, as Caddy does by itself",
                );
                sites.push(site(ImportListener::Redirect, hosts.clone(), plain, Vec::new()));
            }
        }
        // Hosts that only some directives are for have routes of their own.
        let mut special: Vec<&String> = body.rules.iter().flat_map(|(hosts, _)| hosts).collect();
        special.sort();
        special.dedup();
        for host in special.into_iter().filter(|host| !hosts.contains(host)) {
            let routes = self.paths(body, Some(host)).routes();
            if door == ImportListener::Tls && !self.draft.tls.names.contains(host) {
                self.draft.tls.names.push(host.clone());
            }
            sites.push(site(door, vec![host.clone()], listen.clone(), routes));
        }
        let own = if let [only] = hosts.as_slice() { Some(only) } else { None };
        let routes = self.paths(body, own).routes();
        if routes.is_empty() && hosts.len() < 2 {
            self.report.dropped(place, shown, "nothing in it is forwarded: frontgate answers 404");
        }
        sites.push(site(door, hosts, listen, routes));
    }

    /// What is done for `host`, or for every host that no directive names.
    fn paths(&mut self, body: &CaddyBody, host: Option<&String>) -> Paths {
        let mut paths = Paths::default();
        let is_for = |hosts: &[String]| hosts.is_empty() || host.is_some_and(|host| hosts.contains(host));
        for (_, rule) in body.rules.iter().filter(|(hosts, _)| is_for(hosts)) {
            paths.rule(rule.clone());
        }
        for (place, shown, path, upstream) in &body.upgrades {
            match paths.at(path).map(|rule| &rule.answer) {
                Some(DraftAnswer::Upstream(same)) if same == upstream => {
                    self.report.not_needed(
                        place,
                        shown,
                        "frontgate always forwards WebSocket upgrades, like any request of their path",
                    );
                }
                None => {
                    self.report.kept(place, shown, format!("a route for {path}, for requests as for WebSockets"));
                    paths.rule(Rule {
                        path: path.clone(),
                        answer: DraftAnswer::Upstream(upstream.clone()),
                        ..Rule::default()
                    });
                }
                Some(_) => {
                    let remedy = format!(
                        "WebSockets went to {upstream} and requests elsewhere, and frontgate sends both to one gateway: give the \
                         WebSockets a path and a route"
                    );
                    self.report.dropped(place, shown, remedy);
                }
            }
        }
        paths
    }

    /// Where the certificate of a site comes from.
    fn certificate_of(&mut self, node: &ImportNode, hosts: &[String], certificate: Option<&DraftCertificate>) {
        let public = hosts.iter().any(|host| is_public(host));
        let found = match certificate {
            Some(certificate) => certificate.clone(),
            None if self.local || !public => DraftCertificate::Local,
            None => {
                self.report.kept(&node.place, &node.shown, "tls.certificate: acme, as Caddy does by itself");
                DraftCertificate::Acme(self.acme.clone())
            }
        };
        if found == DraftCertificate::Local && certificate.is_none() {
            let what = "tls.certificate: local, frontgate's own CA; `frontgate trust` makes this machine trust it";
            self.report.kept(&node.place, &node.shown, what);
        }
        self.certificates.push(found);
    }

    fn door(&self, address: &CaddyAddress, has_tls: bool) -> ImportListener {
        let no_auto = self.local && !self.redirects;
        match (address.scheme.as_deref(), address.port) {
            (Some("http"), _) => ImportListener::Plain,
            (Some("https"), _) => ImportListener::Tls,
            _ if has_tls => ImportListener::Tls,
            (_, Some(port)) if port == self.http_port => ImportListener::Plain,
            (_, Some(port)) if port == self.https_port => ImportListener::Tls,
            (_, Some(_)) if no_auto || address.host.is_empty() => ImportListener::Plain,
            (_, None) if address.host.is_empty() => ImportListener::Plain,
            _ => ImportListener::Tls,
        }
    }

    /// `bind` and `default_bind`.
    pub(super) fn addresses(&mut self, node: &ImportNode) -> Vec<IpAddr> {
        let mut found = Vec::new();
        for word in &node.args {
            match word.trim_start_matches("tcp/").parse::<IpAddr>() {
                Ok(ip) => {
                    found.push(ip);
                    self.report.kept(&node.place, &node.shown, "listen");
                }
                Err(_) => self.report.dropped(
                    &node.place,
                    &node.shown,
                    "listen takes IP addresses; listen.plain also unix:/path",
                ),
            }
        }
        found
    }
}

/// The report's note on what Caddy does on the wire by itself, so that no file says it.
const BY_ITSELF: &str = "Caddy offers HTTP/3 (Alt-Svc) and asks the gateway for gzip; browsers take HTTP/2, and frontgate adds nothing to \
                         what they ask for";

/// Whether a route can have `name` as its host.
fn is_host(name: &str) -> bool {
    let name = name.strip_prefix("*.").unwrap_or(name);
    name.parse::<IpAddr>().is_ok() || !name.is_empty() && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_parts() {
        let address = |scheme: Option<&str>, host: &str, port, path: &str| {
            Some(CaddyAddress { scheme: scheme.map(str::to_owned), host: host.into(), port, path: path.into() })
        };
        for (text, expected) in [
            ("gw.example.com", address(None, "gw.example.com", None, "")),
            ("http://GW.example.com:8080/claw/*", address(Some("http"), "gw.example.com", Some(8080), "/claw/*")),
            (":443", address(None, "", Some(443), "")),
            ("*:8080", address(None, "", Some(8080), "")),
            ("[::1]:8080", address(None, "::1", Some(8080), "")),
            ("*.example.com", address(None, "*.example.com", None, "")),
            ("gw:port", None),
        ] {
            assert_eq!(CaddyAddress::of(text), expected, "{text}");
        }
    }
}
