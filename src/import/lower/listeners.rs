//! [`Group`]: listeners at which the same servers answer.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::config::BindAddr;
use crate::import::draft::{Draft, DraftAnswer, DraftListener};
use crate::import::error::ImportError;
use crate::import::matching::DraftPath;
use crate::import::report::ImportReport;
use crate::import::tree::{HostName, ImportListener, ImportRule, ImportServer, ImportTree, Origin};

/// Listeners at which the same servers answer.
pub(super) struct Group {
    /// The name; empty where there is one group.
    pub(super) name: String,
    /// The names of servers, and what answers for each.
    pub(super) hosts: Vec<(HostName, Target)>,
    /// What answers for all other names.
    pub(super) default: Target,
    /// Names that rules look at.
    pub(super) special: Vec<HostName>,
    /// Whether no client of IPv4 is taken.
    pub(super) only_v6: bool,
}

/// What answers requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// The server with this index.
    Server(usize),
    /// It depends on the address that a client connected to, which these directives are about.
    Undecided(Vec<Origin>),
}

/// A listener of frontgate's, and those of the old proxy that it stands for.
struct Socket<'a> {
    address: BindAddr,
    only_v6: bool,
    tls: bool,
    parts: Vec<&'a ImportListener>,
}

/// Fills `draft.listen`; the groups of listeners that have routes.
pub(super) fn groups(
    tree: &ImportTree,
    draft: &mut Draft,
    report: &mut ImportReport,
) -> Result<Vec<Group>, ImportError> {
    let sockets = sockets(&tree.listeners)?;
    let has_tls = sockets.iter().any(|socket| socket.tls);
    let mut groups: Vec<Group> = Vec::new();
    let mut members: Vec<(usize, &Socket<'_>)> = Vec::new();
    for socket in &sockets {
        if has_tls && !socket.tls && redirects(socket, tree) {
            draft.listen.http.push(DraftListener { address: socket.address.clone(), name: None });
            say(socket, report, "listen.http, which redirects to https");
            redirecting(socket, tree, report);
            continue;
        }
        let (hosts, default) = answering(socket, tree);
        let known = groups
            .iter()
            .position(|group| (&group.hosts, &group.default, group.only_v6) == (&hosts, &default, socket.only_v6));
        let index = known.unwrap_or_else(|| {
            let special = special(socket, tree);
            groups.push(Group { name: String::new(), hosts, default, special, only_v6: socket.only_v6 });
            groups.len() - 1
        });
        members.push((index, socket));
    }
    if groups.len() > 1 {
        name(&mut groups, &members);
    }
    let mut https = Vec::new();
    for (index, socket) in members {
        let name = Some(groups[index].name.clone()).filter(|name| !name.is_empty());
        let list = if socket.tls { &mut https } else { &mut draft.listen.plain };
        list.push(DraftListener { address: socket.address.clone(), name });
        let key = if socket.tls { "listen.https" } else { "listen.plain" };
        say(socket, report, &format!("{key}: {}", socket.address));
    }
    if !tree.listeners.is_empty() {
        draft.listen.https = Some(https);
    }
    Ok(groups)
}

fn say(socket: &Socket<'_>, report: &mut ImportReport, what: &str) {
    for origin in socket.parts.iter().flat_map(|part| &part.origins) {
        report.kept(&origin.place, &origin.shown, what);
    }
}

/// The sockets that frontgate binds. An address that another stands for is joined to it: frontgate cannot bind both.
fn sockets(listeners: &[ImportListener]) -> Result<Vec<Socket<'_>>, ImportError> {
    let mut sockets: Vec<Socket<'_>> = Vec::new();
    let mut sorted: Vec<&ImportListener> = listeners.iter().collect();
    // Those that stand for others first.
    sorted.sort_by_key(|listener| match &listener.address {
        BindAddr::Tcp(addr) if addr.is_ipv6() && addr.ip().is_unspecified() => 0,
        BindAddr::Tcp(addr) if addr.ip().is_unspecified() => 1,
        _ => 2,
    });
    for listener in sorted {
        if let (BindAddr::Unix(_), true, Some(origin)) = (&listener.address, listener.tls, listener.origins.first()) {
            let expected = "an address of IPv4 or IPv6: TLS is for these only";
            return Err(ImportError::syntax(&origin.place, format!("`{}`", origin.shown), expected));
        }
        match sockets.iter_mut().find(|socket| stands_for(socket, listener)) {
            Some(socket) if socket.tls != listener.tls => {
                let Some(origin) = listener.origins.first() else { continue };
                let expected =
                    format!("what is at {}, which has this address, too: TLS at both, or at none", socket.address);
                return Err(ImportError::syntax(&origin.place, format!("`{}`", origin.shown), expected));
            }
            Some(socket) => {
                // IPv4 has a listener of its own here.
                let is_v4 = matches!(&listener.address, BindAddr::Tcp(addr) if addr.ip() == IpAddr::from([0, 0, 0, 0]));
                socket.only_v6 &= !is_v4;
                socket.parts.push(listener);
            }
            None => sockets.push(Socket {
                address: listener.address.clone(),
                only_v6: listener.only_v6,
                tls: listener.tls,
                parts: vec![listener],
            }),
        }
    }
    // In the order in which the old proxy had them.
    let position =
        |socket: &Socket<'_>| listeners.iter().position(|listener| listener.address == socket.parts[0].address);
    sockets.sort_by_key(position);
    Ok(sockets)
}

