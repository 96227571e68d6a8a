//! [`Samples`]: a request of every kind that two configurations distinguish.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::Method;
use ipnet::IpNet;

use super::sample_request::SampleRequest;
use super::table::GuardTable;
use crate::config::{ClientAccess, Config, HostPattern, LetterCase, PathMatcher, RequestMatchers, contains};

/// A request of every kind that two configurations distinguish by what can be made up: listener, host, path, method and
/// client.
pub(super) struct Samples {
    listeners: BTreeSet<[Option<String>; 2]>,
    hosts: BTreeSet<String>,
    paths: BTreeSet<String>,
    methods: Vec<Method>,
    clients: Vec<Option<IpAddr>>,
}

impl Samples {
    pub(super) fn of(before: &Config, after: &Config, tables: &[GuardTable; 2]) -> Self {
        let sets: Vec<_> = tables.iter().flat_map(GuardTable::sets).collect();
        let nets = sets.iter().flat_map(|set| &set.from);
        let nets: Vec<IpNet> = nets
            .chain(tables.iter().flat_map(GuardTable::accesses).flat_map(ClientAccess::networks))
            .copied()
            .collect();
        Self {
            listeners: listeners(before, after),
            hosts: hosts(&sets),
            paths: paths(&sets),
            methods: methods(&sets),
            clients: clients(&nets),
        }
    }

    /// Whether every address has the same name before and after.
    pub(super) fn same_listeners(before: &Config, after: &Config) -> bool {
        listeners(before, after).iter().all(|[before, after]| before == after)
    }

    /// Shows each request until one is too many; whether all were shown.
    pub(super) fn each(&self, show: &mut dyn FnMut(&SampleRequest<'_>) -> bool) -> bool {
        for listeners in &self.listeners {
            for (host, path) in self.hosts.iter().flat_map(|host| self.paths.iter().map(move |path| (host, path))) {
                for (method, client) in
                    self.methods.iter().flat_map(|method| self.clients.iter().map(move |client| (method, *client)))
                {
                    if !show(&SampleRequest { listeners, host, path, method, client }) {
                        return false;
                    }
                }
            }
        }
        true
    }
}

/// The names that each listener has before and after: by its address, and every name that stays.
fn listeners(before: &Config, after: &Config) -> BTreeSet<[Option<String>; 2]> {
    let named = |config: &Config| -> Vec<(String, Option<String>)> {
        let https = config.listen.https.iter().map(|one| ("https", one.address.to_string(), one.name.clone()));
        let http = config.listen.http.iter().map(|one| ("http", one.address.to_string(), one.name.clone()));
        let plain = config.listen.plain.iter().map(|one| ("plain", one.address.to_string(), one.name.clone()));
        // A plain listener that only redirected has a route of its own only by its name.
        let all = https.chain(http.filter(|(.., name)| name.is_some())).chain(plain);
        all.map(|(_, address, name)| (address, name)).collect()
    };
    let (before, after) = (named(before), named(after));
    let names: BTreeSet<_> = before.iter().map(|(_, name)| name.clone()).collect();
    let stays = after.iter().map(|(_, name)| name).filter(|name| names.contains(*name));
    let mut all: BTreeSet<_> = stays.map(|name| [name.clone(), name.clone()]).collect();
    for (address, name) in &before {
        let found = after.iter().find(|(other, _)| other == address);
        all.extend(found.map(|(_, now)| [name.clone(), now.clone()]));
    }
    // The defaults, and addresses that all change.
    all.insert([None, None]);
    all
}

/// A host of every kind that the patterns distinguish.
fn hosts(sets: &[&RequestMatchers]) -> BTreeSet<String> {
    let patterns = sets.iter().filter_map(|set| set.host.as_ref());
    let one = |pattern: &HostPattern| match pattern {
        HostPattern::Exact(name) => name.clone(),
        HostPattern::Below(parent) => format!("{NO_NAME}.{parent}"),
    };
    patterns.map(one).chain([NO_NAME.to_owned()]).collect()
}

/// A path of every kind that prefixes and exact paths distinguish.
fn paths(sets: &[&RequestMatchers]) -> BTreeSet<String> {
    let of = |set: &&RequestMatchers| match &set.path {
        Some(path @ (PathMatcher::Prefix(_) | PathMatcher::Exact(_))) => Some((path.example().to_owned(), set.case())),
        Some(PathMatcher::Regex(_)) | None => None,
    };
    let mut texts: BTreeSet<String> = BTreeSet::new();
    let patterns: Vec<(String, LetterCase)> = sets.iter().filter_map(of).collect();
    for (text, case) in &patterns {
        texts.insert(text.clone());
        if *case == LetterCase::Minded {
            continue;
        }
        // In letters that no other pattern has; and as far as another has them, in that one's.
        texts.insert(swapped(text));
        for (other, _) in &patterns {
            let shared = text.get(..other.len()).is_some_and(|start| start.eq_ignore_ascii_case(other));
            if shared {
                texts.extend([
                    format!("{other}{}", &text[other.len()..]),
                    format!("{other}{}", swapped(&text[other.len()..])),
                ]);
            }
        }
    }
    let mut all: BTreeSet<String> = ["/".to_owned(), format!("/{NO_NAME}")].into();
    for text in texts {
        let bare = text.trim_end_matches('/');
        all.extend([bare.to_owned(), format!("{bare}/"), format!("{bare}/{NO_NAME}"), format!("{bare}{NO_NAME}")]);
    }
    all.retain(|path| path.starts_with('/'));
    all
}

/// The text in the other case.
fn swapped(text: &str) -> String {
    let swap = |letter: char| {
        if letter.is_ascii_lowercase() { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() }
    };
    text.chars().map(swap).collect()
}

/// Every method that is named, and another.
fn methods(sets: &[&RequestMatchers]) -> Vec<Method> {
    let mut all: Vec<Method> = Vec::new();
    for method in sets.iter().flat_map(|set| &set.methods) {
        if !all.contains(method) {
            all.push(method.clone());
        }
    }
    all.extend(Method::from_bytes(NO_METHOD.as_bytes()));
    all
}

/// A client of every kind that the networks distinguish, and one without an address.
fn clients(nets: &[IpNet]) -> Vec<Option<IpAddr>> {
    let edges = nets.iter().flat_map(|net| {
        let (first, last) = (net.network(), net.broadcast());
        [Some(first), Some(last), neighbour(first, u128::wrapping_sub), neighbour(last, u128::wrapping_add)]
    });
    let (mut kinds, mut all) = (BTreeSet::new(), Vec::new());
    for client in edges.flatten().map(Some).chain([Some(Ipv4Addr::LOCALHOST.into()), None]) {
        let kind: Vec<bool> =
            nets.iter().map(|net| client.is_some_and(|client| contains(std::slice::from_ref(net), client))).collect();
        if kinds.insert((client.is_none(), kind)) {
            all.push(client);
        }
    }
    if nets.is_empty() {
        all.truncate(1);
    }
    all
}

fn neighbour(address: IpAddr, step: fn(u128, u128) -> u128) -> Option<IpAddr> {
    Some(match address {
        IpAddr::V4(address) => {
            let bits = u32::try_from(step(u128::from(address.to_bits()), 1)).ok()?;
            Ipv4Addr::from_bits(bits).into()
        }
        IpAddr::V6(address) => Ipv6Addr::from_bits(step(address.to_bits(), 1)).into(),
    })
}

/// A name that no pattern contains: hosts and paths have no control characters.
const NO_NAME: &str = "\u{1}";
/// A method that no route names.
const NO_METHOD: &str = "NO-METHOD-OF-THIS-NAME";
