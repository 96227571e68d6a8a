//! The names of hosts: which routes each needs, and which the certificate is for.

use std::cmp::Reverse;

use super::Entry;
use super::listeners::{Group, Target};
use crate::import::draft::Draft;
use crate::import::tree::{HostName, ImportTree};

/// What answers for which name at which listeners, in the order in which routes are tried.
pub(super) fn entries(groups: &[Group]) -> Vec<Entry<'_>> {
    let mut entries: Vec<Entry<'_>> = Vec::new();
    for group in groups {
        let needed = group.hosts.iter().filter(|(host, target)| is_needed(group, host, target));
        let hosts = needed.map(|(host, target)| (Some(host.clone()), target));
        for (host, target) in hosts.chain([(None, &group.default)]) {
            let listeners = Some(group.name.clone()).filter(|name| !name.is_empty());
            let known = entries
                .iter_mut()
                .find(|entry| entry.host == host && entry.target == target && entry.only_v6 == group.only_v6);
            if let Some(entry) = known {
                entry.listeners.extend(listeners);
            } else {
                let listeners = listeners.into_iter().collect();
                entries.push(Entry { host, listeners, target, only_v6: group.only_v6 });
            }
        }
    }
    entries.sort_by_key(|entry| match &entry.host {
        Some(HostName::Exact(_)) => (0, Reverse(0)),
        Some(HostName::Below(name)) => (1, Reverse(name.len())),
        Some(HostName::Regex(_)) => (2, Reverse(0)),
        None => (3, Reverse(0)),
    });
    entries
}

/// Whether a name that leads to the default server would lead to another one without a route of its own.
fn is_needed(group: &Group, host: &HostName, target: &Target) -> bool {
    let name = match host {
        HostName::Exact(name) | HostName::Below(name) => name,
        HostName::Regex(_) => return true,
    };
    let takes = |(other, _): &(HostName, Target)| match other {
        HostName::Exact(_) => false,
        HostName::Below(parent) => other != host && name.ends_with(&format!(".{parent}")),
        HostName::Regex(_) => true,
    };
    *target != group.default || group.special.contains(host) || group.hosts.iter().any(takes)
}

/// Puts the names of the servers that speak TLS into `tls.names`.
pub(super) fn of_certificate(tree: &ImportTree, draft: &mut Draft) {
    for listener in tree.listeners.iter().filter(|listener| listener.tls) {
        for host in listener.servers.iter().flat_map(|index| &tree.servers[*index].hosts) {
            let name = match host {
                HostName::Exact(name) => name.clone(),
                HostName::Below(name) => format!("*.{name}"),
                HostName::Regex(_) => continue,
            };
            if !name.contains('_') && !draft.tls.names.contains(&name) {
                draft.tls.names.push(name);
            }
        }
    }
}
