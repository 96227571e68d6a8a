//! `upstreams`: groups of gateways that stand in for each other.

mod balance;
mod dns_server;
mod endpoint;
mod endpoint_url;
mod health;
mod sticky;

use std::net::{IpAddr, SocketAddr};

use super::keys::{KeySection, Keys, SectionChecks};
use super::kinds::{GivenName, Keyed, List, Mapping, OffOrKeys, SourceIp};
use super::problem::ValueError;
use super::upstream::UpstreamAddress;
use super::upstream_tls::UpstreamTls;
use balance::BalanceValue;
pub(crate) use balance::{Balance, HashBy};
use dns_server::DnsServer;
pub(crate) use endpoint::GroupEndpoint;
use endpoint::GroupEndpointValue;
pub(crate) use endpoint_url::{EndpointUrl, GatewayName, NameRecords};
pub(crate) use health::Health;
pub(crate) use sticky::Sticky;

/// A group of gateways that stand in for each other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UpstreamGroup {
    /// The gateways.
    pub(crate) endpoints: Vec<GroupEndpoint>,
    /// How the next gateway is chosen.
    pub(crate) balance: Balance,
    /// The cookie that leads a client back to its gateway; `None` sets none.
    pub(crate) sticky: Option<Sticky>,
    /// How they are asked whether they are well; `None` asks none.
    pub(crate) health: Option<Health>,
    /// The addresses that they are dialled from; without any the kernel chooses.
    pub(crate) source: Vec<IpAddr>,
    /// The DNS servers that are asked for names; without any those of the system.
    pub(crate) resolver: Vec<SocketAddr>,
    /// How those over https are verified.
    pub(crate) tls: UpstreamTls,
}

impl UpstreamGroup {
    /// A group of one gateway, without a stand-in.
    pub(crate) fn of(endpoint: UpstreamAddress) -> Self {
        Self { endpoints: vec![endpoint.into()], ..Self::default() }
    }

    /// The addresses of the gateways that have one.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = &UpstreamAddress> {
        self.endpoints.iter().filter_map(|endpoint| endpoint.url.address())
    }

    /// The names that stand for several gateways.
    pub(crate) fn names(&self) -> impl Iterator<Item = &GatewayName> {
        self.endpoints.iter().filter_map(|endpoint| endpoint.url.name())
    }
}

/// The kind of `upstreams`.
pub(super) const GROUPS: Mapping<GivenName, Keyed<UpstreamGroup>> = Mapping(GivenName("an upstream"), Keyed::NEW);

impl KeySection for UpstreamGroup {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key(
            "endpoints",
            List(GroupEndpointValue),
            &mut self.endpoints,
            "Where the gateways listen; { url, weight } for one that gets more or less of the work than the others. \
             dns+http://NAME:PORT (or dns+https) stands for all addresses that the DNS has for the name, srv+http://NAME (or \
             srv+https) for all hosts of its SRV records; names are asked again when their TTL ends.",
        );
        keys.key(
            "balance",
            BalanceValue,
            &mut self.balance,
            "Which endpoint is next: round_robin; least_connections for the one with the fewest requests and WebSockets under \
             way; random_two for the better of two that are drawn; hash for the same one for the same network address, or for \
             the same value of a header, after restarts and on every replica alike. Weights count in all of them. One that \
             refuses connections is left alone for a while.",
        );
        keys.key(
            "sticky",
            OffOrKeys::<Sticky>::NEW,
            &mut self.sticky,
            "A cookie that leads a client back to its endpoint, requests and WebSockets alike. One that is gone or left alone lets go.",
        );
        keys.key(
            "health",
            OffOrKeys::<Health>::NEW,
            &mut self.health,
            "Asks each endpoint at intervals whether it is well; without it only what clients ask for tells.",
        );
        keys.key(
            "source",
            List(SourceIp),
            &mut self.source,
            "Addresses of this machine to dial from, the least used one first. One address carries about 28,000 connections to one \
             endpoint. The gateway must know them: `gateway.trustedProxies` of OpenClaw.",
        );
        keys.key(
            "resolver",
            List(DnsServer),
            &mut self.resolver,
            "DNS servers, as IP addresses with or without a port, that are asked for the dns+ and srv+ names as they are written; \
             without any the system's, with its search domains and its hosts file.",
        );
        keys.section("tls", "How https endpoints are known, and what frontgate shows them.", &mut self.tls);
    }

    fn check(&self, checks: &mut SectionChecks<'_>) {
        if self.endpoints.is_empty() {
            let fault = ValueError::new("no endpoint");
            checks.report(
                &["endpoints"],
                fault.hint("such as endpoints: [http://10.0.0.4:18789, http://10.0.0.5:18789]"),
            );
        }
        if self.endpoints.len() > MOST_ENDPOINTS {
            checks.report(&["endpoints"], ValueError::new(format!("more than {MOST_ENDPOINTS} endpoints")));
        }
        let urls = || self.endpoints.iter().map(|endpoint| &endpoint.url);
        if self.tls != UpstreamTls::default()
            && let Some(endpoint) = urls().find(|endpoint| !endpoint.is_https())
        {
            let fault = ValueError::new(format!("{endpoint} speaks no TLS"));
            checks.report(&["tls", "endpoints"], fault.hint("write https://… for it, or remove `tls`"));
        }
        for (index, ip) in self.source.iter().enumerate() {
            if self.source[..index].contains(ip) {
                let fault = ValueError::new(format!("{ip} is there already"));
                checks.report(&[&format!("source[{index}]")], fault.hint("each address once"));
            }
        }
        if !self.source.is_empty()
            && let Some(endpoint) = self.addresses().find(|endpoint| !endpoint.is_reached_from(&self.source))
        {
            let fault = ValueError::new(format!("none of these addresses leads to {endpoint}"));
            checks.report(
                &["source"],
                fault.hint("an IPv4 address for an IPv4 endpoint, an IPv6 one for IPv6; a unix socket has none"),
            );
        }
        if !self.resolver.is_empty() && self.names().next().is_none() {
            let fault = ValueError::new("no endpoint is a name that it could be asked for");
            checks.report(
                &["resolver"],
                fault.hint("write dns+http://NAME:PORT or srv+http://NAME, or remove `resolver`"),
            );
        }
        if self.resolver.len() > MOST_SERVERS {
            checks.report(&["resolver"], ValueError::new(format!("more than {MOST_SERVERS} servers")));
        }
        for (index, endpoint) in urls().enumerate() {
            if urls().take(index).any(|other| other == endpoint) {
                let fault = ValueError::new(format!("{endpoint} is there already"));
                checks.report(&[&format!("endpoints[{index}]")], fault.hint("each endpoint once"));
            }
        }
    }
}

const MOST_ENDPOINTS: usize = 64;
/// As many as a resolver of the C library asks.
const MOST_SERVERS: usize = 3;
