//! [`DoctorPlan`]: what there is to look at, from the configuration.

mod writing;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use http::HeaderValue;
use http::header::{FORWARDED, HeaderName};

use super::planned::{ClientName, PlannedGateway, ProbedOrigin};
use super::probe::{MachineLimits, ProbeFields};
use crate::config::{
    BindAddr, Config, HostPattern, LocalClients, Name, PathMatcher, RouteConfig, RouteTarget, UpstreamAddress,
    UpstreamTls,
};

pub(super) use writing::RouteNotation;

/// The gateways, names and listeners to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DoctorPlan {
    /// Each gateway once, however many routes lead to it.
    pub(super) backends: Vec<PlannedGateway>,
    /// The names that clients on other machines use.
    pub(super) sites: Vec<ClientName>,
    /// Names that no route takes.
    pub(super) nowhere: Vec<String>,
    /// The target of a WebSocket of a client on this machine; `None` when no route leads from here to a gateway.
    local_path: Option<String>,
}

/// How doctor reaches a listener as a client would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ListenerApproach {
    /// The address to connect to.
    pub(super) dial: ClientDial,
    /// The name for the TLS handshake; `None` without TLS.
    pub(super) tls: Option<String>,
    /// The value of the `Host` field.
    pub(super) host: String,
    /// The forwarding fields that a proxy before frontgate would send.
    pub(super) fields: ProbeFields,
    /// The target of the request.
    pub(super) path: String,
}

/// An address to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ClientDial {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl DoctorPlan {
    /// The plan for `config`. `origins` are what the user says that browsers open, if they do; else `public_origin` says it
    /// besides the names.
    pub(super) fn new(config: &Config, origins: &[String], machine: &MachineLimits) -> Self {
        let sites: Vec<ClientName> = match origins {
            [] => with_public(config, sites(config, machine)),
            named => named.iter().map(|origin| told(origin)).collect(),
        };
        let mut routes = config.all_routes();
        // What only some requests take says little about a browser's.
        let plain = |route: &&RouteConfig| !route.has_conditions() && route.is_at(None);
        let for_all: Vec<RouteConfig> = routes.iter().filter(plain).cloned().collect();
        if !for_all.is_empty() {
            routes = for_all;
        }
        routes.sort_by_key(RouteConfig::rank);
        let mut backends: Vec<PlannedGateway> = Vec::new();
        for route in routes.iter().filter(|route| !route.answers()) {
            let (group, tls) = match &route.upstream {
                Some(RouteTarget::Named(name)) => {
                    let group = config.upstreams.iter().find(|(one, _)| one == name);
                    (Some(name), group.map(|(_, group)| group.tls.clone()).unwrap_or_default())
                }
                _ => (None, UpstreamTls::default()),
            };
            for upstream in endpoints(config, route) {
                let is_new = |backend: &PlannedGateway| backend.upstream != upstream || backend.tls != tls;
                if backends.len() < MOST_GATEWAYS && backends.iter().all(is_new) {
                    let (tls, group) = (tls.clone(), group.cloned());
                    backends.push(PlannedGateway { upstream, tls, group, path: path(route), sites: Vec::new() });
                }
            }
        }
        let mut nowhere = Vec::new();
        for site in &sites {
            let taken = ways(&routes, &site.name);
            if taken.is_empty() {
                nowhere.push(site.name.clone());
            }
            for backend in &mut backends {
                let leads =
                    |route: &&&RouteConfig| !route.answers() && endpoints(config, route).contains(&backend.upstream);
                if let Some(route) = taken.iter().find(leads) {
                    backend.sites.push(ClientName { path: path(route), ..site.clone() });
                }
            }
        }
        let local_path = ways(&routes, "localhost").iter().find(|route| !route.answers()).map(|route| path(route));
        Self { backends, sites, nowhere, local_path }
    }

    /// How the listener at `address` is reached, or why it cannot be reached from here.
    pub(super) fn seat(
        &self,
        config: &Config,
        address: &BindAddr,
        tls: bool,
        machine: &MachineLimits,
    ) -> Result<ListenerApproach, &'static str> {
        let seat = |dial, (host, path): (String, String), fields| ListenerApproach {
            tls: tls.then(|| host_name(&host)),
            host,
            dial,
            fields,
            path,
        };
        let local = |port: u16| {
            let path = self.local_path.clone().ok_or("no route leads from localhost to a gateway")?;
            Ok::<_, &'static str>((format!("localhost:{port}"), path))
        };
        let remote = |port: u16| {
            let with_site = self.backends.iter().find_map(|backend| backend.sites.first());
            let Some(site) = with_site else { return local(port) };
            let host = site.origins.first().map_or_else(|| site.name.clone(), |origin| origin.host.clone());
            Ok((host, site.path.clone()))
        };
        let at = match address {
            BindAddr::Unix(path) => return Ok(seat(ClientDial::Unix(path.clone()), remote(443)?, elsewhere())),
            BindAddr::Tcp(at) => *at,
        };
        let from = from(at.ip(), &machine.addresses);
        let dial = ClientDial::Tcp(SocketAddr::new(from, at.port()));
        let among = |nets: &[ipnet::IpNet]| nets.iter().any(|net| net.contains(&from));
        if among(&config.listen.proxy_protocol_from) {
            return Err("it expects a PROXY header from this machine");
        }
        if config.tls.client_ca.as_ref().is_some_and(|ca| tls && ca.mode == crate::config::ClientMode::Required) {
            return Err("it wants a certificate of its clients");
        }
        if among(&config.forwarded.trusted_proxies) {
            return Ok(seat(dial, remote(at.port())?, elsewhere()));
        }
        if !from.is_loopback() {
            return Ok(seat(dial, remote(at.port())?, ProbeFields::new()));
        }
        match config.forwarded.local_clients {
            LocalClients::Auto => Ok(seat(dial, local(at.port())?, ProbeFields::new())),
            LocalClients::Forwarded => Err("the gateway refuses clients that say they are on this machine"),
        }
    }
}

