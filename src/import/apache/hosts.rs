//! Virtual hosts: which server answers at which address for which name.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::Apache;
use super::directive::variable_name;
use super::scope::ApacheServer;
use super::subject::{Facts, Question, Subject};
use crate::config::{BindAddr, is_label};
use crate::import::ImportError;
use crate::import::condition::Condition;
use crate::import::matching::Unsayable;
use crate::import::node::ImportNode;
use crate::import::tree::{HostName, ImportListener, Origin};

/// What a `Listen` or a `<VirtualHost>` names: every address where there is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    ip: Option<IpAddr>,
    port: Option<u16>,
}

impl Place {
    fn of(text: &str) -> Option<Self> {
        let port_of = |port: &str| match port {
            "*" | "" => Some(None),
            port => port.parse().ok().map(Some),
        };
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port_of(port)?),
            _ if text.chars().all(|c| c.is_ascii_digit()) => ("*", port_of(text)?),
            _ => (text, None),
        };
        let ip = match host.trim_start_matches('[').trim_end_matches(']') {
            "*" | "_default_" | "" | "0.0.0.0" | "::" => None,
            host => Some(host.parse().ok()?),
        };
        Some(Self { ip, port })
    }
}

/// A socket of Apache's.
struct Bound {
    origin: Origin,
    ip: Option<IpAddr>,
    /// Whether it takes IPv4 only.
    only_v4: bool,
    port: u16,
    /// Whether it speaks TLS unless the server says otherwise.
    https: bool,
}

impl Apache<'_, '_> {
    /// The listeners of these servers, the last of which is the main one.
    ///
    /// # Errors
    /// An address that cannot be had.
    pub(super) fn listeners(&mut self, servers: &[ApacheServer]) -> Result<Vec<ImportListener>, ImportError> {
        let main = servers.len() - 1;
        let mut places = Vec::new();
        for (index, server) in servers[..main].iter().enumerate() {
            for text in &server.addresses {
                let Some(place) = Place::of(text) else {
                    let expected = "an address of IPv4 or IPv6, or *, with a port: names are not asked for";
                    return Err(ImportError::syntax(&server.origin.place, format!("`{text}`"), expected));
                };
                places.push((index, place));
            }
        }
        let mut listeners: Vec<ImportListener> = Vec::new();
        for bound in self.bound(&places, servers)? {
            // Addresses that virtual hosts name have servers of their own.
            let mut ips: Vec<Option<IpAddr>> = vec![bound.ip];
            if bound.ip.is_none() {
                for (_, place) in &places {
                    let fits = place.port.is_none_or(|port| port == bound.port);
                    if fits && place.ip.is_some_and(|ip| !bound.only_v4 || ip.is_ipv4()) && !ips.contains(&place.ip) {
                        ips.push(place.ip);
                    }
                }
            }
            for ip in ips {
                let here = |place: &Place| place.port.is_none_or(|port| port == bound.port);
                let exact = places.iter().filter(|(_, place)| ip.is_some() && place.ip == ip && here(place));
                let mut found: Vec<usize> = exact.map(|(index, _)| *index).collect();
                if found.is_empty() {
                    found = places
                        .iter()
                        .filter(|(_, place)| place.ip.is_none() && here(place))
                        .map(|(index, _)| *index)
                        .collect();
                }
                found.dedup();
                let default = found.first().copied().unwrap_or(main);
                let any = if bound.only_v4 { IpAddr::from([0, 0, 0, 0]) } else { Ipv6Addr::UNSPECIFIED.into() };
                let address = BindAddr::Tcp(SocketAddr::new(ip.unwrap_or(any), bound.port));
                let origins = [&bound.origin].into_iter().chain(found.iter().map(|index| &servers[*index].origin));
                let tls = servers[default].tls.engine.unwrap_or(bound.https);
                if let Some(listener) = listeners.iter_mut().find(|listener| listener.address == address) {
                    listener.origins.push(bound.origin.clone());
                    continue;
                }
                listeners.push(ImportListener {
                    address,
                    only_v6: false,
                    tls,
                    servers: found.clone(),
                    default,
                    origins: origins.cloned().collect(),
                });
            }
        }
        Ok(listeners)
    }

