//! Sites: the addresses where they listen, and the hosts that they answer for.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::Caddy;
use super::address::{CaddyAddress, CaddyBind, binds};
use super::block::{CaddyBlocks, CaddyStep, Matchers};
use super::clients::ClientCertificates;
use super::matcher::HostClass;
use super::on_the_way::OnTheWay;
use super::path::{CaddyPath, paths};
use super::walk::{MOST_STEPS, Place, SiteWalk, most_steps};
use crate::config::BindAddr;
use crate::import::ImportError;
use crate::import::condition::{Condition, FieldKind};
use crate::import::draft::DraftAnswer;
use crate::import::matching::DraftMatch;
use crate::import::node::ImportNode;
use crate::import::report::ImportVerdict;
use crate::import::tree::{HostName, ImportListener, ImportRule, ImportServer, ImportTree, Origin, Part};

/// A site as it is written.
struct CaddySite<'a> {
    origin: Origin,
    steps: Vec<CaddyStep<'a>>,
    clients: ClientCertificates,
    /// The hosts that matchers in it name.
    hosts: BTreeSet<String>,
}

/// An address that is listened at, and the sites there, each with those of its addresses that are there.
struct CaddyListener {
    address: BindAddr,
    tls: bool,
    sites: Vec<(usize, Vec<CaddyAddress>)>,
}

impl Caddy {
    /// Translates all sites.
    ///
    /// # Errors
    /// An address that cannot be had.
    pub(super) fn sites(&mut self, nodes: &[ImportNode]) -> Result<ImportTree, ImportError> {
        let named = nodes.iter().filter_map(|node| Some((node.name.strip_prefix("&(")?.strip_suffix(')')?, node)));
        let blocks = CaddyBlocks { order: self.order.clone(), named: named.collect() };
        let is_site = |node: &&ImportNode| !node.name.is_empty() && !node.name.starts_with("&(");
        let mut sites = Vec::new();
        let mut listeners: Vec<CaddyListener> = Vec::new();
        let mut clients = Vec::new();
        for node in nodes.iter().filter(is_site) {
            for bind in node.inner().iter().filter(|inner| inner.name == "bind") {
                self.report.kept(&bind.place, &bind.shown, "listen");
            }
            let tls = node.inner().iter().find(|inner| inner.name == "tls");
            let certificate = tls.map(|tls| self.tls(tls));
            let addresses = self.addresses(node);
            let client = tls.and_then(|tls| tls.inner().iter().find(|line| line.name == "client_auth"));
            clients.push((client.map_or(ClientCertificates::All, ClientCertificates::of), node.name.clone()));
            let index = sites.len();
            let mut speaks_tls = false;
            for address in addresses {
                let is_tls = self.speaks_tls(&address, tls.is_some());
                speaks_tls |= is_tls;
                for bound in self.bound(node, &address)? {
                    let at = listeners.iter().position(|known| known.address == bound).unwrap_or_else(|| {
                        listeners.push(CaddyListener { address: bound, tls: false, sites: Vec::new() });
                        listeners.len() - 1
                    });
                    let listener = &mut listeners[at];
                    listener.tls |= is_tls;
                    match listener.sites.last_mut() {
                        Some((same, known)) if *same == index => known.push(address.clone()),
                        _ => listener.sites.push((index, vec![address.clone()])),
                    }
                }
            }
            if speaks_tls {
                self.certificate_of(node, certificate.flatten());
            }
            let steps = blocks.steps(node.inner(), &Matchers::new(), true);
            let mut hosts = BTreeSet::new();
            hosts_of(&steps, &mut hosts);
            let origin = Origin::of(&node.place, &node.shown);
            sites.push(CaddySite { origin, steps, clients: ClientCertificates::All, hosts });
        }
        self.settle_clients(&mut clients);
        for (site, (clients, _)) in sites.iter_mut().zip(clients) {
            site.clients = clients;
        }
        let mut tree = ImportTree::default();
        let mut budget = MOST_STEPS;
        for listener in &listeners {
            self.listener(listener, &sites, &mut tree, &mut budget);
        }
        self.redirects(&listeners, &sites, &mut tree);
        Ok(tree)
    }