/// Where to look at the certificate for `name` of the listener at `address`. A certificate for an address is chosen by
/// the address that was dialled, so another machine's cannot be seen from here.
pub(super) fn address_for(name: &Name, address: &BindAddr, machine: &MachineLimits) -> Option<SocketAddr> {
    let BindAddr::Tcp(at) = address else { return None };
    let ip = match name {
        Name::Dns(_) => from(at.ip(), &machine.addresses),
        Name::Ip(ip) if !at.ip().is_unspecified() => (*ip == at.ip()).then_some(*ip)?,
        Name::Ip(ip) => (ip.is_loopback() || machine.addresses.contains(ip)).then_some(*ip)?,
    };
    Some(SocketAddr::new(ip, at.port()))
}

impl PlannedGateway {
    /// All origins to ask the gateway about: those of frontgate's own ports, and that without a port where it may be
    /// another.
    pub(super) fn origins(&self) -> Vec<ProbedOrigin> {
        let mut all: Vec<ProbedOrigin> = Vec::new();
        for site in &self.sites {
            let usual = site.any_port.then(|| origin(&site.name, 443));
            for origin in site.origins.iter().cloned().chain(usual) {
                if all.len() < MOST_ORIGINS && !all.contains(&origin) {
                    all.push(origin);
                }
            }
        }
        all
    }
}

/// The forwarding headers that frontgate sends of a client at [`ELSEWHERE`] that asked for `host`.
pub(super) fn forwarding(config: &Config, host: &str) -> ProbeFields {
    let port = host.rsplit_once(':').map_or("443", |(_, port)| port).to_owned();
    let mut fields = Vec::new();
    if config.forwarded.x_forwarded {
        fields.extend([
            ("x-forwarded-for", ELSEWHERE.to_string()),
            ("x-real-ip", ELSEWHERE.to_string()),
            ("x-forwarded-proto", "https".to_owned()),
            ("x-forwarded-host", host.to_owned()),
            ("x-forwarded-port", port),
        ]);
    }
    let mut fields: ProbeFields = fields
        .into_iter()
        .filter_map(|(name, value)| Some((HeaderName::from_static(name), HeaderValue::try_from(value).ok()?)))
        .collect();
    if config.forwarded.rfc7239 {
        let value = HeaderValue::try_from(format!("for={ELSEWHERE};host=\"{host}\";proto=https"));
        fields.extend(value.ok().map(|value| (FORWARDED, value)));
    }
    fields
}

/// The forwarding fields of a proxy before frontgate for a client at [`ELSEWHERE`].
fn elsewhere() -> ProbeFields {
    let value = HeaderValue::try_from(ELSEWHERE.to_string());
    value.ok().map(|value| (HeaderName::from_static("x-forwarded-for"), value)).into_iter().collect()
}

/// The gateways of a route.
pub(super) fn endpoints(config: &Config, route: &RouteConfig) -> Vec<UpstreamAddress> {
    match &route.upstream {
        None => vec![config.upstream.clone()],
        Some(RouteTarget::Url(upstream)) => vec![upstream.clone()],
        Some(RouteTarget::Named(name)) => {
            let group = config.upstreams.iter().find(|(one, _)| one == name);
            group.map(|(_, group)| group.addresses().cloned().collect()).unwrap_or_default()
        }
    }
}