    /// What Apache listens at. A file of a site has no `Listen`: the addresses of its virtual hosts stand for it.
    fn bound(&self, places: &[(usize, Place)], servers: &[ApacheServer]) -> Result<Vec<Bound>, ImportError> {
        let mut all: Vec<Bound> = Vec::new();
        for (origin, words) in &self.listen {
            let text = words.first().map_or("", String::as_str);
            let (Some(Place { ip, port: Some(port) }), false) = (Place::of(text), text.ends_with('.')) else {
                let expected = "an address of IPv4 or IPv6 with a port, or a port";
                return Err(ImportError::syntax(&origin.place, format!("`Listen {text}`"), expected));
            };
            let https = words.get(1).map_or(port == 443, |protocol| protocol.eq_ignore_ascii_case("https"));
            all.push(Bound { origin: origin.clone(), ip, only_v4: text.starts_with("0.0.0.0"), port, https });
        }
        for (index, place) in places {
            let port = place.port.unwrap_or(80);
            if self.listen.iter().any(|(_, words)| {
                words.first().and_then(|text| Place::of(text)).and_then(|bound| bound.port) == Some(port)
            }) {
                continue;
            }
            let origin = servers[*index].origin.clone();
            all.push(Bound { origin, ip: place.ip, only_v4: false, port, https: port == 443 });
        }
        if all.is_empty() {
            let origin = servers[servers.len() - 1].origin.clone();
            let tls = servers[servers.len() - 1].tls.engine == Some(true);
            all.push(Bound { origin, ip: None, only_v4: false, port: if tls { 443 } else { 80 }, https: tls });
        }
        Ok(all)
    }

    /// The names of each server, without those that an earlier one at the same addresses has.
    pub(super) fn host_names(&mut self, servers: &[ApacheServer], listeners: &[ImportListener]) -> Vec<Vec<HostName>> {
        let mut all: Vec<Vec<HostName>> = Vec::new();
        for (index, server) in servers.iter().enumerate() {
            let earlier: Vec<HostName> = (0..index)
                .filter(|other| listeners.iter().any(|one| one.servers.contains(other) && one.servers.contains(&index)))
                .flat_map(|other| all[other].clone())
                .collect();
            let mut names: Vec<HostName> = Vec::new();
            for (origin, text) in &server.names {
                match host_name(text) {
                    Some(name) if earlier.iter().any(|other| has(other, &name)) => {
                        self.report.not_needed(
                            &origin.place,
                            &origin.shown,
                            format!("an earlier server answers for {text}"),
                        );
                    }
                    Some(HostName::Below(parent))
                        if earlier.iter().any(|other| matches!(other, HostName::Regex(_))) =>
                    {
                        names.push(HostName::Regex(format!("^(?s:.)*\\.{}$", regex::escape(&parent))));
                        self.report.kept(&origin.place, &origin.shown, "the hosts of routes");
                    }
                    Some(name) => {
                        if !names.contains(&name) {
                            names.push(name);
                        }
                        self.report.kept(&origin.place, &origin.shown, "the hosts of routes");
                    }
                    None => {
                        let remedy = format!("`{text}` is no name that a client can ask for, so no route has it");
                        self.report.dropped(&origin.place, &origin.shown, remedy);
                    }
                }
            }
            all.push(names);
        }
        all
    }
}

/// `ServerName` and `ServerAlias`, with or without scheme and port.
fn host_name(text: &str) -> Option<HostName> {
    let bare = text.split_once("://").map_or(text, |(_, rest)| rest).trim_end_matches('/');
    let bare = match bare.rsplit_once(':') {
        Some((host, port)) if port.chars().all(|c| c.is_ascii_digit()) && !host.contains(':') => host,
        _ => bare,
    };
    let name = bare.trim_end_matches('.').to_ascii_lowercase();
    let is_name = |name: &str| !name.is_empty() && name.split('.').all(is_label);
    match name.strip_prefix("*.") {
        Some(rest) if is_name(rest) => return Some(HostName::Below(rest.to_owned())),
        _ if name.parse::<IpAddr>().is_ok() || is_name(&name) => return Some(HostName::Exact(name)),
        _ => {}
    }
    if !name.contains(['*', '?']) || !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.*?".contains(c)) {
        return None;
    }
    let escaped = regex::escape(&name).replace("\\*", "(?s:.)*").replace("\\?", "(?s:.)");
    Some(HostName::Regex(format!("^{escaped}$")))
}