    /// The addresses of a site that can be had.
    fn addresses(&mut self, node: &ImportNode) -> Vec<CaddyAddress> {
        let words = std::iter::once(&node.name).chain(&node.args);
        let texts = words.flat_map(|word| word.split(',')).map(str::trim).filter(|text| !text.is_empty());
        let mut found = Vec::new();
        for text in texts {
            match CaddyAddress::of(text) {
                Some(address) if HostClass::of(&address.host).is_some() => found.push(address),
                _ => {
                    let remedy = format!(
                        "`{text}` is no address that routes know, and nothing is served for it: write the name that it stands for, and import again"
                    );
                    self.report.dropped(&node.place, &node.shown, remedy);
                }
            }
        }
        found
    }

    /// Whether TLS is spoken at an address.
    fn speaks_tls(&self, address: &CaddyAddress, has_tls: bool) -> bool {
        let port = self.port(address);
        match address.scheme.as_deref() {
            Some("http") => false,
            Some(_) => true,
            None if port == self.http_port => false,
            None => port == self.https_port || has_tls || !address.host.is_empty(),
        }
    }

    fn port(&self, address: &CaddyAddress) -> u16 {
        let usual = if address.scheme.as_deref() == Some("http") { self.http_port } else { self.https_port };
        address.port.unwrap_or(usual)
    }

    /// Where a site listens for an address of its own.
    fn bound(&self, node: &ImportNode, address: &CaddyAddress) -> Result<Vec<BindAddr>, ImportError> {
        let mut own = Vec::new();
        for bind in node.inner().iter().filter(|inner| inner.name == "bind") {
            own.extend(binds(bind)?);
        }
        let places = match (own.is_empty(), self.bind.is_empty()) {
            (false, _) => own,
            (true, false) => self.bind.clone(),
            (true, true) => vec![CaddyBind::Ip(IpAddr::V6(Ipv6Addr::UNSPECIFIED))],
        };
        let port = self.port(address);
        let place = |bind| match bind {
            CaddyBind::Ip(ip) => BindAddr::Tcp(SocketAddr::new(ip, port)),
            CaddyBind::Unix(path) => BindAddr::Unix(path),
        };
        Ok(places.into_iter().map(place).collect())
    }