/// The routes that requests for `name` may take, of those in the order in which they are tried: up to the first that
/// takes all.
fn ways<'a>(routes: &'a [RouteConfig], name: &str) -> Vec<&'a RouteConfig> {
    let mut taken = Vec::new();
    for route in routes.iter().filter(|route| route.matchers.host.as_ref().is_none_or(|host| host.matches(name))) {
        taken.push(route);
        if route.matchers.takes_every_path() {
            break;
        }
    }
    taken
}

/// A target that the route takes.
fn path(route: &RouteConfig) -> String {
    route.matchers.path.as_ref().map_or(ROOT, PathMatcher::example).to_owned()
}

fn sites(config: &Config, machine: &MachineLimits) -> Vec<ClientName> {
    let listen = &config.listen;
    let before = !config.forwarded.trusted_proxies.is_empty() || !listen.proxy_protocol_from.is_empty();
    let any_port = machine.container || before || listen.https.is_empty();
    let mut names: Vec<&Name> = config.tls.names.iter().filter(|name| !is_loopback(name)).collect();
    // The configuration does not say which names a wildcard stands for.
    names.retain(|name| !name.to_string().starts_with("*."));
    let site = |name: &Name| {
        let origins = listen.https.iter().map(|at| origin(&url_host(name), at.address.port())).collect();
        ClientName { name: url_host(name), origins, any_port, path: ROOT.to_owned() }
    };
    let mut sites: Vec<ClientName> = names.into_iter().map(site).collect();
    // Names of routes, where TLS ends elsewhere and `tls.names` is not used.
    for host in
        config.routes.iter().filter(|_| listen.https.is_empty()).filter_map(|route| route.matchers.host.as_ref())
    {
        if let HostPattern::Exact(name) = host
            && name != "localhost"
            && sites.iter().all(|site| site.name != *name)
        {
            sites.push(ClientName { name: name.clone(), origins: Vec::new(), any_port, path: ROOT.to_owned() });
        }
    }
    sites
}

/// The names with that of `public_origin`, whose port is then no guess.
fn with_public(config: &Config, mut sites: Vec<ClientName>) -> Vec<ClientName> {
    if let Some(public) = config.public_origin.as_deref().map(told) {
        sites.retain(|site| site.name != public.name);
        sites.insert(0, public);
    }
    sites
}

/// An origin that the user names.
fn told(origin: &str) -> ClientName {
    let origin = origin.trim_end_matches('/').to_ascii_lowercase();
    let host = origin.split_once("://").map_or(origin.as_str(), |(_, host)| host).to_owned();
    ClientName {
        name: url_host_of(&host).to_owned(),
        origins: vec![ProbedOrigin { origin, host }],
        any_port: false,
        path: ROOT.to_owned(),
    }
}

/// The origin of pages at that name and port, as a browser writes it.
fn origin(name: &str, port: u16) -> ProbedOrigin {
    let host = if port == 443 { name.to_owned() } else { format!("{name}:{port}") };
    ProbedOrigin { origin: format!("https://{host}"), host }
}

fn is_loopback(name: &Name) -> bool {
    match name {
        Name::Dns(name) => name == "localhost" || name.ends_with(".localhost"),
        Name::Ip(ip) => ip.is_loopback(),
    }
}

/// A name as it stands in a URL.
fn url_host(name: &Name) -> String {
    match name {
        Name::Ip(IpAddr::V6(ip)) => format!("[{ip}]"),
        name => name.to_string(),
    }
}

/// `host` or `[v6]` without a port.
fn url_host_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => name,
        _ => host,
    }
}

/// The host without brackets, for a TLS handshake.
fn host_name(host: &str) -> String {
    url_host_of(host).trim_start_matches('[').trim_end_matches(']').to_owned()
}

/// The address of this machine's by which a listener at `at` is best reached: one that is not loopback makes a client
/// that is not local. The kernel gives the connection the same address at its other end.
fn from(at: IpAddr, own: &[IpAddr]) -> IpAddr {
    match at {
        at if !at.is_unspecified() => at,
        IpAddr::V4(_) => own.iter().copied().find(IpAddr::is_ipv4).unwrap_or(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(_) => own.first().copied().unwrap_or(if own.is_empty() {
            Ipv4Addr::LOCALHOST.into()
        } else {
            Ipv6Addr::LOCALHOST.into()
        }),
    }
}

/// A client that is surely on no machine of ours (RFC 5737).
pub(super) const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const ROOT: &str = "/";
/// Enough for every set-up that people have; a list of hundreds would take its time.
const MOST_ORIGINS: usize = 12;
/// How many gateways are asked; the rest of a longer list is not.
const MOST_GATEWAYS: usize = 32;

#[cfg(test)]
mod tests;
