//! `upstream`: several servers under one name.

use super::parser::NginxDirective;
use crate::import::draft::{DraftBalance, DraftEndpoint, DraftUpstream};
use crate::import::report::ImportReport;

/// The servers of an `upstream` block, as URLs without their scheme.
pub(super) struct NginxGroup<'a> {
    pub(super) block: &'a NginxDirective,
    endpoints: Vec<DraftEndpoint>,
    balance: DraftBalance,
    sticky: bool,
}

impl<'a> NginxGroup<'a> {
    /// Reads the block, and reports what it says.
    pub(super) fn read(block: &'a NginxDirective, report: &mut ImportReport) -> Self {
        let mut group = Self { block, endpoints: Vec::new(), balance: DraftBalance::default(), sticky: false };
        for directive in block.inner() {
            group.take(directive, report);
        }
        group
    }

    /// The server of a group that has only one.
    pub(super) fn single(&self) -> Option<&str> {
        match self.endpoints.as_slice() {
            [one] => Some(&one.url),
            _ => None,
        }
    }

    /// Whether the group has no server at all.
    pub(super) fn is_empty(&self) -> bool {
        self.endpoints.is_empty()
    }

    /// The group as one entry of `upstreams`.
    pub(super) fn upstream(&self, name: String, scheme: &str) -> DraftUpstream {
        let endpoint = |endpoint: &DraftEndpoint| match endpoint.url.strip_prefix("unix:") {
            Some(_) => endpoint.clone(),
            None => DraftEndpoint { url: format!("{scheme}://{}", endpoint.url), ..*endpoint },
        };
        DraftUpstream {
            name,
            endpoints: self.endpoints.iter().map(endpoint).collect(),
            balance: self.balance.clone(),
            sticky: self.sticky,
            health: None,
        }
    }

    fn take(&mut self, directive: &NginxDirective, report: &mut ImportReport) {
        let (place, shown) = (&directive.place, directive.shown());
        match directive.name.as_str() {
            "server" => self.server(directive, report),
            "least_conn" => {
                self.balance = DraftBalance::LeastConnections;
                report.kept(place, &shown, "upstreams: balance: least_connections");
            }
            "least_time" => {
                self.balance = DraftBalance::LeastConnections;
                report.kept(place, &shown, "upstreams: balance: least_connections, which is near to it");
            }
            "ip_hash" => {
                self.balance = DraftBalance::HashAddress;
                report.kept(place, &shown, "upstreams: balance: hash, by the client's address");
            }
            "hash" => match directive.first() {
                "$remote_addr" | "$binary_remote_addr" => {
                    self.balance = DraftBalance::HashAddress;
                    report.kept(place, &shown, "upstreams: balance: hash, by the client's address");
                }
                key => match key.strip_prefix("$http_").filter(|name| is_plain(name)) {
                    Some(name) => {
                        let name = name.replace('_', "-");
                        report.kept(place, &shown, format!("upstreams: balance: hash, by the field {name}"));
                        self.balance = DraftBalance::HashHeader(name);
                    }
                    None => report.dropped(
                        place,
                        &shown,
                        "`balance: hash` goes by the client's address or a header field, so endpoints take turns; `sticky` keeps a \
                         client at its endpoint by a cookie",
                    ),
                },
            },
            "sticky" if directive.first() == "cookie" => {
                self.sticky = true;
                report.kept(place, &shown, "upstreams: sticky, with a cookie of frontgate's own");
            }
            "sticky" => report.dropped(
                place,
                &shown,
                "no client is kept at its endpoint; `sticky` does that, with a cookie of frontgate's own",
            ),
            "random" if directive.first() == "two" => {
                self.balance = DraftBalance::RandomTwo;
                report.kept(place, &shown, "upstreams: balance: random_two");
            }
            "random" => report.not_needed(place, &shown, "endpoints take turns"),
            "keepalive" | "keepalive_requests" | "keepalive_timeout" | "keepalive_time" => {
                report.not_needed(place, &shown, "connections to the gateway are kept open as long as it keeps them");
            }
            "zone" => report.not_needed(place, &shown, "there is one process"),
            "resolver" | "resolver_timeout" => {
                report.not_needed(place, &shown, "names are looked up by the system, again for each connection");
            }
            _ => report.dropped(place, &shown, "nothing in `upstreams` is like it"),
        }
    }

    fn server(&mut self, directive: &NginxDirective, report: &mut ImportReport) {
        let (place, shown) = (&directive.place, directive.shown());
        let options: Vec<&str> = directive.args.iter().skip(1).map(String::as_str).collect();
        if options.contains(&"down") {
            return report.not_needed(place, &shown, "it is marked as down");
        }
        if options.contains(&"backup") {
            let remedy =
                "frontgate has no stand-by endpoints: add it to `endpoints` to let it take its turn, or leave it out";
            return report.dropped(place, &shown, remedy);
        }
        let endpoint = directive.first().to_owned();
        let weight = options.iter().find_map(|option| option.strip_prefix("weight=")).map_or(Ok(1), str::parse);
        if weight.is_err() {
            report.dropped(place, &shown, "its weight is no number that counts here: it gets as much as one with 1");
        }
        // nginx gives a server that is named twice its share twice.
        let weight = weight.unwrap_or(1);
        match self.endpoints.iter_mut().find(|known| known.url == endpoint) {
            Some(known) => known.weight = known.weight.saturating_add(weight),
            None => self.endpoints.push(DraftEndpoint { url: endpoint, weight }),
        }
        report.kept(place, &shown, "upstream");
        if options.iter().any(|option| option.starts_with("max_conns=")) {
            let limits = "frontgate limits connections of clients (`limits.connections`), not of endpoints";
            report.dropped(place, &shown, limits);
        }
    }
}

/// Whether the variable's part names a header field.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