/// Whether the listener's address is the socket's, or one of those that the socket takes.
fn stands_for(socket: &Socket<'_>, listener: &ImportListener) -> bool {
    match (&socket.address, &listener.address) {
        (BindAddr::Tcp(own), BindAddr::Tcp(other)) => own == other || own.port() == other.port() && takes(own, other),
        (own, other) => own == other,
    }
}

fn takes(own: &SocketAddr, other: &SocketAddr) -> bool {
    own.ip() == IpAddr::from(Ipv6Addr::UNSPECIFIED) || (own.ip().is_unspecified() && other.is_ipv4())
}

/// What answers at a socket, for each name and for the rest.
fn answering(socket: &Socket<'_>, tree: &ImportTree) -> (Vec<(HostName, Target)>, Target) {
    let mut names: Vec<&HostName> = Vec::new();
    for host in socket.parts.iter().flat_map(|part| &part.servers).flat_map(|index| &tree.servers[*index].hosts) {
        if !names.contains(&host) {
            names.push(host);
        }
    }
    let special = special(socket, tree);
    for host in &special {
        if !names.contains(&host) {
            names.push(host);
        }
    }
    let default = joined(socket, |part| part.default);
    let target = |name: &HostName| joined(socket, |part| server_of(part, name, tree));
    let hosts: Vec<_> = names.into_iter().map(|name| (name.clone(), target(name))).collect();
    // Where one server answers for every name, no name matters.
    let alike = special.is_empty() && hosts.iter().all(|(_, target)| *target == default);
    if alike { (Vec::new(), default) } else { (hosts, default) }
}

/// The names that rules look at: each has routes of its own.
fn special(socket: &Socket<'_>, tree: &ImportTree) -> Vec<HostName> {
    let servers = socket.parts.iter().flat_map(|part| part.servers.iter().chain([&part.default]));
    let hosts = servers.flat_map(|index| tree.servers[*index].rules.iter().flat_map(|rule| rule.route.when.hosts()));
    let mut special: Vec<HostName> = Vec::new();
    for host in hosts.map(|host| HostName::Exact(host.clone())) {
        if !special.contains(&host) {
            special.push(host);
        }
    }
    special
}

/// What all parts of a socket say, or that they differ.
fn joined(socket: &Socket<'_>, server: impl Fn(&ImportListener) -> usize) -> Target {
    let first = server(socket.parts[0]);
    if socket.parts.iter().all(|part| server(part) == first) {
        return Target::Server(first);
    }
    Target::Undecided(socket.parts.iter().flat_map(|part| part.origins.clone()).collect())
}