/// Whether a name, which may be a pattern, takes all that another does, as far as that can be told.
fn has(own: &HostName, other: &HostName) -> bool {
    match (own, other) {
        _ if own == other => true,
        (HostName::Below(parent), HostName::Exact(name) | HostName::Below(name)) => {
            name.ends_with(&format!(".{parent}"))
        }
        (HostName::Regex(regex), HostName::Exact(name)) => {
            regex::Regex::new(&format!("(?i){regex}")).is_ok_and(|regex| regex.is_match(name))
        }
        (HostName::Regex(regex), _) => regex == "^(?s:.)*$",
        _ => false,
    }
}

impl Facts {
    /// What is known of a server at these listeners.
    pub(super) fn of(server: &ApacheServer, index: usize, listeners: &[ImportListener], local: &[String]) -> Self {
        let at = |listener: &&ImportListener| listener.servers.contains(&index) || listener.default == index;
        let mine: Vec<&ImportListener> = listeners.iter().filter(at).collect();
        let ports: Vec<u16> = mine
            .iter()
            .filter_map(|listener| match &listener.address {
                BindAddr::Tcp(addr) => Some(addr.port()),
                BindAddr::Unix(_) => None,
            })
            .collect();
        let port = ports.first().copied().filter(|first| ports.iter().all(|port| port == first));
        let mut facts = Self { tls: mine.iter().any(|listener| listener.tls), port, ..Self::default() };
        for node in &server.environment {
            facts.variable(node);
        }
        let of_rules = server.rules.iter().flat_map(super::rewrite::RewriteRule::variables);
        for name in local.iter().cloned().chain(of_rules) {
            facts.environment.insert(name, Err(Unsayable));
        }
        facts
    }

    /// `SetEnvIf`, `BrowserMatch` and the like.
    fn variable(&mut self, node: &ImportNode) {
        let ignore_case = node.name.ends_with("nocase");
        let is_browser = node.name.starts_with("browser");
        let (attribute, rest) = if is_browser {
            ("User-Agent", node.args.as_slice())
        } else {
            (node.arg(0), node.args.get(1..).unwrap_or_default())
        };
        let Some((pattern, names)) = rest.split_first() else { return };
        let subject = match attribute.to_ascii_lowercase().as_str() {
            "remote_addr" => Ok(Subject::Address),
            "request_method" => Ok(Subject::Method),
            "request_uri" => Ok(Subject::Path),
            name if super::subject::is_field(name) && !name.contains('_') => Ok(Subject::Header(name.to_owned())),
            _ => Err(Unsayable),
        };
        let question = Question::Matches { text: pattern.clone(), ignore_case };
        let found = subject.and_then(|subject| subject.ask(&question, self));
        let found = if node.name == "setenvifexpr" { Err(Unsayable) } else { found };
        for word in names {
            let name = variable_name(word);
            let before = self.environment.get(&name).cloned().unwrap_or(Ok(Condition::never()));
            let now = match (before, found.clone()) {
                (Ok(before), Ok(found)) if word.starts_with('!') => found.not().and_then(|rest| before.and(&rest)),
                (Ok(before), Ok(found)) => before.or(found),
                _ => Err(Unsayable),
            };
            self.environment.insert(name, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_many_forms() {
        for (text, expected) in [
            ("https://GW.example.com:443", Some(HostName::Exact("gw.example.com".into()))),
            ("*.example.com", Some(HostName::Below("example.com".into()))),
            ("d?.example.com", Some(HostName::Regex("^d(?s:.)\\.example\\.com$".into()))),
            ("10.0.0.1", Some(HostName::Exact("10.0.0.1".into()))),
            ("${NAME}", None),
            ("", None),
        ] {
            assert_eq!(host_name(text), expected, "{text}");
        }
        let name = |text: &str| host_name(text).unwrap();
        assert!(
            has(&name("*.b.c"), &name("a.b.c")) && has(&name("*"), &name("*.c")) && has(&name("a?.c"), &name("ab.c"))
        );
        assert!(!has(&name("*.b.c"), &name("b.c")) && !has(&name("a.b"), &name("*.b")));
    }

    #[test]
    fn places_are_an_address_and_a_port() {
        for (text, ip, port) in [
            ("*:443", None, Some(443)),
            ("80", None, Some(80)),
            ("[::1]:80", Some("::1"), Some(80)),
            ("127.0.0.1", Some("127.0.0.1"), None),
            ("_default_:*", None, None),
        ] {
            assert_eq!(Place::of(text), Some(Place { ip: ip.map(|ip| ip.parse().unwrap()), port }), "{text}");
        }
        assert_eq!(Place::of("gw.example.com:80"), None);
    }
}