    /// The servers of a listener: one for each host that is treated in its own way.
    fn listener(
        &mut self,
        listener: &CaddyListener,
        sites: &[CaddySite<'_>],
        tree: &mut ImportTree,
        budget: &mut usize,
    ) {
        let mut order: Vec<&(usize, Vec<CaddyAddress>)> = listener.sites.iter().collect();
        order.sort_by_key(|(_, addresses)| {
            let specific = |text: &str| text.len() - text.matches('*').count();
            let longest = addresses.iter().map(|address| specific(&address.host)).max().unwrap_or_default();
            let wild = addresses.iter().any(|address| address.host.contains('*') || address.host.is_empty());
            let path = addresses.iter().map(|address| specific(&address.path)).max();
            (longest == 0, wild, Reverse(longest), Reverse(path))
        });
        let mut classes: BTreeSet<HostClass> = BTreeSet::from([HostClass::Rest]);
        for (index, addresses) in &order {
            classes.extend(addresses.iter().filter_map(|address| HostClass::of(&address.host)));
            classes.extend(sites[*index].hosts.iter().filter_map(|host| HostClass::of(host)));
        }
        let mut servers: Vec<(Vec<usize>, usize)> = Vec::new();
        let mut here = Vec::new();
        let mut default = None;
        for class in &classes {
            let chosen: Vec<_> = order
                .iter()
                .filter_map(|(index, addresses)| {
                    let mut own = addresses.iter().filter(|address| class.has(&address.host) == Some(true)).peekable();
                    own.peek()?;
                    Some((*index, own.map(|address| address.path.clone()).collect::<Vec<_>>()))
                })
                .collect();
            let indices: Vec<usize> = chosen.iter().map(|(index, _)| *index).collect();
            let is_plain = |(index, paths): &(usize, Vec<String>)| {
                sites[*index].hosts.is_empty() && paths.iter().all(String::is_empty)
            };
            let is_shared = !matches!(class, HostClass::Below(_)) && chosen.iter().all(is_plain);
            let known = servers.iter().find(|(known, _)| is_shared && *known == indices).map(|(_, server)| *server);
            let server = known.unwrap_or_else(|| {
                let rules = self.rules(class, &chosen, sites, listener.tls, budget);
                let first = indices
                    .first()
                    .or(listener.sites.first().map(|(index, _)| index))
                    .map(|index| sites[*index].origin.clone());
                let origin = first.unwrap_or_else(|| Origin::of(&crate::import::place::ImportPlace::start(""), ""));
                tree.servers.push(ImportServer { origin, hosts: Vec::new(), rules });
                let server = tree.servers.len() - 1;
                if is_shared {
                    servers.push((indices, server));
                }
                here.push(server);
                server
            });
            match class {
                HostClass::Exact(name) => tree.servers[server].hosts.push(HostName::Exact(name.clone())),
                HostClass::Below(name) => tree.servers[server].hosts.push(HostName::Below(name.clone())),
                HostClass::Rest => default = Some(server),
            }
        }
        let origins = listener.sites.iter().map(|(index, _)| sites[*index].origin.clone()).collect();
        let default = default.unwrap_or_default();
        tree.listeners.push(ImportListener {
            address: listener.address.clone(),
            only_v6: false,
            tls: listener.tls,
            servers: here,
            default,
            origins,
        });
    }

    /// What is done with the requests for a host, by the sites that have it.
    fn rules(
        &mut self,
        class: &HostClass,
        chosen: &[(usize, Vec<String>)],
        sites: &[CaddySite<'_>],
        tls: bool,
        budget: &mut usize,
    ) -> Vec<ImportRule> {
        let mut rules = Vec::new();
        if let (HostClass::Below(parent), Some((index, _))) = (class, chosen.first()) {
            rules.extend(deeper(parent, &sites[*index].origin));
        }
        for (index, patterns) in chosen {
            let site = &sites[*index];
            let (all, requests) = if patterns.iter().any(String::is_empty) {
                (true, Some(Condition::always()))
            } else {
                (false, paths(patterns, &CaddyPath::Whole))
            };
            let requests = requests.unwrap_or_else(Condition::always);
            for when in requests.alternatives() {
                let mut left = most_steps(count(&site.steps)).min(*budget);
                *budget -= left;
                let mut walk = SiteWalk {
                    host: class,
                    tls,
                    behind_proxies: !self.draft.trusted_proxies.is_empty(),
                    upstreams: &mut self.upstreams,
                    rules: Vec::new(),
                    budget: &mut left,
                };
                walk.follow(Place::start(&site.steps, None), OnTheWay::new(when.clone()));
                let mut found = walk.rules;
                *budget += left;
                if let ClientCertificates::Cannot(origin, cannot) = &site.clients {
                    for rule in &mut found {
                        rule.shut(origin, cannot.why.clone(), cannot.write);
                    }
                }
                rules.append(&mut found);
            }
            if all || requests.is_always() {
                return joined(rules);
            }
        }
        rules.push(ImportRule::new(DraftMatch::default(), DraftAnswer::status(200)));
        joined(rules)
    }

    /// Redirects from http to https, which Caddy adds by itself.
    fn redirects(&mut self, listeners: &[CaddyListener], sites: &[CaddySite<'_>], tree: &mut ImportTree) {
        for listener in listeners.iter().filter(|listener| listener.tls && self.redirects) {
            let BindAddr::Tcp(at) = &listener.address else { continue };
            let plain = BindAddr::Tcp(SocketAddr::new(at.ip(), self.http_port));
            let known = [443, 80, self.https_port, self.http_port].contains(&at.port());
            let answer = if known {
                DraftAnswer::Https(308)
            } else {
                DraftAnswer::Redirect { to: format!("https://{{host}}:{}{{uri}}", at.port()), status: 308 }
            };
            let origins: Vec<Origin> = listener.sites.iter().map(|(index, _)| sites[*index].origin.clone()).collect();
            let Some(origin) = origins.first() else { continue };
            let mut rule = ImportRule::new(DraftMatch::default(), answer);
            let text = "http is redirected to https, as Caddy does by itself".to_owned();
            for origin in &origins {
                rule.say(origin, Part::Remark(ImportVerdict::Kept, text.clone()));
            }
            let mut hosts: Vec<HostName> = Vec::new();
            for address in listener.sites.iter().flat_map(|(_, addresses)| addresses) {
                match HostClass::of(&address.host) {
                    Some(HostClass::Exact(name)) => hosts.push(HostName::Exact(name)),
                    Some(HostClass::Below(name)) => hosts.push(HostName::Below(name)),
                    _ => {}
                }
            }
            let server = tree.servers.len();
            match tree.listeners.iter_mut().find(|known| known.address == plain) {
                Some(known) if known.tls => continue,
                Some(known) => {
                    let taken =
                        |host: &HostName| known.servers.iter().any(|index| tree.servers[*index].hosts.contains(host));
                    hosts.retain(|host| !taken(host));
                    if hosts.is_empty() {
                        continue;
                    }
                    known.servers.push(server);
                    known.origins.extend(
                        origins.iter().filter(|origin| !known.origins.contains(origin)).cloned().collect::<Vec<_>>(),
                    );
                }
                None => tree.listeners.push(ImportListener {
                    address: plain,
                    only_v6: false,
                    tls: false,
                    servers: vec![server],
                    default: server,
                    origins: origins.clone(),
                }),
            }
            tree.servers.push(ImportServer { origin: origin.clone(), hosts, rules: vec![rule] });
        }
    }
}

/// Names more than one label below `parent` are none that Caddy's `*` stands for.
fn deeper(parent: &str, origin: &Origin) -> Option<ImportRule> {
    let one_label = format!("(?i)^[^.]+\\.{}(?::[0-9]*)?$", regex::escape(parent));
    let own = Condition::matches(FieldKind::Header, "Host", &one_label).ok()?.not().ok()?;
    let mut rule = ImportRule::new(own.alternatives().first()?.clone(), DraftAnswer::status(404));
    let text = format!("names more than one label below {parent} are not served, as in Caddy: they get 404");
    rule.say(origin, Part::Remark(ImportVerdict::Kept, text));
    Some(rule)
}

/// The rules without those that the next one makes needless: it takes their requests, too, and does the same.
fn joined(rules: Vec<ImportRule>) -> Vec<ImportRule> {
    let mut kept: Vec<ImportRule> = Vec::new();
    for mut rule in rules.into_iter().rev() {
        if let Some(next) = kept.last_mut() {
            let when = std::mem::replace(&mut rule.route.when, next.route.when.clone());
            if rule.route == next.route && rule.shut == next.shut && next.route.when.covers(&when) {
                for said in rule.said {
                    next.say(&said.origin, said.part);
                }
                continue;
            }
            rule.route.when = when;
        }
        kept.push(rule);
    }
    kept.reverse();
    kept
}

/// How many directives there are, in blocks as well.
fn count(steps: &[CaddyStep<'_>]) -> usize {
    steps.iter().map(|step| 1 + count(&step.block)).sum()
}

/// The hosts that matchers name.
fn hosts_of(steps: &[CaddyStep<'_>], hosts: &mut BTreeSet<String>) {
    for step in steps {
        hosts.extend(step.matcher.iter().flat_map(|matcher| matcher.hosts()).map(str::to_owned));
        hosts_of(&step.block, hosts);
    }
}