/// The server of a listener that answers for a name, which may be a pattern.
fn server_of(listener: &ImportListener, name: &HostName, tree: &ImportTree) -> usize {
    let has =
        |wanted: &HostName| listener.servers.iter().copied().find(|index| tree.servers[*index].hosts.contains(wanted));
    let below = match name {
        HostName::Exact(text) => text.split_once('.').map(|(_, rest)| rest),
        HostName::Below(text) => Some(text.as_str()),
        HostName::Regex(_) => None,
    };
    let parents = std::iter::successors(below, |rest| rest.split_once('.').map(|(_, rest)| rest));
    let by_parent = || parents.into_iter().find_map(|parent| has(&HostName::Below(parent.to_owned())));
    has(name).or_else(by_parent).unwrap_or(listener.default)
}

/// Names the groups by the kind and port of their first listener.
fn name(groups: &mut [Group], members: &[(usize, &Socket<'_>)]) {
    for index in 0..groups.len() {
        let Some((_, socket)) = members.iter().find(|(group, _)| *group == index) else { continue };
        let kind = if socket.tls { "https" } else { "http" };
        let base = match &socket.address {
            BindAddr::Tcp(addr) => format!("{kind}-{}", addr.port()),
            BindAddr::Unix(_) => "unix".to_owned(),
        };
        let taken = |name: &str| groups.iter().any(|group| group.name == name);
        let numbered = (2..).map(|number| format!("{base}-{number}"));
        let free = std::iter::once(base.clone()).chain(numbered).find(|name| !taken(name));
        groups[index].name = free.unwrap_or_default();
    }
}

/// Whether everything at the socket is a redirect to https.
fn redirects(socket: &Socket<'_>, tree: &ImportTree) -> bool {
    let servers = socket.parts.iter().flat_map(|part| part.servers.iter().chain([&part.default]));
    !socket.only_v6
        && matches!(socket.address, BindAddr::Tcp(_))
        && servers.into_iter().all(|index| only_redirects(&tree.servers[*index]))
}

/// Whether a server redirects every request to https, but for the challenges of an ACME client.
fn only_redirects(server: &ImportServer) -> bool {
    let mut rules = server.rules.iter().skip_while(|rule| is_challenge(rule));
    rules.next().is_some_and(|rule| {
        matches!(rule.route.answer, DraftAnswer::Https(_)) && rule.route.when.is_any() && rule.shut.is_empty()
    })
}

fn is_challenge(rule: &ImportRule) -> bool {
    let path = match &rule.route.when.path {
        Some(DraftPath::Prefix(path) | DraftPath::Starts(path)) => path.starts_with("/.well-known/acme-challenge"),
        _ => false,
    };
    // Only what the old proxy answered itself: what it forwarded goes on to be forwarded.
    path && !rule.route.answer.forwards()
}

/// What the report says of the rules of a listener that only redirects.
fn redirecting(socket: &Socket<'_>, tree: &ImportTree, report: &mut ImportReport) {
    for index in socket.parts.iter().flat_map(|part| part.servers.iter().chain([&part.default])) {
        let server = &tree.servers[*index];
        report.kept(
            &server.origin.place,
            &server.origin.shown,
            "listen.http, which redirects to https on the same host",
        );
        for rule in &server.rules {
            for said in &rule.said {
                let (place, shown) = (&said.origin.place, &said.origin.shown);
                if is_challenge(rule) {
                    report.dropped(
                        place,
                        shown,
                        "on this port frontgate answers challenges for its own certificates (tls.certificate: acme) and no others: let it \
                         get the certificate",
                    );
                } else if matches!(rule.route.answer, DraftAnswer::Https(_)) && rule.route.when.is_any() {
                    report.kept(place, shown, "listen.http, which redirects to https on the same host");
                } else {
                    report.not_needed(place, shown, "on this port everything is redirected to https");
                }
            }
        }
    }
}
